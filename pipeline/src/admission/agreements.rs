//! What is agreed with a customer, at the door.

use std::sync::Arc;

use evenkeel_operators::facts::{Fact, FeeSchedule, HarvestPolicy, Input, PlannedFlow, RiskLimits, Version};
use evenkeel_schemas::events::{
    FeeScheduleSet, FlowInterval, FlowScheduled, HarvestSet, Refusal, RiskLimitsSet,
};
use evenkeel_schemas::{Money, Ratio};

use super::{Admission, Inputs};

/// Half-spread and brokerage where none are given: a tenth of a per cent.
const TRADE_COST: Ratio = Ratio::from_raw(Ratio::ONE / 1000);
/// Aversion to tracking error where none is given.
const TRACKING_AVERSION: Ratio = Ratio::from_raw(4 * Ratio::ONE);
/// From which correlation on a replacement is near-identical, where nothing is said.
const CORRELATION_MAX: Ratio = Ratio::from_raw(Ratio::ONE / 100 * 99);

impl Admission {
    pub(super) fn fees(&self, e: &FeeScheduleSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let schedule = FeeSchedule { flat: e.flat.unwrap_or(Money::ZERO), tiers: e.tiers.clone() };
        let fact = Fact::FeeSchedule(customer, e.from, version, Arc::new(schedule));
        Ok(self.of_books(fact))
    }

    pub(super) fn harvesting(&self, e: &HarvestSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let policy = HarvestPolicy {
            rate: e.rate,
            threshold: e.threshold.unwrap_or(Money::ZERO),
            commission: e.commission.unwrap_or(Money::ZERO),
            trade_cost: e.trade_cost.unwrap_or(TRADE_COST),
            tracking_aversion: e.tracking_aversion.unwrap_or(TRACKING_AVERSION),
            correlation_max: e.correlation_max.unwrap_or(CORRELATION_MAX),
        };
        Ok(self.of_books(Fact::Harvest(customer, version, Box::new(policy))))
    }

    pub(super) fn limited(&self, e: &RiskLimitsSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let limits = RiskLimits {
            concentration: e.concentration,
            stop_loss: e.stop_loss,
            drawdown: e.drawdown,
            value_at_risk: e.value_at_risk,
        };
        Ok(vec![(Input::Fact(Fact::Limits(customer, version, Box::new(limits))), 1)])
    }

    pub(super) fn planned(&self, e: &FlowScheduled, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let flow = PlannedFlow {
            flow: e.flow.shared(),
            amount: e.amount,
            currency: e.currency,
            first: e.first,
            every: e.every.unwrap_or(FlowInterval::Once),
            until: e.until,
        };
        Ok(vec![(Input::Fact(Fact::Planned(customer, version, Arc::new(flow))), 1)])
    }

    /// Facts for operators that work on lots and dated books; none where the folder keeps none.
    fn of_books(&self, fact: Fact) -> Inputs {
        self.lots.then_some((Input::Fact(fact), 1)).into_iter().collect()
    }
}
