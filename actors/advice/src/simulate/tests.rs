//! Simulations against closed forms and by hand.

use evenkeel_schemas::Ratio;
use statrs::distribution::{ContinuousCDF, Normal};

use super::*;
use crate::goals::{Flexibility, Priority};

/// A funding in a mix of 7% and 15%, without fee, tax and inflation; monthly savings at the end of the month.
pub(super) fn funding(capital: &str, saved: &str) -> Funding {
    Funding {
        capital: capital.parse().unwrap(),
        savings: Savings {
            amount: saved.parse().unwrap(),
            every_months: 1,
            timing: Timing::End,
            yearly_growth: Ratio::ZERO,
        },
        mix: Mix {
            name: "balanced".parse().unwrap(),
            expected_return: "0.07".parse().unwrap(),
            volatility: "0.15".parse().unwrap(),
        },
        fee: Ratio::ZERO,
        tax: Ratio::ZERO,
        inflation: Ratio::ZERO,
    }
}

const CHANCE: Chance = Chance { paths: Chance::PATHS, seed: 20_251_115 };

#[test]
fn without_savings_and_tax_the_probability_is_lognormal() {
    for (target, months, fee) in
        [("150000", 60, 0.0), ("100000", 12, 0.01), ("400000", 240, 0.006), ("80000", 7, 0.0)]
    {
        let mut funding = funding("100000", "0");
        funding.fee = to_ratio("fee", fee).unwrap();
        let plan = GoalPlan { target: target.parse().unwrap(), months, funding };
        let got = simulate(&plan, CHANCE).unwrap().probability;
        // ln W = ln 100000 + T (ln 1.07 - σ²/2) + 12 T ln(1 - fee/12) + σ √T z.
        let years = f64::from(months) / 12.0;
        let mean = 100_000_f64.ln()
            + years * (1.07_f64.ln() - 0.15 * 0.15 / 2.0)
            + f64::from(months) * (1.0 - fee / 12.0).ln();
        let z = (target.parse::<f64>().unwrap().ln() - mean) / (0.15 * years.sqrt());
        let exact = 1.0 - Normal::standard().cdf(z);
        let (estimate, error) = (got.probability.to_f64(), got.standard_error.to_f64());
        assert!(error > 0.0);
        assert!((estimate - exact).abs() < 4.0 * error, "{target}: {estimate} ± {error}, exactly {exact}");
    }
}

#[test]
fn a_simulation_gives_the_same_bytes_everywhere() {
    // Numbers of this program, not of a source: they change when a path does, on whatever machine.
    let mut funding = funding("100000", "500");
    funding.fee = "0.005".parse().unwrap();
    funding.tax = "0.2".parse().unwrap();
    let plan = GoalPlan { target: "200000".parse().unwrap(), months: 100, funding };
    let outcome = simulate(&plan, CHANCE).unwrap();
    assert_eq!(outcome, simulate(&plan, CHANCE).unwrap());
    let bytes = serde_json::to_string(&outcome).unwrap();
    assert_eq!(bytes, EXPECTED);
}

const EXPECTED: &str = concat!(
    r#"{"months":100,"target_at_date":"200000","probability":{"successes":4977,"paths":10000,"#,
    r#""probability":"0.4977","standard_error":"0.00074098","#,
    r#""low_95":"0.496247705","high_95":"0.499152295"},"#,
    r#""end":{"mean":"209548.46","mean_standard_error":"205.84","#,
    r#""percentiles":[{"percent":5,"amount":"118021.64"},"#,
    r#"{"percent":10,"amount":"132967.33"},{"percent":25,"amount":"161092.2"},"#,
    r#"{"percent":50,"amount":"199669.72"},{"percent":75,"amount":"247429.64"},"#,
    r#"{"percent":90,"amount":"297247.67"},{"percent":95,"amount":"332918.28"}]}}"#,
);

#[test]
fn no_months_leave_what_is_there() {
    for (target, probability) in [("100000", "1"), ("100000.01", "0")] {
        let plan = GoalPlan { target: target.parse().unwrap(), months: 0, funding: funding("100000", "500") };
        let outcome = simulate(&plan, CHANCE).unwrap();
        assert_eq!(outcome.probability.probability.to_string(), probability);
        assert_eq!(outcome.end.percentiles[3].amount.to_string(), "100000");
    }
}

#[test]
fn a_target_in_todays_money_rises_with_prices() {
    let mut funding = funding("0", "500");
    funding.inflation = "0.03".parse().unwrap();
    let plan = GoalPlan { target: "100000".parse().unwrap(), months: 24, funding };
    assert_eq!(simulate(&plan, CHANCE).unwrap().target_at_date.to_string(), "106090");
}

#[test]
fn inputs_out_of_range_are_named() {
    let refused = |change: &dyn Fn(&mut GoalPlan)| {
        let mut plan = GoalPlan { target: "1000".parse().unwrap(), months: 12, funding: funding("1", "1") };
        change(&mut plan);
        simulate(&plan, CHANCE).unwrap_err().to_string()
    };
    assert_eq!(refused(&|p| p.target = Money::ZERO), "target: expected an amount above 0, got 0");
    assert_eq!(refused(&|p| p.months = 1201), "months: expected at most 1200 months, got 1201");
    assert!(
        refused(&|p| p.funding.capital = "-1".parse().unwrap()).starts_with("capital: expected 0 or more")
    );
    assert!(refused(&|p| p.funding.savings.amount = "-1".parse().unwrap()).starts_with("savings.amount"));
    assert!(refused(&|p| p.funding.savings.every_months = 0).starts_with("savings.every_months"));
    assert!(refused(&|p| p.funding.tax = "1".parse().unwrap()).starts_with("tax"));
    assert!(refused(&|p| p.funding.fee = "-0.01".parse().unwrap()).starts_with("fee"));
    assert!(refused(&|p| p.funding.mix.volatility = "1.1".parse().unwrap()).starts_with("mix.volatility"));
    assert!(refused(&|p| p.funding.mix.expected_return = "-1".parse().unwrap()).starts_with("mix.expected"));
    let chance = Chance { paths: 101, seed: 1 };
    let plan = GoalPlan { target: "1000".parse().unwrap(), months: 12, funding: funding("1", "1") };
    assert!(simulate(&plan, chance).unwrap_err().to_string().starts_with("paths"));
}

