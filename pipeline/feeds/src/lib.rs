//! Where events come from when no exchange is connected: workloads made up from a seed, and converters
//! for files of real market data and exports of brokers.
//!
//! Both give events in the interchange form of `evenkeel-schemas`, so whatever reads a file of events can
//! read theirs. A pure library: no clock, no network; the same seed or file gives the same bytes.
#![warn(missing_docs)]

pub mod generate;
pub mod import;
mod write;

pub use write::EventWriter;
