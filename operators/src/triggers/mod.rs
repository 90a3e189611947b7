//! The open reasons to act, per customer.
//!
//! Computes  drift: enters when a weight leaves its band, leaves when it returns (a change of side is both);
//!           cash_flow and manual: enter with their event, leave when a decision answers them or the event
//!           is busted
//! Inputs    breaching: (CustomerId, Breaching), one per instrument outside its band;
//!           opened: drift triggers open where a history begins without its ticks, at the epoch of that;
//!           requests: (TriggerKey, (Measure, Measure)), one per key; answers: TriggerKey, any number
//! Outputs   (TriggerKey, (measure, limit)), one per key
//! Units     a drift's measure is |drift| at entry and its limit the band at entry, as Ratio; a flow's measure
//!           is its amount
//! Errors    none
//! State     per customer and instrument outside its band: side, epoch of entry, measure, limit
//! Time      a drift trigger keeps the epoch, measure and limit of its entry: its row does not change while
//!           it is open, so that its id is stable
//! Source    DESIGN §5; the id derives from (customer, kind, subject, epoch of entry)

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{BandSide, CustomerId, Epoch, InstrumentId, Measure, Ratio, Subject, TriggerKey};
use serde::{Deserialize, Serialize};

use crate::epochwise::{Changes, epochwise};
use crate::typedefs::{Rows, present};

/// An instrument outside its band.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Breaching {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: BandSide,
    /// |drift| now.
    pub distance: Ratio,
    /// The band now.
    pub band: Ratio,
}

/// A trigger with its measure and limit.
pub type Trigger = (TriggerKey, (Measure, Measure));

/// Maintains the open triggers.
pub fn triggers<'s>(
    breaching: Rows<'s, (CustomerId, Breaching)>,
    opened: Rows<'s, Trigger>,
    requests: Rows<'s, Trigger>,
    answers: Rows<'s, TriggerKey>,
) -> Rows<'s, Trigger> {
    let mut open = OpenDrifts::default();
    let changes = breaching
        .map(|(customer, breaching)| Change::Breaching(customer, breaching))
        .concat(opened.map(Change::Opened));
    let drifts = epochwise(changes, "drift triggers", Change::spread, move |epoch, changes, out| {
        let mut breaching = Vec::with_capacity(changes.len());
        let mut opened = Vec::new();
        for (change, diff) in changes {
            match change {
                Change::Breaching(customer, b) => breaching.push(((customer, b), diff)),
                Change::Opened(trigger) => opened.push(trigger),
            }
        }
        open.step(epoch, breaching, out);
        open.adopt(opened, out);
    });
    drifts.concat(requests.antijoin(present(answers)))
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Change {
    Breaching(CustomerId, Breaching),
    Opened(Trigger),
}

impl Change {
    fn spread(&self) -> u64 {
        match self {
            Change::Breaching(customer, _) => customer.0.into(),
            Change::Opened((key, _)) => key.customer.0.into(),
        }
    }
}

/// The drift triggers that are open.
#[derive(Default)]
struct OpenDrifts(BTreeMap<(CustomerId, InstrumentId), (BandSide, Trigger)>);

impl OpenDrifts {
    fn step(&mut self, epoch: Epoch, changes: Changes<(CustomerId, Breaching)>, out: &mut Changes<Trigger>) {
        let mut now: BTreeMap<(CustomerId, InstrumentId), Option<Breaching>> = BTreeMap::new();
        for ((customer, breaching), diff) in changes {
            let state = now.entry((customer, breaching.instrument)).or_default();
            if diff > 0 {
                *state = Some(breaching);
            }
        }
        for (key, breaching) in now {
            let before = self.0.get(&key).map(|(side, _)| *side);
            let after = breaching.map(|breaching| breaching.side);
            if before == after {
                continue;
            }
            if let Some((_, trigger)) = self.0.remove(&key) {
                out.push((trigger, -1));
            }
            if let Some(breaching) = breaching {
                let (customer, instrument) = key;
                let subject = Subject::Instrument(instrument);
                let id = TriggerKey { customer, kind: TriggerKind::Drift, subject, entered: epoch };
                let trigger = (id, (Measure::Share(breaching.distance), Measure::Share(breaching.band)));
                out.push((trigger.clone(), 1));
                self.0.insert(key, (breaching.side, trigger));
            }
        }
    }

    /// Puts triggers that entered before the history begins in the place of those derived for the same
    /// breaches.
    fn adopt(&mut self, opened: Vec<Trigger>, out: &mut Changes<Trigger>) {
        for trigger in opened {
            let Subject::Instrument(instrument) = trigger.0.subject else { continue };
            if let Some((_, open)) = self.0.get_mut(&(trigger.0.customer, instrument)) {
                out.push((std::mem::replace(open, trigger.clone()), -1));
                out.push((trigger, 1));
            }
        }
    }
}
