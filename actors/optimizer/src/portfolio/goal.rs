//! The objective of a model.

use super::covariance::Form;
use super::measure::Measure;
use super::model::Model;
use super::task::Goal;
use crate::conic::{Affine, Cone};

impl Model<'_> {
    /// Adds the objective; `diagonal` is d of the perspective, empty where none is wanted.
    pub fn strive(&mut self, diagonal: &[f64]) {
        let task = self.task;
        match &task.goal {
            Goal::Sum(terms) => {
                for (weight, measure) in terms.iter().filter(|(weight, _)| *weight != 0.0) {
                    self.term(*weight, measure, diagonal);
                }
                self.trading_costs();
            }
            Goal::Sharpe { risk_free } => {
                let mut excess = self.epigraph(&Measure::Return);
                excess.constant -= risk_free;
                if let Some(trades) = &self.trades {
                    excess.add(-1.0, &trades.cost);
                    let rate = task.problem.tax.as_ref().map_or(0.0, |tax| tax.rate);
                    excess.terms.extend(trades.gain.map(|gain| (gain, -rate)));
                }
                self.ratio(excess, diagonal);
            }
            Goal::Diversification => {
                let variances = task.problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
                let average = self.sum(variances.into_iter().map(f64::sqrt).enumerate());
                self.ratio(average, diagonal);
            }
            Goal::Budgets(budgets) => self.budgets(budgets),
        }
        self.normalise();
    }

    /// The numerator that a ratio is scaled to.
    pub fn numerator(&self) -> f64 {
        let problem = self.task.problem;
        let largest = |values: &mut dyn Iterator<Item = f64>| {
            let most = values.fold(0.0_f64, |most, value| most.max(value.abs()));
            if most > 0.0 { most } else { 1.0 }
        };
        match &self.task.goal {
            Goal::Sharpe { risk_free } => {
                let returns = problem.expected_returns.as_deref().unwrap_or_default();
                largest(&mut returns.iter().map(|mu| mu - risk_free))
            }
            Goal::Diversification => {
                let variances = problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
                largest(&mut variances.into_iter().map(f64::sqrt))
            }
            Goal::Sum(_) | Goal::Budgets(_) => 1.0,
        }
    }

    /// The least variance with the numerator at its scale: the greatest ratio.
    fn ratio(&mut self, numerator: Affine, diagonal: &[f64]) {
        let least = self.numerator();
        let row = self.folded(numerator).times(-1.0);
        self.raw_at_most(row.terms, -least);
        self.quadratic(1.0, &[], diagonal);
    }

    fn term(&mut self, weight: f64, measure: &Measure, diagonal: &[f64]) {
        match measure {
            Measure::Variance => self.quadratic(weight, &[], diagonal),
            Measure::TrackingVariance { benchmark } => self.quadratic(weight, benchmark, diagonal),
            Measure::Distance { from } => {
                for (at, from) in from.iter().enumerate() {
                    self.square(at, weight, *from, !diagonal.is_empty());
                }
            }
            Measure::Concentration { rates } => {
                for (at, rate) in rates.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
                    self.square(at, weight * rate, 0.0, !diagonal.is_empty());
                }
            }
            _ => {
                let sign = if measure.maximised() { -weight } else { weight };
                let value = self.epigraph(measure);
                self.linear(sign, &value);
            }
        }
    }

    fn linear(&mut self, factor: f64, value: &Affine) {
        for (column, coefficient) in &value.terms {
            self.program.linear[*column] += factor * coefficient;
        }
        self.program.constant += factor * value.constant;
    }

    /// Adds `weight · (w − from)²` of one instrument; with a perspective, if it is not decided.
    fn square(&mut self, at: usize, weight: f64, from: f64, perspective: bool) {
        if let Some(column) = self.weight[at] {
            if perspective && self.shares[at].is_some() {
                self.perspective(at, weight);
            } else {
                self.program.quadratic.push((column, column, 2.0 * weight));
            }
            self.program.linear[column] -= 2.0 * weight * from;
        }
        self.program.constant += weight * from * from;
    }

    /// Adds `weight · (w − b)ᵀ C (w − b)`, the diagonal of undecided instruments as a perspective.
    fn quadratic(&mut self, weight: f64, benchmark: &[f64], diagonal: &[f64]) {
        let Some(covariance) = self.task.problem.covariance.as_ref() else { return };
        let n = self.weight.len();
        if !benchmark.is_empty() {
            let products = covariance.times(benchmark);
            let cross = self.sum(products.iter().map(|product| -2.0 * weight * product).enumerate());
            self.linear(1.0, &cross);
            self.program.constant += weight * covariance.variance(benchmark);
        }
        let moved: Vec<f64> = (0..n)
            .map(|at| {
                let share = diagonal.get(at).copied().unwrap_or(0.0);
                if share > 0.0 && self.shares[at].is_some() {
                    self.perspective(at, weight * share)
                } else {
                    0.0
                }
            })
            .collect();
        let mut add = |a: usize, b: usize, value: f64| {
            if value != 0.0 {
                self.program.quadratic.push((a.min(b), a.max(b), 2.0 * weight * value));
            }
        };
        match covariance.form() {
            Form::Dense { matrix, .. } => {
                for (a, column) in self.weight.iter().enumerate() {
                    let Some(column) = *column else { continue };
                    for (b, other) in self.weight[..=a].iter().enumerate() {
                        let off = if a == b { moved[a] / weight } else { 0.0 };
                        if let Some(other) = *other {
                            add(column, other, matrix[[a, b]] - off);
                        }
                    }
                }
            }
            Form::Factors { exposures, specific } => {
                for (at, column) in self.weight.iter().enumerate() {
                    if let Some(column) = *column {
                        add(column, column, specific[at] - moved[at] / weight);
                    }
                }
                for column in self.exposures(exposures) {
                    self.program.quadratic.push((column, column, 2.0 * weight));
                }
            }
        }
    }

    /// Adds `value · e` with `w² <= e z`; what it took out of the quadratic part.
    fn perspective(&mut self, at: usize, value: f64) -> f64 {
        let (Some(w), Some(z)) = (self.weight[at], self.shares[at]) else { return 0.0 };
        let square = match self.squares[at] {
            Some(square) => square,
            None => {
                let square = self.program.column(0.0);
                self.squares[at] = Some(square);
                let row = |terms: Vec<(usize, f64)>| Affine { terms, constant: 0.0 };
                self.program.within(Cone::SecondOrder(vec![
                    row(vec![(square, 1.0), (z, 1.0)]),
                    row(vec![(w, 2.0)]),
                    row(vec![(square, 1.0), (z, -1.0)]),
                ]));
                self.labels.cones.push(None);
                square
            }
        };
        self.program.linear[square] += value;
        value
    }

    fn trading_costs(&mut self) {
        let problem = self.task.problem;
        if let Some(costs) = &problem.costs {
            let cost = self.trades.as_ref().map(|trades| trades.cost.clone()).unwrap_or_default();
            self.linear(costs.weight, &cost);
            let current = problem.current.as_deref().unwrap_or_default();
            for (at, (rate, current)) in costs.quadratic.iter().zip(current).enumerate() {
                self.square(at, costs.weight * rate, *current, false);
            }
        }
        if let Some(tax) = &problem.tax {
            let gain = self.trades.as_ref().and_then(|trades| trades.gain);
            gain.into_iter().for_each(|gain| self.program.linear[gain] += tax.weight * tax.rate);
        }
    }

    /// `½ yᵀCy / c − Σ b ln y`, c the average variance: the exponential cone holds `t <= ln y`.
    fn budgets(&mut self, budgets: &[f64]) {
        let variances = self.task.problem.covariance.as_ref().map(|c| c.variances()).unwrap_or_default();
        let average = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
        self.quadratic(0.5 / average, &[], &[]);
        for (at, budget) in budgets.iter().enumerate() {
            let log = self.program.column(-budget);
            let rows = [Affine::column(log), Affine::constant(1.0), self.of(at)];
            self.program.within(Cone::Exponential(rows));
            self.labels.cones.push(None);
        }
    }

    /// Divides the objective by its largest number, so that the solver's tolerances mean the same for daily
    /// and for yearly figures.
    fn normalise(&mut self) {
        let quadratic = self.program.quadratic.iter().map(|entry| entry.2.abs());
        let largest = self.program.linear.iter().map(|cost| cost.abs()).chain(quadratic).fold(0.0, f64::max);
        if largest <= 0.0 || !largest.is_finite() {
            return;
        }
        self.unit = largest;
        self.program.linear.iter_mut().for_each(|cost| *cost /= largest);
        self.program.quadratic.iter_mut().for_each(|entry| entry.2 /= largest);
        self.program.constant /= largest;
    }
}
