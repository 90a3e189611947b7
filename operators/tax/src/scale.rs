//! Tax by brackets, and the Medicare levy.

use evenkeel_schemas::{Money, Ratio, div_half_even};

use crate::amount::{positive, sub, times, to_cents, to_dollars_truncated};
use crate::error::TaxError;
use crate::law::{Bracket, MedicareLevy, Rounding};

/// Taxable income as the scales take it: not negative, in whole dollars where the law truncates.
pub fn taxable(income: Money, rounding: Rounding) -> Money {
    let income = positive(income);
    if rounding.truncate_income { to_dollars_truncated(income) } else { income }
}

/// Tax on an income: Σ rate · (the part of the income in the bracket), exact, rounded once.
///
/// AUD; to cents half-even, or to whole dollars where the law truncates tax. Income of nothing or less has
/// none.
/// Source: Income Tax Rates Act 1986 s 12, Schedule 7.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn income_tax(income: Money, scale: &[Bracket], rounding: Rounding) -> Result<Money, TaxError> {
    let income = taxable(income, rounding);
    let mut exact = 0_i128;
    for (n, bracket) in scale.iter().enumerate() {
        let upper = scale.get(n + 1).map_or(income, |next| next.over.min(income));
        if upper > bracket.over {
            let part = i128::from(upper.raw()) - i128::from(bracket.over.raw());
            // At most 9.2 · 10¹⁸ · 10⁹ in all, as the parts do not overlap.
            exact += part * i128::from(bracket.rate.raw());
        }
    }
    let tax = Money::from_wide(div_half_even(exact, i128::from(Ratio::ONE)));
    let tax = tax.ok_or(TaxError::Range("income tax"))?;
    Ok(if rounding.truncate_tax { to_dollars_truncated(tax) } else { to_cents(tax) })
}

/// Tax at one rate on an income, with the same rounding.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn flat_tax(income: Money, rate: Ratio, rounding: Rounding) -> Result<Money, TaxError> {
    income_tax(income, &[Bracket { over: Money::ZERO, rate }], rounding)
}

/// Medicare levy of a single resident without dependants: nothing up to the threshold, then the lesser of
/// `shade_in · (income − threshold)` and `rate · income`. AUD, to cents half-even.
///
/// Source: Medicare Levy Act 1986 s 6, s 7.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn medicare_levy(income: Money, levy: &MedicareLevy, rounding: Rounding) -> Result<Money, TaxError> {
    let income = taxable(income, rounding);
    if income <= levy.threshold {
        return Ok(Money::ZERO);
    }
    let shaded = times(sub(income, levy.threshold)?, levy.shade_in)?;
    Ok(to_cents(shaded.min(times(income, levy.rate)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Law;
    use proptest::prelude::*;

    const EXACT: Rounding = Rounding { truncate_income: false, truncate_tax: false };

    fn tax(year: &str, resident: bool, income: &str) -> String {
        let law = Law::built_in().unwrap();
        let law = law.of(year.parse().unwrap()).unwrap();
        income_tax(income.parse().unwrap(), law.scale(resident), law.rounding).unwrap().to_string()
    }

    #[test]
    fn tax_by_pencil() {
        // The base amounts that the tax office prints beside its brackets.
        for (year, resident, income, expected) in [
            ("2019-20", true, "18200", "0"),
            ("2019-20", true, "180000", "54097"),
            ("2022-23", true, "120000", "29467"),
            ("2022-23", true, "180000", "51667"),
            ("2024-25", true, "135000", "31288"),
            ("2024-25", true, "190000", "51638"),
            ("2026-27", true, "45000", "4020"),
            ("2027-28", true, "45000", "3752"),
            ("2022-23", false, "180000", "61200"),
            ("2024-25", false, "190000", "60850"),
            // Whole dollars: the 99 cents are left out.
            ("2024-25", true, "45001.99", "4288.3"),
            ("2024-25", true, "-5", "0"),
        ] {
            assert_eq!(tax(year, resident, income), expected, "{year} {income}");
        }
    }

    #[test]
    fn the_levy_shades_in() {
        let law = Law::built_in().unwrap();
        let law = law.of("2024-25".parse().unwrap()).unwrap();
        for (income, expected) in
            [("27222", "0"), ("27322", "10"), ("34027", "680.5"), ("34028", "680.56"), ("100000", "2000")]
        {
            let levy = medicare_levy(income.parse().unwrap(), &law.medicare_levy, law.rounding).unwrap();
            assert_eq!(levy.to_string(), expected, "{income}");
        }
    }

    proptest! {
        #[test]
        fn tax_grows_with_income_and_never_jumps(
            start in 2019_i16..2028, resident: bool,
            a in 0_i64..400_000_000_000, more in 0_i64..50_000_000_000,
        ) {
            let law = Law::built_in().unwrap();
            let law = law.of(crate::FinancialYear::starting(start).unwrap()).unwrap();
            let due = |raw: i64| {
                let income = Money::from_raw(raw);
                let tax = income_tax(income, law.scale(resident), EXACT).unwrap().raw();
                let levy = medicare_levy(income, &law.medicare_levy, EXACT).unwrap().raw();
                if resident { tax + levy } else { tax }
            };
            let grown = due(a + more) - due(a);
            // The steepest: 45% and a levy shading in at 10%. Each of four amounts is off by half a cent at
            // most.
            prop_assert!(grown >= -10_000 && grown <= more / 100 * 55 + 20_000, "{grown} of {more}");
            prop_assert!(due(a) <= a + 20_000);
        }
    }
}
