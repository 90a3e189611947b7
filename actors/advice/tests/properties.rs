//! What holds for every customer and every goal.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;

use evenkeel_advice::{
    Answers, Category, Chance, Funding, GoalPlan, Mix, QUESTIONS, RequiredReturn, Savings, Timing, allocate,
    gap, least_savings, map_goals, projection, risk_profile, simulate,
};
use evenkeel_schemas::events::Goal;
use evenkeel_schemas::{Money, Name, Ratio, TradeDate};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn answers(options: &[usize; 10]) -> BTreeMap<Name, String> {
    let picked = QUESTIONS.iter().zip(options);
    picked.map(|(q, option)| (q.id.parse().unwrap(), q.options[*option].key.to_owned())).collect()
}

fn score(options: &[usize; 10]) -> u32 {
    risk_profile(&Answers::read(&answers(options)).unwrap()).risk_score
}

fn goals() -> impl Strategy<Value = Vec<Goal>> {
    let goal = (1_i64..10_000_000_000_000, 1_u32..12_000, 0_usize..3);
    prop::collection::vec(goal, 0..8).prop_map(|goals| {
        let goal = |(at, (amount, months, priority)): (usize, (i64, u32, usize))| Goal {
            goal: format!("g{at}").parse().unwrap(),
            name: "a goal".to_owned(),
            target_amount: Money::from_raw(amount),
            target_date: format!("{}-{:02}-15", 2026 + months / 80, 1 + months % 12).parse().unwrap(),
            priority: ["high", "medium", "low"][priority].to_owned(),
            flexibility: "rigid".to_owned(),
        };
        goals.into_iter().enumerate().map(goal).collect()
    })
}

fn rate(hundredths_of_percent: i64) -> Ratio {
    Ratio::from_bps(hundredths_of_percent).unwrap()
}

/// The same 64 cases each time: what is tested to four standard errors passes always or never.
fn fixed_cases() -> ProptestConfig {
    ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(64), ..ProptestConfig::default() }
}

