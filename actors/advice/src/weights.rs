//! Pod weights: base by risk category, glide path by age, influence of goals.
//!
//! Source: the flow's step 3. In its words, per pod:
//! `weight = 0.8 · (base + glide) + 0.2 · Σ target amounts of the pod's goals / Σ target amounts`, then
//! normalised. Base and glide sum to 1, and so do the goals' shares, so the weights do already; without goals
//! the normalisation gives back `base + glide`.
//!
//! Exact: the weights are fractions of one common denominator. They are rounded to nine decimals, and the
//! capital to cents, by the method of the largest remainder (Hamilton): everybody gets the whole part, and
//! what is left goes, a unit each, to the largest remainders, ties to the lower pod. So weights sum to
//! exactly 1 and capital to exactly the total. Capital is divided by the rounded weights, as published.

use evenkeel_schemas::events::{PodId, PodWeight};
use evenkeel_schemas::{Money, Name, Ratio, div_half_even};
use serde::{Deserialize, Serialize};

use crate::goals::GoalMapping;
use crate::questionnaire::Category;
use crate::words::listed;

/// Base weights in percent, pods 1 to 4. Source: the flow's step 3, with the categories of the score.
const fn base(category: Category) -> [i64; 4] {
    match category {
        Category::Conservative => [40, 40, 15, 5],
        Category::Moderate => [20, 30, 40, 10],
        Category::Growth => [15, 25, 50, 10],
        Category::Aggressive => [10, 15, 55, 20],
    }
}

/// What age moves, in percentage points.
const fn glide(age: u32) -> [i64; 4] {
    match age {
        61.. => [10, 0, -10, 0],
        ..30 => [-5, 0, 5, 0],
        _ => [0, 0, 0, 0],
    }
}

/// Share of base and glide in a weight, in fifths; the goals have the rest.
const BASE_FIFTHS: i128 = 4;

/// Raw units of a ratio in a percentage point.
const PERCENT: i64 = Ratio::ONE / 100;

/// Raw units of money in a cent.
const CENT: i64 = Money::ONE / 100;

/// Why capital cannot be allocated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// Less than nothing, or parts of a cent.
    #[error("total capital: expected 0 or more in whole cents, got {got}")]
    Capital {
        /// What was given.
        got: Money,
    },
    /// A goal's amount is 0 or less.
    #[error("goals.{goal}.target_amount: expected an amount above 0, got {got}")]
    Goal {
        /// The goal.
        goal: Name,
        /// What was given.
        got: Money,
    },
}

/// One pod's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodShare {
    /// The pod.
    pub pod: PodId,
    /// Its name.
    pub name: String,
    /// Its weight; the four sum to 1.
    pub weight: Ratio,
    /// Its capital in whole cents; the four sum to the total.
    pub capital: Money,
    /// Base weight of the risk category.
    pub base: Ratio,
    /// What age adds to the base.
    pub glide: Ratio,
    /// Its goals' share of all target amounts, rounded half-even.
    pub goal_share: Ratio,
    /// Its goals.
    pub goals: Vec<Name>,
    /// How the weight comes about, in words.
    pub explanation: String,
}

/// How capital is divided between the pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodAllocation {
    /// What is divided.
    pub total_capital: Money,
    /// The category whose base weights apply.
    pub risk_category: Category,
    /// Whole years on the day.
    pub age: u32,
    /// Pods 1 to 4.
    pub pods: Vec<PodShare>,
    /// The rule, in words.
    pub explanation: String,
}

impl PodAllocation {
    /// Pods with weight and capital, as events have them.
    pub fn weights(&self) -> Vec<PodWeight> {
        let weight =
            |share: &PodShare| PodWeight { pod: share.pod, weight: share.weight, capital: share.capital };
        self.pods.iter().map(weight).collect()
    }
}

