//! What a settlement date costs: nanoseconds a call, over the trading days of 20 years in mixed order.
//! `cargo run --release -p evenkeel-calendar --example settlement_cost`

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use evenkeel_calendar::Calendars;
use evenkeel_schemas::TradeDate;

const CALLS: usize = 5_000_000;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let calendars = Calendars::built_in()?;
    let first: TradeDate = "2010-01-04".parse()?;
    for market in calendars.markets() {
        let mut dates = vec![first];
        for count in 1..5_000 {
            dates.push(market.add_business_days(first, count)?);
        }
        let (mut best, mut days) = (f64::INFINITY, 0_i64);
        for _ in 0..RUNS {
            let started = Instant::now();
            days = 0;
            for call in 0..CALLS {
                // 2,003 and 5,000 have no common factor: every date comes, no neighbours in a row.
                let trade_date = dates[call * 2_003 % dates.len()];
                let settled = market.settlement_date(black_box(trade_date));
                days += i64::from(settled.by_calendar);
            }
            best = best.min(started.elapsed().as_secs_f64());
        }
        if days != CALLS as i64 {
            return Err(format!("{}: {days} of {CALLS} by calendar", market.mic()).into());
        }
        println!("{} settlement_date: {:.1} ns a call", market.mic(), best * 1e9 / CALLS as f64);
    }
    Ok(())
}
