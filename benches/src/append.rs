//! The event log: records a second with group commit, and how long a commit takes.

use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_feeds::EventWriter;
use evenkeel_feeds::generate::Market;
use evenkeel_log::{GroupCommit, GroupLimits, Log, LogConfig, Topic};
use evenkeel_schemas::Instant as Time;

use crate::report::quantile;
use crate::{Failure, Figure, Report, Scale, check};

const SKETCH: &str = "a tick line is about 90 bytes, so 1,000 are 90 KB: one copy into a block, one blake3 pass \
    (about 1 GB/s: 0.1 ms), one copy into pages, one or two fsyncs of some 128 KB. The floor is the same bytes \
    appended to a plain file with one fdatasync for each batch, measured in the same run";

/// Records of one commit, as the issue counts them.
const BATCH: usize = 1000;
/// Senders of the group commit, and records of one of their submissions.
const SENDERS: usize = 4;
const SUBMISSION: usize = 200;
/// Submissions that a sender has under way at most: enough that a commit never waits for senders.
const UNDER_WAY: usize = 16;

/// Runs the bench inside `folder`.
///
/// # Errors
/// What the log or the file system refuses, or a check that does not hold.
pub fn run(folder: &Path, scale: Scale, seed: u64) -> Result<Report, Failure> {
    let mut report = Report::begin("log", seed, SKETCH);
    let (records, runs) = scale.pick((1_000_000, 5), (300_000, 3));
    let lines = tick_lines(seed, records)?;
    let bytes: usize = lines.iter().map(Vec::len).sum();
    report.data(format!("{records} tick lines of {} bytes on average, {runs} runs", bytes / records));
    let (mut direct, mut grouped, mut floor) = (Runs::default(), Runs::default(), Runs::default());
    // In turn, so that whatever else the machine does falls on all three.
    for run in 0..runs {
        let path = folder.join(format!("log-{run}"));
        measured(&mut floor, &plain_file(&path.with_extension("plain"), &lines)?, records);
        measured(&mut direct, &in_batches(&path.join("direct"), &lines)?, records);
        measured(&mut grouped, &in_groups(&path.join("grouped"), &lines)?, records);
        std::fs::remove_dir_all(&path).map_err(Failure::file("remove", &path))?;
    }
    report.checked("every record read back, in order, byte for byte; the hash chain verified");
    let wanted = "≥ 500,000";
    report.figure(Figure::new("batches of 1,000: append", "events/s", &direct.rate).wanted(wanted));
    report.figure(Figure::new("batches of 1,000: commit p50", "ms", &direct.p50));
    report.figure(Figure::new("batches of 1,000: commit p99", "ms", &direct.p99));
    report.figure(Figure::new("4 senders, group commit: append", "events/s", &grouped.rate).wanted(wanted));
    report.figure(Figure::new("4 senders, group commit: answer p50", "ms", &grouped.p50));
    report.figure(Figure::new("4 senders, group commit: answer p99", "ms", &grouped.p99));
    report.figure(Figure::new("floor: plain file, one fdatasync a batch", "events/s", &floor.rate));
    report.figure(Figure::new("floor: write and fdatasync p50", "ms", &floor.p50));
    report.figure(Figure::new("floor: write and fdatasync p99", "ms", &floor.p99));
    let share: Vec<f64> = direct.rate.iter().zip(&floor.rate).map(|(log, plain)| log / plain).collect();
    report.figure(Figure::new("log over floor, same run", "ratio", &share));
    Ok(report.end())
}

