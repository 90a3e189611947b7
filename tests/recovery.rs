//! The real process, killed, starved, tampered with: no acknowledged event is lost, no order is sent twice,
//! and ClickHouse ends up equal to the log.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use evenkeel_schemas::derive::block_id;
use evenkeel_schemas::events::{Allocation, Event, Fill, Order, OrderState, parse_event};
use evenkeel_schemas::{Money, Quantity};
use evenkeel_tests::live::{PATIENCE, Running, alive, engine_ended, engine_of, signal, sql, until, verify};
use evenkeel_tests::{Dice, Outcome, binary, evenkeel};
use tempfile::TempDir;

/// A market that moves fast, desks that work in windows of 200 ms, and no second looks at held decisions, so
/// that after the last event everything comes to rest. Baselines are kept as often as can be, so that starts go on
/// from one and `verify`, which reads everything, checks what they derived.
const SETTINGS: &str = r#"
epoch_ms = 50
mark_ms = 500
correctable_ticks = 2000
[log]
baseline_ms = 500
keep_ticks_ms = 0
segment_bytes = 262144
[policy.customer]
cool_down_ms = 300
review_ms = 3600000
review_ms_max = 3600000
trade_min = "10"
first_parcel_min = "10"
[policy.desk]
window_ms = 200
[policy.broker]
latency_ms_min = 20
latency_ms_max = 120
working_ms_max = 2000
"#;

const INSTRUMENTS: u64 = 6;
const CUSTOMERS: u64 = 30;

/// An event to send, and how to find it again: by its id, or for a tick, whose table has no id, by its time.
#[derive(Clone)]
struct Sent {
    key: String,
    line: String,
}

/// Makes events up, each with an id and an effective time of its own.
struct Feed {
    dice: Dice,
    number: u64,
    at: i64,
    cents: Vec<i64>,
}

impl Feed {
    fn new(seed: u64) -> Feed {
        Feed { dice: Dice(seed), number: 0, at: 0, cents: vec![5_000; INSTRUMENTS as usize] }
    }

    fn event(&mut self, kind: &str, fields: &str) -> Sent {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
        self.at = now.max(self.at + 1);
        self.number += 1;
        let at = evenkeel_schemas::Instant::from_micros(self.at);
        let id = format!("k-{:06}", self.number);
        let line = format!("{{\"type\":\"{kind}\",\"at\":\"{at}\",\"id\":\"{id}\",{fields}}}\n");
        Sent { key: if kind == "tick" { format!("at {}", self.at) } else { id }, line }
    }

    /// Instruments, prices, customers with money and targets of narrow bands.
    fn opening(&mut self) -> Vec<Sent> {
        let mut events = Vec::new();
        for i in 0..INSTRUMENTS {
            events.push(self.event("instrument_listed", &format!("\"instrument\":\"I{i}\",\"name\":\"I{i}\",\"kind\":\"etf\",\"currency\":\"AUD\",\"tick_size\":\"0.01\",\"lot_size\":\"1\"")));
            events.push(self.tick(i));
        }
        for c in 0..CUSTOMERS {
            events.push(
                self.event("customer_onboarded", &format!("\"customer\":\"c{c}\",\"base_currency\":\"AUD\"")),
            );
            let weights: Vec<String> =
                (0..4).map(|n| format!("\"I{}\":\"0.2\"", (c + n) % INSTRUMENTS)).collect();
            let fields = format!(
                "\"customer\":\"c{c}\",\"weights\":{{{}}},\"bands\":{{\"default\":\"0.01\"}}",
                weights.join(",")
            );
            events.push(self.event("targets_set", &fields));
            if c % 2 == 0 {
                let limits = "\"concentration\":\"0.22\",\"stop_loss\":\"0.02\",\"drawdown\":\"0.01\"";
                events.push(self.event("risk_limits_set", &format!("\"customer\":\"c{c}\",{limits}")));
            }
            events.push(self.event(
                "deposit",
                &format!("\"customer\":\"c{c}\",\"amount\":\"50000\",\"currency\":\"AUD\""),
            ));
        }
        events
    }

