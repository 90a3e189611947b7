//! The form that runs by default: the portfolios of whoever has limits in a monitor of their own, beside the one that
//! watches drift, so that nobody else pays for them.

use std::collections::BTreeMap;

use evenkeel_monitor::{Change, Choice, Event, Monitor, Options};
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{BandSide, CustomerId, InstrumentId, Ratio};

use super::stops::Stops;
use crate::epochwise::Changes;
use crate::facts::RiskLimits;
use crate::known::Known;
use crate::monitoring::tell;
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
    /// Instruments that weigh too much, as they were told.
    concentrated: BTreeMap<(CustomerId, InstrumentId), Crossed>,
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
                self.limit(*customer, if holds { *limits } else { RiskLimits::default() }, main);
            }
            Known::Cost(customer, instrument, quantity, cost_base) => {
                self.stops.cost((*customer, *instrument), holds.then_some((*quantity, *cost_base)));
            }
            _ => {
                let Some(monitor) = &mut self.monitor else { return };
                match known {
                    Known::Price(instrument, _) => self.stops.price(*instrument, monitor.price(*instrument)),
                    Known::Targets(..) => return,
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
    }

    /// Closes the epoch and says who came to be beyond a limit, and who no longer is.
    pub fn close(&mut self, out: &mut Changes<(CustomerId, Crossed)>) {
        let Some(monitor) = &mut self.monitor else { return };
        monitor.close(&mut self.changes);
        self.stops.close(|instrument| monitor.price(instrument), out);
        for Change { customer, event } in self.changes.drain(..) {
            match event {
                Event::BreachLeft { instrument, side: BandSide::Over } => {
                    let left = self.concentrated.remove(&(customer, instrument));
                    out.extend(left.map(|left| ((customer, left), -1)));
                }
                Event::BreachEntered { instrument, side: BandSide::Over, distance, band } => {
                    let entered = concentrated(instrument, distance, band);
                    self.concentrated.insert((customer, instrument), entered);
                    out.push(((customer, entered), 1));
                }
                // Shorts are not large holdings; what is wrong about a portfolio, the monitor of everybody says.
                Event::BreachLeft { .. }
                | Event::BreachEntered { .. }
                | Event::AnomalyLeft(_)
                | Event::AnomalyEntered(_) => {}
            }
        }
        // With the last customer of theirs, the portfolios go.
        if self.limits.is_empty() {
            self.monitor = None;
        }
    }
}

/// An instrument that weighs too much.
pub(super) fn concentrated(instrument: InstrumentId, weight: Ratio, limit: Ratio) -> Crossed {
    Crossed::limit(TriggerKind::Concentration, Some(instrument), weight, limit)
}
