//! Returns that are made up, for tests.

use evenkeel_schemas::{InstrumentId, TradeDate};

use crate::Returns;

/// So many days and instruments, each return as `get` says for their places.
pub fn table(days: usize, n: usize, get: impl Fn(usize, usize) -> Option<f64>) -> Returns {
    let start: TradeDate = "2026-01-05".parse().unwrap();
    let dates: Vec<TradeDate> = (0..days).map(|t| start.plus_days(t as i32).unwrap()).collect();
    let place = |date: TradeDate| (date.days() - start.days()) as usize;
    Returns::of((0..n as u32).map(InstrumentId).collect(), dates, |date, i| get(place(date), i.0 as usize))
}