    fn tick(&mut self, i: u64) -> Sent {
        let moved = self.dice.between(-300, 300);
        let cents = &mut self.cents[i as usize];
        *cents = (*cents + *cents * moved / 10_000).clamp(500, 50_000);
        let price = format!("\"instrument\":\"I{i}\",\"price\":\"{}.{:02}\"", *cents / 100, *cents % 100);
        self.event("tick", &price)
    }

    fn batch(&mut self) -> Vec<Sent> {
        (0..self.dice.between(1, 25))
            .map(|_| {
                let customer = self.dice.roll(CUSTOMERS);
                match self.dice.roll(20) {
                    0 => {
                        let amount = self.dice.between(100, 5_000);
                        self.event(
                            "deposit",
                            &format!(
                                "\"customer\":\"c{customer}\",\"amount\":\"{amount}\",\"currency\":\"AUD\""
                            ),
                        )
                    }
                    1 => self.event(
                        "withdrawal",
                        &format!("\"customer\":\"c{customer}\",\"amount\":\"250\",\"currency\":\"AUD\""),
                    ),
                    2 => self.event(
                        "rebalance_requested",
                        &format!("\"customer\":\"c{customer}\",\"by\":\"adviser\""),
                    ),
                    _ => {
                        let i = self.dice.roll(INSTRUMENTS);
                        self.tick(i)
                    }
                }
            })
            .collect()
    }
}

/// A folder with settings, and everything that was acknowledged on it.
struct Desk {
    _folder: TempDir,
    data: PathBuf,
    settings: String,
    feed: Feed,
    unanswered: Vec<Sent>,
    acknowledged: Vec<String>,
}

