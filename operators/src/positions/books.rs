use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{CustomerId, Epoch, InstrumentId, TradeDate};

use super::calc::{Standing, Terms, walk};
use crate::by_customer::ByCustomer;
use crate::epochwise::Changes;
use crate::facts::{Corporate, CorporateAction, Election, Fact, epoch_of};
use crate::groups::Groups;

/// Raw units that came in and went out on a trade date. Packed: there is at least one per holding.
#[derive(Copy, Clone)]
#[repr(C, packed(4))]
struct Moved {
    instrument: InstrumentId,
    date: TradeDate,
    units: i128,
}

impl Moved {
    fn key(&self) -> (InstrumentId, TradeDate) {
        (self.instrument, self.date)
    }
}

/// A change of the books.
#[derive(Clone)]
pub(super) enum Change {
    Fact(Fact),
    /// What a distribution of an instrument pays is due on a day.
    PayDate(InstrumentId, TradeDate),
}

/// How a customer stood in a group of instruments, and how it stands.
pub(super) struct Moves {
    pub customer: CustomerId,
    pub before: Standing,
    pub now: Standing,
}

/// What was bought and sold, and the corporate actions in force.
pub(super) struct Books {
    epoch_ms: u64,
    /// By instrument and date.
    moved: ByCustomer<Vec<Moved>>,
    /// With how often each was counted in: once, or not yet again.
    actions: BTreeMap<InstrumentId, BTreeMap<Arc<CorporateAction>, isize>>,
    elections: BTreeMap<(CustomerId, InstrumentId), Vec<(Election, isize)>>,
    groups: Groups,
}

/// How customers stood before an epoch, by group.
type Before = BTreeMap<(CustomerId, InstrumentId), Standing>;

impl Books {
    pub fn new(epoch_ms: u64) -> Books {
        let (moved, actions) = (ByCustomer::default(), BTreeMap::new());
        Books { epoch_ms, moved, actions, elections: BTreeMap::new(), groups: Groups::default() }
    }

    /// Takes in the changes of an epoch; hands over who stands otherwise than before.
    pub fn step(&mut self, epoch: Epoch, changes: Changes<Change>, mut each: impl FnMut(Moves)) {
        // Joining alone moves nothing, so that it may come first.
        for (change, _) in &changes {
            if let Change::Fact(Fact::Corporate(from, action)) = change
                && let Corporate::Merger { into, .. } = action.what
            {
                self.groups.join(*from, into);
            }
        }
        let (mut before, mut movements) = (Before::new(), Vec::new());
        for (change, times) in changes {
            match change {
                Change::Fact(Fact::Movement(customer, instrument, date, quantity)) => {
                    let units = i128::from(quantity.raw()) * times as i128;
                    let of = (customer, self.groups.of(instrument));
                    movements.push((of, Moved { instrument, date, units }));
                }
                other => self.take(epoch, other, times, &mut before),
            }
        }
        // One visit a customer: most of an epoch is movements of instruments that do nothing.
        movements.sort_by_key(|(of, _)| *of);
        for moved in movements.chunk_by(|(one, _), (other, _)| one == other) {
            let Some(((customer, group), _)) = moved.first().copied() else { continue };
            let noted = before.contains_key(&(customer, group));
            let stood = (!noted).then(|| self.standing(customer, group, epoch.saturating_sub(1)));
            moved.iter().for_each(|(_, moved)| self.add(customer, *moved));
            if let Some(stood) = stood {
                self.tell(customer, group, epoch, stood, &mut each);
            }
        }
        for ((customer, group), stood) in before {
            self.tell(customer, group, epoch, stood, &mut each);
        }
    }

    /// Hands over how a customer stands, if that is otherwise than before.
    fn tell(
        &self,
        customer: CustomerId,
        group: InstrumentId,
        epoch: Epoch,
        before: Standing,
        each: &mut impl FnMut(Moves),
    ) {
        let now = self.standing(customer, group, epoch);
        if before != now {
            each(Moves { customer, before, now });
        }
    }

