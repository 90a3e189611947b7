//! What people and programs meet from outside: commands, flags, settings, files, HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use evenkeel_schemas::events::{EventType, Topic};
use evenkeel_tests::live::{PATIENCE, Running, sql, until};
use evenkeel_tests::{Outcome, Replay, binary, evenkeel, real, replay};
use serde_json::Value;
use tempfile::TempDir;

fn run(args: &[&str]) -> Outcome {
    let outcome = evenkeel(args).unwrap();
    assert!(!outcome.stderr.contains("panicked"), "{args:?}: {}", outcome.stderr);
    outcome
}

fn ok(args: &[&str]) -> Outcome {
    let outcome = run(args);
    assert_eq!(outcome.code, Some(0), "{args:?}: {}", outcome.stderr);
    outcome
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn help_suffices() {
    const SETTINGS: [&str; 11] = [
        "--config",
        "--data",
        "--workers",
        "--epoch-ms",
        "--mark-ms",
        "--drift-engine",
        "--listen",
        "--clickhouse",
        "--clickhouse-user",
        "--clickhouse-password",
        "--clickhouse-database",
    ];
    let flags: [(&str, &[&str]); 11] = [
        (
            "demo",
            &["--customers", "--instruments", "--ticks-per-second", "--seed", "--shock-seconds", "--seconds"],
        ),
        ("run", &["--events"]),
        ("replay", &["--events", "--out", "--workers", "--epoch-ms", "--mark-ms", "--stale-ms"]),
        ("generate", &["--customers", "--instruments", "--ticks", "--seed", "--start", "--out"]),
        ("import", &["--out", "--format", "--instrument", "--currency", "--venue", "--from", "--to"]),
        ("sql", &["--format"]),
        ("verify", &[]),
        ("validate", &["--cases", "--family", "--json"]),
        ("bench", &["drift", "monitor"]),
        ("config", &[]),
        ("schema", &[]),
    ];
    let all = ok(&["help"]).stdout;
    for (command, own) in flags {
        assert!(all.contains(&format!("  {command} ")), "help lists {command}:\n{all}");
        let help = ok(&[command, "--help"]).stdout;
        let has_settings = ["demo", "run", "sql", "verify", "config"].contains(&command);
        for flag in own.iter().chain(SETTINGS.iter().filter(|_| has_settings)) {
            assert!(help.contains(flag), "{command} --help names {flag}:\n{help}");
        }
        assert!(help.lines().next().is_some_and(|first| first.len() > 10), "{command} says what it does");
        assert_eq!(help, ok(&["help", command]).stdout);
    }
    assert!(!all.contains("engine-child"), "what people do not start is not listed");
    assert_eq!(run(&[]).code, Some(2));
    let unknown = run(&["rebalance"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("rebalance"), "{}", unknown.stderr);
    assert!(ok(&["--version"]).stdout.starts_with("evenkeel "));
}

/// One setting of what `config` prints.
fn setting(printed: &str, name: &str) -> String {
    let start = format!("{name} = ");
    printed.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
}

#[test]
fn a_flag_overrides_a_variable_overrides_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evenkeel.toml");
    std::fs::write(&file, "workers = 2\nepoch_ms = 200\nmark_ms = 2000\n[policy.desk]\nwindow_ms = 777\n")
        .unwrap();
    let config = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(binary().unwrap());
        command.args(["config", "--config"]).arg(&file).args(flags).envs(variables.iter().copied());
        Outcome::of(&command.output().unwrap())
    };
    let printed = config(&[], &[]).stdout;
    assert_eq!(
        ["workers", "epoch_ms", "mark_ms", "window_ms"].map(|name| setting(&printed, name)),
        ["2", "200", "2000", "777"]
    );
    let printed = config(&[], &[("EVENKEEL_WORKERS", "3"), ("EVENKEEL_EPOCH_MS", "500")]).stdout;
    assert_eq!(["workers", "epoch_ms", "mark_ms"].map(|name| setting(&printed, name)), ["3", "500", "2000"]);
    let printed =
        config(&["--workers", "4"], &[("EVENKEEL_WORKERS", "3"), ("EVENKEEL_EPOCH_MS", "500")]).stdout;
    assert_eq!(["workers", "epoch_ms"].map(|name| setting(&printed, name)), ["4", "500"]);

    // What is printed is a settings file that says the same.
    let again = folder.path().join("again.toml");
    std::fs::write(&again, &printed).unwrap();
    assert_eq!(ok(&["config", "--config", text(&again)]).stdout, printed);

    // What cannot be is refused with the setting, its value and what is allowed.
    for (flags, words) in [
        (["--epoch-ms", "0"], "epoch_ms = 0: expected 1 to 60000"),
        (["--mark-ms", "300"], "mark_ms = 300: expected a multiple of epoch_ms"),
        (["--drift-mark-ms", "1500"], "drift_mark_ms = 1500: expected a multiple of mark_ms, or 0"),
        (["--workers", "65"], "workers = 65: expected 1 to 64"),
        (["--listen", "0.0.0.0:80"], "expected a loopback address"),
    ] {
        let outcome = config(&flags, &[]);
        assert!(outcome.code == Some(1) && outcome.stderr.contains(words), "{flags:?}: {}", outcome.stderr);
    }
    for (wrong, words) in [
        ("wokers = 2", "wokers"),
        ("workers = \"two\"", "workers"),
        ("[policy.broker]\nlatency_ms_min = 999", "policy.broker.latency_ms_min"),
        ("workers = ", "evenkeel.toml"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let outcome = config(&[], &[]);
        assert!(outcome.code == Some(1) && outcome.stderr.contains(words), "{wrong}: {}", outcome.stderr);
    }
    let missing = run(&["config", "--config", "/nowhere/evenkeel.toml"]);
    assert!(
        missing.code == Some(1) && missing.stderr.contains("cannot read settings from /nowhere"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_secret_is_not_printed() {
    let printed = ok(&["config", "--clickhouse-password", "hush-hush"]);
    assert!(!printed.stdout.contains("hush") && !printed.stderr.contains("hush"));
}

#[test]
fn a_seed_is_a_workload() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        ok(&[
            "generate",
            "--customers",
            "50",
            "--instruments",
            "20",
            "--ticks",
            "5000",
            "--seed",
            seed,
            "--out",
            text(&path),
        ]);
        std::fs::read(path).unwrap()
    };
    let first = made("a.ndjson", "7");
    assert_eq!(first, made("b.ndjson", "7"));
    assert_ne!(first, made("c.ndjson", "8"));
    let stdout = ok(&[
        "generate",
        "--customers",
        "50",
        "--instruments",
        "20",
        "--ticks",
        "5000",
        "--seed",
        "7",
        "--out",
        "-",
    ])
    .stdout;
    assert_eq!(first, stdout.into_bytes());

    // Packed or not, from a file or from stdin, it replays to the same.
    made("d.ndjson.gz", "7");
    made("e.ndjson.zst", "7");
    let how = Replay {
        epoch_ms: 1_000,
        mark_ms: 10_000,
        stale_ms: 0,
        workers: 1,
        processes: 1,
        drift_engine: "monitor",
    };
    let positions = |name: &str| {
        let out = folder.path().join(format!("{name}.out"));
        replay(&folder.path().join(name), &out, how).unwrap();
        (
            std::fs::read(out.join("positions.ndjson")).unwrap(),
            std::fs::read(out.join("rejected.ndjson")).unwrap(),
        )
    };
    let plain = positions("a.ndjson");
    assert!(!plain.0.is_empty() && plain.1.is_empty());
    assert_eq!(plain, positions("d.ndjson.gz"));
    assert_eq!(plain, positions("e.ndjson.zst"));
}

#[test]
fn real_files_are_imported_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let samples = real::sample_dir();
    for (name, events) in [
        ("asx_daily_sample.csv.gz", 5_000),
        ("lean_spy_daily.zip", 5_000),
        ("lean_ibm_20131007_trade.zip", 24_000),
        ("monthly_rates_sample.csv", 100),
    ] {
        let (out, folder) = (folder.path().join(format!("{name}.ndjson")), folder.path().join(name));
        let told = ok(&["import", "--out", text(&out), text(&samples.join(name))]).stderr;
        let lines = std::fs::read_to_string(&out).unwrap().lines().count();
        assert!(lines > events, "{name}: {lines} events; {told}");
        let how = Replay {
            epoch_ms: 60_000,
            mark_ms: 60_000,
            stale_ms: 0,
            workers: 1,
            processes: 1,
            drift_engine: "monitor",
        };
        replay(&out, &folder, how).unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("rejected.ndjson")).unwrap(), "", "{name}");
        let quotes = if name.starts_with("monthly") { "fx_rates.ndjson" } else { "prices.ndjson" };
        assert!(std::fs::metadata(folder.join(quotes)).unwrap().len() > 1_000, "{name}");
    }
    let none = run(&["import", "--out", text(&folder.path().join("x")), "/nowhere.csv"]);
    assert!(none.code == Some(1) && none.stderr.contains("nowhere.csv"), "{}", none.stderr);
    let what = run(&["import", "--out", text(&folder.path().join("x")), text(&samples.join("README.md"))]);
    assert!(what.code == Some(1) && what.stderr.contains("README.md"), "{}", what.stderr);
}

