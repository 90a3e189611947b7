//! Targets with tilts added, in integers.

use std::sync::Arc;

use evenkeel_schemas::Ratio;

use crate::facts::{TargetLine, TargetSet, Tilt};

/// Targets with tilts added. What has no target has one of 0, with the band of whatever has none. A tilted target is cut
/// to between 0 and 1; where the sum would be above 1, each addition gives up its part of the excess, rounded up.
pub fn tilted(set: &Arc<TargetSet>, tilts: &[Tilt]) -> Arc<TargetSet> {
    if tilts.is_empty() {
        return set.clone();
    }
    let mut tilted = TargetSet::clone(set);
    for tilt in tilts {
        let place = tilted.lines.iter().position(|line| line.instrument == tilt.instrument);
        let place = place.unwrap_or_else(|| {
            let (weight, band) = (Ratio::ZERO, tilted.band_default);
            tilted.lines.push(TargetLine { instrument: tilt.instrument, weight, band });
            tilted.lines.len() - 1
        });
        let line = &mut tilted.lines[place];
        line.weight = Ratio::from_raw((line.weight.raw() + tilt.by.raw()).clamp(0, Ratio::ONE));
    }
    let sum: i128 = tilted.lines.iter().map(|line| i128::from(line.weight.raw())).sum();
    let over = sum - i128::from(Ratio::ONE);
    let before = |place: usize| set.lines.get(place).map_or(0, |line| line.weight.raw());
    let added = |(place, line): (usize, &TargetLine)| i128::from(line.weight.raw() - before(place)).max(0);
    let all: i128 = tilted.lines.iter().enumerate().map(added).sum();
    if over > 0 && all > 0 {
        for (place, line) in tilted.lines.iter_mut().enumerate() {
            let off = (added((place, line)) * over + all - 1) / all;
            // What was added is at least what is too much, so this is at most that.
            line.weight = Ratio::from_raw(line.weight.raw() - off as i64);
        }
    }
    Arc::new(tilted)
}
