//! What a rebalance would do to a customer's portfolio, worked out and not done: after a deposit, for a withdrawal, or as
//! things stand. The plan is that of the customer's actor, from the same snapshot.

use std::collections::BTreeMap;

use actix_web::web::{self, Json};
use evenkeel_actors::{PlanRequest, Policy, Snapshot, TaxKnown};
use evenkeel_lots::LotId;
use evenkeel_operators::facts::Tilt;
use evenkeel_optimizer::{ProposedOrder, Side as Way};
use evenkeel_rebalancing::{
    Destination, Outcome, Plan, PlanError, PlannedOrder, Reason, ReasonKind, Slice, State, Strategy, Waiting,
};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::events::check_tilt;
use evenkeel_schemas::{InstrumentId, Money, Name, Ratio};
use evenkeel_tax::{GainKind, Position as TaxPosition};
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
    /// How far to trade what is outside its band; as the policy says where nothing is said.
    to: Option<Destination>,
    /// What to add to targets, in the place of tilts that hold, by ticker: as `tilts_set` would.
    #[serde(default)]
    tilts: BTreeMap<Name, Ratio>,
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
        for (name, by) in &self.tilts {
            check_tilt(name, *by)
                .map_err(|refusal| Problem::unprocessable(&refusal.field, &refusal.reason))?;
        }
        if self.deposit.is_some() && self.withdrawal.is_some() {
            return Err(Problem::unprocessable("withdrawal", "expected a deposit or a withdrawal, not both"));
        }
        Ok(())
    }

    /// The tilts, of instruments that are listed; `None` for those that hold.
    fn tilts(&self, client: &Client<'_>) -> Result<Option<Vec<Tilt>>, Problem> {
        let tilt = |(name, by): (&Name, &Ratio)| {
            let listed = client.names.instrument_id(name.as_str());
            let listed = listed.filter(|instrument| client.view.terms(*instrument).is_some());
            let missing =
                || Problem::unprocessable(format!("tilts.{name}"), "expected an instrument that is listed");
            Ok(Tilt { instrument: listed.ok_or_else(missing)?, by: *by })
        };
        let tilts: Vec<Tilt> = self.tilts.iter().map(tilt).collect::<Result<_, Problem>>()?;
        Ok((!tilts.is_empty()).then_some(tilts))
    }

    /// What is asked of a portfolio: what is wanted, on top of what is open.
    fn of(&self, mut snapshot: Snapshot, policy: &Policy) -> Result<PlanRequest, Problem> {
        let cash = snapshot.cash.checked_add(self.deposit.unwrap_or_default());
        snapshot.cash =
            cash.ok_or_else(|| Problem::unprocessable("deposit", "expected an amount in range"))?;
        let mut request = PlanRequest::of(&snapshot, policy);
        let out = self.withdrawal.map(|amount| Reason::cash_flow(Money::from_raw(-amount.raw()), false));
        // What is to come in is planned as if it were here.
        let come = self.deposit.map(|amount| Reason::cash_flow(amount, true));
        request.reasons.extend(out.into_iter().chain(come));
        if request.reasons.is_empty() {
            request.reasons.push(Reason::of(ReasonKind::Drift));
        }
        if let Some(to) = self.to {
            request.strategy = Strategy::Threshold { to };
        }
        Ok(request)
    }
}

/// `POST /portfolio/{client_id}/plan`.
pub(super) async fn dry_run(context: web::Data<Context>, path: web::Path<String>, bytes: Body) -> Answer {
    let wanted: Wanted = body(bytes)?;
    wanted.check()?;
    // Taken under the lock, worked out without it.
    let read = of_client(&context, &path, |client| Read::of(client, &context, &wanted))?;
    let estimates = context.estimates.clone();
    let planned = web::block(move || {
        let mut read = read;
        read.request.risk = estimates.risk(&read.snapshot);
        read.request.plan().map(|planned| read.told(&planned))
    });
    let planned = planned.await.map_err(|error| Problem::unavailable(error.to_string()))?;
    planned.map(Json).map_err(|error| match error {
        PlanError::Solver(_) | PlanError::Refused(_) => Problem::unavailable(error.to_string()),
        _ => Problem::conflict(error.to_string()),
    })
}

/// What was read of a customer.
struct Read {
    head: Json_,
    snapshot: Snapshot,
    request: PlanRequest,
    names: BTreeMap<InstrumentId, String>,
    lots: BTreeMap<LotId, String>,
}

