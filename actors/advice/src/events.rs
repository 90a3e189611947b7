//! What the flow's eleven event types carry in the log.
//!
//! The source lists them at the end of its flow. Five are events that the log knows already; the other six
//! are bodies of events to come, as fields beside `type`, `at`, `id` and `recorded`, which every event has.
//! Nothing here is a second copy of a truth: an event holds what was concluded and names, by id, what it was
//! concluded from. The table for people is `docs/onboarding.md`.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{EventType, TriggerKind};
use evenkeel_schemas::{Epoch, Money, Name, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::onboard::Advice;
use crate::pods::{PodId, PodObjective};
use crate::words::words;

words! {
    /// The flow's event types, in its order.
    FlowEvent {
        /// A customer may hold things.
        CustomerOnboarded = "CustomerOnboarded",
        /// The ten answers.
        RiskQuestionnaireCompleted = "RiskQuestionnaireCompleted",
        /// The goals.
        GoalsDefined = "GoalsDefined",
        /// Score, goal map and pod weights.
        PodAllocationCalculated = "PodAllocationCalculated",
        /// One pod's portfolio, four times.
        PodOptimized = "PodOptimized",
        /// The portfolio that holds all pods.
        MasterPortfolioOptimized = "MasterPortfolioOptimized",
        /// Its tax, and what to do about it.
        TaxOptimizationCompleted = "TaxOptimizationCompleted",
        /// The orders have ended.
        TradesExecuted = "TradesExecuted",
        /// The targets are set.
        PortfolioCreated = "PortfolioCreated",
        /// From now on it is watched.
        PortfolioMonitoringStarted = "PortfolioMonitoringStarted",
        /// A later decision traded.
        PortfolioRebalanced = "PortfolioRebalanced",
    }
}

/// How the log records one of the flow's events.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RecordedAs {
    /// As an event that exists.
    Existing(EventType),
    /// As an event of this type, whose body is in this module.
    New(&'static str),
}

impl FlowEvent {
    /// How the log records it.
    pub fn recorded_as(self) -> RecordedAs {
        match self {
            FlowEvent::CustomerOnboarded => RecordedAs::Existing(EventType::CustomerOnboarded),
            FlowEvent::RiskQuestionnaireCompleted => RecordedAs::Existing(EventType::QuestionnaireCompleted),
            FlowEvent::GoalsDefined => RecordedAs::Existing(EventType::GoalsDefined),
            FlowEvent::PodAllocationCalculated => RecordedAs::New("pod_allocation_calculated"),
            FlowEvent::PodOptimized => RecordedAs::New("pod_optimized"),
            FlowEvent::MasterPortfolioOptimized => RecordedAs::New("master_portfolio_optimized"),
            FlowEvent::TaxOptimizationCompleted => RecordedAs::New("tax_optimization_completed"),
            FlowEvent::TradesExecuted => RecordedAs::New("trades_executed"),
            FlowEvent::PortfolioCreated => RecordedAs::Existing(EventType::TargetsSet),
            FlowEvent::PortfolioMonitoringStarted => RecordedAs::New("portfolio_monitoring_started"),
            FlowEvent::PortfolioRebalanced => RecordedAs::Existing(EventType::Decision),
        }
    }
}

macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty,)* }
    };
}

body! {
    /// `pod_allocation_calculated`: steps 1 to 3, concluded.
    PodAllocationCalculated {
        /// Customer.
        customer: Name,
        /// The event with the answers.
        questionnaire: Name,
        /// The event with the goals, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        goals: Option<Name>,
        /// Which table of pods was in force.
        pods_from: TradeDate,
        /// Score, notes, goal map, weights and capital, each with its explanation.
        advice: Advice,
    }
}

body! {
    /// `pod_optimized`: one pod's portfolio. Customers of one cohort share a solution: `solution` is its id,
    /// and the same for all of them.
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
        weights: BTreeMap<Name, Ratio>,
        /// Expected return a year.
        expected_return: Ratio,
        /// Expected volatility a year.
        volatility: Ratio,
        /// Expected distributions a year, before tax.
        distribution_yield: Ratio,
        /// Limits that the market made infeasible, relaxed in this order, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        relaxed: Vec<String>,
    }
}

body! {
    /// One holding of the master portfolio.
    MasterLine {
        /// Ticker.
        instrument: Name,
        /// Share of the whole.
        weight: Ratio,
        /// Money in it.
        value: Money,
        /// Weight by pod that wants it; more than one pod is a duplicate that was merged.
        pods: BTreeMap<PodId, Ratio>,
    }
}

