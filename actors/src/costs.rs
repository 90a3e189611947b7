//! What an order costs: one function for what is reserved before and charged after a trade.

use evenkeel_schemas::{Money, Price, Quantity, div_half_even};

use crate::policy::CostPolicy;

/// Raw units of money in a cent.
const CENT: i128 = 10_000;

/// Commission on an execution: the ratio of the notional, half-even to cents, at least the minimum. `None`
/// when out of range. It never falls when quantity or price rise, so what is reserved at the limit covers
/// what is charged at the average price.
pub(crate) fn commission(costs: &CostPolicy, quantity: Quantity, price: Price) -> Option<Money> {
    let notional = i128::from(quantity.notional(price)?.raw());
    let scaled = notional.checked_mul(i128::from(costs.commission.raw()))?;
    let cents = div_half_even(scaled, CENT * i128::from(evenkeel_schemas::Ratio::ONE));
    let charged = Money::from_wide(cents.checked_mul(CENT)?)?;
    Some(charged.max(costs.commission_min))
}

/// What a buy takes from cash: notional and commission. `None` when out of range.
pub(crate) fn cost_of_buy(costs: &CostPolicy, quantity: Quantity, price: Price) -> Option<Money> {
    quantity.notional(price)?.checked_add(commission(costs, quantity, price)?)
}

/// The most whole lots, at most `wanted`, whose cost is within `available`; zero when not even one is.
pub(crate) fn affordable(
    costs: &CostPolicy,
    wanted: Quantity,
    lot: Quantity,
    price: Price,
    available: Money,
) -> Quantity {
    if lot <= Quantity::ZERO {
        return Quantity::ZERO;
    }
    let fits = |lots: i64| {
        let quantity = Quantity::from_raw(lots.saturating_mul(lot.raw()));
        cost_of_buy(costs, quantity, price).is_some_and(|cost| cost <= available)
    };
    let (mut least, mut most) = (0_i64, wanted.raw() / lot.raw());
    while least < most {
        let middle = least + (most - least).div_euclid(2) + (most - least) % 2;
        if fits(middle) { least = middle } else { most = middle - 1 }
    }
    Quantity::from_raw(least.saturating_mul(lot.raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commission_is_in_cents_and_at_least_the_minimum() {
        let mut costs = CostPolicy::default();
        let (quantity, price) = (Quantity::from_raw(101_000_000), "99.99".parse::<Price>().unwrap());
        // 101 × 99.99 = 10,098.99; 5 bps are 5.049495, half-even to cents 5.05.
        assert_eq!(commission(&costs, quantity, price).unwrap().to_string(), "5.05");
        costs.commission_min = "9.95".parse().unwrap();
        assert_eq!(commission(&costs, quantity, price).unwrap().to_string(), "9.95");
    }

    #[test]
    fn what_is_affordable_is_the_last_lot_that_fits() {
        let costs = CostPolicy::default();
        let units = |n: i64| Quantity::from_raw(n * 1_000_000);
        let price = "10".parse::<Price>().unwrap();
        // 99 units cost 990 + 0.50 (0.495 half-even to cents); 100 cost 1,000 + 0.50.
        let afford = |cash: &str| affordable(&costs, units(500), units(1), price, cash.parse().unwrap());
        assert_eq!(afford("1000"), units(99));
        assert_eq!(afford("1000.5"), units(100));
        assert_eq!(afford("1000.49"), units(99));
        assert_eq!(afford("5"), units(0));
        assert_eq!(affordable(&costs, units(50), units(10), price, "455".parse().unwrap()), units(40));
    }
}
