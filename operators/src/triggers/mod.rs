//! The open reasons to act, per customer.
//!
//! Computes  drift, tax_opportunity, concentration, stop_loss, drawdown: enter when something crosses a threshold on
//!           prices, leave when it comes back (a change of side is both);
//!           cash_flow and manual: enter with their event, leave when a decision answers them or the event
//!           is busted
//! Inputs    crossed: (CustomerId, Crossed), one per kind and instrument (or the portfolio) beyond its threshold;
//!           reasons: Fact::Opened, triggers of prices open where a history begins without its ticks, at the epoch of
//!           that; Fact::Request, one per key; Fact::Answer, any number; each in its customer's worker
//! Outputs   Row::Trigger, one per key
//! Units     a drift's measure is |drift| at entry and its limit the band at entry, as Ratio; a tax opportunity's what
//!           is left after costs at entry and the least that must be; those of a risk limit the share at entry and the
//!           limit then; a flow's measure is its amount, negative for what goes out
//! Errors    none
//! State     per customer, kind and instrument beyond its threshold: side, epoch of entry, measure, limit; per request,
//!           what it asks and how often it was answered
//! Time      a trigger of prices keeps the epoch, measure and limit of its entry: its row does not change while
//!           it is open, so that its id is stable
//! Source    DESIGN §5; the id derives from (customer, kind, subject, epoch of entry)

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{BandSide, CustomerId, Epoch, InstrumentId, Measure, Ratio, Row, Subject, TriggerKey};
use serde::{Deserialize, Serialize};

use crate::epochwise::{Changes, epochwise};
use crate::facts::{Fact, Reason};
use crate::typedefs::Rows;

/// What of a customer is beyond a threshold on prices.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Crossed {
    /// Which threshold.
    pub kind: TriggerKind,
    /// Instrument or bucket; `None` for the portfolio.
    pub of: Option<InstrumentId>,
    /// On which side of it.
    pub side: BandSide,
    /// How far, now.
    pub measure: Measure,
    /// The threshold, now.
    pub limit: Measure,
}

impl Crossed {
    /// A weight beyond its band.
    pub fn band(instrument: InstrumentId, side: BandSide, distance: Ratio, band: Ratio) -> Crossed {
        let (measure, limit) = (Measure::Share(distance), Measure::Share(band));
        Crossed { kind: TriggerKind::Drift, of: Some(instrument), side, measure, limit }
    }

    /// A measure beyond a risk limit.
    pub fn limit(kind: TriggerKind, of: Option<InstrumentId>, measure: Ratio, limit: Ratio) -> Crossed {
        let (measure, limit) = (Measure::Share(measure), Measure::Share(limit));
        Crossed { kind, of, side: BandSide::Over, measure, limit }
    }

    /// Its row of breaches, if it is a weight beyond its band.
    pub fn breach(self, customer: CustomerId) -> Option<Row> {
        let instrument = self.of.filter(|_| self.kind == TriggerKind::Drift)?;
        Some(Row::Breach { customer, instrument, side: self.side })
    }
}

/// A trigger with its measure and limit.
pub type Trigger = (TriggerKey, (Measure, Measure));

/// Maintains the open triggers.
pub fn triggers<'s>(crossed: Rows<'s, (CustomerId, Crossed)>, reasons: Rows<'s, Fact>) -> Rows<'s, Row> {
    let reasons = reasons.flat_map(|fact| match fact {
        Fact::Opened(reason) => {
            let Reason { key, measure, limit } = *reason;
            Some(Change::Opened((key, (measure, limit))))
        }
        Fact::Request(reason) => {
            let Reason { key, measure, limit } = *reason;
            Some(Change::Request(key, Said::Asked(measure, limit)))
        }
        Fact::Answer(key) => Some(Change::Request(*key, Said::Answered)),
        _ => None,
    });
    let changes = crossed.map(|(customer, crossed)| Change::Crossed(customer, crossed)).concat(reasons);
    let (mut open, mut requests) = (OfPrices::default(), Requests::default());
    let mut triggers = Changes::new();
    epochwise(changes, "triggers", Change::spread, move |epoch, changes, out| {
        let (mut crossed, mut opened, mut said) = (Vec::with_capacity(changes.len()), Vec::new(), Vec::new());
        for (change, diff) in changes {
            match change {
                Change::Crossed(customer, c) => crossed.push(((customer, c), diff)),
                Change::Opened(trigger) => opened.push(trigger),
                Change::Request(key, what) => said.push(((key, what), diff)),
            }
        }
        open.step(epoch, crossed, &mut triggers);
        open.adopt(opened, &mut triggers);
        requests.step(said, &mut triggers);
        let row = |((key, (measure, limit)), diff)| (Row::Trigger { key, measure, limit }, diff);
        out.extend(triggers.drain(..).map(row));
    })
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Change {
    Crossed(CustomerId, Crossed),
    Opened(Trigger),
    Request(TriggerKey, Said),
}

/// What is said of a flow or request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Said {
    Asked(Measure, Measure),
    Answered,
}

