//! The reference cases of `tests/cases` at the root of the workspace, and cases that must not pass.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_validation::{CaseReport, Family, Report, RunError, run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Our cases, each with the figures that it expects.
const CASES: [(&str, usize); 23] = [
    ("lots-01-published-series7", 39),
    ("lots-02-published-average", 39),
    ("lots-03-vas-real-prices", 186),
    ("lots-04-ato-boris-fifo", 3),
    ("lots-05-stress-250", 99),
    ("opt-01-gmv-bounds-roncalli", 52),
    ("opt-02-max-sharpe-cla", 12),
    ("opt-03-bl-idzorek", 118),
    ("opt-04-erc-maillard", 20),
    ("opt-05-hrp-us", 32),
    ("opt-06-min-cvar-us", 11),
    ("opt-07-mvo-groups-turnover", 17),
    ("opt-08-robust-us", 13),
    ("opt-09-cardinality-brute", 81),
    ("opt-10-tax-aware-rebalance", 30),
    ("risk-05-covariance-estimators", 145),
    ("tax-01-ato-rodney", 4),
    ("tax-02-ato-john-2020", 4),
    ("tax-03-ato-susan-45day", 22),
    ("tax-04-ato-kathleen", 5),
    ("tax-05-discount-clear-year", 27),
    ("tax-06-amit-cost-base", 20),
    ("tax-07-45day-lifo", 23),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases")
}

fn load(id: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(format!("{id}.json"))).unwrap()).unwrap()
}

/// A folder with these cases.
fn cases(cases: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in cases {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What comes of one case.
fn one(case: &Value) -> CaseReport {
    let folder = cases(&[("own.json", case.to_string())]);
    run(folder.path(), None).unwrap().cases.remove(0)
}

/// The figures that fail, as people read them.
fn failing(case: &CaseReport) -> Vec<String> {
    assert_eq!(case.reason(), None);
    case.figures().iter().filter(|figure| !figure.passes).map(ToString::to_string).collect()
}

/// Why a case does not run.
fn fault(case: &Value) -> String {
    let report = one(case);
    assert_eq!(report.word(), "error", "{:?}", report.outcome);
    let reason = report.reason().unwrap();
    reason.split_once("own.json: ").unwrap().1.to_owned()
}

fn set(case: &Value, pointer: &str, value: Value) -> Value {
    let mut case = case.clone();
    *case.pointer_mut(pointer).unwrap() = value;
    case
}

/// With a field more in the object there.
fn with(case: &Value, pointer: &str, field: &str, value: Value) -> Value {
    let mut case = case.clone();
    case.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
    case
}

fn without(case: &Value, pointer: &str, field: &str) -> Value {
    let mut case = case.clone();
    case.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    case
}

#[test]
fn every_case_of_ours_passes_with_all_its_figures() {
    let report = run(&folder(), None).unwrap();
    assert!(report.passes(), "{report}");
    let figures = |case: &CaseReport| (case.name(), case.figures().len());
    let ran: BTreeMap<String, usize> = report.cases.iter().map(figures).collect();
    let ours: BTreeMap<String, usize> = CASES.map(|(id, figures)| (id.to_owned(), figures)).into();
    assert_eq!(ran, ours);
}

#[test]
fn every_number_that_is_changed_fails_under_its_name() {
    fn numbers(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| numbers(value, &format!("{at}/{name}"), found));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(n, value)| numbers(value, &format!("{at}/{n}"), found));
            }
            Value::Number(_) => found.push(at.to_owned()),
            _ => {}
        }
    }
    for (id, _) in CASES {
        let case = load(id);
        let mut places = Vec::new();
        numbers(&case["expected"], "/expected", &mut places);
        // Of the long ones a part.
        for place in places.iter().step_by(places.len() / 40 + 1) {
            let number = case.pointer(place).unwrap().as_f64().unwrap();
            // Gains of the optimiser may be some dollars away, where the optimum is flat.
            let step = if id.starts_with("opt") { 1000.0 } else { 1.0 };
            let report = one(&set(&case, place, json!(number + step)));
            let failing = failing(&report);
            assert_eq!(failing.len(), 1, "{id} {place}: {failing:?}");
            let field = place.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap();
            // Statistics are off by their last digits even where nothing was changed, printed figures by rounding.
            let by_one = ["deviation -1", "deviation -0.9"].iter().any(|by| failing[0].contains(by));
            assert!(failing[0].contains(field) && by_one, "{place}: {failing:?}");
        }
    }
    let changed = set(&load("lots-01-published-series7"), "/expected/lifo/sales/0/gain", json!(500.01));
    assert_eq!(
        failing(&one(&changed)),
        ["lifo.sales[s1].gain: expected 500.01, got 500, deviation -0.01, tolerance 0.005"]
    );
}

