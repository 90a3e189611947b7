//! Exact numbers: fixed-point integers inside, `rust_decimal::Decimal` and JSON strings at the edges.
//!
//! | type | holds | scale | range |
//! |---|---|---|---|
//! | [`Quantity`] | units of an instrument | 10⁻⁶ | ±9.2 · 10¹² |
//! | [`Price`] | money per unit | 10⁻⁶ | ±9.2 · 10¹² |
//! | [`Money`] | an amount of one currency | 10⁻⁶ | ±9.2 · 10¹² |
//! | [`Rate`] | foreign exchange | 10⁻⁹ | ±9.2 · 10⁹ |
//! | [`Ratio`] | weights, bands, drifts; 1 is 100% | 10⁻⁹ | ±9.2 · 10⁹ |
//! | [`Total`] | a sum over customers | 10⁻⁶ | ±1.7 · 10³² |
//! | [`Value`] | quantity × price × rate, unrounded | 10⁻²¹ | ±1.7 · 10¹⁷ |
//!
//! Products are exact: a quantity times a price times a rate has 6 + 6 + 9 = 21 decimals, which is what a
//! [`Value`] carries. Rounding happens in named functions only, half-even.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use ethnum::I256;
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a piece of text is not the number that its field asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not of the form `-?digits(.digits)?`.
    #[error("expected a decimal number in a string such as \"12.50\", got {0:?}")]
    Malformed(String),
    /// More decimals than the type holds.
    #[error("expected at most {allowed} decimals, got {text:?}")]
    Decimals {
        /// The text as given.
        text: String,
        /// Decimals that the type holds.
        allowed: u32,
    },
    /// Outside the range of the type.
    #[error("expected a number between -{limit} and {limit}, got {text:?}")]
    Range {
        /// The text as given.
        text: String,
        /// Largest magnitude the type holds, in whole units.
        limit: i64,
    },
}

/// Longest text that can be a number here; anything longer is refused before it is looked at.
const MAX_TEXT: usize = 40;

fn parse_scaled(text: &str, scale: u32) -> Result<i64, NumberError> {
    let malformed = || NumberError::Malformed(text.chars().take(MAX_TEXT).collect());
    let limit = i64::MAX / 10_i64.pow(scale);
    let range = || NumberError::Range { text: text.chars().take(MAX_TEXT).collect(), limit };
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let point = digits.iter().position(|b| *b == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &digits[..0]),
    };
    let all_digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    if whole.is_empty()
        || !all_digits(whole)
        || !all_digits(fraction)
        || (point.is_some() && fraction.is_empty())
    {
        return Err(malformed());
    }
    let significant = fraction.len() - fraction.iter().rev().take_while(|b| **b == b'0').count();
    if significant > scale as usize {
        let text = text.chars().take(MAX_TEXT).collect();
        return Err(NumberError::Decimals { text, allowed: scale });
    }
    let padding = scale as usize - significant;
    let mut number = 0_i64;
    for digit in whole.iter().chain(&fraction[..significant]).chain(std::iter::repeat_n(&b'0', padding)) {
        number =
            number.checked_mul(10).and_then(|n| n.checked_add(i64::from(digit - b'0'))).ok_or_else(range)?;
    }
    Ok(if negative { -number } else { number })
}

macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident, $scale:literal) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Decimals held.
            pub const SCALE: u32 = $scale;
            /// Raw units in one whole.
            pub const ONE: i64 = 10_i64.pow($scale);
            /// Nothing.
            pub const ZERO: $name = $name(0);
            /// The largest number held.
            pub const MAX: $name = $name(i64::MAX);

            /// From raw units of 10^-SCALE.
            pub const fn from_raw(raw: i64) -> Self {
                $name(raw)
            }

            /// Raw units of 10^-SCALE.
            pub const fn raw(self) -> i64 {
                self.0
            }

            /// From a whole number; `None` when out of range.
            pub fn from_whole(whole: i64) -> Option<Self> {
                whole.checked_mul(Self::ONE).map($name)
            }

            /// The sum, or `None` when out of range.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map($name)
            }

            /// The difference, or `None` when out of range.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map($name)
            }

            /// The opposite sign, or `None` for the one number that has none.
            pub fn checked_neg(self) -> Option<Self> {
                self.0.checked_neg().map($name)
            }

            /// From raw units held wider; `None` when out of range.
            pub fn from_wide(raw: i128) -> Option<Self> {
                i64::try_from(raw).ok().map($name)
            }

            /// The exact decimal.
            pub fn to_decimal(self) -> Decimal {
                Decimal::from_i128_with_scale(i128::from(self.0), Self::SCALE).normalize()
            }

            /// For statistics and optimisation only, never for money.
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / Self::ONE as f64
            }
        }

        impl FromStr for $name {
            type Err = NumberError;
            fn from_str(text: &str) -> Result<Self, NumberError> {
                parse_scaled(text, Self::SCALE).map($name)
            }
        }

        impl TryFrom<Decimal> for $name {
            type Error = NumberError;
            fn try_from(decimal: Decimal) -> Result<Self, NumberError> {
                decimal.normalize().to_string().parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_scaled(f, i128::from(self.0), Self::SCALE)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = deserializer.deserialize_str(TextVisitor)?;
                    text.parse().map_err(de::Error::custom)
                } else {
                    i64::deserialize(deserializer).map($name)
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": format!("^-?[0-9]+(\\.[0-9]{{1,{}}}0*)?$", $scale),
                    "description": format!("a decimal number in a string, at most {} decimals", $scale),
                })
            }
        }
    };
}

struct TextVisitor;
impl<'de> de::Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number in a string such as \"12.50\"")
    }
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Writes a scaled integer as the shortest exact decimal.
fn write_scaled(f: &mut fmt::Formatter<'_>, raw: i128, scale: u32) -> fmt::Result {
    let one = 10_u128.pow(scale);
    let (whole, mut fraction) = (raw.unsigned_abs() / one, raw.unsigned_abs() % one);
    if raw < 0 {
        f.write_str("-")?;
    }
    write!(f, "{whole}")?;
    if fraction != 0 {
        let mut width = scale as usize;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        write!(f, ".{fraction:0width$}")?;
    }
    Ok(())
}

fixed_point!(
    /// Units of an instrument, scale 10⁻⁶; signed: a buy is positive, a sell negative.
    Quantity, 6
);
fixed_point!(
    /// Money per unit of an instrument, scale 10⁻⁶, in the instrument's currency.
    Price, 6
);
fixed_point!(
    /// An amount of one currency, scale 10⁻⁶.
    Money, 6
);
fixed_point!(
    /// A foreign-exchange rate, scale 10⁻⁹: one unit of the pair's first currency in its second.
    Rate, 9
);
fixed_point!(
    /// A ratio, scale 10⁻⁹: weights, bands and drifts; one is 100%.
    Ratio, 9
);

impl Ratio {
    /// The ratio with all nine decimals, as the drift table shows it.
    pub fn to_fixed(self) -> String {
        let one = Self::ONE.unsigned_abs();
        let magnitude = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}{}.{:09}", magnitude / one, magnitude % one)
    }

    /// From basis points.
    pub fn from_bps(bps: i64) -> Option<Ratio> {
        bps.checked_mul(100_000).map(Ratio)
    }
}

impl Rate {
    /// One for one, the rate of a currency in itself.
    pub const PAR: Rate = Rate(Rate::ONE);

    /// The rate of the reversed pair, rounded half-even to nine decimals; `None` for a rate that is not
    /// positive or whose inverse is out of range or rounds to nothing.
    pub fn inverse(self) -> Option<Rate> {
        if self.0 <= 0 {
            return None;
        }
        let raw = div_half_even(10_i128.pow(18), i128::from(self.0));
        Rate::from_wide(raw).filter(|rate| rate.0 > 0)
    }
}

