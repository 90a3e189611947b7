//! Which customers' triggers changed since the actors last ran.

use std::collections::BTreeSet;

use evenkeel_actors::{TriggerChanges, Urgency};
use evenkeel_schemas::{CustomerId, Name, Row};

use super::View;
use crate::engine::Closed;

/// Gathers changes of triggers over epochs.
#[derive(Default)]
pub struct TriggerWatch {
    entered: BTreeSet<CustomerId>,
    left: BTreeSet<CustomerId>,
}

impl TriggerWatch {
    /// Notes the changes of an epoch; returns how many triggers entered.
    pub fn note(&mut self, closed: &Closed) -> u64 {
        let mut entered = 0;
        for (row, diff) in &closed.changes {
            if let Row::Trigger { key, .. } = row {
                let changed = if *diff > 0 { &mut self.entered } else { &mut self.left };
                changed.insert(key.customer);
                entered += u64::from(*diff > 0);
            }
        }
        entered
    }

    /// Forgets what was noted, and notes every customer with an open trigger: how acting begins.
    pub fn note_open(&mut self, view: &View) {
        self.entered = view.open().triggered().collect();
        self.left.clear();
    }

    /// What was noted since the last call, as the view has it now.
    pub fn take(&mut self, view: &View) -> TriggerChanges {
        let TriggerWatch { entered, left } = std::mem::take(self);
        let names = view.names().read();
        let name = |id: &CustomerId| Name::new(names.customer(*id)).ok();
        let has_open = |id: &CustomerId| view.open().is_triggered(*id);
        let cleared = left.iter().filter(|id| !has_open(id)).filter_map(name).collect();
        let urgency = |id: &CustomerId| {
            let open = view.open().triggers_of(*id);
            open.map(|(key, (measure, limit))| Urgency::of(key.kind, *measure, *limit)).min()
        };
        let entered = entered.iter().filter_map(|id| Some((name(id)?, urgency(id)?))).collect();
        TriggerChanges { entered, cleared }
    }
}
