//! Exports of brokers as events of a customer's account.
//!
//! | broker | file | time zone |
//! |---|---|---|
//! | [`Broker::Degiro`] | account statement; words in Dutch, English, French, Spanish, Portuguese | Amsterdam |
//! | [`Broker::Freetrade`] | activity feed | UTC |
//! | [`Broker::IbkrTrades`] | flex query of trades | dates only |
//! | [`Broker::IbkrDividends`] | flex query of cash transactions | dates only |
//! | [`Broker::IbkrHistory`] | transaction history in the base currency | dates only |
//! | [`Broker::Investimental`] | order updates | Bucharest |
//! | [`Broker::Parqet`] | activities | UTC |
//! | [`Broker::Saxo`] | transactions | dates only |
//! | [`Broker::Schwab`] | transactions | dates only |
//! | [`Broker::Swissquote`] | transactions | Zurich |
//! | [`Broker::Trading212`] | history, the columns of 2023 and of 2026 | UTC |
//! | [`Broker::HargreavesLansdown`] | transaction summary | dates only |
//! | [`Broker::SharesightTrades`] | all trades report | dates only |
//! | [`Broker::RawTrades`] | `date,action,symbol,quantity,price,fees,currency` | dates only |
//!
//! Each broker's file turns its rows into [`row::Row`]s; [`events`] turns those into events. What a row
//! cannot say is told with its line, the column and what was expected, never guessed:
//!
//! - **skipped**: a row that gives no event: an unknown word, a number that is none, an instrument without
//!   ticker or ISIN, units that appear without a trade, one side of an exchange of currencies alone;
//! - **suspect**: a row kept that contradicts itself: quantity × price ± fee is not its amount, or more is
//!   sold than was bought;
//! - **assumed**: a row kept with something added that the export does not say;
//! - **ignored**: a row by which nothing moves.
//!
//! A row with a date alone is effective at the start of that date, UTC. Events have ids made from the
//! broker's own identifiers or from what the row says, so importing twice, or two exports that overlap,
//! adds nothing: the second event of an id is dropped.

mod dates;
mod degiro;
mod events;
mod freetrade;
mod hargreaves;
mod ibkr;
mod investimental;
mod number;
mod parqet;
mod raw;
mod row;
mod saxo;
mod schwab;
mod sharesight;
mod swissquote;
mod symbols;
mod table;
mod trading212;

use std::io::{BufRead, Read};

use row::{Class, Rows};
use table::Table;

use super::{ImportError, Job};

pub use symbols::{Symbols, kind_of};

/// The largest export read, in bytes: it is held in memory.
const MOST_BYTES: u64 = 256 << 20;

/// Brokers, and for some the kind of export.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broker {
    /// DEGIRO account statement.
    Degiro,
    /// Freetrade activity feed.
    Freetrade,
    /// Interactive Brokers flex query of trades.
    IbkrTrades,
    /// Interactive Brokers flex query of dividends and withheld tax.
    IbkrDividends,
    /// Interactive Brokers transaction history.
    IbkrHistory,
    /// Investimental order updates.
    Investimental,
    /// Parqet activities.
    Parqet,
    /// Saxo transactions.
    Saxo,
    /// Charles Schwab transactions.
    Schwab,
    /// Swissquote transactions.
    Swissquote,
    /// Trading 212 history.
    Trading212,
    /// Hargreaves Lansdown transaction summary.
    HargreavesLansdown,
    /// Sharesight all trades report.
    SharesightTrades,
    /// Plain trades as one would write them by hand.
    RawTrades,
}