#[test]
fn a_deviation_at_the_tolerance_passes() {
    let near = set(&load("lots-01-published-series7"), "/expected/lifo/realised_gain_total", json!(500.005));
    let report = one(&near);
    assert!(report.passes() && report.deviation_max().unwrap().to_string() == "0.005", "{report:?}");
    let relative = set(&near, "/tolerance", json!({ "rel": 0.00002 }));
    assert!(one(&relative).passes());
    let relative = set(&near, "/tolerance", json!({ "rel": 0.000005 }));
    assert_eq!(failing(&one(&relative)).len(), 1);
    let named = set(&near, "/tolerance", json!({ "realised_gain_total_abs": 0.01 }));
    assert!(one(&named).passes());
    let exact = set(&near, "/tolerance", json!({}));
    assert_eq!(
        failing(&one(&exact)),
        ["lifo.realised_gain_total: expected 500.005, got 500, deviation -0.005, tolerance 0"]
    );
}

#[test]
fn what_the_product_does_not_give_fails() {
    let lots = load("lots-04-ato-boris-fifo");
    let more = with(&lots, "/expected/fifo", "wash_sales", json!(0));
    let failing_one = failing(&one(&more)).remove(0);
    assert!(failing_one.starts_with(
        "fifo.wash_sales: expected 0, got nothing (the product gives no such figure; it gives "
    ));
    assert!(failing_one.contains("realised_gain_total"));
    let method = with(&lots, "/expected", "latest", json!({ "remaining_qty": 2500 }));
    assert!(failing(&one(&method))[0].starts_with("latest: expected {\"remaining_qty\":2500}, got nothing"));
    let lot = set(&lots, "/expected/fifo/remaining", json!([["p2012", 2500], ["p2007", 1]]));
    assert_eq!(
        failing(&one(&lot)),
        ["fifo.remaining[p2007]: expected 1, got nothing (the product gives no such item)"]
    );
    let fewer = set(&lots, "/expected/fifo/lots_used", json!([["p2007", 1000]]));
    assert_eq!(
        failing(&one(&fewer)),
        ["fifo.lots_used[p2012]: expected nothing, got 500 (the product gives more than is expected)"]
    );
    let tax = load("tax-03-ato-susan-45day");
    let qualified = set(&tax, "/expected/results/3/qualified", json!(false));
    assert_eq!(failing(&one(&qualified)), ["results[3].qualified: expected false, got true"]);
    let kind = set(&tax, "/expected/results/3/qualified", json!(1));
    assert_eq!(failing(&one(&kind)), ["results[3].qualified: expected 1, got true"]);
    let kind = set(&tax, "/expected/results/3/days_held", json!("many"));
    assert_eq!(
        failing(&one(&kind)),
        ["results[3].days_held: expected \"many\", got 45 (the product gives a number)"]
    );
    let shorter = set(&tax, "/expected/results", json!([{ "days_held": 35 }]));
    assert_eq!(failing(&one(&shorter)).len(), 6);
}

#[test]
fn trades_that_do_not_add_up_fail() {
    let lots = load("lots-04-ato-boris-fifo");
    let oversold = set(&lots, "/inputs/trades/2/qty", json!(4001));
    let oversold = set(&oversold, "/expected/fifo", json!({ "number_of_sales": 1 }));
    assert_eq!(
        failing(&one(&oversold)),
        ["fifo.anomalies[0]: expected nothing, got \"trade s1: 1 units more than were held\" \
          (the product gives more than is expected)"]
    );
}

