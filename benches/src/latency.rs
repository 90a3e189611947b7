//! From a tick to its trigger to its order, at a fixed rate, open loop.
//!
//! Ticks are sent on a schedule whether or not earlier ones were answered, and every latency counts from the
//! *scheduled* time, so a stall is felt by everything that was due in it. Among them are probes: a tick of an
//! instrument that one customer alone holds, large enough to leave the band. So each probe has exactly one
//! trigger and one order, which a watcher asks the program for until they are there.

mod plan;
mod watch;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel_feeds::generate::{Book, Market};

use crate::program::{Http, Program, Serving};
use crate::report::quantile;
use crate::{Failure, Figure, Report, Scale, check};

pub(crate) use plan::body;
use plan::{Plan, probe_customers};
use watch::Seen;

const SKETCH: &str = "an event waits for its commit (one or two fsyncs: 1 to 5 ms), on average half an epoch until \
    its epoch closes, then for the dataflow over that epoch (at most 8,500 touches, see replay: up to 35 ms), then \
    for the view: with epochs of 100 ms 50 + 40 ms in the median, 100 + 60 ms at p99. The decision is one small \
    convex program (1 ms) and one commit, and comes back with the next epoch: 100 ms more. The desk's window of \
    200 ms adds its half and an epoch until the order is in a block. Epochs of 10 ms do the dataflow's work up to \
    ten times as often: 20 ticks move 20 prices of 60 holders each, and each holder's 8.5 weights";

const CUSTOMERS: u32 = 1000;
const INSTRUMENTS: u32 = 137;
/// Time between two bodies of ticks.
const BODY_EVERY: Duration = Duration::from_millis(10);
/// Seconds of a real market's movement in one second, as in the demo.
const INTENSITY: u32 = 20;
/// Connections: a body that waits for the disk does not hold up the next.
const SENDERS: usize = 4;
/// Customers that are onboarded with one body.
const CUSTOMERS_AT_ONCE: u32 = 200;
/// How long the start may take, onboarding and its decisions included.
const PATIENCE: Duration = Duration::from_secs(180);
/// Without a new decision for this long, the start has settled.
const SETTLED: Duration = Duration::from_secs(3);

/// How fast it goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Length of an epoch.
    pub epoch_ms: u64,
    /// Ticks a second, a multiple of a hundred.
    pub ticks_per_second: u32,
}

/// Runs the bench inside `folder` at a pace.
///
/// # Errors
/// When the program fails, refuses an event, or a probe has no trigger or order.
pub fn run(program: &Program, folder: &Path, scale: Scale, seed: u64, pace: Pace) -> Result<Report, Failure> {
    let Pace { epoch_ms, ticks_per_second } = pace;
    let mut report = Report::begin("latency", seed, SKETCH);
    let seconds = scale.pick(120, 20);
    report.data(format!(
        "epochs of {epoch_ms} ms, {ticks_per_second} ticks a second, a request every {} ms, for {seconds} s, \
         {CUSTOMERS} customers and {INSTRUMENTS} instruments, a probe every {} ms",
        BODY_EVERY.as_millis(),
        plan::PROBE_EVERY.as_millis()
    ));
    let mut serving = program.serve(folder, &[("--epoch-ms", epoch_ms), ("--mark-ms", 1000)])?;
    serving.wait("/readyz", PATIENCE)?;
    let mut market = Market::new(seed, INSTRUMENTS);
    market.set_pace(ticks_per_second, INTENSITY);
    let probes = plan::probes(Duration::from_secs(seconds));
    open(&serving.http, &mut market, seed, probes)?;
    settle(&serving)?;
    let plan = Plan::new(&mut market, ticks_per_second, Duration::from_secs(seconds))?;
    let before = serving.http.text("/metrics")?;
    let idle = serving.processor();
    let start = Instant::now();
    let (sent, seen) = play(&serving.http, &plan, start)?;
    let after = serving.http.text("/metrics")?;
    report.checked(format!("all {} events accepted", plan.events()));
    report.checked(format!("each of {probes} probes had one trigger and one order"));
    let busy = serving.processor();
    figures(&mut report, &sent, &seen, (&before, &after))?;
    for (part, used) in busy {
        let used = used.saturating_sub(idle.get(part).copied().unwrap_or_default());
        let each = used.as_secs_f64() * 1e6 / plan.events() as f64;
        report.figure(Figure::one(format!("processor an event: {part}"), "µs", each));
    }
    report.figure(Figure::one("largest resident set", "MiB", serving.peak_mib() as f64));
    serving.stop()?;
    Ok(report.end())
}

