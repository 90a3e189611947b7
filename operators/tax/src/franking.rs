//! Franking credits: what a distribution carries, the gross-up, and what is paid or refunded.

use evenkeel_schemas::{Money, Ratio};
use serde::{Deserialize, Serialize};

use crate::amount::{add, not_negative, positive, share, sub, to_cents};
use crate::error::TaxError;
use crate::profile::share_checked;

/// The franking credit that comes with a distribution: `amount · franked fraction · rate / (1 − rate)`, at
/// 30% the 30/70 of the franked part. To cents, half-even.
///
/// Source: ITAA 1997 s 202-60 (maximum franking credit).
///
/// # Errors
/// [`TaxError::Negative`] or [`TaxError::Share`] for what no distribution has.
pub fn franking_credit(
    amount: Money,
    franked_fraction: Ratio,
    company_rate: Ratio,
) -> Result<Money, TaxError> {
    not_negative("a distribution", amount)?;
    share_checked("a franked fraction", franked_fraction)?;
    let kept = Ratio::ONE - share_checked("a company tax rate", company_rate)?.raw();
    if kept == 0 {
        return Err(TaxError::Share { what: "a company tax rate".to_owned(), got: company_rate.to_string() });
    }
    // Multiplied first and divided once, so that 5,880 · 3/7 is 2,520 and not a millionth less.
    let franked = i128::from(amount.raw()) * i128::from(franked_fraction.raw());
    let credit = franked.checked_mul(i128::from(company_rate.raw())).ok_or(TaxError::Range("a credit"))?;
    let per = i128::from(Ratio::ONE) * i128::from(kept);
    let credit = Money::from_wide(evenkeel_schemas::div_half_even(credit, per));
    credit.map(to_cents).ok_or(TaxError::Range("a credit"))
}

/// What is assessable of a distribution: the cash and the credits that may be used.
///
/// Source: ITAA 1997 s 207-20(1); denied credits are not included (s 207-145).
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn gross_up(cash: Money, credits: Money) -> Result<Money, TaxError> {
    add(cash, credits)
}

/// The part of a credit that goes with the shares that qualify, of more than none, to cents half-even.
///
/// # Errors
/// [`TaxError::Range`] beyond the range of money.
pub fn qualified_part(credit: Money, qualified: i64, entitled: i64) -> Result<Money, TaxError> {
    share(credit, qualified, entitled).map(to_cents)
}

/// Tax against credits. At most one of `payable`, `refund` and `excess` is more than nothing.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Tax that is left to pay.
    pub payable: Money,
    /// Credits beyond the tax, paid out.
    pub refund: Money,
    /// Credits beyond the tax that are not paid out.
    pub excess: Money,
}

/// Tax less credits; the excess is refunded if the taxpayer is of a kind that gets refunds.
///
/// `payable − refund − excess = liability − credits`.
/// Source: ITAA 1997 s 67-25 and Div 63 (refundable offsets, the order in which offsets are used).
///
/// # Errors
/// [`TaxError::Negative`] for negative tax or credits.
pub fn settle(liability: Money, credits: Money, refundable: bool) -> Result<Settlement, TaxError> {
    not_negative("tax", liability)?;
    not_negative("franking credits", credits)?;
    let rest = sub(liability, credits)?;
    let beyond = positive(sub(credits, liability)?);
    Ok(Settlement {
        payable: positive(rest),
        refund: if refundable { beyond } else { Money::ZERO },
        excess: if refundable { Money::ZERO } else { beyond },
    })
}

/// The tax loss that a company's excess credits become: `excess / company rate`, to cents half-even.
///
/// Source: ITAA 1997 s 36-55(2). The loss is the company's to deduct in later years; it is no capital loss.
///
/// # Errors
/// [`TaxError::Share`] for a rate of nothing or below, [`TaxError::Range`] beyond the range of money.
pub fn loss_of_excess(excess: Money, company_rate: Ratio) -> Result<Money, TaxError> {
    if company_rate <= Ratio::ZERO {
        return Err(TaxError::Share { what: "a company tax rate".to_owned(), got: company_rate.to_string() });
    }
    share(excess, Ratio::ONE, company_rate.raw()).map(to_cents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credits_by_pencil() {
        let credit = |amount: &str, franked: &str, rate: &str| {
            let credit =
                franking_credit(amount.parse().unwrap(), franked.parse().unwrap(), rate.parse().unwrap());
            credit.map(|credit| credit.to_string())
        };
        assert_eq!(credit("700", "1", "0.3").unwrap(), "300");
        assert_eq!(credit("700", "0.5", "0.3").unwrap(), "150");
        assert_eq!(credit("75", "1", "0.25").unwrap(), "25");
        assert_eq!(credit("0.01", "1", "0.3").unwrap(), "0");
        assert!(credit("700", "1.1", "0.3").unwrap_err().to_string().contains("must be from 0 to 1"));
        assert!(credit("-700", "1", "0.3").is_err());
        assert!(credit("700", "1", "1").is_err());
    }

    #[test]
    fn a_company_turns_its_excess_into_a_loss() {
        let settled = settle("200".parse().unwrap(), "500".parse().unwrap(), false).unwrap();
        assert_eq!((settled.payable, settled.refund), (Money::ZERO, Money::ZERO));
        assert_eq!(loss_of_excess(settled.excess, "0.3".parse().unwrap()).unwrap().to_string(), "1000");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_between_tax_and_credits(
            tax in 0_i64..9_000_000_000, credits in 0_i64..9_000_000_000, refundable: bool,
        ) {
            let settled = settle(Money::from_raw(tax), Money::from_raw(credits), refundable).unwrap();
            let parts = [settled.payable, settled.refund, settled.excess];
            prop_assert_eq!(parts[0].raw() - parts[1].raw() - parts[2].raw(), tax - credits);
            prop_assert!(parts.iter().all(|part| *part >= Money::ZERO));
            prop_assert!(parts.iter().filter(|part| **part > Money::ZERO).count() <= 1);
        }
    }
}