#[test]
fn a_case_that_cannot_be_run_says_what_was_expected() {
    let (lots, amit) = (load("lots-04-ato-boris-fifo"), load("tax-06-amit-cost-base"));
    let (rodney, john) = (load("tax-01-ato-rodney"), load("tax-02-ato-john-2020"));
    let (views, returns) = (load("opt-03-bl-idzorek"), load("risk-05-covariance-estimators"));
    let trade = "/inputs/trades/0";
    for (case, words) in [
        (without(&lots, "", "inputs"), "inputs: missing"),
        (without(&lots, "", "expected"), "expected: missing"),
        (without(&lots, "", "tolerance"), "tolerance: missing"),
        (without(&lots, "", "id"), "id: missing"),
        (without(&lots, "", "family"), "family: missing"),
        (set(&lots, "/id", json!(4)), "id: expected text, got 4"),
        (set(&lots, "/family", json!("lot")), "family: expected one of lots, tax-au, "),
        (set(&lots, "/expected", json!({ "fifo": {} })), "expected.fifo: holds no figure to compare"),
        (set(&lots, "/expected", json!({ "fifo": { "sales": [] } })), "expected: holds no figure to compare"),
        (set(&lots, "/tolerance", json!(0.1)), "tolerance: expected an object, got 0.1"),
        (set(&lots, "/tolerance/abs", json!("near")), "tolerance.abs: "),
        (set(&lots, "/tolerance/abs", json!(-1)), "tolerance.abs: expected zero or more, got -1"),
        (set(&lots, "/tolerance", json!({ "absolute": 1 })), "tolerance.absolute: expected abs, rel, "),
        (without(&lots, "/inputs", "trades"), "inputs.trades: missing"),
        (set(&lots, "/inputs/trades", json!("x")), "inputs.trades: expected a list, got \"x\""),
        (with(&lots, trade, "fees", json!(1)), "inputs.trades[0].fees: not read here; known are id, "),
        (without(&lots, trade, "price"), "inputs.trades[0].price: missing"),
        (
            set(&lots, "/inputs/trades/0/qty", json!(true)),
            "inputs.trades[0].qty: expected a number, got true",
        ),
        (set(&lots, "/inputs/trades/0/qty", json!("ten")), "inputs.trades[0].qty: "),
        (
            set(&lots, "/inputs/trades/0/qty", json!(0)),
            "inputs.trades[0].qty: expected more than zero, got 0",
        ),
        (set(&lots, "/inputs/trades/0/qty", json!(1e-7)), "inputs.trades[0].qty: "),
        (set(&lots, "/inputs/trades/0/qty", json!(1e300)), "inputs.trades[0].qty: "),
        (set(&lots, "/inputs/trades/0/date", json!("1 July")), "inputs.trades[0].date: "),
        (
            set(&lots, "/inputs/trades/0/side", json!("short")),
            "inputs.trades[0].side: expected buy or sell, got \"short\"",
        ),
        (set(&lots, "/inputs/trades/1/id", json!("p2007")), "inputs.trades[1].id: also the id of trades[0]"),
        (
            set(&lots, "/inputs/trades/2/lots/0/0", json!("s1")),
            "inputs.trades[2].lots[0][0]: expected the id of a buy",
        ),
        (without(&rodney, "/inputs", "entity"), "inputs.entity: missing"),
        (set(&rodney, "/inputs/entity", json!("trust")), "inputs.entity: unknown variant `trust`"),
        (with(&rodney, "/inputs", "medicare", json!(1)), "inputs.medicare: not read here; known are "),
        (set(&rodney, "/inputs", json!({ "carry": 1 })), "inputs: expected one of these sets of inputs: "),
        (
            set(&john, "/inputs/brackets/1/rate", json!(0.2)),
            "inputs.brackets: the product's law of 2019-20 has others: ",
        ),
        (set(&john, "/inputs/year", json!("1989-90")), "inputs.year: no tax law for 1989-90"),
        (
            set(&amit, "/inputs/adjustments/0/kind", json!("more")),
            "inputs.adjustments[0].kind: expected excess or shortfall",
        ),
        (set(&amit, "/inputs/adjustments/0/year", json!("2021")), "inputs.adjustments[0].year: "),
        (with(&views, "/inputs", "views", json!(1)), "inputs.views: not read here; known are assets, "),
        (set(&views, "/inputs/Q", json!([0.0525])), "inputs.Q: expected 3 returns, one a view"),
        (set(&views, "/inputs/tau", json!(0)), "inputs.tau: expected more than zero, got 0"),
        (set(&views, "/inputs/P/0/6", json!(0)), "inputs: a view: expected a portfolio of something"),
        (set(&views, "/inputs/P/1", json!([1])), "inputs.P[1]: expected 8 numbers, got 1"),
        (
            set(&views, "/inputs/covariance/0/1", json!(1)),
            "inputs: a covariance: expected a symmetric matrix",
        ),
        (set(&returns, "/inputs/returns", json!([])), "inputs.returns: expected rows of numbers"),
        (set(&returns, "/inputs/returns/7/2", json!(null)), "inputs.returns[7][2]: expected a number"),
        (set(&returns, "/inputs/returns/7/2", json!("NaN")), "inputs.returns: returns: expected finite"),
        (set(&returns, "/inputs/names", json!(["A"])), "inputs.returns: expected rows of 1 numbers"),
    ] {
        let fault = fault(&case);
        assert!(fault.starts_with(words), "{words:?}, got {fault:?}");
    }
}

