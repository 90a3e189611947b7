//! The form that runs by default: the portfolios of whoever has limits in a monitor of their own, beside the one that
//! watches drift, so that nobody else pays for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_monitor::{Change, Choice, Event, Monitor, Options};
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{
    BandSide, Currency, CustomerId, InstrumentId, Money, PeakRow, Ratio, Valuation, Value,
};

use super::calc::drawdown;
use super::peaks::Peak;
use super::stops::Stops;
use super::value_at_risk::ValueAtRisk;
use crate::epochwise::Changes;
use crate::facts::{Flow, RiskLimits};
use crate::known::Known;
use crate::monitoring::{Outcome, tell};
use crate::triggers::Crossed;

/// The customers of a worker that have limits.
#[derive(Default)]
pub(crate) struct Guard {
    choice: Choice,
    limits: BTreeMap<CustomerId, RiskLimits>,
    /// `None` while nobody has limits.
    monitor: Option<Monitor>,
    stops: Stops,
    changes: Vec<Change>,
    /// What is beyond a limit of a portfolio, as it was told: an instrument that weighs too much, or NAV.
    open: BTreeMap<(CustomerId, Option<InstrumentId>), Crossed>,
    /// By the monitor's row.
    peaks: Vec<Peak>,
    /// What the epoch changed: whom a peak may begin for, what flowed, with its sign, and peaks that were told.
    stirred: BTreeSet<CustomerId>,
    flows: BTreeMap<CustomerId, Vec<(Flow, bool)>>,
    told: Option<Arc<[PeakRow]>>,
    values: Vec<Option<Valuation>>,
    value_at_risk: ValueAtRisk,
    holdings: Vec<(InstrumentId, Value)>,
}

impl Guard {
    /// Guards nobody.
    pub fn new(choice: Choice) -> Guard {
        Guard { choice, ..Guard::default() }
    }

    /// Takes in what holds, or that nothing holds of its key any more. `main` is the monitor of everybody, which was told
    /// the same before.
    pub fn tell(&mut self, known: &Known, holds: bool, main: &Monitor) {
        match known {
            Known::Limits(customer, limits) => {
                self.limit(*customer, if holds { **limits } else { RiskLimits::default() }, main);
            }
            Known::Cost(customer, instrument, cost) => {
                self.stops.cost((*customer, *instrument), holds.then_some(**cost));
            }
            Known::Flow(customer, _, flow) => {
                self.flows.entry(*customer).or_default().push((**flow, holds));
            }
            Known::Peaks(peaks) if holds => self.told = Some(peaks.clone()),
            Known::Estimated(row) => self.value_at_risk.tell(row, holds),
            _ => {
                let Some(monitor) = &mut self.monitor else { return };
                match known {
                    Known::Price(instrument, _) => self.stops.price(*instrument, monitor.price(*instrument)),
                    Known::Targets(..) => return,
                    // Another base currency is another index.
                    Known::Base(customer, _) => {
                        let row = monitor.row(*customer).filter(|_| self.limits.contains_key(customer));
                        if let Some(peak) = row.and_then(|row| self.peaks.get_mut(row)) {
                            peak.at = None;
                            self.stirred.insert(*customer);
                        }
                    }
                    _ => {}
                }
                if known.customer().is_none_or(|customer| self.limits.contains_key(&customer)) {
                    tell(known, holds, monitor);
                }
            }
        }
    }

    fn limit(&mut self, customer: CustomerId, limits: RiskLimits, main: &Monitor) {
        let choice = self.choice;
        let monitor = self.monitor.get_or_insert_with(|| main.beside(Options { choice }));
        if limits == RiskLimits::default() {
            self.limits.remove(&customer);
            monitor.forget(customer);
        } else {
            if self.limits.insert(customer, limits).is_none() {
                monitor.adopt(main, customer);
            }
            match limits.concentration {
                // A band around a target of nothing, for whatever is held.
                Some(most) => monitor.set_targets(customer, &[], &[], most),
                None => monitor.clear_targets(customer),
            }
        }
        self.stops.limit(customer, limits.stop_loss);
        if let Some(row) = monitor.row(customer) {
            if self.peaks.len() <= row {
                self.peaks.resize(row + 1, Peak::default());
            }
            self.peaks[row].set_limit(limits.drawdown);
            self.stirred.insert(customer);
        }
    }

    /// Brings peaks and floors in line with what the epoch changed of accounts.
    fn settle_peaks(&mut self) {
        let Some(monitor) = &mut self.monitor else {
            self.flows.clear();
            self.told = None;
            return;
        };
        let flows = std::mem::take(&mut self.flows);
        let mut stirred = std::mem::take(&mut self.stirred);
        stirred.extend(flows.keys());
        let told = self.told.take();
        stirred.extend(self.limits.keys().filter(|_| told.is_some()));
        for customer in stirred {
            let Some(row) = monitor.row(customer) else { continue };
            let Some(peak) = self.peaks.get_mut(row) else { continue };
            let worth = monitor.appraise(customer).map(|appraisal| appraisal.worth);
            let flowed = flows.get(&customer).map_or(&[][..], Vec::as_slice);
            let base = worth.as_ref().map(|worth| worth.currency);
            peak.settle(worth.as_ref(), value_of(monitor, base, flowed));
            if let Some(told) = &told {
                peak.tell(told, customer);
            }
            monitor.set_floor(customer, peak.floor());
        }
    }

