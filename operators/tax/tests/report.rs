//! Reports of made-up customers, each figure to be checked with a pencil.
#![allow(clippy::unwrap_used, reason = "a report that cannot be made fails the test")]

use std::collections::BTreeSet;

use evenkeel_schemas::Money;
use evenkeel_tax::{
    Cpi, Customer, GainKind, Law, Report, TaxError, YearFacts, position_of, report, reports, saving_of_loss,
};
use proptest::prelude::*;
use serde_json::json;

fn customer(entity: &str, resident: bool) -> Customer {
    let profile = json!({ "entity": entity, "resident": resident, "cost_method": "fifo" });
    serde_json::from_value(json!({
        "customer": "C1",
        "profile": profile,
        "gains": [
            // Held for more than 12 months; held for less; a loss.
            {"instrument": "VAS", "lot": "b1", "disposal": "s1",
             "acquired": "2022-01-10", "disposed": "2024-08-01",
             "quantity": "100", "proceeds": "13000", "cost_base": "10000", "gain": "3000"},
            {"instrument": "VAS", "lot": "b2", "disposal": "s1",
             "acquired": "2024-03-01", "disposed": "2024-08-01",
             "quantity": "40", "proceeds": "5200", "cost_base": "4680", "gain": "520"},
            {"instrument": "NDQ", "lot": "b3", "disposal": "s2",
             "acquired": "2023-01-10", "disposed": "2025-06-30",
             "quantity": "10", "proceeds": "400", "cost_base": "1000", "gain": "-600"},
            // The next year: a loss beyond the gains.
            {"instrument": "NDQ", "lot": "b3", "disposal": "s3",
             "acquired": "2023-01-10", "disposed": "2025-07-01",
             "quantity": "10", "proceeds": "400", "cost_base": "1000", "gain": "-600"},
        ],
        "distributions": [
            {"instrument": "VHY", "event": "d1", "ex_date": "2025-02-20", "pay_date": "2025-03-10",
             "units": "14000", "amount": "5880", "franked_fraction": "1"},
            // Paid in July, of the year that ended in June.
            {"instrument": "VAF", "event": "d2", "ex_date": "2025-06-29", "pay_date": "2025-07-16",
             "units": "50", "amount": "120.50", "franked_fraction": "0", "entitled_in": "2024-25"},
        ],
        "trades": [
            {"event": "p1", "instrument": "VHY", "date": "2024-02-14", "quantity": "10000"},
            {"event": "p2", "instrument": "VHY", "date": "2025-01-30", "quantity": "4000"},
            {"event": "p3", "instrument": "VHY", "date": "2025-03-07", "quantity": "-6000"},
        ],
    }))
    .unwrap()
}

fn facts(year: &str, other_income: &str) -> YearFacts {
    serde_json::from_value(json!({ "year": year, "other_income": other_income })).unwrap()
}

fn made(customer: &Customer, facts: &YearFacts, losses: &str) -> Report {
    report(&Law::built_in().unwrap(), &Cpi::default(), customer, facts, losses.parse().unwrap()).unwrap()
}

fn check(report: &Report, expected: &[(&str, &str)]) {
    for (id, amount) in expected {
        let got = report.amount(id).map(|amount| amount.to_string());
        assert_eq!(got.as_deref(), Some(*amount), "{id} in {:#?}", report.lines);
    }
}

/// Every figure names its rule and comes from events, input, law or an earlier line, and the lines say the position.
fn check_trace(report: &Report) {
    let mut earlier = BTreeSet::new();
    for line in &report.lines {
        assert!(!line.rule.is_empty() && !line.label.is_empty(), "{line:?}");
        for from in &line.from {
            let outside = ["event:", "input:", "law:"].iter().any(|kind| from.starts_with(kind));
            assert!(outside || earlier.contains(from), "{}: {from} is no earlier line", line.id);
        }
        assert!(earlier.insert(line.id.clone()), "{} twice", line.id);
    }
    let lines = report.lines.iter().map(|line| (line.id.as_str(), line.amount));
    assert_eq!(position_of(lines).unwrap(), report.position);
}

