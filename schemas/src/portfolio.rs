//! What is said of one portfolio: what it is worth, and where its instruments stand.

use serde::{Deserialize, Serialize};

use crate::{BandSide, Currency, CustomerId, InstrumentId, Money, Ratio, Value};

/// What one customer's portfolio is worth, in the base currency, unrounded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Worth {
    /// The currency of all parts.
    pub currency: Currency,
    /// Σ q·p·fx.
    pub market_value: Value,
    /// Σ cash·fx.
    pub cash: Value,
    /// Their sum.
    pub nav: Value,
}

/// A worth as it is reported: each part rounded half-even to the scale of Money, the NAV from the exact sum.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Valuation {
    /// The currency of all parts.
    pub currency: Currency,
    /// Market value and cash.
    pub nav: Money,
    /// Σ q·p·fx.
    pub market_value: Money,
    /// Σ cash·fx.
    pub cash: Money,
}

/// What a mark changed of one customer's valuation.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValuationChange {
    /// Customer.
    pub customer: CustomerId,
    /// As the mark before had it.
    pub before: Option<Valuation>,
    /// As it is now.
    pub now: Option<Valuation>,
}

impl Worth {
    /// Rounded; `None` where a part is not in the range of Money.
    pub fn rounded(&self) -> Option<Valuation> {
        Some(Valuation {
            currency: self.currency,
            nav: self.nav.to_money()?,
            market_value: self.market_value.to_money()?,
            cash: self.cash.to_money()?,
        })
    }
}

/// Where one instrument of one customer stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Standing {
    /// Instrument.
    pub instrument: InstrumentId,
    /// MV/NAV.
    pub weight: Ratio,
    /// Target share of NAV.
    pub target: Ratio,
    /// weight − target.
    pub drift: Ratio,
    /// Distance that is tolerated.
    pub band: Ratio,
    /// The side on which the weight is beyond its band, decided exactly.
    pub breach: Option<BandSide>,
}
