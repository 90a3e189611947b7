//! What is held now, by lot.

use evenkeel_schemas::{Money, Name, Price, Quantity, TradeDate};
use serde::{Deserialize, Serialize};

/// An open lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldLot {
    /// The event that opened it.
    pub lot: Name,
    /// What.
    pub instrument: Name,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units, above 0.
    pub quantity: Quantity,
    /// What they cost, base currency, 0 or more.
    pub cost_base: Money,
}

impl HeldLot {
    /// At a price; `None` beyond the range of money.
    pub(crate) fn value(&self, price: Price) -> Option<Money> {
        self.quantity.notional(price)
    }
}
