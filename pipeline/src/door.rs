//! From bytes to accepted events: reading, judging, counting, and keeping what is refused.

use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::{Event, Refusal, parse_event};
use serde::Serialize;

use crate::admission::{Admission, Inputs, Origin, Verdict};
use crate::lines::{LINE_MAX, Line};

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File, connection or part of the program.
    pub source: String,
    /// Line number, from 1.
    pub line: u64,
}

/// A refused line, as the dead-letter stream keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Where it came from.
    pub file: String,
    /// Line number, from 1.
    pub line: u64,
    /// The field at fault.
    pub field: String,
    /// What was expected and what was there.
    pub reason: String,
    /// The beginning of the line, for a look without the file.
    #[serde(skip)]
    pub payload: String,
}

/// Bytes of a refused line that are kept.
const PAYLOAD_KEPT: usize = 4096;

impl Rejected {
    /// A refusal at a place.
    pub fn new(place: &Place, refusal: Refusal, line: &[u8]) -> Rejected {
        let payload = String::from_utf8_lossy(&line[..line.len().min(PAYLOAD_KEPT)]).into_owned();
        let Refusal { field, reason } = refusal;
        Rejected { file: place.source.clone(), line: place.line, field, reason, payload }
    }
}

/// What came in so far.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Accepted events.
    pub accepted: u64,
    /// Dropped because their id was seen before.
    pub duplicates: u64,
    /// Refused.
    pub rejected: u64,
}

/// Reads a line as an event.
///
/// # Errors
/// A refusal that names the field and what was expected.
pub fn read_line(line: &Line<'_>) -> Result<Option<Event>, Refusal> {
    match line {
        Line::Whole(text) if text.iter().all(u8::is_ascii_whitespace) => Ok(None),
        Line::Whole(text) => parse_event(text).map(Some),
        Line::TooLong(length) => {
            Err(Refusal::new("line", format!("expected at most {LINE_MAX} bytes, got {length}")))
        }
    }
}

/// Judges events one after the other.
pub struct Door {
    /// What is known.
    pub admission: Admission,
    /// What came in so far.
    pub counts: Counts,
}

impl Door {
    /// An empty door.
    pub fn new(correctable_ticks: usize, lots: bool) -> Door {
        Door { admission: Admission::new(correctable_ticks, lots), counts: Counts::default() }
    }

    /// Judges an event; `Ok(None)` is a duplicate.
    ///
    /// # Errors
    /// A refusal that names the field and what was expected.
    pub fn judge(&mut self, event: &Event, epoch: Epoch, origin: Origin) -> Result<Option<Inputs>, Refusal> {
        match self.admission.admit(event, epoch, origin) {
            Verdict::Accepted(inputs) => {
                self.counts.accepted += 1;
                Ok(Some(inputs))
            }
            Verdict::Duplicate => {
                self.counts.duplicates += 1;
                Ok(None)
            }
            Verdict::Refused(refusal) => {
                self.counts.rejected += 1;
                Err(refusal)
            }
        }
    }
}
