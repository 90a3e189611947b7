//! Decisions by plan, with numbers for a pencil.

use std::collections::BTreeSet;

use evenkeel_rebalancing::{Outcome as Planned, ReasonKind, Subject};
use evenkeel_schemas::InstrumentId;
use evenkeel_schemas::events::LotChoice;

use super::*;
use crate::plans::{PlanRequest, reason_kind};
use crate::snapshot::{Bucket, ParcelHeld};

/// A day, in milliseconds.
const DAY: Epoch = 86_400_000;

/// c1 at these prices, with cash, units held and targets, each with a band.
fn book(cash: &str, lines: &[(&str, &str, i64, &str)], band: &str, triggers: Vec<OpenTrigger>) -> Snapshot {
    let mut books = FakeBooks::default();
    for (instrument, last, _, _) in lines {
        books.list(instrument, last);
    }
    let held: Vec<(&str, i64)> = lines.iter().map(|(name, _, units, _)| (*name, *units)).collect();
    let targets: Vec<(&str, &str)> = lines.iter().map(|(name, _, _, target)| (*name, *target)).collect();
    books.customer("c1", cash, &held, &targets);
    let mut snapshot = books.snapshot(NOW, &name("c1"), triggers);
    snapshot.holdings.iter_mut().for_each(|holding| holding.band = ratio(band));
    snapshot
}

fn paid(amount: &str) -> Vec<OpenTrigger> {
    let mut open = flow().remove(0);
    (open.measure, open.limit) = (Measure::Amount(money(amount)), Measure::Amount(Money::ZERO));
    vec![open]
}

fn ordered(decision: &Decision) -> Vec<(&str, Side, i64)> {
    let whole = |order: &evenkeel_schemas::events::DecisionOrder| order.quantity.raw() / 1_000_000;
    decision.orders.iter().map(|order| (order.instrument.as_str(), order.side, whole(order))).collect()
}

#[test]
fn a_deposit_is_sized_on_the_total_after_it() {
    // 60,000 and 40,000 at their targets, 50,000 come in: of 150,000 the targets are 90,000 and 60,000, so that 300 at
    // 100 and 400 at 50 are missing, less what trading costs. Of the 100,000 before, nothing is.
    let lines = [("VAS", "100", 600, "0.6"), ("VGS", "50", 800, "0.4")];
    let decision = decide(&book("50000", &lines, "0.05", paid("50000")), &Policy::default());
    let [(vas, Side::Buy, first), (vgs, Side::Buy, second)] = ordered(&decision)[..] else {
        panic!("expected two buys: {:?} {}", decision.orders, decision.reason)
    };
    assert_eq!((vas, vgs), ("VAS", "VGS"));
    assert!((297..=300).contains(&first) && (395..=400).contains(&second), "{first} {second}");
    assert!(decision.reason.contains("F-1: money came in or goes out (50000 in)"), "{}", decision.reason);
}

#[test]
fn a_deposit_never_buys_what_is_overweight() {
    // 70,000, 20,000 and 10,000 with targets of 50, 30 and 20%; of 125,000 these are 62,500, 37,500 and 25,000: the first
    // is above, the others share the 25,000 that came in.
    let lines = [("VAF", "40", 250, "0.2"), ("VAS", "100", 700, "0.5"), ("VGS", "50", 400, "0.3")];
    let decision = decide(&book("25000", &lines, "0.1", paid("25000")), &Policy::default());
    let orders = ordered(&decision);
    assert!(!orders.is_empty(), "{}", decision.reason);
    assert!(orders.iter().all(|(name, side, _)| *side == Side::Buy && *name != "VAS"), "{orders:?}");
    // With bands of one point the deposit is not enough: now it is sold, and still nobody buys it.
    let decision = decide(&book("25000", &lines, "0.01", paid("25000")), &Policy::default());
    assert_eq!(ordered(&decision)[0].0, "VAS");
    assert_eq!(ordered(&decision)[0].1, Side::Sell);
    assert!(ordered(&decision)[1..].iter().all(|(_, side, _)| *side == Side::Buy));
}

#[test]
fn a_withdrawal_is_told_as_money_that_goes_out() {
    // Booked already: 5,000 are missing, the overweight gives them.
    let lines = [("VAS", "100", 700, "0.6"), ("VGS", "50", 600, "0.4")];
    let decision = decide(&book("-5000", &lines, "0.2", paid("-5000")), &Policy::default());
    let orders = ordered(&decision);
    assert!(matches!(orders[..], [("VAS", Side::Sell, 50..=52)]), "{orders:?} {}", decision.reason);
    assert!(decision.reason.contains("(5000 out)"), "{}", decision.reason);
}