#[test]
fn the_schema_knows_every_event() {
    let schema: Value = serde_json::from_str(&ok(&["schema"]).stdout).unwrap();
    let whole = schema.to_string();
    for kind in EventType::ALL {
        assert!(whole.contains(&format!("\"{}\"", kind.as_str())), "{}", kind.as_str());
    }
    assert!(schema["$schema"].as_str().is_some_and(|dialect| dialect.contains("json-schema.org")));
    let any = schema["anyOf"].as_array().or(schema["oneOf"].as_array()).unwrap();
    assert_eq!(any.len(), EventType::ALL.len());
}

#[test]
fn commands_without_a_run_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for args in [&["sql", "--data", text(&nowhere), "SELECT 1"][..], &["verify", "--data", text(&nowhere)]] {
        let outcome = run(args);
        assert!(outcome.code == Some(1) && outcome.stderr.contains("--data"), "{}", outcome.stderr);
        assert!(!nowhere.exists(), "asking makes no folder");
    }
}

/// A running program with some life in it, for the tests of HTTP.
struct House {
    running: Running,
    data: std::path::PathBuf,
    _folder: TempDir,
}

const LIFE: &str = r#"{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l1","instrument":"VAS","name":"V","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l2","instrument":"SPY","name":"S","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p1","instrument":"VAS","price":"100"}
{"type":"tick","at":"2026-01-05T00:00:02Z","id":"p2","instrument":"SPY","price":"600"}
{"type":"fx_rate","at":"2026-01-05T00:00:02Z","id":"r1","pair":"USD/AUD","rate":"1.5"}
{"type":"customer_onboarded","at":"2026-01-05T00:00:03Z","id":"o1","customer":"ann","base_currency":"AUD"}
{"type":"customer_onboarded","at":"2026-01-05T00:00:03Z","id":"o2","customer":"bob","base_currency":"USD"}
{"type":"targets_set","at":"2026-01-05T00:00:03Z","id":"t1","customer":"ann","weights":{"VAS":"0.6"},"bands":{"default":"0.05"}}
{"type":"deposit","at":"2026-01-05T00:00:04Z","id":"d1","customer":"ann","amount":"20000","currency":"AUD"}
{"type":"transfer_in","at":"2026-01-05T00:00:05Z","id":"x1","customer":"bob","instrument":"SPY","quantity":"10","cost_base":"5000","acquired":"2025-01-05"}
{"type":"deposit","at":"2026-01-05T00:00:06Z","id":"d2","customer":"bob","amount":"1000","currency":"AUD"}
"#;

