use evenkeel_monitor::{Bucket, Monitor, Target};
use evenkeel_schemas::{Labels, Money, Quantity};

use crate::facts::{BucketLine, TargetLine};
use crate::known::Known;

/// Whether both are about the same thing.
pub(super) fn same_key(one: &Known, other: &Known) -> bool {
    match (one, other) {
        (Known::Terms(a, ..), Known::Terms(b, ..)) | (Known::Price(a, _), Known::Price(b, _)) => a == b,
        (Known::Conversion(a, _), Known::Conversion(b, _)) => a == b,
        (Known::Base(a, _), Known::Base(b, _)) | (Known::Targets(a, _), Known::Targets(b, _)) => a == b,
        (Known::Limits(a, _), Known::Limits(b, _)) => a == b,
        (Known::Position(a, i, _), Known::Position(b, j, _)) => (a, i) == (b, j),
        (Known::Cost(a, i, ..), Known::Cost(b, j, ..)) => (a, i) == (b, j),
        (Known::Flow(a, i, _), Known::Flow(b, j, _)) => (a, i) == (b, j),
        (Known::Cash(a, x, _), Known::Cash(b, y, _)) => (a, x) == (b, y),
        _ => false,
    }
}

/// Tells the monitor that something holds, or that nothing holds of its key any more.
pub(crate) fn tell(known: &Known, holds: bool, monitor: &mut Monitor) {
    match known {
        Known::Terms(i, currency, labels) => {
            monitor.set_terms(*i, holds.then_some(*currency));
            monitor.set_labels(*i, if holds { *labels } else { Labels::default() });
        }
        Known::Price(i, price) => monitor.set_price(*i, holds.then_some(*price)),
        Known::Conversion(pair, rate) => monitor.set_rate(*pair, holds.then_some(*rate)),
        Known::Base(c, base) => monitor.set_base(*c, holds.then_some(*base)),
        Known::Targets(c, set) if holds => {
            let line = |line: &TargetLine| Target {
                instrument: line.instrument,
                weight: line.weight,
                band: line.band,
            };
            let lines: Vec<Target> = set.lines.iter().map(line).collect();
            let bucket =
                |line: &BucketLine| Bucket { bucket: line.bucket, labels: line.labels, band: line.band };
            let buckets: Vec<Bucket> = set.buckets.iter().map(bucket).collect();
            monitor.set_targets(*c, &lines, &buckets, set.band_default);
        }
        Known::Targets(c, _) => monitor.clear_targets(*c),
        Known::Position(c, i, quantity) => {
            monitor.set_position(*c, *i, if holds { *quantity } else { Quantity::ZERO });
        }
        Known::Cash(c, currency, amount) => {
            monitor.set_cash(*c, *currency, if holds { *amount } else { Money::ZERO });
        }
        // Its conversions count; a customer with a sum out of range has no such position or balance.
        Known::Rate(..) | Known::OutOfRange(_) => {}
        // Limits are watched apart.
        Known::Limits(..) | Known::Cost(..) | Known::Flow(..) | Known::Peaks(..) | Known::Estimated(_) => {}
    }
}
