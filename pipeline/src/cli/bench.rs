use std::path::PathBuf;

use clap::Subcommand;

use crate::bench::books;
use crate::bench::drift::{Found, Options, Times, run as run_drift};
use crate::bench::kernel::Valued;
use crate::bench::storm;
use crate::config::DriftEngine;
use crate::error::Error;

/// Measure a part of the program beside another form of it, on one workload.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// The drift dataflow, epoch by epoch: ticks and account events in, breaches and triggers out
    Drift(Watched),
    /// The books: account events a second with lots, and the time of a correction of long ago
    Books(Booked),
    /// The monitor by itself, without the dataflow around it; then valuations of everybody and of one
    Monitor(Watched),
    /// Everybody's portfolio leaves its bands at once: how long until every actor has decided
    Storm(Stormed),
}

#[derive(clap::Args)]
#[command(after_help = "\
Figures depend on the machine and on what else it does. Exit status 1 says that somebody did not decide once, or before
somebody more urgent who waited.")]
struct Stormed {
    /// Customers, each with thirteen instruments
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=9_999_999))]
    customers: u32,
    /// Days of closing marks before it; 0 for plans that know no covariances
    #[arg(long, default_value_t = 252, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    sessions: u32,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object on stdout instead of a line
    #[arg(long)]
    json: bool,
}

fn run_storm(args: &Stormed) -> Result<(), Error> {
    let found =
        storm::run(storm::Options { customers: args.customers, sessions: args.sessions, seed: args.seed })?;
    if args.json {
        let text = serde_json::to_string(&found).map_err(|error| Error::Check(error.to_string()))?;
        super::out(format_args!("{text}\n"))?;
    } else {
        super::out(format_args!(
            "{} customers decided in {:.1} s, {:.0} a second: {} trade, {} orders\n\
             {} epochs of {:.1} ms p50, {:.1} ms p99; at most {} waited; {}\n",
            found.customers,
            found.seconds,
            found.decisions_per_second,
            found.trades,
            found.orders,
            found.epochs,
            found.p50_ms,
            found.p99_ms,
            found.waiting_most,
            if found.in_order { "the most urgent first" } else { "NOT IN THEIR ORDER" },
        ))?;
    }
    if found.in_order {
        return Ok(());
    }
    Err(Error::Check("the most urgent did not come first, or somebody did not decide once".to_owned()))
}

