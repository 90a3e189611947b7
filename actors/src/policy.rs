//! The rules that hold trades back and shape orders: one configuration, every field with a default.

use std::collections::BTreeSet;

use evenkeel_rebalancing::{Cadence, Destination};
use evenkeel_schemas::{Currency, Money, Name, Ratio};
use serde::{Deserialize, Serialize};

/// A setting that contradicts its meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}; expected {expected}")]
pub struct PolicyError {
    /// The field, with its section.
    pub field: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: &'static str,
}

/// All settings of customers, desk, broker and the runtime that carries them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The market whose sessions count (ISO 10383). Default XASX.
    pub market: Name,
    /// Instruments that nobody may trade. Default none.
    pub restricted: BTreeSet<Name>,
    /// When a customer trades.
    pub customer: CustomerPolicy,
    /// What trading is taken to cost.
    pub costs: CostPolicy,
    /// How far, at what price and over how many days a customer trades.
    pub rebalancing: RebalancingPolicy,
    /// The desk.
    pub desk: DeskPolicy,
    /// The built-in paper exchange.
    pub broker: BrokerPolicy,
    /// The optimizer's pool.
    pub solver: SolverPolicy,
    /// Actors and queues.
    pub runtime: RuntimePolicy,
    /// Portfolios of new customers.
    pub onboarding: OnboardingPolicy,
}

/// When a customer trades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomerPolicy {
    /// After a trade decision, drift alone moves nothing for this long; flows and requests do. Default 60,000.
    pub cool_down_ms: u64,
    /// Least order, base currency; closing a position may be smaller. Default 100.
    pub trade_min: Money,
    /// Squared weight that one NAV of cost is worth where orders of a constructed portfolio are proposed; what is traded
    /// is weighed by `rebalancing.distance_rate`. Default 1.
    pub cost_aversion: f64,
    /// Cash left after all orders, base currency. Default 0.
    pub cash_min: Money,
    /// Greatest weight of one instrument. Default 1.
    pub weight_max: Ratio,
    /// Least first buy of an instrument (ASX: 500 AUD). Default 500.
    pub first_parcel_min: Money,
    /// A hold that new prices may change is looked at again after this long, then after twice as long, and so
    /// on. Default 60,000.
    pub review_ms: u64,
    /// Longest time to the next look. Default 86,400,000, a day.
    pub review_ms_max: u64,
}

/// What trading is taken to cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CostPolicy {
    /// Half spread that orders allow for, a ratio of the mark; with the movement expected until the window
    /// ends, because it is also the distance of the limit. Default 0.001.
    pub half_spread: Ratio,
    /// Commission, a ratio of the notional. Default 0.0005.
    pub commission: Ratio,
    /// Least commission of an order, in the instrument's currency. Default 0.
    pub commission_min: Money,
}

/// How far, at what price and over how many days a customer trades. Costs and least amounts are those of the
/// sections `costs` and `customer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RebalancingPolicy {
    /// When to trade. Default `threshold`.
    pub strategy: RebalancingStrategy,
    /// For `calendar`: how often. Default `monthly`.
    pub cadence: Cadence,
    /// For `threshold`: how far, to the `target` or the `band_edge`. Default `target`.
    pub to: Destination,
    /// γ of the utility `μ − γ/2 σ²`, where covariances are known: a trade is held when it costs more than the tracking
    /// variance that it takes away × γ/2 × NAV × the horizon in years, but for duties. Default 4.
    pub risk_aversion: f64,
    /// Days over which a trade's benefit counts, where covariances are known. Default 365.
    pub horizon_days: u32,
    /// Where they are not: what one NAV of squared weight distance is worth, in NAV. Default 1.
    pub distance_rate: f64,
    /// Greatest turnover of a plan, half of what is traded as a share of the NAV. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turnover_max: Option<Ratio>,
    /// Distance of cash from its target that `band_edge` and `cash_flow_first` tolerate. Default 0.02.
    pub cash_band: Ratio,
    /// Y of the market impact `Y σ √(value / average daily value)`, σ of a day. Default 1.
    pub impact: f64,
    /// Annual volatility for the impact. Default 0.2.
    pub volatility: f64,
    /// Greatest part of an average day's value that one day's order may be; the rest follows on the next
    /// trading days. Default 0.1.
    pub daily_value_share: Ratio,
    /// Most days that orders are spread over. Default 5.
    pub slices_max: u32,
    /// Where tax is weighed: a parcel whose discount is at most this many days away may be worth waiting for. Default 60.
    pub wait_days_max: u32,
    /// The same: what a dollar of losses carried to later years is taken to be worth. Default 0.
    pub carried_loss_value: Ratio,
    /// Part of every target that goes to cash on a drawdown. Default 0.2.
    pub defensive_cash: Ratio,
}

