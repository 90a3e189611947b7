//! Weights and money in whole units that add up.

use evenkeel_schemas::{Money, Ratio};

/// A weight below this is the solver's rounding: a tenth of a basis point.
pub(crate) const DUST: f64 = 1e-5;
/// Raw units of money in a cent.
const CENT: i64 = Money::ONE / 100;

/// Weights in units of 10⁻⁹ that sum to `total` exactly, each 0 or from `least` to `most`. Everybody held gets
/// the whole part, within its limits; what is left goes, a unit each, to the largest remainders, ties to the
/// first, and the rest to who has room. `None` where no such weights exist.
pub(crate) fn whole_weights(weights: &[f64], total: i64, least: i64, most: i64) -> Option<Vec<i64>> {
    let one = Ratio::ONE as f64;
    let held: Vec<usize> = (0..weights.len()).filter(|at| weights[*at] > DUST).collect();
    let mut units = vec![0_i64; weights.len()];
    for at in &held {
        units[*at] = ((weights[*at] * one).floor() as i64).clamp(least, most);
    }
    let mut left = total - units.iter().sum::<i64>();
    let remainder = |at: usize| weights[at] * one - (weights[at] * one).floor();
    let mut order = held;
    order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b)));
    for at in &order {
        if left > 0 && units[*at] < most {
            units[*at] += 1;
            left -= 1;
        }
    }
    for at in order {
        let step = left.clamp(least - units[at], most - units[at]);
        units[at] += step;
        left -= step;
    }
    (left == 0).then_some(units)
}

/// Money in whole cents in proportion to weights in units of 10⁻⁹, which sum to at most 1; what they leave, and
/// parts of a cent, come last, as cash. Shares are rounded by largest remainders.
pub(crate) fn money_by_weight(total: Money, weights: &[i64]) -> (Vec<Money>, Money) {
    let (cents, one) = (i128::from(total.raw() / CENT), i128::from(Ratio::ONE));
    let products: Vec<i128> = weights.iter().map(|weight| i128::from(*weight) * cents).collect();
    let wanted: i128 = products.iter().sum::<i128>() / one;
    let mut shares: Vec<i128> = products.iter().map(|product| product / one).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(products[*at] % one), *at));
    let left = wanted - shares.iter().sum::<i128>();
    for (_, at) in (0..left).zip(order) {
        shares[at] += 1;
    }
    // Each is a part of `total`.
    let money = |cents: i128| Money::from_wide(cents * i128::from(CENT)).unwrap_or(Money::ZERO);
    let spent = money(shares.iter().sum());
    let cash = total.checked_sub(spent).unwrap_or(Money::ZERO);
    (shares.into_iter().map(money).collect(), cash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_third_is_rounded_and_nothing_is_lost() {
        let third = 1.0 / 3.0;
        let units = whole_weights(&[third, third, third], Ratio::ONE, 0, Ratio::ONE).unwrap();
        assert_eq!(units, [333_333_334, 333_333_333, 333_333_333]);
        let (money, cash) = money_by_weight("100".parse().unwrap(), &units);
        assert_eq!(money.map_to_text(), ["33.34", "33.33", "33.33"]);
        assert_eq!(cash, Money::ZERO);
    }

    trait Text {
        fn map_to_text(&self) -> Vec<String>;
    }
    impl Text for Vec<Money> {
        fn map_to_text(&self) -> Vec<String> {
            self.iter().map(ToString::to_string).collect()
        }
    }

    #[test]
    fn limits_that_leave_no_room_are_no_weights() {
        let most = Ratio::ONE * 3 / 10;
        assert_eq!(whole_weights(&[0.5, 0.5], Ratio::ONE, 0, most), None);
        let four =
            whole_weights(&[0.3000001, 0.3, 0.3, 0.0999999], Ratio::ONE, Ratio::ONE / 50, most).unwrap();
        assert_eq!(four, [most, most, most, Ratio::ONE - 3 * most]);
        let (money, cash) = money_by_weight("1.005".parse().unwrap(), &[most]);
        assert_eq!((money.map_to_text(), cash.to_string()), (vec!["0.3".to_owned()], "0.705".to_owned()));
    }

    proptest! {
        #[test]
        fn whole_weights_sum_and_keep_their_limits(parts in prop::collection::vec(0.0..1.0_f64, 4..15)) {
            let sum: f64 = parts.iter().sum::<f64>() + 1e-9;
            let weights: Vec<f64> = parts.iter().map(|part| part / sum).collect();
            if let Some(units) = whole_weights(&weights, Ratio::ONE, 20_000_000, 900_000_000) {
                prop_assert_eq!(units.iter().sum::<i64>(), Ratio::ONE);
                prop_assert!(units.iter().all(|unit| *unit == 0 || (20_000_000..=900_000_000).contains(unit)));
            }
        }
    }
}