    /// Takes in what is no movement.
    fn take(&mut self, epoch: Epoch, change: Change, times: isize, before: &mut Before) {
        match change {
            Change::Fact(Fact::Corporate(instrument, action)) => {
                self.note_holders(instrument, epoch, before);
                count(self.actions.entry(instrument).or_default(), action, times);
            }
            Change::Fact(Fact::Reinvest(customer, instrument, election)) => {
                self.note(customer, instrument, epoch, before);
                let elections = self.elections.entry((customer, instrument)).or_default();
                match elections.iter().position(|(known, _)| *known == election) {
                    Some(at) => {
                        elections[at].1 += times;
                        elections.retain(|(_, count)| *count != 0);
                    }
                    None => elections.push((election, times)),
                }
                if elections.is_empty() {
                    self.elections.remove(&(customer, instrument));
                }
            }
            Change::PayDate(instrument, _) => self.note_holders(instrument, epoch, before),
            Change::Fact(_) => {}
        }
    }

    /// Notes how a customer stood when the epoch began.
    fn note(&self, customer: CustomerId, instrument: InstrumentId, epoch: Epoch, before: &mut Before) {
        let group = self.groups.of(instrument);
        let stood = || self.standing(customer, group, epoch.saturating_sub(1));
        before.entry((customer, group)).or_insert_with(stood);
    }

    /// Notes everybody who ever had any of an instrument's group.
    fn note_holders(&self, instrument: InstrumentId, epoch: Epoch, before: &mut Before) {
        let members: Vec<InstrumentId> = self.groups.members(self.groups.of(instrument)).collect();
        let ever = |moved: &[Moved]| members.iter().any(|member| !of(moved, *member).is_empty());
        for (customer, _) in self.moved.iter().filter(|(_, moved)| ever(moved)) {
            self.note(customer, instrument, epoch, before);
        }
    }

    /// How a customer stands in a group at an epoch.
    fn standing(&self, customer: CustomerId, group: InstrumentId, epoch: Epoch) -> Standing {
        let Some(moved) = self.moved.get(customer) else { return Standing::default() };
        if !self.groups.joined(group) && !self.actions.contains_key(&group) {
            let units: i128 = of(moved, group).iter().map(|moved| moved.units).sum();
            let units = Some((group, units)).filter(|(_, units)| *units != 0).into_iter().collect();
            return Standing { units, payments: Vec::new() };
        }
        let (mut movements, mut actions) = (Vec::new(), Vec::new());
        for member in self.groups.members(group) {
            movements.extend(of(moved, member).iter().map(|moved| (moved.date, member, moved.units)));
            let standing = self.actions.get(&member).into_iter().flatten().filter(|(_, count)| **count > 0);
            actions.extend(standing.map(|(action, _)| (member, action.clone())));
        }
        let elections = |instrument| {
            self.elections.get(&(customer, instrument)).map_or(&[][..], |elections| elections.as_slice())
        };
        let paid = |date| epoch_of(date, self.epoch_ms) <= epoch;
        walk(movements, actions, &Terms { elections: &elections, paid: &paid })
    }

    fn add(&mut self, customer: CustomerId, more: Moved) {
        let moved = self.moved.entry(customer);
        match moved.binary_search_by_key(&more.key(), Moved::key) {
            Ok(at) => {
                moved[at].units += more.units;
                if { moved[at].units } == 0 {
                    moved.remove(at);
                }
            }
            Err(at) => {
                if moved.len() == moved.capacity() {
                    moved.reserve_exact(moved.len() / 4 + 2);
                }
                moved.insert(at, more);
            }
        }
    }
}

fn count(actions: &mut BTreeMap<Arc<CorporateAction>, isize>, action: Arc<CorporateAction>, times: isize) {
    let count = actions.entry(action.clone()).or_default();
    *count += times;
    if *count == 0 {
        actions.remove(&action);
    }
}

/// What moved of one instrument, by date.
fn of(moved: &[Moved], instrument: InstrumentId) -> &[Moved] {
    let from = moved.partition_point(|m| { m.instrument } < instrument);
    let upto = moved.partition_point(|m| { m.instrument } <= instrument);
    &moved[from..upto]
}
