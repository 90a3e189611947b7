//! ClickHouse: rows a second through the real writer, and by the whole program while it catches up.

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_clickhouse::{
    Client, DriftRow, Engine, EngineOptions, LogRow, Settings, Text, ValuationRow, Writer, connect, fetch,
    install, migrate,
};
use serde::Deserialize;

use crate::replay::{generate, replay};
use crate::report::quantile;
use crate::{Failure, Figure, Program, Report, Scale, catch_up, check};

const SKETCH: &str = "a drift row is 60 bytes on the wire, a valuation row 80: 100,000 rows are 7 MB, LZ4 in 10 ms, \
    one HTTP request, parsed, sorted and compressed by the server in 50 to 100 ms, then one fsync a part: 0.6 to 1 M \
    rows/s alone. The whole program also derives the rows (19,000 an epoch in 15 to 35 ms of a core, see replay), \
    puts names to them and shares two cores with the server: 150,000 to 300,000 rows/s";

/// The first argument that leads this executable to the embedded engine.
pub const ENGINE_CHILD: &str = "engine-child";

/// Rows of one insert, whole epochs: what the program's sink calls enough.
const ROWS_ENOUGH: usize = 100_000;

/// Runs the bench inside `folder`.
///
/// # Errors
/// When the program or ClickHouse fails, or ClickHouse does not hold what was written.
pub fn run(program: &Program, folder: &Path, scale: Scale, seed: u64) -> Result<Report, Failure> {
    let mut report = Report::begin("sink", seed, SKETCH);
    let (ticks, runs) = scale.pick((100_000, 5), (30_000, 3));
    let workload = generate(program, folder, ticks, seed)?;
    let out = folder.join("rows");
    // A mark at each epoch: as many rows as there can be.
    replay(program, &workload, &out, ("monitor", 1), 100)?;
    let rows =
        Rows { valuations: read(&out.join("valuations.ndjson"))?, drift: read(&out.join("drift.ndjson"))? };
    std::fs::remove_dir_all(&out).map_err(Failure::file("remove", &out))?;
    let (valuations, drift) = (rows.valuations.len(), rows.drift.len());
    let seconds = scale.pick(30, 8);
    report.data(format!(
        "{valuations} valuation and {drift} drift rows of a replay, inserts of {ROWS_ENOUGH} rows, {runs} runs; then \
         the whole program after {seconds} s of 10,000 ticks/s with a mark each epoch"
    ));
    write_rows(&mut report, &rows, folder, runs)?;
    drop(rows);
    catch_up::run(&mut report, program, folder, seconds, seed)?;
    Ok(report.end())
}

struct Rows {
    valuations: Vec<ValuationRow>,
    drift: Vec<DriftRow>,
}

/// Writes all rows into a fresh database, once for each run.
fn write_rows(report: &mut Report, rows: &Rows, folder: &Path, runs: usize) -> Result<(), Failure> {
    let library = install(&mut |line| eprintln!("evenkeel-bench: {line}"))?;
    let own = std::env::current_exe().map_err(Failure::io("find this executable"))?;
    let options = EngineOptions::new(library, folder.join("clickhouse"));
    let engine = Engine::start(&own, &[ENGINE_CHILD.into()], options)?;
    // The program's sink, too, has a thread with a runtime of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("start a runtime"))?;
    let (mut rate, mut p50, mut worst) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        let mut settings = Settings::new(engine.url());
        settings.database = format!("run_{run}");
        let mut inserts = runtime.block_on(one_run(&settings, rows))?;
        let took: f64 = inserts.iter().sum();
        inserts.sort_by(f64::total_cmp);
        rate.push((rows.valuations.len() + rows.drift.len()) as f64 * 1e3 / took);
        p50.push(quantile(&inserts, 0.5));
        worst.push(quantile(&inserts, 1.0));
    }
    drop(runtime);
    engine.stop()?;
    report.checked("ClickHouse holds as many rows, with the same sums of NAV and of weights");
    report.figure(Figure::new("writer: rows a second, synced", "rows/s", &rate).wanted("≥ 300,000"));
    report.figure(Figure::new("writer: insert p50", "ms", &p50));
    report.figure(Figure::new("writer: slowest insert", "ms", &worst));
    Ok(())
}

