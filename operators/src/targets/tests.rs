use std::sync::Arc;

use evenkeel_schemas::{InstrumentId, Ratio};

use super::tilted;
use crate::facts::{TargetLine, TargetSet, Tilt};

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

fn targets(weights: &[(u32, &str)]) -> Arc<TargetSet> {
    let line = |(i, weight): &(u32, &str)| TargetLine {
        instrument: InstrumentId(*i),
        weight: ratio(weight),
        band: ratio("0.02"),
    };
    let lines = weights.iter().map(line).collect();
    Arc::new(TargetSet { lines, band_default: ratio("0.05"), buckets: Vec::new() })
}

fn after(weights: &[(u32, &str)], tilts: &[(u32, &str)]) -> Vec<(u32, String, String)> {
    let tilts: Vec<Tilt> =
        tilts.iter().map(|(i, by)| Tilt { instrument: InstrumentId(*i), by: ratio(by) }).collect();
    let tilted = tilted(&targets(weights), &tilts);
    tilted.lines.iter().map(|l| (l.instrument.0, l.weight.to_string(), l.band.to_string())).collect()
}

fn told(lines: &[(u32, &str, &str)]) -> Vec<(u32, String, String)> {
    lines.iter().map(|(i, weight, band)| (*i, (*weight).into(), (*band).into())).collect()
}

#[test]
fn a_tilt_moves_a_target_and_leaves_its_band() {
    let now = after(&[(1, "0.5"), (2, "0.4")], &[(1, "0.03"), (2, "-0.03")]);
    assert_eq!(now, told(&[(1, "0.53", "0.02"), (2, "0.37", "0.02")]));
    assert_eq!(after(&[(1, "0.5")], &[]), told(&[(1, "0.5", "0.02")]));
}

#[test]
fn what_has_no_target_gets_one_and_none_falls_below_nothing() {
    let now = after(&[(1, "0.02")], &[(1, "-0.05"), (3, "0.1")]);
    assert_eq!(now, told(&[(1, "0", "0.02"), (3, "0.1", "0.05")]));
}

#[test]
fn additions_give_up_what_is_not_there_in_proportion() {
    // 0.06 and 0.03 are added to what leaves 0.03: two thirds of each go.
    let now = after(&[(1, "0.5"), (2, "0.47")], &[(1, "0.06"), (2, "0.03")]);
    assert_eq!(now, told(&[(1, "0.52", "0.02"), (2, "0.48", "0.02")]));
    // What another tilt takes off pays for it.
    let now = after(&[(1, "0.5"), (2, "0.5")], &[(1, "0.06"), (2, "-0.06")]);
    assert_eq!(now, told(&[(1, "0.56", "0.02"), (2, "0.44", "0.02")]));
}

#[test]
fn tilted_targets_never_sum_to_more_than_one() {
    let tilts: Vec<(u32, String)> = (1..=7).map(|i| (i, format!("0.{:09}", 142_857_143 + i))).collect();
    let tilts: Vec<(u32, &str)> = tilts.iter().map(|(i, by)| (*i, by.as_str())).collect();
    let weights = [(1, "0.3"), (2, "0.000000001"), (3, "0.2")];
    let sum: i64 =
        after(&weights, &tilts).iter().map(|(_, weight, _)| weight.parse::<Ratio>().unwrap().raw()).sum();
    assert!((Ratio::ONE - 7..=Ratio::ONE).contains(&sum), "{sum}");
}
