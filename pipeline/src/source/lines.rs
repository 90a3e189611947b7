//! Lines of a file, of standard input or of a body.

use std::io::BufRead;
use std::path::Path;

use super::{Incoming, Source};
use crate::door::{Place, Rejected, read_line};
use crate::error::Error;
use crate::lines::{Line, Lines, open};

/// Lines in a portion.
const PORTION: usize = 2000;

/// A source of NDJSON lines.
pub struct LineSource<R> {
    place: Place,
    lines: Lines<R>,
    ended: bool,
}

impl LineSource<Box<dyn BufRead + Send>> {
    /// A file, unpacked as its name says; `-` is the standard input.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let input = open(path).map_err(|error| Error::file("read events from", path, error))?;
        let source = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(LineSource::new(&source, input))
    }
}

impl<R: BufRead> LineSource<R> {
    /// Lines of an input, as a source of this name.
    pub fn new(source: &str, input: R) -> LineSource<R> {
        let place = Place { source: source.to_owned(), line: 0 };
        LineSource { place, lines: Lines::new(input), ended: false }
    }
}

impl<R: BufRead> Source for LineSource<R> {
    fn next_portion(&mut self) -> Result<Option<Vec<Incoming>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let mut portion = Vec::new();
        while portion.len() < PORTION {
            let place = &mut self.place;
            let line = self.lines.next_line().map_err(|error| {
                Error::Input(format!("cannot read {} after line {}: {error}", place.source, place.line))
            })?;
            let Some(line) = line else {
                self.ended = true;
                break;
            };
            place.line += 1;
            portion.extend(incoming(place, &line));
        }
        Ok(Some(portion))
    }
}

/// Reads a line; a blank one is nothing.
fn incoming(place: &Place, line: &Line<'_>) -> Option<Incoming> {
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
