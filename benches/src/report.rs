//! Figures with what they need to mean something.

use serde::Serialize;
use statrs::statistics::{Data, Max, Median, Min, OrderStatistics};

use crate::machine::{Machine, commit, load};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What the README's figures are taken with.
    Full,
    /// A few seconds each: to see that everything works and roughly where it stands.
    Quick,
}

impl Scale {
    /// One of two sizes.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Quick => quick,
        }
    }
}

/// One figure over its runs.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    name: String,
    unit: &'static str,
    median: f64,
    least: f64,
    most: f64,
    runs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<String>,
}

impl Figure {
    /// A figure of one value a run, at least one.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, runs: &[f64]) -> Figure {
        let all = Data::new(runs.to_vec());
        let (median, least, most) = (all.median(), all.min(), all.max());
        Figure { name: name.into(), unit, median, least, most, runs: runs.len(), wanted: None }
    }

    /// A figure that stands for itself.
    pub(crate) fn one(name: impl Into<String>, unit: &'static str, value: f64) -> Figure {
        Figure::new(name, unit, &[value])
    }

    /// The same with what is asked of it, in words.
    pub(crate) fn wanted(mut self, wanted: &str) -> Figure {
        self.wanted = Some(wanted.to_owned());
        self
    }
}

/// What a bench found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    bench: &'static str,
    commit: String,
    machine: Machine,
    load_after: f64,
    date: String,
    data: String,
    seed: u64,
    sketch: &'static str,
    checked: Vec<String>,
    figures: Vec<Figure>,
}

impl Report {
    /// An empty report, made before the bench runs.
    pub(crate) fn begin(bench: &'static str, seed: u64, sketch: &'static str) -> Report {
        let date = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Report {
            bench,
            commit: commit(),
            machine: Machine::look(),
            load_after: f64::NAN,
            date,
            data: String::new(),
            seed,
            sketch,
            checked: Vec::new(),
            figures: Vec::new(),
        }
    }

    pub(crate) fn data(&mut self, data: impl Into<String>) {
        self.data = data.into();
    }

    pub(crate) fn checked(&mut self, what: impl Into<String>) {
        self.checked.push(what.into());
    }

    pub(crate) fn figure(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn end(mut self) -> Report {
        self.load_after = load();
        self
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Machine { cpu, cores, memory_mib, load } = &self.machine;
        writeln!(f, "{}: {} (seed {})", self.bench, self.data, self.seed)?;
        writeln!(f, "  {} · commit {} · {cpu}, {cores} cores, {memory_mib} MiB", self.date, self.commit)?;
        writeln!(
            f,
            "  load {load:.1} before, {:.1} after; checked: {}",
            self.load_after,
            self.checked.join("; ")
        )?;
        writeln!(f, "  {:<44}{:>14}{:>14}{:>14}  {:<10} runs", "", "median", "least", "most", "unit")?;
        for figure in &self.figures {
            let Figure { name, unit, median, least, most, runs, wanted } = figure;
            let wanted = wanted.as_deref().map(|wanted| format!(" (asked: {wanted})")).unwrap_or_default();
            let number = |value: f64| plain(value);
            let (median, least, most) = (number(*median), number(*least), number(*most));
            writeln!(f, "  {name:<44}{median:>14}{least:>14}{most:>14}  {unit:<10} {runs}{wanted}")?;
        }
        writeln!(f, "  should cost: {}", self.sketch)
    }
}

/// Whole numbers from a thousand on, three digits below.
fn plain(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => {
            let digits = format!("{value:.0}");
            let groups: Vec<&str> =
                digits.as_bytes().rchunks(3).rev().filter_map(|g| str::from_utf8(g).ok()).collect();
            groups.join(",")
        }
        medium if medium >= 100.0 => format!("{value:.0}"),
        small if small >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which `share` of the values lie, interpolated (Hyndman and Fan's definition 8); the largest for
/// a share that so few cannot show.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    Data::new(values.to_vec()).quantile(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_of_its_runs() {
        let figure = Figure::new("rate", "rows/s", &[5.0, 1.0, 2.0, 4.0]);
        assert_eq!((figure.median, figure.least, figure.most), (3.0, 1.0, 5.0));
        assert_eq!(plain(1_234_567.4), "1,234,567");
        assert_eq!(plain(0.25), "0.250");
    }

    #[test]
    fn quantiles_of_few_values_are_their_largest() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!((quantile(&values, 0.5) - 50.5).abs() < 1e-9);
        assert_eq!(quantile(&values, 0.999), 100.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
