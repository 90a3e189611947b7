//! What the desk and the broker may look up: the live view of one consistent epoch.

use evenkeel_schemas::{Currency, InstrumentId, Money, Name, Pair, Price, Quantity, Rate, Ratio, TradeDate};

use crate::snapshot::TaxKnown;

/// The terms that an order must keep to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InstrumentTerms {
    /// Its dense number.
    pub id: InstrumentId,
    /// What it is priced in.
    pub currency: Currency,
    /// Smallest price step; positive.
    pub tick: Price,
    /// Smallest quantity traded; positive.
    pub lot: Quantity,
}

/// An open lot of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LotHeld {
    /// The event that opened it.
    pub lot: Name,
    /// Of what.
    pub instrument: Name,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units left.
    pub quantity: Quantity,
    /// What they cost, in the instrument's currency.
    pub cost_base: Money,
}

/// Positions, cash, prices and targets as of one epoch. Every answer within one call of a machine is of the
/// same epoch, and includes all events that were applied to the machine.
pub trait Books: Send + Sync {
    /// The terms of an instrument; `None` when it is not listed.
    fn instrument(&self, instrument: &Name) -> Option<InstrumentTerms>;
    /// The last price, in the instrument's currency; `None` before the first.
    fn price(&self, instrument: &Name) -> Option<Price>;
    /// One unit of `from` in `to`; `None` when neither the pair nor its reverse is known.
    fn rate(&self, from: Currency, to: Currency) -> Option<Rate>;
    /// All pairs with their rates.
    fn rates(&self) -> Vec<(Pair, Rate)>;
    /// Spendable cash of a customer in a currency; zero when there never was any.
    fn cash(&self, customer: &Name, currency: Currency) -> Money;
    /// Units held.
    fn quantity(&self, customer: &Name, instrument: &Name) -> Quantity;
    /// Net asset value in the base currency; `None` when something held has no price or rate.
    fn nav(&self, customer: &Name) -> Option<Money>;
    /// The currency that a customer is valued in; `None` for an unknown customer.
    fn base(&self, customer: &Name) -> Option<Currency>;
    /// Target weight; `None` when the customer's targets do not name the instrument.
    fn target(&self, customer: &Name, instrument: &Name) -> Option<Ratio>;
    /// Open lots; none where lots are not kept.
    fn lots(&self, customer: &Name) -> Vec<LotHeld>;
    /// The taxpayer's financial year so far; `None` for who is no taxpayer.
    fn tax_year(&self, customer: &Name) -> Option<TaxKnown>;
}
