//! Cash of a customer by what can be done with it, and what the ladder says of the next days.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::Side;
use evenkeel_schemas::{Currency, DueKind, Instant, Money, TradeDate};
use serde_json::{Value as Json_, json};

use super::{Client, text};

/// How many days a forecast looks ahead.
const AHEAD_DAYS: i64 = 90;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// What is due on a day, by kind.
#[derive(Default)]
struct Rung {
    settlement: Option<Money>,
    distribution: Option<Money>,
}

/// Sums by currency; `None` when out of range.
#[derive(Default)]
struct Due {
    /// Part of the balance, settled later; negative is money that will go.
    unsettled: Sum,
    /// Distributions to come, not part of the balance.
    accrued: Sum,
    by_day: BTreeMap<TradeDate, Rung>,
}

/// A checked sum.
struct Sum(Option<Money>);

impl Default for Sum {
    fn default() -> Sum {
        Sum(Some(Money::ZERO))
    }
}

impl Sum {
    fn add(&mut self, amount: Option<Money>) {
        self.0 = self.0.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
    }
}

fn due(client: &Client<'_>) -> BTreeMap<Currency, Due> {
    let mut by_currency: BTreeMap<Currency, Due> = BTreeMap::new();
    for ((date, currency, kind), amount) in &client.customer.due {
        let due = by_currency.entry(*currency).or_default();
        let rung = due.by_day.entry(*date).or_default();
        match kind {
            DueKind::Settlement => {
                due.unsettled.add(Some(*amount));
                rung.settlement = Some(*amount);
            }
            DueKind::Distribution => {
                due.accrued.add(Some(*amount));
                rung.distribution = Some(*amount);
            }
        }
    }
    by_currency
}

/// What open buy orders may take, by the instrument's currency: quantity × limit, before commission.
fn reserved(client: &Client<'_>) -> BTreeMap<Currency, Sum> {
    let mut reserved: BTreeMap<Currency, Sum> = BTreeMap::new();
    let placed = client.view.decisions_of(client.id).flat_map(|logged| &logged.decision.orders);
    for order in placed.filter(|order| order.side == Side::Buy) {
        let Some((_, row)) = client.view.order(order.order.as_str()) else { continue };
        let terms = client.view.terms(row.instrument);
        let Some(terms) = terms.filter(|_| !row.state.terminal()) else { continue };
        reserved.entry(terms.currency).or_default().add(row.quantity.notional(order.limit));
    }
    reserved
}

/// Cash by currency: balance = settled + unsettled, as posted; what orders reserve and distributions will
/// pay.
pub(super) fn cash(client: &Client<'_>) -> Vec<Json_> {
    let (due, reserved) = (due(client), reserved(client));
    let held = client.customer.cash.iter().map(|(currency, _)| *currency);
    let currencies: BTreeSet<Currency> =
        held.chain(due.keys().copied()).chain(reserved.keys().copied()).collect();
    let line = |currency: Currency| {
        let balance = client.customer.cash.get(&currency).copied().unwrap_or_default();
        let (unsettled, accrued) = due
            .get(&currency)
            .map_or((Some(Money::ZERO), Some(Money::ZERO)), |due| (due.unsettled.0, due.accrued.0));
        let reserved = reserved.get(&currency).map_or(Some(Money::ZERO), |sum| sum.0);
        let settled = unsettled.and_then(|unsettled| balance.checked_sub(unsettled));
        json!({
            "currency": currency.to_string(),
            "balance": balance.to_string(),
            "settled": text(settled),
            "unsettled": text(unsettled),
            "accrued": text(accrued),
            "reserved": text(reserved),
            "available": text(reserved.and_then(|reserved| balance.checked_sub(reserved))),
        })
    };
    currencies.into_iter().map(line).collect()
}

/// What is settled now, and by value date what becomes of it: one running balance a currency. Only what is on
/// the ladder is known: settlements and distributions announced. Nothing is invested, spent or converted.
pub(super) fn forecast(client: &Client<'_>) -> Json_ {
    let today = client.today();
    let until = Instant::from_micros(today.start().micros().saturating_add(AHEAD_DAYS * MICROS_A_DAY)).date();
    let mut due = due(client);
    for (currency, _) in client.customer.cash.iter() {
        due.entry(*currency).or_default();
    }
    let currencies: Vec<Json_> =
        due.iter().map(|(currency, due)| forecast_of(client, *currency, due, until)).collect();
    json!({ "from": today, "until": until, "currencies": currencies })
}

fn forecast_of(client: &Client<'_>, currency: Currency, due: &Due, until: TradeDate) -> Json_ {
    let balance = client.customer.cash.get(&currency).copied().unwrap_or_default();
    let opening = due.unsettled.0.and_then(|unsettled| balance.checked_sub(unsettled));
    let (mut running, mut later) = (Sum(opening), Sum::default());
    let mut lowest = (opening, client.today());
    let mut days = Vec::new();
    for (date, rung) in &due.by_day {
        let parts = [rung.settlement, rung.distribution];
        if *date > until {
            parts.into_iter().flatten().for_each(|amount| later.add(Some(amount)));
            continue;
        }
        parts.into_iter().flatten().for_each(|amount| running.add(Some(amount)));
        if running.0 < lowest.0 {
            lowest = (running.0, *date);
        }
        days.push(json!({
            "value_date": date,
            "settlement": text(rung.settlement),
            "distribution": text(rung.distribution),
            "balance": text(running.0),
        }));
    }
    json!({
        "currency": currency.to_string(),
        "opening": text(opening),
        "days": days,
        "closing": text(running.0),
        "lowest": { "balance": text(lowest.0), "value_date": lowest.1 },
        "due_later": text(later.0),
    })
}
