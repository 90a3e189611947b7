//! Exact valuations of everybody.

use std::cmp::Ordering;
use std::ops::Range;

use evenkeel_schemas::{Currency, CustomerId, Holding, InstrumentId, Money, Valuation, Value, Worth};

use crate::book::{CASH, Hold};
use crate::exact::{Judgement, judge};
use crate::market::{Kind, Subject};
use crate::monitor::Monitor;

/// Raw units of a `Value` in one raw unit of `Money`.
const VALUE_PER_MONEY: i128 = 1_000_000_000_000_000;

/// Raw quantities below this times prices that fit 62 bits are below 2¹¹², so that as many slots as below add up
/// in i128 whatever their signs.
const QUANTITY_EASY_BITS: u32 = 50;
const SLOTS_EASY: usize = 1 << 14;

/// What all customers of a base currency hold of something that has a price.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposure {
    /// The customers' base currency.
    pub base: Currency,
    /// What is held.
    pub holding: Holding,
    /// Customers who hold any.
    pub customers: u64,
    /// Raw units of `Quantity`, or of `Money` for cash.
    pub quantity: i128,
    /// Its effective price: times a raw quantity it is a raw `Value`.
    pub unit: i128,
}

impl Monitor {
    /// What is held in sum of everything that somebody holds and that has a price: work follows the instruments,
    /// not the holders.
    pub fn exposures(&mut self) -> impl Iterator<Item = Exposure> {
        self.absorb();
        self.market.assets().iter().zip(self.market.held()).filter_map(|(asset, held)| {
            let holding = match asset.subject {
                Subject::Instrument(instrument) => Holding::Instrument(instrument),
                Subject::Cash(currency) => Holding::Cash(currency),
                Subject::Bucket(_) => return None,
            };
            let base = asset.base.filter(|_| held.customers > 0 && asset.kind != Kind::Missing)?;
            let (customers, quantity, unit) = (held.customers, held.quantity, asset.unit);
            Some(Exposure { base, holding, customers, quantity, unit })
        })
    }

    /// As [`Monitor::value`], of all customers.
    pub fn value_all(&mut self, valuations: &mut Vec<Option<Valuation>>) {
        self.value(0..self.rows(), valuations);
    }

    /// Values the customers of some rows at what has been told so far; `None` for whom cannot be valued. What was in
    /// `valuations` goes.
    pub fn value(&mut self, rows: Range<usize>, valuations: &mut Vec<Option<Valuation>>) {
        self.absorb();
        valuations.clear();
        let units = self.market.units();
        valuations.extend(rows.clone().zip(&self.book.heads[rows]).map(|(row, head)| {
            let currency = head.base?;
            let holds = self.book.holds(row as u32);
            let (market_value, cash) = match easy_sums(holds, units) {
                Some(sums) => sums,
                None => match judge(head.base, holds, self.market.assets()) {
                    Judgement::Worth(worth) => (worth.market_value.raw(), worth.cash.raw()),
                    _ => return None,
                },
            };
            rounded(currency, market_value, cash)
        }));
    }

    /// A customer's worth, and whether some of it is money of another currency than its base, at what has been told so
    /// far; `values` becomes what each instrument that it holds is worth, by instrument. `None` for a customer that
    /// cannot be valued.
    pub fn holdings(
        &mut self,
        customer: CustomerId,
        values: &mut Vec<(InstrumentId, Value)>,
    ) -> Option<(Worth, bool)> {
        self.absorb();
        values.clear();
        let row = self.book.row(customer)?;
        let (head, holds) = (self.book.head(row), self.book.holds(row));
        let Judgement::Worth(worth) = judge(head.base, holds, self.market.assets()) else { return None };
        let mut abroad = false;
        for hold in holds.iter().filter(|hold| hold.quantity != 0) {
            let asset = self.market.asset(hold.asset);
            match asset.subject {
                Subject::Instrument(instrument) => {
                    // In range, or there would be no worth.
                    let value = i128::from(hold.quantity).wrapping_mul(asset.unit);
                    values.push((instrument, Value::from_raw(value)));
                }
                Subject::Cash(_) => abroad |= !asset.at_home(),
                Subject::Bucket(_) => {}
            }
        }
        Some((worth, abroad))
    }

