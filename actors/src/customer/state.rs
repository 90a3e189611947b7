//! What the log knows of a customer's decisions.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::{Decision, Outcome, SessionState};
use evenkeel_schemas::{Epoch, Name};

use super::Refusal;

/// The last decision, as far as the next one depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The triggers that it named.
    pub triggers: BTreeSet<Name>,
    /// How it came out.
    pub outcome: Outcome,
    /// Why it held, for a hold.
    pub refusal: Option<Refusal>,
    /// When to look again.
    pub review: Option<Epoch>,
}

/// What the log knows of a customer's decisions: a function of the applied events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerState {
    /// When the last trade decision was logged.
    pub traded: Option<Epoch>,
    /// Orders of the open rebalance that have not ended; none when there is no open rebalance.
    pub outstanding: BTreeSet<Name>,
    /// The last decision.
    pub answered: Option<Answered>,
    /// How many logged decisions answered a set of triggers. Only sets that can come back are kept: a trigger
    /// never re-enters under its id, so a set with one that the last decision did not see is gone for good.
    attempts: BTreeMap<BTreeSet<Name>, u32>,
}

impl CustomerState {
    /// Takes note of a logged decision.
    pub fn apply_decision(&mut self, epoch: Epoch, decision: &Decision) {
        let triggers: BTreeSet<Name> =
            decision.triggers.iter().map(|trigger| trigger.trigger.clone()).collect();
        let attempt = self.attempts.entry(triggers.clone()).or_default();
        *attempt = (*attempt).max(decision.attempt.saturating_add(1));
        self.attempts.retain(|set, _| set.is_subset(&triggers));
        if decision.outcome == Outcome::Trade {
            self.traded = Some(epoch);
            self.outstanding.extend(decision.orders.iter().map(|order| order.order.clone()));
        }
        self.answered = Some(Answered {
            triggers,
            outcome: decision.outcome,
            refusal: Refusal::of(decision),
            review: decision.review,
        });
    }

    /// Takes note of the end of an order; true when the open rebalance ended with it.
    pub fn apply_order_end(&mut self, order: &Name) -> bool {
        self.outstanding.remove(order) && self.outstanding.is_empty()
    }

    /// How many logged decisions answered exactly these triggers.
    pub fn attempt(&self, triggers: &BTreeSet<Name>) -> u32 {
        self.attempts.get(triggers).copied().unwrap_or(0)
    }

    /// Whether the last decision still answers these triggers at this epoch.
    pub(super) fn answers(
        &self,
        triggers: &BTreeSet<Name>,
        epoch: Epoch,
        session: Option<SessionState>,
    ) -> bool {
        let Some(last) = self.answered.as_ref().filter(|last| triggers.is_subset(&last.triggers)) else {
            return false;
        };
        match (last.outcome, last.refusal) {
            // The rest of a trade that is spread over days waits for its day.
            (Outcome::Trade, _) => {
                !self.outstanding.is_empty() || last.review.is_some_and(|review| epoch < review)
            }
            (_, Some(Refusal::OpenRebalance)) => !self.outstanding.is_empty(),
            (_, Some(Refusal::SessionClosed)) => {
                session.is_some_and(|state| state != SessionState::Open) && waits(last.review, epoch)
            }
            _ => waits(last.review, epoch),
        }
    }
}

fn waits(review: Option<Epoch>, epoch: Epoch) -> bool {
    review.is_none_or(|review| epoch < review)
}