#[test]
fn buckets_that_want_opposite_things_give_one_order_an_instrument() {
    // Everything is inside its band of 10 points. Equity, VAS and VGS, weighs 78 of 70; Australia, VAS and VAF, 76 of 80:
    // one asks to sell VAS, the other to buy it. Together: back to the targets, 40 VAS and 80 VGS sold, 200 VAF bought.
    let lines = [("VAF", "40", 550, "0.3"), ("VAS", "100", 540, "0.5"), ("VGS", "50", 480, "0.2")];
    let mut open = drift().remove(0);
    open.trigger.subject = name("asset_class:equity");
    let mut snapshot = book("0", &lines, "0.1", vec![open]);
    let id = |place: usize, snapshot: &Snapshot| snapshot.holdings[place].instrument;
    let (vaf, vas, vgs) = (id(0, &snapshot), id(1, &snapshot), id(2, &snapshot));
    let bucket =
        |label: &str, members: Vec<InstrumentId>| Bucket { name: name(label), members, band: ratio("0.01") };
    snapshot.buckets =
        vec![bucket("asset_class:equity", vec![vas, vgs]), bucket("region:au", vec![vas, vaf])];
    let request = PlanRequest::of(&snapshot, &Policy::default());
    assert_eq!(request.reasons[0].subject, Subject::Group("buckets".into(), "asset_class:equity".into()));
    let plan = request.plan().unwrap();
    assert_eq!((plan.before.outside(), plan.after.outside()), (2, 0), "{:?}", plan.words);
    let decision = decide(&snapshot, &Policy::default());
    let orders = ordered(&decision);
    let names: BTreeSet<&str> = orders.iter().map(|(name, _, _)| *name).collect();
    assert_eq!((orders.len(), names.len()), (3, 3), "{orders:?}");
    assert!(
        matches!(
            orders[..],
            [("VAS", Side::Sell, 39..=41), ("VGS", Side::Sell, 79..=81), ("VAF", Side::Buy, 196..=200)]
        ),
        "{orders:?}"
    );
}

#[test]
fn what_a_day_cannot_take_follows_on_the_next() {
    // 200 VAS are to be sold, 20,000; a tenth of a day's 50,000 is 50 of them.
    let triggers = || drift().into_iter().chain(flow()).collect();
    let (mut snapshot, policy) = (snapshot(triggers()), Policy::default());
    snapshot.holdings[0].average_daily_value = Some(money("50000"));
    let decision = decide(&snapshot, &policy);
    assert!(matches!(ordered(&decision)[0], ("VAS", Side::Sell, 50)), "{:?}", decision.orders);
    // 1 January 1970 was a Thursday.
    assert_eq!((decision.outcome, decision.review), (Outcome::Trade, Some(DAY)), "{}", decision.reason);
    let vas = decision.after.iter().find(|line| line.instrument.as_str() == "VAS").unwrap();
    assert_eq!(vas.quantity, units(650), "what this day's orders come to");
    let mut state = CustomerState::default();
    state.apply_decision(NOW, &decision);
    for order in &decision.orders {
        state.apply_order_end(&order.order);
    }
    let mut later = snapshot.clone();
    later.epoch = NOW + 70_000;
    assert_eq!(prepare(&state, &later, None, &policy), Prepared::Quiet, "the day has had its share");
    later.epoch = DAY;
    assert!(matches!(prepare(&state, &later, None, &policy), Prepared::Solve(_)));
    // Without a limit of volume there is nothing to follow, and the flow is answered.
    snapshot.holdings[0].average_daily_value = None;
    assert_eq!(decide(&snapshot, &policy).review, None);
}

