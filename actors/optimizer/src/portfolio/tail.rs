//! Which scenarios a program of CVaR needs: those in the tail of its own answer. A scenario without a row is one
//! that never loses more than the value at risk, so a program with some of them is a relaxation; when none
//! outside would be in the tail, its answer is that of all (rows added as they are violated, as Künzi-Bay and
//! Mayer, "Computational Aspects of Minimizing Conditional Value-at-Risk", 2006, add cuts).

use std::collections::BTreeSet;

use super::measure::{Measure, tail_mean, worst};
use super::task::Task;

/// Scenarios at the start, and added at least, by the size of the tail.
const TAILS: f64 = 2.0;
/// A measure that is this near its value over the chosen scenarios counts all that matter.
const SAME: f64 = 1e-11;

/// The task with the scenarios that are worst for equal weights; nothing if all are needed anyway.
pub(crate) fn start<'a>(task: &Task<'a>) -> Option<Task<'a>> {
    let n = task.problem.names.len();
    let equal = vec![task.problem.invested / n as f64; n];
    let mut rows = BTreeSet::new();
    let mut most = 0;
    for measure in task.measures() {
        if let Measure::Cvar { scenarios, confidence } = measure {
            rows.extend(worst(scenarios, &equal, tail(scenarios.nrows(), *confidence)));
            most = most.max(scenarios.nrows());
        }
    }
    let few = !rows.is_empty() && rows.len() * 2 < most;
    few.then(|| Task { scenarios: Some(rows), ..task.clone() })
}

fn tail(scenarios: usize, confidence: f64) -> usize {
    ((1.0 - confidence) * scenarios as f64 * TAILS - 1e-9).ceil() as usize
}

/// Adds the scenarios that are worst for these weights; false if that changes nothing.
pub(crate) fn grow(task: &mut Task<'_>, weights: &[f64]) -> bool {
    let Some(rows) = &task.scenarios else { return false };
    let mut more = BTreeSet::new();
    for measure in task.measures() {
        let Measure::Cvar { scenarios, confidence } = measure else { continue };
        let tail = tail(scenarios.nrows(), *confidence);
        let missing = worst(scenarios, weights, tail).into_iter().filter(|at| !rows.contains(at));
        let missing: Vec<usize> = missing.collect();
        // Only the tail itself counts, and only what it changes.
        let own = worst(scenarios, weights, tail.div_ceil(2)).iter().any(|at| !rows.contains(at));
        let apart = measure.value(task.problem, weights) - known(scenarios, *confidence, rows, weights);
        let size = scenarios.iter().fold(0.0_f64, |most, r| most.max(r.abs()));
        if own && apart > SAME * size {
            more.extend(missing);
        }
    }
    let Some(rows) = task.scenarios.as_mut().filter(|_| !more.is_empty()) else { return false };
    rows.append(&mut more);
    true
}

/// The mean of the tail when the scenarios without rows lose no more than the value at risk among the others.
fn known(scenarios: &ndarray::Array2<f64>, confidence: f64, rows: &BTreeSet<usize>, weights: &[f64]) -> f64 {
    let loss = |at: &usize| -scenarios.row(*at).iter().zip(weights).map(|(r, w)| r * w).sum::<f64>();
    // Two measures may have different numbers of scenarios.
    let own = rows.iter().filter(|at| **at < scenarios.nrows());
    let mut losses: Vec<f64> = own.map(loss).collect();
    losses.sort_by(|a, b| b.total_cmp(a));
    tail_mean(&losses, (1.0 - confidence) * scenarios.nrows() as f64)
}
