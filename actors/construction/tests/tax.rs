//! The tax step by pencil, through the whole flow.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::time::Duration;

use common::{date, investor, market_data, name};
use evenkeel_advice::{Category, PodAllocation, PodId, PodTable, allocate, pods_on};
use evenkeel_construction::{
    Cohort, Construction, FlowError, HeldLot, Investor, MarketState, MasterRules, Origin, Request, TaxYear,
    Trading, construct_portfolio, search_limits, targets_id,
};
use evenkeel_optimizer::Costs;
use evenkeel_schemas::events::Event;
use evenkeel_schemas::{Money, Name};
use evenkeel_tax::{Gains, Law};

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn trading() -> Trading {
    Trading {
        costs: Costs {
            half_spread: "0.0005".parse().unwrap(),
            commission: "0.001".parse().unwrap(),
            commission_min: Money::ZERO,
        },
        trade_min: Money::ZERO,
        first_parcel_min: money("500"),
        cost_aversion: 1.0,
    }
}

/// All the capital in one pod, which may hold VHY, VAF, VAS and VAP.
fn income_only(capital: &str) -> (PodAllocation, PodTable) {
    let mut table = pods_on(date("2025-11-15")).unwrap();
    table.pods[1].universe = ["VHY", "VAF", "VAS", "VAP"].map(name).to_vec();
    let mut allocation = allocate(Category::Moderate, 40, &[], money(capital)).unwrap();
    for share in &mut allocation.pods {
        share.capital = if share.pod == PodId::Income { money(capital) } else { Money::ZERO };
    }
    (allocation, table)
}

fn run(held: &[HeldLot], investor: Investor, year: TaxYear, on: &str) -> Result<Construction, FlowError> {
    let (allocation, table) = income_only("100000");
    let market = MarketState::new(market_data()).unwrap();
    let law = Law::built_in().unwrap();
    let request = Request {
        pods: &allocation.weights(),
        table: &table,
        market: &market,
        investor,
        on: date(on),
        held,
        law: &law,
        year,
        trading: &trading(),
    };
    let limits = search_limits(Duration::from_secs(20));
    construct_portfolio(&request, &MasterRules::default(), &mut Cohort::new(8), &limits)
}

fn lot(lot: &str, instrument: &str, acquired: &str, quantity: &str, cost_base: &str) -> HeldLot {
    HeldLot {
        lot: name(lot),
        instrument: name(instrument),
        acquired: date(acquired),
        quantity: quantity.parse().unwrap(),
        cost_base: money(cost_base),
    }
}

fn line(found: &Construction, of: &str) -> (String, String, String) {
    let line = found.tax.income.iter().find(|line| line.instrument == name(of)).unwrap();
    (line.gross.to_string(), line.franking_credits.to_string(), line.income_tax.to_string())
}

/// 30,000 of VHY pay 5.1%, four fifths franked: 1,530 with credits of 1,530 · 0.8 · 3/7 = 524.57; 30% of 2,054.57 is
/// 616.37, less the credits 91.80.
#[test]
fn income_by_pencil() {
    let found = run(&[], investor("0.3"), TaxYear::default(), "2025-11-15").unwrap();
    let vhy = found.master.holdings.iter().find(|line| line.instrument == name("VHY")).unwrap();
    assert_eq!(vhy.value, money("30000"));
    let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(line(&found, "VHY"), text("1530", "524.57", "91.8"));
    let tax = &found.tax;
    let sum = |of: fn(&evenkeel_construction::IncomeLine) -> Money| -> i64 {
        tax.income.iter().map(|l| of(l).raw()).sum()
    };
    assert_eq!(tax.gross_income.raw(), sum(|line| line.gross));
    assert_eq!(tax.franking_credits.raw(), sum(|line| line.franking_credits));
    assert_eq!(tax.income_tax.raw(), sum(|line| line.income_tax));
    assert_eq!(tax.after_tax_income.raw(), tax.gross_income.raw() - tax.income_tax.raw());
    assert_eq!((tax.financial_year.as_str(), tax.capital_gains_tax), ("2025-26", Money::ZERO));
    let expected: f64 = found
        .master
        .holdings
        .iter()
        .map(|h| {
            let data = market_data();
            let of = data.listings.iter().find(|listing| listing.name == h.instrument).unwrap();
            of.expected_return.unwrap() * h.value.to_f64()
        })
        .sum();
    let after = (expected - tax.income_tax.to_f64()) / 1e5;
    assert!((tax.after_tax_return.to_f64() - after).abs() < 1e-6);
    let credits = tax.franking_credits.to_f64();
    let score = 1.0 - (tax.income_tax.to_f64() + credits) / (expected + credits);
    assert!((tax.efficiency_score.unwrap().to_f64() - score).abs() < 1e-6);
    // Nobody at 0% pays; a foreign resident pays on the unfranked fifth alone: 306 at 30%.
    let untaxed = run(&[], investor("0"), TaxYear::default(), "2025-11-15").unwrap();
    assert!(untaxed.tax.income_tax < Money::ZERO, "{}", untaxed.tax.explanation);
    let abroad = Investor { resident: false, ..investor("0.3") };
    let abroad = run(&[], abroad, TaxYear::default(), "2025-11-15").unwrap();
    assert_eq!(line(&abroad, "VHY"), text("1530", "0", "91.8"));
}

