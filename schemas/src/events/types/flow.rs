//! What the program concludes on a new customer's way from a questionnaire to a portfolio that is watched.
//!
//! Each event holds what was concluded and names, by id, what it was concluded from. Ratios are of the portfolio
//! or yearly; money is in the customer's base currency.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventType, PodId, PodObjective, TriggerKind};
use crate::{Epoch, Instant, Money, Name, Ratio, TradeDate};

/// Where a goal is invested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalPod {
    /// The goal's id.
    pub goal: Name,
    /// Its pod.
    pub pod: PodId,
    /// Its date.
    pub target_date: TradeDate,
    /// Why, in words.
    pub explanation: String,
}

/// A pod's part of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodWeight {
    /// Which pod.
    pub pod: PodId,
    /// Its weight; the four sum to 1.
    pub weight: Ratio,
    /// Its capital in whole cents; the four sum to the total.
    pub capital: Money,
}

body! {
    /// Score, goal map and pod weights are worked out.
    PodAllocationCalculated {
        /// Customer.
        customer: Name,
        /// The event with the profile, if it has an id.
        #[serde(default, skip_serializing_if = "Option::is_none")] profile: Option<Name>,
        /// The event with the answers, if it has an id.
        #[serde(default, skip_serializing_if = "Option::is_none")] questionnaire: Option<Name>,
        /// The event with the goals, if there was one and it has an id.
        #[serde(default, skip_serializing_if = "Option::is_none")] goals: Option<Name>,
        /// Why an earlier allocation is replaced; nothing for a first one.
        #[serde(default, skip_serializing_if = "Option::is_none")] trigger: Option<TriggerKind>,
        /// Which table of pods was in force.
        pods_from: TradeDate,
        /// Risk score, 0 to 100.
        risk_score: u32,
        /// Its category.
        risk_category: String,
        /// What is divided.
        capital: Money,
        /// Pods 1 to 4.
        pods: Vec<PodWeight>,
        /// By goal.
        goal_pods: Vec<GoalPod>,
        /// What does not fit together, to ask the customer about; moves nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] notes: Vec<String>,
        /// Which answers moved the score, and what moved the weights, in words.
        explanation: String,
    }
}

body! {
    /// One pod's portfolio. Customers of one cohort share a solution: `solution` is its id, and the same for all of them.
    PodOptimized {
        /// Customer.
        customer: Name,
        /// The event with the allocation.
        allocation: Name,
        /// Which pod.
        pod: PodId,
        /// Money in it.
        capital: Money,
        /// What was optimised.
        objective: PodObjective,
        /// The solution's id, derived from the problem and the market state.
        solution: Name,
        /// The epoch of the estimates.
        estimates: Epoch,
        /// Weight by instrument, sum 1.
        #[serde(deserialize_with = "crate::events::parse::unique")] weights: BTreeMap<Name, Ratio>,
        /// Expected return a year.
        expected_return: Ratio,
        /// Expected volatility a year.
        volatility: Ratio,
        /// Expected distributions a year, before tax.
        distribution_yield: Ratio,
        /// Limits that the market made infeasible, relaxed in this order, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] relaxed: Vec<String>,
    }
}

/// One holding of the master portfolio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MasterLine {
    /// Ticker.
    pub instrument: Name,
    /// Share of the whole.
    pub weight: Ratio,
    /// Money in it.
    pub value: Money,
    /// Weight by pod that wants it; more than one pod is a duplicate that was merged.
    #[serde(deserialize_with = "crate::events::parse::unique")]
    pub pods: BTreeMap<PodId, Ratio>,
}

/// What the master portfolio made of one pod's objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodKept {
    /// Which pod.
    pub pod: PodId,
    /// Its objective's value by itself.
    pub alone: Ratio,
    /// Its value within the master portfolio.
    pub together: Ratio,
    /// Whether its limits hold.
    pub within_limits: bool,
}

body! {
    /// All pods in at most twelve instruments.
    MasterPortfolioOptimized {
        /// Customer.
        customer: Name,
        /// Why an earlier portfolio is replaced, a reason to act; nothing for a first one.
        #[serde(default, skip_serializing_if = "Option::is_none")] trigger: Option<TriggerKind>,
        /// The events of its pods.
        pods: Vec<Name>,
        /// Holdings, by instrument.
        lines: Vec<MasterLine>,
        /// What stays cash.
        cash: Money,
        /// The objective's terms by name: pods, duplication, cost, tax, and their weighted sum.
        #[serde(deserialize_with = "crate::events::parse::unique")] objective: BTreeMap<String, Ratio>,
        /// By pod.
        kept: Vec<PodKept>,
        /// Instruments that a pod wanted and the master portfolio left out, with the reason.
        #[serde(default, deserialize_with = "crate::events::parse::unique")] left_out: BTreeMap<Name, String>,
        /// Proven distance to the best objective.
        gap: Ratio,
    }
}

/// A recommendation of the tax step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxAdvice {
    /// What it is about, if one instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Name>,
    /// Tax it saves, as estimated.
    pub saving: Money,
    /// In words.
    pub text: String,
}

body! {
    /// What the portfolio's tax is expected to be.
    TaxOptimizationCompleted {
        /// Customer.
        customer: Name,
        /// The event with the master portfolio.
        portfolio: Name,
        /// The financial year, such as 2025-26.
        financial_year: String,
        /// Distributions expected.
        gross_income: Money,
        /// Franking credits on them.
        franking_credits: Money,
        /// Tax on both.
        income_tax: Money,
        /// Tax on gains that the trades realise.
        capital_gains_tax: Money,
        /// Expected return a year, after tax.
        after_tax_return: Ratio,
        /// What to do.
        advice: Vec<TaxAdvice>,
    }
}

body! {
    /// The orders of a decision have all ended. Prices and fees are in the fills.
    TradesExecuted {
        /// Customer.
        customer: Name,
        /// The decision that the orders come from.
        decision: Name,
        /// Orders filled whole.
        filled: u32,
        /// Orders that ended with a part done.
        partially_filled: u32,
        /// Orders that ended with nothing done.
        failed: u32,
        /// The sum of buys, fees apart.
        bought: Money,
        /// The sum of sales, fees apart.
        sold: Money,
        /// The sum of fees.
        fees: Money,
    }
}

body! {
    /// The day of a customer's review has come: a reason to act, where the strategy is `calendar`.
    ReviewDue {
        /// Customer.
        customer: Name,
        /// The day.
        date: TradeDate,
    }
}

/// The next review of a pod and what stops it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodWatch {
    /// Which pod.
    pub pod: PodId,
    /// The next review.
    pub review: TradeDate,
    /// Drawdown at which its breaker trips, as a positive ratio.
    pub circuit_breaker: Ratio,
    /// Most volatility a year.
    pub volatility_max: Ratio,
}

body! {
    /// The first portfolio is filled, and what is watched from now on.
    PortfolioMonitoringStarted {
        /// Customer.
        customer: Name,
        /// The event that set the targets.
        targets: Name,
        /// The kinds of reasons that may wake the customer's actor.
        triggers: Vec<TriggerKind>,
        /// By pod.
        pods: Vec<PodWatch>,
    }
}