/// When to trade.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebalancingStrategy {
    /// When a weight is outside its band, and when something else asks.
    #[default]
    Threshold,
    /// The same, and money above or below its target first buys what is underweight, or comes from what is
    /// overweight.
    CashFlowFirst,
    /// At reviews, and when something else than a weight outside its band asks.
    Calendar,
}

/// The desk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskPolicy {
    /// Orders are gathered until the end of a window of this length; windows begin at multiples of it.
    /// Default 200.
    pub window_ms: u64,
    /// Greatest weight of one instrument after a buy, working buys included. Default 1.
    pub concentration_max: Ratio,
    /// Currency of the market's minimum first parcel; instruments of other currencies have none. Default AUD.
    pub parcel_currency: Currency,
    /// Most orders of one customer in a window. Default 200.
    pub customer_orders_max: u32,
    /// Most orders of all customers in a window. Default 200,000.
    pub orders_max: u32,
    /// Finished blocks kept for views. Default 10,000.
    pub blocks_kept: usize,
}

/// The built-in paper exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrokerPolicy {
    /// Half spread around the last price, basis points. Default 5.
    pub half_spread_bps: u32,
    /// Share of blocks that are refused, basis points. Default 10.
    pub reject_bps: u32,
    /// Share of executions that fill a part only, basis points. Default 2,000.
    pub partial_bps: u32,
    /// Least time between two reports on a block. Default 100.
    pub latency_ms_min: u64,
    /// Greatest time between two reports on a block. Default 400.
    pub latency_ms_max: u64,
    /// A block that is not done this long after its acknowledgement ends. Default 30,000.
    pub working_ms_max: u64,
}

/// The optimizer's pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SolverPolicy {
    /// Threads. Default 2.
    pub threads: usize,
    /// Problems that wait for a thread; further customers wait in front of the queue. Default 4,096.
    pub queue: usize,
    /// Time from handing a problem over to its answer; later, the customer holds and is looked at again. In
    /// live mode only: a replay has no clock. Default 5,000.
    pub deadline_ms: u64,
    /// Interior-point iterations. Default 200.
    pub iterations_max: u32,
    /// Moves of the repair after rounding to lots. Default 10,000.
    pub repairs_max: u32,
}

/// Actors and queues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimePolicy {
    /// Messages that an actor's mailbox holds. Default 16.
    pub mailbox: usize,
    /// A customer's actor that was not woken for this long is put away. Default 60,000.
    pub idle_ms: u64,
    /// A proposed event that has not come back as committed after this long is proposed again; its id makes
    /// a second copy harmless. Default 10,000.
    pub in_flight_ms: u64,
    /// How long customers decide in one epoch, the most urgent first; the others wait for the next. In live mode only.
    /// Default 50.
    pub decide_ms: u64,
}

/// Portfolios of new customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnboardingPolicy {
    /// Return without risk, a year, that portfolios are compared with. Default 0.04.
    pub risk_free: Ratio,
    /// How returns are expected. Default `capm`.
    pub expected_returns: ExpectedReturns,
    /// For `capm`: what the market is expected to return beyond the risk-free rate, a year. Default 0.05.
    pub risk_premium: Ratio,
    /// How far a pod's volatility may go beyond its limit, as a part of it, before its portfolio is constructed anew:
    /// what is optimal often lies at the limit. Default 0.05.
    pub volatility_tolerance: Ratio,
}

/// How returns are expected.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedReturns {
    /// By the capital asset pricing model: what risk each adds to the market, an average day's turnover being its weight
    /// in it.
    #[default]
    Capm,
    /// The last year's means, drawn towards their mean as James and Stein do, and the yield. A year says little of
    /// means: use it where the desk knows why.
    Historical,
}

impl Default for OnboardingPolicy {
    fn default() -> OnboardingPolicy {
        OnboardingPolicy {
            risk_free: Ratio::from_raw(Ratio::ONE / 25),
            expected_returns: ExpectedReturns::default(),
            risk_premium: Ratio::from_raw(Ratio::ONE / 20),
            volatility_tolerance: Ratio::from_raw(Ratio::ONE / 20),
        }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            market: Name::new("XASX").expect("four letters are a name"),
            restricted: BTreeSet::new(),
            customer: CustomerPolicy::default(),
            costs: CostPolicy::default(),
            rebalancing: RebalancingPolicy::default(),
            desk: DeskPolicy::default(),
            broker: BrokerPolicy::default(),
            solver: SolverPolicy::default(),
            runtime: RuntimePolicy::default(),
            onboarding: OnboardingPolicy::default(),
        }
    }
}