/// A gain of 4,000 under twelve months: 1,200 at 30%, 600 from the day after the anniversary on. A loss of 1,000 saves
/// 300 if it meets a gain without discount, nothing if there is none.
#[test]
fn lots_by_pencil() {
    let held = [
        // At 78.20: 15,640 each.
        lot("young", "VHY", "2025-03-03", "200", "11640"),
        lot("old", "VHY", "2020-03-03", "150", "5730"),
        // 46.40: 9,280, a loss of 1,000.
        lot("loss", "VAF", "2024-01-02", "200", "10280"),
    ];
    let found = run(&held, investor("0.3"), TaxYear::default(), "2025-11-15").unwrap();
    let tax = &found.tax;
    let lots: Vec<(String, bool, String)> = tax
        .lots
        .iter()
        .map(|lot| (lot.gain.to_string(), lot.discounted, lot.tax_if_sold.to_string()))
        .collect();
    // 11,730 less 5,730 is 6,000: half of it at 30%.
    assert_eq!(
        lots,
        [
            ("4000".to_owned(), false, "1200".to_owned()),
            ("6000".to_owned(), true, "900".to_owned()),
            ("-1000".to_owned(), true, "0".to_owned()),
        ]
    );
    // All of it: 4,000 − 1,000 + ½ · 6,000 = 6,000 at 30%.
    assert_eq!((tax.if_sold.gains, tax.if_sold.losses), (money("10000"), money("1000")));
    assert_eq!(tax.if_sold.capital_gains_tax, money("1800"));
    let wait: Vec<&str> =
        tax.advice.iter().map(|a| a.text.as_str()).filter(|t| t.starts_with("Hold")).collect();
    assert_eq!(
        wait,
        [
            "Hold VHY (lot young, bought on 2025-03-03, gain 4000) until 2026-03-04: sold from then on, its gain has the \
          discount of 12 months, and 600 less is paid in tax at 30%."
        ]
    );
    let harvest = tax.advice.iter().find(|advice| advice.text.starts_with("Consider")).unwrap();
    assert_eq!(harvest.instrument, Some(name("VAF")));
    assert!(harvest.text.contains("saves nothing this year") && harvest.saving == Money::ZERO, "{harvest:?}");
    // With 2,000 of gains this year the loss is worth 300.
    let year = TaxYear { gains: Gains { ordinary: money("2000"), ..Gains::default() }, ..TaxYear::default() };
    let found = run(&held, investor("0.3"), year, "2025-11-15").unwrap();
    let sold = found.master.sold.iter().find(|sold| sold.lot == name("loss"));
    let kept = sold.map_or(1.0, |sold| 1.0 - sold.part.to_f64());
    let harvest = found.tax.advice.iter().find(|advice| advice.text.starts_with("Consider"));
    let saving = harvest.map_or(0.0, |advice| advice.saving.to_f64());
    assert!((saving - 300.0 * kept).abs() < 0.02, "{harvest:?} {kept}");
    // Whose gains are not taxed, has no such advice.
    let abroad = Investor { resident: false, ..investor("0.3") };
    let found = run(&held, abroad, TaxYear::default(), "2025-11-15").unwrap();
    assert_eq!(found.tax.if_sold.capital_gains_tax, Money::ZERO);
    assert!(!found.tax.advice.iter().any(|a| a.text.starts_with("Hold") || a.text.starts_with("Consider")));
}

/// What is sold is taxed in the plan as the tax step says: 100 units of SEMI, which no pod here wants.
#[test]
fn sales_of_the_plan_are_taxed() {
    // 1,000 at 20.70 for 10,700: a gain of 10,000.
    let held = [lot("semi", "SEMI", "2025-01-06", "1000", "10700")];
    let found = run(&held, investor("0.3"), TaxYear::default(), "2025-11-15").unwrap();
    assert_eq!(found.tax.capital_gains_tax, money("3000"));
    let hold = found.tax.advice.iter().find(|advice| advice.instrument == Some(name("SEMI"))).unwrap();
    assert_eq!(hold.saving, money("1500"));
    assert!(hold.text.ends_with("The portfolio sells 100% of it now."), "{}", hold.text);
    let losses = TaxYear { losses_prior: money("4000"), ..TaxYear::default() };
    let found = run(&held, investor("0.3"), losses, "2025-11-15").unwrap();
    assert_eq!(found.tax.capital_gains_tax, money("1800"));
    assert!(
        found.tax.explanation.contains("The sales add 1800 to this year's tax"),
        "{}",
        found.tax.explanation
    );
}

