//! Cash by customer and currency.
//!
//! Computes  cash(c,ccy): deposits − withdrawals − buys + sells − fees + postings, as posted
//! Inputs    postings: Fact::Posting, signed, several per key; other facts are passed over
//! Outputs   ((CustomerId, Currency), Money), at most one per key; nothing is no row
//!           out_of_range: customers with a sum that no Money holds
//! Units     Money, scale 10⁻⁶
//! Errors    a sum out of range gives a key in out_of_range and no cash row
//! State     one sum by key
//! Time      follows the input epoch; settled and unsettled are not told apart yet
//! Source    DESIGN §5

use evenkeel_schemas::{Currency, CustomerId, Money};

use crate::facts::Fact;
use crate::tally::{Total, tally};
use crate::typedefs::Rows;

/// What [`cash`] maintains.
pub struct Cash<'s> {
    /// Money by customer and currency.
    pub balances: Rows<'s, ((CustomerId, Currency), Money)>,
    /// Customers with a sum that no Money holds, once for each such sum.
    pub out_of_range: Rows<'s, CustomerId>,
}

/// Maintains cash from postings.
pub fn cash<'s>(postings: Rows<'s, Fact>) -> Cash<'s> {
    let totals = tally::<_, _, _, Total>(postings, "cash", |fact| match fact {
        Fact::Posting(customer, currency, amount) => Some(((customer, currency), amount.raw())),
        _ => None,
    });
    let balances = totals.clone().flat_map(|(key, raw)| Some((key, Money::from_wide(raw)?)));
    let out_of_range = totals.flat_map(|((c, _), raw)| Money::from_wide(raw).is_none().then_some(c));
    Cash { balances, out_of_range }
}
