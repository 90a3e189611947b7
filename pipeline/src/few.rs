//! A map for what most customers have one of: a single entry lies in place.

use smallvec::SmallVec;

/// A map of few entries, by key.
#[derive(Clone, Debug)]
pub struct Few<K, V>(SmallVec<[(K, V); 1]>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Few(SmallVec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// Puts a value in the place of what the key had.
    pub fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (key, value));
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) {
        if let Ok(at) = self.find(key) {
            self.0.remove(at);
        }
    }

    /// Entries, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The value of the greatest key.
    pub fn last(&self) -> Option<&V> {
        self.0.last().map(|(_, value)| value)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }
}

#[cfg(test)]
mod tests {
    use super::Few;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_a_map() {
        let (mut few, mut map) = (Few::default(), BTreeMap::new());
        for step in 0..200_u32 {
            let key = step * 7 % 11;
            if step % 3 == 0 {
                few.remove(&key);
                map.remove(&key);
            } else {
                few.insert(key, step);
                map.insert(key, step);
            }
            assert!(few.iter().eq(map.iter()));
            assert_eq!(few.get(&key), map.get(&key));
            assert_eq!(few.last(), map.values().next_back());
            assert_eq!(few.is_empty(), map.is_empty());
        }
    }
}
