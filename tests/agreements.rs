//! What is agreed with customers, over the program's own doors: fees, interest, planned flows, and losses that are worth
//! harvesting, from the event to the decision and the tables.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;
use std::path::PathBuf;

use evenkeel_schemas::{Instant, TradeDate};
use evenkeel_tests::live::{PATIENCE, Running, sql, until, verify};
use evenkeel_tests::{binary, evenkeel};
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
        self.running.take_in(lines).unwrap();
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
fn a_risk_limit_that_is_crossed_is_proposed_about_and_kept() {
    let house = House::new();
    house.events(
        r#"{"type":"instrument_listed","at":"2026-03-10T00:00:00Z","id":"l1","instrument":"VAS","name":"x","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"customer_onboarded","at":"2026-03-10T00:00:00Z","id":"o1","customer":"ann","base_currency":"AUD"}
{"type":"cash_posted","at":"2026-03-10T00:00:01Z","id":"i1","customer":"ann","amount":"1000","currency":"AUD","kind":"interest"}
{"type":"transfer_in","at":"2026-03-10T00:00:01Z","id":"t1","customer":"ann","instrument":"VAS","quantity":"100","cost_base":"10000","acquired":"2024-03-01"}"#,
    );
    house.price("p1", "100");
    house.events(
        r#"{"type":"risk_limits_set","at":"2026-03-10T00:00:02Z","id":"r1","customer":"ann","concentration":"0.95","stop_loss":"0.2","drawdown":"0.15"}"#,
    );
    let open = || house.get("/api/v1/status")["triggers"].clone();
    assert_eq!((&open()["stop_loss"], &open()["drawdown"]), (&0.into(), &0.into()));

    // 8,000 of 10,000; 9,000 of 11,000, below 9,350; and 8,000 of 9,000 is no concentration yet.
    house.price("p2", "80");
    until("both are open", PATIENCE, || open()["stop_loss"] == 1 && open()["drawdown"] == 1).unwrap();
    assert_eq!(open()["concentration"], 0);
    let decided = || {
        let decisions = house.get("/api/v1/decisions").to_string();
        decisions.contains("VAS fell 0.2 below its cost base and may fall less than 0.2: proposed to sell it")
            && decisions
                .contains("net asset value fell 0.181818182 below its peak and may fall less than 0.15")
    };
    until("the actor has decided", PATIENCE, decided).unwrap();
    assert_eq!(house.get("/api/v1/orders")["orders"].as_array().map(Vec::len), Some(0), "nothing is traded");
    let query = "SELECT customer, toFloat64(peak) AS peak FROM peaks_current";
    let expected = r#"{"customer":"ann","peak":11000}"#;
    until("ClickHouse has the peak", PATIENCE, || house.sql(query) == expected).unwrap();
    house.price("p3", "99");
    until("both are gone", PATIENCE, || open()["stop_loss"] == 0 && open()["drawdown"] == 0).unwrap();

    // What cannot be is refused by field.
    for (event, field) in [
        (r#""customer":"ann","concentration":"1""#, "concentration"),
        (r#""customer":"ann","stop_loss":"0""#, "stop_loss"),
        (r#""customer":"ann","drawdown":"-0.1""#, "drawdown"),
        (r#""customer":"ann","drawdown":0.1"#, "drawdown"),
        (r#""customer":"ann","peak":"0.1""#, "peak"),
        (r#""customer":"bob","drawdown":"0.1""#, "customer"),
        (r#""drawdown":"0.1""#, "customer"),
    ] {
        let line = format!(r#"{{"type":"risk_limits_set","at":"2026-03-10T00:00:02Z",{event}}}"#);
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
    // A day of interest is 2.00; on the first of a month yesterday's was paid already, and earns.
    let days = if today == first { "2.00011" } else { "4" };
    assert_eq!(value["cash"][0]["accrued_interest"], days, "{value}");
    let line = |date: TradeDate| {
        let days = value["forecast"]["currencies"][0]["days"].as_array().unwrap().clone();
        days.into_iter().find(|day| day["value_date"] == date.to_string())
    };
    let paid = line(next).unwrap_or_else(|| panic!("{value}"));
    assert_eq!((&paid["fee"], &paid["interest"]), (&"-1".into(), &days.into()), "{value}");
    assert_eq!(line(planned).unwrap()["scheduled"], "-2000", "{value}");
    let query = "SELECT id FROM events WHERE type = 'closing_mark'";
    let mark = format!(r#"{{"id":"closing:VAS:{today}T00:00:03Z"}}"#);
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

#[test]
fn a_plan_buys_the_underweight_with_a_deposit_and_sells_the_overweight_for_a_withdrawal() {
    let house = House::new();
    house.events(
        r#"{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l1","instrument":"VAS","name":"V","kind":"etf","currency":"AUD","asset_class":"equity","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l2","instrument":"VGB","name":"B","kind":"etf","currency":"AUD","asset_class":"bond","tick_size":"0.01","lot_size":"1"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p1","instrument":"VAS","price":"100"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p2","instrument":"VGB","price":"50"}
{"type":"customer_onboarded","at":"2026-01-05T00:00:03Z","id":"o1","customer":"ann","base_currency":"AUD"}
{"type":"transfer_in","at":"2026-01-05T00:00:04Z","id":"t1","customer":"ann","instrument":"VAS","quantity":"35","cost_base":"3000","acquired":"2020-03-01"}
{"type":"transfer_in","at":"2026-01-05T00:00:04Z","id":"t2","customer":"ann","instrument":"VAS","quantity":"35","cost_base":"3900","acquired":"2024-03-01"}
{"type":"transfer_in","at":"2026-01-05T00:00:04Z","id":"t3","customer":"ann","instrument":"VGB","quantity":"60","cost_base":"3000","acquired":"2024-03-01"}
{"type":"customer_onboarded","at":"2026-01-05T00:00:03Z","id":"o2","customer":"bob","base_currency":"AUD"}
{"type":"targets_set","at":"2026-01-05T00:00:05Z","id":"s1","customer":"ann","weights":{"VAS":"0.6","VGB":"0.4"},"bands":{"default":"0.2","asset_class:bond":"0.2"},"cost_basis":"specific"}"#,
    );
    let path = "/api/v1/holdings/portfolio/ann/plan";
    let plan = |body: &str| {
        let answer = house.running.send("POST", path, body).unwrap();
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        answer.json()
    };
    let orders = |plan: &Value| -> Vec<(String, String, i64)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let orders = plan["orders"].as_array().unwrap().iter();
        let units = |order: &Value| order["quantity"].as_str().unwrap().parse().unwrap();
        orders.map(|order| (text(&order["side"]), text(&order["ticker"]), units(order))).collect()
    };
    // 7,000 and 3,000; with 2,500 more the targets are 7,500 and 5,000: 5 VAS and 40 VGB, less what trading costs.
    let deposit = plan(r#"{"deposit":"2500"}"#);
    assert_eq!(
        (&deposit["outcome"], &deposit["before"]["nav"]),
        (&"trade".into(), &"12500".into()),
        "{deposit}"
    );
    let bought = orders(&deposit);
    assert!(bought.iter().all(|(side, ..)| side == "buy"), "{deposit}");
    assert_eq!(bought[0].1, "VGB", "the most underweight first: {deposit}");
    assert!((38..=40).contains(&bought[0].2), "{deposit}");
    assert!(bought.get(1).is_none_or(|(_, ticker, units)| ticker == "VAS" && *units <= 5), "{deposit}");
    let bond =
        ["bucket", "target", "weight_before"].map(|field| deposit["buckets"][0][field].as_str().unwrap());
    assert_eq!(bond, ["asset_class:bond", "0.400000000", "0.240000000"], "{deposit}");
    // Without 2,000 the targets are 4,800 and 3,200: VAS gives it all, the lot at a loss first.
    let withdrawal = plan(r#"{"withdrawal":"2000"}"#);
    let sold = orders(&withdrawal);
    assert_eq!((sold[0].0.as_str(), sold[0].1.as_str()), ("sell", "VAS"), "{withdrawal}");
    assert!(
        (20..=23).contains(&sold[0].2)
            && sold.iter().all(|(side, ticker, _)| side == "buy" || ticker == "VAS")
    );
    assert_eq!(withdrawal["orders"][0]["lots"][0]["lot"], "t2", "{withdrawal}");
    one_day_does(&withdrawal, sold.len());
    let cash: f64 = withdrawal["after"]["cash"].as_str().unwrap().parse().unwrap();
    assert!(cash >= 0.0, "the withdrawal is covered: {withdrawal}");
    // Nothing is outside its band, nothing flows, and nothing happened by asking.
    assert_eq!(plan("{}")["outcome"], "hold");
    let nav = house.get("/api/v1/holdings/portfolio/ann/value")["nav"].clone();
    assert_eq!(nav, "10000");
    for (path, body, status, field) in [
        (path, r#"{"deposit":"0"}"#, 422, "deposit"),
        (path, r#"{"deposit":"1","withdrawal":"1"}"#, 422, "withdrawal"),
        (path, r#"{"withdrawal":"x"}"#, 422, "withdrawal"),
        (path, r#"{"colour":"red"}"#, 422, "colour"),
        ("/api/v1/holdings/portfolio/zoe/plan", "{}", 404, "client_id"),
    ] {
        let answer = house.running.send("POST", path, body).unwrap();
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (status, &field.into()),
            "{body}: {}",
            answer.body
        );
    }
    for (path, body, words) in [
        (path, r#"{"withdrawal":"20000"}"#, "net asset value is -10000 after all flows"),
        ("/api/v1/holdings/portfolio/bob/plan", "{}", "no targets are set"),
    ] {
        let answer = house.running.send("POST", path, body).unwrap();
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert!(answer.body.contains(words), "{}", answer.body);
    }
    the_withdrawal_is_decided_as_it_was_worked_out(&house, sold);
}

/// Nothing is said of volumes, so that nothing has to wait.
fn one_day_does(plan: &Value, orders: usize) {
    let of_the_day = plan["schedule"][0]["orders"].as_array().map(Vec::len);
    assert_eq!((of_the_day, &plan["schedule"][1]), (Some(orders), &Value::Null), "{plan}");
}

/// What the actor does when the money goes out is what the dry run said, and the lots it named are those that go.
fn the_withdrawal_is_decided_as_it_was_worked_out(house: &House, mut planned: Vec<(String, String, i64)>) {
    house.events(
        r#"{"type":"withdrawal","at":"2026-01-05T01:00:00Z","id":"w1","customer":"ann","amount":"2000","currency":"AUD"}"#,
    );
    let decided = || {
        let decisions = house.get("/api/v1/customers/ann/decisions")["decisions"].clone();
        let decisions = decisions.as_array().unwrap().iter().map(|one| one["decision"].clone());
        decisions.into_iter().find(|decision| decision["outcome"] == "trade")
    };
    until("the actor has decided", PATIENCE, || decided().is_some()).unwrap();
    let decision = decided().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let order = |order: &Value| {
        let units = order["quantity"].as_str().unwrap().parse().unwrap();
        (text(&order["side"]), text(&order["instrument"]), units)
    };
    let mut ordered: Vec<(String, String, i64)> =
        decision["orders"].as_array().unwrap().iter().map(order).collect();
    planned.sort();
    ordered.sort();
    assert_eq!(ordered, planned, "{decision}");
    let sale = &decision["orders"][0];
    assert_eq!(sale["lots"], serde_json::json!([{"lot": "t2", "quantity": sale["quantity"]}]), "{decision}");
    let left = || {
        let lots = house.get("/api/v1/holdings/cost-basis/VAS/summary?client_id=ann")["lots"].clone();
        let lots = lots.as_array().unwrap().iter().map(|lot| (text(&lot["lot"]), text(&lot["quantity"])));
        lots.collect::<Vec<_>>()
    };
    let units = 35 - ordered.iter().find(|(side, ..)| side == "sell").unwrap().2;
    let expected = [("t1".to_owned(), "35".to_owned()), ("t2".to_owned(), units.to_string())];
    until("the lot at a loss is sold", PATIENCE, || left() == expected).unwrap();
}

/// Two markets that close at one moment, one that closes twice, and a listing that is busted: marks come once each, and a
/// replay with actors ends.
#[test]
fn closing_marks_come_once_and_a_replay_with_actors_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (events, out) = (folder.path().join("events.ndjson"), folder.path().join("out"));
    let session = |at: &str, market: &str, state: &str| {
        format!(
            "{{\"type\":\"session\",\"at\":\"2026-01-05T{at}Z\",\"market\":\"{market}\",\"state\":\"{state}\"}}\n"
        )
    };
    let mut text = String::from(
        r#"{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","id":"l1","instrument":"VAS","name":"x","kind":"etf","currency":"AUD","market":"XASX","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","id":"l2","instrument":"SPY","name":"x","kind":"etf","currency":"USD","market":"XNYS","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","id":"l3","instrument":"ERR","name":"x","kind":"etf","currency":"AUD","market":"XASX","tick_size":"0.01","lot_size":"1"}
{"type":"customer_onboarded","at":"2026-01-05T00:00:00Z","id":"o1","customer":"ann","base_currency":"AUD"}
{"type":"targets_set","at":"2026-01-05T00:00:00Z","id":"s1","customer":"ann","weights":{"VAS":"0.5"}}
{"type":"deposit","at":"2026-01-05T00:00:00Z","id":"d1","customer":"ann","amount":"10000","currency":"AUD"}
{"type":"tick","at":"2026-01-05T00:00:01Z","id":"p1","instrument":"VAS","price":"10"}
{"type":"tick","at":"2026-01-05T00:00:01Z","id":"p2","instrument":"SPY","price":"600"}
{"type":"tick","at":"2026-01-05T00:00:01Z","id":"p3","instrument":"ERR","price":"1"}
{"type":"fx_rate","at":"2026-01-05T00:00:01Z","id":"r1","pair":"USD/AUD","rate":"1.5"}
{"type":"correction","at":"2026-01-05T00:00:02Z","id":"k1","of":"l3","with":null,"reason":"a mistake"}
"#,
    );
    text += &session("06:00:00", "XASX", "closed");
    text += &session("06:00:00", "XNYS", "closed");
    text += &session("07:00:00", "XASX", "open");
    text += &session("08:00:00", "XASX", "closed");
    // A bad tick that is taken back after the close does not stay the price.
    text += r#"{"type":"correction","at":"2026-01-05T09:00:00Z","id":"k2","of":"p1","with":{"type":"tick","at":"2026-01-05T00:00:01Z","instrument":"VAS","price":"9"},"reason":"typo"}"#;
    std::fs::write(&events, text).unwrap();
    let mut replay = std::process::Command::new(binary().unwrap());
    replay.arg("replay").arg("--act").arg("--events").arg(&events).arg("--out").arg(&out);
    let mut running = replay.stdout(std::process::Stdio::null()).spawn().unwrap();
    let ended = until("the replay has ended", PATIENCE, || running.try_wait().unwrap().is_some());
    drop(running.kill());
    ended.unwrap();
    assert!(running.wait().unwrap().success());
    let read = |collection: &str| std::fs::read_to_string(out.join(format!("{collection}.ndjson"))).unwrap();
    assert_eq!(read("rejected"), "", "nothing that the program freezes is refused");
    let prices = read("prices");
    assert!(prices.lines().last().unwrap().contains(r#""instrument":"VAS","price":"9""#), "{prices}");
}