#[test]
fn a_resident_individual() {
    let report = made(&customer("individual", true), &facts("2024-25", "80000.75"), "400");
    check_trace(&report);
    check(
        &report,
        &[
            ("gain/s1/b1", "3000"),
            ("gain/s1/b2", "520"),
            ("gain/s2/b3", "-600"),
            ("losses", "600"),
            ("gains_ordinary_after_losses", "0"),
            ("gains_discount_after_losses", "2920"),
            ("gains_discount_left", "2520"),
            ("discount", "1260"),
            ("net_capital_gain", "1260"),
            ("losses_carried_forward", "0"),
            // Small shareholder: 2,520 of credits are not above 5,000.
            ("credit/d1", "2520"),
            ("credit_allowed/d1", "2520"),
            ("distributions", "6000.5"),
            ("distributions_grossed_up", "8520.5"),
            // 80,000.75 + 8,520.50 + 1,260, cents left out.
            ("taxable_income", "89781"),
            // 4,288 and 30% of 44,781.
            ("income_tax", "17722.3"),
            ("medicare_levy", "1795.62"),
            ("tax", "19517.92"),
            ("payable", "16997.92"),
            ("refund", "0"),
        ],
    );
}

#[test]
fn a_super_fund_has_no_small_shareholders_exemption() {
    let report = made(&customer("smsf", true), &facts("2024-25", "0"), "0");
    check_trace(&report);
    check(
        &report,
        &[
            ("credit_allowed/d1", "1800"),
            ("credit_denied/d1", "720"),
            ("franking_credits_denied", "720"),
            // 2,920 less a third.
            ("discount", "973.33"),
            ("net_capital_gain", "1946.67"),
            ("distributions_grossed_up", "7800.5"),
            ("taxable_income", "9747"),
            ("income_tax", "1462.05"),
            ("payable", "0"),
            ("refund", "337.95"),
        ],
    );
    let allowed = report.lines.iter().find(|line| line.id == "credit_allowed/d1").unwrap();
    assert_eq!(allowed.from, ["credit/d1", "event:p2", "event:p1"]);
}

#[test]
fn the_small_shareholders_limit_includes_itself_and_credits_from_elsewhere() {
    let customer = customer("individual", true);
    let mut facts = facts("2024-25", "80000");
    facts.other_franking_credits = "2480".parse().unwrap();
    check(&made(&customer, &facts, "0"), &[("franking_credits", "2520")]);
    facts.other_franking_credits = "2480.01".parse().unwrap();
    check(&made(&customer, &facts, "0"), &[("franking_credits", "1800"), ("franking_credits_denied", "720")]);
}

#[test]
fn preference_shares_need_ninety_days() {
    let mut customer = customer("smsf", true);
    // 2,000 of the first parcel are sold after 72 days, enough for 45 but not for 90.
    customer.trades[0].date = "2024-12-24".parse().unwrap();
    customer.distributions[0].preference = true;
    let report = made(&customer, &facts("2024-25", "0"), "0");
    // 8,000 of 14,000 are kept: 2,520 x 8 / 14.
    check(&report, &[("credit_allowed/d1", "1440"), ("credit_denied/d1", "1080")]);
}

#[test]
fn a_companys_excess_credits_become_a_loss() {
    let report = made(&customer("company", true), &facts("2024-25", "-9000"), "0");
    check_trace(&report);
    // 5,880 + 120.50 + 1,800 − 9,000 + 2,920: 1,720 taxable, 516 of tax, 1,284 of credits beyond it.
    let expected = [
        ("net_capital_gain", "2920"),
        ("taxable_income", "1720"),
        ("payable", "0"),
        ("excess_credit_loss", "4280"),
    ];
    check(&report, &expected);
}

