//! The optimizer over HTTP: estimates of closing marks, portfolios under constraints in names and words, frontiers, and
//! what cannot be answered.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::Path;

use evenkeel_feeds::generate::Market;
use evenkeel_schemas::Instant;
use evenkeel_tests::live::{PATIENCE, Running, until};
use evenkeel_tests::{Replay, evenkeel, replay};
use serde_json::{Value, json};

struct House {
    running: Running,
    folder: tempfile::TempDir,
}

/// A market of 30 instruments with 120 days of closes.
fn house() -> House {
    house_of(30, 120)
}

fn house_of(instruments: u32, sessions: u32) -> House {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("evenkeel.toml");
    std::fs::write(&settings, evenkeel(["config", "--epoch-ms", "50"]).unwrap().stdout).unwrap();
    let running =
        Running::start(&folder.path().join("data"), &["--config", settings.to_str().unwrap()]).unwrap();
    let house = House { running, folder };
    assert_eq!(house.ask("/optimise", &json!({"objective": {"kind": "minimum_variance"}})).0, 409);
    let at: Instant = "2026-06-01T00:00:00Z".parse().unwrap();
    let market = Market::new(7, instruments);
    let events =
        [market.reference_events(at), market.history(at.date(), sessions), market.quotes(at)].concat();
    let lines: String = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    house.running.take_in(&lines).unwrap();
    std::fs::write(house.folder.path().join("market.ndjson"), lines).unwrap();
    let estimated = || house.running.get("/api/v1/estimates").is_ok_and(|answer| answer.status == 200);
    until("the market is estimated", PATIENCE, estimated).unwrap();
    house
}

impl House {
    fn ask(&self, path: &str, question: &Value) -> (u16, Value) {
        let answer = self.running.send("POST", &format!("/api/v1{path}"), &question.to_string()).unwrap();
        (answer.status, answer.json())
    }

