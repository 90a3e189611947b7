//! A backtest over the closes that the program has seen, worked out and not recorded.

use std::collections::BTreeMap;

use actix_web::web::{self, Json};
use evenkeel_backtest::{
    Aim, Backtest, CashFlow, Fixed, History, Model, Settings, Taxes, WalkForward, When, backtest,
};
use evenkeel_calendar::{Calendars, Market};
use evenkeel_clickhouse::fetch;
use evenkeel_optimizer::{Costs, Side};
use evenkeel_rebalancing::Policy;
use evenkeel_schemas::events::{InstrumentListed, parse_event};
use evenkeel_schemas::{Currency, InstrumentId, Money, Name, Ratio, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::Context;
use super::problem::Problem;
use super::read::{Body, body};
use super::stored::{ask, away, caught_up};
use crate::market_facts::MarketFacts;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/backtest", web::post().to(run));
}

/// A strategy and what it starts with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// AUD where not given.
    currency: Option<Currency>,
    /// Target weights; or `optimise`.
    weights: Option<BTreeMap<Name, Ratio>>,
    /// Targets that are the best of a trailing window.
    optimise: Option<Optimise>,
    when: When,
    /// The first day with closes where not given.
    from: Option<TradeDate>,
    /// The last day with closes where not given.
    to: Option<TradeDate>,
    #[serde(default = "capital")]
    capital: Money,
    #[serde(default)]
    flows: Vec<CashFlow>,
    /// Whether distributions are invested when they are paid.
    #[serde(default = "yes")]
    reinvest: bool,
    #[serde(default)]
    risk_free: Ratio,
    /// Whose tax is paid after each financial year.
    tax: Option<Taxed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Optimise {
    aim: Aim,
    /// Everything with a close where not given.
    instruments: Option<Vec<Name>>,
    /// Sessions that estimates are from.
    #[serde(default = "year")]
    window: usize,
    weight_max: Option<Ratio>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taxed {
    entity: Entity,
    /// Assessable income of each year from elsewhere.
    #[serde(default)]
    other_income: Money,
}

fn capital() -> Money {
    Money::from_raw(100_000 * Money::ONE)
}

fn yes() -> bool {
    true
}

fn year() -> usize {
    252
}

#[derive(clickhouse::Row, Deserialize)]
struct Line {
    payload: String,
}

/// `POST /backtest`.
async fn run(context: web::Data<Context>, bytes: Body) -> Result<Json<Json_>, Problem> {
    let wanted: Wanted = body(bytes)?;
    wanted.check()?;
    let told = web::block(move || {
        let facts = facts(&context)?;
        let universe = Universe::of(&wanted, &facts)?;
        let market = market(&context)?;
        let found = wanted.found(&context, &universe, market)?;
        Ok(told(&universe, &found))
    });
    told.await.map_err(|error| Problem::unavailable(error.to_string()))?.map(Json)
}

/// The market's events, from ClickHouse.
fn facts(context: &Context) -> Result<MarketFacts, Problem> {
    caught_up(context)?;
    let sql = "SELECT payload FROM events WHERE `type` IN ('instrument_listed', 'close', 'closing_mark', 'split', \
               'distribution', 'correction') ORDER BY epoch, topic, `offset`";
    let lines: Vec<Line> = ask(context, async |client| fetch(&client, sql).await.map_err(away))?;
    let mut facts = MarketFacts::default();
    for line in lines {
        // Written from the log, where every event has been read before.
        if let Ok(event) = parse_event(line.payload.as_bytes()) {
            facts.take(event);
        }
    }
    Ok(facts)
}

fn market(context: &Context) -> Result<&'static Market, Problem> {
    let calendars = Calendars::built_in().map_err(|error| Problem::unavailable(error.to_string()))?;
    let missing = || Problem::conflict(format!("no calendar of the market {}", context.market));
    calendars.market(context.market.as_str()).ok_or_else(missing)
}

/// What may be held, by number.
struct Universe {
    history: History,
    ids: BTreeMap<Name, InstrumentId>,
    names: BTreeMap<InstrumentId, Name>,
    days: (TradeDate, TradeDate),
}

impl Universe {
    fn of(wanted: &Wanted, facts: &MarketFacts) -> Result<Universe, Problem> {
        let (listed, closed) = (facts.listed(), facts.with_close());
        let currency = wanted.currency.unwrap_or(Currency::AUD);
        let asked: Vec<(String, Name)> = match (&wanted.weights, &wanted.optimise) {
            (Some(weights), _) => {
                weights.keys().map(|name| (format!("weights.{name}"), name.clone())).collect()
            }
            (None, Some(Optimise { instruments: Some(names), .. })) => {
                names.iter().map(|name| ("optimise.instruments".to_owned(), name.clone())).collect()
            }
            _ => closed
                .iter()
                .filter(|name| listed.get(*name).is_some_and(|listed| listed.currency == currency))
                .map(|name| ("optimise".to_owned(), name.clone()))
                .collect(),
        };
        let mut instruments: BTreeMap<Name, &InstrumentListed> = BTreeMap::new();
        for (field, name) in asked {
            let known =
                listed.get(&name).filter(|listed| listed.currency == currency && closed.contains(&name));
            let reason = || format!("expected an instrument in {currency} with closing marks, got {name}");
            let known = known.ok_or_else(|| Problem::unprocessable(field, reason()))?;
            instruments.insert(name, known);
        }
        let ids: BTreeMap<Name, InstrumentId> =
            instruments.keys().cloned().zip((0..).map(InstrumentId)).collect();
        let history = facts.history(&instruments, &ids);
        let dates = || history.marks.iter().map(|mark| mark.date);
        let days = dates().min().zip(dates().max());
        let days = days.ok_or_else(|| Problem::conflict("there are no closing marks yet"))?;
        let names = ids.iter().map(|(name, id)| (*id, name.clone())).collect();
        Ok(Universe { history, ids, names, days })
    }