impl Default for CustomerPolicy {
    fn default() -> CustomerPolicy {
        CustomerPolicy {
            cool_down_ms: 60_000,
            trade_min: Money::from_raw(100 * Money::ONE),
            cost_aversion: 1.0,
            cash_min: Money::ZERO,
            weight_max: Ratio::from_raw(Ratio::ONE),
            first_parcel_min: Money::from_raw(500 * Money::ONE),
            review_ms: 60_000,
            review_ms_max: 86_400_000,
        }
    }
}

impl Default for CostPolicy {
    fn default() -> CostPolicy {
        CostPolicy {
            half_spread: Ratio::from_raw(1_000_000),
            commission: Ratio::from_raw(500_000),
            commission_min: Money::ZERO,
        }
    }
}

impl Default for RebalancingPolicy {
    fn default() -> RebalancingPolicy {
        let plan = evenkeel_rebalancing::Policy::default();
        RebalancingPolicy {
            strategy: RebalancingStrategy::default(),
            cadence: Cadence::Monthly,
            to: Destination::Target,
            risk_aversion: plan.risk_aversion,
            horizon_days: plan.horizon_days,
            distance_rate: plan.distance_rate,
            turnover_max: plan.turnover_max,
            cash_band: plan.cash_band,
            impact: plan.impact,
            volatility: plan.volatility,
            daily_value_share: plan.daily_value_share,
            slices_max: plan.slices_max,
            wait_days_max: plan.wait_days_max,
            carried_loss_value: plan.carried_loss_value,
            defensive_cash: plan.defensive_cash,
        }
    }
}

impl Default for DeskPolicy {
    fn default() -> DeskPolicy {
        DeskPolicy {
            window_ms: 200,
            concentration_max: Ratio::from_raw(Ratio::ONE),
            parcel_currency: Currency::AUD,
            customer_orders_max: 200,
            orders_max: 1_000_000,
            blocks_kept: 10_000,
        }
    }
}

impl Default for BrokerPolicy {
    fn default() -> BrokerPolicy {
        BrokerPolicy {
            half_spread_bps: 5,
            reject_bps: 10,
            partial_bps: 2_000,
            latency_ms_min: 100,
            latency_ms_max: 400,
            working_ms_max: 30_000,
        }
    }
}

impl Default for SolverPolicy {
    fn default() -> SolverPolicy {
        SolverPolicy {
            threads: 2,
            queue: 4_096,
            deadline_ms: 5_000,
            iterations_max: 200,
            repairs_max: 10_000,
        }
    }
}

impl Default for RuntimePolicy {
    fn default() -> RuntimePolicy {
        RuntimePolicy { mailbox: 16, idle_ms: 60_000, in_flight_ms: 10_000, decide_ms: 50 }
    }
}

impl Policy {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`PolicyError`] names the first field that is out of range.
    pub fn check(&self) -> Result<(), PolicyError> {
        let (customer, costs) = (&self.customer, &self.costs);
        share("customer.weight_max", customer.weight_max)?;
        share("desk.concentration_max", self.desk.concentration_max)?;
        below_one("costs.half_spread", costs.half_spread)?;
        below_one("costs.commission", costs.commission)?;
        below_one("onboarding.risk_free", self.onboarding.risk_free)?;
        below_one("onboarding.risk_premium", self.onboarding.risk_premium)?;
        below_one("onboarding.volatility_tolerance", self.onboarding.volatility_tolerance)?;
        amount("customer.trade_min", customer.trade_min)?;
        amount("customer.cash_min", customer.cash_min)?;
        amount("customer.first_parcel_min", customer.first_parcel_min)?;
        amount("costs.commission_min", costs.commission_min)?;
        factor("customer.cost_aversion", customer.cost_aversion)?;
        for (field, bps) in [
            ("broker.half_spread_bps", self.broker.half_spread_bps),
            ("broker.reject_bps", self.broker.reject_bps),
            ("broker.partial_bps", self.broker.partial_bps),
        ] {
            require(field, &bps, bps <= 10_000, "0 to 10000 basis points")?;
        }
        let broker = &self.broker;
        let ordered = broker.latency_ms_min <= broker.latency_ms_max;
        require("broker.latency_ms_min", &broker.latency_ms_min, ordered, "at most broker.latency_ms_max")?;
        let solver = &self.solver;
        require("solver.threads", &solver.threads, (1..=256).contains(&solver.threads), "1 to 256")?;
        require("solver.queue", &solver.queue, solver.queue > 0, "1 or more")?;
        require("solver.iterations_max", &solver.iterations_max, solver.iterations_max > 0, "1 or more")?;
        self.rebalancing.check()?;
        let runtime = &self.runtime;
        require("runtime.mailbox", &runtime.mailbox, runtime.mailbox > 0, "1 or more")?;
        let longer = customer.review_ms > 0 && customer.review_ms <= customer.review_ms_max;
        require("customer.review_ms", &customer.review_ms, longer, "1 to customer.review_ms_max")
    }

    /// By when a rebalance that is now open has ended: its sells and then its buys, each with a window, the
    /// acknowledgement, the longest life of a block and the reports.
    pub(crate) fn rebalance_ms_max(&self) -> u64 {
        let broker = &self.broker;
        let leg = self
            .desk
            .window_ms
            .saturating_add(broker.working_ms_max)
            .saturating_add(broker.latency_ms_max.saturating_mul(2));
        leg.saturating_mul(2)
    }
}

