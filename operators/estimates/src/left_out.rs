//! What an estimate does without, told rather than guessed.

use evenkeel_schemas::{InstrumentId, TradeDate};
use serde::Serialize;

/// What was left out, and why.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum LeftOut {
    /// A mark of nothing or below.
    NotPositive {
        /// Of what.
        instrument: InstrumentId,
        /// When.
        date: TradeDate,
    },
    /// Marks of one day that differ: none of them is taken.
    Conflict {
        /// Of what.
        instrument: InstrumentId,
        /// When.
        date: TradeDate,
    },
    /// A mark on a day that is not on the calendar.
    OffCalendar {
        /// Of what.
        instrument: InstrumentId,
        /// When.
        date: TradeDate,
    },
    /// The return over days without a mark.
    Gap {
        /// Of what.
        instrument: InstrumentId,
        /// The last mark before.
        from: TradeDate,
        /// The first mark after.
        to: TradeDate,
    },
    /// A return beyond `ratio_max`.
    Suspect {
        /// Of what.
        instrument: InstrumentId,
        /// When.
        date: TradeDate,
        /// Wealth at the close by that of the close before.
        ratio: f64,
    },
    /// The return over an adjustment that makes no sense.
    Adjustment {
        /// Of what.
        instrument: InstrumentId,
        /// When the return ends.
        date: TradeDate,
    },
    /// The whole instrument: its own history is too short.
    Short {
        /// Which.
        instrument: InstrumentId,
        /// Its returns.
        observations: usize,
        /// The least that is needed.
        needed: usize,
    },
    /// The whole instrument: its last return is too old.
    Stale {
        /// Which.
        instrument: InstrumentId,
        /// The day of its last return.
        last: Option<TradeDate>,
    },
    /// The whole instrument: it has too few days in common with the others.
    Overlap {
        /// Which.
        instrument: InstrumentId,
        /// Its returns.
        observations: usize,
        /// The least that is needed in common.
        needed: usize,
    },
    /// A day on which some of the instruments have no return.
    Incomplete {
        /// When.
        date: TradeDate,
        /// How many have none.
        missing: usize,
    },
}
