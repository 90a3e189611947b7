//! Random histories: what the program derives is the plain computation's, byte for byte, whatever the
//! workers; and when everything is taken back, nothing is left.
//!
//! A history is drawn from a seed: `histories()` lists those of the normal run, `EVENKEEL_DEEP=1` draws ten
//! times as many. A failure names its seed; `EVENKEEL_SEED=n` runs that one alone and keeps its files.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::Path;

use evenkeel_schemas::Collection;
use evenkeel_tests::batch::{Options, run_files};
use evenkeel_tests::{History, Replay, WAYS, Way, basic, compare, left, refused, replay};

/// The seeds to run: committed ones, more in the deep mode, or the one asked for.
fn seeds(normal: u64) -> Vec<u64> {
    if let Some(seed) = std::env::var("EVENKEEL_SEED").ok().and_then(|text| text.parse().ok()) {
        return vec![seed];
    }
    let times = if std::env::var_os("EVENKEEL_DEEP").is_some() { 10 } else { 1 };
    (1..=normal * times).map(|number| 20_260_105 + number).collect()
}

/// Replays lines with some numbers of workers and compares with the plain computation.
fn compare_all(lines: &[String], options: Options, ways: &[Way], folder: &Path) -> Result<(), String> {
    let Options { epoch_ms, mark_ms, stale_ms } = options;
    let file = folder.join("events.ndjson");
    let how = |(drift_engine, workers, processes)| Replay {
        epoch_ms,
        mark_ms,
        stale_ms,
        workers,
        processes,
        drift_engine,
    };
    write(&file, lines, &[]);
    replay(&file, &folder.join("got-0"), how(ways[0]))?;
    write(&file, lines, &refused(&folder.join("got-0"))?);
    let expected = folder.join("expected");
    let counts = run_files(&file, options, &expected).map_err(|error| error.to_string())?;
    if (counts.refused, counts.duplicates) != (0, 0) {
        return Err(format!("the plain computation refuses something: {counts:?}"));
    }
    for way in ways {
        let out = folder.join(format!("got-{}-{}-{}", way.0, way.1, way.2));
        replay(&file, &out, how(*way))?;
        compare(&folder.join("none"), &out.join("rejected.ndjson"))?;
        for collection in Collection::ALL {
            let name = format!("{}.ndjson", collection.as_str());
            compare(&expected.join(&name), &out.join(&name))?;
        }
    }
    Ok(())
}

/// The lines, without those whose numbers are given.
fn write(path: &Path, lines: &[String], without: &[usize]) {
    let kept = lines.iter().enumerate().filter(|(at, _)| !without.contains(&(at + 1)));
    let text: String = kept.flat_map(|(_, line)| [line.as_str(), "\n"]).collect();
    std::fs::write(path, text).unwrap();
}

fn check(history: &History, folder: &Path) -> Result<(), String> {
    compare_all(&history.lines, history.options, &WAYS, folder).map_err(|error| {
        let small = shrunk(&history.lines, history.options, folder);
        let small = small.map_or(String::new(), |(lines, error)| format!("\n{error}\n{}", lines.join("\n")));
        format!("{error}\nsmallest found, {:?}:{small}", history.options)
    })
}

/// Takes lines out, fewer and fewer at a time, as long as what is left still fails; for people to read.
fn shrunk(lines: &[String], options: Options, folder: &Path) -> Option<(Vec<String>, String)> {
    std::env::var_os("EVENKEEL_SEED")?;
    let fails = |lines: &[String]| compare_all(lines, options, &WAYS[..1], folder).err();
    let mut kept = lines.to_vec();
    let mut told = fails(&kept)?;
    let mut size = kept.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + size).min(kept.len()));
            match fails(&fewer).filter(|error| error.contains("differ first")) {
                Some(error) => (kept, told) = (fewer, error),
                None => at += size,
            }
        }
        size /= 2;
    }
    Some((kept, told))
}

fn all_hold(normal: u64, holds: impl Fn(u64, &Path) -> Result<(), String>) {
    let mut failures = Vec::new();
    for seed in seeds(normal) {
        let folder = tempfile::tempdir().unwrap();
        if let Err(error) = holds(seed, folder.path()) {
            failures.push(format!("EVENKEEL_SEED={seed}: {error}"));
            if std::env::var_os("EVENKEEL_SEED").is_some() {
                eprintln!("kept in {}", folder.keep().display());
            }
        }
    }
    assert!(failures.is_empty(), "{} histories fail:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn any_history_gives_what_the_plain_computation_gives() {
    all_hold(40, |seed, folder| check(&History::new(seed, false), folder));
}

#[test]
fn so_does_one_of_two_thousand_events() {
    all_hold(2, |seed, folder| check(&History::long(seed + 900_000), folder));
}

#[test]
fn when_everything_is_busted_nothing_is_left() {
    all_hold(12, |seed, folder| {
        let mut history = History::new(seed + 500_000, true);
        history.bust_all();
        check(&history, folder)?;
        // A refused amendment leaves the event that it names standing, and the history does not know: then
        // something is left, rightly.
        let refused = std::fs::read_to_string(folder.join("got-0").join("rejected.ndjson")).unwrap();
        if refused.contains("\"field\":\"with.") {
            return Ok(());
        }
        match left(&folder.join("got-monitor-1-1"))? {
            left if left.is_empty() => Ok(()),
            left => Err(format!("left at the end:\n{}", left.join("\n"))),
        }
    });
}

/// A test of the test: histories are as varied as they are meant to be.
#[test]
fn histories_are_full_of_life() {
    let all: Vec<String> = seeds(40).into_iter().flat_map(|seed| History::new(seed, false).lines).collect();
    let kinds = [
        "tick",
        "close",
        "fx_rate",
        "split",
        "customer_onboarded",
        "instrument_listed",
        "targets_set",
        "tilts_set",
        "deposit",
        "withdrawal",
        "cash_posted",
        "transfer_in",
        "fill",
        "rebalance_requested",
        "distribution",
        "merger",
        "delisting",
        "fx_conversion",
        "reinvestment_elected",
        "taxpayer_set",
        "fee_schedule_set",
        "interest_rate_set",
        "risk_limits_set",
        "fx_close",
        "correction",
    ];
    for kind in kinds {
        let told = format!("{{\"type\":\"{kind}\"");
        assert!(all.iter().any(|line| line.starts_with(&told)), "no {kind}");
        let replaced = format!("\"with\":{told}");
        assert!(
            basic(kind) || kind == "correction" || all.iter().any(|line| line.contains(&replaced)),
            "no amended {kind}"
        );
    }
}
