use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_schemas::events::{Event, Outcome, TriggerKind};
use evenkeel_schemas::{Epoch, Measure, Money, Name, Rate, Ratio, Value};

use super::{ActorSystem, TriggerChanges};
use crate::books::Books;
use crate::broker::Broker;
use crate::fake::{FakeBooks, World, name, ratio, trigger};
use crate::policy::Policy;
use crate::snapshot::OpenTrigger;
use crate::solver::Mode;
use crate::urgency::Urgency;

/// What the pipeline does around the actors: triggers, snapshots, the log.
struct Pipeline {
    world: World,
    open: BTreeMap<Name, Vec<OpenTrigger>>,
    system: ActorSystem,
    policy: Policy,
    ticks: u64,
}

impl Pipeline {
    /// Customers with money and targets and nothing else: the first funding.
    fn funded(customers: usize, policy: Policy, mode: Mode) -> Pipeline {
        let mut books = FakeBooks::default();
        for (instrument, last) in [("VAS", "100"), ("VGS", "50"), ("VAF", "45.5")] {
            books.list(instrument, last);
        }
        let mut open = BTreeMap::new();
        for at in 0..customers {
            let customer = format!("c{at:04}");
            let targets = [("VAS", "0.4"), ("VGS", "0.35"), ("VAF", "0.2")];
            books.customer(&customer, &format!("{}", 20_000 + 137 * at), &[], &targets);
            open.insert(name(&customer), vec![trigger(&customer, TriggerKind::CashFlow, "F-1", 100)]);
        }
        let system = ActorSystem::start(policy.clone(), mode).unwrap();
        Pipeline { world: World::new(books), open, system, policy, ticks: 0 }
    }

    /// Customers whose drift left its band now, and those whose last trigger left.
    fn refresh(&mut self, epoch: Epoch) -> TriggerChanges {
        let mut changes = TriggerChanges::default();
        if self.ticks == 1 {
            changes.entered = self.open.keys().map(|customer| (customer.clone(), Urgency::REVIEW)).collect();
        }
        let customers: Vec<Name> = self.world.books.cash.keys().cloned().collect();
        for customer in customers {
            let out = self.outside(epoch, &customer);
            let open = self.open.entry(customer.clone()).or_default();
            let before = open.clone();
            let invested = self.world.books.held.keys().any(|key| key.0 == customer);
            let drifting = |subject: &Name| invested && out.contains(subject);
            open.retain(|t| t.trigger.kind != TriggerKind::Drift || drifting(&t.trigger.subject));
            for subject in out.iter().filter(|subject| drifting(subject)) {
                if !open.iter().any(|t| t.trigger.subject == *subject) {
                    open.push(trigger(customer.as_str(), TriggerKind::Drift, subject.as_str(), epoch));
                }
            }
            if open.iter().any(|t| !before.contains(t)) {
                changes.entered.push((customer, Urgency::REVIEW));
            } else if open.is_empty() && !before.is_empty() {
                changes.cleared.push(customer);
            }
        }
        changes
    }

    fn outside(&self, epoch: Epoch, customer: &Name) -> BTreeSet<Name> {
        let snapshot = self.world.books.snapshot(epoch, customer, Vec::new());
        let nav = Value::of_cash(snapshot.nav.unwrap(), Rate::PAR).unwrap();
        let outside = snapshot.holdings.iter().filter(|holding| {
            holding.value().unwrap().against_band(nav, holding.target, holding.band).is_ne()
        });
        outside.map(|holding| holding.name.clone()).collect()
    }

    fn step(&mut self) {
        self.ticks += 1;
        let epoch = self.ticks * 100;
        // A quiet market that jumps once: VAS leaves its band then.
        let wave = |period: u64| (self.ticks % period) as i64 * 10_000;
        let jump = if self.ticks > 350 { 35_000_000 } else { 0 };
        let px = |raw: i64| Money::from_raw(raw).to_string();
        let (vas, vgs) = (px(100_000_000 + wave(7) + jump), px(50_000_000 - wave(3)));
        self.world.books.set_price("VAS", &vas);
        self.world.books.set_price("VGS", &vgs);
        let changes = self.refresh(epoch);
        self.act(epoch, &changes);
    }

