//! Monthly exchange rates: `Date,Country,Exchange rate`, units of the country's currency for one USD.

use std::io::BufRead;

use evenkeel_schemas::events::{Event, EventType, FxRate};
use evenkeel_schemas::{Instant, Pair, Rate, TradeDate};
use jiff::ToSpan;

use super::bars::dated;
use super::venue::civil;
use super::{ImportError, Job};

/// Countries by the name the file gives them.
const COUNTRIES: [(&str, &str); 16] = [
    ("Australia", "AUD"),
    ("Brazil", "BRL"),
    ("Canada", "CAD"),
    ("China", "CNY"),
    ("Denmark", "DKK"),
    ("Euro", "EUR"),
    ("Hong Kong", "HKD"),
    ("India", "INR"),
    ("Japan", "JPY"),
    ("New Zealand", "NZD"),
    ("Norway", "NOK"),
    ("Singapore", "SGD"),
    ("South Africa", "ZAR"),
    ("Sweden", "SEK"),
    ("Switzerland", "CHF"),
    ("United Kingdom", "GBP"),
];

/// Rates in order of time; a month's average is effective at the first instant of the next month.
pub(super) fn monthly(job: &mut Job<'_, '_>, input: impl BufRead) -> Result<(), ImportError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().map_err(|error| job.form(1, "header", error.to_string()))?.clone();
    if header.len() != 3 {
        return Err(job.form(1, "header", "expected Date,Country,Exchange rate"));
    }
    let mut rates = Vec::new();
    for record in reader.into_records() {
        let Some(row) = job.row(record)? else { continue };
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != 3 {
            job.skip(line, "row", format!("expected date,country,rate, got {} cells", row.len()));
            continue;
        }
        let Some(date) = dated(job, line, &row[0]) else { continue };
        let Some(pair) = pair_of(row[1].trim()) else {
            job.skip(
                line,
                "Country",
                format!("expected a country whose currency is known, got {:?}", &row[1]),
            );
            continue;
        };
        let Some(rate) = row[2].trim().parse::<Rate>().ok().filter(|rate| *rate > Rate::ZERO) else {
            job.skip(line, "Exchange rate", format!("expected a rate above 0, got {:?}", &row[2]));
            continue;
        };
        if job.options.takes(date) {
            rates.push((end_of_month(date), pair, rate));
        }
    }
    rates.sort();
    for (at, pair, rate) in rates {
        let (event_type, id, recorded) = (EventType::FxRate, None, None);
        job.emit(Event::FxRate(Box::new(FxRate { event_type, at, id, recorded, pair, rate })))?;
    }
    Ok(())
}

fn pair_of(country: &str) -> Option<Pair> {
    let (_, code) = COUNTRIES.iter().find(|(name, _)| *name == country)?;
    format!("USD/{code}").parse().ok()
}

fn end_of_month(date: TradeDate) -> Instant {
    let next = civil(date).first_of_month().checked_add(1.month());
    let start = next.ok().and_then(|first| first.to_string().parse::<TradeDate>().ok());
    start.map_or(date.start(), TradeDate::start)
}