impl Desk {
    fn new(seed: u64) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Desk::on(folder, data, seed)
    }

    fn on(folder: TempDir, data: PathBuf, seed: u64) -> Desk {
        let settings = folder.path().join("evenkeel.toml");
        std::fs::write(&settings, SETTINGS).unwrap();
        let settings = settings.to_string_lossy().into_owned();
        let mut feed = Feed::new(seed);
        let unanswered = feed.opening();
        Desk { _folder: folder, data, settings, feed, unanswered, acknowledged: Vec::new() }
    }

    fn args(&self) -> [&str; 2] {
        ["--config", &self.settings]
    }

    fn start(&self) -> Running {
        Running::start(&self.data, &self.args()).unwrap()
    }

    /// Sends what was not answered, or something new. An error is silence: nobody knows what became of it.
    fn send(&mut self, running: &Running) -> Result<(), String> {
        if self.unanswered.is_empty() {
            self.unanswered = self.feed.batch();
        }
        let body: String = self.unanswered.iter().map(|sent| sent.line.as_str()).collect();
        let answer = running.post(body.as_bytes())?;
        if answer.status == 503 {
            return Err(answer.body);
        }
        let receipt = answer.json();
        let taken = receipt["accepted"].as_u64().zip(receipt["duplicates"].as_u64());
        let expected = self.unanswered.len() as u64;
        assert_eq!(
            (answer.status, taken.map(|(new, known)| new + known)),
            (200, Some(expected)),
            "{}",
            answer.body
        );
        self.acknowledged.extend(self.unanswered.drain(..).map(|sent| sent.key));
        Ok(())
    }

    /// Sends for a while, which must go well.
    fn trade(&mut self, running: &Running, during: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < during {
            self.send(running).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until no order is open and nothing has been recorded for a while.
    fn come_to_rest(&self, running: &Running) {
        let mut since = (Instant::now(), 0);
        until("everything has come to rest", PATIENCE, || {
            let status = running.status().unwrap();
            let accepted = status["events"]["accepted"].as_u64().unwrap();
            let open =
                ["pending_new", "new", "partially_filled"].iter().any(|state| status["orders"][state] != 0);
            if open || accepted != since.1 {
                since = (Instant::now(), accepted);
            }
            since.0.elapsed() > Duration::from_secs(2)
        })
        .unwrap();
    }

    /// After the end: log, dataflow and ClickHouse agree, nothing acknowledged is missing, and the books of
    /// the desk are in order. Returns the number of events.
    fn audit(&self) -> Audit {
        verify(&self.data, &self.args()).unwrap();
        let audit = Audit::read(&self.data);
        audit.nothing_lost(&self.acknowledged);
        audit.nothing_twice();
        audit.blocks_add_up();
        audit.fills_are_allocations();
        audit
    }
}

/// The events that ClickHouse holds.
struct Audit {
    keys: BTreeMap<String, u32>,
    orders: Vec<Order>,
    states: Vec<OrderState>,
    allocations: Vec<Allocation>,
    fills: Vec<Fill>,
    decisions: u64,
    ended: BTreeMap<String, Quantity>,
}

impl Audit {
    fn read(data: &Path) -> Audit {
        let (mut keys, mut decisions) = (BTreeMap::new(), 0);
        let (mut orders, mut states, mut allocations, mut fills) = (vec![], vec![], vec![], vec![]);
        for row in sql(data, "SELECT id, payload FROM events ORDER BY epoch, topic, offset").unwrap() {
            *keys.entry(row["id"].as_str().unwrap().to_owned()).or_default() += 1;
            match parse_event(row["payload"].as_str().unwrap().as_bytes()).unwrap() {
                Event::Order(order) => orders.push(*order),
                Event::OrderState(state) => states.push(*state),
                Event::Allocation(allocation) => allocations.push(*allocation),
                Event::Fill(fill) => fills.push(*fill),
                Event::Decision(_) => decisions += 1,
                _ => {}
            }
        }
        for row in sql(data, "SELECT toString(toUnixTimestamp64Micro(at)) AS at FROM ticks").unwrap() {
            *keys.entry(format!("at {}", row["at"].as_str().unwrap())).or_default() += 1;
        }
        let blocks = sql(data, "SELECT block, toString(filled_quantity) AS filled FROM blocks").unwrap();
        let mut ended = BTreeMap::new();
        for row in blocks {
            let filled = row["filled"].as_str().unwrap().parse().unwrap();
            let before = ended.insert(row["block"].as_str().unwrap().to_owned(), filled);
            assert_eq!(before, None, "block {} ends once", row["block"]);
        }
        Audit { keys, orders, states, allocations, fills, decisions, ended }
    }

    /// Every acknowledged event is there, exactly once; no id is there twice.
    fn nothing_lost(&self, acknowledged: &[String]) {
        let lost: Vec<&String> = acknowledged.iter().filter(|key| !self.keys.contains_key(*key)).collect();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged events lost: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
        let repeated: Vec<_> = self.keys.iter().filter(|(_, times)| **times != 1).collect();
        assert!(repeated.is_empty(), "more than once: {repeated:?}");
    }

    /// No order is in two blocks, no block has other orders than those it is named after, nothing ends twice.
    fn nothing_twice(&self) {
        let mut blocks: BTreeMap<&str, Vec<&Order>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for order in &self.orders {
            assert!(seen.insert(&order.order), "order {} was sent twice", order.order);
            blocks.entry(order.block.as_str()).or_default().push(order);
        }
        for (block, orders) in blocks {
            let ids: Vec<&str> = orders.iter().map(|order| order.order.as_str()).collect();
            let named = block_id(orders[0].instrument.as_str(), orders[0].side, &ids);
            assert_eq!(named.as_str(), block, "a block is named after its orders: {ids:?}");
        }
        let mut ended = BTreeMap::new();
        for state in self.states.iter().filter(|state| state.state.terminal()) {
            let before = ended.insert(&state.order, state.state);
            assert_eq!(before, None, "{} ends as {} once more", state.order, state.state);
        }
    }

    /// The allocations of a block sum to what it filled; no order gets more than it asked for.
    fn blocks_add_up(&self) {
        let mut by_block: BTreeMap<&str, i64> = BTreeMap::new();
        let mut by_order: BTreeMap<&str, i64> = BTreeMap::new();
        for allocation in &self.allocations {
            *by_block.entry(allocation.block.as_str()).or_default() += allocation.quantity.raw();
            *by_order.entry(allocation.order.as_str()).or_default() += allocation.quantity.raw();
        }
        for (block, filled) in &self.ended {
            let allocated = by_block.remove(block.as_str()).unwrap_or(0);
            assert_eq!(allocated, filled.raw(), "allocations of block {block}");
        }
        assert!(by_block.is_empty(), "allocations of blocks that have not ended: {by_block:?}");
        for order in &self.orders {
            let allocated = by_order.remove(order.order.as_str()).unwrap_or(0);
            assert!(
                allocated <= order.quantity.raw(),
                "order {} of {} got {allocated}",
                order.order,
                order.quantity
            );
        }
        assert!(by_order.is_empty(), "allocations of unknown orders: {by_order:?}");
    }

    /// One fill in the books for each allocation, for the same customer, units, price and fee.
    fn fills_are_allocations(&self) {
        type Parts<'a> = (&'a str, &'a str, &'a str, Quantity, evenkeel_schemas::Price, Money);
        let mut allocated: Vec<Parts<'_>> = self
            .allocations
            .iter()
            .map(|a| {
                (a.order.as_str(), a.customer.as_str(), a.instrument.as_str(), a.quantity, a.price, a.fee)
            })
            .collect();
        let own = self.fills.iter().filter_map(|f| Some((f, f.order.as_ref()?)));
        let mut filled: Vec<Parts<'_>> = own
            .map(|(f, order)| {
                (order.as_str(), f.customer.as_str(), f.instrument.as_str(), f.quantity, f.price, f.fee)
            })
            .collect();
        allocated.sort_unstable();
        filled.sort_unstable();
        assert_eq!(allocated, filled);
    }
}

