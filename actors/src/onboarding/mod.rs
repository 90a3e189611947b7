//! Onboarding: from a questionnaire to a portfolio that is watched, and the same way again when a review is due, a goal
//! comes near, answers change, or a pod becomes more volatile than it may be.
//!
//! ```text
//! profile, answers, goals ──► pod_allocation_calculated
//! allocation, closing marks, lots held ──► pod_optimized (one a pod), master_portfolio_optimized,
//!                                          tax_optimization_completed, targets_set
//! orders of a decision ended ──► trades_executed ──► portfolio_monitoring_started
//! ```
//!
//! Input     committed events in log order ([`Onboarding::apply`])
//! Output    the events above, each under an id that derives from the one before it; an anomaly `no_portfolio` where a
//!           portfolio cannot be constructed, with the reason; it is tried again on the next day with closing marks
//! State     per customer with a profile: what was said, how far they have come, orders that have not ended; listings
//!           and a year of closing marks; pod solutions with the customers who are in them
//! Order     one event after the other for each customer; portfolios are constructed on the optimizer's pool, in a replay
//!           at once
//!
//! Targets that somebody else sets put a customer out of reviews until there are new answers.

mod client;
mod construct;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};

use crossbeam_channel::{Receiver, Sender, unbounded};
use evenkeel_construction::targets_id;
use evenkeel_schemas::events::{
    Correction, Event, OrderState, Outcome, PodOptimized, SessionState, TargetsSet, TriggerKind,
};
use evenkeel_schemas::{Epoch, Name, TradeDate};
use evenkeel_tax::Law;

use crate::books::Books;
use crate::market::{MarketBook, SharedMarket};
use crate::policy::Policy;
use crate::solver::{Mode, SolverPool};
use client::{Client, Stage};
use construct::{NO_PORTFOLIO, Workshop};

/// Steps that are taken in one epoch; the others wait for the next.
const AT_ONCE: usize = 256;
/// Constructions on the pool at a time: some ten milliseconds each, in front of which no decision should wait for long.
const CONSTRUCTIONS: usize = 16;

/// A customer and what is proposed.
type Made = (Name, Vec<Event>);

/// A pod's solution, and who is in it.
#[derive(Debug)]
struct Shared {
    optimized: PodOptimized,
    customers: BTreeSet<Name>,
}

/// The machine.
pub(crate) struct Onboarding {
    workshop: Workshop,
    /// The market whose sessions count.
    session_market: Name,
    volatility_tolerance: f64,
    mode: Mode,
    market: SharedMarket,
    clients: BTreeMap<Name, Client>,
    /// Who said what, by the event's id.
    statements: BTreeMap<Name, Name>,
    /// Customer and decision of each order that has not ended.
    orders: BTreeMap<Name, (Name, Name)>,
    solutions: BTreeMap<Name, Shared>,
    /// What is due when.
    calendar: BTreeSet<(TradeDate, Name, TriggerKind)>,
    /// The market's day on which volatilities were last looked at.
    looked: Option<TradeDate>,
    /// Who is to take a step.
    due: BTreeSet<Name>,
    /// Who waits for another day's market.
    waiting: BTreeSet<Name>,
    /// Who is on the pool, or has proposals on the way, and since when.
    away: BTreeMap<Name, (Epoch, Vec<Name>)>,
    /// Where the pool puts what it has constructed.
    made: (Sender<Made>, Receiver<Made>),
}

impl Onboarding {
    pub fn new(policy: &Policy, mode: Mode, law: Arc<Law>) -> Onboarding {
        Onboarding {
            workshop: Workshop::new(policy, mode, Arc::clone(&law)),
            session_market: policy.market.clone(),
            volatility_tolerance: policy.onboarding.volatility_tolerance.to_f64(),
            mode,
            market: SharedMarket::new(MarketBook::new(policy.onboarding.clone(), law)),
            clients: BTreeMap::new(),
            statements: BTreeMap::new(),
            orders: BTreeMap::new(),
            solutions: BTreeMap::new(),
            calendar: BTreeSet::new(),
            looked: None,
            due: BTreeSet::new(),
            waiting: BTreeSet::new(),
            away: BTreeMap::new(),
            made: unbounded(),
        }
    }

    /// The market that it keeps.
    pub fn shared_market(&self) -> SharedMarket {
        self.market.clone()
    }

