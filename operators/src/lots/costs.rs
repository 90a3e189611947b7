//! What the open lots of a holding cost in sum, for customers with a stop-loss.

use std::collections::BTreeMap;

use evenkeel_lots::{OpenLot, Row};
use evenkeel_schemas::{CustomerId, InstrumentId, Money, Quantity};

use crate::epochwise::Changes;
use crate::facts::Fact;
use crate::known::Known;
use crate::told::Told;

/// Units and cost base by instrument.
type Sums = BTreeMap<InstrumentId, (Quantity, Money)>;

/// Whose sums somebody follows, and what they were before the epoch, of those who may have changed.
#[derive(Default)]
pub(super) struct Costs {
    /// With how many statements of limits say so.
    followed: BTreeMap<CustomerId, isize>,
    before: BTreeMap<CustomerId, Sums>,
}

impl Costs {
    /// Learns whose limits change. `lots` are those before the epoch.
    pub fn follow<'a>(&mut self, changes: &Changes<Fact>, lots: impl Fn(CustomerId) -> &'a [OpenLot]) {
        for (fact, times) in changes {
            let Fact::Limits(customer, _, limits) = fact else { continue };
            if limits.stop_loss.is_none() {
                continue;
            }
            let statements = self.followed.entry(*customer).or_default();
            let told = *statements > 0;
            self.before
                .entry(*customer)
                .or_insert_with(|| if told { sums(lots(*customer)) } else { Sums::new() });
            *statements += times;
        }
        self.followed.retain(|_, statements| *statements != 0);
    }

    /// The lots of a customer have changed: what there is now, and what of it is new (1) or gone (-1).
    pub fn settled(&mut self, customer: CustomerId, lots: &[OpenLot], changes: &[(Row, i8)]) {
        if !self.followed.contains_key(&customer) {
            return;
        }
        let undone = changes.iter().filter_map(|(row, diff)| match row {
            Row::Lot(lot) => Some((lot, -i128::from(*diff))),
            _ => None,
        });
        let before = lots.iter().map(|lot| (lot, 1)).chain(undone);
        self.before.entry(customer).or_insert_with(|| sums_of(before));
    }

    /// Says what changed of sums. `lots` are those after the epoch.
    pub fn tell<'a>(&mut self, lots: impl Fn(CustomerId) -> &'a [OpenLot], out: &mut Changes<Told>) {
        for (customer, before) in std::mem::take(&mut self.before) {
            let followed = self.followed.contains_key(&customer);
            let now = if followed { sums(lots(customer)) } else { Sums::new() };
            let cost = |(instrument, (quantity, cost_base)): (&InstrumentId, &(Quantity, Money))| {
                Told::Known(Known::Cost(customer, *instrument, Box::new((*quantity, *cost_base))))
            };
            let gone = before.iter().filter(|(instrument, sum)| now.get(instrument) != Some(sum));
            out.extend(gone.map(|sum| (cost(sum), -1)));
            let come = now.iter().filter(|(instrument, sum)| before.get(instrument) != Some(sum));
            out.extend(come.map(|sum| (cost(sum), 1)));
        }
    }
}

fn sums(lots: &[OpenLot]) -> Sums {
    sums_of(lots.iter().map(|lot| (lot, 1)))
}

/// A sum out of range is none: what the holding cost cannot be said.
fn sums_of<'a>(lots: impl Iterator<Item = (&'a OpenLot, i128)>) -> Sums {
    let mut wide: BTreeMap<InstrumentId, (i128, i128)> = BTreeMap::new();
    for (lot, times) in lots {
        let (quantity, cost_base) = wide.entry(lot.instrument).or_default();
        *quantity += times * i128::from(lot.quantity.raw());
        *cost_base += times * i128::from(lot.cost_base.raw());
    }
    let narrow = |(instrument, (quantity, cost_base))| {
        let quantity = Quantity::from_wide(quantity).filter(|quantity| *quantity != Quantity::ZERO)?;
        Some((instrument, (quantity, Money::from_wide(cost_base)?)))
    };
    wide.into_iter().filter_map(narrow).collect()
}
