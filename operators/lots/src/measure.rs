//! What a lot is worth and how long it has been held.

use evenkeel_schemas::{Money, Price, TradeDate};

use crate::row::OpenLot;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// Calendar days from acquisition to disposal; nil on the same day, negative if the dates are swapped.
pub fn days_held(acquired: TradeDate, disposed: TradeDate) -> i32 {
    // Dates lie between 1900 and 2200: some 110,000 days.
    ((disposed.start().micros() - acquired.start().micros()) / MICROS_A_DAY) as i32
}

impl OpenLot {
    /// What a sale at this price would realise, before fees: quantity × price, rounded half-even, less cost
    /// base. In the instrument's currency; `None` when out of range.
    pub fn unrealised_gain(&self, price: Price) -> Option<Money> {
        self.quantity.notional(price)?.checked_sub(self.cost_base)
    }

    /// Calendar days held on a day.
    pub fn days_held(&self, on: TradeDate) -> i32 {
        days_held(self.acquired, on)
    }
}
