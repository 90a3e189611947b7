//! Parts of sums that add up to the sum.

use evenkeel_schemas::{Money, Quantity, div_half_even};

/// Largest amount that a lot or an entry may hold, raw: 2.3 · 10¹². A gain then fits, as does a product of
/// two amounts in i128.
pub(crate) const LIMIT: i128 = i64::MAX as i128 / 4;

/// Whether an amount is small enough to be held.
pub(crate) fn fits(raw: i128) -> bool {
    (-LIMIT..=LIMIT).contains(&raw)
}

/// A raw amount that is known to fit.
pub(crate) fn narrow(raw: i128) -> i64 {
    debug_assert!(i64::try_from(raw).is_ok(), "Invariant: amounts are checked before they are narrowed");
    raw.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// The part of a lot's cost that leaves with some of its units, rounded half-even; the rest stays.
pub(crate) fn part(cost: i64, units: i64, quantity: i64) -> i64 {
    if units == quantity {
        return cost;
    }
    narrow(div_half_even(i128::from(cost) * i128::from(units), i128::from(quantity)))
}

/// A sum handed out by units, one holder after the other. The sum of the parts up to any holder is rounded,
/// not each part: every part is within one raw unit of its exact share, and all of them are the sum.
pub(crate) struct Shares {
    total: i128,
    units: i128,
    passed: i128,
    given: i128,
}

impl Shares {
    /// Of `total` over `units` units.
    pub fn new(total: i128, units: i128) -> Shares {
        Shares { total, units, passed: 0, given: 0 }
    }

    /// The share of the next `units` units.
    pub fn next(&mut self, units: i64) -> i64 {
        self.passed += i128::from(units);
        let upto = if self.passed == self.units {
            self.total
        } else {
            div_half_even(self.total * self.passed, self.units)
        };
        let part = upto - self.given;
        self.given = upto;
        narrow(part)
    }
}

/// What each lot of one instrument costs at average cost: its share of what all of them cost, as a sale that takes them in
/// this order counts it. Lots of no units at all cost nothing.
pub fn averaged(lots: &[(Quantity, Money)]) -> Vec<Money> {
    let units: i128 = lots.iter().map(|(quantity, _)| i128::from(quantity.raw())).sum();
    let total: i128 = lots.iter().map(|(_, cost)| i128::from(cost.raw())).sum();
    let mut shares = Shares::new(total, units.max(1));
    lots.iter().map(|(quantity, _)| Money::from_raw(shares.next(quantity.raw()))).collect()
}

/// Units on a new basis, one lot after the other: the sum up to any lot is truncated towards zero, so that
/// all of them are the truncated position.
pub(crate) struct Rescaled {
    new: i128,
    old: i128,
    passed: i128,
    given: i128,
}

impl Rescaled {
    /// `old` units become `new`.
    pub fn new(new: i64, old: i64) -> Rescaled {
        Rescaled { new: i128::from(new), old: i128::from(old), passed: 0, given: 0 }
    }

    /// What the next `units` units become.
    pub fn next(&mut self, units: i64) -> i64 {
        self.passed += i128::from(units);
        let upto = self.passed * self.new / self.old;
        let part = upto - self.given;
        self.given = upto;
        narrow(part)
    }
}
