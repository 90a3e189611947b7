//! What contradicts itself is found before any arithmetic, all of it at once.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio};

use crate::error::Problem;
use crate::policy::{Policy, Strategy};
use crate::reason::{Reason, ReasonKind, Subject};
use crate::snapshot::{Portfolio, Position, Snapshot};

/// Everything wrong with what was given; empty when a plan can be tried.
pub(crate) fn problems(
    snapshot: &Snapshot<'_>,
    reasons: &[Reason],
    strategy: &Strategy,
    policy: &Policy,
) -> Vec<Problem> {
    let portfolio = snapshot.portfolio;
    let mut found = policy.problems();
    if reasons.is_empty() {
        found.push(Problem::NoReason);
    }
    let known: BTreeMap<InstrumentId, &Position> = portfolio.by_instrument();
    let mut seen = BTreeSet::new();
    for position in &portfolio.positions {
        if !seen.insert(position.instrument) {
            found.push(Problem::Twice(position.name.to_string()));
        }
        found.extend(of_position(position, &known, snapshot.tax.is_some()));
    }
    let nothing = portfolio.positions.iter().all(|position| position.held == Quantity::ZERO);
    let flows = reasons.iter().filter_map(|reason| reason.flow).any(|flow| flow.amount != Money::ZERO);
    let no_cash = portfolio.cash == Money::ZERO && portfolio.foreign_cash.raw() == 0;
    if nothing && no_cash && !flows {
        found.push(Problem::Empty);
    }
    found.extend(of_targets(portfolio));
    found.extend(of_taxonomies(portfolio, &known));
    found.extend(reasons.iter().flat_map(|reason| of_reason(reason, portfolio, &known)));
    found.extend(of_strategy(strategy, &known));
    if let Some(risk) = snapshot.risk {
        let listed: BTreeSet<InstrumentId> = risk.instruments.iter().copied().collect();
        for position in portfolio.positions.iter().filter(|p| !listed.contains(&p.instrument)) {
            let what = "the covariance".to_owned();
            found.push(Problem::Range {
                what,
                got: format!("without {}", position.name),
                expected: "a row for every instrument of the portfolio",
            });
        }
        if risk.instruments.len() != risk.covariance.size() || listed.len() != risk.instruments.len() {
            let got =
                format!("of {} rows for {} instruments", risk.covariance.size(), risk.instruments.len());
            let what = "the covariance".to_owned();
            found.push(Problem::Range { what, got, expected: "a row for each instrument, each once" });
        }
    }
    found
}

fn range(what: String, got: &dyn ToString, expected: &'static str) -> Problem {
    Problem::Range { what, got: got.to_string(), expected }
}

fn of_position(position: &Position, known: &BTreeMap<InstrumentId, &Position>, taxed: bool) -> Vec<Problem> {
    let name = position.name.to_string();
    let mut found = Vec::new();
    let unit = 0..=Ratio::ONE;
    let targeted = position.target.is_some_and(|target| target > Ratio::ZERO);
    match position.mark() {
        None if position.held != Quantity::ZERO => found.push(Problem::NoPrice(name.clone())),
        None if targeted => found.push(Problem::TargetNoPrice(name.clone())),
        _ => {}
    }
    if let Some(target) = position.target.filter(|target| !unit.contains(&target.raw())) {
        found.push(range(format!("the target of {name}"), &target, "0 to 1"));
    }
    if !unit.contains(&position.band.raw()) {
        found.push(range(format!("the band of {name}"), &position.band, "0 to 1"));
    }
    let (least, most) = (position.weight_min, position.weight_max);
    if !unit.contains(&least.raw()) || !unit.contains(&most.raw()) || least > most {
        let got = format!("{least} to {most}");
        found.push(range(format!("the range of weights of {name}"), &got, "a range inside 0 to 1"));
    }
    let (held, sellable) = (position.held, position.sellable);
    if held < Quantity::ZERO || sellable < Quantity::ZERO || sellable > held {
        let got = format!("{sellable} sellable of {held}");
        found.push(range(format!("the holding of {name}"), &got, "0 <= sellable <= held"));
    }
    if position.average_daily_value.is_some_and(|value| value < Money::ZERO) {
        let got = position.average_daily_value.unwrap_or_default();
        found.push(range(format!("the average daily value of {name}"), &got, "0 or more"));
    }
    if let Some(other) = position.replacement {
        let of_another = known.contains_key(&other) && other != position.instrument;
        if !of_another {
            let (what, missing) = (format!("the replacement of {name}"), format!("instrument {}", other.0));
            found.push(Problem::Unknown { what, missing });
        }
    }
    let odd = |p: &crate::snapshot::Parcel| p.quantity <= Quantity::ZERO || p.cost_base < Money::ZERO;
    if position.parcels.iter().any(odd) {
        found.push(range(
            format!("a parcel of {name}"),
            &"empty or of negative cost",
            "units and a cost base",
        ));
    }
    let units = position.parcel_units();
    if (taxed || !position.parcels.is_empty()) && units != i128::from(held.raw()) {
        let parcels = Quantity::from_wide(units).map_or("too many".to_owned(), |units| units.to_string());
        found.push(Problem::Parcels { name, held: held.to_string(), parcels });
    }
    found
}

