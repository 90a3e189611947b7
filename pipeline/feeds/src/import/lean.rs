//! Files of the LEAN engine: zips with one CSV inside, without a header.

use std::io::{BufRead, Cursor, Read};

use evenkeel_schemas::events::{Event, EventType, FxRate, Tick};
use evenkeel_schemas::{Instant, Name, Pair, Price, Quantity, Rate, TradeDate};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::bars::{Closing, dated, emit_in_order};
use super::venue::{self, civil};
use super::{ImportError, Job, Venue};

/// Raw units of `Price` in the 1/10000 USD that LEAN counts equities in.
const RAW_PER_LEAN: i64 = Price::ONE / 10_000;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// The most text one zip may hold.
const MOST_TEXT_BYTES: u64 = 4 << 30;

/// The name and text of the one file in a zip.
pub(super) fn unzip(file: &str, mut input: impl Read) -> Result<(String, Vec<u8>), ImportError> {
    let bad = |reason: String| ImportError::Zip { file: file.to_owned(), reason };
    let io = |source| ImportError::Io { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(io)?;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| bad(error.to_string()))?;
    if archive.len() != 1 {
        return Err(bad(format!("it holds {} files", archive.len())));
    }
    let entry = archive.by_index(0).map_err(|error| bad(error.to_string()))?;
    let name = entry.name().map_err(|error| bad(error.to_string()))?.into_owned();
    let mut text = Vec::new();
    entry.take(MOST_TEXT_BYTES).read_to_end(&mut text).map_err(io)?;
    Ok((name, text))
}

/// What the name of a file inside a zip says: `20131007_bac_Trade_Tick.csv`.
fn parts(job: &Job<'_, '_>, name: &str) -> Result<(TradeDate, String), ImportError> {
    let mut parts = name.split('_');
    let date = parts.next().and_then(venue::date);
    let date = date.ok_or_else(|| {
        job.form(0, "name", format!("expected a name such as 20131007_spy_Trade_Tick.csv, got {name:?}"))
    })?;
    Ok((date, parts.next().unwrap_or("").to_ascii_uppercase()))
}

fn instrument(job: &Job<'_, '_>, ticker: &str) -> Result<Name, ImportError> {
    match &job.options.instrument {
        Some(given) => Ok(given.clone()),
        None => Name::new(ticker).map_err(|error| job.form(0, "name", error.to_string())),
    }
}

fn rows(input: impl BufRead) -> csv::StringRecordsIntoIter<impl BufRead> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input).into_records()
}

/// Daily bars of one instrument, unadjusted.
pub(super) fn daily(job: &mut Job<'_, '_>, name: &str, input: impl BufRead) -> Result<(), ImportError> {
    let ticker = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".csv").to_ascii_uppercase();
    let instrument = instrument(job, &ticker)?;
    let venue = job.options.venue.unwrap_or(Venue::NewYork);
    let mut closings = Vec::new();
    for record in rows(input) {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != 6 {
            job.skip(
                line,
                "row",
                format!("expected date,open,high,low,close,volume, got {} cells", row.len()),
            );
            continue;
        }
        let Some(date) = dated(job, line, row[0].split(' ').next().unwrap_or("")) else { continue };
        let (high, low, close) = (counted(&row[2]), counted(&row[3]), counted(&row[4]));
        let (Some(high), Some(low), Some(price)) = (high, low, close) else {
            job.skip(line, "close", format!("expected whole numbers of 1/10000 above 0, got {}", &row[4]));
            continue;
        };
        if !(low..=high).contains(&price) {
            job.skip(
                line,
                "close",
                format!("expected a close between low {low} and high {high}, got {price}"),
            );
        } else if job.options.takes(date) {
            closings.push(Closing { line, date, instrument: instrument.clone(), venue, price });
        }
    }
    emit_in_order(job, closings)
}

/// Trades of one instrument and day; times are New York's wall clock.
pub(super) fn trades(job: &mut Job<'_, '_>, name: &str, input: impl BufRead) -> Result<(), ImportError> {
    let (date, ticker) = parts(job, name)?;
    let instrument = instrument(job, &ticker)?;
    if !job.options.takes(date) {
        return Ok(());
    }
    let venue = job.options.venue.unwrap_or(Venue::NewYork);
    let clock = Clock { zone: venue.zone(), date: civil(date) };
    let mut latest = Instant::from_micros(i64::MIN);
    for record in rows(input) {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        let Some((at, price, volume)) = trade(job, line, &row, &clock) else { continue };
        if at < latest {
            job.skip(line, "ms", "expected times that do not go back");
            continue;
        }
        latest = at;
        job.priced(line, at, venue, &instrument, price)?;
        let (event_type, id, recorded, bid, ask) = (EventType::Tick, None, None, None, None);
        let (instrument, volume) = (instrument.clone(), Some(volume));
        job.emit(Event::Tick(Box::new(Tick {
            event_type,
            at,
            id,
            recorded,
            instrument,
            price,
            bid,
            ask,
            volume,
        })))?;
    }
    Ok(())
}