    fn market(&self) -> MutexGuard<'_, MarketBook> {
        self.market.book()
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, epoch: Epoch, event: &Event) {
        self.landed(event);
        self.market().apply(epoch, event);
        match event {
            Event::CustomerOnboarded(e) if e.profile.is_some() => self.say(&e.customer, event),
            Event::QuestionnaireCompleted(e) => self.say(&e.customer, event),
            Event::GoalsDefined(e) => self.say(&e.customer, event),
            Event::Correction(correction) => self.correct(epoch, correction),
            Event::PodAllocationCalculated(e) => {
                self.leave_solutions(&e.customer);
                self.forget_reviews(&e.customer);
                self.with(&e.customer, |client| client.allocated(e));
            }
            Event::PodOptimized(e) => {
                let shared = self.solutions.entry(e.solution.clone());
                let new = || Shared { optimized: e.as_ref().clone(), customers: BTreeSet::new() };
                shared.or_insert_with(new).customers.insert(e.customer.clone());
                self.with(&e.customer, |client| client.solutions.push(e.solution.clone()));
            }
            Event::TargetsSet(e) => self.targeted(e),
            Event::Anomaly(e) if e.kind.as_str() == NO_PORTFOLIO => {
                let day = self.market().as_of();
                if self.clients.contains_key(&e.source) {
                    self.waiting.insert(e.source.clone());
                }
                self.with(&e.source, |client| client.failed = Some(day));
            }
            Event::Decision(decision) if decision.outcome == Outcome::Trade => {
                let Some(client) = self.clients.get_mut(&decision.customer) else { return };
                if client.allocation.is_some() {
                    client.decided(decision);
                    let of = (decision.customer.clone(), decision.decision.clone());
                    self.orders.extend(decision.orders.iter().map(|order| (order.order.clone(), of.clone())));
                }
            }
            Event::Fill(fill) => {
                let Some((customer, decision)) = fill.order.as_ref().and_then(|order| self.orders.get(order))
                else {
                    return;
                };
                if let Some(client) = self.clients.get_mut(customer) {
                    client.filled(decision, fill);
                }
            }
            Event::OrderState(state) if state.state.terminal() => self.order_ended(state),
            Event::TradesExecuted(e) => self.with(&e.customer, |client| {
                client.executing.remove(&e.decision);
                if client.stage == Stage::Created {
                    client.stage = Stage::Traded;
                }
            }),
            Event::PortfolioMonitoringStarted(e) => {
                self.with(&e.customer, |client| (client.stage, client.watched) = (Stage::Watched, true));
                self.plan_reviews(&e.customer);
            }
            Event::Session(session)
                if session.state == SessionState::Closed && session.market == self.session_market =>
            {
                self.session_closed(session.at.date());
            }
            _ => {}
        }
    }

    /// Changes a customer who is known, and looks at them at the next epoch.
    fn with(&mut self, customer: &Name, change: impl FnOnce(&mut Client)) {
        if let Some(client) = self.clients.get_mut(customer) {
            change(client);
            self.due.insert(customer.clone());
        }
    }

    fn say(&mut self, customer: &Name, event: &Event) {
        if let Some(id) = event.id() {
            self.statements.insert(id.clone(), customer.clone());
        }
        if self.clients.entry(customer.clone()).or_default().say(event) {
            self.due.insert(customer.clone());
        }
    }

    fn correct(&mut self, epoch: Epoch, correction: &Correction) {
        if let Some(customer) = self.statements.remove(&correction.of) {
            self.with(&customer, |client| client.unsay(&correction.of));
        }
        // Closing marks and listings were corrected by the market's book.
        if let Some(with) = &correction.with {
            match with {
                Event::CustomerOnboarded(_)
                | Event::QuestionnaireCompleted(_)
                | Event::GoalsDefined(_)
                | Event::TargetsSet(_) => self.apply(epoch, with),
                _ => {}
            }
        }
    }

    fn targeted(&mut self, e: &TargetsSet) {
        let Some(client) = self.clients.get_mut(&e.customer) else { return };
        let Some(allocation) = client.allocation.as_ref().and_then(|allocation| allocation.id.as_ref())
        else {
            return;
        };
        if e.id.as_ref() == Some(&targets_id(allocation)) {
            // Only a first portfolio waits for its trades: a later one may need none.
            let watched = client.watched;
            client.stage = if watched { Stage::Watched } else { Stage::Created };
            self.due.insert(e.customer.clone());
            if watched {
                self.plan_reviews(&e.customer);
            }
        } else {
            client.by_hand = true;
            self.forget_reviews(&e.customer);
            self.leave_solutions(&e.customer);
        }
    }

    fn order_ended(&mut self, state: &OrderState) {
        let Some((customer, decision)) = self.orders.remove(&state.order) else { return };
        if self.clients.get_mut(&customer).is_some_and(|client| client.order_ended(&decision, state)) {
            self.due.insert(customer);
        }
    }

    /// A new day: what was planned up to it is due, and who waited for another market is looked at again.
    fn session_closed(&mut self, day: TradeDate) {
        while self.calendar.first().is_some_and(|(due, _, _)| *due <= day) {
            let Some((due, customer, kind)) = self.calendar.pop_first() else { return };
            self.with(&customer, |client| {
                client.reviews.retain(|review| *review != (due, kind));
                client.wanted.get_or_insert(Some(kind));
            });
        }
    }

    fn forget_reviews(&mut self, customer: &Name) {
        let Some(client) = self.clients.get_mut(customer) else { return };
        for (date, kind) in client.reviews.drain(..) {
            self.calendar.remove(&(date, customer.clone(), kind));
        }
    }

    fn leave_solutions(&mut self, customer: &Name) {
        let Some(client) = self.clients.get_mut(customer) else { return };
        for solution in client.solutions.drain(..) {
            let Some(shared) = self.solutions.get_mut(&solution) else { continue };
            shared.customers.remove(customer);
            if shared.customers.is_empty() {
                self.solutions.remove(&solution);
            }
        }
    }

    /// What was proposed has come back.
    fn landed(&mut self, event: &Event) {
        let Some(id) = event.id() else { return };
        let customer = match event {
            Event::PodAllocationCalculated(e) => &e.customer,
            Event::PodOptimized(e) => &e.customer,
            Event::MasterPortfolioOptimized(e) => &e.customer,
            Event::TaxOptimizationCompleted(e) => &e.customer,
            Event::TargetsSet(e) => &e.customer,
            Event::TradesExecuted(e) => &e.customer,
            Event::PortfolioMonitoringStarted(e) => &e.customer,
            Event::Anomaly(e) => &e.source,
            _ => return,
        };
        let Some((_, ids)) = self.away.get_mut(customer) else { return };
        let before = ids.len();
        ids.retain(|other| other != id);
        if ids.len() < before && ids.is_empty() {
            self.away.remove(customer);
            self.due.insert(customer.clone());
        }
    }

    /// What is to be appended at an epoch. What was proposed before `since` and has not come back is proposed again.
    pub fn on_epoch(
        &mut self,
        epoch: Epoch,
        since: Epoch,
        books: &dyn Books,
        pool: &SolverPool,
    ) -> Vec<Event> {
        let late = self.away.iter().filter(|(_, (proposed, ids))| *proposed < since && !ids.is_empty());
        for customer in late.map(|(customer, _)| customer.clone()).collect::<Vec<_>>() {
            self.away.remove(&customer);
            self.due.insert(customer);
        }
        self.look_at_the_market();
        let mut events = Vec::new();
        let due = self.due.iter().filter(|name| !self.away.contains_key(*name)).take(AT_ONCE);
        for customer in due.cloned().collect::<Vec<Name>>() {
            self.due.remove(&customer);
            let proposed = self.step(epoch, &customer, books, pool);
            self.propose(epoch, &customer, proposed, &mut events);
        }
        while let Ok((customer, made)) = self.made.1.try_recv() {
            self.propose(epoch, &customer, made, &mut events);
        }
        events
    }

    fn propose(&mut self, epoch: Epoch, customer: &Name, proposed: Vec<Event>, events: &mut Vec<Event>) {
        if !proposed.is_empty() {
            let ids = proposed.iter().filter_map(Event::id).cloned().collect();
            self.away.insert(customer.clone(), (epoch, ids));
            events.extend(proposed);
        }
    }

    /// When the oldest proposals on their way were made; 0 if somebody is to take a step.
    pub fn oldest(&self) -> Option<Epoch> {
        let waits = self.due.iter().any(|customer| !self.away.contains_key(customer));
        let proposed = self.away.values().filter(|(_, ids)| !ids.is_empty()).map(|(epoch, _)| *epoch);
        proposed.chain(waits.then_some(0)).min()
    }

    /// Whether steps are to be taken, or are under way.
    pub fn pending(&self) -> bool {
        !self.due.is_empty() || !self.away.is_empty()
    }
}
