use std::collections::BTreeMap;

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
    now: Vec<Option<Valuation>>,
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
        let mut changes = Vec::new();
        let mut change = |customer, before, now| {
            if before != now {
                changes.push(ValuationChange { customer, before, now });
            }
            if changes.len() == CHANGES_AT_ONCE {
                out(Row::Valuations(changes.as_slice().into()), 1);
                changes.clear();
            }
        };
        if market {
            monitor.value_all(&mut self.now);
            std::mem::swap(&mut self.said, &mut self.now);
            for (row, (now, before)) in self.said.iter().zip(&self.now).enumerate() {
                change(monitor.customer(row), *before, *now);
            }
        } else {
            for customer in customers {
                let Some(row) = monitor.row(customer) else { continue };
                let now = monitor.appraise(customer).and_then(|appraisal| appraisal.worth.rounded());
                change(customer, self.said[row], now);
                self.said[row] = now;
            }
        }
        if !changes.is_empty() {
            out(Row::Valuations(changes.into()), 1);
        }
    }
}

/// Changes of valuations that go out as one row.
const CHANGES_AT_ONCE: usize = 1 << 16;

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
