use std::cmp::Ordering;
use std::collections::BTreeMap;

use evenkeel_schemas::{BandSide, InstrumentId, Ratio, Standing, Value};

use crate::facts::TargetSet;

/// Where every instrument that is held or targeted stands, by instrument. `nav` is above zero; `values`
/// has at most one entry per instrument. A weight or drift out of the range of Ratio (shorts against a
/// tiny NAV) is clamped; the breach is exact all the same.
pub fn standings(nav: Value, values: &[(InstrumentId, Value)], targets: &TargetSet) -> Vec<Standing> {
    let mut lines: BTreeMap<InstrumentId, (Value, Ratio, Ratio)> = BTreeMap::new();
    for line in &targets.lines {
        lines.insert(line.instrument, (Value::ZERO, line.weight, line.band));
    }
    for (instrument, value) in values {
        let untargeted = (Value::ZERO, Ratio::ZERO, targets.band_default);
        lines.entry(*instrument).or_insert(untargeted).0 = *value;
    }
    let held = |value: &Value, target: &Ratio| *value != Value::ZERO || *target != Ratio::ZERO;
    lines.retain(|_, (value, target, _)| held(value, target));
    lines
        .into_iter()
        .map(|(instrument, (value, target, band))| {
            let weight = value.share_of(nav).unwrap_or(clamp(value));
            let drift = weight.checked_sub(target).unwrap_or(clamp(value));
            let breach = match value.against_band(nav, target, band) {
                Ordering::Greater => Some(BandSide::Over),
                Ordering::Less => Some(BandSide::Under),
                Ordering::Equal => None,
            };
            Standing { instrument, weight, target, drift, band, breach }
        })
        .collect()
}

fn clamp(value: Value) -> Ratio {
    if value < Value::ZERO { Ratio::from_raw(-i64::MAX) } else { Ratio::MAX }
}