    fn act(&mut self, epoch: Epoch, changes: &TriggerChanges) {
        let (books, open) = (self.world.books.clone(), self.open.clone());
        let view = books.clone();
        let snapshots = move |customer: &Name| {
            let triggers = open.get(customer).cloned().unwrap_or_default();
            Some(view.snapshot(epoch, customer, triggers))
        };
        let books: Arc<dyn Books> = Arc::new(books);
        let events = self.system.run_epoch(epoch, changes, &snapshots, &books).unwrap();
        let logged = self.world.commit(epoch, events);
        for event in &logged {
            if let Event::Decision(decision) = event
                && (decision.outcome == Outcome::Trade || decision.review.is_none())
            {
                let answered = |t: &OpenTrigger| decision.triggers.contains(&t.trigger);
                let open = self.open.get_mut(&decision.customer).unwrap();
                open.retain(|t| t.trigger.kind == TriggerKind::Drift || !answered(t));
            }
        }
        self.system.apply(epoch, logged.into()).unwrap();
        for (customer, cash) in &self.world.books.cash {
            assert!(*cash >= Money::ZERO, "{customer} has {cash}");
        }
    }

    /// Loses the actors and builds them anew from the log.
    fn crash(&mut self, threads: usize) {
        self.policy.solver.threads = threads;
        self.system = ActorSystem::start(self.policy.clone(), Mode::Replay).unwrap();
        for (epoch, event) in &self.world.log {
            self.system.apply(*epoch, Arc::from([event.clone()])).unwrap();
        }
        let epoch = self.ticks * 100;
        let entered = self.open.iter().filter(|(_, open)| !open.is_empty()).map(|(name, _)| name.clone());
        let entered: Vec<Name> = entered.collect();
        for customer in &entered {
            self.system.core.lock().unwrap().ledger.schedule.wake(customer, Urgency::REVIEW);
        }
        self.system.core.lock().unwrap().last = epoch;
    }

    fn decisions(&self, outcome: Outcome) -> usize {
        let of = |event: &&(Epoch, Event)| matches!(&event.1, Event::Decision(d) if d.outcome == outcome);
        self.world.log.iter().filter(of).count()
    }
}

fn run(threads: usize, ticks: u64, crash: Option<u64>) -> Pipeline {
    let mut policy = Policy::default();
    policy.solver.threads = threads;
    policy.solver.queue = 16;
    policy.customer.cool_down_ms = 10_000;
    let mut pipeline = Pipeline::funded(50, policy, Mode::Replay);
    for tick in 1..=ticks {
        pipeline.step();
        if crash == Some(tick) {
            pipeline.crash(threads);
        }
    }
    pipeline
}

#[test]
fn fifty_customers_give_the_same_log_whatever_the_threads_and_crashes() {
    let whole = run(1, 700, None);
    assert!(whole.decisions(Outcome::Trade) >= 50, "everybody is invested");
    assert!(whole.decisions(Outcome::Trade) >= 100, "everybody is brought back after the jump");
    let invested: BTreeSet<&Name> = whole.world.books.held.keys().map(|key| &key.0).collect();
    assert_eq!(invested.len(), 50);
    for customer in whole.world.books.cash.keys() {
        let nav = Value::of_cash(whole.world.books.nav(customer).unwrap(), Rate::PAR).unwrap();
        let cash = Value::of_cash(whole.world.books.cash[customer], Rate::PAR).unwrap();
        assert!(cash.share_of(nav).unwrap() < ratio("0.15"), "{customer} is still in cash: {cash} of {nav}");
    }
    assert_eq!(whole.world.log, run(2, 700, None).world.log);
    for tick in [1, 13, 25, 352, 371] {
        assert_eq!(whole.world.log, run(3, 700, Some(tick)).world.log, "after a crash at {tick}");
    }
}

