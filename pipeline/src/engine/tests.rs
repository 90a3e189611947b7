use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_operators::dataflow::{Timing, Watching};
use evenkeel_schemas::events::parse_event;
use evenkeel_schemas::{Epoch, Row};

use super::assemble::consolidate;
use super::{Engine, Output, Plan, Workers};
use crate::admission::{Admission, Inputs, Origin, Verdict};
use crate::config::DriftEngine;

fn inputs(door: &mut Admission, epoch: Epoch, lines: &[&str]) -> Arc<Inputs> {
    let mut all = Inputs::new();
    for line in lines {
        match door.admit(&parse_event(line.as_bytes()).unwrap(), epoch, Origin::Outside) {
            Verdict::Accepted(inputs) => all.extend(inputs),
            other => panic!("{line}: {other:?}"),
        }
    }
    Arc::new(all)
}

const OPENING: [&str; 4] = [
    r#"{"type":"instrument_listed","at":"1970-01-01T00:00:00Z","instrument":"A","name":"A","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}"#,
    r#"{"type":"customer_onboarded","at":"1970-01-01T00:00:00Z","customer":"c","base_currency":"AUD"}"#,
    r#"{"type":"transfer_in","at":"1970-01-01T00:00:00Z","customer":"c","instrument":"A","quantity":"10","cost_base":"0","acquired":"1970-01-01"}"#,
    r#"{"type":"targets_set","at":"1970-01-01T00:00:00Z","customer":"c","weights":{"A":"0.5"}}"#,
];
const PRICE: &str = r#"{"type":"tick","at":"1970-01-01T00:00:00Z","instrument":"A","price":"10"}"#;
const DEPOSIT: &str =
    r#"{"type":"deposit","at":"1970-01-01T00:00:00Z","customer":"c","amount":"100","currency":"AUD"}"#;

fn run(workers: usize, watching: Watching) -> (BTreeMap<Epoch, Vec<Row>>, Vec<Epoch>) {
    let mut door = Admission::new(10, true);
    let timing = Timing { epoch_ms: 100, mark_ms: 200, drift_mark_ms: 400, stale_ms: 0, dated: true };
    let (engine, outputs) =
        Engine::start(Workers::Threads(workers), Plan { timing, watching, opening: 0 }).unwrap();
    for (epoch, lines) in [(100, &OPENING[..]), (200, &[PRICE]), (300, &[DEPOSIT])] {
        engine.advance(epoch);
        engine.feed(epoch, inputs(&mut door, epoch, lines));
    }
    std::thread::scope(|scope| {
        scope.spawn(|| engine.finish());
        let (mut came, mut frontiers) = (BTreeMap::new(), Vec::new());
        for output in outputs {
            match output {
                Output::Closed(closed) => {
                    let mut rows = Vec::new();
                    closed.each_single(|row, diff| rows.extend((diff > 0).then(|| row.clone())));
                    rows.sort_unstable();
                    came.insert(closed.epoch, rows);
                }
                Output::Complete(upto) => frontiers.push(upto),
            }
        }
        (came, frontiers)
    })
}

#[test]
fn epochs_come_out_whole_and_the_same_for_any_number_of_workers() {
    let (one, frontiers) = run(1, Watching::Textbook);
    assert!(frontiers.is_sorted());
    assert_eq!(frontiers.last(), Some(&Epoch::MAX));
    assert!(one[&200].iter().any(|row| matches!(row, Row::Breach { .. })), "all in one instrument: over");
    let trigger = |rows: &[Row]| rows.iter().filter(|row| matches!(row, Row::Trigger { .. })).count();
    assert_eq!((trigger(&one[&200]), trigger(&one[&300])), (1, 1), "drift enters, then the deposit");
    assert!(
        one[&400].iter().any(|row| matches!(row, Row::Valuation { nav, .. } if nav.to_string() == "200"))
    );
    let drift = |epoch: Epoch| one[&epoch].iter().filter(|row| matches!(row, Row::Drift { .. })).count();
    assert_eq!((drift(200), drift(400)), (0, 1), "drift has marks of its own");
    let held = |epoch: Epoch| one[&epoch].iter().filter(|row| matches!(row, Row::Exposure(_))).count();
    assert_eq!((held(200), held(400)), (1, 1), "the instrument, then the cash that came");
    for workers in [1, 2, 4] {
        for engine in [DriftEngine::Monitor, DriftEngine::Sweep] {
            assert_eq!(run(workers, engine.watching()).0, one);
        }
        assert_eq!(run(workers, Watching::Textbook).0, one);
    }
}

#[test]
fn equal_rows_add_up_and_nothing_is_nothing() {
    let row = |quantity: &str| Row::Position {
        customer: evenkeel_schemas::CustomerId(0),
        instrument: evenkeel_schemas::InstrumentId(0),
        quantity: quantity.parse().unwrap(),
    };
    let mut changes = vec![(row("2"), 1), (row("1"), 1), (row("2"), -1), (row("3"), -1), (row("1"), 1)];
    consolidate(&mut changes);
    assert_eq!(changes, [(row("1"), 2), (row("3"), -1)]);
}
