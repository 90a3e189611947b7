//! Why a calendar cannot answer.

use evenkeel_schemas::{Name, TradeDate};

/// Why a calendar cannot answer. Nothing is guessed: what is missing or contradictory is named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// A text of a market is not what it should be.
    #[error("market {source_name}: {field}: {problem}")]
    Text {
        /// The name given for the text, and the line where it is known.
        source_name: String,
        /// The field.
        field: &'static str,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The answer lies on a day that the market's lists do not cover.
    #[error("{market}: {date} leads beyond the calendar, which covers {covered}")]
    Beyond {
        /// The market.
        market: Name,
        /// The day that was asked about.
        date: TradeDate,
        /// First and last day of the lists, as text.
        covered: String,
    },
}
