//! The four pods, as data with dates.
//!
//! A table holds from its date until one with a later date. The table that comes with the program is
//! `actors/advice/pods/2025-11-15.toml`; a desk that changes a limit brings a table of the same form.

use evenkeel_schemas::events::{PodId, PodObjective};
use evenkeel_schemas::{Name, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::words::words;

/// The tables that come with the program.
const BUILT_IN: [(&str, &str); 1] = [("2025-11-15.toml", include_str!("../pods/2025-11-15.toml"))];

words! {
    /// How often a pod is reviewed.
    Cadence {
        /// Every month.
        Monthly = "monthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Every six months.
        SemiAnnual = "semi_annual",
    }
}

impl Cadence {
    /// Months between two reviews.
    pub fn months(self) -> u32 {
        match self {
            Cadence::Monthly => 1,
            Cadence::Quarterly => 3,
            Cadence::SemiAnnual => 6,
        }
    }

    /// The first review after `after`, of those that lie whole cadences after `anchor`, the day the pod was
    /// set up. Counting from the anchor keeps the day of the month: 31 January, 28 February, 31 March. A
    /// calendar date; the session calendar says when it can be traded. `None` after the year 2199.
    pub fn next_review(self, anchor: TradeDate, after: TradeDate) -> Option<TradeDate> {
        let passed = crate::dates::whole_months(anchor, after) / self.months();
        let first = passed.checked_mul(self.months())?;
        (0..=1).find_map(|more| {
            let review = anchor.plus_months(i32::try_from(first.checked_add(more * self.months())?).ok()?)?;
            (review > after && review > anchor).then_some(review)
        })
    }
}

/// A pod's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pod {
    /// Which pod.
    pub pod: PodId,
    /// What its optimisation is after.
    pub objective: PodObjective,
    /// Most volatility a year.
    pub volatility_max: Ratio,
    /// Least liquidity score, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity_min: Option<Ratio>,
    /// Least distribution yield a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yield_min: Option<Ratio>,
    /// How often it is reviewed.
    pub cadence: Cadence,
    /// The fall from its peak that stops it, as a positive ratio: 0.03 is 3%.
    pub circuit_breaker: Ratio,
    /// What it may hold.
    pub universe: Vec<Name>,
}

/// Whether a pod's circuit breaker has tripped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// Whether the drawdown is at the limit or beyond.
    pub tripped: bool,
    /// NAV / running peak − 1, 0 or less.
    pub drawdown: Ratio,
    /// The drawdown that trips it, below 0.
    pub limit: Ratio,
    /// In words.
    pub explanation: String,
}

impl Pod {
    /// Holds a drawdown (NAV / running peak of the flow-adjusted index − 1) against the pod's breaker. At the
    /// limit it trips.
    ///
    /// # Errors
    /// A drawdown outside −1 to 0.
    pub fn breaker(&self, drawdown: Ratio) -> Result<Breaker, PodError> {
        if !(-Ratio::ONE..=0).contains(&drawdown.raw()) {
            return Err(PodError::Drawdown { pod: self.pod, got: drawdown });
        }
        let limit = Ratio::from_raw(-self.circuit_breaker.raw());
        let tripped = drawdown <= limit;
        let verb = if tripped { "has tripped" } else { "holds" };
        let explanation = format!(
            "{} ({}) stands {drawdown} from its peak; its breaker, at {limit}, {verb}.",
            self.pod,
            self.pod.name()
        );
        Ok(Breaker { tripped, drawdown, limit, explanation })
    }
}

/// What is wrong with a table of pods, or with what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PodError {
    /// A table is not what it should be.
    #[error("pods {table}: {problem}")]
    Table {
        /// Its name.
        table: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// No table is in force on the day.
    #[error("no table of pods for {on}: the first begins on {first}")]
    NoTable {
        /// The day.
        on: TradeDate,
        /// Where the first table begins.
        first: String,
    },
    /// Not a drawdown.
    #[error("{pod}: expected a drawdown from -1 to 0, got {got}")]
    Drawdown {
        /// The pod.
        pod: PodId,
        /// What was given.
        got: Ratio,
    },
}

/// The pods from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodTable {
    /// First day in force.
    pub from: TradeDate,
    /// Pods 1 to 4, in this order.
    pub pods: Vec<Pod>,
}

impl PodTable {
    /// Reads and checks a table.
    ///
    /// # Errors
    /// A field that is missing, unknown or not of its form; pods other than POD1 to POD4 in order; a limit
    /// outside 0 to 1; a universe that is empty or names something twice.
    pub fn read(table: &str, text: &str) -> Result<PodTable, PodError> {
        let wrong = |problem: String| PodError::Table { table: table.to_owned(), problem };
        let read: PodTable = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
        let pods: Vec<PodId> = read.pods.iter().map(|pod| pod.pod).collect();
        if pods != PodId::ALL {
            return Err(wrong(
                "pods: expected POD1, POD2, POD3 and POD4, each once, in this order".to_owned(),
            ));
        }
        for pod in &read.pods {
            check(pod).map_err(wrong)?;
        }
        Ok(read)
    }

    /// The terms of a pod.
    pub fn pod(&self, pod: PodId) -> Option<&Pod> {
        self.pods.get(pod.index())
    }
}

