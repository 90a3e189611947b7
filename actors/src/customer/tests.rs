mod plans;
mod weighed;

use evenkeel_optimizer::{ProposedOrder, SolverFailure};
use evenkeel_rebalancing::{PlanError, Problem};
use evenkeel_schemas::events::{Decision, Outcome, SessionState, Side, TriggerKind};
use evenkeel_schemas::{Currency, Epoch, Measure, Money};

use super::{CustomerState, Prepared, Refusal, SolverAnswer, conclude, prepare};
use crate::fake::{FakeBooks, money, name, price, quantity, ratio, trigger, units};
use crate::policy::Policy;
use crate::snapshot::{OpenTrigger, Snapshot};

const NOW: Epoch = 1_000_000;

fn drift() -> Vec<OpenTrigger> {
    vec![trigger("c1", TriggerKind::Drift, "VAS", 900)]
}

fn flow() -> Vec<OpenTrigger> {
    vec![trigger("c1", TriggerKind::CashFlow, "F-1", 900)]
}

/// 700 VAS at 100 and 600 VGS at 50: 70% against 50%, 30% against 50%.
fn snapshot(triggers: Vec<OpenTrigger>) -> Snapshot {
    let mut books = FakeBooks::default();
    books.list("VAS", "100");
    books.list("VGS", "50");
    books.customer("c1", "0", &[("VAS", 700), ("VGS", 600)], &[("VAS", "0.5"), ("VGS", "0.5")]);
    books.snapshot(NOW, &name("c1"), triggers)
}

fn held(state: &CustomerState, snapshot: &Snapshot, policy: &Policy) -> (Refusal, Decision) {
    match prepare(state, snapshot, None, policy) {
        Prepared::Hold(decision) => (Refusal::of(&decision).unwrap(), *decision),
        other => panic!("expected a hold: {other:?}"),
    }
}

fn solved(snapshot: &Snapshot, policy: &Policy) -> SolverAnswer {
    match prepare(&CustomerState::default(), snapshot, None, policy) {
        Prepared::Solve(request) => match request.plan() {
            Ok(plan) => SolverAnswer::Planned(Box::new(plan)),
            Err(error) => SolverAnswer::Failed(error),
        },
        other => panic!("expected a plan to be asked for: {other:?}"),
    }
}

fn decide(snapshot: &Snapshot, policy: &Policy) -> Decision {
    conclude(&CustomerState::default(), snapshot, policy, &solved(snapshot, policy))
}

#[test]
fn a_drift_is_traded_back_sells_first() {
    let (snapshot, policy) = (snapshot(drift()), Policy::default());
    let decision = decide(&snapshot, &policy);
    assert_eq!(decision.outcome, Outcome::Trade, "{}", decision.reason);
    assert_eq!((decision.id.as_ref(), decision.attempt), (Some(&decision.decision), 0));
    assert_eq!(decision.nav, Some(money("100000")));
    let sides: Vec<Side> = decision.orders.iter().map(|order| order.side).collect();
    assert_eq!(sides, [Side::Sell, Side::Buy]);
    assert_eq!(decision.before[0].weight, ratio("0.7"));
    let after = decision.after[0].weight.to_f64();
    assert!((0.45..=0.55).contains(&after), "VAS is back inside its band: {after}");
    // Sells at 99.90, buys at 50.05: no more is bought than the sells bring.
    let amount = |at: usize| decision.orders[at].quantity.notional(decision.orders[at].limit).unwrap();
    assert!(amount(1) <= amount(0));
    assert_eq!(decision.orders[0].limit, price("99.9"));
}

#[test]
fn no_open_trigger_is_no_decision() {
    let state = CustomerState::default();
    assert_eq!(prepare(&state, &snapshot(Vec::new()), None, &Policy::default()), Prepared::Quiet);
}

#[test]
fn an_open_rebalance_holds_once_and_its_end_asks_again() {
    let (policy, mut state) = (Policy::default(), CustomerState::default());
    let traded = decide(&snapshot(drift()), &policy);
    state.apply_decision(NOW, &traded);
    assert_eq!(prepare(&state, &snapshot(drift()), None, &policy), Prepared::Quiet, "it is being answered");
    let both = || snapshot(drift().into_iter().chain(flow()).collect());
    let (refusal, decision) = held(&state, &both(), &policy);
    assert_eq!(refusal, Refusal::OpenRebalance);
    assert!(decision.review.is_some(), "a flow stays open while it waits");
    state.apply_decision(NOW, &decision);
    assert_eq!(prepare(&state, &both(), None, &policy), Prepared::Quiet, "said once");
    let orders: Vec<_> = traded.orders.iter().map(|order| order.order.clone()).collect();
    assert!(!state.apply_order_end(&orders[0]));
    assert!(state.apply_order_end(&orders[1]), "the last order ends the rebalance");
    assert!(!state.apply_order_end(&orders[1]), "once");
    assert!(
        matches!(prepare(&state, &both(), None, &policy), Prepared::Solve(_)),
        "flows ignore the cool-down"
    );
}

