//! Who is woken when.
//!
//! A customer is woken when a trigger enters, when the review of its last hold is due, when its open
//! rebalance ended and when the market opens after it held for that. A wake that could not be served stays:
//! one entry per customer, however often it was asked for, so that nothing is lost and nothing grows. Those that wait
//! are in the order of their urgency.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{Epoch, Name};

use crate::urgency::Urgency;

/// Who is woken when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// To be woken at the next epoch, and the same by urgency.
    waiting: BTreeMap<Name, Urgency>,
    queue: BTreeSet<(Urgency, Name)>,
    /// By customer, and the same by time.
    reviews: BTreeMap<Name, Epoch>,
    agenda: BTreeSet<(Epoch, Name)>,
    /// Held because the market was closed.
    closed: BTreeSet<Name>,
}

impl Schedule {
    /// Asks for a customer to be woken at the next epoch. Of several reasons the most urgent counts.
    pub fn wake(&mut self, customer: &Name, urgency: Urgency) {
        let known = self.waiting.get(customer).copied();
        if known.is_none_or(|known| urgency < known) {
            self.forget(customer);
            self.waiting.insert(customer.clone(), urgency);
            self.queue.insert((urgency, customer.clone()));
        }
    }

    fn forget(&mut self, customer: &Name) {
        if let Some(urgency) = self.waiting.remove(customer) {
            self.queue.remove(&(urgency, customer.clone()));
        }
    }

    /// No trigger of the customer is open any more: nothing is left to look at.
    pub fn clear(&mut self, customer: &Name) {
        self.forget(customer);
        self.closed.remove(customer);
        self.set_review(customer, None);
    }

    /// The customer's decision is in the log; `closed` when it held because the market was.
    pub fn decided(&mut self, customer: &Name, review: Option<Epoch>, closed: bool) {
        self.set_review(customer, review);
        if closed {
            self.closed.insert(customer.clone());
        } else {
            self.closed.remove(customer);
        }
    }

    /// The market opened: those that held for it are woken.
    pub fn market_opened(&mut self) {
        for customer in std::mem::take(&mut self.closed) {
            self.wake(&customer, Urgency::REVIEW);
        }
    }

    /// Everybody to be woken at this epoch, the most urgent first; of equals, and of reviews, by customer.
    pub fn due(&self, epoch: Epoch) -> Vec<Name> {
        let reviews = self.agenda.iter().take_while(|(review, _)| *review <= epoch);
        let only_reviewed =
            reviews.map(|(_, customer)| customer).filter(|name| !self.waiting.contains_key(*name));
        let only_reviewed: BTreeSet<&Name> = only_reviewed.collect();
        self.queue.iter().map(|(_, customer)| customer).chain(only_reviewed).cloned().collect()
    }

    /// The customer was looked at: what asked for it is served.
    pub fn served(&mut self, customer: &Name, epoch: Epoch) {
        self.forget(customer);
        if self.reviews.get(customer).is_some_and(|review| *review <= epoch) {
            self.set_review(customer, None);
        }
    }

    /// Customers that wait to be woken at the next epoch.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many reviews are set.
    pub fn reviews(&self) -> usize {
        self.reviews.len()
    }

    /// The next epoch after `after` with a wake of a customer that `blocked` does not hold back.
    pub fn next_due(&self, after: Epoch, blocked: impl Fn(&Name) -> bool) -> Option<Epoch> {
        if self.waiting.keys().any(|customer| !blocked(customer)) {
            return Some(after + 1);
        }
        let review = self.agenda.iter().find(|(_, customer)| !blocked(customer));
        review.map(|(review, _)| (*review).max(after + 1))
    }

    fn set_review(&mut self, customer: &Name, review: Option<Epoch>) {
        if let Some(old) = self.reviews.remove(customer) {
            self.agenda.remove(&(old, customer.clone()));
        }
        if let Some(review) = review {
            self.reviews.insert(customer.clone(), review);
            self.agenda.insert((review, customer.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::Measure;
    use evenkeel_schemas::events::TriggerKind;

    use super::*;

    fn names(due: &[Name]) -> Vec<&str> {
        due.iter().map(Name::as_str).collect()
    }

    #[test]
    fn wakes_are_kept_until_served_and_reviews_until_due() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        let mut schedule = Schedule::default();
        schedule.wake(&a, Urgency::REVIEW);
        schedule.wake(&a, Urgency::REVIEW);
        schedule.decided(&b, Some(500), false);
        assert_eq!(names(&schedule.due(100)), ["a"]);
        schedule.served(&a, 100);
        assert!(schedule.due(499).is_empty());
        assert_eq!(schedule.next_due(100, |_| false), Some(500));
        assert_eq!(schedule.next_due(100, |customer| *customer == b), None);
        assert_eq!(names(&schedule.due(500)), ["b"]);
        // A new decision moves the review; the old time means nothing any more.
        schedule.decided(&b, Some(900), false);
        assert!(schedule.due(500).is_empty());
        schedule.clear(&b);
        assert_eq!(schedule.next_due(100, |_| false), None);
    }

    #[test]
    fn the_most_urgent_comes_first_and_keeps_its_place() {
        let drift = |measure: &str| {
            let share = |text: &str| Measure::Share(text.parse().unwrap());
            Urgency::of(TriggerKind::Drift, share(measure), share("0.05"))
        };
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| Name::new(name).unwrap());
        let mut schedule = Schedule::default();
        schedule.wake(&a, drift("0.06"));
        schedule.wake(&b, drift("0.2"));
        schedule.decided(&c, Some(50), false);
        schedule.decided(&d, Some(50), false);
        schedule.wake(&d, drift("0.1"));
        assert_eq!(names(&schedule.due(100)), ["b", "d", "a", "c"]);
        // A lesser reason does not take a place away, a greater one gives a better.
        schedule.wake(&b, drift("0.051"));
        schedule.wake(&a, drift("0.3"));
        assert_eq!(names(&schedule.due(100)), ["a", "b", "d", "c"]);
        schedule.served(&b, 100);
        assert_eq!((names(&schedule.due(100)), schedule.waiting()), (vec!["a", "d", "c"], 2));
    }

    #[test]
    fn the_opening_wakes_those_that_held_for_it() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        let mut schedule = Schedule::default();
        schedule.decided(&a, Some(1_000), true);
        schedule.decided(&b, Some(1_000), false);
        schedule.market_opened();
        assert_eq!(names(&schedule.due(200)), ["a"]);
    }
}
