//! A shock of the demo's market wakes whom it put beyond a limit, and nobody else.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeSet;
use std::path::Path;

use evenkeel_tests::evenkeel;
use evenkeel_tests::live::sql;
use serde_json::Value;

/// The customers that a query tells.
fn customers(data: &Path, query: &str) -> BTreeSet<String> {
    let rows = sql(data, query).unwrap();
    rows.iter().map(|row| row["customer"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_shock_wakes_exactly_those_whose_triggers_entered() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // No account event comes before a thousand ticks: in between only prices speak.
    let settings = "demo --customers 300 --ticks-per-second 100 --intensity 1 --shock-seconds 6 --shock-percent 50 \
                    --seconds 9 --listen 127.0.0.1:0 --data";
    let demo = evenkeel(settings.split(' ').chain([data.to_str().unwrap()])).unwrap();
    assert_eq!(demo.code, Some(0), "{}", demo.stderr);

    let count = "SELECT epoch, uniqExact(customer) AS customers FROM triggers WHERE kind = 'drift' AND diff = 1 \
                 AND epoch > (SELECT min(epoch) + 3000 FROM decisions) GROUP BY epoch ORDER BY customers DESC LIMIT 1";
    let shock = sql(&data, count).unwrap()[0]["epoch"].as_u64().unwrap();

    let entered = customers(
        &data,
        &format!("SELECT DISTINCT customer FROM triggers WHERE diff = 1 AND epoch = {shock}"),
    );
    let answered = customers(
        &data,
        &format!(
            "SELECT DISTINCT d.customer AS customer FROM (SELECT customer, arrayJoin(triggers) AS cause FROM decisions \
             WHERE epoch > {shock}) AS d JOIN triggers AS t ON t.trigger = d.cause AND t.customer = d.customer \
             WHERE t.diff = 1 AND t.epoch = {shock}"
        ),
    );
    assert_eq!(entered, answered);
    assert!((20..280).contains(&entered.len()), "a shock that tells something apart: {}", entered.len());

    let woken = customers(&data, &format!("SELECT DISTINCT customer FROM decisions WHERE epoch > {shock}"));
    let with_reason = customers(
        &data,
        &format!(
            "SELECT customer FROM triggers GROUP BY customer, trigger \
             HAVING sumIf(diff, epoch < {shock}) > 0 OR maxIf(epoch, diff = 1) >= {shock}"
        ),
    );
    let without: Vec<_> = woken.difference(&with_reason).collect();
    assert!(without.is_empty(), "woken without a reason: {without:?}");
    let orders = sql(&data, &format!("SELECT count() AS orders FROM orders WHERE epoch > {shock}")).unwrap();
    assert_ne!(orders[0]["orders"], Value::from(0), "nobody traded");
}
