//! Events as NDJSON, fast enough that writing is not what a workload waits for.

use std::io::{self, Write};

use evenkeel_schemas::events::Event;
use evenkeel_schemas::{Instant, Price, Rate};

/// Writes events, one a line, and counts lines and bytes.
pub struct EventWriter<W: Write> {
    out: W,
    line: Vec<u8>,
    /// The second that `second_text` shows, so that it is worked out once a second and not once a tick.
    second: i64,
    second_text: String,
    events: u64,
    bytes: u64,
}

impl<W: Write> EventWriter<W> {
    /// A writer onto `out`, which should buffer.
    pub fn new(out: W) -> Self {
        let line = Vec::with_capacity(512);
        EventWriter { out, line, second: i64::MIN, second_text: String::new(), events: 0, bytes: 0 }
    }

    /// Lines written.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Flushes and gives `out` back.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes any event.
    ///
    /// # Errors
    /// What `out` reports.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.end_line()
    }

    /// Writes a tick without building the event: the same bytes, a fraction of the time.
    pub(crate) fn tick(&mut self, at: Instant, instrument: &str, price: Price) -> io::Result<()> {
        self.line.clear();
        self.line.extend_from_slice(b"{\"type\":\"tick\",\"at\":\"");
        self.put_time(at);
        self.line.extend_from_slice(b"\",\"instrument\":\"");
        self.line.extend_from_slice(instrument.as_bytes());
        self.line.extend_from_slice(b"\",\"price\":\"");
        self.put_scaled(price.raw(), Price::SCALE);
        self.line.extend_from_slice(b"\"}");
        self.end_line()
    }

    /// Writes a rate without building the event.
    pub(crate) fn rate(&mut self, at: Instant, pair: &str, rate: Rate) -> io::Result<()> {
        self.line.clear();
        self.line.extend_from_slice(b"{\"type\":\"fx_rate\",\"at\":\"");
        self.put_time(at);
        self.line.extend_from_slice(b"\",\"pair\":\"");
        self.line.extend_from_slice(pair.as_bytes());
        self.line.extend_from_slice(b"\",\"rate\":\"");
        self.put_scaled(rate.raw(), Rate::SCALE);
        self.line.extend_from_slice(b"\"}");
        self.end_line()
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.events += 1;
        self.bytes += self.line.len() as u64;
        Ok(())
    }

    /// RFC 3339 with as many decimals of a second as are not zero.
    fn put_time(&mut self, at: Instant) {
        let (second, micros) = (at.micros().div_euclid(1_000_000), at.micros().rem_euclid(1_000_000));
        if second != self.second {
            self.second = second;
            self.second_text = Instant::from_micros(second * 1_000_000).to_string();
            self.second_text.truncate(self.second_text.len() - 1);
        }
        self.line.extend_from_slice(self.second_text.as_bytes());
        if micros > 0 {
            self.line.push(b'.');
            self.put_fraction(micros as u64, 6);
        }
        self.line.push(b'Z');
    }

    /// A number above zero, as the shortest exact decimal.
    fn put_scaled(&mut self, raw: i64, scale: u32) {
        let one = 10_u64.pow(scale);
        let (whole, fraction) = (raw.unsigned_abs() / one, raw.unsigned_abs() % one);
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = whole;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.line.extend_from_slice(&digits[at..]);
        if fraction > 0 {
            self.line.push(b'.');
            self.put_fraction(fraction, scale as usize);
        }
    }

    /// `fraction` in units of 10^-width, without the zeros at its end.
    fn put_fraction(&mut self, fraction: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut rest = fraction;
        for digit in digits[..width].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let zeros = digits[..width].iter().rev().take_while(|digit| **digit == b'0').count();
        self.line.extend_from_slice(&digits[..width - zeros]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::Name;
    use evenkeel_schemas::events::{EventType, FxRate, Tick};

    #[test]
    fn the_short_ways_write_what_the_long_way_writes() {
        let (event_type, instrument) = (EventType::Tick, Name::new("VAS").unwrap());
        for micros in [0, 1, 1_500_000, 1_770_000_000_123_450, 1_770_000_000_999_999, 1_770_000_000_000_000] {
            for raw in [1_i64, 10, 999_999, 1_000_000, 95_120_000, 123_456_789_012, i64::MAX] {
                let (at, price) = (Instant::from_micros(micros), Price::from_raw(raw));
                let tick = Tick {
                    event_type,
                    at,
                    id: None,
                    recorded: None,
                    instrument: instrument.clone(),
                    price,
                    bid: None,
                    ask: None,
                    volume: None,
                };
                let (pair, rate) = ("USD/AUD".parse().unwrap(), Rate::from_raw(raw));
                let fx = FxRate { event_type: EventType::FxRate, at, id: None, recorded: None, pair, rate };
                let mut long = EventWriter::new(Vec::new());
                long.event(&Event::Tick(Box::new(tick))).unwrap();
                long.event(&Event::FxRate(Box::new(fx))).unwrap();
                let mut short = EventWriter::new(Vec::new());
                short.tick(at, "VAS", price).unwrap();
                short.rate(at, "USD/AUD", rate).unwrap();
                assert_eq!((short.events(), short.bytes()), (long.events(), long.bytes()));
                let (short, long) = (short.finish().unwrap(), long.finish().unwrap());
                assert_eq!(String::from_utf8(short).unwrap(), String::from_utf8(long).unwrap());
            }
        }
    }
}