/// One program for all tests of HTTP that run at a time; the last one out stops it (what is static is never
/// dropped).
fn house() -> Arc<House> {
    static HOUSE: Mutex<Weak<House>> = Mutex::new(Weak::new());
    let mut standing = HOUSE.lock().unwrap_or_else(PoisonError::into_inner);
    standing.upgrade().unwrap_or_else(|| {
        let house = Arc::new(open_house());
        *standing = Arc::downgrade(&house);
        house
    })
}

/// A program in which ann's cash has been invested.
fn open_house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let (data, settings) = (folder.path().join("data"), folder.path().join("evenkeel.toml"));
    // What `config` prints is what `run` takes.
    std::fs::write(
        &settings,
        ok(&["config", "--epoch-ms", "50"]).stdout.replace("reject_bps = 10", "reject_bps = 0"),
    )
    .unwrap();
    let running = Running::start(&data, &["--config", text(&settings)]).unwrap();
    let receipt = running.post(LIFE.as_bytes()).unwrap();
    assert_eq!((receipt.status, &receipt.json()["accepted"]), (200, &11.into()), "{}", receipt.body);
    let house = House { running, data, _folder: folder };
    until("ann's orders are done", PATIENCE, || {
        house.get("/orders")["orders"]
            .as_array()
            .is_some_and(|orders| orders.iter().any(|order| order["state"] == "filled"))
    })
    .unwrap();
    until("ann holds what was bought", PATIENCE, || {
        house.get("/customers/ann/positions")["positions"][0]["quantity"] != Value::Null
    })
    .unwrap();
    until("nothing is open", PATIENCE, || {
        house.get("/triggers")["total"] == 0 || house.get("/decisions")["total"].as_u64() > Some(1)
    })
    .unwrap();
    let rows = || house.running.status().unwrap()["clickhouse"].clone();
    until("ClickHouse has it", PATIENCE, || rows()["rows"] != 0 && rows()["lag_epochs"] == 0).unwrap();
    house
}