/// Lists instruments and onboards everybody.
fn open(http: &Http, market: &mut Market, seed: u64, probes: usize) -> Result<(), Failure> {
    let now = plan::now();
    let mut events = market.reference_events(now);
    events.extend(market.quotes(now));
    http.events(&body(&events)?)?;
    let mut book = Book::new(seed, CUSTOMERS);
    for first in (0..CUSTOMERS).step_by(CUSTOMERS_AT_ONCE as usize) {
        let some = first..(first + CUSTOMERS_AT_ONCE).min(CUSTOMERS);
        let events: Vec<_> = some.flat_map(|customer| book.open(market, customer, plan::now())).collect();
        http.events(&body(&events)?)?;
    }
    http.events(probe_customers(probes).as_bytes())?;
    Ok(())
}

/// Waits until the decisions on the first deposits are made.
fn settle(serving: &Serving) -> Result<(), Failure> {
    let (mut last, mut since) = (None, Instant::now());
    while since.elapsed() < SETTLED {
        let status = serving.http.json("/api/v1/status")?;
        let decisions = Some(status["decisions"].to_string());
        if decisions != last {
            (last, since) = (decisions, Instant::now());
        }
        if serving.start.elapsed() > PATIENCE {
            return Err(Failure::Program(
                "the program does not come to rest before the first tick".to_owned(),
            ));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// What sending a body took, from its scheduled time, in milliseconds.
#[derive(Clone, Copy)]
struct Sent {
    /// Until it was sent: how far behind its schedule the bench is.
    late: f64,
    /// Until the program answered that it is on disk.
    stored: f64,
}

/// Sends the plan and watches the probes.
fn play(http: &Http, plan: &Plan, start: Instant) -> Result<(Vec<Sent>, Vec<Seen>), Failure> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch::watch(&http.another(), plan, start));
        let senders: Vec<_> =
            (0..SENDERS).map(|_| scope.spawn(|| send(&http.another(), plan, start, &next))).collect();
        let panicked = |_| Failure::Program("a thread of the bench panicked".to_owned());
        let (mut all, mut accepted) = (Vec::new(), 0);
        for sender in senders {
            let (sent, events) = sender.join().map_err(panicked)??;
            all.extend(sent);
            accepted += events;
        }
        let seen = watcher.join().map_err(panicked)??;
        check(accepted == plan.events(), || format!("{accepted} of {} events were accepted", plan.events()))?;
        Ok((all, seen))
    })
}

/// Takes the next body, waits for its time, sends it, and so on.
fn send(http: &Http, plan: &Plan, start: Instant, next: &AtomicUsize) -> Result<(Vec<Sent>, u64), Failure> {
    let (mut all, mut accepted) = (Vec::new(), 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(body) = plan.bodies.get(number) else { return Ok((all, accepted)) };
        let due = start + body.at;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = since(due);
        accepted += http.events(&body.text)?;
        all.push(Sent { late, stored: since(due) });
    }
}

/// Milliseconds since a moment.
fn since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64() * 1e3
}

fn figures(
    report: &mut Report,
    sent: &[Sent],
    seen: &[Seen],
    (before, after): (&str, &str),
) -> Result<(), Failure> {
    let mut three = |name: &str, mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        for (share, word) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
            report.figure(Figure::one(format!("{name} {word}"), "ms", quantile(&values, share)));
        }
    };
    three("bench behind its schedule", sent.iter().map(|sent| sent.late).collect());
    three("tick → on disk, answered", sent.iter().map(|sent| sent.stored).collect());
    three("tick → trigger visible", seen.iter().map(|seen| seen.trigger).collect());
    three("trigger → order decided", seen.iter().map(|seen| seen.order - seen.trigger).collect());
    three("trigger → order in a block", seen.iter().map(|seen| seen.block - seen.trigger).collect());
    for (metric, name) in [
        ("evenkeel_tick_to_trigger_seconds", "program's own: first event of epoch → trigger"),
        ("evenkeel_trigger_to_order_seconds", "program's own: trigger → order in a block"),
        ("evenkeel_epoch_seconds", "program's own: end of epoch → rows out"),
        ("evenkeel_log_commit_seconds", "program's own: log commit"),
    ] {
        let histogram = watch::histogram(after, metric)?.since(&watch::histogram(before, metric)?);
        check(histogram.count() > 0, || format!("{metric} counted nothing"))?;
        for (share, word) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
            report.figure(Figure::one(format!("{name} {word}"), "ms", histogram.quantile(share) * 1e3));
        }
    }
    Ok(())
}