fn of_targets(portfolio: &Portfolio) -> Option<Problem> {
    let sum: i128 = portfolio.positions.iter().filter_map(|p| p.target).map(|t| i128::from(t.raw())).sum();
    let none = portfolio.positions.iter().all(|p| p.target.is_none()) && portfolio.taxonomies.is_empty();
    if none && !portfolio.positions.is_empty() {
        return Some(Problem::Targets { sum: Ratio::ZERO, expected: "at least one target" });
    }
    let sum = Ratio::from_wide(sum).unwrap_or(Ratio::MAX);
    (sum.raw() > Ratio::ONE).then_some(Problem::Targets { sum, expected: "at most 1, the rest is cash" })
}

fn of_taxonomies(portfolio: &Portfolio, known: &BTreeMap<InstrumentId, &Position>) -> Vec<Problem> {
    let mut found = Vec::new();
    for taxonomy in &portfolio.taxonomies {
        let mut names = BTreeSet::new();
        for group in &taxonomy.groups {
            let what = format!("{} {}", taxonomy.name, group.name);
            if !names.insert(&group.name) {
                found.push(Problem::Twice(what.clone()));
            }
            for (part, ratio) in [("target", group.target), ("band", group.band)] {
                if !(0..=Ratio::ONE).contains(&ratio.raw()) {
                    found.push(range(format!("the {part} of {what}"), &ratio, "0 to 1"));
                }
            }
            for member in group.members.iter().filter(|member| !known.contains_key(member)) {
                let missing = format!("instrument {}", member.0);
                found.push(Problem::Unknown { what: what.clone(), missing });
            }
        }
    }
    found
}

fn of_reason(
    reason: &Reason,
    portfolio: &Portfolio,
    known: &BTreeMap<InstrumentId, &Position>,
) -> Vec<Problem> {
    let what = || format!("the reason {}", reason.kind);
    let mut found = Vec::new();
    match &reason.subject {
        Subject::Instrument(instrument) if !known.contains_key(instrument) => {
            found.push(Problem::Unknown { what: what(), missing: format!("instrument {}", instrument.0) });
        }
        Subject::Group(taxonomy, name) => {
            let groups = portfolio.taxonomies.iter().filter(|t| t.name == *taxonomy).flat_map(|t| &t.groups);
            if !groups.into_iter().any(|group| group.name == *name) {
                found.push(Problem::Unknown { what: what(), missing: format!("{taxonomy} {name}") });
            }
        }
        _ => {}
    }
    if reason.kind == ReasonKind::CashFlow && reason.flow.is_none() {
        found.push(range(what(), &"without an amount", "the amount that came in or goes out"));
    }
    let of_instrument = matches!(reason.kind, ReasonKind::StopLoss | ReasonKind::Concentration);
    if of_instrument && !matches!(reason.subject, Subject::Instrument(_)) {
        found.push(range(what(), &"without an instrument", "the instrument that it is about"));
    }
    if reason.measure.is_some_and(|measure| measure < Ratio::ZERO) {
        found.push(range(what(), &"of a negative measure", "a measure of 0 or more"));
    }
    if reason.limit.is_some_and(|limit| limit <= Ratio::ZERO) {
        found.push(range(what(), &"with a limit that is not positive", "a positive limit"));
    }
    found
}

fn of_strategy(strategy: &Strategy, known: &BTreeMap<InstrumentId, &Position>) -> Vec<Problem> {
    let Strategy::Tactical { tilts, .. } = strategy else { return Vec::new() };
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for tilt in tilts {
        if !known.contains_key(&tilt.instrument) {
            let missing = format!("instrument {}", tilt.instrument.0);
            found.push(Problem::Unknown { what: "a tilt".to_owned(), missing });
        }
        if !seen.insert(tilt.instrument) {
            found.push(Problem::Twice(format!("the tilt of instrument {}", tilt.instrument.0)));
        }
        if tilt.by.raw().unsigned_abs() > Ratio::ONE.unsigned_abs() {
            found.push(range(format!("the tilt of instrument {}", tilt.instrument.0), &tilt.by, "-1 to 1"));
        }
    }
    found
}
