//! What customers decide by, from outside: the tax of their year, covariances of the market, reviews by the calendar; and
//! that a log with all of it is replayed to the same bytes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;

use evenkeel_schemas::{Instant, TradeDate};
use evenkeel_tests::evenkeel;
use evenkeel_tests::live::Running;
use serde_json::Value;

/// A log in the making, an event a line.
#[derive(Default)]
struct Log(String);

impl Log {
    fn say(&mut self, event_type: &str, at: &str, rest: &str) -> &mut Log {
        let _ = writeln!(self.0, r#"{{"type":"{event_type}","at":"{at}",{rest}}}"#);
        self
    }

    fn list(&mut self, instruments: &[&str]) -> &mut Log {
        for name in instruments {
            let terms = format!(
                r#""instrument":"{name}","name":"{name}","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1""#
            );
            self.say("instrument_listed", "2025-06-01T00:00:00Z", &terms);
        }
        self
    }

    /// A resident with 100,000 of other income, and money.
    fn taxpayer(&mut self, customer: &str, money: &str) -> &mut Log {
        let at = "2025-07-01T00:00:00Z";
        self.say("customer_onboarded", at, &format!(r#""customer":"{customer}","base_currency":"AUD""#));
        let taxed = format!(
            r#""customer":"{customer}","entity":"individual","resident":true,"other_income":"100000""#
        );
        self.say("taxpayer_set", at, &taxed);
        self.say("deposit", at, &format!(r#""customer":"{customer}","amount":"{money}","currency":"AUD""#))
    }

    fn fill(&mut self, day: &str, customer: &str, id: &str, terms: (&str, &str, &str, &str)) -> &mut Log {
        let (side, instrument, quantity, price) = terms;
        let rest = format!(
            r#""id":"{id}","customer":"{customer}","instrument":"{instrument}","side":"{side}","quantity":"{quantity}","price":"{price}","fee":"0","currency":"AUD","trade_date":"{day}""#
        );
        self.say("fill", &format!("{day}T02:00:00Z"), &rest)
    }

    fn tick(&mut self, at: &str, instrument: &str, price: &str) -> &mut Log {
        self.say("tick", at, &format!(r#""instrument":"{instrument}","price":"{price}""#))
    }

    fn targets(&mut self, at: &str, customer: &str, method: &str) -> &mut Log {
        let weights = r#""weights":{"VAS":"0.5","VGS":"0.5"}"#;
        self.say("targets_set", at, &format!(r#""customer":"{customer}",{weights},"cost_basis":"{method}""#))
    }
}

/// The files that a replay with actors writes, by name.
struct Replayed(tempfile::TempDir);

impl Replayed {
    fn of(log: &Log, policy: &str, workers: &str) -> Replayed {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (events, config, out) = (path("events.ndjson"), path("evenkeel.toml"), path("out"));
        std::fs::write(&events, &log.0).unwrap();
        std::fs::write(&config, policy).unwrap();
        let args = ["replay", "--act", "--events", &events, "--config", &config];
        let outcome = evenkeel(args.into_iter().chain(["--out", &out, "--workers", workers])).unwrap();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let refused = std::fs::read_to_string(folder.path().join("out/rejected.ndjson")).unwrap();
        assert!(refused.is_empty(), "{refused}");
        Replayed(folder)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join("out").join(format!("{name}.ndjson"))).unwrap()
    }

    fn decisions(&self, customer: &str) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let of = |event: &Value| event["type"] == "decision" && event["customer"] == customer;
        self.text("decisions").lines().map(read).filter(of).collect()
    }
}

fn day(decision: &Value) -> String {
    decision["at"].as_str().unwrap()[..10].to_owned()
}

/// 700 VAS at 100 and 600 VGS at 50 on 3 August 2026, half and half is wanted.
fn apart(log: &mut Log, customer: &str, vas: &[(&str, &str, &str, &str)]) {
    log.fill("2025-07-02", customer, &format!("{customer}-vgs"), ("buy", "VGS", "600", "50"));
    for (day, id, quantity, price) in vas {
        log.fill(day, customer, &format!("{customer}-{id}"), ("buy", "VAS", quantity, price));
    }
}

#[test]
fn a_sale_waits_for_the_discount_of_its_parcel() {
    for method in ["specific", "fifo"] {
        let mut log = Log::default();
        log.list(&["VAS", "VGS"]).taxpayer("ann", "44000");
        apart(&mut log, "ann", &[("2025-08-20", "near", "700", "20")]);
        log.tick("2026-08-03T00:00:00Z", "VAS", "100").tick("2026-08-03T00:00:00Z", "VGS", "50");
        log.targets("2026-08-03T00:00:01Z", "ann", method);
        log.tick("2026-08-21T01:00:00Z", "VGS", "50");
        let decisions = Replayed::of(&log, "", "1").decisions("ann");
        let first = decisions.iter().find(|one| one["objective"]["refusal"] == "waiting");
        let first = first.unwrap_or_else(|| panic!("{method}: {decisions:?}"));
        let reason = first["reason"].as_str().unwrap();
        assert!(reason.contains("acquired on 2025-08-20 wait until 2026-08-21"), "{reason}");
        assert_eq!(first["objective"]["tax_year"], "2026-27");
        let traded: Vec<&Value> = decisions.iter().filter(|one| one["outcome"] == "trade").collect();
        assert_eq!(traded.iter().map(|one| day(one)).collect::<Vec<_>>(), ["2026-08-21"], "{method}");
        let lots = &traded[0]["orders"][0]["lots"];
        if method == "specific" {
            assert_eq!(lots[0]["lot"], "ann-near");
        } else {
            assert!(lots.is_null(), "the books choose: {lots}");
        }
    }
}

#[test]
fn the_loss_lot_goes_first_and_meets_the_gains_of_the_year() {
    let mut log = Log::default();
    log.list(&["VAS", "VGS", "VAF"]).taxpayer("ann", "100000");
    log.fill("2026-07-06", "ann", "in", ("buy", "VAF", "100", "50"));
    log.fill("2026-07-10", "ann", "out", ("sell", "VAF", "100", "100"));
    apart(&mut log, "ann", &[("2025-07-03", "old", "400", "60"), ("2026-01-05", "loss", "300", "110")]);
    log.tick("2026-08-03T00:00:00Z", "VAS", "100").tick("2026-08-03T00:00:00Z", "VGS", "50");
    log.targets("2026-08-03T00:00:01Z", "ann", "specific");
    let decisions = Replayed::of(&log, "", "2").decisions("ann");
    let traded = decisions.iter().find(|one| one["outcome"] == "trade").unwrap();
    assert_eq!(traded["orders"][0]["lots"][0]["lot"], "ann-loss", "{traded}");
    // 5,000 were gained and not held for a year: each dollar of loss saves 32 cents of it.
    let tax: f64 = traded["objective"]["cost_tax"].as_str().unwrap().parse().unwrap();
    assert!(tax < -300.0, "{tax}");
}

#[test]
fn at_average_cost_each_unit_gains_what_the_pool_says() {
    let tax = |method: &str| {
        let mut log = Log::default();
        log.list(&["VAS", "VGS"]).taxpayer("ann", "100000");
        apart(&mut log, "ann", &[("2025-07-03", "old", "400", "60"), ("2026-01-05", "new", "300", "110")]);
        log.tick("2026-08-03T00:00:00Z", "VAS", "100").tick("2026-08-03T00:00:00Z", "VGS", "50");
        log.targets("2026-08-03T00:00:01Z", "ann", method);
        let decisions = Replayed::of(&log, "", "1").decisions("ann");
        let traded = decisions.iter().find(|one| one["outcome"] == "trade").unwrap();
        let tax = traded["objective"]["cost_tax"].as_str().unwrap().parse::<f64>().unwrap();
        let units: f64 = traded["orders"][0]["quantity"].as_str().unwrap().parse().unwrap();
        tax / units
    };
    // Units leave the older lot first; they cost 60 there, and (400 × 60 + 300 × 110) / 700 = 81.43 in the pool.
    let (fifo, average) = (tax("fifo"), tax("average"));
    assert!((average / fifo - 18.57 / 40.0).abs() < 0.02, "{average} and {fifo}");
}

#[test]
fn a_dry_run_weighs_the_tax_of_the_year() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("data"), &[]).unwrap();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let today = Instant::from_micros(i64::try_from(since.as_micros()).unwrap()).date();
    let acquired = today.plus_days(-20).unwrap();
    let mut log = Log::default();
    log.list(&["VAS", "VGS"]).taxpayer("ann", "1");
    for (name, units, price) in [("VAS", "70", "100"), ("VGS", "140", "50")] {
        log.tick("2026-01-05T00:00:00Z", name, price);
        let moved = format!(
            r#""customer":"ann","instrument":"{name}","quantity":"{units}","cost_base":"3500","acquired":"{acquired}""#
        );
        log.say("transfer_in", &format!("{today}T00:00:00Z"), &moved);
    }
    log.targets(&format!("{today}T00:00:00Z"), "ann", "fifo");
    running.take_in(&log.0).unwrap();
    let answer =
        running.send("POST", "/api/v1/holdings/portfolio/ann/plan", r#"{"withdrawal":"2000"}"#).unwrap();
    let plan = answer.json();
    assert_eq!(
        (&plan["outcome"], &plan["benefit_rule"]),
        (&"trade".into(), &"squared_distance".into()),
        "{plan}"
    );
    assert_eq!(plan["tax"]["income"], "100000", "{plan}");
    // Some 2,000 are raised, half of it a gain, taxed at 32%.
    let amount = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    assert_eq!(plan["tax"]["adds"][0]["kind"], "ordinary", "{plan}");
    let gain = amount(&plan["tax"]["adds"][0]["amount"]);
    assert!((900.0..1_100.0).contains(&gain), "{plan}");
    assert!((amount(&plan["cost"]["tax"]) - 0.32 * gain).abs() < 1.0, "{plan}");
    running.stop().unwrap();
}

/// Half and half, as the targets say.
fn even(log: &mut Log, day: &str) {
    log.list(&["VAS", "VGS"]).taxpayer("ann", "100000");
    log.tick(&format!("{day}T00:00:00Z"), "VAS", "100").tick(&format!("{day}T00:00:00Z"), "VGS", "50");
    log.fill(day, "ann", "a", ("buy", "VAS", "500", "100")).fill(
        day,
        "ann",
        "b",
        ("buy", "VGS", "1000", "50"),
    );
    log.targets(&format!("{day}T03:00:00Z"), "ann", "average");
}

#[test]
fn a_tactical_tilt_is_traded_and_taken_back_when_its_last_day_is_over() {
    let mut log = Log::default();
    even(&mut log, "2026-08-03");
    let tilts = r#""customer":"ann","tilts":{"VAS":"0.1","VGS":"-0.1"},"until":"2026-08-07""#;
    log.say("tilts_set", "2026-08-04T00:00:00Z", tilts);
    for day in ["2026-08-05", "2026-08-07", "2026-08-10", "2026-08-11"] {
        log.tick(&format!("{day}T01:00:00Z"), "VAS", "100").tick(&format!("{day}T01:00:00Z"), "VGS", "50");
    }
    let decisions = Replayed::of(&log, "", "2").decisions("ann");
    let traded: Vec<&Value> = decisions.iter().filter(|one| one["outcome"] == "trade").collect();
    let told: Vec<(String, &Value, &Value)> = traded
        .iter()
        .map(|one| (day(one), &one["objective"]["tilts"], &one["after"][0]["weight"]))
        .filter(|(day, ..)| day != "2025-07-01")
        .collect();
    let (days, terms): (Vec<&str>, Vec<&Value>) =
        told.iter().map(|(day, term, _)| (day.as_str(), *term)).unzip();
    assert_eq!(days, ["2026-08-04", "2026-08-10"], "{decisions:?}");
    assert_eq!(terms, [&Value::from("VAS 0.1, VGS -0.1"), &Value::Null], "{decisions:?}");
    let weight = |at: usize| told[at].2.as_str().unwrap().parse::<f64>().unwrap();
    assert!((weight(0) - 0.6).abs() < 0.005 && (weight(1) - 0.5).abs() < 0.005, "{decisions:?}");
}

#[test]
fn a_tilt_can_be_tried_before_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("data"), &[]).unwrap();
    let mut log = Log::default();
    even(&mut log, "2026-08-03");
    running.take_in(&log.0).unwrap();
    let plan = |body: &str| running.send("POST", "/api/v1/holdings/portfolio/ann/plan", body).unwrap().json();
    let refused = plan(r#"{"tilts":{"XYZ":"0.1"}}"#);
    assert_eq!((&refused["status"], &refused["field"]), (&422.into(), &"tilts.XYZ".into()), "{refused}");
    assert_eq!(plan(r#"{"tilts":{"VAS":"1.1"}}"#)["field"], "tilts.VAS");
    assert_eq!(plan("{}")["orders"].as_array().unwrap().len(), 0);
    let tried = plan(r#"{"tilts":{"VAS":"0.1","VGS":"-0.1"}}"#);
    let orders = tried["orders"].as_array().unwrap();
    let sides: Vec<&Value> = orders.iter().map(|order| &order["side"]).collect();
    assert_eq!(sides, ["sell", "buy"], "{tried}");
    let until = "2100-12-31";
    let tilts = format!(r#""customer":"ann","tilts":{{"VAS":"0.1","VGS":"-0.1"}},"until":"{until}""#);
    let mut said = Log::default();
    said.say("tilts_set", "2026-08-04T00:00:00Z", &tilts);
    running.take_in(&said.0).unwrap();
    let customer = running.get("/api/v1/customers/ann").unwrap().json();
    assert_eq!(customer["tilts"]["by"]["VGS"], "-0.1", "{customer}");
    assert_eq!(customer["tilts"]["until"], until, "{customer}");
    let weights: Vec<&Value> =
        customer["targets"].as_array().unwrap().iter().map(|line| &line["weight"]).collect();
    assert_eq!(weights, ["0.6", "0.4"], "{customer}");
    // A dry run's tilts take the place of those that hold.
    let again = plan(r#"{"tilts":{"VAS":"0.2","VGS":"-0.2"}}"#);
    let targets: Vec<&Value> =
        again["before"]["holdings"].as_array().unwrap().iter().map(|line| &line["target"]).collect();
    assert_eq!(targets, ["0.700000000", "0.300000000"], "{again}");
    assert_eq!(plan(r#"{"tilts":{"VAS":"0"}}"#)["field"], "tilts.VAS");
    running.stop().unwrap();
}

const MONTHLY: &str = "[policy.rebalancing]\nstrategy = \"calendar\"\ncadence = \"monthly\"\n";

#[test]
fn a_monthly_review_trades_on_its_day_and_not_before() {
    let mut log = Log::default();
    log.list(&["VAS", "VGS"]).taxpayer("ann", "100000");
    log.tick("2026-08-03T00:00:00Z", "VAS", "100").tick("2026-08-03T00:00:00Z", "VGS", "50");
    log.fill("2026-08-03", "ann", "a", ("buy", "VAS", "500", "100"));
    log.fill("2026-08-03", "ann", "b", ("buy", "VGS", "1000", "50"));
    log.targets("2026-08-03T03:00:00Z", "ann", "fifo");
    // 600 of 1,100 is 4.5 points over, 700 of 1,200 8.3: outside its band from the second on.
    log.tick("2026-08-10T00:00:00Z", "VAS", "120").tick("2026-08-20T00:00:00Z", "VAS", "140");
    log.tick("2026-09-02T23:00:00Z", "VGS", "50").tick("2026-09-20T00:00:00Z", "VGS", "50");
    let replayed = Replayed::of(&log, MONTHLY, "1");
    let decisions = replayed.decisions("ann");
    let held = decisions.iter().filter(|one| day(one).as_str() == "2026-08-20").collect::<Vec<_>>();
    assert_eq!(held.len(), 1, "said once: {held:?}");
    assert!(held[0]["reason"].as_str().unwrap().contains("the next review is due on 2026-09-03"), "{held:?}");
    let traded: Vec<&Value> = decisions.iter().filter(|one| one["outcome"] == "trade").collect();
    assert_eq!(traded.iter().map(|one| day(one)).collect::<Vec<_>>(), ["2026-09-03"], "{decisions:?}");
    assert_eq!(replayed.text("decisions").matches(r#""type":"review_due""#).count(), 1);
    let open = replayed.text("triggers");
    let changes = |diff: &str| {
        open.lines().filter(|line| line.contains(r#""kind":"calendar""#) && line.contains(diff)).count()
    };
    assert_eq!((changes(r#""diff":1"#), changes(r#""diff":-1"#)), (1, 1), "it entered and was answered");
}

/// Closing marks of a hundred days, one instrument with the other and against it by turns.
fn closes(log: &mut Log, until: &str) {
    let last: TradeDate = until.parse().unwrap();
    for at in 0..100_i32 {
        let date = last.plus_days(at - 100).unwrap();
        let wave = f64::from(at % 7) - f64::from(at % 5);
        for (name, price) in [("VAS", 98.0 + wave), ("VGS", 50.0 + wave / 4.0 + f64::from(at % 3))] {
            let rest = format!(r#""instrument":"{name}","price":"{price:.2}","date":"{date}""#);
            log.say("close", &format!("{date}T06:00:00Z"), &rest);
        }
    }
}

#[test]
fn the_same_log_gives_the_same_bytes_with_any_number_of_workers() {
    let mut log = Log::default();
    log.list(&["VAS", "VGS"]);
    let customers: Vec<String> = (0..12).map(|number| format!("c{number:02}")).collect();
    for (number, customer) in customers.iter().enumerate() {
        log.taxpayer(customer, "60000");
        let near = ["2025-08-20", "2025-11-03", "2025-07-03"][number % 3];
        apart(&mut log, customer, &[(near, "one", "400", "20"), ("2026-01-05", "two", "300", "60")]);
    }
    // The last days of the year of fills lie among the closing marks; a log is in the order of its record.
    closes(&mut log, "2026-08-03");
    log.tick("2026-08-03T00:00:00Z", "VAS", "100").tick("2026-08-03T00:00:00Z", "VGS", "50");
    for (number, customer) in customers.iter().enumerate() {
        log.targets("2026-08-03T00:00:01Z", customer, ["specific", "fifo", "hifo", "lifo"][number % 4]);
    }
    log.tick("2026-08-24T00:00:00Z", "VAS", "101").tick("2026-09-10T00:00:00Z", "VAS", "150");
    let mut lines: Vec<&str> = log.0.lines().collect();
    let at = |line: &str| -> Instant {
        let event: Value = serde_json::from_str(line).unwrap();
        event["at"].as_str().unwrap().parse().unwrap()
    };
    lines.sort_by_key(|line| at(line));
    let log = Log(lines.join("\n") + "\n");
    for policy in ["", MONTHLY] {
        let outcomes: Vec<Vec<String>> = ["1", "2", "4"]
            .iter()
            .map(|workers| {
                let replayed = Replayed::of(&log, policy, workers);
                ["decisions", "fills", "order_states", "positions", "triggers", "tax", "lots"]
                    .map(|name| replayed.text(name))
                    .to_vec()
            })
            .collect();
        let decisions = &outcomes[0][0];
        for said in
            [r#""benefit_rule":"tracking_variance""#, r#""tax_year":"2026-27""#, r#""outcome":"trade""#]
        {
            assert!(decisions.contains(said), "{said}");
        }
        assert_eq!(decisions.contains(r#""type":"review_due""#), policy == MONTHLY);
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "policy {policy:?}");
    }
}