/// At least twenty times `kill -9` at random moments: while starting, while recovering, between and within
/// commits; sometimes the engine goes with it.
#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_done_twice() {
    const KILLS: u64 = 22;
    let mut desk = Desk::new(20_260_105);
    let mut dice = Dice(9);
    for kill in 0..KILLS {
        let starting = kill % 6 == 5;
        let mut running = Running::spawn(&desk.data, &desk.args()).unwrap();
        let pid = running.pid();
        if !starting {
            running.ready().unwrap();
        }
        let after =
            Duration::from_millis(if starting { 20 + dice.roll(700) } else { 300 + dice.roll(1_700) });
        let killer = std::thread::spawn(move || {
            std::thread::sleep(after);
            signal(pid, "KILL");
        });
        if running.ready().is_ok() {
            while desk.send(&running).is_ok() {
                std::thread::sleep(Duration::from_millis(dice.roll(30)));
            }
        }
        killer.join().unwrap();
        let status = running.wait(PATIENCE).unwrap();
        assert!(!status.success() && !running.said().contains("panicked"), "kill {kill}: {}", running.said());
        if dice.percent(50) {
            engine_of(&desk.data).into_iter().for_each(|engine| signal(engine, "KILL"));
        }
        engine_ended(&desk.data).unwrap();
    }
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    let audit = desk.audit();
    let (orders, allocations) = (audit.orders.len(), audit.allocations.len());
    eprintln!(
        "{} acknowledged, {} decisions, {orders} orders, {allocations} allocations",
        desk.acknowledged.len(),
        audit.decisions
    );
    assert!(
        orders > 100 && allocations > 100,
        "there was trading: {orders} orders, {allocations} allocations"
    );

    // A clean stop and start without new events: nothing is decided again.
    let running = desk.start();
    std::thread::sleep(Duration::from_secs(3));
    let said = running.stop().unwrap();
    assert!(said.contains("closed cleanly"), "{said}");
    let again = desk.audit();
    assert_eq!(
        (again.keys.len(), again.decisions, again.orders.len()),
        (audit.keys.len(), audit.decisions, orders)
    );
}

fn ticks(desk: &mut Desk, number: usize) {
    desk.unanswered = (0..number as u64).map(|n| desk.feed.tick(n % INSTRUMENTS)).collect();
}

/// What the API says of everybody's triggers, and of the orders.
fn open_reasons(running: &Running) -> Vec<serde_json::Value> {
    let of =
        |c: u64| running.get(&format!("/api/v1/customers/c{c}/triggers")).unwrap().json()["triggers"].clone();
    (0..CUSTOMERS).map(of).collect()
}

