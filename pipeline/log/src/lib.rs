//! The embedded event log: append-only, partitioned by topic, payloads are opaque bytes.
//!
//! ```text
//! Log ─ one file (redb), one writer, any number of readers
//!  └─ Topic ─ offsets 0, 1, 2, … without a gap
//!      └─ segment ─ a run of blocks, the unit of retention; its row keeps the chain's head
//!          └─ block ─ the records of one topic in one commit; hash over (previous hash + content)
//! ```
//!
//! - **Durability**: [`Log::append`] returns after one atomic, fsynced commit over all topics it touched.
//!   A crash loses no acknowledged record; an append cut short is there wholly or not at all.
//! - **Order**: every record has an epoch (milliseconds since 1970, rounded up by the caller) that never
//!   decreases along the log; the library reads no clock.
//! - **Integrity**: blocks are chained by blake3, so an altered, missing or moved record is found by
//!   [`Log::scan`] (its block) and [`Log::verify`] (the whole chain from the first kept segment).
//! - **Faults**: errors are values that say where and what to do. After a failed write the log refuses
//!   further writes until it is opened again, because only opening decides what the disk really holds.
//!
//! ```
//! use evenkeel_log::{Log, LogConfig, Topic};
//! # let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
//! let (log, _report) = Log::open(LogConfig::new(folder.path())).map_err(|e| e.to_string())?;
//! let offsets = log.append(1_700_000_000_000, &[(Topic::Market, b"{}")]).map_err(|e| e.to_string())?;
//! assert_eq!(offsets, [0]);
//! for record in log.scan(Topic::Market, 0).map_err(|e| e.to_string())? {
//!     assert_eq!(record.map_err(|e| e.to_string())?.payload, b"{}");
//! }
//! # Ok::<(), String>(())
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod batch;
mod block;
mod config;
mod error;
mod group;
mod log;
mod retain;
mod scan;
mod segment;
mod store;
mod topic;
mod verify;

#[cfg(test)]
mod tests;

pub use block::{Block, Hash, Record, RecordRef, Records};
pub use config::{GroupLimits, LogConfig, RECORD_BYTES_MAX};
pub use error::{BadBlock, LogError};
pub use group::{Appender, Committer, GroupCommit, Step, SubmitError, group};
pub use log::{Log, OpenReport, TopicReport};
pub use retain::Retained;
pub use scan::Scan;
pub use topic::{Topic, UnknownTopic};
pub use verify::{TopicVerified, VerifyReport};
