//! Workloads made up from a seed: a market that moves and customers who hold it.
//!
//! A workload is listings, closing marks of earlier days if wanted, first prices, customers (onboarding, targets, deposits, first fills) and then
//! ticks with an account event now and then. Everything is integer arithmetic on one seeded generator, so
//! the same [`Workload`] gives the same bytes on every machine. No event asks for more cash or units than
//! the customer has at that point of the file.
//!
//! A demonstration drives the same parts itself: [`Market`] for prices and [`Book`] for customers.

mod book;
mod chance;
mod market;
mod universe;

use std::io::{self, Write};

pub use book::{Book, book};
pub use market::{Market, Shock};

use evenkeel_schemas::Instant;

use crate::EventWriter;
use market::Move;

/// 2026-01-05T00:00:00Z, a Monday: 11:00 in Sydney.
const START: Instant = Instant::from_micros(1_767_571_200_000_000);
/// Progress is told once in this many ticks.
const PROGRESS_TICKS: u64 = 65_536;
/// Ticks from one account event to the next.
const TICKS_PER_ACCOUNT_EVENT: u64 = 100;
/// Microseconds between the onboardings of two customers.
const ONBOARDING_MICROS: i64 = 10;

/// How large a workload is and what it starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Customers.
    pub customers: u32,
    /// Instruments, at least one.
    pub instruments: u32,
    /// Prices and rates after the first of each; account events come on top.
    pub ticks: u64,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// Ticks in a second of the file's time, 1 to 1,000,000.
    pub ticks_per_second: u32,
    /// How many seconds of a real market's movement happen in one second, at least 1.
    pub intensity: u32,
    /// Weekdays before the first event that have closing marks.
    pub history: u32,
    /// Effective time of the first event, closing marks apart.
    pub start: Instant,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            customers: 1_000,
            instruments: 100,
            ticks: 1_000_000,
            seed: 1,
            ticks_per_second: 1_000,
            intensity: 100,
            history: 0,
            start: START,
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Events in all.
    pub events: u64,
    /// Of these, prices and rates.
    pub ticks: u64,
    /// Of these, events of customers.
    pub account_events: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Effective time of the first event.
    pub first: Instant,
    /// Effective time of the last event.
    pub last: Instant,
}

/// Writes a workload as NDJSON. `progress` hears of ticks done and ticks in all.
///
/// # Errors
/// `InvalidInput` for a workload without instruments or with a tick rate or intensity out of range; else what `out` reports.
pub fn generate(
    workload: &Workload,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<Summary> {
    check(workload)?;
    let mut writer = EventWriter::new(out);
    let mut market = Market::new(workload.seed, workload.instruments);
    market.set_pace(workload.ticks_per_second, workload.intensity);
    for event in market.reference_events(workload.start) {
        writer.event(&event)?;
    }
    for close in market.history(workload.start.date(), workload.history) {
        writer.event(&close)?;
    }
    let quotes = market.quotes(workload.start);
    let first_prices = quotes.len() as u64;
    for event in &quotes {
        writer.event(event)?;
    }
    let mut book = Book::new(workload.seed, workload.customers);
    let mut account_events = 0;
    for customer in 0..workload.customers {
        let at = later(workload.start, i64::from(customer + 1) * ONBOARDING_MICROS);
        for event in book.open(&market, customer, at) {
            writer.event(&event)?;
            account_events += 1;
        }
    }
    let begin = later(workload.start, i64::from(workload.customers) * ONBOARDING_MICROS);
    let mut last = begin;
    for tick in 1..=workload.ticks {
        let micros = i128::from(tick) * 1_000_000 / i128::from(workload.ticks_per_second);
        last = later(begin, i64::try_from(micros).unwrap_or(i64::MAX));
        match market.step() {
            Move::Price(instrument, price) => writer.tick(last, market.ticker(instrument), price)?,
            Move::Rate(rate) => writer.rate(last, market::FX_PAIR, rate)?,
        }
        if tick % TICKS_PER_ACCOUNT_EVENT == 0
            && let Some(event) = book.event(&market, last)
        {
            writer.event(&event)?;
            account_events += 1;
        }
        if tick % PROGRESS_TICKS == 0 {
            progress(tick, workload.ticks);
        }
    }
    progress(workload.ticks, workload.ticks);
    let (events, bytes) = (writer.events(), writer.bytes());
    writer.finish()?;
    let ticks = workload.ticks + first_prices;
    Ok(Summary { events, ticks, account_events, bytes, first: workload.start, last })
}

fn later(at: Instant, micros: i64) -> Instant {
    Instant::from_micros(at.micros().saturating_add(micros))
}

fn check(workload: &Workload) -> io::Result<()> {
    let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    if !(1..=market::MOST_INSTRUMENTS).contains(&workload.instruments) {
        let most = market::MOST_INSTRUMENTS;
        return refuse(format!("instruments: expected 1 to {most}, got {}", workload.instruments));
    }
    if !(1..=1_000_000).contains(&workload.ticks_per_second) {
        return refuse(format!("ticks_per_second: expected 1 to 1000000, got {}", workload.ticks_per_second));
    }
    if !(1..=1_000_000).contains(&workload.intensity) {
        return refuse(format!("intensity: expected 1 to 1000000, got {}", workload.intensity));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
