//! Daily bars and daily closes as CSV.

use std::collections::BTreeMap;
use std::io::BufRead;

use evenkeel_schemas::events::{Close, Event, EventType};
use evenkeel_schemas::{Instant, Name, Price, TradeDate, div_half_even};

use super::venue::date;
use super::{ImportError, Job, Venue};

/// A closing price with where it stands.
pub(super) struct Closing {
    pub line: u64,
    pub date: TradeDate,
    pub instrument: Name,
    pub venue: Venue,
    pub price: Price,
}

/// Columns of a file of bars.
struct Columns {
    date: usize,
    close: usize,
    low: Option<usize>,
    high: Option<usize>,
    ticker: Option<usize>,
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Option<Columns> {
        let named = |names: &[&str]| {
            header.iter().position(|column| {
                let column = column.trim().trim_start_matches('\u{feff}').to_ascii_lowercase();
                names.contains(&column.as_str())
            })
        };
        let (date, close) = (named(&["date"])?, named(&["close"])?);
        let ticker = named(&["ticker", "tick", "symbol"]);
        Some(Columns { date, close, low: named(&["low"]), high: named(&["high"]), ticker })
    }
}

/// A row for each instrument and day. Rows may stand in any order: events come in order of time.
pub(super) fn long(job: &mut Job<'_, '_>, name: &str, input: impl BufRead) -> Result<(), ImportError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().map_err(|error| job.form(1, "header", error.to_string()))?.clone();
    let expected = "expected columns Date and Close, and Open, High, Low, Volume, Ticker where there are any";
    let columns = Columns::find(&header).ok_or_else(|| job.form(1, "header", expected))?;
    let alone = job.options.instrument.clone().or_else(|| ticker_in(name));
    if columns.ticker.is_none() && alone.is_none() {
        let reason = "expected a column Ticker, a file named for its instrument, or --instrument";
        return Err(job.form(1, "Ticker", reason));
    }
    let mut closings = Vec::new();
    for record in reader.into_records() {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        let ticker = columns.ticker.and_then(|column| row.get(column)).map(str::trim);
        let instrument = match (&job.options.instrument, ticker, &alone) {
            (Some(given), ..) => given.clone(),
            (None, Some(text), _) => match Name::new(text) {
                Ok(name) => name,
                Err(error) => {
                    job.skip(line, "Ticker", error.to_string());
                    continue;
                }
            },
            (None, None, Some(alone)) => alone.clone(),
            (None, None, None) => continue,
        };
        let venue = job.options.venue.or(Venue::of_ticker(instrument.as_str())).unwrap_or(Venue::Asx);
        let field = |column: Option<usize>| column.and_then(|column| row.get(column)).unwrap_or("");
        let Some(date) = dated(job, line, field(Some(columns.date))) else { continue };
        let Some(price) = price(job, line, "Close", field(Some(columns.close)), venue) else { continue };
        if columns.low.is_some() && columns.high.is_some() {
            let low = self::price(job, line, "Low", field(columns.low), venue);
            let high = self::price(job, line, "High", field(columns.high), venue);
            let (Some(low), Some(high)) = (low, high) else { continue };
            if !(low..=high).contains(&price) {
                job.skip(
                    line,
                    "Close",
                    format!("expected a close between low {low} and high {high}, got {price}"),
                );
                continue;
            }
        }
        if job.options.takes(date) {
            closings.push(Closing { line, date, instrument, venue, price });
        }
    }
    emit_in_order(job, closings)
}