    /// Rows, one for each customer that was ever told of, in the order of that. A customer keeps its row.
    pub fn rows(&self) -> usize {
        self.book.heads.len()
    }

    /// The customer of a row below [`Monitor::rows`].
    pub fn customer(&self, row: usize) -> CustomerId {
        self.book.heads[row].customer
    }

    /// The row of a customer.
    pub fn row(&self, customer: CustomerId) -> Option<usize> {
        self.book.row(customer).map(|row| row as usize)
    }
}

/// Market value and cash without a check per sum, if all prices are there and no number is large. Cash comes
/// after all instruments.
fn easy_sums(holds: &[Hold], units: &[i64]) -> Option<(i128, i128)> {
    let (mut large, mut missing, mut held) = (0_i64, false, false);
    let mut sum = |holds: &[Hold]| {
        let mut sum = 0_i128;
        for hold in holds {
            let unit = units[hold.asset as usize];
            // The bits of the magnitude, or one less.
            large |= hold.quantity ^ (hold.quantity >> 63);
            missing |= unit == 0 && hold.quantity != 0;
            held |= hold.quantity != 0;
            sum += i128::from(hold.quantity) * i128::from(unit);
        }
        sum
    };
    if holds.len() > SLOTS_EASY {
        return None;
    }
    let instruments = holds.iter().rposition(|hold| hold.flags & CASH == 0).map_or(0, |last| last + 1);
    let (instruments, money) = holds.split_at(instruments);
    let sums = (sum(instruments), sum(money));
    (held && !missing && large >> QUANTITY_EASY_BITS == 0).then_some(sums)
}

fn rounded(currency: Currency, market_value: i128, cash: i128) -> Option<Valuation> {
    let nav = to_money(market_value.checked_add(cash)?)?;
    Some(Valuation { currency, nav, market_value: to_money(market_value)?, cash: to_money(cash)? })
}

/// Rounded half-even; `None` when out of range. One long division is slow, an estimate and its remainder
/// are not: the quotient is below 2⁶³, so the first estimate is off by less than 2¹², the second by one.
fn to_money(raw: i128) -> Option<Money> {
    let reciprocal = 1.0 / VALUE_PER_MONEY as f64;
    let close = ((raw >> 64) as i64 as f64 * (u64::MAX as f64) + raw as u64 as f64) * reciprocal;
    if close.abs() > 9.2e18 {
        return Value::from_raw(raw).to_money();
    }
    let mut quotient = close as i64;
    let rest = raw - i128::from(quotient) * VALUE_PER_MONEY;
    quotient += (rest as i64 as f64 * reciprocal).round_ties_even() as i64;
    let rest = (raw - i128::from(quotient) * VALUE_PER_MONEY) as i64;
    let half = VALUE_PER_MONEY as i64 / 2;
    // The second estimate rounds to nearest up to rounding of its own; at most one step is left.
    let step = match rest.abs().cmp(&half) {
        Ordering::Less => 0,
        Ordering::Equal => i64::from(quotient % 2 != 0) * rest.signum(),
        Ordering::Greater => rest.signum(),
    };
    Some(Money::from_raw(quotient + step))
}

#[cfg(test)]
mod tests {
    use super::to_money;
    use evenkeel_schemas::Value;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_rounding_is_the_long_one(raw in any::<i128>(), shift in 0_u32..127, ties in any::<i64>()) {
            let raw = raw >> shift;
            prop_assert_eq!(to_money(raw), Value::from_raw(raw).to_money());
            let tie = i128::from(ties) * 500_000_000_000_000;
            for raw in [tie - 1, tie, tie + 1] {
                prop_assert_eq!(to_money(raw), Value::from_raw(raw).to_money());
            }
        }
    }
}
