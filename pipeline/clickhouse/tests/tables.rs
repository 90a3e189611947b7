//! The tables, the writer and the questions, with the real engine.

#![allow(clippy::unwrap_used)] // What went wrong is in the panic.

mod common;
mod samples;

use clickhouse::Row;
use clickhouse::{RowOwned, RowRead};
use common::{client, start};
use evenkeel_clickhouse::{
    Amount, Client, Engine, Error, LogRow, PriceRow, Retry, Settings, ValuationRow, Writer, connect, fetch,
    migrate, query_raw,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use std::time::Duration;

/// A migrated database; the folder outlives the engine.
async fn database(folder: &tempfile::TempDir) -> (Engine, Client, Settings) {
    let engine = start(folder.path());
    let (client, settings) = client(&engine);
    migrate(&client, &settings).await.unwrap();
    (engine, client, settings)
}

async fn count(client: &Client, table: &str) -> u64 {
    fetch::<u64>(client, &format!("SELECT count() FROM {table}")).await.unwrap()[0]
}

fn price(epoch: u64, diff: i8, instrument: &str, units: i128) -> PriceRow {
    PriceRow { epoch, diff, instrument: instrument.into(), price: Amount::from_units(units) }
}

fn kill_hard(engine: &mut Engine) {
    kill(Pid::from_raw(i32::try_from(engine.pid()).unwrap()), Signal::SIGKILL).unwrap();
    while engine.alive() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The number of the newest migration.
fn known() -> u32 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/clickhouse");
    let sql = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|name| name == "sql");
    u32::try_from(std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(sql).count()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn migrating_twice_does_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = start(folder.path());
    let (client, settings) = client(&engine);
    let versions: Vec<u32> =
        migrate(&client, &settings).await.unwrap().iter().map(|step| step.version).collect();
    assert_eq!(versions, (1..=known()).collect::<Vec<_>>());
    assert_eq!(migrate(&client, &settings).await.unwrap(), []);
    engine.restart().unwrap();
    assert_eq!(migrate(&client, &settings).await.unwrap(), []);
    // A crash between a migration and its bookkeeping leaves it to be applied again.
    client.query_raw("TRUNCATE TABLE schema_migrations").execute().await.unwrap();
    assert_eq!(migrate(&client, &settings).await.unwrap().len(), known() as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_changed_or_newer_history_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    let newer = "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', '')";
    client.query_raw(newer).execute().await.unwrap();
    let error = migrate(&client, &settings).await.unwrap_err();
    let said = known();
    assert!(matches!(error, Error::DatabaseNewer { found: 9999, known } if known == said), "{error}");

    client.query_raw("TRUNCATE TABLE schema_migrations").execute().await.unwrap();
    let changed = "INSERT INTO schema_migrations (version, name, checksum) VALUES (1, 'ledgers', 'another')";
    client.query_raw(changed).execute().await.unwrap();
    let error = migrate(&client, &settings).await.unwrap_err();
    assert!(matches!(error, Error::MigrationChanged { version: 1, .. }), "{error}");
}

async fn round_trip<T>(writer: &Writer, client: &Client, rows: Vec<T>)
where
    T: LogRow + RowOwned + RowRead + PartialEq + std::fmt::Debug,
{
    writer.insert_epochs(&rows).await.unwrap();
    let sql = format!("SELECT {} FROM {} ORDER BY epoch", quoted(T::COLUMN_NAMES), T::TABLE);
    assert_eq!(fetch::<T>(client, &sql).await.unwrap(), rows, "{}", T::TABLE);
    let (first, last) = (rows.first().unwrap().epoch(), rows.last().unwrap().epoch());
    assert!(first < last);
    assert_eq!(writer.watermark(T::TABLE).await.unwrap(), Some(last));
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_table_gives_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    let writer = Writer::new(client.clone(), &settings);
    assert_eq!(writer.watermark("positions").await.unwrap(), None);
    round_trip(&writer, &client, samples::positions()).await;
    round_trip(&writer, &client, samples::cash()).await;
    round_trip(&writer, &client, samples::prices()).await;
    round_trip(&writer, &client, samples::fx_rates()).await;
    round_trip(&writer, &client, samples::valuations()).await;
    round_trip(&writer, &client, samples::drift()).await;
    round_trip(&writer, &client, samples::exposures()).await;
    round_trip(&writer, &client, samples::lots()).await;
    round_trip(&writer, &client, samples::realised_gains()).await;
    round_trip(&writer, &client, samples::cash_ladder()).await;
    round_trip(&writer, &client, samples::distributions()).await;
    round_trip(&writer, &client, samples::tax()).await;
    round_trip(&writer, &client, samples::accruals()).await;
    round_trip(&writer, &client, samples::harvest_candidates()).await;
    round_trip(&writer, &client, samples::peaks()).await;
    round_trip(&writer, &client, samples::returns()).await;
    round_trip(&writer, &client, samples::estimates()).await;
    round_trip(&writer, &client, samples::covariances()).await;
    round_trip(&writer, &client, samples::factor_loadings()).await;
    round_trip(&writer, &client, samples::breaches()).await;
    round_trip(&writer, &client, samples::triggers()).await;
    round_trip(&writer, &client, samples::orders()).await;
    round_trip(&writer, &client, samples::allocations()).await;
    round_trip(&writer, &client, samples::anomalies()).await;
    round_trip(&writer, &client, samples::events()).await;
    round_trip(&writer, &client, samples::ticks()).await;
    round_trip(&writer, &client, samples::rejected()).await;
    round_trip(&writer, &client, samples::decisions()).await;
    round_trip(&writer, &client, samples::order_states()).await;
    round_trip(&writer, &client, samples::blocks()).await;
    // The server reads the numbers as we mean them.
    let text: Vec<String> =
        fetch(&client, "SELECT toString(quantity) FROM positions ORDER BY epoch").await.unwrap();
    assert_eq!(text, ["-0.000001", "99999999999999999999999999999999.999999"]);
    let text: Vec<String> =
        fetch(&client, "SELECT toString(weight) FROM drift ORDER BY epoch").await.unwrap();
    assert_eq!(text, ["-0.000000001", "999999999.999999999"]);
    let text: Vec<String> =
        fetch(&client, "SELECT toString(residual) FROM blocks ORDER BY epoch").await.unwrap();
    assert_eq!(text, ["-0.000000000001", "0.5"]);
    let text: Vec<String> =
        fetch(&client, "SELECT toString(`at`) FROM positions ORDER BY epoch").await.unwrap();
    assert_eq!(text[0], "1970-01-01 00:00:01.000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_holds_now_and_what_was_believed_then() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    let writer = Writer::new(client.clone(), &settings);
    writer.insert_epochs(&[price(1000, 1, "A", 5), price(1000, 1, "B", 7)]).await.unwrap();
    writer.insert_epochs(&[price(2000, -1, "A", 5), price(2000, 1, "A", 6)]).await.unwrap();
    writer.insert_epochs(&[price(3000, -1, "B", 7)]).await.unwrap();

    #[derive(Debug, PartialEq, Row, Deserialize)]
    struct Holds {
        instrument: String,
        units: i64,
        multiplicity: i64,
        since: i64,
    }
    let ask = async |view: &str| {
        let sql = format!(
            "SELECT instrument, toInt64(price * 1000000) AS units, multiplicity, since FROM {view} ORDER BY instrument"
        );
        let rows: Vec<Holds> = fetch(&client, &sql).await.unwrap();
        rows.into_iter()
            .map(|row| (row.instrument, row.units, row.multiplicity, row.since))
            .collect::<Vec<_>>()
    };
    let row = |name: &str, units, since| (name.to_owned(), units, 1, since);
    assert_eq!(ask("prices_current").await, [row("A", 6, 2000)]);
    assert_eq!(ask("prices_as_of(as_of = 1000)").await, [row("A", 5, 1000), row("B", 7, 1000)]);
    assert_eq!(ask("prices_as_of(as_of = 2999)").await, [row("A", 6, 2000), row("B", 7, 1000)]);
    assert_eq!(ask("prices_as_of(as_of = 999)").await, []);
    let views = ["positions", "cash", "fx_rates", "valuations", "drift", "breaches", "triggers", "orders"];
    for table in views.into_iter().chain(["allocations", "anomalies"]) {
        assert_eq!(count(&client, &format!("{table}_current")).await, 0);
        assert_eq!(count(&client, &format!("{table}_as_of(as_of = 1)")).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_batch_sent_twice_is_there_once_also_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let (mut engine, client, settings) = database(&folder).await;
    let writer = Writer::new(client.clone(), &settings);
    let batch: Vec<_> = (0..1000).map(|n| price(1000 + n, 1, "A", n.into())).collect();
    writer.insert_epochs(&batch).await.unwrap();
    writer.insert_epochs(&batch).await.unwrap();
    assert_eq!(count(&client, "prices").await, 1000);
    kill_hard(&mut engine);
    engine.restart().unwrap();
    assert_eq!(count(&client, "prices").await, 1000, "an acknowledged batch survives kill -9");
    assert_eq!(writer.watermark("prices").await.unwrap(), Some(1999));
    writer.insert_epochs(&batch).await.unwrap();
    assert_eq!(count(&client, "prices").await, 1000, "tokens survive kill -9");
    writer.insert("prices", "another", &batch).await.unwrap();
    assert_eq!(count(&client, "prices").await, 2000, "it is the token that decides, not the rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_insert_is_one_part_whatever_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    client.query_raw("SYSTEM STOP MERGES").execute().await.unwrap();
    // Beyond the server's usual block of 1,048,449 rows.
    let batch: Vec<_> = (0..2_500_000).map(|n| price(n / 1000, 1, "A", n.into())).collect();
    Writer::new(client.clone(), &settings).insert_epochs(&batch).await.unwrap();
    let sql = "SELECT rows FROM system.parts WHERE database = 'evenkeel' AND table = 'prices' AND active";
    assert_eq!(fetch::<u64>(&client, sql).await.unwrap(), [2_500_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_batch_that_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    let mut batch: Vec<_> = (0..300_000).map(|n| price(n, 1, "A", 1)).collect();
    batch.push(price(300_000, 1, "A", 10i128.pow(38)));
    let writer = Writer::new(client.clone(), &settings);
    let error = writer.insert_epochs(&batch).await.unwrap_err();
    assert!(!error.retryable(), "{error}");
    assert!(error.to_string().contains("do not fit Decimal(38, 6)"), "{error}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(writer.watermark("prices").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_watermark_waits_for_an_insert_of_an_earlier_run() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, settings) = database(&folder).await;
    let slow = client
        .query_raw(
            "INSERT INTO prices (epoch, diff, instrument, price) SELECT 77, 1, 'A', 1 WHERE sleep(1) = 0",
        )
        .with_setting("log_comment", "evenkeel insert evenkeel.prices");
    let task = tokio::spawn(slow.execute());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(count(&client, "prices").await, 0, "it should still run: the test proves nothing otherwise");
    let writer = Writer::new(client, &settings);
    assert_eq!(writer.watermark("prices").await.unwrap(), Some(77));
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_writer_outlasts_an_engine_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let (mut engine, client, settings) = database(&folder).await;
    let writer = Writer::new(client.clone(), &settings);
    kill_hard(&mut engine);

    let hasty =
        writer.clone().with_retry(Retry { attempts: 2, first: Duration::from_millis(1), ..Retry::default() });
    let error = hasty.insert_epochs(&[price(1, 1, "A", 1)]).await.unwrap_err();
    assert!(matches!(error, Error::GaveUp { attempts: 2, .. }) && error.retryable(), "{error}");

    let task = tokio::spawn(async move { writer.insert_epochs(&[price(1, 1, "A", 1)]).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    engine.restart().unwrap();
    task.await.unwrap().unwrap();
    assert_eq!(count(&client, "prices").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_stays_wrong_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, client, settings) = database(&folder).await;
    let writer = Writer::new(client.clone(), &settings);
    let error = writer.insert("no_such_table", "t", &[price(1, 1, "A", 1)]).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Some(60), false), "{error}");
    let error = writer.insert("cash", "t", &[price(1, 1, "A", 1)]).await.unwrap_err();
    assert!(!error.retryable() && !matches!(error, Error::GaveUp { .. }), "{error}");
    let stranger = Settings { user: Some("nobody".into()), ..Settings::new(engine.url()) };
    let error = migrate(&connect(&stranger).unwrap(), &stranger).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), (Some(516), false), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn questions_are_answered_as_text_and_refused_in_clickhouse_words() {
    let folder = tempfile::tempdir().unwrap();
    let (_engine, client, _) = database(&folder).await;
    let ask = async |sql: &str, format: &str| {
        let mut out = Vec::new();
        query_raw(&client, sql, format, &mut out).await.map(|_| String::from_utf8(out).unwrap())
    };
    assert_eq!(ask("SELECT 1 AS a, '?' AS b", "TabSeparatedWithNames").await.unwrap(), "a\tb\n1\t?\n");
    assert_eq!(ask("SELECT 1 AS a FORMAT JSONEachRow", "CSV").await.unwrap(), "{\"a\":1}\n");
    assert!(ask("SELECT 1 AS a", "PrettyCompact").await.unwrap().contains('┌'));
    assert_eq!(ask("SELECT number FROM numbers(500000)", "CSV").await.unwrap().lines().count(), 500_000);
    assert_eq!(ask("CREATE TABLE x (a UInt8) ENGINE = MergeTree ORDER BY a", "CSV").await.unwrap(), "");
    let text = ask("SELEC 1", "CSV").await.unwrap_err().to_string();
    assert!(text.contains("Syntax error"), "{text}");
    let half_way = "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000";
    let text = ask(half_way, "CSV").await.unwrap_err().to_string();
    assert!(text.contains("FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_empty_batch_is_no_request() {
    let settings = Settings::new("http://127.0.0.1:1");
    let writer = Writer::new(connect(&settings).unwrap(), &settings).with_retry(Retry::NEVER);
    writer.insert_epochs::<ValuationRow>(&[]).await.unwrap();
    assert!(writer.insert_epochs(&[price(1, 1, "A", 1)]).await.is_err());
}
