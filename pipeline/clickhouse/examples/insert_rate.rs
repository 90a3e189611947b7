//! How many valuation rows a second go into the embedded engine, on disk and synced.
//!
//! `cargo run --release -p evenkeel-clickhouse --example insert_rate -- [BATCHES [ROWS]]`

use evenkeel_clickhouse::{
    Amount, Client, Engine, EngineOptions, Settings, Text, ValuationRow, Writer, connect, fetch, install,
    migrate, run_engine_child,
};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const CUSTOMERS: usize = 100_000;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args_os().skip(1).peekable();
    if args.next_if(|arg| arg == "engine-child").is_some() {
        run_engine_child(args)
    }
    let mut number = |otherwise: usize| -> Result<usize, Failure> {
        args.next().map_or(Ok(otherwise), |arg| Ok(arg.to_string_lossy().parse()?))
    };
    let (batches, rows) = (number(20)?, number(100_000)?);
    let library = install(&mut |line| eprintln!("{line}"))?;
    let data = std::env::temp_dir().join(format!("evenkeel-insert-rate-{}", std::process::id()));
    let start = Instant::now();
    let options = EngineOptions::new(library, data.clone());
    let engine = Engine::start(&std::env::current_exe()?, &["engine-child".into()], options)?;
    eprintln!("engine ready in {:.2} s", start.elapsed().as_secs_f64());
    let settings = Settings::new(engine.url());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let client = connect(&settings)?;
    let result = runtime.block_on(measure(client, &settings, batches, rows));
    drop(runtime);
    engine.stop()?;
    std::fs::remove_dir_all(&data)?;
    result
}

async fn measure(client: Client, settings: &Settings, batches: usize, rows: usize) -> Result<(), Failure> {
    migrate(&client, settings).await?;
    let writer = Writer::new(client.clone(), settings);
    let customers: Vec<Text> = (0..CUSTOMERS).map(|n| format!("customer-{n:07}").into()).collect();
    let currency: Text = "AUD".into();
    let mut latencies = Vec::new();
    let mut writing = Duration::ZERO;
    let start = Instant::now();
    for batch in 0..batches {
        let rows: Vec<ValuationRow> = (0..rows)
            .map(|n| {
                let mixed = (batch * rows + n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24;
                let (market_value, cash) = (mixed as i128, (mixed >> 12) as i128);
                ValuationRow {
                    epoch: 1_700_000_000_000 + batch as u64 * 1000,
                    diff: if n % 2 == 0 { 1 } else { -1 },
                    customer: customers[n % CUSTOMERS].clone(),
                    currency: currency.clone(),
                    nav: Amount::from_units(market_value + cash),
                    market_value: Amount::from_units(market_value),
                    cash: Amount::from_units(cash),
                }
            })
            .collect();
        let insert = Instant::now();
        writer.insert_epochs(&rows).await?;
        latencies.push(insert.elapsed());
        writing += insert.elapsed();
    }
    let (total, elapsed) = (batches * rows, start.elapsed());
    let stored: Vec<u64> = fetch(&client, "SELECT count() FROM valuations").await?;
    assert_eq!(stored, [total as u64], "Invariant: every row is stored once");
    latencies.sort();
    println!(
        "{total} rows in {batches} batches: {:.0} rows/s while inserting, {:.0} rows/s with making them; \
         batch p50 {} ms, max {} ms",
        total as f64 / writing.as_secs_f64(),
        total as f64 / elapsed.as_secs_f64(),
        latencies[latencies.len() / 2].as_millis(),
        latencies[latencies.len() - 1].as_millis(),
    );
    Ok(())
}
