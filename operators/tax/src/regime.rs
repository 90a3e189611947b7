//! The regime of 1 July 2027 for resident individuals: re-based cost, indexation, minimum tax.
//!
//! Source: Treasury Laws Amendment (Tax Reform No. 1) Act 2026 (No. 49 of 2026), ITAA 1997 s 110-36(1A),
//! s 112-155, s 112-160, s 114-10(9), Div 119, as second-hand accounts give them; indexation as ITAA 1997
//! s 960-270 and s 960-275 have it. What could not be confirmed is said in `schemas/tax/au-2027-28.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use evenkeel_schemas::{Money, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::amount::{positive, share, sub, times, to_cents, to_dollars_truncated};
use crate::error::TaxError;
use crate::law::{Bracket, GainKind, Regime, Rounding};
use crate::scale::income_tax;
use crate::year::{civil, held_clear_year};

/// A quarter of a calendar year, written `2027-Q3`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quarter {
    year: i16,
    number: i8,
}

impl Quarter {
    /// The quarter that a date is in.
    pub fn of(date: TradeDate) -> Quarter {
        let date = civil(date);
        Quarter { year: date.year(), number: (date.month() - 1) / 3 + 1 }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-Q{}", self.year, self.number)
    }
}

impl FromStr for Quarter {
    type Err = String;
    fn from_str(text: &str) -> Result<Quarter, String> {
        let quarter = text.split_once("-Q").and_then(|(year, number)| {
            Some(Quarter { year: year.parse().ok()?, number: number.parse().ok()? })
        });
        quarter
            .filter(|q| (1..=4).contains(&q.number) && q.to_string() == text)
            .ok_or_else(|| format!("expected a quarter such as \"2027-Q3\", got {text:?}"))
    }
}

impl TryFrom<String> for Quarter {
    type Error = String;
    fn try_from(text: String) -> Result<Quarter, String> {
        text.parse()
    }
}

impl From<Quarter> for String {
    fn from(quarter: Quarter) -> String {
        quarter.to_string()
    }
}

/// Index numbers of the All Groups CPI (weighted average of eight capital cities) by quarter, as published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpi(BTreeMap<Quarter, Ratio>);

impl Cpi {
    /// From index numbers by quarter.
    pub fn new(numbers: impl IntoIterator<Item = (Quarter, Ratio)>) -> Cpi {
        Cpi(numbers.into_iter().collect())
    }

    fn number(&self, quarter: Quarter) -> Result<i64, TaxError> {
        let number = self.0.get(&quarter).map(|number| number.raw()).filter(|raw| *raw > 0);
        number.ok_or_else(|| TaxError::NoIndex(quarter.to_string()))
    }

    /// What a cost incurred in one quarter is multiplied with in another, in thousandths: the later number
    /// divided by the earlier, to three decimals, halves up; not below one.
    ///
    /// Source: ITAA 1997 s 960-275(5) (three decimals, up from five ten-thousandths), s 960-270(2) (not below
    /// 1).
    ///
    /// # Errors
    /// [`TaxError::NoIndex`] for a quarter without a number.
    pub fn factor(&self, incurred: Quarter, disposed: Quarter) -> Result<i64, TaxError> {
        let (earlier, later) = (i128::from(self.number(incurred)?), i128::from(self.number(disposed)?));
        let factor = (2 * 1000 * later + earlier) / (2 * earlier);
        Ok(i64::try_from(factor).map_err(|_| TaxError::Range("an index factor"))?.max(1000))
    }
}

/// A cost base times the index factor of its quarters. To cents, half-even.
///
/// # Errors
/// [`TaxError::NoIndex`] for a quarter without a number, [`TaxError::Range`] beyond the range of money.
pub fn indexed_cost_base(
    cost_base: Money,
    incurred: TradeDate,
    disposed: TradeDate,
    cpi: &Cpi,
) -> Result<Money, TaxError> {
    let factor = cpi.factor(Quarter::of(incurred), Quarter::of(disposed))?;
    share(cost_base, factor, 1000).map(to_cents)
}

/// Part of what a sale of a lot comes to: a gain if positive, a loss if negative.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What a gain of it is to the law. A loss is a loss whatever its kind.
    pub kind: GainKind,
    /// The gain, or the loss as a negative amount.
    pub amount: Money,
    /// What was taken off the proceeds to get there.
    pub cost_base: Money,
}

