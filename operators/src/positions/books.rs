use std::collections::BTreeMap;

use evenkeel_schemas::{CustomerId, InstrumentId, TradeDate};

use super::calc::{SplitTerms, split_adjusted};
use crate::epochwise::Changes;
use crate::facts::Fact;

/// Raw units that came in and went out on a trade date. Packed: there is at least one per holding.
#[derive(Copy, Clone)]
#[repr(C, packed(4))]
struct Moved {
    instrument: InstrumentId,
    date: TradeDate,
    units: i128,
}

impl Moved {
    fn key(&self) -> (InstrumentId, TradeDate) {
        (self.instrument, self.date)
    }
}

/// What was bought and sold, and the splits in force.
#[derive(Default)]
pub(super) struct Books {
    /// By instrument and date.
    moved: BTreeMap<CustomerId, Vec<Moved>>,
    /// With how often each was counted in: once, or not yet again.
    splits: BTreeMap<InstrumentId, BTreeMap<SplitTerms, isize>>,
}

impl Books {
    /// Takes in the changes of an epoch; gives out what changes of raw units held. Flat is nothing.
    pub fn step(&mut self, changes: Changes<Fact>, out: &mut Changes<((CustomerId, InstrumentId), i128)>) {
        let mut before: BTreeMap<(CustomerId, InstrumentId), i128> = BTreeMap::new();
        for (fact, times) in changes {
            match fact {
                Fact::Movement(customer, instrument, date, quantity) => {
                    let units = || self.units(customer, instrument);
                    before.entry((customer, instrument)).or_insert_with(units);
                    self.add(customer, instrument, date, i128::from(quantity.raw()) * times as i128);
                }
                Fact::Split { instrument, ex_date, number, new, old } => {
                    let holders = self.moved.iter().filter(|(_, moved)| !of(moved, instrument).is_empty());
                    for (customer, _) in holders {
                        let units = || self.units(*customer, instrument);
                        before.entry((*customer, instrument)).or_insert_with(units);
                    }
                    let split = SplitTerms { ex_date, number, new, old };
                    let splits = self.splits.entry(instrument).or_default();
                    let count = splits.entry(split).or_default();
                    *count += times;
                    if *count == 0 {
                        splits.remove(&split);
                    }
                }
                _ => {}
            }
        }
        for (key, before) in before {
            let now = self.units(key.0, key.1);
            if before != now {
                out.extend((before != 0).then_some(((key, before), -1)));
                out.extend((now != 0).then_some(((key, now), 1)));
            }
        }
    }

    fn units(&self, customer: CustomerId, instrument: InstrumentId) -> i128 {
        let Some(moved) = self.moved.get(&customer) else { return 0 };
        let moved = of(moved, instrument);
        let Some(splits) = self.splits.get(&instrument) else {
            return moved.iter().map(|moved| moved.units).sum();
        };
        let mut by_date: Vec<(TradeDate, i128)> =
            moved.iter().map(|moved| (moved.date, moved.units)).collect();
        let mut splits: Vec<SplitTerms> =
            splits.iter().filter(|(_, count)| **count > 0).map(|(split, _)| *split).collect();
        split_adjusted(&mut by_date, &mut splits)
    }

    fn add(&mut self, customer: CustomerId, instrument: InstrumentId, date: TradeDate, units: i128) {
        let moved = self.moved.entry(customer).or_default();
        match moved.binary_search_by_key(&(instrument, date), Moved::key) {
            Ok(at) => {
                moved[at].units += units;
                if { moved[at].units } == 0 {
                    moved.remove(at);
                }
            }
            Err(at) => {
                if moved.len() == moved.capacity() {
                    moved.reserve_exact(moved.len() / 4 + 4);
                }
                moved.insert(at, Moved { instrument, date, units });
            }
        }
    }
}

/// What moved of one instrument, by date.
fn of(moved: &[Moved], instrument: InstrumentId) -> &[Moved] {
    let from = moved.partition_point(|m| { m.instrument } < instrument);
    let upto = moved.partition_point(|m| { m.instrument } <= instrument);
    &moved[from..upto]
}
