//! `/api/v1/holdings` from outside: positions opened, closed and priced, cash around a trade, sales worked
//! out and then made, histories rebuilt after a correction, and what cannot be taken.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_schemas::{Instant, TradeDate};
use evenkeel_tests::evenkeel;
use evenkeel_tests::live::{Answer, PATIENCE, Running, until};
use serde_json::Value;
use tempfile::TempDir;

/// A running program.
struct House {
    running: Running,
    _folder: TempDir,
}

/// What everybody holds: VAS and VGB in AUD, SPY in USD, at 100, 50 and 600.
const MARKET: &str = r#"{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l1","instrument":"VAS","name":"V","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l2","instrument":"VGB","name":"B","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l3","instrument":"SPY","name":"S","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p1","instrument":"VAS","price":"100"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p2","instrument":"VGB","price":"50"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p3","instrument":"SPY","price":"600"}
{"type":"fx_rate","at":"2026-01-05T00:00:02Z","id":"r1","pair":"USD/AUD","rate":"1.5"}
"#;

/// A program whose settings are the defaults with some lines changed.
fn start(changes: &[(&str, &str)]) -> House {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("evenkeel.toml");
    let mut text = evenkeel(["config", "--epoch-ms", "50"]).unwrap().stdout;
    for (from, to) in changes {
        assert!(text.contains(from), "{from} in\n{text}");
        text = text.replace(from, to);
    }
    std::fs::write(&settings, text).unwrap();
    let running =
        Running::start(&folder.path().join("data"), &["--config", settings.to_str().unwrap()]).unwrap();
    let house = House { running, _folder: folder };
    house.events(MARKET);
    house
}

/// One program for all tests that run at a time, each with customers of its own; the last one out stops it.
/// Orders stay open for ten minutes.
fn house() -> Arc<House> {
    static HOUSE: Mutex<Weak<House>> = Mutex::new(Weak::new());
    let mut standing = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    standing.upgrade().unwrap_or_else(|| {
        let slow = [
            ("latency_ms_min = 100", "latency_ms_min = 600000"),
            ("latency_ms_max = 400", "latency_ms_max = 600000"),
            ("working_ms_max = 30000", "working_ms_max = 3600000"),
        ];
        let house = Arc::new(start(&slow));
        *standing = Arc::downgrade(&house);
        house
    })
}

