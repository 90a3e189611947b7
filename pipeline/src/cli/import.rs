use std::io::Write;
use std::path::PathBuf;

use evenkeel_feeds::EventWriter;
use evenkeel_feeds::import::{Format, ImportOptions, Report, Symbols, Venue, import_file, kind_of};
use evenkeel_schemas::events::InstrumentKind;
use evenkeel_schemas::{Currency, Name, TradeDate};

use super::generate::Packed;
use crate::error::Error;
use crate::progress::Progress;

/// Turn daily bars, trade ticks, fx files and brokers' exports into events.
#[derive(clap::Args)]
#[command(after_help = "\
Formats, told from name and header unless --format says which:
  bars          one instrument a file: date, open, high, low, close, volume (CSV, also packed)
  wide          one column an instrument: date, then closes (CSV, also packed)
  lean-daily    LEAN daily bars (zip, prices in 1/10000)
  lean-trades   LEAN trade ticks (zip, milliseconds since midnight in New York)
  lean-quotes   LEAN forex quotes (zip): the mid becomes fx_rate
  monthly-rates monthly fx averages (CSV)

Daily bars become `close` events at the session's close; an instrument is listed with its first price. Rows that
cannot be right (a price of zero, a close outside low..high) are listed and skipped, never guessed.

Exports of a customer's account, which need --customer:
  degiro              account statement (Dutch or English header; rows also French, Spanish, Portuguese)
  freetrade           activity feed
  ibkr-trades         Interactive Brokers flex query of trades
  ibkr-dividends      Interactive Brokers flex query of dividends and withheld tax
  ibkr-history        Interactive Brokers transaction history
  investimental       order updates
  parqet              activities
  saxo                transactions
  schwab              transactions
  swissquote          transactions
  trading212          history, columns of 2023 and of 2026
  hargreaves-lansdown transaction summary (needs --symbols: it has names only)
  sharesight-trades   all trades report
  raw-trades          date,action,symbol,quantity,price,fees,currency

They become customer_onboarded, instrument_listed, fill, deposit, withdrawal and cash_posted. Importing
again, or an export that overlaps, adds nothing: events have ids. Every row that gives no event, contradicts
itself or needed an assumption is listed with its line. Exchanges of currencies and corporate actions are
listed, not taken.")]
pub(super) struct Args {
    /// Files to read
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File of events to write (.zst and .gz are packed; - is stdout)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The files' format
    #[arg(long)]
    format: Option<Format>,
    /// The instrument of a file that holds one
    #[arg(long)]
    instrument: Option<Name>,
    /// What prices are in; for a broker's export, amounts that it leaves without a currency
    #[arg(long)]
    currency: Option<Currency>,
    /// Where it trades: asx, new-york or london
    #[arg(long)]
    venue: Option<Venue>,
    /// First date taken
    #[arg(long, value_name = "DATE")]
    from: Option<TradeDate>,
    /// Last date taken
    #[arg(long, value_name = "DATE")]
    to: Option<TradeDate>,
    /// Whose account a broker's export is
    #[arg(long, value_name = "NAME")]
    customer: Option<Name>,
    /// What the customer's portfolio is valued in; not needed when the account has one currency
    #[arg(long, value_name = "CURRENCY")]
    base_currency: Option<Currency>,
    /// What a broker's instruments are: etf, stock, fund, bond, cash or alternative [default: stock]
    #[arg(long, value_parser = kind_of)]
    kind: Option<InstrumentKind>,
    /// File of lines `ISIN or name,ticker[,kind]` for instruments that a broker names otherwise
    #[arg(long, value_name = "FILE")]
    symbols: Option<PathBuf>,
}

fn options(args: &Args) -> Result<ImportOptions, Error> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
        Symbols::read(&text).map_err(|error| Error::Input(format!("{}, {error}", path.display())))
    };
    Ok(ImportOptions {
        format: args.format,
        instrument: args.instrument.clone(),
        currency: args.currency,
        venue: args.venue,
        from: args.from,
        to: args.to,
        customer: args.customer.clone(),
        base_currency: args.base_currency,
        kind: args.kind,
        symbols: args.symbols.as_ref().map(read).transpose()?.unwrap_or_default(),
    })
}

/// Every row that was not simply taken, and what came of the others.
fn tell(report: &Report, written: u64) {
    let lists = [
        ("skipped", &report.skips),
        ("suspect", &report.suspects),
        ("assumed", &report.assumed),
        ("ignored", &report.ignored),
    ];
    for (word, problems) in lists {
        for problem in problems {
            eprintln!("{word}: {problem}");
        }
    }
    for (kind, count) in &report.counts {
        eprintln!("{count:>10} {kind}");
    }
    eprintln!(
        "{written} events, {} instruments listed, {} prices rounded to six decimals, {} rows skipped, {} suspect, \
         {} assumed, {} ignored",
        report.listed.len(),
        report.rounded,
        report.skipped,
        report.suspects.len(),
        report.assumed.len(),
        report.ignored.len()
    );
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let options = options(args)?;
    let failed = |error| Error::file("write", &args.out, error);
    let mut out = EventWriter::new(Packed::create(&args.out).map_err(failed)?);
    let mut progress = Progress::new("importing", Some(args.files.len() as u64));
    let mut report = Report::default();
    for (done, path) in args.files.iter().enumerate() {
        let events = |event| out.event(&event);
        let mut sink = events;
        import_file(path, &options, &mut sink, &mut report)
            .map_err(|error| Error::Input(error.to_string()))?;
        progress.look(done as u64, || format!("{} events", report.events));
    }
    let written = out.events();
    let mut packed = out.finish().map_err(failed)?;
    packed.flush().map_err(failed)?;
    packed.finish().map_err(failed)?;
    progress.done();
    tell(&report, written);
    Ok(())
}
