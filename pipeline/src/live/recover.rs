//! Reading the log from its beginning: the same events, in the same order, through the same door.

use std::sync::Arc;

use evenkeel_log::{RecordRef, Topic};
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::parse_event;

use super::baseline::Baseline;
use super::sequencer::{DeadLetter, split_number};
use super::{EventLog, Logged, Recorded};
use crate::admission::{Inputs, Origin, conflate};
use crate::door::{Door, Rejected};
use crate::error::Error;

/// What recovery found.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Events read.
    pub events: u64,
    /// The last epoch of the log.
    pub last_epoch: Option<Epoch>,
}

struct Numbered {
    number: u64,
    offset: u64,
    text: Arc<[u8]>,
}

/// Hands every recorded epoch to `each`, in order, until it says no. With a baseline, ticks that it makes
/// needless are left out, and its own epoch is handed over even if nothing was recorded then.
///
/// # Errors
/// When the log cannot be read, or holds what the door would not accept now: an altered or foreign log.
pub fn recover(
    log: &dyn EventLog,
    door: &mut Door,
    baseline: Option<&Baseline>,
    each: impl FnMut(Recorded) -> bool,
) -> Result<Recovered, Error> {
    let mut kept = baseline.map(|baseline| baseline.ticks.iter()).into_iter().flatten().peekable();
    if let Some(baseline) = baseline {
        door.admission.lacks_ticks(baseline.epoch);
    }
    let mut reading = Reading {
        door,
        each,
        baseline,
        begun: baseline.is_none(),
        epoch: None,
        events: Vec::new(),
        letters: Vec::new(),
        recovered: Recovered::default(),
        more: true,
    };
    log.scan(baseline.map_or(0, |baseline| baseline.ticks_after + 1), &mut |record| {
        while let Some(tick) = kept.next_if(|tick| tick.epoch <= record.epoch) {
            reading.turn_to(tick.epoch)?;
            let text = tick.text.as_bytes().into();
            reading.events.push(Numbered { number: tick.number, offset: tick.offset, text });
        }
        reading.turn_to(record.epoch)?;
        reading.take(record)?;
        Ok(reading.more)
    })?;
    reading.end()
}

/// The epoch that is being read.
struct Reading<'a, F> {
    door: &'a mut Door,
    each: F,
    baseline: Option<&'a Baseline>,
    /// Whether the baseline's own inputs were handed over.
    begun: bool,
    epoch: Option<Epoch>,
    events: Vec<Numbered>,
    letters: Vec<(u64, Rejected)>,
    recovered: Recovered,
    more: bool,
}

impl<F: FnMut(Recorded) -> bool> Reading<'_, F> {
    fn take(&mut self, record: RecordRef<'_>) -> Result<(), Error> {
        if record.topic == Topic::DeadLetter {
            let letter: DeadLetter = serde_json::from_slice(record.payload).map_err(|_| {
                Error::Check(format!("log: dead_letter {} is not a record of this program", record.offset))
            })?;
            self.letters.push((record.offset, letter.into_rejected()));
        } else {
            let offset = record.offset;
            let (number, text) = split_number(record)?;
            self.events.push(Numbered { number, offset, text: text.into() });
        }
        Ok(())
    }

    /// Hands over the epoch before, if another one begins.
    fn turn_to(&mut self, epoch: Epoch) -> Result<(), Error> {
        if self.epoch == Some(epoch) || !self.more {
            return Ok(());
        }
        self.hand_over()?;
        if let Some(baseline) = self.baseline.filter(|baseline| !self.begun && epoch > baseline.epoch) {
            self.epoch = Some(baseline.epoch);
            self.hand_over()?;
        }
        self.epoch = Some(epoch);
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        let Some(epoch) = self.epoch.filter(|_| self.more) else { return Ok(()) };
        let (events, letters) = (std::mem::take(&mut self.events), std::mem::take(&mut self.letters));
        self.recovered.events += events.len() as u64;
        self.recovered.last_epoch = Some(epoch);
        let mut inputs = Inputs::new();
        if let Some(baseline) = self.baseline.filter(|baseline| !self.begun && epoch == baseline.epoch) {
            inputs = baseline.inputs();
            self.begun = true;
        }
        let recorded = recorded(self.door, epoch, inputs, events, letters)?;
        self.more = (self.each)(recorded);
        Ok(())
    }

    fn end(mut self) -> Result<Recovered, Error> {
        self.hand_over()?;
        if let Some(baseline) = self.baseline.filter(|_| !self.begun) {
            self.epoch = Some(baseline.epoch);
            self.hand_over()?;
        }
        Ok(self.recovered)
    }
}

fn recorded(
    door: &mut Door,
    epoch: Epoch,
    mut inputs: Inputs,
    mut numbered: Vec<Numbered>,
    rejected: Vec<(u64, Rejected)>,
) -> Result<Recorded, Error> {
    numbered.sort_by_key(|record| record.number);
    let mut events = Vec::with_capacity(numbered.len());
    for Numbered { number, offset, text } in numbered {
        let refused =
            |why: String| Error::Check(format!("log: event {number} is not acceptable: {why}; see verify"));
        let event = parse_event(&text).map_err(|refusal| refused(refusal.to_string()))?;
        door.admission.resume_at(number);
        match door.judge(&event, epoch, Origin::Program) {
            Ok(Some(changes)) => inputs.extend(changes),
            Ok(None) => return Err(refused("its id was seen before".to_owned())),
            Err(refusal) => return Err(refused(refusal.to_string())),
        }
        events.push(Logged { offset, event, payload: text });
    }
    conflate(&mut inputs);
    door.counts.rejected += rejected.len() as u64;
    Ok(Recorded { epoch, inputs: Arc::new(inputs), events, rejected, arrived: None })
}
