//! A convex quadratic program over cones, said row by row and solved by Clarabel.
//!
//! minimise   ½ xᵀP x + qᵀx + constant
//! subject to A₌ x = b₌,  A≤ x ≤ b≤,  affine expressions of x in second-order and exponential cones
//!
//! Clarabel (Goulart and Chen, "Clarabel: an interior-point solver for conic programs with quadratic
//! objectives", 2024) takes the form `A x + s = b, s ∈ K`; equalities go to the zero cone, inequalities to the
//! nonnegative one, then the other cones follow in the order in which they were added. One thread and one
//! factorisation method, so that a program gives the same bits each time.

use std::time::Duration;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolution, DefaultSolver, ExponentialConeT, IPSolver, NonnegativeConeT,
    SecondOrderConeT, SolverStatus, SupportedConeT, ZeroConeT,
};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

/// Tolerances for feasibility and for the gap between the primal and the dual objective, tried in turn.
/// Weights are of the order of one and objectives of a squared weight, so that 1e-10 is a hundredth of a basis
/// point; programs with no cost at all are degenerate, and some reach only Clarabel's own 1e-8.
const TOLERANCES: [f64; 2] = [1e-10, 1e-8];
/// Iterations after which the tighter tolerance is given up: twice what was seen to reach it.
const ITERATIONS_TIGHT: u32 = 60;

/// How much work one call may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Interior-point iterations of one attempt (at most three, the later ones at a wider tolerance).
    pub iterations_max: u32,
    /// Wall-clock time of one attempt. The only thing here that depends on a clock; hitting it is a
    /// [`SolverFailure`], never a different answer.
    pub time_max: Duration,
    /// Moves of the repair after rounding to lots. Hitting it ends the search for a better plan; the plan
    /// found so far is feasible.
    pub repairs_max: u32,
}

impl Default for Limits {
    /// 200 iterations, two seconds and 10,000 repairs: ten times what 500 instruments were seen to need.
    fn default() -> Limits {
        Limits { iterations_max: 200, time_max: Duration::from_secs(2), repairs_max: 10_000 }
    }
}

/// Why the solver gave no answer that one may act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum SolverFailure {
    /// The iteration limit came first.
    #[error("the solver used its {0} iterations without reaching the optimum")]
    IterationLimit(u32),
    /// The time limit came first.
    #[error("the solver used its {0:?} without reaching the optimum")]
    TimeLimit(Duration),
    /// The repair after rounding to lots was still short of cash at its limit.
    #[error("rounding to whole lots was still short of cash after {0} repairs")]
    RepairLimit(u32),
    /// Reduced accuracy: almost solved is not solved.
    #[error("the solver reached its answer only at reduced accuracy, which is not accepted")]
    Inexact,
    /// No bound on the objective: the program is wrongly stated.
    #[error("the program has no finite optimum")]
    Unbounded,
    /// Breakdown of the arithmetic.
    #[error("the solver's arithmetic broke down")]
    Numerical,
    /// No progress between iterations.
    #[error("the solver stopped making progress before the optimum")]
    NoProgress,
    /// The program was refused before it was tried, or stopped from outside.
    #[error("the solver did not run to its end: {0}")]
    Refused(String),
}

/// One linear row, `Σ coefficient · x[column]` against a bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// (column, coefficient).
    pub terms: Vec<(usize, f64)>,
    /// Right-hand side.
    pub bound: f64,
}

/// `Σ coefficient · x[column] + constant`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Affine {
    /// (column, coefficient).
    pub terms: Vec<(usize, f64)>,
    /// What it is without x.
    pub constant: f64,
}

impl Affine {
    /// One column.
    pub fn column(column: usize) -> Affine {
        Affine { terms: vec![(column, 1.0)], constant: 0.0 }
    }

    /// A number.
    pub fn constant(constant: f64) -> Affine {
        Affine { terms: Vec::new(), constant }
    }

    /// Adds `factor · other`.
    pub fn add(&mut self, factor: f64, other: &Affine) {
        self.terms.extend(other.terms.iter().map(|(column, value)| (*column, factor * value)));
        self.constant += factor * other.constant;
    }

    /// `factor ·` this.
    pub fn times(&self, factor: f64) -> Affine {
        let mut scaled = Affine::default();
        scaled.add(factor, self);
        scaled
    }
}

/// A cone beside the two of [`Program::equalities`] and [`Program::inequalities`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cone {
    /// The first expression is at least the Euclidean norm of the others.
    SecondOrder(Vec<Affine>),
    /// (x, y, z) with `y exp(x / y) <= z`, y > 0, and their limits.
    Exponential([Affine; 3]),
}

