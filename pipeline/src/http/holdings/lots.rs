//! Open lots as answers show them, at the current price.

use evenkeel_lots::days_held;
use evenkeel_schemas::{Money, Price, Quantity, TradeDate, div_half_even};
use evenkeel_tax::held_clear_year;
use serde_json::{Value as Json_, json};

use super::{Subject, text};
use crate::view::HeldLot;

/// An open lot at the current price. Amounts are in the instrument's currency.
pub(super) struct Measured<'a> {
    pub lot: &'a HeldLot,
    /// Quantity × price; `None` without a price.
    pub value: Option<Money>,
    /// Value less cost base.
    pub gain: Option<Money>,
    /// Calendar days since it was acquired.
    pub days_held: i32,
    /// Whether a sale today would be over 12 months after the acquisition.
    pub term: Term,
}

/// What the Australian discount asks: whether an asset was held for 12 months, the days of acquisition and
/// disposal not counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// Not held for 12 months.
    Short,
    /// Held for 12 months.
    Long,
}

impl Term {
    pub fn between(acquired: TradeDate, disposed: TradeDate) -> Term {
        if held_clear_year(acquired, disposed) { Term::Long } else { Term::Short }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Term::Short => "short",
            Term::Long => "long",
        }
    }
}

/// Sums over lots; `None` when out of range, or when a lot has no price.
pub(super) struct Totals {
    pub quantity: Option<Quantity>,
    pub cost_base: Option<Money>,
    pub value: Option<Money>,
    pub gain: Option<Money>,
}

pub(super) fn measured<'a>(subject: &Subject<'a>) -> Vec<Measured<'a>> {
    let (price, today) = (subject.client.view.price(subject.instrument), subject.client.today());
    let measure = |lot: &'a HeldLot| {
        let open = lot.numbered(0);
        Measured {
            lot,
            value: price.and_then(|price| lot.quantity.notional(price)),
            gain: price.and_then(|price| open.unrealised_gain(price)),
            days_held: days_held(lot.acquired, today),
            term: Term::between(lot.acquired, today),
        }
    };
    subject.lots().iter().map(measure).collect()
}

impl Measured<'_> {
    pub fn json(&self) -> Json_ {
        json!({
            "lot": self.lot.lot.as_ref(),
            "acquired": self.lot.acquired,
            "quantity": self.lot.quantity.to_string(),
            "cost_base": self.lot.cost_base.to_string(),
            "value": text(self.value),
            "unrealised_gain": text(self.gain),
            "days_held": self.days_held,
            "term": self.term.as_str(),
        })
    }
}

/// The sum of amounts; `None` when one is missing or the sum is out of range.
pub(super) fn sum(amounts: impl Iterator<Item = Option<Money>>) -> Option<Money> {
    let mut total = Money::ZERO;
    for amount in amounts {
        total = total.checked_add(amount?)?;
    }
    Some(total)
}

impl Totals {
    pub fn of(lots: &[Measured<'_>]) -> Totals {
        let units = lots.iter().map(|lot| lot.lot.quantity);
        Totals {
            quantity: units.into_iter().try_fold(Quantity::ZERO, Quantity::checked_add),
            cost_base: sum(lots.iter().map(|lot| Some(lot.lot.cost_base))),
            value: sum(lots.iter().map(|lot| lot.value)),
            gain: sum(lots.iter().map(|lot| lot.gain)),
        }
    }

    /// Cost base a unit, rounded half-even to 10⁻⁶.
    pub fn average_cost(&self) -> Option<Price> {
        let (units, cost) = (self.quantity?.raw(), self.cost_base?.raw());
        let scaled = i128::from(cost) * i128::from(Quantity::ONE);
        if units > 0 { Price::from_wide(div_half_even(scaled, units.into())) } else { None }
    }
}