impl Change {
    fn spread(&self) -> u64 {
        match self {
            Change::Crossed(customer, _) => customer.0.into(),
            Change::Opened((key, _)) | Change::Request(key, _) => key.customer.0.into(),
        }
    }
}

/// Flows and requests: reasons to act until they are answered.
#[derive(Default)]
struct Requests(BTreeMap<TriggerKey, Request>);

#[derive(Default)]
struct Request {
    asked: BTreeMap<(Measure, Measure), isize>,
    answered: isize,
}

impl Request {
    fn open(&self) -> Option<(Measure, Measure)> {
        let open = self.asked.iter().find(|(_, count)| **count > 0 && self.answered <= 0);
        open.map(|(measures, _)| *measures)
    }
}

impl Requests {
    fn step(&mut self, changes: Changes<(TriggerKey, Said)>, out: &mut Changes<Trigger>) {
        let mut before: BTreeMap<TriggerKey, Option<(Measure, Measure)>> = BTreeMap::new();
        for ((key, said), times) in changes {
            let request = self.0.entry(key.clone()).or_default();
            before.entry(key).or_insert_with(|| request.open());
            match said {
                Said::Answered => request.answered += times,
                Said::Asked(measure, limit) => {
                    *request.asked.entry((measure, limit)).or_default() += times;
                    request.asked.retain(|_, count| *count != 0);
                }
            }
        }
        for (key, before) in before {
            let Some(request) = self.0.get(&key) else { continue };
            let now = request.open();
            if request.asked.is_empty() && request.answered == 0 {
                self.0.remove(&key);
            }
            if before != now {
                out.extend(before.map(|measures| ((key.clone(), measures), -1)));
                out.extend(now.map(|measures| ((key, measures), 1)));
            }
        }
    }
}

/// The triggers of prices that are open.
#[derive(Default)]
struct OfPrices(BTreeMap<(CustomerId, TriggerKind, Option<InstrumentId>), (BandSide, Trigger)>);

impl OfPrices {
    fn step(&mut self, epoch: Epoch, changes: Changes<(CustomerId, Crossed)>, out: &mut Changes<Trigger>) {
        let mut now: BTreeMap<(CustomerId, TriggerKind, Option<InstrumentId>), Option<Crossed>> =
            BTreeMap::new();
        for ((customer, crossed), diff) in changes {
            let state = now.entry((customer, crossed.kind, crossed.of)).or_default();
            if diff > 0 {
                *state = Some(crossed);
            }
        }
        for (key, crossed) in now {
            let before = self.0.get(&key).map(|(side, _)| *side);
            let after = crossed.map(|crossed| crossed.side);
            if before == after {
                continue;
            }
            if let Some((_, trigger)) = self.0.remove(&key) {
                out.push((trigger, -1));
            }
            if let Some(crossed) = crossed {
                let (customer, kind, of) = key;
                let subject = of.map_or(Subject::Portfolio, Subject::Instrument);
                let id = TriggerKey { customer, kind, subject, entered: epoch };
                let trigger = (id, (crossed.measure, crossed.limit));
                out.push((trigger.clone(), 1));
                self.0.insert(key, (crossed.side, trigger));
            }
        }
    }

    /// Puts triggers that entered before the history begins in the place of those derived for the same
    /// crossings.
    fn adopt(&mut self, opened: Vec<Trigger>, out: &mut Changes<Trigger>) {
        for trigger in opened {
            let of = match trigger.0.subject {
                Subject::Instrument(instrument) => Some(instrument),
                Subject::Portfolio => None,
                Subject::Event(_) => continue,
            };
            let TriggerKey { customer, kind, .. } = trigger.0;
            if let Some((_, open)) = self.0.get_mut(&(customer, kind, of)) {
                out.push((std::mem::replace(open, trigger.clone()), -1));
                out.push((trigger, 1));
            }
        }
    }
}
