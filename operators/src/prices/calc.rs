use std::collections::BTreeMap;

use evenkeel_schemas::{Quantity, TradeDate, div_half_even};

use crate::facts::{Observation, Version};

#[derive(Copy, Clone, Debug)]
struct Rung {
    value: i64,
    correctable_until: u64,
    count: isize,
}

/// The observations of one feed that are, or by a correction may become, the current one.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rungs: BTreeMap<Version, Rung>,
    /// The greatest running number seen: later corrections have greater ones.
    newest: u64,
    /// Splits whose ex date has come, in order.
    splits: Vec<(SplitTerms, isize)>,
}

/// A split: `old` units become `new` on a day.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SplitTerms {
    /// First day on the new basis.
    pub ex_date: TradeDate,
    /// Orders splits of one day.
    pub number: u64,
    /// Units after.
    pub new: Quantity,
    /// Units before.
    pub old: Quantity,
}

impl Ladder {
    /// Counts an observation in or out. Changes of one epoch may come in any order, so an observation may
    /// be counted out before it is counted in.
    pub fn update(&mut self, observation: &Observation, diff: isize) {
        let Observation { version, value, correctable_until, .. } = *observation;
        self.newest = self.newest.max(version.number);
        let rung = self.rungs.entry(version).or_insert(Rung { value, correctable_until, count: 0 });
        rung.count += diff;
        if rung.count == 0 {
            self.rungs.remove(&version);
        }
    }

    /// Counts a split in or out.
    pub fn split(&mut self, split: SplitTerms, diff: isize) {
        match self.splits.binary_search_by_key(&split, |(known, _)| *known) {
            Ok(at) => {
                self.splits[at].1 += diff;
                if self.splits[at].1 == 0 {
                    self.splits.remove(at);
                }
            }
            Err(at) => self.splits.insert(at, (split, diff)),
        }
    }

    /// The raw price or rate that holds: the current observation, on the basis of the splits that came after it.
    pub fn current(&self) -> Option<i64> {
        let (version, rung) = self.rungs.iter().rev().find(|(_, rung)| rung.count > 0)?;
        if self.splits.is_empty() {
            return Some(rung.value);
        }
        let observed = version.at.date();
        let since = self.splits.iter().filter(|(split, count)| *count > 0 && split.ex_date > observed);
        let value = since.fold(i128::from(rung.value), |value, (split, _)| {
            let restated = value * i128::from(split.old.raw());
            // A price stays above zero.
            div_half_even(restated, i128::from(split.new.raw().max(1))).clamp(1, i64::MAX.into())
        });
        i64::try_from(value).ok()
    }

    /// Forgets what can never become current again: everything below the newest observation that no
    /// correction can take away any more.
    pub fn prune(&mut self) {
        let newest = self.newest;
        let fixed =
            self.rungs.iter().rev().find(|(_, rung)| rung.correctable_until <= newest && rung.count > 0);
        if let Some((&version, _)) = fixed
            && self.rungs.first_key_value().is_some_and(|(first, _)| *first < version)
        {
            self.rungs = self.rungs.split_off(&version);
        }
    }

    /// How many observations are kept.
    pub fn len(&self) -> usize {
        self.rungs.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.rungs.is_empty() && self.splits.is_empty()
    }
}
