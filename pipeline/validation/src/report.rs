//! What came of the cases: a table for people, lines of JSON for programs.

use std::fmt;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::compare::Figure;
use crate::inputs::shown;
use crate::run::{CaseReport, Outcome, Report};

impl CaseReport {
    /// The case's id, or its file where that is all there is.
    pub fn name(&self) -> String {
        let file = || self.file.file_name().map(|name| name.to_string_lossy().into_owned());
        self.id.clone().or_else(file).unwrap_or_default()
    }

    /// Figures that ran.
    pub fn figures(&self) -> &[Figure] {
        match &self.outcome {
            Outcome::Ran(figures) => figures,
            _ => &[],
        }
    }

    /// The largest deviation of a figure, without its sign.
    pub fn deviation_max(&self) -> Option<Decimal> {
        self.figures().iter().filter_map(|figure| figure.deviation).map(|deviation| deviation.abs()).max()
    }

    /// One word: pass, fail, not_run or error.
    pub fn word(&self) -> &'static str {
        match &self.outcome {
            Outcome::Ran(_) if self.passes() => "pass",
            Outcome::Ran(_) => "fail",
            Outcome::NotRun(_) => "not_run",
            Outcome::Faulty(_) => "error",
        }
    }

    /// Why there are no figures.
    pub fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Ran(_) => None,
            Outcome::NotRun(lacking) => Some(format!("the product has no {lacking} yet")),
            Outcome::Faulty(fault) => Some(format!("{}: {fault}", self.file.display())),
        }
    }

    /// The case as one object, with every figure; numbers are text.
    pub fn json(&self) -> Value {
        let number = |number: Option<Decimal>| number.map(|number| number.to_string());
        let figures = self.figures().iter().map(|figure| {
            json!({
                "figure": figure.name,
                "expected": figure.expected,
                "got": figure.got,
                "deviation": number(figure.deviation),
                "tolerance": number(figure.tolerance),
                "pass": figure.passes,
                "problem": figure.problem,
            })
        });
        json!({
            "case": self.id,
            "file": self.file.display().to_string(),
            "family": self.family,
            "outcome": self.word(),
            "reason": self.reason(),
            "deviation_max": number(self.deviation_max()),
            "figures": figures.collect::<Vec<_>>(),
        })
    }
}

impl Report {
    /// How many cases passed, failed, were not run or had errors, in words.
    pub fn summary(&self) -> String {
        let count = |word: &str| self.cases.iter().filter(|case| case.word() == word).count();
        let of =
            |word: &str, words: &str| Some(count(word)).filter(|n| *n > 0).map(|n| format!("{n} {words}"));
        let parts = [
            Some(format!("{} of {} cases pass", count("pass"), self.cases.len())),
            of("fail", "fail"),
            of("not_run", "not run"),
            of("error", "cannot be run"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A deviation in a few digits.
fn few(number: Decimal) -> String {
    number.round_sf(3).unwrap_or(number).normalize().to_string()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |words: &dyn Fn(&CaseReport) -> usize, head: &str| {
            self.cases.iter().map(words).chain([head.len()]).max().unwrap_or_default()
        };
        let family = |case: &CaseReport| case.family.clone().unwrap_or_else(|| "-".to_owned());
        let names = widest(&|case| case.name().chars().count(), "case");
        let families = widest(&|case| family(case).chars().count(), "family");
        writeln!(f, "{:names$}  {:families$}  figures    deviation  result", "case", "family")?;
        for case in &self.cases {
            let (name, family) = (case.name(), family(case));
            write!(f, "{name:names$}  {family:families$}  ")?;
            match &case.reason() {
                None => {
                    let deviation = case.deviation_max().map_or("-".to_owned(), few);
                    writeln!(f, "{:>7}  {deviation:>11}  {}", case.figures().len(), case.word())?;
                }
                Some(reason) => {
                    writeln!(f, "{:>7}  {:>11}  {}: {reason}", "-", "-", case.word().replace('_', " "))?;
                }
            }
            for figure in case.figures().iter().filter(|figure| !figure.passes) {
                writeln!(f, "  {figure}")?;
            }
        }
        writeln!(f, "{}", self.summary())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Numbers are held as text.
        let words = |value: &Value| match value {
            Value::String(text) if text.parse::<Decimal>().is_ok() => text.clone(),
            other => shown(other),
        };
        let (expected, got) = (words(&self.expected), words(&self.got));
        write!(f, "{}: expected {expected}, got {got}", self.name)?;
        if let Some((deviation, tolerance)) = self.deviation.zip(self.tolerance) {
            write!(f, ", deviation {}, tolerance {}", few(deviation), few(tolerance))?;
        }
        match &self.problem {
            Some(problem) => write!(f, " ({problem})"),
            None => Ok(()),
        }
    }
}