#[test]
fn a_foreign_resident_is_assessed_on_little() {
    let mut away = customer("individual", false);
    let report = made(&away, &facts("2024-25", "1000"), "50");
    check_trace(&report);
    let expected = [
        ("distributions_not_assessed", "6000.5"),
        ("gains_disregarded", "2920"),
        ("taxable_income", "1000"),
        ("payable", "300"),
        ("losses_carried_forward", "50"),
    ];
    check(&report, &expected);
    away.profile.taxable_australian_property = true;
    let report = made(&away, &facts("2024-25", "1000"), "50");
    // No discount: 3,520 − 600 − 50.
    check(&report, &[("net_capital_gain", "2870"), ("taxable_income", "3870"), ("payable", "1161")]);
}

#[test]
fn years_in_a_row_carry_losses_on() {
    let (law, customer) = (Law::built_in().unwrap(), customer("individual", true));
    let years: Vec<YearFacts> =
        ["2024-25", "2025-26", "2026-27"].map(|year| facts(year, "50000")).into_iter().collect();
    let all = reports(&law, &Cpi::default(), &customer, &years, "5000".parse().unwrap()).unwrap();
    let carried: Vec<String> = all.iter().map(|one| one.losses_carried_forward.to_string()).collect();
    assert_eq!(carried, ["2080", "2680", "2680"]);
    check(&all[1], &[("losses_brought_forward", "2080"), ("losses_carried_forward", "2680")]);
    let error = reports(&law, &Cpi::default(), &customer, &[years[0].clone(), years[2].clone()], Money::ZERO);
    assert_eq!(error.unwrap_err().to_string(), "years must follow one another: 2026-27 comes after 2024-25");
}

#[test]
fn under_the_regime_deferred_gains_are_reduced_first() {
    let mut customer = customer("individual", true);
    (customer.distributions, customer.trades) = (Vec::new(), Vec::new());
    customer.gains = serde_json::from_value(json!([
        {"instrument": "VAS", "lot": "b1", "disposal": "s1",
         "acquired": "2020-01-10", "disposed": "2028-12-01",
         "quantity": "10", "proceeds": "20000", "cost_base": "10000", "gain": "10000",
         "value_at_start": "15000"},
        {"instrument": "NDQ", "lot": "b2", "disposal": "s2",
         "acquired": "2028-08-01", "disposed": "2029-01-10",
         "quantity": "10", "proceeds": "1000", "cost_base": "2000", "gain": "-1000"},
    ]))
    .unwrap();
    let cpi: Cpi = serde_json::from_value(json!({ "2027-Q3": "100", "2028-Q4": "103" })).unwrap();
    let law = Law::built_in().unwrap();
    let report = report(&law, &cpi, &customer, &facts("2028-29", "20000"), Money::ZERO).unwrap();
    check_trace(&report);
    check(
        &report,
        &[
            ("gain/s1/b1/deferred", "5000"),
            // 20,000 less 15,000 indexed by 1.03.
            ("gain/s1/b1/accrued", "4550"),
            ("gain/s2/b2", "-1000"),
            ("gains_discount_left", "4000"),
            ("gains_accrued_left", "4550"),
            ("net_capital_gain", "6550"),
            ("taxable_income", "26550"),
            // 14% of 8,350.
            ("income_tax", "1169"),
            // 30% of 4,550 is 1,365; at 14% they add 637.
            ("minimum_tax", "728"),
            ("payable", "1897"),
        ],
    );
    customer.gains[0].value_at_start = None;
    let error = evenkeel_tax::report(&law, &cpi, &customer, &facts("2028-29", "0"), Money::ZERO).unwrap_err();
    assert!(matches!(error, TaxError::NoValue { .. }), "{error}");
    // A super fund knows no such regime.
    customer.profile.entity = evenkeel_tax::Entity::SuperFund;
    let fund = made(&customer, &facts("2028-29", "0"), "0");
    check(&fund, &[("gain/s1/b1", "10000"), ("net_capital_gain", "6000")]);
}

