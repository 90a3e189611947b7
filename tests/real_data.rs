//! Real markets and generated workloads: the program's output is the plain computation's, byte for byte,
//! whatever the workers.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use evenkeel_feeds::generate::{Workload, generate};
use evenkeel_feeds::import::{ImportOptions, Report, import_file};
use evenkeel_schemas::Collection;
use evenkeel_schemas::events::{Event, parse_event};
use evenkeel_tests::batch::{Counts, Options, run_files};
use evenkeel_tests::{Replay, WAYS, compare, real, replay};

const US_DAY: Options = Options { epoch_ms: 1_000, mark_ms: 300_000, stale_ms: 0 };
const ASX_YEARS: Options = Options { epoch_ms: 1_000, mark_ms: 86_400_000, stale_ms: 0 };

/// Writes the events and what should come of them into a folder.
fn prepare(folder: &Path, events: &[Event], options: Options) -> Counts {
    let file = folder.join("events.ndjson");
    real::write(events, &file).unwrap();
    let counts = run_files(&file, options, &folder.join("expected")).unwrap();
    assert_eq!((counts.refused, counts.duplicates), (0, 0));
    assert_eq!(counts.accepted, events.len() as u64);
    counts
}

fn lines(folder: &Path, collection: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("expected").join(format!("{collection}.ndjson"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn program_agrees(events: &[Event], options: Options) {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), events, options);
    for (drift_engine, workers, processes) in WAYS {
        let out = folder.path().join(format!("got-{drift_engine}-{workers}-{processes}"));
        let Options { epoch_ms, mark_ms, stale_ms } = options;
        let how = Replay { epoch_ms, mark_ms, stale_ms, workers, processes, drift_engine };
        let begun = std::time::Instant::now();
        replay(&folder.path().join("events.ndjson"), &out, how).unwrap();
        eprintln!("{drift_engine}, {workers} workers, {processes} processes: {:.1?}", begun.elapsed());
        for collection in Collection::ALL {
            let name = format!("{}.ndjson", collection.as_str());
            compare(&folder.path().join("expected").join(&name), &out.join(&name)).unwrap();
        }
    }
}

#[test]
fn the_us_day_is_real_and_full_of_life() {
    let events = real::scenario_us_day(&real::sample_dir()).unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Tick(_))).count(), 363_066);
    let folder = tempfile::tempdir().unwrap();
    let begun = std::time::Instant::now();
    let counts = prepare(folder.path(), &events, US_DAY);
    eprintln!("US day: {counts:?} in {:.1?}", begun.elapsed());
    assert!(counts.epochs > 20_000);
    assert!(lines(folder.path(), "breaches").len() > 1_000);
    let anomalies = lines(folder.path(), "anomalies");
    for kind in ["unpriced", "overdraft", "no_nav"] {
        assert!(anomalies.iter().any(|line| line.contains(kind)), "{kind}");
    }
    let currencies: BTreeSet<String> = lines(folder.path(), "valuations")
        .iter()
        .filter_map(|line| line.split("\"currency\":\"").nth(1).map(|rest| rest[..3].to_owned()))
        .collect();
    assert_eq!(currencies.into_iter().collect::<Vec<_>>(), ["AUD", "NZD", "USD"].map(str::to_owned)[..]);
}

#[test]
fn the_asx_years_are_real_in_the_sample_and_in_the_full_files() {
    for dir in [Some(real::sample_dir()), real::full_dir()].into_iter().flatten() {
        let events = real::scenario_asx_years(&dir).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let begun = std::time::Instant::now();
        let counts = prepare(folder.path(), &events, ASX_YEARS);
        eprintln!("ASX years: {counts:?} in {:.1?}", begun.elapsed());
        assert!(lines(folder.path(), "valuations").len() > 100_000);
        assert!(lines(folder.path(), "anomalies").iter().any(|line| line.contains("no rate for AUD/NZD")));
    }
}

