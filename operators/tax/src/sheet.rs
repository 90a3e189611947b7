//! The lines of a report: each figure with its rule and what it comes from.

use std::collections::BTreeSet;

use evenkeel_schemas::Money;
use serde::{Deserialize, Serialize};

/// A figure of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its name in the report, unique there, such as `net_capital_gain` or `credit/E-17`.
    pub id: String,
    /// What it is, for people.
    pub label: String,
    /// AUD.
    pub amount: Money,
    /// The rule, with its source.
    pub rule: String,
    /// What it comes from: `event:ID`, `input:FIELD`, `law:YEAR`, or the id of an earlier line.
    pub from: Vec<String>,
}

/// Lines as they are written down.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    lines: Vec<Line>,
    ids: BTreeSet<String>,
}

impl Sheet {
    /// Writes a line down; gives its id, with a number behind it if the id is taken.
    pub(crate) fn line(
        &mut self,
        id: impl Into<String>,
        label: impl Into<String>,
        amount: Money,
        rule: &str,
        from: Vec<String>,
    ) -> String {
        let wanted = id.into();
        let mut id = wanted.clone();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{wanted}~{number}");
        }
        self.lines.push(Line { id: id.clone(), label: label.into(), amount, rule: rule.to_owned(), from });
        id
    }

    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }
}

/// How an event is named in [`Line::from`].
pub(crate) fn event(id: &str) -> String {
    format!("event:{id}")
}

/// How a field of the input is named in [`Line::from`].
pub(crate) fn input(field: &str) -> String {
    format!("input:{field}")
}
