//! A customer's goals: what each has, what it needs, how probable it is, and what to change.
//!
//! A goal has its share of its pod: by its amount among the amounts of the pod's goals, of the pod's weight of the net
//! asset value. It grows as its pod's portfolio is expected to.

use std::collections::BTreeMap;

use actix_web::web::{self, Json};
use evenkeel_advice::{
    Chance, Funding, GoalPlan, Mix, PlanError, Savings, Timing, Wanted, analyse, whole_months,
};
use evenkeel_clickhouse::fetch;
use evenkeel_schemas::events::{
    CustomerOnboarded, Event, Goal, GoalsDefined, PodAllocationCalculated, PodId, PodOptimized, parse_event,
};
use evenkeel_schemas::{Money, Name, Ratio, TradeDate, div_half_even};
use serde::Deserialize;
use serde_json::{Value as Json_, json};

use super::Context;
use super::advice::{PATHS_MOST, now};
use super::problem::Problem;
use super::read::{Query, query, value};
use super::stored::{ask, away, caught_up};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/customers/{customer}/goals", web::get().to(goals));
}

/// What to take for granted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assumed {
    /// Money added to each goal at the end of each month; none where not given.
    savings: Option<String>,
    /// The probability wanted: 0.8 where not given.
    probability: Option<String>,
    /// Fee a year on the balance; none where not given.
    fee: Option<String>,
    /// Rise of prices a year; none where not given.
    inflation: Option<String>,
    /// How many months later a goal may become: 60 where not given.
    later_months: Option<u32>,
    paths: Option<u32>,
    seed: Option<u64>,
}

/// The settings, read.
struct Settings {
    savings: Money,
    probability: Ratio,
    fee: Ratio,
    inflation: Ratio,
    later_most: u32,
    chance: Chance,
}

impl Assumed {
    fn read(&self) -> Result<Settings, Problem> {
        fn or<T: std::str::FromStr<Err: std::fmt::Display>>(
            field: &'static str,
            text: Option<&String>,
            default: T,
        ) -> Result<T, Problem> {
            text.map_or(Ok(default), |text| value(field, text))
        }
        let paths = self.paths.unwrap_or(Chance::PATHS);
        if paths > PATHS_MOST {
            return Err(Problem::unprocessable(
                "paths",
                format!("expected at most {PATHS_MOST}, got {paths}"),
            ));
        }
        let zero = Ratio::ZERO;
        Ok(Settings {
            savings: or("savings", self.savings.as_ref(), Money::ZERO)?,
            probability: or("probability", self.probability.as_ref(), Ratio::from_raw(Ratio::ONE / 5 * 4))?,
            fee: or("fee", self.fee.as_ref(), zero)?,
            inflation: or("inflation", self.inflation.as_ref(), zero)?,
            later_most: self.later_months.unwrap_or(60),
            chance: Chance { paths, seed: self.seed.unwrap_or(0) },
        })
    }
}

/// What the log says of a customer's goals.
#[derive(Default)]
struct Known {
    profile: Option<CustomerOnboarded>,
    goals: Option<GoalsDefined>,
    allocation: Option<PodAllocationCalculated>,
    pods: BTreeMap<PodId, PodOptimized>,
}

impl Known {
    fn take(&mut self, event: Event) {
        match event {
            Event::CustomerOnboarded(e) if e.profile.is_some() => self.profile = Some(*e),
            Event::GoalsDefined(e) => self.goals = Some(*e),
            Event::PodAllocationCalculated(e) => self.allocation = Some(*e),
            Event::PodOptimized(e) => drop(self.pods.insert(e.pod, *e)),
            Event::Correction(correction) => {
                if self.goals.as_ref().is_some_and(|goals| goals.id.as_ref() == Some(&correction.of)) {
                    self.goals = None;
                }
                if let Some(with) = correction.with {
                    self.take(with);
                }
            }
            _ => {}
        }
    }
}

#[derive(clickhouse::Row, Deserialize)]
struct Line {
    payload: String,
}

/// `GET /customers/{customer}/goals`.
async fn goals(
    context: web::Data<Context>,
    path: web::Path<String>,
    assumed: Query<Assumed>,
) -> Result<Json<Json_>, Problem> {
    let settings = query(assumed)?.read()?;
    let nav = {
        let view = context.view.read();
        let names = view.names().clone();
        let id = names.read().customer_id(&path);
        let customer = id.and_then(|id| view.customer(id));
        let Some(customer) = customer else {
            return Err(Problem::not_found(format!("no customer {:?}", path.as_str())));
        };
        view.worth(customer).ok().and_then(|(worth, _)| worth.nav.to_money()).unwrap_or_default()
    };
    let told = web::block(move || {
        caught_up(&context)?;
        let kinds = "'customer_onboarded', 'goals_defined', 'pod_allocation_calculated', 'pod_optimized', 'correction'";
        let customer = path.as_str();
        let sql = format!(
            "SELECT payload FROM events WHERE customer = '{customer}' AND `type` IN ({kinds}) \
             ORDER BY epoch, topic, `offset`"
        );
        let lines: Vec<Line> = ask(&context, async |client| fetch(&client, &sql).await.map_err(away))?;
        let mut known = Known::default();
        for line in lines {
            // Written from the log, where every event has been read before.
            if let Ok(event) = parse_event(line.payload.as_bytes()) {
                known.take(event);
            }
        }
        analysed(customer, nav, &known, &settings)
    });
    told.await.map_err(|error| Problem::unavailable(error.to_string()))?.map(Json)
}

