//! What is sent when.

use std::fmt::Write;
use std::time::Duration;

use evenkeel_feeds::EventWriter;
use evenkeel_feeds::generate::Market;
use evenkeel_schemas::Instant as Time;
use evenkeel_schemas::events::Event;

use super::BODY_EVERY;
use crate::Failure;

/// Time between two probes: shares no factor with the length of an epoch, so that probes fall on every phase of
/// it alike.
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(107);
/// Ticks before the first probe, for caches and connections to warm up.
const WARM_UP: Duration = Duration::from_secs(5);

/// A body and when it is due.
pub(super) struct Body {
    pub at: Duration,
    pub text: Vec<u8>,
    pub probe: bool,
}

/// All bodies, in the order of their time.
pub(super) struct Plan {
    pub bodies: Vec<Body>,
    events: u64,
}

impl Plan {
    /// Ticks of the market at an even rate, and the probes among them.
    pub fn new(market: &mut Market, ticks_per_second: u32, length: Duration) -> Result<Plan, Failure> {
        let ticks = u128::from(ticks_per_second) * BODY_EVERY.as_millis() / 1000;
        let count = ((WARM_UP + length).as_millis() / BODY_EVERY.as_millis()) as u32;
        let begin = now();
        let mut bodies = Vec::new();
        for number in 0..count {
            let at = BODY_EVERY * number;
            let effective = Time::from_micros(begin.micros() + at.as_micros() as i64);
            let ticks = market.next_ticks(effective, ticks as usize);
            bodies.push(Body { at, text: body(&ticks)?, probe: false });
        }
        let events = u64::from(count) * ticks as u64 + probes(length) as u64;
        for probe in 0..probes(length) {
            let at = WARM_UP + PROBE_EVERY * probe as u32;
            let effective = Time::from_micros(begin.micros() + at.as_micros() as i64);
            let text = probe_tick(effective, probe, "150").into_bytes();
            bodies.push(Body { at, text, probe: true });
        }
        bodies.sort_by_key(|body| body.at);
        Ok(Plan { bodies, events })
    }

    /// Events over all bodies.
    pub fn events(&self) -> u64 {
        self.events
    }
}

/// How many probes there are in so long.
pub(super) fn probes(length: Duration) -> usize {
    (length.as_millis() / PROBE_EVERY.as_millis()) as usize
}

pub(super) fn now() -> Time {
    Time::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// Events as lines.
pub(crate) fn body(events: &[Event]) -> Result<Vec<u8>, Failure> {
    let mut writer = EventWriter::new(Vec::new());
    for event in events {
        writer.event(event).map_err(Failure::io("write events into memory"))?;
    }
    writer.finish().map_err(Failure::io("write events into memory"))
}

/// The customer of a probe.
pub(super) fn customer(probe: usize) -> String {
    format!("PROBE{probe:05}")
}

fn probe_tick(at: Time, probe: usize, price: &str) -> String {
    format!("{{\"type\":\"tick\",\"at\":\"{at}\",\"instrument\":\"X{probe:05}\",\"price\":\"{price}\"}}\n")
}

/// For each probe an instrument of its own at 100, and a customer with 500 of it and as much cash, who wants
/// just that: nothing to do until the price is 150, when the weight is 10 points above its target. The cash is
/// interest and not a deposit, because a deposit is a reason to act in itself.
pub(super) fn probe_customers(probes: usize) -> String {
    let at = now();
    let mut lines = String::new();
    for probe in 0..probes {
        let (instrument, customer) = (format!("X{probe:05}"), customer(probe));
        let date = at.date();
        // Writing into memory does not fail.
        let _ = write!(
            lines,
            r#"{{"type":"instrument_listed","at":"{at}","instrument":"{instrument}","name":"Probe","kind":"etf","currency":"AUD","asset_class":"equity","region":"AU","sector":"broad","tags":[],"tick_size":"0.01","lot_size":"1","distribution_yield":"0","average_daily_value":"1000000"}}
{}{{"type":"customer_onboarded","at":"{at}","customer":"{customer}","base_currency":"AUD"}}
{{"type":"transfer_in","at":"{at}","customer":"{customer}","instrument":"{instrument}","quantity":"500","cost_base":"50000","acquired":"{date}"}}
{{"type":"cash_posted","at":"{at}","customer":"{customer}","amount":"50000","currency":"AUD","kind":"interest"}}
{{"type":"targets_set","at":"{at}","customer":"{customer}","weights":{{"{instrument}":"0.5"}}}}
"#,
            probe_tick(at, probe, "100")
        );
    }
    lines
}
