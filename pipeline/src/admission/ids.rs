//! The ids of accepted events: for recognising duplicates, and what a correction takes back.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;

use evenkeel_operators::facts::Input;
use evenkeel_schemas::Name;
use evenkeel_schemas::events::Event;

use super::Inputs;

/// What an id stands for.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// An event that stands, and what it changed.
    Live(Arc<[Input]>),
    /// What was decided, ordered or allotted: history, which nobody takes back.
    Done,
    /// An event that was corrected.
    Corrected,
    /// A correction.
    Correction,
}

impl Known {
    /// What an accepted event stands for.
    pub(super) fn of(event: &Event, inputs: &Inputs) -> Known {
        match event {
            Event::Correction(_) => Known::Correction,
            Event::Decision(_) | Event::Order(_) | Event::OrderState(_) | Event::Allocation(_) => Known::Done,
            _ => Known::Live(inputs.iter().map(|(input, _)| input.clone()).collect()),
        }
    }
}

/// An id with its hash, which is worked out once: also a table that grows need not fetch each name from where it lies.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Id {
    hash: u64,
    name: Name,
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes the hash that an id carries.
#[derive(Default)]
struct Carried(u64);

impl Hasher for Carried {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "Invariant: an id writes its hash and nothing else");
    }
}

/// All ids of account events and decisions, and those of market events while they can be corrected.
#[allow(clippy::disallowed_types, reason = "looked up only, never iterated")]
pub(super) struct Ids {
    hashing: RandomState,
    known: HashMap<Id, Known, BuildHasherDefault<Carried>>,
    market: VecDeque<(u64, Id)>,
}

impl Ids {
    pub(super) fn new() -> Ids {
        Ids { hashing: RandomState::new(), known: HashMap::default(), market: VecDeque::new() }
    }

    pub(super) fn id(&self, name: &Name) -> Id {
        Id { hash: self.hashing.hash_one(name), name: name.clone() }
    }

    /// Forgets market events that could be corrected up to a running number before `number`: by number, so
    /// that a replay forgets the same ones.
    pub(super) fn forget(&mut self, number: u64) {
        while let Some((_, oldest)) = self.market.pop_front_if(|(until, _)| *until < number) {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn seen(&self, id: &Id) -> bool {
        self.known.contains_key(id)
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Known> {
        self.known.get(id)
    }

    /// Keeps an id for ever, or until a running number.
    pub(super) fn insert(&mut self, id: Id, known: Known, until: Option<u64>) {
        self.market.extend(until.map(|until| (until, id.clone())));
        self.known.insert(id, known);
    }

    pub(super) fn corrected(&mut self, id: &Id) {
        if let Some(known) = self.known.get_mut(id) {
            *known = Known::Corrected;
        }
    }
}
