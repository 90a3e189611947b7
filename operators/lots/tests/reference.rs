//! The reference cases of `tests/cases` at the root of the workspace, to their own tolerances.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod convert;

use std::path::Path;

use convert::{CaseError, Check, amit_checks, lots_checks};
use serde_json::Value;

fn load(id: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases").join(format!("{id}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn assert_all(case: &Value, checks: Result<Vec<Check>, CaseError>, at_least: usize) {
    let checks = checks.unwrap_or_else(|CaseError(why)| panic!("{why}"));
    let tolerance = case["tolerance"]["abs"].as_f64().unwrap();
    assert!(checks.len() >= at_least, "only {} checks", checks.len());
    for Check { name, expected, got } in checks {
        assert!((expected - got).abs() <= tolerance, "{name}: expected {expected}, got {got}");
    }
}

#[test]
fn published_example_of_an_exam() {
    let case = load("lots-01-published-series7");
    assert_all(&case, lots_checks(&case), 5 * 6);
}

#[test]
fn published_average_cost() {
    let case = load("lots-02-published-average");
    assert_all(&case, lots_checks(&case), 5 * 6);
}

#[test]
fn real_prices_with_brokerage() {
    let case = load("lots-03-vas-real-prices");
    assert_all(&case, lots_checks(&case), 5 * 6 * 3);
}

#[test]
fn tax_office_example_of_boris() {
    let case = load("lots-04-ato-boris-fifo");
    assert_all(&case, lots_checks(&case), 5);
}

#[test]
fn two_hundred_and_fifty_trades() {
    let case = load("lots-05-stress-250");
    assert_all(&case, lots_checks(&case), 4 * 24);
}

#[test]
fn cost_base_adjustments_of_an_amit() {
    let case = load("tax-06-amit-cost-base");
    assert_all(&case, amit_checks(&case), 16);
}
