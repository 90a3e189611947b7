//! Real exports of brokers: what each gives is written down in `tests/data/broker/expected`, event by event
//! and row by row; `UPDATE=1` rewrites it, and a review reads the difference.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use evenkeel_feeds::import::{Broker, Format, ImportError, ImportOptions, Report, Symbols, import};
use evenkeel_schemas::events::{CashKind, Event, Side, parse_event};
use evenkeel_schemas::{Money, Name};
use proptest::prelude::*;

/// Files, and the base currency where the file does not have only one.
const FILES: [(&str, Broker, Option<&str>); 17] = [
    ("e2g_degiro.csv", Broker::Degiro, Some("EUR")),
    ("e2g_freetrade.csv", Broker::Freetrade, None),
    ("e2g_ibkr-dividends.csv", Broker::IbkrDividends, Some("CHF")),
    ("e2g_ibkr-trades.csv", Broker::IbkrTrades, Some("CHF")),
    ("e2g_investimental.csv", Broker::Investimental, None),
    ("e2g_parqet.csv", Broker::Parqet, None),
    ("e2g_saxo.csv", Broker::Saxo, Some("EUR")),
    ("e2g_schwab.csv", Broker::Schwab, None),
    ("e2g_swissquote.csv", Broker::Swissquote, Some("CHF")),
    ("e2g_trading212.csv", Broker::Trading212, None),
    ("kapji_freetrade_transactions.csv", Broker::Freetrade, None),
    ("kapji_hl_transaction_summary.csv", Broker::HargreavesLansdown, None),
    ("kapji_ib_activity_basic.csv", Broker::IbkrHistory, None),
    ("kapji_raw_trades.csv", Broker::RawTrades, None),
    ("kapji_schwab_transactions.csv", Broker::Schwab, None),
    ("kapji_sharesight_all_trades.csv", Broker::SharesightTrades, Some("GBP")),
    ("kapji_trading212_2026.csv", Broker::Trading212, None),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/broker")
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

fn options(base: Option<&str>) -> ImportOptions {
    let symbols = Symbols::read("Vanguard FTSE Developed World UCITS ETF,VEVE,etf\n").unwrap();
    let customer = Name::new("ann").ok();
    ImportOptions { customer, base_currency: base.map(|b| b.parse().unwrap()), symbols, ..Default::default() }
}

/// Imports bytes; every event must be one that the program's door takes.
fn try_run(file: &str, bytes: &[u8], options: &ImportOptions) -> Result<(Vec<Event>, Report), ImportError> {
    let (mut events, mut report) = (Vec::new(), Report::default());
    let mut out = |event: Event| {
        let line = serde_json::to_string(&event)?;
        assert_eq!(parse_event(line.as_bytes()).map_err(std::io::Error::other)?, event);
        events.push(event);
        Ok(())
    };
    import(file, bytes, options, &mut out, &mut report)?;
    assert!(events.windows(2).all(|pair| pair[0].at() <= pair[1].at()), "{file}: not in order of time");
    let ids: BTreeSet<&Name> = events.iter().map(|event| event.id().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "{file}: an id is there twice");
    assert_eq!(report.counts.values().sum::<u64>(), events.len() as u64);
    Ok((events, report))
}

fn run(file: &str) -> (Vec<Event>, Report) {
    let (_, _, base) = FILES.iter().find(|(name, ..)| *name == file).unwrap();
    try_run(file, &bytes(file), &options(*base)).unwrap()
}

fn told(report: &Report) -> String {
    let mut text = String::new();
    for (title, problems) in [
        ("skipped", &report.skips),
        ("suspect", &report.suspects),
        ("assumed", &report.assumed),
        ("ignored", &report.ignored),
    ] {
        writeln!(text, "\n{title} {}", problems.len()).unwrap();
        for problem in problems {
            writeln!(text, "  {}, {}: {}", problem.line, problem.field, problem.reason).unwrap();
        }
    }
    text
}

#[test]
fn every_file_gives_what_is_written_down() {
    for (file, broker, _) in FILES {
        let (events, report) = run(file);
        let mut text = format!("{file}, {}\n\n", broker.as_str());
        for (kind, count) in &report.counts {
            writeln!(text, "{count:4} {kind}").unwrap();
        }
        text.push_str(&told(&report));
        writeln!(text, "\nevents").unwrap();
        for event in events {
            writeln!(text, "{}", serde_json::to_string(&event).unwrap()).unwrap();
        }
        let path = folder().join("expected").join(file.replace(".csv", ".txt"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "{file}: UPDATE=1 rewrites {}", path.display());
    }
}
