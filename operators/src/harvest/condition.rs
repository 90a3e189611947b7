//! Whether a loss is worth harvesting: an exact function of one price, and the price up to which it is.

use ethnum::I256;
use evenkeel_schemas::{Money, Price, Quantity, Rate};

/// Raw units of a product of quantity, price and ratio, or of money, in 10⁻²¹ of the instrument's currency.
const PER_MONEY_AND_RATIO: i128 = 1_000_000;
/// A further factor of 10⁹ comes with the rate into the base currency: money in 10⁻³⁰.
const PER_MONEY: i128 = 10_i128.pow(24);

/// A lot that may be sold at a loss.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Lot {
    pub quantity: Quantity,
    pub cost_base: Money,
}

/// What is weighed for one holding.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Weighing {
    /// What a unit of loss saves, raw ratio.
    pub rate: i128,
    /// What harvesting costs, as a share of the value sold: two trades and the tracking error, raw ratio.
    pub cost: i128,
    /// What it costs whatever is sold, in the base currency: two commissions.
    pub fixed: Money,
    /// The least that must be left, in the base currency.
    pub threshold: Money,
    /// The instrument's currency in the base currency.
    pub fx: Rate,
}

impl Weighing {
    /// What the lots that are worth it bring at a price, before fixed costs, in 10⁻³⁰ of the base currency:
    /// fx · Σ max(0, rate · cost base − (rate + cost) · quantity · price).
    fn gross(&self, lots: &[Lot], price: Price) -> I256 {
        let sum = lots.iter().fold(I256::ZERO, |sum, lot| sum + self.of_lot(lot, price).max(I256::ZERO));
        sum * I256::from(self.fx.raw())
    }

    /// What a lot brings at a price, in 10⁻²¹ of its currency.
    fn of_lot(&self, lot: &Lot, price: Price) -> I256 {
        let taken = self.taken(lot.quantity.raw().into()) * I256::from(price.raw());
        self.saved(lot.cost_base.raw().into()) - taken
    }

    /// Whether selling a lot at a price brings anything.
    pub fn is_worth(&self, lot: &Lot, price: Price) -> bool {
        self.of_lot(lot, price) > I256::ZERO
    }

    fn saved(&self, cost_base: i128) -> I256 {
        I256::from(self.rate) * I256::from(cost_base) * I256::from(PER_MONEY_AND_RATIO)
    }

    fn taken(&self, quantity: i128) -> I256 {
        I256::from(self.rate + self.cost) * I256::from(quantity)
    }

    /// What must be passed, in 10⁻³⁰ of the base currency.
    fn least(&self) -> I256 {
        (I256::from(self.fixed.raw()) + I256::from(self.threshold.raw())) * I256::from(PER_MONEY)
    }

    /// What is left after all costs at a price, in the base currency, rounded down; `None` out of range.
    pub fn net(&self, lots: &[Lot], price: Price) -> Option<Money> {
        let left = self.gross(lots, price) - I256::from(self.fixed.raw()) * I256::from(PER_MONEY);
        Money::from_wide(i128::try_from(left.div_euclid(I256::from(PER_MONEY))).ok()?)
    }

