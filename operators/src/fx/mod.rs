//! The rate from any currency into any base currency, as far as the pairs known reach.
//!
//! Computes  rate(from, to): 1 for a currency in itself, the pair's own rate, else the reversed pair's inverse
//! Inputs    rates: Known::Rate, one per pair; whatever else is known is passed over
//! Outputs   Known::Conversion, one per pair, the derived ones included
//! Units     Rate, scale 10⁻⁹; an inverse is rounded half-even
//! Errors    a pair without a rate is absent; valuations says who needed it
//! State     the pairs known
//! Time      follows the input epoch
//! Source    DESIGN §5

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{Pair, Rate};

use crate::epochwise::epochwise_here;
use crate::known::Known;
use crate::typedefs::Rows;

/// The rates that are known, by pair.
#[derive(Default)]
struct RatesKnown(BTreeMap<Pair, Rate>);

impl RatesKnown {
    fn rate(&self, pair: Pair) -> Option<Rate> {
        let own = self.0.get(&pair).copied();
        own.or_else(|| self.0.get(&pair.reversed())?.inverse())
    }
}

/// Adds the reversed pairs that have no rate of their own.
pub fn fx(rates: Rows<'_, Known>) -> Rows<'_, Known> {
    let mut known = RatesKnown::default();
    epochwise_here(
        rates,
        "fx",
        |_, epoch| epoch,
        move |_, changes, out| {
            let rates = changes.iter().filter_map(|(row, diff)| match row {
                Known::Rate(pair, rate) => Some((*pair, *rate, *diff)),
                _ => None,
            });
            let rates: Vec<(Pair, Rate, isize)> = rates.collect();
            let touched: BTreeSet<Pair> =
                rates.iter().flat_map(|(pair, ..)| [*pair, pair.reversed()]).collect();
            let before: Vec<(Pair, Option<Rate>)> =
                touched.into_iter().map(|pair| (pair, known.rate(pair))).collect();
            // Of one pair at most one rate goes and one comes.
            for (pair, ..) in rates.iter().filter(|(.., diff)| *diff < 0) {
                known.0.remove(pair);
            }
            let come = rates.iter().filter(|(.., diff)| *diff > 0);
            known.0.extend(come.map(|(pair, rate, _)| (*pair, *rate)));
            for (pair, before) in before {
                let now = known.rate(pair);
                if before != now {
                    out.extend(before.map(|rate| (Known::Conversion(pair, rate), -1)));
                    out.extend(now.map(|rate| (Known::Conversion(pair, rate), 1)));
                }
            }
        },
    )
}
