//! Market calendars: which days trade, which days settle, and when a trade settles.
//!
//! A market is data with dates: a text of TOML in `schemas/markets/`, with its closings, its settlement lags,
//! its hours and its smallest first purchase, each with a source. [`Calendars`] reads and checks them; a
//! [`Market`] answers.
//!
//! Units    dates without a time; hours in the market's local time; lags in business days
//! Errors   a text that is not in order is refused, by text, line and field. A question beyond the days that
//!          the lists cover is an error, but for settlement, which then counts weekdays and says so
//! State    8 bytes a business day and 4 a day of rest: 52 KB a market of 21 years
//! Cost     a settlement date is two look-ups in a table (`cargo run --release --example settlement_cost`)
//! Source   the texts name theirs; how they were made is in `schemas/markets/README.md`
//!
//! Pure: no dataflow, no clock, no I/O, no floats.
//!
//! ```
//! use evenkeel_calendar::{Calendars, Settled};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let home = Calendars::built_in()?.home_of("AUD".parse()?).ok_or("no market")?;
//! // Thursday before Easter 2026: Friday and Monday are closed.
//! let settled = home.settlement_date("2026-04-02".parse()?);
//! assert_eq!(settled, Settled { date: "2026-04-08".parse()?, by_calendar: true });
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod calendars;
mod days;
mod error;
mod market;
mod text;

pub use calendars::Calendars;
pub use error::CalendarError;
pub use market::{Market, Session, Settled};