impl House {
    fn holdings(&self, method: &str, path: &str, body: &str) -> Answer {
        self.running.send(method, &format!("/api/v1/holdings{path}"), body).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.holdings("GET", path, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    fn post(&self, path: &str, body: &str) -> Value {
        let answer = self.holdings("POST", path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
        answer.json()
    }

    /// Hands events in; all are accepted, and seen in the view.
    fn events(&self, lines: &str) {
        self.running.take_in(lines).unwrap();
    }

    fn onboard(&self, customer: &str) {
        self.events(&format!(
            r#"{{"type":"customer_onboarded","at":"2026-01-05T00:00:03Z","id":"o-{customer}","customer":"{customer}","base_currency":"AUD"}}"#
        ));
    }

    fn deposit(&self, customer: &str, amount: &str) {
        self.events(&format!(
            r#"{{"type":"deposit","at":"2026-01-05T00:00:04Z","id":"d-{customer}","customer":"{customer}","amount":"{amount}","currency":"AUD"}}"#
        ));
    }

    fn transfer(
        &self,
        customer: &str,
        ticker: &str,
        id: &str,
        (quantity, cost): (&str, &str),
        acquired: &str,
    ) {
        self.post(
            "/positions/open",
            &format!(
                r#"{{"id":"{id}","client_id":"{customer}","ticker":"{ticker}","quantity":"{quantity}","cost_base":"{cost}","acquired":"{acquired}"}}"#
            ),
        );
    }

    /// A request that is refused, and for what.
    fn refused(&self, method: &str, path: &str, body: &str, status: u16) -> Value {
        let answer = self.holdings(method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.body);
        assert!(answer.head.contains("application/problem+json"), "{method} {path} {body}: {}", answer.head);
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(["type", "title", "detail"].iter().all(|field| problem[field].is_string()), "{problem}");
        problem
    }
}

fn today() -> TradeDate {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Instant::from_micros(since.as_micros() as i64).date()
}

fn days_from_now(days: i64) -> TradeDate {
    Instant::from_micros(today().start().micros() + days * 86_400_000_000).date()
}

/// Some fields of the items of a list, sorted.
fn rows(list: &Value, fields: &[&str]) -> Vec<Vec<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let row = |item: &Value| fields.iter().map(|field| text(&item[field])).collect();
    let mut rows: Vec<Vec<String>> = list.as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

fn one_row(row: &[&str]) -> Vec<Vec<String>> {
    vec![row.iter().map(|text| (*text).to_owned()).collect()]
}

#[test]
fn a_position_is_opened_valued_and_closed() {
    let house = house();
    house.onboard("ann");
    house.deposit("ann", "10000");
    let opening =
        r#"{"id":"ann-1","client_id":"ann","ticker":"SPY","quantity":"10","price":"500","fee":"5"}"#;
    let opened = house.post("/positions/open", opening);
    assert_eq!((&opened["position"], &opened["receipt"]["accepted"]), (&"ann~SPY".into(), &1.into()));
    let event = &opened["event"];
    let fields =
        ["type", "side", "customer", "instrument", "currency", "trade_date"].map(|f| event[f].as_str());
    let trade_date = today().to_string();
    assert_eq!(fields, ["fill", "buy", "ann", "SPY", "USD", trade_date.as_str()].map(Some));
    // Once the receipt is there, the view has it.
    let position = house.get("/positions/ann~SPY");
    for (field, expected) in [
        ("quantity", "10"),
        ("price", "600"),
        ("currency", "USD"),
        ("value", "6000"),
        ("base_currency", "AUD"),
        ("base_value", "9000"),
        ("cost_base", "5005"),
        ("average_cost", "500.5"),
        ("unrealised_gain", "995"),
    ] {
        assert_eq!(position[field], expected, "{field}: {position}");
    }
    // Cash is 10000 AUD and −5005 USD at 1.5: NAV 9000 + 2492.5.
    assert_eq!(position["weight"], "0.783119426", "{position}");
    let lots = rows(&position["lots"], &["lot", "quantity", "cost_base", "days_held", "term"]);
    assert_eq!(lots, one_row(&["ann-1", "10", "5005", "0", "short"]));

    // The same id again is known, and nothing changes.
    let again = house.post("/positions/open", opening);
    assert_eq!((&again["receipt"]["accepted"], &again["receipt"]["duplicates"]), (&0.into(), &1.into()));
    house.onboard("ada");
    let id = "ada-1";
    // Not of VGB, which another test splits.
    house.transfer("ada", "VAS", id, ("4", "120"), "2020-02-29");
    assert_eq!(
        rows(
            &house.get("/positions/ada~VAS")["lots"],
            &["lot", "acquired", "cost_base", "unrealised_gain", "term"]
        ),
        one_row(&[id, "2020-02-29", "120", "280", "long"])
    );

    house.post("/positions/ann~SPY/close", r#"{"price":"610","quantity":"4","fee":"1"}"#);
    assert_eq!(house.get("/positions/ann~SPY")["quantity"], "6");
    let listed = house.get("/portfolio/ann/positions");
    assert_eq!(rows(&listed["positions"], &["position", "quantity"]), one_row(&["ann~SPY", "6"]));
    let closed = house.post("/positions/ann~SPY/close", r#"{"price":"610"}"#);
    assert_eq!(closed["event"]["quantity"], "6");
    let gone = house.refused("GET", "/positions/ann~SPY", "", 404);
    assert!(gone["detail"].as_str().unwrap().contains("ann holds no SPY"), "{gone}");
    house.refused("POST", "/positions/ann~SPY/close", r#"{"price":"610"}"#, 404);
    let history = house.get("/positions/ann~SPY/reconstruct");
    assert_eq!(
        (&history["agrees"], &history["rebuilt"]["quantity"]),
        (&true.into(), &"0".into()),
        "{history}"
    );
    // 4 × 610 − 1 − 2002, and 6 × 610 − 3003.
    assert_eq!(rows(&history["rebuilt"]["realised_gains"], &["gain"]), [["437"], ["657"]]);
}

#[test]
fn a_price_that_is_put_is_the_price() {
    let house = house();
    house.onboard("val");
    house.events(
        r#"{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l-brk","instrument":"BRK/B","name":"B","kind":"stock","currency":"AUD","tick_size":"0.01","lot_size":"1"}"#,
    );
    house.transfer("val", "BRK/B", "val-1", ("3", "30"), "2024-01-10");
    assert_eq!(house.get("/positions/val~BRK%2FB")["value"], Value::Null);
    let answer = house.holdings("PUT", "/positions/val~BRK%2FB/value", r#"{"price":"12.5"}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let position = house.get("/positions/val~BRK%2FB");
    assert_eq!((&position["price"], &position["value"]), (&"12.5".into(), &"37.5".into()), "{position}");
    let refused = house.refused("PUT", "/positions/val~BRK%2FB/value", r#"{"price":"-1"}"#, 422);
    assert_eq!(
        (&refused["field"], &refused["detail"]),
        (&"price".into(), &"price: expected a number above 0, got -1".into())
    );
}

/// A sale worked out first and then made: what it realises is what was said, whatever the order of names.
fn sold_as_worked_out(house: &House, customer: &str, lots: &str, method: &str) {
    let named = if lots.is_empty() { String::new() } else { format!(r#","lots":{lots}"#) };
    let dry = house.post(
        "/cost-basis/VAS/sell",
        &format!(r#"{{"client_id":"{customer}","quantity":"12","price":"90","fee":"7"{named}}}"#),
    );
    assert_eq!((&dry["method"], &dry["method_in_force"]), (&method.into(), &method.into()), "{dry}");
    let methods: Vec<&String> = dry["methods"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["average", "fifo", "hifo", "lifo", "specific"]);
    if lots.is_empty() {
        assert_eq!(dry["sale"], dry["methods"][method], "{dry}");
    }
    let before = house.get(&format!("/positions/{customer}~VAS"));
    assert_eq!(before["quantity"], "25", "a dry run sells nothing");
    let closing = format!(r#"{{"id":"{customer}-s","price":"90","quantity":"12","fee":"7"{named}}}"#);
    house.post(&format!("/positions/{customer}~VAS/close"), &closing);
    let history = house.get(&format!("/positions/{customer}~VAS/reconstruct"));
    assert_eq!((&history["agrees"], &history["refused"]), (&true.into(), &Value::Array(vec![])), "{history}");
    let fields = ["lot", "acquired", "quantity", "proceeds", "cost_base", "fee", "gain"];
    let realised = rows(&history["rebuilt"]["realised_gains"], &fields);
    assert_eq!(rows(&dry["sale"]["lots"], &fields), realised, "{history}");
    assert!(!realised.is_empty());
}

/// Four lots, three of them acquired on one day and entered against the order of their names.
fn four_lots(house: &House, customer: &str) {
    house.onboard(customer);
    let spring = days_from_now(-100).to_string();
    for (name, units, acquired) in [
        ("z", ("5", "450"), "2024-03-01"),
        ("m", ("5", "600"), "2024-03-01"),
        ("a", ("5", "300"), "2024-03-01"),
        ("b", ("10", "970"), spring.as_str()),
    ] {
        house.transfer(customer, "VAS", &format!("{customer}-{name}"), units, acquired);
    }
}

#[test]
fn a_sale_by_fifo_realises_what_the_dry_run_said() {
    let house = house();
    four_lots(&house, "fay");
    sold_as_worked_out(&house, "fay", "", "fifo");
    let rest = rows(&house.get("/positions/fay~VAS")["lots"], &["lot", "quantity"]);
    assert_eq!(rest, [["fay-a", "3"], ["fay-b", "10"]], "in the order of entry, z and m went first");
}

#[test]
fn a_sale_of_named_lots_realises_what_the_dry_run_said() {
    let house = house();
    four_lots(&house, "ned");
    sold_as_worked_out(
        &house,
        "ned",
        r#"[{"lot":"ned-b","quantity":"9"},{"lot":"ned-m","quantity":"3"}]"#,
        "fifo",
    );
    let rest = rows(&house.get("/positions/ned~VAS")["lots"], &["lot", "quantity"]);
    assert_eq!(rest, [["ned-a", "5"], ["ned-b", "1"], ["ned-m", "2"], ["ned-z", "5"]]);
}

#[test]
fn a_sale_by_the_elected_method_realises_what_the_dry_run_said() {
    let house = house();
    for method in ["lifo", "hifo", "average"] {
        let customer = format!("eli-{method}");
        four_lots(&house, &customer);
        house.events(&format!(
            r#"{{"type":"targets_set","at":"2024-01-06T00:00:00Z","id":"t-{customer}","customer":"{customer}","weights":{{}},"cost_basis":"{method}"}}"#
        ));
        assert_eq!(house.get(&format!("/cost-basis/VAS/summary?client_id={customer}"))["method"], method);
        sold_as_worked_out(&house, &customer, "", method);
    }
}

#[test]
fn lots_of_events_without_an_id_keep_their_order() {
    let house = house();
    house.onboard("nob");
    // Between them, events of others and of other topics, so that running numbers differ.
    for (quantity, cost) in [("5", "450"), ("15", "600"), ("5", "300")] {
        house.events(&format!(
            r#"{{"type":"transfer_in","at":"2026-01-05T00:00:05Z","customer":"nob","instrument":"VAS","quantity":"{quantity}","cost_base":"{cost}","acquired":"2024-03-01"}}
{{"type":"tick","at":"2026-01-05T00:00:02Z","instrument":"VGB","price":"50"}}"#
        ));
    }
    sold_as_worked_out(&house, "nob", "", "fifo");
    assert_eq!(
        rows(&house.get("/positions/nob~VAS")["lots"], &["quantity", "cost_base"]),
        [["5", "300"], ["8", "320"]]
    );
}

#[test]
fn a_history_with_a_busted_fill_is_rebuilt_as_it_is_and_as_it_was_known() {
    let house = house();
    house.onboard("rex");
    let open = |id: &str, quantity: &str, price: &str, date: &str| {
        house.post(
            "/positions/open",
            &format!(
                r#"{{"id":"{id}","client_id":"rex","ticker":"VAS","quantity":"{quantity}","price":"{price}","trade_date":"{date}"}}"#
            ),
        )
    };
    open("rex-1", "10", "80", "2026-02-02");
    open("rex-2", "10", "90", "2026-03-02");
    let sold = house.post("/positions/rex~VAS/close", r#"{"id":"rex-3","price":"100","quantity":"6"}"#);
    let known = Instant::from_epoch(sold["receipt"]["epoch"].as_u64().unwrap()).to_string();
    house.events(
        r#"{"type":"correction","at":"2026-04-01T00:00:00Z","id":"rex-c","of":"rex-1","with":null,"reason":"another account"}
{"type":"split","at":"2026-04-01T00:00:00Z","id":"rex-sp","instrument":"VGB","new":"2","old":"1","ex_date":"2026-04-01"}"#,
    );
    let now = house.get("/positions/rex~VAS/reconstruct");
    assert_eq!(
        (&now["agrees"], &now["corrections"], &now["believed_from"]),
        (&true.into(), &1.into(), &"view".into()),
        "{now}"
    );
    assert_eq!(now["rebuilt"], now["believed"]);
    assert_eq!(
        rows(&now["rebuilt"]["lots"], &["lot", "quantity", "cost_base"]),
        one_row(&["rex-2", "4", "360"])
    );
    assert_eq!(rows(&now["rebuilt"]["realised_gains"], &["lot", "gain"]), one_row(&["rex-2", "60"]));

    let then = house.get(&format!("/positions/rex~VAS/reconstruct?as_of={known}"));
    assert_eq!(
        (&then["agrees"], &then["corrections"], &then["believed_from"]),
        (&true.into(), &0.into(), &"clickhouse".into()),
        "{then}"
    );
    assert_eq!(
        rows(&then["believed"]["lots"], &["lot", "quantity", "cost_base"]),
        [["rex-1", "4", "320"], ["rex-2", "10", "900"]]
    );
    assert_eq!(rows(&then["believed"]["realised_gains"], &["lot", "gain"]), one_row(&["rex-1", "120"]));
    let never = house.get("/positions/rex~VAS/reconstruct?as_of=2020-01-01T00:00:00Z");
    assert_eq!((&never["agrees"], &never["rebuilt"]["quantity"]), (&true.into(), &"0".into()), "{never}");
}

#[test]
fn cash_is_told_by_what_can_be_done_with_it() {
    let house = house();
    house.onboard("cat");
    house.deposit("cat", "10000");
    let line = || house.get("/portfolio/cat/value")["cash"].clone();
    let fields = ["currency", "balance", "settled", "unsettled", "accrued", "reserved", "available"];
    assert_eq!(rows(&line(), &fields), one_row(&["AUD", "10000", "10000", "0", "0", "0", "10000"]));
    house.post(
        "/positions/open",
        r#"{"id":"cat-1","client_id":"cat","ticker":"VAS","quantity":"10","price":"100","fee":"5"}"#,
    );
    assert_eq!(rows(&line(), &fields), one_row(&["AUD", "8995", "10000", "-1005", "0", "0", "8995"]));
    house.post(
        "/positions/open",
        r#"{"id":"cat-2","client_id":"cat","ticker":"VAS","quantity":"4","price":"100","trade_date":"2024-01-10"}"#,
    );
    // What was traded two years ago has settled since.
    assert_eq!(rows(&line(), &fields), one_row(&["AUD", "8595", "9600", "-1005", "0", "0", "8595"]));
    let value = house.get("/portfolio/cat/value");
    let (from, until) = (today().to_string(), days_from_now(90).to_string());
    let forecast = &value["forecast"];
    assert_eq!((&forecast["from"], &forecast["until"]), (&from.into(), &until.into()));
    let aud = &forecast["currencies"][0];
    for (of, expected) in
        [(&aud["opening"], "9600"), (&aud["closing"], "8595"), (&aud["lowest"]["balance"], "8595")]
    {
        assert_eq!(of, expected, "{value}");
    }
    let days = rows(&aud["days"], &["settlement", "distribution", "balance"]);
    assert_eq!(days, one_row(&["-1005", "null", "8595"]), "{value}");
    assert!(aud["days"][0]["value_date"].as_str().unwrap() > today().to_string().as_str(), "{value}");
}

#[test]
fn distributions_that_are_announced_are_accrued_and_forecast() {
    let house = house();
    house.onboard("dot");
    let (arrived, today) = (days_from_now(-3), today());
    let (soon, late) = (days_from_now(30), days_from_now(100));
    house.events(&format!(
        r#"{{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l-dis","instrument":"DIS","name":"D","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}}
{{"type":"transfer_in","at":"{arrived}T00:00:00Z","id":"dot-1","customer":"dot","instrument":"DIS","quantity":"8","cost_base":"800","acquired":"2025-01-05"}}
{{"type":"distribution","at":"{arrived}T00:00:09Z","id":"dis-1","instrument":"DIS","amount":"0.5","franked_fraction":"0","ex_date":"{today}","pay_date":"{soon}"}}
{{"type":"distribution","at":"{arrived}T00:00:09Z","id":"dis-2","instrument":"DIS","amount":"0.25","franked_fraction":"0","ex_date":"{today}","pay_date":"{late}"}}"#
    ));
    let value = house.get("/portfolio/dot/value");
    let fields = ["currency", "balance", "settled", "unsettled", "accrued", "reserved", "available"];
    // Eight units: half a dollar each in a month, a quarter each later than the forecast looks.
    assert_eq!(rows(&value["cash"], &fields), one_row(&["USD", "0", "0", "0", "6", "0", "0"]), "{value}");
    let usd = &value["forecast"]["currencies"][0];
    let days = rows(&usd["days"], &["value_date", "distribution", "balance"]);
    assert_eq!(days, one_row(&[&soon.to_string(), "4", "4"]), "{value}");
    for (field, expected) in [("opening", "0"), ("closing", "4"), ("due_later", "2")] {
        assert_eq!(usd[field], expected, "{field}: {value}");
    }
}

#[test]
fn open_buys_reserve_cash_and_what_is_open_is_listed() {
    let house = house();
    house.onboard("tia");
    house.deposit("tia", "20000");
    house.events(
        r#"{"type":"targets_set","at":"2026-01-06T00:00:00Z","id":"t-tia","customer":"tia","weights":{"VAS":"0.6"},"bands":{"default":"0.05"}}"#,
    );
    let reserved = || house.get("/portfolio/tia/value")["cash"][0]["reserved"].clone();
    until("an order is open", PATIENCE, || reserved() != "0").unwrap();
    let orders = house.running.get("/api/v1/customers/tia/orders").unwrap().json()["orders"].clone();
    let decisions = house.running.get("/api/v1/customers/tia/decisions").unwrap().json()["decisions"].clone();
    let placed =
        decisions.as_array().unwrap().iter().find_map(|d| d["decision"]["orders"].as_array()?.first());
    let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let expected = number(&orders[0]["quantity"]) * number(&placed.unwrap()["limit"]);
    assert!((number(&reserved()) - expected).abs() < 1e-6, "{orders} {decisions}");
    let monitor = house.get("/portfolio/tia/monitor");
    assert_eq!(rows(&monitor["breaches"], &["subject", "side"]), one_row(&["VAS", "under"]), "{monitor}");
    assert!(
        rows(&monitor["triggers"], &["kind", "subject"]).contains(&vec!["drift".into(), "VAS".into()]),
        "{monitor}"
    );
    assert_eq!(monitor["anomalies"], Value::Array(vec![]), "{monitor}");

    house.onboard("oda");
    house.post("/positions/open", r#"{"client_id":"oda","ticker":"VAS","quantity":"1","price":"99"}"#);
    let monitor = house.get("/portfolio/oda/monitor");
    assert_eq!(
        rows(&monitor["anomalies"], &["kind", "detail"]),
        one_row(&["overdraft", "cash is -99 AUD"]),
        "{monitor}"
    );
}

#[test]
fn cost_bases_tell_losses_gains_and_what_a_loss_saves() {
    let house = house();
    house.onboard("lou");
    // At 600: a gain of 100 over a year old, a loss of 300, a loss of 60 of this spring.
    let spring = days_from_now(-60).to_string();
    for (id, units, acquired) in [
        ("lou-1", ("1", "500"), "2024-03-01"),
        ("lou-2", ("2", "1500"), "2025-03-01"),
        ("lou-3", ("3", "1860"), spring.as_str()),
    ] {
        house.transfer("lou", "SPY", id, units, acquired);
    }
    let summary = house.get("/cost-basis/SPY/summary?client_id=lou");
    let totals = &summary["totals"];
    for (field, expected) in [
        ("quantity", "6"),
        ("cost_base", "3860"),
        ("average_cost", "643.333333"),
        ("value", "3600"),
        ("unrealised_gain", "-260"),
    ] {
        assert_eq!(totals[field], expected, "{field}: {summary}");
    }
    assert_eq!((&summary["method"], summary["lots"].as_array().map(Vec::len)), (&"fifo".into(), Some(3)));
    let open = house.get("/cost-basis/SPY/unrealized-gl?client_id=lou");
    for (field, expected) in [
        ("gains", "100"),
        ("losses", "-360"),
        ("short_term", "-60"),
        ("long_term", "-200"),
        ("net", "-260"),
        ("net_in_base_currency", "-390"),
    ] {
        assert_eq!(open[field], expected, "{field}: {open}");
    }
    let harvest = house.get("/cost-basis/SPY/tax-loss-harvest?client_id=lou&rate=0.37");
    let lots = rows(&harvest["lots"], &["lot", "loss", "saving", "term"]);
    assert_eq!(lots, [["lou-2", "300", "111", "long"], ["lou-3", "60", "22.2", "short"]], "{harvest}");
    for (field, expected) in [
        ("loss", "360"),
        ("loss_in_base_currency", "540"),
        ("saving", "133.2"),
        ("saving_in_base_currency", "199.8"),
    ] {
        assert_eq!(harvest[field], expected, "{field}: {harvest}");
    }
    let without = house.get("/cost-basis/SPY/tax-loss-harvest?client_id=lou");
    assert_eq!((&without["saving"], &without["loss"]), (&Value::Null, &"360".into()));
    // None of it held: nothing to tell.
    assert_eq!(house.get("/cost-basis/VAS/unrealized-gl?client_id=lou")["net"], "0");
}

/// A request that is refused for a field.
fn refused_for(method: &str, path: &str, body: &str, (status, field): (u16, &str)) {
    let problem = house().refused(method, path, body, status);
    let shown: String = body.chars().take(80).collect();
    assert_eq!(problem["field"], field, "{method} {path} {shown}: {problem}");
    assert!(problem["detail"].as_str().unwrap().starts_with(&format!("{field}: ")), "{problem}");
}

/// Five units at 100, and that they are all there still.
fn five_units(customer: &str) -> impl Fn() {
    house().onboard(customer);
    house().transfer(customer, "VAS", &format!("{customer}-1"), ("5", "500"), "2025-01-05");
    let path = format!("/positions/{customer}~VAS/reconstruct");
    move || {
        let history = house().get(&path);
        let found = (&history["agrees"], &history["rebuilt"]["quantity"]);
        assert_eq!(found, (&true.into(), &"5".into()), "{history}");
    }
}

#[test]
fn an_opening_that_cannot_be_taken_is_a_problem_that_names_the_field() {
    let house = house();
    let unchanged = five_units("gus");
    let start = r#""client_id":"gus","ticker":"VAS","quantity":"1""#;
    let cases: [(String, u16, &str); 24] = [
        (String::new(), 400, "body"),
        ("no json".into(), 400, "body"),
        ("[\"gus\",\"VAS\"]".into(), 400, "body"),
        ("{".into(), 400, "body"),
        ("{}{}".into(), 422, "client_id"),
        (format!("{{{start},\"price\":\"1\"}} 2"), 400, "body"),
        ("{".repeat(10_000), 400, "body"),
        (format!("{{{start}}}"), 422, "price"),
        (format!("{{{start},\"price\":1.5}}"), 422, "price"),
        (format!("{{{start},\"price\":\"NaN\"}}"), 422, "price"),
        (format!("{{{start},\"price\":\"0\"}}"), 422, "price"),
        (format!("{{{start},\"price\":\"1\",\"fee\":\"-1\"}}"), 422, "fee"),
        (format!("{{{start},\"price\":\"1\",\"currency\":\"USD\"}}"), 422, "currency"),
        (format!("{{{start},\"price\":\"1\",\"currency\":\"usd\"}}"), 422, "currency"),
        (format!("{{{start},\"price\":\"1\",\"trade_date\":\"2026-02-30\"}}"), 422, "trade_date"),
        (format!("{{{start},\"price\":\"1\",\"colour\":\"red\"}}"), 422, "colour"),
        (format!("{{{start},\"price\":\"1\",\"id\":\"a b\"}}"), 422, "id"),
        (format!("{{{start},\"acquired\":\"2025-01-05\"}}"), 422, "cost_base"),
        (format!("{{{start},\"cost_base\":\"5\"}}"), 422, "acquired"),
        (format!("{{{start},\"cost_base\":\"5\",\"acquired\":\"2199-01-05\"}}"), 422, "acquired"),
        (
            format!("{{{start},\"cost_base\":\"5\",\"acquired\":\"2025-01-05\",\"price\":\"1\"}}"),
            422,
            "price",
        ),
        (
            r#"{"client_id":"gus","ticker":"VAS","quantity":"9000000000000","price":"9000000000000"}"#.into(),
            422,
            "quantity",
        ),
        (r#"{"client_id":"zoe","ticker":"VAS","quantity":"1","price":"1"}"#.into(), 404, "client_id"),
        (r#"{"client_id":"gus","ticker":"ZZZ","quantity":"1","price":"1"}"#.into(), 404, "ticker"),
    ];
    for (body, status, field) in &cases {
        refused_for("POST", "/positions/open", body, (*status, field));
    }
    house.refused("POST", "/positions/open", &"x".repeat(300_000), 413);
    unchanged();
}

#[test]
fn what_cannot_be_closed_priced_or_sold_is_a_problem_that_names_the_field() {
    let _house = house();
    let unchanged = five_units("gil");
    let (close, value) = ("/positions/gil~VAS/close", "/positions/gil~VAS/value");
    let sell = "/cost-basis/VAS/sell";
    for (method, path, body, status, field) in [
        ("POST", close, r#"{"price":"1","quantity":"6"}"#, 422, "quantity"),
        ("POST", close, r#"{"price":"1","quantity":"-1"}"#, 422, "quantity"),
        ("POST", close, r#"{"price":"1","lots":[{"lot":"none","quantity":"1"}]}"#, 422, "lots[0].lot"),
        (
            "POST",
            close,
            r#"{"price":"1","lots":[{"lot":"gil-1","quantity":"6"}],"quantity":"5"}"#,
            422,
            "lots[0].quantity",
        ),
        (
            "POST",
            close,
            r#"{"price":"1","lots":[{"lot":"gil-1","quantity":"2"}],"quantity":"5"}"#,
            422,
            "lots",
        ),
        ("POST", close, r#"{"price":"1","lots":[{"lot":"gil-1"}]}"#, 422, "lots[0].quantity"),
        ("POST", close, r#"{"price":"1","lots":7}"#, 422, "lots"),
        ("POST", "/positions/gil/close", r#"{"price":"1"}"#, 404, "id"),
        ("POST", "/positions/gil~VGB/close", r#"{"price":"1"}"#, 404, "id"),
        ("POST", "/positions/%FF~%00/close", r#"{"price":"1"}"#, 404, "client_id"),
        ("PUT", value, "{}", 422, "price"),
        ("PUT", value, r#"{"price":"1","bid":"2"}"#, 422, "bid"),
        ("PUT", "/positions/gil~ZZZ/value", r#"{"price":"1"}"#, 404, "ticker"),
        ("POST", sell, r#"{"client_id":"gil","quantity":"6","price":"1"}"#, 422, "quantity"),
        ("POST", sell, r#"{"client_id":"gil","quantity":"0","price":"1"}"#, 422, "quantity"),
        ("POST", sell, r#"{"client_id":"gil","quantity":"1","price":"0"}"#, 422, "price"),
        ("POST", sell, r#"{"client_id":"gil","quantity":"1","price":"1","fee":"-1"}"#, 422, "fee"),
        ("POST", sell, r#"{"client_id":"gil","quantity":"1","price":"1","method":"best"}"#, 422, "method"),
        ("POST", sell, r#"{"quantity":"1","price":"1"}"#, 422, "client_id"),
        ("POST", "/cost-basis/ZZZ/sell", r#"{"client_id":"gil","quantity":"1","price":"1"}"#, 404, "ticker"),
    ] {
        refused_for(method, path, body, (status, field));
    }
    unchanged();
}

#[test]
fn a_question_that_cannot_be_answered_is_a_problem_that_names_the_field() {
    let house = house();
    let unchanged = five_units("gav");
    for (path, status, field) in [
        ("/cost-basis/VAS/summary", 400, "client_id"),
        ("/cost-basis/VAS/summary?client_id=zoe", 404, "client_id"),
        ("/cost-basis/VAS/tax-loss-harvest?client_id=gav&rate=2", 400, "rate"),
        ("/cost-basis/VAS/tax-loss-harvest?client_id=gav&rate=x", 400, "rate"),
        ("/cost-basis/VAS/unrealized-gl?client_id=gav&x=1", 400, "x"),
        ("/positions/gav~VAS/reconstruct?as_of=yesterday", 400, "as_of"),
        ("/positions/gav~VAS/reconstruct?as_of=2199-01-01T00:00:00Z", 400, "as_of"),
        ("/positions/zoe~VAS/reconstruct", 404, "client_id"),
        ("/portfolio/zoe/value", 404, "client_id"),
        ("/portfolio/zoe/monitor", 404, "client_id"),
        ("/portfolio/zoe/positions", 404, "client_id"),
    ] {
        refused_for("GET", path, "", (status, field));
    }
    house.refused("GET", "/nothing", "", 404);
    unchanged();
}

#[test]
fn the_books_are_measured() {
    let house = house();
    house.onboard("mia");
    house.transfer("mia", "VAS", "mia-1", ("5", "500"), "2025-01-05");
    house.post("/positions/mia~VAS/close", r#"{"id":"mia-2","price":"90","quantity":"2"}"#);
    house.events(
        r#"{"type":"correction","at":"2026-04-01T00:00:00Z","id":"mia-c","of":"mia-2","with":null,"reason":"test"}"#,
    );
    house.post("/positions/mia~VAS/close", r#"{"id":"mia-3","price":"90","quantity":"2"}"#);
    let metrics = house.running.get("/metrics").unwrap().body;
    let value = |series: &str| -> f64 {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series))
            .unwrap_or_else(|| panic!("{series}\n{metrics}"));
        line.trim().parse().unwrap()
    };
    for series in [
        "evenkeel_lots_open ",
        "evenkeel_realised_gain_rows ",
        "evenkeel_cash_ladder_rungs ",
        "evenkeel_corrections_total{type=\"bust\"} ",
    ] {
        assert!(value(series) >= 1.0, "{series}{}", value(series));
    }
    for status in ["accrued", "paid"] {
        assert!(value(&format!("evenkeel_distributions{{status=\"{status}\"}} ")) >= 0.0);
    }
}

#[test]
fn a_folder_without_lots_says_so_and_stale_prices_are_listed() {
    let house = start(&[("lots = true", "lots = false"), ("stale_ms = 0", "stale_ms = 1000")]);
    house.onboard("sue");
    house.transfer("sue", "VAS", "sue-1", ("5", "500"), "2025-01-05");
    for (method, path, body) in [
        ("GET", "/cost-basis/VAS/summary?client_id=sue", ""),
        ("GET", "/cost-basis/VAS/unrealized-gl?client_id=sue", ""),
        ("GET", "/cost-basis/VAS/tax-loss-harvest?client_id=sue", ""),
        ("POST", "/cost-basis/VAS/sell", r#"{"client_id":"sue","quantity":"1","price":"1"}"#),
        ("POST", "/positions/sue~VAS/close", r#"{"price":"1","lots":[{"lot":"sue-1","quantity":"1"}]}"#),
    ] {
        let problem = house.refused(method, path, body, 409);
        assert!(problem["detail"].as_str().unwrap().contains("no tax lots are kept"), "{problem}");
    }
    let position = house.get("/positions/sue~VAS");
    assert_eq!(
        (&position["quantity"], &position["value"], &position["lots"]),
        (&"5".into(), &"500".into(), &Value::Null)
    );
    let history = house.get("/positions/sue~VAS/reconstruct");
    assert_eq!(
        (&history["agrees"], &history["rebuilt"]["quantity"], &history["rebuilt"]["lots"]),
        (&true.into(), &"5".into(), &Value::Null),
        "{history}"
    );
    let stale = || house.get("/portfolio/sue/monitor")["stale_prices"].clone();
    until("the price is stale", PATIENCE, || stale() != Value::Array(vec![])).unwrap();
    assert_eq!(rows(&stale(), &["ticker", "price"]), one_row(&["VAS", "100"]));
    assert_eq!(house.get("/portfolio/sue/value")["nav"], "500");
}