/// Ticks are dropped when they are old; accounts and decisions are not. What a restart goes on from is the same
/// state, and ClickHouse is whole, even if it has to be written again.
#[test]
fn old_ticks_are_dropped_and_a_start_goes_on_without_them() {
    let mut desk = Desk::new(5);
    // Who has traded once does not again: reasons stay open.
    let settings = SETTINGS
        .replace("keep_ticks_ms = 0", "keep_ticks_ms = 1000")
        .replace("cool_down_ms = 300", "cool_down_ms = 3600000");
    std::fs::write(&desk.settings, settings).unwrap();
    let running = desk.start();
    desk.send(&running).unwrap();
    for _ in 0..16 {
        ticks(&mut desk, 1_000);
        desk.send(&running).unwrap();
        std::thread::sleep(Duration::from_millis(400));
        // A trade that never was, among them: the tick before it holds again.
        let (of, with) = (desk.feed.number, "null");
        desk.unanswered =
            vec![desk.feed.event(
                "correction",
                &format!("\"of\":\"k-{of:06}\",\"with\":{with},\"reason\":\"trade bust\""),
            )];
        desk.send(&running).unwrap();
    }
    desk.come_to_rest(&running);
    let reasons = open_reasons(&running);
    assert!(reasons.iter().any(|open| open.as_array().is_some_and(|open| !open.is_empty())), "{reasons:?}");
    let said = running.stop().unwrap();
    assert!(said.contains("old segments dropped"), "{said}");
    let said = verify(&desk.data, &desk.args()).unwrap();
    assert!(said.contains("older ones were dropped"), "{said}");

    // On from the baseline: the same state, and life goes on.
    let running = desk.start();
    assert!(running.said().contains("going on from the newest baseline"), "{}", running.said());
    assert!(open_reasons(&running) == reasons, "the same reasons are open");
    desk.trade(&running, Duration::from_secs(2));
    desk.come_to_rest(&running);
    let reasons = open_reasons(&running);
    running.stop().unwrap();
    desk.audit();

    // ClickHouse is lost: its history begins with the state of the baseline.
    std::fs::remove_dir_all(desk.data.join("clickhouse")).unwrap();
    let running = desk.start();
    assert!(open_reasons(&running) == reasons, "the same reasons are open");
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    verify(&desk.data, &desk.args()).unwrap();
}

fn epoch(running: &Running) -> u64 {
    running.status().unwrap()["epoch"].as_u64().unwrap()
}

/// Whether ClickHouse answers and has everything. Before the first row the program knows no lag.
fn caught_up(running: &Running) -> bool {
    let clickhouse = &running.status().unwrap()["clickhouse"];
    clickhouse["state"] == "up" && clickhouse["rows"] != 0 && clickhouse["lag_epochs"] == 0
}

/// The line goes on: what is sent is acknowledged quickly, and epochs complete.
fn goes_on(desk: &mut Desk, running: &Running, during: Duration) {
    let (before, begun) = (epoch(running), Instant::now());
    desk.trade(running, during);
    let (passed, done) = (begun.elapsed().as_millis() as u64, epoch(running) - before);
    assert!(done + 3_000 > passed, "{passed} ms passed, epochs went on by {done} ms");
}

#[test]
fn without_clickhouse_the_line_goes_on_and_then_it_catches_up() {
    let deep = std::env::var_os("EVENKEEL_DEEP").is_some();
    let mut desk = Desk::new(71);
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    // The engine dies: it is started again.
    until("ClickHouse has caught up", PATIENCE, || caught_up(&running)).unwrap();
    let engine = running.engine().unwrap();
    signal(engine, "KILL");
    goes_on(&mut desk, &running, Duration::from_secs(3));
    let another = || running.engine().is_some_and(|now| now != engine);
    until("a new engine has caught up", PATIENCE, || another() && caught_up(&running)).unwrap();
    // The engine hangs, for longer than a request waits for it.
    let engine = running.engine().unwrap();
    signal(engine, "STOP");
    goes_on(&mut desk, &running, Duration::from_secs(if deep { 60 } else { 12 }));
    let lag = running.status().unwrap()["clickhouse"]["lag_epochs"].as_u64().unwrap();
    assert!(lag > 0, "a stopped engine takes nothing");
    signal(engine, "CONT");
    until("the engine has caught up", PATIENCE, || caught_up(&running)).unwrap();
    desk.come_to_rest(&running);
    let said = running.stop().unwrap();
    assert!(!said.contains("panicked"), "{said}");
    desk.audit();
}

