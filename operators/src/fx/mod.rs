//! The rate from any currency into any base currency, as far as the pairs known reach.
//!
//! Computes  rate(from, to): 1 for a currency in itself, the pair's own rate, else the reversed pair's inverse
//! Inputs    rates: (Pair, Rate), one per pair
//! Outputs   (Pair, Rate), one per pair, the derived ones included
//! Units     Rate, scale 10⁻⁹; an inverse is rounded half-even
//! Errors    a pair without a rate is absent; valuations says who needed it
//! State     1 arrangement of pairs
//! Time      follows the input epoch
//! Source    DESIGN §5

use evenkeel_schemas::{Pair, Rate};

use crate::typedefs::Rows;

/// Adds the reversed pairs that have no rate of their own.
pub fn fx<'s>(rates: Rows<'s, (Pair, Rate)>) -> Rows<'s, (Pair, Rate)> {
    let known = rates.clone().map(|(pair, _)| pair);
    let reversed = rates
        .clone()
        .flat_map(|(pair, rate)| Some((Pair { base: pair.quote, quote: pair.base }, rate.inverse()?)))
        .antijoin(known);
    rates.concat(reversed)
}