    /// The greatest price at which harvesting leaves more than the threshold, in raw units; `None` if there is none.
    ///
    /// A sum of terms that are cut off at nil is the greatest of the sums over subsets, and the greatest is one of the
    /// lots of highest cost per unit: so each such set gives a price, and the greatest of them is the answer.
    pub fn greatest_price(&self, lots: &[Lot]) -> Option<i64> {
        if self.rate <= 0 || self.fx <= Rate::from_raw(0) {
            return None;
        }
        let mut by_cost: Vec<Lot> = lots
            .iter()
            .copied()
            .filter(|lot| lot.quantity > Quantity::ZERO && lot.cost_base > Money::ZERO)
            .collect();
        // Cost per unit, highest first, without a division.
        let wide = |lot: &Lot, of: &Lot| i128::from(lot.cost_base.raw()) * i128::from(of.quantity.raw());
        by_cost.sort_by(|a, b| wide(b, a).cmp(&wide(a, b)));
        let (mut cost_base, mut quantity) = (0_i128, 0_i128);
        let (fx, least) = (I256::from(self.fx.raw()), self.least());
        let mut greatest = I256::ZERO;
        for lot in by_cost {
            cost_base += i128::from(lot.cost_base.raw());
            quantity += i128::from(lot.quantity.raw());
            // fx · (saved − taken · p) > least  ⇔  p < (fx · saved − least) / (fx · taken).
            let above = fx * self.saved(cost_base) - least;
            if above > I256::ZERO {
                let taken = fx * self.taken(quantity);
                greatest = greatest.max((above - I256::ONE) / taken);
            }
        }
        (greatest > I256::ZERO).then(|| i64::try_from(greatest).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(quantity: &str, cost_base: &str) -> Lot {
        Lot { quantity: quantity.parse().unwrap(), cost_base: cost_base.parse().unwrap() }
    }

    fn weighing(rate: i128, cost: i128, fixed: &str, threshold: &str, fx: &str) -> Weighing {
        let (fixed, threshold) = (fixed.parse().unwrap(), threshold.parse().unwrap());
        Weighing { rate, cost, fixed, threshold, fx: fx.parse().unwrap() }
    }

    #[test]
    fn what_is_left_can_be_worked_out_with_a_pencil() {
        // 100 units that cost 10,000, at 80: a loss of 2,000 saves 600 at 30%; 0.5% of 8,000 are 40, and 20 fixed.
        let terms = weighing(300_000_000, 5_000_000, "20", "100", "1");
        let lots = [lot("100", "10000")];
        assert_eq!(terms.net(&lots, "80".parse().unwrap()), Some("540".parse().unwrap()));
        // 3,000 − 30.5 p > 120  ⇔  p < 94.426229508…
        assert_eq!(terms.greatest_price(&lots), Some(94_426_229));
        // A lot at a gain is left alone.
        let both = [lot("100", "10000"), lot("50", "1000")];
        assert_eq!(terms.net(&both, "80".parse().unwrap()), Some("540".parse().unwrap()));
        // In another currency at 1.5, 600 − 40 are 840 less 20.
        let foreign = Weighing { fx: "1.5".parse().unwrap(), ..terms };
        assert_eq!(foreign.net(&lots, "80".parse().unwrap()), Some("820".parse().unwrap()));
    }

    #[test]
    fn exactly_the_threshold_is_not_above_it() {
        // At 80: 600 − 40 − 20 = 540.
        let lots = [lot("100", "10000")];
        let at = weighing(300_000_000, 5_000_000, "20", "540", "1").greatest_price(&lots).unwrap();
        assert_eq!(at, 79_999_999);
    }

    #[test]
    fn no_loss_is_worth_harvesting_for_nothing() {
        let lots = [lot("100", "10000")];
        assert_eq!(weighing(0, 5_000_000, "0", "0", "1").greatest_price(&lots), None);
        assert_eq!(weighing(300_000_000, 0, "0", "3000", "1").greatest_price(&lots), None);
        assert_eq!(weighing(300_000_000, 0, "0", "0", "1").greatest_price(&[]), None);
    }

    proptest::proptest! {
        #[test]
        fn the_greatest_price_is_where_the_answer_changes(
            lots in proptest::collection::vec((1_i64..5_000_000_000, 0_i64..900_000_000_000), 0..6),
            rate in 0_i128..500_000_000,
            cost in 0_i128..40_000_000,
            fixed in 0_i64..50_000_000,
            threshold in 0_i64..500_000_000,
            fx in 1_i64..3_000_000_000,
        ) {
            let lots: Vec<Lot> = lots.into_iter().map(|(quantity, cost_base)| Lot {
                quantity: Quantity::from_raw(quantity), cost_base: Money::from_raw(cost_base),
            }).collect();
            let terms = Weighing {
                rate, cost,
                fixed: Money::from_raw(fixed), threshold: Money::from_raw(threshold), fx: Rate::from_raw(fx),
            };
            let worth = |raw: i64| terms.gross(&lots, Price::from_raw(raw)) > terms.least();
            match terms.greatest_price(&lots) {
                Some(price) => {
                    proptest::prop_assert!(worth(price));
                    proptest::prop_assert!(!worth(price + 1));
                }
                None => proptest::prop_assert!(!worth(1)),
            }
        }
    }
}
