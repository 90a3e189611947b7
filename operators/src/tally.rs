//! What holds of each key because of the changes that name it: one operator for sums, for the latest of several
//! statements, for current prices. State is one entry a key, without the copies that an arrangement and a
//! reduce keep.

use std::collections::BTreeMap;

use crate::epochwise::epochwise_here;
use crate::facts::Version;
use crate::typedefs::Rows;

/// What a key's changes come to. Changes of one epoch may come in any order, so a row may be counted out before
/// it is counted in.
pub(crate) trait Tally<D>: Default {
    /// What holds.
    type Held: Clone + PartialEq + 'static;

    /// Counts a change in, or out.
    fn add(&mut self, change: D, times: isize);

    /// All changes of an epoch are in.
    fn settle(&mut self) {}

    /// What holds now.
    fn held(&self) -> Option<Self::Held>;

    /// Nothing is left to remember.
    fn is_empty(&self) -> bool;
}

/// Maintains what holds of each key. `split` says what a row changes of which key, if anything; rows of one key
/// are in one worker.
pub(crate) fn tally<'s, F, K, D, T>(
    rows: Rows<'s, F>,
    name: &str,
    split: impl Fn(F) -> Option<(K, D)> + 'static,
) -> Rows<'s, (K, T::Held)>
where
    F: Clone + 'static,
    K: Ord + Clone + 'static,
    T: Tally<D> + 'static,
{
    let mut keys: BTreeMap<K, T> = BTreeMap::new();
    epochwise_here(
        rows,
        name,
        |_, epoch| epoch,
        move |_, changes, out| {
            let mut before: BTreeMap<K, Option<T::Held>> = BTreeMap::new();
            for (row, times) in changes {
                let Some((key, change)) = split(row) else { continue };
                let tally = keys.entry(key.clone()).or_default();
                before.entry(key).or_insert_with(|| tally.held());
                tally.add(change, times);
            }
            for (key, before) in before {
                let Some(tally) = keys.get_mut(&key) else { continue };
                tally.settle();
                let now = tally.held();
                if tally.is_empty() {
                    keys.remove(&key);
                }
                if before != now {
                    out.extend(before.map(|held| ((key.clone(), held), -1)));
                    out.extend(now.map(|held| ((key, held), 1)));
                }
            }
        },
    )
}

/// A sum of raw units. 128 bits hold 10¹⁹ summands of the largest 64-bit amount: it cannot overflow before
/// memory ends.
#[derive(Default)]
pub(crate) struct Total(i128);

impl Tally<i64> for Total {
    /// Raw units; zero is nothing.
    type Held = i128;

    fn add(&mut self, raw: i64, times: isize) {
        self.0 += i128::from(raw) * times as i128;
    }

    fn held(&self) -> Option<i128> {
        (self.0 != 0).then_some(self.0)
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Whether a key is there at all.
#[derive(Default)]
pub(crate) struct Presence(isize);

impl Tally<()> for Presence {
    type Held = ();

    fn add(&mut self, (): (), times: isize) {
        self.0 += times;
    }

    fn held(&self) -> Option<()> {
        (self.0 > 0).then_some(())
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Several statements about the same thing, of which the one with the latest version holds. Seldom more than
/// one.
pub(crate) struct Statements<V>(Vec<(Version, V, isize)>);

impl<V> Default for Statements<V> {
    fn default() -> Self {
        Statements(Vec::new())
    }
}

impl<V: Clone + Ord + 'static> Tally<(Version, V)> for Statements<V> {
    type Held = V;

    fn add(&mut self, (version, value): (Version, V), times: isize) {
        let at = self.0.binary_search_by(|(v, known, _)| v.cmp(&version).then_with(|| known.cmp(&value)));
        match at {
            Ok(at) => {
                self.0[at].2 += times;
                if self.0[at].2 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (version, value, times));
            }
        }
    }

    fn held(&self) -> Option<V> {
        // A busted statement and its replacement never share a version.
        self.0.iter().rev().find(|(_, _, count)| *count > 0).map(|(_, value, _)| value.clone())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