impl Cone {
    /// Its expressions, in order.
    pub fn rows(&self) -> &[Affine] {
        match self {
            Cone::SecondOrder(rows) => rows,
            Cone::Exponential(rows) => rows,
        }
    }
}

/// The program. Columns are numbered in the order in which they are added.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Program {
    /// Upper triangle of P as (row, column, value), row <= column.
    pub quadratic: Vec<(usize, usize, f64)>,
    /// q, by column.
    pub linear: Vec<f64>,
    /// What the objective has beside its terms in x.
    pub constant: f64,
    /// Rows that hold with equality.
    pub equalities: Vec<Row>,
    /// Rows that are at most their bound.
    pub inequalities: Vec<Row>,
    /// Expressions that lie in a cone.
    pub cones: Vec<Cone>,
}

/// A solution at full accuracy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Optimum {
    /// x, by column.
    pub primal: Array1<f64>,
    /// Multipliers: equalities, inequalities (these are not negative), then cone by cone.
    pub dual: Array1<f64>,
    /// The objective at `primal`, with the constant.
    pub objective: f64,
    /// The smaller of the primal and the dual objective with the constant: what nothing feasible goes below.
    pub bound: f64,
    /// Interior-point iterations used.
    pub iterations: u32,
    /// Seconds that the solver took by its own clock: for limits only, never for an answer.
    pub seconds: f64,
}

/// What a program came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Solved at full accuracy.
    Solved(Optimum),
    /// Proved to have no feasible point.
    Infeasible(Proof),
}

/// A proof that there is no feasible point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    /// Of the rows, in the order of [`Optimum::dual`]: rows whose multiplier is zero have no part in it.
    pub multipliers: Array1<f64>,
    /// As [`Optimum::seconds`].
    pub seconds: f64,
}

impl Program {
    /// A new column with its linear cost; the column's number.
    pub fn column(&mut self, cost: f64) -> usize {
        self.linear.push(cost);
        self.linear.len() - 1
    }

    /// Adds `Σ terms = bound`.
    pub fn equal(&mut self, terms: Vec<(usize, f64)>, bound: f64) {
        self.equalities.push(Row { terms, bound });
    }

    /// Adds `Σ terms <= bound`.
    pub fn at_most(&mut self, terms: Vec<(usize, f64)>, bound: f64) {
        self.inequalities.push(Row { terms, bound });
    }

    /// Adds `low <= x[column]`.
    pub fn at_least(&mut self, column: usize, low: f64) {
        self.at_most(vec![(column, -1.0)], -low);
    }

    /// Adds that expressions lie in a cone.
    pub fn within(&mut self, cone: Cone) {
        self.cones.push(cone);
    }

    /// Solves the program.
    ///
    /// # Errors
    /// [`SolverFailure`] for every end but the optimum at full accuracy and the proof of infeasibility.
    pub fn solve(&self, limits: &Limits) -> Result<Outcome, SolverFailure> {
        let data = self.data();
        let [tight, usual] = TOLERANCES;
        let few = limits.iterations_max.min(ITERATIONS_TIGHT);
        let mut answer = self.attempt(&data, limits, (tight, few, true));
        for (iterations_max, equilibrate) in [(few, false), (limits.iterations_max, true)] {
            if !answer.as_ref().is_err_and(worth_another) {
                break;
            }
            answer = self.attempt(&data, limits, (usual, iterations_max, equilibrate));
        }
        answer
    }

    /// Solves the program to the wider tolerance at once: for bounds, of which there are many.
    ///
    /// # Errors
    /// As [`Program::solve`].
    pub fn solve_roughly(&self, limits: &Limits) -> Result<Outcome, SolverFailure> {
        let data = self.data();
        let [_, usual] = TOLERANCES;
        let mut answer = self.attempt(&data, limits, (usual, limits.iterations_max, true));
        if answer.as_ref().is_err_and(worth_another) {
            answer = self.attempt(&data, limits, (usual, limits.iterations_max, false));
        }
        answer
    }

    fn attempt(
        &self,
        data: &Data,
        limits: &Limits,
        (tolerance, iterations_max, equilibrate): (f64, u32, bool),
    ) -> Result<Outcome, SolverFailure> {
        let mut settings = settings(limits, tolerance, iterations_max);
        settings.equilibrate_enable = equilibrate;
        let Data { quadratic, matrix, bounds, cones } = data;
        let mut solver = DefaultSolver::new(quadratic, &self.linear, matrix, bounds, cones, settings)
            .map_err(|error| SolverFailure::Refused(error.to_string()))?;
        solver.solve();
        outcome(&solver.solution, self.constant, limits)
    }

