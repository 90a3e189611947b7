//! Figures of onboarding: portfolios by objective and how they came out, and the flow's steps.

use evenkeel_advice::events::FlowEvent;
use evenkeel_schemas::Ratio;
use evenkeel_schemas::events::{Event, PodObjective};
use prometheus::{IntCounterVec, Opts, Registry};

/// A gap to the best objective up to which it counts as proved: 0.1%.
const PROVED: Ratio = Ratio::from_raw(Ratio::ONE / 1_000);

/// Figures of onboarding.
#[derive(Debug)]
pub(super) struct FlowFigures {
    optimized: IntCounterVec,
    steps: IntCounterVec,
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let metric = IntCounterVec::new(Opts::new(name, help), labels).expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

impl FlowFigures {
    pub fn new(registry: &Registry) -> FlowFigures {
        let help = "Portfolios by objective and status: optimal, relaxed (limits gave way), feasible (no proof), none";
        let labels = &["objective", "status"];
        let optimized = counters(registry, "evenkeel_portfolios_optimized_total", help, labels);
        let help = "Steps of the onboarding flow, by the flow's name";
        let steps = counters(registry, "evenkeel_onboarding_steps_total", help, &["step"]);
        // There from the start, at zero.
        for objective in PodObjective::ALL {
            optimized.with_label_values(&[objective.as_str(), "optimal"]);
        }
        optimized.with_label_values(&["master", "optimal"]);
        for flow in FlowEvent::ALL.iter().filter(|flow| **flow != FlowEvent::PortfolioRebalanced) {
            steps.with_label_values(&[flow.as_str()]);
        }
        FlowFigures { optimized, steps }
    }

    /// Takes note of a committed event.
    pub fn note(&self, event: &Event) {
        match event {
            Event::PodOptimized(e) => {
                let status = if e.relaxed.is_empty() { "optimal" } else { "relaxed" };
                self.optimized.with_label_values(&[e.objective.as_str(), status]).inc();
            }
            Event::MasterPortfolioOptimized(e) => {
                let status = if e.gap <= PROVED { "optimal" } else { "feasible" };
                self.optimized.with_label_values(&["master", status]).inc();
            }
            Event::Anomaly(e) if e.kind.as_str() == "no_portfolio" => {
                self.optimized.with_label_values(&["master", "none"]).inc();
            }
            _ => {}
        }
        // Targets that somebody sets by hand count too.
        let step = FlowEvent::ALL.iter().find(|flow| flow.recorded_as() == event.event_type());
        if let Some(flow) = step.filter(|flow| **flow != FlowEvent::PortfolioRebalanced) {
            self.steps.with_label_values(&[flow.as_str()]).inc();
        }
    }
}
