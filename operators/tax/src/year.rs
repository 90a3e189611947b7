//! Financial years and calendar arithmetic on trade dates.

use std::fmt;
use std::str::FromStr;

use evenkeel_schemas::TradeDate;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// An Australian financial year: 1 July to 30 June, written `2026-27`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FinancialYear(i16);

impl FinancialYear {
    /// The year that starts on 1 July of `year`, 1900 to 2198.
    pub fn starting(year: i16) -> Option<FinancialYear> {
        (1900..2199).contains(&year).then_some(FinancialYear(year))
    }

    /// The year that a date is in.
    pub fn of(date: TradeDate) -> FinancialYear {
        let date = civil(date);
        FinancialYear(if date.month() >= 7 { date.year() } else { date.year() - 1 })
    }

    /// The calendar year that it starts in.
    pub fn start_year(self) -> i16 {
        self.0
    }

    /// The next year.
    #[must_use]
    pub fn next(self) -> FinancialYear {
        FinancialYear(self.0.saturating_add(1))
    }
}

impl fmt::Display for FinancialYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.0, (self.0 + 1) % 100)
    }
}

impl FromStr for FinancialYear {
    type Err = String;
    fn from_str(text: &str) -> Result<FinancialYear, String> {
        let bad = || format!("expected a financial year such as \"2026-27\", got {text:?}");
        let (first, _) = text.split_once('-').ok_or_else(bad)?;
        let year = first.parse().ok().and_then(FinancialYear::starting).ok_or_else(bad)?;
        if year.to_string() == text { Ok(year) } else { Err(bad()) }
    }
}

impl Serialize for FinancialYear {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FinancialYear {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Days since 1970.
pub(crate) fn day_number(date: TradeDate) -> i64 {
    date.start().micros().div_euclid(DAY)
}

/// The calendar date. A [`TradeDate`] writes itself as one, from 1900 to 2199.
pub(crate) fn civil(date: TradeDate) -> Date {
    date.to_string().parse().unwrap_or(Date::constant(1970, 1, 1))
}

/// Whether an asset acquired and disposed of on these days was held for 12 months, neither day counted.
///
/// The day after acquisition begins the 12 months, the day before disposal ends them, so that disposal is
/// after the corresponding day of the next year; where that day does not exist, after the month's last.
/// Source: ITAA 1997 s 115-25; TD 2002/10 paragraph 2; Acts Interpretation Act 1901 s 2G.
pub fn held_clear_year(acquired: TradeDate, disposed: TradeDate) -> bool {
    // jiff takes 29 February to the 28th of a year without one. Trade dates end in 2199: the sum exists.
    let corresponding = civil(acquired).saturating_add(Span::new().years(1));
    civil(disposed) > corresponding
}

/// The first day of disposal on which an asset acquired on a day was held for 12 months; see
/// [`held_clear_year`]. `None` after the year 2199.
pub fn held_clear_year_from(acquired: TradeDate) -> Option<TradeDate> {
    let corresponding = civil(acquired).saturating_add(Span::new().years(1));
    corresponding.tomorrow().ok()?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_discount_begins_on_the_first_day_that_has_it() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        for (acquired, from) in [
            ("2024-02-02", "2025-02-03"),
            ("2024-02-29", "2025-03-01"),
            ("2023-02-28", "2024-02-29"),
            ("2025-12-31", "2027-01-01"),
        ] {
            let first = held_clear_year_from(date(acquired)).unwrap();
            assert_eq!(first, date(from), "{acquired}");
            assert!(held_clear_year(date(acquired), first));
        }
        assert!(!held_clear_year(date("2024-02-02"), date("2025-02-02")));
        assert_eq!(held_clear_year_from(date("2199-12-31")), None);
    }

    #[test]
    fn a_financial_year_ends_with_june() {
        let year = |date: &str| FinancialYear::of(date.parse().unwrap()).to_string();
        assert_eq!(year("2027-06-30"), "2026-27");
        assert_eq!(year("2027-07-01"), "2027-28");
        assert_eq!(year("1999-07-01"), "1999-00");
        assert!("2026-28".parse::<FinancialYear>().is_err());
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(day_number("1970-01-02".parse().unwrap()), 1);
        assert_eq!(day_number("1969-12-31".parse().unwrap()), -1);
    }
}
