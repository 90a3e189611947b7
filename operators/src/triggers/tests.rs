use super::{Crossed, OfPrices};
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{BandSide, CustomerId, InstrumentId, Ratio};

fn breaching(side: BandSide, distance: i64) -> (CustomerId, Crossed) {
    let ratio = |bps| Ratio::from_bps(bps).unwrap();
    (CustomerId(7), Crossed::band(InstrumentId(1), side, ratio(distance), ratio(500)))
}

#[test]
fn a_reason_enters_once_and_leaves_once() {
    let mut open = OfPrices::default();
    let mut out = Vec::new();
    open.step(100, vec![(breaching(BandSide::Over, 600), 1)], &mut out);
    assert_eq!(out.len(), 1);
    let entered = out.pop().unwrap();
    open.step(200, vec![(breaching(BandSide::Over, 700), 1), (breaching(BandSide::Over, 600), -1)], &mut out);
    assert!(out.is_empty(), "further away is the same reason");
    open.step(300, vec![(breaching(BandSide::Over, 700), -1)], &mut out);
    assert_eq!(out, vec![(entered.0, -1)], "what leaves is the row that entered");
}

#[test]
fn a_change_of_side_is_a_new_reason() {
    let mut open = OfPrices::default();
    let mut out = Vec::new();
    open.step(100, vec![(breaching(BandSide::Over, 600), 1)], &mut out);
    open.step(
        200,
        vec![(breaching(BandSide::Under, 600), 1), (breaching(BandSide::Over, 600), -1)],
        &mut out,
    );
    let entries: Vec<_> = out.iter().map(|((key, _), diff)| (key.entered, *diff)).collect();
    assert_eq!(entries, [(100, 1), (100, -1), (200, 1)]);
}

#[test]
fn a_trigger_of_before_the_history_keeps_its_entry() {
    let mut open = OfPrices::default();
    let mut out = Vec::new();
    open.step(100, vec![(breaching(BandSide::Over, 600), 1)], &mut out);
    let derived = out.pop().unwrap().0;
    let mut before = derived.clone();
    before.0.entered = 50;
    open.adopt(vec![before.clone()], &mut out);
    assert_eq!(out, [(derived, -1), (before.clone(), 1)]);
    out.clear();
    open.step(200, vec![(breaching(BandSide::Over, 600), -1)], &mut out);
    assert_eq!(out, [(before, -1)]);
}

#[test]
fn thresholds_of_several_kinds_do_not_mix() {
    let mut open = OfPrices::default();
    let mut out = Vec::new();
    let (customer, drift) = breaching(BandSide::Over, 600);
    let loss = Crossed { kind: TriggerKind::TaxOpportunity, ..drift };
    open.step(100, vec![((customer, drift), 1)], &mut out);
    open.step(200, vec![((customer, loss), 1)], &mut out);
    open.step(300, vec![((customer, drift), -1)], &mut out);
    let entries: Vec<_> = out.iter().map(|((key, _), diff)| (key.kind, key.entered, *diff)).collect();
    let (drift, loss) = (TriggerKind::Drift, TriggerKind::TaxOpportunity);
    assert_eq!(entries, [(drift, 100, 1), (loss, 200, 1), (drift, 100, -1)]);
}
