//! The stages in the flow's event types.

use std::collections::BTreeMap;

use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{
    Event, EventType, MasterLine, MasterPortfolioOptimized, PodKept, PodOptimized, TargetsSet,
    TaxOptimizationCompleted, TriggerKind,
};
use evenkeel_schemas::{Instant, Name, Ratio};

use super::request::Construction;
use crate::master::TermKind;

/// What the events of a construction are about.
#[derive(Copy, Clone, Debug)]
pub struct Origin<'a> {
    /// Whose portfolio it is.
    pub customer: &'a Name,
    /// The event with the allocation: ids derive from it, so that the same construction has the same ids.
    pub allocation: &'a Name,
    /// When it is true.
    pub at: Instant,
    /// Why an earlier portfolio is replaced; nothing for a first one.
    pub trigger: Option<TriggerKind>,
}

/// The id of the targets that follow from an allocation.
pub fn targets_id(allocation: &Name) -> Name {
    event_id(allocation.as_str(), "targets", 0)
}

/// Nine decimals, half-even. Of figures that are ratios of the portfolio.
fn ratio(value: f64) -> Ratio {
    Ratio::from_wide((value * Ratio::ONE as f64).round_ties_even() as i128).unwrap_or(Ratio::MAX)
}

impl Construction {
    /// The events of a construction, in their order: one a pod, the master portfolio, its tax, the targets.
    pub fn events(&self, origin: &Origin<'_>) -> Vec<Event> {
        let id = |what: &str| event_id(origin.allocation.as_str(), what, 0);
        let mut events = Vec::new();
        let mut pods = Vec::new();
        for stage in &self.pods {
            let solution = &stage.solution;
            let id = id(solution.pod.as_str());
            pods.push(id.clone());
            events.push(Event::PodOptimized(Box::new(PodOptimized {
                event_type: EventType::PodOptimized,
                at: origin.at,
                id: Some(id),
                recorded: None,
                customer: origin.customer.clone(),
                allocation: origin.allocation.clone(),
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
            })));
        }
        let portfolio = id("master");
        events.push(Event::MasterPortfolioOptimized(Box::new(self.master_event(
            origin,
            portfolio.clone(),
            pods,
        ))));
        events.push(Event::TaxOptimizationCompleted(Box::new(self.tax_event(origin, id("tax"), portfolio))));
        events.push(Event::TargetsSet(Box::new(TargetsSet {
            event_type: EventType::TargetsSet,
            at: origin.at,
            id: Some(targets_id(origin.allocation)),
            recorded: None,
            customer: origin.customer.clone(),
            weights: self.targets.clone(),
            bands: BTreeMap::new(),
            benchmark: None,
            // As set before, or the default.
            cost_basis: None,
            sweep: None,
        })));
        events
    }

    fn master_event(&self, origin: &Origin<'_>, id: Name, pods: Vec<Name>) -> MasterPortfolioOptimized {
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
            event_type: EventType::MasterPortfolioOptimized,
            at: origin.at,
            id: Some(id),
            recorded: None,
            customer: origin.customer.clone(),
            trigger: origin.trigger,
            pods,
            lines: master.holdings.iter().map(line).collect(),
            cash: master.cash,
            objective,
            kept: master.kept.iter().map(kept).collect(),
            left_out: master.left_out.clone(),
            gap: ratio(master.gap),
        }
    }

    fn tax_event(&self, origin: &Origin<'_>, id: Name, portfolio: Name) -> TaxOptimizationCompleted {
        let tax = &self.tax;
        TaxOptimizationCompleted {
            event_type: EventType::TaxOptimizationCompleted,
            at: origin.at,
            id: Some(id),
            recorded: None,
            customer: origin.customer.clone(),
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
