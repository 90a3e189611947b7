//! Which way to trade: money first, then everything; what tax puts off; the best of all by benefit less cost.

use evenkeel_optimizer::{RebalanceProblem, Side};
use evenkeel_schemas::{Money, Quantity, Ratio, Value};

use crate::attempt::{Attempt, Desk};
use crate::edges::edges;
use crate::error::PlanError;
use crate::plan::{ParcelClass, Tried, Waiting};
use crate::policy::{Destination, Strategy};
use crate::snapshot::ParcelOrder;
use crate::waiting::{put_off, waiting};

/// The ways that were weighed and the best of them.
pub(crate) struct Chosen {
    pub attempt: Attempt,
    pub tried: Vec<Tried>,
    pub waiting: Vec<Waiting>,
}

/// Weighs all ways to trade.
///
/// # Errors
/// [`PlanError`] where none is possible.
pub(crate) fn choose(desk: &Desk<'_>, strategy: &Strategy, flows: bool) -> Result<Chosen, PlanError> {
    let mut bases = Vec::new();
    if let Some(first) = if flows { by_flow(desk)? } else { None } {
        bases.push(first);
    }
    // Only what the flow leaves outside its band makes anything else be sold.
    if bases.first().is_none_or(|first| first.state.outside() > 0) {
        let problem = full(desk, strategy);
        let variant = "everything that may be traded";
        let all = match desk.attempt(variant, problem.clone()) {
            // A limit that only a sale of what is below its target could keep.
            Err(PlanError::Infeasible(_) | PlanError::Solver(_)) => {
                desk.attempt(variant, all_sellable(desk, problem))
            }
            other => other,
        };
        match (all, bases.is_empty()) {
            (Ok(all), _) => bases.push(all),
            (Err(PlanError::Infeasible(_) | PlanError::Solver(_)), false) => {}
            (Err(error), _) => return Err(error),
        }
    }
    let mut tried: Vec<Tried> = bases.iter().map(record).collect();
    // The first base there is decides ties: it trades less.
    let mut best = bases.swap_remove(0);
    for other in bases {
        if other.rank > best.rank {
            best = other;
        }
    }
    let mut waiting = Vec::new();
    if best.orders.iter().any(|order| order.side == Side::Sell) {
        let base = best.clone();
        let (found, patient) = patience(desk, &base)?;
        waiting = found;
        let spared = if base.cost.tax > Money::ZERO { spare(desk, &base)? } else { Vec::new() };
        for attempt in patient.into_iter().chain(spared) {
            tried.push(record(&attempt));
            if attempt.rank > best.rank {
                best = attempt;
            }
        }
    }
    // Parcels wait whatever becomes of the rest.
    let waits = best.variant == PATIENT;
    waiting.iter_mut().for_each(|one| one.waits &= waits);
    if best.net <= 0.0 && !desk.intent.duty {
        for attempt in thrifty(desk, &best)? {
            tried.push(record(&attempt));
            if attempt.net > best.net.max(0.0) {
                best = attempt;
            }
        }
    }
    Ok(Chosen { attempt: best, tried, waiting })
}

/// The variant in which parcels wait for their discount.
pub(crate) const PATIENT: &str = "parcels near their discount wait";

fn record(attempt: &Attempt) -> Tried {
    Tried {
        variant: attempt.variant.to_owned(),
        benefit: attempt.benefit.amount,
        cost: attempt.cost.total,
        net: crate::book::to_money(attempt.rank),
    }
}

/// The problem of the whole portfolio.
fn full(desk: &Desk<'_>, strategy: &Strategy) -> RebalanceProblem {
    let aims = &desk.intent.aims;
    let to_edge = match strategy {
        Strategy::Threshold { to } | Strategy::Tactical { to, .. } => *to == Destination::BandEdge,
        _ => false,
    };
    // Losses that move targets are realised in full.
    if !to_edge || !desk.intent.switched.is_empty() {
        return desk.problem(&aims.targets, &aims.bands);
    }
    let targets = edges(desk);
    let bands = vec![Ratio::ZERO; targets.len()];
    desk.problem(&targets, &bands)
}

