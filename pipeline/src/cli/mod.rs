//! The command line. People read stderr; data goes to stdout.

mod replay;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

const AFTER_HELP: &str = "\
Start here:
  evenkeel demo                                    everything in one process, a simulated market, a live page
  evenkeel generate --out day.ndjson               a realistic day of events
  evenkeel replay --events day.ndjson --out out    the same dataflow over a file, every change a line
  evenkeel sql \"SELECT * FROM triggers_current\"    ask ClickHouse what is and what was

Events are NDJSON, one a line; `evenkeel schema` prints their JSON Schema. Settings come from a TOML file
(--config), EVENKEEL_… variables and flags, each overriding the one before; `evenkeel config` prints them.";

#[derive(Parser)]
#[command(name = "evenkeel", version, about = "Keeps a wealth manager's portfolios on an even keel, continuously.", after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Derive every collection from a file of events, into files
    Replay(replay::Args),
    /// Print the JSON Schema of events
    Schema,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Replay(args) => replay::run(args),
        Command::Schema => schema(),
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
    println!("{text}");
    Ok(())
}
