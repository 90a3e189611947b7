//! Several goals paid from one portfolio.
//!
//! The rule, at the end of each month, the start included:
//! 1. Goals that are due and not yet paid come in the order of priority, then date, then id.
//! 2. A goal is paid in full if what the portfolio holds, taxed so far, covers it and the *reserve*: for each
//!    unpaid goal of higher priority that is still to come or waiting, its amount at its date, discounted at
//!    the mix's expected return after fee and tax. Savings still to come are not counted on.
//! 3. A rigid goal that cannot be paid is missed. A flexible one waits and is looked at again each month, for
//!    `grace_months` beyond its date, its amount growing with prices; then it is missed.
//! 4. Nothing is paid in part. What a missed goal would have taken stays for the others.

use evenkeel_schemas::{Money, Name, Ratio};
use serde::{Deserialize, Serialize};

use super::draws::{Chance, Monthly, Streams, each_path};
use super::outcome::{Probability, Spread, Tally, spread};
use super::problem::{Funding, PlanError, check_months, to_ratio};
use super::purse::{Course, Purse};
use crate::goals::{Flexibility, GoalMapping, Priority};

/// One goal that the portfolio is to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The goal's id.
    pub goal: Name,
    /// Money wanted, in today's.
    pub target: Money,
    /// Whole months until it is due.
    pub months: u32,
    /// How much it matters.
    pub priority: Priority,
    /// Whether it can wait.
    pub flexibility: Flexibility,
}

impl From<&GoalMapping> for Claim {
    fn from(goal: &GoalMapping) -> Claim {
        Claim {
            goal: goal.goal.clone(),
            target: goal.target_amount,
            months: goal.months_to_goal,
            priority: goal.priority,
            flexibility: goal.flexibility,
        }
    }
}

/// Goals and the one portfolio that pays them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedPlan {
    /// The goals, in any order.
    pub claims: Vec<Claim>,
    /// How long a flexible goal may wait.
    pub grace_months: u32,
    /// The portfolio.
    pub funding: Funding,
}

/// What became of one goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimOutcome {
    /// The goal's id.
    pub goal: Name,
    /// How probable it is that it is paid in full, in time or within its grace.
    pub paid: Probability,
    /// How probable it is that it is paid at its date.
    pub paid_in_time: Probability,
    /// Months it waited, the mean over paths that paid it; nothing when none did.
    pub months_late_mean: Option<Ratio>,
    /// In words.
    pub explanation: String,
}

/// What a simulation of several goals says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedOutcome {
    /// The paths it was judged by.
    pub chance: Chance,
    /// Months simulated: the last date, grace included.
    pub months: u32,
    /// By goal, as given.
    pub goals: Vec<ClaimOutcome>,
    /// How probable it is that all are paid.
    pub all_paid: Probability,
    /// What is left at the end, after fees and tax.
    pub left: Spread,
}

/// Simulates several goals that one portfolio pays.
///
/// # Errors
/// No goals, an id used twice, an input outside its range, or amounts beyond what money holds.
pub fn simulate_shared(plan: &SharedPlan, chance: Chance) -> Result<SharedOutcome, PlanError> {
    chance.check()?;
    plan.check()?;
    let months = plan.claims.iter().map(|claim| plan.last_month(claim)).max().unwrap_or(0);
    let course = Course::of(&plan.funding, months);
    let queue = Queue::of(plan, &course, months);
    let saved = plan.funding.savings.amount.to_f64();
    let mut records: Vec<Record> = vec![Record::default(); plan.claims.len()];
    let (mut all_paid, mut left) = (Tally::default(), Vec::with_capacity(chance.paths as usize));
    let mut states = vec![State::Open; plan.claims.len()];
    each_path(chance, Streams::Search, Monthly::of(&plan.funding.mix), months, |growth| {
        states.fill(State::Open);
        let end = course.walk(saved, growth, |month, purse| queue.settle(month, purse, &mut states));
        for (record, state) in records.iter_mut().zip(&states) {
            record.add(*state);
        }
        all_paid.add(states.iter().all(|state| matches!(state, State::Paid { .. })));
        left.push(end);
    });
    let goals = plan.claims.iter().zip(&records).map(|(claim, record)| record.outcome(claim));
    Ok(SharedOutcome {
        chance,
        months,
        goals: goals.collect::<Result<_, _>>()?,
        all_paid: all_paid.probability()?,
        left: spread(&mut left)?,
    })
}

impl SharedPlan {
    fn last_month(&self, claim: &Claim) -> u32 {
        match claim.flexibility {
            Flexibility::Rigid => claim.months,
            Flexibility::Flexible => claim.months.saturating_add(self.grace_months),
        }
    }