/// What the money alone does: more cash than its target buys, without a sale; less than its least is raised
/// by sales alone, of what is above its target as far as that reaches. Nothing where cash is neither.
fn by_flow(desk: &Desk<'_>) -> Result<Option<Attempt>, PlanError> {
    let aims = &desk.intent.aims;
    if desk.book.cash < desk.policy.cash_min {
        let mut problem = desk.problem(&aims.targets, &aims.bands);
        problem.candidates.iter_mut().for_each(|candidate| candidate.buy_max = Some(Money::ZERO));
        let mut surplus = problem.clone();
        for (place, candidate) in surplus.candidates.iter_mut().enumerate() {
            candidate.sellable = candidate.sellable.min(desk.above(place));
        }
        return raised(
            desk,
            [("withdrawals out of what is overweight", surplus), ("withdrawals out of everything", problem)],
        )
        .map(Some);
    }
    if desk.before.cash_weight <= desk.before.cash_target {
        return Ok(None);
    }
    let mut problem = desk.problem(&aims.targets, &aims.bands);
    problem.candidates.iter_mut().for_each(|candidate| candidate.sellable = Quantity::ZERO);
    match desk.attempt("deposits into what is underweight", problem) {
        // A limit that only a sale could keep.
        Err(PlanError::Infeasible(_) | PlanError::Solver(_)) => Ok(None),
        other => other.map(Some),
    }
}

/// The first of some problems that raises the cash that is missing: each with no more sold than that takes,
/// then up to a lot more, then without that limit.
fn raised(desk: &Desk<'_>, ways: [(&'static str, RebalanceProblem); 2]) -> Result<Attempt, PlanError> {
    let (book, costs) = (desk.book, &desk.policy.costs);
    let short = desk.policy.cash_min.to_f64() - book.cash.to_f64();
    // Spread, a tick and commission of each sale, and room for the solver's last digits.
    let ticks = book.rows.iter().map(|row| row.position.tick.to_f64() / row.price.to_f64());
    let part = costs.half_spread.to_f64() + costs.commission.to_f64() + ticks.fold(0.0, f64::max);
    let needed = short / (1.0 - part.min(0.5)) + costs.commission_min.to_f64() + 2e-6 * book.nav_f64();
    let lots = book.rows.iter().enumerate().map(|(place, row)| desk.worth(place, row.position.lot));
    let lot = lots.fold(0.0, f64::max);
    let turnover = |amount: f64| {
        let share = (amount / 2.0 / book.nav_f64() * 1e9).ceil().min(1e10) as i64;
        Some(Ratio::from_raw(share).min(desk.policy.turnover_max.unwrap_or(Ratio::MAX)))
    };
    let limits = [turnover(needed), turnover(needed * 1.01 + lot), desk.policy.turnover_max];
    let mut last = None;
    for (variant, problem) in ways {
        for turnover_max in limits {
            match desk.attempt(variant, RebalanceProblem { turnover_max, ..problem.clone() }) {
                Err(error @ (PlanError::Infeasible(_) | PlanError::Solver(_))) => last = Some(error),
                other => return other,
            }
        }
    }
    Err(last.unwrap_or_else(crate::attempt::too_large))
}

/// The problem with everything sellable that may be sold.
fn all_sellable(desk: &Desk<'_>, mut problem: RebalanceProblem) -> RebalanceProblem {
    for (candidate, row) in problem.candidates.iter_mut().zip(&desk.book.rows) {
        candidate.sellable = row.position.sellable;
    }
    problem
}

/// Parcels near their discount, and the way to trade without those that are worth waiting for.
fn patience(desk: &Desk<'_>, base: &Attempt) -> Result<(Vec<Waiting>, Option<Attempt>), PlanError> {
    let mut found = waiting(desk, base)?;
    if found.is_empty() {
        return Ok((found, None));
    }
    // What all of them cost in benefit is laid on each by its value.
    let Some(without) = limited(desk, base, PATIENT, &|place, ranked| {
        found.iter().all(|one| one.lot != ranked.parcel.lot || !desk.is(place, one.instrument))
    })?
    else {
        found.iter_mut().for_each(|one| one.waits = false);
        return Ok((found, None));
    };
    put_off(desk, base, &without, &mut found);
    if found.iter().all(|one| !one.waits) {
        return Ok((found, None));
    }
    let worth: f64 = found.iter().filter(|one| one.waits).map(|one| one.value.to_f64()).sum();
    let patient = if found.iter().all(|one| one.waits) {
        Some(without)
    } else {
        limited(desk, base, PATIENT, &|place, ranked| {
            let waits = |one: &Waiting| one.waits && one.lot == ranked.parcel.lot;
            !found.iter().any(|one| waits(one) && desk.is(place, one.instrument))
        })?
    };
    // As if what waits were traded on its day.
    let patient = patient.map(|attempt| Attempt { rank: base.net + worth, ..attempt });
    Ok((found, patient))
}

