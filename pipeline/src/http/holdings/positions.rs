//! Positions as they stand: one, or all of a customer.

use actix_web::web::{self, Json};
use evenkeel_schemas::{Quantity, Value};
use serde_json::{Value as Json_, json};

use super::lots::{Measured, Totals, measured};
use super::{Answer, Context, NO_LOTS, Problem, Subject, of_client, of_position, text};

/// `GET /positions/{id}`.
pub(super) async fn one(context: web::Data<Context>, path: web::Path<String>) -> Answer {
    of_position(&context, &path, |subject| {
        let held = subject.client.customer.positions.get(&subject.instrument);
        let quantity = *held.ok_or_else(|| nothing(subject))?;
        Ok(Json(position(&context, subject, quantity)))
    })
}

/// `GET /portfolio/{client_id}/positions`.
pub(super) async fn all(context: web::Data<Context>, path: web::Path<String>) -> Answer {
    of_client(&context, &path, |client| {
        let line = |(instrument, quantity): (&_, &Quantity)| {
            let terms = client.view.terms(*instrument)?;
            let subject = Subject { client, instrument: *instrument, terms };
            Some(position(&context, &subject, *quantity))
        };
        let positions: Vec<Json_> = client.customer.positions.iter().filter_map(line).collect();
        Ok(Json(json!({ "client_id": client.name(), "epoch": client.view.epoch(), "positions": positions })))
    })
}

/// That a customer holds none of an instrument.
pub(super) fn nothing(subject: &Subject<'_>) -> Problem {
    let (client, ticker) = (subject.client.name(), subject.ticker());
    let position = subject.position();
    let reason = format!(
        "{client} holds no {ticker}; /api/v1/holdings/positions/{position}/reconstruct shows what there was"
    );
    Problem::not_found("").at("id", reason)
}

fn position(context: &Context, subject: &Subject<'_>, quantity: Quantity) -> Json_ {
    let Subject { client, terms, .. } = subject;
    let price = client.view.price(subject.instrument);
    let base = client.customer.base();
    let rate = base.and_then(|base| client.view.rate(terms.currency, base));
    let exact = price.zip(rate).and_then(|(price, rate)| Value::of_position(quantity, price, rate));
    let nav = client.view.worth(client.customer).ok().map(|(worth, _)| worth.nav);
    let weight = exact.zip(nav).and_then(|(value, nav)| value.share_of(nav));
    let lots = measured(subject);
    let totals = Totals::of(&lots);
    let mut answer = json!({
        "position": subject.position(),
        "client_id": client.name(),
        "ticker": subject.ticker(),
        "epoch": client.view.epoch(),
        "quantity": quantity.to_string(),
        "price": text(price),
        "currency": terms.currency.to_string(),
        "value": text(price.and_then(|price| quantity.notional(price))),
        "base_currency": text(base),
        "rate": text(rate),
        "base_value": text(exact.and_then(Value::to_money)),
        "weight": weight.map(|weight| weight.to_fixed()),
    });
    let of_lots = if context.config.lots {
        json!({
            "cost_base": text(totals.cost_base),
            "average_cost": text(totals.average_cost()),
            "unrealised_gain": text(totals.gain),
            "lots": lots.iter().map(Measured::json).collect::<Vec<_>>(),
        })
    } else {
        json!({ "lots": null, "lots_missing": NO_LOTS })
    };
    if let (Json_::Object(answer), Json_::Object(of_lots)) = (&mut answer, of_lots) {
        answer.extend(of_lots);
    }
    answer
}
