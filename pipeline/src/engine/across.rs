//! The ends of a dataflow over several processes: the workers of the leader, its first `threads`, feed the others and take in
//! what they say. Each looks after those whose number is its own modulo `threads`. In a single process nothing is done.

use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use evenkeel_operators::facts::{Fact, Observation};
use evenkeel_schemas::{Epoch, Row};
use timely::dataflow::operators::Exchange;
use timely::dataflow::operators::vec::Map;

type Rows<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// Facts at the worker of their customer; what is about the market at all of them.
pub(super) fn spread<'s>(
    facts: Rows<'s, Fact>,
    observations: Rows<'s, Observation>,
    threads: usize,
) -> (Rows<'s, Fact>, Rows<'s, Observation>) {
    let peers = facts.inner.scope().peers();
    if peers == threads {
        return (facts, observations);
    }
    let facts = sent(facts, threads, move |fact| fact.spread().map(|spread| spread as usize % peers));
    (facts, sent(observations, threads, |_| None))
}

/// Each row at the worker that `to` names, or at all that this one looks after.
fn sent<'s, D: ExchangeData>(
    rows: Rows<'s, D>,
    threads: usize,
    to: impl Fn(&D) -> Option<usize> + 'static,
) -> Rows<'s, D> {
    let scope = rows.inner.scope();
    let (index, peers) = (scope.index(), scope.peers());
    let addressed = move |(row, epoch, diff): (D, _, _)| {
        let all = (index..peers).step_by(threads);
        let to = to(&row).map_or(all, |to| (to..to + 1).step_by(threads));
        to.map(move |to| (to as u64, (row.clone(), epoch, diff)))
    };
    rows.inner.flat_map(addressed).exchange(|(to, _)| *to).map(|(_, row)| row).as_collection()
}

/// Rows at the workers of the leader.
pub(super) fn gathered(rows: Rows<'_, Row>, threads: usize) -> Rows<'_, Row> {
    let scope = rows.inner.scope();
    let to = (scope.index() % threads) as u64;
    if scope.peers() == threads {
        return rows;
    }
    rows.inner.exchange(move |_| to).as_collection()
}
