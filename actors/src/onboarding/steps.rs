//! The step that a customer takes next.

use std::sync::Arc;

use evenkeel_advice::{Advice, DAYS_NEAR, Intake, PodTable, advise, pods_on};
use evenkeel_construction::{HeldLot, Investor, MarketState, TaxYear, targets_id};
use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{
    Event, EventType, GoalPod, PodAllocationCalculated, PodWatch, PodWeight, PortfolioMonitoringStarted,
    TradesExecuted, TriggerKind,
};
use evenkeel_schemas::{Epoch, Instant, Money, Name, Ratio, TradeDate};

use super::client::{Client, Stage};
use super::construct::{Commission, no_portfolio};
use super::{CONSTRUCTIONS, Onboarding};
use crate::books::Books;
use crate::solver::{Mode, SolverPool};

impl Onboarding {
    /// What a customer proposes now. A construction that is handed to the pool proposes later.
    pub(super) fn step(
        &mut self,
        epoch: Epoch,
        customer: &Name,
        books: &dyn Books,
        pool: &SolverPool,
    ) -> Vec<Event> {
        let at = Instant::from_epoch(epoch);
        let Some(client) = self.clients.get(customer) else { return Vec::new() };
        let ended = client.executing.iter().find(|(_, executing)| executing.ended());
        if let Some((decision, _)) = ended {
            return executed(customer, client, decision, at).into_iter().collect();
        }
        let as_of = self.market().as_of();
        let failed = client.failed == Some(as_of);
        if let Some(trigger) = client.wanted
            && !failed
        {
            let made = allocation(customer, client, trigger, books, at);
            let number = client.allocations;
            return vec![
                made.unwrap_or_else(|why| {
                    no_portfolio(customer, (customer.as_str(), number), as_of, at, why)
                }),
            ];
        }
        match client.stage {
            Stage::Allocated if !failed => self.commission(epoch, customer, books, pool),
            Stage::Traded => monitoring(customer, client, at).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Hands a construction to the pool; in a replay, carries it out.
    fn commission(
        &mut self,
        epoch: Epoch,
        customer: &Name,
        books: &dyn Books,
        pool: &SolverPool,
    ) -> Vec<Event> {
        let under_way = self.away.values().filter(|(_, ids)| ids.is_empty()).count();
        if under_way >= CONSTRUCTIONS {
            self.due.insert(customer.clone());
            return Vec::new();
        }
        let Some(client) = self.clients.get(customer) else { return Vec::new() };
        let Some(allocation) = client.allocation.clone() else { return Vec::new() };
        let Some(id) = allocation.id.clone() else { return Vec::new() };
        let Some(profile) = &client.profile else { return Vec::new() };
        let (base, profile) = &profile.what;
        let held = books.lots(customer).into_iter().map(|lot| HeldLot {
            lot: lot.lot,
            instrument: lot.instrument,
            acquired: lot.acquired,
            quantity: lot.quantity,
            cost_base: lot.cost_base,
        });
        let held: Vec<HeldLot> = held.collect();
        let market = self.market().state(*base);
        let mut pods = allocation.pods.clone();
        if let Ok(market) = &market
            && !held.is_empty()
            && let Some(worth) = at_marks(&held, market, books.cash(customer, *base))
        {
            share(&mut pods, worth);
        }
        let commission = Commission {
            customer: customer.clone(),
            id,
            trigger: allocation.trigger,
            pods,
            market,
            as_of: self.market().as_of(),
            investor: Investor::of(profile),
            held,
            year: books.tax_year(customer).map_or_else(TaxYear::default, |known| TaxYear {
                gains: known.position.gains,
                losses_current: known.position.losses_current,
                losses_prior: known.position.losses_prior,
            }),
            at: Instant::from_epoch(epoch),
        };
        let workshop = self.workshop.clone();
        if self.mode == Mode::Replay {
            return commission.carry_out(&workshop);
        }
        let made = self.made.0.clone();
        let taken = pool.run(Box::new(move || {
            let events = commission.carry_out(&workshop);
            // When the system has stopped nobody listens; it is made anew after the next start.
            let _ = made.send((commission.customer.clone(), events));
        }));
        if taken {
            self.away.insert(customer.clone(), (epoch, Vec::new()));
        } else {
            self.due.insert(customer.clone());
        }
        Vec::new()
    }

    /// On another day's market, who waited for it is looked at again, and so are the pods' volatilities.
    pub(super) fn look_at_the_market(&mut self) {
        let as_of = self.market().as_of();
        if as_of == self.looked {
            return;
        }
        self.looked = as_of;
        self.due.append(&mut self.waiting);
        let Some(table) = as_of.and_then(|day| pods_on(day).ok()) else { return };
        let tolerated = 1.0 + self.volatility_tolerance;
        let volatile: Vec<Name> = self
            .solutions
            .values()
            .filter_map(|shared| {
                let optimized = &shared.optimized;
                let most = table.pod(optimized.pod)?.volatility_max;
                // What was beyond its limit from the start was told so.
                if optimized.volatility > most {
                    return None;
                }
                let customer = shared.customers.first()?;
                let (base, _) = &self.clients.get(customer)?.profile.as_ref()?.what;
                let market = self.market().state(*base).ok()?;
                let volatility = market.volatility(&optimized.weights)?;
                (volatility > most.to_f64() * tolerated)
                    .then(|| shared.customers.iter().cloned().collect::<Vec<Name>>())
            })
            .flatten()
            .collect();
        for customer in volatile {
            self.with(&customer, |client| {
                if client.stage == Stage::Watched {
                    client.wanted.get_or_insert(Some(TriggerKind::PodVolatility));
                }
            });
        }
    }

    /// Plans the next review, and when each goal comes near.
    pub(super) fn plan_reviews(&mut self, customer: &Name) {
        self.forget_reviews(customer);
        let Some(client) = self.clients.get_mut(customer) else { return };
        let Some(allocation) = &client.allocation else { return };
        let day = allocation.at.date();
        let Ok(table) = pods_on(day) else { return };
        let review = watched(allocation, &table).into_iter().map(|watch| watch.review).min();
        client.reviews.extend(review.map(|review| (review, TriggerKind::Calendar)));
        for goal in &allocation.goal_pods {
            let near = goal.target_date.plus_days(1 - DAYS_NEAR).filter(|near| *near > day);
            client.reviews.extend(near.map(|near| (near, TriggerKind::GoalNear)));
        }
        let due = client.reviews.iter().map(|(date, kind)| (*date, customer.clone(), *kind));
        self.calendar.extend(due);
    }
}

/// What is held at the market's marks, which may be older than the net asset value's prices, and cash. `None` where
/// something has no mark, which the construction says in words.
fn at_marks(held: &[HeldLot], market: &MarketState, cash: Money) -> Option<Money> {
    held.iter().try_fold(cash, |sum, lot| {
        sum.checked_add(lot.quantity.notional(market.listing(&lot.instrument)?.price?)?)
    })
}

/// Divides another capital by the same weights, in whole cents; what is left over goes to the pod with the most.
fn share(pods: &mut [PodWeight], capital: Money) {
    const CENT: i128 = 10_000;
    let mut left = capital;
    for pod in pods.iter_mut() {
        let part = i128::from(capital.raw()) * i128::from(pod.weight.raw()) / i128::from(Ratio::ONE);
        pod.capital = Money::from_wide(part / CENT * CENT).unwrap_or(Money::ZERO);
        left = left.checked_sub(pod.capital).unwrap_or(Money::ZERO);
    }
    if let Some(most) = pods.iter_mut().max_by_key(|pod| pod.weight) {
        most.capital = most.capital.checked_add(left).unwrap_or(most.capital);
    }
}

/// `pod_allocation_calculated`, or why there is none.
fn allocation(
    customer: &Name,
    client: &Client,
    trigger: Option<TriggerKind>,
    books: &dyn Books,
    at: Instant,
) -> Result<Event, String> {
    let (Some(profile), Some(answers)) = (&client.profile, &client.answers) else {
        return Err("there is no profile, or there are no answers any more".to_owned());
    };
    let goals = client.goals.as_ref().map_or(&[][..], |goals| &goals.what);
    // Goals whose day has passed are no longer invested for.
    let goals: Vec<_> = goals.iter().filter(|goal| goal.target_date > at.date()).cloned().collect();
    let nav = books.nav(customer).filter(|nav| *nav > Money::ZERO);
    let capital = nav.unwrap_or(profile.what.1.investment_capital);
    let intake = Intake { at, profile: &profile.what.1, answers: &answers.what, goals: &goals, capital };
    let advice = advise(&intake).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        errors.join("; ")
    })?;
    let Advice { risk_profile, notes, goal_mappings, pod_allocation } = advice;
    let goal_pods = goal_mappings.into_iter().map(|mapped| GoalPod {
        goal: mapped.goal,
        pod: mapped.pod,
        target_date: mapped.target_date,
        explanation: mapped.explanation,
    });
    let table = pods_on(at.date()).map_err(|error| error.to_string())?;
    Ok(Event::PodAllocationCalculated(Box::new(PodAllocationCalculated {
        event_type: EventType::PodAllocationCalculated,
        at,
        id: Some(event_id(customer.as_str(), "allocation", client.allocations)),
        recorded: None,
        customer: customer.clone(),
        profile: profile.id.clone(),
        questionnaire: answers.id.clone(),
        goals: client.goals.as_ref().and_then(|goals| goals.id.clone()),
        trigger,
        pods_from: table.from,
        risk_score: risk_profile.risk_score,
        risk_category: risk_profile.risk_category.as_str().to_owned(),
        capital,
        pods: pod_allocation.weights(),
        goal_pods: goal_pods.collect(),
        notes: notes.into_iter().map(|note| note.text).collect(),
        explanation: format!("{} {}", risk_profile.explanation, pod_allocation.explanation),
    })))
}

