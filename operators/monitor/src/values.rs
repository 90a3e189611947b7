//! Exact valuations of everybody, as columns.

use std::cmp::Ordering;

use evenkeel_schemas::{Currency, CustomerId, Money, Value};

use crate::book::{CASH, Hold};
use crate::exact::{Judgement, judge};
use crate::market::{Asset, Kind, Point};
use crate::monitor::Monitor;

/// One row per customer that can be valued, in the order in which customers were first told of. Amounts are
/// in the base currency, rounded half-even.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Valuations {
    /// Customer.
    pub customer: Vec<CustomerId>,
    /// Base currency.
    pub currency: Vec<Currency>,
    /// Σ q·p·fx.
    pub market_value: Vec<Money>,
    /// Σ cash·fx.
    pub cash: Vec<Money>,
    /// Their sum, rounded once.
    pub nav: Vec<Money>,
}

impl Valuations {
    fn clear(&mut self) {
        self.customer.clear();
        self.currency.clear();
        self.market_value.clear();
        self.cash.clear();
        self.nav.clear();
    }
}

/// Raw units of a `Value` in one raw unit of `Money`.
const VALUE_PER_MONEY: i128 = 1_000_000_000_000_000;

/// Slot values below this, raw, add up in i128 whatever their signs: 10³³ times 10⁵ slots is below 2¹²⁷.
const VALUE_EASY: f64 = 1e33;
/// More slots than this are added with checks.
const SLOTS_EASY: usize = 100_000;

impl Monitor {
    /// Values all customers at what has been told so far, into columns that are emptied first.
    pub fn value_all(&mut self, columns: &mut Valuations) {
        self.absorb();
        columns.clear();
        for (row, head) in self.book.heads.iter().enumerate() {
            let Some(currency) = head.base else { continue };
            let holds = self.book.holds(row as u32);
            let sums = easy_sums(holds, self.market.assets(), self.market.points()).or_else(|| {
                match judge(head.base, holds, self.market.assets()) {
                    Judgement::Worth(worth) => Some((worth.market_value.raw(), worth.cash.raw())),
                    _ => None,
                }
            });
            let Some((market_value, cash)) = sums else { continue };
            let nav = market_value.checked_add(cash).and_then(to_money);
            if let (Some(value), Some(cash), Some(nav)) = (to_money(market_value), to_money(cash), nav) {
                columns.customer.push(head.customer);
                columns.currency.push(currency);
                columns.market_value.push(value);
                columns.cash.push(cash);
                columns.nav.push(nav);
            }
        }
    }
}

/// Market value and cash without a check per sum, if all prices are there and no value is large.
fn easy_sums(holds: &[Hold], assets: &[Asset], points: &[Point]) -> Option<(i128, i128)> {
    let (mut market_value, mut cash) = (0_i128, 0_i128);
    let (mut easy, mut held) = (holds.len() <= SLOTS_EASY, false);
    for hold in holds {
        let (asset, point) = (&assets[hold.asset as usize], &points[hold.asset as usize]);
        // A missing asset has a price of zero here.
        easy &= (hold.quantity as f64 * point.price).abs() < VALUE_EASY;
        easy &= hold.quantity == 0 || asset.kind == Kind::Good;
        held |= hold.quantity != 0;
        let value = i128::from(hold.quantity).wrapping_mul(asset.unit);
        if hold.flags & CASH != 0 {
            cash = cash.wrapping_add(value);
        } else {
            market_value = market_value.wrapping_add(value);
        }
    }
    (easy && held).then_some((market_value, cash))
}

/// Rounded half-even; `None` when out of range. One long division is slow, an estimate and its remainder
/// are not: the quotient is below 2⁶³, so the first estimate is off by less than 2¹², the second by one.
fn to_money(raw: i128) -> Option<Money> {
    let reciprocal = 1.0 / VALUE_PER_MONEY as f64;
    if (raw as f64 * reciprocal).abs() > 9.2e18 {
        return Value::from_raw(raw).to_money();
    }
    let mut quotient = (raw as f64 * reciprocal) as i64;
    let rest = raw - i128::from(quotient) * VALUE_PER_MONEY;
    quotient += (rest as f64 * reciprocal).round_ties_even() as i64;
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
