use std::io::Write;
use std::path::PathBuf;

use evenkeel_feeds::EventWriter;
use evenkeel_feeds::import::{Format, ImportOptions, Report, Venue, import_file};
use evenkeel_schemas::{Currency, Name, TradeDate};

use super::generate::Packed;
use crate::error::Error;
use crate::progress::Progress;

/// Turn daily bars, trade ticks and fx files of other programs into events.
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
cannot be right (a price of zero, a close outside low..high) are listed and skipped, never guessed.")]
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
    /// What prices are in
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
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let options = ImportOptions {
        format: args.format,
        instrument: args.instrument.clone(),
        currency: args.currency,
        venue: args.venue,
        from: args.from,
        to: args.to,
    };
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
    for problem in report.skips.iter().chain(&report.suspects) {
        eprintln!("{problem}");
    }
    eprintln!(
        "{written} events, {} instruments listed, {} prices rounded to six decimals, {} rows skipped, {} suspect prices",
        report.listed.len(),
        report.rounded,
        report.skipped,
        report.suspects.len()
    );
    Ok(())
}
