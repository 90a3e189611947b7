//! A market as text of TOML, and the checks that it has to pass.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{Currency, Money, Name, TimeError, TradeDate};
use jiff::civil::Time;
use serde::Deserialize;
use toml::Spanned;

use crate::days::{Days, day_number, is_weekday};
use crate::error::CalendarError;
use crate::market::{Market, Session};

/// The longest settlement lag that makes sense; older markets had accounts of two weeks.
const LAG_MAX: u32 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketText {
    mic: Spanned<Name>,
    #[serde(default)]
    also: Vec<Spanned<Name>>,
    name: String,
    currency: Currency,
    #[serde(default)]
    home: bool,
    time_zone: Spanned<String>,
    from: TradeDate,
    to: Spanned<TradeDate>,
    // Dates in lists are parsed here, not by toml, which names the line of the list only.
    closed: Vec<Spanned<String>>,
    no_settlement: Vec<Spanned<String>>,
    settles: Vec<Spanned<String>>,
    settlement: Vec<Spanned<Lag>>,
    session: Vec<Spanned<Hours>>,
    #[serde(default)]
    early_closes: Vec<EarlyCloses>,
    #[serde(default)]
    first_parcel: Vec<Spanned<FirstParcel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lag {
    from: TradeDate,
    days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: TradeDate,
    open: Time,
    close: Time,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlyCloses {
    close: Time,
    days: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstParcel {
    from: TradeDate,
    minimum: Money,
}

/// What is read at the moment, for messages.
struct Reader<'t> {
    name: &'t str,
    text: &'t str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn wrong(&self, at: usize, field: &'static str, problem: String) -> CalendarError {
        CalendarError::Text { source_name: format!("{} line {}", self.name, self.line(at)), field, problem }
    }

    /// Sorted, each once, within the market's days, no weekend; as plain dates.
    fn days(
        &self,
        field: &'static str,
        days: &[Spanned<String>],
        span: (TradeDate, TradeDate),
    ) -> Result<Vec<TradeDate>, CalendarError> {
        let mut out: Vec<TradeDate> = Vec::with_capacity(days.len());
        for day in days {
            let wrong = |problem| self.wrong(day.span().start, field, problem);
            let date: TradeDate =
                day.get_ref().parse().map_err(|error: TimeError| wrong(error.to_string()))?;
            if !(span.0..=span.1).contains(&date) {
                return Err(wrong(format!("{date} is not within {} to {}", span.0, span.1)));
            }
            if !is_weekday(day_number(date)) {
                return Err(wrong(format!("{date} is no weekday")));
            }
            match out.last() {
                Some(before) if *before == date => return Err(wrong(format!("{date} is there twice"))),
                Some(before) if *before > date => {
                    return Err(wrong(format!("unsorted: {date} comes after {before}")));
                }
                _ => out.push(date),
            }
        }
        Ok(out)
    }

    /// What holds from a date on, until the next: sorted, each valid, the first in force when the market's
    /// days begin if it must be.
    fn dated<T, U>(
        &self,
        field: &'static str,
        entries: Vec<Spanned<T>>,
        begin: Option<TradeDate>,
        take: impl Fn(T) -> (TradeDate, Result<U, String>),
    ) -> Result<Vec<(TradeDate, U)>, CalendarError> {
        let mut out: Vec<(TradeDate, U)> = Vec::new();
        for entry in entries {
            let at = entry.span().start;
            let (from, taken) = take(entry.into_inner());
            if let Some((before, _)) = out.last().filter(|(before, _)| *before >= from) {
                return Err(self.wrong(at, field, format!("unsorted: {from} comes after {before}")));
            }
            out.push((from, taken.map_err(|problem| self.wrong(at, field, problem))?));
        }
        match (begin, out.first()) {
            (Some(begin), None) => Err(self.wrong(0, field, format!("expected one from {begin} on"))),
            (Some(begin), Some((from, _))) if *from > begin => {
                Err(self.wrong(0, field, format!("a gap: expected the first from {begin} on, got {from}")))
            }
            _ => Ok(out),
        }
    }

    /// A market identifier code: four letters or digits (ISO 10383).
    fn mic(&self, field: &'static str, mic: Spanned<Name>) -> Result<Name, CalendarError> {
        let at = mic.span().start;
        let mic = mic.into_inner();
        let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if mic.as_str().len() == 4 && mic.as_str().bytes().all(fits) {
            return Ok(mic);
        }
        Err(self.wrong(at, field, format!("expected four capital letters or digits (ISO 10383), got {mic}")))
    }
}

/// The market that a text describes; `name` is for messages.
pub(crate) fn read(name: &str, text: &str) -> Result<Market, CalendarError> {
    let reader = Reader { name, text };
    let raw: MarketText = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.wrong(at, "text", error.message().to_owned())
    })?;
    let span = (raw.from, *raw.to.get_ref());
    if span.0 > span.1 {
        let problem = format!("{} is before from, {}", span.1, span.0);
        return Err(reader.wrong(raw.to.span().start, "to", problem));
    }
    let zone = raw.time_zone.get_ref();
    if !zone.contains('/') || zone.contains(char::is_whitespace) {
        let problem = format!("expected a name such as Australia/Sydney (IANA), got {zone:?}");
        return Err(reader.wrong(raw.time_zone.span().start, "time_zone", problem));
    }
    let (closed, days) = business_days(&reader, &raw, span)?;
    let lags = reader.dated("settlement", raw.settlement, Some(span.0), |lag| {
        let fits = (1..=LAG_MAX).contains(&lag.days);
        let days =
            if fits { Ok(lag.days) } else { Err(format!("expected 1 to {LAG_MAX} days, got {}", lag.days)) };
        (lag.from, days)
    })?;
    let sessions = reader.dated("session", raw.session, Some(span.0), |hours| {
        let session = Session { open: hours.open, close: hours.close };
        let order = format!("close at {} is not after open at {}", hours.close, hours.open);
        (hours.from, if hours.open < hours.close { Ok(session) } else { Err(order) })
    })?;
    let first_parcels = reader.dated("first_parcel", raw.first_parcel, None, |parcel| {
        let positive = parcel.minimum > Money::ZERO;
        let order = format!("expected a minimum above 0, got {}", parcel.minimum);
        (parcel.from, if positive { Ok(parcel.minimum) } else { Err(order) })
    })?;
    let also = raw.also.into_iter().map(|mic| reader.mic("also", mic)).collect::<Result<Vec<_>, _>>()?;
    let market = Market {
        mic: reader.mic("mic", raw.mic)?,
        also,
        name: raw.name,
        currency: Some(raw.currency),
        home: raw.home,
        time_zone: raw.time_zone.into_inner(),
        span: Some(span),
        days,
        closed,
        lags,
        sessions,
        early_closes: Vec::new(),
        first_parcels,
    };
    with_early_closes(&reader, market, span, raw.early_closes)
}