/// How long an end may take when ClickHouse does not answer: its last tries included.
const SOON: Duration = Duration::from_secs(40);

/// ClickHouse is away and comes back only with the next start: the end does not wait for it for long.
#[test]
fn a_signal_stops_soon_also_without_clickhouse() {
    let mut desk = Desk::new(80);
    let mut running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    let engine = running.engine().unwrap();
    signal(engine, "STOP");
    desk.trade(&running, Duration::from_secs(1));
    signal(running.pid(), "TERM");
    let ended = running.wait(SOON);
    signal(engine, "CONT");
    let status = ended.unwrap();
    assert!(status.code().is_some() && !running.said().contains("panicked"), "{}", running.said());
    engine_ended(&desk.data).unwrap();
    goes_on_with_room(desk);
}

/// A small file system of its own, where mounting is permitted.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, megabytes: u32) -> Option<Small> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Small(at.to_owned()))
    }

    fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Sends large batches until nothing is taken any more.
fn fill_up(desk: &mut Desk, running: &mut Running) {
    let begun = Instant::now();
    while running.ended().is_none() && begun.elapsed() < PATIENCE {
        if desk.unanswered.is_empty() {
            desk.unanswered = (0..40).flat_map(|_| desk.feed.batch()).collect();
        }
        if desk.send(running).is_err() {
            return;
        }
    }
}

/// After the failure: said clearly, ended with an error, and all there after a start with room.
fn ended_for_want_of_room(desk: &Desk, running: &mut Running) {
    let status = running.wait(SOON).unwrap();
    let said = running.said();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let last = said.lines().rev().find(|line| line.starts_with("evenkeel: ")).unwrap_or_default();
    let words = ["space", "File too large", "full"];
    assert!(words.iter().any(|word| last.contains(word)), "expected the reason at the end:\n{said}");
    engine_ended(&desk.data).unwrap();
}

fn goes_on_with_room(mut desk: Desk) {
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    desk.audit();
}

#[test]
fn a_full_disk_ends_the_program_in_words_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(small) = Small::mount(&data, 40) else {
        eprintln!("mounting is not permitted here: skipped; the limit on file sizes is tested instead");
        return;
    };
    let mut desk = Desk::on(folder, data, 72);
    let mut running = desk.start();
    fill_up(&mut desk, &mut running);
    assert!(desk.acknowledged.len() > 100);
    ended_for_want_of_room(&desk, &mut running);
    small.grow(400);
    goes_on_with_room(desk);
}

/// The log alone is out of room: a limit on the size of files stands for a full disk.
#[test]
fn a_log_that_cannot_grow_ends_the_program_in_words_and_loses_nothing() {
    let mut desk = Desk::new(73);
    let mut shell = Command::new("bash");
    // The signal is ignored, so that writing beyond the limit is an error as on a full disk.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\" \"$@\""]).arg(binary().unwrap());
    let mut running = Running::spawn_by(shell, &desk.data, &desk.args()).unwrap();
    running.ready().unwrap();
    fill_up(&mut desk, &mut running);
    ended_for_want_of_room(&desk, &mut running);
    goes_on_with_room(desk);
}

/// Runs the program on a folder until it ends by itself, or stops it when it got ready.
fn start_outcome(desk: &Desk) -> (bool, String) {
    let mut running = Running::spawn(&desk.data, &desk.args()).unwrap();
    let ready = running.ready().is_ok();
    if ready {
        signal(running.pid(), "TERM");
    }
    let status = running.wait(PATIENCE).unwrap();
    (ready && status.success(), running.said())
}

