//! How much of a portfolio a bad day may cost, from what is estimated of its market.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_estimates::DAYS_PER_YEAR;
use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{Currency, CustomerId, InstrumentId, Ratio, Row, Value, Worth};

use crate::epochwise::Changes;
use crate::monitoring::Outcome;
use crate::triggers::Crossed;

/// The standard normal quantile of 95%: the loss of a day is larger on one day in twenty.
const QUANTILE: f64 = 1.644_853_626_951_472_2;

/// What is estimated of the market, and who is beyond a limit because of it.
#[derive(Default)]
pub(super) struct ValueAtRisk {
    /// Rows of estimates, covariances and factor loadings, as they were told.
    told: BTreeSet<Row>,
    changed: bool,
    places: BTreeMap<InstrumentId, (Currency, usize)>,
    models: BTreeMap<Currency, Model>,
    open: BTreeMap<CustomerId, Crossed>,
}

/// Annual variances of the instruments of a currency, by place.
#[derive(Default)]
struct Model {
    instruments: usize,
    /// Pair by pair, a row of the matrix after the other.
    pairs: Vec<f64>,
    factors: usize,
    /// By factors, an instrument's loadings after the other's.
    loadings: Vec<f64>,
    /// What is not explained by factors.
    specific: Vec<f64>,
}

impl ValueAtRisk {
    /// A row of what is estimated holds, or no longer does.
    pub fn tell(&mut self, row: &Row, holds: bool) {
        self.changed = true;
        if holds {
            self.told.insert(row.clone());
        } else {
            self.told.remove(row);
        }
    }

    /// At a mark: says who came to be beyond the limit and who no longer is. `valued` names whoever has a limit, by
    /// customer, with its measure if that can be said.
    pub fn report(&mut self, valued: Vec<(CustomerId, Ratio, Option<Ratio>)>, out: &mut Changes<Outcome>) {
        let beyond = valued.into_iter().filter_map(|(customer, limit, measure)| {
            let measure = measure.filter(|measure| *measure > limit)?;
            let entered = Crossed::limit(TriggerKind::ValueAtRisk, None, measure, limit);
            Some((customer, self.open.get(&customer).copied().unwrap_or(entered)))
        });
        let now: BTreeMap<CustomerId, Crossed> = beyond.collect();
        let gone = |(customer, _): &(&CustomerId, &Crossed)| !now.contains_key(customer);
        let left = self.open.iter().filter(gone);
        out.extend(left.map(|(customer, crossed)| (Outcome::Breaching(*customer, *crossed), -1)));
        let come = |(customer, _): &(&CustomerId, &Crossed)| !self.open.contains_key(customer);
        let entered = now.iter().filter(come);
        out.extend(entered.map(|(customer, crossed)| (Outcome::Breaching(*customer, *crossed), 1)));
        self.open = now;
    }

    /// One day's value at risk at 95%, as a share of NAV: quantile · √(wᵀΣw), Σ of a day, mean zero. `None` unless NAV is
    /// above zero and everything held is estimated in the base currency. Sums run in the order of instruments.
    pub fn measure(&mut self, worth: &Worth, holdings: &[(InstrumentId, Value)]) -> Option<Ratio> {
        if std::mem::take(&mut self.changed) {
            self.compile();
        }
        if worth.nav <= Value::ZERO {
            return None;
        }
        let nav = worth.nav.raw() as f64;
        let model = match self.models.get(&worth.currency) {
            Some(model) => model,
            // Money of the base currency does not move.
            None if holdings.is_empty() => return Some(Ratio::ZERO),
            None => return None,
        };
        let weight = |(instrument, value): &(InstrumentId, Value)| {
            let (currency, place) = self.places.get(instrument)?;
            (*currency == worth.currency).then_some((*place, value.raw() as f64 / nav))
        };
        let weights: Vec<(usize, f64)> = holdings.iter().map(weight).collect::<Option<_>>()?;
        let of_a_day = (model.variance(&weights).max(0.0) / DAYS_PER_YEAR).sqrt();
        let measure = (QUANTILE * of_a_day * Ratio::ONE as f64).round_ties_even();
        (measure < i64::MAX as f64).then(|| Ratio::from_raw(measure as i64))
    }

