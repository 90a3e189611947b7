//! What makes no sense is answered in words.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{Taxpayer, free, n, parcel, planned, portfolio, position};
use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_rebalancing::{
    Destination, PlanError, Policy, Portfolio, Reason, ReasonKind, Risk, Snapshot, Strategy, Subject, plan,
};
use evenkeel_schemas::InstrumentId;
use ndarray::array;

const TO_TARGET: Strategy = Strategy::Threshold { to: Destination::Target };

fn words(portfolio: &Portfolio, reasons: &[Reason], policy: &Policy) -> String {
    planned(portfolio, reasons, &TO_TARGET, policy).unwrap_err().to_string()
}

fn two() -> Portfolio {
    portfolio(vec![position(1, "60", "10", "0.5"), position(2, "40", "10", "0.5")], "0")
}

#[test]
fn contradictions_are_named() {
    let manual = [Reason::of(ReasonKind::Manual)];
    let of = |change: &dyn Fn(&mut Portfolio)| {
        let mut book = two();
        change(&mut book);
        words(&book, &manual, &free())
    };
    let nothing = of(&|book| book.positions.iter_mut().for_each(|p| (p.held, p.sellable) = (n("0"), n("0"))));
    assert!(nothing.contains("no cash and nothing is held"), "{nothing}");
    let empty = words(&portfolio(Vec::new(), "0"), &manual, &free());
    assert!(empty.contains("no cash and nothing is held"), "{empty}");
    let only_cash = words(&portfolio(Vec::new(), "100"), &manual, &free());
    assert!(only_cash.contains("nothing to hold or buy"), "{only_cash}");
    let unpriced = of(&|book| book.positions[0].price = None);
    assert!(unpriced.contains("I1 is held and has no usable price"), "{unpriced}");
    let free_of_charge = of(&|book| book.positions[1].price = Some(n("0")));
    assert!(free_of_charge.contains("I2 is held and has no usable price"), "{free_of_charge}");
    let above = of(&|book| book.positions[0].target = Some(n("0.6")));
    assert!(above.contains("targets sum to 1.1"), "{above}");
    let none = of(&|book| book.positions.iter_mut().for_each(|p| p.target = None));
    assert!(none.contains("at least one target"), "{none}");
    let crossed =
        of(&|book| (book.positions[0].weight_min, book.positions[0].weight_max) = (n("0.4"), n("0.3")));
    assert!(crossed.contains("the range of weights of I1 is 0.4 to 0.3"), "{crossed}");
    let owed = of(&|book| book.cash = n("-1000"));
    assert!(owed.contains("net asset value is 0"), "{owed}");
    let lost = of(&|book| book.positions[0].sellable = n("61"));
    assert!(lost.contains("61 sellable of 60"), "{lost}");
    let minima = of(&|book| book.positions.iter_mut().for_each(|p| p.weight_min = n("0.6")));
    assert!(minima.contains("minimum weights sum to 120%"), "{minima}");
    let twice = of(&|book| book.positions[1].instrument = InstrumentId(1));
    assert!(twice.contains("listed twice"), "{twice}");
    let parcels = of(&|book| book.positions[0].parcels = vec![parcel(1, "2026-01-01", "59", "1")]);
    assert!(parcels.contains("parcels of I1 sum to 59 units, 60 are held"), "{parcels}");
    let large = of(&|book| book.positions[0].price = Some(n("9000000000000")));
    assert!(large.contains("beyond what can be computed"), "{large}");
}

#[test]
fn reasons_and_settings_are_checked() {
    assert!(words(&two(), &[], &free()).contains("no reason"));
    let stop = Reason::of(ReasonKind::StopLoss);
    assert!(words(&two(), &[stop], &free()).contains("without an instrument"));
    let flow = Reason::of(ReasonKind::CashFlow);
    assert!(words(&two(), &[flow], &free()).contains("without an amount"));
    let unknown =
        Reason::beyond(ReasonKind::StopLoss, Subject::Instrument(InstrumentId(9)), n("0.2"), n("0.1"));
    assert!(words(&two(), &[unknown], &free()).contains("names instrument 9"));
    let policy = Policy { risk_aversion: f64::NAN, horizon_days: 0, ..free() };
    let text = words(&two(), &[Reason::of(ReasonKind::Manual)], &policy);
    assert!(text.contains("risk_aversion is NaN") && text.contains("horizon_days is 0"), "{text}");
    // Half has to be raised, and four tenths may be sold.
    let mut stuck = two();
    stuck.positions[0].tradable = false;
    let text = words(&stuck, &[Reason::cash_flow(n("-500"), false)], &free());
    assert!(text.contains("I1 may not be traded and weighs 120%"), "{text}");
}

#[test]
fn risk_and_tax_have_to_fit_the_portfolio() {
    let book = two();
    let manual = [Reason::of(ReasonKind::Manual)];
    let covariance = Covariance::dense(array![[0.04]]).unwrap();
    let risk = Some(Risk { instruments: &[InstrumentId(1)], covariance: &covariance });
    let snapshot = Snapshot { portfolio: &book, market: common::asx(), risk, tax: None };
    let error = plan(&snapshot, &manual, &TO_TARGET, &free()).unwrap_err();
    assert!(error.to_string().contains("without I2"), "{error}");
    // Not semi-definite is no covariance in the first place.
    assert!(Covariance::dense(array![[0.04, 0.05], [0.05, 0.04]]).is_err());
    // Tax needs the parcels.
    let error = Taxpayer::new().planned(&book, &manual, &TO_TARGET, &free()).unwrap_err();
    assert!(error.to_string().contains("parcels of I1 sum to 0 units"), "{error}");
    // A year without law, a day without a calendar.
    let mut early = two();
    for (at, position) in early.positions.iter_mut().enumerate() {
        position.parcels = vec![parcel(at as u64, "1999-01-04", &position.held.to_string(), "100")];
    }
    early.date = n("2001-02-01");
    let error = Taxpayer::new().planned(&early, &manual, &TO_TARGET, &free()).unwrap_err();
    assert!(matches!(error, PlanError::Tax(_)), "{error}");
    let error = planned(&early, &manual, &TO_TARGET, &free()).unwrap_err();
    assert!(matches!(error, PlanError::Calendar(_)), "{error}");
}
