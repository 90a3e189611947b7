//! Lines of a byte stream, with a bound on their length: a line of any length is passed over without being
//! held in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is read, in bytes.
pub const LINE_MAX: usize = 1 << 20;

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line, without its end; the last one may have none.
    Whole(&'a [u8]),
    /// A line longer than [`LINE_MAX`], of this many bytes.
    TooLong(u64),
}

/// Reads lines one by one.
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `input`.
    pub fn new(input: R) -> Lines<R> {
        Lines { input, buffer: Vec::new() }
    }

    /// The next line, `None` at the end.
    ///
    /// # Errors
    /// What reading the input says.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let mut length = 0_u64;
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if chunk.is_empty() {
                return Ok((length > 0).then(|| self.line(length)));
            }
            let end = memchr::memchr(b'\n', chunk);
            let taken = end.map_or(chunk.len(), |at| at);
            length += taken as u64;
            let room = (LINE_MAX + 1).saturating_sub(self.buffer.len()).min(taken);
            self.buffer.extend_from_slice(&chunk[..room]);
            self.input.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(Some(self.line(length)));
            }
        }
    }

    fn line(&self, length: u64) -> Line<'_> {
        if length > LINE_MAX as u64 {
            return Line::TooLong(length);
        }
        Line::Whole(self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer))
    }
}

/// Opens a file of lines, unpacking `.zst` and `.gz`; `-` is the standard input.
///
/// # Errors
/// What opening the file says.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    const BUFFER: usize = 1 << 18;
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, io::stdin())));
    }
    let file = File::open(path)?;
    let unpacked: Box<dyn Read + Send> = match path.extension().and_then(|e| e.to_str()) {
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    Ok(Box::new(BufReader::with_capacity(BUFFER, unpacked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_the_last_needs_no_end() {
        let mut text = b"one\r\n\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', LINE_MAX + 5));
        text.extend(b"\nlast");
        let mut lines = Lines::new(BufReader::with_capacity(7, text.as_slice()));
        assert_eq!(lines.next_line().unwrap(), Some(Line::Whole(b"one")));
        assert_eq!(lines.next_line().unwrap(), Some(Line::Whole(b"")));
        assert_eq!(lines.next_line().unwrap(), Some(Line::TooLong(LINE_MAX as u64 + 5)));
        assert_eq!(lines.next_line().unwrap(), Some(Line::Whole(b"last")));
        assert_eq!(lines.next_line().unwrap(), None);
    }
}
