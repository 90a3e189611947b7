//! Histories for the tests.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::Read;
use std::path::Path;

use evenkeel_backtest::{Backtest, History, Listed, Model, Settings, When, backtest};
use evenkeel_calendar::{Calendars, Market};
use evenkeel_estimates::Mark;
use evenkeel_optimizer::Costs;
use evenkeel_rebalancing::Policy;
use evenkeel_schemas::{InstrumentId, Money, Name, Price};

/// Reads any exact number or date.
pub fn n<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub fn asx() -> &'static Market {
    Calendars::built_in().unwrap().market("XASX").unwrap()
}

pub fn listed(instrument: u32, name: &str) -> Listed {
    Listed {
        instrument: InstrumentId(instrument),
        name: Name::new(name).unwrap(),
        lot: n("1"),
        tick: n("0.01"),
        average_daily_value: None,
    }
}

pub fn mark(instrument: u32, date: &str, price: &str) -> Mark {
    Mark { instrument: InstrumentId(instrument), date: n(date), price: n(price) }
}

/// Closes by day of two instruments.
pub fn two(rows: &[(&str, &str, &str)]) -> History {
    let marks = rows.iter().flat_map(|(date, a, b)| [mark(1, date, a), mark(2, date, b)]);
    History {
        instruments: vec![listed(1, "AAA"), listed(2, "BBB")],
        marks: marks.collect(),
        ..History::default()
    }
}

/// No costs, no least orders.
pub fn free() -> Policy {
    Policy {
        costs: Costs { half_spread: n("0"), commission: n("0"), commission_min: n("0") },
        trade_min: n("0"),
        first_parcel_min: n("0"),
        ..Policy::default()
    }
}

pub fn settings(from: &str, to: &str, cash: &str, when: When) -> Settings<'static> {
    Settings {
        from: n(from),
        to: n(to),
        cash: n(cash),
        flows: Vec::new(),
        when,
        reinvest: false,
        policy: free(),
        market: asx(),
        taxes: None,
        risk_free: 0.0,
    }
}

pub fn run(history: &History, model: &mut dyn Model, settings: &Settings<'_>) -> Backtest {
    let found = backtest(history, model, settings).unwrap();
    checked(&found);
    found
}

/// What holds for every backtest.
pub fn checked(found: &Backtest) {
    let text = serde_json::to_string(found).unwrap();
    assert_eq!(serde_json::from_str::<Backtest>(&text).unwrap(), *found);
    let sum =
        |of: &dyn Fn(&evenkeel_backtest::Day) -> Money| found.days.iter().map(|d| of(d).raw()).sum::<i64>();
    let mut cash = sum(&|day| day.flow) + sum(&|day| day.income) - sum(&|day| day.tax);
    for trade in &found.trades {
        let notional = trade.quantity.notional(trade.price).unwrap().raw();
        let sells = trade.side == evenkeel_optimizer::Side::Sell;
        cash += if sells { notional } else { -notional } - trade.fee.raw();
    }
    assert_eq!(cash, found.days.last().unwrap().cash.raw(), "cash is what came in less what went out");
    assert!(found.days.iter().all(|day| day.change.is_finite() && day.nav > Money::ZERO));
}

/// The sample of real ASX closes of the repository: 14 instruments, 2017-01-03 to 2019-10-22.
pub fn sample() -> History {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/asx_daily_sample.csv.gz");
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let (mut names, mut marks): (Vec<String>, Vec<Mark>) = (Vec::new(), Vec::new());
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        let at = names.iter().position(|name| *name == row[0]).unwrap_or_else(|| {
            names.push(row[0].to_owned());
            names.len() - 1
        });
        let Ok(close) = row[5].trim().parse::<f64>() else { continue };
        let price: Price = n(&format!("{close:.6}"));
        marks.push(Mark { instrument: InstrumentId(at as u32), date: n(&row[1]), price });
    }
    let instruments = names.iter().enumerate().map(|(at, name)| listed(at as u32, name)).collect();
    History { instruments, marks, ..History::default() }
}

/// The number of a ticker in the sample.
pub fn id(history: &History, name: &str) -> InstrumentId {
    history.instruments.iter().find(|one| one.name.as_str() == name).unwrap().instrument
}
