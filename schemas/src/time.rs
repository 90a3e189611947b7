//! Time: effective time is data, recorded time is the dataflow's epoch.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Recorded time: milliseconds since 1970, rounded up to the epoch length. The dataflow's timestamp.
pub type Epoch = u64;

/// Why a piece of text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339, or outside 1900 to 2200.
    #[error("expected an RFC 3339 time in UTC such as 2026-11-20T09:30:00Z, got {0:?}")]
    Instant(String),
    /// Not a calendar date.
    #[error("expected a date such as 2026-11-20, got {0:?}")]
    Date(String),
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Effective time: when something was true. Microseconds since 1970, UTC.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// 1900-01-01 and 2200-01-01, the times accepted.
const EARLIEST: i64 = -2_208_988_800_000_000;
const LATEST: i64 = 7_258_118_400_000_000;

impl Instant {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Instant {
        Instant(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From milliseconds since 1970, as an epoch counts them.
    pub const fn from_epoch(epoch: Epoch) -> Instant {
        Instant(epoch as i64 * 1000)
    }

    /// The epoch that holds this instant: milliseconds rounded up to a multiple of `epoch_ms`. Times
    /// before 1970 belong to epoch 0.
    pub fn epoch(self, epoch_ms: u64) -> Epoch {
        let millis = u64::try_from(self.0).unwrap_or(0).div_ceil(1000);
        millis.div_ceil(epoch_ms) * epoch_ms
    }

    /// The UTC calendar date.
    pub fn date(self) -> TradeDate {
        let zoned = Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        TradeDate(zoned.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl FromStr for Instant {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Instant, TimeError> {
        let bad = || TimeError::Instant(shorten(text));
        let micros = text.parse::<Timestamp>().map_err(|_| bad())?.as_microsecond();
        if (EARLIEST..LATEST).contains(&micros) { Ok(Instant(micros)) } else { Err(bad()) }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// A business date: trade date, ex date, pay date, birth date.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeDate(Date);

impl TradeDate {
    /// The first instant of the date, UTC.
    pub fn start(self) -> Instant {
        Instant(i64::from(self.days()) * 86_400_000_000)
    }
}

impl TradeDate {
    /// The date a number of days later; `None` outside the years 1900 to 2199.
    pub fn plus_days(self, days: i32) -> Option<TradeDate> {
        in_range(self.0.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?)
    }

    /// The same day a number of months later, or that month's last; `None` outside the years 1900 to 2199.
    pub fn plus_months(self, months: i32) -> Option<TradeDate> {
        in_range(self.0.checked_add(jiff::Span::new().try_months(months).ok()?).ok()?)
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> TradeDate {
        TradeDate(self.0.first_of_month())
    }

    /// Days since 1970-01-01. Every fill asks several times, so without a time zone: years are counted from March,
    /// which puts the leap day last, and 1970-01-01 is day 719,468 from 0000-03-01.
    pub fn days(self) -> i32 {
        let (month, day) = (i32::from(self.0.month()), i32::from(self.0.day()));
        let year = i32::from(self.0.year()) - i32::from(month < 3);
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        year * 365 + leap_days + (153 * ((month + 9) % 12) + 2) / 5 + day - 1 - 719_468
    }
}

fn in_range(date: Date) -> Option<TradeDate> {
    (1900..2200).contains(&date.year()).then_some(TradeDate(date))
}

impl FromStr for TradeDate {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<TradeDate, TimeError> {
        let bad = || TimeError::Date(shorten(text));
        if text.len() != 10 {
            return Err(bad());
        }
        let date = text.parse::<Date>().map_err(|_| bad())?;
        in_range(date).ok_or_else(bad)
    }
}

impl fmt::Display for TradeDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! as_text {
    ($name:ident, $format:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}
as_text!(Instant, "date-time");
as_text!(TradeDate, "date");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_rounded_up() {
        let at: Instant = "1970-01-01T00:00:00.100001Z".parse().unwrap();
        assert_eq!(at.epoch(100), 200);
        assert_eq!("1970-01-01T00:00:00.1Z".parse::<Instant>().unwrap().epoch(100), 100);
        assert_eq!("1969-12-31T00:00:00Z".parse::<Instant>().unwrap().epoch(100), 0);
    }

    #[test]
    fn times_are_checked() {
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "1700-01-01T00:00:00Z", "2026-11-20"] {
            assert!(bad.parse::<Instant>().is_err(), "{bad}");
        }
        for bad in ["2026-02-30", "20261120", "2026-1-1", "2026-11-20T00:00:00Z"] {
            assert!(bad.parse::<TradeDate>().is_err(), "{bad}");
        }
        let day: TradeDate = "2013-10-07".parse().unwrap();
        assert_eq!(day.start().date(), day);
        assert_eq!(day.start().to_string(), "2013-10-07T00:00:00Z");
    }

    #[test]
    fn days_count_from_1970_without_a_gap() {
        let first: TradeDate = "1900-01-01".parse().unwrap();
        assert_eq!((first.days(), first.start().micros()), (-25_567, EARLIEST));
        let days = std::iter::successors(Some(first), |day| day.plus_days(1));
        assert!(days.zip(-25_567..).all(|(day, number)| day.days() == number && day.start().date() == day));
        assert_eq!("2199-12-31".parse::<TradeDate>().unwrap().days(), 84_005);
    }

    #[test]
    fn months_end_where_the_month_does() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        assert_eq!(date("2026-01-31").plus_months(1), Some(date("2026-02-28")));
        assert_eq!(date("2026-01-31").plus_months(2), Some(date("2026-03-31")));
        assert_eq!(date("2024-02-29").plus_months(-12), Some(date("2023-02-28")));
        assert_eq!(date("2199-12-01").plus_months(1), None);
        assert_eq!(date("1900-01-31").plus_months(-1), None);
        assert_eq!(date("2026-01-31").plus_months(i32::MAX), None);
    }
}
