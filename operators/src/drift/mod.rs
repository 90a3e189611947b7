//! Weights against targets.
//!
//! Computes  w = MV/NAV, d = w − target per instrument held or targeted, and whether |d| is beyond its band; the
//!           same for the buckets that targets name, whose value and target are the sums of their members'
//! Inputs    worths: (CustomerId, Worth), one per key; values: (CustomerId, (InstrumentId, Value)), one per
//!           instrument; targets: (CustomerId, TargetSet), one per key; labels: (CustomerId, (InstrumentId,
//!           Labels)), of what customers watched by bucket hold or target, any number per instrument
//! Outputs   standings: (CustomerId, Standing), one per instrument and bucket; no_nav: (CustomerId, Money)
//! Units     Ratio, scale 10⁻⁹, rounded half-even; the band test itself is exact, on integers
//! Errors    NAV of zero or less: no standings, a row in no_nav; no worth or no targets: nothing
//! State     worths, values and targets by customer in one arrangement; O(holdings) work per changed customer
//! Time      follows the input epoch
//! Source    threshold rebalancing with tolerance bands; DESIGN §4, §5

mod calc;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{CustomerId, InstrumentId, Labels, Money, Standing, Value, Worth};

pub use calc::standings;

use crate::facts::TargetSet;
use crate::typedefs::Rows;

/// What [`drift`] maintains.
pub struct Drift<'s> {
    /// Where each instrument stands.
    pub standings: Rows<'s, (CustomerId, Standing)>,
    /// Customers whose NAV is not positive.
    pub no_nav: Rows<'s, (CustomerId, Money)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
enum Line {
    Worth(Worth),
    Value(InstrumentId, Value),
    Targets(Arc<TargetSet>),
    Labels(InstrumentId, Labels),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Standing(Standing),
    NoNav(Money),
}

/// Maintains weights, drifts and breaches.
pub fn drift<'s>(
    worths: Rows<'s, (CustomerId, Worth)>,
    values: Rows<'s, (CustomerId, (InstrumentId, Value))>,
    targets: Rows<'s, (CustomerId, Arc<TargetSet>)>,
    labels: Rows<'s, (CustomerId, (InstrumentId, Labels))>,
) -> Drift<'s> {
    let lines = worths
        .map(|(c, worth)| (c, Line::Worth(worth)))
        .concat(values.map(|(c, (i, value))| (c, Line::Value(i, value))))
        .concat(targets.map(|(c, set)| (c, Line::Targets(set))))
        .concat(labels.map(|(c, (i, labels))| (c, Line::Labels(i, labels))));
    let answers = lines.reduce_named("drift", |_, lines, out| {
        let (mut nav, mut targets, mut values) = (None, None, Vec::new());
        let mut labelled = BTreeMap::new();
        for (line, _) in lines {
            match line {
                Line::Worth(worth) => nav = Some(worth.nav),
                Line::Value(instrument, value) => values.push((*instrument, *value)),
                Line::Targets(set) => targets = Some(set),
                Line::Labels(instrument, labels) => drop(labelled.insert(*instrument, *labels)),
            }
        }
        let Some(nav) = nav else { return };
        if nav <= Value::ZERO {
            // Worth guarantees that NAV is a Money.
            out.push((Answer::NoNav(nav.to_money().unwrap_or_default()), 1));
        } else if let Some(targets) = targets {
            let labels = |i| labelled.get(&i).copied().unwrap_or_default();
            let standings = standings(nav, &values, targets, labels);
            out.extend(standings.into_iter().map(|s| (Answer::Standing(s), 1)));
        }
    });
    let no_nav = answers.clone().flat_map(|(c, answer)| match answer {
        Answer::NoNav(nav) => Some((c, nav)),
        Answer::Standing(_) => None,
    });
    let standings = answers.flat_map(|(c, answer)| match answer {
        Answer::Standing(standing) => Some((c, standing)),
        Answer::NoNav(_) => None,
    });
    Drift { standings, no_nav }
}
