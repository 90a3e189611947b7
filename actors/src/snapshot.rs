//! What a customer's actor is handed: one customer at one consistent epoch.

use std::sync::Arc;

use evenkeel_schemas::events::{CostBasis, TriggerRef};
use evenkeel_schemas::{
    Currency, Epoch, InstrumentId, Measure, Money, Name, Price, Quantity, Rate, Ratio, TradeDate, Value,
};
use evenkeel_tax::{Cpi, Position, Profile};

/// One customer at one consistent epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The epoch that all of it is of.
    pub epoch: Epoch,
    /// Whose.
    pub customer: Name,
    /// The currency that the portfolio is valued in.
    pub base: Currency,
    /// Net asset value; `None` when something held has no price or rate.
    pub nav: Option<Money>,
    /// Spendable cash in the base currency.
    pub cash: Money,
    /// Cash in other currencies, valued in the base currency.
    pub foreign_cash: Value,
    /// Whether targets are set at all: without them nothing says what the portfolio is to be.
    pub targeted: bool,
    /// Everything held or targeted, each instrument once, by name.
    pub holdings: Vec<Holding>,
    /// The buckets that the portfolio is watched by.
    pub buckets: Vec<Bucket>,
    /// All open triggers.
    pub triggers: Vec<OpenTrigger>,
    /// Which lots a sale of the day takes.
    pub method: CostBasis,
    /// The taxpayer's year so far; `None` for who is no taxpayer, and where the base currency is not that of the law.
    pub tax: Option<TaxKnown>,
    /// The day of the last review, or of the first targets; `None` before both.
    pub reviewed: Option<TradeDate>,
}

/// Who is taxed, and the financial year so far, as of the last mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxKnown {
    /// Who.
    pub profile: Profile,
    /// Income, gains and losses up to now.
    pub position: Position,
    /// Consumer prices.
    pub cpi: Arc<Cpi>,
}

/// An instrument that is held or targeted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its dense number.
    pub instrument: InstrumentId,
    /// Ticker.
    pub name: Name,
    /// What it is priced in.
    pub currency: Currency,
    /// Units held.
    pub quantity: Quantity,
    /// The last price; `None` before the first.
    pub price: Option<Price>,
    /// Its currency in the base currency; `None` when unknown.
    pub rate: Option<Rate>,
    /// Smallest quantity traded.
    pub lot: Quantity,
    /// Smallest price step.
    pub tick: Price,
    /// Target weight, tilted where it is; zero when only held.
    pub target: Ratio,
    /// What a tilt asked to be added to it; zero for none.
    pub tilt: Ratio,
    /// Tolerated distance from the target.
    pub band: Ratio,
    /// What is traded of it on an average day, its currency; `None` when unknown.
    pub average_daily_value: Option<Money>,
    /// Its open lots, where a sale may name those it takes, or a taxpayer's in the order in which sales take them: they add up
    /// to the units held. Empty otherwise.
    pub parcels: Vec<ParcelHeld>,
}

/// An open lot that a sale may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelHeld {
    /// The event that opened it.
    pub lot: Name,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units left.
    pub quantity: Quantity,
    /// What they cost, in the instrument's currency.
    pub cost_base: Money,
    /// Their market value when 30 June 2027 ended, if they were held then and it is known.
    pub value_at_start: Option<Money>,
}

/// Instruments that are watched together. Their target is the sum of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name, as triggers have it.
    pub name: Name,
    /// Those held or targeted.
    pub members: Vec<InstrumentId>,
    /// Tolerated distance from the target.
    pub band: Ratio,
}

impl Holding {
    /// Price and rate, where both are known and positive.
    pub(crate) fn mark(&self) -> Option<(Price, Rate)> {
        match (self.price, self.rate) {
            (Some(price), Some(rate)) if price > Price::ZERO && rate > Rate::ZERO => Some((price, rate)),
            _ => None,
        }
    }

    /// What is held, valued in the base currency; `None` without a mark or out of range.
    pub(crate) fn value(&self) -> Option<Value> {
        let (price, rate) = self.mark()?;
        Value::of_position(self.quantity, price, rate)
    }
}

/// A reason to act that has not gone away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTrigger {
    /// Which one.
    pub trigger: TriggerRef,
    /// How large what it is about was when it entered.
    pub measure: Measure,
    /// The limit it passed.
    pub limit: Measure,
}
