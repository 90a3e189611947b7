//! Nearly three years of daily closes.

use std::path::Path;

use evenkeel_feeds::import::ImportOptions;
use evenkeel_schemas::Instant;
use evenkeel_schemas::events::{Event, Side};

use crate::Dice;

use super::story::{Story, find, instant, later, units_for};

const CUSTOMERS: u64 = 200;
const DAY_MILLIS: i64 = 86_400_000;
/// What an account starts with, in whole dollars of each currency it holds.
const START_HOME: i64 = 60_000;
const START_DOLLARS: i64 = 20_000;

/// The closes of the ASX from 2017-01-03 to 2019-10-22, and of SPY and IBM, for 200 customers: each
/// starts with fills at the closes of 2017-01-10, pays in every month and buys with it, some take money
/// out every quarter, one in eight is valued in USD, and one in NZD, for which there is no rate to AUD.
///
/// # Errors
/// In words, when a file is missing or unreadable.
pub fn scenario_asx_years(dir: &Path) -> Result<Vec<Event>, String> {
    let mut story = Story::default();
    let years = ImportOptions {
        from: "2017-01-03".parse().ok(),
        to: "2019-10-22".parse().ok(),
        ..Default::default()
    };
    story.market(dir, &["mockportfolio_asx_daily.csv.gz", "asx_daily_sample.csv.gz"], &years)?;
    for file in ["jrandj_VAS.csv", "jrandj_CBA.csv", "jrandj_RIO.csv"] {
        if find(dir, &[file]).is_some() {
            story.market(dir, &[file], &years)?;
        }
    }
    for file in ["lean_spy_daily.zip", "lean_ibm_daily.zip"] {
        story.market(dir, &[file], &years)?;
    }
    let rates = ImportOptions {
        from: "2016-12-01".parse().ok(),
        to: "2019-09-01".parse().ok(),
        ..Default::default()
    };
    story.market(dir, &["monthly_usd_rates_aud_nzd_eur_jpy_gbp.csv", "monthly_rates_sample.csv"], &rates)?;
    let start = instant("2017-01-10T07:00:00Z")?;
    let all = story.instruments();
    let home: Vec<&String> = all.iter().filter(|i| !["SPY", "IBM"].contains(&i.as_str())).collect();
    let mut dice = Dice(2_017);
    for number in 0..CUSTOMERS {
        let mut held: Vec<String> = Vec::new();
        let wanted = 3 + dice.roll(6) as usize;
        while held.len() < wanted {
            let instrument = home[dice.roll(home.len() as u64) as usize];
            if !held.contains(instrument) && story.price(instrument, start).is_some() {
                held.push(instrument.clone());
            }
        }
        let foreign = number % 4 == 0;
        if foreign {
            held.extend(["SPY".to_owned(), "IBM".to_owned()]);
        }
        open(&mut story, number, &held, later(start, number as i64))?;
        months(&mut story, &mut dice, number, &held, start)?;
    }
    Ok(story.events())
}

fn name(number: u64) -> String {
    format!("au-{number:03}")
}

/// Equal targets for 95%, fills near them.
fn open(story: &mut Story, number: u64, held: &[String], at: Instant) -> Result<(), String> {
    let customer = name(number);
    let base = match number {
        5 => "NZD",
        n if n % 8 == 0 => "USD",
        _ => "AUD",
    };
    story.tell(
        at,
        "customer_onboarded",
        &format!("\"customer\":\"{customer}\",\"base_currency\":\"{base}\""),
    )?;
    let percent = 95 / held.len() as i64;
    let weights: Vec<String> = held.iter().map(|i| format!("\"{i}\":\"0.{percent:02}\"")).collect();
    let bands = match number % 3 {
        0 => String::new(),
        1 => ",\"bands\":{\"default\":\"0.02\"}".to_owned(),
        _ => format!(",\"bands\":{{\"{}\":\"0.03\"}}", held[0]),
    };
    let weights = weights.join(",");
    story.tell(
        at,
        "targets_set",
        &format!("\"customer\":\"{customer}\",\"weights\":{{{weights}}}{bands}"),
    )?;
    story.flow(at, "deposit", &customer, START_HOME, "AUD")?;
    let dollars = held.iter().any(|i| i == "SPY");
    if dollars {
        story.flow(at, "deposit", &customer, START_DOLLARS, "USD")?;
    }
    let at_home = held.len() as i64 - if dollars { 2 } else { 0 };
    for instrument in held {
        let abroad = story.currency(instrument).as_str() == "USD";
        let share = if abroad { START_DOLLARS * 45 / 100 } else { START_HOME * 94 / 100 / at_home };
        buy(story, &customer, instrument, share, at)?;
    }
    Ok(())
}

/// Buys for about this much at the last close.
fn buy(story: &mut Story, customer: &str, instrument: &str, whole: i64, at: Instant) -> Result<(), String> {
    let Some(price) = story.price(instrument, at) else { return Ok(()) };
    let units = units_for(whole, price);
    if units > 0 {
        story.fill(at, customer, instrument, Side::Buy, units, price)?;
    }
    Ok(())
}

/// Every thirty days money comes in and is invested in one instrument in turn; every ninety some goes out.
fn months(
    story: &mut Story,
    dice: &mut Dice,
    number: u64,
    held: &[String],
    start: Instant,
) -> Result<(), String> {
    let customer = name(number);
    for month in 1..34_i64 {
        let at = later(start, month * 30 * DAY_MILLIS + number as i64);
        let instrument = &held[month as usize % held.len()];
        let currency = story.currency(instrument).to_string();
        let whole = 500 + 100 * dice.roll(10) as i64;
        story.flow(at, "deposit", &customer, whole, &currency)?;
        buy(story, &customer, instrument, whole - 10, at)?;
        if number % 5 == 1 && month % 3 == 0 {
            let out = 200 + dice.roll(700) as i64;
            story.flow(later(at, DAY_MILLIS), "withdrawal", &customer, out, "AUD")?;
        }
        if dice.roll(60) == 0 {
            let fields = format!("\"customer\":\"{customer}\",\"by\":\"adviser\"");
            story.tell(later(at, 1_000), "rebalance_requested", &fields)?;
        }
    }
    Ok(())
}
