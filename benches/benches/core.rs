//! The pure cores, one call at a time: what an event, a row, a customer and a rebalance cost.
//!
//! `cargo bench -p evenkeel-benches --bench core`

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use evenkeel::admission::{Admission, Origin, Verdict};
use evenkeel_feeds::generate::{Book, Market};
use evenkeel_operators::drift::standings;
use evenkeel_operators::facts::{TargetLine, TargetSet};
use evenkeel_optimizer::{Limits, check_rebalance, rebalance};
use evenkeel_schemas::events::{Event, parse_event};
use evenkeel_schemas::{Instant, InstrumentId, Labels, Money, Name, Names, Ratio, Row, Value};

#[path = "../../actors/optimizer/tests/common/mod.rs"]
mod portfolios;

const EPOCH: u64 = 1_767_571_200_000;

fn at() -> Instant {
    Instant::from_micros(1_767_571_200_000_000)
}

/// A market and the events that lead to its first customers, fills last.
fn workload() -> (Market, Vec<Event>) {
    let market = Market::new(1, 137);
    let mut events = market.reference_events(at());
    events.extend(market.quotes(at()));
    let mut book = Book::new(1, 20);
    for customer in 0..20 {
        events.extend(book.open(&market, customer, at()));
    }
    (market, events)
}

fn line(event: &Event) -> Vec<u8> {
    serde_json::to_vec(event).expect("an event has a text")
}

fn parsing(criterion: &mut Criterion) {
    let (_, events) = workload();
    let first = |wanted: fn(&Event) -> bool| {
        let event = events.iter().find(|event| wanted(event)).expect("the workload has one of each");
        (event, line(event))
    };
    let mut group = criterion.benchmark_group("parse_event");
    for (name, (event, text)) in [
        ("tick", first(|event| matches!(event, Event::Tick(_)))),
        ("fill", first(|event| matches!(event, Event::Fill(_)))),
        ("targets_set", first(|event| matches!(event, Event::TargetsSet(_)))),
    ] {
        assert_eq!(parse_event(&text).as_ref(), Ok(event), "Invariant: what is measured is right");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bench| bench.iter(|| parse_event(black_box(&text))));
        // What any reader of JSON has to do at least.
        let floor = format!("{name}, as a tree of JSON only");
        group.bench_function(floor, |bench| {
            bench.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&text)));
        });
    }
    group.finish();
}

fn admission(criterion: &mut Criterion) {
    let (mut market, events) = workload();
    let mut door = Admission::new(1000, true);
    for event in &events {
        let verdict = door.admit(event, EPOCH, Origin::Outside);
        assert!(
            matches!(verdict, Verdict::Accepted(_)),
            "Invariant: the workload is acceptable: {verdict:?}"
        );
    }
    let tick = market.next_ticks(at(), 10).into_iter().find(|event| matches!(event, Event::Tick(_)));
    let tick = tick.expect("one in ten moves is a price");
    criterion.bench_function("admission of a tick", |bench| {
        bench.iter(|| door.admit(black_box(&tick), EPOCH, Origin::Outside));
    });
    assert!(door.accepted() > events.len() as u64, "Invariant: ticks were accepted");
}

fn rendering(criterion: &mut Criterion) {
    let mut names = Names::default();
    let customer = names.intern_customer(&Name::new("C0000001").expect("a name"));
    let instrument = names.intern_instrument(&Name::new("VAS").expect("a name"));
    let ratio = Ratio::from_raw;
    let money = Money::from_raw;
    let rows = [
        (
            "drift",
            Row::Drift {
                customer,
                instrument,
                weight: ratio(312_345_678),
                target: ratio(250_000_000),
                drift: ratio(62_345_678),
            },
        ),
        (
            "valuation",
            Row::Valuation {
                customer,
                currency: evenkeel_schemas::Currency::AUD,
                nav: money(123_456_789_000),
                market_value: money(113_456_789_000),
                cash: money(10_000_000_000),
            },
        ),
    ];
    let mut group = criterion.benchmark_group("render a row");
    for (name, row) in rows {
        let mut text = String::with_capacity(256);
        group.bench_function(name, |bench| {
            bench.iter(|| {
                text.clear();
                black_box(&row).render(&names, &mut text);
                text.len()
            });
        });
        assert!(text.starts_with("\"customer\":\"C0000001\""), "Invariant: a row is rendered: {text}");
    }
    group.finish();
}

fn drifting(criterion: &mut Criterion) {
    let one = Value::from_raw(10_i128.pow(21));
    let value = |units: i128| Value::from_raw(one.raw() * units);
    let lines = (0..8).map(|i| TargetLine {
        instrument: InstrumentId(i),
        weight: Ratio::from_raw(Ratio::ONE / 8),
        band: Ratio::from_raw(Ratio::ONE / 20),
    });
    let band_default = Ratio::from_raw(Ratio::ONE / 20);
    let targets = TargetSet { lines: lines.collect(), band_default, buckets: Vec::new() };
    let values: Vec<(InstrumentId, Value)> =
        (0..8).map(|i| (InstrumentId(i), value(10_000 + 300 * i128::from(i)))).collect();
    let nav = value(90_000);
    assert_eq!(
        standings(nav, &values, &targets, |_| Labels::default()).len(),
        8,
        "Invariant: every holding stands somewhere"
    );
    let mut group = criterion.benchmark_group("drift");
    group.throughput(Throughput::Elements(8));
    group.bench_function("standings of 8 holdings", |bench| {
        bench.iter(|| {
            standings(black_box(nav), black_box(&values), black_box(&targets), |_| Labels::default())
        });
    });
    group.finish();
}

fn rebalancing(criterion: &mut Criterion) {
    let problems: Vec<_> = (0..32).map(|seed| portfolios::drifted(13, seed)).collect();
    let limits = Limits::default();
    for problem in &problems {
        let solution = rebalance(problem, &limits).expect("a portfolio that can be rebalanced");
        assert_eq!(check_rebalance(problem, &solution), Vec::<String>::new(), "Invariant: a right answer");
    }
    let mut next = problems.iter().cycle();
    criterion.bench_function("rebalance of 13 candidates", |bench| {
        let problem = || next.next().unwrap_or(&problems[0]);
        bench.iter_batched(problem, |problem| rebalance(black_box(problem), &limits), BatchSize::SmallInput);
    });
}

criterion_group!(cores, parsing, admission, rendering, drifting, rebalancing);
criterion_main!(cores);
