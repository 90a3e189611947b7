//! What a customer's plan is made from: the one place where a snapshot becomes a question to
//! `evenkeel-rebalancing`. The live decision and the dry run both ask it.
//!
//! What has no price and is not held is left out: it has no target until it is priced. Only instruments of the
//! base currency are traded: there is no event that converts cash, so that a foreign order would overdraw one
//! currency and leave the other idle. What is on the restricted list is not traded either.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use evenkeel_calendar::{Calendars, Market};
use evenkeel_lots::LotId;
use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_optimizer::{Costs, Limits};
use evenkeel_rebalancing::{
    Flow, Group, Parcel, ParcelOrder, Plan, PlanError, Policy as PlanPolicy, Portfolio, Position, Reason,
    ReasonKind, Risk, Strategy, Subject, TaxYear, Taxonomy, plan,
};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::events::{CostBasis, TriggerKind};
use evenkeel_schemas::{Instant, InstrumentId, Measure, Money, Name, Quantity, Ratio};
use evenkeel_tax::{FinancialYear, Law};

use crate::gate;
use crate::policy::{Policy, RebalancingStrategy};
use crate::snapshot::{Holding, OpenTrigger, ParcelHeld, Snapshot, TaxKnown};

/// The taxonomy of the buckets that a customer is watched by.
const BUCKETS: &str = "buckets";

/// Everything that a plan is made from. What it answers is a function of this alone.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRequest {
    /// The portfolio.
    pub portfolio: Portfolio,
    /// Why it is looked at.
    pub reasons: Vec<Reason>,
    /// When and how far to trade.
    pub strategy: Strategy,
    /// The settings.
    pub policy: PlanPolicy,
    /// The market whose trading days count (ISO 10383).
    pub market: Name,
    /// The taxpayer's year so far; without it tax orders parcels but is not weighed.
    pub tax: Option<TaxKnown>,
    /// The covariance, a year, of the portfolio's positions in their order; without it, and where money flows, the benefit is
    /// by squared distance.
    pub risk: Option<Arc<Covariance>>,
}

impl PlanRequest {
    /// What the open triggers of a snapshot ask. What the market says of risk is for the caller to add.
    pub fn of(snapshot: &Snapshot, policy: &Policy) -> PlanRequest {
        PlanRequest {
            portfolio: portfolio(snapshot, policy),
            reasons: planned(snapshot).map(|open| reason(snapshot, open)).collect(),
            strategy: strategy(snapshot, policy),
            policy: settings(snapshot, policy),
            market: policy.market.clone(),
            tax: weighed(snapshot).cloned(),
            risk: None,
        }
    }

    /// The plan.
    ///
    /// # Errors
    /// As [`evenkeel_rebalancing::plan`].
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let date = self.portfolio.date;
        // Sessions say live whether a market is open. The calendar says on which days the rest of an order follows, and
        // where it ends weekdays have to do.
        let known = Calendars::built_in().ok().and_then(|calendars| calendars.market(self.market.as_str()));
        let year_on = date.plus_months(12).unwrap_or(date);
        let covers =
            |market: &&Market| market.covered().is_some_and(|(from, until)| from <= date && year_on <= until);
        let weekdays;
        let market = match known.filter(covers) {
            Some(market) => market,
            None => {
                weekdays = Market::weekdays(self.market.clone(), 2);
                &weekdays
            }
        };
        let instruments: Vec<InstrumentId> =
            self.portfolio.positions.iter().map(|position| position.instrument).collect();
        // Tracking variance does not count what idle cash forgoes: money that came in would wait to be much.
        let flows = self.reasons.iter().any(|reason| reason.kind == ReasonKind::CashFlow);
        let risk = self.risk.as_deref().filter(|_| !flows);
        let risk = risk.map(|covariance| Risk { instruments: &instruments, covariance });
        let tax = self.tax.as_ref().zip(law()).map(|(known, law)| TaxYear {
            law,
            cpi: &known.cpi,
            profile: &known.profile,
            position: &known.position,
        });
        let snapshot = evenkeel_rebalancing::Snapshot { portfolio: &self.portfolio, market, risk, tax };
        plan(&snapshot, &self.reasons, &self.strategy, &self.policy)
    }
}

/// The law that comes with the program, read once; a test excludes that it cannot be.
fn law() -> Option<&'static Law> {
    static READ: OnceLock<Option<Law>> = OnceLock::new();
    READ.get_or_init(|| Law::built_in().ok()).as_ref()
}

