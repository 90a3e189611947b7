//! Who is beyond a limit on value at risk at a mark: every portfolio anew, from the rows of the estimates.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{CustomerId, Epoch, InstrumentId, Measure, Ratio, Row, Subject, TriggerKey, Value};

use super::BatchError;
use super::customer::{Worth, worth};
use super::estimates::Estimates;
use super::facts::Facts;

/// The triggers that were open at the last mark.
#[derive(Default)]
pub struct AtRisk {
    open: BTreeMap<CustomerId, Row>,
}

impl AtRisk {
    /// The triggers before and after a mark.
    ///
    /// # Errors
    /// [`BatchError::OutOfRange`] when a number leaves its type.
    pub fn report(
        &mut self,
        facts: &Facts,
        estimates: &Estimates,
        mark: Epoch,
    ) -> Result<(BTreeSet<Row>, BTreeSet<Row>), BatchError> {
        let mut now = BTreeMap::new();
        for (customer, limits) in facts.all_limits() {
            let Some(limit) = limits.value_at_risk else { continue };
            let Some(measure) = measure(facts, estimates, customer)?.filter(|measure| *measure > limit)
            else {
                continue;
            };
            let entered = || {
                let (kind, subject) = (TriggerKind::ValueAtRisk, Subject::Portfolio);
                let key = TriggerKey { customer, kind, subject, entered: mark };
                Row::Trigger { key, measure: Measure::Share(measure), limit: Measure::Share(limit) }
            };
            now.insert(customer, self.open.get(&customer).cloned().unwrap_or_else(entered));
        }
        let before = std::mem::replace(&mut self.open, now);
        Ok((before.into_values().collect(), self.open.values().cloned().collect()))
    }
}

/// The loss of a day that is exceeded on one in twenty, as a share of NAV.
fn measure(facts: &Facts, estimates: &Estimates, customer: CustomerId) -> Result<Option<Ratio>, BatchError> {
    let Some(Worth { base, nav, holdings, .. }) = worth(facts, customer)? else { return Ok(None) };
    if nav <= Value::ZERO || facts.cash(customer).any(|(currency, _)| currency != base) {
        return Ok(None);
    }
    let of = |instrument: &InstrumentId| {
        estimates.rows().find_map(|row| match row {
            Row::Estimate(row) if row.instrument == *instrument && row.currency == base => Some(row),
            _ => None,
        })
    };
    let covariance = |i: InstrumentId, j: InstrumentId| {
        let (low, high) = (i.min(j), i.max(j));
        let pair = estimates.rows().find_map(|row| match row {
            Row::Covariance(row) if (row.instrument, row.other) == (low, high) => Some(row.covariance),
            _ => None,
        });
        pair.map_or(0.0, Ratio::to_f64)
    };
    let weights: Vec<(InstrumentId, f64)> =
        holdings.iter().map(|(i, value)| (*i, value.raw() as f64 / nav.raw() as f64)).collect();
    let mut variance = 0.0;
    for (at, (i, weight)) in weights.iter().enumerate() {
        let Some(estimate) = of(i) else { return Ok(None) };
        variance += weight * weight * (estimate.specific_variance.to_f64() + covariance(*i, *i));
        for (j, other) in &weights[..at] {
            variance += 2.0 * weight * other * covariance(*i, *j);
        }
    }
    let mut factors: BTreeMap<u16, f64> = BTreeMap::new();
    for (i, weight) in &weights {
        for row in estimates.rows() {
            if let Row::FactorLoading(row) = row
                && row.instrument == *i
            {
                *factors.entry(row.factor).or_default() += weight * row.loading.to_f64();
            }
        }
    }
    variance += factors.values().map(|exposure| exposure * exposure).sum::<f64>();
    let measure = 1.644_853_626_951_472_2 * (variance.max(0.0) / 252.0).sqrt();
    Ok(Some(Ratio::from_raw((measure * Ratio::ONE as f64).round_ties_even() as i64)))
}
