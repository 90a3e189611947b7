//! What the construction of a portfolio answers.

use serde::{Deserialize, Serialize};

use crate::{Residuals, SolverFailure};

/// How far the answer is proved.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing better exists, to the solver's accuracy or the search's gap.
    Optimal,
    /// All constraints hold, but the search met its limit: `gap` says how much better an answer could be.
    Stopped,
}

/// A portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    /// How far it is proved.
    pub standing: Standing,
    /// By instrument, in the order of the names.
    pub weights: Vec<f64>,
    /// The objective, recomputed from the weights. The least is best, but for ratios (`maximised`).
    pub objective: f64,
    /// Whether more of the objective is better.
    pub maximised: bool,
    /// What no portfolio within the constraints is better than.
    pub bound: f64,
    /// |objective − bound| / max(|objective|, 1e-6).
    pub gap: f64,
    /// What the objective is made of.
    pub terms: Vec<Term>,
    /// Expected return, where the problem has expected returns.
    pub expected_return: Option<f64>,
    /// Volatility, where the problem has a covariance.
    pub volatility: Option<f64>,
    /// Share of each instrument in the variance, `w (Cw) / wᵀCw`; sums to one. Where there is a covariance and
    /// risk at all.
    pub risk_shares: Option<Vec<f64>>,
    /// What is traded, where the problem speaks of trades.
    pub trades: Option<Traded>,
    /// Constraints that are met with equality, with what they cost.
    pub active: Vec<ActiveConstraint>,
    /// How nearly the conditions of optimality hold in the convex program that gave the weights; nothing where
    /// there was none to solve.
    pub residuals: Option<Residuals>,
    /// Interior-point iterations (or sweeps of a coordinate method) altogether.
    pub iterations: u32,
    /// What the search over holdings did, if there was one.
    pub search: Option<Search>,
}

/// A term of the objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// What it is.
    pub name: String,
    /// What it is multiplied with in the objective; negative where more is better.
    pub weight: f64,
    /// Its value.
    pub value: f64,
}

/// Trades as ratios of the portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traded {
    /// By instrument.
    pub bought: Vec<f64>,
    /// By instrument.
    pub sold: Vec<f64>,
    /// By parcel, in the order of the problem.
    pub sold_by_lot: Vec<f64>,
    /// Half of all bought and sold.
    pub turnover: f64,
    /// Linear and fixed costs.
    pub cost: f64,
    /// The gain that is taxed, after losses and discount.
    pub net_capital_gain: f64,
    /// The tax on it.
    pub tax: f64,
}

/// A constraint that is met with equality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActiveConstraint {
    /// Its name.
    pub name: String,
    /// Its limit.
    pub limit: f64,
    /// By how much the objective improves for each unit by which the limit is relaxed, at the margin; of what
    /// is invested (an equality) the change of the objective for each unit more.
    pub shadow_price: f64,
    /// Both as a sentence.
    pub words: String,
}

/// What a search over holdings did.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Relaxations solved.
    pub nodes: u32,
    /// Sets of holdings for which the exact problem was solved.
    pub holdings_tried: u32,
    /// How many sets of holdings the rule about names admits: what an enumeration would have to look at.
    pub holdings_admitted: f64,
    /// The optimum without the rule about names and without fixed costs.
    pub relaxed: f64,
}

/// Why there is no portfolio.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum PortfolioError {
    /// The problem makes no sense: which part, and what was expected.
    #[error("{0}")]
    Invalid(String),
    /// Constraints cannot hold together.
    #[error("{0}")]
    Infeasible(Conflict),
    /// The solver gave no answer that one may act on.
    #[error(transparent)]
    Solver(#[from] SolverFailure),
}

/// Constraints that cannot hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The constraints of the set, each in words.
    pub constraints: Vec<ConflictingConstraint>,
    /// Whether any one of them left out makes the others possible; false if the solver could not tell.
    pub minimal: bool,
}

/// A constraint of a conflicting set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConflictingConstraint {
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub words: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.constraints.iter().map(|constraint| constraint.words.as_str()).collect();
        match words.as_slice() {
            [one] => write!(f, "no portfolio can satisfy this: {one}"),
            many => write!(f, "no portfolio can satisfy these together: {}", many.join("; ")),
        }
    }
}
