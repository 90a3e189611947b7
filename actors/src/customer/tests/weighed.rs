//! Decisions that know risk, tax and reviews, with numbers for a pencil.

use std::sync::Arc;

use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_rebalancing::Outcome as Planned;
use evenkeel_schemas::TradeDate;
use evenkeel_schemas::events::{CostBasis, LotChoice};
use evenkeel_tax::{Entity, Position, Profile};

use super::*;
use crate::plans::PlanRequest;
use crate::policy::RebalancingStrategy;
use crate::snapshot::{ParcelHeld, TaxKnown};

fn date(text: &str) -> TradeDate {
    text.parse().unwrap()
}

fn epoch(day: &str) -> Epoch {
    Epoch::try_from(date(day).start().micros() / 1_000).unwrap()
}

/// On Monday 3 August 2026.
fn today(triggers: Vec<OpenTrigger>) -> Snapshot {
    Snapshot { epoch: epoch("2026-08-03"), ..snapshot(triggers) }
}

fn parcel(lot: &str, acquired: &str, quantity: i64, cost: &str) -> ParcelHeld {
    ParcelHeld {
        lot: name(lot),
        acquired: date(acquired),
        quantity: units(quantity),
        cost_base: money(cost),
        value_at_start: None,
    }
}

/// A resident with 100,000 of other income: 30% and the levy of 2%.
fn taxed(vas: Vec<ParcelHeld>, method: CostBasis) -> Snapshot {
    let mut snapshot = today(drift());
    snapshot.holdings[0].parcels = vas;
    snapshot.holdings[1].parcels = vec![parcel("g", "2020-01-06", 600, "30000")];
    let position = Position { income: money("100000"), ..Position::default() };
    let profile = Profile::resident(Entity::Individual);
    snapshot.tax = Some(TaxKnown { profile, position, cpi: Arc::default() });
    snapshot.method = method;
    snapshot
}

#[test]
fn with_covariances_the_benefit_is_by_tracking_variance() {
    let mut request = PlanRequest::of(&today(drift()), &Policy::default());
    let covariance = |variance: f64| Some(Arc::new(Covariance::diagonal(vec![variance; 2].into()).unwrap()));
    // 20 points off in both: 0.2² · 0.04 · 2 of variance, times 2 (γ/2) and 100,000, less what is left.
    request.risk = covariance(0.04);
    let plan = request.plan().unwrap();
    assert_eq!(plan.outcome, Planned::Trade, "{:?}", plan.words);
    assert!((plan.benefit.before - 0.0032).abs() < 1e-12, "{}", plan.benefit.before);
    let answer = SolverAnswer::Planned(Box::new(plan));
    let decision = conclude(&CustomerState::default(), &today(drift()), &Policy::default(), &answer);
    assert_eq!(decision.objective["benefit_rule"], "tracking_variance");
    // Of what hardly moves it is worth next to nothing to be at the target.
    request.risk = covariance(1e-6);
    assert_eq!(request.plan().unwrap().outcome, Planned::Hold);
    request.risk = None;
    assert_eq!(request.plan().unwrap().outcome, Planned::Trade);
    // What idle cash forgoes is no variance: where money came in it is not asked.
    let mut request = PlanRequest::of(&today(flow()), &Policy::default());
    request.risk = covariance(1e-6);
    assert_eq!(request.plan().unwrap().outcome, Planned::Trade);
}

#[test]
fn a_parcel_near_its_discount_is_waited_for() {
    // Bought at 20 on 20 August 2025, worth 100: selling 200 of them now is taxed at 32% of 16,000, in 18 days at half of
    // that; being 20 points off costs some 22 a day until then.
    let near = || vec![parcel("near", "2025-08-20", 700, "14000")];
    for method in [CostBasis::Specific, CostBasis::Fifo] {
        let snapshot = taxed(near(), method);
        let decision = decide(&snapshot, &Policy::default());
        assert_eq!(Refusal::of(&decision), Some(Refusal::Waiting), "{}", decision.reason);
        assert!(decision.reason.contains("wait until 2026-08-21 for their discount"), "{}", decision.reason);
        assert_eq!(decision.objective["tax_year"], "2026-27");
        // Prices may change it before.
        assert_eq!(decision.review, Some(snapshot.epoch + Policy::default().customer.review_ms));
    }
    // For somebody who is not taxed there is nothing to wait for.
    let untaxed = Snapshot { tax: None, ..taxed(near(), CostBasis::Specific) };
    let decision = decide(&untaxed, &Policy::default());
    assert_eq!((decision.outcome, decision.objective.get("tax_year")), (Outcome::Trade, None));
    // A request is looked at again on the day.
    let mut asked = taxed(near(), CostBasis::Specific);
    asked.triggers = vec![trigger("c1", TriggerKind::Manual, "r-1", 900)];
    assert_eq!(decide(&asked, &Policy::default()).review, Some(epoch("2026-08-21")));
}

