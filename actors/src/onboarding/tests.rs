use std::collections::BTreeMap;

use evenkeel_schemas::events::parse_event;
use evenkeel_schemas::{Currency, Money, Price, Ratio};

use super::*;
use crate::fake::{FakeBooks, name};
use crate::policy::SolverPolicy;

const UNIVERSE: [&str; 16] = [
    "BILL", "VAF", "VGB", "VAS", "VHY", "VAP", "EINC", "GOLD", "VGS", "VTS", "NDQ", "TECH", "ROBO", "SEMI",
    "ASIA", "HACK",
];

fn event(text: &str) -> Event {
    parse_event(text.as_bytes()).unwrap_or_else(|refusal| panic!("{text}: {refusal}"))
}

fn listings() -> Vec<Event> {
    let listed = |(at, name): (usize, &&str)| {
        let paid = ["0.042", "0.036", "0.02", "0.051"][at % 4];
        event(&format!(
            r#"{{"type":"instrument_listed","at":"2026-01-01T00:00:00Z","id":"list-{name}","instrument":"{name}","name":"{name}","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1","franking_rate":"0.5","distribution_yield":"{paid}","average_daily_value":"20000000"}}"#
        ))
    };
    UNIVERSE.iter().enumerate().map(listed).collect()
}

/// Closes of some days from a day on: a number from each name and day, more of it further down the list.
fn closes(from: &str, days: i32) -> Vec<Event> {
    let from: TradeDate = from.parse().unwrap();
    let mut prices = [50.0_f64; UNIVERSE.len()];
    let mut events = Vec::new();
    for day in 0..days {
        let date = from.plus_days(day).unwrap();
        let chance = |what: &str| {
            let hash = blake3::hash(format!("{what} {date}").as_bytes());
            f64::from(u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]])) / 65_536.0 - 0.5
        };
        for (at, name) in UNIVERSE.iter().enumerate() {
            let spread = 0.001 + 0.003 * at as f64;
            prices[at] *= 1.0 + spread * (chance("market") + chance(name)) + 0.0003;
            let price = prices[at];
            events.push(event(&format!(
                r#"{{"type":"close","at":"{date}T06:00:00Z","id":"close-{name}-{date}","instrument":"{name}","price":"{price:.2}","date":"{date}"}}"#
            )));
        }
    }
    events
}