#[derive(clap::Args)]
#[command(after_help = "\
Figures depend on the machine and on what else it does; the ratio is taken in one run. Exit status 1 says that the
two forms gave different rows.")]
struct Watched {
    /// Customers, each with five to twelve holdings
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: u32,
    /// Instruments
    #[arg(long, default_value_t = 137, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instruments: u32,
    /// Epochs
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    epochs: u32,
    /// Ticks of an epoch; account events come on top, one for every hundred
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    epoch_ticks: u32,
    /// The form to measure beside our own [default: textbook for drift, sweep for monitor]
    #[arg(long, value_enum, value_name = "ENGINE")]
    against: Option<DriftEngine>,
    /// Epochs of that form, the first ones [default: 20 for the textbook, all for others]
    #[arg(long, value_name = "N")]
    against_epochs: Option<u32>,
    /// How many seconds of a real market happen in one second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    intensity: u32,
    /// Let everything fall by a fifth in the last epoch
    #[arg(long)]
    crash: bool,
    /// Give every customer of the simulated market a limit on concentration and on drawdown
    #[arg(long)]
    limits: bool,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder with the files of the comparison with other engines, instead of a simulated market
    #[arg(long, value_name = "DIR")]
    workload: Option<PathBuf>,
    /// Write our changes in the form of the comparison
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// One JSON object on stdout instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "\
Figures depend on the machine and on what else it does. The time of a correction is set beside working everything out
from scratch. Exit status 1 says that the two came to different lots or gains.")]
struct Booked {
    /// Customers
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: u32,
    /// Instruments
    #[arg(long, default_value_t = 137, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instruments: u32,
    /// Fills, over all customers
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    events: u64,
    /// Fills amended afterwards, one after the other
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    corrections: u32,
    /// Worker threads
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object on stdout instead of a table
    #[arg(long)]
    json: bool,
}

fn run_books(args: &Booked) -> Result<(), Error> {
    let found = books::run(books::Options {
        customers: args.customers,
        instruments: args.instruments,
        events: args.events,
        corrections: args.corrections,
        workers: args.workers as usize,
        seed: args.seed,
    })?;
    if args.json {
        let text = serde_json::to_string(&found).map_err(|error| Error::Check(error.to_string()))?;
        super::out(format_args!("{text}\n"))?;
    } else {
        let same = if found.identical { "the same lots and gains" } else { "DIFFERENT LOTS OR GAINS" };
        super::out(format_args!(
            "{} customers, {} fills, {} workers: {:.0} fills/s (reading {:.2} us, judging {:.2} us of the feeding thread)\n\
             {} lots open; {:.0} bytes resident a fill\n\
             {} corrections: {:.2} ms p50, {:.2} ms p99, {:.2} ms at most; {:.1} rows, {} customer(s) each\n\
             from scratch {:.0} ms: {:.0} times a correction; {same}\n",
            found.customers,
            found.events,
            found.workers,
            found.events_per_second,
            found.parse_us,
            found.judge_us,
            found.open_lots,
            found.bytes_per_event,
            found.corrections,
            found.p50_ms,
            found.p99_ms,
            found.max_ms,
            found.rows_per_correction,
            found.customers_per_correction,
            found.scratch_ms,
            found.ratio,
        ))?;
    }
    if found.identical {
        return Ok(());
    }
    Err(Error::Check("incremental and from scratch come to different lots or gains".to_owned()))
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let (args, kernel) = match &args.bench {
        Bench::Books(args) => return run_books(args),
        Bench::Storm(args) => return run_storm(args),
        Bench::Drift(args) => (args, false),
        Bench::Monitor(args) => (args, true),
    };
    let usual = if kernel { DriftEngine::Sweep } else { DriftEngine::Textbook };
    let against = args.against.unwrap_or(usual);
    let against_epochs = if against == DriftEngine::Textbook { 20 } else { args.epochs };
    let options = Options {
        kernel,
        customers: args.customers,
        instruments: args.instruments,
        epochs: args.epochs as usize,
        epoch_ticks: args.epoch_ticks as usize,
        intensity: args.intensity,
        seed: args.seed,
        crash: args.crash,
        limits: args.limits,
        against,
        workload: args.workload.clone(),
        out: args.out.clone(),
        against_epochs: args.against_epochs.unwrap_or(against_epochs) as usize,
    };
    let found = run_drift(&options)?;
    if args.json {
        let text = serde_json::to_string(&found).map_err(|error| Error::Check(error.to_string()))?;
        super::out(format_args!("{text}\n"))?;
    } else {
        super::out(format_args!("{}", table(&found)))?;
    }
    if found.identical {
        return Ok(());
    }
    Err(Error::Check("the two forms gave different rows".to_owned()))
}

fn table(found: &Found) -> String {
    let Found { customers, holdings, epoch_ticks, intensity, ratio, rows, .. } = found;
    let mut text = format!(
        "{customers} customers, {holdings} holdings, {epoch_ticks} ticks an epoch, intensity {intensity}; {rows} rows\n\
         ms an epoch      epochs       mean        p50        p99        max       last     woken     swept   opened in\n"
    );
    for times in [&found.ours, &found.against] {
        text += &line(times);
    }
    if let Some(Valued { customers, all_ms, one_us }) = found.valued {
        text += &format!(
            "{customers} customers valued in {all_ms:.1} ms; worth and standings of one in {one_us:.2} µs\n"
        );
    }
    let same = if found.identical { "the same rows" } else { "DIFFERENT ROWS" };
    text + &format!("{ratio:.1} times as fast on the same epochs; {same}\n")
}

fn line(times: &Times) -> String {
    let Times { engine, epochs, mean_ms, p50_ms, p99_ms, max_ms, last_ms, open_s, woken, swept } = times;
    let woken = woken.map_or("-".to_owned(), |woken| format!("{woken:.1}"));
    let swept = swept.map_or("-".to_owned(), |swept| format!("{:.1}%", swept * 100.0));
    format!(
        "{engine:<16}{epochs:>7}{mean_ms:>11.3}{p50_ms:>11.3}{p99_ms:>11.3}{max_ms:>11.3}{last_ms:>11.3}{woken:>10}{swept:>10}{open_s:>10.1} s\n"
    )
}
