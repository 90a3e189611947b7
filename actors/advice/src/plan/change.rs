//! What to change so that a goal is reached with a wanted probability: save more, wait, or invest otherwise.
//!
//! Searches look at the same paths (common random numbers), so that what differs between two answers is the
//! change and not the chance. What a search finds is simulated again on those paths, and once more on fresh
//! ones: a search picks the answer that just suffices on the paths it saw, which flatters it a little.

use evenkeel_schemas::{Money, Name, Ratio};
use serde::{Deserialize, Serialize};

use crate::simulate::{
    Chance, Course, GoalPlan, MONTHS_MOST, Mix, Monthly, PlanError, Probability, Streams, check_months,
    each_path, run,
};

/// Cents in one unit of money.
const CENTS: f64 = 100.0;

/// The most that a search lets one payment be, in cents: a million million.
const CENTS_MOST: u64 = 100_000_000_000_000;

/// A change that was looked for: found, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found<T> {
    /// The change; nothing when no change of this kind does it.
    pub change: Option<T>,
    /// In words.
    pub explanation: String,
}

/// A found change, simulated again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// On the paths of the search.
    pub again: Probability,
    /// On fresh paths.
    pub fresh: Probability,
}

/// Other savings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Save {
    /// One payment, the least in whole cents that does it.
    pub amount: Money,
    /// What that is more than now; negative where less would do.
    pub more: Money,
    /// The check.
    pub checked: Checked,
}

/// A later date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Whole months until the new date.
    pub months: u32,
    /// Months later than now; 0 where the date stands.
    pub later: u32,
    /// The check.
    pub checked: Checked,
}

/// Another mix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// The mix of the least volatility that does it.
    pub mix: Name,
    /// The check.
    pub checked: Checked,
}

/// The payments, at the plan's dates and mix, that reach the goal with a probability of `wanted`.
///
/// On each path what is left rises with the payment, so each path has a least payment, and the answer is the
/// one that is enough for as many paths as are wanted.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn least_savings(plan: &GoalPlan, wanted: Ratio, chance: Chance) -> Result<Found<Save>, PlanError> {
    plan.check()?;
    let count = paths_wanted(wanted, chance)?;
    let course = Course::of(&plan.funding, plan.months);
    let target = plan.target.to_f64() * course.prices(plan.months);
    if !course.saves() {
        return none(format!("No payment falls within {} months.", plan.months));
    }
    let mut least: Vec<u64> = Vec::with_capacity(chance.paths as usize);
    each_path(chance, Streams::Search, Monthly::of(&plan.funding.mix), plan.months, |growth| {
        least.push(least_payment(&course, target, growth));
    });
    least.sort_unstable();
    let cents = least.get(count.saturating_sub(1)).copied().unwrap_or(u64::MAX);
    if cents > CENTS_MOST {
        return none(format!("No payment reaches {} with a probability of {wanted}.", plan.target));
    }
    let now = plan.funding.savings.amount;
    // At most 10^14 cents.
    let amount = Money::from_raw(cents as i64 * (Money::ONE / 100));
    let mut changed = plan.clone();
    changed.funding.savings.amount = amount;
    let checked = check(&changed, chance)?;
    let more = amount.checked_sub(now).ok_or(PlanError::Range("the change of savings"))?;
    let times = match plan.funding.savings.every_months {
        1 => "every month".to_owned(),
        months => format!("every {months} months"),
    };
    let explanation = format!(
        "Saving {amount} {times} instead of {now} reaches the goal with a probability of {}.",
        checked.again.probability
    );
    Ok(Found { change: Some(Save { amount, more, checked }), explanation })
}

/// The least payment in cents after which `target` is there; beyond [`CENTS_MOST`] where there is none.
fn least_payment(course: &Course, target: f64, growth: &[f64]) -> u64 {
    let reached = |cents: u64| course.end(cents as f64 / CENTS, growth) >= target;
    if reached(0) {
        return 0;
    }
    // Without tax the end is a straight line in the payment; from its guess the bracket widens.
    let (without, with_one) = (course.end(0.0, growth), course.end(1.0, growth));
    let guess = ((target - without) / (with_one - without) * CENTS).clamp(1.0, CENTS_MOST as f64);
    let (mut below, mut step) = (0_u64, 1_u64);
    let mut above = guess as u64 + 1;
    while !reached(above) {
        if above > CENTS_MOST {
            return u64::MAX;
        }
        below = above;
        step = step.saturating_mul(4);
        above = above.saturating_add(step);
    }
    // The guess is mostly right to a cent: look just below it before halving all the way down.
    let mut step = 1_u64;
    while below == 0 && above > step {
        if reached(above - step) {
            above -= step;
            step = step.saturating_mul(4);
        } else {
            below = above - step;
        }
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if reached(middle) { above = middle } else { below = middle }
    }
    above
}

