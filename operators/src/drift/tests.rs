use super::standings;
use crate::facts::{BucketLine, TargetLine, TargetSet};
use evenkeel_schemas::{BandSide, InstrumentId, Label, Labels, Ratio, Value};

fn value(units: i128) -> Value {
    Value::from_raw(units * 10_i128.pow(21))
}

fn percent(p: i64) -> Ratio {
    Ratio::from_bps(p * 100).unwrap()
}

#[test]
fn drift_is_weight_less_target_for_what_is_held_or_targeted() {
    let line = |i, weight| TargetLine { instrument: InstrumentId(i), weight, band: percent(5) };
    let targets = TargetSet {
        lines: vec![line(0, percent(50)), line(1, percent(30))],
        band_default: percent(5),
        buckets: Vec::new(),
    };
    let found = standings(
        value(1000),
        &[(InstrumentId(0), value(560)), (InstrumentId(2), value(50))],
        &targets,
        |_| Labels::default(),
    );
    let seen: Vec<_> = found.iter().map(|s| (s.instrument.0, s.drift.to_string(), s.breach)).collect();
    let expected = [
        (0, "0.06".to_owned(), Some(BandSide::Over)),
        (1, "-0.3".to_owned(), Some(BandSide::Under)),
        (2, "0.05".to_owned(), None),
    ];
    assert_eq!(seen, expected, "exactly on the edge of the band is inside");
}

#[test]
fn a_target_of_nothing_that_is_not_held_is_no_row() {
    let line = TargetLine { instrument: InstrumentId(0), weight: Ratio::ZERO, band: percent(5) };
    let targets = TargetSet { lines: vec![line], band_default: percent(5), buckets: Vec::new() };
    assert!(standings(value(1), &[], &targets, |_| Labels::default()).is_empty());
}

#[test]
fn a_short_against_a_tiny_nav_stays_in_range() {
    let targets = TargetSet { lines: vec![], band_default: percent(5), buckets: Vec::new() };
    let found =
        standings(Value::from_raw(1), &[(InstrumentId(0), value(-1))], &targets, |_| Labels::default());
    assert_eq!(found[0].breach, Some(BandSide::Under));
    assert!(found[0].weight < Ratio::ZERO);
}

#[test]
fn a_bucket_drifts_when_none_of_its_members_does() {
    let line = |i| TargetLine { instrument: InstrumentId(i), weight: percent(20), band: percent(5) };
    let of_class = |class| Labels([Label(class), Label::NONE, Label::NONE]);
    let bucket =
        |id, class| BucketLine { bucket: InstrumentId(id), labels: of_class(class), band: percent(5) };
    let targets = TargetSet {
        lines: vec![line(0), line(1), line(2)],
        band_default: percent(5),
        buckets: vec![bucket(10, 1), bucket(11, 2), bucket(12, 3)],
    };
    // Two of class 1 are 4 points over each, one of class 2 is at its target, nothing is of class 3.
    let values =
        [(InstrumentId(0), value(240)), (InstrumentId(1), value(240)), (InstrumentId(2), value(200))];
    let found = standings(value(1000), &values, &targets, |i| of_class(if i.0 < 2 { 1 } else { 2 }));
    let seen: Vec<_> = found.iter().map(|s| (s.instrument.0, s.drift.to_string(), s.breach)).collect();
    let expected = [
        (0, "0.04".to_owned(), None),
        (1, "0.04".to_owned(), None),
        (2, "0".to_owned(), None),
        (10, "0.08".to_owned(), Some(BandSide::Over)),
        (11, "0".to_owned(), None),
    ];
    assert_eq!(seen, expected);
}
