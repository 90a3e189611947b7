//! Handing events in: from HTTP, files, the simulated market and the actors.

use std::io::BufRead;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use evenkeel_schemas::events::Event;
use serde::Serialize;

use crate::admission::Origin;
use crate::door::{Counts, Place, Rejected, read_line};
use crate::error::Error;
use crate::lines::{Line, Lines};

/// One line as it came in.
pub(crate) enum Incoming {
    /// An event, not judged yet.
    Event(Place, Box<Event>, Arc<[u8]>),
    /// Not an event.
    Refused(Rejected),
}

/// Lines that are handed in together.
pub(crate) struct Submission {
    pub lines: Vec<Incoming>,
    pub origin: Origin,
    pub arrived: std::time::Instant,
    pub reply: Option<Sender<Receipt>>,
}

/// What became of a submission. Everything accepted is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The epoch it was recorded at.
    pub epoch: u64,
    /// Accepted events.
    pub accepted: u64,
    /// Dropped because their id was seen before.
    pub duplicates: u64,
    /// Refused lines, with the reasons.
    pub rejected: Vec<Rejected>,
}

/// The sequencer's ends.
pub(crate) struct Inbox {
    pub outside: Receiver<Submission>,
    pub program: Receiver<Submission>,
}

/// Hands events in. Cheap to clone.
#[derive(Clone)]
pub struct Submitter {
    outside: Sender<Submission>,
    program: Sender<Submission>,
}

/// The line has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program is stopping and takes no more events")]
pub struct Stopped;

pub(crate) fn channel(queue: usize) -> (Submitter, Inbox) {
    let (outside, outside_inbox) = bounded(queue);
    let (program, program_inbox) = unbounded();
    (Submitter { outside, program }, Inbox { outside: outside_inbox, program: program_inbox })
}

/// Reads a line; blank ones are nothing.
pub(crate) fn incoming(place: &Place, line: &Line<'_>) -> Option<Incoming> {
    let text: &[u8] = match line {
        Line::Whole(text) => text,
        Line::TooLong(_) => b"",
    };
    match read_line(line) {
        Ok(None) => None,
        Ok(Some(event)) => Some(Incoming::Event(place.clone(), Box::new(event), text.into())),
        Err(refusal) => Some(Incoming::Refused(Rejected::new(place, refusal, text))),
    }
}

/// Reads all lines of a body held in memory.
pub(crate) fn incoming_lines(mut place: Place, lines: &mut Lines<&[u8]>) -> Vec<Incoming> {
    let mut all = Vec::new();
    // Reading from memory does not fail.
    while let Ok(Some(line)) = lines.next_line() {
        place.line += 1;
        all.extend(incoming(&place, &line));
    }
    all
}

/// Lines of a file that are handed in together.
const LINES_AT_ONCE: usize = 2000;

/// Hands a file in, until it ends or `ending` says so.
///
/// # Errors
/// When the file cannot be read or the program is stopping.
pub fn submit_file<R: BufRead>(
    submitter: &Submitter,
    mut place: Place,
    mut lines: Lines<R>,
    ending: impl Fn() -> bool,
) -> Result<Counts, Error> {
    let mut total = Counts::default();
    let stopped = |error: Stopped| Error::Start(error.to_string());
    let mut batch = Vec::new();
    loop {
        let line = lines.next_line().map_err(|error| {
            Error::Input(format!("cannot read {} after line {}: {error}", place.source, place.line))
        })?;
        place.line += 1;
        let ended = line.is_none();
        batch.extend(line.and_then(|line| incoming(&place, &line)));
        if batch.len() >= LINES_AT_ONCE || (ended && !batch.is_empty()) {
            let receipt = submitter.submit(std::mem::take(&mut batch)).map_err(stopped)?;
            total.accepted += receipt.accepted;
            total.duplicates += receipt.duplicates;
            total.rejected += receipt.rejected.len() as u64;
        }
        if ended || ending() {
            return Ok(total);
        }
    }
}

impl Submitter {
    /// Hands lines in and waits until what is accepted is on disk. Blocks while the queue is full.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping; what was not answered for is to be sent again.
    pub(crate) fn submit(&self, lines: Vec<Incoming>) -> Result<Receipt, Stopped> {
        let (reply, receipt) = bounded(1);
        let arrived = std::time::Instant::now();
        let submission = Submission { lines, origin: Origin::Outside, arrived, reply: Some(reply) };
        self.outside.send(submission).map_err(|_| Stopped)?;
        receipt.recv().map_err(|_| Stopped)
    }

    /// Hands in events of the simulated market without waiting for the disk. Blocks while the queue is full.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping.
    pub fn offer(&self, source: &str, events: Vec<Event>) -> Result<(), Stopped> {
        let lines = written(source, events);
        let arrived = std::time::Instant::now();
        let submission = Submission { lines, origin: Origin::Outside, arrived, reply: None };
        self.outside.send(submission).map_err(|_| Stopped)
    }

    /// Hands in what the actors decided. Never blocks.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping.
    pub(crate) fn append(&self, events: Vec<Event>) -> Result<(), Stopped> {
        let lines = written("actors", events);
        let arrived = std::time::Instant::now();
        let submission = Submission { lines, origin: Origin::Program, arrived, reply: None };
        self.program.send(submission).map_err(|_| Stopped)
    }

    /// Submissions that wait.
    pub fn waiting(&self) -> usize {
        self.outside.len() + self.program.len()
    }
}

fn written(source: &str, events: Vec<Event>) -> Vec<Incoming> {
    let place = |line| Place { source: source.to_owned(), line };
    let line = |(number, event): (usize, Event)| {
        let text = serde_json::to_vec(&event).unwrap_or_default();
        Incoming::Event(place(number as u64 + 1), Box::new(event), text.into())
    };
    events.into_iter().enumerate().map(line).collect()
}