#[test]
fn what_cannot_be_reported_is_an_error() {
    let law = Law::built_in().unwrap();
    let error = |change: &dyn Fn(&mut Customer)| {
        let mut customer = customer("smsf", true);
        change(&mut customer);
        report(&law, &Cpi::default(), &customer, &facts("2024-25", "0"), Money::ZERO).unwrap_err().to_string()
    };
    let average = error(&|customer| customer.profile.cost_method = evenkeel_tax::CostMethod::Average);
    assert!(average.starts_with("average cost is not accepted for a resident's tax report"), "{average}");
    let gain = error(&|customer| customer.gains[0].gain = Money::ZERO);
    assert_eq!(gain, "disposal s1 of lot b1: gain 0 is not proceeds 13000 less cost base 10000");
    let dates = error(&|customer| customer.gains[0].acquired = "2024-08-02".parse().unwrap());
    assert!(dates.contains("acquired 2024-08-02 after it was disposed of on 2024-08-01"), "{dates}");
    let trades = error(&|customer| customer.trades.clear());
    assert_eq!(trades, "distribution d1: no units of VHY were held when it went ex on 2025-02-20");
    let oversold = error(&|customer| drop(customer.trades.remove(0)));
    assert!(oversold.contains("sell p3: 2000 units more"), "{oversold}");
    let away = &mut customer("individual", false);
    away.profile.cost_method = evenkeel_tax::CostMethod::Average;
    assert_eq!(made(away, &facts("2024-25", "0"), "0").amount("payable"), Some(Money::ZERO));
}

#[test]
fn a_report_is_json_with_numbers_as_strings() {
    let mut customer = customer("smsf", true);
    customer.distributions[0].units = "13999".parse().unwrap();
    let report = made(&customer, &facts("2024-25", "0"), "0");
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["assessment"]["settlement"]["refund"], "337.95");
    assert!(!json.to_string().contains(":0."), "a float in {json}");
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}

#[test]
fn the_reports_position_is_where_harvesting_starts() {
    let law = Law::built_in().unwrap();
    let facts = facts("2024-25", "80000");
    let report = made(&customer("individual", true), &facts, "0");
    let law = law.of(facts.year).unwrap();
    let effect = saving_of_loss(law, &report.profile, &report.position, "1000".parse().unwrap()).unwrap();
    assert_eq!(effect.before, report.assessment);
    // Discount gains only are left: half of 1,000 at 30% and the levy of 2%.
    assert_eq!(effect.saved.to_string(), "160");
}

proptest! {
    #[test]
    fn losses_in_are_used_or_carried_over_any_years(
        gains in prop::collection::vec((0_u32..4, -5_000_i64..5_000, prop::bool::ANY), 0..12),
        opening in 0_i64..5_000,
    ) {
        let mut customer = customer("individual", true);
        customer.gains.clear();
        (customer.distributions, customer.trades) = (Vec::new(), Vec::new());
        let mut losses = opening;
        for (n, (year, gain, long)) in gains.into_iter().enumerate() {
            losses += (-gain).max(0);
            let proceeds = 10_000 + gain;
            let row = json!({
                "instrument": "VAS", "lot": format!("b{n}"), "disposal": format!("s{n}"), "quantity": "1",
                "acquired": if long { "2020-01-01".to_owned() } else { format!("{}-08-01", 2022 + year) },
                "disposed": format!("{}-09-01", 2022 + year),
                "proceeds": proceeds.to_string(), "cost_base": "10000", "gain": gain.to_string(),
            });
            customer.gains.push(serde_json::from_value(row).unwrap());
        }
        let years: Vec<YearFacts> = (2022..2026).map(|y| facts(&format!("{y}-{}", y - 1999), "0")).collect();
        let opening = Money::from_whole(opening).unwrap();
        let all = reports(&Law::built_in().unwrap(), &Cpi::default(), &customer, &years, opening).unwrap();
        let used: i64 = all
            .iter()
            .map(|one| one.assessment.capital.current_used.raw() + one.assessment.capital.prior_used.raw())
            .sum();
        prop_assert_eq!(used + all[3].losses_carried_forward.raw(), losses * Money::ONE);
        for one in &all {
            check_trace(one);
            prop_assert_eq!(one.position.gains.of(GainKind::Accrued), Money::ZERO);
        }
    }
}