#[test]
fn an_altered_record_is_found() {
    let mut desk = Desk::new(74);
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    verify(&desk.data, &desk.args()).unwrap();
    let log = desk.data.join("log").join("events.redb");
    let whole = std::fs::read(&log).unwrap();
    // One amount of one deposit, changed by one digit: still a fine event.
    let payload = b"\"amount\":\"50000\"";
    let places: Vec<usize> =
        whole.windows(payload.len()).enumerate().filter(|(_, w)| w == payload).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "the log holds the text of events");
    for place in [places[0], places[places.len() / 2], places[places.len() - 1]] {
        let mut altered = whole.clone();
        altered[place + 10] = b'6';
        std::fs::write(&log, &altered).unwrap();
        let folder = desk.data.to_string_lossy().into_owned();
        let Outcome { code, stdout, stderr } =
            evenkeel([&["verify", "--data", &folder], desk.args().as_slice()].concat()).unwrap();
        assert_eq!(code, Some(1), "verify must find it: {stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        eprintln!("{}", stdout.lines().chain(stderr.lines()).take(4).collect::<Vec<_>>().join(" | "));
        let (fine, said) = start_outcome(&desk);
        assert!(!fine && !said.contains("panicked"), "an altered log is no log to go on from: {said}");
    }
    std::fs::write(&log, &whole).unwrap();
    desk.audit();
}

#[test]
fn a_row_changed_in_clickhouse_is_found() {
    let mut desk = Desk::new(75);
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    for change in [
        "INSERT INTO cash SELECT epoch, diff, customer, currency, amount + 1 FROM cash LIMIT 1",
        "ALTER TABLE ticks DELETE WHERE offset = 3 SETTINGS mutations_sync = 2",
    ] {
        sql(&desk.data, change).unwrap();
        let told = verify(&desk.data, &desk.args()).unwrap_err();
        assert!(
            told.contains("DIFFERS") && told.contains("they do NOT agree") && told.contains("Some(1)"),
            "{told}"
        );
    }
}

#[test]
fn a_signal_stops_cleanly_and_soon() {
    let mut desk = Desk::new(76);
    for name in ["TERM", "INT"] {
        let mut running = desk.start();
        desk.trade(&running, Duration::from_secs(1));
        let begun = Instant::now();
        signal(running.pid(), name);
        let status = running.wait(Duration::from_secs(10)).unwrap();
        assert_eq!(status.code(), Some(0), "{}", running.said());
        eprintln!("SIG{name}: stopped in {:?}", begun.elapsed());
        let engine = running.engine().unwrap();
        assert!(!alive(engine), "the engine has ended with it");
        verify(&desk.data, &desk.args()).unwrap();
    }
    let running = desk.start();
    desk.come_to_rest(&running);
    running.stop().unwrap();
    desk.audit();
}

/// What the log derives depends on the settings it was run with: `verify` knows them from the folder, as
/// `sql` does, whatever they are.
#[test]
fn verify_needs_no_settings() {
    let mut desk = Desk::new(78);
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    verify(&desk.data, &desk.args()).unwrap();
    verify(&desk.data, &[]).unwrap();
}

/// Other marks would derive other rows from the same log: they are refused, and what was written stands.
#[test]
fn a_start_with_other_settings_is_refused_and_changes_nothing() {
    let mut desk = Desk::new(79);
    let running = desk.start();
    desk.trade(&running, Duration::from_secs(1));
    desk.come_to_rest(&running);
    running.stop().unwrap();
    let more = [desk.args(), ["--mark-ms", "2000"]].concat();
    let refused = Running::start(&desk.data, &more).err().unwrap();
    assert!(
        refused.contains("the folder was recorded with") && refused.contains("mark_ms: 2000"),
        "{refused}"
    );
    desk.start().stop().unwrap();
    verify(&desk.data, &desk.args()).unwrap();
}

/// Two programs on one folder would write two histories.
#[test]
fn a_folder_in_use_is_refused_in_words() {
    let desk = Desk::new(77);
    let running = desk.start();
    let (fine, said) = start_outcome(&desk);
    assert!(!fine && said.contains("evenkeel: ") && !said.contains("panicked"), "{said}");
    let folder = desk.data.to_string_lossy().into_owned();
    let Outcome { code, stderr, .. } = evenkeel(["verify", "--data", &folder]).unwrap();
    assert_eq!(code, Some(1), "{stderr}");
    running.stop().unwrap();
}
