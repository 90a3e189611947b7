//! Buckets: the instruments that share labels, such as all bonds, or the equities of one region. A bucket is
//! watched like an instrument whose value is the sum of its members' and whose target is the sum of theirs.
//!
//! A bucket is named by its labels, `asset_class:bond` or `asset_class:equity/region:au`, the dimensions in the
//! order of [`DIMENSIONS`], each at most once. Paths make a tree: a bucket lies within each shorter path.

use serde::{Deserialize, Serialize};

/// What instruments are labelled by.
pub const DIMENSIONS: [&str; 3] = ["asset_class", "region", "sector"];

/// One label, by order of first use.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label(pub u32);

impl Label {
    /// No label, or any.
    pub const NONE: Label = Label(0);
}

/// Labels by dimension: those of an instrument, or those that a bucket asks for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Labels(pub [Label; DIMENSIONS.len()]);

impl Labels {
    /// Whether an instrument of these labels belongs to a bucket that asks for `wanted`.
    pub fn belong_to(self, wanted: Labels) -> bool {
        self.0.iter().zip(wanted.0).all(|(label, wanted)| wanted == Label::NONE || *label == wanted)
    }
}

/// A label as names of buckets write it: lower case, with `_` for what they cannot hold. `None` when empty.
pub(crate) fn label_text(label: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let text: String = label.trim().chars().map(|c| plain(c.to_ascii_lowercase())).collect();
    Some(text).filter(|text| !text.is_empty())
}

/// The labels that a bucket's name asks for, by dimension. `None` when it is not the name of a bucket.
pub(crate) fn labels_wanted(name: &str) -> Option<[Option<&str>; DIMENSIONS.len()]> {
    let mut wanted = [None; DIMENSIONS.len()];
    let mut free = 0;
    for step in name.split('/') {
        let (dimension, label) = step.split_once(':')?;
        let at = DIMENSIONS.iter().position(|known| *known == dimension).filter(|at| *at >= free)?;
        if label_text(label).as_deref() != Some(label) {
            return None;
        }
        wanted[at] = Some(label);
        free = at + 1;
    }
    Some(wanted)
}

#[cfg(test)]
mod tests {
    use crate::{Name, Names};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_path_asks_for_all_of_its_labels() {
        let mut names = Names::default();
        let equity = names.labels("Equity", "AU", "Health Care");
        let bond = names.labels("bond", "AU", "");
        for (bucket, of_equity, of_bond) in [
            ("asset_class:equity", true, false),
            ("asset_class:equity/region:au", true, false),
            ("asset_class:equity/region:us", false, false),
            ("region:au", true, true),
            ("asset_class:equity/sector:health_care", true, false),
        ] {
            let (_, wanted) = names.intern_bucket(&name(bucket)).unwrap();
            assert_eq!((equity.belong_to(wanted), bond.belong_to(wanted)), (of_equity, of_bond), "{bucket}");
        }
    }

    #[test]
    fn what_is_not_a_bucket_is_refused() {
        let mut names = Names::default();
        for bad in [
            "equity",
            "class:equity",
            "region:au/asset_class:equity",
            "region:au/region:us",
            "region:",
            "region:AU",
        ] {
            assert!(names.intern_bucket(&name(bad)).is_none(), "{bad}");
        }
        assert!(names.intern_bucket(&name("ASX:BHP")).is_none(), "a ticker may have a colon");
    }
}
