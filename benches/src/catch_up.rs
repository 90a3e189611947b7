//! The whole program with an empty ClickHouse and a full log: how fast it gets everything across.

use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_feeds::generate::{Book, Market};
use evenkeel_schemas::Instant as Time;
use serde_json::Value as Json;

use crate::program::Serving;
use crate::sink::PATIENCE;
use crate::{Failure, Figure, Program, Report};

const CUSTOMERS: u32 = 1000;
const TICKS_PER_SECOND: u32 = 10_000;
/// Ticks of one request, and how often one is sent.
const STEP: Duration = Duration::from_millis(50);
const TICKS_PER_STEP: usize = 500;
const SETTINGS: [(&str, u64); 2] = [("--epoch-ms", 100), ("--mark-ms", 100)];
/// A view younger than this is of now and no longer of the log's past.
const DERIVED_MS: u64 = 1000;
const LOOK: Duration = Duration::from_millis(50);

/// Fills a log for so many seconds, empties ClickHouse, starts again, and sees how long it takes.
pub(crate) fn run(
    report: &mut Report,
    program: &Program,
    folder: &Path,
    seconds: u64,
    seed: u64,
) -> Result<(), Failure> {
    let mut filling = program.serve(folder, &SETTINGS)?;
    filling.wait("/readyz", PATIENCE)?;
    fill(&filling, seconds, seed)?;
    filling.stop()?;
    let clickhouse = folder.join("data").join("clickhouse");
    std::fs::remove_dir_all(&clickhouse).map_err(Failure::file("remove", &clickhouse))?;

    let mut serving = program.serve(folder, &SETTINGS)?;
    serving.wait("/healthz", PATIENCE)?;
    let first = rows(&serving.http.json("/api/v1/status")?);
    let started = Instant::now();
    serving.wait("/readyz", PATIENCE)?;
    let ready = started.elapsed();
    let (written, took) = written(&serving, started)?;
    let peak = serving.peak_mib();
    serving.stop()?;
    // Its exit status says whether they agree. It derives with the settings that it is given, so they have to
    // be those of the run.
    let mut verify =
        vec!["verify".to_owned(), "--data".to_owned(), folder.join("data").display().to_string()];
    verify.extend(SETTINGS.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.to_string()]));
    program.run(folder, verify)?;
    report.checked("`evenkeel verify`: log, dataflow and ClickHouse agree after catching up");
    let rate = (written - first) as f64 / took.as_secs_f64();
    report.figure(Figure::one("whole program catching up: rows", "rows", written as f64));
    report.figure(Figure::one("whole program catching up: rows a second", "rows/s", rate));
    report.figure(Figure::one("/readyz: log read after", "s", ready.as_secs_f64()));
    report.figure(Figure::one("last row in ClickHouse after", "s", took.as_secs_f64()));
    report.figure(Figure::one("largest resident set, without the engine", "MiB", peak as f64));
    Ok(())
}

/// Onboards customers, then ticks at an even rate.
fn fill(serving: &Serving, seconds: u64, seed: u64) -> Result<(), Failure> {
    let now = || Time::from_micros(jiff::Timestamp::now().as_microsecond());
    let mut market = Market::new(seed, 137);
    market.set_pace(TICKS_PER_SECOND, 20);
    let mut book = Book::new(seed, CUSTOMERS);
    let mut events = market.reference_events(now());
    events.extend(market.quotes(now()));
    for customer in 0..CUSTOMERS {
        events.extend(book.open(&market, customer, now()));
    }
    serving.http.events(&crate::latency::body(&events)?)?;
    let start = Instant::now();
    for step in 1.. {
        let due = STEP * step;
        if due > Duration::from_secs(seconds) {
            return Ok(());
        }
        let ticks = market.next_ticks(now(), TICKS_PER_STEP);
        serving.http.events(&crate::latency::body(&ticks)?)?;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
    Ok(())
}

fn rows(status: &Json) -> u64 {
    status["clickhouse"]["rows"].as_u64().unwrap_or_default()
}

/// Waits until the view is of now and ClickHouse has everything that was handed to it; the rows, and how long.
fn written(serving: &Serving, started: Instant) -> Result<(u64, Duration), Failure> {
    loop {
        let status = serving.http.json("/api/v1/status")?;
        let derived = status["epoch_lag_ms"].as_u64().is_some_and(|lag| lag < DERIVED_MS);
        if derived && rows(&status) > 0 && status["clickhouse"]["lag_epochs"] == 0 {
            return Ok((rows(&status), started.elapsed()));
        }
        if started.elapsed() > PATIENCE {
            return Err(Failure::Program(format!("ClickHouse is still behind: {}", status["clickhouse"])));
        }
        std::thread::sleep(LOOK);
    }
}