    fn answer(&self, question: &Value) -> Value {
        let (status, answer) = self.ask("/optimise", question);
        assert_eq!(status, 200, "{question}: {answer}");
        let sum: f64 = answer["weights"].as_object().unwrap().values().filter_map(Value::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{answer}");
        answer
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn portfolios_keep_what_is_asked_in_names_and_words() {
    let house = house();
    let estimates = house.running.get("/api/v1/estimates?instruments=VAS,VAF,NDQ").unwrap().json();
    assert_eq!((&estimates["as_of"], &estimates["observations"]), (&json!("2026-05-29"), &json!(119)));
    let of = |name: &str, field: &str| {
        let all = estimates["instruments"].as_array().unwrap();
        number(&all.iter().find(|one| one["instrument"] == name).unwrap()[field])
    };
    assert!(of("VAF", "volatility") < of("VAS", "volatility"));
    assert!(of("VAF", "expected_return") < of("NDQ", "expected_return"));
    assert_eq!(estimates["correlations"][1][1], 1.0);

    let four = json!(["VAS", "VGS", "VAF", "GOLD"]);
    let free = house.answer(&json!({"objective": {"kind": "minimum_variance"}, "instruments": four}));
    let bound = house.answer(&json!({
        "objective": {"kind": "minimum_variance"}, "instruments": four,
        "weight": {"upper": 0.4}, "bounds": {"GOLD": {"lower": 0.3}},
        "constraints": {"shares": {"rule": "group", "asset_class": "equity", "lower": 0.3}},
    }));
    assert!(number(&free["objective"]) < number(&bound["objective"]));
    assert!(number(&bound["weights"]["GOLD"]) > 0.299 && number(&bound["weights"]["VAF"]) < 0.401);
    let shares = number(&bound["weights"]["VAS"]) + bound["weights"]["VGS"].as_f64().unwrap_or(0.0);
    assert!(shares > 0.299, "{bound}");
    let active = bound["active"].as_array().unwrap();
    assert!(
        active.iter().any(|one| one["name"] == "shares" && number(&one["shadow_price"]) > 0.0),
        "{bound}"
    );

    let few = house.answer(&json!({
        "objective": {"kind": "maximum_sharpe"}, "time_ms": 20_000,
        "constraints": {"few": {"rule": "names", "most": 3, "least": 0.1}},
    }));
    assert_eq!((few["weights"].as_object().unwrap().len() <= 3, &few["status"]), (true, &json!("optimal")));
    let budgets = house.answer(&json!({
        "objective": {"kind": "risk_budgets", "budgets": {"VAS": 2, "VAF": 1}}, "instruments": ["VAS", "VAF"],
    }));
    assert!((number(&budgets["risk_shares"]["VAS"]) - 2.0 / 3.0).abs() < 1e-4);
}

/// The rows of a collection that stand at the end of a replay.
fn standing(folder: &Path, collection: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(format!("{collection}.ndjson"))).unwrap();
    let mut rows = std::collections::BTreeMap::<String, i64>::new();
    for line in text.lines() {
        let (_, rest) = line.split_once(",\"diff\":").unwrap();
        let (diff, row) = rest.split_once(',').unwrap();
        *rows.entry(format!("{{{row}")).or_default() += diff.parse::<i64>().unwrap();
    }
    rows.retain(|_, count| *count != 0);
    rows.into_keys().map(|row| serde_json::from_str(&row).unwrap()).collect()
}

fn exact(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// What is shown over HTTP, and constructed with, is what the collections hold; pair by pair for few instruments, by factors
/// for many. Differences are those of the order of sums.
#[test]
fn what_is_shown_is_what_the_collections_hold() {
    for (instruments, sessions, model) in [(30, 120, "ledoit_wolf"), (120, 70, "factors")] {
        let house = house_of(instruments, sessions);
        let shown = house.running.get("/api/v1/estimates").unwrap().json();
        let out = house.folder.path().join("replayed");
        let how = Replay {
            epoch_ms: 1_000,
            mark_ms: 1_000,
            stale_ms: 0,
            workers: 2,
            processes: 1,
            drift_engine: "monitor",
        };
        replay(&house.folder.path().join("market.ndjson"), &out, how).unwrap();
        let rows = standing(&out, "estimates");
        let rows: Vec<&Value> = rows.iter().filter(|row| row["currency"] == "AUD").collect();
        let names: Vec<&str> =
            shown["estimated"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!((&shown["model"], rows.len()), (&json!(model), names.len()));
        assert!((model == "factors") == (names.len() > 100), "{}", names.len());
        let near = |one: f64, other: f64| assert!((one - other).abs() < 2e-9, "{one} {other}");
        let volatility =
            |name: &str| exact(&rows.iter().find(|row| row["instrument"] == name).unwrap()["volatility"]);
        for row in &rows {
            let all = shown["instruments"].as_array().unwrap();
            let listing = all.iter().find(|one| one["instrument"] == row["instrument"]).unwrap();
            near(number(&listing["volatility"]), exact(&row["volatility"]));
            // By the policy as it comes: 4% without risk, 5% for the market's.
            near(number(&listing["expected_return"]), 0.04 + 0.05 * exact(&row["beta"]));
            for field in ["distribution_yield", "franked_fraction"] {
                near(exact(&listing[field]), exact(&row[field]));
            }
            assert_eq!((&row["as_of"], &row["model"]), (&shown["as_of"], &json!(model)));
            assert_eq!(row["observations"], json!((sessions - 1).to_string()));
        }
        let place = |name: &Value| names.iter().position(|one| *name == **one);
        let correlation = |a: usize, b: usize| number(&shown["correlations"][a][b]);
        let mut covariances = standing(&out, "covariances");
        // Those in US dollars are few.
        covariances.retain(|row| place(&row["instrument"]).is_some());
        let loadings = standing(&out, "factor_loadings");
        assert_eq!((covariances.is_empty(), loadings.is_empty()), (model == "factors", model != "factors"));
        for row in &covariances {
            let (Some(a), Some(b)) = (place(&row["instrument"]), place(&row["other"])) else { continue };
            let shared = correlation(a, b) * volatility(names[a]) * volatility(names[b]);
            near(shared, exact(&row["covariance"]));
        }
        let of = |name: &str| {
            let own = loadings.iter().filter(|row| row["instrument"] == name);
            own.map(|row| (exact(&row["factor"]), exact(&row["loading"]))).collect::<Vec<_>>()
        };
        if model == "factors" {
            let shared: f64 = of(names[0]).iter().zip(of(names[1])).map(|(a, b)| a.1 * b.1).sum();
            near(shared, correlation(0, 1) * volatility(names[0]) * volatility(names[1]));
        }
        let found = house.answer(&json!({"objective": {"kind": "mean_variance", "risk_aversion": 4}}));
        assert_eq!(found["status"], "optimal", "{found}");
    }
}

#[test]
fn every_objective_has_an_answer() {
    let house = house();
    let four = json!(["VAS", "VGS", "VAF", "GOLD"]);
    for objective in [
        json!({"kind": "mean_variance", "risk_aversion": 4}),
        json!({"kind": "target_return", "least": 0.06}),
        json!({"kind": "target_volatility", "most": 0.1}),
        json!({"kind": "maximum_diversification"}),
        json!({"kind": "equal_risk_contribution"}),
        json!({"kind": "hierarchical_risk_parity"}),
        json!({"kind": "minimum_cvar", "confidence": 0.9}),
        json!({"kind": "robust_mean_variance", "risk_aversion": 4, "radius": 1}),
        json!({"kind": "minimum_tracking_error", "benchmark": {"VAS": 0.5, "VGS": 0.5}}),
        json!({"kind": "maximum_after_tax_yield", "marginal_rate": "0.3"}),
    ] {
        let found = house.answer(&json!({"objective": objective, "instruments": four}));
        assert_eq!(found["status"], "optimal", "{objective}: {found}");
    }
    // A view that VAS does better puts more into it; one without any confidence changes nothing.
    let weight = |views: Value| {
        let objective = json!({"kind": "black_litterman", "risk_aversion": 4, "views": views});
        let found = house.answer(&json!({"objective": objective, "instruments": four}));
        found["weights"]["VAS"].as_f64().unwrap_or(0.0)
    };
    let view = |by: f64, sure: f64| json!([{"better": {"VAS": 1}, "worse": {"VGS": 1}, "by": by, "confidence": sure}]);
    assert!(weight(view(0.05, 0.8)) > weight(json!([])) + 0.05);
    assert!((weight(view(0.05, 0.0)) - weight(json!([]))).abs() < 1e-6);

    let (status, frontier) = house.ask(
        "/frontier",
        &json!({"problem": {"objective": {"kind": "minimum_variance"}, "instruments": four}, "points": 5}),
    );
    assert_eq!(status, 200, "{frontier}");
    let points = frontier["points"].as_array().unwrap();
    let of = |field: &str| points.iter().map(|point| number(&point[field])).collect::<Vec<f64>>();
    assert!(
        points.len() == 5 && of("volatility").is_sorted() && of("expected_return").is_sorted(),
        "{frontier}"
    );
}

#[test]
fn what_cannot_be_answered_is_said_in_words() {
    let house = house();
    let refused = |question: Value, status: u16, words: &str| {
        let (got, problem) = house.ask("/optimise", &question);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(got == status && detail.contains(words), "{question}: {got} {problem}");
    };
    let least = json!({"kind": "minimum_variance"});
    refused(json!({"objective": least, "instruments": ["NOPE"]}), 422, "NOPE is not listed");
    refused(json!({"objective": {"kind": "magic"}}), 422, "objective");
    refused(json!({"objective": least, "agent": 1}), 422, "agent");
    refused(
        json!({"objective": least, "instruments": ["VAS", "VAF"], "bounds": {"GOLD": {"upper": 0.1}}}),
        422,
        "bounds: expected one of the instruments considered, got GOLD",
    );
    refused(
        json!({"objective": least, "instruments": ["VAS", "VAF"], "weight": {"upper": 0.4}}),
        409,
        "weights add up to 100%",
    );
    refused(
        json!({"objective": least, "instruments": ["VAS", "VAF"], "constraints": {
            "calm": {"rule": "volatility", "most": 0.001}, "rich": {"rule": "return", "least": 0.5}}}),
        409,
        "rich",
    );
    refused(
        json!({"objective": {"kind": "mean_variance", "risk_aversion": -1}}),
        422,
        "risk aversion: expected zero or more",
    );
    refused(json!({"objective": least, "time_ms": 0}), 422, "time_ms: expected 1 to 30000");
    refused(json!({"objective": least, "currency": "JPY"}), 409, "nothing that may be held is listed in JPY");
}

#[test]
fn a_backtest_over_http_is_that_of_the_command_line() {
    let house = house();
    let events = house.folder.path().join("market.ndjson");
    let by_command = |more: &[&str]| -> Value {
        let args = [&["backtest", "--json", "--events", events.to_str().unwrap()], more].concat();
        serde_json::from_str(&evenkeel(args).unwrap().stdout).unwrap()
    };
    for (question, flags) in [
        (
            json!({"weights": {"VAS": "0.6", "VAF": "0.4"}, "when": {"every": "monthly"}}),
            vec!["--weights", "VAS=0.6,VAF=0.4", "--when", "monthly"],
        ),
        (
            json!({
                "optimise": {"aim": "minimum_variance", "window": 40, "instruments": ["VAS", "VAF", "GOLD"]},
                "when": {"every": "monthly"}, "from": "2026-04-01",
                "tax": {"entity": "individual", "other_income": "90000"},
            }),
            vec![
                "--optimise",
                "min-variance",
                "--window",
                "40",
                "--instruments",
                "VAS,VAF,GOLD",
                "--when",
                "monthly",
                "--from",
                "2026-04-01",
                "--tax",
                "individual",
                "--other-income",
                "90000",
            ],
        ),
    ] {
        let (status, found) = house.ask("/backtest", &question);
        assert_eq!(status, 200, "{question}: {found}");
        let expected = &by_command(&flags)["strategies"][0];
        for field in ["final_value", "metrics", "trades", "reviews", "holdings", "years"] {
            assert_eq!(found[field], expected[field], "{question} {field}");
        }
        assert!(!found["trades"].as_array().unwrap().is_empty());
    }
    for (question, field) in [
        (json!({"when": "once"}), "weights"),
        (json!({"when": "once", "weights": {"NOPE": "1"}}), "weights.NOPE"),
        (json!({"when": "once", "weights": {"VAS": "1.5"}}), "weights"),
        (json!({"when": "never", "weights": {"VAS": "1"}}), "when"),
        (json!({"when": "once", "weights": {"VAS": "1"}, "capital": "0"}), "capital"),
        (
            json!({"when": "once", "weights": {"VAS": "1"}, "from": "2027-01-01", "to": "2026-01-01"}),
            "backtest",
        ),
    ] {
        let (status, problem) = house.ask("/backtest", &question);
        assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{question}: {problem}");
    }
}
