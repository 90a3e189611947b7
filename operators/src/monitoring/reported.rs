use std::collections::{BTreeMap, BTreeSet};

use evenkeel_monitor::{Appraisal, Monitor};
use evenkeel_schemas::{Currency, CustomerId, InstrumentId, Money, Ratio, Row, Value};

/// NAV and its parts, as reported.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Valuation {
    currency: Currency,
    nav: Money,
    market_value: Money,
    cash: Money,
}

/// Where an instrument stands, as reported.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Line {
    instrument: InstrumentId,
    weight: Ratio,
    target: Ratio,
    drift: Ratio,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    valuation: Option<Valuation>,
    lines: Box<[Line]>,
}

/// What was reported of each customer at the last mark, and what may have changed since.
#[derive(Default)]
pub(super) struct Reported {
    customers: BTreeMap<CustomerId, Said>,
    touched: BTreeSet<CustomerId>,
    /// A price or rate changed, so everybody may have changed.
    market: bool,
}

impl Reported {
    /// Notes that something was told of a customer, or of the market.
    pub fn touch(&mut self, customer: Option<CustomerId>) {
        match customer {
            Some(customer) => {
                self.touched.insert(customer);
                self.customers.entry(customer).or_default();
            }
            None => self.market = true,
        }
    }

    /// Gives out what changed since the last mark.
    pub fn report(&mut self, monitor: &mut Monitor, mut out: impl FnMut(Row, isize)) {
        let touched = std::mem::take(&mut self.touched);
        let all = std::mem::take(&mut self.market);
        for (customer, before) in &mut self.customers {
            if !all && !touched.contains(customer) {
                continue;
            }
            let now = monitor.appraise(*customer).as_ref().map(Said::of).unwrap_or_default();
            if now != *before {
                now.differences(before, *customer, &mut out);
                *before = now;
            }
        }
    }
}

impl Said {
    fn of(appraisal: &Appraisal) -> Said {
        // A worth guarantees that each part is a Money.
        let money = |value: Value| value.to_money().unwrap_or_default();
        let worth = &appraisal.worth;
        let valuation = Valuation {
            currency: worth.currency,
            nav: money(worth.nav),
            market_value: money(worth.market_value),
            cash: money(worth.cash),
        };
        let lines = appraisal.standings.iter().map(|standing| Line {
            instrument: standing.instrument,
            weight: standing.weight,
            target: standing.target,
            drift: standing.drift,
        });
        Said { valuation: Some(valuation), lines: lines.collect() }
    }

    fn differences(&self, before: &Said, customer: CustomerId, out: &mut impl FnMut(Row, isize)) {
        let valuation = |v: Valuation| Row::Valuation {
            customer,
            currency: v.currency,
            nav: v.nav,
            market_value: v.market_value,
            cash: v.cash,
        };
        let line = |l: &Line| Row::Drift {
            customer,
            instrument: l.instrument,
            weight: l.weight,
            target: l.target,
            drift: l.drift,
        };
        if self.valuation != before.valuation {
            before.valuation.into_iter().for_each(|v| out(valuation(v), -1));
            self.valuation.into_iter().for_each(|v| out(valuation(v), 1));
        }
        // Lines are few and mostly the same instruments in the same order.
        before.lines.iter().filter(|l| !self.lines.contains(l)).for_each(|l| out(line(l), -1));
        self.lines.iter().filter(|l| !before.lines.contains(l)).for_each(|l| out(line(l), 1));
    }
}