async fn one_run(settings: &Settings, rows: &Rows) -> Result<Vec<f64>, Failure> {
    let client = connect(settings)?;
    migrate(&client, settings).await?;
    let writer = Writer::new(client.clone(), settings);
    let mut inserts = write(&writer, &rows.valuations).await?;
    inserts.extend(write(&writer, &rows.drift).await?);
    let nav: i128 = rows.valuations.iter().map(|row| i128::from(row.diff) * row.nav.units()).sum();
    let weight: i128 =
        rows.drift.iter().map(|row| i128::from(row.diff) * i128::from(row.weight.units())).sum();
    holds(&client, "valuations", rows.valuations.len(), "nav", 1_000_000, nav).await?;
    holds(&client, "drift", rows.drift.len(), "weight", 1_000_000_000, weight).await?;
    Ok(inserts)
}

/// Writes in batches of whole epochs; what each took in milliseconds.
async fn write<T: LogRow>(writer: &Writer, rows: &[T]) -> Result<Vec<f64>, Failure> {
    let mut inserts = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let enough = rest.get(ROWS_ENOUGH - 1).map(LogRow::epoch);
        let cut = enough.map_or(rest.len(), |epoch| rest.partition_point(|row| row.epoch() <= epoch));
        let (batch, later) = rest.split_at(cut);
        let before = Instant::now();
        writer.insert_epochs(batch).await?;
        inserts.push(before.elapsed().as_secs_f64() * 1e3);
        rest = later;
    }
    Ok(inserts)
}

async fn holds(
    client: &Client,
    table: &str,
    rows: usize,
    column: &str,
    scale: u64,
    sum: i128,
) -> Result<(), Failure> {
    let total = format!("toString(toInt128(sum(diff * {column}) * {scale}))");
    let found: Vec<(u64, String)> = fetch(client, &format!("SELECT count(), {total} FROM {table}")).await?;
    let expected = (rows as u64, sum.to_string());
    check(found == [expected.clone()], || format!("{table}: expected {expected:?}, ClickHouse has {found:?}"))
}

/// Rows of a file that `replay` wrote.
fn read<T: FromLine>(path: &Path) -> Result<Vec<T>, Failure> {
    let file = std::fs::File::open(path).map_err(Failure::file("read", path))?;
    let mut rows = Vec::new();
    for line in std::io::BufReader::new(file).lines() {
        rows.push(T::from_line(&line.map_err(Failure::file("read", path))?)?);
    }
    check(!rows.is_empty(), || format!("{} is empty", path.display()))?;
    Ok(rows)
}

trait FromLine: Sized {
    fn from_line(line: &str) -> Result<Self, Failure>;
}

/// A number as `replay` writes it.
fn number<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::Check(format!("{text:?} is not a number")))
}

impl FromLine for ValuationRow {
    fn from_line(line: &str) -> Result<ValuationRow, Failure> {
        #[derive(Deserialize)]
        struct Line<'a> {
            epoch: u64,
            diff: i8,
            customer: &'a str,
            currency: &'a str,
            nav: &'a str,
            market_value: &'a str,
            cash: &'a str,
        }
        let line: Line<'_> = serde_json::from_str(line)?;
        Ok(ValuationRow {
            epoch: line.epoch,
            diff: line.diff,
            customer: Text::from(line.customer),
            currency: Text::from(line.currency),
            nav: number(line.nav)?,
            market_value: number(line.market_value)?,
            cash: number(line.cash)?,
        })
    }
}

impl FromLine for DriftRow {
    fn from_line(line: &str) -> Result<DriftRow, Failure> {
        #[derive(Deserialize)]
        struct Line<'a> {
            epoch: u64,
            diff: i8,
            customer: &'a str,
            instrument: &'a str,
            weight: &'a str,
            target: &'a str,
            drift: &'a str,
        }
        let line: Line<'_> = serde_json::from_str(line)?;
        Ok(DriftRow {
            epoch: line.epoch,
            diff: line.diff,
            customer: Text::from(line.customer),
            instrument: Text::from(line.instrument),
            weight: number(line.weight)?,
            target: number(line.target)?,
            drift: number(line.drift)?,
        })
    }
}

/// How long the whole program may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(900);
