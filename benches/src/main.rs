//! `evenkeel-bench`: runs the whole-program benches; a table on stderr, one JSON object a bench on stdout.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use evenkeel_benches::{Failure, Program, Report, Scale, append, latency, replay, sink};

/// Measures Evenkeel from outside: the event log, replay, latency at a fixed rate, the ClickHouse sink.
#[derive(Parser)]
#[command(after_help = "\
Tables go to stderr, one JSON object a bench to stdout. docs/speed.md says what each figure means and should
cost. The full size takes about half an hour on two cores, --quick a few minutes.")]
struct Args {
    /// Which
    #[arg(value_enum)]
    bench: Bench,
    /// Small sizes: to see that everything works, and roughly where it stands
    #[arg(long)]
    quick: bool,
    /// So many ticks for the replay, instead of 10 million or, with --quick, 500,000
    #[arg(long, value_name = "N")]
    ticks: Option<u64>,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The evenkeel executable to measure; without it the one of this build, brought up to date first
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where to work: a disk like the one that production has, with some 10 GB free [default: the folder for
    /// temporary files]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bench {
    /// All of them
    All,
    /// Appends to the event log with group commit
    Log,
    /// Ticks over 1,000 customers, one and two workers
    Replay,
    /// Tick to trigger to order at a fixed rate, open loop
    Latency,
    /// Rows a second into ClickHouse
    Sink,
}

fn main() -> ExitCode {
    let mut raw = std::env::args_os().skip(1).peekable();
    if raw.next_if(|arg| arg == sink::ENGINE_CHILD).is_some() {
        // The embedded ClickHouse runs in a process of this same executable.
        evenkeel_clickhouse::run_engine_child(raw);
    }
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("evenkeel-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Failure> {
    let scale = if args.quick { Scale::Quick } else { Scale::Full };
    let parent = args.folder.unwrap_or_else(std::env::temp_dir);
    let wanted = |bench| args.bench == bench || args.bench == Bench::All;
    let folder = || {
        let made = tempfile::Builder::new().prefix("evenkeel-bench-").tempdir_in(&parent);
        made.map_err(|error| Failure::Io { what: format!("make a folder in {}", parent.display()), error })
    };
    if wanted(Bench::Log) {
        print(&append::run(folder()?.path(), scale, args.seed)?)?;
    }
    if args.bench == Bench::Log {
        return Ok(());
    }
    let program = Program::find(args.program)?;
    if wanted(Bench::Replay) {
        print(&replay::run(&program, folder()?.path(), scale, args.seed, args.ticks)?)?;
    }
    if wanted(Bench::Latency) {
        // The default; shorter epochs at the same rate; and at a rate that they leave room for.
        for (epoch_ms, ticks_per_second) in [(100, 2000), (10, 2000), (10, 500)] {
            let pace = latency::Pace { epoch_ms, ticks_per_second };
            print(&latency::run(&program, folder()?.path(), scale, args.seed, pace)?)?;
        }
    }
    if wanted(Bench::Sink) {
        print(&sink::run(&program, folder()?.path(), scale, args.seed)?)?;
    }
    Ok(())
}

fn print(report: &Report) -> Result<(), Failure> {
    eprintln!("{report}");
    println!("{}", serde_json::to_string(report)?);
    Ok(())
}
