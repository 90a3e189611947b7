//! Cash of a customer by what can be done with it.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::Side;
use evenkeel_schemas::{AccrualKind, Currency, DueKind, Money};
use serde_json::{Value as Json_, json};

use super::{Client, text};

/// Sums by currency; `None` when out of range.
#[derive(Default)]
struct Due {
    /// Part of the balance, settled later; negative is money that will go.
    unsettled: Sum,
    /// Distributions to come, not part of the balance.
    accrued: Sum,
    /// Interest to come, and fees to go: so far, and not part of the balance.
    interest: Sum,
    fees: Sum,
}

/// A checked sum.
pub(super) struct Sum(pub Option<Money>);

impl Default for Sum {
    fn default() -> Sum {
        Sum(Some(Money::ZERO))
    }
}

impl Sum {
    pub fn add(&mut self, amount: Option<Money>) {
        self.0 = self.0.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount));
    }
}

fn due(client: &Client<'_>) -> BTreeMap<Currency, Due> {
    let mut by_currency: BTreeMap<Currency, Due> = BTreeMap::new();
    for ((_, currency, kind), amount) in &client.customer.due {
        let due = by_currency.entry(*currency).or_default();
        match kind {
            DueKind::Settlement => due.unsettled.add(Some(*amount)),
            DueKind::Distribution => due.accrued.add(Some(*amount)),
        }
    }
    for row in client.accruals() {
        let due = by_currency.entry(row.currency).or_default();
        match row.kind {
            AccrualKind::Interest => due.interest.add(Some(row.amount)),
            AccrualKind::Fee => due.fees.add(Some(row.amount)),
        }
    }
    by_currency
}

/// What open buy orders may take, by the instrument's currency: quantity × limit, before commission.
fn reserved(client: &Client<'_>) -> BTreeMap<Currency, Sum> {
    let mut reserved: BTreeMap<Currency, Sum> = BTreeMap::new();
    for (order, limit) in client.view.resting_of(client.id) {
        let Some((_, row)) = client.view.order(order.as_str()) else { continue };
        let Some(terms) = client.view.terms(row.instrument) else { continue };
        if row.side == Side::Buy && !row.state.terminal() {
            reserved.entry(terms.currency).or_default().add(row.quantity.notional(*limit));
        }
    }
    reserved
}

/// Cash by currency: balance = settled + unsettled, as posted; what orders reserve, distributions will
/// pay, and accrued so far.
pub(super) fn cash(client: &Client<'_>) -> Vec<Json_> {
    let (due, reserved) = (due(client), reserved(client));
    let held = client.customer.cash.iter().map(|(currency, _)| *currency);
    let currencies: BTreeSet<Currency> =
        held.chain(due.keys().copied()).chain(reserved.keys().copied()).collect();
    let line = |currency: Currency| {
        let balance = client.customer.cash.get(&currency).copied().unwrap_or_default();
        let nothing = Due::default();
        let due = due.get(&currency).unwrap_or(&nothing);
        let unsettled = due.unsettled.0;
        let reserved = reserved.get(&currency).map_or(Some(Money::ZERO), |sum| sum.0);
        let settled = unsettled.and_then(|unsettled| balance.checked_sub(unsettled));
        json!({
            "currency": currency.to_string(),
            "balance": balance.to_string(),
            "settled": text(settled),
            "unsettled": text(unsettled),
            "accrued": text(due.accrued.0),
            "accrued_interest": text(due.interest.0),
            "accrued_fees": text(due.fees.0),
            "reserved": text(reserved),
            "available": text(reserved.and_then(|reserved| balance.checked_sub(reserved))),
        })
    };
    currencies.into_iter().map(line).collect()
}