/// How a broker's file is read.
struct Layout {
    word: &'static str,
    delimiter: char,
    /// Columns, in small letters, that its header has and no other's; any one of the sets.
    signatures: &'static [&'static [&'static str]],
    /// Whether text that is not UTF-8 is ISO 8859-1.
    latin: bool,
    read: fn(&Table, &mut Rows),
}

const fn layout(
    word: &'static str,
    signatures: &'static [&'static [&'static str]],
    read: fn(&Table, &mut Rows),
) -> Layout {
    Layout { word, delimiter: ',', signatures, latin: false, read }
}

impl Broker {
    /// All of them.
    pub const ALL: [Broker; 14] = [
        Broker::Degiro,
        Broker::Freetrade,
        Broker::IbkrTrades,
        Broker::IbkrDividends,
        Broker::IbkrHistory,
        Broker::Investimental,
        Broker::Parqet,
        Broker::Saxo,
        Broker::Schwab,
        Broker::Swissquote,
        Broker::Trading212,
        Broker::HargreavesLansdown,
        Broker::SharesightTrades,
        Broker::RawTrades,
    ];

    /// The word for it on a command line and in the ids of its events.
    pub fn as_str(self) -> &'static str {
        self.layout().word
    }

    fn layout(self) -> Layout {
        match self {
            Broker::Degiro => layout("degiro", degiro::SIGNATURES, degiro::read),
            Broker::Freetrade => layout("freetrade", freetrade::SIGNATURES, freetrade::read),
            Broker::IbkrTrades => layout("ibkr-trades", ibkr::TRADES, ibkr::trades),
            Broker::IbkrDividends => layout("ibkr-dividends", ibkr::DIVIDENDS, ibkr::dividends),
            Broker::IbkrHistory => layout("ibkr-history", ibkr::HISTORY, ibkr::history),
            Broker::Investimental => layout("investimental", investimental::SIGNATURES, investimental::read),
            Broker::Parqet => Layout { delimiter: ';', ..layout("parqet", parqet::SIGNATURES, parqet::read) },
            Broker::Saxo => layout("saxo", saxo::SIGNATURES, saxo::read),
            Broker::Schwab => layout("schwab", schwab::SIGNATURES, schwab::read),
            Broker::Swissquote => {
                Layout { delimiter: ';', ..layout("swissquote", swissquote::SIGNATURES, swissquote::read) }
            }
            Broker::Trading212 => layout("trading212", trading212::SIGNATURES, trading212::read),
            Broker::HargreavesLansdown => Layout {
                latin: true,
                ..layout("hargreaves-lansdown", hargreaves::SIGNATURES, hargreaves::read)
            },
            Broker::SharesightTrades => layout("sharesight-trades", sharesight::SIGNATURES, sharesight::read),
            Broker::RawTrades => layout("raw-trades", raw::SIGNATURES, raw::read),
        }
    }

    /// The broker whose header is among the first lines of a file that begins with `start`.
    pub(super) fn detect(start: &[u8]) -> Option<Broker> {
        // What was packed comes as a whole: its beginning is enough.
        let start = &start[..start.len().min(1 << 16)];
        let lines: Vec<String> = start
            .split(|byte| *byte == b'\n')
            .take(table::HEADER_WITHIN)
            .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
            .collect();
        Broker::ALL.into_iter().find(|broker| {
            let layout = broker.layout();
            lines
                .iter()
                .filter_map(|line| table::split(line, layout.delimiter))
                .any(|cells| layout.signatures.iter().any(|signature| table::has_all(&cells, signature)))
        })
    }
}

/// Gives the events of a broker's export.
pub(super) fn import(job: &mut Job<'_, '_>, broker: Broker, input: impl BufRead) -> Result<(), ImportError> {
    let mut bytes = Vec::new();
    let read = input.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|source| job.io(source))?;
    if read as u64 > MOST_BYTES {
        return Err(job.form(
            1,
            "file",
            format!("expected at most {MOST_BYTES} bytes: export fewer years at a time"),
        ));
    }
    let layout = broker.layout();
    let tables = layout.signatures.iter();
    let table =
        tables.filter_map(|columns| Table::read(&bytes, layout.delimiter, columns, layout.latin)).next();
    let columns = || layout.signatures.first().map(|columns| columns.join(", ")).unwrap_or_default();
    let table = table.ok_or_else(|| job.form(1, "header", format!("expected the columns {}", columns())))?;
    let mut rows = Rows { currency: job.options.currency, ..Rows::default() };
    for (line, fault) in &table.broken {
        rows.tell(Class::Skip, *line, fault.clone());
    }
    (layout.read)(&table, &mut rows);
    rows.told.sort_by_key(|(_, line, _)| *line);
    events::emit(job, broker, rows)
}
