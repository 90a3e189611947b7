//! The flow's eleven event types, and how the log records them.
//!
//! The source lists them at the end of its flow; the bodies are events of the log like all others. The table for
//! people is `docs/onboarding.md`.

use evenkeel_schemas::events::EventType;

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

impl FlowEvent {
    /// How the log records it.
    pub fn recorded_as(self) -> EventType {
        match self {
            FlowEvent::CustomerOnboarded => EventType::CustomerOnboarded,
            FlowEvent::RiskQuestionnaireCompleted => EventType::QuestionnaireCompleted,
            FlowEvent::GoalsDefined => EventType::GoalsDefined,
            FlowEvent::PodAllocationCalculated => EventType::PodAllocationCalculated,
            FlowEvent::PodOptimized => EventType::PodOptimized,
            FlowEvent::MasterPortfolioOptimized => EventType::MasterPortfolioOptimized,
            FlowEvent::TaxOptimizationCompleted => EventType::TaxOptimizationCompleted,
            FlowEvent::TradesExecuted => EventType::TradesExecuted,
            FlowEvent::PortfolioCreated => EventType::TargetsSet,
            FlowEvent::PortfolioMonitoringStarted => EventType::PortfolioMonitoringStarted,
            FlowEvent::PortfolioRebalanced => EventType::Decision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_table() {
        let page = include_str!("../../../docs/onboarding.md");
        for flow in FlowEvent::ALL {
            let row = format!("| `{flow}` | `{}` |", flow.recorded_as().as_str());
            assert!(page.contains(&row), "docs/onboarding.md has no row {row}");
        }
        assert_eq!(FlowEvent::ALL.len(), 11);
    }
}
