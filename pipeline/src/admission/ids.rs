//! The ids of accepted events: for recognising duplicates, and what a correction takes back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use evenkeel_operators::facts::Input;
use evenkeel_schemas::Name;

use super::Inputs;

/// What an id stands for.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// An event that stands, and what it changed.
    Live(Arc<[Input]>),
    /// An event that was corrected.
    Corrected,
    /// A correction.
    Correction,
}

impl Known {
    pub(super) fn live(inputs: &Inputs) -> Known {
        Known::Live(inputs.iter().map(|(input, _)| input.clone()).collect())
    }
}

/// All ids of account events and decisions, and those of market events while they can be corrected.
#[allow(clippy::disallowed_types, reason = "looked up only, never iterated")]
pub(super) struct Ids {
    known: HashMap<Name, Known>,
    market: VecDeque<(u64, Name)>,
}

impl Ids {
    pub(super) fn new() -> Ids {
        Ids { known: HashMap::new(), market: VecDeque::new() }
    }

    /// Forgets market events that could be corrected up to a running number before `number`: by number, so
    /// that a replay forgets the same ones.
    pub(super) fn forget(&mut self, number: u64) {
        while let Some((_, oldest)) = self.market.pop_front_if(|(until, _)| *until < number) {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn seen(&self, id: &Name) -> bool {
        self.known.contains_key(id)
    }

    pub(super) fn get(&self, id: &Name) -> Option<&Known> {
        self.known.get(id)
    }

    /// Keeps an id for ever, or until a running number.
    pub(super) fn insert(&mut self, id: &Name, known: Known, until: Option<u64>) {
        self.known.insert(id.clone(), known);
        self.market.extend(until.map(|until| (until, id.clone())));
    }

    pub(super) fn corrected(&mut self, id: &Name) {
        if let Some(known) = self.known.get_mut(id) {
            *known = Known::Corrected;
        }
    }
}
