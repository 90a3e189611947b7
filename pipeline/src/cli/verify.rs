use super::config::{Overrides, settle_or_demo};
use crate::error::Error;
use crate::progress::Progress;
use crate::verify::verify;

/// Reconcile log, dataflow and ClickHouse; the exit status says whether they agree.
///
/// Reads the whole log and checks its checksums and hash chain, derives every row again, and compares it with
/// every row that ClickHouse holds. The program must not be running on the folder.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let config = settle_or_demo(&args.overrides)?;
    if !config.data.join("log").exists() {
        let hint = "name the folder of a run with --data";
        return Err(Error::Check(format!("there is no log in {}; {hint}", config.data.display())));
    }
    let mut progress = Progress::new("verifying", None);
    let report = verify(&config, &mut progress)?;
    progress.done();
    super::out(format_args!("{report}"))?;
    if report.agrees() {
        Ok(())
    } else {
        Err(Error::Check("log, dataflow and ClickHouse do not agree".to_owned()))
    }
}