fn check(pod: &Pod) -> Result<(), String> {
    let id = pod.pod;
    let ratios = [
        ("volatility_max", Some(pod.volatility_max)),
        ("liquidity_min", pod.liquidity_min),
        ("yield_min", pod.yield_min),
        ("circuit_breaker", Some(pod.circuit_breaker)),
    ];
    for (field, ratio) in ratios {
        if ratio.is_some_and(|ratio| !(1..=Ratio::ONE).contains(&ratio.raw())) {
            return Err(format!("{id}.{field}: expected a ratio above 0 and at most 1"));
        }
    }
    let mut universe = pod.universe.clone();
    universe.sort();
    universe.dedup();
    if universe.is_empty() || universe.len() != pod.universe.len() {
        return Err(format!("{id}.universe: expected at least one instrument, each once"));
    }
    Ok(())
}

/// The table of those that come with the program that is in force on a day.
///
/// # Errors
/// [`PodError::NoTable`] before the first.
pub fn pods_on(on: TradeDate) -> Result<PodTable, PodError> {
    let tables: Result<Vec<PodTable>, PodError> =
        BUILT_IN.iter().map(|(name, text)| PodTable::read(name, text)).collect();
    in_force(on, tables?)
}

/// The one of `tables` that is in force on a day: the latest that has begun.
///
/// # Errors
/// [`PodError::NoTable`] when none has.
pub fn in_force(on: TradeDate, tables: Vec<PodTable>) -> Result<PodTable, PodError> {
    let first = tables.iter().map(|table| table.from).min();
    let begun = tables.into_iter().filter(|table| table.from <= on).max_by_key(|table| table.from);
    begun.ok_or_else(|| PodError::NoTable {
        on,
        first: first.map_or_else(|| "no day at all".to_owned(), |from| from.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> TradeDate {
        text.parse().unwrap()
    }

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    #[test]
    fn the_built_in_table_is_the_designs() {
        let table = pods_on(date("2026-01-01")).unwrap();
        let terms: Vec<(&str, &str, String, Cadence, String, usize)> = table
            .pods
            .iter()
            .map(|p| {
                let (most, breaker) = (p.volatility_max.to_string(), p.circuit_breaker.to_string());
                (p.pod.name(), p.objective.as_str(), most, p.cadence, breaker, p.universe.len())
            })
            .collect();
        let row = |name, objective, most: &str, cadence, breaker: &str, held| {
            (name, objective, most.to_owned(), cadence, breaker.to_owned(), held)
        };
        assert_eq!(
            terms,
            [
                row("Preservation", "minimise_volatility", "0.1", Cadence::Monthly, "0.03", 4),
                row("Income", "maximise_after_tax_yield", "0.15", Cadence::Quarterly, "0.05", 6),
                row("Growth", "maximise_sharpe", "0.25", Cadence::SemiAnnual, "0.15", 6),
                row("Opportunistic", "maximise_return", "0.35", Cadence::Monthly, "0.2", 7),
            ]
        );
        assert_eq!(table.pods[0].liquidity_min, Some(ratio("0.8")));
        assert_eq!(table.pods[1].yield_min, Some(ratio("0.04")));
    }

    #[test]
    fn a_table_holds_until_the_next() {
        assert!(matches!(pods_on(date("2025-11-14")), Err(PodError::NoTable { .. })));
        let first = pods_on(date("2025-11-15")).unwrap();
        let mut second = first.clone();
        second.from = date("2026-07-01");
        let at = |day| in_force(date(day), vec![second.clone(), first.clone()]).unwrap().from;
        assert_eq!(at("2026-06-30"), first.from);
        assert_eq!(at("2026-07-01"), second.from);
    }

    #[test]
    fn a_bad_table_is_refused_with_its_field() {
        let text = BUILT_IN[0].1;
        let refusals = [
            (text.replace("circuit_breaker = \"0.03\"", "circuit_breaker = \"-0.03\""), "circuit_breaker"),
            (text.replace("\"POD3\"", "\"POD2\""), "each once"),
            (text.replace("\"VGB\", \"VAS\"", "\"VAS\", \"VAS\""), "POD1.universe"),
            (text.replace("monthly", "daily"), "daily"),
            (text.replace("liquidity_min", "liquidity"), "liquidity"),
        ];
        for (text, word) in refusals {
            let refusal = PodTable::read("t", &text).unwrap_err().to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }

    #[test]
    fn the_breaker_trips_at_its_limit() {
        let table = pods_on(date("2026-01-01")).unwrap();
        let growth = table.pod(PodId::Growth).unwrap();
        assert!(!growth.breaker(ratio("-0.149999999")).unwrap().tripped);
        assert!(growth.breaker(ratio("-0.15")).unwrap().tripped);
        assert!(!growth.breaker(Ratio::ZERO).unwrap().tripped);
        assert!(growth.breaker(ratio("0.01")).is_err());
        assert!(growth.breaker(ratio("-1.000000001")).is_err());
    }

    #[test]
    fn reviews_keep_the_day_of_the_month() {
        let next = |cadence: Cadence, after| {
            cadence.next_review(date("2026-01-31"), date(after)).map(|review| review.to_string())
        };
        let cases = [
            (Cadence::Monthly, "2026-01-31", "2026-02-28"),
            (Cadence::Monthly, "2026-02-27", "2026-02-28"),
            (Cadence::Monthly, "2026-02-28", "2026-03-31"),
            (Cadence::Quarterly, "2026-01-31", "2026-04-30"),
            (Cadence::Quarterly, "2026-04-30", "2026-07-31"),
            (Cadence::SemiAnnual, "2026-12-01", "2027-01-31"),
            // Before it is set up, the first review is still a cadence after it is.
            (Cadence::Monthly, "2025-01-01", "2026-02-28"),
        ];
        for (cadence, after, review) in cases {
            assert_eq!(next(cadence, after).as_deref(), Some(review), "{cadence} after {after}");
        }
        assert_eq!(Cadence::Monthly.next_review(date("2199-12-31"), date("2199-12-31")), None);
    }
}
