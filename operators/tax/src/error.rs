//! Why tax cannot be worked out.

use evenkeel_schemas::TradeDate;

use crate::year::FinancialYear;

/// Why tax cannot be worked out. Nothing is guessed: what is missing or contradictory is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaxError {
    /// A text of law is not what it should be; the message names file, field and what was expected.
    #[error("tax law {source_name}: {field}: {problem}")]
    Law {
        /// The year where it is known, else the name given for the text.
        source_name: String,
        /// The field, dotted.
        field: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// No law covers the year.
    #[error("no tax law for {year}: the law at hand covers {covered}")]
    NoLaw {
        /// The year asked for.
        year: FinancialYear,
        /// First and last year at hand, as text.
        covered: String,
    },
    /// An amount is beyond the range of [`evenkeel_schemas::Money`].
    #[error("{0} is out of range")]
    Range(&'static str),
    /// An amount or count that must not be negative is.
    #[error("{what} must not be negative, got {got}")]
    Negative {
        /// What it is.
        what: String,
        /// What was given.
        got: String,
    },
    /// A ratio is outside 0 to 1.
    #[error("{what} must be from 0 to 1, got {got}")]
    Share {
        /// What it is.
        what: String,
        /// What was given.
        got: String,
    },
    /// More was sold than was held.
    #[error("sell {event}: {missing} units more than were held on {date}")]
    Oversold {
        /// The sell's event.
        event: String,
        /// When.
        date: TradeDate,
        /// Units that were not there.
        missing: String,
    },
    /// A distribution of units that no trade explains.
    #[error("distribution {event}: no units of {instrument} were held when it went ex on {ex_date}")]
    NotHeld {
        /// The distribution's event.
        event: String,
        /// The instrument.
        instrument: String,
        /// Its ex date.
        ex_date: TradeDate,
    },
    /// Average cost is no method of Australian capital gains tax.
    #[error(
        "average cost is not accepted for a resident's tax report: use fifo, lifo, hifo or specific lots"
    )]
    AverageCost,
    /// A sale's dates are the wrong way round.
    #[error("disposal {disposal} of lot {lot}: acquired {acquired} after it was disposed of on {disposed}")]
    Dates {
        /// The disposal's event.
        disposal: String,
        /// The lot.
        lot: String,
        /// Acquired.
        acquired: TradeDate,
        /// Disposed of.
        disposed: TradeDate,
    },
    /// The gain given is not proceeds less cost base.
    #[error(
        "disposal {disposal} of lot {lot}: gain {gain} is not proceeds {proceeds} less cost base {cost_base}"
    )]
    Gain {
        /// The disposal's event.
        disposal: String,
        /// The lot.
        lot: String,
        /// As given.
        gain: String,
        /// As given.
        proceeds: String,
        /// As given.
        cost_base: String,
    },
    /// A lot held when 30 June 2027 ended needs its market value at that date.
    #[error(
        "disposal {disposal} of lot {lot}: no market value just before {start}, which the lot was held at"
    )]
    NoValue {
        /// The disposal's event.
        disposal: String,
        /// The lot.
        lot: String,
        /// First day of the regime.
        start: TradeDate,
    },
    /// The consumer price index of a quarter is missing.
    #[error("no consumer price index for the quarter {0}")]
    NoIndex(String),
    /// Years of a fold do not follow one another.
    #[error("years must follow one another: {after} comes after {before}")]
    Years {
        /// A year.
        before: FinancialYear,
        /// The one given after it.
        after: FinancialYear,
    },
}
