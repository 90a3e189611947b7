use std::cmp::Ordering;
use std::collections::BTreeMap;

use evenkeel_schemas::{BandSide, InstrumentId, Labels, Ratio, Standing, Value};

use crate::facts::TargetSet;

/// Where every instrument that is held or targeted stands, by instrument, then every bucket with such a member.
/// `nav` is above zero; `values` has at most one entry per instrument. A weight or drift out of the range of
/// Ratio (shorts against a tiny NAV) is clamped; the breach is exact all the same. A bucket whose sum is out of
/// range does not stand anywhere.
pub fn standings(
    nav: Value,
    values: &[(InstrumentId, Value)],
    targets: &TargetSet,
    labels: impl Fn(InstrumentId) -> Labels,
) -> Vec<Standing> {
    let mut lines: BTreeMap<InstrumentId, (Value, Ratio, Ratio)> = BTreeMap::new();
    for line in &targets.lines {
        lines.insert(line.instrument, (Value::ZERO, line.weight, line.band));
    }
    for (instrument, value) in values {
        let untargeted = (Value::ZERO, Ratio::ZERO, targets.band_default);
        lines.entry(*instrument).or_insert(untargeted).0 = *value;
    }
    let buckets: BTreeMap<InstrumentId, _> = targets
        .buckets
        .iter()
        .filter_map(|bucket| {
            let members = lines.iter().filter(|(i, _)| labels(**i).belong_to(bucket.labels));
            let (values, targets) = members.map(|(_, (value, target, _))| (*value, *target)).unzip();
            Some((bucket.bucket, (sum(values)?, sum_of_targets(targets), bucket.band)))
        })
        .collect();
    let held = |(_, (value, target, _)): &(InstrumentId, (Value, Ratio, Ratio))| {
        *value != Value::ZERO || *target != Ratio::ZERO
    };
    lines
        .into_iter()
        .chain(buckets)
        .filter(held)
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

fn sum(values: Vec<Value>) -> Option<Value> {
    values.into_iter().try_fold(Value::ZERO, Value::checked_add)
}

fn sum_of_targets(targets: Vec<Ratio>) -> Ratio {
    let sum: i128 = targets.iter().map(|target| i128::from(target.raw())).sum();
    Ratio::from_wide(sum).unwrap_or(if sum < 0 { Ratio::from_raw(-i64::MAX) } else { Ratio::MAX })
}

fn clamp(value: Value) -> Ratio {
    if value < Value::ZERO { Ratio::from_raw(-i64::MAX) } else { Ratio::MAX }
}