    fn check(&self) -> Result<(), PlanError> {
        self.funding.check()?;
        let mut ids: Vec<&Name> = self.claims.iter().map(|claim| &claim.goal).collect();
        ids.sort();
        ids.dedup();
        if ids.is_empty() || ids.len() != self.claims.len() {
            let got = format!("{} goals with {} ids", self.claims.len(), ids.len());
            return Err(PlanError::Input {
                field: "claims",
                expected: "at least one goal, each id once",
                got,
            });
        }
        for claim in &self.claims {
            check_months("claims.months", self.last_month(claim))?;
            if claim.target <= Money::ZERO {
                let got = claim.target.to_string();
                return Err(PlanError::Input { field: "claims.target", expected: "an amount above 0", got });
            }
        }
        Ok(())
    }
}

/// Where a goal stands on a path.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Open,
    Paid { late: u32 },
    Missed,
}

/// A goal in floats.
#[derive(Copy, Clone, Debug)]
struct Wish {
    /// Its place in the plan.
    at: usize,
    due: u32,
    last: u32,
    target: f64,
    priority: Priority,
}

/// Goals in the order in which they are looked at, with prices and discounts by month.
struct Queue {
    wishes: Vec<Wish>,
    /// How prices stand at each month's end.
    prices: Vec<f64>,
    /// What one unit so many months ahead is worth.
    discounts: Vec<f64>,
}

impl Queue {
    fn of(plan: &SharedPlan, course: &Course, months: u32) -> Queue {
        let mut order: Vec<usize> = (0..plan.claims.len()).collect();
        let claims = &plan.claims;
        order.sort_by_key(|&at| (claims[at].priority, claims[at].months, &claims[at].goal));
        let wish = |at: usize| Wish {
            at,
            due: claims[at].months,
            last: plan.last_month(&claims[at]),
            target: claims[at].target.to_f64(),
            priority: claims[at].priority,
        };
        let expected = plan.funding.mix.expected_return.to_f64();
        let ahead = |month| {
            let unit = Course::of(&plan.funding, month).with_capital(1.0);
            1.0 / unit.end_at_return(0.0, expected)
        };
        Queue {
            wishes: order.into_iter().map(wish).collect(),
            prices: (0..=months).map(|month| course.prices(month)).collect(),
            discounts: (0..=months).map(ahead).collect(),
        }
    }

    /// Pays, leaves waiting or gives up what is due at a month's end.
    fn settle(&self, month: u32, purse: &mut Purse, states: &mut [State]) {
        for wish in &self.wishes {
            if states[wish.at] != State::Open || wish.due > month {
                continue;
            }
            let amount = wish.target * self.prices[month as usize];
            if purse.net() - self.reserve(month, wish.priority, states) >= amount {
                purse.pay(amount);
                states[wish.at] = State::Paid { late: month - wish.due };
            } else if month >= wish.last {
                states[wish.at] = State::Missed;
            }
        }
    }

    /// What is kept back for unpaid goals of higher priority.
    fn reserve(&self, month: u32, than: Priority, states: &[State]) -> f64 {
        let higher = self.wishes.iter().filter(|wish| wish.priority < than && states[wish.at] == State::Open);
        higher
            .map(|wish| {
                let due = wish.due.max(month);
                wish.target * self.prices[due as usize] * self.discounts[(due - month) as usize]
            })
            .sum()
    }
}

/// What became of one goal, over paths.
#[derive(Copy, Clone, Debug, Default)]
struct Record {
    paid: Tally,
    in_time: Tally,
    months_late: u64,
}

impl Record {
    fn add(&mut self, state: State) {
        self.paid.add(matches!(state, State::Paid { .. }));
        self.in_time.add(state == State::Paid { late: 0 });
        if let State::Paid { late } = state {
            self.months_late += u64::from(late);
        }
    }

    fn outcome(&self, claim: &Claim) -> Result<ClaimOutcome, PlanError> {
        let paid = self.paid.successes();
        let mean = (paid > 0).then(|| to_ratio("months late", self.months_late as f64 / f64::from(paid)));
        let (paid, in_time) = (self.paid.probability()?, self.in_time.probability()?);
        let waits = match claim.flexibility {
            Flexibility::Rigid => "it cannot wait".to_owned(),
            Flexibility::Flexible => format!("at its date with {}", in_time.probability),
        };
        let explanation = format!(
            "{}, of {} priority and due in {} months, is paid in full with a probability of {} (standard error \
             {}); {waits}.",
            claim.goal, claim.priority, claim.months, paid.probability, paid.standard_error
        );
        let goal = claim.goal.clone();
        Ok(ClaimOutcome {
            goal,
            paid,
            paid_in_time: in_time,
            months_late_mean: mean.transpose()?,
            explanation,
        })
    }
}
