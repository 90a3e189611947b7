//! The conic program of a task: columns, bounds, budget, rules. Objectives are in `goal`, trades in `trading`.
//!
//! A weight w is one column; in a homogeneous task the column is `y = κ w` and every constant of a constraint
//! is multiplied by the column κ, so that one builder serves both. An instrument that is out has no column.
//!
//! How many are held: with z in [0, 1] for an instrument that is not yet decided,
//! `least · z <= w <= upper · z`, `Σ z <= most`; and in the objective, of a variance C = (C − diag(d)) + diag(d)
//! with both parts positive semi-definite, `d w²` becomes `d w² / z` (the perspective of Frangioni and Gentile,
//! "Perspective Cuts for a Class of Convex 0–1 Mixed Integer Programs", 2006).

use super::task::{Named, Task};
use super::trading::Trades;
use crate::conic::{Affine, Cone, Optimum, Outcome, Program, Proof, SolverFailure};
use crate::kkt::{Residuals, residuals};

/// Whether something is done, or left to the search.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Choice {
    Free,
    Out,
    In,
}

/// Decisions by instrument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Choices {
    pub held: Vec<Choice>,
    pub traded: Vec<Choice>,
}

impl Choices {
    /// Nothing decided but what has no alternative.
    pub fn root(task: &Task<'_>) -> Choices {
        let n = task.problem.names.len();
        let names = task.names_rule().is_some();
        // What may be neither bought nor sold short has no place in the program.
        let out = |at: usize| task.lower(at) == 0.0 && task.upper(at) == 0.0;
        let held = |at| match (out(at), names && task.lower(at) <= 0.0) {
            (true, _) => Choice::Out,
            (false, true) => Choice::Free,
            (false, false) => Choice::In,
        };
        let traded = |at| if task.fixed_cost(at) > 0.0 { Choice::Free } else { Choice::In };
        Choices { held: (0..n).map(held).collect(), traded: (0..n).map(traded).collect() }
    }

    /// Whether the search has nothing to do.
    pub fn decided(&self) -> bool {
        !self.held.iter().chain(&self.traded).any(|choice| *choice == Choice::Free)
    }
}

/// Which side of a constraint a row is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
    Equal,
}

/// What a row stands for.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Label {
    pub named: Named,
    pub side: Side,
    /// The instrument, where one rule has a row for each.
    pub instrument: Option<usize>,
    /// Change of the row's bound by change of the limit as people say it.
    pub factor: f64,
}

impl Label {
    pub fn new(named: Named, side: Side) -> Option<Label> {
        Some(Label { named, side, instrument: None, factor: 1.0 })
    }
}

/// Rows' labels: equalities, inequalities, cones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub equal: Vec<Option<Label>>,
    pub most: Vec<Option<Label>>,
    pub cones: Vec<Option<Label>>,
}

/// A program with what its columns and rows mean.
pub(crate) struct Model<'a> {
    pub task: &'a Task<'a>,
    pub program: Program,
    pub labels: Labels,
    /// κ of a homogeneous task.
    pub scale: Option<usize>,
    /// Columns of weights.
    pub weight: Vec<Option<usize>>,
    /// Columns of z (times κ) of undecided instruments.
    pub held: Vec<Option<usize>>,
    /// Columns of z for the perspective: the same ones, but for a homogeneous task.
    pub shares: Vec<Option<usize>>,
    /// Columns of `w² / z`.
    pub squares: Vec<Option<usize>>,
    pub trades: Option<Trades>,
    /// Columns of sleeves, each with its instrument, where the portfolio is divided.
    pub sleeves: Vec<(usize, usize)>,
    /// Columns of the factor exposures `Gᵀ w` of the problem's covariance.
    pub factors: Option<Vec<usize>>,
    /// What the objective was divided by for the solver.
    pub unit: f64,
}

/// An optimum in the problem's terms.
#[derive(Clone, Debug)]
pub(crate) struct Solved {
    pub weights: Vec<f64>,
    /// κ; 1 if the task is not homogeneous.
    pub scale: f64,
    /// Objective, bound and multipliers in the problem's units.
    pub optimum: Optimum,
    pub residuals: Residuals,
}