/// Every file of the full data is imported, or refused in words; its known faults are told.
#[test]
fn all_files_of_the_full_data_are_imported_or_refused_in_words() {
    let Some(full) = real::full_dir() else { return };
    let mut told = BTreeMap::new();
    for folder in ["daily_asx", "daily_us", "ticks", "fx", "holdings", "broker_exports"] {
        for entry in std::fs::read_dir(full.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut report = Report::default();
            let result = import_file(&path, &ImportOptions::default(), &mut |_| Ok(()), &mut report);
            let (skips, suspects) = (report.skipped, report.suspects.len());
            let outcome = result.map_or_else(|error| error.to_string(), |()| "imported".to_owned());
            eprintln!("{name}: {} events, {skips} skipped, {suspects} suspect; {outcome}", report.events);
            told.insert(name, (report, outcome));
        }
    }
    let report = |name: &str| &told[name].0;
    assert_eq!(report("lean_spy_20131007_trade.zip").events, 250_602);
    assert_eq!(
        report("jrandj_VAS.csv").skips.iter().map(|p| p.field.as_str()).collect::<Vec<_>>(),
        ["Close"]
    );
    assert!(report("jrandj_XJO.csv").skipped > 1_000);
    let suspects = &report("mockportfolio_asx_daily.csv.gz").suspects;
    assert!(suspects.iter().any(|problem| problem.reason.contains("QOZ")));
    assert_eq!(report("monthly_usd_rates_aud_nzd_eur_jpy_gbp.csv").events, 2_994);
    let imported = told.values().filter(|(_, outcome)| outcome == "imported").count();
    assert!(imported >= 23, "{imported}");
    assert!(told.iter().all(|(name, (report, _))| report.events == 0 || !name.starts_with("kapji")));
    assert!(told["lean_spy_factor_file.csv"].1.contains("expected a header"));
}

const WORKLOAD: Options = Options { epoch_ms: 100, mark_ms: 1_000, stale_ms: 0 };

fn workload(ticks: u64) -> Vec<Event> {
    generated(&Workload { customers: 200, instruments: 60, ticks, seed: 11, ..Workload::default() })
}

fn generated(workload: &Workload) -> Vec<Event> {
    let mut bytes = Vec::new();
    generate(workload, &mut bytes, &mut |_, _| {}).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| parse_event(line).unwrap()).collect()
}

#[test]
fn a_generated_workload_has_breaches_and_no_anomalies() {
    let folder = tempfile::tempdir().unwrap();
    let counts = prepare(folder.path(), &workload(200_000), WORKLOAD);
    eprintln!("workload: {counts:?}");
    assert_eq!(lines(folder.path(), "anomalies"), Vec::<String>::new());
    assert!(lines(folder.path(), "breaches").len() > 50);
}

#[test]
fn the_program_agrees_on_a_generated_workload() {
    program_agrees(&workload(60_000), WORKLOAD);
}

/// Portfolios with closing marks behind them and limits near their value at risk, which some lose in the end: pairs of few
/// instruments, factors of many.
#[test]
fn the_program_agrees_on_value_at_risk() {
    let set = |at: String, customer: &str, limits: &str| {
        let line = format!(r#"{{"type":"risk_limits_set","at":"{at}","customer":"{customer}"{limits}}}"#);
        parse_event(line.as_bytes()).unwrap()
    };
    for instruments in [30, 120] {
        let market =
            Workload { customers: 60, instruments, ticks: 15_000, history: 80, ..Workload::default() };
        let (mut events, mut customers) = (Vec::new(), Vec::new());
        for event in generated(&market) {
            let limits = match &event {
                Event::CustomerOnboarded(e) => {
                    customers.push(e.customer.clone());
                    let limit = format!(r#","value_at_risk":"0.0{:02}""#, 5 + customers.len() % 9);
                    Some(set(e.at.to_string(), e.customer.as_str(), &limit))
                }
                _ => None,
            };
            events.push(event);
            events.extend(limits);
        }
        let last = events.last().unwrap().at().to_string();
        events.extend(customers.iter().step_by(2).map(|customer| set(last.clone(), customer.as_str(), "")));
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path(), &events, WORKLOAD);
        let mut triggers = lines(folder.path(), "triggers");
        triggers.retain(|line| line.contains("value_at_risk"));
        let left = triggers.iter().filter(|line| line.contains("\"diff\":-1")).count();
        assert!(triggers.len() > 10 && left > 2, "{instruments}: {} and {left}", triggers.len());
        program_agrees(&events, WORKLOAD);
    }
}

#[test]
fn the_program_agrees_on_the_us_day() {
    program_agrees(&real::scenario_us_day(&real::sample_dir()).unwrap(), US_DAY);
}

#[test]
fn the_program_agrees_on_the_asx_years() {
    program_agrees(&real::scenario_asx_years(&real::sample_dir()).unwrap(), ASX_YEARS);
}
