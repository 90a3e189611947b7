//! The open reasons to act, per customer.
//!
//! Computes  drift: enters when a weight leaves its band, leaves when it returns (a change of side is both);
//!           cash_flow and manual: enter with their event, leave when a decision answers them or the event
//!           is busted
//! Inputs    breaching: (CustomerId, Breaching), one per instrument outside its band;
//!           reasons: Fact::Opened, drift triggers open where a history begins without its ticks, at the epoch of
//!           that; Fact::Request, one per key; Fact::Answer, any number; each in its customer's worker
//! Outputs   (TriggerKey, (measure, limit)), one per key
//! Units     a drift's measure is |drift| at entry and its limit the band at entry, as Ratio; a flow's measure
//!           is its amount
//! Errors    none
//! State     per customer and instrument outside its band: side, epoch of entry, measure, limit; per request, what
//!           it asks and how often it was answered
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
use crate::facts::Fact;
use crate::tally::{Tally, tally};
use crate::typedefs::Rows;

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
    reasons: Rows<'s, Fact>,
) -> Rows<'s, Trigger> {
    let mut open = OpenDrifts::default();
    let opened = reasons.clone().flat_map(|fact| match fact {
        Fact::Opened(key, measure, limit) => Some(Change::Opened((key, (measure, limit)))),
        _ => None,
    });
    let changes =
        breaching.map(|(customer, breaching)| Change::Breaching(customer, breaching)).concat(opened);
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
    let requests = tally::<_, _, _, Request>(reasons, "requests", |fact| match fact {
        Fact::Request(key, measure, limit) => Some((key, Said::Asked(measure, limit))),
        Fact::Answer(key) => Some((key, Said::Answered)),
        _ => None,
    });
    drifts.concat(requests)
}

/// What is said of a flow or request.
enum Said {
    Asked(Measure, Measure),
    Answered,
}

/// A flow or request: a reason to act until it is answered.
#[derive(Default)]
struct Request {
    asked: BTreeMap<(Measure, Measure), isize>,
    answered: isize,
}

impl Tally<Said> for Request {
    type Held = (Measure, Measure);

    fn add(&mut self, said: Said, times: isize) {
        match said {
            Said::Answered => self.answered += times,
            Said::Asked(measure, limit) => {
                let count = self.asked.entry((measure, limit)).or_default();
                *count += times;
                if *count == 0 {
                    self.asked.remove(&(measure, limit));
                }
            }
        }
    }

    fn held(&self) -> Option<(Measure, Measure)> {
        let open = self.asked.iter().find(|(_, count)| **count > 0 && self.answered <= 0);
        open.map(|(measures, _)| *measures)
    }

    fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.answered == 0
    }
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
