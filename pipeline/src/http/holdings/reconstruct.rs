//! `GET /positions/{id}/reconstruct`: a position, its open lots and realised gains worked out anew from the
//! accepted events in ClickHouse, beside what was believed, and whether they agree.
//!
//! Without `as_of` what was believed is the live view, with realised gains from ClickHouse; with `as_of`,
//! what ClickHouse has of that moment. Both sides are of one epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actix_web::web::{self, Json};
use evenkeel_schemas::{Epoch, Instant, Names, Row};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::rebuild::{derive, replay, running};
use super::stored::{StoredGain, StoredLot, ask, caught_up, events, gains, lots, units};
use super::{Answer, Context, Problem, of_position};
use crate::http::read::{Query, query, value};

/// When something was known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    as_of: Option<String>,
}

/// How often the two sides are taken again when they differ: the view may be an epoch ahead of ClickHouse.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// One side. Without lots, only units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Side {
    quantity: String,
    lots: Vec<StoredLot>,
    gains: Vec<StoredGain>,
}

/// What both sides are about.
#[derive(Clone)]
struct Asked {
    client_id: String,
    ticker: String,
    position: String,
    /// Units and lots of the live view; `None` when another moment is asked for.
    view: Option<Side>,
    as_of: Epoch,
}

/// The rebuilt side, and what went into it.
struct Rebuilt {
    side: Side,
    events: usize,
    corrections: usize,
    refused: Vec<String>,
    anomalies: Vec<Json_>,
}

