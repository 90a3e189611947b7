//! What a pod's optimisation answers.

use std::collections::BTreeMap;

use evenkeel_advice::{PodId, PodObjective};
use evenkeel_optimizer::Residuals;
use evenkeel_optimizer::portfolio::{ActiveConstraint, PortfolioError, Standing};
use evenkeel_schemas::{Epoch, Name, Ratio};
use serde::{Deserialize, Serialize};

use crate::market::Member;

/// A limit of a pod, in the order in which the pods' table lists them: the last gives way first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Volatility a year, at most.
    Volatility,
    /// Liquidity score, at least.
    Liquidity,
    /// Distribution yield a year, at least.
    Yield,
}

impl LimitKind {
    /// As a sentence says it.
    pub fn in_words(self) -> &'static str {
        match self {
            LimitKind::Volatility => "volatility at most",
            LimitKind::Liquidity => "liquidity score at least",
            LimitKind::Yield => "distribution yield at least",
        }
    }
}

/// What became of a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitKept {
    /// Which.
    pub limit: LimitKind,
    /// What the pod's terms ask for.
    pub asked: Ratio,
    /// What the optimisation kept to: as asked, or as near as the market allows.
    pub in_force: f64,
    /// What the portfolio has.
    pub value: f64,
}

impl LimitKept {
    /// Whether the market made it impossible as asked.
    pub fn relaxed(&self) -> bool {
        self.in_force != self.asked.to_f64()
    }
}

/// What a portfolio is expected to be, a year.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Expected return, distributions included.
    pub expected_return: f64,
    /// Volatility.
    pub volatility: f64,
    /// Distributions, before tax.
    pub distribution_yield: f64,
    /// Liquidity score, averaged over the holdings.
    pub liquidity: f64,
}

impl Figures {
    /// Of weights in the order of members; `variance` is that of the weights.
    pub(crate) fn of(members: &[Member<'_>], weights: &[f64], variance: f64) -> Figures {
        let sum = |of: &dyn Fn(&Member<'_>) -> f64| {
            members.iter().zip(weights).map(|(member, weight)| of(member) * weight).sum::<f64>()
        };
        let held: f64 = weights.iter().sum();
        let scores = sum(&|member| member.listing.liquidity_score());
        Figures {
            expected_return: sum(&|member| member.expected_return),
            volatility: variance.max(0.0).sqrt(),
            distribution_yield: sum(&|member| member.listing.distribution_yield.to_f64()),
            liquidity: if held > 0.0 { scores / held } else { 1.0 },
        }
    }

    /// The value that a limit is held against.
    pub(crate) fn against(&self, limit: LimitKind) -> f64 {
        match limit {
            LimitKind::Volatility => self.volatility,
            LimitKind::Liquidity => self.liquidity,
            LimitKind::Yield => self.distribution_yield,
        }
    }
}

/// A pod's portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodSolution {
    /// Which pod.
    pub pod: PodId,
    /// Derived from everything that the solution depends on: terms, market state and, where income after tax
    /// is what is wanted, the investor.
    pub solution: Name,
    /// The epoch of the estimates.
    pub estimates: Epoch,
    /// What was wanted.
    pub objective: PodObjective,
    /// What it came to, from the weights: volatility, yield after tax, Sharpe ratio or expected return, a year.
    pub objective_value: f64,
    /// Weight by instrument, sum exactly 1; what is not held is not there.
    pub weights: BTreeMap<Name, Ratio>,
    /// What the portfolio is expected to be.
    pub figures: Figures,
    /// Limits, in their order.
    pub limits: Vec<LimitKept>,
    /// Limits that the market made infeasible, in the order in which they gave way, in words.
    pub relaxed: Vec<String>,
    /// Of the pod's universe, what could not be considered, and why.
    pub left_out: BTreeMap<Name, String>,
    /// How far the answer is proved.
    pub standing: Standing,
    /// Distance to the best objective there could be, relative to it.
    pub gap: f64,
    /// Constraints met with equality, with their shadow prices.
    pub active: Vec<ActiveConstraint>,
    /// How nearly the conditions of optimality hold, re-computed apart from the solver.
    pub residuals: Option<Residuals>,
    /// What it holds and why, in a sentence or two.
    pub explanation: String,
}

/// Why a pod has no portfolio.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PodError {
    /// Nothing of its universe can be considered.
    #[error("{pod}: nothing of its universe can be held: {left_out}")]
    Empty {
        /// The pod.
        pod: PodId,
        /// Each instrument with its reason.
        left_out: String,
    },
    /// A figure of the request is out of range.
    #[error("{pod}.{field}: expected {expected}, got {got}")]
    Field {
        /// The pod.
        pod: PodId,
        /// Which figure.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The optimizer has no answer.
    #[error("{pod}: {error}")]
    Optimizer {
        /// The pod.
        pod: PodId,
        /// Why.
        error: PortfolioError,
    },
    /// A circuit breaker cannot be read.
    #[error(transparent)]
    Breaker(#[from] evenkeel_advice::PodError),
}