fn trade(
    job: &mut Job<'_, '_>,
    line: u64,
    row: &csv::StringRecord,
    clock: &Clock,
) -> Option<(Instant, Price, Quantity)> {
    if row.len() != 6 {
        let expected = "expected ms,price,quantity,exchange,condition,suspicious";
        job.skip(line, "row", format!("{expected}, got {} cells", row.len()));
        return None;
    }
    let Some(at) = clock.at(&row[0]) else {
        job.skip(line, "ms", format!("expected milliseconds since midnight, got {:?}", &row[0]));
        return None;
    };
    let Some(price) = counted(&row[1]) else {
        job.skip(line, "price", format!("expected a whole number of 1/10000 above 0, got {:?}", &row[1]));
        return None;
    };
    let Some(volume) = row[2].parse::<Quantity>().ok().filter(|volume| *volume >= Quantity::ZERO) else {
        job.skip(line, "quantity", format!("expected units traded, got {:?}", &row[2]));
        return None;
    };
    if &row[5] != "0" {
        job.skip(
            line,
            "suspicious",
            format!("expected 0, got {:?}: the source itself doubts the trade", &row[5]),
        );
        return None;
    }
    Some((at, price, volume))
}

/// Quotes of one pair and day; times are UTC. The rate is the middle of bid and ask.
pub(super) fn quotes(job: &mut Job<'_, '_>, name: &str, input: impl BufRead) -> Result<(), ImportError> {
    let (date, code) = parts(job, name)?;
    let pair = code.get(..3).zip(code.get(3..)).map(|(base, quote)| format!("{base}/{quote}"));
    let pair: Option<Pair> = pair.and_then(|text| text.parse().ok());
    let pair =
        pair.ok_or_else(|| job.form(0, "name", format!("expected a pair such as nzdusd, got {code:?}")))?;
    if !job.options.takes(date) {
        return Ok(());
    }
    let clock = Clock { zone: TimeZone::UTC, date: civil(date) };
    for record in rows(input) {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != 3 {
            job.skip(line, "row", format!("expected ms,bid,ask, got {} cells", row.len()));
            continue;
        }
        let Some(at) = clock.at(&row[0]) else {
            job.skip(line, "ms", format!("expected milliseconds since midnight, got {:?}", &row[0]));
            continue;
        };
        let side = |text: &str| text.parse::<Rate>().ok().filter(|rate| *rate > Rate::ZERO);
        let Some((bid, ask)) = side(&row[1]).zip(side(&row[2])).filter(|(bid, ask)| bid <= ask) else {
            let got = format!("{:?} and {:?}", &row[1], &row[2]);
            job.skip(line, "bid", format!("expected a bid above 0 and an ask not below it, got {got}"));
            continue;
        };
        let rate = Rate::from_raw(bid.raw() + (ask.raw() - bid.raw()) / 2);
        let (event_type, id, recorded) = (EventType::FxRate, None, None);
        job.emit(Event::FxRate(Box::new(FxRate { event_type, at, id, recorded, pair, rate })))?;
    }
    Ok(())
}

/// A whole number of 1/10000 above zero.
fn counted(text: &str) -> Option<Price> {
    let count = text.trim().parse::<i64>().ok().filter(|count| *count > 0)?;
    count.checked_mul(RAW_PER_LEAN).map(Price::from_raw)
}

/// A day's wall clock.
struct Clock {
    zone: TimeZone,
    date: Date,
}

impl Clock {
    /// Milliseconds since midnight on the wall clock, as UTC.
    fn at(&self, text: &str) -> Option<Instant> {
        let millis = text.trim().parse::<i64>().ok().filter(|ms| (0..MILLIS_PER_DAY).contains(ms))?;
        let (seconds, rest) = (millis / 1_000, millis % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let time = Time::new(hour as i8, minute as i8, second as i8, (rest * 1_000_000) as i32).ok()?;
        venue::to_utc(&self.zone, self.date, time)
    }
}
