//! A customer's holdings worked out anew from its accepted events: through a door of their own and the
//! dataflow of production, on one worker that sees nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_operators::dataflow::{Timing, Watching};
use evenkeel_schemas::events::{Correction, Event};
use evenkeel_schemas::{Epoch, Name, Row};

use super::stored::Stored;
use crate::admission::{Inputs, Origin};
use crate::door::Door;
use crate::engine::{Engine, Output, Plan, Workers};
use crate::names::SharedNames;

/// Epochs between reports of what nobody asks for here.
const MARKS: u64 = 36_000;

/// Market events that are remembered: there are none among account events.
const CORRECTABLE: usize = 1;

/// The running number in the name of an event without an id.
pub(super) fn running(name: &str) -> Option<u64> {
    name.strip_prefix("seq:")?.parse().ok()
}

/// What a customer's events change, epoch by epoch.
pub(super) struct Replayed {
    /// Names by dense number: not those of the live view.
    pub names: SharedNames,
    pub inputs: BTreeMap<Epoch, Inputs>,
    /// Events that counted.
    pub events: usize,
    /// How many of them were corrections.
    pub corrections: usize,
    /// What the door refused: never an event that it accepted before.
    pub refused: Vec<String>,
}

/// Which events of several customers are about one, and how they read to somebody who knows of nobody else.
struct Reader<'a> {
    customer: &'a str,
    /// Ids of events that count.
    ids: BTreeSet<Name>,
}

impl Reader<'_> {
    /// An event as it concerns the customer; `None` when it does not.
    fn own(&mut self, event: Event) -> Option<Event> {
        let event = match event {
            Event::Correction(correction) => self.own_correction(*correction)?,
            event => Some(event).filter(|event| self.concerns(event))?,
        };
        self.ids.extend(event.id().cloned());
        if let Event::Correction(correction) = &event {
            self.ids.extend(correction.with.as_ref().and_then(Event::id).cloned());
        }
        Some(event)
    }

    /// A correction may move an event from one customer to another: to this one it is an event or a bust.
    fn own_correction(&self, mut correction: Correction) -> Option<Event> {
        let with = correction.with.take().filter(|with| self.concerns(with));
        if self.ids.contains(&correction.of) {
            correction.with = with;
            return Some(Event::Correction(Box::new(correction)));
        }
        with
    }

    fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::InstrumentListed(_)
            | Event::Split(_)
            | Event::Distribution(_)
            | Event::Merger(_)
            | Event::Delisting(_) => true,
            Event::CustomerOnboarded(e) => e.customer.as_str() == self.customer,
            // They may elect a method.
            Event::TargetsSet(e) => e.customer.as_str() == self.customer,
            Event::TransferIn(e) => e.customer.as_str() == self.customer,
            Event::Fill(e) => e.customer.as_str() == self.customer,
            Event::ReinvestmentElected(e) => e.customer.as_str() == self.customer,
            _ => false,
        }
    }
}

/// Judges a customer's events again, in their order.
pub(super) fn replay(stored: Vec<Stored>, customer: &str, lots: bool) -> Replayed {
    let mut door = Door::new(CORRECTABLE, lots);
    let mut replayed = Replayed {
        names: door.admission.names().clone(),
        inputs: BTreeMap::new(),
        events: 0,
        corrections: 0,
        refused: Vec::new(),
    };
    let mut reader = Reader { customer, ids: BTreeSet::new() };
    for Stored { epoch, offset, event } in stored {
        let correction = matches!(event, Event::Correction(_));
        let Some(event) = reader.own(event) else { continue };
        // The order of account events decides ties; the running number over all topics is the log's alone.
        door.admission.resume_at(offset);
        match door.judge(&event, epoch, Origin::Program) {
            Ok(Some(changes)) => {
                replayed.events += 1;
                replayed.corrections += usize::from(correction);
                replayed.inputs.entry(epoch).or_default().extend(changes);
            }
            Ok(None) => replayed.refused.push(format!("accounts {offset}: its id was seen before")),
            Err(refusal) => replayed.refused.push(format!("accounts {offset}: {refusal}")),
        }
    }
    replayed
}

/// One at a time: each starts a dataflow.
static ONE: Mutex<()> = Mutex::new(());

