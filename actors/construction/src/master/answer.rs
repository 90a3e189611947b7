//! What the master portfolio is.

use std::collections::BTreeMap;

use evenkeel_advice::PodId;
use evenkeel_optimizer::Residuals;
use evenkeel_optimizer::portfolio::{ActiveConstraint, PortfolioError, Search, Standing};
use evenkeel_schemas::{Money, Name, Ratio};
use serde::{Deserialize, Serialize};

use crate::pod::LimitKept;

/// A term of the objective.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermKind {
    /// What pods give up of their objectives.
    Pods,
    /// What several pods hold in one instrument.
    Duplication,
    /// Turnover.
    Cost,
    /// Tax on income and on gains.
    Tax,
}

impl TermKind {
    /// All terms, in order.
    pub const ALL: [TermKind; 4] = [TermKind::Pods, TermKind::Duplication, TermKind::Cost, TermKind::Tax];

    /// The name in events.
    pub fn as_str(self) -> &'static str {
        match self {
            TermKind::Pods => "pods",
            TermKind::Duplication => "duplication",
            TermKind::Cost => "cost",
            TermKind::Tax => "tax",
        }
    }
}

/// A term with its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterTerm {
    /// Which.
    pub term: TermKind,
    /// Its weight in the objective.
    pub weight: Ratio,
    /// Its value, from the weights as published.
    pub value: f64,
    /// The same of the consolidated pods, held as they are.
    pub consolidated: f64,
    /// What it means, in words.
    pub words: String,
}

/// A holding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterHolding {
    /// What.
    pub instrument: Name,
    /// Share of the capital.
    pub weight: Ratio,
    /// Money in it, whole cents.
    pub value: Money,
    /// Of each pod that it serves, the share of the pod's capital that is in it.
    pub pods: BTreeMap<PodId, Ratio>,
    /// Whether it serves more than one pod: a duplicate that was merged.
    pub consolidated: bool,
    /// Share of the capital that the pods by themselves wanted in it.
    pub wanted: Ratio,
    /// Share of the capital that is held now.
    pub current: Ratio,
}

/// What the master portfolio made of a pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodKept {
    /// Which.
    pub pod: PodId,
    /// Its objective alone: volatility, yield after tax, Sharpe ratio or expected return, a year.
    pub alone: f64,
    /// The same of its sleeve.
    pub together: f64,
    /// What it gave up, as a share of the range from its best to the worst single instrument of its universe.
    pub given_up: f64,
    /// Its limits, as they were in force alone, with the sleeve's values.
    pub limits: Vec<LimitKept>,
    /// Whether the sleeve is within them.
    pub within_limits: bool,
    /// Within its limits, and given up no more than the rules allow.
    pub preserved: bool,
    /// In words.
    pub words: String,
}

/// A part of a lot that the portfolio sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoldLot {
    /// The event that opened it.
    pub lot: Name,
    /// What.
    pub instrument: Name,
    /// The part that is sold, 0 to 1.
    pub part: Ratio,
}

/// The master portfolio.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterPortfolio {
    /// Holdings, by instrument.
    pub holdings: Vec<MasterHolding>,
    /// What stays cash: parts of cents, and what cannot be invested within the rules.
    pub cash: Money,
    /// Why more than parts of cents stays cash.
    pub cash_reasons: Vec<String>,
    /// The objective's terms, in order.
    pub terms: Vec<MasterTerm>,
    /// Their weighted sum.
    pub objective: f64,
    /// By pod.
    pub kept: Vec<PodKept>,
    /// Instruments that a pod wanted and the master portfolio leaves out, with the reason.
    pub left_out: BTreeMap<Name, String>,
    /// Instruments that several pods wanted and that are one line now.
    pub duplicates_merged: usize,
    /// Half of all that is bought and sold, as a share of the capital.
    pub turnover: f64,
    /// What that costs, whole cents.
    pub transaction_cost: Money,
    /// Parts of lots that are sold, in the order of the lots.
    pub sold: Vec<SoldLot>,
    /// How far the answer is proved.
    pub standing: Standing,
    /// Proven distance to the best objective, relative to it, or to 0.001 where it is less.
    pub gap: f64,
    /// Constraints met with equality, with their shadow prices.
    pub active: Vec<ActiveConstraint>,
    /// How nearly the conditions of optimality hold for these holdings, re-computed apart from the solver.
    pub residuals: Option<Residuals>,
    /// What the search over holdings did.
    pub search: Option<Search>,
    /// What it is, in a few sentences.
    pub explanation: String,
}

/// Why there is no master portfolio.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MasterError {
    /// No pod has capital.
    #[error("there is nothing to invest: no pod has capital")]
    NoCapital,
    /// A figure makes no sense.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// Which.
        field: String,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A holding cannot be valued or judged.
    #[error("{instrument} is held, but {reason}: construct when that is known, or sell it first")]
    Held {
        /// What.
        instrument: Name,
        /// What is missing.
        reason: &'static str,
    },
    /// The law of the day taxes gains in a way that this objective does not have.
    #[error("gains of {on} fall under the regime of {start}, which the master portfolio does not know")]
    Regime {
        /// The day of the sales.
        on: evenkeel_schemas::TradeDate,
        /// When the regime began.
        start: evenkeel_schemas::TradeDate,
    },
    /// Tax cannot be worked out.
    #[error(transparent)]
    Tax(#[from] evenkeel_tax::TaxError),
    /// The optimizer has no answer.
    #[error("the master portfolio: {0}")]
    Optimizer(#[from] PortfolioError),
}