    fn name(&self, instrument: InstrumentId) -> &str {
        self.names.get(&instrument).map_or("", Name::as_str)
    }
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        let refuse = |field: &str, reason: &str| Err(Problem::unprocessable(field, reason));
        match (&self.weights, &self.optimise) {
            (Some(_), Some(_)) => return refuse("optimise", "expected weights or optimise, not both"),
            (None, None) => return refuse("weights", "expected weights, or optimise"),
            (Some(weights), None) => {
                let sum: i128 = weights.values().map(|weight| i128::from(weight.raw())).sum();
                let each = weights.values().all(|weight| (0..=Ratio::ONE).contains(&weight.raw()));
                if !each || sum > i128::from(Ratio::ONE) {
                    return refuse("weights", "expected weights from 0 to 1 that sum to at most 1");
                }
            }
            (None, Some(optimise)) if !(4..=25_200).contains(&optimise.window) => {
                return refuse("optimise.window", "expected 4 to 25200 sessions");
            }
            _ => {}
        }
        if self.tax.is_some() && self.currency.is_some_and(|currency| currency != Currency::AUD) {
            return refuse("tax", "expected none: Australian tax is in AUD");
        }
        if self.capital <= Money::ZERO {
            return refuse("capital", "expected more than 0");
        }
        Ok(())
    }

    fn model(&self, universe: &Universe) -> Box<dyn Model> {
        let Some(optimise) = &self.optimise else {
            let weights = self.weights.iter().flatten();
            let target = |(name, weight): (&Name, &Ratio)| Some((*universe.ids.get(name)?, *weight));
            return Box::new(Fixed(weights.filter_map(target).collect()));
        };
        Box::new(WalkForward {
            instruments: universe.names.keys().copied().collect(),
            window: optimise.window,
            observations_min: optimise.window / 2,
            aim: optimise.aim,
            weight_max: optimise.weight_max.map_or(1.0, Ratio::to_f64),
            invested: 1.0,
            risk_free: self.risk_free.to_f64(),
        })
    }

    fn found(&self, context: &Context, universe: &Universe, market: &Market) -> Result<Backtest, Problem> {
        let law = Law::built_in().map_err(|error| Problem::unavailable(error.to_string()))?;
        let cpi = Cpi::new([]);
        let (customer, costs) = (&context.config.policy.customer, &context.config.policy.costs);
        let settings = Settings {
            from: self.from.unwrap_or(universe.days.0),
            to: self.to.unwrap_or(universe.days.1),
            cash: self.capital,
            flows: self.flows.clone(),
            when: self.when,
            reinvest: self.reinvest,
            policy: Policy {
                costs: Costs {
                    half_spread: costs.half_spread,
                    commission: costs.commission,
                    commission_min: costs.commission_min,
                },
                trade_min: customer.trade_min,
                first_parcel_min: customer.first_parcel_min,
                ..Policy::default()
            },
            market,
            taxes: self.tax.as_ref().map(|taxed| Taxes {
                law: &law,
                cpi: &cpi,
                profile: Profile::resident(taxed.entity),
                other_income: taxed.other_income,
                losses_brought_forward: Money::ZERO,
            }),
            risk_free: self.risk_free.to_f64(),
        };
        let found = backtest(&universe.history, self.model(universe).as_mut(), &settings);
        found.map_err(|error| Problem::unprocessable("backtest", error))
    }
}

fn told(universe: &Universe, found: &Backtest) -> Json_ {
    let trade = |trade: &evenkeel_backtest::Trade| {
        json!({
            "date": trade.date,
            "instrument": universe.name(trade.instrument),
            "side": if trade.side == Side::Buy { "buy" } else { "sell" },
            "quantity": trade.quantity,
            "price": trade.price,
            "fee": trade.fee,
            "gain": trade.gain,
        })
    };
    let review = |review: &evenkeel_backtest::Review| {
        let targets =
            review.targets.iter().map(|(id, weight)| (universe.name(*id).to_owned(), json!(weight)));
        json!({ "date": review.date, "targets": targets.collect::<serde_json::Map<_, _>>() })
    };
    let held = found.holdings.iter().map(|(id, units)| (universe.name(*id).to_owned(), json!(units)));
    json!({
        "from": found.days.first().map(|day| day.date),
        "to": found.days.last().map(|day| day.date),
        "final_value": found.days.last().map(|day| day.nav),
        "metrics": found.metrics,
        "holdings": held.collect::<serde_json::Map<_, _>>(),
        "trades": found.trades.iter().map(trade).collect::<Vec<_>>(),
        "reviews": found.reviews.iter().map(review).collect::<Vec<_>>(),
        "years": found.years,
        "notes": found.notes,
        "days": found.days.iter().map(|day| json!({ "date": day.date, "nav": day.nav })).collect::<Vec<_>>(),
    })
}