impl House {
    fn get(&self, path: &str) -> Value {
        let answer = self.running.get(&format!("/api/v1{path}")).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// The rows of a query: every row as a sorted list of its texts.
    fn sql(&self, query: &str) -> BTreeSet<Vec<String>> {
        let rows = sql(&self.data, query).unwrap();
        rows.iter().map(|row| sorted(row.as_object().unwrap().values())).collect()
    }

    fn problem(&self, path: &str, status: u16) {
        let answer = self.running.get(path).unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.head.contains("application/problem+json"), "{path}: {}", answer.head);
        let body = answer.json();
        assert_eq!(body["status"], status, "{path}: {body}");
        assert!(["type", "title", "detail"].iter().all(|field| body[field].is_string()), "{path}: {body}");
    }
}

/// A JSON value as text; numbers without needless zeros.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let number = text.contains('.') && text.parse::<f64>().is_ok();
    if number { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn sorted<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let mut texts: Vec<String> = values.map(plain).collect();
    texts.sort();
    texts
}

/// Some fields of the items of a list, sorted as texts.
fn rows(list: &Value, fields: &[&str]) -> BTreeSet<Vec<String>> {
    list.as_array().unwrap().iter().map(|item| sorted(fields.iter().map(|field| &item[field]))).collect()
}

