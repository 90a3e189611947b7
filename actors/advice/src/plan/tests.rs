//! Gaps by hand, changes checked from both sides.

use evenkeel_schemas::{Money, Ratio};

use super::*;
use crate::simulate::{Funding, Savings, Timing, simulate};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

fn mix(name: &str, expected_return: &str, volatility: &str) -> Mix {
    Mix {
        name: name.parse().unwrap(),
        expected_return: ratio(expected_return),
        volatility: ratio(volatility),
    }
}

fn plan(target: &str, months: u32, capital: &str, saved: &str) -> GoalPlan {
    let savings =
        Savings { amount: money(saved), every_months: 1, timing: Timing::End, yearly_growth: Ratio::ZERO };
    let funding = Funding {
        capital: money(capital),
        savings,
        mix: mix("growth", "0.07", "0.15"),
        fee: ratio("0.005"),
        tax: ratio("0.2"),
        inflation: Ratio::ZERO,
    };
    GoalPlan { target: money(target), months, funding }
}

const CHANCE: Chance = Chance { paths: 2000, seed: 42 };

#[test]
fn the_gap_by_hand() {
    // 10% a year less 50% of tax is 5% net: 1102.50 in two years is 1000 today.
    let mut plan = plan("1102.50", 24, "600", "0");
    plan.funding.mix.expected_return = ratio("0.1");
    plan.funding.fee = Ratio::ZERO;
    plan.funding.tax = ratio("0.5");
    let got = gap(&plan).unwrap();
    assert_eq!(got.target_at_date, money("1102.5"));
    assert_eq!(got.present_value, money("1000"));
    assert_eq!(got.projected, money("661.5"));
    assert_eq!(got.funded_ratio, ratio("0.6"));
    assert_eq!(got.funded_ratio_with_savings, ratio("0.6"));
    assert_eq!(got.shortfall, money("400"));
    // 1102.50 / 600 = 1.8375; its root less 1 is 0.355544..., gross twice that.
    let RequiredReturn::Return(required) = got.required_return else { panic!("{got:?}") };
    assert!((required.to_f64() - 2.0 * (1.8375_f64.sqrt() - 1.0)).abs() < 2e-9, "{required}");
}

#[test]
fn savings_count_in_the_gap() {
    // Nothing grows: twelve payments of 50 are worth 600, wherever they stand.
    let mut plan = plan("1000", 12, "300", "50");
    plan.funding.mix.expected_return = Ratio::ZERO;
    plan.funding.fee = Ratio::ZERO;
    let got = gap(&plan).unwrap();
    assert_eq!((got.present_value_of_savings, got.shortfall), (money("600"), money("100")));
    assert_eq!((got.funded_ratio, got.funded_ratio_with_savings), (ratio("0.3"), ratio("0.9")));
}

#[test]
fn a_goal_may_need_no_return_or_be_beyond_any() {
    assert_eq!(gap(&plan("500", 12, "0", "500")).unwrap().required_return, RequiredReturn::Any);
    assert_eq!(gap(&plan("1000000", 1, "1", "1")).unwrap().required_return, RequiredReturn::None);
    assert_eq!(gap(&plan("100", 0, "99", "1")).unwrap().required_return, RequiredReturn::None);
    assert_eq!(gap(&plan("100", 0, "100", "1")).unwrap().required_return, RequiredReturn::Any);
}

/// Successes of 2000 paths.
fn successes(plan: &GoalPlan) -> u32 {
    simulate(plan, CHANCE).unwrap().probability.successes
}

#[test]
fn the_payment_found_is_the_least() {
    for (wanted, paths, timing, every) in
        [("0.8", 1600, Timing::End, 1), ("0.9001", 1801, Timing::Start, 3), ("0.5", 1000, Timing::End, 12)]
    {
        let mut plan = plan("150000", 96, "20000", "300");
        plan.funding.savings.timing = timing;
        plan.funding.savings.every_months = every;
        let found = least_savings(&plan, ratio(wanted), CHANCE).unwrap().change.unwrap();
        assert_eq!(found.more, money(&found.amount.to_string()).checked_sub(money("300")).unwrap());
        plan.funding.savings.amount = found.amount;
        assert_eq!(found.checked.again.successes, successes(&plan));
        assert!(successes(&plan) >= paths, "{} of {paths}", successes(&plan));
        plan.funding.savings.amount = found.amount.checked_sub(money("0.01")).unwrap();
        assert!(successes(&plan) < paths, "a cent less does too");
        // Another market of the same law: within five standard errors and what the search flatters.
        let (fresh, error) = (found.checked.fresh.probability, found.checked.fresh.standard_error);
        assert!(
            (fresh.to_f64() - ratio(wanted).to_f64()).abs() < 5.0 * error.to_f64() + 0.01,
            "{fresh} ± {error}"
        );
    }
}

