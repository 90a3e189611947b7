//! Advice over HTTP: the worked example of the flow, a goal, and what cannot be advised on.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use evenkeel_tests::live::Running;
use serde_json::{Value, json};

fn sarah() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/walk/sarah.ndjson");
    let text = std::fs::read_to_string(path).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    json!({
        "at": "2025-11-15T00:00:00Z",
        "profile": events[0]["profile"],
        "answers": events[1]["answers"],
        "goals": events[2]["goals"],
    })
}

fn goal() -> Value {
    json!({
        "plan": {
            "target": "150000",
            "months": 48,
            "funding": {
                "capital": "100000",
                "savings": {"amount": "500", "every_months": 1, "timing": "end", "yearly_growth": "0.03"},
                "mix": {"name": "balanced", "expected_return": "0.06", "volatility": "0.1"},
                "fee": "0.005",
                "tax": "0.2",
                "inflation": "0.025",
            },
        },
        "probability": "0.8",
        "later_months": 24,
        "mixes": [{"name": "growth", "expected_return": "0.08", "volatility": "0.16"}],
        "seed": 7,
    })
}

#[test]
fn a_questionnaire_becomes_pods_and_a_goal_its_probability() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("data"), &[]).unwrap();
    let post = |path: &str, body: &Value| {
        running.send("POST", &format!("/api/v1/advice/{path}"), &body.to_string()).unwrap()
    };

    let answer = post("onboarding", &sarah());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let advice = answer.json();
    let risk = &advice["risk_profile"];
    assert_eq!((&risk["risk_score"], &risk["risk_category"]), (&65.into(), &"growth".into()), "{advice}");
    // Ruling 2: the car bought in a year goes to pod 1.
    assert_eq!(advice["goal_mappings"][0]["pod_name"], "Preservation", "{advice}");
    let pods = advice["pod_allocation"]["pods"].as_array().unwrap();
    let sum = |field: &str| -> f64 {
        pods.iter().map(|pod| pod[field].as_str().unwrap().parse::<f64>().unwrap()).sum()
    };
    assert!((sum("weight") - 1.0).abs() < 1e-9 && (sum("capital") - 100_000.0).abs() < 1e-6, "{advice}");

    let answer = post("goal", &goal());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let analysis = answer.json();
    let chance = &analysis["outcome"]["probability"];
    let number = |field: &str| chance[field].as_str().unwrap().parse::<f64>().unwrap();
    assert!((0.0..=1.0).contains(&number("probability")), "{analysis}");
    assert!(number("standard_error") > 0.0 && number("standard_error") < 0.01, "{analysis}");
    assert_eq!(post("goal", &goal()).body, answer.body, "the same seed, the same bytes");

    let mut unknown = sarah();
    unknown["answers"]["q3"] = "panic".into();
    let mut past = sarah();
    past["goals"][0]["target_date"] = "2020-01-01".into();
    let mut heavy = goal();
    heavy["paths"] = 1_000_000.into();
    let mut wild = goal();
    wild["plan"]["funding"]["mix"]["volatility"] = "7".into();
    let mut colour = goal();
    colour["colour"] = "red".into();
    for (path, body, words) in [
        ("onboarding", unknown, "q3"),
        ("onboarding", past, "target_date"),
        ("onboarding", json!({}), "profile"),
        ("goal", heavy, "at most 100000"),
        ("goal", wild, "mix.volatility"),
        ("goal", colour, "colour"),
    ] {
        let refused = post(path, &body);
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains(words) && refused.json()["field"].is_string(), "{}", refused.body);
    }
}
