//! A smallest set of constraints that cannot hold together: the solver's proof of infeasibility says where to
//! look, then each constraint is left out in turn, for good if the rest still conflicts (the deletion filter of
//! Chinneck and Dravnieks, "Locating Minimal Infeasible Constraint Sets in Linear Programs", 1991).

use std::collections::BTreeSet;

use super::answer::Conflict;
use super::model::{Choices, Model};
use super::problem::SearchLimits;
use super::search::{Found, search};
use super::task::{Named, Task};
use super::words::describe;
use crate::conic::Proof;

/// Multipliers of a proof below this share of the largest have no part in it.
const PART: f64 = 1e-7;
/// Searches that may take as long as the one that found nothing.
const SEARCHES: u32 = 10;

/// The conflict among a task's constraints; nothing if they hold together after all. `proof` is that of the
/// task's own model with all decisions open.
pub(crate) fn conflict(
    task: &Task<'_>,
    proof: Option<(&Model<'_>, &Proof)>,
    limits: &SearchLimits,
) -> Option<Conflict> {
    let plain = task.feasibility();
    // Each of many searches may take a part of what one may.
    let limits = &SearchLimits {
        nodes_max: limits.nodes_max / SEARCHES,
        time_max: limits.time_max / SEARCHES,
        ..*limits
    };
    let all: BTreeSet<Named> = plain.named().into_iter().collect();
    let suspected = proof.map(|(model, proof)| suspects(model, proof));
    let mut kept = match suspected.filter(|set| infeasible(&plain, set, limits) == Some(true)) {
        Some(set) => set,
        None if infeasible(&plain, &all, limits) == Some(true) => all,
        None => return None,
    };
    let mut minimal = true;
    // Bounds first, so that what remains are the rules that people wrote.
    let mut order: Vec<Named> = kept.iter().copied().collect();
    order.sort_by_key(|named| match named {
        Named::Lower(at) => (0, *at),
        Named::Upper(at) => (1, *at),
        Named::Rule(at) => (2, *at),
        Named::Budget => (3, 0),
    });
    for named in order {
        kept.remove(&named);
        match infeasible(&plain, &kept, limits) {
            Some(true) => continue,
            Some(false) => {}
            None => minimal = false,
        }
        kept.insert(named);
    }
    let constraints = kept.into_iter().map(|named| describe(task, named)).collect();
    Some(Conflict { constraints, minimal })
}

/// The named constraints with a part in a proof.
fn suspects(model: &Model<'_>, proof: &Proof) -> BTreeSet<Named> {
    let labels = &model.labels;
    let sizes = model.program.cones.iter().map(|cone| cone.rows().len());
    let cones = labels.cones.iter().zip(sizes).flat_map(|(label, size)| vec![*label; size]);
    let rows = labels.equal.iter().chain(&labels.most).copied().chain(cones);
    let largest = proof.multipliers.iter().fold(0.0_f64, |most, z| most.max(z.abs()));
    let parts = rows.zip(&proof.multipliers).filter(|(_, z)| z.abs() > PART * largest);
    parts.filter_map(|(label, _)| label.map(|label| label.named)).collect()
}

/// Whether some of the constraints conflict; nothing if the solver could not tell.
fn infeasible(task: &Task<'_>, kept: &BTreeSet<Named>, limits: &SearchLimits) -> Option<bool> {
    let task = task.only(kept);
    let choices = Choices::root(&task);
    if !choices.decided() {
        return match search(&task, limits, true) {
            Ok(Found::Best(_)) => Some(false),
            Ok(Found::Nothing) => Some(true),
            Err(_) => None,
        };
    }
    match Model::new(&task, &choices, &[]).solve(&limits.solver, true) {
        Ok(solved) => Some(solved.is_err()),
        Err(_) => None,
    }
}
