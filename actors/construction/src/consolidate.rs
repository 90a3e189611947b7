//! Step 5, first half: what all pods want together, and what several of them want.

use std::collections::BTreeMap;

use evenkeel_advice::PodId;
use evenkeel_schemas::{Money, Name, Ratio, div_half_even};
use serde::{Deserialize, Serialize};

use crate::pod::PodSolution;
use crate::shares::money_by_weight;

/// An instrument that at least one pod wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsolidatedHolding {
    /// What.
    pub instrument: Name,
    /// Money of all pods in it, whole cents.
    pub total_value: Money,
    /// Share of all capital, nine decimals, half-even.
    pub weight: Ratio,
    /// The pods that want it.
    pub pods: Vec<PodId>,
    /// Its weight in each of them.
    pub weights_by_pod: BTreeMap<PodId, Ratio>,
    /// Whether more than one pod wants it.
    pub duplicate: bool,
}

/// All pods together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consolidated {
    /// By instrument.
    pub holdings: Vec<ConsolidatedHolding>,
    /// Money of all pods.
    pub total_value: Money,
    /// How many instruments there are.
    pub unique: usize,
    /// Those that more than one pod wants.
    pub duplicated: Vec<Name>,
    /// In a sentence.
    pub explanation: String,
}

/// Merges pods with their capital. A pod's capital is divided to whole cents by largest remainders, so that values sum
/// to the capital of all pods that have a solution. Pods without capital want nothing. `None` when the sum is beyond
/// the range of money.
pub fn consolidate<'s>(pods: impl IntoIterator<Item = (&'s PodSolution, Money)>) -> Option<Consolidated> {
    let mut held: BTreeMap<Name, (Money, BTreeMap<PodId, Ratio>)> = BTreeMap::new();
    let mut total_value = Money::ZERO;
    for (solution, capital) in pods.into_iter().filter(|(_, capital)| *capital > Money::ZERO) {
        total_value = total_value.checked_add(capital)?;
        let weights: Vec<i64> = solution.weights.values().map(|weight| weight.raw()).collect();
        let (values, _) = money_by_weight(capital, &weights);
        for ((name, weight), value) in solution.weights.iter().zip(values) {
            let (sum, by_pod) = held.entry(name.clone()).or_default();
            *sum = sum.checked_add(value)?;
            by_pod.insert(solution.pod, *weight);
        }
    }
    let share = |value: Money| {
        let raw = i128::from(value.raw()) * i128::from(Ratio::ONE);
        Ratio::from_wide(div_half_even(raw, i128::from(total_value.raw().max(1)))).unwrap_or(Ratio::ZERO)
    };
    let holdings: Vec<ConsolidatedHolding> = held
        .into_iter()
        .map(|(instrument, (total_value, weights_by_pod))| ConsolidatedHolding {
            instrument,
            total_value,
            weight: share(total_value),
            pods: weights_by_pod.keys().copied().collect(),
            duplicate: weights_by_pod.len() > 1,
            weights_by_pod,
        })
        .collect();
    let duplicated: Vec<Name> =
        holdings.iter().filter(|holding| holding.duplicate).map(|h| h.instrument.clone()).collect();
    let names: Vec<String> = duplicated.iter().map(ToString::to_string).collect();
    let unique = holdings.len();
    let explanation = match names.as_slice() {
        [] => format!("The pods want {unique} instruments, none of them twice."),
        names => format!(
            "The pods want {unique} instruments; more than one pod wants {}.",
            crate::words::listed(names)
        ),
    };
    Some(Consolidated { holdings, total_value, unique, duplicated, explanation })
}