/// The cap of 30% holds VHY back; with room for a step it is what to overweight.
#[test]
fn franked_income_is_advised_where_there_is_room() {
    let found = run(&[], investor("0.3"), TaxYear::default(), "2025-11-15").unwrap();
    let franked: Vec<_> = found.tax.advice.iter().filter(|a| a.text.starts_with("Overweight")).collect();
    for advice in &franked {
        assert!(advice.saving > Money::ZERO && advice.instrument != Some(name("VHY")), "{advice:?}");
    }
    let held =
        [lot("vas", "VAS", "2025-11-03", "250", "27125"), lot("vap", "VAP", "2025-11-03", "250", "25575")];
    let rules = MasterRules {
        weight_most: "0.6".parse().unwrap(),
        objective: ["0.6", "0.2", "5", "0.1"].map(|weight| weight.parse().unwrap()),
        ..MasterRules::default()
    };
    let (allocation, table) = income_only("52700");
    let market = MarketState::new(market_data()).unwrap();
    let law = Law::built_in().unwrap();
    let request = Request {
        pods: &allocation.weights(),
        table: &table,
        market: &market,
        investor: investor("0.3"),
        on: date("2025-11-15"),
        held: &held,
        law: &law,
        year: TaxYear::default(),
        trading: &trading(),
    };
    let limits = search_limits(Duration::from_secs(20));
    let found = construct_portfolio(&request, &rules, &mut Cohort::new(8), &limits).unwrap();
    // Turnover counts so much that the holdings stay. 527 of VHY pay 26.88 with credits of 9.22: at 30% 1.61 are
    // left to pay and 25.27 kept. 527 of VAP pay 21.61 with credits of 0.37: 6.22 to pay, 15.39 kept.
    assert_eq!(found.master.holdings.len(), 2, "{:?}", found.master.explanation);
    let advice = found.tax.advice.iter().find(|a| a.text.starts_with("Overweight")).unwrap();
    assert_eq!(
        advice.text,
        "Overweight VHY in POD2 (Income): each 1% of the capital (527) that moves there from VAP keeps 9.88 more a year \
         after tax; it comes with franking credits of 9.22."
    );
    assert_eq!(advice.saving, money("9.88"));
    assert_eq!(found.orders.orders, []);
}

#[test]
fn the_regime_of_2027_is_refused_where_there_are_gains() {
    let held = [lot("young", "VHY", "2027-03-03", "200", "11640")];
    let words = run(&held, investor("0.3"), TaxYear::default(), "2027-07-01").unwrap_err().to_string();
    assert!(words.contains("fall under the regime of 2027-07-01"), "{words}");
    assert!(run(&[], investor("0.3"), TaxYear::default(), "2027-07-01").is_ok());
    // The year before, waiting beyond its end is no advice any more.
    let held = [lot("young", "VHY", "2026-08-03", "200", "11640")];
    let found = run(&held, investor("0.3"), TaxYear::default(), "2027-06-30").unwrap();
    assert!(!found.tax.advice.iter().any(|advice| advice.text.starts_with("Hold")));
    let words = run(&[], investor("0.3"), TaxYear::default(), "1990-07-01").unwrap_err().to_string();
    assert!(words.starts_with("tax: no tax law for 1990-91"), "{words}");
}

#[test]
fn ids_derive_from_the_allocation_however_long_its_own_is() {
    let found = run(&[], investor("0.3"), TaxYear::default(), "2025-11-15").unwrap();
    let (customer, at) = (name("c"), "2025-11-15T09:00:00Z".parse().unwrap());
    let ids = |allocation: &str| {
        let allocation = name(allocation);
        let origin = Origin { customer: &customer, allocation: &allocation, at, trigger: None };
        let events = found.events(&origin);
        let targets = events.last().and_then(|event| event.id().cloned());
        assert_eq!(targets, Some(targets_id(&allocation)));
        events.iter().filter_map(Event::id).cloned().collect::<Vec<Name>>()
    };
    let long = "x".repeat(60);
    assert_eq!((ids(&long).len(), ids(&long)), (4, ids(&long)));
    assert!(ids("a").iter().all(|id| !ids("b").contains(id)));
}
