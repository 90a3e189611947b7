//! How nearly an answer of the solver satisfies the conditions of Karush, Kuhn and Tucker, from the program and
//! the multipliers alone, with code that shares nothing with the solver.
//!
//! minimise ½ xᵀP x + qᵀx, A x + s = b, s ∈ K; then optimal are x, z with
//! primal `b − A x ∈ K`, dual `P x + q + Aᵀz = 0, z ∈ K*`, complementary `zᵀ(b − A x) = 0`
//! (Boyd and Vandenberghe, "Convex Optimization", 2004, section 5.9.2).

use serde::{Deserialize, Serialize};

use crate::conic::{Cone, Optimum, Program, Row};

/// The largest violation of each condition, relative to the numbers that it is made of.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// How far the answer is outside a constraint, relative to 1 and the largest bound.
    pub primal: f64,
    /// How far the gradient is from what the multipliers explain, and these from their cones, relative to 1
    /// and the largest linear cost.
    pub dual: f64,
    /// Sum of multiplier times slack, relative to 1 and the objective.
    pub complementarity: f64,
}

impl Residuals {
    /// The largest of them.
    pub fn largest(&self) -> f64 {
        self.primal.max(self.dual).max(self.complementarity)
    }
}

/// The residuals of an optimum.
pub(crate) fn residuals(program: &Program, optimum: &Optimum) -> Residuals {
    let x = &optimum.primal;
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0_f64, |most, v| most.max(v.abs()));
    let value = |terms: &[(usize, f64)]| terms.iter().map(|(column, c)| c * x[*column]).sum::<f64>();
    let mut gradient = program.linear.clone();
    for (row, column, entry) in &program.quadratic {
        gradient[*row] += entry * x[*column];
        if row != column {
            gradient[*column] += entry * x[*row];
        }
    }
    let (mut primal, mut dual, mut product, mut bound_max) = (0.0_f64, 0.0_f64, 0.0, 0.0_f64);
    let mut multipliers = optimum.dual.iter().copied();
    let mut next = || multipliers.next().unwrap_or(f64::NAN);
    let linear = |rows: &[Row], next: &mut dyn FnMut() -> f64, visit: &mut dyn FnMut(f64, f64, &Row)| {
        rows.iter().for_each(|row| visit(row.bound - value(&row.terms), next(), row));
    };
    linear(&program.equalities, &mut next, &mut |slack, z, row| {
        primal = primal.max(slack.abs());
        bound_max = bound_max.max(row.bound.abs());
        row.terms.iter().for_each(|(column, c)| gradient[*column] += z * c);
    });
    linear(&program.inequalities, &mut next, &mut |slack, z, row| {
        primal = primal.max(-slack);
        dual = dual.max(-z);
        product += z * slack;
        bound_max = bound_max.max(row.bound.abs());
        row.terms.iter().for_each(|(column, c)| gradient[*column] += z * c);
    });
    for cone in &program.cones {
        let slack: Vec<f64> = cone.rows().iter().map(|row| value(&row.terms) + row.constant).collect();
        let z: Vec<f64> = cone.rows().iter().map(|_| next()).collect();
        primal = primal.max(outside(cone, &slack));
        dual = dual.max(outside_dual(cone, &z));
        for ((row, z), slack) in cone.rows().iter().zip(&z).zip(&slack) {
            product += z * slack;
            bound_max = bound_max.max(row.constant.abs());
            row.terms.iter().for_each(|(column, c)| gradient[*column] -= z * c);
        }
    }
    let cost_max = largest(&mut program.linear.iter().copied());
    Residuals {
        primal: primal / bound_max.max(1.0),
        dual: dual.max(largest(&mut gradient.into_iter())) / cost_max.max(1.0),
        complementarity: product.abs() / optimum.objective.abs().max(1.0),
    }
}

/// How far a point is outside a cone; zero inside.
fn outside(cone: &Cone, s: &[f64]) -> f64 {
    match (cone, s) {
        (Cone::SecondOrder(_), [first, rest @ ..]) => (norm(rest) - first).max(0.0),
        (Cone::Exponential(_), [x, y, z]) if *y > 0.0 => (y * (x / y).exp() - z).max(0.0),
        (Cone::Exponential(_), [x, y, z]) => x.max(-y).max(-z).max(0.0),
        _ => 0.0,
    }
}

/// How far multipliers are outside the dual cone. That of the exponential cone is
/// `u < 0, −u exp(v / u) <= e w`, and its limits.
fn outside_dual(cone: &Cone, z: &[f64]) -> f64 {
    match (cone, z) {
        (Cone::SecondOrder(_), _) => outside(cone, z),
        (Cone::Exponential(_), [u, v, w]) if *u < 0.0 => (-u * (v / u - 1.0).exp() - w).max(0.0),
        (Cone::Exponential(_), [u, v, w]) => u.max(-v).max(-w).max(0.0),
        _ => 0.0,
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