#[test]
fn a_thousand_customers_in_one_epoch_are_all_served() {
    let mut policy = Policy::default();
    policy.solver.queue = 64;
    policy.solver.deadline_ms = 60_000;
    policy.runtime.decide_ms = 60_000;
    let mut pipeline = Pipeline::funded(1_000, policy, Mode::Live);
    pipeline.step();
    assert_eq!(pipeline.decisions(Outcome::Trade), 1_000);
    let stats = pipeline.system.stats();
    assert_eq!((stats.customers_live, stats.customers_waiting), (1_000, 0));
    assert_eq!(stats.decisions[&("trade", "")], 1_000);
    assert_eq!(stats.desk_waiting, 3_000);
    assert!(pipeline.system.pending());
    assert_eq!(pipeline.system.next_due().unwrap(), Some(200), "the end of the window");
}

#[test]
fn a_deadline_that_cannot_be_met_is_a_hold_with_a_review() {
    let mut policy = Policy::default();
    policy.solver.deadline_ms = 0;
    let mut pipeline = Pipeline::funded(5, policy, Mode::Live);
    pipeline.step();
    assert_eq!(pipeline.system.stats().decisions, BTreeMap::from([(("hold", "deadline"), 5)]));
    assert!(!pipeline.system.pending(), "nothing under way but reviews");
    assert_eq!(pipeline.system.next_due().unwrap(), Some(100 + 60_000));
}

