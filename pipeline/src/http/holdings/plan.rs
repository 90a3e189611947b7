//! What a rebalance would do to a customer's portfolio, worked out and not done: after a deposit, for a withdrawal, or as
//! things stand.

use std::collections::BTreeMap;

use actix_web::web::{self, Json};
use evenkeel_calendar::{Calendars, Market};
use evenkeel_lots::LotId;
use evenkeel_optimizer::{Costs, Side as Way};
use evenkeel_rebalancing::{
    Destination, Group, Outcome, Parcel, Plan, PlanError, PlannedOrder, Policy, Portfolio, Position, Reason,
    ReasonKind, Snapshot, State, Strategy, Taxonomy, plan,
};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{InstrumentId, Labels, Money, Name, Quantity, Ratio, Value};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::{Answer, Client, Context, Problem, of_client, text};
use crate::http::read::{Body, body};

/// What to plan for. Nothing at all: what is outside its band.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Money that is to come in, base currency.
    deposit: Option<Money>,
    /// Money that is to go out, base currency.
    withdrawal: Option<Money>,
    /// How far to trade what is outside its band.
    #[serde(default)]
    to: To,
}

#[derive(Copy, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    #[default]
    Target,
    BandEdge,
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        for (field, amount) in [("deposit", self.deposit), ("withdrawal", self.withdrawal)] {
            if let Some(amount) = amount.filter(|amount| *amount <= Money::ZERO) {
                return Err(Problem::unprocessable(
                    field,
                    format!("expected a number above 0, got {amount}"),
                ));
            }
        }
        if self.deposit.is_some() && self.withdrawal.is_some() {
            return Err(Problem::unprocessable("withdrawal", "expected a deposit or a withdrawal, not both"));
        }
        Ok(())
    }

    fn reasons(&self) -> Vec<Reason> {
        let out = self.withdrawal.map(|amount| Reason::cash_flow(Money::from_raw(-amount.raw()), false));
        // What is to come in is planned as if it were here.
        let come = self.deposit.map(|amount| Reason::cash_flow(amount, true));
        let flows: Vec<Reason> = out.into_iter().chain(come).collect();
        if flows.is_empty() { vec![Reason::of(ReasonKind::Drift)] } else { flows }
    }
}

/// `POST /portfolio/{client_id}/plan`.
pub(super) async fn dry_run(context: web::Data<Context>, path: web::Path<String>, bytes: Body) -> Answer {
    let wanted: Wanted = body(bytes)?;
    wanted.check()?;
    let market = market(&context);
    // Taken under the lock, worked out without it.
    let read = of_client(&context, &path, |client| Read::of(client, &context, wanted.deposit))?;
    let to = match wanted.to {
        To::Target => Destination::Target,
        To::BandEdge => Destination::BandEdge,
    };
    let (reasons, policy) = (wanted.reasons(), policy(&context));
    let planned = web::block(move || {
        let snapshot = Snapshot { portfolio: &read.portfolio, market: &market, risk: None, tax: None };
        let planned = plan(&snapshot, &reasons, &Strategy::Threshold { to }, &policy);
        planned.map(|planned| read.told(&planned))
    });
    let planned = planned.await.map_err(|error| Problem::unavailable(error.to_string()))?;
    planned.map(Json).map_err(|error| match error {
        PlanError::Solver(_) | PlanError::Refused(_) => Problem::unavailable(error.to_string()),
        _ => Problem::conflict(error.to_string()),
    })
}

/// The calendar of the market whose sessions count; weekdays where it is not known.
fn market(context: &Context) -> Market {
    let known = Calendars::built_in().ok().and_then(|calendars| calendars.market(context.market.as_str()));
    known.cloned().unwrap_or_else(|| Market::weekdays(context.market.clone(), 2))
}

/// The rules that a customer's actor has.
fn policy(context: &Context) -> Policy {
    let (customer, costs) = (&context.config.policy.customer, &context.config.policy.costs);
    Policy {
        costs: Costs {
            half_spread: costs.half_spread,
            commission: costs.commission,
            commission_min: costs.commission_min,
        },
        cash_min: customer.cash_min,
        trade_min: customer.trade_min,
        first_parcel_min: customer.first_parcel_min,
        ..Policy::default()
    }
}

