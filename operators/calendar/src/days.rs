//! Counting business days: a table for the days of a list, weekdays on both sides of it.
//!
//! All days from the first to the last of a list, and all weekdays outside it, form one sequence of business
//! days. Every day has a rank in it, the number of business days from the list's first day up to but without
//! this day (negative before). Both directions cost one look-up inside the list, and a division outside.

use evenkeel_schemas::{Instant, TradeDate};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// 1900-01-01 and 2199-12-31 as days since 1970: where dates end, both weekdays.
const EARLIEST: i64 = -25_567;
const LATEST: i64 = 84_005;

/// Days since 1970.
pub(crate) fn day_number(date: TradeDate) -> i64 {
    i64::from(date.days())
}

/// The date of a day since 1970; what lies outside 1900 to 2199 becomes the end of that span.
pub(crate) fn date_of(day: i64) -> TradeDate {
    Instant::from_micros(day.clamp(EARLIEST, LATEST) * DAY).date()
}

/// Monday is 0. 1 January 1970 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Whether a day since 1970 is none of Saturday and Sunday.
pub(crate) fn is_weekday(day: i64) -> bool {
    weekday(day) < 5
}

/// Weekdays from Monday 29 December 1969 up to but without this day, negative before it.
fn weekdays_before(day: i64) -> i64 {
    (day + 3).div_euclid(7) * 5 + weekday(day).min(5)
}

/// The weekday that has so many before it: the inverse of [`weekdays_before`].
fn weekday_after(count: i64) -> i64 {
    count.div_euclid(5) * 7 + count.rem_euclid(5) - 3
}

/// Business days: those of a list from its first to its last day, weekdays before and after.
///
/// Four bytes a calendar day and four a business day: 52 KB for 21 years.
#[derive(Clone, Debug)]
pub(crate) struct Days {
    /// First day of the list, since 1970.
    first: i64,
    /// By days since the first: business days of the list before that day. One entry more than days.
    ranks: Vec<u32>,
    /// The business days of the list.
    dates: Vec<TradeDate>,
}

impl Days {
    /// No list: weekdays only.
    pub(crate) fn weekdays() -> Days {
        Days { first: 0, ranks: vec![0], dates: Vec::new() }
    }

    /// The days from `first` to `last`, both since 1970, for which `open` holds.
    pub(crate) fn listed(first: i64, last: i64, open: impl Fn(TradeDate) -> bool) -> Days {
        let (mut ranks, mut dates) = (vec![0], Vec::new());
        for day in first..=last {
            let date = date_of(day);
            if open(date) {
                dates.push(date);
            }
            ranks.push(dates.len() as u32);
        }
        Days { first, ranks, dates }
    }

    /// The day after the last of the list.
    fn end(&self) -> i64 {
        self.first + self.ranks.len() as i64 - 1
    }

    /// Whether the list covers a day.
    pub(crate) fn covers(&self, day: i64) -> bool {
        self.first <= day && day < self.end()
    }

    /// Business days before a day, counted from the list's first.
    fn rank(&self, day: i64) -> i64 {
        let inside = usize::try_from(day - self.first).ok().and_then(|at| self.ranks.get(at));
        match inside {
            Some(rank) => i64::from(*rank),
            None if day < self.first => weekdays_before(day) - weekdays_before(self.first),
            None => self.dates.len() as i64 + weekdays_before(day) - weekdays_before(self.end()),
        }
    }

    /// The business day of a rank, and whether the list has it.
    fn at(&self, rank: i64) -> (TradeDate, bool) {
        let listed = usize::try_from(rank).ok().and_then(|at| self.dates.get(at));
        match listed {
            Some(date) => (*date, true),
            None if rank < 0 => (date_of(weekday_after(weekdays_before(self.first) + rank)), false),
            None => {
                let after = rank - self.dates.len() as i64;
                (date_of(weekday_after(weekdays_before(self.end()) + after)), false)
            }
        }
    }

    /// Whether a day is a business day.
    pub(crate) fn is_business_day(&self, day: i64) -> bool {
        self.rank(day + 1) > self.rank(day)
    }

    /// The business day `count` after `date` if positive, before it if negative; `date` itself for 0. And
    /// whether both lie in the list. Dates end with 1900 and 2199.
    pub(crate) fn add(&self, date: TradeDate, count: i64) -> (TradeDate, bool) {
        let day = day_number(date);
        let (to, listed) = match count {
            0 => (date, true),
            // Of a day that is no business day, the first after it is the next one.
            1.. => self.at(self.rank(day + 1) + count - 1),
            _ => self.at(self.rank(day) + count),
        };
        (to, listed && self.covers(day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> TradeDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_ends_of_time_are_where_dates_end() {
        assert_eq!(date_of(EARLIEST), date("1900-01-01"));
        assert_eq!(date_of(i64::from(i32::MIN)), date("1900-01-01"));
        assert_eq!(date_of(LATEST), date("2199-12-31"));
        assert!(is_weekday(EARLIEST) && is_weekday(LATEST));
    }

    #[test]
    fn weekdays_are_counted_over_weekends_and_1970() {
        // Sunday 28 December 1969 to Saturday 10 January 1970.
        let weekdays: Vec<i64> = (-4..10).filter(|day| is_weekday(*day)).collect();
        assert_eq!(weekdays, [-3, -2, -1, 0, 1, 4, 5, 6, 7, 8]);
        for (count, day) in weekdays.iter().enumerate() {
            assert_eq!((weekdays_before(*day), weekday_after(count as i64)), (count as i64, *day));
        }
        assert_eq!((weekdays_before(2), weekdays_before(3)), (5, 5));
    }

    #[test]
    fn a_list_joins_the_weekdays_around_it() {
        // Tuesday 6 to Thursday 8 January 1970, Wednesday closed.
        let days = Days::listed(5, 7, |day| day != date("1970-01-07"));
        let add = |from, count| days.add(date(from), count);
        assert_eq!(add("1970-01-06", 1), (date("1970-01-08"), true));
        assert_eq!(add("1970-01-08", -1), (date("1970-01-06"), true));
        assert_eq!(add("1970-01-07", 1), (date("1970-01-08"), true));
        assert_eq!(add("1970-01-06", 2), (date("1970-01-09"), false));
        assert_eq!(add("1970-01-09", -2), (date("1970-01-06"), false));
        assert_eq!(add("1970-01-02", 3), (date("1970-01-08"), false));
        assert_eq!(add("1970-01-03", 0), (date("1970-01-03"), false));
        assert!(!days.is_business_day(6) && days.is_business_day(7) && !days.is_business_day(9));
        assert_eq!([4, 5, 7, 8].map(|day| days.covers(day)), [false, true, true, false]);
    }
}
