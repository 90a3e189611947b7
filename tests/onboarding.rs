//! Onboarding over the program's own doors: from posted answers to a portfolio that is watched, whatever dies on the way.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evenkeel_feeds::generate::Market;
use evenkeel_schemas::Instant;
use evenkeel_schemas::events::Event;
use evenkeel_tests::evenkeel;
use evenkeel_tests::live::{PATIENCE, Running, sql, until, verify};
use serde_json::{Value, json};

/// The steps of the flow, as a first portfolio goes through them.
const STEPS: [&str; 13] = [
    "CustomerOnboarded",
    "RiskQuestionnaireCompleted",
    "GoalsDefined",
    "PodAllocationCalculated",
    "PodOptimized",
    "PodOptimized",
    "PodOptimized",
    "PodOptimized",
    "MasterPortfolioOptimized",
    "TaxOptimizationCompleted",
    "PortfolioCreated",
    "TradesExecuted",
    "PortfolioMonitoringStarted",
];

fn now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn lines(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
}

fn market(at: Instant) -> String {
    let market = Market::new(1, 60);
    let mut events = market.reference_events(at);
    events.extend(market.history(at.date(), 120));
    events.extend(market.quotes(at));
    lines(&events)
}

struct House {
    running: Running,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let text = evenkeel(["config", "--epoch-ms", "50", "--mark-ms", "100"]).unwrap().stdout;
        std::fs::write(folder.path().join("evenkeel.toml"), text).unwrap();
        let running = House::start(folder.path());
        House { running, folder }
    }

    fn start(folder: &Path) -> Running {
        let settings = folder.join("evenkeel.toml");
        Running::start(&folder.join("data"), &["--config", settings.to_str().unwrap()]).unwrap()
    }

    /// Kills the process and starts it again.
    fn again(self) -> House {
        let House { running, folder } = self;
        running.kill().unwrap();
        House { running: House::start(folder.path()), folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn example(&self, customer: &str) -> Value {
        let mut example = self.running.get("/api/v1/examples/onboarding").unwrap().json();
        example["customer"] = json!(customer);
        example
    }

    fn onboard(&self, newcomer: &Value) -> (u16, Value) {
        let answer = self.running.send("POST", "/api/v1/onboarding", &newcomer.to_string()).unwrap();
        (answer.status, answer.json())
    }

    fn steps(&self, customer: &str) -> Value {
        self.running.get(&format!("/api/v1/onboarding/{customer}")).unwrap().json()
    }

    fn monitored(&self, customer: &str) -> Value {
        let monitored = || self.steps(customer)["status"] == "monitored";
        let told = until("the portfolio is watched", PATIENCE, monitored);
        told.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.steps(customer), self.running.said()));
        self.steps(customer)
    }
}

fn names(steps: &Value) -> Vec<&str> {
    steps["steps"].as_array().unwrap().iter().filter_map(|step| step["step"].as_str()).collect()
}

/// How often each step was taken; decisions apart.
fn counted(steps: &Value) -> BTreeMap<&str, usize> {
    let mut counted = BTreeMap::new();
    for name in names(steps).into_iter().filter(|name| *name != "PortfolioRebalanced") {
        *counted.entry(name).or_default() += 1;
    }
    counted
}

