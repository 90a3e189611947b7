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

type Cash = BTreeMap<String, i128>;

fn raw(text: &str) -> i128 {
    i128::from(text.parse::<Money>().unwrap().raw())
}

/// What the events do to cash.
fn cash(events: &[Event]) -> Cash {
    let mut cash = Cash::new();
    let mut add = |currency: &str, amount: i128| *cash.entry(currency.to_owned()).or_default() += amount;
    for event in events {
        match event {
            Event::Deposit(e) => add(e.currency.as_str(), e.amount.raw().into()),
            Event::Withdrawal(e) => add(e.currency.as_str(), -i128::from(e.amount.raw())),
            Event::CashPosted(e) => add(e.currency.as_str(), e.amount.raw().into()),
            Event::Fill(e) => {
                let cost = i128::from(e.quantity.notional(e.price).unwrap().raw());
                let sign = if e.side == Side::Buy { -1 } else { 1 };
                add(e.currency.as_str(), sign * cost - i128::from(e.fee.raw()));
            }
            Event::FxConversion(e) => {
                add(e.sold_currency.as_str(), -i128::from(e.sold.raw()));
                add(e.bought_currency.as_str(), e.bought.raw().into());
            }
            _ => {}
        }
    }
    cash
}

fn assert_cash(file: &str, found: &Cash, expected: &[(&str, &str)], slack: i128) {
    let expected: Cash = expected.iter().map(|(ccy, amount)| ((*ccy).to_owned(), raw(amount))).collect();
    for currency in found.keys().chain(expected.keys()) {
        let of = |cash: &Cash| cash.get(currency).copied().unwrap_or_default();
        let (found, expected) = (of(found), of(&expected));
        assert!((found - expected).abs() <= slack, "{file}, {currency}: {found} instead of {expected}");
    }
}

#[test]
fn cash_comes_to_what_the_files_say() {
    // The sums of the columns of amounts, worked out from the files apart from this program. Foreign
    // currency is nothing at the end where every trade was exchanged at once; fractions leave rounding.
    let cents = |count: i128| count * 10_000;
    let cases: [(&str, &str, &str, i128); 6] = [
        ("kapji_schwab_transactions.csv", "USD", "9479.3", 0),
        ("kapji_hl_transaction_summary.csv", "GBP", "-55018.97", 0),
        ("kapji_ib_activity_basic.csv", "GBP", "3026.85", 0),
        ("kapji_trading212_2026.csv", "GBP", "10121.37", 0),
        ("e2g_trading212.csv", "EUR", "45.44", 0),
        ("kapji_freetrade_transactions.csv", "GBP", "8945.12", cents(6)),
    ];
    for (file, currency, expected, slack) in cases {
        let (events, _) = run(file);
        assert_cash(file, &cash(&events), &[(currency, expected)], slack);
    }
}

/// The newest 22 rows are one statement as it was: from 5.18 EUR before them to 1.35 EUR and no USD.
#[test]
fn degiros_balance_is_reached() {
    let text = String::from_utf8(bytes("e2g_degiro.csv")).unwrap();
    let head: Vec<&str> = text.lines().take(24).collect();
    let (events, _) = try_run("d.csv", head.join("\n").as_bytes(), &options(Some("EUR"))).unwrap();
    assert_cash("degiro", &cash(&events), &[("EUR", "-3.83")], 0);
}

/// From the balance before the day to the one after it, and the dollars of one day.
#[test]
fn swissquotes_balances_are_reached() {
    let text = String::from_utf8(bytes("e2g_swissquote.csv")).unwrap();
    let day = |line: &&str| line.starts_with("Date") || line.starts_with("09-08-2022 10:");
    let day: Vec<&str> = text.lines().filter(|line| day(line) && !line.contains("KROP")).collect();
    let (events, _) = try_run("s.csv", day.join("\n").as_bytes(), &options(Some("CHF"))).unwrap();
    // 274355.45 less the first sale to 178629.97; 24195.90 to 124195.90.
    let before = 274_355_450_000 - 84_747_790_000;
    let after = Money::from_raw(178_629_970_000 - before).to_string();
    assert_cash("swissquote", &cash(&events), &[("USD", &after), ("CHF", "100000")], 10_000);
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| serde_json::to_string(event).unwrap()).collect()
}

