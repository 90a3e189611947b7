//! Cash by customer and currency.
//!
//! Computes  cash(c,ccy): deposits − withdrawals − buys + sells − fees + postings, as posted
//! Inputs    postings: Fact::Posting, signed, several per key; other facts are passed over
//! Outputs   Known::Cash, at most one per customer and currency; nothing is no row; Known::OutOfRange
//! Units     Money, scale 10⁻⁶
//! Errors    a sum out of range gives a row out of range and no cash row
//! State     one sum by key
//! Time      follows the input epoch; settled and unsettled are not told apart yet
//! Source    DESIGN §5

use evenkeel_schemas::Money;

use crate::facts::Fact;
use crate::known::Known;
use crate::tally::{Total, tally};
use crate::typedefs::Rows;

/// Maintains cash from postings.
pub fn cash(postings: Rows<'_, Fact>) -> Rows<'_, Known> {
    let split = |fact| match fact {
        Fact::Posting(customer, currency, _, amount) => Some(((customer, currency), amount.raw())),
        _ => None,
    };
    tally::<Total, _, _, _, _>(postings, "cash", split, |(customer, currency), raw| {
        let amount = Money::from_wide(raw);
        Some(amount.map_or(Known::OutOfRange(*customer), |amount| Known::Cash(*customer, *currency, amount)))
    })
}
