//! Why there is no backtest.

use evenkeel_calendar::CalendarError;
use evenkeel_schemas::{Money, TradeDate};
use evenkeel_tax::TaxError;

/// Why there is no backtest, or why it ends before its last day.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BacktestError {
    /// What was given makes no sense; everything that was found.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// No session between the first day and the last.
    #[error("no trading day with a mark between {from} and {to}")]
    NoSessions {
        /// First day.
        from: TradeDate,
        /// Last day.
        to: TradeDate,
    },
    /// The portfolio is worth nothing, or a withdrawal is more than it is worth.
    #[error("on {date} the portfolio is worth {nav} after flows and tax: nothing is left to go on with")]
    NothingLeft {
        /// The day.
        date: TradeDate,
        /// What it is worth.
        nav: Money,
    },
    /// The books do not add up: an incident.
    #[error("on {date} the books do not add up: {words}")]
    Books {
        /// The day.
        date: TradeDate,
        /// What does not.
        words: String,
    },
    /// The tax of a year cannot be worked out.
    #[error("tax: {0}")]
    Tax(#[from] TaxError),
    /// The market's calendar does not know a day.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// An amount beyond what can be held exactly.
    #[error("on {date} an amount is beyond what can be computed exactly")]
    TooLarge {
        /// The day.
        date: TradeDate,
    },
}