fn session(at: &str) -> Event {
    event(&format!(r#"{{"type":"session","at":"{at}","market":"XASX","state":"closed"}}"#))
}

fn answers(id: &str, at: &str, hold: &str) -> Event {
    event(&format!(
        r#"{{"type":"questionnaire_completed","at":"{at}","id":"{id}","customer":"sarah","answers":{{"q1":"30_to_45","q2":"10_years_or_more","q3":"{hold}","q4":"balanced_growth","q5":"intermediate","q6":"20_percent","q7":"stable","q8":"yes_definitely","q9":"neutral","q10":"7_to_10_percent"}}}}"#
    ))
}

fn sarah() -> Vec<Event> {
    vec![
        event(
            r#"{"type":"customer_onboarded","at":"2026-06-01T00:00:00Z","id":"p1","customer":"sarah","base_currency":"AUD","profile":{"birth_date":"1990-05-20","income":"120000","net_worth":"250000","investment_capital":"100000","experience":"intermediate","marginal_tax_rate":"0.30","resident":true}}"#,
        ),
        answers("a1", "2026-06-01T00:00:00Z", "hold"),
        event(
            r#"{"type":"goals_defined","at":"2026-06-01T00:00:00Z","id":"g1","customer":"sarah","goals":[{"goal":"car","name":"Car","target_amount":"50000","target_date":"2027-06-01","priority":"high","flexibility":"rigid"},{"goal":"retire","name":"Retirement","target_amount":"1500000","target_date":"2054-11-15","priority":"medium","flexibility":"flexible"}]}"#,
        ),
    ]
}

/// A machine in replay mode and the log that it writes.
struct Stage {
    machine: Onboarding,
    pool: SolverPool,
    books: FakeBooks,
    log: Vec<(Epoch, Event)>,
    epoch: Epoch,
}

impl Stage {
    fn new() -> Stage {
        let mut books = FakeBooks::default();
        books.customer("sarah", "100000", &[], &[]);
        let pool = SolverPool::start(&SolverPolicy::default(), Mode::Replay).unwrap();
        // 2026-06-01.
        Stage { machine: machine(), pool, books, log: Vec::new(), epoch: 1_780_272_000_000 }
    }

    fn commit(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.machine.apply(self.epoch, &event);
            self.log.push((self.epoch, event));
        }
    }

    /// Lets the machine act until it has nothing to say; what it proposed in the meantime.
    fn settle(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        loop {
            self.epoch += 100;
            let proposed = self.machine.on_epoch(self.epoch, self.epoch - 50, &self.books, &self.pool);
            if proposed.is_empty() {
                assert!(!self.machine.pending());
                return told;
            }
            self.commit(proposed.clone());
            told.extend(proposed);
        }
    }

    /// To a day on which the market has closed.
    fn close_on(&mut self, day: &str) {
        let at = format!("{day}T06:30:00Z");
        self.epoch = u64::try_from(at.parse::<evenkeel_schemas::Instant>().unwrap().micros() / 1000).unwrap();
        self.commit([session(&at)]);
    }

    /// Decides to trade, and fills the order but for the rest that ends `how`.
    fn trade(&mut self, decision: &str, how: &str, done: &str) {
        let mut decided = crate::fake::decision(
            decision,
            "sarah",
            &[("VAS", evenkeel_schemas::events::Side::Buy, 10, "50")],
        );
        if let Event::Decision(decision) = &mut decided {
            decision.triggers = Vec::new();
        }
        let order = format!("{decision}-VAS");
        self.commit([
            decided,
            event(&format!(
                r#"{{"type":"fill","at":"2026-06-02T00:00:00Z","id":"f-{decision}","customer":"sarah","instrument":"VAS","side":"buy","quantity":"{done}","price":"50","fee":"0.25","currency":"AUD","trade_date":"2026-06-02","order":"{order}"}}"#
            )),
            event(&format!(
                r#"{{"type":"order_state","at":"2026-06-02T00:00:00Z","order":"{order}","state":"{how}","cumulative_quantity":"{done}"}}"#
            )),
        ]);
    }

    fn invested() -> Stage {
        let mut stage = Stage::new();
        stage.commit(listings());
        stage.commit(closes("2026-02-01", 100));
        stage.commit(sarah());
        stage.settle();
        stage.trade("d1", "filled", "10");
        stage.settle();
        stage
    }
}

fn machine() -> Onboarding {
    Onboarding::new(&Policy::default(), Mode::Replay, Arc::new(Law::built_in().unwrap()))
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.event_type().as_str()).collect()
}

#[test]
fn from_a_questionnaire_to_a_portfolio_that_is_watched() {
    let mut stage = Stage::new();
    stage.commit(listings());
    stage.commit(closes("2026-02-01", 100));
    stage.commit(sarah());
    let told = stage.settle();
    assert_eq!(
        kinds(&told),
        [
            "pod_allocation_calculated",
            "pod_optimized",
            "pod_optimized",
            "pod_optimized",
            "pod_optimized",
            "master_portfolio_optimized",
            "tax_optimization_completed",
            "targets_set",
        ]
    );
    let Event::PodAllocationCalculated(allocation) = &told[0] else { panic!("{told:?}") };
    assert_eq!((allocation.risk_score, allocation.trigger), (65, None));
    assert_eq!(allocation.capital, "100000".parse::<Money>().unwrap());
    assert_eq!(
        [&allocation.profile, &allocation.questionnaire, &allocation.goals],
        [&Some(name("p1")), &Some(name("a1")), &Some(name("g1"))]
    );
    let Event::TargetsSet(targets) = &told[7] else { panic!("{told:?}") };
    assert!(targets.weights.len() <= 12);
    assert_eq!(targets.weights.values().map(|weight| weight.raw()).sum::<i64>(), Ratio::ONE);

    stage.trade("d1", "canceled", "4");
    let told = stage.settle();
    assert_eq!(kinds(&told), ["trades_executed", "portfolio_monitoring_started"]);
    let Event::TradesExecuted(executed) = &told[0] else { panic!("{told:?}") };
    assert_eq!((executed.filled, executed.partially_filled, executed.failed), (0, 1, 0));
    // 4 at 50.
    assert_eq!((executed.bought.to_string(), executed.fees.to_string()), ("200".into(), "0.25".into()));
    let Event::PortfolioMonitoringStarted(started) = &told[1] else { panic!("{told:?}") };
    assert_eq!(started.pods[0].review.to_string(), "2026-07-01");

    // After a restart the log says it all: nothing is proposed again.
    let mut again = machine();
    for (epoch, event) in &stage.log {
        again.apply(*epoch, event);
    }
    let proposed = again.on_epoch(stage.epoch + 100, stage.epoch, &stage.books, &stage.pool);
    assert_eq!((kinds(&proposed), again.pending()), (Vec::<&str>::new(), false));
}

