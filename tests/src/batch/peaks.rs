//! From where falls of NAV are measured: per customer the peak of NAV, moved by flows so that they are neither gain nor
//! loss. It is of what was known when: corrections of old prices do not move it.

use std::collections::BTreeMap;

use ethnum::I256;
use evenkeel_schemas::{Currency, CustomerId, Money, PeakRow, Rate, Row, Value};

use super::BatchError;
use super::customer::{Worth, worth};
use super::facts::{Facts, Flow, Limits, Order};

/// The peaks, and what they depend on as of the last epoch closed.
#[derive(Default)]
pub struct Peaks {
    peaks: BTreeMap<CustomerId, (Currency, Money)>,
    limits: BTreeMap<CustomerId, Limits>,
    bases: BTreeMap<CustomerId, Option<Currency>>,
}

impl Peaks {
    /// The peak of a customer.
    pub fn of(&self, c: CustomerId) -> Option<Money> {
        self.peaks.get(&c).map(|(_, peak)| *peak)
    }

    /// An epoch touched a customer: its limits, what it is valued in, or by what flowed.
    ///
    /// # Errors
    /// [`BatchError::OutOfRange`] when a number leaves its type.
    pub fn settle(
        &mut self,
        facts: &Facts,
        c: CustomerId,
        flows: Option<&BTreeMap<Order, (Flow, i64)>>,
    ) -> Result<(), BatchError> {
        let (limits, base) = (facts.limits(c), facts.base(c));
        let relimited = self.limits.insert(c, limits).unwrap_or_default() != limits;
        let rebased = self.bases.insert(c, base).flatten() != base;
        let flows: Vec<(Flow, i64)> = flows.into_iter().flat_map(BTreeMap::values).copied().collect();
        let flows: Vec<(Flow, i64)> = flows.into_iter().filter(|(_, times)| *times != 0).collect();
        if limits.drawdown.is_none() || rebased {
            self.peaks.remove(&c);
        }
        if limits.drawdown.is_none() || !(relimited || rebased || !flows.is_empty()) {
            return Ok(());
        }
        let Some(Worth { base, nav, .. }) = worth(facts, c)? else {
            if !flows.is_empty() {
                self.peaks.remove(&c);
            }
            return Ok(());
        };
        let flow = value_of(facts, base, &flows);
        let moved = match (self.of(c), flow) {
            (Some(peak), Some(flow)) if flow == Value::ZERO => Some(peak),
            (Some(peak), Some(flow)) => linked(peak, nav, Value::from_raw(nav.raw() - flow.raw())),
            _ => None,
        };
        self.begin(c, base, moved.or(nav.to_money()));
        Ok(())
    }

    /// What a mark says of a customer.
    ///
    /// # Errors
    /// As [`Peaks::settle`].
    pub fn mark(&mut self, facts: &Facts, c: CustomerId) -> Result<Option<Row>, BatchError> {
        if facts.limits(c).drawdown.is_none() {
            return Ok(None);
        }
        if let Some(Worth { base, nav, .. }) = worth(facts, c)? {
            let now = nav.to_money();
            if now > self.of(c) {
                self.begin(c, base, now);
            }
        }
        let row = self.peaks.get(&c);
        Ok(row.map(|(currency, peak)| Row::Peak(PeakRow { customer: c, currency: *currency, peak: *peak })))
    }

    fn begin(&mut self, c: CustomerId, base: Currency, peak: Option<Money>) {
        match peak.filter(|peak| *peak > Money::ZERO) {
            Some(peak) => drop(self.peaks.insert(c, (base, peak))),
            None => drop(self.peaks.remove(&c)),
        }
    }
}

fn value_of(facts: &Facts, base: Currency, flows: &[(Flow, i64)]) -> Option<Value> {
    let mut sum = 0;
    for (flow, times) in flows {
        let value = match flow {
            Flow::Cash(currency, raw) => {
                Value::of_cash(Money::from_wide(*raw)?, facts.rate(*currency, base)?)?
            }
            Flow::Units(instrument, quantity) => {
                let currency = facts.currency(*instrument)?;
                let rate: Rate = facts.rate(currency, base)?;
                Value::of_position(*quantity, facts.price(*instrument)?, rate)?
            }
        };
        sum += i128::from(*times) * value.raw();
    }
    Some(Value::from_raw(sum))
}

/// peak · now / before, rounded half-even.
fn linked(peak: Money, now: Value, before: Value) -> Option<Money> {
    if now <= Value::ZERO || before <= Value::ZERO {
        return None;
    }
    let (product, before) = (I256::from(peak.raw()) * I256::from(now.raw()), I256::from(before.raw()));
    let (whole, rest) = (product / before, product % before);
    let odd = whole % I256::from(2) == I256::ONE;
    let up = rest + rest > before || rest + rest == before && odd;
    Money::from_wide(i128::try_from(if up { whole + I256::ONE } else { whole }).ok()?)
}