pub(super) async fn reconstruct(
    context: web::Data<Context>,
    path: web::Path<String>,
    known: Query<Known>,
) -> Answer {
    let Known { as_of } = query(known)?;
    let as_of: Option<Instant> = as_of.as_deref().map(|text| value("as_of", text)).transpose()?;
    let answer = web::block(move || {
        let mut looks = 0;
        loop {
            looks += 1;
            let asked = asked(&context, &path, as_of)?;
            let (rebuilt, believed) = both(&context, &asked)?;
            let agrees = rebuilt.side == believed && rebuilt.refused.is_empty();
            if agrees || looks == LOOKS || asked.view.is_none() {
                return Ok(told(&context, &asked, &rebuilt, &believed, agrees));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    });
    answer.await.map_err(|error| Problem::unavailable(error.to_string()))?.map(Json)
}

fn asked(context: &Context, position: &str, as_of: Option<Instant>) -> Result<Asked, Problem> {
    of_position(context, position, |subject| {
        let newest = subject.client.view.epoch();
        let as_of = as_of.map(|at| u64::try_from(at.micros()).unwrap_or(0) / 1000);
        if as_of.is_some_and(|as_of| as_of > newest) {
            let newest = Instant::from_epoch(newest);
            return Err(Problem::bad_request("").at("as_of", format!("expected a time up to {newest}, now")));
        }
        let held = subject.client.customer.positions.get(&subject.instrument).copied();
        let lot = |lot: &crate::view::HeldLot| StoredLot {
            lot: lot.lot.to_string(),
            acquired: lot.acquired.to_string(),
            quantity: lot.quantity.to_string(),
            cost_base: lot.cost_base.to_string(),
        };
        let view = Side {
            quantity: held.unwrap_or_default().to_string(),
            lots: subject.lots().iter().map(lot).collect(),
            gains: Vec::new(),
        };
        Ok(Asked {
            client_id: subject.client.name().to_owned(),
            ticker: subject.ticker().to_owned(),
            position: subject.position(),
            view: Some(view).filter(|_| as_of.is_none()),
            as_of: as_of.unwrap_or(newest),
        })
    })
}

/// Both sides, in the same order and with the same names.
fn both(context: &Context, asked: &Asked) -> Result<(Rebuilt, Side), Problem> {
    caught_up(context)?;
    let keeps_lots = context.config.lots;
    let (stored, mut believed) = ask(context, async |client| {
        let of = (asked.client_id.as_str(), asked.ticker.as_str());
        let stored = events(&client, &asked.client_id, asked.as_of).await?;
        let mut believed = asked.view.clone().unwrap_or_default();
        if asked.view.is_none() {
            let held = units(&client, of, asked.as_of).await?;
            believed.quantity = held.unwrap_or_else(|| "0".to_owned());
            believed.lots = lots(&client, of, asked.as_of).await?;
        }
        believed.gains = gains(&client, of, asked.as_of).await?;
        Ok((stored, believed))
    })?;
    let replayed = replay(stored, &asked.client_id, keeps_lots);
    let names = replayed.names.clone();
    let rows = derive(replayed.inputs, context.config.epoch_ms, asked.as_of)
        .map_err(|error| Problem::unavailable(format!("cannot work it out anew: {error}")))?;
    let (mut side, anomalies) = rebuilt(&rows, &names.read(), &asked.ticker);
    side.rename(&believed);
    side.sort();
    believed.sort();
    let (events, corrections, refused) = (replayed.events, replayed.corrections, replayed.refused);
    Ok((Rebuilt { side, events, corrections, refused, anomalies }, believed))
}

/// The rows of one instrument; all are of one customer.
fn rebuilt(rows: &[Row], names: &Names, ticker: &str) -> (Side, Vec<Json_>) {
    let mut side = Side { quantity: "0".to_owned(), ..Side::default() };
    let mut anomalies = Vec::new();
    let about = |instrument: &_| names.instrument(*instrument) == ticker;
    for row in rows {
        match row {
            Row::Position { instrument, quantity, .. } if about(instrument) => {
                side.quantity = quantity.to_string();
            }
            Row::Lot(row) if about(&row.instrument) => side.lots.push(StoredLot {
                lot: row.lot.to_string(),
                acquired: row.acquired.to_string(),
                quantity: row.quantity.to_string(),
                cost_base: row.cost_base.to_string(),
            }),
            Row::RealisedGain(row) if about(&row.instrument) => side.gains.push(StoredGain {
                lot: row.lot.to_string(),
                acquired: row.acquired.to_string(),
                disposed: row.disposed.to_string(),
                quantity: row.quantity.to_string(),
                proceeds: row.proceeds.to_string(),
                cost_base: row.cost_base.to_string(),
                gain: row.gain.to_string(),
                fee: row.fee.to_string(),
                kind: row.kind.as_str().to_owned(),
                disposal: row.disposal.to_string(),
            }),
            Row::Anomaly { kind: kind @ evenkeel_schemas::AnomalyKind::Lots(instrument, ..), .. }
                if about(instrument) =>
            {
                anomalies.push(json!({ "kind": kind.as_str(), "detail": kind.detail(names) }));
            }
            _ => {}
        }
    }
    (side, anomalies)
}

impl Side {
    fn names(&mut self) -> impl Iterator<Item = &mut String> {
        let gains = self.gains.iter_mut().flat_map(|gain| [&mut gain.lot, &mut gain.disposal]);
        self.lots.iter_mut().map(|lot| &mut lot.lot).chain(gains)
    }

    fn numbers(&self) -> BTreeSet<u64> {
        self.clone().names().filter_map(|name| running(name)).collect()
    }

    /// Events without an id go by their running number over all topics, which ClickHouse does not have: here
    /// they are counted among account events alone. Both counts rise together, so the names of one side are
    /// those of the other in order.
    fn rename(&mut self, believed: &Side) {
        let (own, theirs) = (self.numbers(), believed.numbers());
        if own.len() != theirs.len() {
            return;
        }
        let renamed: BTreeMap<u64, u64> = own.into_iter().zip(theirs).collect();
        for name in self.names() {
            if let Some(number) = running(name).and_then(|number| renamed.get(&number)) {
                *name = format!("seq:{number}");
            }
        }
    }

    fn sort(&mut self) {
        self.lots.sort_by(|a, b| (&a.acquired, a).cmp(&(&b.acquired, b)));
        self.gains.sort_by(|a, b| (&a.disposed, &a.acquired, a).cmp(&(&b.disposed, &b.acquired, b)));
    }

    fn json(&self, keeps_lots: bool) -> Json_ {
        if !keeps_lots {
            return json!({ "quantity": self.quantity, "lots": null, "realised_gains": null });
        }
        let lot = |lot: &StoredLot| {
            json!({
                "lot": lot.lot, "acquired": lot.acquired, "quantity": lot.quantity, "cost_base": lot.cost_base,
            })
        };
        let gain = |gain: &StoredGain| {
            json!({
                "lot": gain.lot, "acquired": gain.acquired, "disposed": gain.disposed, "quantity": gain.quantity,
                "proceeds": gain.proceeds, "cost_base": gain.cost_base, "gain": gain.gain, "fee": gain.fee,
                "kind": gain.kind, "disposal": gain.disposal,
            })
        };
        json!({
            "quantity": self.quantity,
            "lots": self.lots.iter().map(lot).collect::<Vec<_>>(),
            "realised_gains": self.gains.iter().map(gain).collect::<Vec<_>>(),
        })
    }
}

fn told(context: &Context, asked: &Asked, rebuilt: &Rebuilt, believed: &Side, agrees: bool) -> Json_ {
    let keeps_lots = context.config.lots;
    let from = if asked.view.is_some() { "view" } else { "clickhouse" };
    json!({
        "position": asked.position,
        "client_id": asked.client_id,
        "ticker": asked.ticker,
        "epoch": asked.as_of,
        "known_at": Instant::from_epoch(asked.as_of).to_string(),
        "events": rebuilt.events,
        "corrections": rebuilt.corrections,
        "refused": rebuilt.refused,
        "anomalies": rebuilt.anomalies,
        "rebuilt": rebuilt.side.json(keeps_lots),
        "believed_from": from,
        "believed": believed.json(keeps_lots),
        "agrees": agrees,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(names: &[&str]) -> Side {
        let lot = |name: &&str| StoredLot {
            lot: (*name).to_owned(),
            acquired: "2026-01-05".to_owned(),
            quantity: "1".to_owned(),
            cost_base: "1".to_owned(),
        };
        Side { quantity: "1".to_owned(), lots: names.iter().map(lot).collect(), gains: Vec::new() }
    }

    #[test]
    fn events_without_an_id_take_the_names_of_the_other_side() {
        let mut own = side(&["seq:3", "f1", "seq:7"]);
        own.rename(&side(&["seq:41", "seq:12", "f1"]));
        assert_eq!(own, side(&["seq:12", "f1", "seq:41"]));
        own.rename(&side(&["seq:1"]));
        assert_eq!(own, side(&["seq:12", "f1", "seq:41"]), "what cannot be matched stays");
    }
}