/// A column for each instrument; an empty cell is a day without a price.
pub(super) fn wide(job: &mut Job<'_, '_>, input: impl BufRead) -> Result<(), ImportError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().map_err(|error| job.form(1, "header", error.to_string()))?.clone();
    let mut instruments = Vec::new();
    for column in header.iter().skip(1) {
        let name = Name::new(column.trim()).map_err(|error| job.form(1, column, error.to_string()))?;
        instruments.push(name);
    }
    if let (Some(given), [only]) = (&job.options.instrument, instruments.as_mut_slice()) {
        *only = given.clone();
    }
    let mut closings = Vec::new();
    for record in reader.into_records() {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        let Some(date) = dated(job, line, row.get(0).unwrap_or("")) else { continue };
        if row.len() != instruments.len() + 1 {
            job.skip(line, "row", format!("expected {} cells, got {}", instruments.len() + 1, row.len()));
            continue;
        }
        for (instrument, cell) in instruments.iter().zip(row.iter().skip(1)) {
            if cell.trim().is_empty() || !job.options.takes(date) {
                continue;
            }
            let of_ticker = Venue::of_ticker(instrument.as_str());
            let venue = job.options.venue.or(of_ticker).unwrap_or(Venue::NewYork);
            if let Some(price) = price(job, line, instrument.as_str(), cell, venue) {
                closings.push(Closing { line, date, instrument: instrument.clone(), venue, price });
            }
        }
    }
    emit_in_order(job, closings)
}

/// Gives closes by time, then instrument. A second close of one day is skipped.
pub(super) fn emit_in_order(job: &mut Job<'_, '_>, closings: Vec<Closing>) -> Result<(), ImportError> {
    let mut in_order: BTreeMap<(Instant, Name), Closing> = BTreeMap::new();
    for closing in closings {
        let key = (closing.venue.close(closing.date), closing.instrument.clone());
        if in_order.contains_key(&key) {
            job.skip(closing.line, "Date", format!("expected one row for {} on {}", key.1, closing.date));
            continue;
        }
        in_order.insert(key, closing);
    }
    for ((at, instrument), Closing { line, date, venue, price, .. }) in in_order {
        job.priced(line, at, venue, &instrument, price)?;
        let (event_type, id, recorded) = (EventType::Close, None, None);
        job.emit(Event::Close(Box::new(Close { event_type, at, id, recorded, instrument, price, date })))?;
    }
    Ok(())
}

pub(super) fn dated(job: &mut Job<'_, '_>, line: u64, text: &str) -> Option<TradeDate> {
    let found = date(text);
    if found.is_none() {
        job.skip(line, "Date", format!("expected a date such as 20131007 or 2013-10-07, got {text:?}"));
    }
    found
}

/// A price above zero, divided as the venue prints it; rounded half-even where a float was printed.
pub(super) fn price(
    job: &mut Job<'_, '_>,
    line: u64,
    field: &str,
    text: &str,
    venue: Venue,
) -> Option<Price> {
    let text = text.trim();
    // Floats are printed with up to 18 decimals; the first twelve are more than any price has.
    let shown = match text.split_once('.') {
        Some((whole, fraction)) if fraction.len() > 12 => &text[..whole.len() + 13],
        _ => text,
    };
    let Some(raw) = scaled(shown) else {
        job.skip(line, field, format!("expected a price such as 12.50, got {text:?}"));
        return None;
    };
    let per_unit = 1_000_000 * i128::from(venue.divisor());
    let price = Price::from_wide(div_half_even(raw, per_unit)).filter(|price| *price > Price::ZERO);
    if price.is_none() {
        job.skip(
            line,
            field,
            format!("expected a price above 0 and below 9.2 million million, got {text:?}"),
        );
    }
    if price.is_some() && raw % per_unit != 0 {
        job.report.rounded += 1;
    }
    price
}

/// `-?digits(.digits)?` with up to twelve decimals, in units of 10⁻¹².
fn scaled(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 15 || fraction.len() > 12 {
        return None;
    }
    let raw = format!("{whole}{fraction:0<12}").parse::<i128>().ok()?;
    Some(if negative { -raw } else { raw })
}

/// `CBA` of `jrandj_CBA.csv` or `CBA.csv`: what stands after the last underscore, if it is capital.
fn ticker_in(name: &str) -> Option<Name> {
    let stem = name.rsplit('/').next()?.strip_suffix(".csv")?;
    let last = stem.rsplit('_').next()?;
    let capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.';
    if last.len() > 6 || !last.bytes().all(capital) {
        return None;
    }
    Name::new(last).ok()
}
