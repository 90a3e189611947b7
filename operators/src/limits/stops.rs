//! Holdings below their stop. A stop is a threshold on a single price, so holdings lie in the order of the greatest price
//! at which they are through it: a price that moves visits those that it crosses.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{CustomerId, InstrumentId, Money, Price, Quantity, Ratio};

use super::calc::{fall, greatest_price};
use crate::epochwise::Changes;
use crate::triggers::Crossed;

/// What the open lots of a holding are and cost, and the greatest price at which it is through its stop.
struct Cost {
    quantity: Quantity,
    cost_base: Money,
    greatest: Option<i64>,
}

/// A holding.
type Of = (CustomerId, InstrumentId);

/// The stops of a worker's customers.
#[derive(Default)]
pub(super) struct Stops {
    limits: BTreeMap<CustomerId, Ratio>,
    costs: BTreeMap<Of, Cost>,
    by_price: BTreeMap<InstrumentId, BTreeSet<(i64, CustomerId)>>,
    /// Holdings that are through, as they were told.
    open: BTreeMap<Of, Crossed>,
    /// What the epoch changed: holdings, and prices as they were before it.
    touched: BTreeSet<Of>,
    moved: BTreeMap<InstrumentId, Option<Price>>,
}

impl Stops {
    /// A customer's stop; `None` for none.
    pub fn limit(&mut self, customer: CustomerId, limit: Option<Ratio>) {
        match limit {
            Some(limit) => drop(self.limits.insert(customer, limit)),
            None => drop(self.limits.remove(&customer)),
        }
        let of = (customer, InstrumentId(0))..=(customer, InstrumentId(u32::MAX));
        self.touched.extend(self.costs.range(of).map(|(holding, _)| *holding));
    }

    /// What the open lots of a holding are and cost; `None` for no lots.
    pub fn cost(&mut self, holding: Of, cost: Option<(Quantity, Money)>) {
        let before = self.costs.get(&holding).and_then(|cost| cost.greatest);
        match cost {
            // Where it lies in the order stays known until it is judged.
            Some((quantity, cost_base)) => {
                self.costs.insert(holding, Cost { quantity, cost_base, greatest: before });
            }
            None => {
                self.costs.remove(&holding);
                self.drop_from_order(holding, before);
            }
        }
        self.touched.insert(holding);
    }

    /// A price is about to be another than it was.
    pub fn price(&mut self, instrument: InstrumentId, before: Option<Price>) {
        if self.by_price.contains_key(&instrument) {
            self.moved.entry(instrument).or_insert(before);
        }
    }

    /// Says what changed with the epoch.
    pub fn close(
        &mut self,
        price: impl Fn(InstrumentId) -> Option<Price>,
        out: &mut Changes<(CustomerId, Crossed)>,
    ) {
        let mut affected = std::mem::take(&mut self.touched);
        affected.iter().for_each(|holding| self.judge(*holding));
        for (instrument, before) in std::mem::take(&mut self.moved) {
            let now = price(instrument);
            let Some(stops) = self.by_price.get(&instrument).filter(|_| before != now) else { continue };
            // Through while price <= greatest: between two prices, from the lower to below the higher.
            let raw = |price: Option<Price>| price.map_or(i64::MAX, Price::raw);
            let (from, upto) = (raw(before).min(raw(now)), raw(before).max(raw(now)));
            let within = stops.range((from, CustomerId(0))..=(upto, CustomerId(u32::MAX)));
            affected.extend(within.map(|(_, customer)| (*customer, instrument)));
        }
        for holding in affected {
            self.tell(holding, price(holding.1), out);
        }
    }

    /// Puts a holding where it belongs in the order.
    fn judge(&mut self, holding: Of) {
        let (customer, instrument) = holding;
        let limit = self.limits.get(&customer);
        let Some(cost) = self.costs.get_mut(&holding) else { return };
        let now = limit.and_then(|limit| greatest_price(cost.quantity, cost.cost_base, *limit));
        let before = std::mem::replace(&mut cost.greatest, now);
        if before != now {
            self.drop_from_order(holding, before);
            if let Some(greatest) = now {
                self.by_price.entry(instrument).or_default().insert((greatest, customer));
            }
        }
    }

    fn drop_from_order(&mut self, (customer, instrument): Of, greatest: Option<i64>) {
        let Some((greatest, stops)) = greatest.zip(self.by_price.get_mut(&instrument)) else { return };
        stops.remove(&(greatest, customer));
        if stops.is_empty() {
            self.by_price.remove(&instrument);
        }
    }

    fn tell(&mut self, holding: Of, price: Option<Price>, out: &mut Changes<(CustomerId, Crossed)>) {
        let (customer, instrument) = holding;
        let cost = self.costs.get(&holding);
        let through = price.zip(cost).filter(|(price, cost)| cost.greatest.is_some_and(|p| price.raw() <= p));
        let crossed = through.and_then(|(price, cost)| {
            let (fall, limit) = (fall(cost.quantity, price, cost.cost_base)?, *self.limits.get(&customer)?);
            Some(Crossed::limit(TriggerKind::StopLoss, Some(instrument), fall, limit))
        });
        match (self.open.contains_key(&holding), crossed) {
            (false, Some(crossed)) => {
                self.open.insert(holding, crossed);
                out.push(((customer, crossed), 1));
            }
            (true, None) => {
                let left = self.open.remove(&holding);
                out.extend(left.map(|left| ((customer, left), -1)));
            }
            _ => {}
        }
    }
}
