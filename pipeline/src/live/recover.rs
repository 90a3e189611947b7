//! Reading the log from its beginning: the same events, in the same order, through the same door.

use std::sync::Arc;

use evenkeel_log::Topic;
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::parse_event;

use super::sequencer::{DeadLetter, NUMBER_BYTES};
use super::{EventLog, Logged, Recorded};
use crate::admission::{Inputs, Origin};
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

/// Hands every recorded epoch to `each`, in order, until it says no.
///
/// # Errors
/// When the log cannot be read, or holds what the door would not accept now: an altered or foreign log.
pub fn recover(
    log: &dyn EventLog,
    door: &mut Door,
    mut each: impl FnMut(Recorded) -> bool,
) -> Result<Recovered, Error> {
    let mut recovered = Recovered::default();
    let (mut events, mut letters) = (Vec::new(), Vec::new());
    let mut more = true;
    log.scan(&mut |record| {
        if let Some(last) = recovered.last_epoch.filter(|last| *last != record.epoch) {
            recovered.events += events.len() as u64;
            more = each(recorded(door, last, std::mem::take(&mut events), std::mem::take(&mut letters))?);
        }
        recovered.last_epoch = Some(record.epoch);
        let broken = || {
            Error::Check(format!("log: {} {} is not a record of this program", record.topic, record.offset))
        };
        if record.topic == Topic::DeadLetter {
            let letter: DeadLetter = serde_json::from_slice(record.payload).map_err(|_| broken())?;
            letters.push((record.offset, letter.into_rejected()));
        } else {
            let (number, text) = record.payload.split_first_chunk::<NUMBER_BYTES>().ok_or_else(broken)?;
            let number = u64::from_le_bytes(*number);
            events.push(Numbered { number, offset: record.offset, text: text.into() });
        }
        Ok(more)
    })?;
    if let Some(last) = recovered.last_epoch.filter(|_| more) {
        recovered.events += events.len() as u64;
        each(recorded(door, last, events, letters)?);
    }
    Ok(recovered)
}

fn recorded(
    door: &mut Door,
    epoch: Epoch,
    mut numbered: Vec<Numbered>,
    rejected: Vec<(u64, Rejected)>,
) -> Result<Recorded, Error> {
    numbered.sort_by_key(|record| record.number);
    let mut inputs = Inputs::new();
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
    door.counts.rejected += rejected.len() as u64;
    Ok(Recorded { epoch, inputs: Arc::new(inputs), events, rejected, arrived: None })
}