body! {
    /// What the master portfolio made of one pod's objective.
    PodKept {
        /// Which pod.
        pod: PodId,
        /// Its objective's value by itself.
        alone: Ratio,
        /// Its value within the master portfolio.
        together: Ratio,
        /// Whether its limits hold.
        within_limits: bool,
    }
}

body! {
    /// `master_portfolio_optimized`: all pods in at most twelve instruments.
    MasterPortfolioOptimized {
        /// Customer.
        customer: Name,
        /// The four events of its pods.
        pods: Vec<Name>,
        /// Holdings, by instrument.
        lines: Vec<MasterLine>,
        /// What stays cash.
        cash: Money,
        /// The objective's terms by name: pods, duplication, cost, tax, and their weighted sum.
        objective: BTreeMap<String, Ratio>,
        /// By pod.
        kept: Vec<PodKept>,
        /// Instruments that a pod wanted and the master portfolio left out, with the reason.
        #[serde(default)]
        left_out: BTreeMap<Name, String>,
        /// Proven distance to the best objective.
        gap: Ratio,
    }
}

body! {
    /// A recommendation of the tax step.
    TaxAdvice {
        /// What it is about, if one instrument.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<Name>,
        /// Tax it saves, as estimated.
        saving: Money,
        /// In words.
        text: String,
    }
}

body! {
    /// `tax_optimization_completed`: what the portfolio's tax is expected to be.
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
    /// `trades_executed`: the orders of a decision have all ended. Prices and fees are in the fills.
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
        /// The sum of buys.
        bought: Money,
        /// The sum of sales.
        sold: Money,
        /// The sum of fees.
        fees: Money,
    }
}

body! {
    /// The next review of a pod and what stops it.
    PodWatch {
        /// Which pod.
        pod: PodId,
        /// The first review.
        review: TradeDate,
        /// Drawdown at which its breaker trips, as a positive ratio.
        circuit_breaker: Ratio,
        /// Most volatility a year.
        volatility_max: Ratio,
    }
}

body! {
    /// `portfolio_monitoring_started`: the first portfolio is filled, and what is watched from now on.
    PortfolioMonitoringStarted {
        /// Customer.
        customer: Name,
        /// The event that set the targets.
        targets: Name,
        /// The kinds of triggers that may wake the customer's actor.
        triggers: Vec<TriggerKind>,
        /// By pod.
        pods: Vec<PodWatch>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_table() {
        let page = include_str!("../../../docs/onboarding.md");
        for flow in FlowEvent::ALL {
            let row = match flow.recorded_as() {
                RecordedAs::Existing(event) => format!("| `{flow}` | `{}` | existing |", event.as_str()),
                RecordedAs::New(event) => format!("| `{flow}` | `{event}` | new |"),
            };
            assert!(page.contains(&row), "docs/onboarding.md has no row {row}");
        }
    }

    #[test]
    fn new_events_have_types_of_their_own() {
        let new = FlowEvent::ALL.iter().filter_map(|flow| match flow.recorded_as() {
            RecordedAs::New(event) => Some(event),
            RecordedAs::Existing(_) => None,
        });
        let new: Vec<&str> = new.collect();
        assert_eq!((FlowEvent::ALL.len(), new.len()), (11, 6));
        for event in new {
            assert_eq!(EventType::from_text(event), None, "{event} exists");
        }
    }

    #[test]
    fn bodies_read_what_they_write_and_nothing_more() {
        let text = r#"{"customer":"c","allocation":"a","pod":"POD1","capital":"15000",
            "objective":"minimise_volatility","solution":"s","estimates":1763164800000,
            "weights":{"BILL":"0.6","VAF":"0.3","VAS":"0.1"},
            "expected_return":"0.04","volatility":"0.08","distribution_yield":"0.03"}"#;
        let body: PodOptimized = serde_json::from_str(text).unwrap();
        let written = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<PodOptimized>(&written).unwrap(), body);
        let more = text.replace("\"customer\"", "\"agent\":\"alpha\",\"customer\"");
        assert!(serde_json::from_str::<PodOptimized>(&more).unwrap_err().to_string().contains("agent"));
        let line =
            r#"{"instrument":"VAF","weight":"0.135","value":"13500","pods":{"POD1":"0.3","POD2":"0.3"}}"#;
        let body: MasterLine = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), line);
    }
}