/// A goal with everything in it.
fn plans() -> impl Strategy<Value = GoalPlan> {
    let amounts = (1_000_i64..2_000_000, 0_i64..1_000_000, 0_i64..5_000, 1_u32..150);
    let savings = (1_u32..=12, any::<bool>(), 0_i64..500);
    let rates = (-200_i64..1500, 0_i64..3000, 0_i64..200, 0_i64..4700, 0_i64..500);
    (amounts, savings, rates).prop_map(
        |((target, capital, amount, months), (every, start, growth), rates)| {
            let (expected_return, volatility, fee, tax, inflation) = rates;
            let timing = if start { Timing::Start } else { Timing::End };
            let savings = Savings {
                amount: Money::from_whole(amount).unwrap(),
                every_months: every,
                timing,
                yearly_growth: rate(growth),
            };
            let mix = Mix {
                name: "m".parse().unwrap(),
                expected_return: rate(expected_return),
                volatility: rate(volatility),
            };
            let capital = Money::from_whole(capital).unwrap();
            let (fee, tax, inflation) = (rate(fee), rate(tax), rate(inflation));
            let funding = Funding { capital, savings, mix, fee, tax, inflation };
            GoalPlan { target: Money::from_whole(target).unwrap(), months, funding }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn weights_and_capital_sum_exactly(
        category in 0_usize..4,
        age in 0_u32..=120,
        goals in goals(),
        cents in 0_i64..900_000_000_000_000,
    ) {
        let on: TradeDate = "2025-11-15".parse().unwrap();
        let mapped = map_goals(on, &goals).unwrap();
        let total = Money::from_raw(cents * (Money::ONE / 100));
        let allocation = allocate(Category::ALL[category], age, &mapped, total).unwrap();
        prop_assert_eq!(allocation.pods.iter().map(|pod| pod.weight.raw()).sum::<i64>(), Ratio::ONE);
        prop_assert_eq!(allocation.pods.iter().map(|pod| pod.capital.raw()).sum::<i64>(), total.raw());
        for pod in &allocation.pods {
            prop_assert!((0..=Ratio::ONE).contains(&pod.weight.raw()));
            prop_assert!(pod.capital.raw() >= 0 && pod.capital.raw() % (Money::ONE / 100) == 0);
            // Within one unit of its weight's part.
            let part = i128::from(pod.weight.raw()) * i128::from(cents);
            let got = i128::from(pod.capital.raw() / (Money::ONE / 100)) * i128::from(Ratio::ONE);
            prop_assert!((part - got).abs() < i128::from(Ratio::ONE));
            // Against plain floats of the flow's formula.
            let (base, glide) = (pod.base.to_f64(), pod.glide.to_f64());
            let goal_money = |pod_only: bool| {
                let counted = mapped.iter().filter(|goal| !pod_only || goal.pod == pod.pod);
                counted.map(|goal| goal.target_amount.to_f64()).sum::<f64>()
            };
            let plain = match goal_money(false) {
                0.0 => base + glide,
                all => 0.8 * (base + glide) + 0.2 * goal_money(true) / all,
            };
            prop_assert!((pod.weight.to_f64() - plain).abs() < 2e-9, "{} {}", pod.weight, plain);
        }
    }

    #[test]
    fn a_bolder_answer_never_lowers_the_score(
        options in prop::array::uniform10(0_usize..4),
        at in 0_usize..10,
    ) {
        let mut bolder = options;
        bolder[at] = (bolder[at] + 1).min(3);
        prop_assert!(score(&bolder) >= score(&options));
        prop_assert!(score(&bolder) <= 100);
    }

    #[test]
    fn the_required_return_reaches_the_target(plan in plans()) {
        let gap = gap(&plan).unwrap();
        if let RequiredReturn::Return(required) = gap.required_return {
            let reached = projection(&plan, required).unwrap().to_f64();
            let target = gap.target_at_date.to_f64();
            // A return in nine decimals moves the end by at most months / 12 billionths of it, and then some.
            let allowed = 0.011 + target * 1e-7;
            prop_assert!((reached - target).abs() < allowed, "{reached} for {target} at {required}");
        }
        // Where something is missing today, the projection falls short; a cent apart, rounding decides.
        let (missing, short) = (gap.shortfall, gap.target_at_date.checked_sub(gap.projected).unwrap());
        if missing.raw().abs() > Money::ONE && short.raw().abs() > Money::ONE {
            prop_assert_eq!(missing > Money::ZERO, short > Money::ZERO, "{} {}", missing, short);
        }
    }
}

proptest! {
    #![proptest_config(fixed_cases())]

    #[test]
    fn more_savings_never_lower_the_probability(plan in plans(), more in 1_i64..1_000, seed in any::<u64>()) {
        let chance = Chance { paths: 200, seed };
        let before = simulate(&plan, chance).unwrap();
        let mut saving_more = plan.clone();
        let amount = plan.funding.savings.amount.checked_add(Money::from_whole(more).unwrap()).unwrap();
        saving_more.funding.savings.amount = amount;
        let after = simulate(&saving_more, chance).unwrap();
        prop_assert!(after.probability.successes >= before.probability.successes);
        for (after, before) in after.end.percentiles.iter().zip(&before.end.percentiles) {
            prop_assert!(after.amount >= before.amount);
        }
    }

    #[test]
    fn the_payment_found_is_always_the_least(plan in plans(), percent in 1_i64..100, seed in any::<u64>()) {
        let chance = Chance { paths: 200, seed };
        let wanted = rate(percent * 100);
        if let Some(found) = least_savings(&plan, wanted, chance).unwrap().change {
            let needed = u32::try_from(percent * 2).unwrap();
            prop_assert!(found.checked.again.successes >= needed);
            if found.amount > Money::ZERO {
                let mut less = plan.clone();
                less.funding.savings.amount = found.amount.checked_sub("0.01".parse().unwrap()).unwrap();
                prop_assert!(simulate(&less, chance).unwrap().probability.successes < needed);
            }
        }
    }

    #[test]
    fn the_mean_is_the_closed_form(plan in plans(), seed in any::<u64>()) {
        let mut plan = plan;
        plan.funding.tax = Ratio::ZERO;
        let chance = Chance { paths: 2_000, seed };
        let end = simulate(&plan, chance).unwrap().end;
        // E W = capital · a^n + Σ payment · a^(months that it grows), a = (1 + μ)^(1/12) (1 − fee / 12).
        let Funding { capital, savings, mix, fee, .. } = &plan.funding;
        let a = (1.0 + mix.expected_return.to_f64()).powf(1.0 / 12.0) * (1.0 - fee.to_f64() / 12.0);
        let mut exact = capital.to_f64() * a.powf(f64::from(plan.months));
        let every = savings.every_months;
        for period in 0.. {
            let (first, last) = (period * every, (period + 1) * every);
            let made = if savings.timing == Timing::Start { first } else { last };
            let at_start = savings.timing == Timing::Start;
            let in_time = if at_start { made < plan.months } else { made <= plan.months };
            if !in_time {
                break;
            }
            let year = if savings.timing == Timing::Start { first / 12 } else { (last - 1) / 12 };
            let payment =
                savings.amount.to_f64() * (1.0 + savings.yearly_growth.to_f64()).powf(f64::from(year));
            exact += payment * a.powf(f64::from(plan.months - made));
        }
        let error = end.mean_standard_error.to_f64();
        let off = (end.mean.to_f64() - exact).abs();
        prop_assert!(off < 4.0 * error + 0.02, "{} ± {error}, exactly {exact}", end.mean);
    }
}

/// Mean and standard deviation.
fn moments(sample: &[f64]) -> (f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let variance = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    (mean, variance.sqrt())
}

#[test]
fn the_standard_error_is_what_seeds_show() {
    // 400 simulations with seeds of their own: the spread of their estimates is what each says of itself.
    // With 400, a standard deviation is known to about 3.5%; 15% is four of those.
    let savings = Savings {
        amount: "300".parse().unwrap(),
        every_months: 1,
        timing: Timing::End,
        yearly_growth: Ratio::ZERO,
    };
    let mix = Mix { name: "m".parse().unwrap(), expected_return: rate(700), volatility: rate(1500) };
    let capital = "20000".parse().unwrap();
    let funding = Funding { capital, savings, mix, fee: rate(50), tax: rate(2000), inflation: Ratio::ZERO };
    for target in ["45000", "60000"] {
        let plan = GoalPlan { target: target.parse().unwrap(), months: 60, funding: funding.clone() };
        let (mut estimates, mut stated, mut means, mut means_stated, mut covered) =
            (vec![], vec![], vec![], vec![], 0);
        let outcomes: Vec<_> =
            (0..400).map(|seed| simulate(&plan, Chance { paths: 1000, seed }).unwrap()).collect();
        let pooled =
            outcomes.iter().map(|outcome| outcome.probability.probability.to_f64()).sum::<f64>() / 400.0;
        for outcome in &outcomes {
            let probability = &outcome.probability;
            estimates.push(probability.probability.to_f64());
            stated.push(probability.standard_error.to_f64());
            means.push(outcome.end.mean.to_f64());
            means_stated.push(outcome.end.mean_standard_error.to_f64());
            let interval = probability.low_95.to_f64()..=probability.high_95.to_f64();
            covered += u32::from(interval.contains(&pooled));
        }
        for (estimates, stated) in [(&estimates, &stated), (&means, &means_stated)] {
            let (shown, said) = (moments(estimates).1, moments(stated).0);
            assert!((shown / said - 1.0).abs() < 0.15, "{target}: seeds show {shown}, stated is {said}");
        }
        // 95% of 400 is 380, give or take 4.4.
        assert!((362..=396).contains(&covered), "{target}: {covered} of 400 intervals hold the probability");
    }
}
