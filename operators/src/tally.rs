//! What holds of each key because of the changes that name it: one operator for sums, for the latest of several
//! statements, for current prices. State is one entry a key, without the copies that an arrangement and a
//! reduce keep.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use differential_dataflow::ExchangeData;
use evenkeel_schemas::Epoch;

use crate::counted::CountedFew;
use crate::epochwise::{Changes, epochwise, epochwise_here};
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

/// Maintains what holds of each key. `split` says what a row changes of which key, if anything, and `say` how what
/// holds goes out; rows of one key are in one worker.
pub(crate) fn tally<'s, T, F, K, D, O>(
    rows: Rows<'s, F>,
    name: &str,
    split: impl Fn(F) -> Option<(K, D)> + 'static,
    say: impl Fn(&K, T::Held) -> Option<O> + 'static,
) -> Rows<'s, O>
where
    T: Tally<D> + 'static,
    F: Clone + 'static,
    K: Ord + 'static,
    D: 'static,
    O: Clone + 'static,
{
    tally_from::<T, _, _, _, _>(rows, name, |_, epoch| epoch, split, say)
}

/// As [`tally`], for rows that count from `when` on, which is not before their own epoch.
pub(crate) fn tally_from<'s, T, F, K, D, O>(
    rows: Rows<'s, F>,
    name: &str,
    when: impl Fn(&F, Epoch) -> Epoch + 'static,
    split: impl Fn(F) -> Option<(K, D)> + 'static,
    say: impl Fn(&K, T::Held) -> Option<O> + 'static,
) -> Rows<'s, O>
where
    T: Tally<D> + 'static,
    F: Clone + 'static,
    K: Ord + 'static,
    D: 'static,
    O: Clone + 'static,
{
    epochwise_here(rows, name, when, step::<T, _, _, _, _>(split, say))
}

/// As [`tally`], for rows of one key that are in several workers.
pub(crate) fn tally_all<'s, T, K, D, O>(
    rows: Rows<'s, (K, D)>,
    name: &str,
    say: impl Fn(&K, T::Held) -> Option<O> + 'static,
) -> Rows<'s, O>
where
    T: Tally<D> + 'static,
    K: ExchangeData,
    D: ExchangeData,
    O: Clone + 'static,
{
    epochwise(rows, name, |_| 0, step::<T, _, _, _, _>(Some, say))
}

fn step<T: Tally<D>, F, K: Ord, D, O>(
    split: impl Fn(F) -> Option<(K, D)>,
    say: impl Fn(&K, T::Held) -> Option<O>,
) -> impl FnMut(Epoch, Changes<F>, &mut Changes<O>) {
    let mut keys: BTreeMap<K, T> = BTreeMap::new();
    let mut sorted: Vec<(K, D, isize)> = Vec::new();
    move |_, changes, out| {
        let keyed = |(row, times)| split(row).map(|(key, change)| (key, change, times));
        sorted.extend(changes.into_iter().filter_map(keyed));
        // One visit a key, and neighbours in memory one after the other.
        sorted.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let mut changes = sorted.drain(..).peekable();
        while let Some((key, change, times)) = changes.next() {
            let mut place = match keys.entry(key) {
                Entry::Occupied(place) => place,
                Entry::Vacant(place) => place.insert_entry(T::default()),
            };
            let before = place.get().held();
            place.get_mut().add(change, times);
            while let Some((_, change, times)) = changes.next_if(|(key, ..)| key == place.key()) {
                place.get_mut().add(change, times);
            }
            place.get_mut().settle();
            let now = place.get().held();
            if before != now {
                out.extend(before.and_then(|held| say(place.key(), held)).map(|row| (row, -1)));
                out.extend(now.and_then(|held| say(place.key(), held)).map(|row| (row, 1)));
            }
            if place.get().is_empty() {
                place.remove();
            }
        }
    }
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
pub(crate) struct Statements<V>(CountedFew<(Version, V)>);

impl<V> Default for Statements<V> {
    fn default() -> Self {
        Statements(CountedFew::default())
    }
}

impl<V: Clone + Ord + 'static> Tally<(Version, V)> for Statements<V> {
    type Held = V;

    fn add(&mut self, statement: (Version, V), times: isize) {
        self.0.add(statement, times);
    }

    fn held(&self) -> Option<V> {
        // A busted statement and its replacement never share a version.
        self.0.standing().next_back().map(|(_, value)| value.clone())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
