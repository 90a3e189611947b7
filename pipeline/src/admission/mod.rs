//! The door: every event passes here once, in the order of the log.
//!
//! What one event alone can tell was checked when it was read (`schemas::events`). Here it meets what is
//! already known: instruments and customers by name, ids already seen, units held, events that a correction
//! names. An accepted event becomes facts and observations for the dataflow.
//!
//! **Invariant:** admission is a function of the accepted events before it, in their order: replaying the
//! log gives the same dense numbers, the same running numbers, the same facts.

mod actions;
mod advice;
mod agreements;
mod conflate;
mod facts;
mod ids;
mod lots;
mod settlement;
mod tax;
#[cfg(test)]
mod tests;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_operators::facts::{Fact, Input, Terms, Version};
use evenkeel_schemas::events::{Correction, Event, Refusal, Topic};
use evenkeel_schemas::{Currency, CustomerId, Epoch, InstrumentId, Name};

use crate::few::Few;
use crate::names::SharedNames;

pub use conflate::conflate;
use ids::{Ids, Known};
use settlement::Settlement;
use units::Units;

/// Changes for the dataflow.
pub type Inputs = Vec<(Input, isize)>;

/// What became of an event at the door.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Accepted: what it changes.
    Accepted(Inputs),
    /// Its id was seen before: dropped and counted.
    Duplicate,
    /// Not acceptable.
    Refused(Refusal),
}

/// Where an event comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From outside: what the program appends itself is refused.
    Outside,
    /// From the program itself, its log or a recorded file.
    Program,
}

/// What the door knows.
pub struct Admission {
    names: SharedNames,
    accepted: u64,
    /// By customer: their numbers are dense.
    bases: Vec<Few<Version, Currency>>,
    terms: BTreeMap<InstrumentId, BTreeMap<Version, Terms>>,
    held: Units,
    /// Instruments of which an action ever made or took units. What is held of them depends on dates, which the
    /// dataflow knows and the door does not: sales of them are not refused here, and an oversale shows as an anomaly.
    reshaped: BTreeSet<InstrumentId>,
    settlement: Settlement,
    ids: Ids,
    correctable_ticks: u64,
    /// Whether lots are kept.
    lots: bool,
    /// Days since 1970 of the day on whose closing price cost bases are re-based.
    rebasing_day: Option<i32>,
    /// Market events may be missing that could not be corrected any more at this epoch; what corrected them up
    /// to then stands all the same.
    pruned: Option<Epoch>,
}

impl Admission {
    /// An empty door. A market event with an id can be corrected, or recognised as a duplicate, while at most
    /// `correctable_ticks` events have been accepted after it. Without `lots`, nothing is said of tax lots.
    pub fn new(correctable_ticks: usize, lots: bool) -> Admission {
        Admission {
            names: SharedNames::default(),
            accepted: 0,
            bases: Vec::new(),
            terms: BTreeMap::new(),
            held: Units::default(),
            reshaped: BTreeSet::new(),
            settlement: Settlement::default(),
            ids: Ids::new(),
            correctable_ticks: u64::try_from(correctable_ticks).unwrap_or(u64::MAX),
            lots,
            rebasing_day: tax::rebasing_day(),
            pruned: None,
        }
    }

    /// What is judged next lacks market events that could not be corrected any more at `epoch`.
    pub fn lacks_ticks(&mut self, epoch: Epoch) {
        self.pruned = Some(epoch);
    }

    /// Names by dense number.
    pub fn names(&self) -> &SharedNames {
        &self.names
    }

    /// Events accepted so far: the running number of the next.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Goes on counting from a number of the log.
    pub fn resume_at(&mut self, number: u64) {
        self.accepted = self.accepted.max(number);
    }

    /// The terms of an instrument.
    pub fn terms(&self, instrument: InstrumentId) -> Option<&Terms> {
        self.terms.get(&instrument).and_then(|all| all.values().next_back())
    }

