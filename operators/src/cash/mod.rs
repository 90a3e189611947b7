//! Cash by customer and currency.
//!
//! Computes  cash(c,ccy): deposits − withdrawals − buys + sells − fees + postings, as posted
//! Inputs    postings: ((CustomerId, Currency), Money), signed, several per key
//! Outputs   ((CustomerId, Currency), Money), at most one per key; nothing is no row
//!           out_of_range: keys whose sum no Money holds
//! Units     Money, scale 10⁻⁶
//! Errors    a sum out of range gives a key in out_of_range and no cash row
//! State     sums in the difference: 1 arrangement by key
//! Time      follows the input epoch; settled and unsettled are not told apart yet
//! Source    DESIGN §5

use differential_dataflow::operators::CountTotal;
use evenkeel_schemas::{Currency, CustomerId, Money};

use crate::typedefs::{Rows, Sum};

/// What [`cash`] maintains.
pub struct Cash<'s> {
    /// Money by customer and currency.
    pub balances: Rows<'s, ((CustomerId, Currency), Money)>,
    /// Sums that no Money holds.
    pub out_of_range: Rows<'s, CustomerId>,
}

/// Maintains cash.
pub fn cash<'s>(postings: Rows<'s, (CustomerId, Currency, Money)>) -> Cash<'s> {
    let totals =
        postings.explode(|(c, ccy, amount)| Some(((c, ccy), Sum(amount.raw().into())))).count_total();
    let balances = totals.clone().flat_map(|(key, Sum(raw))| Some((key, Money::from_wide(raw)?)));
    let out_of_range = totals.filter(|(_, Sum(raw))| Money::from_wide(*raw).is_none()).map(|((c, _), _)| c);
    Cash { balances, out_of_range }
}