    /// Lays the rows out by place.
    fn compile(&mut self) {
        self.places.clear();
        self.models.clear();
        for row in &self.told {
            let Row::Estimate(estimate) = row else { continue };
            let model = self.models.entry(estimate.currency).or_default();
            self.places.insert(estimate.instrument, (estimate.currency, model.instruments));
            model.instruments += 1;
            model.specific.push(estimate.specific_variance.to_f64());
        }
        let place = |instrument: &InstrumentId| self.places.get(instrument).copied();
        for row in &self.told {
            if let Row::FactorLoading(loading) = row
                && let Some((currency, _)) = place(&loading.instrument)
                && let Some(model) = self.models.get_mut(&currency)
            {
                model.factors = model.factors.max(usize::from(loading.factor));
            }
        }
        for model in self.models.values_mut() {
            model.pairs.resize(model.instruments * model.instruments, 0.0);
            model.loadings.resize(model.instruments * model.factors, 0.0);
        }
        for row in &self.told {
            match row {
                Row::Covariance(of) => {
                    let Some(((currency, i), (_, j))) = place(&of.instrument).zip(place(&of.other)) else {
                        continue;
                    };
                    let Some(model) = self.models.get_mut(&currency) else { continue };
                    let covariance = of.covariance.to_f64();
                    model.pairs[i * model.instruments + j] = covariance;
                    model.pairs[j * model.instruments + i] = covariance;
                }
                Row::FactorLoading(of) => {
                    let Some((currency, i)) = place(&of.instrument) else { continue };
                    let Some(model) = self.models.get_mut(&currency) else { continue };
                    let Some(factor) = usize::from(of.factor).checked_sub(1) else { continue };
                    model.loadings[i * model.factors + factor] = of.loading.to_f64();
                }
                _ => {}
            }
        }
    }
}