#[test]
fn drift_waits_for_the_cool_down_and_flows_do_not() {
    let policy = Policy::default();
    let mut state = CustomerState::default();
    state.traded = Some(NOW - 20_000);
    let (refusal, decision) = held(&state, &snapshot(drift()), &policy);
    assert_eq!((refusal, decision.review), (Refusal::CoolDown, Some(NOW + 40_000)));
    assert_eq!(decision.reason, "the last trade was 20000 ms ago; drift alone waits 60000 ms");
    assert!(matches!(prepare(&state, &snapshot(flow()), None, &policy), Prepared::Solve(_)));
    // The hold answers its triggers until the review, and no longer.
    state.apply_decision(NOW, &decision);
    assert_eq!(prepare(&state, &snapshot(drift()), None, &policy), Prepared::Quiet);
    let mut later = snapshot(drift());
    later.epoch = NOW + 40_000;
    assert!(matches!(prepare(&state, &later, None, &policy), Prepared::Solve(_)));
    assert_eq!(state.attempt(&super::decision::trigger_ids(&later)), 1);
}

#[test]
fn without_prices_or_nav_nothing_is_weighed() {
    let (state, policy) = (CustomerState::default(), Policy::default());
    let mut unpriced = snapshot(drift());
    unpriced.holdings[1].price = None;
    unpriced.nav = None;
    let (refusal, decision) = held(&state, &unpriced, &policy);
    assert_eq!((refusal, decision.review), (Refusal::NoPrice, Some(NOW + 60_000)));
    assert_eq!(decision.reason, "no usable price or exchange rate for VGS");
    let mut broke = snapshot(drift());
    broke.nav = Some(Money::ZERO);
    assert_eq!(held(&state, &broke, &policy).0, Refusal::NoNav);
}

#[test]
fn a_closed_market_holds_until_it_opens() {
    let (mut state, policy, snapshot) = (CustomerState::default(), Policy::default(), snapshot(flow()));
    let look = |state: &CustomerState, session| prepare(state, &snapshot, Some(session), &policy);
    let Prepared::Hold(decision) = look(&state, SessionState::Closed) else { panic!("expected a hold") };
    assert_eq!(Refusal::of(&decision), Some(Refusal::SessionClosed));
    assert!(decision.review.is_some(), "the flow stays open");
    state.apply_decision(NOW, &decision);
    assert_eq!(look(&state, SessionState::Closed), Prepared::Quiet);
    assert!(matches!(look(&state, SessionState::Open), Prepared::Solve(_)));
}

#[test]
fn small_steps_are_not_taken() {
    let (state, mut policy) = (CustomerState::default(), Policy::default());
    // 20% of 100,000 is the largest step.
    policy.customer.trade_min = money("20000.01");
    let (refusal, decision) = held(&state, &snapshot(flow()), &policy);
    assert_eq!((refusal, decision.review), (Refusal::TradeMin, None), "a flow is answered by it");
    assert_eq!(decision.reason, "the largest step to target is 20000 AUD; orders start at 20000.01");
    assert!(held(&state, &snapshot(drift()), &policy).1.review.is_some(), "drift may grow");
    policy.customer.trade_min = money("20000");
    assert!(matches!(prepare(&state, &snapshot(drift()), None, &policy), Prepared::Solve(_)));
}

#[test]
fn a_plan_must_be_worth_its_cost() {
    let (snapshot, mut policy) = (snapshot(drift()), Policy::default());
    // The distance falls by at most 2 × 0.2² = 0.08 of the NAV: 8,000 at a rate of 1, 0.80 at 0.0001.
    policy.rebalancing.distance_rate = 0.0001;
    let decision = decide(&snapshot, &policy);
    assert_eq!(Refusal::of(&decision), Some(Refusal::CostAboveBenefit));
    assert!(decision.reason.ends_with("no-trade region"), "{}", decision.reason);
    let benefit = decision.objective["benefit"].parse::<Money>().unwrap();
    assert!(benefit > money("0.7") && benefit <= money("0.8"), "{benefit}");
    assert_eq!(decision.objective["tried_1"].split(':').next(), Some("everything that may be traded"));
    assert!(decision.orders.is_empty() && decision.review == Some(NOW + 60_000));
}

