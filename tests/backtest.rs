//! `evenkeel backtest` as a user meets it: by pencil, on real closes, on bad input.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_tests::{Outcome, evenkeel, real};
use serde_json::Value;

fn run(args: &[&str]) -> Outcome {
    let outcome = evenkeel(std::iter::once(&"backtest").chain(args)).unwrap();
    assert!(!outcome.stderr.contains("panicked"), "{args:?}: {}", outcome.stderr);
    outcome
}

fn ok(args: &[&str]) -> Outcome {
    let outcome = run(args);
    assert_eq!(outcome.code, Some(0), "{args:?}: {}", outcome.stderr);
    outcome
}

fn json(args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&ok(&args).stdout).unwrap()
}

/// Refused with this status and these words, and nothing on stdout.
fn refused(args: &[&str], code: i32, words: &str) {
    let outcome = run(args);
    assert!(
        outcome.code == Some(code) && outcome.stderr.contains(words) && outcome.stdout.is_empty(),
        "{args:?}: {:?}, expected {code} and {words:?}\n{}{}",
        outcome.code,
        outcome.stderr,
        outcome.stdout
    );
}

fn pencil() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/walk/two.ndjson");
    path.to_str().unwrap().to_owned()
}

fn bars() -> String {
    real::sample_dir().join("asx_daily_sample.csv.gz").to_str().unwrap().to_owned()
}

/// The cells of a row of the table.
fn row<'a>(table: &'a str, label: &str) -> Vec<&'a str> {
    let line = table.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in:\n{table}")).split_whitespace().collect()
}

const FREE: [&str; 4] = ["--half-spread", "0", "--commission", "0"];

