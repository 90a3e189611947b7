//! A stateful operator that sees each complete epoch once, in order.

use std::collections::BTreeMap;

use differential_dataflow::{AsCollection, ExchangeData};
use evenkeel_schemas::Epoch;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, ParallelizationContract, Pipeline};
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::{Capability, InputCapability};
use timely::progress::frontier::MutableAntichain;

use crate::typedefs::Rows;

/// The changes of one complete epoch, in no particular order.
pub(crate) type Changes<D> = Vec<(D, isize)>;

/// Appends what goes and what comes; both are in order.
pub(crate) fn difference<D: Ord + Clone>(before: &[D], now: &[D], out: &mut Changes<D>) {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (before.peek(), now.peek()) {
            (None, None) => return,
            (Some(old), Some(new)) if old == new => {
                before.next();
                now.next();
            }
            (Some(old), new) if new.is_none_or(|new| old < new) => {
                out.push(((*old).clone(), -1));
                before.next();
            }
            (_, Some(new)) => {
                out.push(((*new).clone(), 1));
                now.next();
            }
            (Some(_), None) => return,
        }
    }
}

/// Changes by epoch, with the capability to answer at each, until the epoch is complete.
pub(crate) struct Waiting<D>(BTreeMap<Epoch, (Capability<Epoch>, Changes<D>)>);

impl<D> Waiting<D> {
    pub fn new() -> Waiting<D> {
        Waiting(BTreeMap::new())
    }

    /// Files the changes of a message; it may carry several times, and each change is filed under its own.
    pub fn file(
        &mut self,
        capability: &InputCapability<Epoch>,
        changes: impl Iterator<Item = (D, Epoch, isize)>,
    ) {
        let mut changes = changes.peekable();
        while let Some((row, time, diff)) = changes.next() {
            let entry = self.0.entry(time);
            let (_, waiting) = entry.or_insert_with(|| (capability.delayed(&time, 0), Vec::new()));
            waiting.push((row, diff));
            // Most of a message is of one time.
            while let Some((row, _, diff)) = changes.next_if(|(_, next, _)| *next == time) {
                waiting.push((row, diff));
            }
        }
    }

    /// The first epoch that waits.
    pub fn first(&self) -> Option<Epoch> {
        self.0.keys().next().copied()
    }

    /// The first epoch that waits, if it is complete.
    pub fn take(
        &mut self,
        frontier: &MutableAntichain<Epoch>,
    ) -> Option<(Epoch, Capability<Epoch>, Changes<D>)> {
        let entry = self.0.first_entry().filter(|entry| !frontier.less_equal(entry.key()))?;
        let (epoch, (capability, changes)) = entry.remove_entry();
        Some((epoch, capability, changes))
    }
}

/// Gathers changes by epoch and hands each complete epoch to `logic`, in order; what `logic` pushes are
/// changes at that epoch. Rows of one `key` meet in one worker.
///
/// The output at an epoch must be a function of the changes up to it, not of their order of arrival:
/// sort within the epoch where order could show.
pub(crate) fn epochwise<'s, D, D2>(
    rows: Rows<'s, D>,
    name: &str,
    key: impl Fn(&D) -> u64 + 'static,
    logic: impl FnMut(Epoch, Changes<D>, &mut Changes<D2>) + 'static,
) -> Rows<'s, D2>
where
    D: ExchangeData,
    D2: Clone + 'static,
{
    let exchange = Exchange::new(move |(row, _, _): &(D, Epoch, isize)| key(row));
    stage(rows, name, exchange, |_, epoch| epoch, logic)
}

/// As [`epochwise`], for rows that are in the right worker already. A row counts from `when` on, which is not
/// before its own epoch.
pub(crate) fn epochwise_here<'s, D, D2>(
    rows: Rows<'s, D>,
    name: &str,
    when: impl Fn(&D, Epoch) -> Epoch + 'static,
    logic: impl FnMut(Epoch, Changes<D>, &mut Changes<D2>) + 'static,
) -> Rows<'s, D2>
where
    D: Clone + 'static,
    D2: Clone + 'static,
{
    stage(rows, name, Pipeline, when, logic)
}

fn stage<'s, D, D2, P>(
    rows: Rows<'s, D>,
    name: &str,
    pact: P,
    when: impl Fn(&D, Epoch) -> Epoch + 'static,
    mut logic: impl FnMut(Epoch, Changes<D>, &mut Changes<D2>) + 'static,
) -> Rows<'s, D2>
where
    D: Clone + 'static,
    D2: Clone + 'static,
    P: ParallelizationContract<Epoch, Vec<(D, Epoch, isize)>>,
{
    rows.inner
        .unary_frontier::<CapacityContainerBuilder<Vec<(D2, Epoch, isize)>>, _, _, _>(pact, name, |_, _| {
            let mut waiting = Waiting::new();
            let mut out = Vec::new();
            move |(input, frontier), output| {
                input.for_each(|capability, data| {
                    let timed = data.drain(..).map(|(row, epoch, diff)| {
                        let from = when(&row, epoch);
                        (row, from, diff)
                    });
                    waiting.file(&capability, timed);
                });
                while let Some((epoch, capability, changes)) = waiting.take(frontier) {
                    logic(epoch, changes, &mut out);
                    if !out.is_empty() {
                        let mut session = output.session(&capability);
                        session.give_iterator(out.drain(..).map(|(row, diff)| (row, epoch, diff)));
                    }
                }
            }
        })
        .as_collection()
}
