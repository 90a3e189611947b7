//! Types that every operator shares.

use differential_dataflow::operators::ThresholdTotal;
use differential_dataflow::trace::implementations::{KeyBatcher, KeyBuilder, KeySpine};
use differential_dataflow::{ExchangeData, VecCollection};
use evenkeel_schemas::Epoch;

/// A collection of rows that change by epoch.
pub type Rows<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// What is left of each row at each epoch, when all that came and went in it is added up.
pub(crate) fn consolidated<'s, D: ExchangeData + std::hash::Hash>(
    rows: Rows<'s, D>,
    name: &str,
) -> Rows<'s, D> {
    let own = |row: &D, (): &()| row.clone();
    rows.consolidate_named::<KeyBatcher<_, _, _>, KeyBuilder<_, _, _>, KeySpine<_, _, _>, _>(name, own)
}

/// The keys that are there at all, once each. The library's `distinct_total` (0.25.1) takes an accumulation of
/// zero for one: a key that went away stays, and may be counted twice when it comes back.
pub(crate) fn present<'s, D: ExchangeData + std::hash::Hash>(rows: Rows<'s, D>) -> Rows<'s, D> {
    rows.threshold_total(|_, count| isize::from(*count > 0))
}
