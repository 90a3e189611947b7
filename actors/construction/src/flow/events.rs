//! The stages in the flow's event types.

use std::collections::BTreeMap;

use evenkeel_advice::events::{
    FlowEvent, MasterLine, MasterPortfolioOptimized, PodKept, PodOptimized, TaxOptimizationCompleted,
};
use evenkeel_schemas::events::{EventType, TargetsSet};
use evenkeel_schemas::{Instant, Name, NameError, Ratio};
use serde::Serialize;

use super::request::Construction;
use crate::master::TermKind;

/// An id that no event can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event's id made from {from}: {error}")]
pub struct IdError {
    /// The id it was made from.
    pub from: Name,
    /// What is wrong with it.
    pub error: NameError,
}

/// An event's body.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FlowBody {
    /// `pod_optimized`.
    PodOptimized(PodOptimized),
    /// `master_portfolio_optimized`.
    MasterPortfolioOptimized(MasterPortfolioOptimized),
    /// `tax_optimization_completed`.
    TaxOptimizationCompleted(TaxOptimizationCompleted),
    /// `targets_set`.
    PortfolioCreated(TargetsSet),
}

/// An event with its id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowRecord {
    /// Made from the allocation's id, so that the same construction has the same ids.
    pub id: Name,
    /// The flow's name for it.
    pub event: FlowEvent,
    /// What it carries.
    pub body: FlowBody,
}

/// Nine decimals, half-even. Of figures that are ratios of the portfolio.
fn ratio(value: f64) -> Ratio {
    Ratio::from_wide((value * Ratio::ONE as f64).round_ties_even() as i128).unwrap_or(Ratio::MAX)
}

impl Construction {
    /// The events of a construction at a time that follows from the event `allocation`, in their order: one a pod, the master
    /// portfolio, its tax, the targets.
    ///
    /// # Errors
    /// [`IdError`] for an id that is too long to have others made from it.
    pub fn events(
        &self,
        customer: &Name,
        allocation: &Name,
        at: Instant,
    ) -> Result<Vec<FlowRecord>, IdError> {
        let id = |what: &str| {
            let made = Name::new(&format!("{allocation}/{what}"));
            made.map_err(|error| IdError { from: allocation.clone(), error })
        };
        let mut records = Vec::new();
        let mut pods = Vec::new();
        for stage in &self.pods {
            let solution = &stage.solution;
            let id = id(solution.pod.as_str())?;
            pods.push(id.clone());
            let body = FlowBody::PodOptimized(PodOptimized {
                customer: customer.clone(),
                allocation: allocation.clone(),
                pod: solution.pod,
                capital: stage.capital,
                objective: solution.objective,
                solution: solution.solution.clone(),
                estimates: solution.estimates,
                weights: solution.weights.clone(),
                expected_return: ratio(solution.figures.expected_return),
                volatility: ratio(solution.figures.volatility),
                distribution_yield: ratio(solution.figures.distribution_yield),
                relaxed: solution.relaxed.clone(),
            });
            records.push(FlowRecord { id, event: FlowEvent::PodOptimized, body });
        }
        let portfolio = id("master")?;
        let body = FlowBody::MasterPortfolioOptimized(self.master_event(customer, pods));
        records.push(FlowRecord { id: portfolio.clone(), event: FlowEvent::MasterPortfolioOptimized, body });
        let body = FlowBody::TaxOptimizationCompleted(self.tax_event(customer, portfolio));
        records.push(FlowRecord { id: id("tax")?, event: FlowEvent::TaxOptimizationCompleted, body });
        let targets = id("targets")?;
        let body = FlowBody::PortfolioCreated(TargetsSet {
            event_type: EventType::TargetsSet,
            at,
            id: Some(targets.clone()),
            recorded: None,
            customer: customer.clone(),
            weights: self.targets.clone(),
            bands: BTreeMap::new(),
            benchmark: None,
            // As set before, or the default.
            cost_basis: None,
            sweep: None,
        });
        records.push(FlowRecord { id: targets, event: FlowEvent::PortfolioCreated, body });
        Ok(records)
    }

    fn master_event(&self, customer: &Name, pods: Vec<Name>) -> MasterPortfolioOptimized {
        let master = &self.master;
        let line = |holding: &crate::MasterHolding| MasterLine {
            instrument: holding.instrument.clone(),
            weight: holding.weight,
            value: holding.value,
            pods: holding.pods.clone(),
        };
        let kept = |kept: &crate::PodKept| PodKept {
            pod: kept.pod,
            alone: ratio(kept.alone),
            together: ratio(kept.together),
            within_limits: kept.within_limits,
        };
        let terms = TermKind::ALL.iter().zip(&master.terms);
        let mut objective: BTreeMap<String, Ratio> =
            terms.map(|(kind, term)| (kind.as_str().to_owned(), ratio(term.value))).collect();
        objective.insert("weighted_sum".to_owned(), ratio(master.objective));
        MasterPortfolioOptimized {
            customer: customer.clone(),
            pods,
            lines: master.holdings.iter().map(line).collect(),
            cash: master.cash,
            objective,
            kept: master.kept.iter().map(kept).collect(),
            left_out: master.left_out.clone(),
            gap: ratio(master.gap),
        }
    }

    fn tax_event(&self, customer: &Name, portfolio: Name) -> TaxOptimizationCompleted {
        let tax = &self.tax;
        TaxOptimizationCompleted {
            customer: customer.clone(),
            portfolio,
            financial_year: tax.financial_year.clone(),
            gross_income: tax.gross_income,
            franking_credits: tax.franking_credits,
            income_tax: tax.income_tax,
            capital_gains_tax: tax.capital_gains_tax,
            after_tax_return: tax.after_tax_return,
            advice: tax.advice.clone(),
        }
    }
}