#[test]
fn health_and_metrics_are_there() {
    let house = house();
    let get = |path: &str| house.running.get(path).unwrap();
    assert_eq!((get("/healthz").status, get("/healthz").body.trim()), (200, "ok"));
    assert_eq!((get("/readyz").status, get("/readyz").body.trim()), (200, "ready"));
    let page = get("/");
    assert!(
        page.status == 200 && page.head.contains("text/html") && page.body.contains("<html"),
        "{}",
        page.head
    );
    let metrics = get("/metrics");
    assert!(metrics.status == 200 && metrics.head.contains("text/plain"), "{}", metrics.head);
    let mut typed = BTreeSet::new();
    for line in metrics.body.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["#", "HELP", name, _, ..] => assert!(name.starts_with("evenkeel_"), "{line}"),
            ["#", "TYPE", name, "counter" | "gauge" | "histogram"] => drop(typed.insert((*name).to_owned())),
            [series, value] => {
                let name = series.split('{').next().unwrap();
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
                assert!(
                    typed.contains(name) || family.is_some_and(|family| typed.contains(family)),
                    "{line}"
                );
                assert!(name.starts_with("evenkeel_") && value.parse::<f64>().is_ok(), "{line}");
            }
            _ => panic!("not a line of the Prometheus text format: {line:?}"),
        }
    }
    assert!(typed.len() >= 8, "{typed:?}");
}

#[test]
fn rest_agrees_with_sql() {
    let house = house();
    let customers = house.get("/customers");
    assert_eq!(
        (&customers["total"], rows(&customers["customers"], &["customer", "base_currency"])),
        (
            &2.into(),
            BTreeSet::from([["AUD", "ann"], ["USD", "bob"]].map(|row| row.map(str::to_owned).to_vec()))
        )
    );
    for customer in ["ann", "bob"] {
        let rest = |what: &str| house.get(&format!("/customers/{customer}/{what}"))[what].clone();
        let current = |columns: &str, table: &str| {
            house.sql(&format!("SELECT {columns} FROM {table}_current WHERE customer = '{customer}'"))
        };
        assert_eq!(
            rows(&rest("positions"), &["instrument", "quantity"]),
            current("instrument, toString(quantity)", "positions")
        );
        assert_eq!(
            rows(&rest("cash"), &["currency", "amount"]),
            current("currency, toString(amount)", "cash")
        );
        assert_eq!(
            rows(&rest("triggers"), &["trigger", "kind", "subject"]),
            current("trigger, kind, subject", "triggers")
        );
        assert_eq!(
            rows(&rest("orders"), &["order", "block", "instrument", "quantity", "state"]),
            current("order, block, instrument, toString(quantity), state", "orders")
        );
        let worth = rest("valuation");
        until("the mark has passed", PATIENCE, || {
            rows(&Value::from(vec![worth.clone()]), &["currency", "nav", "market_value", "cash"])
                == current("currency, toString(nav), toString(market_value), toString(cash)", "valuations")
        })
        .unwrap();
        assert_eq!(
            rows(&rest("drift"), &["instrument", "weight", "target", "drift"]),
            current("instrument, toString(weight), toString(target), toString(drift)", "drift")
        );
        let decisions: BTreeSet<String> =
            rest("decisions").as_array().unwrap().iter().map(|d| plain(&d["decision"]["decision"])).collect();
        let stored = house.sql(&format!("SELECT decision FROM decisions WHERE customer = '{customer}'"));
        assert_eq!(decisions, stored.into_iter().flatten().collect());
        assert_eq!(house.get(&format!("/customers/{customer}"))["customer"], customer);
    }
    let orders = house.get("/orders");
    assert_eq!(
        orders["total"].as_u64().unwrap() as usize,
        house.sql("SELECT order FROM orders_current").len()
    );
    // Tests of this house run side by side, so only ann's orders are known to be there.
    let order = house.get("/customers/ann/orders")["orders"][0].clone();
    let block = plain(&order["block"]);
    let allocations = house.get(&format!("/blocks/{block}/allocations"))["allocations"].clone();
    assert_eq!(
        rows(&allocations, &["order", "customer", "quantity"]),
        house.sql(&format!(
            "SELECT order, customer, toString(quantity) FROM allocations_current WHERE block = '{block}'"
        ))
    );
    let decision = plain(&order["decision"]);
    assert_eq!(house.get(&format!("/decisions/{decision}"))["decision"]["customer"], "ann");
    assert_eq!(house.get(&format!("/orders/{}", plain(&order["order"])))["customer"], "ann");
}

