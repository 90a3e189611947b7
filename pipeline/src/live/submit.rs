//! Handing events in: from sources, and from the actors.

use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use evenkeel_schemas::events::Event;
use serde::Serialize;

use crate::admission::Origin;
use crate::door::Rejected;
use crate::source::Incoming;

/// Lines that are handed in together.
pub(crate) struct Submission {
    pub lines: Vec<Incoming>,
    pub origin: Origin,
    pub arrived: Instant,
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

/// A submission on its way to the disk.
pub struct UnderWay(Receiver<Receipt>);

impl UnderWay {
    /// Waits until what is accepted is on disk.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping; what was not answered for is to be sent again.
    pub fn wait(self) -> Result<Receipt, Stopped> {
        self.0.recv().map_err(|_| Stopped)
    }
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

impl Submitter {
    /// Hands lines in and waits until what is accepted is on disk. Blocks while the queue is full.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping; what was not answered for is to be sent again.
    pub fn submit(&self, lines: Vec<Incoming>) -> Result<Receipt, Stopped> {
        self.hand_in(lines)?.wait()
    }

    /// As [`Submitter::submit`], without the wait for the disk: what is handed in next is judged after it.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping.
    pub fn hand_in(&self, lines: Vec<Incoming>) -> Result<UnderWay, Stopped> {
        let (reply, receipt) = bounded(1);
        let arrived = Instant::now();
        let submission = Submission { lines, origin: Origin::Outside, arrived, reply: Some(reply) };
        self.outside.send(submission).map_err(|_| Stopped)?;
        Ok(UnderWay(receipt))
    }

    /// Hands in what the actors propose. Never blocks.
    ///
    /// # Errors
    /// [`Stopped`] when the program is stopping.
    pub(crate) fn append(&self, events: Vec<Event>) -> Result<(), Stopped> {
        let lines = Incoming::made("actors", events);
        let submission = Submission { lines, origin: Origin::Program, arrived: Instant::now(), reply: None };
        self.program.send(submission).map_err(|_| Stopped)
    }

    /// Submissions that wait.
    pub fn waiting(&self) -> usize {
        self.outside.len() + self.program.len()
    }
}