/// Divides capital between the pods.
///
/// # Errors
/// Capital that is negative or has parts of a cent; a goal with an amount of 0 or less.
pub fn allocate(
    category: Category,
    age: u32,
    goals: &[GoalMapping],
    total_capital: Money,
) -> Result<PodAllocation, AllocationError> {
    check_capital(total_capital)?;
    if let Some(bad) = goals.iter().find(|goal| goal.target_amount <= Money::ZERO) {
        return Err(AllocationError::Goal { goal: bad.goal.clone(), got: bad.target_amount });
    }
    let (base, glide) = (base(category), glide(age));
    let mut wanted = [0_i128; 4];
    for goal in goals {
        wanted[goal.pod.index()] += i128::from(goal.target_amount.raw());
    }
    let weights = weights(base, glide, wanted);
    let cents = i128::from(total_capital.raw() / CENT);
    let capital = apportion(weights.map(i128::from), i128::from(Ratio::ONE), cents);
    let pods = PodId::ALL.iter().map(|&pod| {
        let at = pod.index();
        let mut share = PodShare {
            pod,
            name: pod.name().to_owned(),
            weight: Ratio::from_raw(weights[at]),
            // At most the total, which is money.
            capital: Money::from_raw(capital[at] * CENT),
            base: Ratio::from_raw(base[at] * PERCENT),
            glide: Ratio::from_raw(glide[at] * PERCENT),
            goal_share: share(wanted[at], wanted.iter().sum()),
            goals: goals.iter().filter(|goal| goal.pod == pod).map(|goal| goal.goal.clone()).collect(),
            explanation: String::new(),
        };
        share.explanation = explain(&share, category, age, goals.is_empty());
        share
    });
    let pods = pods.collect();
    Ok(PodAllocation {
        total_capital,
        risk_category: category,
        age,
        pods,
        explanation: rule(goals.is_empty()).to_owned(),
    })
}

/// # Errors
/// [`AllocationError::Capital`].
pub(crate) fn check_capital(total: Money) -> Result<(), AllocationError> {
    if total < Money::ZERO || total.raw() % CENT != 0 {
        return Err(AllocationError::Capital { got: total });
    }
    Ok(())
}

/// The four weights in raw units, summing to one. `wanted` is the goals' money by pod.
fn weights(base: [i64; 4], glide: [i64; 4], wanted: [i128; 4]) -> [i64; 4] {
    let all_wanted: i128 = wanted.iter().sum();
    let before_goals: [i128; 4] = std::array::from_fn(|at| i128::from((base[at] + glide[at]) * PERCENT));
    if all_wanted == 0 {
        return apportion(before_goals, i128::from(Ratio::ONE), i128::from(Ratio::ONE));
    }
    // weight = (4 · before · all + 1 · wanted) / (5 · all). Amounts are below 10^19 each, so with a billion
    // goals the products stay below 10^38, which an i128 holds.
    let one = i128::from(Ratio::ONE);
    let goal_fifths = 5 - BASE_FIFTHS;
    let parts = std::array::from_fn(|at| {
        BASE_FIFTHS * before_goals[at] * all_wanted + goal_fifths * one * wanted[at]
    });
    apportion_exact(parts, 5 * all_wanted, one)
}

/// Divides `units` in proportion to `parts`, which sum to `whole`.
fn apportion(parts: [i128; 4], whole: i128, units: i128) -> [i64; 4] {
    apportion_exact(parts.map(|part| part * units), whole, units)
}

/// Rounds `parts / denominator`, which sum to `units`, to whole numbers with the same sum: the largest
/// remainders go up, ties to the lower pod.
fn apportion_exact(parts: [i128; 4], denominator: i128, units: i128) -> [i64; 4] {
    let mut whole = parts.map(|part| part / denominator);
    let mut order = [0, 1, 2, 3];
    // A stable sort: equal remainders keep the pods' order.
    order.sort_by_key(|&at: &usize| std::cmp::Reverse(parts[at] % denominator));
    let left = units - whole.iter().sum::<i128>();
    for (_, &at) in (0..left).zip(&order) {
        whole[at] += 1;
    }
    assert!(whole.iter().sum::<i128>() == units, "Invariant: shares sum to what is shared");
    // Each is at most `units`, which came from an i64.
    whole.map(|part| i64::try_from(part).unwrap_or(i64::MAX))
}

