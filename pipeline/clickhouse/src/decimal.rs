//! ClickHouse's Decimal columns: scaled integers on the wire and in memory.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use std::fmt;
use std::str::FromStr;

/// Money, prices and quantities: `Decimal(38, 6)`.
pub type Amount = Dec128<6>;
/// Measures and limits of triggers: `Decimal(38, 9)`.
pub type Measure = Dec128<9>;
/// Rounding residuals of blocks: `Decimal(38, 12)`.
pub type Residual = Dec128<12>;
/// Exchange rates, weights, targets and drifts: `Decimal(18, 9)`.
pub type Rate = Dec64<9>;

/// A value of `Decimal(38, SCALE)`, kept as a number of units of 10^-SCALE. What does not fit is refused when
/// it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dec128<const SCALE: u32>(i128);

/// A value of `Decimal(18, SCALE)`, kept as a number of units of 10^-SCALE. What does not fit is refused when
/// it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dec64<const SCALE: u32>(i64);

/// One more than the largest unit count of 38 digits. An i128 holds more, and ClickHouse does not check the
/// binary form: beyond this it would store a number that it cannot print or add.
const LIMIT_38: u128 = 10u128.pow(38);
/// The same for 18 digits.
const LIMIT_18: u64 = 10u64.pow(18);

impl<const SCALE: u32> Dec128<SCALE> {
    /// So many units of 10^-SCALE.
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The number of units of 10^-SCALE.
    pub const fn units(self) -> i128 {
        self.0
    }
}

impl<const SCALE: u32> Dec64<SCALE> {
    /// So many units of 10^-SCALE.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The number of units of 10^-SCALE.
    pub const fn units(self) -> i64 {
        self.0
    }
}

impl<const SCALE: u32> Serialize for Dec128<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.unsigned_abs() >= LIMIT_38 {
            return Err(ser::Error::custom(format_args!("{} units do not fit Decimal(38, {SCALE})", self.0)));
        }
        serializer.serialize_i128(self.0)
    }
}

impl<const SCALE: u32> Serialize for Dec64<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.unsigned_abs() >= LIMIT_18 {
            return Err(ser::Error::custom(format_args!("{} units do not fit Decimal(18, {SCALE})", self.0)));
        }
        serializer.serialize_i64(self.0)
    }
}

impl<'de, const SCALE: u32> Deserialize<'de> for Dec128<SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i128::deserialize(deserializer).map(Self)
    }
}

impl<'de, const SCALE: u32> Deserialize<'de> for Dec64<SCALE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self)
    }
}

impl<const SCALE: u32> fmt::Display for Dec128<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(f, self.0, SCALE)
    }
}

impl<const SCALE: u32> fmt::Display for Dec64<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_units(f, i128::from(self.0), SCALE)
    }
}

fn write_units(f: &mut fmt::Formatter<'_>, units: i128, scale: u32) -> fmt::Result {
    let one = 10u128.pow(scale);
    let (whole, part) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    let digits =
        if scale == 0 { whole.to_string() } else { format!("{whole}.{part:0w$}", w = scale as usize) };
    f.pad_integral(units >= 0, "", &digits)
}

/// A text that is not an exact decimal of the wanted scale.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a decimal number with at most {scale} decimals that fits the column")]
pub struct ParseDecimalError {
    text: String,
    scale: u32,
}

impl<const SCALE: u32> FromStr for Dec128<SCALE> {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_units(text, SCALE)
            .filter(|units| units.unsigned_abs() < LIMIT_38)
            .map(Self)
            .ok_or_else(|| ParseDecimalError { text: text.to_owned(), scale: SCALE })
    }
}

impl<const SCALE: u32> FromStr for Dec64<SCALE> {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_units(text, SCALE)
            .and_then(|units| i64::try_from(units).ok())
            .filter(|units| units.unsigned_abs() < LIMIT_18)
            .map(Self)
            .ok_or_else(|| ParseDecimalError { text: text.to_owned(), scale: SCALE })
    }
}

/// Exact or nothing: a text with more decimals than the scale is refused, never rounded.
fn parse_units(text: &str, scale: u32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let missing = scale.checked_sub(u32::try_from(part.trim_end_matches('0').len()).ok()?)?;
    if !all_digits(whole) || !all_digits(part) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let part = if part.is_empty() { 0 } else { part.parse::<i128>().ok()? };
    let units = whole
        .parse::<i128>()
        .ok()?
        .checked_mul(10i128.checked_pow(scale)?)?
        .checked_add(part.checked_mul(10i128.checked_pow(missing)?)?)?;
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_form() {
        assert_eq!(Dec128::<6>(-1).to_string(), "-0.000001");
        assert_eq!(Dec128::<6>(1_234_500_000).to_string(), "1234.500000");
        assert_eq!(Dec64::<9>(-1_500_000_000).to_string(), "-1.500000000");
        assert_eq!(Dec128::<0>(7).to_string(), "7");
        assert_eq!("-12.5".parse(), Ok(Dec128::<6>(-12_500_000)));
        assert_eq!("3".parse(), Ok(Dec64::<9>(3_000_000_000)));
        assert_eq!("0.1000000".parse(), Ok(Dec128::<6>(100_000)));
    }

    #[test]
    fn only_exact_texts_are_taken() {
        for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1.0000001", "--1", "1.-5", " 1"] {
            assert!(text.parse::<Amount>().is_err(), "{text:?} was taken");
        }
        assert!("1000000000".parse::<Rate>().is_err());
        assert!("100000000000000000000000000000000".parse::<Amount>().is_err());
    }

    #[test]
    fn what_the_column_cannot_hold_is_not_sent() {
        assert!(serde_json::to_string(&Amount::default()).is_ok());
        assert!(serde_json::to_string(&Dec128::<6>(10i128.pow(38))).is_err());
        assert!(serde_json::to_string(&Dec128::<6>(i128::MIN)).is_err());
        assert!(serde_json::to_string(&Dec64::<9>(i64::MIN)).is_err());
    }

    proptest! {
        #[test]
        fn text_and_back(units in -(10i128.pow(38) - 1)..10i128.pow(38)) {
            prop_assert_eq!(Dec128::<6>(units).to_string().parse(), Ok(Dec128::<6>(units)));
            prop_assert_eq!(Dec128::<12>(units).to_string().parse(), Ok(Dec128::<12>(units)));
        }
    }
}
