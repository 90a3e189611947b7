//! What a closed epoch says.

use evenkeel_schemas::{AnomalyKind, BandSide, CustomerId, InstrumentId, Ratio, Value};

/// Something that began or ended to hold for a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub customer: CustomerId,
    /// What.
    pub event: Event,
}

/// What began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A weight is back in its band, is not judged any more, or has changed sides.
    BreachLeft {
        /// Instrument.
        instrument: InstrumentId,
        /// The side on which it was.
        side: BandSide,
    },
    /// A weight is beyond its band.
    BreachEntered {
        /// Instrument.
        instrument: InstrumentId,
        /// The side.
        side: BandSide,
        /// The magnitude of the drift, rounded half-even, clamped to the range of Ratio.
        distance: Ratio,
        /// The distance that is tolerated.
        band: Ratio,
    },
    /// NAV came to be at its floor or below it.
    FloorReached {
        /// Exact.
        nav: Value,
    },
    /// NAV is above its floor again, or there is no NAV or no floor any more.
    FloorLeft,
    /// What kept the customer from being judged does not hold any more.
    AnomalyLeft(AnomalyKind),
    /// Something keeps the customer from being judged.
    AnomalyEntered(AnomalyKind),
}

/// How an epoch was closed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By safe zones: only customers whose zone was left, and those near a threshold.
    #[default]
    Zones,
    /// By looking at every customer.
    Sweep,
    /// By both, while zones are laid out again after a sweep.
    Return,
}

/// What closing an epoch took.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How the epoch was closed.
    pub mode: Mode,
    /// Customers with a portfolio, targets or a base currency.
    pub customers: usize,
    /// Customers looked at one by one, for whatever reason.
    pub woken: usize,
    /// Of these, the ones that floating point could not decide or that changed, decided on integers.
    pub exact: usize,
    /// Customers near a threshold, swept each epoch.
    pub near: usize,
    /// Customers asleep in a zone.
    pub asleep: usize,
    /// Customers looked at each epoch because nothing cheaper is safe.
    pub restless: usize,
    /// Groups of zones that share reference prices.
    pub groups: usize,
    /// Effective prices that changed.
    pub moved: usize,
}