fn share(part: i128, whole: i128) -> Ratio {
    if whole == 0 {
        return Ratio::ZERO;
    }
    Ratio::from_wide(div_half_even(part * i128::from(Ratio::ONE), whole)).unwrap_or(Ratio::ZERO)
}

fn rule(no_goals: bool) -> &'static str {
    if no_goals {
        "Without goals, weights are the category's base weights moved by age."
    } else {
        "Each weight is four fifths of the category's base weight moved by age, and one fifth of the pod's \
         goals' share of all target amounts."
    }
}

fn explain(share: &PodShare, category: Category, age: u32, no_goals: bool) -> String {
    let base = percent(share.base);
    let aged = match share.glide.raw() {
        0 => format!("{base} for {category}"),
        up @ 1.. => format!("{base} for {category} and {} more at age {age}", percent(Ratio::from_raw(up))),
        down => format!("{base} for {category} and {} less at age {age}", percent(Ratio::from_raw(-down))),
    };
    let weight = percent(share.weight);
    if no_goals {
        return format!("{weight}: {aged}.");
    }
    let goals: Vec<String> = share.goals.iter().map(ToString::to_string).collect();
    let from_goals = match goals.as_slice() {
        [] => "no goal".to_owned(),
        goals => format!("{}, {} of all goals' money", listed(goals), percent(share.goal_share)),
    };
    format!("{weight}: four fifths of {aged}; one fifth of {from_goals}.")
}

/// Percent with two decimals, for sentences.
fn percent(ratio: Ratio) -> String {
    let hundredths = div_half_even(i128::from(ratio.raw()), i128::from(PERCENT / 100));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_weights_and_every_glide_sum_to_one() {
        for &category in Category::ALL {
            assert_eq!(base(category).iter().sum::<i64>(), 100, "{category}");
            for age in [0, 29, 30, 60, 61, 120] {
                let weights: [i64; 4] = std::array::from_fn(|at| base(category)[at] + glide(age)[at]);
                assert_eq!(weights.iter().sum::<i64>(), 100);
                assert!(weights.iter().all(|weight| *weight >= 0), "{category} at {age}: {weights:?}");
            }
        }
    }

    #[test]
    fn the_glide_path_turns_below_30_and_above_60() {
        let growth_at = |age| {
            let allocation = allocate(Category::Moderate, age, &[], Money::ZERO).unwrap();
            (allocation.pods[0].weight.to_string(), allocation.pods[2].weight.to_string())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(growth_at(29), pair("0.15", "0.45"));
        assert_eq!(growth_at(30), pair("0.2", "0.4"));
        assert_eq!(growth_at(60), pair("0.2", "0.4"));
        assert_eq!(growth_at(61), pair("0.3", "0.3"));
    }

    #[test]
    fn the_largest_remainders_get_what_is_left() {
        // Thirds of ten: 3 + 1/3 each, and the first gets the one that is left; nothing for who has no part.
        assert_eq!(apportion([1, 1, 1, 0], 3, 10), [4, 3, 3, 0]);
        // 1.25, 2.5, 6.25: the half wins.
        assert_eq!(apportion([1, 2, 5, 0], 8, 10), [1, 3, 6, 0]);
        // Three cents over 40/40/15/5 percent: 1.2, 1.2, 0.45, 0.15.
        assert_eq!(apportion([40, 40, 15, 5], 100, 3), [1, 1, 1, 0]);
    }

    #[test]
    fn parts_of_a_cent_and_debts_are_refused() {
        for raw in [-10_000, 1, 9_999] {
            let refused = allocate(Category::Growth, 40, &[], Money::from_raw(raw)).unwrap_err();
            assert_eq!(refused, AllocationError::Capital { got: Money::from_raw(raw) });
        }
        let one_cent = allocate(Category::Growth, 40, &[], Money::from_raw(10_000)).unwrap();
        let capital: Vec<i64> = one_cent.pods.iter().map(|pod| pod.capital.raw()).collect();
        assert_eq!(capital, [0, 0, 10_000, 0]);
    }
}