#[test]
fn what_is_lost_on_the_way_is_proposed_again_and_is_the_same() {
    let mut stage = Stage::new();
    stage.commit(listings());
    stage.commit(closes("2026-02-01", 100));
    stage.commit(sarah());
    let first = stage.machine.on_epoch(stage.epoch, 0, &stage.books, &stage.pool);
    assert_eq!(kinds(&first), ["pod_allocation_calculated"]);
    let soon = stage.machine.on_epoch(stage.epoch + 100, stage.epoch, &stage.books, &stage.pool);
    assert!(soon.is_empty() && stage.machine.pending());
    let again = stage.machine.on_epoch(stage.epoch + 200, stage.epoch + 1, &stage.books, &stage.pool);
    assert_eq!(again[0].id(), first[0].id());
    stage.commit(again);

    // A construction gives the same bytes, apart from its time.
    let made = stage.machine.on_epoch(stage.epoch, 0, &stage.books, &stage.pool);
    let anew = stage.machine.on_epoch(stage.epoch, stage.epoch + 1, &stage.books, &stage.pool);
    assert_eq!((made.len(), made), (7, anew));
}

#[test]
fn what_cannot_be_constructed_is_told_once_a_day_and_tried_on_the_next() {
    let mut stage = Stage::new();
    stage.commit(listings());
    stage.commit(sarah());
    let told = stage.settle();
    assert_eq!(kinds(&told), ["pod_allocation_calculated", "anomaly"]);
    let Event::Anomaly(anomaly) = &told[1] else { panic!("{told:?}") };
    assert_eq!(
        (anomaly.source.as_str(), anomaly.detail.as_str()),
        ("sarah", "there are no closing marks yet")
    );

    let marks = closes("2026-02-01", 100);
    stage.commit(marks[..16 * 20].to_vec());
    let told = stage.settle();
    let Event::Anomaly(anomaly) = &told[0] else { panic!("{told:?}") };
    assert!(anomaly.detail.contains("closing marks of 60 days or more are needed"), "{}", anomaly.detail);
    assert!(stage.settle().is_empty(), "the same day");
    stage.commit(marks[16 * 20..].to_vec());
    assert_eq!(kinds(&stage.settle()).last(), Some(&"targets_set"));
}

#[test]
fn new_answers_a_review_and_a_goal_that_comes_near_are_reasons_to_act() {
    let mut stage = Stage::invested();
    let trigger = |told: &[Event]| {
        assert_eq!(kinds(told).last(), Some(&"targets_set"));
        told.iter().find_map(|event| match event {
            Event::MasterPortfolioOptimized(e) => e.trigger,
            _ => None,
        })
    };
    stage.commit([answers("a2", "2026-06-03T00:00:00Z", "buy_more")]);
    assert_eq!(trigger(&stage.settle()), Some(TriggerKind::RiskProfileChange));
    // Earlier ones that come late change nothing.
    stage.commit([answers("a0", "2026-05-03T00:00:00Z", "sell_everything")]);
    assert!(stage.settle().is_empty());

    stage.close_on("2026-06-30");
    assert!(stage.settle().is_empty(), "its review is due on 1 July");
    stage.close_on("2026-07-01");
    assert_eq!(trigger(&stage.settle()), Some(TriggerKind::Calendar));
    // The car's date, 2027-06-01, is 179 days away; reviews go on in the meantime.
    let mut near = 0;
    let mut day: TradeDate = "2026-07-02".parse().unwrap();
    while day.to_string().as_str() < "2026-12-31" {
        stage.close_on(&day.to_string());
        let told = stage.settle();
        if !told.is_empty() && trigger(&told) == Some(TriggerKind::GoalNear) {
            near += 1;
            assert_eq!(day.to_string(), "2026-12-04");
        }
        day = day.plus_days(1).unwrap();
    }
    assert_eq!(near, 1);
}

#[test]
fn answers_that_change_before_the_first_trade_do_not_skip_the_watch() {
    let mut stage = Stage::new();
    stage.commit(listings());
    stage.commit(closes("2026-02-01", 100));
    stage.commit(sarah());
    stage.settle();
    stage.commit([answers("a2", "2026-06-01T00:00:01Z", "buy_more")]);
    assert_eq!(kinds(&stage.settle()).last(), Some(&"targets_set"));
    stage.trade("d1", "filled", "10");
    assert_eq!(kinds(&stage.settle()), ["trades_executed", "portfolio_monitoring_started"]);
    stage.trade("d2", "filled", "10");
    assert_eq!(kinds(&stage.settle()), ["trades_executed"], "it is watched already");
}

