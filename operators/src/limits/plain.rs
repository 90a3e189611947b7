//! The textbook form of drawdowns and of value at risk: everybody with a limit is valued anew, each epoch. The oracle of
//! the guard.

use std::collections::{BTreeMap, BTreeSet};

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use evenkeel_schemas::{
    Currency, CustomerId, InstrumentId, Money, Pair, Price, Quantity, Rate, Ratio, Value, Worth,
};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

use super::guard::fallen;
use super::peaks::Peak;
use super::value_at_risk::ValueAtRisk;
use crate::dataflow::Timing;
use crate::epochwise::{Changes, Waiting};
use crate::facts::Flow;
use crate::known::Known;
use crate::monitoring::Outcome;
use crate::triggers::Crossed;
use crate::typedefs::Rows;
use crate::valuations::{Line, cash_line, position_line, worth};

/// Who is beyond the limit on the fall of NAV, at each epoch, and on value at risk, at marks; the peaks, at marks.
pub fn of_portfolios<'s>(known: Rows<'s, Known>, timing: Timing) -> Rows<'s, Outcome> {
    known
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<(Outcome, u64, isize)>>, _, _, _>(
            Pipeline,
            "limits of portfolios",
            move |_, _| {
                let (mut house, mut waiting) = (House::default(), Waiting::new());
                let mut mark = None::<Capability<u64>>;
                let mut out = Vec::new();
                move |(input, frontier), output| {
                    input.for_each(|capability, data| waiting.file(&capability, data.drain(..)));
                    loop {
                        // A mark reports what holds then: before anything later is taken in.
                        let next = waiting.first().unwrap_or(u64::MAX);
                        let due =
                            |at: &mut Capability<u64>| !frontier.less_equal(at.time()) && *at.time() < next;
                        let (epoch, capability) = if let Some(due) = mark.take_if(due) {
                            house.report(&mut out);
                            (*due.time(), due)
                        } else if let Some((epoch, capability, told)) = waiting.take(frontier) {
                            house.close(told, &mut out);
                            mark.get_or_insert_with(|| capability.delayed(&timing.mark(epoch)));
                            (epoch, capability)
                        } else {
                            break;
                        };
                        let mut session = output.session(&capability);
                        session.give_iterator(out.drain(..).map(|(row, diff)| (row, epoch, diff)));
                    }
                }
            },
        )
        .as_collection()
}

/// All that is known, and the peaks of a worker's customers.
#[derive(Default)]
struct House {
    terms: BTreeMap<InstrumentId, Currency>,
    prices: BTreeMap<InstrumentId, Price>,
    rates: BTreeMap<Pair, Rate>,
    bases: BTreeMap<CustomerId, Currency>,
    positions: BTreeMap<CustomerId, BTreeMap<InstrumentId, Quantity>>,
    cash: BTreeMap<CustomerId, BTreeMap<Currency, Money>>,
    peaks: BTreeMap<CustomerId, Peak>,
    open: BTreeMap<CustomerId, Crossed>,
    value_at_risk: ValueAtRisk,
    at_risk: BTreeMap<CustomerId, Ratio>,
}

impl House {
    fn close(&mut self, mut told: Changes<Known>, out: &mut Changes<Outcome>) {
        consolidate(&mut told);
        // First what goes, then what comes.
        told.sort_by_key(|(_, diff)| *diff > 0);
        let (mut limits, mut stirred, mut peaks) = (BTreeMap::new(), BTreeSet::new(), None);
        let mut flows: BTreeMap<CustomerId, Vec<(Flow, bool)>> = BTreeMap::new();
        for (known, diff) in told {
            let comes = diff > 0;
            match known {
                Known::Limits(customer, set) => {
                    limits.insert(customer, set.drawdown.filter(|_| comes));
                    match set.value_at_risk.filter(|_| comes) {
                        Some(limit) => drop(self.at_risk.insert(customer, limit)),
                        None => drop(self.at_risk.remove(&customer)),
                    }
                }
                Known::Estimated(row) => self.value_at_risk.tell(&row, comes),
                Known::Flow(customer, _, flow) => flows.entry(customer).or_default().push((*flow, comes)),
                Known::Peaks(told) => peaks = Some(told),
                Known::Base(customer, base) => {
                    put(&mut self.bases, customer, base, comes);
                    // Another base currency is another index.
                    self.peaks.entry(customer).or_default().at = None;
                    stirred.insert(customer);
                }
                known => self.learn(known, comes),
            }
        }
        for (customer, limit) in limits {
            self.peaks.entry(customer).or_default().set_limit(limit);
            stirred.insert(customer);
        }
        stirred.extend(flows.keys());
        stirred.extend(self.peaks.keys().filter(|_| peaks.is_some()));
        for customer in stirred {
            let worth = self.worth(customer);
            let flowed = flows.get(&customer).map_or(&[][..], Vec::as_slice);
            let flow = self.value_of(worth.as_ref().map(|worth| worth.currency), flowed);
            let Some(peak) = self.peaks.get_mut(&customer) else { continue };
            peak.settle(worth.as_ref(), flow);
            if let Some(peaks) = &peaks {
                peak.tell(peaks, customer);
            }
        }
        self.peaks.retain(|_, peak| !peak.is_over());
        self.judge(out);
    }