/// What was read of a customer.
struct Read {
    head: Json_,
    portfolio: Portfolio,
    names: BTreeMap<InstrumentId, String>,
    lots: BTreeMap<LotId, String>,
}

impl Read {
    fn of(client: &Client<'_>, context: &Context, deposit: Option<Money>) -> Result<Read, Problem> {
        let Some(base) = client.customer.base() else {
            return Err(Problem::conflict("the customer has no base currency"));
        };
        let targets = client.customer.targets();
        let Some(targets) = targets else {
            let reason = "no targets are set: there is nothing to plan towards; send a targets_set";
            return Err(Problem::conflict(reason));
        };
        let mut lines: BTreeMap<InstrumentId, (Option<Ratio>, Ratio)> = client
            .customer
            .positions
            .keys()
            .map(|i| (*i, (Some(Ratio::ZERO), targets.band_default)))
            .collect();
        lines.extend(targets.lines.iter().map(|line| (line.instrument, (Some(line.weight), line.band))));
        let (mut positions, mut labels, mut lots) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (instrument, (target, band)) in lines {
            let Some(terms) = client.view.terms(instrument) else { continue };
            let Ok(name) = Name::new(client.names.instrument(instrument)) else { continue };
            labels.insert(instrument, terms.labels);
            let held = client.customer.positions.get(&instrument).copied().unwrap_or_default();
            let open = client.customer.lots_of(instrument).iter();
            let parcels: Vec<Parcel> = open
                .map(|lot| {
                    let number = lot_number(&lot.lot);
                    lots.insert(LotId(number), lot.lot.to_string());
                    Parcel::from(&lot.numbered(number))
                })
                .collect();
            let restricted = context.config.policy.restricted.contains(&name);
            positions.push(Position {
                instrument,
                name,
                held: held.max(Quantity::ZERO),
                sellable: held.max(Quantity::ZERO),
                price: client.view.price(instrument),
                rate: client.view.rate(terms.currency, base),
                lot: terms.lot,
                tick: terms.tick,
                target,
                band,
                weight_min: Ratio::ZERO,
                weight_max: context.config.policy.customer.weight_max,
                tradable: terms.currency == base && !restricted,
                average_daily_value: None,
                replacement: None,
                parcels,
            });
        }
        let cash = client.customer.cash.get(&base).copied().unwrap_or_default();
        let cash = cash.checked_add(deposit.unwrap_or_default());
        let cash = cash.ok_or_else(|| Problem::unprocessable("deposit", "expected an amount in range"))?;
        let foreign = client.customer.cash.iter().filter(|(currency, _)| **currency != base);
        let mut foreign_cash = Value::ZERO;
        for (currency, amount) in foreign {
            let value = client.view.rate(*currency, base).and_then(|rate| Value::of_cash(*amount, rate));
            foreign_cash = value.and_then(|value| foreign_cash.checked_add(value)).ok_or_else(|| {
                Problem::conflict(format!(
                    "cash in {currency} cannot be valued: there is no rate into {base}"
                ))
            })?;
        }
        let taxonomies = groupings(client, &labels, &positions);
        let names =
            positions.iter().map(|position| (position.instrument, position.name.to_string())).collect();
        let head = json!({
            "client_id": client.name(),
            "epoch": client.view.epoch(),
            "currency": base.to_string(),
        });
        let portfolio = Portfolio { date: client.today(), cash, foreign_cash, positions, taxonomies };
        Ok(Read { head, portfolio, names, lots })
    }

    fn name(&self, instrument: InstrumentId) -> &str {
        self.names.get(&instrument).map_or("", String::as_str)
    }

