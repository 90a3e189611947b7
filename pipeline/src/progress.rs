//! Progress on long work: a line on stderr, at most twice a second, from the second second on.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Says how far a piece of work is.
pub struct Progress {
    what: &'static str,
    total: Option<u64>,
    started: Instant,
    last: Instant,
    calls: u32,
    shown: bool,
    terminal: bool,
}

impl Progress {
    /// Work of `total` units, where known.
    pub fn new(what: &'static str, total: Option<u64>) -> Progress {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Progress { what, total, started: now, last: now, calls: 0, shown: false, terminal }
    }

    /// Tells that `done` units are done. Cheap enough to call for every event.
    pub fn step(&mut self, done: u64, detail: impl FnOnce() -> String) {
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(1024) {
            self.look(done, detail);
        }
    }

    /// As [`Progress::step`], looking at the clock every time.
    pub fn look(&mut self, done: u64, detail: impl FnOnce() -> String) {
        let every = if self.terminal { Duration::from_millis(500) } else { Duration::from_secs(5) };
        let now = Instant::now();
        if now - self.started < Duration::from_secs(2) || now - self.last < every {
            return;
        }
        self.last = now;
        self.shown = true;
        let share = self
            .total
            .filter(|total| *total > 0)
            .map(|total| format!(" {:3.0}%", done as f64 * 100.0 / total as f64));
        let elapsed = (now - self.started).as_secs();
        let text = format!("{}{} · {} · {elapsed} s", self.what, share.unwrap_or_default(), detail());
        let mut err = std::io::stderr();
        // Progress that cannot be shown is no reason to stop.
        let _ = if self.terminal { write!(err, "\r\x1b[2K{text}") } else { writeln!(err, "{text}") };
        let _ = err.flush();
    }

    /// Ends the line.
    pub fn done(&mut self) {
        if self.shown && self.terminal {
            eprint!("\r\x1b[2K");
        }
    }

    /// How long the work has taken.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