    /// The program in the solver's form.
    fn data(&self) -> Data {
        let columns = self.linear.len();
        let mut bounds = Vec::new();
        let mut entries = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |terms: &[(usize, f64)], sign: f64, bound: f64| {
            for (column, coefficient) in terms {
                entries.0.push(bounds.len());
                entries.1.push(*column);
                entries.2.push(sign * coefficient);
            }
            bounds.push(bound);
        };
        for row in self.equalities.iter().chain(&self.inequalities) {
            add(&row.terms, 1.0, row.bound);
        }
        let mut cones = vec![ZeroConeT(self.equalities.len()), NonnegativeConeT(self.inequalities.len())];
        for cone in &self.cones {
            // s = b − A x is the expression itself.
            cone.rows().iter().for_each(|row| add(&row.terms, -1.0, row.constant));
            cones.push(match cone {
                Cone::SecondOrder(rows) => SecondOrderConeT(rows.len()),
                Cone::Exponential(_) => ExponentialConeT(),
            });
        }
        let matrix = CscMatrix::new_from_triplets(bounds.len(), columns, entries.0, entries.1, entries.2);
        let quadratic = CscMatrix::new_from_triplets(
            columns,
            columns,
            self.quadratic.iter().map(|entry| entry.0).collect(),
            self.quadratic.iter().map(|entry| entry.1).collect(),
            self.quadratic.iter().map(|entry| entry.2).collect(),
        );
        Data { quadratic, matrix, bounds, cones }
    }
}

/// What the solver takes.
struct Data {
    quadratic: CscMatrix<f64>,
    matrix: CscMatrix<f64>,
    bounds: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

/// True for ends that depend on scaling and tolerance: a weakly determined program can stall under one scaling
/// and be solved in a dozen iterations without it.
fn worth_another(failure: &SolverFailure) -> bool {
    match failure {
        SolverFailure::IterationLimit(_)
        | SolverFailure::Inexact
        | SolverFailure::Numerical
        | SolverFailure::NoProgress => true,
        SolverFailure::TimeLimit(_)
        | SolverFailure::RepairLimit(_)
        | SolverFailure::Unbounded
        | SolverFailure::Refused(_) => false,
    }
}

fn settings(limits: &Limits, tolerance: f64, iterations_max: u32) -> DefaultSettings<f64> {
    DefaultSettings {
        max_iter: iterations_max,
        time_limit: limits.time_max.as_secs_f64(),
        verbose: false,
        max_threads: 1,
        direct_solve_method: "qdldl".to_owned(),
        tol_gap_abs: tolerance,
        tol_gap_rel: tolerance,
        tol_feas: tolerance,
        ..DefaultSettings::default()
    }
}

fn outcome(
    solution: &DefaultSolution<f64>,
    constant: f64,
    limits: &Limits,
) -> Result<Outcome, SolverFailure> {
    match solution.status {
        SolverStatus::Solved => {
            let bound = solution.obj_val.min(solution.obj_val_dual) + constant;
            if !bound.is_finite() || solution.x.iter().any(|x| !x.is_finite()) {
                return Err(SolverFailure::Numerical);
            }
            Ok(Outcome::Solved(Optimum {
                primal: Array1::from_vec(solution.x.clone()),
                dual: Array1::from_vec(solution.z.clone()),
                objective: solution.obj_val + constant,
                bound,
                iterations: solution.iterations,
                seconds: solution.solve_time,
            }))
        }
        SolverStatus::PrimalInfeasible => Ok(Outcome::Infeasible(Proof {
            multipliers: Array1::from_vec(solution.z.clone()),
            seconds: solution.solve_time,
        })),
        SolverStatus::AlmostSolved
        | SolverStatus::AlmostPrimalInfeasible
        | SolverStatus::AlmostDualInfeasible => Err(SolverFailure::Inexact),
        SolverStatus::DualInfeasible => Err(SolverFailure::Unbounded),
        SolverStatus::MaxIterations => Err(SolverFailure::IterationLimit(limits.iterations_max)),
        SolverStatus::MaxTime => Err(SolverFailure::TimeLimit(limits.time_max)),
        SolverStatus::NumericalError => Err(SolverFailure::Numerical),
        SolverStatus::InsufficientProgress => Err(SolverFailure::NoProgress),
        SolverStatus::Unsolved => Err(SolverFailure::Refused("it never started".to_owned())),
        SolverStatus::CallbackTerminated => {
            Err(SolverFailure::Refused("it was stopped from outside".to_owned()))
        }
    }
}
