//! What is agreed with customers, over the program's own doors: fees, interest, planned flows, and losses that are worth
//! harvesting, from the event to the decision and the tables.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;
use std::path::PathBuf;

use evenkeel_schemas::{Instant, TradeDate};
use evenkeel_tests::evenkeel;
use evenkeel_tests::live::{PATIENCE, Running, sql, until, verify};
use serde_json::Value;

/// The day of the first closing mark, and how many there are.
const FIRST: &str = "2026-01-05";
const MARKS: i32 = 64;

fn day(number: i32) -> TradeDate {
    FIRST.parse::<TradeDate>().unwrap().plus_days(number).unwrap()
}

struct House {
    running: Running,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("evenkeel.toml");
        let text = evenkeel(["config", "--epoch-ms", "50", "--mark-ms", "100"]).unwrap().stdout;
        std::fs::write(&settings, text).unwrap();
        let running =
            Running::start(&folder.path().join("data"), &["--config", settings.to_str().unwrap()]).unwrap();
        House { running, folder }
    }

    fn events(&self, lines: &str) {
        let receipt = self.running.post(lines.as_bytes()).unwrap().json();
        assert_eq!(receipt["rejected"], Value::Array(vec![]), "{receipt}");
        let seen = || self.running.status().unwrap()["epoch"].as_u64() >= receipt["epoch"].as_u64();
        until("the view has it", PATIENCE, seen).unwrap();
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.running.get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The rows of a query, as JSON; none while ClickHouse does not answer.
    fn sql(&self, query: &str) -> String {
        let rows = sql(&self.data(), query).unwrap_or_default();
        rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn price(&self, id: &str, price: &str) {
        self.events(&format!(
            r#"{{"type":"tick","at":"2026-03-10T01:00:00Z","id":"{id}","instrument":"VAS","price":"{price}"}}"#
        ));
    }
}

/// Two funds of one bucket that move together on most days, and one that does not belong.
fn market() -> String {
    let mut lines = String::new();
    for (instrument, class) in [("VAS", "equity"), ("A200", "equity"), ("VGB", "bond")] {
        let _ = writeln!(
            lines,
            r#"{{"type":"instrument_listed","at":"{FIRST}T00:00:00Z","id":"l-{instrument}","instrument":"{instrument}","name":"x","kind":"etf","currency":"AUD","asset_class":"{class}","market":"XASX","tick_size":"0.01","lot_size":"1"}}"#
        );
    }
    let mut prices = [100.0_f64; 3];
    for number in 0..MARKS {
        let date = day(number);
        let step = if number % 2 == 0 { 1.01 } else { 1.0 / 1.01 };
        let against = if number % 7 == 0 { 1.0 / step } else { step };
        for (at, (instrument, step)) in [("VAS", step), ("A200", against), ("VGB", step)].iter().enumerate() {
            let price = format!("{:.2}", prices[at]);
            let _ = writeln!(
                lines,
                r#"{{"type":"close","at":"{date}T06:00:00Z","id":"c-{instrument}-{number}","instrument":"{instrument}","price":"{price}","date":"{date}"}}"#
            );
            prices[at] *= step;
        }
    }
    lines
}

fn candidate(house: &House) -> Option<Value> {
    let all = house.get("/api/v1/holdings/portfolio/ann/harvest");
    all["candidates"].as_array().unwrap().first().cloned()
}

#[test]
fn a_loss_worth_harvesting_is_found_proposed_and_kept() {
    let house = House::new();
    house.events(&market());
    house.events(
        r#"{"type":"customer_onboarded","at":"2026-03-10T00:00:00Z","id":"o1","customer":"ann","base_currency":"AUD"}
{"type":"transfer_in","at":"2026-03-10T00:00:01Z","id":"t1","customer":"ann","instrument":"VAS","quantity":"100","cost_base":"10000","acquired":"2024-03-01"}
{"type":"transfer_in","at":"2026-03-10T00:00:01Z","id":"t2","customer":"ann","instrument":"VAS","quantity":"1","cost_base":"10","acquired":"2026-03-07"}
{"type":"harvest_set","at":"2026-03-10T00:00:02Z","id":"h1","customer":"ann","rate":"0.3","threshold":"100","commission":"10","trade_cost":"0.001","tracking_aversion":"0"}"#,
    );
    house.price("p1", "96");
    assert_eq!(candidate(&house), None, "a loss of 400 saves 120, of which costs leave too little");

    // 2,000 × 0.3 − 0.002 × 8,000 − 20.
    house.price("p2", "80");
    let found = candidate(&house).expect("a candidate");
    for (field, expected) in [
        ("ticker", "VAS"),
        ("replacement", "A200"),
        ("net_benefit", "564"),
        ("threshold", "100"),
        ("wash", "wash_sale"),
        ("as_of", "2026-03-09"),
    ] {
        assert_eq!(found[field], expected, "{field}: {found}");
    }
    assert_eq!(found["purchase"]["lot"], "t2", "bought two days before the last mark, and it stays: {found}");
    assert_eq!(found["wash_score"], "0.937500000", "30 / 32");

    // A reason to act, answered by a proposal.
    let decided = || {
        let decisions = house.get("/api/v1/decisions");
        decisions
            .to_string()
            .contains("proposed to harvest the loss of VAS, which leaves 564 AUD after costs")
    };
    until("the actor has decided", PATIENCE, decided).unwrap();
    let metrics = house.running.get("/metrics").unwrap().body;
    assert!(metrics.contains("evenkeel_harvest_candidates{wash=\"wash_sale\"} 1"), "{metrics}");
    assert_eq!(house.get("/api/v1/status")["triggers"]["tax_opportunity"], 1);

    // Compliance sees the same, also once it is over.
    house.price("p3", "99");
    assert_eq!(candidate(&house), None);
    let query = "SELECT replacement, wash, purchase_lot, toInt8(sum(diff)) AS held FROM harvest_candidates GROUP BY ALL";
    let expected = r#"{"held":0,"purchase_lot":"t2","replacement":"A200","wash":"wash_sale"}"#;
    until("ClickHouse has it", PATIENCE, || house.sql(query) == expected).unwrap();

    // What cannot be is refused by field.
    for (event, field) in [
        (r#""rate":"1.5""#, "rate"),
        (r#""rate":"0.3","threshold":"-1""#, "threshold"),
        (r#""rate":"0.3","correlation_max":"2""#, "correlation_max"),
        (r#""rate":"0.3","colour":"red""#, "colour"),
    ] {
        let line =
            format!(r#"{{"type":"harvest_set","at":"2026-03-10T00:00:02Z","customer":"ann",{event}}}"#);
        let receipt = house.running.post(line.as_bytes()).unwrap().json();
        assert_eq!(receipt["rejected"][0]["field"], field, "{receipt}");
    }
}

#[test]
fn fees_and_interest_accrue_and_a_forecast_knows_them() {
    let house = House::new();
    let today = Instant::from_micros(now()).date();
    let (first, before) = (today.first_of_month(), today.plus_days(-1).unwrap());
    let (next, planned) = (first.plus_months(1).unwrap(), today.plus_days(3).unwrap());
    house.events(&format!(
        r#"{{"type":"customer_onboarded","at":"{first}T00:00:00Z","id":"o1","customer":"ann","base_currency":"AUD"}}
{{"type":"instrument_listed","at":"{first}T00:00:00Z","id":"l1","instrument":"VAS","name":"x","kind":"etf","currency":"AUD","market":"XASX","tick_size":"0.01","lot_size":"1"}}
{{"type":"deposit","at":"{before}T00:00:01Z","id":"d1","customer":"ann","amount":"36500","currency":"AUD"}}
{{"type":"interest_rate_set","at":"{before}T00:00:01Z","id":"i1","currency":"AUD","rate":"0.02","from":"{before}"}}
{{"type":"fee_schedule_set","at":"{before}T00:00:01Z","id":"f1","customer":"ann","from":"{today}","flat":"365"}}
{{"type":"flow_scheduled","at":"{before}T00:00:01Z","id":"w1","customer":"ann","flow":"rent","amount":"-2000","currency":"AUD","first":"{planned}","every":"monthly"}}
{{"type":"tick","at":"{today}T00:00:02Z","id":"p1","instrument":"VAS","price":"10"}}"#
    ));
    // The market closes: what stands is frozen, and the day counts.
    house.events(&format!(
        r#"{{"type":"session","at":"{today}T00:00:03Z","id":"s1","market":"XASX","state":"closed"}}"#
    ));
    let cash = || house.get("/api/v1/holdings/portfolio/ann/value");
    until("the day has accrued", PATIENCE, || cash()["cash"][0]["accrued_fees"] == "1").unwrap();
    let value = cash();
    // A day of interest is 2.00; on the first of a month yesterday's was paid already.
    let days = if today == first { "2" } else { "4" };
    assert_eq!(value["cash"][0]["accrued_interest"], days, "{value}");
    let line = |date: TradeDate| {
        let days = value["forecast"]["currencies"][0]["days"].as_array().unwrap().clone();
        days.into_iter().find(|day| day["value_date"] == date.to_string())
    };
    let paid = line(next).unwrap_or_else(|| panic!("{value}"));
    assert_eq!((&paid["fee"], &paid["interest"]), (&"-1".into(), &days.into()), "{value}");
    assert_eq!(line(planned).unwrap()["scheduled"], "-2000", "{value}");
    let query = "SELECT id FROM events WHERE type = 'closing_mark'";
    let mark = format!(r#"{{"id":"closing:VAS:{today}"}}"#);
    until("the mark is in the table", PATIENCE, || house.sql(query) == mark).unwrap();
    let query = "SELECT toFloat64(amount) AS amount, status FROM accruals_current WHERE kind = 'fee'";
    until("the fee is in the table", PATIENCE, || house.sql(query) == r#"{"amount":1,"status":"accrued"}"#)
        .unwrap();
    // The same from the log, and ClickHouse has it.
    let data = house.data();
    let House { running, folder } = house;
    running.stop().unwrap();
    verify(&data, &[]).unwrap();
    drop(folder);
}

/// Now, in microseconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}
