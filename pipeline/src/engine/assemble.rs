//! Puts the workers' rows together: an epoch comes out once every worker has finished it.

use std::collections::BTreeMap;

use crossbeam_channel::{Receiver, Sender, bounded};
use evenkeel_schemas::{Epoch, Row};

use super::{Closed, Output, Report};

/// Complete epochs that may wait to be taken.
const EPOCHS_OUT: usize = 256;

pub(super) fn start(workers: usize, reports: Receiver<Report>) -> Result<Receiver<Output>, String> {
    let (out, outputs) = bounded(EPOCHS_OUT);
    std::thread::Builder::new()
        .name("assembler".to_owned())
        .spawn(move || run(workers, &reports, &out))
        .map_err(|error| format!("cannot start the assembler thread: {error}"))?;
    Ok(outputs)
}

fn run(workers: usize, reports: &Receiver<Report>, out: &Sender<Output>) {
    let mut frontiers = vec![0; workers];
    let mut complete = 0;
    let mut waiting: BTreeMap<Epoch, Vec<(Row, isize)>> = BTreeMap::new();
    for report in reports {
        for (row, epoch, diff) in report.rows {
            waiting.entry(epoch).or_default().push((row, diff));
        }
        frontiers[report.worker] = report.frontier;
        let frontier = frontiers.iter().copied().min().unwrap_or(Epoch::MAX);
        if frontier <= complete {
            continue;
        }
        complete = frontier;
        while let Some(entry) = waiting.first_entry().filter(|entry| *entry.key() < complete) {
            let (epoch, mut changes) = entry.remove_entry();
            consolidate(&mut changes);
            if !changes.is_empty() && out.send(Output::Closed(Closed { epoch, changes })).is_err() {
                return;
            }
        }
        if out.send(Output::Complete(complete)).is_err() {
            return;
        }
    }
}

/// Adds up equal rows and drops what comes to nothing.
pub(super) fn consolidate(changes: &mut Vec<(Row, isize)>) {
    changes.sort_unstable();
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 += later.1;
        }
        same
    });
    changes.retain(|(_, diff)| *diff != 0);
}
