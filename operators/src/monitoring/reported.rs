use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_monitor::{Appraisal, Monitor};
use evenkeel_schemas::{Currency, CustomerId, Holding, InstrumentId, Ratio, Row, Valuation, ValuationChange};

use crate::exposures::Part;

/// What may have changed since the last mark.
#[derive(Default)]
struct Stirred {
    /// Each once.
    customers: Vec<CustomerId>,
    /// By customer, whether it is among them.
    listed: Vec<bool>,
    /// A price or rate changed, so everybody may have changed.
    market: bool,
}

impl Stirred {
    fn touch(&mut self, customer: Option<CustomerId>) {
        let Some(customer) = customer else { return self.market = true };
        let at = customer.0 as usize;
        if at >= self.listed.len() {
            self.listed.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.listed[at], true) {
            self.customers.push(customer);
        }
    }

    /// Customers in order, and whether the market changed; nothing has changed from here on.
    fn take(&mut self) -> (Vec<CustomerId>, bool) {
        let mut customers = std::mem::take(&mut self.customers);
        customers.sort_unstable();
        customers.iter().for_each(|customer| self.listed[customer.0 as usize] = false);
        (customers, std::mem::take(&mut self.market))
    }
}

/// Worth as reported at the last mark.
#[derive(Default)]
pub(super) struct Worths {
    stirred: Stirred,
    /// By the monitor's row.
    said: Vec<Option<Valuation>>,
    /// Of some rows, as they are now.
    now: Vec<Option<Valuation>>,
    outgoing: Outgoing,
}

impl Worths {
    /// Notes that something was told of a customer, or of the market.
    pub fn touch(&mut self, customer: Option<CustomerId>) {
        self.stirred.touch(customer);
    }

    /// Gives out what changed since the last mark, many customers at once.
    pub fn report(&mut self, monitor: &mut Monitor, mut out: impl FnMut(Row, isize)) {
        let (customers, market) = self.stirred.take();
        self.said.resize(monitor.rows(), None);
        let outgoing = &mut self.outgoing;
        if market {
            for first in (0..self.said.len()).step_by(CHANGES_AT_ONCE) {
                let rows = first..self.said.len().min(first + CHANGES_AT_ONCE);
                monitor.value(rows.clone(), &mut self.now);
                for (row, now) in rows.zip(&self.now) {
                    let before = std::mem::replace(&mut self.said[row], *now);
                    outgoing.change(
                        ValuationChange { customer: monitor.customer(row), before, now: *now },
                        &mut out,
                    );
                }
            }
        } else {
            for customer in customers {
                let Some(row) = monitor.row(customer) else { continue };
                let now = monitor.appraise(customer).and_then(|appraisal| appraisal.worth.rounded());
                let before = std::mem::replace(&mut self.said[row], now);
                outgoing.change(ValuationChange { customer, before, now }, &mut out);
            }
        }
        outgoing.rest(&mut out);
    }
}

/// Changes of valuations that go out as one row.
const CHANGES_AT_ONCE: usize = 1 << 16;

/// Changes on their way out. The memory of whole rows is used again once nobody reads them any more: to fetch fresh
/// pages for everybody takes longer than to value everybody.
#[derive(Default)]
struct Outgoing {
    changes: Vec<ValuationChange>,
    /// Rows of the mark before, then those of this one.
    before: Vec<Arc<[ValuationChange]>>,
    now: Vec<Arc<[ValuationChange]>>,
}

impl Outgoing {
    fn change(&mut self, change: ValuationChange, out: &mut impl FnMut(Row, isize)) {
        if change.before == change.now {
            return;
        }
        self.changes.push(change);
        if self.changes.len() == CHANGES_AT_ONCE {
            let mut again = self.before.pop();
            let row = match again.as_mut().and_then(Arc::get_mut) {
                Some(place) => {
                    place.copy_from_slice(&self.changes);
                    again.unwrap_or_default()
                }
                None => self.changes.as_slice().into(),
            };
            self.changes.clear();
            self.now.push(row.clone());
            out(Row::Valuations(row), 1);
        }
    }

    /// Gives out what is left of a mark.
    fn rest(&mut self, out: &mut impl FnMut(Row, isize)) {
        if !self.changes.is_empty() {
            out(Row::Valuations(self.changes.as_slice().into()), 1);
            self.changes.clear();
        }
        self.before = std::mem::take(&mut self.now);
    }
}

/// What this worker's customers hold in sum, as reported at the last mark.
#[derive(Default)]
pub(super) struct Exposures(BTreeMap<(Currency, Holding), Part>);

impl Exposures {
    /// Gives out what changed since the last mark.
    pub fn report(&mut self, monitor: &mut Monitor, mut out: impl FnMut((Currency, Holding), Part, isize)) {
        let now = monitor.exposures().map(|e| {
            let part = Part { customers: e.customers, quantity: e.quantity, unit: e.unit };
            ((e.base, e.holding), part)
        });
        let now: BTreeMap<(Currency, Holding), Part> = now.collect();
        let before = std::mem::take(&mut self.0);
        let gone = before.iter().filter(|(key, part)| now.get(key) != Some(part));
        gone.for_each(|(key, part)| out(*key, *part, -1));
        let came = now.iter().filter(|(key, part)| before.get(key) != Some(part));
        came.for_each(|(key, part)| out(*key, *part, 1));
        self.0 = now;
    }
}

/// Where an instrument stands, as reported.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    instrument: InstrumentId,
    weight: Ratio,
    target: Ratio,
    drift: Ratio,
}

/// Standings as reported at the last mark of theirs.
#[derive(Default)]
pub(super) struct Standings {
    stirred: Stirred,
    said: BTreeMap<CustomerId, Box<[Line]>>,
}

impl Standings {
    /// Notes that something was told of a customer, or of the market.
    pub fn touch(&mut self, customer: Option<CustomerId>) {
        self.stirred.touch(customer);
    }

    /// Gives out what changed since the last mark.
    pub fn report(&mut self, monitor: &mut Monitor, mut out: impl FnMut(Row, isize)) {
        let (customers, market) = self.stirred.take();
        if market {
            for row in 0..monitor.rows() {
                self.customer(monitor.customer(row), monitor, &mut out);
            }
        } else {
            customers.into_iter().for_each(|customer| self.customer(customer, monitor, &mut out));
        }
    }

    fn customer(&mut self, customer: CustomerId, monitor: &mut Monitor, out: &mut impl FnMut(Row, isize)) {
        let now = monitor.appraise(customer).as_ref().map(lines).unwrap_or_default();
        let before = self.said.get(&customer).map_or(&[][..], |said| said);
        if now == before {
            return;
        }
        let row = |l: &Line| Row::Drift {
            customer,
            instrument: l.instrument,
            weight: l.weight,
            target: l.target,
            drift: l.drift,
        };
        // One line an instrument, in the order of instruments.
        let gone = before.iter().filter(|line| now.binary_search(line).is_err());
        gone.for_each(|line| out(row(line), -1));
        let came = now.iter().filter(|line| before.binary_search(line).is_err());
        came.for_each(|line| out(row(line), 1));
        if now.is_empty() {
            self.said.remove(&customer);
        } else {
            self.said.insert(customer, now.into());
        }
    }
}

fn lines(appraisal: &Appraisal) -> Vec<Line> {
    let lines = appraisal.standings.iter().map(|standing| Line {
        instrument: standing.instrument,
        weight: standing.weight,
        target: standing.target,
        drift: standing.drift,
    });
    // The binary search above needs the order, whatever the monitor's is.
    let mut lines: Vec<Line> = lines.collect();
    lines.sort_unstable();
    lines
}