impl Quantity {
    /// The exact cost or proceeds at a price, in raw units of 10⁻¹² (a product of two 10⁻⁶ scales).
    pub fn times(self, price: Price) -> i128 {
        i128::from(self.0) * i128::from(price.0)
    }

    /// Cost or proceeds at a price as money, rounded half-even to 10⁻⁶; `None` when out of range.
    pub fn notional(self, price: Price) -> Option<Money> {
        Money::from_wide(div_half_even(self.times(price), i128::from(Price::ONE)))
    }

    /// The largest multiple of `lot` that is not beyond this quantity, towards zero. A lot of nothing
    /// leaves it as it is.
    pub fn whole_lots(self, lot: Quantity) -> Quantity {
        if lot.0 <= 0 { self } else { Quantity(self.0 - self.0 % lot.0) }
    }
}

/// An unrounded value, scale 10⁻²¹: what quantity × price × rate comes to, or money × rate.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(i128);

/// Raw units of a [`Value`] in one raw unit of [`Money`].
const VALUE_PER_MONEY: i128 = 10_i128.pow(15);

impl Value {
    /// Nothing.
    pub const ZERO: Value = Value(0);

    /// From raw units of 10⁻²¹.
    pub const fn from_raw(raw: i128) -> Value {
        Value(raw)
    }

    /// Raw units of 10⁻²¹.
    pub const fn raw(self) -> i128 {
        self.0
    }

    /// quantity × price × rate, exactly; `None` beyond ±1.7 · 10¹⁷.
    pub fn of_position(quantity: Quantity, price: Price, rate: Rate) -> Option<Value> {
        quantity.times(price).checked_mul(i128::from(rate.0)).map(Value)
    }

    /// amount × rate, exactly; `None` beyond ±1.7 · 10¹⁷.
    pub fn of_cash(amount: Money, rate: Rate) -> Option<Value> {
        (i128::from(amount.0) * i128::from(rate.0)).checked_mul(10_i128.pow(6)).map(Value)
    }

    /// The sum, or `None` when out of range.
    pub fn checked_add(self, other: Value) -> Option<Value> {
        self.0.checked_add(other.0).map(Value)
    }

    /// Rounded half-even to money; `None` when out of range.
    pub fn to_money(self) -> Option<Money> {
        Money::from_wide(div_half_even(self.0, VALUE_PER_MONEY))
    }

    /// This value as a share of `total`, rounded half-even to nine decimals. `None` when `total` is not
    /// positive or the share is out of range.
    pub fn share_of(self, total: Value) -> Option<Ratio> {
        if total.0 <= 0 {
            return None;
        }
        let scaled = I256::from(self.0) * I256::from(Ratio::ONE);
        let (quotient, remainder) = (scaled / I256::from(total.0), scaled % I256::from(total.0));
        let raw = i128::try_from(quotient).ok()?;
        let remainder = i128::try_from(remainder).ok()?;
        Ratio::from_wide(round_half_even(raw, remainder, total.0))
    }

    /// Where this value stands to the band around its target share of `total`: exactly
    /// `|value − target·total| > band·total`, on integers. `Greater` is over the band, `Less` under it,
    /// `Equal` inside or on its edge.
    pub fn against_band(self, total: Value, target: Ratio, band: Ratio) -> std::cmp::Ordering {
        let scaled = I256::from(self.0) * I256::from(Ratio::ONE);
        let total = I256::from(total.0);
        let target = I256::from(target.0);
        let band = I256::from(band.0);
        if scaled > (target + band) * total {
            std::cmp::Ordering::Greater
        } else if scaled < (target - band) * total {
            std::cmp::Ordering::Less
        } else {
            std::cmp::Ordering::Equal
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, 21)
    }
}

/// A sum over customers, of units or of money, scale 10⁻⁶: beyond the range of one customer's amounts.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Total(i128);

impl Total {
    /// From raw units of 10⁻⁶.
    pub const fn from_raw(raw: i128) -> Total {
        Total(raw)
    }