/// A figure of each run.
#[derive(Default)]
struct Runs {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// What one run took, and each of its commits.
struct Took {
    whole: Duration,
    commits: Vec<f64>,
}

fn measured(runs: &mut Runs, took: &Took, records: usize) {
    let mut sorted = took.commits.clone();
    sorted.sort_by(f64::total_cmp);
    runs.rate.push(records as f64 / took.whole.as_secs_f64());
    runs.p50.push(quantile(&sorted, 0.5));
    runs.p99.push(quantile(&sorted, 0.99));
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// Ticks as they stand in the log: a running number, then the line.
fn tick_lines(seed: u64, count: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut market = Market::new(seed, 137);
    let at = Time::from_micros(1_767_571_200_000_000);
    let mut lines = Vec::with_capacity(count);
    for (number, event) in market.next_ticks(at, count).iter().enumerate() {
        let mut writer = EventWriter::new((number as u64).to_le_bytes().to_vec());
        writer.event(event).map_err(Failure::io("write a tick into memory"))?;
        let mut line = writer.finish().map_err(Failure::io("write a tick into memory"))?;
        line.pop();
        lines.push(line);
    }
    Ok(lines)
}

/// The floor: the same bytes in a plain file.
fn plain_file(path: &Path, lines: &[Vec<u8>]) -> Result<Took, Failure> {
    use std::io::Write;
    let at = |error| Failure::file("write", path)(error);
    let mut file = std::fs::File::create(path).map_err(at)?;
    let mut commits = Vec::with_capacity(lines.len() / BATCH);
    let start = Instant::now();
    for batch in lines.chunks(BATCH) {
        let before = Instant::now();
        file.write_all(&batch.concat()).map_err(at)?;
        file.sync_data().map_err(at)?;
        commits.push(milliseconds(before.elapsed()));
    }
    let whole = start.elapsed();
    std::fs::remove_file(path).map_err(Failure::file("remove", path))?;
    Ok(Took { whole, commits })
}

/// One sender, 1,000 records to a commit.
fn in_batches(path: &Path, lines: &[Vec<u8>]) -> Result<Took, Failure> {
    let (log, _) = Log::open(LogConfig::new(path))?;
    let mut commits = Vec::with_capacity(lines.len() / BATCH);
    let start = Instant::now();
    for (epoch, batch) in lines.chunks(BATCH).enumerate() {
        let before = Instant::now();
        let records: Vec<(Topic, &[u8])> =
            batch.iter().map(|line| (Topic::Market, line.as_slice())).collect();
        log.append(epoch as u64, &records)?;
        commits.push(milliseconds(before.elapsed()));
    }
    let whole = start.elapsed();
    read_back(&log, lines.iter())?;
    Ok(Took { whole, commits })
}

/// Several senders, one committing thread that takes what waits, as the sequencer does.
fn in_groups(path: &Path, lines: &[Vec<u8>]) -> Result<Took, Failure> {
    let (log, _) = Log::open(LogConfig::new(path))?;
    let log = Arc::new(log);
    let group = GroupCommit::start(log.clone(), GroupLimits::default(), || 1, |_, _| {})?;
    let answers = Mutex::new(Vec::with_capacity(lines.len() / SUBMISSION));
    let start = Instant::now();
    std::thread::scope(|scope| {
        let share = lines.len().div_ceil(SENDERS);
        let senders: Vec<_> = lines
            .chunks(share)
            .map(|own| {
                let appender = group.appender();
                let answers = &answers;
                scope.spawn(move || {
                    let took = send(&appender, own)?;
                    answers.lock().unwrap_or_else(PoisonError::into_inner).extend(took);
                    Ok::<(), Failure>(())
                })
            })
            .collect();
        let panicked = |_| Failure::Program("a sending thread panicked".to_owned());
        senders.into_iter().try_for_each(|sender| sender.join().map_err(panicked)?)
    })?;
    let whole = start.elapsed();
    group.stop()?;
    let mut sorted: Vec<&Vec<u8>> = lines.iter().collect();
    sorted.sort_unstable();
    let mut stored = stored(&log)?;
    stored.sort_unstable();
    check(stored.iter().eq(sorted.iter().copied()), || "the log does not hold what was sent".to_owned())?;
    check(log.verify(&mut |_| {})?.whole(), || "the log does not verify".to_owned())?;
    let commits = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Took { whole, commits })
}

/// Sends in submissions, a bounded number under way; the time from each submission to its answer.
fn send(appender: &evenkeel_log::Appender, lines: &[Vec<u8>]) -> Result<Vec<f64>, Failure> {
    let (answer, answered) = channel();
    let mut took = Vec::with_capacity(lines.len() / SUBMISSION + 1);
    let mut under_way = 0;
    let wait = |took: &mut Vec<f64>| -> Result<(), Failure> {
        let gone = |_| Failure::Program("the committing thread has gone".to_owned());
        let (duration, result): (Duration, Result<Vec<u64>, _>) = answered.recv().map_err(gone)?;
        result?;
        took.push(milliseconds(duration));
        Ok(())
    };
    for submission in lines.chunks(SUBMISSION) {
        if under_way == UNDER_WAY {
            wait(&mut took)?;
            under_way -= 1;
        }
        let records = submission.iter().map(|line| (Topic::Market, line.clone())).collect();
        let (answer, sent) = (answer.clone(), Instant::now());
        appender.submit(records, move |result| {
            // The receiver is gone only when another answer was an error already.
            let _ = answer.send((sent.elapsed(), result));
        })?;
        under_way += 1;
    }
    (0..under_way).try_for_each(|_| wait(&mut took))?;
    Ok(took)
}

fn stored(log: &Log) -> Result<Vec<Vec<u8>>, Failure> {
    let mut all = Vec::new();
    for record in log.scan(Topic::Market, 0)? {
        all.push(record?.payload);
    }
    Ok(all)
}

fn read_back<'a>(log: &Log, expected: impl Iterator<Item = &'a Vec<u8>>) -> Result<(), Failure> {
    check(stored(log)?.iter().eq(expected), || "the log does not give back what was appended".to_owned())?;
    check(log.verify(&mut |_| {})?.whole(), || "the log does not verify".to_owned())
}