#[test]
fn what_is_wrong_with_one_case_does_not_stop_the_others() {
    let good = load("tax-01-ato-rodney");
    let folder = cases(&[
        ("a.json", "{ \"id\": ".to_owned()),
        ("b.json", "[1]".to_owned()),
        ("c.json", set(&good, "/id", json!("theirs")).to_string()),
        ("d.json", json!({ "id": "far", "family": "risk" }).to_string()),
        ("e.json", set(&good, "/expected/refund", json!(99)).to_string()),
        ("INDEX.json", "[]".to_owned()),
        ("notes.txt", "no case".to_owned()),
    ]);
    let report = run(folder.path(), None).unwrap();
    let words: Vec<&str> = report.cases.iter().map(CaseReport::word).collect();
    assert_eq!(words, ["error", "error", "pass", "not_run", "fail"]);
    assert!(!report.passes());
    let shown = report.to_string();
    for words in [
        "a.json: the file: is no JSON: EOF while parsing a value at line 1 column 8",
        "b.json: the file: expected one JSON object",
        "far ",
        "not run: the product has no risk measures yet",
        "  refund: expected 99, got 100, deviation 1, tolerance 0.005",
        "1 of 5 cases pass, 1 fail, 1 not run, 2 cannot be run",
    ] {
        assert!(shown.contains(words), "{words:?} in\n{shown}");
    }
    let line = shown.lines().find(|line| line.starts_with("theirs")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["theirs", "tax-au", "4", "0", "pass"]);

    // What cannot be read stays in, whatever family is asked for.
    let report = run(folder.path(), Some(Family::Risk)).unwrap();
    assert_eq!(report.cases.iter().map(CaseReport::word).collect::<Vec<_>>(), ["error", "error", "not_run"]);
    let alone = run(&folder.path().join("c.json"), None).unwrap();
    assert!(alone.passes() && alone.cases.len() == 1);
}

/// What answers is told by the inputs: without those of a kind that is known nothing does.
#[test]
fn a_kind_that_the_product_lacks_is_not_run() {
    for (id, mark) in [("risk-05-covariance-estimators", "returns"), ("opt-03-bl-idzorek", "P")] {
        let report = one(&without(&load(id), "/inputs", mark));
        assert!(report.word() == "not_run" && !report.passes(), "{id}");
    }
}

#[test]
fn nothing_to_run_is_no_success() {
    let empty = cases(&[("INDEX.json", "[]".to_owned())]);
    let error = run(empty.path(), None).unwrap_err();
    assert!(matches!(&error, RunError::Empty { .. }), "{error}");
    assert!(error.to_string().starts_with("no case in "), "{error}");
    let other = cases(&[("a.json", load("tax-01-ato-rodney").to_string())]);
    let error = run(other.path(), Some(Family::Lots)).unwrap_err();
    assert!(error.to_string().starts_with("no case of family lots in "), "{error}");
    let error = run(&empty.path().join("nowhere"), None).unwrap_err();
    assert!(error.to_string().starts_with("cannot read cases from "), "{error}");
}