#[test]
fn a_sale_names_its_lots_losses_first() {
    let parcel = |lot: &str, quantity, cost: &str| ParcelHeld {
        lot: name(lot),
        acquired: "1960-01-04".parse().unwrap(),
        quantity: units(quantity),
        cost_base: money(cost),
        value_at_start: None,
    };
    let (mut snapshot, policy) = (snapshot(drift()), Policy::default());
    // At 100 a gain of 60 a unit, a loss of 10 a unit, a gain of 1 a unit.
    snapshot.holdings[0].parcels =
        vec![parcel("gain", 300, "12000"), parcel("loss", 150, "16500"), parcel("seq:7", 250, "24750")];
    let decision = decide(&snapshot, &policy);
    let sold = decision.orders[0].quantity;
    assert!(sold > units(150) && sold <= units(200), "{sold}");
    let rest = sold.checked_sub(units(150)).unwrap();
    let expected = [
        LotChoice { lot: name("loss"), quantity: units(150) },
        LotChoice { lot: name("seq:7"), quantity: rest },
    ];
    assert_eq!(decision.orders[0].lots, expected);
    assert!(decision.orders[1].lots.is_empty(), "a buy opens a lot");
    // The first day's share of the same sale.
    snapshot.holdings[0].average_daily_value = Some(money("100000"));
    let first = decide(&snapshot, &policy);
    assert_eq!(first.orders[0].lots, [LotChoice { lot: name("loss"), quantity: units(100) }]);
    // Lots that are not what is held any more do not pass the gate.
    let answer = solved(&snapshot, &policy);
    snapshot.holdings[0].parcels[1].quantity = units(99);
    let refused = conclude(&CustomerState::default(), &snapshot, &policy, &answer);
    assert_eq!(Refusal::of(&refused), Some(Refusal::Gate));
    assert!(refused.reason.contains("takes 100 VAS from the lot loss of 99"), "{}", refused.reason);
}

#[test]
fn without_targets_nothing_is_sold() {
    let mut untargeted = snapshot(paid("100"));
    untargeted.targeted = false;
    let (refusal, decision) = held(&CustomerState::default(), &untargeted, &Policy::default());
    assert_eq!((refusal, decision.review), (Refusal::NoTargets, None), "the flow is answered");
}

#[test]
fn a_hold_of_the_plan_is_reviewed_where_prices_ask() {
    // Asked for, and everything is at its target but 150 of cash.
    let lines = [("VAS", "100", 500, "0.5"), ("VGS", "50", 997, "0.5")];
    let mut policy = Policy::default();
    policy.customer.trade_min = money("120");
    policy.rebalancing.distance_rate = 1e-6;
    for (open, reviewed) in [(flow(), false), (drift(), true)] {
        let decision = decide(&book("150", &lines, "0.0001", open), &policy);
        assert_eq!(
            (decision.outcome, decision.review.is_some()),
            (Outcome::Hold, reviewed),
            "{}",
            decision.reason
        );
        assert!(decision.objective.contains_key("drift_before"), "{:?}", decision.objective);
    }
}

#[test]
fn every_trigger_is_a_reason_under_the_same_word() {
    for kind in TriggerKind::ALL {
        assert_eq!(reason_kind(*kind).as_str(), kind.as_str());
    }
    let request = PlanRequest::of(&snapshot(drift()), &Policy::default());
    let reason = &request.reasons[0];
    assert_eq!((reason.kind, &reason.subject), (ReasonKind::Drift, &Subject::Instrument(InstrumentId(0))));
    assert_eq!((reason.measure, reason.limit), (Some(ratio("0.06")), Some(ratio("0.05"))));
}

#[test]
fn what_has_no_price_yet_waits_and_the_rest_is_bought() {
    let lines = [("VAF", "40", 0, "0.3"), ("VAS", "100", 0, "0.7")];
    let mut snapshot = book("100000", &lines, "0.05", paid("100000"));
    snapshot.holdings[0].price = None;
    let decision = decide(&snapshot, &Policy::default());
    assert!(matches!(ordered(&decision)[..], [("VAS", Side::Buy, 690..=700)]), "{}", decision.reason);
}

#[test]
fn a_decision_is_the_dry_run_of_the_same_snapshot() {
    let (snapshot, policy) = (snapshot(drift()), Policy::default());
    let plan = PlanRequest::of(&snapshot, &policy).plan().unwrap();
    let decision = decide(&snapshot, &policy);
    assert_eq!((plan.outcome, decision.reason), (Planned::Trade, plan.words.join("; ")));
    let planned: Vec<_> = plan.orders.iter().map(|order| (order.quantity, order.limit)).collect();
    let logged: Vec<_> = decision.orders.iter().map(|order| (order.quantity, order.limit)).collect();
    assert_eq!(planned, logged);
    assert_eq!(decision.objective["cost_estimate"], plan.cost.total.to_string());
    assert_eq!(decision.objective["benefit"], plan.benefit.amount.to_string());
}