    fn told(&self, plan: &Plan) -> Json_ {
        let mut answer = self.head.clone();
        // The most overweight is sold first, the most underweight bought first.
        let drift = |order: &PlannedOrder| {
            let of = |standing: &&evenkeel_rebalancing::Standing| standing.instrument == order.instrument;
            plan.before.standings.iter().find(of).map_or(0, |standing| standing.drift.raw())
        };
        let mut orders: Vec<&PlannedOrder> = plan.orders.iter().collect();
        orders.sort_by_key(|order| (order.side == Way::Buy, -drift(order).abs(), order.instrument));
        let more = json!({
            "outcome": if plan.outcome == Outcome::Trade { "trade" } else { "hold" },
            "words": plan.words,
            "orders": orders.into_iter().map(|order| self.order(order)).collect::<Vec<_>>(),
            "before": self.state(&plan.before),
            "after": self.state(&plan.after),
            "buckets": buckets(plan),
            "cost": {
                "trading": plan.cost.trading.to_string(),
                "impact": plan.cost.impact.to_string(),
                "total": plan.cost.total.to_string(),
            },
            "benefit": plan.benefit.amount.to_string(),
            "review": plan.review,
        });
        if let (Json_::Object(answer), Json_::Object(more)) = (&mut answer, more) {
            answer.extend(more);
        }
        answer
    }

    fn order(&self, order: &PlannedOrder) -> Json_ {
        let lots = order.parcels.iter().map(|sold| {
            json!({
                "lot": self.lots.get(&sold.lot),
                "quantity": sold.quantity.to_string(),
                "gain": sold.gain.to_string(),
                "class": sold.class,
            })
        });
        json!({
            "ticker": self.name(order.instrument),
            "side": if order.side == Way::Sell { "sell" } else { "buy" },
            "quantity": order.quantity.to_string(),
            "limit": order.limit.to_string(),
            "value": text(order.quantity.notional(order.limit)),
            "lots": lots.collect::<Vec<_>>(),
        })
    }

    fn state(&self, state: &State) -> Json_ {
        let line = |standing: &evenkeel_rebalancing::Standing| {
            json!({
                "ticker": self.name(standing.instrument),
                "quantity": standing.quantity.to_string(),
                "weight": standing.weight.to_fixed(),
                "target": standing.target.to_fixed(),
                "drift": standing.drift.to_fixed(),
                "outside": standing.outside,
            })
        };
        json!({
            "nav": state.nav.to_string(),
            "cash": state.cash.to_string(),
            "holdings": state.standings.iter().map(line).collect::<Vec<_>>(),
            "drift": state.drift.to_fixed(),
        })
    }
}

/// The buckets that the customer is watched by. A bucket's target is the sum of its members'.
fn groupings(
    client: &Client<'_>,
    labels: &BTreeMap<InstrumentId, Labels>,
    positions: &[Position],
) -> Vec<Taxonomy> {
    let watched = client.customer.targets().map_or(&[][..], |targets| &targets.buckets);
    let group = |bucket: &evenkeel_operators::facts::BucketLine| {
        let belongs = |position: &&Position| {
            labels.get(&position.instrument).is_some_and(|labels| labels.belong_to(bucket.labels))
        };
        let members: Vec<&Position> = positions.iter().filter(belongs).collect();
        let target: i64 = members.iter().filter_map(|member| member.target).map(Ratio::raw).sum();
        Group {
            name: client.names.instrument(bucket.bucket).to_owned(),
            members: members.iter().map(|member| member.instrument).collect(),
            target: Ratio::from_raw(target),
            band: bucket.band,
        }
    };
    let groups: Vec<Group> = watched.iter().map(group).filter(|group| !group.members.is_empty()).collect();
    if groups.is_empty() { Vec::new() } else { vec![Taxonomy { name: "buckets".to_owned(), groups }] }
}

/// Each bucket before and after.
fn buckets(plan: &Plan) -> Vec<Json_> {
    let pairs = plan.before.groups.iter().zip(&plan.after.groups);
    let line =
        |(before, after): (&evenkeel_rebalancing::GroupStanding, &evenkeel_rebalancing::GroupStanding)| {
            json!({
                "bucket": before.group,
                "target": before.target.to_fixed(),
                "weight_before": before.weight.to_fixed(),
                "weight_after": after.weight.to_fixed(),
                "outside": after.outside,
            })
        };
    pairs.map(line).collect()
}