#[test]
fn two_instruments_and_three_days_by_pencil() {
    let file = pencil();
    let asked = ["--events", &file, "--weights", "AAA=0.6,BBB=0.4", "--capital", "10000", "--no-reinvest"];
    let whens = ["--when", "once", "--when", "bands"];
    let args: Vec<&str> = asked.iter().chain(&whens).chain(&FREE).copied().collect();
    let outcome = ok(&args);
    assert_eq!(outcome.stderr, "", "nothing to tell");
    let table = outcome.stdout;
    // 60 AAA at 100, 80 BBB at 50; then 60 · 110 + 80 · 50 + 40 due = 10,640; then 120 · 60.5 + 80 · 40 + 40 = 10,500.
    assert_eq!(table.lines().next(), Some("2026-02-02 to 2026-02-04, 3 sessions, AUD"));
    assert_eq!(row(&table, "put in"), ["10,000.00", "10,000.00"]);
    assert_eq!(row(&table, "final value"), ["10,500.00", "10,500.00"]);
    assert_eq!(row(&table, "distributions"), ["40.00", "40.00"]);
    assert_eq!(row(&table, "costs"), ["0.00", "0.00"]);
    assert_eq!(row(&table, "time-weighted return"), ["5.00%", "5.00%"]);
    assert_eq!(row(&table, "max drawdown"), ["-1.32%", "-1.32%"]);
    assert_eq!(row(&table, "  from"), ["2026-02-03", "2026-02-03"]);
    assert_eq!(row(&table, "  to"), ["2026-02-04", "2026-02-04"]);
    // Returns 0, 6.4% and −140/10640: mean 0.0169474, squares about it 0.0034075; √(that / 2 · 252).
    assert_eq!(row(&table, "volatility"), ["65.52%", "65.52%"]);
    // AAA is 7,260 of 10,500, target 6,300: 16 sold at 60.5, and 25 BBB bought with 40 + 968 of cash.
    assert_eq!(row(&table, "trades"), ["2", "4"]);
    assert_eq!(ok(&args).stdout, table, "the same bytes twice");

    let object = json(&args);
    let held = |at: usize| object["strategies"][at]["holdings"].to_string();
    assert_eq!([held(0), held(1)], [r#"{"AAA":"120","BBB":"80"}"#, r#"{"AAA":"104","BBB":"105"}"#]);
    let bands = &object["strategies"][1];
    assert_eq!(bands["final_cash"], "8");
    assert_eq!(bands["trades"][2].to_string().matches("60.5").count(), 1, "{bands}");
    assert_eq!((&object["currency"], &object["market"]), (&Value::from("AUD"), &Value::from("XASX")));
    assert_eq!(object["events"]["taken"], 10);
}

#[test]
fn costs_flows_and_the_daily_series_by_pencil() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (pencil(), folder.path().join("days.csv"));
    let path = out.to_str().unwrap();
    let asked = ["--events", &file, "--weights", "AAA=0.5", "--when", "once", "--capital", "10000"];
    let found = json(&[&asked[..], &["--to", "2026-02-02", "--out", path]].concat());
    // 50 units at 100.10 with 5 bps of 5,005: 5 of spread and 2.5025 of commission.
    let one = &found["strategies"][0];
    let trade = &one["trades"][0];
    assert_eq!([&trade["quantity"], &trade["price"], &trade["fee"]], ["50", "100.1", "2.5025"]);
    assert_eq!((&one["metrics"]["costs"], &one["final_value"]), (&"7.5025".into(), &"9992.4975".into()));
    let series = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = series.lines().collect();
    assert_eq!(lines[0], "targets,when,date,nav,cash,flow,cost,tax,income,return");
    assert!(lines[1].starts_with("weights,once,2026-02-02,9992.4975,4992.4975,10000,7.5025,0,0,-0.000750"));
    assert_eq!(lines.len(), 2);
}

#[test]
fn several_weights_stand_side_by_side() {
    let file = pencil();
    let asked = ["--events", &file, "--weights", "AAA=1", "--weights", "BBB=1", "--when", "once"];
    let table = ok(&[&asked[..], &FREE, &["--capital", "10000", "--no-reinvest"]].concat()).stdout;
    // 100 AAA at 100, then 200 at 60.5; 200 BBB at 50, then at 40 with 0.50 paid on each.
    assert_eq!(row(&table, "final value"), ["12,100.00", "8,100.00"]);
    assert!(table.contains("weights 1") && table.contains("weights 2"), "{table}");
}

#[test]
fn corrections_are_taken_other_types_counted_and_refusals_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = std::fs::read_to_string(pencil()).unwrap();
    text += concat!(
        r#"{"type":"correction","at":"2026-02-05T00:00:00Z","id":"fix","of":"bbb-3","with":"#,
        r#"{"type":"close","at":"2026-02-04T05:10:00Z","id":"bbb-3b","instrument":"BBB","price":"50","date":"2026-02-04"},"#,
        r#""reason":"typo"}"#,
        "\n",
        r#"{"type":"customer_onboarded","at":"2026-02-05T00:00:00Z","id":"c","customer":"ann","base_currency":"AUD"}"#,
        "\n",
        r#"{"type":"close","at":"2026-02-05T05:10:00Z","instrument":"BBB","price":"-1","date":"2026-02-05"}"#,
        "\n",
    );
    let events = folder.path().join("events.ndjson");
    std::fs::write(&events, text).unwrap();
    let file = events.to_str().unwrap();
    let asked = ["--events", file, "--weights", "BBB=1", "--when", "once", "--capital", "10000"];
    let args = [&asked[..], &FREE, &["--no-reinvest"]].concat();
    let outcome = ok(&args);
    assert!(outcome.stderr.contains("passed over: 1 customer_onboarded"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("refused: events.ndjson, line 13, price"), "{}", outcome.stderr);
    // 200 units at 50, still 50 after the correction, and 200 · 0.50.
    assert_eq!(row(&outcome.stdout, "final value"), ["10,100.00"]);
}

/// The sample as events, by the importer.
fn imported(folder: &Path) -> PathBuf {
    let out = folder.join("asx.ndjson.zst");
    let outcome = evenkeel(["import", &bars(), "--out", out.to_str().unwrap()]).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    out
}

/// What each instrument closed at on the last day on or before one.
fn closes(events: &str, day: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for event in events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if event["type"] == "close" && event["date"].as_str().unwrap() <= day {
            let price = event["price"].as_str().unwrap().parse().unwrap();
            found.insert(event["instrument"].as_str().unwrap().to_owned(), price);
        }
    }
    found
}