#[test]
fn targets_by_hand_end_the_reviews_until_there_are_new_answers() {
    let mut stage = Stage::invested();
    stage.commit([event(
        r#"{"type":"targets_set","at":"2026-06-02T00:00:00Z","id":"by-hand","customer":"sarah","weights":{"VAS":"1"}}"#,
    )]);
    stage.close_on("2026-07-01");
    assert!(stage.settle().is_empty());
    stage.commit([answers("a2", "2026-07-03T00:00:00Z", "buy_more")]);
    assert_eq!(kinds(&stage.settle()).last(), Some(&"targets_set"));
    stage.close_on("2026-08-04");
    assert_eq!(kinds(&stage.settle()).last(), Some(&"targets_set"));
}

#[test]
fn a_pod_that_becomes_too_volatile_is_constructed_anew() {
    let mut stage = Stage::invested();
    let pods =
        stage.machine.solutions.values().map(|shared| (shared.optimized.pod, &shared.optimized.weights));
    let pods: BTreeMap<_, _> = pods.map(|(pod, weights)| (pod, weights.clone())).collect();
    // Everything jumps by half, up and down, for three months.
    let mut marks = Vec::new();
    for day in 0..90 {
        let date = "2026-06-01".parse::<TradeDate>().unwrap().plus_days(day).unwrap();
        let price = if day % 2 == 0 { "50.00" } else { "60.00" };
        for name in UNIVERSE {
            marks.push(event(&format!(
                r#"{{"type":"close","at":"{date}T06:00:00Z","instrument":"{name}","price":"{price}","date":"{date}"}}"#
            )));
        }
    }
    stage.commit(marks);
    let told = stage.settle();
    let trigger = told.iter().find_map(|event| match event {
        Event::MasterPortfolioOptimized(e) => e.trigger,
        _ => None,
    });
    assert_eq!(trigger, Some(TriggerKind::PodVolatility), "{pods:?}");
    // It cannot be helped: the limits are relaxed, the customer is told, and it is not tried every day.
    let relaxed = told.iter().any(|event| matches!(event, Event::PodOptimized(e) if !e.relaxed.is_empty()));
    assert!(relaxed);
    stage.commit(closes("2026-09-01", 1));
    assert!(stage.settle().is_empty());
}

#[test]
fn corrected_marks_and_answers_are_as_if_they_had_been_told_so() {
    let state = |events: &[Event]| {
        let mut machine = machine();
        for event in events {
            machine.apply(1, event);
        }
        machine.market().state(Currency::AUD).unwrap()
    };
    let mut right = listings();
    right.extend(closes("2026-02-01", 100));
    let wrong = |event: &Event| match event {
        Event::Close(close) if close.id == Some(name("close-VAS-2026-03-03")) => {
            let mut close = close.clone();
            close.price = "57.5".parse().unwrap();
            Event::Close(close)
        }
        event => event.clone(),
    };
    let mut told: Vec<Event> = right.iter().map(wrong).collect();
    assert_ne!(state(&told), state(&right));
    let with = right.iter().find(|event| event.id() == Some(&name("close-VAS-2026-03-03"))).unwrap();
    let with = serde_json::to_string(with).unwrap().replace("close-VAS-2026-03-03", "again");
    told.push(event(&format!(
        r#"{{"type":"correction","at":"2026-06-01T00:00:00Z","of":"close-VAS-2026-03-03","with":{with},"reason":"a typing error"}}"#
    )));
    assert_eq!(state(&told), state(&right));
    // In any order.
    let mut shuffled = right.clone();
    shuffled.reverse();
    assert_eq!(state(&shuffled), state(&right));

    let mut stage = Stage::invested();
    let amended = serde_json::to_string(&answers("a3", "2026-06-01T00:00:00Z", "sell_everything")).unwrap();
    stage.commit([event(&format!(
        r#"{{"type":"correction","at":"2026-06-02T00:00:00Z","of":"a1","with":{amended},"reason":"misread"}}"#
    ))]);
    let told = stage.settle();
    let Event::PodAllocationCalculated(allocation) = &told[0] else { panic!("{told:?}") };
    assert_eq!(allocation.questionnaire, Some(name("a3")));
    assert!(allocation.risk_score < 65);
}

