//! What portfolios are to be: targets, and the tilts that hold.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{CustomerId, Epoch, InstrumentId, Ratio};

use super::facts::{Key, Wanted, put};

/// A customer's targets.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Weight and band by instrument.
    pub lines: BTreeMap<InstrumentId, (Ratio, Ratio)>,
    /// The band of everything else.
    pub default: Ratio,
    /// What its members are labelled by, and the band, by bucket.
    pub buckets: BTreeMap<InstrumentId, (Wanted, Ratio)>,
}

/// Tilts of a customer's targets.
#[derive(Clone, Debug)]
pub struct Tilts {
    /// By instrument.
    pub by: BTreeMap<InstrumentId, Ratio>,
    /// The first epoch at which they are over.
    pub over: Option<Epoch>,
}

impl Targets {
    /// With tilts added: between 0 and 1 each, and no more than 1 in sum, for which what was added is cut in proportion,
    /// rounded up.
    fn tilted(&self, by: &BTreeMap<InstrumentId, Ratio>) -> Targets {
        let mut tilted = self.clone();
        let mut added: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for (instrument, by) in by {
            let line = tilted.lines.entry(*instrument).or_insert((Ratio::ZERO, self.default));
            let before = line.0.raw();
            line.0 = Ratio::from_raw((before + by.raw()).clamp(0, Ratio::ONE));
            added.insert(*instrument, i128::from(line.0.raw() - before).max(0));
        }
        let sum: i128 = tilted.lines.values().map(|(weight, _)| i128::from(weight.raw())).sum();
        let (excess, all) = (sum - i128::from(Ratio::ONE), added.values().sum::<i128>());
        for (instrument, added) in added.into_iter().filter(|_| excess > 0) {
            let cut = (added * excess).unsigned_abs().div_ceil(all.unsigned_abs());
            let line = tilted.lines.entry(instrument);
            line.and_modify(|line| line.0 = Ratio::from_raw(line.0.raw() - cut as i64));
        }
        tilted
    }
}

/// Of everybody.
#[derive(Default)]
pub struct Aims {
    targets: BTreeMap<CustomerId, BTreeMap<Key, Targets>>,
    tilts: BTreeMap<CustomerId, BTreeMap<Key, Tilts>>,
    /// Epochs at which tilts are over.
    over: BTreeMap<Epoch, BTreeSet<CustomerId>>,
    /// The epoch that was closed last.
    closed: Epoch,
}

impl Aims {
    /// Targets begin or end to be stated.
    pub fn target(&mut self, c: CustomerId, key: Key, targets: &Targets, live: bool) {
        put(self.targets.entry(c).or_default(), key, targets.clone(), live);
    }

    /// Tilts begin or end to be stated.
    pub fn tilt(&mut self, c: CustomerId, key: Key, tilts: &Tilts, live: bool) {
        if let Some(over) = tilts.over {
            self.over.entry(over).or_default().insert(c);
        }
        put(self.tilts.entry(c).or_default(), key, tilts.clone(), live);
    }

    /// The next epoch at which tilts are over.
    pub fn next(&self) -> Option<Epoch> {
        self.over.keys().next().copied()
    }

    /// An epoch is closed: whose tilts are over since the last.
    pub fn close(&mut self, epoch: Epoch) -> BTreeSet<CustomerId> {
        self.closed = epoch;
        let later = self.over.split_off(&(epoch + 1));
        std::mem::replace(&mut self.over, later).into_values().flatten().collect()
    }

    /// Whoever had targets.
    pub fn customers(&self) -> impl Iterator<Item = &CustomerId> {
        self.targets.keys()
    }

    /// A customer's targets, tilted where they are.
    pub fn of(&self, c: CustomerId) -> Option<Targets> {
        let targets = self.targets.get(&c)?.values().next_back()?;
        let tilts = self.tilts.get(&c).and_then(|tilts| tilts.values().next_back());
        let tilts = tilts.filter(|tilts| tilts.over.is_none_or(|over| over > self.closed));
        Some(tilts.map_or_else(|| targets.clone(), |tilts| targets.tilted(&tilts.by)))
    }
}
