use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use evenkeel_feeds::generate::{Workload, generate};

use crate::error::Error;
use crate::progress::Progress;

/// Write a realistic workload of events; the same bytes for the same seed.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Customers
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    customers: u32,
    /// Instruments
    #[arg(long, default_value_t = 137, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    instruments: u32,
    /// Ticks; account events come on top, one for every hundred
    #[arg(long, default_value_t = 100_000)]
    ticks: u64,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ticks in a second of the file's time
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    ticks_per_second: u32,
    /// How many seconds of a real market happen in one second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    intensity: u32,
    /// Weekdays before the first event that have closing marks; estimates need 60 or more
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    history: u32,
    /// Effective time of the first event
    #[arg(long, default_value = "2026-01-05T00:00:00Z", value_name = "TIME")]
    start: evenkeel_schemas::Instant,
    /// File to write (.zst and .gz are packed; - is stdout)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let workload = Workload {
        customers: args.customers,
        instruments: args.instruments,
        ticks: args.ticks,
        seed: args.seed,
        ticks_per_second: args.ticks_per_second,
        intensity: args.intensity,
        history: args.history,
        start: args.start,
    };
    let mut progress = Progress::new("generating", Some(100));
    let failed = |error| Error::file("write", &args.out, error);
    let mut out = Packed::create(&args.out).map_err(failed)?;
    let summary = generate(&workload, &mut out, &mut |done, total| {
        progress.look(done * 100 / total.max(1), || format!("{done} of {total} ticks"));
    })
    .map_err(failed)?;
    out.finish().map_err(failed)?;
    progress.done();
    eprintln!(
        "{} events ({} ticks, {} account events; {} bytes) from {} to {} in {}, in {:.1} s",
        summary.events,
        summary.ticks,
        summary.account_events,
        summary.bytes,
        summary.first,
        summary.last,
        args.out.display(),
        progress.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A file that is packed as its name says.
pub(super) enum Packed {
    Plain(Box<dyn Write>),
    Zst(Box<zstd::Encoder<'static, BufWriter<std::fs::File>>>),
    Gz(flate2::write::GzEncoder<BufWriter<std::fs::File>>),
}

impl Packed {
    pub fn create(path: &Path) -> std::io::Result<Packed> {
        if path == Path::new("-") {
            return Ok(Packed::Plain(Box::new(BufWriter::new(std::io::stdout()))));
        }
        let file = BufWriter::with_capacity(1 << 18, std::fs::File::create(path)?);
        Ok(match path.extension().and_then(|e| e.to_str()) {
            Some("zst") => Packed::Zst(Box::new(zstd::Encoder::new(file, 3)?)),
            Some("gz") => Packed::Gz(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            _ => Packed::Plain(Box::new(file)),
        })
    }

    pub fn finish(self) -> std::io::Result<()> {
        match self {
            Packed::Plain(mut out) => out.flush(),
            Packed::Zst(out) => out.finish()?.flush(),
            Packed::Gz(out) => out.finish()?.flush(),
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Packed::Plain(out) => out.write(bytes),
            Packed::Zst(out) => out.write(bytes),
            Packed::Gz(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Packed::Plain(out) => out.flush(),
            Packed::Zst(out) => out.flush(),
            Packed::Gz(out) => out.flush(),
        }
    }
}
