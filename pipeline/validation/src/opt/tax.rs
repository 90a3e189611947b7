//! Back towards a target, with Australian tax on the gains of the parcels sold and costs that the portfolio
//! pays.

use std::collections::BTreeMap;

use evenkeel_optimizer::portfolio::{CapitalGainsTax, Measure, Objective, Paid, TaxLot, TradingCosts};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::read::{float, number, numbers, problem, solved, vector};
use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;

/// The discount of an individual (ITAA 1997 s 115-100).
const DISCOUNT: f64 = 0.5;

/// A parcel in money.
struct Parcel<'a> {
    id: &'a str,
    asset: usize,
    value: Decimal,
    cost_base: Decimal,
    discounted: bool,
}

pub(crate) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let parcels = parcels(inputs)?;
    let total: Decimal = parcels.iter().map(|parcel| parcel.value).sum();
    let value = total.to_f64().filter(|value| *value > 0.0);
    let value = value.ok_or_else(|| inputs.fault("expected parcels that are worth something"))?;
    let share = |amount: Decimal| amount.to_f64().unwrap_or(f64::NAN) / value;
    let target = vector(&inputs.get("target")?)?;
    let tracking = Measure::TrackingVariance { benchmark: target };
    let objective = Objective::Weighted(vec![(float(&inputs.get("lambda_")?)?, tracking.clone())]);
    let mut problem = problem(inputs, objective)?;
    let mut current = vec![0.0; problem.names.len()];
    for parcel in &parcels {
        let of = current.get_mut(parcel.asset);
        *of.ok_or_else(|| inputs.fault("a lot is of an asset that has no covariance"))? +=
            share(parcel.value);
    }
    problem.costs = Some(TradingCosts {
        linear: vec![float(&inputs.get("cost")?)?; problem.names.len()],
        quadratic: Vec::new(),
        fixed: Vec::new(),
        paid: Paid::FromPortfolio,
        weight: 1.0,
    });
    let lot = |parcel: &Parcel<'_>| TaxLot {
        instrument: parcel.asset,
        value: share(parcel.value),
        cost_base: share(parcel.cost_base),
        discounted: parcel.discounted,
    };
    problem.tax = Some(CapitalGainsTax {
        rate: float(&inputs.get("tax_rate")?)?,
        discount: DISCOUNT,
        prior_losses: share(inputs.get("prior_losses")?.amount()?),
        lots: parcels.iter().map(lot).collect(),
        weight: 1.0,
    });
    problem.current = Some(current.clone());
    let portfolio = solved(&problem, inputs)?;
    let trades = portfolio.trades.as_ref().ok_or_else(|| inputs.fault("there were no trades"))?;
    let sold = parcels.iter().zip(&trades.sold_by_lot);
    let by_lot: BTreeMap<String, Answer> =
        sold.map(|(parcel, sold)| (parcel.id.to_owned(), number(sold * value))).collect();
    Ok(Answer::fields([
        ("portfolio_value", Answer::Number(total)),
        ("objective", number(portfolio.objective)),
        ("weights", numbers(&portfolio.weights)),
        ("current", numbers(&current)),
        ("sold_total", number(trades.sold.iter().sum())),
        ("bought_total", number(trades.bought.iter().sum())),
        ("net_capital_gain", number(trades.net_capital_gain * value)),
        ("tax", number(trades.tax * value)),
        ("tracking_variance", number(tracking.value(&problem, &portfolio.weights))),
        ("sales_by_lot", Answer::Fields(by_lot)),
    ]))
}

fn parcels<'a>(inputs: &Node<'a>) -> Result<Vec<Parcel<'a>>, Fault> {
    let prices = inputs.get("prices")?;
    let prices: Vec<Decimal> = prices.list()?.iter().map(Node::positive).collect::<Result<_, _>>()?;
    let parcel = |node: &Node<'a>| {
        node.only(&["id", "asset", "units", "unit_cost", "over_12_months"])?;
        let asset: usize = node.get("asset")?.number()?;
        let units: Decimal = node.get("units")?.positive()?;
        let cost: Decimal = node.get("unit_cost")?.amount()?;
        let price = prices.get(asset).ok_or_else(|| node.fault("its asset has no price"))?;
        let range = || node.fault("units times price is beyond the range of numbers");
        Ok(Parcel {
            id: node.get("id")?.text()?,
            asset,
            value: units.checked_mul(*price).ok_or_else(range)?,
            cost_base: units.checked_mul(cost).ok_or_else(range)?,
            discounted: node.get("over_12_months")?.flag()?,
        })
    };
    inputs.get("lots")?.list()?.iter().map(parcel).collect()
}
