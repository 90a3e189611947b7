//! Types that every operator shares.

use differential_dataflow::operators::ThresholdTotal;
use differential_dataflow::{ExchangeData, VecCollection};
use evenkeel_schemas::Epoch;

/// A collection of rows that change by epoch.
pub type Rows<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// The keys that are there at all, once each. The library's `distinct_total` (0.25.1) takes an accumulation of
/// zero for one: a key that went away stays, and may be counted twice when it comes back.
pub(crate) fn present<'s, D: ExchangeData + std::hash::Hash>(rows: Rows<'s, D>) -> Rows<'s, D> {
    rows.threshold_total(|_, count| isize::from(*count > 0))
}