#[test]
fn nothing_in_whole_lots_is_a_hold() {
    let (mut snapshot, policy) = (snapshot(drift()), Policy::default());
    for holding in &mut snapshot.holdings {
        holding.lot = units(5_000);
    }
    let decision = decide(&snapshot, &policy);
    assert_eq!(Refusal::of(&decision), Some(Refusal::NothingToTrade), "{}", decision.reason);
}

#[test]
fn what_the_optimizer_cannot_say_is_a_hold_with_a_review() {
    let (state, snapshot, policy) = (CustomerState::default(), snapshot(drift()), Policy::default());
    let infeasible = PlanError::Infeasible(vec!["VAS cannot be 60% and 50%".to_owned()]);
    let invalid = PlanError::Invalid(vec![Problem::Targets { sum: ratio("1.1"), expected: "at most 1" }]);
    let refused = PlanError::Refused(vec!["cash is short".to_owned()]);
    let cases = [
        (SolverAnswer::Failed(infeasible), Refusal::Infeasible, "no plan is possible: VAS cannot be"),
        (SolverAnswer::Failed(invalid), Refusal::Infeasible, "no plan is possible: targets sum to 1.1"),
        (SolverAnswer::Failed(refused), Refusal::Gate, "second check: cash is short"),
        (SolverAnswer::Failed(SolverFailure::Numerical.into()), Refusal::Solver, "broke down"),
        (SolverAnswer::Late, Refusal::Deadline, "within 5000 ms"),
        (SolverAnswer::Broken, Refusal::Solver, "internal error"),
    ];
    for (answer, refusal, words) in cases {
        let decision = conclude(&state, &snapshot, &policy, &answer);
        assert_eq!(Refusal::of(&decision), Some(refusal));
        assert!(decision.reason.contains(words), "{}", decision.reason);
        assert_eq!(decision.review, Some(NOW + 60_000));
    }
}

#[test]
fn the_gate_refuses_a_plan_that_was_tampered_with() {
    let (state, snapshot, policy) = (CustomerState::default(), snapshot(drift()), Policy::default());
    let SolverAnswer::Planned(good) = solved(&snapshot, &policy) else { panic!("expected a plan") };
    let tampered = |change: &dyn Fn(&mut Vec<ProposedOrder>)| {
        let mut plan = good.clone();
        change(&mut plan.slices[0].orders);
        plan
    };
    let again = |orders: &mut Vec<ProposedOrder>| orders.push(orders[1].clone());
    for (plan, words) in [
        (tampered(&|orders| orders[1].quantity = units(100_000)), "buys leave cash of"),
        (tampered(&|orders| orders[0].quantity = units(701)), "sells 701 VAS with 700 held"),
        (tampered(&|orders| orders[0].quantity = quantity("1.5")), "1.5 VAS is not a positive multiple of 1"),
        (tampered(&again), "VGS has two orders"),
        // The worst that half a spread of 10 bps allows is 99.90 and 50.05.
        (tampered(&|orders| orders[0].limit = price("99.89")), "the limit of VAS, 99.89, is too far"),
        (tampered(&|orders| orders[1].limit = price("50.06")), "the limit of VGS, 50.06, is too far"),
        (tampered(&|orders| orders[0].limit = price("99.905")), "is not a positive multiple of 0.01"),
        (tampered(&|orders| orders.clear()), "its orders are not there"),
    ] {
        let decision = conclude(&state, &snapshot, &policy, &SolverAnswer::Planned(plan));
        assert_eq!(Refusal::of(&decision), Some(Refusal::Gate));
        assert!(decision.reason.contains(words), "{}", decision.reason);
    }
    let mut restricted = policy.clone();
    restricted.restricted.insert(name("VAS"));
    let decision = conclude(&state, &snapshot, &restricted, &SolverAnswer::Planned(good.clone()));
    assert!(decision.reason.contains("VAS is on the restricted list"), "{}", decision.reason);
    // 20% are bought of VGS: 50% afterwards, more than 40%.
    let mut narrow = policy.clone();
    narrow.customer.weight_max = ratio("0.4");
    let decision = conclude(&state, &snapshot, &narrow, &SolverAnswer::Planned(good.clone()));
    assert!(decision.reason.contains("VGS would weigh more than 0.4"), "{}", decision.reason);
    let mut abroad = snapshot.clone();
    abroad.holdings[1].currency = "USD".parse().unwrap();
    let decision = conclude(&state, &abroad, &policy, &SolverAnswer::Planned(good));
    assert!(decision.reason.contains("VGS is priced in USD, which is not traded"), "{}", decision.reason);
}

