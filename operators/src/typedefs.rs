//! Types that every operator shares.

use differential_dataflow::difference::{Abelian, IsZero, Monoid, Multiply, Semigroup};
use differential_dataflow::operators::ThresholdTotal;
use differential_dataflow::{ExchangeData, VecCollection};
use evenkeel_schemas::Epoch;
use serde::{Deserialize, Serialize};

/// A collection of rows that change by epoch.
pub type Rows<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// The keys that are there at all, once each. The library's `distinct_total` (0.25.1) takes an accumulation of
/// zero for one: a key that went away stays, and may be counted twice when it comes back.
pub(crate) fn present<'s, D: ExchangeData + std::hash::Hash>(rows: Rows<'s, D>) -> Rows<'s, D> {
    rows.threshold_total(|_, count| isize::from(*count > 0))
}

/// A sum of raw units carried in the difference, so that a linear total needs no reduce. 128 bits hold
/// 10¹⁹ summands of the largest 64-bit amount: it cannot overflow before memory ends.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sum(pub i128);

impl IsZero for Sum {
    fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl Semigroup for Sum {
    fn plus_equals(&mut self, other: &Self) {
        self.0 += other.0;
    }
}

impl Monoid for Sum {
    fn zero() -> Self {
        Sum(0)
    }
}

impl Abelian for Sum {
    fn negate(&mut self) {
        self.0 = -self.0;
    }
}

impl Multiply<isize> for Sum {
    type Output = Sum;
    fn multiply(self, times: &isize) -> Sum {
        Sum(self.0 * *times as i128)
    }
}
