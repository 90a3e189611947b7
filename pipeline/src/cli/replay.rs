use std::net::SocketAddr;
use std::path::PathBuf;

use evenkeel_operators::dataflow::Timing;

use crate::config::{ClusterConfig, Config, DriftEngine};
use crate::error::Error;
use crate::progress::Progress;
use crate::replay::{Replay, act, derive};

/// Derive every collection from a file of events, into files.
#[derive(clap::Args)]
#[command(after_help = "\
An event is recorded at its `recorded` time, else at its `at`. Every line of output begins
{\"epoch\":ms,\"diff\":±n, and lines are sorted by epoch and row: two runs can be compared with cmp. What was
refused is in rejected.ndjson. With --act, decisions.ndjson, fills.ndjson and order_states.ndjson hold what
actors, desk and broker did.")]
pub(super) struct Args {
    /// Files of events (NDJSON, also .zst and .gz; - is stdin), read one after the other
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    events: Vec<PathBuf>,
    /// Folder for the output, one <collection>.ndjson each
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Dataflow worker threads, in each process; the output is the same for any number
    #[arg(long, default_value_t = 1, env = "EVENKEEL_WORKERS", value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// Processes that the dataflow is spread over; the output is the same for any number. The others are started on this
    /// machine, unless --cluster-listen says where to await them
    #[arg(long, default_value_t = 1, env = "EVENKEEL_PROCESSES", value_parser = clap::value_parser!(u64).range(1..=64))]
    processes: u64,
    /// Where to await the other processes: evenkeel worker --leader ADDRESS
    #[arg(long, env = "EVENKEEL_CLUSTER_LISTEN", value_name = "ADDRESS")]
    cluster_listen: Option<SocketAddr>,
    /// Epoch length in milliseconds
    #[arg(long, default_value_t = 100, env = "EVENKEEL_EPOCH_MS", value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    epoch_ms: u64,
    /// How often valuations are reported, in milliseconds [default: every epoch]
    #[arg(long)]
    mark_ms: Option<u64>,
    /// How often drift is reported, in milliseconds: a multiple of the marks, 0 for never [default: at each mark]
    #[arg(long)]
    drift_mark_ms: Option<u64>,
    /// After how long without a price an instrument is stale, in milliseconds; 0 for never
    #[arg(long, default_value_t = 0)]
    stale_ms: u64,
    /// What values and watches portfolios; the output is the same
    #[arg(long, value_enum, default_value_t, env = "EVENKEEL_DRIFT_ENGINE", value_name = "ENGINE")]
    drift_engine: DriftEngine,
    /// Also run actors, desk and paper broker on the file's clock, and write what they do
    #[arg(long)]
    act: bool,
    /// Settings file, for the policy of --act
    #[arg(long, env = "EVENKEEL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: Args) -> Result<(), Error> {
    let mark_ms = args.mark_ms.unwrap_or(args.epoch_ms);
    if mark_ms < args.epoch_ms || !mark_ms.is_multiple_of(args.epoch_ms) {
        return Err(Error::Config(format!(
            "--mark-ms {mark_ms}: expected a multiple of --epoch-ms {}",
            args.epoch_ms
        )));
    }
    let drift_mark_ms = args.drift_mark_ms.unwrap_or(mark_ms);
    if !drift_mark_ms.is_multiple_of(mark_ms) {
        let expected = format!("expected a multiple of --mark-ms {mark_ms}, or 0 for never");
        return Err(Error::Config(format!("--drift-mark-ms {drift_mark_ms}: {expected}")));
    }
    let timing =
        Timing { epoch_ms: args.epoch_ms, mark_ms, drift_mark_ms, stale_ms: args.stale_ms, dated: true };
    let replay = Replay {
        events: args.events,
        out: args.out,
        workers: args.workers as usize,
        cluster: ClusterConfig { processes: args.processes as usize, listen: args.cluster_listen },
        timing,
        drift_engine: args.drift_engine,
        correctable_ticks: 1_000_000,
    };
    let mut progress = Progress::new("replaying", None);
    let summary = if args.act {
        let config = Config::read(args.config.as_deref())?;
        config.check()?;
        act(&replay, &config.policy, &mut progress)?
    } else {
        derive(&replay, &mut progress)?
    };
    progress.done();
    let counts = summary.counts;
    let seconds = progress.elapsed().as_secs_f64().max(1e-9);
    eprintln!(
        "{} events ({} duplicate, {} rejected) to {} changes in {} in {seconds:.1} s: {:.0} events/s",
        counts.accepted,
        counts.duplicates,
        counts.rejected,
        summary.changes,
        replay.out.display(),
        counts.accepted as f64 / seconds,
    );
    Ok(())
}
