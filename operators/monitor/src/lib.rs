//! The kernel of the hot path: one worker's portfolios, watched for weights that leave their bands and for a NAV that
//! falls to a floor.
//!
//! A popular instrument is held by most customers, so a tick touches nearly everybody, but hardly anybody
//! crosses a threshold. Three layers use that, each proven not to miss a crossing, each undecided where it
//! cannot be sure, so that in the end integers decide what has to be decided:
//!
//! 1. `zones`: a customer sleeps until prices have moved so far that a threshold of its could be crossed.
//! 2. `lanes`: who is near a threshold, or everybody when markets move far, is swept in 16 lanes of f32.
//! 3. `cards`, `filter`: who woke up is looked at on a card of two memory lines in f32, then, if that cannot
//!    tell, in f64; `exact` decides ties and tells what changed.
//!
//! The answers are those of the textbook operators `valuations` and `drift` for any history: see the tests.
//! `mode` chooses between zones and sweep. Customers that do not fit (shorts, NAV of zero or less, amounts
//! near the limits) are watched one by one. Pure: no dataflow, no I/O, no clock, no threads.
#![warn(missing_docs)]

mod book;
mod buckets;
mod cards;
mod change;
mod close;
mod exact;
mod filter;
mod floors;
mod lanes;
mod market;
mod mode;
mod monitor;
mod pages;
mod place;
mod settle;
mod values;
#[cfg(target_arch = "x86_64")]
mod wide;
mod zones;

pub use change::{Change, Event, Mode, Report};
pub use mode::Choice;
pub use monitor::{Appraisal, Bucket, Monitor, Options, Target};
pub use values::Exposure;