#[test]
fn real_closes_are_bought_and_held_as_the_closes_say() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("asx.ndjson");
    let outcome = evenkeel(["import", &bars(), "--out", plain.to_str().unwrap()]).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let text = std::fs::read_to_string(&plain).unwrap();
    let weights = "NDQ=0.2,VAP=0.2,IVV=0.2,VGE=0.2,BHP=0.1";
    let asked = ["--weights", weights, "--when", "once", "--from", "2017-02-01", "--to", "2019-10-11"];
    let found = json(&[&["--events", plain.to_str().unwrap()], &asked[..]].concat());
    let one = &found["strategies"][0];
    let last = closes(&text, "2019-10-11");
    let mut worth: f64 = one["final_cash"].as_str().unwrap().parse().unwrap();
    for (name, units) in one["holdings"].as_object().unwrap() {
        worth += units.as_str().unwrap().parse::<f64>().unwrap() * last[name];
    }
    let value: f64 = one["final_value"].as_str().unwrap().parse().unwrap();
    assert!((value - worth).abs() < 1e-4, "{value} {worth}");
    assert_eq!(one["trades"].as_array().unwrap().len(), 5);
    assert!((one["metrics"]["twr"].as_f64().unwrap() - (value / 100_000.0 - 1.0)).abs() < 1e-9);

    // Packed events, and the bars themselves, say the same.
    let packed = imported(folder.path());
    for input in [["--events", packed.to_str().unwrap()], ["--bars", &bars()]] {
        let same = json(&[&input[..], &asked[..]].concat());
        assert_eq!(same["strategies"], found["strategies"], "{input:?}");
    }
}

