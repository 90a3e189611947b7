//! Questions to ClickHouse.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Clock};

use evenkeel_clickhouse::{Client, Settings, connect};

use super::Context;
use super::problem::Problem;
use crate::sink::{Server, block_on};

/// How long a question may take.
const ANSWERED: Duration = Duration::from_secs(20);

/// How long the sink may take to write what was derived before it is said to be behind.
const WRITTEN: Duration = Duration::from_secs(5);

/// Where to ask.
fn settings(context: &Context) -> Settings {
    match Server::of(&context.config) {
        Server::External(settings) => settings,
        Server::Embedded { database, .. } => Settings { database, ..Settings::new(context.sink.url()) },
    }
}

pub(super) fn away(error: impl std::fmt::Display) -> Problem {
    Problem::unavailable(format!("ClickHouse does not answer; everything else goes on: {error}"))
}

/// Asks ClickHouse. Blocks; a client of its own, because idle connections would hold up an engine that is to
/// end.
pub(super) fn ask<T, F: Future<Output = Result<T, Problem>>>(
    context: &Context,
    question: impl FnOnce(Client) -> F,
) -> Result<T, Problem> {
    let settings = settings(context);
    let asked = block_on(async {
        let client = connect(&settings).map_err(away)?;
        let answer = tokio::time::timeout(ANSWERED, question(client)).await;
        answer.map_err(|_| away(format!("no answer in {} seconds", ANSWERED.as_secs())))?
    });
    asked.map_err(away)?
}

/// Waits until what was handed to the sink is written. Blocks.
pub(super) fn caught_up(context: &Context) -> Result<(), Problem> {
    let handed = context.sink.handed.load(Ordering::Relaxed);
    let begun = Clock::now();
    loop {
        let written = context.sink.written.load(Ordering::Relaxed);
        if written >= handed {
            return Ok(());
        }
        if begun.elapsed() > WRITTEN {
            return Err(Problem::unavailable(format!(
                "ClickHouse is behind: written up to epoch {written}, derived up to {handed}; ask again"
            )));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