impl Read {
    fn of(client: &Client<'_>, context: &Context, wanted: &Wanted) -> Result<Read, Problem> {
        let Some(base) = client.customer.base() else {
            return Err(Problem::conflict("the customer has no base currency"));
        };
        if client.customer.targets(client.today()).is_none() {
            let reason = "no targets are set: there is nothing to plan towards; send a targets_set";
            return Err(Problem::conflict(reason));
        }
        for (currency, _) in client.customer.cash.iter() {
            if client.view.rate(*currency, base).is_none() {
                let reason = format!("cash in {currency} cannot be valued: there is no rate into {base}");
                return Err(Problem::conflict(reason));
            }
        }
        let snapshot = Name::new(client.name()).ok();
        let tilts = wanted.tilts(client)?;
        let snapshot =
            snapshot.and_then(|name| client.view.snapshot_with(&name, client.names, tilts.as_deref()));
        let snapshot = snapshot.ok_or_else(|| Problem::conflict("an amount is out of range"))?;
        let named = snapshot.holdings.iter().map(|holding| (holding.instrument, holding.name.to_string()));
        let lots = snapshot.holdings.iter().flat_map(|holding| &holding.parcels);
        let lots = lots.map(|held| (LotId(lot_number(held.lot.as_str())), held.lot.to_string()));
        let (names, lots): (BTreeMap<_, _>, BTreeMap<_, _>) = (named.collect(), lots.collect());
        let head = json!({
            "client_id": client.name(),
            "epoch": client.view.epoch(),
            "currency": base.to_string(),
        });
        let request = wanted.of(snapshot.clone(), &context.config.policy)?;
        Ok(Read { head, snapshot, request, names, lots })
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
                "tax": plan.cost.tax.to_string(),
                "total": plan.cost.total.to_string(),
            },
            "benefit": plan.benefit.amount.to_string(),
            "benefit_rule": plan.benefit.rule,
            "tax": self.request.tax.as_ref().map(|known| tax(known, plan)),
            "waiting": plan.waiting.iter().map(|one| self.waiting(one)).collect::<Vec<_>>(),
            "review": plan.review,
            "schedule": plan.slices.iter().map(|slice| self.day(slice)).collect::<Vec<_>>(),
            "tried": plan.tried,
        });
        if let (Json_::Object(answer), Json_::Object(more)) = (&mut answer, more) {
            answer.extend(more);
        }
        answer
    }

    /// The orders of a trading day: what is too large for one is spread.
    fn day(&self, slice: &Slice) -> Json_ {
        let order = |order: &ProposedOrder| {
            json!({
                "ticker": self.name(order.instrument),
                "side": side(order.side),
                "quantity": order.quantity.to_string(),
                "limit": order.limit.to_string(),
            })
        };
        json!({ "date": slice.date, "orders": slice.orders.iter().map(order).collect::<Vec<_>>() })
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
            "side": side(order.side),
            "quantity": order.quantity.to_string(),
            "limit": order.limit.to_string(),
            "value": text(order.quantity.notional(order.limit)),
            "lots": lots.collect::<Vec<_>>(),
        })
    }

    /// A parcel near its discount.
    fn waiting(&self, one: &Waiting) -> Json_ {
        json!({
            "ticker": self.name(one.instrument),
            "lot": self.lots.get(&one.lot),
            "quantity": one.quantity.to_string(),
            "until": one.until,
            "tax_saved": one.tax_saved.to_string(),
            "drift_cost_a_day": one.drift_cost_a_day.to_string(),
            "waits": one.waits,
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

/// The year so far, and what the plan's sales would add to it.
fn tax(known: &TaxKnown, plan: &Plan) -> Json_ {
    let TaxPosition { income, gains, losses_current, losses_prior, .. } = known.position;
    let adds = |(kind, amount): &(GainKind, Money)| json!({ "kind": kind, "amount": amount.to_string() });
    json!({
        "income": income.to_string(),
        "gains": {
            "ordinary": gains.ordinary.to_string(),
            "discount": gains.discount.to_string(),
            "accrued": gains.accrued.to_string(),
        },
        "losses": losses_current.to_string(),
        "losses_brought_forward": losses_prior.to_string(),
        "adds": plan.gains.iter().map(adds).collect::<Vec<_>>(),
    })
}

fn side(way: Way) -> &'static str {
    if way == Way::Sell { "sell" } else { "buy" }
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
