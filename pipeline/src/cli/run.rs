use std::path::PathBuf;

use super::config::Overrides;
use super::serve::Running;
use crate::error::Error;
use crate::source::{LineSource, pump};

/// Run in production: events over HTTP or from a file, log, dataflow, actors, ClickHouse.
#[derive(clap::Args)]
#[command(after_help = "\
Events come in as NDJSON:
  curl --data-binary @events.ndjson http://127.0.0.1:8080/api/v1/events
The answer comes once every accepted event is on disk, and lists what was refused and why. Send again what was
not answered: an event with an id seen before is dropped.

SIGTERM or SIGINT ends it: nothing more is taken, what was accepted is written out.")]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
    /// Also read events from files (NDJSON, also .zst and .gz; - is stdin), then go on
    #[arg(long, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    super::init_logging();
    let config = args.overrides.settle()?;
    let running = Running::start(&config, "run")?;
    eprintln!("evenkeel: ready on http://{}/ with data in {}", running.http.address, config.data.display());
    for path in &args.events {
        if running.ending() {
            break;
        }
        let mut source = LineSource::open(path)?;
        let total = pump(&mut source, &running.line.submitter, &|| running.ending())?;
        eprintln!(
            "evenkeel: {}: {} accepted, {} duplicates, {} rejected",
            path.display(),
            total.accepted,
            total.duplicates,
            total.rejected
        );
    }
    running.wait();
    running.stop()
}