#[test]
fn from_posted_answers_to_a_portfolio_that_is_watched() {
    let house = House::new();
    house.running.take_in(&market(now())).unwrap();
    let (status, taken) = house.onboard(&house.example("sarah"));
    assert_eq!((status, &taken["advice"]["risk_profile"]["risk_score"]), (201, &json!(65)), "{taken}");
    assert_eq!(taken["follow"], "/api/v1/onboarding/sarah");
    let steps = house.monitored("sarah");
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    for step in STEPS {
        *expected.entry(step).or_default() += 1;
    }
    assert_eq!(counted(&steps), expected);

    // What was wanted is what is held, but for lots and the movement since.
    let drift = house.running.get("/api/v1/customers/sarah/drift").unwrap().json();
    let drift = drift["drift"].as_array().unwrap();
    assert!(drift.len() >= 2 && drift.iter().all(|line| line["breach"].is_null()), "{drift:?}");
    // The order's decision can be read back with its terms.
    let decisions = house.running.get("/api/v1/customers/sarah/decisions").unwrap().json();
    let traded = decisions["decisions"].as_array().unwrap().iter().map(|one| &one["decision"]);
    let traded = traded.into_iter().find(|decision| decision["outcome"] == "trade").unwrap();
    assert!(traded["objective"]["cost_estimate"].is_string(), "{traded}");

    // Each goal has its share of its pod, and its analysis.
    let goals = house.running.get("/api/v1/customers/sarah/goals?paths=1000&savings=500").unwrap().json();
    let shares: Vec<f64> = goals["goals"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|goal| goal["capital"].as_str()?.parse().ok())
        .collect();
    let nav: f64 = goals["nav"].as_str().unwrap().parse().unwrap();
    // The pod of growth has no goal.
    assert!(shares.len() == 3 && (shares.iter().sum::<f64>() - 0.6 * nav).abs() < 1.0, "{goals}");
    for goal in goals["goals"].as_array().unwrap() {
        let outcome = &goal["analysis"]["outcome"]["probability"];
        assert!(outcome["probability"].is_string() && outcome["standard_error"].is_string(), "{goal}");
    }
    let wrong = house.running.get("/api/v1/customers/sarah/goals?savings=lots").unwrap();
    assert_eq!((wrong.status, &wrong.json()["field"]), (400, &json!("savings")), "{}", wrong.body);

    // Somebody asks for a rebalance: the customer's actor answers.
    let asked = house
        .running
        .send("POST", "/api/v1/customers/sarah/rebalance", r#"{"by":"desk","id":"ask-1"}"#)
        .unwrap();
    assert_eq!(asked.status, 202, "{}", asked.body);
    let answered = || {
        let decisions = house.running.get("/api/v1/customers/sarah/decisions").unwrap().body;
        decisions.contains("\"kind\":\"manual\"")
    };
    until("the request is answered", PATIENCE, answered).unwrap();

    // The same request again is the same; another customer has the same pods.
    let (status, again) = house.onboard(&house.example("tom"));
    assert_eq!(status, 201, "{again}");
    house.monitored("tom");
    let solutions = "SELECT count(DISTINCT solution) AS n FROM pod_portfolios";
    assert_eq!(sql(&house.data(), solutions).unwrap(), [json!({"n": 4})]);
    let weights = "SELECT customer, toString(sum(weight)) AS whole, max(weight) <= 0.3 AS most, count() <= 12 AS names \
                   FROM master_portfolios GROUP BY customer ORDER BY customer";
    let told = sql(&house.data(), weights).unwrap();
    for (customer, row) in ["sarah", "tom"].iter().zip(&told) {
        assert_eq!(*row, json!({"customer": customer, "whole": "1", "most": 1, "names": 1}), "{told:?}");
    }
    for (view, rows) in
        [("pod_allocations", 8), ("portfolio_taxes", 2), ("trades_executed", 2), ("monitoring", 8)]
    {
        let found = sql(&house.data(), &format!("SELECT count() AS n FROM {view}")).unwrap();
        assert_eq!(found, [json!({"n": rows})], "{view}");
    }
    let metrics = house.running.get("/metrics").unwrap().body;
    assert!(
        metrics.contains("evenkeel_onboarding_steps_total{step=\"PortfolioMonitoringStarted\"} 2"),
        "{metrics}"
    );
    assert!(
        metrics.contains("evenkeel_portfolios_optimized_total{objective=\"master\",status=\"optimal\"} 2")
    );
}

#[test]
fn a_kill_on_the_way_costs_no_step_and_repeats_none() {
    let mut house = House::new();
    house.running.take_in(&market(now())).unwrap();
    let customers = ["ann", "ben", "cid", "dee"];
    for (at, customer) in customers.iter().enumerate() {
        let newcomer = house.example(customer);
        assert_eq!(house.onboard(&newcomer).0, 201);
        // Later and later on the way: at once, while pods are solved, while orders work.
        std::thread::sleep(std::time::Duration::from_millis(150 * at as u64));
        house = house.again();
        // The sender has no answer and sends again.
        assert_eq!(house.onboard(&newcomer).0, 201);
    }
    for customer in customers {
        let steps = house.monitored(customer);
        let counted = counted(&steps);
        // Orders that were under way at a kill may end in two decisions; portfolios are made once.
        for step in STEPS.iter().filter(|step| **step != "TradesExecuted") {
            let times = if *step == "PodOptimized" { 4 } else { 1 };
            assert_eq!(counted.get(step), Some(&times), "{customer} {step}: {counted:?}");
        }
    }
    let data = house.data();
    let House { running, folder } = house;
    running.stop().unwrap();
    verify(&data, &[]).unwrap();
    drop(folder);
}

#[test]
fn what_cannot_be_taken_is_named_and_nothing_is_recorded() {
    let house = House::new();
    house.running.take_in(&market(now())).unwrap();
    let refused = |field: &str, change: &dyn Fn(&mut Value)| {
        let mut newcomer = house.example("bad");
        change(&mut newcomer);
        let (status, problem) = house.onboard(&newcomer);
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{problem}");
    };
    refused("answers.q3", &|newcomer| drop(newcomer["answers"].as_object_mut().unwrap().remove("q3")));
    refused("answers.q3", &|newcomer| newcomer["answers"]["q3"] = json!("panic"));
    refused("goals.GOAL_001.target_date", &|newcomer| {
        newcomer["goals"][0]["target_date"] = json!("2020-01-01")
    });
    refused("deposit", &|newcomer| newcomer["deposit"] = json!("0"));
    refused("profile.birth_date", &|newcomer| newcomer["profile"]["birth_date"] = json!("1890-01-01"));
    refused("agent", &|newcomer| newcomer["agent"] = json!("alpha"));
    assert_eq!(house.running.get("/api/v1/onboarding/bad").unwrap().status, 404);
    let own = r#"{"type":"portfolio_monitoring_started","at":"2026-01-05T00:00:00Z","customer":"bad","targets":"x","triggers":[],"pods":[]}"#;
    let receipt = house.running.post(own.as_bytes()).unwrap().json();
    assert_eq!(receipt["rejected"][0]["field"], "type", "{receipt}");
}

#[test]
fn without_a_market_a_customer_waits_and_is_told_why() {
    let house = House::new();
    assert_eq!(house.onboard(&house.example("eve")).0, 201);
    let waiting = || house.steps("eve")["status"] == "waiting: there are no closing marks yet";
    until("the customer waits", PATIENCE, waiting).unwrap();
    house.running.take_in(&market(now())).unwrap();
    house.monitored("eve");
}

/// The same log gives the same portfolios, with any number of workers, and none of it is repeated.
#[test]
fn a_replay_gives_the_same_portfolios_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.ndjson");
    let at: Instant = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut text = market(at);
    for customer in ["sarah", "tom"] {
        let at = "2026-06-01T00:00:01Z";
        text += &format!(
            r#"{{"type":"customer_onboarded","at":"{at}","id":"{customer}-profile","customer":"{customer}","base_currency":"AUD","profile":{{"birth_date":"1990-05-20","income":"120000","net_worth":"250000","investment_capital":"100000","experience":"intermediate","marginal_tax_rate":"0.30","resident":true}}}}
{{"type":"questionnaire_completed","at":"{at}","id":"{customer}-answers","customer":"{customer}","answers":{{"q1":"30_to_45","q2":"10_years_or_more","q3":"hold","q4":"balanced_growth","q5":"intermediate","q6":"20_percent","q7":"stable","q8":"yes_definitely","q9":"neutral","q10":"7_to_10_percent"}}}}
{{"type":"deposit","at":"{at}","id":"{customer}-money","customer":"{customer}","amount":"100000","currency":"AUD"}}
"#
        );
    }
    std::fs::write(&events, text).unwrap();
    let mut outcomes = Vec::new();
    for workers in ["1", "2", "4"] {
        let out = folder.path().join(workers);
        let (events, out_text) = (events.to_str().unwrap(), out.to_str().unwrap());
        let args = ["replay", "--events", events, "--out", out_text, "--workers", workers, "--act"];
        let outcome = evenkeel(args).unwrap();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let read = |name: &str| std::fs::read_to_string(out.join(format!("{name}.ndjson"))).unwrap();
        outcomes.push(["onboarding", "decisions", "fills", "positions"].map(read));
    }
    let flow = &outcomes[0][0];
    for step in
        ["pod_allocation_calculated", "targets_set", "trades_executed", "portfolio_monitoring_started"]
    {
        assert_eq!(flow.matches(&format!("\"type\":\"{step}\"")).count(), 2, "{step}\n{flow}");
    }
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}