#[test]
fn what_is_not_there_is_a_problem() {
    let house = house();
    for path in [
        "/api/v1/nothing",
        "/api/v1/customers/zoe",
        "/api/v1/customers/zoe/cash",
        "/api/v1/orders/none",
        "/api/v1/decisions/none",
        "/api/v1/blocks/none/allocations",
        "/nothing.html",
    ] {
        house.problem(path, 404);
    }
    for list in ["customers", "triggers", "decisions", "orders"] {
        for query in ["limit=0", "limit=1001", "limit=-1", "limit=x", "offset=-1", "colour=red"] {
            house.problem(&format!("/api/v1/{list}?{query}"), 400);
        }
        let page = house.get(&format!("/{list}?limit=1&offset=1000000"));
        assert_eq!(page[list].as_array().map(Vec::len), Some(0));
    }
    assert_eq!(house.get("/customers?limit=1&offset=1")["customers"][0]["customer"], "bob");
}

#[test]
fn a_mix_of_lines_gets_a_receipt() {
    let house = house();
    let body = "{\"type\":\"tick\",\"at\":\"2026-01-05T00:00:07Z\",\"id\":\"m1\",\"instrument\":\"VAS\",\"price\":\"100\"}\n\
        no event\n\n\
        {\"type\":\"tick\",\"at\":\"2026-01-05T00:00:07Z\",\"id\":\"m1\",\"instrument\":\"VAS\",\"price\":\"100\"}\n\
        {\"type\":\"tick\",\"at\":\"2026-01-05T00:00:07Z\",\"instrument\":\"VAS\",\"price\":\"-1\"}\n\
        {\"type\":\"tick\",\"at\":\"2026-01-05T00:00:07Z\",\"instrument\":\"ZZZ\",\"price\":\"1\"}";
    let answer = house.running.post(body.as_bytes()).unwrap();
    let receipt = answer.json();
    assert_eq!(
        (answer.status, &receipt["accepted"], &receipt["duplicates"]),
        (200, &1.into(), &1.into()),
        "{receipt}"
    );
    let expected =
        [["2", "line"], ["5", "price"], ["6", "instrument"]].map(|row| row.map(str::to_owned).to_vec());
    assert_eq!(rows(&receipt["rejected"], &["line", "field"]), BTreeSet::from(expected));
    assert!(
        receipt["rejected"]
            .as_array()
            .unwrap()
            .iter()
            .all(|line| line["reason"].as_str().unwrap().contains("expected"))
    );
    let bad = house.running.post(b"no event\nnor this").unwrap();
    assert_eq!((bad.status, bad.json()["rejected"].as_array().unwrap().len()), (422, 2));
    let none = house.running.post(b"").unwrap();
    assert_eq!((none.status, &none.json()["accepted"]), (200, &0.into()));
    // The dead-letter stream keeps what was refused, with its beginning.
    until("ClickHouse has the refused lines", PATIENCE, || {
        house.sql("SELECT payload FROM rejected WHERE payload LIKE 'n%'").len() == 2
    })
    .unwrap();
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let house = house();
    let answer = house.running.post(&vec![b'\n'; 40 << 20]).unwrap();
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(
        answer.head.contains("application/problem+json") && answer.body.contains("33554432"),
        "{}",
        answer.body
    );
    assert_eq!(house.running.get("/healthz").unwrap().status, 200);
}

