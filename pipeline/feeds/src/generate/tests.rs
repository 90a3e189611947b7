use std::collections::BTreeMap;

use evenkeel_schemas::events::{Event, Side, parse_event};
use evenkeel_schemas::{Currency, Name};

use super::*;

fn small() -> Workload {
    Workload { customers: 40, instruments: 90, ticks: 60_000, seed: 7, ..Workload::default() }
}

fn written(workload: &Workload) -> (Vec<u8>, Summary) {
    let mut bytes = Vec::new();
    let summary = generate(workload, &mut bytes, &mut |_, _| {}).unwrap();
    (bytes, summary)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let (first, summary) = written(&small());
    assert_eq!(summary.bytes, first.len() as u64);
    assert_eq!(first, written(&small()).0);
    assert_ne!(first, written(&Workload { seed: 8, ..small() }).0);
}

#[test]
fn nobody_spends_or_sells_what_is_not_there() {
    let (bytes, summary) = written(&small());
    let mut cash: BTreeMap<(Name, Currency), i64> = BTreeMap::new();
    let mut units: BTreeMap<(Name, Name), i64> = BTreeMap::new();
    let mut terms = BTreeMap::new();
    let (mut events, mut last, mut kinds) = (0, Workload::default().start, BTreeMap::new());
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event = parse_event(line).unwrap();
        assert!(event.at() >= last, "times rise");
        last = event.at();
        events += 1;
        *kinds.entry(event.event_type().as_str()).or_insert(0) += 1;
        match &event {
            Event::InstrumentListed(e) => {
                terms.insert(e.instrument.clone(), (e.currency, e.tick_size));
            }
            Event::Tick(e) => {
                assert_eq!(e.price.raw() % terms[&e.instrument].1.raw(), 0, "on the price step")
            }
            Event::Deposit(e) => *cash.entry((e.customer.clone(), e.currency)).or_default() += e.amount.raw(),
            Event::Withdrawal(e) => {
                *cash.entry((e.customer.clone(), e.currency)).or_default() -= e.amount.raw();
            }
            Event::Fill(e) => {
                assert_eq!(e.currency, terms[&e.instrument].0);
                let sign = if e.side == Side::Buy { 1 } else { -1 };
                let money = e.quantity.notional(e.price).unwrap().raw() * sign + e.fee.raw();
                let held = units.entry((e.customer.clone(), e.instrument.clone())).or_default();
                *held += sign * e.quantity.raw();
                assert!(*held >= 0);
                let left = cash.entry((e.customer.clone(), e.currency)).or_default();
                *left -= money;
                assert!(*left >= 0);
            }
            _ => {}
        }
        assert!(cash.values().all(|left| *left >= 0), "no overdraft");
    }
    assert_eq!(events, summary.events);
    assert_eq!(last, summary.last);
    for kind in ["withdrawal", "fill", "rebalance_requested", "fx_rate", "targets_set"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 10), "{kind}: {kinds:?}");
    }
}

#[test]
fn a_shock_shows_in_the_next_quotes() {
    let mut market = Market::new(3, 20);
    let at = Workload::default().start;
    let vas = Name::new("VAS").unwrap();
    let price = |market: &Market| market.price(0).raw();
    let before = price(&market);
    assert_eq!(market.shock(&Shock::Instrument(vas, -1_000)), 1);
    assert_eq!(price(&market), (before * 9 / 10 + 5_000) / 10_000 * 10_000);
    assert_eq!(market.shock(&Shock::Market(-500)), 20);
    assert!(price(&market) < before * 9 / 10);
    assert!(market.shock(&Shock::AssetClass("bond".to_owned(), 100)) > 0);
    assert_eq!(market.shock(&Shock::Dollar(100)), 1);
    assert_eq!(market.next_ticks(at, 500).len(), 500);
    assert_eq!(market.quotes(at).len(), 21);
}

#[test]
fn tickers_are_distinct_and_workloads_are_checked() {
    let market = Market::new(1, 30_000);
    let mut names: Vec<&str> = (0..30_000).map(|i| market.ticker(i)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 30_000);
    let bad = Workload { instruments: 0, ..small() };
    assert!(generate(&bad, &mut Vec::new(), &mut |_, _| {}).is_err());
    let tiny = Workload { instruments: 1, customers: 3, ticks: 500, ..small() };
    assert!(written(&tiny).1.events > 500);
}