impl RebalancingPolicy {
    /// The ranges are those of a plan's settings.
    fn check(&self) -> Result<(), PolicyError> {
        share("rebalancing.daily_value_share", self.daily_value_share)?;
        share_or_none("rebalancing.cash_band", self.cash_band)?;
        share_or_none("rebalancing.defensive_cash", self.defensive_cash)?;
        share_or_none("rebalancing.carried_loss_value", self.carried_loss_value)?;
        let wait = self.wait_days_max;
        require("rebalancing.wait_days_max", &wait, wait <= 366, "0 to 366")?;
        if let Some(most) = self.turnover_max {
            share("rebalancing.turnover_max", most)?;
        }
        for (field, number, most) in [
            ("rebalancing.distance_rate", self.distance_rate, 1e6),
            ("rebalancing.impact", self.impact, 100.0),
            ("rebalancing.volatility", self.volatility, 10.0),
        ] {
            require(field, &number, (0.0..=most).contains(&number), "0 or more, within reason")?;
        }
        let aversion = self.risk_aversion;
        let fits = aversion > 0.0 && aversion <= 1e4;
        require("rebalancing.risk_aversion", &aversion, fits, "above 0, at most 10,000")?;
        let horizon = self.horizon_days;
        require("rebalancing.horizon_days", &horizon, (1..=36_500).contains(&horizon), "1 to 36,500")?;
        let days = self.slices_max;
        require("rebalancing.slices_max", &days, (1..=250).contains(&days), "1 to 250")
    }
}

fn require(
    field: &'static str,
    value: &dyn std::fmt::Display,
    holds: bool,
    expected: &'static str,
) -> Result<(), PolicyError> {
    if holds { Ok(()) } else { Err(PolicyError { field, value: value.to_string(), expected }) }
}

fn share(field: &'static str, ratio: Ratio) -> Result<(), PolicyError> {
    require(field, &ratio, (1..=Ratio::ONE).contains(&ratio.raw()), "a ratio above 0, at most 1")
}

fn share_or_none(field: &'static str, ratio: Ratio) -> Result<(), PolicyError> {
    require(field, &ratio, (0..=Ratio::ONE).contains(&ratio.raw()), "a ratio from 0 to 1")
}

fn below_one(field: &'static str, ratio: Ratio) -> Result<(), PolicyError> {
    require(field, &ratio, (0..Ratio::ONE).contains(&ratio.raw()), "a ratio from 0 to below 1")
}

fn amount(field: &'static str, money: Money) -> Result<(), PolicyError> {
    require(field, &money, money >= Money::ZERO, "0 or more")
}

fn factor(field: &'static str, number: f64) -> Result<(), PolicyError> {
    require(field, &number, number.is_finite() && number >= 0.0, "a finite number, 0 or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range_and_survive_a_round_trip() {
        let policy = Policy::default();
        assert_eq!(policy.check(), Ok(()));
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
        assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), policy);
    }

    #[test]
    fn a_setting_out_of_range_is_named() {
        let mut policy = Policy::default();
        policy.broker.latency_ms_min = 500;
        assert_eq!(policy.check().unwrap_err().field, "broker.latency_ms_min");
        let broken = r#"{"rebalancing":{"slices_max":0,"strategy":"cash_flow_first","to":"band_edge"}}"#;
        let policy = serde_json::from_str::<Policy>(broken).unwrap();
        assert_eq!(policy.check().unwrap_err().field, "rebalancing.slices_max");
        let unknown = serde_json::from_str::<Policy>(r#"{"desk":{"windowms":5}}"#);
        assert!(unknown.unwrap_err().to_string().contains("windowms"));
    }
}
