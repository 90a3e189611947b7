//! What a rebalance answers: orders, where the portfolio stands before and after, and why.

use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Ratio};
use serde::{Deserialize, Serialize};

/// Direction of an order.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Brings cash in; sorts first, because sells settle before buys need them.
    Sell,
    /// Spends cash.
    Buy,
}

/// An order to propose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedOrder {
    /// What.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// Units; positive, whole lots.
    pub quantity: Quantity,
    /// Limit price on the tick, instrument currency: the mark with the half spread against us.
    pub limit: Price,
}

/// One instrument in a summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which.
    pub instrument: InstrumentId,
    /// Units held.
    pub quantity: Quantity,
    /// Value at the mark as a share of this summary's NAV, nine decimals, half-even.
    pub weight: Ratio,
}

/// Which limit an instrument is outside of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Above target plus band.
    BandUpper,
    /// Below target less band.
    BandLower,
    /// Above the mandate's greatest weight.
    WeightMax,
    /// Below the mandate's least weight.
    WeightMin,
}

/// An instrument outside a limit, decided exactly on integers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outside {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Which limit.
    pub limit: Limit,
}

/// Why an instrument stays outside a limit after the plan: what stops the next order that would help.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It may not be traded.
    NotTradable,
    /// Nothing more can be sold or bought: sellable units, odd lots, the least or greatest order.
    OrderSize,
    /// There is no cash for it above the minimum.
    Cash,
    /// The turnover limit.
    Turnover,
    /// One more lot, or the smallest order, would end further outside on the other side.
    LotSize,
    /// It would push a weight outside what the mandate allows.
    Mandate,
    /// It would cost more than it brings.
    CostAboveBenefit,
}

impl Cause {
    /// The cause as a clause for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Cause::NotTradable => "it may not be traded",
            Cause::OrderSize => "no further order of an allowed size is possible",
            Cause::Cash => "there is no cash for it above the minimum",
            Cause::Turnover => "the turnover limit is reached",
            Cause::LotSize => "the next lot would overshoot",
            Cause::Mandate => "it would break a weight limit of the mandate",
            Cause::CostAboveBenefit => "it would cost more than it brings",
        }
    }
}

/// What stays outside, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// What.
    pub outside: Outside,
    /// Why.
    pub cause: Cause,
}

/// Where the portfolio stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Net asset value at the marks, base currency.
    pub nav: Money,
    /// Spendable cash, base currency.
    pub cash: Money,
    /// All cash as a share of the NAV.
    pub cash_weight: Ratio,
    /// Every candidate, by instrument.
    pub standings: Vec<Standing>,
    /// Sum of squared differences between weights and targets, cash included; weights of this NAV.
    pub distance: f64,
    /// Everything outside a band or a bound, by instrument.
    pub outside: Vec<Outside>,
}

/// The objective, term by term; shares are of the NAV before (see `RebalanceProblem`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveTerms {
    /// Squared distance to target without trading.
    pub distance_before: f64,
    /// Squared distance to target after the plan, cash before costs.
    pub distance_after: f64,
    /// Exactly what the NAV at the marks loses: spread, ticks and commission, base currency, half-even.
    pub cost_estimate: Money,
    /// Half the sum of absolute values traded at the mark, as a share of the NAV before.
    pub turnover: Ratio,
    /// The whole objective without trading.
    pub objective_before: f64,
    /// The whole objective of the plan.
    pub objective_after: f64,
    /// What no plan, in lots or not, can go below (the relaxed program's optimum).
    pub objective_bound: f64,
}

/// Whether there is anything to do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The orders bring the portfolio closer to target, or cash back to its minimum.
    Rebalanced,
    /// No allowed order is worth its cost: no orders, and after is before.
    NothingWorthTrading,
}

/// The plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebalanceSolution {
    /// Sells first, then buys, each by instrument; at most one an instrument.
    pub orders: Vec<ProposedOrder>,
    /// Where the portfolio stands now.
    pub before: Summary,
    /// Where it stands when all orders are filled at their limits.
    pub after: Summary,
    /// What is still outside a band or bound after the plan, and why.
    pub remaining: Vec<Remaining>,
    /// The objective, term by term.
    pub terms: ObjectiveTerms,
    /// Optimality gap: (objective after − bound) / objective after, 0 to 1; 0 is proved optimal. It is 1 when
    /// lots leave a mandate bound broken, because the bound on the objective does not speak of such plans.
    pub gap: f64,
    /// Whether there is anything to do.
    pub status: Status,
    /// Interior-point iterations.
    pub iterations: u32,
    /// Moves that the repair after rounding made.
    pub repairs: u32,
}