#[test]
fn official_closes_come_before_frozen_ones_and_splits_are_taken_out() {
    let mut machine = machine();
    let mut apply = |events: &[Event]| {
        for event in events {
            machine.apply(1, event);
        }
        machine.market().state(Currency::AUD).unwrap()
    };
    let mut events = listings();
    events.extend(closes("2026-02-01", 100));
    let before = apply(&events);
    let frozen = event(
        r#"{"type":"closing_mark","at":"2026-05-11T06:30:00Z","instrument":"VAS","price":"1","date":"2026-05-11"}"#,
    );
    let after = apply(&[frozen]);
    let vas = |state: &evenkeel_construction::MarketState| state.listing(&name("VAS")).unwrap().clone();
    assert_eq!(vas(&after), vas(&before));

    // Two for one, with the price halved: neither the risk nor the return is another.
    let price = vas(&after).price.unwrap();
    let halved = Price::from_raw(price.raw() / 2);
    let split = event(
        r#"{"type":"split","at":"2026-05-12T00:00:00Z","instrument":"VAS","new":"2","old":"1","ex_date":"2026-05-12"}"#,
    );
    let mut next = vec![split];
    for name in UNIVERSE {
        let price = if name == "VAS" { halved } else { vas(&after).price.unwrap() };
        next.push(event(&format!(
            r#"{{"type":"close","at":"2026-05-12T06:00:00Z","instrument":"{name}","price":"{price}","date":"2026-05-12"}}"#
        )));
    }
    let split = apply(&next);
    let of = BTreeMap::from([(name("VAS"), Ratio::from_raw(Ratio::ONE))]);
    let (was, is) = (after.volatility(&of).unwrap(), split.volatility(&of).unwrap());
    assert!((was - is).abs() < 0.1 * was, "{was} {is}");
}

#[test]
fn what_is_held_counts_at_the_marks_whatever_prices_have_done_since() {
    let mut stage = Stage::invested();
    let mark =
        stage.machine.market().state(Currency::AUD).unwrap().listing(&name("VAS")).unwrap().price.unwrap();
    // A thousand units and 1,000.01 in cash; the price has fallen by half since the last close.
    stage.books.customer("sarah", "1000.01", &[("VAS", 1000)], &[]);
    stage.books.list("VAS", &Price::from_raw(mark.raw() / 2).to_string());
    stage.books.lots.insert(
        name("sarah"),
        vec![crate::LotHeld {
            lot: name("bought"),
            instrument: name("VAS"),
            acquired: "2026-06-02".parse().unwrap(),
            quantity: "1000".parse().unwrap(),
            cost_base: "40000".parse().unwrap(),
        }],
    );
    stage.commit([answers("a2", "2026-06-03T00:00:00Z", "buy_more")]);
    let told = stage.settle();
    assert_eq!(kinds(&told).last(), Some(&"targets_set"), "{told:?}");
    let capital = told.iter().filter_map(|event| match event {
        Event::PodOptimized(e) => Some(e.capital.raw()),
        _ => None,
    });
    assert_eq!(capital.sum::<i64>(), 1_000 * mark.raw() + 1_000_010_000);
}

#[test]
fn plans_see_the_covariance_of_what_they_hold_until_the_market_changes() {
    let mut stage = Stage::new();
    stage.commit(listings());
    stage.commit(closes("2026-01-01", 120));
    let market = stage.machine.shared_market();
    let mut books = FakeBooks::default();
    books.list("VAS", "50");
    books.list("VGS", "50");
    books.customer("ann", "0", &[("VAS", 10)], &[("VGS", "0.5")]);
    let of = |books: &FakeBooks| market.risk(&books.snapshot(100, &name("ann"), Vec::new()));
    let risk = of(&books).unwrap();
    let both = [name("VAS"), name("VGS")];
    let looked = market.look(Currency::AUD, None).unwrap().state.covariance(&both).unwrap();
    assert_eq!(*risk, looked);
    assert!(risk.at(0, 0) > 0.0 && risk.at(1, 1) > risk.at(0, 0), "VGS moves more");
    // A corrected fill changes nothing of the market.
    let state = || market.book().state(Currency::AUD).unwrap();
    let before = state();
    let busted =
        r#"{"type":"correction","at":"2026-05-01T00:00:00Z","of":"fill-1","with":null,"reason":"twice"}"#;
    stage.commit([parse_event(busted.as_bytes()).unwrap()]);
    assert!(Arc::ptr_eq(&before, &state()));
    stage.commit(closes("2026-05-01", 1));
    assert!(!Arc::ptr_eq(&before, &state()));
    let after = of(&books).unwrap();
    assert!(*after != looked);
    // What has no marks leaves nothing to go by.
    books.list("NEW", "10");
    books.customer("ann", "0", &[("NEW", 1)], &[]);
    assert_eq!(of(&books), None);
}