/// The first date, in whole months from the plan's on and at most `later_most` later, at which the goal is
/// reached with a probability of `wanted`. Savings go on until then, and an amount in today's money rises
/// with prices.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn first_date(
    plan: &GoalPlan,
    wanted: Ratio,
    later_most: u32,
    chance: Chance,
) -> Result<Found<Wait>, PlanError> {
    plan.check()?;
    check_months("later_most", later_most)?;
    let count = paths_wanted(wanted, chance)?;
    let last = (plan.months + later_most).min(MONTHS_MOST);
    let course = Course::of(&plan.funding, last);
    let targets: Vec<f64> =
        (plan.months..=last).map(|months| plan.target.to_f64() * course.prices(months)).collect();
    let saved = plan.funding.savings.amount.to_f64();
    let mut reached = vec![0_usize; targets.len()];
    each_path(chance, Streams::Search, Monthly::of(&plan.funding.mix), last, |growth| {
        course.walk(saved, growth, |month, purse| {
            let Some(at) = month.checked_sub(plan.months).map(|later| later as usize) else { return };
            reached[at] += usize::from(purse.net() >= targets[at]);
        });
    });
    let Some(later) = (0_u32..).zip(&reached).find(|(_, paths)| **paths >= count).map(|(later, _)| later)
    else {
        return none(format!(
            "No date within {last} months reaches the goal with a probability of {wanted}."
        ));
    };
    let months = plan.months + later;
    let checked = check(&GoalPlan { months, ..plan.clone() }, chance)?;
    let when = if later == 0 { "Its date".to_owned() } else { format!("A date {later} months later") };
    let explanation = format!("{when} reaches the goal with a probability of {}.", checked.again.probability);
    Ok(Found { change: Some(Wait { months, later, checked }), explanation })
}

/// The mix of the least volatility, of those given, that reaches the goal with a probability of `wanted`; of
/// equal volatility the one of the greater probability, then the first by name.
///
/// # Errors
/// An input outside its range, or amounts beyond what money holds.
pub fn calmest_mix(
    plan: &GoalPlan,
    wanted: Ratio,
    mixes: &[Mix],
    chance: Chance,
) -> Result<Found<Switch>, PlanError> {
    plan.check()?;
    let count = paths_wanted(wanted, chance)?;
    let mut tried: Vec<(Probability, &Mix)> = Vec::with_capacity(mixes.len());
    for mix in mixes {
        tried.push((run(&with_mix(plan, mix), chance, Streams::Search)?.probability, mix));
    }
    tried.sort_by_key(|(outcome, mix)| {
        (mix.volatility, std::cmp::Reverse(outcome.successes), mix.name.clone())
    });
    let Some((again, mix)) = tried.iter().find(|(outcome, _)| outcome.successes as usize >= count) else {
        let best = tried.iter().max_by_key(|(outcome, _)| outcome.successes);
        return none(match best {
            Some((outcome, mix)) => format!(
                "None of the mixes reaches the goal with a probability of {wanted}; {} is closest, with {}.",
                mix.name, outcome.probability
            ),
            None => "There is no other mix to look at.".to_owned(),
        });
    };
    let fresh = run(&with_mix(plan, mix), chance, Streams::Check)?.probability;
    let explanation =
        format!("Invested as {}, the goal is reached with a probability of {}.", mix.name, again.probability);
    let checked = Checked { again: again.clone(), fresh };
    Ok(Found { change: Some(Switch { mix: mix.name.clone(), checked }), explanation })
}

fn with_mix(plan: &GoalPlan, mix: &Mix) -> GoalPlan {
    let mut changed = plan.clone();
    changed.funding.mix = mix.clone();
    changed
}

/// How many paths must succeed for a probability of at least `wanted`.
fn paths_wanted(wanted: Ratio, chance: Chance) -> Result<usize, PlanError> {
    chance.check()?;
    if !(1..Ratio::ONE).contains(&wanted.raw()) {
        let expected = "a probability above 0 and below 1";
        return Err(PlanError::Input { field: "wanted", expected, got: wanted.to_string() });
    }
    let paths = wanted.raw().unsigned_abs() * u64::from(chance.paths);
    Ok(paths.div_ceil(Ratio::ONE.unsigned_abs()) as usize)
}

fn check(plan: &GoalPlan, chance: Chance) -> Result<Checked, PlanError> {
    let again = run(plan, chance, Streams::Search)?.probability;
    let fresh = run(plan, chance, Streams::Check)?.probability;
    Ok(Checked { again, fresh })
}

fn none<T>(explanation: String) -> Result<Found<T>, PlanError> {
    Ok(Found { change: None, explanation })
}