impl Model {
    /// Of a portfolio, as a share of NAV, annual.
    fn variance(&self, weights: &[(usize, f64)]) -> f64 {
        let mut sum = 0.0;
        for (at, (i, weight)) in weights.iter().enumerate() {
            sum += weight * weight * (self.specific[*i] + self.pairs[i * self.instruments + i]);
            for (j, other) in &weights[..at] {
                sum += 2.0 * weight * other * self.pairs[i * self.instruments + j];
            }
        }
        for factor in 0..self.factors {
            let exposure = |(i, weight): &(usize, f64)| weight * self.loadings[i * self.factors + factor];
            let exposure: f64 = weights.iter().map(exposure).sum();
            sum += exposure * exposure;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::{CovarianceRow, EstimateModel, EstimateRow, FactorLoadingRow, TradeDate};

    use super::*;

    fn ratio(text: &str) -> Ratio {
        text.parse().unwrap()
    }

    fn estimate(instrument: u32, specific: &str) -> Row {
        let day: TradeDate = "2026-03-09".parse().unwrap();
        Row::Estimate(Box::new(EstimateRow {
            instrument: InstrumentId(instrument),
            currency: Currency::AUD,
            as_of: day,
            model: EstimateModel::LedoitWolf,
            observations: 100,
            first_day: day,
            last_day: day,
            volatility: Ratio::ZERO,
            volatility_ewma: Ratio::ZERO,
            specific_variance: ratio(specific),
            beta: Ratio::ZERO,
            mean_return: Ratio::ZERO,
            distribution_yield: Ratio::ZERO,
            franked_fraction: Ratio::ZERO,
        }))
    }

    fn covariance(instrument: u32, other: u32, covariance: &str) -> Row {
        let covariance = ratio(covariance);
        let (instrument, other) = (InstrumentId(instrument), InstrumentId(other));
        Row::Covariance(CovarianceRow { instrument, other, covariance, covariance_ewma: covariance })
    }

    fn loading(instrument: u32, factor: u16, loading: &str) -> Row {
        Row::FactorLoading(FactorLoadingRow {
            instrument: InstrumentId(instrument),
            factor,
            loading: ratio(loading),
        })
    }

    fn value(amount: i128) -> Value {
        Value::from_raw(amount * 10_i128.pow(21))
    }

    fn worth(market_value: i128, cash: i128) -> Worth {
        let (market_value, cash, nav) = (value(market_value), value(cash), value(market_value + cash));
        Worth { currency: Currency::AUD, market_value, cash, nav }
    }

    #[test]
    fn pairs_can_be_worked_out_with_a_pencil() {
        let mut risk = ValueAtRisk::default();
        for row in [
            estimate(1, "0"),
            estimate(2, "0"),
            covariance(1, 1, "0.0252"),
            covariance(1, 2, "0"),
            covariance(2, 2, "0.0448"),
        ] {
            risk.tell(&row, true);
        }
        // All in one: 0.0252 a year is 0.0001 a day, whose root is 1%.
        let one = [(InstrumentId(1), value(1000))];
        assert_eq!(risk.measure(&worth(1000, 0), &one), Some(ratio("0.016448536")));
        // With as much cash beside it, half.
        assert_eq!(risk.measure(&worth(1000, 1000), &one), Some(ratio("0.008224268")));
        // 0.8² · 0.0252 + 0.2² · 0.0448 = 0.016128 + 0.001792 = 0.01792 a year.
        let two = [(InstrumentId(1), value(800)), (InstrumentId(2), value(200))];
        assert_eq!(risk.measure(&worth(1000, 0), &two), Some(ratio("0.013870624")));
        // What is not estimated, or estimated in another currency, leaves nothing to say.
        assert_eq!(risk.measure(&worth(1000, 0), &[(InstrumentId(3), value(1000))]), None);
        let dollars = Worth { currency: "USD".parse().unwrap(), ..worth(1000, 0) };
        assert_eq!(risk.measure(&dollars, &one), None);
        assert_eq!(risk.measure(&worth(0, 0), &[]), None);
        risk.tell(&estimate(1, "0"), false);
        assert_eq!(risk.measure(&worth(1000, 0), &one), None);
    }

    #[test]
    fn factors_say_what_their_covariances_say() {
        let (mut factors, mut pairs) = (ValueAtRisk::default(), ValueAtRisk::default());
        for row in [
            estimate(1, "0.01"),
            estimate(2, "0.02"),
            loading(1, 1, "0.2"),
            loading(2, 1, "0.1"),
            loading(2, 2, "0.3"),
        ] {
            factors.tell(&row, true);
        }
        // B Bᵀ + D: 0.04 + 0.01; 0.2 · 0.1; 0.01 + 0.09 + 0.02.
        for row in [
            estimate(1, "0"),
            estimate(2, "0"),
            covariance(1, 1, "0.05"),
            covariance(1, 2, "0.02"),
            covariance(2, 2, "0.12"),
        ] {
            pairs.tell(&row, true);
        }
        let held = [(InstrumentId(1), value(600)), (InstrumentId(2), value(300))];
        let measure = factors.measure(&worth(900, 100), &held);
        assert_eq!(measure, pairs.measure(&worth(900, 100), &held));
        // 0.36 · 0.05 + 2 · 0.18 · 0.02 + 0.09 · 0.12 = 0.036 a year.
        assert_eq!(measure, Some(ratio("0.019659761")));
    }

    #[test]
    fn a_limit_is_entered_once_and_left_once() {
        let mut risk = ValueAtRisk::default();
        let mut marks = |measure: Option<&str>| {
            let mut out = Vec::new();
            let valued = [(CustomerId(7), ratio("0.02"), measure.map(ratio))];
            risk.report(valued.into(), &mut out);
            out.into_iter()
                .map(|(outcome, diff)| match outcome {
                    Outcome::Breaching(_, crossed) => (crossed.measure, diff),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        let share = |text: &str| evenkeel_schemas::Measure::Share(ratio(text));
        assert_eq!(marks(Some("0.02")), []);
        assert_eq!(marks(Some("0.021")), [(share("0.021"), 1)]);
        assert_eq!(marks(Some("0.025")), []);
        assert_eq!(marks(None), [(share("0.021"), -1)]);
    }
}