#[test]
fn the_books_choose_the_parcels_of_other_methods() {
    // First in, first out takes 40 a unit of gain, half of it taxed; the plan would take the losses.
    let lots = || vec![parcel("old", "2020-01-06", 400, "24000"), parcel("loss", "2026-01-05", 300, "33000")];
    let chosen = decide(&taxed(lots(), CostBasis::Specific), &Policy::default());
    assert_eq!(chosen.outcome, Outcome::Trade, "{}", chosen.reason);
    let sold = chosen.orders[0].quantity;
    assert_eq!(chosen.orders[0].lots, [LotChoice { lot: name("loss"), quantity: sold }]);
    assert_eq!(chosen.objective["cost_tax"], "0", "a loss without a gain saves nothing this year");
    let taken = decide(&taxed(lots(), CostBasis::Fifo), &Policy::default());
    assert_eq!(taken.outcome, Outcome::Trade, "{}", taken.reason);
    assert!(taken.orders[0].lots.is_empty(), "its lots are not for it to name");
    let tax: Money = taken.objective["cost_tax"].parse().unwrap();
    // Half of 8,000 at 32%, less the spread's part.
    assert!(tax > money("1200") && tax < money("1290"), "{tax}");
    // Gains of the year that losses meet make them worth taking.
    let mut gained = taxed(lots(), CostBasis::Specific);
    gained.tax.as_mut().unwrap().position.gains.ordinary = money("5000");
    let tax: Money = decide(&gained, &Policy::default()).objective["cost_tax"].parse().unwrap();
    assert!(tax < Money::ZERO, "{tax}");
}

#[test]
fn tax_is_weighed_only_where_all_lots_are_known() {
    let mut snapshot = taxed(vec![parcel("a", "2020-01-06", 700, "14000")], CostBasis::Specific);
    assert!(PlanRequest::of(&snapshot, &Policy::default()).tax.is_some());
    snapshot.holdings[1].parcels.clear();
    assert_eq!(PlanRequest::of(&snapshot, &Policy::default()).tax, None);
    // From 1 July 2027 on it takes the value of that day for what was held then.
    let mut later = taxed(vec![parcel("a", "2020-01-06", 700, "14000")], CostBasis::Specific);
    later.epoch = epoch("2027-08-03");
    later.holdings[1].parcels[0].value_at_start = Some(money("30000"));
    assert_eq!(PlanRequest::of(&later, &Policy::default()).tax, None);
    later.holdings[0].parcels[0].value_at_start = Some(money("60000"));
    assert!(PlanRequest::of(&later, &Policy::default()).tax.is_some());
    assert!(PlanRequest::of(&later, &Policy::default()).plan().is_ok());
}

#[test]
fn between_reviews_drift_alone_trades_nothing() {
    let mut policy = Policy::default();
    policy.rebalancing.strategy = RebalancingStrategy::Calendar;
    let at = |triggers, day: &str| Snapshot {
        epoch: epoch(day),
        reviewed: Some(date("2026-07-10")),
        ..snapshot(triggers)
    };
    let held = decide(&at(drift(), "2026-08-03"), &policy);
    assert_eq!(Refusal::of(&held), Some(Refusal::NothingToTrade), "{}", held.reason);
    assert!(held.reason.contains("the next review is due on 2026-08-10"), "{}", held.reason);
    assert_eq!(held.review, Some(epoch("2026-08-10")));
    // The review trades, and so does money, whatever the day.
    let due = || vec![trigger("c1", TriggerKind::Calendar, "r-1", 900)];
    let traded = decide(&at(due(), "2026-08-10"), &policy);
    assert_eq!((traded.outcome, traded.review), (Outcome::Trade, None), "{}", traded.reason);
    let mut paid = at(flow(), "2026-08-03");
    (paid.cash, paid.nav) = (money("50000"), Some(money("150000")));
    assert_eq!(decide(&paid, &policy).outcome, Outcome::Trade);
    // A review that trades nothing is answered: it does not stay open for prices.
    policy.costs.commission = ratio("0.9");
    let both = at([drift(), due()].concat(), "2026-08-10");
    let held = decide(&both, &policy);
    assert_eq!((held.outcome, held.review), (Outcome::Hold, None), "{}", held.reason);
}
