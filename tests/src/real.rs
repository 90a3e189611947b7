//! Real markets with made-up customers: the events of two runs.
//!
//! - [`scenario_us_day`]: every trade of SPY, BAC and IBM of 2013-10-07 for 500 customers;
//! - [`scenario_asx_years`]: the daily closes of 2017 to 2019 of the ASX, and of SPY and IBM, for 200
//!   customers who pay in every month.
//!
//! Prices are as published; who holds what is arithmetic on the customer's number, so a scenario is the
//! same events every time. Among the customers are some with a foreign base currency or foreign cash,
//! some without a price at first and some who take out more than they have: anomalies belong to a test.

mod asx_years;
mod story;
mod us_day;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use evenkeel_feeds::EventWriter;
use evenkeel_schemas::events::Event;

pub use asx_years::scenario_asx_years;
pub use us_day::scenario_us_day;

/// The samples in the repository: enough for both scenarios.
pub fn sample_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// The full files in `../shared/data` beside the repository, where there are any.
pub fn full_dir() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    beside.is_dir().then_some(beside)
}

/// Writes events as a file for `evenkeel replay`.
///
/// # Errors
/// In words, when the file cannot be written.
pub fn write(events: &[Event], path: &Path) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut writer = EventWriter::new(BufWriter::with_capacity(1 << 20, File::create(path).map_err(wrong)?));
    for event in events {
        writer.event(event).map_err(wrong)?;
    }
    writer.finish().map_err(wrong)?.flush().map_err(wrong)
}
