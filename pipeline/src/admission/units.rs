//! Units held, as far as the door needs them: nobody sells what is not there.

use evenkeel_schemas::{CustomerId, InstrumentId};

/// Raw units of an instrument, modulo 2⁶⁴: what is held is right whenever it is in the range of `Quantity`, whatever it was
/// in between. Packed: there is one per holding.
#[derive(Copy, Clone)]
#[repr(C, packed(4))]
struct Held {
    instrument: InstrumentId,
    units: i64,
}

/// Raw units by customer, whose numbers are dense, and instrument. Splits are not known here.
#[derive(Default)]
pub(super) struct Units(Vec<Vec<Held>>);

impl Units {
    pub fn add(&mut self, customer: CustomerId, instrument: InstrumentId, units: i64) {
        let at = customer.0 as usize;
        if at >= self.0.len() {
            self.0.resize_with(at + 1, Vec::new);
        }
        let all = &mut self.0[at];
        match all.binary_search_by_key(&instrument, |held| held.instrument) {
            Ok(at) => {
                all[at].units = { all[at].units }.wrapping_add(units);
                if { all[at].units } == 0 {
                    all.remove(at);
                }
            }
            Err(at) => {
                if all.len() == all.capacity() {
                    all.reserve_exact(all.len() / 4 + 2);
                }
                all.insert(at, Held { instrument, units });
            }
        }
    }

    pub fn of(&self, customer: CustomerId, instrument: InstrumentId) -> i64 {
        let all = self.0.get(customer.0 as usize).map_or(&[][..], Vec::as_slice);
        let found = all.binary_search_by_key(&instrument, |held| held.instrument);
        found.map_or(0, |at| all[at].units)
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
            units.add(CustomerId(step % 3), InstrumentId(step % 7), i64::from(step));
        }
        let sum = |c, i| (0..100_u32).filter(|s| s % 3 == c && s % 7 == i).map(i64::from).sum::<i64>();
        for (c, i) in (0..4).flat_map(|c| (0..8).map(move |i| (c, i))) {
            assert_eq!(units.of(CustomerId(c), InstrumentId(i)), sum(c, i));
            units.add(CustomerId(c), InstrumentId(i), -sum(c, i));
            assert_eq!(units.of(CustomerId(c), InstrumentId(i)), 0);
        }
        // More than fits, and back.
        for more in [i64::MAX, 7, -i64::MAX] {
            units.add(CustomerId(0), InstrumentId(0), more);
        }
        assert_eq!(units.of(CustomerId(0), InstrumentId(0)), 7);
    }
}