#[test]
fn restricted_and_foreign_instruments_are_not_asked_for() {
    let (mut snapshot, mut policy) = (snapshot(drift()), Policy::default());
    policy.restricted.insert(name("VAS"));
    snapshot.holdings[1].currency = "USD".parse::<Currency>().unwrap();
    let Prepared::Solve(request) = prepare(&CustomerState::default(), &snapshot, None, &policy) else {
        panic!("expected a plan to be asked for")
    };
    assert!(request.portfolio.positions.iter().all(|position| !position.tradable));
    let decision = decide(&snapshot, &policy);
    assert_eq!(Refusal::of(&decision), Some(Refusal::NothingToTrade), "{}", decision.reason);
}

#[test]
fn reviews_of_the_same_triggers_back_off_to_a_day() {
    let (mut state, policy, snapshot) = (CustomerState::default(), Policy::default(), snapshot(drift()));
    let mut ids = std::collections::BTreeSet::new();
    let mut pauses = Vec::new();
    for _ in 0..14 {
        let decision = conclude(&state, &snapshot, &policy, &SolverAnswer::Late);
        assert!(ids.insert(decision.decision.clone()), "every attempt has an id of its own");
        pauses.push(decision.review.unwrap() - NOW);
        state.apply_decision(NOW, &decision);
    }
    assert_eq!(pauses[..3], [60_000, 120_000, 240_000]);
    assert_eq!(pauses[13], 86_400_000);
}

#[test]
fn a_loss_worth_harvesting_is_proposed_and_stays_proposed() {
    let (mut state, policy) = (CustomerState::default(), Policy::default());
    let harvest = || {
        let mut open = trigger("c1", TriggerKind::TaxOpportunity, "VAS", 900);
        (open.measure, open.limit) = (Measure::Amount(money("540")), Measure::Amount(money("100")));
        open
    };
    let (refusal, decision) = held(&state, &snapshot(vec![harvest()]), &policy);
    assert_eq!((refusal, decision.review), (Refusal::Proposed, None));
    assert_eq!(
        decision.reason,
        "proposed to harvest the loss of VAS, which leaves 540 AUD after costs and has to leave more than 100; \
         replacement and wash sale score are in harvest_candidates"
    );
    state.apply_decision(NOW, &decision);
    assert_eq!(prepare(&state, &snapshot(vec![harvest()]), None, &policy), Prepared::Quiet);
    // With another reason to act, the portfolio goes back to its targets.
    let both = vec![harvest(), flow().remove(0)];
    assert!(matches!(prepare(&state, &snapshot(both), None, &policy), Prepared::Solve(_)));
}

#[test]
fn a_risk_limit_that_is_crossed_is_proposed_about_unless_there_is_more_to_do() {
    let (mut state, policy) = (CustomerState::default(), Policy::default());
    let limit = |kind, subject, measure: &str, limit: &str| {
        let mut open = trigger("c1", kind, subject, 900);
        let share = |text: &str| Measure::Share(text.parse().unwrap());
        (open.measure, open.limit) = (share(measure), share(limit));
        open
    };
    let heavy = || limit(TriggerKind::Concentration, "VAS", "0.31", "0.3");
    let (refusal, decision) = held(&state, &snapshot(vec![heavy()]), &policy);
    assert_eq!((refusal, decision.review), (Refusal::Proposed, None));
    assert_eq!(
        decision.reason,
        "VAS came to 0.31 of net asset value and may be 0.3: proposed to sell it down to that"
    );
    state.apply_decision(NOW, &decision);
    assert_eq!(prepare(&state, &snapshot(vec![heavy()]), None, &policy), Prepared::Quiet);
    // Another limit is another reason.
    let stop = limit(TriggerKind::StopLoss, "VGS", "0.2", "0.15");
    let drawdown = limit(TriggerKind::Drawdown, "portfolio", "0.1", "0.1");
    let (_, decision) = held(&state, &snapshot(vec![heavy(), stop, drawdown]), &policy);
    assert_eq!(
        decision.reason,
        "VAS came to 0.31 of net asset value and may be 0.3: proposed to sell it down to that; \
         VGS fell 0.2 below its cost base and may fall less than 0.15: proposed to sell it; \
         net asset value fell 0.1 below its peak and may fall less than 0.1: proposed to move the riskiest holdings to \
         cash"
    );
    // The targets answer a drift, and the rest with it.
    let mut both = drift();
    both.push(heavy());
    assert!(matches!(prepare(&state, &snapshot(both), None, &policy), Prepared::Solve(_)));
}
