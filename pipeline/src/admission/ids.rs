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

/// All ids of account events and decisions, and the latest of market events.
#[allow(clippy::disallowed_types, reason = "looked up only, never iterated")]
pub(super) struct Ids {
    known: HashMap<Name, Known>,
    market: VecDeque<Name>,
    market_kept: usize,
}

impl Ids {
    pub(super) fn new(market_kept: usize) -> Ids {
        Ids { known: HashMap::new(), market: VecDeque::new(), market_kept }
    }

    pub(super) fn seen(&self, id: &Name) -> bool {
        self.known.contains_key(id)
    }

    pub(super) fn get(&self, id: &Name) -> Option<&Known> {
        self.known.get(id)
    }

    /// Market ids beyond the number kept are forgotten, the oldest first: by count, so that a replay
    /// forgets the same ones.
    pub(super) fn insert(&mut self, id: &Name, known: Known, market: bool) {
        self.known.insert(id.clone(), known);
        if market {
            self.market.push_back(id.clone());
            if self.market.len() > self.market_kept
                && let Some(oldest) = self.market.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }

    pub(super) fn corrected(&mut self, id: &Name) {
        if let Some(known) = self.known.get_mut(id) {
            *known = Known::Corrected;
        }
    }
}