#[test]
fn programs_read_every_figure() {
    let case = set(&load("tax-01-ato-rodney"), "/expected/refund", json!(99));
    let report = one(&case).json();
    assert_eq!((&report["case"], &report["outcome"]), (&json!("tax-01-ato-rodney"), &json!("fail")));
    assert_eq!((&report["family"], &report["deviation_max"]), (&json!("tax-au"), &json!("1")));
    assert_eq!(report["figures"].as_array().unwrap().len(), 4);
    let refund = report["figures"].as_array().unwrap().iter().find(|figure| figure["figure"] == "refund");
    assert_eq!(
        *refund.unwrap(),
        json!({
            "figure": "refund", "expected": "99", "got": "100", "deviation": "1", "tolerance": "0.005",
            "pass": false, "problem": null,
        })
    );
}

/// The family of the optimiser by itself, as `evenkeel validate --family optimiser` runs it.
#[test]
fn the_optimiser_passes_its_cases() {
    let report = run(&folder(), Some(Family::Optimiser)).unwrap();
    let passing: Vec<String> =
        report.cases.iter().filter(|case| case.passes()).map(CaseReport::name).collect();
    let ours = CASES.iter().filter(|(id, _)| id.starts_with("opt")).map(|(id, _)| *id);
    assert_eq!(passing, ours.collect::<Vec<&str>>(), "{report}");
}

/// What a case of the optimiser gets wrong is told by field.
#[test]
fn a_problem_that_makes_no_sense_is_an_error() {
    let (sharpe, tree) = (load("opt-02-max-sharpe-cla"), load("opt-05-hrp-us"));
    for (case, words) in [
        (
            set(&sharpe, "/inputs/covariance/0/1", json!(5)),
            "inputs.covariance: the covariance is not symmetric",
        ),
        (
            set(&sharpe, "/inputs/covariance/0/0", json!(-1)),
            "inputs.covariance: the covariance is not positive",
        ),
        (set(&sharpe, "/inputs/covariance/1", json!([1])), "inputs.covariance: expected rows of the same"),
        (set(&sharpe, "/inputs/mu", json!([0.1])), "inputs: expected returns: expected 10 entries"),
        (set(&sharpe, "/inputs/rf", json!(2)), "inputs: no portfolio can satisfy "),
        (with(&sharpe, "/inputs", "fee", json!(1)), "inputs.fee: not read here; known are mu, "),
        (set(&tree, "/inputs/correlation/0/1", json!(0.5)), "inputs.correlation: it is not that of "),
    ] {
        let fault = fault(&case);
        assert!(fault.starts_with(words), "{words:?}, got {fault:?}");
    }
}

/// A sale before the purchases of the same file, and lots in an order of their own.
#[test]
fn a_case_of_ones_own_runs() {
    let case = json!({
        "id": "mine-1", "family": "lots", "inputs": { "trades": [
            { "id": "out", "date": "2025-03-03", "side": "sell", "qty": "3", "price": "4.10", "fee": 0.3,
              "lots": [["new", 1], ["old", 2]] },
            { "id": "old", "date": "2024-01-02", "side": "buy", "qty": 2.5, "price": 2 },
            { "id": "new", "date": "2024-06-03", "side": "buy", "qty": 2, "price": 3, "fee": null },
        ] },
        "expected": {
            "fifo": { "realised_gain_total": 5.5, "remaining": [["new", 1.5]], "gain_first_2_sales": [5.5] },
            "specific": { "sales": [{ "sale": "out", "gain": 5, "lots_used": [["old", 2], ["new", 1]] }] },
        },
        "tolerance": { "abs": 0 },
    });
    let report = one(&case);
    assert!(report.passes(), "{:?}", failing(&report));
    assert_eq!(report.figures().len(), 7);
    let all: Report = run(&folder(), Some(Family::Lots)).unwrap();
    assert_eq!(all.cases.len(), 5);
}