    fn learn(&mut self, known: Known, comes: bool) {
        match known {
            Known::Terms(instrument, currency, _) => put(&mut self.terms, instrument, currency, comes),
            Known::Price(instrument, price) => put(&mut self.prices, instrument, price, comes),
            Known::Conversion(pair, rate) => put(&mut self.rates, pair, rate, comes),
            Known::Position(customer, instrument, quantity) => {
                put(self.positions.entry(customer).or_default(), instrument, quantity, comes);
            }
            Known::Cash(customer, currency, amount) => {
                put(self.cash.entry(customer).or_default(), currency, amount, comes);
            }
            _ => {}
        }
    }

    /// Who is at its floor or below it.
    fn judge(&mut self, out: &mut Changes<Outcome>) {
        let mut now = BTreeMap::new();
        for (customer, peak) in &self.peaks {
            let Some((((_, at), limit), floor)) = peak.at.zip(peak.limit).zip(peak.floor()) else { continue };
            if let Some(worth) = self.worth(*customer).filter(|worth| worth.nav <= floor) {
                let open = self.open.get(customer).copied();
                now.insert(*customer, open.unwrap_or_else(|| fallen(worth.nav, at, limit)));
            }
        }
        let before = std::mem::replace(&mut self.open, now);
        let outcome = |(customer, crossed): (&CustomerId, &Crossed)| Outcome::Breaching(*customer, *crossed);
        let left = before.iter().filter(|(customer, _)| !self.open.contains_key(customer));
        out.extend(left.map(|left| (outcome(left), -1)));
        let entered = self.open.iter().filter(|(customer, _)| !before.contains_key(customer));
        out.extend(entered.map(|entered| (outcome(entered), 1)));
    }

    fn report(&mut self, out: &mut Changes<Outcome>) {
        let limits: Vec<(CustomerId, Ratio)> = self.at_risk.iter().map(|(c, limit)| (*c, *limit)).collect();
        let measured = limits.into_iter().map(|(customer, limit)| (customer, limit, self.measure(customer)));
        let measured = measured.collect();
        self.value_at_risk.report(measured, out);
        for customer in self.peaks.keys().copied().collect::<Vec<_>>() {
            let valuation = self.worth(customer).and_then(|worth| worth.rounded());
            let Some(peak) = self.peaks.get_mut(&customer) else { continue };
            if let Some(valuation) = valuation {
                peak.mark(valuation.currency, valuation.nav);
            }
            peak.report(customer, |row, diff| out.push((Outcome::Reported(row), diff)));
        }
        self.peaks.retain(|_, peak| !peak.is_over());
    }

    /// The value at risk, where all money is of the base currency.
    fn measure(&mut self, customer: CustomerId) -> Option<Ratio> {
        let worth = self.worth(customer)?;
        if self.cash.get(&customer).into_iter().flatten().any(|(currency, _)| *currency != worth.currency) {
            return None;
        }
        let value = |(instrument, quantity): (&InstrumentId, &Quantity)| {
            let (currency, price) = self.terms.get(instrument).zip(self.prices.get(instrument))?;
            let value = Value::of_position(*quantity, *price, self.rate(*currency, worth.currency)?)?;
            Some((*instrument, value))
        };
        let held = self.positions.get(&customer).into_iter().flatten();
        let values: Vec<(InstrumentId, Value)> = held.map(value).collect::<Option<_>>()?;
        self.value_at_risk.measure(&worth, &values)
    }

    fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        if from == to { Some(Rate::PAR) } else { self.rates.get(&Pair { base: from, quote: to }).copied() }
    }

    fn worth(&self, customer: CustomerId) -> Option<Worth> {
        let base = *self.bases.get(&customer)?;
        let mut lines = vec![Line::Base(base)];
        for (instrument, quantity) in self.positions.get(&customer).into_iter().flatten() {
            let quoted = self.terms.get(instrument).zip(self.prices.get(instrument));
            let line = quoted.and_then(|(currency, price)| {
                Some(position_line(*instrument, *quantity, *price, self.rate(*currency, base)?))
            });
            lines.push(line.unwrap_or(Line::Gap));
        }
        for (currency, amount) in self.cash.get(&customer).into_iter().flatten() {
            let rate = self.rate(*currency, base);
            lines.push(rate.map_or(Line::Gap, |rate| cash_line(*currency, *amount, rate)));
        }
        worth(lines.iter()).ok()
    }

    /// What flowed is worth in a base currency; `None` if that is not known.
    fn value_of(&self, base: Option<Currency>, flows: &[(Flow, bool)]) -> Option<Value> {
        flows.iter().try_fold(Value::ZERO, |sum, (flow, comes)| {
            let value = match *flow {
                Flow::Cash(currency, amount) => Value::of_cash(amount, self.rate(currency, base?)?)?,
                Flow::Units(instrument, quantity) => {
                    let (currency, price) = self.terms.get(&instrument).zip(self.prices.get(&instrument))?;
                    Value::of_position(quantity, *price, self.rate(*currency, base?)?)?
                }
            };
            sum.checked_add(if *comes { value } else { Value::from_raw(value.raw().checked_neg()?) })
        })
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, comes: bool) {
    if comes {
        map.insert(key, value);
    } else {
        map.remove(&key);
    }
}
