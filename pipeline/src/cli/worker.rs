use std::net::SocketAddr;

use crate::cluster::join;
use crate::engine::lend;
use crate::error::Error;

/// Lend this machine's workers to a program that runs elsewhere.
#[derive(clap::Args)]
#[command(after_help = "\
The leader, which has the log, HTTP and ClickHouse, is started with the number of processes and an address:
  evenkeel run --processes 3 --cluster-listen 10.0.0.1:2101
and each of the others with that address alone; what to build it hears from the leader:
  evenkeel worker --leader 10.0.0.1:2101
All of them run the same file. The dataflow starts when all are there, and ends when one is lost: start the leader and
the workers again (a service manager does), and it goes on from the log. Nothing on these connections is encrypted or
signed, and whoever reaches the address can take part: use a network of your own.")]
pub(super) struct Args {
    /// Where the leader awaits its workers
    #[arg(long, env = "EVENKEEL_LEADER", value_name = "ADDRESS")]
    leader: SocketAddr,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    super::init_logging();
    let (cluster, work) = join(args.leader).map_err(Error::Start)?;
    tracing::info!(leader = %args.leader, processes = cluster.processes(), workers = work.workers, "taking part");
    lend(cluster, work).map_err(Error::Start)
}
