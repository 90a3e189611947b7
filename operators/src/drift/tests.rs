use super::standings;
use crate::facts::{TargetLine, TargetSet};
use evenkeel_schemas::{BandSide, InstrumentId, Ratio, Value};

fn value(units: i128) -> Value {
    Value::from_raw(units * 10_i128.pow(21))
}

fn percent(p: i64) -> Ratio {
    Ratio::from_bps(p * 100).unwrap()
}

#[test]
fn drift_is_weight_less_target_for_what_is_held_or_targeted() {
    let line = |i, weight| TargetLine { instrument: InstrumentId(i), weight, band: percent(5) };
    let targets =
        TargetSet { lines: vec![line(0, percent(50)), line(1, percent(30))], band_default: percent(5) };
    let found =
        standings(value(1000), &[(InstrumentId(0), value(560)), (InstrumentId(2), value(50))], &targets);
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
    let targets = TargetSet { lines: vec![line], band_default: percent(5) };
    assert!(standings(value(1), &[], &targets).is_empty());
}

#[test]
fn a_short_against_a_tiny_nav_stays_in_range() {
    let targets = TargetSet { lines: vec![], band_default: percent(5) };
    let found = standings(Value::from_raw(1), &[(InstrumentId(0), value(-1))], &targets);
    assert_eq!(found[0].breach, Some(BandSide::Under));
    assert!(found[0].weight < Ratio::ZERO);
}
