//! Events of several files, one after the other, each with its place.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_schemas::events::Event;

use crate::door::{Place, Rejected, read_line};
use crate::error::Error;
use crate::lines::{Line, Lines, open};

/// What a line turned out to be.
pub enum Placed {
    /// An event, its place and its text.
    Event(Place, Box<Event>, Arc<[u8]>),
    /// Not an event.
    Refused(Rejected),
}

/// Events of several files.
pub struct EventFiles {
    paths: VecDeque<PathBuf>,
    current: Option<(Place, Lines<Box<dyn BufRead + Send>>)>,
    bytes: AtomicU64,
}

impl EventFiles {
    /// Opens the first file, so that a missing one is told at once.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn open(paths: &[PathBuf]) -> Result<EventFiles, Error> {
        for path in paths.iter().filter(|path| path.as_os_str() != "-") {
            std::fs::metadata(path).map_err(|error| Error::file("read events from", path, error))?;
        }
        Ok(EventFiles { paths: paths.iter().cloned().collect(), current: None, bytes: AtomicU64::new(0) })
    }

    /// Bytes of text read so far, unpacked.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The next event or refusal; `None` at the end of the last file.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Placed>, Error> {
        loop {
            if self.current.is_none() {
                let Some(path) = self.paths.pop_front() else { return Ok(None) };
                let input = open(&path).map_err(|error| Error::file("read events from", &path, error))?;
                let source = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                self.current = Some((Place { source, line: 0 }, Lines::new(input)));
            }
            let Some((place, lines)) = &mut self.current else { continue };
            place.line += 1;
            let at = |error| {
                Error::Input(format!("cannot read {} after line {}: {error}", place.source, place.line - 1))
            };
            match lines.next_line().map_err(at)? {
                None => self.current = None,
                Some(line) => {
                    let text: &[u8] = match &line {
                        Line::Whole(text) => text,
                        Line::TooLong(_) => b"",
                    };
                    self.bytes.fetch_add(text.len() as u64 + 1, Ordering::Relaxed);
                    match read_line(&line) {
                        Ok(None) => {}
                        Ok(Some(event)) => {
                            return Ok(Some(Placed::Event(place.clone(), Box::new(event), text.into())));
                        }
                        Err(refusal) => {
                            return Ok(Some(Placed::Refused(Rejected::new(place, refusal, text))));
                        }
                    }
                }
            }
        }
    }
}
