//! What an import did not take, and why.

use std::collections::BTreeMap;
use std::fmt;

use evenkeel_schemas::Name;

/// Problems kept in words; beyond it they are counted only.
const MOST_KEPT: usize = 10_000;

/// One row that was not as its format says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column.
    pub field: String,
    /// What was expected and what was there.
    pub reason: String,
}

impl Problem {
    pub(super) fn new(file: &str, line: u64, field: &str, reason: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), line, field: field.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}, {}: {}", self.file, self.line, self.field, self.reason)
    }
}

/// What came of one or more imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events given, listings included.
    pub events: u64,
    /// Events by kind: the type, for postings of cash and fills with what they are, as in `fill buy`.
    pub counts: BTreeMap<&'static str, u64>,
    /// Instruments listed.
    pub listed: Vec<Name>,
    /// Prices rounded from more than six decimals.
    pub rounded: u64,
    /// Rows skipped.
    pub skipped: u64,
    /// The first of them, with reasons.
    pub skips: Vec<Problem>,
    /// Prices kept that are far from the one before; rows kept that contradict themselves.
    pub suspects: Vec<Problem>,
    /// Rows kept with something added that the file does not say.
    pub assumed: Vec<Problem>,
    /// Rows by which nothing moves.
    pub ignored: Vec<Problem>,
}

impl Report {
    pub(super) fn skip(&mut self, problem: Problem) {
        self.skipped += 1;
        if self.skips.len() < MOST_KEPT {
            self.skips.push(problem);
        }
    }

    pub(super) fn assume(&mut self, problem: Problem) {
        if self.assumed.len() < MOST_KEPT {
            self.assumed.push(problem);
        }
    }

    pub(super) fn ignore(&mut self, problem: Problem) {
        if self.ignored.len() < MOST_KEPT {
            self.ignored.push(problem);
        }
    }

    pub(super) fn suspect(&mut self, problem: Problem) {
        if self.suspects.len() < MOST_KEPT {
            self.suspects.push(problem);
        }
    }
}
