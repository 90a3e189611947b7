//! Units held, as far as the door needs them: nobody sells what is not there.

use std::collections::BTreeMap;

use evenkeel_schemas::{CustomerId, InstrumentId};

/// Raw units of an instrument. Packed: there is one per holding.
#[derive(Copy, Clone)]
#[repr(C, packed(4))]
struct Held {
    instrument: InstrumentId,
    units: i64,
}

/// Raw units by customer, whose numbers are dense, and instrument. Splits are not known here.
#[derive(Default)]
pub(super) struct Units {
    held: Vec<Vec<Held>>,
    /// What 64 bits do not hold, and nothing else.
    wide: BTreeMap<(CustomerId, InstrumentId), i128>,
}

impl Units {
    pub fn add(&mut self, customer: CustomerId, instrument: InstrumentId, units: i128) {
        let sum = self.of(customer, instrument) + units;
        let narrow = i64::try_from(sum);
        if narrow.is_err() || !self.wide.is_empty() {
            self.wide.remove(&(customer, instrument));
            self.wide.extend(narrow.is_err().then_some(((customer, instrument), sum)));
        }
        let at = customer.0 as usize;
        if at >= self.held.len() {
            self.held.resize_with(at + 1, Vec::new);
        }
        let all = &mut self.held[at];
        match (all.binary_search_by_key(&instrument, |held| held.instrument), narrow.unwrap_or(0)) {
            (Ok(at), 0) => drop(all.remove(at)),
            (Ok(at), units) => all[at].units = units,
            (Err(_), 0) => {}
            (Err(at), units) => {
                if all.len() == all.capacity() {
                    all.reserve_exact(all.len() / 4 + 2);
                }
                all.insert(at, Held { instrument, units });
            }
        }
    }

    pub fn of(&self, customer: CustomerId, instrument: InstrumentId) -> i128 {
        let all = self.held.get(customer.0 as usize).map_or(&[][..], Vec::as_slice);
        match all.binary_search_by_key(&instrument, |held| held.instrument) {
            Ok(at) => all[at].units.into(),
            Err(_) if self.wide.is_empty() => 0,
            Err(_) => self.wide.get(&(customer, instrument)).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Units;
    use evenkeel_schemas::{CustomerId, InstrumentId};

    #[test]
    fn units_add_up_by_customer_and_instrument() {
        let mut units = Units::default();
        for step in 0..100_u32 {
            units.add(CustomerId(step % 3), InstrumentId(step % 7), i128::from(step));
        }
        let sum = |c, i| (0..100_u32).filter(|s| s % 3 == c && s % 7 == i).map(i128::from).sum::<i128>();
        for (c, i) in (0..4).flat_map(|c| (0..8).map(move |i| (c, i))) {
            assert_eq!(units.of(CustomerId(c), InstrumentId(i)), sum(c, i));
            units.add(CustomerId(c), InstrumentId(i), -sum(c, i));
            assert_eq!(units.of(CustomerId(c), InstrumentId(i)), 0);
        }
        // More than 64 bits hold, and back.
        for (more, held) in
            [(i128::from(i64::MAX), 0), (7, 7), (-i128::from(i64::MAX), 7 - i128::from(i64::MAX))]
        {
            units.add(CustomerId(0), InstrumentId(0), more);
            assert_eq!(units.of(CustomerId(0), InstrumentId(0)), i128::from(i64::MAX) + held);
        }
    }
}
