//! Puts the workers' rows together: an epoch comes out once every worker has finished it.

use std::collections::BTreeMap;

use crossbeam_channel::{Receiver, Sender, bounded};
use evenkeel_schemas::{Epoch, Row};

use super::{Closed, Output, Report};

/// Complete epochs that may wait to be taken.
const EPOCHS_OUT: usize = 256;

/// Rows of an opening that may gather before they are added up.
const OPENING_ROWS: usize = 1_000_000;

/// Rows that depend on ticks come out together at the epoch `opening` when they are of before: the state that a
/// history begins with.
pub(super) fn start(
    workers: usize,
    reports: Receiver<Report>,
    opening: Epoch,
) -> Result<Receiver<Output>, String> {
    let (out, outputs) = bounded(EPOCHS_OUT);
    std::thread::Builder::new()
        .name("assembler".to_owned())
        .spawn(move || run(workers, &reports, &out, opening))
        .map_err(|error| format!("cannot start the assembler thread: {error}"))?;
    Ok(outputs)
}

fn run(workers: usize, reports: &Receiver<Report>, out: &Sender<Output>, opening: Epoch) {
    let mut frontiers = vec![0; workers];
    let mut complete = 0;
    let mut enough = OPENING_ROWS;
    let mut waiting: BTreeMap<Epoch, Vec<(Row, isize)>> = BTreeMap::new();
    for report in reports {
        let lump = |row: &Row, epoch: Epoch| epoch <= opening && row.collection().from_ticks();
        let mut rows = report.rows.into_iter().peekable();
        while let Some((row, epoch, diff)) = rows.next() {
            if lump(&row, epoch) {
                // Of several epochs, so that single rows have to be added up.
                let changes = waiting.entry(opening).or_default();
                row.each_single(diff, |single, diff| changes.push((single.clone(), diff)));
                continue;
            }
            let changes = waiting.entry(epoch).or_default();
            changes.push((row, diff));
            // Most of a report is of few epochs.
            while let Some((row, _, diff)) =
                rows.next_if(|(row, next, _)| *next == epoch && !lump(row, *next))
            {
                changes.push((row, diff));
            }
        }
        // What came and went again before the opening need not be held until then.
        if let Some(rows) = waiting.get_mut(&opening).filter(|rows| rows.len() > enough) {
            consolidate(rows);
            enough = 2 * rows.len() + OPENING_ROWS;
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
pub(crate) fn consolidate(changes: &mut Vec<(Row, isize)>) {
    changes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    changes.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 += later.1;
        }
        same
    });
    changes.retain(|(_, diff)| *diff != 0);
}
