//! What the house holds.
//!
//! Computes  by base currency and by what is held: how many customers hold it, Σ q, and Σ q · price · rate. The NAV of
//!           all customers of a base currency is the sum over what they hold
//! Inputs    parts: ((Currency, Holding), Part), any number per key, all with the price of the same moment
//! Outputs   ExposureRow, at most one per key; what has no price or rate has no row
//! Units     quantity and value to six decimals; the value is rounded half-even once, from the exact sum
//! Errors    a value beyond 10¹⁷ gives no row
//! State     one entry per key. Work follows what is held, not who holds it
//! Time      at marks, as the parts are
//! Source    DESIGN §5, valuations: a sum over customers is linear in positions, so it needs no customer's NAV

mod textbook;

use std::collections::BTreeMap;

use evenkeel_schemas::{Currency, ExposureRow, Holding, Row, Total, Value};

pub use textbook::textbook;

use crate::tally::{Tally, tally_all};
use crate::typedefs::Rows;

/// What some customers of one base currency hold of something, and its price to them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Part {
    /// How many hold any.
    pub customers: u64,
    /// Raw units of `Quantity`, or of `Money` for cash.
    pub quantity: i128,
    /// What a raw unit is worth, as raw `Value` in the base currency.
    pub unit: i128,
}

/// Sums the parts of all workers.
pub fn exposures<'s>(parts: Rows<'s, ((Currency, Holding), Part)>) -> Rows<'s, Row> {
    tally_all::<Sum, _, _, _>(parts, "exposures", |(base_currency, holding), part| {
        let value = part.quantity.checked_mul(part.unit).map(Value::from_raw)?;
        let (customers, quantity) = (part.customers, Total::from_raw(part.quantity));
        let (base_currency, holding, value) = (*base_currency, *holding, Total::rounded(value));
        Some(Row::Exposure(Box::new(ExposureRow { base_currency, holding, customers, quantity, value })))
    })
}

/// Parts by their price. Between two epochs there is one.
#[derive(Default)]
struct Sum(BTreeMap<i128, (i128, i128)>);

impl Tally<Part> for Sum {
    type Held = Part;

    fn add(&mut self, part: Part, times: isize) {
        let times = times as i128;
        let (customers, quantity) = self.0.entry(part.unit).or_default();
        *customers += i128::from(part.customers) * times;
        *quantity += part.quantity * times;
        if (*customers, *quantity) == (0, 0) {
            self.0.remove(&part.unit);
        }
    }

    fn held(&self) -> Option<Part> {
        let (unit, (customers, quantity)) = self.0.last_key_value()?;
        Some(Part { customers: u64::try_from(*customers).ok()?, quantity: *quantity, unit: *unit })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
