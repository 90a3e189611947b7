//! Days, months and ages on the calendar.

use evenkeel_schemas::TradeDate;
use jiff::ToSpan;
use jiff::civil::Date;

/// The calendar's form of a date.
fn civil(date: TradeDate) -> Date {
    Date::constant(1970, 1, 1).saturating_add(i64::from(date.days()).days())
}

/// The most whole months that fit between two dates, 0 where `to` is not after `from`.
pub fn whole_months(from: TradeDate, to: TradeDate) -> u32 {
    let (start, end) = (civil(from), civil(to));
    let by_calendar = (i32::from(end.year()) - i32::from(start.year())) * 12 + i32::from(end.month())
        - i32::from(start.month());
    let by_day = from.plus_months(by_calendar).is_some_and(|reached| reached <= to);
    u32::try_from(by_calendar - i32::from(!by_day)).unwrap_or(0)
}

/// Whole years of age on a day; `None` before the birth. Who was born on 29 February turns a year older on
/// 1 March of a year that has no such day.
pub(crate) fn age_on(birth: TradeDate, day: TradeDate) -> Option<u32> {
    if day < birth {
        return None;
    }
    let (birth, day) = (civil(birth), civil(day));
    let birthday_to_come = (day.month(), day.day()) < (birth.month(), birth.day());
    let years = i32::from(day.year()) - i32::from(birth.year()) - i32::from(birthday_to_come);
    u32::try_from(years).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> TradeDate {
        text.parse().unwrap()
    }

    #[test]
    fn age_is_whole_years_on_the_day() {
        let cases = [
            ("1996-11-16", "2025-11-15", Some(28)),
            ("1995-11-15", "2025-11-15", Some(30)),
            ("1995-11-16", "2025-11-15", Some(29)),
            ("2000-02-29", "2025-02-28", Some(24)),
            ("2000-02-29", "2025-03-01", Some(25)),
            ("2025-11-15", "2025-11-15", Some(0)),
            ("2025-11-16", "2025-11-15", None),
            ("1900-01-01", "2199-12-31", Some(299)),
        ];
        for (birth, day, age) in cases {
            assert_eq!(age_on(date(birth), date(day)), age, "{birth} on {day}");
        }
    }

    #[test]
    fn part_of_a_month_is_no_month() {
        let cases = [
            ("2025-11-15", "2026-11-15", 12),
            ("2025-11-15", "2026-11-14", 11),
            ("2025-11-15", "2025-11-16", 0),
            ("2026-01-31", "2026-02-28", 1),
            ("2026-03-31", "2026-02-28", 0),
            ("2025-11-15", "2025-11-15", 0),
        ];
        for (from, to, months) in cases {
            assert_eq!(whole_months(date(from), date(to)), months, "{from} to {to}");
        }
    }
}