#[test]
fn some_events_by_value() {
    let expect = |file: &str, parts: &[&str]| {
        let found = lines(&run(file).0);
        for part in parts {
            assert!(found.iter().any(|line| line.contains(part)), "{file}: no event with {part}");
        }
    };
    // Pence become pounds; the fee of the order joins the fill when it is in the same currency.
    expect(
        "e2g_degiro.csv",
        &[
            r#""side":"sell","quantity":"4","price":"4.96","fee":"0","currency":"GBP","trade_date":"2024-04-02""#,
            r#""instrument":"FI4000198031","side":"buy","quantity":"6","price":"79.96","fee":"4.9","currency":"EUR""#,
        ],
    );
    // What is filled is what an update takes away: 210 were sold in five parts, of which the fourth was 73.
    expect(
        "e2g_investimental.csv",
        &[
            r#""at":"2024-05-31T09:48:32Z""#,
            r#""side":"sell","quantity":"73","price":"27.19","fee":"0","currency":"RON""#,
            r#""quantity":"64","price":"75.95","fee":"16.03","currency":"RON""#,
        ],
    );
    expect(
        "e2g_parqet.csv",
        &[
            r#""quantity":"17.83803","price":"28.03","fee":"0","currency":"EUR","trade_date":"2024-08-02""#,
            r#""amount":"12.64","currency":"EUR","kind":"tax""#,
            r#""at":"2024-05-15T22:37:00Z""#,
        ],
    );
    expect(
        "e2g_schwab.csv",
        &[
            r#""instrument":"SNAXX","side":"sell","quantity":"500135","price":"1","fee":"0","currency":"USD""#,
            r#""amount":"-2019.29","currency":"USD","kind":"fee""#,
        ],
    );
    expect(
        "kapji_sharesight_all_trades.csv",
        &[r#""instrument":"FOO","side":"sell","quantity":"25","price":"300","fee":"5","currency":"USD""#],
    );
    let (events, _) = run("e2g_investimental.csv");
    let sold = |event: &Event| match event {
        Event::Fill(e) if e.side == Side::Sell => e.quantity.raw() / 1_000_000,
        _ => 0,
    };
    assert_eq!(events.iter().map(sold).sum::<i64>(), 210);
    let withheld = |e: &Event| matches!(e, Event::CashPosted(e) if e.kind == CashKind::Tax);
    assert_eq!(run("e2g_ibkr-dividends.csv").0.iter().filter(|event| withheld(event)).count(), 4);
}

#[test]
fn importing_again_or_an_overlap_adds_nothing() {
    for (file, broker, base) in FILES {
        let text = bytes(file);
        let whole: BTreeSet<String> = lines(&run(file).0).into_iter().collect();
        assert_eq!(lines(&run(file).0).into_iter().collect::<BTreeSet<_>>(), whole);
        let other = ImportOptions { customer: Name::new("bob").ok(), ..options(base) };
        let (events, _) = try_run(file, &text, &other).unwrap();
        let listed = |event: &Event| matches!(event, Event::InstrumentListed(_));
        assert!(
            events
                .iter()
                .filter(|event| !listed(event))
                .all(|event| { !whole.iter().any(|line| line.contains(event.id().unwrap().as_str())) })
        );
        // The older half alone has the same events. Order updates cannot be cut in two.
        if broker == Broker::Investimental {
            continue;
        }
        let rows: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let cut = [&rows[..13.min(rows.len())], &rows[rows.len().min(20)..]].concat().join(&b'\n');
        let (events, _) = try_run(file, &cut, &options(base.or(Some("USD")))).unwrap();
        let ids: BTreeSet<String> = events.iter().map(|event| event.id().unwrap().to_string()).collect();
        assert!(ids.iter().all(|id| whole.iter().any(|line| line.contains(id.as_str()))), "{file}");
    }
}

/// Rows alike without an identifier are as many as they are; one with the broker's identifier is one.
#[test]
fn a_row_with_the_brokers_id_counts_once() {
    let text = String::from_utf8(bytes("kapji_trading212_2026.csv")).unwrap();
    let twice = format!("{text}{}\n", text.lines().nth(2).unwrap());
    let (events, report) = try_run("t.csv", twice.as_bytes(), &options(None)).unwrap();
    assert_eq!(lines(&events), lines(&run("kapji_trading212_2026.csv").0));
    let reason = "expected one row with the id xxxxxxxxxxxx02: this one is left out";
    assert!(report.skips.iter().any(|skip| (skip.line, skip.reason.as_str()) == (7, reason)), "{report:?}");
}

#[test]
fn what_only_the_caller_knows_is_asked_for() {
    let raw_trades = bytes("kapji_raw_trades.csv");
    let nobody = ImportOptions::default();
    let error = try_run("r.csv", &raw_trades, &nobody).unwrap_err().to_string();
    assert_eq!(
        error,
        "r.csv, line 1, customer: expected --customer NAME: the file does not say whose account it is"
    );
    let error = try_run("d.csv", &bytes("e2g_degiro.csv"), &options(None)).unwrap_err().to_string();
    assert!(
        error.contains("base currency: expected --base-currency: cash is in EUR, GBP, JPY, USD"),
        "{error}"
    );
    // A name alone needs a ticker.
    let bare = ImportOptions { symbols: Symbols::default(), ..options(None) };
    let (_, report) = try_run("h.csv", &bytes("kapji_hl_transaction_summary.csv"), &bare).unwrap();
    assert_eq!((report.skipped, report.skips[0].field.as_str()), (2, "symbol"));
    assert!(report.skips[0].reason.contains("--symbols FILE"));
    // Saxo's dividends are in the account's currency, once it is said.
    let said = ImportOptions { currency: "EUR".parse().ok(), ..options(Some("EUR")) };
    let (events, _) = try_run("s.csv", &bytes("e2g_saxo.csv"), &said).unwrap();
    let paid = r#""amount":"1.83","currency":"EUR","kind":"distribution""#;
    assert!(lines(&events).iter().any(|line| line.contains(paid)));
}

/// Rows that are not what they should be, among two that are.
#[test]
fn a_bad_row_is_told_and_the_others_stay() {
    let cases = [
        ("2022-11-14,SELL,META", "row", "expected 7 to 7 cells, got 3"),
        ("2022-11-14,SELL,META,1.9.1,116.00,0,USD", "quantity", "expected a number such as 1,234.56"),
        (
            "2022-11-14,LEND,META,19,116.00,0,USD",
            "action",
            "expected a kind of row that is known, got \"LEND\"",
        ),
        ("2222-11-14,SELL,META,19,116.00,0,USD", "date", "from 1970 to 2099, got \"2222-11-14\""),
        ("14/11/2022,SELL,META,19,116.00,0,USD", "date", "expected a date such as 2024-03-31"),
        ("2022-11-14,SELL,META,19,116.00,0,dollars", "currency", "expected a currency such as EUR"),
        ("2022-11-14,BUY,,19,116.00,0,USD", "symbol", "expected a ticker or an ISIN"),
        ("2022-11-14,BUY,META,-19,116.00,0,USD", "quantity", "expected more than 0, got -19"),
        ("2022-11-14,BUY,META,99999999999,99999999999,0,USD", "quantity", "below 9.2 million million"),
        ("2022-11-14,BUY,META,19,0,0,USD", "price", "expected more than 0, got 0"),
        ("2022-11-14,BUY,AMZN,19,1,0,EUR", "currency", "expected USD, got EUR: --symbols FILE gives"),
        ("2022-11-14,BUY,\"META,19,1,0,USD", "row", "expected a closing quote"),
    ];
    for (row, field, expected) in cases {
        let text = format!(
            "date,action,symbol,quantity,price,fees,currency\n2022-05-03,BUY,AMZN,1,2480,0,USD\n{row}\n\
             2023-02-09,DIVIDEND,OPRA,4200,0.80,0.0,USD\n"
        );
        let (events, report) = try_run("r.csv", text.as_bytes(), &options(Some("USD"))).unwrap();
        assert_eq!((events.len(), report.skipped), (4, 1), "{row}: {report:?}");
        let skip = &report.skips[0];
        assert_eq!((skip.line, skip.field.as_str()), (3, field), "{row}");
        assert!(skip.reason.contains(expected), "{row}: {skip}");
    }
    let mut text =
        b"date,action,symbol,quantity,price,fees,currency\n2022-05-03,BUY,AMZN,1,2480,0,USD\n".to_vec();
    text.extend(b"2022-05-03,BUY,\xff,1,2480,0,USD\n");
    text.extend(std::iter::repeat_n(b'7', 10_000_000));
    text.extend(b"\n2023-02-09,DIVIDEND,OPRA,4200,0.80,0.0,USD\n");
    let (events, report) = try_run("r.csv", &text, &options(None)).unwrap();
    assert_eq!((events.len(), report.skips[0].line, report.skips[1].line), (4, 3, 4));
    assert!(report.skips[0].reason.contains("UTF-8") && report.skips[1].reason.contains("at most"));
}

#[test]
fn a_file_that_is_none_says_what_was_expected() {
    for text in [&b""[..], b"\n", b"\xff\xfe\x00", b"date;action;symbol\n1;2;3\n"] {
        let error = try_run("x.csv", text, &options(None)).unwrap_err().to_string();
        assert!(error.contains("expected a header such as"), "{error}");
    }
    let forced = ImportOptions { format: Some(Format::Account(Broker::Schwab)), ..options(None) };
    let error = try_run("x.csv", b"a,b\n", &forced).unwrap_err().to_string();
    assert_eq!(
        error,
        "x.csv, line 1, header: expected the columns date, action, symbol, description, quantity, price, \
         fees & comm, amount"
    );
    let only_header = b"date,action,symbol,quantity,price,fees,currency\n";
    assert_eq!(try_run("x.csv", only_header, &options(None)).unwrap().0.len(), 0);
    assert_eq!("saxo".parse(), Ok(Format::Account(Broker::Saxo)));
}

fn bytes_that_hurt() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'9')]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a line becomes, nothing panics and the other lines' events stay. DEGIRO's and Investimental's
    /// rows speak of each other, so theirs may go with the line.
    #[test]
    fn a_damaged_line_costs_only_itself(
        file in 0..FILES.len(),
        line in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), bytes_that_hurt()), 1..6),
    ) {
        let (name, broker, base) = FILES[file];
        let text = bytes(name);
        let rows: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let first = match broker {
            Broker::HargreavesLansdown => 6,
            Broker::IbkrHistory => 10,
            Broker::SharesightTrades => 3,
            _ => 1,
        };
        let hit = first + line.index(rows.len() - first);
        let mut damaged = rows[hit].to_vec();
        prop_assume!(!damaged.is_empty());
        for (at, byte) in damage {
            let at = at.index(damaged.len());
            damaged[at] = if byte == b'\n' { b' ' } else { byte };
        }
        let replaced = [&rows[..hit], &[&damaged[..]], &rows[hit + 1..]].concat().join(&b'\n');
        let removed = [&rows[..hit], &rows[hit + 1..]].concat().join(&b'\n');
        let options = options(base.or(Some("USD")));
        let (after, report) = try_run(name, &replaced, &options).unwrap();
        // A damaged first row may give its instrument another currency or ISIN than all the others.
        let renamed = report.skips.iter().any(|p| p.reason.contains("--symbols FILE gives one of the two"));
        if !renamed && !matches!(broker, Broker::Degiro | Broker::Investimental) {
            let (without, _) = try_run(name, &removed, &options).unwrap();
            let ids: BTreeSet<&Name> = after.iter().filter_map(Event::id).collect();
            for event in without {
                prop_assert!(ids.contains(event.id().unwrap()), "{name}, line {}: lost {event:?}", hit + 1);
            }
        }
    }
}
