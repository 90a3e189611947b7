//! What a rebalance is asked: positions, prices, targets, limits, costs.

use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Rate, Ratio, Value};
use serde::{Deserialize, Serialize};

/// One instrument that is held, or that may be bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which one; at most once in a problem.
    pub instrument: InstrumentId,
    /// Units held; not negative.
    pub held: Quantity,
    /// Units that may be sold now (settled, not pledged, not under a holding lock); at most `held`.
    pub sellable: Quantity,
    /// The mark, in the instrument's currency; positive.
    pub price: Price,
    /// Instrument currency to base currency; positive.
    pub rate: Rate,
    /// Units in a lot; positive. Orders are whole multiples.
    pub lot: Quantity,
    /// Smallest step of a limit price; positive.
    pub tick: Price,
    /// Weight to come back to, 0 to 1. Zero means leave the instrument: its band is then taken as zero in the
    /// objective, so that no stub of a position stays behind to save its cost.
    pub target: Ratio,
    /// Tolerated distance from the target either way; not negative.
    pub band: Ratio,
    /// Least weight that the mandate allows, 0 to 1.
    pub weight_min: Ratio,
    /// Greatest weight that the mandate allows, 0 to 1.
    pub weight_max: Ratio,
    /// Largest order, base currency at the mark; `None` for no limit.
    pub trade_max: Option<Money>,
    /// Largest buy, base currency at the mark, where it is less than `trade_max`; nothing for sells only.
    /// `None` for no limit of its own.
    #[serde(default)]
    pub buy_max: Option<Money>,
    /// False for do not trade: halted, restricted, excluded by the customer.
    pub tradable: bool,
}

/// What trading costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// Half of the bid-ask spread as a ratio of the mark, 0 to below 1. A buy pays the mark plus this, up to
    /// the next tick; a sell gets the mark less this, down to the next tick.
    pub half_spread: Ratio,
    /// Commission as a ratio of the notional at the limit price, 0 to below 1.
    pub commission: Ratio,
    /// Least commission of an order, base currency; not negative.
    pub commission_min: Money,
}

/// The problem: back to target in whole lots.
///
/// With `v` the value of an instrument after trading as a share of the NAV before, `t` its target, `K` all
/// costs as a share of the NAV and `e` how far `v` is outside its band, the plan minimises
///
/// `Σ (v − t)² + (Σ v − Σ t)² + cost_aversion · K + penalty · Σ e`
///
/// where the second term is the squared distance of cash (before costs) from its own target, `1 − Σ t`. The
/// last term makes bands binding where cash, lots and limits allow. Its factor is 100 and more, so that it
/// outweighs any gradient of the others (at most 8, plus costs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RebalanceProblem {
    /// Instruments, in any order; the answer does not depend on it.
    pub candidates: Vec<Candidate>,
    /// Cash that can be spent, base currency. Negative when overdrawn, which forces sells.
    pub cash: Money,
    /// Cash in other currencies, valued in base currency: part of the NAV and of the weight of cash, not spent.
    pub foreign_cash: Value,
    /// Cash that must be there after all orders and their costs, base currency.
    pub cash_min: Money,
    /// What trading costs.
    pub costs: Costs,
    /// Greatest turnover: half the sum of absolute values traded at the mark, as a share of the NAV before.
    pub turnover_max: Option<Ratio>,
    /// Least order, base currency at the mark; an order that closes a position may be smaller.
    pub trade_min: Money,
    /// Least first buy of an instrument that is not held, base currency at the mark (ASX: 500 AUD).
    pub first_parcel_min: Money,
    /// Squared weight that one NAV of cost is worth; 0.001 to 10,000. Trading of an instrument stops
    /// where its distance from target is about `cost_aversion · cost rate / 2`: at 1 and 15 bps, 7.5 bps.
    pub cost_aversion: f64,
}