impl<'a> Model<'a> {
    /// The program of a task under these choices; `diagonal` is d of the perspective.
    pub fn new(task: &'a Task<'a>, choices: &Choices, diagonal: &[f64]) -> Model<'a> {
        Model::within(task, choices, diagonal, &[])
    }

    /// The same with greatest weights of undecided instruments that are known to be enough, none for an empty slice.
    pub fn within(task: &'a Task<'a>, choices: &Choices, diagonal: &[f64], enough: &[f64]) -> Model<'a> {
        let n = task.problem.names.len();
        let mut model = Model {
            task,
            program: Program::default(),
            labels: Labels::default(),
            scale: None,
            weight: vec![None; n],
            held: vec![None; n],
            shares: vec![None; n],
            squares: vec![None; n],
            trades: None,
            sleeves: Vec::new(),
            factors: None,
            unit: 1.0,
        };
        if task.goal.homogeneous() {
            let scale = model.program.column(0.0);
            model.scale = Some(scale);
            model.at_most(None, Affine::column(scale).times(-1.0));
        }
        model.columns(choices);
        model.counts(choices, enough);
        if task.trades() {
            model.trade(choices);
        }
        model.budget();
        for (number, constraint) in &task.rules {
            model.rule(*number, &constraint.rule);
        }
        model.strive(diagonal);
        model
    }

    /// Solves it; the optimum's objective, bound and multipliers in the problem's units.
    ///
    /// # Errors
    /// As [`Program::solve`].
    pub fn solve(
        &self,
        limits: &crate::Limits,
        roughly: bool,
    ) -> Result<Result<Solved, Proof>, SolverFailure> {
        let solved = if roughly { self.program.solve_roughly(limits) } else { self.program.solve(limits) };
        let mut optimum = match solved? {
            Outcome::Solved(optimum) => optimum,
            Outcome::Infeasible(proof) => return Ok(Err(proof)),
        };
        let residuals = residuals(&self.program, &optimum);
        optimum.objective *= self.unit;
        optimum.bound *= self.unit;
        optimum.dual *= self.unit;
        let scale = self.scale.map_or(1.0, |scale| optimum.primal[scale]);
        if scale <= 0.0 {
            return Err(SolverFailure::Numerical);
        }
        let weight = |column: &Option<usize>| column.map_or(0.0, |column| optimum.primal[column] / scale);
        let weights = self.weight.iter().map(weight).collect();
        Ok(Ok(Solved { weights, scale, optimum, residuals }))
    }

    /// A constant becomes a multiple of κ.
    pub fn folded(&self, mut row: Affine) -> Affine {
        if let Some(scale) = self.scale.filter(|_| row.constant != 0.0) {
            row.terms.push((scale, row.constant));
            row.constant = 0.0;
        }
        row
    }

    /// Adds `row <= 0`.
    pub fn at_most(&mut self, label: Option<Label>, row: Affine) {
        let row = self.folded(row);
        self.program.at_most(row.terms, -row.constant);
        self.labels.most.push(label);
    }

    /// Adds `row = 0`.
    pub fn equal(&mut self, label: Option<Label>, row: Affine) {
        let row = self.folded(row);
        self.program.equal(row.terms, -row.constant);
        self.labels.equal.push(label);
    }

    /// Adds `first >= ‖rest‖`.
    pub fn cone(&mut self, label: Option<Label>, rows: Vec<Affine>) {
        let rows = rows.into_iter().map(|row| self.folded(row)).collect();
        self.program.within(Cone::SecondOrder(rows));
        self.labels.cones.push(label);
    }

    /// A weight as an expression.
    pub fn of(&self, at: usize) -> Affine {
        self.weight[at].map_or_else(Affine::default, Affine::column)
    }

    /// `Σ coefficient · weight`.
    pub fn sum(&self, coefficients: impl IntoIterator<Item = (usize, f64)>) -> Affine {
        let column = |(at, value): (usize, f64)| self.weight[at].map(|column| (column, value));
        let terms = coefficients.into_iter().filter_map(column).filter(|(_, value)| *value != 0.0);
        Affine { terms: terms.collect(), constant: 0.0 }
    }

    fn columns(&mut self, choices: &Choices) {
        let n = self.weight.len();
        let names = self.task.names_rule();
        let long = (0..n).all(|at| self.task.lower(at) >= 0.0);
        let invested = self.task.problem.invested;
        let current = self.task.problem.current.as_deref().unwrap_or_default();
        for at in 0..n {
            let (mut lower, upper) = (self.task.lower(at), self.task.upper(at));
            let mut label = Label::new(Named::Lower(at), Side::Lower);
            match choices.held[at] {
                Choice::Out => continue,
                Choice::In => {
                    if let Some((number, _, least)) = names.filter(|(_, _, least)| *least > lower) {
                        lower = least;
                        label = Label::new(Named::Rule(number), Side::Lower);
                        label.iter_mut().for_each(|label| label.instrument = Some(at));
                    }
                }
                Choice::Free => {}
            }
            let column = self.program.column(0.0);
            self.weight[at] = Some(column);
            // A weight that is not traded is fixed: rows that it meets exactly would leave no interior.
            let fixed = current.get(at).filter(|_| choices.traded[at] == Choice::Out);
            if fixed.is_some_and(|start| (lower..=upper).contains(start)) {
                continue;
            }
            if lower.is_finite() {
                let mut row = Affine::constant(lower);
                row.terms.push((column, -1.0));
                self.at_most(label, row);
            }
            // Without short positions no weight is above the sum of all.
            if upper.is_finite() && !(long && upper >= invested) {
                let mut row = Affine::constant(-upper);
                row.terms.push((column, 1.0));
                self.at_most(Label::new(Named::Upper(at), Side::Upper), row);
            }
        }
    }

    /// The rows that count what is held.
    fn counts(&mut self, choices: &Choices, enough: &[f64]) {
        let Some((number, most, least)) = self.task.names_rule() else { return };
        let label = Label::new(Named::Rule(number), Side::Upper);
        let held = choices.held.iter().filter(|choice| **choice == Choice::In).count();
        let mut count = Affine::constant(held as f64 - most as f64);
        let mut shares = count.clone();
        for at in (0..self.held.len()).filter(|at| choices.held[*at] == Choice::Free) {
            let z = self.program.column(0.0);
            self.held[at] = Some(z);
            count.terms.push((z, 1.0));
            let mut one = Affine::column(z);
            one.constant = -1.0;
            self.at_most(None, one);
            let upper = self.task.upper(at).min(self.task.problem.invested.max(0.0));
            let upper = enough.get(at).map_or(upper, |enough| upper.min(*enough));
            let mut above = self.of(at);
            above.terms.push((z, -upper));
            self.at_most(None, above);
            let mut below = self.of(at).times(-1.0);
            below.terms.push((z, least));
            if least > 0.0 {
                self.at_most(None, below);
            }
            self.shares[at] = Some(z);
            if self.scale.is_some() {
                let share = self.program.column(0.0);
                self.shares[at] = Some(share);
                shares.terms.push((share, 1.0));
                self.raw_at_most(vec![(share, 1.0)], 1.0);
                self.raw_at_most(vec![(share, -1.0)], 0.0);
            }
        }
        if !count.terms.is_empty() || count.constant > 0.0 {
            self.at_most(label, count);
        }
        if !shares.terms.is_empty() {
            self.raw_at_most(shares.terms, -shares.constant);
        }
    }

    /// A row whose bound is a number even if the task is homogeneous.
    pub fn raw_at_most(&mut self, terms: Vec<(usize, f64)>, bound: f64) {
        self.program.at_most(terms, bound);
        self.labels.most.push(None);
    }

    fn budget(&mut self) {
        if self.task.dropped.contains(&Named::Budget) {
            return;
        }
        let mut total = self.sum((0..self.weight.len()).map(|at| (at, 1.0)));
        total.constant = -self.task.problem.invested;
        if let Some(trades) = self.trades.as_ref().filter(|trades| trades.paid) {
            total.add(1.0, &trades.cost);
        }
        self.equal(Label::new(Named::Budget, Side::Equal), total);
    }
}
