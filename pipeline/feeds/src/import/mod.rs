//! Files of real market data and exports of brokers as events.
//!
//! | format | file | gives |
//! |---|---|---|
//! | [`Format::Bars`] | CSV `Date,Open,High,Low,Close,Volume[,Ticker]`, columns in any order | `close` |
//! | [`Format::Wide`] | CSV `Date,A,B,C…`: a column of closing prices for each instrument | `close` |
//! | [`Format::LeanDaily`] | LEAN zip: `yyyymmdd hh:mm,open,high,low,close,volume`, 1/10000 USD | `close` |
//! | [`Format::LeanTrades`] | LEAN zip: `ms,price,quantity,exchange,condition,suspicious`, 1/10000 USD | `tick` |
//! | [`Format::LeanQuotes`] | LEAN forex zip: `ms,bid,ask`, UTC | `fx_rate`, the middle |
//! | [`Format::MonthlyRates`] | CSV `Date,Country,Exchange rate`: units for one USD, monthly averages | `fx_rate` |
//! | [`Format::Account`] | CSV as one of the [`Broker`]s exports it | `fill`, `deposit`, `cash_posted`, … |
//!
//! Every instrument is listed before its first price. A row that is not what its format says, or whose
//! price is not above zero or lies outside the bar's own low and high, is skipped and told in the
//! [`Report`]; nothing is guessed. A price with more than six decimals is the image of a float: it is
//! rounded half-even to six and counted. A price that is three times the one before, or a third of it, is
//! kept and told as suspect.
//!
//! A close is effective at the end of the exchange's session ([`Venue::close`]); a monthly average at the
//! end of its month, for it is not known before.

mod bars;
mod broker;
mod detect;
mod lean;
mod rates;
mod report;
mod venue;

use std::io::{self, BufRead, Read};
use std::path::Path;

use evenkeel_schemas::events::{CashKind, Event, EventType, InstrumentKind, InstrumentListed, Side};
use evenkeel_schemas::{Currency, Instant, Name, Price, Quantity, TradeDate};

pub use broker::{Broker, Symbols, kind_of};
pub use detect::Format;
pub use report::{Problem, Report};
pub use venue::Venue;

/// The largest zip file read, in bytes: it is held in memory.
const MOST_ZIP_BYTES: u64 = 1 << 30;

/// What the caller knows better than the file.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The format; else it is told from the file's name and header.
    pub format: Option<Format>,
    /// The instrument of a file that holds one; else the file or its name says it.
    pub instrument: Option<Name>,
    /// What prices are in; else the venue's currency.
    pub currency: Option<Currency>,
    /// Where it trades; else the format and the ticker's ending say it.
    pub venue: Option<Venue>,
    /// First date taken.
    pub from: Option<TradeDate>,
    /// Last date taken.
    pub to: Option<TradeDate>,
    /// Whose account a broker's export is.
    pub customer: Option<Name>,
    /// What the customer's portfolio is valued in; else the only currency of the account.
    pub base_currency: Option<Currency>,
    /// What a broker's instruments are, where symbols do not say it; else stocks.
    pub kind: Option<InstrumentKind>,
    /// Tickers of instruments that a broker names otherwise.
    pub symbols: Symbols,
}

impl ImportOptions {
    fn takes(&self, date: TradeDate) -> bool {
        self.from.is_none_or(|from| date >= from) && self.to.is_none_or(|to| date <= to)
    }
}

/// Why a file gives no events at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Reading the file or handing an event on failed.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What happened.
        source: io::Error,
    },
    /// Not a readable zip file.
    #[error("{file}: expected a zip file with one CSV file inside: {reason}")]
    Zip {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither name nor header belong to a known format.
    #[error(
        "{file}: expected a header such as Date,Open,High,Low,Close,Volume or Date,TICKER…, a LEAN zip or a \
        broker's export, got {header:?}; --format says which it is ({})",
        Format::names()
    )]
    Unknown {
        /// The file.
        file: String,
        /// Its first line, shortened.
        header: String,
    },
    /// The format needs something that is not there.
    #[error("{file}, line {line}, {field}: {expected}")]
    Form {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The column or the part of the name.
        field: String,
        /// What was expected there.
        expected: String,
    },
}

/// Where events go.
pub type Sink<'a> = dyn FnMut(Event) -> io::Result<()> + 'a;

/// Imports a file by its path.
///
/// # Errors
/// See [`import`].
pub fn import_file(
    path: &Path,
    options: &ImportOptions,
    out: &mut Sink<'_>,
    report: &mut Report,
) -> Result<(), ImportError> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let file = std::fs::File::open(path)
        .map_err(|source| ImportError::Io { file: path.display().to_string(), source })?;
    import(&name, file, options, out, report)
}

