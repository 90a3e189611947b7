//! `evenkeel replay`: ten million ticks over 1,000 customers, by the monitor and by the textbook operators, with one
//! worker and with two.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::program::Ran;
use crate::{Failure, Figure, Program, Report, Scale, check};

const SKETCH: &str = "an epoch of 1,000 ticks moves about 130 of 137 prices and the dollar, so it touches all of \
    1,000 customers × 8.5 holdings: 8,500 touches. Reading, parsing and judging 1,000 events: 0.7 ms an epoch. The \
    monitor's sweep of 8,500 slots: 5 µs. Textbook: 17,000 updates (one out, one in) through four arrangements (by \
    pair, lines of worth, lines of drift, standings), 70,000 arranged updates of 50 to 100 bytes an epoch, 0.2 to \
    0.5 µs each to sort, merge and look up: 15 to 35 ms an epoch";

/// What is measured: the drift engine and its workers.
const WAYS: [(&str, u32); 4] = [("monitor", 1), ("monitor", 2), ("textbook", 1), ("textbook", 2)];
const CUSTOMERS: u32 = 1000;
const INSTRUMENTS: u32 = 137;
/// With epochs of 100 ms: 1,000 ticks an epoch.
const TICKS_PER_SECOND: u32 = 10_000;
const EPOCH_MS: u32 = 100;
const MARK_MS: u32 = 10_000;

/// A file of events.
pub(crate) struct Workload {
    pub file: PathBuf,
    pub events: u64,
}

/// Writes a workload of the usual size.
pub(crate) fn generate(program: &Program, folder: &Path, ticks: u64, seed: u64) -> Result<Workload, Failure> {
    let file = folder.join(format!("ticks-{ticks}-{seed}.ndjson"));
    let numbers = [
        ("--customers", u64::from(CUSTOMERS)),
        ("--instruments", u64::from(INSTRUMENTS)),
        ("--ticks", ticks),
        ("--ticks-per-second", u64::from(TICKS_PER_SECOND)),
        ("--seed", seed),
    ];
    let mut args: Vec<String> = vec!["generate".to_owned()];
    args.extend(numbers.iter().flat_map(|(flag, number)| [(*flag).to_owned(), number.to_string()]));
    args.extend(["--out".to_owned(), file.display().to_string()]);
    program.run(folder, args)?;
    let events = lines(&file)?;
    Ok(Workload { file, events })
}

/// One replay into a folder of its own.
pub(crate) fn replay(
    program: &Program,
    workload: &Workload,
    out: &Path,
    (drift_engine, workers): (&str, u32),
    mark_ms: u32,
) -> Result<Ran, Failure> {
    std::fs::create_dir_all(out).map_err(Failure::file("make", out))?;
    let numbers = [("--workers", workers), ("--epoch-ms", EPOCH_MS), ("--mark-ms", mark_ms)];
    let mut args: Vec<String> = vec!["replay".to_owned(), "--events".to_owned()];
    args.extend([workload.file.display().to_string(), "--out".to_owned(), out.display().to_string()]);
    args.extend(numbers.iter().flat_map(|(flag, number)| [(*flag).to_owned(), number.to_string()]));
    args.extend(["--drift-engine".to_owned(), drift_engine.to_owned()]);
    let folder = out.parent().unwrap_or(out);
    program.run(folder, args)
}

