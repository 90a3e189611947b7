//! Instruments whose units become one another's: what happens to one of them has to be known of all.

use std::collections::BTreeMap;

use evenkeel_schemas::InstrumentId;

/// Groups of instruments that mergers join. What was joined stays so: a busted merger leaves a group that is larger
/// than it needs to be, which changes no result.
#[derive(Default)]
pub(crate) struct Groups {
    /// The group of each instrument that is in one of several.
    of: BTreeMap<InstrumentId, InstrumentId>,
    members: BTreeMap<InstrumentId, Vec<InstrumentId>>,
}

impl Groups {
    /// What stands for an instrument's group: its least member.
    pub fn of(&self, instrument: InstrumentId) -> InstrumentId {
        self.of.get(&instrument).copied().unwrap_or(instrument)
    }

    /// The members of the group that an instrument stands for, in order.
    pub fn members(&self, group: InstrumentId) -> impl Iterator<Item = InstrumentId> + '_ {
        let several = self.members.get(&group);
        let alone = several.is_none().then_some(group);
        several.into_iter().flatten().copied().chain(alone)
    }

    /// Whether an instrument is in a group of several.
    pub fn joined(&self, instrument: InstrumentId) -> bool {
        self.of.contains_key(&instrument)
    }

    /// Makes one group of two; gives what stood for each, unless they were one already.
    pub fn join(&mut self, one: InstrumentId, other: InstrumentId) -> Option<(InstrumentId, InstrumentId)> {
        let (one, other) = (self.of(one), self.of(other));
        if one == other {
            return None;
        }
        let mut all: Vec<InstrumentId> = self.members(one).chain(self.members(other)).collect();
        all.sort_unstable();
        self.members.remove(&one);
        self.members.remove(&other);
        let group = one.min(other);
        self.of.extend(all.iter().map(|member| (*member, group)));
        self.members.insert(group, all);
        Some((one, other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_joined_are_one() {
        let mut groups = Groups::default();
        let id = InstrumentId;
        assert_eq!(groups.of(id(5)), id(5));
        assert_eq!(groups.join(id(5), id(3)), Some((id(5), id(3))));
        assert_eq!(groups.join(id(7), id(5)), Some((id(7), id(3))));
        assert_eq!(groups.join(id(7), id(3)), None);
        assert_eq!(groups.members(groups.of(id(7))).collect::<Vec<_>>(), [id(3), id(5), id(7)]);
        assert_eq!(groups.members(id(4)).collect::<Vec<_>>(), [id(4)]);
        assert!(groups.joined(id(5)) && !groups.joined(id(4)));
    }
}
