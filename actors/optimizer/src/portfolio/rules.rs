//! Rules and measures as rows of a model.

use super::covariance::{Covariance, Form};
use super::measure::Measure;
use super::model::{Label, Model, Side};
use super::problem::Rule;
use super::sleeves::{Row, Sleeve, parts};
use super::task::Named;
use super::trading::Trades;
use crate::conic::Affine;

impl Model<'_> {
    /// Adds the rows of a rule.
    pub fn rule(&mut self, number: usize, rule: &Rule) {
        let named = Named::Rule(number);
        match rule {
            Rule::Linear { coefficients, lower, upper } => {
                let sum = self.sum(coefficients.iter().copied());
                for (limit, side, sign) in [(lower, Side::Lower, -1.0), (upper, Side::Upper, 1.0)] {
                    if let Some(limit) = limit {
                        let mut row = sum.times(sign);
                        row.constant = -sign * limit;
                        self.at_most(Label::new(named, side), row);
                    }
                }
            }
            Rule::Excluded(instruments) => {
                for at in instruments {
                    let mut label = Label::new(named, Side::Equal);
                    label.iter_mut().for_each(|label| label.instrument = Some(*at));
                    if self.weight[*at].is_some() {
                        self.equal(label, self.of(*at));
                    }
                }
            }
            Rule::Limit { measure, limit } => self.limit(named, measure, *limit),
            Rule::Turnover { most } => {
                let mut row = Affine::constant(-most);
                if let Some(trades) = &self.trades {
                    trades.each().for_each(|traded| row.add(0.5, &traded));
                }
                self.at_most(Label::new(named, Side::Upper), row);
            }
            Rule::Liquidity { most } => {
                let traded: Vec<Affine> = self.trades.iter().flat_map(Trades::each).collect();
                for (at, (mut row, most)) in traded.into_iter().zip(most).enumerate() {
                    row.constant -= most;
                    let mut label = Label::new(named, Side::Upper);
                    label.iter_mut().for_each(|label| label.instrument = Some(at));
                    if !row.terms.is_empty() || row.constant > 0.0 {
                        self.at_most(label, row);
                    }
                }
            }
            // Counted before.
            Rule::Names { .. } => {}
        }
    }

    fn limit(&mut self, named: Named, measure: &Measure, limit: f64) {
        let side = if measure.maximised() { Side::Lower } else { Side::Upper };
        let mut label = Label::new(named, side);
        let squared = matches!(
            measure,
            Measure::Variance
                | Measure::TrackingVariance { .. }
                | Measure::Distance { .. }
                | Measure::Concentration { .. }
        );
        match self.norm(measure) {
            Some(rest) => {
                let first = if squared { limit.max(0.0).sqrt() } else { limit };
                if squared {
                    label.iter_mut().for_each(|label| label.factor = 0.5 / first.max(f64::MIN_POSITIVE));
                }
                let rows = [Affine::constant(first)].into_iter().chain(rest).collect();
                self.cone(label, rows);
            }
            None => {
                let sign = if measure.maximised() { -1.0 } else { 1.0 };
                let mut row = self.epigraph(measure).times(sign);
                row.constant -= sign * limit;
                self.at_most(label, row);
            }
        }
    }

    /// The vector whose Euclidean norm the measure is, or whose squared norm.
    pub fn norm(&mut self, measure: &Measure) -> Option<Vec<Affine>> {
        let task = self.task;
        match measure {
            Measure::Variance | Measure::Volatility => {
                Some(self.root(task.problem.covariance.as_ref()?, &[], true))
            }
            Measure::TrackingVariance { benchmark } | Measure::TrackingError { benchmark } => {
                Some(self.root(task.problem.covariance.as_ref()?, benchmark, true))
            }
            Measure::MeanError { shape } => Some(self.root(shape, &[], false)),
            Measure::Distance { from } => {
                let apart = |(at, from): (usize, &f64)| {
                    let mut row = self.of(at);
                    row.constant = -from;
                    row
                };
                Some(from.iter().enumerate().map(apart).collect())
            }
            Measure::Concentration { rates } => {
                Some(rates.iter().enumerate().map(|(at, rate)| self.of(at).times(rate.sqrt())).collect())
            }
            Measure::Return
            | Measure::Yield { .. }
            | Measure::Cvar { .. }
            | Measure::WorstMean { .. }
            | Measure::Divided { .. } => None,
        }
    }

    /// `Rᵀ (w − b)` with `C = R Rᵀ`; `own` for the problem's covariance, whose factors have columns.
    fn root(&mut self, covariance: &Covariance, benchmark: &[f64], own: bool) -> Vec<Affine> {
        let n = self.weight.len();
        let from = |at: usize| benchmark.get(at).copied().unwrap_or(0.0);
        let mut rows = Vec::new();
        let (columns, specific) = match covariance.form() {
            Form::Dense { root, .. } => (root, None),
            Form::Factors { exposures, specific } => (exposures, Some(specific)),
        };
        let shared = if own && specific.is_some() { Some(self.exposures(columns)) } else { None };
        for (k, column) in columns.columns().into_iter().enumerate() {
            let mut row = match &shared {
                Some(shared) => Affine::column(shared[k]),
                None => self.sum(column.iter().copied().enumerate()),
            };
            row.constant = -column.iter().enumerate().map(|(at, value)| value * from(at)).sum::<f64>();
            rows.push(row);
        }
        for at in (0..n).filter(|_| specific.is_some()) {
            let deviation = specific.map_or(0.0, |specific| specific[at].sqrt());
            let mut row = self.of(at).times(deviation);
            row.constant = -deviation * from(at);
            if deviation > 0.0 && (!row.terms.is_empty() || row.constant != 0.0) {
                rows.push(row);
            }
        }
        rows
    }

    /// The columns of the factor exposures.
    pub fn exposures(&mut self, exposures: &ndarray::Array2<f64>) -> Vec<usize> {
        if let Some(columns) = &self.factors {
            return columns.clone();
        }
        let mut columns = Vec::new();
        for column in exposures.columns() {
            let exposure = self.program.column(0.0);
            let mut row = self.sum(column.iter().copied().enumerate());
            row.terms.push((exposure, -1.0));
            self.equal(None, row);
            columns.push(exposure);
        }
        self.factors = Some(columns.clone());
        columns
    }

    /// An expression that the measure is at most, and that it reaches where that is worth it; where more is
    /// better, the measure itself.
    pub fn epigraph(&mut self, measure: &Measure) -> Affine {
        match measure {
            Measure::Return => {
                let returns = self.task.problem.expected_returns.as_deref().unwrap_or_default();
                self.sum(returns.iter().copied().enumerate())
            }
            Measure::Yield { yields } => self.sum(yields.iter().copied().enumerate()),
            Measure::Cvar { scenarios, confidence } => self.cvar(scenarios, *confidence),
            Measure::WorstMean { radii } => self.worst_mean(radii),
            Measure::Divided { sleeves } => self.divided(sleeves),
            norms => {
                let rest = self.norm(norms).unwrap_or_default();
                let most = Affine::column(self.program.column(0.0));
                self.cone(None, [most.clone()].into_iter().chain(rest).collect());
                most
            }
        }
    }

    fn divided(&mut self, sleeves: &[Sleeve]) -> Affine {
        let weights: Vec<Option<Affine>> =
            self.weight.iter().map(|column| column.map(Affine::column)).collect();
        let problem = self.task.problem;
        let of = (weights.as_slice(), self.held.as_slice(), problem.invested);
        let parts = parts(sleeves, problem.covariance.as_ref(), of, &mut self.program);
        for (sleeve, columns) in sleeves.iter().zip(&parts.columns) {
            let held = sleeve.members.iter().zip(columns);
            self.sleeves.extend(held.filter_map(|(at, column)| Some((*at, (*column)?))));
        }
        for row in parts.rows {
            match row {
                Row::Most(row) => self.at_most(None, row),
                Row::Equal(row) => self.equal(None, row),
                Row::Norm(rows) => self.cone(None, rows),
            }
        }
        parts.loss
    }

    fn cvar(&mut self, scenarios: &ndarray::Array2<f64>, confidence: f64) -> Affine {
        let level = self.program.column(0.0);
        let mut tail = Affine::column(level);
        let share = 1.0 / ((1.0 - confidence) * scenarios.nrows() as f64);
        let has_row = |at: usize| self.task.scenarios.as_ref().is_none_or(|rows| rows.contains(&at));
        let rows: Vec<usize> = (0..scenarios.nrows()).filter(|at| has_row(*at)).collect();
        for at in rows {
            let returns = scenarios.row(at);
            let beyond = self.program.column(0.0);
            self.at_most(None, Affine::column(beyond).times(-1.0));
            let mut row = self.sum(returns.iter().map(|r| -r).enumerate());
            row.terms.extend([(level, -1.0), (beyond, -1.0)]);
            self.at_most(None, row);
            tail.terms.push((beyond, share));
        }
        tail
    }

    fn worst_mean(&mut self, radii: &[f64]) -> Affine {
        let mut sum = Affine::default();
        for (at, radius) in radii.iter().enumerate().filter(|(_, radius)| **radius > 0.0) {
            if self.task.lower(at) >= 0.0 {
                sum.add(*radius, &self.of(at));
                continue;
            }
            let size = Affine::column(self.program.column(0.0));
            for sign in [1.0, -1.0] {
                let mut row = self.of(at).times(sign);
                row.add(-1.0, &size);
                self.at_most(None, row);
            }
            sum.add(*radius, &size);
        }
        sum
    }
}
