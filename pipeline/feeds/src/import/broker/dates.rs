//! Dates and times as brokers print them, each in the one form its format has.

use evenkeel_schemas::{Instant, TradeDate};
use jiff::civil::Time;
use jiff::tz::TimeZoneDatabase;

use crate::import::venue::{civil, to_utc};

/// How a format writes dates.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `2024-03-05`
    YearMonthDay,
    /// `20240305`
    Compact,
    /// `05-03-2024`, `05/03/2024` or `05.03.2024`, with the mark given.
    DayMonthYear(char),
    /// `03/05/2024`
    MonthDayYear,
    /// `05-Mar-2024`, months in English or Dutch.
    DayNameYear,
}

impl Form {
    /// A date in this form, for people.
    pub(super) fn example(self) -> String {
        match self {
            Form::YearMonthDay => "2024-03-31".to_owned(),
            Form::Compact => "20240331".to_owned(),
            Form::DayMonthYear(mark) => format!("31{mark}03{mark}2024"),
            Form::MonthDayYear => "03/31/2024".to_owned(),
            Form::DayNameYear => "31-Mar-2024".to_owned(),
        }
    }
}

/// Months by the letters Saxo prints, English before Dutch where they differ.
const MONTHS: [&[&str]; 12] = [
    &["jan"],
    &["feb"],
    &["mar", "mrt"],
    &["apr"],
    &["may", "mei"],
    &["jun"],
    &["jul"],
    &["aug"],
    &["sep"],
    &["oct", "okt"],
    &["nov"],
    &["dec"],
];

/// The date that a text is in this form, from 1970 to 2099: an account has no other.
pub(super) fn date(text: &str, form: Form) -> Option<TradeDate> {
    let part = |mark: char| -> Option<[&str; 3]> { text.split(mark).collect::<Vec<_>>().try_into().ok() };
    let (year, month, day) = match form {
        Form::YearMonthDay => {
            let [year, month, day] = part('-')?;
            (year, month.to_owned(), day)
        }
        Form::Compact => {
            if text.len() != 8 || !text.is_ascii() {
                return None;
            }
            (&text[..4], text[4..6].to_owned(), &text[6..])
        }
        Form::DayMonthYear(mark) => {
            let [day, month, year] = part(mark)?;
            (year, month.to_owned(), day)
        }
        Form::MonthDayYear => {
            let [month, day, year] = part('/')?;
            (year, month.to_owned(), day)
        }
        Form::DayNameYear => {
            let [day, name, year] = part('-')?;
            let name = name.to_ascii_lowercase();
            let month = MONTHS.iter().position(|names| names.contains(&name.as_str()))? + 1;
            (year, format!("{month:02}"), day)
        }
    };
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(&month, 2) || !digits(day, 2) || !("1970".."2100").contains(&year) {
        return None;
    }
    format!("{year}-{month}-{day}").parse().ok()
}

/// A wall-clock time `hh:mm`, `hh:mm:ss` or with a fraction, in a zone of the compiled-in rules, as UTC.
pub(super) fn local(date: TradeDate, time: &str, zone: &str) -> Option<Instant> {
    let whole = time.split('.').next()?;
    let form = whole.bytes().enumerate().all(|(at, byte)| match at {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if !form || !(whole.len() == 5 || whole.len() == 8) {
        return None;
    }
    let time: Time = time.parse().ok()?;
    to_utc(&TimeZoneDatabase::bundled().get(zone).ok()?, civil(date), time)
}

/// `2024-04-18T18:09:12.259Z`, with the UTC date it falls on.
pub(super) fn utc(text: &str) -> Option<(TradeDate, Instant)> {
    let at: Instant = text.ends_with('Z').then(|| text.parse().ok()).flatten()?;
    // The same bounds as for dates alone.
    date(&at.date().to_string(), Form::YearMonthDay).map(|date| (date, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_reads_its_own_dates_only() {
        let cases = [
            ("2024-03-05", Form::YearMonthDay),
            ("20240305", Form::Compact),
            ("05.03.2024", Form::DayMonthYear('.')),
            ("03/05/2024", Form::MonthDayYear),
            ("05-mrt-2024", Form::DayNameYear),
            ("05-Mar-2024", Form::DayNameYear),
        ];
        for (text, form) in cases {
            assert_eq!(
                date(text, form).map(|date| date.to_string()).as_deref(),
                Some("2024-03-05"),
                "{text}"
            );
        }
        for (text, form) in [
            ("31/02/2024", Form::DayMonthYear('/')),
            ("13/31/2024", Form::MonthDayYear),
            ("3/5/2024", Form::MonthDayYear),
            ("9999-01-01", Form::YearMonthDay),
            ("0024-01-01", Form::YearMonthDay),
            ("2024\u{e9}305", Form::Compact),
        ] {
            assert_eq!(date(text, form), None, "{text}");
        }
    }

    #[test]
    fn local_times_follow_the_clocks_of_their_zone() {
        let at = |day: &str, time: &str| {
            local(date(day, Form::YearMonthDay).unwrap(), time, "Europe/Amsterdam").map(|at| at.to_string())
        };
        assert_eq!(at("2022-12-15", "16:55").as_deref(), Some("2022-12-15T15:55:00Z"));
        assert_eq!(at("2022-08-15", "16:55:01.5").as_deref(), Some("2022-08-15T14:55:01.5Z"));
        for bad in ["", "25:00", "16", "1655", "16:55:", "16:5"] {
            assert_eq!(at("2022-12-15", bad), None, "{bad}");
        }
        assert!(utc("2024-04-18 18:09:12").is_none() && utc("2024-04-18T18:09:12.259Z").is_some());
    }
}
