//! Appends N records of 120 bytes in batches of 1,000, one fsync each, and prints the rate.
//!
//! `cargo run --release -p evenkeel-log --example append_rate -- [RECORDS] [FOLDER]`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use evenkeel_log::{Log, LogConfig, LogError, Topic};

const RECORD_BYTES: usize = 120;
const BATCH: usize = 1000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let records = arguments.next().map_or(Ok(2_000_000), |text| text.parse::<usize>());
    let Ok(records) = records else {
        eprintln!("usage: append_rate [RECORDS] [FOLDER]");
        return ExitCode::from(2);
    };
    let given = arguments.next().map(PathBuf::from);
    let folder = given
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("evenkeel-append-rate-{}", std::process::id())));
    let result = measure(LogConfig::new(&folder), records);
    if given.is_none() {
        // A folder that cannot be removed is no reason to hide the figures.
        let _ = std::fs::remove_dir_all(&folder);
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(config: LogConfig, records: usize) -> Result<(), LogError> {
    let file = config.path.join("events.redb");
    let start = Instant::now();
    let (log, report) = Log::open(config.clone())?;
    let (held, clean) = (report.records, report.clean_shutdown);
    println!("first open  {:>9.3} s, {held} records, closed cleanly: {clean}", start.elapsed().as_secs_f64());
    let payload: Vec<u8> = (0..RECORD_BYTES).map(|i| b' ' + (i * 31 % 90) as u8).collect();
    let batch: Vec<(Topic, &[u8])> = (0..BATCH).map(|_| (Topic::Market, payload.as_slice())).collect();
    let mut latencies = Vec::with_capacity(records / BATCH);
    let first_epoch = log.last_epoch().unwrap_or(0);
    let start = Instant::now();
    for epoch in 0..(records / BATCH) as u64 {
        let before = Instant::now();
        log.append(first_epoch + epoch, &batch)?;
        latencies.push(before.elapsed());
    }
    let took = start.elapsed();
    latencies.sort_unstable();
    let at =
        |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or_default();
    let appended = latencies.len() * BATCH;
    println!("append      {:>9.0} records/s", rate(appended, took));
    println!("commit p50  {:>9.3} ms", at(0.5).as_secs_f64() * 1e3);
    println!("commit p99  {:>9.3} ms", at(0.99).as_secs_f64() * 1e3);

    let start = Instant::now();
    drop(log);
    println!("close       {:>9.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let (log, _) = Log::open(config)?;
    println!("open        {:>9.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let mut scan = log.scan_all(0)?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(record) = scan.next_ref() {
        count += 1;
        bytes += record?.payload.len();
    }
    println!("scan        {:>9.0} records/s", rate(count, start.elapsed()));
    let start = Instant::now();
    let report = log.verify(&mut |_| {})?;
    println!("verify      {:>9.0} records/s, whole: {}", rate(count, start.elapsed()), report.whole());
    let size = std::fs::metadata(file).map_or(0, |file| file.len());
    println!("file        {:>9.2} bytes per payload byte", size as f64 / bytes.max(1) as f64);
    Ok(())
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