fn analysed(customer: &str, nav: Money, known: &Known, settings: &Settings) -> Result<Json_, Problem> {
    let (Some(goals), Some(allocation)) = (&known.goals, &known.allocation) else {
        let reason = "no goals are defined, or no pods allocated yet; POST /api/v1/onboarding takes both";
        return Err(Problem::conflict(reason));
    };
    let today = now().date();
    let mixes: Vec<Mix> = known.pods.values().filter_map(mix).collect();
    let mut told = Vec::new();
    for goal in &goals.goals {
        let pod =
            allocation.goal_pods.iter().find(|mapped| mapped.goal == goal.goal).map(|mapped| mapped.pod);
        let found = pod.and_then(|pod| Some((pod, known.pods.get(&pod).and_then(mix)?)));
        let Some((pod, mix)) = found else {
            told.push(
                json!({ "goal": goal.goal, "name": goal.name, "reason": "its pod has no portfolio yet" }),
            );
            continue;
        };
        let capital = share(nav, pod, goal, (goals, allocation));
        told.push(one(goal, (pod, capital, mix), (today, known), (settings, &mixes))?);
    }
    Ok(json!({ "customer": customer, "nav": nav.to_string(), "goals": told }))
}

fn mix(pod: &PodOptimized) -> Option<Mix> {
    let name = Name::new(pod.pod.as_str()).ok()?;
    Some(Mix { name, expected_return: pod.expected_return, volatility: pod.volatility })
}

/// A goal's share of its pod's share of the net asset value, in whole cents, rounded down.
fn share(
    nav: Money,
    pod: PodId,
    goal: &Goal,
    (goals, allocation): (&GoalsDefined, &PodAllocationCalculated),
) -> Money {
    const CENT: i128 = 10_000;
    let weight = allocation.pods.iter().find(|share| share.pod == pod).map_or(0, |share| share.weight.raw());
    let of_pod = div_half_even(i128::from(nav.raw()) * i128::from(weight), i128::from(Ratio::ONE));
    let in_pod =
        |id: &Name| allocation.goal_pods.iter().any(|mapped| mapped.goal == *id && mapped.pod == pod);
    let all = goals.goals.iter().filter(|goal| in_pod(&goal.goal));
    let all: i128 = all.map(|goal| i128::from(goal.target_amount.raw())).sum();
    let own = (of_pod.max(0) / all.max(1)) * i128::from(goal.target_amount.raw())
        + (of_pod.max(0) % all.max(1)) * i128::from(goal.target_amount.raw()) / all.max(1);
    Money::from_wide(own / CENT * CENT).unwrap_or_default()
}

fn one(
    goal: &Goal,
    (pod, capital, mix): (PodId, Money, Mix),
    (today, known): (TradeDate, &Known),
    (settings, mixes): (&Settings, &[Mix]),
) -> Result<Json_, Problem> {
    let head = json!({
        "goal": goal.goal, "name": goal.name, "pod": pod, "pod_name": pod.name(),
        "target_amount": goal.target_amount, "target_date": goal.target_date, "capital": capital,
        "days_to_goal": goal.target_date.days() - today.days(),
    });
    let months = whole_months(today, goal.target_date);
    if months == 0 {
        let mut head = head;
        head["reason"] = json!("its date has come, or is less than a month away");
        head["funded_ratio"] = json!(capital.to_f64() / goal.target_amount.to_f64());
        return Ok(head);
    }
    let profile = known.profile.as_ref().and_then(|event| event.profile.as_ref());
    let plan = GoalPlan {
        target: goal.target_amount,
        months,
        funding: Funding {
            capital,
            savings: Savings {
                amount: settings.savings,
                every_months: 1,
                timing: Timing::End,
                yearly_growth: Ratio::ZERO,
            },
            mix,
            fee: settings.fee,
            tax: profile.map_or(Ratio::ZERO, |profile| profile.marginal_tax_rate),
            inflation: settings.inflation,
        },
    };
    let wanted = Wanted { probability: settings.probability, later_most: settings.later_most, mixes };
    let analysis = analyse(&plan, &wanted, settings.chance).map_err(|error| match error {
        PlanError::Input { field, expected, got } => {
            Problem::unprocessable(field, format!("expected {expected}, got {got}"))
        }
        PlanError::Range(_) => Problem::unprocessable("goal", error),
    })?;
    let mut told = head;
    told["assumed"] = json!(plan.funding);
    told["analysis"] = json!(analysis);
    Ok(told)
}