#[test]
fn idle_actors_are_put_away_and_come_back() {
    let mut policy = Policy::default();
    policy.runtime.idle_ms = 1_000;
    let mut pipeline = Pipeline::funded(20, policy, Mode::Replay);
    pipeline.step();
    assert_eq!(pipeline.system.stats().customers_live, 20);
    let quiet = TriggerChanges::default();
    pipeline.act(1_000, &quiet);
    pipeline.act(1_100, &quiet);
    // The addresses are gone; the actors' thread takes a moment to notice.
    for _ in 0..1_000_000 {
        if pipeline.system.stats().customers_live == 0 {
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(pipeline.system.stats().customers_live, 0);
    let back = TriggerChanges { entered: vec![(name("c0003"), Urgency::REVIEW)], cleared: Vec::new() };
    pipeline.act(1_200, &back);
    assert_eq!(pipeline.system.stats().customers_live, 1);
}

#[test]
fn all_comes_to_rest() {
    let mut pipeline = run(2, 150, None);
    let quiet = TriggerChanges::default();
    let mut steps = 0;
    while pipeline.system.pending() && steps < 10_000 {
        let due = pipeline.system.next_due().unwrap().unwrap();
        pipeline.act(due.div_ceil(100) * 100, &quiet);
        steps += 1;
    }
    assert!(!pipeline.system.pending(), "after {steps} steps");
    assert_eq!(pipeline.system.stats().customers_rebalancing, 0);
    let blocks = pipeline.system.blocks().unwrap();
    assert!(!blocks.is_empty() && blocks.iter().all(|block| block.state.terminal()));
    // Rounding an average to 10⁻⁶ leaves at most half of that for each unit filled.
    let small = |block: &crate::desk::BlockRow| block.residual.abs() * 2 <= i128::from(block.filled.raw());
    assert!(blocks.iter().all(small));
}

#[test]
fn what_is_on_its_way_is_not_proposed_again_until_its_append_must_have_failed() {
    let mut pipeline = Pipeline::funded(3, Policy::default(), Mode::Replay);
    let open = pipeline.open.clone();
    let view = pipeline.world.books.clone();
    let run = |epoch: Epoch, entered: Vec<Name>| {
        let (open, view) = (open.clone(), view.clone());
        let books: Arc<dyn Books> = Arc::new(view.clone());
        let snapshots = move |name: &Name| Some(view.snapshot(epoch, name, open[name].clone()));
        let entered = entered.into_iter().map(|customer| (customer, Urgency::REVIEW)).collect();
        let changes = TriggerChanges { entered, cleared: Vec::new() };
        pipeline.system.run_epoch(epoch, &changes, &snapshots, &books).unwrap()
    };
    let ids = |events: &[Event]| events.iter().map(|event| event.id().unwrap().clone()).collect::<Vec<_>>();
    let first = run(100, open.keys().cloned().collect());
    assert_eq!(first.len(), 3);
    assert_eq!(run(200, vec![name("c0001")]), Vec::new(), "asked for again while it is on its way");
    assert_eq!(pipeline.system.next_due().unwrap(), Some(100 + 10_000 + 1));
    assert_eq!(ids(&run(10_200, Vec::new())), ids(&first), "never committed: the same ids again");
    // The commit comes late; the wake asked for meanwhile is served, and finds its triggers answered.
    let logged = pipeline.world.commit(10_300, first);
    pipeline.system.apply(10_300, logged.into()).unwrap();
    assert_eq!(run(10_300, Vec::new()), Vec::new());
    assert_eq!(pipeline.system.stats().in_flight, 0);
}

/// Three hundred at a time, and no time: the most urgent are decided at once, the others epoch by epoch.
#[test]
fn when_many_are_woken_the_most_urgent_come_first_and_nobody_is_forgotten() {
    let mut policy = Policy::default();
    policy.runtime.decide_ms = 0;
    let pipeline = Pipeline::funded(300, policy, Mode::Live);
    let (open, view) = (pipeline.open.clone(), pipeline.world.books.clone());
    let urgency = |at: usize| {
        let share = |raw: i64| Measure::Share(Ratio::from_raw(raw));
        Urgency::of(TriggerKind::Drift, share(50_000_000 + at as i64), share(50_000_000))
    };
    // The further down the list, the further outside.
    let mut entered: Vec<(Name, Urgency)> =
        open.keys().enumerate().map(|(at, customer)| (customer.clone(), urgency(at * 5_000))).collect();
    let mut decided: Vec<Name> = Vec::new();
    let mut sizes = Vec::new();
    for epoch in [100, 200, 300, 400] {
        let (open, view) = (open.clone(), view.clone());
        let books: Arc<dyn Books> = Arc::new(view.clone());
        let snapshots = move |name: &Name| Some(view.snapshot(epoch, name, open[name].clone()));
        let changes = TriggerChanges { entered: std::mem::take(&mut entered), cleared: Vec::new() };
        let events = pipeline.system.run_epoch(epoch, &changes, &snapshots, &books).unwrap();
        let names = events.iter().filter_map(|event| match event {
            Event::Decision(decision) => Some(decision.customer.clone()),
            _ => None,
        });
        let names: Vec<Name> = names.collect();
        assert!(names.is_sorted());
        sizes.push(names.len());
        decided.extend(names);
    }
    assert_eq!(sizes, [128, 128, 44, 0]);
    assert_eq!((decided[0].as_str(), decided[127].as_str()), ("c0172", "c0299"));
    assert_eq!((decided[128].as_str(), decided[256].as_str()), ("c0044", "c0000"));
}

/// A broker whose handler panics.
struct Broken;

impl Broker for Broken {
    fn apply(&mut self, _: Epoch, _: &Event) {}
    fn on_epoch(&mut self, _: Epoch, _: &dyn Books) -> Vec<Event> {
        panic!("a broker that breaks")
    }
    fn next_due(&self, _: Epoch) -> Option<Epoch> {
        None
    }
    fn working(&self) -> usize {
        0
    }
}

#[test]
fn a_broker_that_panics_is_reported_and_nobody_waits_for_ever() {
    let system = ActorSystem::start_with(Policy::default(), Mode::Replay, Box::new(Broken)).unwrap();
    let books: Arc<dyn Books> = Arc::new(FakeBooks::default());
    let changes = TriggerChanges::default();
    let lost = system.run_epoch(100, &changes, &|_| None, &books).unwrap_err();
    assert_eq!(lost.to_string(), "the broker actor has stopped; restart from the log");
    assert!(system.apply(200, Arc::from([])).is_err());
    assert_eq!(system.blocks(), Ok(Vec::new()), "the desk lives on");
    system.stop();
}

#[test]
fn settings_out_of_range_do_not_start() {
    let mut policy = Policy::default();
    policy.customer.weight_max = Ratio::ZERO;
    assert!(ActorSystem::start(policy, Mode::Live).is_err());
}
