//! Losses of a customer that are worth harvesting.

use actix_web::web::{self, Json};
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{HarvestCandidateRow, Subject as About};
use serde_json::{Value as Json_, json};

use super::{Answer, Client, Context, lots_kept, of_client, text};

/// `GET /portfolio/{client_id}/harvest`.
pub(super) async fn candidates(context: web::Data<Context>, path: web::Path<String>) -> Answer {
    lots_kept(&context)?;
    of_client(&context, &path, |client| {
        let candidates: Vec<Json_> =
            client.view.harvest_of(client.id).map(|row| candidate(client, row)).collect();
        Ok(Json(json!({
            "client_id": client.name(),
            "epoch": client.view.epoch(),
            "currency": text(client.customer.base()),
            "candidates": candidates,
        })))
    })
}

fn candidate(client: &Client<'_>, row: &HarvestCandidateRow) -> Json_ {
    let about = About::Instrument(row.instrument);
    let mut triggers = client.view.open().triggers_of(client.id);
    let open = triggers.find(|(key, _)| key.kind == TriggerKind::TaxOpportunity && key.subject == about);
    let purchase = row.purchase.as_ref().map(|(instrument, date, lot)| {
        json!({ "ticker": client.names.instrument(*instrument), "lot": **lot, "acquired": date })
    });
    json!({
        "ticker": client.names.instrument(row.instrument),
        "trigger": open.map(|(key, _)| key.id(client.names)),
        "entered": open.map(|(key, _)| key.entered),
        "net_benefit": text(open.map(|(_, (measure, _))| measure)),
        "threshold": text(open.map(|(_, (_, limit))| limit)),
        "replacement": client.names.instrument(row.replacement),
        "correlation": row.correlation.to_fixed(),
        "tracking_error": row.tracking_error.to_fixed(),
        "as_of": row.as_of,
        "wash": row.flag(),
        "wash_score": row.wash_score.to_fixed(),
        "purchase": purchase,
    })
}
