//! Positions opened, closed and priced: an event each, through the door like any other.

use std::time::{Duration, Instant as Clock};

use actix_web::web::{self, Json};
use evenkeel_schemas::events::{
    Event, EventType, Fill, LotChoice, Refusal, Side, Tick, TransferIn, parse_event,
};
use evenkeel_schemas::{Currency, Instant, Money, Name, Price, Quantity, TradeDate};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::positions::nothing;
use super::{Answer, Context, Problem, Subject, of_position, of_subject};
use crate::door::Place;
use crate::http::read::{Body, body};
use crate::live::Receipt;
use crate::source::Incoming;

/// How long an answer waits at the most for the view to show what was accepted.
const SHOWN: Duration = Duration::from_secs(5);

/// Units that come in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    id: Option<Name>,
    client_id: Name,
    ticker: Name,
    quantity: Quantity,
    price: Option<Price>,
    fee: Option<Money>,
    currency: Option<Currency>,
    trade_date: Option<TradeDate>,
    acquired: Option<TradeDate>,
    cost_base: Option<Money>,
}

/// Units that go out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    id: Option<Name>,
    price: Price,
    quantity: Option<Quantity>,
    #[serde(default)]
    fee: Money,
    #[serde(default)]
    lots: Vec<LotChoice>,
    trade_date: Option<TradeDate>,
}

/// A price.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pricing {
    id: Option<Name>,
    price: Price,
}

/// `POST /positions/open`.
pub(super) async fn open(context: web::Data<Context>, bytes: Body) -> Answer {
    let opening: Opening = body(bytes)?;
    let client_id = opening.client_id.to_string();
    let (position, event) = of_subject(&context, &client_id, opening.ticker.as_str(), |subject| {
        Ok((subject.position(), opened(&opening, subject)?))
    })?;
    submit(context, position, event).await
}

/// `POST /positions/{id}/close`.
pub(super) async fn close(context: web::Data<Context>, path: web::Path<String>, bytes: Body) -> Answer {
    let closing: Closing = body(bytes)?;
    let (position, event) = of_position(&context, &path, |subject| {
        Ok((subject.position(), closed(&context, closing, subject)?))
    })?;
    submit(context, position, event).await
}

/// `PUT /positions/{id}/value`.
pub(super) async fn value(context: web::Data<Context>, path: web::Path<String>, bytes: Body) -> Answer {
    let Pricing { id, price } = body(bytes)?;
    let (position, event) = of_position(&context, &path, |subject| {
        let tick = Tick {
            event_type: EventType::Tick,
            at: now(),
            id,
            recorded: None,
            instrument: named(subject.ticker(), "id")?,
            price,
            bid: None,
            ask: None,
            volume: None,
        };
        Ok((subject.position(), Event::Tick(Box::new(tick))))
    })?;
    submit(context, position, event).await
}

fn opened(opening: &Opening, subject: &Subject<'_>) -> Result<Event, Problem> {
    let refuse = |field: &str, reason: &str| Err(Problem::unprocessable(field, reason));
    let (id, quantity) = (opening.id.clone(), opening.quantity);
    let (customer, instrument) = (opening.client_id.clone(), opening.ticker.clone());
    let currency = opening.currency.unwrap_or(subject.terms.currency);
    match (opening.acquired, opening.cost_base) {
        (None, None) => {
            let Some(price) = opening.price else {
                return refuse(
                    "price",
                    "expected the price of a buy, or acquired and cost_base of a transfer in",
                );
            };
            let (trade_date, at) = dated(opening.trade_date);
            Ok(Event::Fill(Box::new(Fill {
                event_type: EventType::Fill,
                at,
                id,
                recorded: None,
                customer,
                instrument,
                side: Side::Buy,
                quantity,
                price,
                fee: opening.fee.unwrap_or_default(),
                currency,
                trade_date,
                order: None,
                lots: Vec::new(),
            })))
        }
        (Some(_), None) => refuse("cost_base", "expected what the units cost, beside acquired"),
        (None, Some(_)) => refuse("acquired", "expected the date of acquisition, beside cost_base"),
        (Some(acquired), Some(cost_base)) => {
            if opening.price.is_some() {
                return refuse("price", "expected none for a transfer in: cost_base says what was paid");
            }
            if opening.fee.is_some() {
                return refuse("fee", "expected none for a transfer in: it is part of cost_base");
            }
            if currency != subject.terms.currency {
                let reason = format!("expected {}, the currency of the instrument", subject.terms.currency);
                return refuse("currency", &reason);
            }
            let (arrived, at) = dated(opening.trade_date);
            if acquired > arrived {
                return refuse(
                    "acquired",
                    &format!("expected {arrived} or earlier, the day of the transfer"),
                );
            }
            Ok(Event::TransferIn(Box::new(TransferIn {
                event_type: EventType::TransferIn,
                at,
                id,
                recorded: None,
                customer,
                instrument,
                quantity,
                cost_base,
                acquired,
            })))
        }
    }
}

