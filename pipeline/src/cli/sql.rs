use std::io::{IsTerminal, Write};

use evenkeel_clickhouse::{connect, default_format, query_raw};

use super::config::{Overrides, settle_or_demo};
use crate::error::Error;
use crate::sink::{Connected, Server};

/// Ask ClickHouse: a running evenkeel's, that of a stopped one, or a server.
#[derive(clap::Args)]
#[command(after_help = "\
Tables keep every change with its epoch (milliseconds since 1970) and diff (+1 came to hold, -1 ceased to):
positions, cash, prices, fx_rates, valuations, drift, breaches, triggers, orders, allocations, anomalies; and
events, ticks, rejected, decisions, order_states, blocks. What holds now is in <table>_current, what was believed
at a moment in <table>_as_of(as_of = EPOCH).

  evenkeel sql \"SELECT * FROM positions_current WHERE customer = 'C0000001'\"
  evenkeel sql \"SELECT * FROM breaches_as_of(as_of = 1767571200000)\"
  evenkeel sql --format JSONEachRow \"SHOW TABLES\"")]
pub(super) struct Args {
    /// The query
    query: String,
    /// Any ClickHouse output format [default: a table on a terminal, tab-separated with names otherwise]
    #[arg(long)]
    format: Option<String>,
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let config = settle_or_demo(&args.overrides)?;
    if config.clickhouse.url.is_empty() && !config.data.join("clickhouse").exists() {
        return Err(Error::ClickHouse(format!(
            "there is no ClickHouse data in {}: run `evenkeel demo` or `evenkeel run` first, or name a folder with --data or a server with --clickhouse",
            config.data.display()
        )));
    }
    let server = Connected::open_or_join(Server::of(&config))?;
    let format = args.format.clone();
    let format = format.unwrap_or_else(|| default_format(std::io::stdout().is_terminal()).to_owned());
    let failed = |error: evenkeel_clickhouse::Error| Error::ClickHouse(error.to_string());
    let result = crate::sink::block_on(async {
        let client = connect(server.settings()).map_err(failed)?;
        let mut out = std::io::stdout().lock();
        query_raw(&client, &args.query, &format, &mut out).await.map_err(failed)?;
        let _ = out.flush();
        Ok(())
    })?;
    server.close()?;
    result
}
