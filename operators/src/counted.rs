//! Things with how often each was counted in: many, or few of very many keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Things with how often each was counted in: once, or not yet again. Changes of one epoch may come in any order, so a
/// thing may be counted out before it is counted in.
pub(crate) struct Counted<T>(BTreeMap<T, isize>);

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Counted(BTreeMap::new())
    }
}

impl<T: Ord> Counted<T> {
    pub fn add(&mut self, thing: T, times: isize) {
        match self.0.entry(thing) {
            Entry::Vacant(place) => {
                place.insert(times);
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() += times;
                if *place.get() == 0 {
                    place.remove();
                }
            }
        }
    }

    /// Those that stand, in order.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().filter(|(_, count)| **count > 0).map(|(thing, _)| thing)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As [`Counted`], for few things of each of very many keys: one run in order, no larger than it needs to be.
pub(crate) struct CountedFew<T>(Vec<(T, isize)>);

impl<T> Default for CountedFew<T> {
    fn default() -> Self {
        CountedFew(Vec::new())
    }
}

impl<T: Ord> CountedFew<T> {
    pub fn add(&mut self, thing: T, times: isize) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&thing)) {
            Ok(at) => {
                self.0[at].1 += times;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (thing, times));
            }
        }
    }

    /// Those that stand, in order.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().filter(|(_, count)| *count > 0).map(|(thing, _)| thing)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
