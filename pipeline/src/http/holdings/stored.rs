//! What ClickHouse holds of a customer: accepted events, and rows as they were believed at an epoch.

use evenkeel_clickhouse::{Client, fetch};
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::{Event, parse_event};
use serde::Deserialize;

use super::Problem;
use crate::http::stored::away;
pub(super) use crate::http::stored::{ask, caught_up};

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
