//! Texts of markets that are not in order, and what is said of them.
#![allow(clippy::unwrap_used, reason = "a text that should be read fails the test")]

use evenkeel_calendar::Calendars;
use evenkeel_schemas::TradeDate;

const TEXT: &str = r#"mic = "XTST"
name = "Test"
currency = "NZD"
home = true
time_zone = "Pacific/Auckland"
from = "2026-01-01"
to = "2026-12-31"
closed = [
    "2026-01-01", "2026-02-06",
    "2026-12-25",
]
no_settlement = ["2026-06-01"]
settles = ["2026-02-06"]
[[settlement]]
from = "2025-01-01"
days = 3
[[settlement]]
from = "2026-03-02"
days = 2
[[session]]
from = "2026-01-01"
open = "10:00"
close = "16:45"
[[early_closes]]
close = "12:45"
days = ["2026-12-24", "2026-12-31"]
[[first_parcel]]
from = "2026-07-01"
minimum = "50.5"
"#;

fn error_with(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from}");
    let text = TEXT.replacen(from, to, 1);
    Calendars::from_texts(&[("mine.toml", &text)]).unwrap_err().to_string()
}

#[test]
fn a_text_in_order_is_read() {
    let calendars = Calendars::from_texts(&[("mine.toml", TEXT)]).unwrap();
    let market = calendars.home_of("NZD".parse().unwrap()).unwrap();
    let date = |text: &str| text.parse::<TradeDate>().unwrap();
    assert_eq!(market.covered(), Some((date("2026-01-01"), date("2026-12-31"))));
    // Friday 6 February is closed but settles, Monday 1 June trades but does not settle.
    assert_eq!(market.add_business_days(date("2026-02-05"), 1).unwrap(), date("2026-02-06"));
    assert_eq!(market.add_business_days(date("2026-05-29"), 1).unwrap(), date("2026-06-02"));
    assert_eq!(market.first_parcel_min(date("2026-07-01")), Some("50.5".parse().unwrap()));
    assert_eq!(
        (market.settlement_lag(date("2020-01-01")), market.settlement_lag(date("2026-03-02"))),
        (3, 2)
    );
}

#[test]
fn what_is_wrong_with_a_text_is_named() {
    let cases = [
        ("\"2026-02-06\",", "\"2026-02-07\",", "mine.toml line 9: closed: 2026-02-07 is no weekday"),
        ("\"2026-02-06\",", "\"2026-01-01\",", "line 9: closed: 2026-01-01 is there twice"),
        (
            "    \"2026-12-25\",",
            "    \"2026-12-25\", \"2026-12-24\",",
            "line 10: closed: unsorted: 2026-12-24 comes after 2026-12-25",
        ),
        (
            "\"2026-12-25\",",
            "\"2027-12-24\",",
            "line 10: closed: 2027-12-24 is not within 2026-01-01 to 2026-12-31",
        ),
        ("\"2026-12-25\",", "\"2026-12-32\",", "line 10: closed: expected a date such as"),
        ("[\"2026-06-01\"]", "[\"2026-12-25\"]", "line 12: no_settlement: 2026-12-25 is in closed already"),
        ("[\"2026-06-01\"]", "[\"2026-06-06\"]", "line 12: no_settlement: 2026-06-06 is no weekday"),
        ("[\"2026-02-06\"]", "[\"2026-02-05\"]", "line 13: settles: 2026-02-05 is not in closed"),
        ("days = 3", "days = 0", "line 14: settlement: expected 1 to 10 days, got 0"),
        ("days = 3", "days = -1", "line 16: text: "),
        ("2026-03-02", "2025-01-01", "line 17: settlement: unsorted: 2025-01-01 comes after 2025-01-01"),
        (
            "2025-01-01",
            "2026-01-02",
            "settlement: a gap: expected the first from 2026-01-01 on, got 2026-01-02",
        ),
        ("open = \"10:00\"", "open = \"16:45\"", "session: close at 16:45:00 is not after open at 16:45:00"),
        ("open = \"10:00\"", "open = \"25:00\"", "line 22: text: "),
        ("\"2026-12-24\", ", "\"2026-12-25\", ", "line 26: early_closes: 2026-12-25 is in closed"),
        ("12:45", "16:45", "line 26: early_closes: 16:45:00 is not between 10:00:00 and 16:45:00"),
        ("\"2026-12-24\", \"2026-12-31\"", "\"2026-12-31\", \"2026-12-24\"", "early_closes: unsorted"),
        (
            "[[first_parcel]]",
            "[[early_closes]]\nclose = \"13:00\"\ndays = [\"2026-12-24\"]\n[[first_parcel]]",
            "line 29: early_closes: 2026-12-24 is there twice",
        ),
        ("minimum = \"50.5\"", "minimum = \"0\"", "first_parcel: expected a minimum above 0, got 0"),
        ("to = \"2026-12-31\"", "to = \"2025-12-31\"", "line 7: to: 2025-12-31 is before from, 2026-01-01"),
        (
            "\"XTST\"",
            "\"xtst\"",
            "line 1: mic: expected four capital letters or digits (ISO 10383), got xtst",
        ),
        (
            "Pacific/Auckland",
            "NZT",
            "line 5: time_zone: expected a name such as Australia/Sydney (IANA), got \"NZT\"",
        ),
        ("\"NZD\"", "\"nzd\"", "line 3: text: expected a currency of three capital letters"),
        ("settles", "settle", "line 13: text: unknown field"),
        ("home = true", "also = [\"XTST\"]", "mine.toml: also: XTST is taken by XTST"),
        ("name = \"Test\"", "", "text: missing field `name`"),
    ];
    for (from, to, expected) in cases {
        let got = error_with(from, to);
        assert!(got.contains(expected), "{from} -> {to}: {got}");
    }
}

#[test]
fn two_markets_share_neither_code_nor_home() {
    let other = TEXT.replace("\"XTST\"", "\"XOTH\"");
    let error = Calendars::from_texts(&[("a.toml", TEXT), ("b.toml", &other)]).unwrap_err().to_string();
    assert_eq!(error, "market a.toml: home: the home market of NZD is taken by XOTH");
    let other = other.replace("home = true", "also = [\"XTST\"]");
    let error = Calendars::from_texts(&[("a.toml", TEXT), ("b.toml", &other)]).unwrap_err().to_string();
    assert_eq!(error, "market a.toml: mic: XTST is taken by XOTH");
}

#[test]
fn a_newer_text_replaces_the_built_in_one() {
    let (name, text) = Calendars::built_in_texts()[0];
    assert_eq!(name, "XASX.toml");
    let newer = text.replace("from = \"2016-03-07\"\ndays = 2", "from = \"2016-03-07\"\ndays = 1");
    let texts: Vec<_> = Calendars::built_in_texts().iter().copied().chain([("mine.toml", &*newer)]).collect();
    let calendars = Calendars::from_texts(&texts).unwrap();
    assert_eq!(calendars.market("XASX").unwrap().settlement_lag("2026-11-26".parse().unwrap()), 1);
    assert_eq!(calendars.markets().count(), Calendars::built_in_texts().len());
}