/// The year whose tax is weighed: of a taxpayer of whom it is known which parcels each sale would take, and what each was
/// worth when cost bases were re-based, where the law of the day asks for that.
pub(crate) fn weighed(snapshot: &Snapshot) -> Option<&TaxKnown> {
    let known = snapshot.tax.as_ref()?;
    let law = law()?.of(FinancialYear::of(Instant::from_epoch(snapshot.epoch).date())).ok()?;
    let start = law.regime_of(&known.profile).map(|regime| regime.start);
    let valued = |parcel: &ParcelHeld| {
        start.is_none_or(|start| parcel.acquired >= start) || parcel.value_at_start.is_some()
    };
    let whole = |holding: &Holding| {
        let units: i128 = holding.parcels.iter().map(|parcel| i128::from(parcel.quantity.raw())).sum();
        let at_home = holding.currency == snapshot.base;
        units == i128::from(holding.quantity.raw()) && (!at_home || holding.parcels.iter().all(valued))
    };
    snapshot.holdings.iter().all(whole).then_some(known)
}

/// The kind of reason that a trigger is: the one place to extend.
pub(crate) fn reason_kind(kind: TriggerKind) -> ReasonKind {
    match kind {
        TriggerKind::Drift => ReasonKind::Drift,
        TriggerKind::CashFlow => ReasonKind::CashFlow,
        TriggerKind::Manual => ReasonKind::Manual,
        TriggerKind::TaxOpportunity => ReasonKind::TaxOpportunity,
        TriggerKind::RiskProfileChange => ReasonKind::RiskProfileChange,
        TriggerKind::GoalNear => ReasonKind::GoalNear,
        TriggerKind::Calendar => ReasonKind::Calendar,
        TriggerKind::PodVolatility => ReasonKind::PodVolatility,
        TriggerKind::Concentration => ReasonKind::Concentration,
        TriggerKind::StopLoss => ReasonKind::StopLoss,
        TriggerKind::Drawdown => ReasonKind::Drawdown,
        TriggerKind::ValueAtRisk => ReasonKind::ValueAtRisk,
    }
}

/// The triggers that a plan answers. What would cure a risk limit is not in the targets: the next drift would buy back what
/// was sold, so it is proposed to a person.
pub(crate) fn planned(snapshot: &Snapshot) -> impl Iterator<Item = &OpenTrigger> {
    snapshot.triggers.iter().filter(|open| !open.trigger.kind.is_of_limits())
}

/// An open trigger as a reason: what it is about, and its measure and limit or the money that moved. Money is
/// in the books by then.
fn reason(snapshot: &Snapshot, open: &OpenTrigger) -> Reason {
    let name = &open.trigger.subject;
    let holding = snapshot.holdings.iter().find(|holding| holding.name == *name);
    let bucket = snapshot.buckets.iter().find(|bucket| bucket.name == *name);
    let subject = match (holding, bucket) {
        (Some(holding), _) => Subject::Instrument(holding.instrument),
        (None, Some(_)) => Subject::Group(BUCKETS.to_owned(), name.to_string()),
        (None, None) => Subject::Named(name.clone()),
    };
    let (measure, limit) = match (open.measure, open.limit) {
        (Measure::Share(measure), Measure::Share(limit)) if limit > Ratio::ZERO => {
            (Some(measure.max(Ratio::ZERO)), Some(limit))
        }
        _ => (None, None),
    };
    let kind = reason_kind(open.trigger.kind);
    let amount = match open.measure {
        Measure::Amount(amount) => amount,
        Measure::Share(_) => Money::ZERO,
    };
    let flow = (kind == ReasonKind::CashFlow).then_some(Flow { amount, booked: true });
    Reason { kind, subject, measure, limit, flow }
}

fn strategy(snapshot: &Snapshot, policy: &Policy) -> Strategy {
    match policy.rebalancing.strategy {
        RebalancingStrategy::Threshold => Strategy::Threshold { to: policy.rebalancing.to },
        RebalancingStrategy::CashFlowFirst => Strategy::CashFlowFirst,
        RebalancingStrategy::Calendar => {
            Strategy::Calendar { cadence: policy.rebalancing.cadence, last: snapshot.reviewed }
        }
    }
}

