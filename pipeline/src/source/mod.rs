//! Where events come from. A source yields lines in portions; a portion is acknowledged when everything
//! accepted of it is on disk. Files, standard input and HTTP bodies are sources, and so is the demo's market;
//! a topic of a broker fits in the same place.

mod lines;

use std::sync::Arc;

use evenkeel_schemas::events::Event;

use crate::door::{Counts, Place, Rejected};
use crate::error::Error;
use crate::live::Submitter;

pub use lines::LineSource;

/// One line as it came in.
pub enum Incoming {
    /// An event, not judged yet, with its place and its text.
    Event(Place, Box<Event>, Arc<[u8]>),
    /// Not an event.
    Refused(Rejected),
}

impl Incoming {
    /// Events that were made in this process, as a source of this name.
    pub fn made(source: &str, events: Vec<Event>) -> Vec<Incoming> {
        let line = |(number, event): (usize, Event)| {
            let place = Place { source: source.to_owned(), line: number as u64 + 1 };
            // Events are plain data with text keys: they always have a JSON form.
            let text = serde_json::to_vec(&event).unwrap_or_default();
            Incoming::Event(place, Box::new(event), text.into())
        };
        events.into_iter().enumerate().map(line).collect()
    }
}

/// Somewhere that events come from.
pub trait Source {
    /// The next portion, waiting for it if need be; `None` when there will be no more.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn next_portion(&mut self) -> Result<Option<Vec<Incoming>>, Error>;
}

/// Hands in everything that a source yields, until it ends or `ending` says so.
///
/// # Errors
/// When the source cannot be read, or the program is stopping.
pub fn pump(
    source: &mut dyn Source,
    submitter: &Submitter,
    ending: &dyn Fn() -> bool,
) -> Result<Counts, Error> {
    let mut total = Counts::default();
    while !ending() {
        let Some(portion) = source.next_portion()? else { break };
        if portion.is_empty() {
            continue;
        }
        let receipt = submitter.submit(portion).map_err(|stopped| Error::Start(stopped.to_string()))?;
        total.accepted += receipt.accepted;
        total.duplicates += receipt.duplicates;
        total.rejected += receipt.rejected.len() as u64;
    }
    Ok(total)
}
