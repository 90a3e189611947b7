//! Where instruments trade: currency, price step and the end of the session.

use evenkeel_schemas::{Currency, Instant, TradeDate};
use jiff::civil::{Date, Time, time};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// An exchange.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Venue {
    /// The ASX in Sydney. Its closing single price auction is at 16:10.
    Asx,
    /// New York (NYSE, Nasdaq, Arca). The session ends at 16:00.
    NewYork,
    /// The London Stock Exchange. Continuous trading ends at 16:30. Prices are in pence.
    London,
}

impl Venue {
    /// The word for it on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Venue::Asx => "asx",
            Venue::NewYork => "new-york",
            Venue::London => "london",
        }
    }

    /// The currency of its prices.
    pub fn currency(self) -> Currency {
        let code = match self {
            Venue::Asx => "AUD",
            Venue::NewYork => "USD",
            Venue::London => "GBP",
        };
        code.parse().unwrap_or(Currency::AUD)
    }

    /// The venue of a ticker with an ending such as `.L` or `.AX`.
    pub(super) fn of_ticker(ticker: &str) -> Option<Venue> {
        if ticker.ends_with(".L") {
            return Some(Venue::London);
        }
        ticker.ends_with(".AX").then_some(Venue::Asx)
    }

    /// By how much its printed prices are divided: London prints pence.
    pub(super) fn divisor(self) -> i64 {
        if self == Venue::London { 100 } else { 1 }
    }

    pub(super) fn region(self) -> &'static str {
        match self {
            Venue::Asx => "AU",
            Venue::NewYork => "US",
            Venue::London => "GB",
        }
    }

    /// The price step of most of what trades there, in raw units of `Price`.
    pub(super) fn tick_size(self) -> i64 {
        if self == Venue::London { 1_000 } else { 10_000 }
    }

    fn zone_name(self) -> &'static str {
        match self {
            Venue::Asx => "Australia/Sydney",
            Venue::NewYork => "America/New_York",
            Venue::London => "Europe/London",
        }
    }

    /// Its time zone, from the rules compiled in: what the machine has installed does not matter.
    pub(super) fn zone(self) -> TimeZone {
        let found = TimeZoneDatabase::bundled().get(self.zone_name());
        found.expect("the compiled-in rules hold the zones of all venues")
    }

    /// The end of the session of a date, UTC. Half days are not known here: they end as full days do.
    pub fn close(self, date: TradeDate) -> Instant {
        let local = match self {
            Venue::Asx => time(16, 10, 0, 0),
            Venue::NewYork => time(16, 0, 0, 0),
            Venue::London => time(16, 30, 0, 0),
        };
        to_utc(&self.zone(), civil(date), local).unwrap_or(date.start())
    }
}

impl std::str::FromStr for Venue {
    type Err = String;
    fn from_str(text: &str) -> Result<Venue, String> {
        let all = [Venue::Asx, Venue::NewYork, Venue::London];
        let found = all.into_iter().find(|venue| venue.as_str() == text);
        found.ok_or_else(|| format!("expected a venue, one of asx, new-york, london, got {text:?}"))
    }
}

/// The calendar date of a trade date.
pub(super) fn civil(date: TradeDate) -> Date {
    let micros = date.start().micros();
    let timestamp = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    timestamp.to_zoned(TimeZone::UTC).date()
}

/// A wall-clock time of a zone as UTC; `None` outside the years that exist.
pub(super) fn to_utc(zone: &TimeZone, date: Date, local: Time) -> Option<Instant> {
    let zoned = date.to_datetime(local).to_zoned(zone.clone()).ok()?;
    Some(Instant::from_micros(zoned.timestamp().as_microsecond()))
}

/// A date written `20131007` or `2013-10-07`.
pub(super) fn date(text: &str) -> Option<TradeDate> {
    let text = text.trim();
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]).parse().ok();
    }
    text.parse().ok()
}
