//! Arithmetic on money: exact, checked, rounded by named functions only.

use std::fmt;
use std::str::FromStr;

use evenkeel_schemas::{Money, Ratio, div_half_even};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::TaxError;

/// Raw units of [`Money`] in a cent.
const CENT: i64 = Money::ONE / 100;

/// A rate that need not have an end in decimals, such as one third; from 0 to 1, in lowest terms.
///
/// Written `1/3`, or as a decimal of at most nine places.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    part: i64,
    whole: i64,
}

impl Fraction {
    /// Nothing.
    pub const ZERO: Fraction = Fraction { part: 0, whole: 1 };
    /// A half.
    pub const HALF: Fraction = Fraction { part: 1, whole: 2 };

    /// `part / whole`; `None` when it is not from 0 to 1.
    pub fn new(part: i64, whole: i64) -> Option<Fraction> {
        if part < 0 || whole <= 0 || part > whole {
            return None;
        }
        let (mut a, mut b) = (part, whole);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Some(Fraction { part: part / a, whole: whole / a })
    }

    /// This share of an amount, rounded half-even to 10⁻⁶.
    pub(crate) fn of(self, amount: Money) -> Result<Money, TaxError> {
        share(amount, self.part, self.whole)
    }

    /// As a ratio, rounded half-even to nine decimals.
    pub fn to_ratio(self) -> Ratio {
        let raw = div_half_even(i128::from(self.part) * i128::from(Ratio::ONE), i128::from(self.whole));
        // From 0 to 1, so that the raw number is at most 10⁹.
        Ratio::from_wide(raw).unwrap_or(Ratio::ZERO)
    }
}

impl FromStr for Fraction {
    type Err = String;
    fn from_str(text: &str) -> Result<Fraction, String> {
        let bad = || format!("expected a share from 0 to 1 such as \"1/3\" or \"0.5\", got {text:?}");
        let fraction = match text.split_once('/') {
            Some((part, whole)) => {
                Fraction::new(part.parse().map_err(|_| bad())?, whole.parse().map_err(|_| bad())?)
            }
            None => Fraction::new(text.parse::<Ratio>().map_err(|_| bad())?.raw(), Ratio::ONE),
        };
        fraction.ok_or_else(bad)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part == 0 { f.write_str("0") } else { write!(f, "{}/{}", self.part, self.whole) }
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// `amount · part / whole`, rounded half-even to 10⁻⁶; `whole` is positive.
pub(crate) fn share(amount: Money, part: i64, whole: i64) -> Result<Money, TaxError> {
    let product = i128::from(amount.raw()) * i128::from(part);
    Money::from_wide(div_half_even(product, i128::from(whole))).ok_or(TaxError::Range("a share of an amount"))
}

/// `amount · rate`, rounded half-even to 10⁻⁶.
pub(crate) fn times(amount: Money, rate: Ratio) -> Result<Money, TaxError> {
    share(amount, rate.raw(), Ratio::ONE)
}

/// Rounded half-even to cents.
pub fn to_cents(amount: Money) -> Money {
    let cents = div_half_even(i128::from(amount.raw()), i128::from(CENT));
    // Within half a cent of an i64; at its very end the amount stays as it is.
    Money::from_wide(cents * i128::from(CENT)).unwrap_or(amount)
}

/// Cents left out, towards zero: whole dollars as the tax office takes them.
pub fn to_dollars_truncated(amount: Money) -> Money {
    Money::from_raw(amount.raw() - amount.raw() % Money::ONE)
}

pub(crate) fn add(a: Money, b: Money) -> Result<Money, TaxError> {
    a.checked_add(b).ok_or(TaxError::Range("a sum"))
}

pub(crate) fn sub(a: Money, b: Money) -> Result<Money, TaxError> {
    a.checked_sub(b).ok_or(TaxError::Range("a difference"))
}

pub(crate) fn sum(amounts: impl IntoIterator<Item = Money>) -> Result<Money, TaxError> {
    amounts.into_iter().try_fold(Money::ZERO, add)
}

/// The amount, or nothing if it is negative.
pub(crate) fn positive(amount: Money) -> Money {
    amount.max(Money::ZERO)
}

/// # Errors
/// [`TaxError::Negative`] with the name given.
pub(crate) fn not_negative(what: &str, amount: Money) -> Result<Money, TaxError> {
    if amount < Money::ZERO {
        return Err(TaxError::Negative { what: what.to_owned(), got: amount.to_string() });
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_stays_a_third() {
        let third: Fraction = "1/3".parse().unwrap();
        assert_eq!(third.of("300".parse().unwrap()).unwrap().to_string(), "100");
        assert_eq!("0.5".parse::<Fraction>().unwrap(), Fraction::HALF);
        for bad in ["", "1/0", "2/1", "-1/2", "1.5", "half"] {
            assert!(bad.parse::<Fraction>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn cents_are_half_even_and_dollars_truncated() {
        for (text, cents, dollars) in
            [("1.005", "1", "1"), ("1.015", "1.02", "1"), ("-1.999", "-2", "-1"), ("7.99", "7.99", "7")]
        {
            let amount: Money = text.parse().unwrap();
            assert_eq!(to_cents(amount).to_string(), cents, "{text}");
            assert_eq!(to_dollars_truncated(amount).to_string(), dollars, "{text}");
        }
    }
}
