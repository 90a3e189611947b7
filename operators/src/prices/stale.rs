//! Which instruments have had no price for too long.

use std::collections::BTreeMap;

use differential_dataflow::AsCollection;
use evenkeel_schemas::{Epoch, InstrumentId};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

use crate::epochwise::Waiting;
use crate::facts::{Feed, Observation};
use crate::typedefs::Rows;

/// The epoch at which an instrument goes stale with the capability to say so, or `None` once it has.
type Due = Option<(Epoch, Capability<Epoch>)>;

/// An instrument enters `stale_ms` after the epoch of its last observation and leaves with the next one; never, for
/// 0.
pub fn stale<'s>(observations: Rows<'s, Observation>, stale_ms: u64) -> Rows<'s, InstrumentId> {
    if stale_ms == 0 {
        return observations.flat_map(|_| None);
    }
    observations
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<(InstrumentId, Epoch, isize)>>, _, _, _>(
            Pipeline,
            "stale prices",
            move |_, _| {
                let mut waiting: Waiting<InstrumentId> = Waiting::new();
                let mut due: BTreeMap<InstrumentId, Due> = BTreeMap::new();
                move |(input, frontier), output| {
                    input.for_each(|capability, data| {
                        let came = data.drain(..).filter_map(|(observation, time, diff)| {
                            let Feed::Instrument(instrument) = observation.feed else { return None };
                            (diff > 0).then_some((instrument, time, diff))
                        });
                        waiting.file(&capability, came);
                    });
                    while let Some((epoch, capability, instruments)) = waiting.take(frontier) {
                        expire(&mut due, epoch, output);
                        for (instrument, _) in instruments {
                            let next = epoch.saturating_add(stale_ms);
                            let next = Some((next, capability.delayed(&next)));
                            if let Some(None) = due.insert(instrument, next) {
                                output.session(&capability).give((instrument, epoch, -1));
                            }
                        }
                    }
                    let complete = frontier.frontier().first().copied().unwrap_or(Epoch::MAX);
                    let seen = waiting.first().unwrap_or(Epoch::MAX);
                    expire(&mut due, complete.min(seen), output);
                }
            },
        )
        .as_collection()
}

type Output<'a> = timely::dataflow::operators::generic::OutputBuilderSession<
    'a,
    Epoch,
    CapacityContainerBuilder<Vec<(InstrumentId, Epoch, isize)>>,
>;

/// Reports every instrument that is due before `until`.
fn expire(due: &mut BTreeMap<InstrumentId, Due>, until: Epoch, output: &mut Output<'_>) {
    for (instrument, entry) in due.iter_mut() {
        if let Some((epoch, capability)) = entry.take_if(|(epoch, _)| *epoch < until) {
            output.session(&capability).give((*instrument, epoch, 1));
        }
    }
}