/// `trades_executed`.
fn executed(customer: &Name, client: &Client, decision: &Name, at: Instant) -> Option<Event> {
    let executing = client.executing.get(decision)?;
    Some(Event::TradesExecuted(Box::new(TradesExecuted {
        event_type: EventType::TradesExecuted,
        at,
        id: Some(event_id(decision.as_str(), "executed", 0)),
        recorded: None,
        customer: customer.clone(),
        decision: decision.clone(),
        filled: executing.filled,
        partially_filled: executing.partially_filled,
        failed: executing.failed,
        bought: executing.bought,
        sold: executing.sold,
        fees: executing.fees,
    })))
}

/// `portfolio_monitoring_started`.
fn monitoring(customer: &Name, client: &Client, at: Instant) -> Option<Event> {
    let allocation = client.allocation.as_ref()?;
    let targets = targets_id(allocation.id.as_ref()?);
    let table = pods_on(allocation.at.date()).ok()?;
    Some(Event::PortfolioMonitoringStarted(Box::new(PortfolioMonitoringStarted {
        event_type: EventType::PortfolioMonitoringStarted,
        at,
        id: Some(event_id(targets.as_str(), "monitoring", 0)),
        recorded: None,
        customer: customer.clone(),
        targets,
        triggers: TriggerKind::ALL.to_vec(),
        pods: watched(allocation, &table),
    })))
}

/// Pods with capital: their next reviews and what stops them.
fn watched(allocation: &Arc<PodAllocationCalculated>, table: &PodTable) -> Vec<PodWatch> {
    let day: TradeDate = allocation.at.date();
    let held = allocation.pods.iter().filter(|pod| pod.capital > Money::ZERO);
    held.filter_map(|weight| {
        let terms = table.pod(weight.pod)?;
        Some(PodWatch {
            pod: weight.pod,
            review: terms.cadence.next_review(day, day)?,
            circuit_breaker: terms.circuit_breaker,
            volatility_max: terms.volatility_max,
        })
    })
    .collect()
}
