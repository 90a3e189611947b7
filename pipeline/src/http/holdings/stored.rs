//! What ClickHouse holds of a customer: accepted events, and rows as they were believed at an epoch.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Clock};

use evenkeel_clickhouse::{Client, Settings, connect, fetch};
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::{Event, parse_event};
use serde::Deserialize;

use super::{Context, Problem};
use crate::sink::{Server, block_on};

/// How long a question may take.
const ANSWERED: Duration = Duration::from_secs(20);

/// How long the sink may take to write what was derived before it is said to be behind.
const WRITTEN: Duration = Duration::from_secs(5);

/// An accepted event of the accounts topic.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub epoch: Epoch,
    /// In the topic: its order among account events.
    pub offset: u64,
    pub event: Event,
}

#[derive(clickhouse::Row, Deserialize)]
struct Line {
    epoch: u64,
    offset: u64,
    payload: String,
}

/// A lot as a table has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, clickhouse::Row, Deserialize)]
pub(super) struct StoredLot {
    pub lot: String,
    pub acquired: String,
    pub quantity: String,
    pub cost_base: String,
}

/// A realised gain as a table has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, clickhouse::Row, Deserialize)]
pub(super) struct StoredGain {
    pub lot: String,
    pub acquired: String,
    pub disposed: String,
    pub quantity: String,
    pub proceeds: String,
    pub cost_base: String,
    pub gain: String,
    pub fee: String,
    pub kind: String,
    pub disposal: String,
}

#[derive(clickhouse::Row, Deserialize)]
struct Units {
    quantity: String,
}

/// Everything that an account's holdings depend on besides its own events.
const REFERENCE: &str = "'instrument_listed', 'split', 'distribution', 'merger', 'delisting', 'correction'";

/// Where to ask.
fn settings(context: &Context) -> Settings {
    match Server::of(&context.config) {
        Server::External(settings) => settings,
        Server::Embedded { database, .. } => Settings { database, ..Settings::new(context.sink.url()) },
    }
}

fn away(error: impl std::fmt::Display) -> Problem {
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

// Names of customers and instruments are of letters, digits and . _ : / - + ^ = alone: nothing to quote.

/// A customer's account events with those that everybody's depend on, recorded up to an epoch, in their
/// order.
pub(super) async fn events(client: &Client, customer: &str, upto: Epoch) -> Result<Vec<Stored>, Problem> {
    let sql = format!(
        "SELECT epoch, `offset`, payload FROM events WHERE topic = 'accounts' AND epoch <= {upto} \
         AND (customer = '{customer}' OR `type` IN ({REFERENCE})) ORDER BY `offset`"
    );
    let lines: Vec<Line> = fetch(client, &sql).await.map_err(away)?;
    let event = |line: Line| {
        let event = parse_event(line.payload.as_bytes()).map_err(|refusal| {
            let offset = line.offset;
            Problem::unavailable(format!("ClickHouse: accounts {offset} is no event: {refusal}; see verify"))
        })?;
        Ok(Stored { epoch: line.epoch, offset: line.offset, event })
    };
    lines.into_iter().map(event).collect()
}

/// Units as believed at an epoch; `None` for none.
pub(super) async fn units(
    client: &Client,
    (customer, instrument): (&str, &str),
    as_of: Epoch,
) -> Result<Option<String>, Problem> {
    let sql = format!(
        "SELECT toString(quantity) AS quantity FROM positions_as_of(as_of = {as_of}) \
         WHERE customer = '{customer}' AND instrument = '{instrument}'"
    );
    let rows: Vec<Units> = fetch(client, &sql).await.map_err(away)?;
    Ok(rows.into_iter().next().map(|row| row.quantity))
}

/// Open lots as believed at an epoch.
pub(super) async fn lots(
    client: &Client,
    (customer, instrument): (&str, &str),
    as_of: Epoch,
) -> Result<Vec<StoredLot>, Problem> {
    let sql = format!(
        "SELECT lot, toString(acquired) AS acquired, toString(quantity) AS quantity, \
         toString(cost_base) AS cost_base FROM lots_as_of(as_of = {as_of}) \
         WHERE customer = '{customer}' AND instrument = '{instrument}'"
    );
    fetch(client, &sql).await.map_err(away)
}

/// Realised gains as believed at an epoch.
pub(super) async fn gains(
    client: &Client,
    (customer, instrument): (&str, &str),
    as_of: Epoch,
) -> Result<Vec<StoredGain>, Problem> {
    let sql = format!(
        "SELECT lot, toString(acquired) AS acquired, toString(disposed) AS disposed, \
         toString(quantity) AS quantity, toString(proceeds) AS proceeds, toString(cost_base) AS cost_base, \
         toString(gain) AS gain, toString(fee) AS fee, kind, disposal \
         FROM realised_gains_as_of(as_of = {as_of}) \
         WHERE customer = '{customer}' AND instrument = '{instrument}'"
    );
    fetch(client, &sql).await.map_err(away)
}