/// A whole and sensible event of each type that the program appends itself.
fn own_events() -> Vec<(EventType, String)> {
    let event = |kind: EventType, rest: &str| {
        (kind, format!("{{\"type\":\"{}\",\"at\":\"2026-01-05T00:00:07Z\",{rest}}}", kind.as_str()))
    };
    vec![
        event(
            EventType::Decision,
            r#""decision":"D-1","customer":"ann","snapshot":1,"attempt":0,"triggers":[],"outcome":"hold","reason":"none""#,
        ),
        event(
            EventType::Order,
            r#""order":"O-1","block":"B-1","decision":"D-1","customer":"ann","instrument":"VAS","side":"buy","quantity":"1","limit":"1""#,
        ),
        event(EventType::OrderState, r#""order":"O-1","state":"filled","cumulative_quantity":"1""#),
        event(
            EventType::Allocation,
            r#""block":"B-1","order":"O-1","customer":"ann","instrument":"VAS","side":"buy","quantity":"1","price":"1","fee":"0""#,
        ),
        event(
            EventType::PodAllocationCalculated,
            r#""customer":"ann","pods_from":"2025-11-15","risk_score":65,"risk_category":"growth","capital":"1","pods":[],"goal_pods":[],"explanation":"x""#,
        ),
        event(
            EventType::PodOptimized,
            r#""customer":"ann","allocation":"a","pod":"POD1","capital":"1","objective":"minimise_volatility","solution":"s","estimates":1,"weights":{"VAS":"1"},"expected_return":"0.05","volatility":"0.1","distribution_yield":"0.04""#,
        ),
        event(
            EventType::MasterPortfolioOptimized,
            r#""customer":"ann","pods":["p"],"lines":[],"cash":"0","objective":{},"kept":[],"gap":"0""#,
        ),
        event(
            EventType::TaxOptimizationCompleted,
            r#""customer":"ann","portfolio":"m","financial_year":"2025-26","gross_income":"1","franking_credits":"0","income_tax":"0","capital_gains_tax":"0","after_tax_return":"0.05","advice":[]"#,
        ),
        event(
            EventType::TradesExecuted,
            r#""customer":"ann","decision":"D-1","filled":1,"partially_filled":0,"failed":0,"bought":"1","sold":"0","fees":"0""#,
        ),
        event(
            EventType::PortfolioMonitoringStarted,
            r#""customer":"ann","targets":"t","triggers":["drift"],"pods":[]"#,
        ),
        event(EventType::ClosingMark, r#""instrument":"VAS","price":"1","date":"2026-01-05""#),
        event(EventType::Anomaly, r#""source":"ann","kind":"odd","detail":"none""#),
    ]
}

#[test]
fn the_programs_own_events_are_refused_from_outside() {
    let house = house();
    let own = own_events();
    let expected: BTreeSet<&str> = EventType::ALL
        .iter()
        .filter(|kind| kind.topic() == Topic::Decisions)
        .map(|kind| kind.as_str())
        .collect();
    assert_eq!(own.iter().map(|(kind, _)| kind.as_str()).collect::<BTreeSet<_>>(), expected);
    for (kind, line) in own {
        let answer = house.running.post(line.as_bytes()).unwrap();
        let rejected = &answer.json()["rejected"][0];
        assert_eq!((answer.status, &rejected["field"]), (422, &"type".into()), "{}", answer.body);
        assert!(
            rejected["reason"].as_str().unwrap().contains(&format!("{} is the program's own", kind.as_str())),
            "{}",
            answer.body
        );
    }
    // Neither directly nor as what a correction puts in another's place.
    let marks = own_events();
    let with = &marks.iter().find(|(kind, _)| *kind == EventType::ClosingMark).unwrap().1;
    let correction = format!(
        "{{\"type\":\"correction\",\"at\":\"2026-01-05T00:00:07Z\",\"of\":\"p1\",\"with\":{with},\"reason\":\"sly\"}}"
    );
    let answer = house.running.post(correction.as_bytes()).unwrap();
    assert_eq!(answer.status, 422, "a program's own event got in through a correction: {}", answer.body);
}

/// A server that is named by URL takes the same path as the engine of our own: here another program's engine.
#[test]
fn an_external_clickhouse_is_written_queried_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let [host, guest] = ["host", "guest"].map(|name| folder.path().join(name));
    let server = Running::start(&host, &[]).unwrap();
    let url = server.status().unwrap()["clickhouse"]["url"].as_str().unwrap().to_owned();
    let at = ["--clickhouse", &url, "--clickhouse-database", "guest"];
    let running = Running::start(&guest, &at).unwrap();
    let answer = running.post(LIFE.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    until("the mark has been written", PATIENCE, || {
        let clickhouse = &running.status().unwrap()["clickhouse"];
        clickhouse["state"] == "up" && clickhouse["rows"] != 0 && clickhouse["lag_epochs"] == 0
    })
    .unwrap();
    running.stop().unwrap();
    assert!(!guest.join("clickhouse").exists(), "no engine of its own");
    let ask = |what: &[&str]| ok(&[what, &at, &["--data", text(&guest)]].concat()).stdout;
    let customers = ask(&["sql", "--format", "TSV", "SELECT DISTINCT customer FROM cash ORDER BY customer"]);
    assert_eq!(customers.lines().collect::<Vec<_>>(), ["ann", "bob"]);
    assert!(ask(&["verify"]).contains("log, dataflow and ClickHouse agree"));
    server.stop().unwrap();
}

/// Each bench runs, its forms agree, and it says so in one object.
#[test]
fn the_drift_bench_gives_one_object() {
    let size = ["--customers", "50", "--epochs", "20", "--epoch-ticks", "200", "--json"];
    for bench in [
        &["drift", "--against", "textbook"][..],
        &["drift", "--against", "sweep", "--crash"],
        &["monitor", "--crash"],
    ] {
        let args = [&["bench"], bench, &size].concat();
        let found: Value = serde_json::from_str(&ok(&args).stdout).unwrap();
        assert_eq!(found["identical"], true, "{found}");
        assert!(
            ["p50_ms", "p99_ms", "ratio"].iter().all(|field| found[field].as_f64() > Some(0.0)),
            "{found}"
        );
        assert!(found["rows"].as_u64() > Some(0), "{found}");
        assert_eq!(found["valued"]["customers"].as_u64().is_some(), bench[0] == "monitor", "{found}");
    }
    let refused = run(&["bench", "monitor", "--against", "textbook"]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("expected monitor or sweep"),
        "{}",
        refused.stderr
    );
    let missing = run(&["bench", "drift", "--workload", "/nowhere"]);
    assert!(
        missing.code == Some(1) && missing.stderr.contains("/nowhere/pos_10000.bin"),
        "{}",
        missing.stderr
    );
}

/// Reference cases pass; one with a wrong number does not, and says which.
#[test]
fn reference_cases_are_validated() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let table = ok(&["validate", "--cases", text(&cases)]).stdout;
    let lines = ok(&["validate", "--cases", text(&cases), "--json"]).stdout;
    let files = std::fs::read_dir(&cases).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).collect();
    assert!(files.len() >= 12, "expected our cases, got {files:?}");
    for file in &files {
        let id = file.file_stem().unwrap().to_str().unwrap();
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(id));
        assert!(line.is_some_and(|line| line.ends_with(" pass")), "{id} in\n{table}");
        let found = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found: Vec<Value> =
            found.filter(|case| case["case"] == id && case["outcome"] == "pass").collect();
        assert_eq!(found.len(), 1, "{id}");
    }

    let folder = tempfile::tempdir().unwrap();
    let wrong = std::fs::read_to_string(cases.join("tax-01-ato-rodney.json")).unwrap();
    let wrong = wrong.replace("tax-01-ato-rodney", "mine").replace("\"refund\": 100", "\"refund\": 99");
    std::fs::write(folder.path().join("mine.json"), wrong).unwrap();
    let failed = run(&["validate", "--cases", text(folder.path())]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stdout.contains("refund: expected 99, got 100, deviation 1"), "{}", failed.stdout);
    assert!(failed.stderr.contains("0 of 1 cases pass, 1 fail"), "{}", failed.stderr);
    for (path, words) in
        [("/nowhere", "cannot read cases from /nowhere"), (text(&cases), "no case of family performance")]
    {
        let refused = run(&["validate", "--cases", path, "--family", "performance"]);
        assert!(refused.code == Some(1) && refused.stderr.contains(words), "{}", refused.stderr);
    }
}
