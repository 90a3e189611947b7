//! The lots of one customer: what is held since when and at what cost, and what its sales realised.
//!
//! A [`Ledger`] takes entries (buys, sales, transfers, corporate actions, elections of a method) in any order
//! of arrival, takes back those that were wrong, and tells what changed: rows of open lots, of realised gains
//! and of anomalies, each with +1 or −1. What it holds is a function of the entries alone, whatever their
//! path: an entry in the past restates what comes after it, and an anomaly goes when the missing fact comes.
//!
//! Order    by date; on a date elections, then corporate actions (by number), then trades (by effective time,
//!          then number). Elections and corporate actions hold from the start of their day
//! Methods  FIFO, LIFO (by acquisition date, then order of entry), HIFO (highest cost base per unit, ties oldest
//!          first), average (see `disposal`), specific. The latest election at or before a sale's date decides;
//!          before the first it is FIFO. Lots named at a sale go first whatever was elected; FIFO serves what
//!          they leave open under `Specific`
//! Units    quantities and money in 10⁻⁶, as integers; products in i128. Parts of a sum are rounded half-even
//!          and what rounding leaves goes to the next part or stays with the lot, so that no unit is lost:
//!          cost bases of open lots and of realised gains add up to what was paid
//! Errors   an entry that makes no sense or leaves ±2.3 · 10¹² is left out whole, and an anomaly says so. Units
//!          sold beyond those held are refused the same way: there are no short lots
//! State    80 bytes an entry and 32 an open lot, in one sorted run each. Realised gains are not kept: what has
//!          to be taken back is derived again from the entries
//! Cost     an entry at the end costs the lots it touches; one in the past replays its instrument's history
//! Source   ITAA 1997 s104-107A to 104-107C (AMIT) and s104-135 (return of capital); ATO, Identifying when
//!          shares or units are acquired; the reference cases in tests/cases
//!
//! ```
//! use evenkeel_lots::{Entry, Ledger, LotId, Row, What};
//! use evenkeel_schemas::InstrumentId;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (instrument, acquired) = (InstrumentId(0), "2026-11-20".parse()?);
//! let (quantity, cost_base) = ("10".parse()?, "1009.5".parse()?);
//! let what = What::Acquire { instrument, lot: LotId(1), quantity, cost_base, acquired };
//! let bought = Entry { date: acquired, at: acquired.start(), number: 1, what };
//! let (mut ledger, mut changes) = (Ledger::default(), Vec::new());
//! ledger.insert(bought.clone());
//! ledger.settle(&mut changes);
//! assert!(matches!(changes[..], [(Row::Lot(lot), 1)] if lot.cost_base == cost_base));
//! assert!(ledger.remove(&bought));
//! ledger.settle(&mut changes);
//! assert!(matches!(changes[..], [(Row::Lot(_), 1), (Row::Lot(_), -1)]));
//! # Ok(())
//! # }
//! ```
//!
//! Pure: no dataflow, no I/O, no clock, no threads, no floats.
#![warn(missing_docs)]

mod actions;
mod apply;
mod disposal;
mod entry;
mod holding;
mod ledger;
mod measure;
mod row;
mod shares;

pub use entry::{Choice, Entry, EventId, LotId, Replacement, What};
pub use evenkeel_schemas::GainKind;
pub use ledger::Ledger;
pub use measure::days_held;
pub use row::{Anomaly, OpenLot, RealisedGain, Row, Trouble};
pub use shares::averaged;