/// Runs the bench inside `folder`.
///
/// # Errors
/// When the program fails, or its outputs are not whole or differ with the number of workers.
pub fn run(
    program: &Program,
    folder: &Path,
    scale: Scale,
    seed: u64,
    ticks: Option<u64>,
) -> Result<Report, Failure> {
    let mut report = Report::begin("replay", seed, SKETCH);
    let (usual, runs) = scale.pick((10_000_000, 1), (500_000, 2));
    let ticks = ticks.unwrap_or(usual).max(1000);
    let workload = generate(program, folder, ticks, seed)?;
    report.data(format!(
        "{ticks} ticks ({} events) over {CUSTOMERS} customers and {INSTRUMENTS} instruments, 1,000 ticks an epoch \
         of {EPOCH_MS} ms, a mark every {} s",
        workload.events,
        MARK_MS / 1000
    ));
    let mut by_way: [Vec<Ran>; 4] = Default::default();
    let folders = WAYS.map(|(engine, workers)| folder.join(format!("{engine}-{workers}")));
    let mut changes = 0;
    for _ in 0..runs {
        for ((ran, out), way) in by_way.iter_mut().zip(&folders).zip(WAYS) {
            let latest = replay(program, &workload, out, way, MARK_MS)?;
            changes = whole(&latest, &workload, out)?;
            same(&folders[0], out)?;
            // It may be minutes until the table.
            let rate = workload.events as f64 / latest.wall.as_secs_f64();
            let seconds = latest.cpu.as_secs_f64();
            eprintln!("{}, workers {}: {rate:.0} events/s, {seconds:.1} s of processor", way.0, way.1);
            ran.push(latest);
        }
    }
    report
        .checked(format!("all {} events accepted, {changes} changes written, none refused", workload.events));
    report.checked("both engines wrote the same bytes, with one and two workers");
    let ratio = |slow: &[Ran], fast: &[Ran]| -> Vec<f64> {
        slow.iter().zip(fast).map(|(slow, fast)| slow.wall.div_duration_f64(fast.wall)).collect()
    };
    report.figure(Figure::new("monitor over textbook, 1 worker", "ratio", &ratio(&by_way[2], &by_way[0])));
    report.figure(Figure::new("monitor: 2 workers over 1", "ratio", &ratio(&by_way[0], &by_way[1])));
    report.figure(Figure::new("textbook: 2 workers over 1", "ratio", &ratio(&by_way[2], &by_way[3])));
    for ((engine, workers), ran) in WAYS.iter().zip(&by_way) {
        let name = |what: &str| format!("{engine} ×{workers}: {what}");
        let each = |figure: &dyn Fn(&Ran) -> f64| ran.iter().map(figure).collect::<Vec<f64>>();
        let events = workload.events as f64;
        let rate = each(&|ran| events / ran.wall.as_secs_f64());
        let rate_cpu = each(&|ran| events / ran.cpu.as_secs_f64());
        let epoch = each(&|ran| ran.cpu.as_secs_f64() * 1e3 / (ticks as f64 / 1000.0));
        report.figure(Figure::new(name("events a second"), "events/s", &rate));
        report.figure(Figure::new(name("events a second of processor"), "events/s", &rate_cpu));
        report.figure(Figure::new(name("processor time an epoch"), "ms", &epoch));
        let peak = each(&|ran| ran.peak_mib as f64);
        report.figure(Figure::new(name("largest resident set"), "MiB", &peak));
    }
    Ok(report.end())
}

/// Sees that every event was taken and every change written; the changes.
fn whole(ran: &Ran, workload: &Workload, out: &Path) -> Result<u64, Failure> {
    let said = ran.stderr.lines().last().unwrap_or_default();
    let expected = format!("{} events (0 duplicate, 0 rejected) to ", workload.events);
    let rest = said.strip_prefix(&expected);
    let changes = rest.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    let Some(changes) = changes else {
        return Err(Failure::Check(format!("expected {expected:?} at first, got {said:?}")));
    };
    let mut written = 0;
    for file in files(out)? {
        written += lines(&file)?;
    }
    check(changes > 0 && written == changes, || format!("{changes} changes, but {written} lines"))?;
    Ok(changes)
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(Failure::file("list", folder))?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(Failure::file("list", folder))?;
    paths.sort_unstable();
    Ok(paths)
}

fn open(path: &Path) -> Result<BufReader<std::fs::File>, Failure> {
    let file = std::fs::File::open(path).map_err(Failure::file("read", path))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

fn lines(path: &Path) -> Result<u64, Failure> {
    let mut reader = open(path)?;
    let mut count = 0;
    loop {
        let chunk = reader.fill_buf().map_err(Failure::file("read", path))?;
        if chunk.is_empty() {
            return Ok(count);
        }
        count += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        let taken = chunk.len();
        reader.consume(taken);
    }
}

/// Sees that two folders hold the same files with the same bytes.
fn same(one: &Path, two: &Path) -> Result<(), Failure> {
    let (ours, theirs) = (files(one)?, files(two)?);
    check(ours.len() == theirs.len(), || "engines or workers wrote different collections".to_owned())?;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let differ = || format!("{} and {} differ", ours.display(), theirs.display());
        check(ours.file_name() == theirs.file_name() && same_bytes(ours, theirs)?, differ)?;
    }
    Ok(())
}

fn same_bytes(one: &Path, two: &Path) -> Result<bool, Failure> {
    let (mut ours, mut theirs) = (open(one)?, open(two)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        ours.by_ref().take(1 << 20).read_to_end(&mut left).map_err(Failure::file("read", one))?;
        theirs.by_ref().take(1 << 20).read_to_end(&mut right).map_err(Failure::file("read", two))?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