/// A sale of (part of) a lot, home currency.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// When the lot was acquired.
    pub acquired: TradeDate,
    /// When it was sold.
    pub disposed: TradeDate,
    /// What came in.
    pub proceeds: Money,
    /// What it had cost.
    pub cost_base: Money,
    /// Its market value when the regime began, for a lot that was held then.
    pub value_at_start: Option<Money>,
}

/// What a sale under the regime comes to. A lot held when the regime began has two pieces: the gain deferred
/// from before, `value − cost base`, discounted if 12 months were held by the sale, and what accrued since on
/// the value as new cost base. `None` when that lot's value is missing.
///
/// What accrued is `proceeds − indexed cost base` if 12 months were held since the lot was really acquired.
/// Indexing makes no loss and no loss larger: between the two cost bases there is neither gain nor loss.
///
/// # Errors
/// [`TaxError::NoIndex`] for a quarter without a number, [`TaxError::Range`] beyond the range of money.
pub fn pieces(sale: &Sale, regime: &Regime, cpi: &Cpi) -> Result<Option<Vec<Piece>>, TaxError> {
    let held = held_clear_year(sale.acquired, sale.disposed);
    let mut found = Vec::new();
    let (mut base, mut incurred) = (sale.cost_base, sale.acquired);
    if sale.acquired < regime.start {
        let Some(value) = sale.value_at_start else { return Ok(None) };
        let kind = if held { GainKind::Discount } else { GainKind::Ordinary };
        found.push(Piece { kind, amount: sub(value, base)?, cost_base: base });
        (base, incurred) = (value, regime.start);
    }
    let plain = sub(sale.proceeds, base)?;
    let accrued = if held && plain > Money::ZERO {
        let indexed = indexed_cost_base(base, incurred, sale.disposed, cpi)?;
        let amount = positive(sub(sale.proceeds, indexed)?);
        Piece { kind: GainKind::Accrued, amount, cost_base: indexed }
    } else {
        Piece { kind: GainKind::Accrued, amount: plain, cost_base: base }
    };
    found.push(accrued);
    Ok(Some(found))
}