#[test]
fn less_may_be_saved_where_the_goal_is_sure() {
    let found =
        least_savings(&plan("10000", 60, "50000", "300"), ratio("0.9"), CHANCE).unwrap().change.unwrap();
    assert_eq!((found.amount, found.more), (Money::ZERO, money("-300")));
}

#[test]
fn no_payment_helps_where_none_falls() {
    let mut plan = plan("150000", 5, "20000", "300");
    plan.funding.savings.every_months = 12;
    let found = least_savings(&plan, ratio("0.8"), CHANCE).unwrap();
    assert_eq!((found.change, found.explanation.as_str()), (None, "No payment falls within 5 months."));
}

#[test]
fn the_date_found_is_the_first() {
    let mut plan = plan("60000", 40, "20000", "600");
    plan.funding.inflation = ratio("0.02");
    let found = first_date(&plan, ratio("0.85"), 240, CHANCE).unwrap().change.unwrap();
    assert!(found.later > 0);
    assert_eq!(found.months, 40 + found.later);
    for months in 40..found.months {
        plan.months = months;
        assert!(successes(&plan) < 1700, "already after {months} months");
    }
    plan.months = found.months;
    assert_eq!(found.checked.again.successes, successes(&plan));
    assert!(successes(&plan) >= 1700);
}

#[test]
fn a_date_that_does_stands_and_none_may_do() {
    let easy = first_date(&plan("20000", 40, "20000", "600"), ratio("0.85"), 240, CHANCE).unwrap();
    assert_eq!(easy.change.unwrap().later, 0);
    let hard = first_date(&plan("9000000", 40, "20000", "600"), ratio("0.85"), 24, CHANCE).unwrap();
    assert_eq!(hard.change, None);
    assert_eq!(hard.explanation, "No date within 64 months reaches the goal with a probability of 0.85.");
}

#[test]
fn the_calmest_mix_that_does_it_is_taken() {
    let plan = plan("44500", 60, "20000", "300");
    let mixes = [
        mix("bold", "0.12", "0.25"),
        mix("cash", "0.03", "0.005"),
        mix("calm", "0.08", "0.06"),
        mix("growth", "0.09", "0.14"),
    ];
    let found = calmest_mix(&plan, ratio("0.7"), &mixes, CHANCE).unwrap().change.unwrap();
    assert_eq!(found.mix.as_str(), "calm");
    let mut calm = plan.clone();
    calm.funding.mix = mixes[2].clone();
    assert_eq!(found.checked.again.successes, successes(&calm));
    calm.funding.mix = mixes[1].clone();
    assert!(successes(&calm) < 1400, "cash does it too");
    let none = calmest_mix(&plan, ratio("0.7"), &mixes[1..2], CHANCE).unwrap();
    assert!(none.explanation.contains("cash is closest"), "{}", none.explanation);
    assert_eq!(calmest_mix(&plan, ratio("0.7"), &[], CHANCE).unwrap().change, None);
}

#[test]
fn an_analysis_says_it_all() {
    let plan = plan("150000", 96, "20000", "300");
    let mixes = [mix("bold", "0.12", "0.25")];
    let wanted = Wanted { probability: ratio("0.8"), later_most: 240, mixes: &mixes };
    let got = analyse(&plan, &wanted, CHANCE).unwrap();
    assert!(!got.on_track);
    assert!(got.save.change.is_some() && got.wait.change.is_some() && got.switch.change.is_none());
    let text = serde_json::to_string(&got).unwrap();
    assert_eq!(serde_json::from_str::<GoalAnalysis>(&text).unwrap(), got);
    for bad in ["0", "1", "-0.5", "1.5"] {
        let wanted = Wanted { probability: ratio(bad), ..wanted.clone() };
        assert!(analyse(&plan, &wanted, CHANCE).unwrap_err().to_string().starts_with("wanted: expected"));
    }
}
