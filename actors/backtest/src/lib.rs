//! Backtest: any strategy over closing marks, with costs, taxes, distributions, splits and cash flows.
//!
//! A strategy is where to and when: a [`Model`] gives targets ([`Fixed`], or [`WalkForward`] from a trailing
//! window), [`When`] says when they are traded to: once, at each review, or by bands. Every trade is an order
//! of a plan of `evenkeel-rebalancing`, in whole lots and out of parcels that the plan chooses.
//!
//! A session, in this order:
//! 1. the tax of a financial year that ended is paid (a refund received);
//! 2. splits, entitlements to distributions by the units held before the day, payments, flows;
//! 3. the closes; on a review a model sees the sessions *before* this one, and no more;
//! 4. the plan, at the closes; its trades, at the closes with half the spread against us, on the tick;
//! 5. the NAV after trades: market values, cash, and distributions that are due. A position without a mark is
//!    valued at its last one and not traded.
//!
//! | module | what it is |
//! |---|---|
//! | `data` | marks, splits, distributions; sessions |
//! | `settings`, `model` | what is asked; where targets come from |
//! | `account`, `years` | cash and lots; tax by financial year |
//! | `run` | the sessions |
//! | `result`, `metrics` | days, trades, years, measures with their formulas |
//!
//! Units    money, prices and units are exact; returns and measures are `f64`. Base currency is the only one
//! Errors   [`BacktestError`]; what a plan or a model could not do is a [`Note`]. Never a panic, never NaN
//! Limits   the benefit of a trade is weighed by squared distance. Tax of a year is what the portfolio adds
//!          to the tax of the other income; credits are judged by trades up to the year's end. Lots held when
//!          30 June 2027 ended have no value of that day here: their sale is refused with the law's own words
//! Cost     a session without a plan a few microseconds; a plan about half a millisecond
//!
//! Pure: no actor, no I/O, no clock, no random source. The same input gives the same bytes.
//!
//! ```
//! use evenkeel_backtest::{Fixed, History, Listed, Settings, When, backtest};
//! use evenkeel_calendar::Calendars;
//! use evenkeel_estimates::Mark;
//! use evenkeel_rebalancing::Policy;
//! use evenkeel_schemas::InstrumentId;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (instrument, name) = (InstrumentId(1), "VAS".parse()?);
//! let (lot, tick) = ("1".parse()?, "0.01".parse()?);
//! let mut history = History::default();
//! history.instruments.push(Listed { instrument, name, lot, tick, average_daily_value: None });
//! for (date, price) in [("2026-02-02", "100"), ("2026-02-03", "110"), ("2026-02-04", "99")] {
//!     history.marks.push(Mark { instrument, date: date.parse()?, price: price.parse()? });
//! }
//! let settings = Settings {
//!     from: "2026-02-02".parse()?,
//!     to: "2026-02-04".parse()?,
//!     cash: "10000".parse()?,
//!     flows: Vec::new(),
//!     when: When::Once,
//!     reinvest: true,
//!     policy: Policy::default(),
//!     market: Calendars::built_in()?.market("XASX").ok_or("no market")?,
//!     taxes: None,
//!     risk_free: 0.0,
//! };
//! let found = backtest(&history, &mut Fixed(vec![(instrument, "1".parse()?)]), &settings)?;
//! // Units at 100.10 and 5 bps of commission; up 10%, down 10%.
//! assert_eq!(found.holdings, [(instrument, "99".parse()?)]);
//! assert!((found.metrics.max_drawdown + 0.1).abs() < 0.001);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod account;
mod data;
mod error;
mod metrics;
mod model;
mod result;
mod run;
mod settings;
mod years;

pub use data::{History, Listed, Payment, Split};
pub use error::BacktestError;
pub use metrics::{Metrics, measured};
pub use model::{Aim, Fixed, Model, Past, Targets, WalkForward};
pub use result::{Backtest, Day, Note, Review, Trade, YearTax};
pub use run::backtest;
pub use settings::{CashFlow, Settings, Taxes, When};
