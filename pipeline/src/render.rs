//! Output lines: one change of one row, as `replay` writes it.

use std::collections::BTreeMap;
use std::fmt::Write;

use evenkeel_schemas::{Collection, Names};

use crate::engine::Closed;

/// The lines of an epoch by collection, sorted by row and difference.
pub fn lines(closed: &Closed, names: &Names) -> BTreeMap<Collection, Vec<String>> {
    let mut rows: BTreeMap<Collection, Vec<(String, isize)>> = BTreeMap::new();
    closed.each_single(|row, diff| {
        let mut text = String::with_capacity(96);
        row.render(names, &mut text);
        rows.entry(row.collection()).or_default().push((text, diff));
    });
    let epoch = closed.epoch;
    let finish = |mut rows: Vec<(String, isize)>| {
        rows.sort_unstable();
        let line = |(text, diff): (String, isize)| {
            let mut line = String::with_capacity(text.len() + 40);
            let _ = write!(line, "{{\"epoch\":{epoch},\"diff\":{diff},{text}}}");
            line
        };
        rows.into_iter().map(line).collect()
    };
    rows.into_iter().map(|(collection, rows)| (collection, finish(rows))).collect()
}
