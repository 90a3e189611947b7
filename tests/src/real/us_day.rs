//! One trading day in New York.

use std::collections::BTreeMap;
use std::path::Path;

use evenkeel_feeds::import::ImportOptions;
use evenkeel_schemas::Price;
use evenkeel_schemas::events::{Event, Side};

use crate::Dice;

use super::story::{Story, Told, instant, later, units_for};

const CUSTOMERS: u64 = 500;
const INSTRUMENTS: [&str; 3] = ["SPY", "BAC", "IBM"];
/// Account events during the day, and the distance between them: 08:05 to 23:50 UTC.
const EVENTS: u64 = 2_100;
const EVENT_MILLIS: i64 = 27_000;

/// Every trade of SPY, BAC and IBM on 2013-10-07 for 500 customers: accounts open before or just after
/// the first trades, with fills at the first prices; through the day come trades, deposits, withdrawals,
/// fees, requests, busted and amended fills, and corrected ticks.
///
/// # Errors
/// In words, when a file is missing or unreadable.
pub fn scenario_us_day(dir: &Path) -> Result<Vec<Event>, String> {
    let mut story = Story::default();
    for instrument in INSTRUMENTS {
        let file = format!("lean_{}_20131007_trade.zip", instrument.to_ascii_lowercase());
        story.market(dir, &[&file], &ImportOptions::default())?;
    }
    // The average of September is known from the first of October on.
    let september = "2013-09-01".parse().ok();
    let options = ImportOptions { from: september, to: september, ..ImportOptions::default() };
    story.market(
        dir,
        &["monthly_usd_rates_aud_nzd_eur_jpy_gbp.csv", "monthly_rates_sample.csv"],
        &options,
    )?;
    let mut fills = Vec::new();
    for number in 0..CUSTOMERS {
        fills.extend(open(&mut story, number)?);
    }
    let mut held = Held::default();
    fills.iter().for_each(|fill| held.count(fill, 1));
    let mut dice = Dice(20_131_007);
    for number in 0..EVENTS {
        happening(&mut story, &mut dice, number, &mut fills, &mut held)?;
    }
    story.correct_ticks("IBM", 400, 150)?;
    story.correct_ticks("SPY", 9_000, 40)?;
    Ok(story.events())
}

fn name(number: u64) -> String {
    format!("us-{number:03}")
}

/// Onboarding, targets, money and fills at the first prices of the day.
fn open(story: &mut Story, number: u64) -> Result<Vec<Told>, String> {
    let customer = name(number);
    // Every fiftieth account opens before there is a price.
    let start = if number.is_multiple_of(50) { "2013-10-07T07:59:00Z" } else { "2013-10-07T08:01:00Z" };
    let at = later(instant(start)?, number as i64 * 10);
    let base = match number {
        n if n % 25 == 7 => "NZD",
        n if n % 10 == 3 => "AUD",
        _ => "USD",
    };
    story.tell(
        at,
        "customer_onboarded",
        &format!("\"customer\":\"{customer}\",\"base_currency\":\"{base}\""),
    )?;
    let percent = [30 + number % 16, 10 + number % 13, 15 + number % 11];
    let [spy, bac, ibm] = percent;
    let bands = match number % 4 {
        0 => "",
        1 => ",\"bands\":{\"default\":\"0.002\"}",
        2 => ",\"bands\":{\"BAC\":\"0.001\"}",
        _ => ",\"bands\":{\"default\":\"0.0005\",\"SPY\":\"0.0015\"}",
    };
    let weights = format!("\"weights\":{{\"SPY\":\"0.{spy}\",\"BAC\":\"0.{bac}\",\"IBM\":\"0.{ibm}\"}}");
    story.tell(at, "targets_set", &format!("\"customer\":\"{customer}\",{weights}{bands}"))?;
    let wealth = 100_000 + number as i64 * 1_000;
    story.flow(at, "deposit", &customer, wealth, "USD")?;
    if number % 7 == 2 {
        story.flow(at, "deposit", &customer, 5_000, "AUD")?;
    }
    let mut fills = Vec::new();
    for (instrument, percent) in INSTRUMENTS.iter().zip(percent) {
        let price = story.first_price(instrument).ok_or("expected a trade of each instrument")?;
        let near = 97 + number as i64 % 7;
        let units = units_for(wealth * percent as i64 * near / 10_000, price);
        fills.push(story.fill(at, &customer, instrument, Side::Buy, units, price)?);
    }
    Ok(fills)
}

/// Units by customer and instrument, so that nobody sells what is not there. A bust may still leave less
/// than nothing.
#[derive(Default)]
struct Held(BTreeMap<(String, String), i64>);

impl Held {
    fn count(&mut self, fill: &Told, times: i64) {
        let sign = if fill.side == Side::Buy { times } else { -times };
        *self.0.entry((fill.customer.clone(), fill.instrument.clone())).or_default() += sign * fill.units;
    }

    fn of(&self, customer: &str, instrument: &str) -> i64 {
        self.0.get(&(customer.to_owned(), instrument.to_owned())).copied().unwrap_or(0)
    }
}

/// What happens to one customer at one moment of the day.
fn happening(
    story: &mut Story,
    dice: &mut Dice,
    number: u64,
    fills: &mut Vec<Told>,
    held: &mut Held,
) -> Result<(), String> {
    let at = later(instant("2013-10-07T08:05:00Z")?, number as i64 * EVENT_MILLIS);
    let customer = name(dice.roll(CUSTOMERS));
    let instrument = INSTRUMENTS[dice.roll(3) as usize];
    let price = story.price(instrument, at).ok_or("expected a price before 08:05")?;
    let pick = dice.roll(fills.len() as u64) as usize;
    match number % 10 {
        0..=3 => {
            let wanted = 1 + dice.roll(20) as i64;
            let sells = number % 10 > 1 && held.of(&customer, instrument) >= wanted;
            let side = if sells { Side::Sell } else { Side::Buy };
            let fill = story.fill(at, &customer, instrument, side, wanted, price)?;
            held.count(&fill, 1);
            fills.push(fill);
        }
        4 => {
            // One in forty takes out more than there is.
            let whole = if dice.roll(40) == 0 { 900_000 } else { 100 + dice.roll(900) as i64 };
            let id = story.flow(at, "withdrawal", &customer, whole, "USD")?;
            if whole > 800_000 {
                story.bust(later(at, 600_000), &id)?;
            }
        }
        5 => {
            story.flow(at, "deposit", &customer, 100 + dice.roll(5_000) as i64, "USD")?;
        }
        6 => {
            let fields = format!("\"customer\":\"{customer}\",\"by\":\"adviser\"");
            story.tell(at, "rebalance_requested", &fields)?;
        }
        7 => {
            let fill = fills.swap_remove(pick);
            held.count(&fill, -1);
            story.bust(later(at, 1), &fill.id)?;
        }
        8 => {
            let fill = fills[pick].clone();
            if held.of(&fill.customer, &fill.instrument) < 0 {
                return Ok(());
            }
            let better = Price::from_raw(fill.price.raw() - 10_000);
            let units = if fill.side == Side::Buy { fill.units + 1 } else { fill.units };
            let amended = story.amend(later(at, 1), &fill, units, better)?;
            held.count(&fill, -1);
            held.count(&amended, 1);
            fills[pick] = amended;
        }
        _ => {
            let fields = format!(
                "\"customer\":\"{customer}\",\"amount\":\"-3.07\",\"currency\":\"USD\",\"kind\":\"fee\""
            );
            story.tell(at, "cash_posted", &fields)?;
        }
    }
    Ok(())
}
