//! Step 7's first part: from weights to whole lots.

use std::collections::BTreeMap;

use evenkeel_optimizer::portfolio::SearchLimits;
use evenkeel_optimizer::{Candidate, Costs, RebalanceProblem, RebalanceSolution, rebalance};
use evenkeel_schemas::{Money, Name, Price, Quantity, Rate, Ratio, Value};
use serde::{Deserialize, Serialize};

use super::request::{FlowError, Request};

/// What orders cost and must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trading {
    /// Spread and commission.
    pub costs: Costs,
    /// Least order.
    pub trade_min: Money,
    /// Least first buy of an instrument (ASX: 500 AUD).
    pub first_parcel_min: Money,
    /// Squared weight that one NAV of cost is worth; see [`RebalanceProblem`].
    pub cost_aversion: f64,
}

impl Trading {
    /// What trading a unit of money costs, the least commission of an order apart.
    pub fn cost_rate(&self) -> Ratio {
        self.costs.half_spread.checked_add(self.costs.commission).unwrap_or(Ratio::MAX)
    }
}

/// Orders in whole lots towards the targets, sells first; what lots leave stays cash (ruling 7).
pub(super) fn orders(
    request: &Request<'_>,
    targets: &BTreeMap<Name, Ratio>,
    capital: Money,
    limits: &SearchLimits,
) -> Result<RebalanceSolution, FlowError> {
    let mut held: BTreeMap<&Name, Quantity> = targets.keys().map(|name| (name, Quantity::ZERO)).collect();
    for lot in request.held {
        let units = held.entry(&lot.instrument).or_insert(Quantity::ZERO);
        *units = units.checked_add(lot.quantity).ok_or(FlowError::Range("the units held"))?;
    }
    let mut cash = capital;
    let mut candidates = Vec::new();
    for (name, units) in held {
        // The master portfolio has refused what is held without a price.
        let Some(listing) = request.market.listing(name) else { continue };
        let Some(price) = listing.price else { continue };
        let value = value(units, price)?;
        cash = cash.checked_sub(value).ok_or(FlowError::Range("the cash"))?;
        candidates.push(Candidate {
            instrument: listing.id,
            held: units,
            sellable: units,
            price,
            rate: Rate::from_raw(Rate::ONE),
            lot: listing.lot,
            tick: listing.tick,
            target: targets.get(name).copied().unwrap_or(Ratio::ZERO),
            band: Ratio::ZERO,
            weight_min: Ratio::ZERO,
            weight_max: Ratio::from_raw(Ratio::ONE),
            trade_max: None,
            buy_max: None,
            tradable: true,
        });
    }
    let trading = request.trading;
    let problem = RebalanceProblem {
        candidates,
        cash,
        foreign_cash: Value::from_raw(0),
        cash_min: Money::ZERO,
        costs: trading.costs.clone(),
        turnover_max: None,
        trade_min: trading.trade_min,
        first_parcel_min: trading.first_parcel_min,
        cost_aversion: trading.cost_aversion,
    };
    Ok(rebalance(&problem, &limits.solver)?)
}

fn value(units: Quantity, price: Price) -> Result<Money, FlowError> {
    units.notional(price).ok_or(FlowError::Range("the value of a holding"))
}