/// The days without trading, and the business days.
fn business_days(
    reader: &Reader,
    raw: &MarketText,
    span: (TradeDate, TradeDate),
) -> Result<(Vec<TradeDate>, Days), CalendarError> {
    let closed = reader.days("closed", &raw.closed, span)?;
    let no_settlement = reader.days("no_settlement", &raw.no_settlement, span)?;
    let settles = reader.days("settles", &raw.settles, span)?;
    let shut: BTreeSet<TradeDate> = closed.iter().copied().collect();
    for (day, date) in raw.no_settlement.iter().zip(&no_settlement) {
        if shut.contains(date) {
            let problem = format!("{date} is in closed already");
            return Err(reader.wrong(day.span().start, "no_settlement", problem));
        }
    }
    for (day, date) in raw.settles.iter().zip(&settles) {
        if !shut.contains(date) {
            return Err(reader.wrong(day.span().start, "settles", format!("{date} is not in closed")));
        }
    }
    let without: BTreeSet<TradeDate> =
        shut.into_iter().filter(|day| !settles.contains(day)).chain(no_settlement).collect();
    let days = Days::listed(day_number(span.0), day_number(span.1), |day| {
        is_weekday(day_number(day)) && !without.contains(&day)
    });
    Ok((closed, days))
}

/// The market with its early closes: on trading days, within their regular session.
fn with_early_closes(
    reader: &Reader,
    mut market: Market,
    span: (TradeDate, TradeDate),
    groups: Vec<EarlyCloses>,
) -> Result<Market, CalendarError> {
    // The market has none yet: its sessions are the regular ones.
    let mut early: BTreeMap<TradeDate, Time> = BTreeMap::new();
    for group in groups {
        for (day, date) in group.days.iter().zip(reader.days("early_closes", &group.days, span)?) {
            let problem = match market.session(date)? {
                None => format!("{date} is in closed"),
                Some(regular) if group.close <= regular.open || group.close >= regular.close => {
                    format!("{} is not between {} and {}", group.close, regular.open, regular.close)
                }
                Some(_) if early.insert(date, group.close).is_some() => format!("{date} is there twice"),
                Some(_) => continue,
            };
            return Err(reader.wrong(day.span().start, "early_closes", problem));
        }
    }
    market.early_closes = early.into_iter().collect();
    Ok(market)
}
