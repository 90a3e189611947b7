//! Exact functions: whether a holding is through its stop and how far; how a peak is linked over a flow, and the floor
//! under NAV that follows from it.

use ethnum::I256;
use evenkeel_schemas::{Money, Price, Quantity, Ratio, Value};

/// Raw units of a product of a quantity and a price (10⁻¹²) in one of money (10⁻⁶).
const PER_MONEY: i128 = 1_000_000;
/// Raw units of `Value` (10⁻²¹) in one of money.
const VALUE_PER_MONEY: i128 = 10_i128.pow(15);

/// The greatest price, in raw units, at which units are worth at most (1 − limit) of what they cost; `None` if none
/// above zero is. The limit lies between 0 and 1.
pub(super) fn greatest_price(quantity: Quantity, cost_base: Money, limit: Ratio) -> Option<i64> {
    if quantity <= Quantity::ZERO {
        return None;
    }
    // quantity · p · 1 <= (1 − limit) · cost base, in 10⁻²¹: p up to the quotient rounded down. 30 + 63 + 20 bits fit.
    let most = i128::from(Ratio::ONE - limit.raw()) * i128::from(cost_base.raw()) * PER_MONEY;
    let greatest = most.div_euclid(i128::from(quantity.raw()) * i128::from(Ratio::ONE));
    (greatest > 0).then(|| i64::try_from(greatest).unwrap_or(i64::MAX))
}

/// By which share of what they cost units are worth less than that at a price.
pub(super) fn fall(quantity: Quantity, price: Price, cost_base: Money) -> Option<Ratio> {
    let value = quantity.times(price).checked_mul(i128::from(Ratio::ONE))?;
    let cost = i128::from(cost_base.raw()) * VALUE_PER_MONEY;
    Value::from_raw(cost.checked_sub(value)?).share_of(Value::from_raw(cost))
}

/// The greatest NAV that is a fall of the limit from a peak: (1 - limit) · peak, exactly. The limit lies between 0 and 1.
pub(super) fn floor(peak: Money, limit: Ratio) -> Value {
    // 30 + 63 + 20 bits fit.
    Value::from_raw(i128::from(Ratio::ONE - limit.raw()) * i128::from(peak.raw()) * PER_MONEY)
}

/// By which share of a peak NAV is below it.
pub(super) fn drawdown(nav: Value, peak: Money) -> Ratio {
    let peak = Value::from_raw(i128::from(peak.raw()) * VALUE_PER_MONEY);
    let fall = peak.raw().checked_sub(nav.raw()).map(Value::from_raw);
    fall.and_then(|fall| fall.share_of(peak)).unwrap_or(Ratio::MAX)
}

/// A peak after something came in, worth so much: peak · NAV / (NAV - flow), rounded half-even, so that the drawdown is
/// what it was. `None` where one of the two is not above zero, or the peak would be out of range or nil.
pub(super) fn linked(peak: Money, nav: Value, flow: Value) -> Option<Money> {
    let before = nav.raw().checked_sub(flow.raw()).filter(|before| *before > 0 && nav > Value::ZERO)?;
    let (product, before) = (I256::from(peak.raw()) * I256::from(nav.raw()), I256::from(before));
    let (whole, twice) = (product / before, (product % before) * I256::from(2));
    let up = twice > before || twice == before && whole % I256::from(2) != I256::ZERO;
    let rounded = if up { whole + I256::ONE } else { whole };
    Money::from_wide(i128::try_from(rounded).ok()?).filter(|peak| *peak > Money::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_can_be_worked_out_with_a_pencil() {
        let (quantity, cost) = ("100".parse().unwrap(), "10000".parse().unwrap());
        // 100 p <= 0.9 · 10,000  ⇔  p <= 90.
        assert_eq!(greatest_price(quantity, cost, "0.1".parse().unwrap()), Some(90_000_000));
        assert_eq!(fall(quantity, "90".parse().unwrap(), cost), Some("0.1".parse().unwrap()));
        assert_eq!(fall(quantity, "75.5".parse().unwrap(), cost), Some("0.245".parse().unwrap()));
        // 3 p <= 0.9 · 100  ⇔  p <= 30, and with one unit more of cost 30.0000003.
        let three = "3".parse().unwrap();
        assert_eq!(greatest_price(three, "100".parse().unwrap(), "0.1".parse().unwrap()), Some(30_000_000));
        assert_eq!(
            greatest_price(three, "100.000004".parse().unwrap(), "0.1".parse().unwrap()),
            Some(30_000_001)
        );
    }

    #[test]
    fn what_cost_nothing_has_no_stop() {
        let (some, limit) = ("100".parse().unwrap(), "0.1".parse().unwrap());
        assert_eq!(greatest_price(some, Money::ZERO, limit), None);
        assert_eq!(greatest_price(some, "-1".parse().unwrap(), limit), None);
        assert_eq!(greatest_price(Quantity::ZERO, "1".parse().unwrap(), limit), None);
    }

    #[test]
    fn a_flow_moves_the_peak_and_not_the_drawdown() {
        let value = |text: &str| Value::of_cash(text.parse().unwrap(), evenkeel_schemas::Rate::PAR).unwrap();
        let peak: Money = "1000".parse().unwrap();
        // 900 of 1,000 is down 10%; 450 more: 1,350 of 1,500.
        assert_eq!(drawdown(value("900"), peak), "0.1".parse().unwrap());
        let more = linked(peak, value("1350"), value("450")).unwrap();
        assert_eq!((more, drawdown(value("1350"), more)), ("1500".parse().unwrap(), "0.1".parse().unwrap()));
        // 300 out of 900: 600 of 666.67, and back by the same flow.
        let less = linked(peak, value("600"), value("-300")).unwrap();
        assert_eq!(less.to_string(), "666.666667");
        assert_eq!(floor(peak, "0.1".parse().unwrap()), value("900"));
        // All of it, or into nothing: there is nothing to link.
        assert_eq!(linked(peak, Value::ZERO, value("-900")), None);
        assert_eq!(linked(peak, value("500"), value("500")), None);
        assert_eq!(linked(Money::MAX, value("900"), value("800")), None, "out of range");
    }

    proptest::proptest! {
        #[test]
        fn the_greatest_price_is_where_the_answer_changes(
            quantity in proptest::prop_oneof![1_i64..5_000_000_000, 1..i64::MAX],
            cost_base in proptest::prop_oneof![0_i64..900_000_000_000, 0..i64::MAX],
            limit in 1_i64..1_000_000_000,
        ) {
            let through = |price: i64| {
                let value = I256::from(quantity) * I256::from(price) * I256::from(1_000_000_000);
                value <= I256::from(1_000_000_000 - limit) * I256::from(cost_base) * I256::from(1_000_000)
            };
            let (quantity_, cost) = (Quantity::from_raw(quantity), Money::from_raw(cost_base));
            match greatest_price(quantity_, cost, Ratio::from_raw(limit)) {
                Some(price) => {
                    proptest::prop_assert!(through(price));
                    proptest::prop_assert!(price == i64::MAX || !through(price + 1));
                    let fall = fall(quantity_, Price::from_raw(price), cost);
                    proptest::prop_assert!(fall.is_some_and(|fall| fall.raw() >= limit - 1));
                }
                None => proptest::prop_assert!(!through(1)),
            }
        }
    }
}