    /// Raw units of 10⁻⁶.
    pub const fn raw(self) -> i128 {
        self.0
    }

    /// A value rounded half-even.
    pub fn rounded(value: Value) -> Total {
        Total(div_half_even(value.0, VALUE_PER_MONEY))
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, 6)
    }
}

/// `numerator / denominator` rounded half-even; the denominator is positive.
pub fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    round_half_even(numerator / denominator, numerator % denominator, denominator)
}

fn round_half_even(quotient: i128, remainder: i128, denominator: i128) -> i128 {
    let step = if remainder < 0 { -1 } else { 1 };
    let rest = denominator.unsigned_abs() - remainder.unsigned_abs();
    match remainder.unsigned_abs().cmp(&rest) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + step,
        std::cmp::Ordering::Equal => quotient + if quotient % 2 == 0 { 0 } else { step },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_exactly_and_written_shortest() {
        for (text, raw) in [("12.50", 12_500_000), ("-0.000001", -1), ("0", 0), ("7.1000000", 7_100_000)] {
            assert_eq!(text.parse::<Money>().unwrap().raw(), raw, "{text}");
        }
        assert_eq!(Money::from_raw(12_500_000).to_string(), "12.5");
        assert_eq!(Money::from_raw(-1).to_string(), "-0.000001");
        assert_eq!(Ratio::from_raw(-50_000_000).to_fixed(), "-0.050000000");
    }

    #[test]
    fn what_is_not_a_number_says_what_was_expected() {
        for text in ["", "-", "1e5", "+1", "1_000", ".5", "5.", " 1", "NaN", "0x10", "1,5", "--1"] {
            assert!(matches!(text.parse::<Price>(), Err(NumberError::Malformed(_))), "{text:?}");
        }
        assert!(matches!("0.0000001".parse::<Price>(), Err(NumberError::Decimals { allowed: 6, .. })));
        let thirty = "123456789012345678901234567890";
        assert!(matches!(thirty.parse::<Price>(), Err(NumberError::Range { .. })));
        assert!(serde_json::from_str::<Price>("1.5").unwrap_err().to_string().contains("\"12.50\""));
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let cases = [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (-2, 3, -1)];
        for (n, d, expected) in cases {
            assert_eq!(div_half_even(n, d), expected, "{n}/{d}");
        }
        assert_eq!(div_half_even(i128::MAX, i128::MAX), 1);
    }

    #[test]
    fn the_band_is_exact_on_its_edge() {
        let value = |units: i128| Value::from_raw(units * 10_i128.pow(21));
        let (target, band) = (Ratio::from_raw(250_000_000), Ratio::from_raw(50_000_000));
        assert_eq!(value(30).against_band(value(100), target, band), std::cmp::Ordering::Equal);
        let just_over = Value::from_raw(30 * 10_i128.pow(21) + 1);
        assert_eq!(just_over.against_band(value(100), target, band), std::cmp::Ordering::Greater);
        let just_under = Value::from_raw(20 * 10_i128.pow(21) - 1);
        assert_eq!(just_under.against_band(value(100), target, band), std::cmp::Ordering::Less);
    }

    #[test]
    fn products_do_not_wrap() {
        let most = Quantity::MAX;
        assert_eq!(Value::of_position(most, Price::MAX, Rate::MAX), None);
        assert_eq!(most.notional(Price::MAX), None);
        let huge = Value::from_raw(i128::MAX);
        assert_eq!(huge.share_of(huge), Some(Ratio::from_raw(Ratio::ONE)));
        assert_eq!(huge.share_of(Value::ZERO), None);
    }

    #[test]
    fn an_inverse_rate_is_rounded_half_even_to_nine_decimals() {
        assert_eq!("1.5".parse::<Rate>().unwrap().inverse().unwrap().to_string(), "0.666666667");
        assert_eq!(Rate::ZERO.inverse(), None);
    }
}