#[test]
fn real_closes_walk_forward_and_stand_side_by_side() {
    let (folder, file) = (tempfile::tempdir().unwrap(), bars());
    let asked = [
        "--bars",
        &file,
        "--weights",
        "NDQ=0.2,VAP=0.2,IVV=0.2,VGE=0.2,BHP=0.2",
        "--optimise",
        "min-variance",
        "--instruments",
        "NDQ,VAP,IVV,VGE,BHP,IAG",
        "--window",
        "120",
        "--weight-max",
        "0.5",
        "--when",
        "once",
        "--when",
        "monthly",
        "--flow",
        "1000",
        "--every",
        "quarterly",
    ];
    let outcome = ok(&asked);
    assert!(outcome.stderr.contains("more rows skipped; import lists them"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("suspect: ") && outcome.stderr.lines().count() < 40,
        "{}",
        outcome.stderr
    );
    let table = outcome.stdout;
    let head: Vec<Vec<&str>> =
        table.lines().skip(1).take(2).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(head[0], ["weights", "weights", "min-variance", "min-variance"]);
    assert_eq!(head[1], ["once", "monthly", "once", "monthly"]);
    assert_eq!(row(&table, "trades").len(), 4);
    assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");

    let out = folder.path().join("days.csv.gz");
    let found = json(&[&asked[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(json(&asked), found, "the same twice");
    assert!(std::fs::read(&out).unwrap().starts_with(&[0x1f, 0x8b]), "packed as its name says");
    let volatility = |at: usize| found["strategies"][at]["metrics"]["volatility"].as_f64().unwrap();
    assert!(volatility(3) < volatility(1), "{} against {}", volatility(3), volatility(1));
    let walked = &found["strategies"][3];
    let reviews = walked["reviews"].as_array().unwrap();
    assert!(reviews.len() > 20, "{}", reviews.len());
    for review in reviews {
        let weights = review["targets"].as_object().unwrap().values();
        let weights: Vec<f64> = weights.map(|weight| weight.as_str().unwrap().parse().unwrap()).collect();
        let sum: f64 = weights.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6 && weights.iter().all(|weight| *weight <= 0.5 + 1e-6), "{review}");
    }
    // 121 sessions are before the first; deposits every three months of the 27 that are left.
    let put_in: f64 = walked["put_in"].as_str().unwrap().parse().unwrap();
    assert!((107_000.0..=109_000.0).contains(&put_in), "{put_in}");
}

#[test]
fn tax_is_owed_from_2019_20_on_and_the_law_before_is_not_at_hand() {
    let file = bars();
    let asked = ["--bars", &file, "--weights", "NDQ=0.5,VAP=0.5", "--when", "bands", "--band", "0.01"];
    let taxed = ["--tax", "individual", "--other-income", "90000"];
    let found = json(&[&asked[..], &taxed, &["--from", "2019-07-01"]].concat());
    let years = found["strategies"][0]["years"].as_array().unwrap();
    assert_eq!((years.len(), &years[0]["paid"]), (1, &Value::Bool(false)));
    let table = ok(&[&asked[..], &taxed, &["--from", "2019-07-01"]].concat()).stdout;
    assert_eq!(row(&table, "taxes paid"), ["0.00"]);
    assert_eq!(row(&table, "taxes still owed").len(), 1);
    let early = [&asked[..], &taxed, &["--from", "2018-07-02"]].concat();
    refused(&early, 1, "no tax law for 2018-19");
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let file = pencil();
    let with = |more: &[&'static str]| -> Vec<String> {
        ["--events", &file].iter().chain(more).map(|word| (*word).to_owned()).collect()
    };
    let usage: [(&[&str], &str); 11] = [
        (&["--weights", "AAA=0.6,BBB=0.5"], "the weights sum to 1.1; expected at most 1"),
        (&["--weights", "AAA"], "expected INSTRUMENT=WEIGHT"),
        (&["--weights", "AAA=1", "--when", "sometimes"], "[possible values: once"),
        (&["--weights", "AAA=1", "--from", "2026-02-04", "--to", "2026-02-02"], "--from 2026-02-04 is after"),
        (&["--weights", "AAA=1", "--capital", "0"], "--capital 0: expected more than 0"),
        (&["--weights", "AAA=1", "--trade-min=-1"], "--trade-min -1: expected 0 or more"),
        (&["--weights", "AAA=1", "--band", "2"], "expected 0 to 1, got 2"),
        (&["--weights", "AAA=1", "--commission", "1"], "--commission 1: expected below 1"),
        (&["--weights", "AAA=1", "--out", "-"], "--out -: expected a file"),
        (&["--weights", "AAA=1", "--instruments", "AAA"], "--optimise"),
        (&[], "--weights"),
    ];
    for (more, words) in usage {
        let args = with(more);
        refused(&args.iter().map(String::as_str).collect::<Vec<_>>(), 2, words);
    }
    refused(&["--weights", "AAA=1"], 2, "--events");
    let data: [(&[&str], &str); 6] = [
        (
            &["--weights", "AAA=0.5,CCC=0.5"],
            "--weights CCC: expected an instrument of these events; there is AAA, BBB",
        ),
        (
            &["--weights", "AAA=1", "--from", "2027-01-01", "--to", "2027-02-01"],
            "there are closes from 2026-02-02 to 2026-02-04",
        ),
        (
            &["--optimise", "min-variance"],
            "--window 252: there are 2 days of closes before the first day; expected at least 253",
        ),
        (
            &["--optimise", "min-variance", "--from", "2026-02-04"],
            "expected at least 253; a shorter --window",
        ),
        (&["--weights", "AAA=1", "--market", "XNOW"], "no calendar of the market XNOW; --market takes "),
        (&["--optimise", "equal-risk", "--weight-max", "0.4"], "--weight-max 0.4: 2 instruments"),
    ];
    for (more, words) in data {
        let args = with(more);
        refused(&args.iter().map(String::as_str).collect::<Vec<_>>(), 1, words);
    }
    refused(
        &["--events", "/nowhere/events.ndjson", "--weights", "AAA=1"],
        1,
        "cannot read events from /nowhere",
    );
    refused(&["--bars", &file, "--weights", "AAA=1"], 1, "expected a header");
    let bars = bars();
    let emptied = ["--bars", &bars, "--weights", "NDQ=1", "--flow", "-60000"];
    refused(&emptied, 1, "nothing is left to go on with");
    let early = ["--bars", &bars, "--weights", "NDQ=1", "--from", "1999-01-04"];
    refused(&early, 1, "the calendar of XASX covers ");
}

#[test]
fn help_suffices() {
    let help = ok(&["--help"]).stdout;
    for flag in [
        "--events",
        "--bars",
        "--weights",
        "--optimise",
        "--window",
        "--when",
        "--band",
        "--tax",
        "--json",
        "--out",
    ] {
        assert!(help.contains(flag), "{flag}:\n{help}");
    }
    assert!(help.contains("min-variance") && help.contains("evenkeel backtest --bars"), "{help}");
}
