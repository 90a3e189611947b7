//! What the tests of estimates share.
#![allow(dead_code, reason = "each test binary uses a part")]

use evenkeel_estimates::{Mark, ReturnRule, Returns, daily_returns};
use evenkeel_schemas::{InstrumentId, TradeDate};
use ndarray::Array2;

/// The day of a running number, weekends left out; day 0 is a Monday.
pub fn day(number: usize) -> TradeDate {
    let days = number / 5 * 7 + number % 5;
    let date = jiff::civil::date(2020, 1, 6).saturating_add(jiff::Span::new().days(days as i64));
    date.to_string().parse().unwrap()
}

pub fn mark(instrument: u32, date: TradeDate, price: &str) -> Mark {
    Mark { instrument: InstrumentId(instrument), date, price: price.parse().unwrap() }
}

/// Marks whose columns are instruments; no text is no mark.
pub fn marks(rows: &[&[&str]]) -> Vec<Mark> {
    let row = |(t, row): (usize, &&[&str])| {
        let there = row.iter().enumerate().filter(|(_, price)| !price.is_empty());
        there.map(|(i, price)| mark(i as u32, day(t), price)).collect::<Vec<_>>()
    };
    rows.iter().enumerate().flat_map(row).collect()
}

pub fn returns(marks: &[Mark]) -> Returns {
    daily_returns(marks, &[], &ReturnRule::default()).unwrap()
}

/// The largest difference, in units of the deviations of `scale`.
pub fn distance(one: &Array2<f64>, other: &Array2<f64>, scale: &Array2<f64>) -> f64 {
    assert_eq!(one.dim(), other.dim());
    let unit = |i: usize, j: usize| (scale[[i, i]] * scale[[j, j]]).sqrt();
    let far = |((i, j), x): ((usize, usize), &f64)| {
        let gap = (x - other[[i, j]]).abs();
        if gap == 0.0 { 0.0 } else { gap / unit(i, j) }
    };
    one.indexed_iter().map(far).fold(0.0, f64::max)
}