/// The extra tax that lifts what is paid on accrued gains to the least rate: `minimum rate · gains −
/// (tax(income) − tax(income − gains))` if positive, in whole dollars, truncated. `income` is taxable income
/// with the gains in it; tax is by brackets, without Medicare levy.
///
/// Source: ITAA 1997 s 119-10 as second-hand accounts give it.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn minimum_tax(
    income: Money,
    accrued_gains: Money,
    minimum_rate: Ratio,
    scale: &[Bracket],
    rounding: Rounding,
) -> Result<Money, TaxError> {
    // A revenue loss may have used up part of the gains: what is not taxable income is not taxed.
    let gains = positive(accrued_gains).min(positive(income));
    let with = income_tax(income, scale, rounding)?;
    let without = income_tax(sub(income, gains)?, scale, rounding)?;
    let least = times(gains, minimum_rate)?;
    Ok(to_dollars_truncated(positive(sub(least, sub(with, without)?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Law;
    use crate::year::FinancialYear;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn cpi(numbers: &[(&str, &str)]) -> Cpi {
        Cpi::new(numbers.iter().map(|(quarter, number)| (quarter.parse().unwrap(), number.parse().unwrap())))
    }

    fn sale(acquired: &str, disposed: &str, proceeds: &str, cost_base: &str, value: Option<&str>) -> Sale {
        Sale {
            acquired: acquired.parse().unwrap(),
            disposed: disposed.parse().unwrap(),
            proceeds: money(proceeds),
            cost_base: money(cost_base),
            value_at_start: value.map(money),
        }
    }

    fn found(sale: &Sale) -> Vec<(GainKind, String)> {
        let law = Law::built_in().unwrap();
        let regime = law.of(FinancialYear::starting(2028).unwrap()).unwrap().regime.unwrap();
        let cpi = cpi(&[("2027-Q3", "100"), ("2028-Q1", "101.5"), ("2028-Q4", "103"), ("2029-Q1", "104.53")]);
        let pieces = pieces(sale, &regime, &cpi).unwrap().unwrap();
        pieces.into_iter().map(|piece| (piece.kind, piece.amount.to_string())).collect()
    }

    #[test]
    fn the_acts_own_example_of_indexation() {
        // ITAA 1997 s 114-1, example: 250,000 in the March quarter 1994 (110.4), sold in that of 1996
        // (119.0).
        let cpi = cpi(&[("1994-Q1", "110.4"), ("1996-Q1", "119.0")]);
        let (bought, sold) = ("1994-01-01".parse().unwrap(), "1996-02-01".parse().unwrap());
        assert_eq!(cpi.factor(Quarter::of(bought), Quarter::of(sold)).unwrap(), 1078);
        let indexed = indexed_cost_base(money("250000"), bought, sold, &cpi).unwrap();
        assert_eq!(indexed.to_string(), "269500");
        // Prices fell: no indexation.
        assert_eq!(cpi.factor(Quarter::of(sold), Quarter::of(bought)).unwrap(), 1000);
        let missing = cpi.factor(Quarter::of(bought), "2030-Q2".parse().unwrap()).unwrap_err();
        assert_eq!(missing.to_string(), "no consumer price index for the quarter 2030-Q2");
    }

    #[test]
    fn a_lot_held_at_the_start_is_split() {
        use GainKind::{Accrued, Discount, Ordinary};
        let text = |text: &str| text.to_owned();
        // 1,000 to 1,500 deferred; 1,500 indexed by 1.03 is 1,545, sold for 2,000.
        let long = sale("2020-01-10", "2028-12-01", "2000", "1000", Some("1500"));
        assert_eq!(found(&long), [(Discount, text("500")), (Accrued, text("455"))]);
        // Less than 12 months: no discount, no indexation.
        let short = sale("2027-06-10", "2028-02-01", "2000", "1000", Some("1500"));
        assert_eq!(found(&short), [(Ordinary, text("500")), (Accrued, text("500"))]);
        // Deferred gain, then a loss: indexing does not make it larger.
        let fallen = sale("2020-01-10", "2028-12-01", "1400", "1000", Some("1500"));
        assert_eq!(found(&fallen), [(Discount, text("500")), (Accrued, text("-100"))]);
        // Between the cost base and the indexed one there is neither gain nor loss.
        let between = sale("2027-07-01", "2028-12-01", "1510", "1500", None);
        assert_eq!(found(&between), [(Accrued, text("0"))]);
        // Bought under the regime: the quarter of purchase counts, 104.53 / 101.5 = 1.0298… = 1.030.
        let bought = sale("2028-02-01", "2029-03-01", "2000", "1000", None);
        assert_eq!(found(&bought), [(Accrued, text("970"))]);
    }

    #[test]
    fn the_minimum_tax_by_pencil() {
        let law = Law::built_in().unwrap();
        let law = law.of(FinancialYear::starting(2027).unwrap()).unwrap();
        let extra = |income: &str, gains: &str| {
            let rate = law.regime.unwrap().minimum_rate;
            minimum_tax(money(income), money(gains), rate, law.scale(true), law.rounding).unwrap().to_string()
        };
        // 10,000 of gains and nothing else: no income tax, so 3,000.
        assert_eq!(extra("10000", "10000"), "3000");
        // 40,000 of wages, 10,000 of gains: they add 700 at 14% and 1,500 at 30%, 800 less than 3,000.
        assert_eq!(extra("50000", "10000"), "800");
        // From 45,000 on every dollar bears 30% or more.
        assert_eq!(extra("60000", "10000"), "0");
        assert_eq!(extra("300000", "10000"), "0");
    }

    proptest! {
        #[test]
        fn pieces_of_a_short_holding_add_up_to_the_plain_gain(
            proceeds in 0_i64..9_000_000, cost in 0_i64..9_000_000, value in 0_i64..9_000_000,
        ) {
            let sale = Sale {
                proceeds: Money::from_raw(proceeds),
                cost_base: Money::from_raw(cost),
                value_at_start: Some(Money::from_raw(value)),
                ..sale("2027-05-01", "2028-01-01", "0", "0", None)
            };
            let law = Law::built_in().unwrap();
            let regime = law.of(FinancialYear::starting(2027).unwrap()).unwrap().regime.unwrap();
            let pieces = pieces(&sale, &regime, &Cpi::default()).unwrap().unwrap();
            prop_assert_eq!(pieces.iter().map(|piece| piece.amount.raw()).sum::<i64>(), proceeds - cost);
        }
    }
}