/// Ways to trade that realise fewer gains.
fn spare(desk: &Desk<'_>, base: &Attempt) -> Result<Vec<Attempt>, PlanError> {
    let mut found = Vec::new();
    let recent = |class: ParcelClass| class == ParcelClass::Recent;
    let sells = |fits: &dyn Fn(ParcelClass) -> bool| base.sold.iter().flatten().any(|sold| fits(sold.class));
    if sells(&recent) {
        let kept = limited(desk, base, "no gain of less than 12 months", &|_, r| !recent(r.class))?;
        found.extend(kept);
    }
    if sells(&|class| class != ParcelClass::Loss) {
        found.extend(limited(desk, base, "no gain at all", &|_, r| r.class == ParcelClass::Loss)?);
    }
    Ok(found)
}

/// Ways to trade for less: without a sale, and only as far as the next unit pays for itself.
fn thrifty(desk: &Desk<'_>, base: &Attempt) -> Result<Vec<Attempt>, PlanError> {
    let mut buys = base.problem.clone();
    buys.candidates.iter_mut().for_each(|candidate| candidate.sellable = Quantity::ZERO);
    let mut pays = base.problem.clone();
    for (candidate, target) in pays.candidates.iter_mut().zip(&desk.intent.aims.targets) {
        // Without bands nothing but the objective's own weighing of distance and cost is left.
        (candidate.target, candidate.band) = (*target, Ratio::from_raw(Ratio::ONE));
    }
    let mut found = Vec::new();
    for (variant, problem) in [("nothing is sold", buys), ("only as far as it pays", pays)] {
        match desk.attempt(variant, problem) {
            Ok(attempt) => found.push(attempt),
            Err(PlanError::Infeasible(_) | PlanError::Solver(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The base's problem with only the parcels that fit for sale; nothing where its limits need the others.
fn limited(
    desk: &Desk<'_>,
    base: &Attempt,
    variant: &'static str,
    fits: &dyn Fn(usize, &crate::parcels::Ranked) -> bool,
) -> Result<Option<Attempt>, PlanError> {
    let mut problem = base.problem.clone();
    let mut changed = false;
    for (place, candidate) in problem.candidates.iter_mut().enumerate() {
        let bound = desk.intent.bound.contains(&candidate.instrument);
        if bound || desk.ranks[place].is_empty() {
            continue;
        }
        let units = |ranked: &crate::parcels::Ranked| i128::from(ranked.parcel.quantity.raw());
        let ranks = desk.ranks[place].iter();
        let most = match desk.book.portfolio.parcel_order {
            ParcelOrder::Chosen => {
                let kept: i128 = ranks.filter(|ranked| !fits(place, ranked)).map(units).sum();
                i128::from(candidate.held.raw()) - kept
            }
            ParcelOrder::Given => ranks.take_while(|ranked| fits(place, ranked)).map(units).sum(),
        };
        let most = Quantity::from_wide(most.max(0)).unwrap_or_default();
        changed |= most < candidate.sellable;
        candidate.sellable = candidate.sellable.min(most);
    }
    if !changed {
        return Ok(None);
    }
    match desk.attempt(variant, problem) {
        Ok(attempt) => Ok(Some(attempt)),
        Err(PlanError::Infeasible(_) | PlanError::Solver(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Desk<'_> {
    /// Whether a row is of an instrument.
    fn is(&self, place: usize, instrument: evenkeel_schemas::InstrumentId) -> bool {
        self.book.rows[place].position.instrument == instrument
    }

    /// Value of units of a row, base currency.
    pub(crate) fn worth(&self, place: usize, units: Quantity) -> f64 {
        let row = &self.book.rows[place];
        Value::of_position(units, row.price, row.rate).map_or(0.0, |value| value.raw() as f64 / 1e21)
    }
}