    /// Judges an event that is recorded at `epoch`; epochs never go back.
    pub fn admit(&mut self, event: &Event, epoch: Epoch, origin: Origin) -> Verdict {
        let (field, inner) = match event {
            Event::Correction(correction) => ("with.type", correction.with.as_ref().unwrap_or(event)),
            _ => ("type", event),
        };
        if origin == Origin::Outside && inner.event_type().topic() == Topic::Decisions {
            let kind = inner.event_type().as_str();
            let reason = format!("expected an event from outside; {kind} is the program's own");
            return Verdict::Refused(Refusal::new(field, reason));
        }
        self.ids.forget(self.accepted);
        let id = event.id().map(|name| self.ids.id(name));
        if id.as_ref().is_some_and(|id| self.ids.seen(id)) {
            return Verdict::Duplicate;
        }
        let admitted = match event {
            Event::Correction(correction) => self.correct(correction, epoch),
            _ => self.all_inputs(event, epoch, origin),
        };
        match admitted {
            Ok(inputs) => {
                if let Some(id) = id {
                    self.ids.insert(id, Known::of(event, &inputs), self.kept_until(event));
                }
                self.accepted += 1;
                self.count_units(&inputs);
                Verdict::Accepted(inputs)
            }
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// What an event other than a correction changes, lots included.
    fn all_inputs(&mut self, event: &Event, epoch: Epoch, origin: Origin) -> Result<Inputs, Refusal> {
        let mut inputs = self.inputs(event, epoch, origin)?;
        if self.lots {
            inputs.extend(self.of_lots(event).map(|fact| (Input::Fact(fact), 1)));
        }
        Ok(inputs)
    }

    /// The running number until which the id of a market event is kept; `None` for ever.
    fn kept_until(&self, event: &Event) -> Option<u64> {
        let market = event.event_type().topic() == Topic::Market;
        market.then(|| self.accepted.saturating_add(self.correctable_ticks))
    }

    /// The running number up to which a correction may name an observation's event; 0 when none can.
    fn correctable_until(&self, event: &Event) -> u64 {
        event.id().map_or(0, |_| self.kept_until(event).unwrap_or(u64::MAX))
    }

    /// The changes that a correction makes: what it names goes, what replaces it comes.
    fn correct(&mut self, correction: &Correction, epoch: Epoch) -> Result<Inputs, Refusal> {
        let (of, id) = (&correction.of, self.ids.id(&correction.of));
        let original = match self.ids.get(&id) {
            None if self.pruned.is_some_and(|pruned| epoch <= pruned) => Vec::new().into(),
            None => {
                let reason =
                    format!("expected the id of an accepted event, {of} is not known or too old to correct");
                return Err(Refusal::new("of", reason));
            }
            Some(Known::Correction) => {
                let reason = format!("expected the id of an event other than a correction, {of} is one");
                return Err(Refusal::new("of", reason));
            }
            Some(Known::Done) => {
                let reason = format!("expected an event that can be taken back, {of} is what was done");
                return Err(Refusal::new("of", reason));
            }
            Some(Known::Corrected) => {
                let reason =
                    format!("expected an event that stands, {of} was corrected before: name its replacement");
                return Err(Refusal::new("of", reason));
            }
            Some(Known::Live(inputs)) => inputs.clone(),
        };
        let within = |refusal: Refusal| Refusal::new(format!("with.{}", refusal.field), refusal.reason);
        let mut changes: Inputs = original.iter().cloned().map(|input| (input, -1)).collect();
        if let Some(with) = &correction.with {
            let new = with.id().map(|name| self.ids.id(name));
            let known = new.as_ref().is_some_and(|id| self.ids.seen(id));
            if known || (new.is_some() && correction.id.as_ref() == with.id()) {
                return Err(Refusal::new("with.id", "expected an id not seen before"));
            }
            // What is replaced does not stand in the way of its replacement: a sale may be amended.
            self.count_units(&changes);
            let replacing = self.all_inputs(with, epoch, Origin::Outside).map_err(within);
            let undone: Inputs = changes.iter().map(|(input, diff)| (input.clone(), -diff)).collect();
            self.count_units(&undone);
            let replacing = replacing?;
            if let Some(id) = new {
                self.ids.insert(id, Known::of(with, &replacing), self.kept_until(with));
            }
            changes.extend(replacing);
        }
        self.retract_statements(&changes);
        self.ids.corrected(&id);
        Ok(changes)
    }

    /// Busted listings and onboardings are no longer known.
    fn retract_statements(&mut self, changes: &Inputs) {
        for (input, diff) in changes {
            match input {
                Input::Fact(Fact::Terms(instrument, version, _)) if *diff < 0 => {
                    self.terms.entry(*instrument).or_default().remove(version);
                    self.settlement.unlist(*instrument, version);
                }
                Input::Fact(Fact::Base(customer, version, _)) if *diff < 0 => {
                    self.bases_of(*customer).remove(version);
                }
                _ => {}
            }
        }
    }

    fn count_units(&mut self, inputs: &Inputs) {
        for (input, diff) in inputs {
            if let Input::Fact(Fact::Movement(customer, instrument, _, quantity)) = input {
                self.held.add(*customer, *instrument, i128::from(quantity.raw()) * *diff as i128);
            }
        }
    }

    /// What stands for an event without an id: `seq:` and its running number.
    fn seq(&self) -> Arc<str> {
        format!("seq:{}", self.accepted).into()
    }

    fn bases_of(&mut self, customer: CustomerId) -> &mut Few<Version, Currency> {
        let at = customer.0 as usize;
        if at >= self.bases.len() {
            self.bases.resize_with(at + 1, Few::default);
        }
        &mut self.bases[at]
    }

    fn customer(&self, name: &Name) -> Result<CustomerId, Refusal> {
        let known = self.names.read().customer_id(name.as_str());
        known.filter(|id| self.bases.get(id.0 as usize).is_some_and(|bases| !bases.is_empty())).ok_or_else(
            || Refusal::new("customer", format!("expected a customer onboarded before, {name} is not")),
        )
    }

    fn instrument(&self, name: &Name, field: &str) -> Result<InstrumentId, Refusal> {
        let known = self.names.read().instrument_id(name.as_str());
        known.filter(|id| self.terms(*id).is_some()).ok_or_else(|| {
            Refusal::new(field, format!("expected an instrument listed before, {name} is not"))
        })
    }
}