/// Imports what `input` gives; `file` is its name, which may say format, instrument and date.
/// Gzip is recognised by its first bytes.
///
/// # Errors
/// When the file as a whole cannot be read as its format. Bad rows are not errors: they are in `report`.
pub fn import(
    file: &str,
    input: impl Read,
    options: &ImportOptions,
    out: &mut Sink<'_>,
    report: &mut Report,
) -> Result<(), ImportError> {
    let mut listing = Listing::default();
    let mut job = Job { file, options, out, report, listing: &mut listing };
    let mut input = io::BufReader::with_capacity(1 << 16, input);
    let start = input.fill_buf().map_err(|source| job.io(source))?;
    if start.starts_with(b"PK\x03\x04") {
        let (entry, text) = lean::unzip(file, input.take(MOST_ZIP_BYTES))?;
        return job.text(&entry, io::Cursor::new(text));
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        let name = file.strip_suffix(".gz").unwrap_or(file);
        return job.text(name, io::BufReader::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    job.text(file, input)
}

/// One file on its way through.
struct Job<'a, 'o> {
    file: &'a str,
    options: &'a ImportOptions,
    out: &'a mut Sink<'o>,
    report: &'a mut Report,
    listing: &'a mut Listing,
}

/// What has been listed, and the price before.
#[derive(Default)]
struct Listing(std::collections::BTreeMap<Name, Price>);

impl Job<'_, '_> {
    /// Reads text whose name inside the zip, or outside without `.gz`, is `name`.
    fn text(&mut self, name: &str, mut input: impl BufRead) -> Result<(), ImportError> {
        let start = input.fill_buf().map_err(|source| self.io(source))?;
        let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = String::from_utf8_lossy(first).trim_end().trim_start_matches('\u{feff}').to_owned();
        let found = self.options.format.or_else(|| detect::detect(name, &header, start));
        let format = found.ok_or_else(|| ImportError::Unknown {
            file: self.file.to_owned(),
            header: header.chars().take(80).collect(),
        })?;
        match format {
            Format::Bars => bars::long(self, name, input),
            Format::Wide => bars::wide(self, input),
            Format::LeanDaily => lean::daily(self, name, input),
            Format::LeanTrades => lean::trades(self, name, input),
            Format::LeanQuotes => lean::quotes(self, name, input),
            Format::MonthlyRates => rates::monthly(self, input),
            Format::Account(broker) => broker::import(self, broker, input),
        }
    }

    fn io(&self, source: io::Error) -> ImportError {
        ImportError::Io { file: self.file.to_owned(), source }
    }

    fn form(&self, line: u64, field: &str, expected: impl Into<String>) -> ImportError {
        let (file, field) = (self.file.to_owned(), field.to_owned());
        ImportError::Form { file, line, field, expected: expected.into() }
    }

    fn skip(&mut self, line: u64, field: &str, reason: impl Into<String>) {
        self.report.skip(Problem::new(self.file, line, field, reason));
    }

    /// A row as the CSV reader gives it; a row it cannot read is skipped.
    fn row(
        &mut self,
        record: Result<csv::StringRecord, csv::Error>,
    ) -> Result<Option<csv::StringRecord>, ImportError> {
        match record {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.is_io_error() => Err(self.io(io::Error::other(error))),
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                self.skip(line, "row", format!("expected UTF-8 text with commas: {error}"));
                Ok(None)
            }
        }
    }

    fn emit(&mut self, event: Event) -> Result<(), ImportError> {
        self.report.events += 1;
        *self.report.counts.entry(kind(&event)).or_default() += 1;
        (self.out)(event).map_err(|source| ImportError::Io { file: self.file.to_owned(), source })
    }

    /// Lists the instrument if it is new and tells a price far from the one before.
    fn priced(
        &mut self,
        line: u64,
        at: Instant,
        venue: Venue,
        instrument: &Name,
        price: Price,
    ) -> Result<(), ImportError> {
        let Some(before) = self.listing.0.insert(instrument.clone(), price) else {
            let currency = self.options.currency.unwrap_or(venue.currency());
            self.report.listed.push(instrument.clone());
            return self.emit(listed(at, instrument, currency, Some(venue)));
        };
        let (low, high) = (before.raw().min(price.raw()), before.raw().max(price.raw()));
        if high / 3 > low {
            let reason = format!("kept, but {instrument} was {before} before and is {price}");
            self.report.suspect(Problem::new(self.file, line, "price", reason));
        }
        Ok(())
    }
}

/// What an event is counted as: its type, for fills and postings of cash with what they are.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Fill(fill) if fill.side == Side::Buy => "fill buy",
        Event::Fill(_) => "fill sell",
        Event::CashPosted(posted) => match posted.kind {
            CashKind::Interest => "cash_posted interest",
            CashKind::Fee => "cash_posted fee",
            CashKind::Tax => "cash_posted tax",
            CashKind::Distribution => "cash_posted distribution",
        },
        _ => event.event_type().as_str(),
    }
}

/// What is known of an instrument from its name and perhaps venue alone; effective from the start of the day
/// of its first price or trade.
fn listed(at: Instant, instrument: &Name, currency: Currency, venue: Option<Venue>) -> Event {
    Event::InstrumentListed(Box::new(InstrumentListed {
        event_type: EventType::InstrumentListed,
        at: at.date().start(),
        id: None,
        recorded: None,
        instrument: instrument.clone(),
        name: instrument.to_string(),
        kind: InstrumentKind::Stock,
        currency,
        market: None,
        asset_class: String::new(),
        region: venue.map_or("", Venue::region).to_owned(),
        sector: String::new(),
        tags: Vec::new(),
        tick_size: Price::from_raw(venue.unwrap_or(Venue::NewYork).tick_size()),
        lot_size: Quantity::from_raw(Quantity::ONE),
        franking_rate: None,
        distribution_yield: None,
        average_daily_value: None,
    }))
}

#[cfg(test)]
mod tests;
