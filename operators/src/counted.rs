//! Things with how often each was counted in.

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