/// The rows that hold after an epoch. Blocks.
///
/// # Errors
/// In words, when the dataflow cannot be started.
pub(super) fn derive(
    inputs: BTreeMap<Epoch, Inputs>,
    epoch_ms: u64,
    upto: Epoch,
) -> Result<Vec<Row>, String> {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mark_ms = epoch_ms.saturating_mul(MARKS);
    let timing = Timing { epoch_ms, mark_ms, drift_mark_ms: 0, stale_ms: 0, dated: true };
    let plan = Plan { timing, watching: Watching::Textbook, opening: 0 };
    let (engine, outputs) = Engine::start(Workers::Threads(1), plan)?;
    let mut rows: BTreeMap<Row, isize> = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // What was recorded later must not be fed: the inputs end at this epoch.
            for (epoch, changes) in inputs.into_iter().take_while(|(epoch, _)| *epoch <= upto) {
                engine.advance(epoch);
                engine.feed(epoch, Arc::new(changes));
            }
            engine.advance(upto.saturating_add(1));
            // The end of the inputs completes what lies in the future: those epochs are passed over.
            engine.finish();
        });
        for output in outputs {
            let Output::Closed(closed) = output else { continue };
            if closed.epoch <= upto {
                closed.each_single(|row, diff| *rows.entry(row.clone()).or_default() += diff);
            }
        }
    });
    Ok(rows.into_iter().filter(|(_, times)| *times > 0).map(|(row, _)| row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::events::parse_event;

    fn stored(lines: &[&str]) -> Vec<Stored> {
        let event = |(offset, line): (u64, &&str)| {
            let event = parse_event(line.as_bytes()).unwrap();
            Stored { epoch: (offset + 1) * 100, offset, event }
        };
        (0_u64..).zip(lines).map(event).collect()
    }

    fn fill(id: &str, customer: &str, side: &str, quantity: &str, price: &str) -> String {
        format!(
            r#"{{"type":"fill","at":"2026-01-05T00:00:01Z","id":"{id}","customer":"{customer}","instrument":"A","side":"{side}","quantity":"{quantity}","price":"{price}","fee":"0","currency":"AUD","trade_date":"2026-01-05"}}"#
        )
    }

    fn correction(id: &str, of: &str, with: &str) -> String {
        format!(
            r#"{{"type":"correction","at":"2026-01-05T00:00:02Z","id":"{id}","of":"{of}","with":{with},"reason":"test"}}"#
        )
    }

    const LISTED: &str = r#"{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","id":"l","instrument":"A","name":"A","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}"#;
    const ANN: &str = r#"{"type":"customer_onboarded","at":"2026-01-05T00:00:00Z","id":"o","customer":"ann","base_currency":"AUD"}"#;

    fn derived(lines: &[&str], upto: Epoch) -> (Vec<String>, usize) {
        let replayed = replay(stored(lines), "ann", true);
        assert_eq!(replayed.refused, Vec::<String>::new());
        let rows = derive(replayed.inputs, 100, upto).unwrap();
        let words = |row: &Row| match row {
            Row::Position { quantity, .. } => Some(format!("holds {quantity}")),
            Row::Lot(lot) => Some(format!("lot {} {} {}", lot.lot, lot.quantity, lot.cost_base)),
            Row::RealisedGain(gain) => Some(format!("gain {} {}", gain.lot, gain.gain)),
            _ => None,
        };
        (rows.iter().filter_map(words).collect(), replayed.events)
    }

    #[test]
    fn a_busted_fill_is_gone_and_was_there_before() {
        let (first, second) = (fill("f1", "ann", "buy", "5", "10"), fill("f2", "ann", "buy", "5", "20"));
        let (sold, bust) = (fill("f3", "ann", "sell", "4", "30"), correction("c1", "f1", "null"));
        let lines = [LISTED, ANN, &first, &second, &sold, &bust];
        let (rows, events) = derived(&lines, 500);
        assert_eq!((rows.join("; "), events), ("holds 6; lot f1 1 10; lot f2 5 100; gain f1 80".into(), 6));
        let (rows, _) = derived(&lines, 600);
        assert_eq!(rows, ["holds 1", "lot f2 1 20", "gain f2 40"]);
    }

    #[test]
    fn a_correction_may_move_a_fill_to_the_customer_or_away_from_it() {
        let (own, others) = (fill("f1", "ann", "buy", "5", "10"), fill("f2", "bob", "buy", "7", "10"));
        let to_bob = correction("c1", "f1", &fill("f3", "bob", "buy", "5", "10"));
        let to_ann = correction("c2", "f2", &fill("f4", "ann", "buy", "7", "10"));
        let again = correction("c3", "f4", &fill("f5", "ann", "buy", "8", "10"));
        let lines = [LISTED, ANN, &own, &others, &to_bob, &to_ann, &again];
        assert_eq!(derived(&lines, 500).0, Vec::<String>::new());
        assert_eq!(derived(&lines, 600).0, ["holds 7", "lot f4 7 70"]);
        assert_eq!(derived(&lines, 700).0, ["holds 8", "lot f5 8 80"]);
    }
}
