//! Holdings: `/api/v1/holdings`. Positions are opened, closed and priced by events that pass the door like
//! any other; everything else is read from the live view, and `reconstruct` from ClickHouse.
//! `docs/holdings.md` lists the paths.
//!
//! A position is named `{client_id}~{ticker}`: no name has a `~`. A `/` in a name is written `%2F` in a path.

mod cash;
mod cost_basis;
mod dry_run;
mod entry_order;
mod forecast;
mod harvest;
mod lots;
mod plan;
mod portfolio;
mod positions;
mod rebuild;
mod reconstruct;
mod stored;
mod trade;

use actix_web::web::{self, Json};
use evenkeel_operators::facts::{PlannedFlow, Terms};
use evenkeel_schemas::{AccrualRow, Currency, CustomerId, InstrumentId, Money, Names, TradeDate, Value};
use serde_json::Value as Json_;

use super::Context;
use super::problem::Problem;
use crate::view::{Agreed, Customer, HeldLot, View};

/// What answers are.
type Answer = Result<Json<Json_>, Problem>;

/// Between customer and instrument in the name of a position: a character that no name has.
const BETWEEN: char = '~';

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/positions/open", web::post().to(trade::open))
        .route("/positions/{id}/close", web::post().to(trade::close))
        .route("/positions/{id}", web::get().to(positions::one))
        .route("/positions/{id}/value", web::put().to(trade::value))
        .route("/positions/{id}/reconstruct", web::get().to(reconstruct::reconstruct))
        .route("/portfolio/{client_id}/positions", web::get().to(positions::all))
        .route("/portfolio/{client_id}/value", web::get().to(portfolio::value))
        .route("/portfolio/{client_id}/monitor", web::get().to(portfolio::monitor))
        .route("/portfolio/{client_id}/plan", web::post().to(plan::dry_run))
        .route("/portfolio/{client_id}/harvest", web::get().to(harvest::candidates))
        .route("/cost-basis/{ticker}/summary", web::get().to(cost_basis::summary))
        .route("/cost-basis/{ticker}/sell", web::post().to(dry_run::sell))
        .route("/cost-basis/{ticker}/tax-loss-harvest", web::get().to(cost_basis::harvest))
        .route("/cost-basis/{ticker}/unrealized-gl", web::get().to(cost_basis::unrealised));
}

/// One customer in one epoch of the view.
struct Client<'a> {
    view: &'a View,
    names: &'a Names,
    id: CustomerId,
    customer: &'a Customer,
}

/// One customer and one instrument.
#[derive(Clone, Copy)]
struct Subject<'a> {
    client: &'a Client<'a>,
    instrument: InstrumentId,
    terms: Terms,
}

/// Reads of one customer.
fn of_client<T>(
    context: &Context,
    client_id: &str,
    read: impl FnOnce(&Client<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let missing = || {
        let shown: String = client_id.chars().take(64).collect();
        Problem::not_found("").at("client_id", format!("no client {shown:?}; /api/v1/customers lists them"))
    };
    let id = names.customer_id(client_id).ok_or_else(missing)?;
    let customer = view.customer(id).ok_or_else(missing)?;
    read(&Client { view: &view, names: &names, id, customer })
}

/// Reads of one customer and one instrument.
fn of_subject<T>(
    context: &Context,
    client_id: &str,
    ticker: &str,
    read: impl FnOnce(&Subject<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    of_client(context, client_id, |client| read(&client.subject(ticker)?))
}

/// Reads of the customer and the instrument of a position.
fn of_position<T>(
    context: &Context,
    position: &str,
    read: impl FnOnce(&Subject<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let (client_id, ticker) = parts(position)?;
    of_subject(context, client_id, ticker, read)
}

/// Customer and ticker of a position.
fn parts(position: &str) -> Result<(&str, &str), Problem> {
    let shown = || position.chars().take(64).collect::<String>();
    position.split_once(BETWEEN).ok_or_else(|| {
        let reason = format!("expected {{client_id}}{BETWEEN}{{ticker}}, got {:?}", shown());
        Problem::not_found("").at("id", reason)
    })
}

impl<'a> Client<'a> {
    fn name(&self) -> &'a str {
        self.names.customer(self.id)
    }

    fn subject(&'a self, ticker: &str) -> Result<Subject<'a>, Problem> {
        let known = self.names.instrument_id(ticker);
        let known = known.and_then(|instrument| Some((instrument, self.view.terms(instrument)?)));
        let (instrument, terms) = known.ok_or_else(|| {
            let shown: String = ticker.chars().take(64).collect();
            Problem::not_found("").at("ticker", format!("no instrument {shown:?} is listed"))
        })?;
        Ok(Subject { client: self, instrument, terms })
    }

    /// Fees and interest that accrue and are not paid yet.
    fn accruals(&self) -> &'a [AccrualRow] {
        self.view.agreed(self.id).map_or(&[], Agreed::accruals)
    }

    /// What is planned to be paid in or taken out.
    fn planned(&self) -> impl Iterator<Item = &'a PlannedFlow> {
        self.view.agreed(self.id).into_iter().flat_map(Agreed::planned).map(AsRef::as_ref)
    }

    /// The day of the view's epoch, UTC.
    fn today(&self) -> TradeDate {
        self.view.today()
    }

    /// An amount in the base currency at the current rate, rounded half-even; `None` without a rate.
    fn in_base(&self, amount: Money, currency: Currency) -> Option<Money> {
        let rate = self.view.rate(currency, self.customer.base()?)?;
        Value::of_cash(amount, rate)?.to_money()
    }
}

impl<'a> Subject<'a> {
    fn ticker(&self) -> &'a str {
        self.client.names.instrument(self.instrument)
    }

    /// The position's name.
    fn position(&self) -> String {
        format!("{}{BETWEEN}{}", self.client.name(), self.ticker())
    }

    /// The open lots.
    fn lots(&self) -> &'a [HeldLot] {
        self.client.customer.lots_of(self.instrument)
    }
}

/// Refuses where the folder keeps no lots.
fn lots_kept(context: &Context) -> Result<(), Problem> {
    if context.config.lots {
        return Ok(());
    }
    Err(Problem::conflict(NO_LOTS))
}

const NO_LOTS: &str = "no tax lots are kept in this folder: start another one with `lots = true` in the \
                       settings, or ask for the position";

/// A number as text; null where there is none.
fn text(number: Option<impl std::fmt::Display>) -> Option<String> {
    number.map(|number| number.to_string())
}