#[test]
fn growth_beyond_what_money_holds_is_an_error_not_a_number() {
    let mut funding = funding("1000000000", "0");
    funding.mix.expected_return = "1".parse().unwrap();
    let plan = GoalPlan { target: "1".parse().unwrap(), months: 1200, funding };
    assert!(matches!(simulate(&plan, CHANCE), Err(PlanError::Range(_))));
}

fn claim(goal: &str, target: &str, months: u32, priority: Priority, flexibility: Flexibility) -> Claim {
    Claim { goal: goal.parse().unwrap(), target: target.parse().unwrap(), months, priority, flexibility }
}

/// Goals paid from a portfolio that does not move, so that all paths agree: paid, in time, months late.
fn certain(capital: &str, saved: &str, claims: Vec<Claim>) -> Vec<(String, String, Option<String>)> {
    let mut funding = funding(capital, saved);
    funding.mix.expected_return = Ratio::ZERO;
    funding.mix.volatility = Ratio::ZERO;
    let plan = SharedPlan { claims, grace_months: 12, funding };
    let outcome = simulate_shared(&plan, Chance { paths: 100, seed: 1 }).unwrap();
    let row = |goal: &ClaimOutcome| {
        let late = goal.months_late_mean.map(|late| late.to_string());
        (goal.paid.probability.to_string(), goal.paid_in_time.probability.to_string(), late)
    };
    outcome.goals.iter().map(row).collect()
}

fn row(paid: &str, in_time: &str, late: Option<&str>) -> (String, String, Option<String>) {
    (paid.to_owned(), in_time.to_owned(), late.map(str::to_owned))
}

#[test]
fn a_reserve_is_kept_for_what_matters_more() {
    // 100 is there. The early goal of low priority must leave 80 for the late one of high priority.
    let late = claim("late", "80", 24, Priority::High, Flexibility::Rigid);
    let early = |target| claim("early", target, 12, Priority::Low, Flexibility::Rigid);
    assert_eq!(
        certain("100", "0", vec![early("20"), late.clone()]),
        [row("1", "1", Some("0")), row("1", "1", Some("0"))]
    );
    assert_eq!(
        certain("100", "0", vec![early("20.01"), late.clone()]),
        [row("0", "0", None), row("1", "1", Some("0"))]
    );
    // Of equal priority, the earlier one is paid and the later one is missed.
    let equal = claim("early", "30", 12, Priority::High, Flexibility::Rigid);
    assert_eq!(certain("100", "0", vec![equal, late]), [row("1", "1", Some("0")), row("0", "0", None)]);
}

#[test]
fn a_flexible_goal_waits_and_a_rigid_one_does_not() {
    // 90 are there and 1 comes each month: 100 after 10 months.
    let goal = |months, flexibility| vec![claim("g", "100", months, Priority::Medium, flexibility)];
    assert_eq!(certain("90", "1", goal(7, Flexibility::Flexible)), [row("1", "0", Some("3"))]);
    assert_eq!(certain("90", "1", goal(7, Flexibility::Rigid)), [row("0", "0", None)]);
    assert_eq!(certain("80", "1", goal(7, Flexibility::Flexible)), [row("0", "0", None)]);
    assert_eq!(certain("81", "1", goal(7, Flexibility::Flexible)), [row("1", "0", Some("12"))]);
}

#[test]
fn on_one_day_priority_decides() {
    let claims = vec![
        claim("a", "60", 12, Priority::Low, Flexibility::Rigid),
        claim("b", "60", 12, Priority::High, Flexibility::Rigid),
    ];
    assert_eq!(certain("100", "0", claims), [row("0", "0", None), row("1", "1", Some("0"))]);
}

#[test]
fn one_goal_alone_is_the_single_simulation() {
    let mut funding = funding("50000", "400");
    funding.tax = "0.25".parse().unwrap();
    funding.fee = "0.01".parse().unwrap();
    funding.inflation = "0.02".parse().unwrap();
    let (target, months): (Money, u32) = ("90000".parse().unwrap(), 65);
    let single = simulate(&GoalPlan { target, months, funding: funding.clone() }, CHANCE).unwrap();
    let only = claim("only", "90000", months, Priority::Medium, Flexibility::Rigid);
    let plan = SharedPlan { claims: vec![only], grace_months: 0, funding };
    let shared = simulate_shared(&plan, CHANCE).unwrap();
    assert_eq!(shared.goals[0].paid, single.probability);
    assert_eq!(shared.all_paid, single.probability);
}

#[test]
fn shared_plans_are_checked() {
    let plan = |claims| SharedPlan { claims, grace_months: 12, funding: funding("1", "1") };
    let one = || claim("g", "1", 7, Priority::Low, Flexibility::Rigid);
    assert!(simulate_shared(&plan(vec![]), CHANCE).is_err());
    assert!(simulate_shared(&plan(vec![one(), one()]), CHANCE).is_err());
    let far = claim("g", "1", 1190, Priority::Low, Flexibility::Flexible);
    assert!(simulate_shared(&plan(vec![far]), CHANCE).is_err());
}
