//! A customer's portfolio: what it is worth, its cash now and to come, and what is open of it.

use std::collections::BTreeSet;

use actix_web::web::{self, Json};
use evenkeel_operators::valuations::Unvalued;
use evenkeel_schemas::InstrumentId;
use serde_json::{Value as Json_, json};

use super::cash::cash;
use super::forecast::forecast;
use super::{Answer, Client, Context, of_client, text};
use crate::http::api::trigger_json;

/// `GET /portfolio/{client_id}/value`.
pub(super) async fn value(context: web::Data<Context>, path: web::Path<String>) -> Answer {
    of_client(&context, &path, |client| {
        let (worth, reason) = match client.view.worth(client.customer) {
            Ok((worth, _)) => (worth.rounded(), None),
            Err(Unvalued::Silent) => {
                (None, Some("nothing is held, or a price or rate is missing: see monitor"))
            }
            Err(Unvalued::OutOfRange) => (None, Some("a sum is out of range")),
        };
        Ok(Json(json!({
            "client_id": client.name(),
            "epoch": client.view.epoch(),
            "currency": text(client.customer.base()),
            "nav": text(worth.map(|worth| worth.nav)),
            "market_value": text(worth.map(|worth| worth.market_value)),
            "cash_value": text(worth.map(|worth| worth.cash)),
            "reason": reason,
            "cash": cash(client),
            "forecast": forecast(client),
        })))
    })
}

/// `GET /portfolio/{client_id}/monitor`.
pub(super) async fn monitor(context: web::Data<Context>, path: web::Path<String>) -> Answer {
    of_client(&context, &path, |client| {
        let Client { view, names, id, .. } = client;
        let breaches = view.open().breached(*id).map(
            |(instrument, side)| json!({ "subject": names.instrument(*instrument), "side": side.as_str() }),
        );
        let triggers = view.open().triggers_of(*id);
        let triggers = triggers.map(|(key, (measure, limit))| trigger_json(names, key, *measure, *limit));
        let anomalies = view.anomalies_of(*id);
        let anomalies = anomalies.map(|kind| json!({ "kind": kind.as_str(), "detail": kind.detail(names) }));
        Ok(Json(json!({
            "client_id": client.name(),
            "epoch": view.epoch(),
            "breaches": breaches.collect::<Vec<Json_>>(),
            "triggers": triggers.collect::<Vec<Json_>>(),
            "anomalies": anomalies.collect::<Vec<Json_>>(),
            "stale_prices": stale(client),
        })))
    })
}

/// Instruments held or aimed at whose price is older than it may be.
fn stale(client: &Client<'_>) -> Vec<Json_> {
    let targets = client.customer.targets(client.today());
    let targets = targets.iter().flat_map(|set| &set.lines);
    let looked_at: BTreeSet<InstrumentId> =
        client.customer.positions.keys().copied().chain(targets.map(|line| line.instrument)).collect();
    let stale = looked_at.into_iter().filter(|instrument| client.view.is_stale(*instrument));
    let line = |instrument| {
        let price = text(client.view.price(instrument));
        json!({ "ticker": client.names.instrument(instrument), "price": price })
    };
    stale.map(line).collect()
}