fn closed(context: &Context, closing: Closing, subject: &Subject<'_>) -> Result<Event, Problem> {
    let held = subject.client.customer.positions.get(&subject.instrument);
    let held = *held.ok_or_else(|| nothing(subject))?;
    let quantity = match closing.quantity {
        Some(quantity) => quantity,
        None if closing.lots.is_empty() => held,
        None => {
            let units = closing.lots.iter().map(|choice| choice.quantity);
            let sum = units.into_iter().try_fold(Quantity::ZERO, Quantity::checked_add);
            sum.ok_or_else(|| Problem::unprocessable("lots", "expected quantities in range"))?
        }
    };
    if quantity > held {
        let reason = format!("expected at most the {held} held, got {quantity}");
        return Err(Problem::unprocessable("quantity", reason));
    }
    if context.config.lots {
        check_choices(subject, &closing.lots, quantity)?;
    } else if !closing.lots.is_empty() {
        return Err(Problem::conflict(super::NO_LOTS));
    }
    let (trade_date, at) = dated(closing.trade_date);
    Ok(Event::Fill(Box::new(Fill {
        event_type: EventType::Fill,
        at,
        id: closing.id,
        recorded: None,
        customer: named(subject.client.name(), "id")?,
        instrument: named(subject.ticker(), "id")?,
        side: Side::Sell,
        quantity,
        price: closing.price,
        fee: closing.fee,
        currency: subject.terms.currency,
        trade_date,
        order: None,
        lots: closing.lots,
    })))
}

/// Lots named at a sale: open, with enough units, each once, and as many units as are sold.
pub(super) fn check_choices(
    subject: &Subject<'_>,
    choices: &[LotChoice],
    quantity: Quantity,
) -> Result<(), Problem> {
    let mut named = Some(Quantity::ZERO);
    for (index, choice) in choices.iter().enumerate() {
        let refuse = |field: &str, reason: String| {
            Err(Problem::unprocessable(format!("lots[{index}].{field}"), reason))
        };
        let lot = choice.lot.as_str();
        let Some(open) = subject.lots().iter().find(|open| *open.lot == *lot) else {
            return refuse("lot", format!("expected an open lot of {}, {lot} is not", subject.ticker()));
        };
        if choices[..index].iter().any(|before| before.lot == choice.lot) {
            return refuse("lot", format!("expected each lot once, {lot} stands twice"));
        }
        if choice.quantity <= Quantity::ZERO || choice.quantity > open.quantity {
            let reason = format!("expected more than 0 and at most its {} units", open.quantity);
            return refuse("quantity", reason);
        }
        named = named.and_then(|sum| sum.checked_add(choice.quantity));
    }
    if choices.is_empty() || named == Some(quantity) {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "lots",
        format!("expected lots of {quantity} units in all, as many as are sold"),
    ))
}

/// What is in the view has a name that can be written.
fn named(text: &str, field: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|error| Problem::unprocessable(field, error))
}

fn now() -> Instant {
    Instant::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// Trade date and effective time: today and now, or the beginning of an earlier day.
fn dated(trade_date: Option<TradeDate>) -> (TradeDate, Instant) {
    let now = now();
    let date = trade_date.unwrap_or_else(|| now.date());
    (date, if date < now.date() { date.start() } else { now })
}

/// Hands an event in, and waits until it is on disk and, for a while, until the view shows it.
async fn submit(context: web::Data<Context>, position: String, event: Event) -> Answer {
    let written = serde_json::to_vec(&event).map_err(|error| Problem::bad_request(error.to_string()))?;
    let event = parse_event(&written).map_err(|Refusal { field, reason }| refused(&field, &reason))?;
    let place = Place { source: "http".to_owned(), line: 1 };
    let shown: Json_ = serde_json::from_slice(&written).unwrap_or_default();
    let handed_in = web::block(move || {
        let incoming = Incoming::Event(place, Box::new(event), written.into());
        let receipt = context.submitter.submit(vec![incoming])?;
        if receipt.accepted > 0 {
            let begun = Clock::now();
            while context.view.read().epoch() < receipt.epoch && begun.elapsed() < SHOWN {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok::<Receipt, crate::live::Stopped>(receipt)
    });
    let handed_in = handed_in.await.map_err(|error| Problem::unavailable(error.to_string()))?;
    let receipt = handed_in.map_err(|stopped| Problem::unavailable(stopped.to_string()))?;
    if let Some(rejected) = receipt.rejected.first() {
        return Err(refused(&rejected.field, &rejected.reason));
    }
    Ok(Json(json!({ "position": position, "event": shown, "receipt": receipt })))
}

/// A refusal of the event, in the words of the request.
fn refused(field: &str, reason: &str) -> Problem {
    let field = match field {
        "customer" => "client_id",
        "instrument" => "ticker",
        field => field,
    };
    Problem::unprocessable(field, reason)
}
