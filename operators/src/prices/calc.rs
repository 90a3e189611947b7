use std::collections::BTreeMap;

use crate::facts::{Observation, Version};

#[derive(Copy, Clone, Debug)]
struct Rung {
    value: i64,
    correctable_until: u64,
    count: isize,
}

/// The observations of one feed that are, or by a correction may become, the current one.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rungs: BTreeMap<Version, Rung>,
    /// The greatest running number seen: later corrections have greater ones.
    newest: u64,
}

impl Ladder {
    /// Counts an observation in or out. Changes of one epoch may come in any order, so an observation may
    /// be counted out before it is counted in.
    pub fn update(&mut self, observation: &Observation, diff: isize) {
        let Observation { version, value, correctable_until, .. } = *observation;
        self.newest = self.newest.max(version.number);
        let rung = self.rungs.entry(version).or_insert(Rung { value, correctable_until, count: 0 });
        rung.count += diff;
        if rung.count == 0 {
            self.rungs.remove(&version);
        }
    }

    /// The raw price or rate that holds.
    pub fn current(&self) -> Option<i64> {
        self.rungs.values().rev().find(|rung| rung.count > 0).map(|rung| rung.value)
    }

    /// Forgets what can never become current again: everything below the newest observation that no
    /// correction can take away any more.
    pub fn prune(&mut self) {
        let newest = self.newest;
        let fixed =
            self.rungs.iter().rev().find(|(_, rung)| rung.correctable_until <= newest && rung.count > 0);
        if let Some((&version, _)) = fixed
            && self.rungs.first_key_value().is_some_and(|(first, _)| *first < version)
        {
            self.rungs = self.rungs.split_off(&version);
        }
    }

    /// How many observations are kept.
    pub fn len(&self) -> usize {
        self.rungs.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.rungs.is_empty()
    }
}
