//! The monitor by itself, without a dataflow around it: what is told and what it says, and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use evenkeel_monitor::{Change, Choice, Event, Mode, Monitor, Options, Target};
use evenkeel_operators::facts::{Fact, Feed, Input, Observation, TargetLine};
use evenkeel_schemas::{Currency, CustomerId, Epoch, InstrumentId, Money, Pair, Price, Quantity, Rate, Row};
use serde::Serialize;

use super::drift::{Closed, Stage};
use crate::admission::Inputs;

/// How long it takes to value everybody, and somebody.
#[derive(Copy, Clone, Debug, Serialize)]
pub struct Valued {
    /// Customers valued.
    pub customers: usize,
    /// NAV and its parts of all of them into memory, in milliseconds.
    pub all_ms: f64,
    /// Worth and standings of one of them, in microseconds.
    pub one_us: f64,
}

/// Customers appraised one by one, for a mean.
const APPRAISED: u32 = 1_000;

pub(super) struct Kernel {
    monitor: Monitor,
    units: BTreeMap<(CustomerId, InstrumentId), i64>,
    money: BTreeMap<(CustomerId, Currency), i64>,
    changes: Vec<Change>,
    closed: Arc<Mutex<Closed>>,
}

impl Kernel {
    pub fn new(choice: Choice, closed: Arc<Mutex<Closed>>) -> Kernel {
        let monitor = Monitor::new(Options { choice });
        Kernel { monitor, units: BTreeMap::new(), money: BTreeMap::new(), changes: Vec::new(), closed }
    }

    pub fn value(&mut self) -> Valued {
        let mut valuations = Vec::new();
        // Once for the memory, once for the time.
        self.monitor.value_all(&mut valuations);
        let begun = Instant::now();
        self.monitor.value_all(&mut valuations);
        let all_ms = begun.elapsed().as_secs_f64() * 1e3;
        let begun = Instant::now();
        let some = (0..APPRAISED).filter(|c| self.monitor.appraise(CustomerId(*c)).is_some()).count();
        let one_us = begun.elapsed().as_secs_f64() * 1e6 / some.max(1) as f64;
        Valued { customers: valuations.iter().flatten().count(), all_ms, one_us }
    }

    fn observe(&mut self, observation: Observation) {
        match observation.feed {
            Feed::Instrument(instrument) => {
                self.monitor.set_price(instrument, Some(Price::from_raw(observation.value)));
            }
            Feed::Pair(pair) => {
                let rate = Rate::from_raw(observation.value);
                self.monitor.set_rate(pair, Some(rate));
                self.monitor.set_rate(Pair { base: pair.quote, quote: pair.base }, rate.inverse());
            }
        }
    }

    fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Terms(instrument, _, terms) => {
                self.monitor.set_terms(instrument, Some(terms.currency));
                self.monitor.set_labels(instrument, terms.labels);
            }
            Fact::Base(customer, _, base) => self.monitor.set_base(customer, Some(base)),
            Fact::Targets(customer, _, set) => {
                let target = |line: &TargetLine| Target {
                    instrument: line.instrument,
                    weight: line.weight,
                    band: line.band,
                };
                let lines: Vec<Target> = set.lines.iter().map(target).collect();
                // Neither workload watches buckets.
                self.monitor.set_targets(customer, &lines, &[], set.band_default);
            }
            Fact::Movement(customer, instrument, _, quantity) => {
                let units = self.units.entry((customer, instrument)).or_default();
                *units += quantity.raw();
                self.monitor.set_position(customer, instrument, Quantity::from_raw(*units));
            }
            Fact::Posting(customer, currency, _, amount) => {
                let money = self.money.entry((customer, currency)).or_default();
                *money += amount.raw();
                self.monitor.set_cash(customer, currency, Money::from_raw(*money));
            }
            // Neither workload has splits or corrections; requests and orders are not watched.
            _ => {}
        }
    }
}

impl Stage for Kernel {
    fn feed(&mut self, _epoch: Epoch, inputs: Inputs) {
        for (input, _) in inputs {
            match input {
                Input::Fact(fact) => self.learn(fact),
                Input::Observation(observation) => self.observe(observation),
            }
        }
    }

    fn close(&mut self, _epoch: Epoch) {
        let report = self.monitor.close(&mut self.changes);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.note(report.woken, report.mode != Mode::Zones);
    }

    fn taken(&mut self, _epoch: Epoch) -> Vec<(Row, isize)> {
        let row = |change: Change| {
            let customer = change.customer;
            match change.event {
                Event::BreachEntered { instrument, side, .. } => {
                    Some((Row::Breach { customer, instrument, side }, 1))
                }
                Event::BreachLeft { instrument, side } => {
                    Some((Row::Breach { customer, instrument, side }, -1))
                }
                Event::AnomalyEntered(_) | Event::AnomalyLeft(_) => None,
                Event::FloorReached { .. } | Event::FloorLeft => None,
            }
        };
        self.changes.drain(..).filter_map(row).collect()
    }
}
