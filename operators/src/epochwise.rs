//! A stateful operator that sees each complete epoch once, in order.

use std::collections::BTreeMap;

use differential_dataflow::{AsCollection, ExchangeData};
use evenkeel_schemas::Epoch;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

use crate::typedefs::Rows;

/// The changes of one complete epoch, in no particular order.
pub(crate) type Changes<D> = Vec<(D, isize)>;

/// Gathers changes by epoch and hands each complete epoch to `logic`, in order; what `logic` pushes are
/// changes at that epoch. Rows of one `key` meet in one worker.
///
/// The output at an epoch must be a function of the changes up to it, not of their order of arrival:
/// sort within the epoch where order could show.
pub(crate) fn epochwise<'s, D, D2>(
    rows: Rows<'s, D>,
    name: &str,
    key: impl Fn(&D) -> u64 + 'static,
    mut logic: impl FnMut(Epoch, Changes<D>, &mut Changes<D2>) + 'static,
) -> Rows<'s, D2>
where
    D: ExchangeData,
    D2: Clone + 'static,
{
    let exchange = Exchange::new(move |(row, _, _): &(D, Epoch, isize)| key(row));
    rows.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<(D2, Epoch, isize)>>, _, _, _>(
            exchange,
            name,
            |_, _| {
                let mut waiting: BTreeMap<Epoch, (Capability<Epoch>, Changes<D>)> = BTreeMap::new();
                let mut out = Vec::new();
                move |(input, frontier), output| {
                    input.for_each(|capability, data| {
                        // A message may carry several times: each change is filed under its own.
                        for (row, time, diff) in data.drain(..) {
                            let entry = waiting.entry(time);
                            entry
                                .or_insert_with(|| (capability.delayed(&time, 0), Vec::new()))
                                .1
                                .push((row, diff));
                        }
                    });
                    while let Some(entry) = waiting.first_entry() {
                        let epoch = *entry.key();
                        if frontier.less_equal(&epoch) {
                            break;
                        }
                        let (capability, changes) = entry.remove();
                        logic(epoch, changes, &mut out);
                        if !out.is_empty() {
                            let mut session = output.session(&capability);
                            session.give_iterator(out.drain(..).map(|(row, diff)| (row, epoch, diff)));
                        }
                    }
                }
            },
        )
        .as_collection()
}
