//! The command line. People read stderr; data goes to stdout.

mod advise;
mod backtest;
mod bench;
mod config;
mod demo;
mod generate;
mod import;
mod replay;
mod run;
mod serve;
mod sql;
mod tax;
mod validate;
mod verify;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::machine::step_back;

const AFTER_HELP: &str = "\
Start here:
  evenkeel demo
      everything in one process: a simulated market, the embedded ClickHouse, a live page
  evenkeel generate --out day.ndjson
      a realistic day of events
  evenkeel replay --events day.ndjson --out out
      the same dataflow over a file; every change a line
  evenkeel sql \"SELECT * FROM triggers_current\"
      ask ClickHouse what is, and what was

Events are NDJSON, one a line; `evenkeel schema` prints their JSON Schema. Settings come from a TOML file, from
EVENKEEL_… variables and from flags, each overriding the one before; `evenkeel config` prints what is in force.";

#[derive(Parser)]
#[command(
    name = "evenkeel",
    version,
    about = "Keeps a wealth manager's portfolios on an even keel, continuously.",
    after_help = AFTER_HELP,
    max_term_width = 110
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See it work: a simulated market, 1,000 customers, a live page, everything embedded
    Demo(Box<demo::Args>),
    /// Run in production: events over HTTP or from a file, log, dataflow, actors, ClickHouse
    Run(run::Args),
    /// Derive every collection from a file of events, into files
    Replay(replay::Args),
    /// A customer's tax reports from a file of events
    Tax(tax::Args),
    /// From a customer's questionnaire and goals to pod weights
    Advise(advise::Args),
    /// What strategies would have come to over closing marks of the past
    Backtest(Box<backtest::Args>),
    /// Write a realistic workload of events
    Generate(generate::Args),
    /// Turn daily bars, trade ticks and fx files of other programs into events
    Import(import::Args),
    /// Ask ClickHouse
    Sql(sql::Args),
    /// Reconcile log, dataflow and ClickHouse; the exit status says whether they agree
    Verify(verify::Args),
    /// Run reference cases through the models; the exit status says whether all pass
    Validate(validate::Args),
    /// Lend this machine's workers to a program that runs elsewhere with --cluster-listen
    Worker(worker::Args),
    /// Measure a part of the program beside another form of it, on one workload
    Bench(bench::Args),
    /// Print the settings in force, as a settings file
    Config(config::Args),
    /// Print the JSON Schema of events
    Schema,
    /// The embedded ClickHouse, as a process of its own
    #[command(hide = true, name = "engine-child")]
    EngineChild {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Demo(args) => demo::run(*args),
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::run(args),
        Command::Tax(args) => tax::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::Backtest(args) => backtest::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Worker(args) => worker::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Schema => schema(),
        Command::EngineChild { args } => {
            step_back();
            evenkeel_clickhouse::run_engine_child(args)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evenkeel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn schema() -> Result<(), Error> {
    let schema = evenkeel_schemas::events::schema();
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Error::Input(error.to_string()))?;
    out(format_args!("{text}\n"))
}

/// Writes data to stdout. A reader that went away (`| head`) is no error.
fn out(text: std::fmt::Arguments<'_>) -> Result<(), Error> {
    use std::io::Write;
    match std::io::stdout().write_fmt(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Input(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Logs to stderr; `EVENKEEL_LOG` sets the level as `RUST_LOG` does elsewhere.
fn init_logging() {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_env("EVENKEEL_LOG").unwrap_or_else(|_| EnvFilter::new("warn,evenkeel=info"));
    // A second subscriber can only be there already, in tests.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
