//! One market: when it trades, which days settle, how long settlement takes.

use evenkeel_schemas::{Currency, Money, Name, TradeDate};
use jiff::civil::Time;

use crate::days::{Days, day_number};
use crate::error::CalendarError;

/// When a trade settles.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Settled {
    /// The day of settlement, never before the day of the trade.
    pub date: TradeDate,
    /// Whether the market's lists cover all days from the trade to its settlement. If not, weekdays were
    /// taken for business days where the lists end, and the date may be too early.
    pub by_calendar: bool,
}

/// Regular trading hours of a day, in the market's local time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session {
    /// Start of normal or continuous trading.
    pub open: Time,
    /// Its end, before a closing auction.
    pub close: Time,
}

/// A market's calendar and rules, each with the dates between which it holds.
///
/// A *trading day* has a session. A *business day* is one on which trades settle, and the only kind that
/// settlement counts (ASX Settlement Operating Rules; NASD Notice to Members 99-83). Most days are both or
/// neither; banks' holidays make the difference.
#[derive(Clone, Debug)]
pub struct Market {
    pub(crate) mic: Name,
    pub(crate) also: Vec<Name>,
    pub(crate) name: String,
    pub(crate) currency: Option<Currency>,
    pub(crate) home: bool,
    pub(crate) time_zone: String,
    /// First and last day of the lists.
    pub(crate) span: Option<(TradeDate, TradeDate)>,
    pub(crate) days: Days,
    /// Weekdays without trading, sorted.
    pub(crate) closed: Vec<TradeDate>,
    /// Each with its first day, sorted.
    pub(crate) lags: Vec<(TradeDate, u32)>,
    pub(crate) sessions: Vec<(TradeDate, Session)>,
    pub(crate) early_closes: Vec<(TradeDate, Time)>,
    pub(crate) first_parcels: Vec<(TradeDate, Money)>,
}

/// What is in force on a day: the last entry that begins on or before it.
fn in_force<T: Copy>(entries: &[(TradeDate, T)], date: TradeDate) -> Option<T> {
    entries.iter().rev().find(|(from, _)| *from <= date).map(|(_, value)| *value)
}

impl Market {
    /// A market of which nothing is known: every weekday is taken for a business day, and trades settle `lag`
    /// days later. All its settlement dates are marked as not by calendar; what needs lists is an error.
    pub fn weekdays(mic: Name, lag: u32) -> Market {
        Market {
            name: mic.as_str().to_owned(),
            mic,
            also: Vec::new(),
            currency: None,
            home: false,
            time_zone: "Etc/UTC".to_owned(),
            span: None,
            days: Days::weekdays(),
            closed: Vec::new(),
            lags: vec![(crate::days::date_of(i64::from(i32::MIN)), lag)],
            sessions: Vec::new(),
            early_closes: Vec::new(),
            first_parcels: Vec::new(),
        }
    }

    /// Its market identifier code (ISO 10383).
    pub fn mic(&self) -> &Name {
        &self.mic
    }

    /// Codes of other markets that keep the same calendar.
    pub fn also(&self) -> &[Name] {
        &self.also
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The currency it trades and settles in; none for [`Market::weekdays`].
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// Its time zone's name (IANA), UTC for [`Market::weekdays`].
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// First and last day that its lists cover; none for [`Market::weekdays`].
    pub fn covered(&self) -> Option<(TradeDate, TradeDate)> {
        self.span
    }

    /// Whether trades settle on a day.
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] for a day that the lists do not cover.
    pub fn is_business_day(&self, date: TradeDate) -> Result<bool, CalendarError> {
        self.within(date)?;
        Ok(self.days.is_business_day(day_number(date)))
    }

    /// Whether there is a session on a day.
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] for a day that the lists do not cover.
    pub fn is_trading_day(&self, date: TradeDate) -> Result<bool, CalendarError> {
        self.within(date)?;
        Ok(crate::days::is_weekday(day_number(date)) && self.closed.binary_search(&date).is_err())
    }

    /// The hours of a day, early closes included; none where it is no trading day.
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] for a day that the lists do not cover.
    pub fn session(&self, date: TradeDate) -> Result<Option<Session>, CalendarError> {
        if !self.is_trading_day(date)? {
            return Ok(None);
        }
        let early = self.early_closes.binary_search_by_key(&date, |(day, _)| *day);
        let early = early.ok().and_then(|at| self.early_closes.get(at)).map(|(_, close)| *close);
        let regular = in_force(&self.sessions, date);
        Ok(regular.map(|session| Session { close: early.unwrap_or(session.close), ..session }))
    }

    /// The business day after a date.
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] where the lists do not cover both.
    pub fn next_business_day(&self, date: TradeDate) -> Result<TradeDate, CalendarError> {
        self.add_business_days(date, 1)
    }

    /// The date itself if it is a business day, else the next one (ISDA: Following).
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] where the lists do not cover both.
    pub fn business_day_from(&self, date: TradeDate) -> Result<TradeDate, CalendarError> {
        if self.is_business_day(date)? { Ok(date) } else { self.next_business_day(date) }
    }

    /// The `count`-th business day after a date, before it for a negative `count`; the date itself, whatever
    /// day it is, for 0. So `count`s of one sign add up from any date, and of both signs from a business day.
    ///
    /// # Errors
    /// [`CalendarError::Beyond`] where the lists do not cover both dates.
    pub fn add_business_days(&self, date: TradeDate, count: i32) -> Result<TradeDate, CalendarError> {
        match self.days.add(date, i64::from(count)) {
            (to, true) => Ok(to),
            (_, false) => Err(self.beyond(date)),
        }
    }

    /// When a trade settles: [`Market::settlement_lag`] business days after it. Total: where the lists end,
    /// weekdays are counted, and the answer says so.
    pub fn settlement_date(&self, trade_date: TradeDate) -> Settled {
        self.settlement_in(trade_date, self.settlement_lag(trade_date))
    }

    /// The same with a lag of its own, as agreed for one trade. Dates end with 2199: so do settlements, and a
    /// trade beyond settles at once.
    pub fn settlement_in(&self, trade_date: TradeDate, lag: u32) -> Settled {
        let (date, by_calendar) = self.days.add(trade_date, i64::from(lag));
        Settled { date: date.max(trade_date), by_calendar }
    }

    /// Business days between a trade and its settlement; before the first rule known, that rule's.
    pub fn settlement_lag(&self, trade_date: TradeDate) -> u32 {
        let first = self.lags.first().map_or(0, |(_, lag)| *lag);
        in_force(&self.lags, trade_date).unwrap_or(first)
    }

    /// The least that a first purchase of a security is worth, in the market's currency; none where any
    /// purchase will do.
    pub fn first_parcel_min(&self, date: TradeDate) -> Option<Money> {
        in_force(&self.first_parcels, date)
    }

    fn within(&self, date: TradeDate) -> Result<(), CalendarError> {
        if self.days.covers(day_number(date)) { Ok(()) } else { Err(self.beyond(date)) }
    }

    fn beyond(&self, date: TradeDate) -> CalendarError {
        let covered = self.span.map_or_else(|| "no day".to_owned(), |(from, to)| format!("{from} to {to}"));
        CalendarError::Beyond { market: self.mic.clone(), date, covered }
    }
}