/// The settings of a plan: costs and least amounts are those of the desk and the customers.
fn settings(snapshot: &Snapshot, policy: &Policy) -> PlanPolicy {
    let (customer, costs, solver) = (&policy.customer, &policy.costs, &policy.solver);
    let rebalancing = &policy.rebalancing;
    PlanPolicy {
        costs: Costs {
            half_spread: costs.half_spread,
            commission: costs.commission,
            commission_min: costs.commission_min,
        },
        cash_min: cushioned(snapshot, customer.cash_min),
        trade_min: customer.trade_min,
        first_parcel_min: customer.first_parcel_min,
        turnover_max: rebalancing.turnover_max,
        cash_band: rebalancing.cash_band,
        risk_aversion: rebalancing.risk_aversion,
        horizon_days: rebalancing.horizon_days,
        distance_rate: rebalancing.distance_rate,
        impact: rebalancing.impact,
        volatility: rebalancing.volatility,
        daily_value_share: rebalancing.daily_value_share,
        slices_max: rebalancing.slices_max,
        wait_days_max: rebalancing.wait_days_max,
        carried_loss_value: rebalancing.carried_loss_value,
        defensive_cash: rebalancing.defensive_cash,
        limits: Limits {
            iterations_max: solver.iterations_max,
            time_max: Duration::from_millis(solver.deadline_ms),
            repairs_max: solver.repairs_max,
        },
        ..PlanPolicy::default()
    }
}

/// The least cash with a cent for each possible order, as far as there is cash for it: the optimizer reckons
/// commissions exactly, the desk in cents.
fn cushioned(snapshot: &Snapshot, least: Money) -> Money {
    let cents = i64::try_from(snapshot.holdings.len()).unwrap_or(i64::MAX).saturating_mul(gate::CENT.raw());
    let cushioned = least.checked_add(Money::from_raw(cents)).unwrap_or(least);
    cushioned.min(snapshot.cash.max(least))
}

/// The portfolio as a plan reads it.
fn portfolio(snapshot: &Snapshot, policy: &Policy) -> Portfolio {
    let positions: Vec<Position> =
        snapshot.holdings.iter().map(|holding| position(snapshot, holding, policy)).collect();
    let group = |bucket: &crate::snapshot::Bucket| {
        let belongs = |position: &&Position| bucket.members.contains(&position.instrument);
        let members: Vec<&Position> = positions.iter().filter(belongs).collect();
        let target = members.iter().filter_map(|member| member.target).map(|target| i128::from(target.raw()));
        Group {
            name: bucket.name.to_string(),
            members: members.iter().map(|member| member.instrument).collect(),
            target: Ratio::from_wide(target.sum()).unwrap_or(Ratio::MAX),
            band: bucket.band,
        }
    };
    let groups: Vec<Group> =
        snapshot.buckets.iter().map(group).filter(|group| !group.members.is_empty()).collect();
    let taxonomies = match groups.is_empty() {
        true => Vec::new(),
        false => vec![Taxonomy { name: BUCKETS.to_owned(), groups }],
    };
    Portfolio {
        date: Instant::from_epoch(snapshot.epoch).date(),
        cash: snapshot.cash,
        foreign_cash: snapshot.foreign_cash,
        positions,
        taxonomies,
        parcel_order: match snapshot.method {
            CostBasis::Specific => ParcelOrder::Chosen,
            _ => ParcelOrder::Given,
        },
    }
}

fn position(snapshot: &Snapshot, holding: &Holding, policy: &Policy) -> Position {
    let priced = holding.mark().is_some() || holding.quantity != Quantity::ZERO;
    let in_base = |value: Money| {
        let (_, rate) = holding.mark()?;
        evenkeel_schemas::Value::of_cash(value, rate)?.to_money()
    };
    let parcel = |held: &ParcelHeld| Parcel {
        lot: LotId(lot_number(held.lot.as_str())),
        acquired: held.acquired,
        quantity: held.quantity,
        cost_base: held.cost_base,
        value_at_start: held.value_at_start,
    };
    Position {
        instrument: holding.instrument,
        name: holding.name.clone(),
        held: holding.quantity,
        sellable: holding.quantity,
        price: holding.price,
        rate: holding.rate,
        lot: holding.lot,
        tick: holding.tick,
        target: Some(if priced { holding.target } else { Ratio::ZERO }),
        band: holding.band,
        weight_min: Ratio::ZERO,
        weight_max: policy.customer.weight_max,
        tradable: tradable(snapshot, holding, policy),
        average_daily_value: holding.average_daily_value.and_then(in_base),
        replacement: None,
        parcels: holding.parcels.iter().map(parcel).collect(),
    }
}

/// Whether a holding may be traded.
fn tradable(snapshot: &Snapshot, holding: &Holding, policy: &Policy) -> bool {
    holding.currency == snapshot.base && !policy.restricted.contains(&holding.name)
}