    /// Says what changed of peaks since the last mark, at which everybody is valued, and whose value at risk came to be
    /// beyond its limit or no longer is.
    pub fn report(&mut self, out: &mut Changes<Outcome>) {
        let Some(monitor) = &mut self.monitor else { return };
        let mut measured = Vec::new();
        for (customer, limits) in &self.limits {
            let Some(limit) = limits.value_at_risk else { continue };
            let valued = monitor.holdings(*customer, &mut self.holdings).filter(|(_, abroad)| !abroad);
            let measure = valued.and_then(|(worth, _)| self.value_at_risk.measure(&worth, &self.holdings));
            measured.push((*customer, limit, measure));
        }
        self.value_at_risk.report(measured, out);
        if self.limits.values().any(|limits| limits.drawdown.is_some()) {
            monitor.value_all(&mut self.values);
            for (row, peak) in self.peaks.iter_mut().enumerate().filter(|(_, peak)| peak.limit.is_some()) {
                let Some(Some(Valuation { currency, nav, .. })) = self.values.get(row) else { continue };
                let fresh = peak.at.is_none();
                if peak.mark(*currency, *nav) {
                    match peak.floor() {
                        Some(floor) if !fresh => monitor.raise_floor(row, floor),
                        floor => monitor.set_floor(monitor.customer(row), floor),
                    }
                }
            }
        }
        for (row, peak) in self.peaks.iter_mut().enumerate() {
            peak.report(monitor.customer(row), |row, diff| out.push((Outcome::Reported(row), diff)));
        }
        // With the last customer of theirs, the portfolios go.
        if self.limits.is_empty() {
            self.monitor = None;
            self.peaks.clear();
        }
    }

    /// Closes the epoch and says who came to be beyond a limit, and who no longer is.
    pub fn close(&mut self, out: &mut Changes<(CustomerId, Crossed)>) {
        self.settle_peaks();
        let Some(monitor) = &mut self.monitor else { return };
        monitor.close(&mut self.changes);
        self.stops.close(|instrument| monitor.price(instrument), out);
        for Change { customer, event } in self.changes.drain(..) {
            match event {
                Event::BreachLeft { instrument, side: BandSide::Over } => {
                    let left = self.open.remove(&(customer, Some(instrument)));
                    out.extend(left.map(|left| ((customer, left), -1)));
                }
                Event::BreachEntered { instrument, side: BandSide::Over, distance, band } => {
                    let entered = concentrated(instrument, distance, band);
                    self.open.insert((customer, Some(instrument)), entered);
                    out.push(((customer, entered), 1));
                }
                Event::FloorReached { nav } => {
                    let peak = monitor.row(customer).and_then(|row| self.peaks.get(row));
                    if let Some(((_, at), limit)) = peak.and_then(|peak| peak.at.zip(peak.limit)) {
                        let entered = fallen(nav, at, limit);
                        self.open.insert((customer, None), entered);
                        out.push(((customer, entered), 1));
                    }
                }
                Event::FloorLeft => {
                    let left = self.open.remove(&(customer, None));
                    out.extend(left.map(|left| ((customer, left), -1)));
                }
                // Shorts are not large holdings; what is wrong about a portfolio, the monitor of everybody says.
                Event::BreachLeft { .. }
                | Event::BreachEntered { .. }
                | Event::AnomalyLeft(_)
                | Event::AnomalyEntered(_) => {}
            }
        }
    }
}

/// What flowed is worth in a base currency; `None` if that is not known.
fn value_of(monitor: &Monitor, base: Option<Currency>, flows: &[(Flow, bool)]) -> Option<Value> {
    flows.iter().try_fold(Value::ZERO, |sum, (flow, comes)| {
        let value = match *flow {
            Flow::Cash(currency, amount) => monitor.value_of_cash(amount, currency, base?),
            Flow::Units(instrument, quantity) => monitor.value_of_units(instrument, quantity, base?),
        };
        sum.checked_add(Value::from_raw(if *comes { value?.raw() } else { value?.raw().checked_neg()? }))
    })
}

/// NAV that fell too far below its peak.
pub(super) fn fallen(nav: Value, peak: Money, limit: Ratio) -> Crossed {
    Crossed::limit(TriggerKind::Drawdown, None, drawdown(nav, peak), limit)
}

/// An instrument that weighs too much.
pub(super) fn concentrated(instrument: InstrumentId, weight: Ratio, limit: Ratio) -> Crossed {
    Crossed::limit(TriggerKind::Concentration, Some(instrument), weight, limit)
}
