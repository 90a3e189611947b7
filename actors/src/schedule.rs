//! Who is woken when.
//!
//! A customer is woken when a trigger enters, when the review of its last hold is due, when its open
//! rebalance ended and when the market opens after it held for that. A wake that could not be served stays:
//! one entry per customer, however often it was asked for, so that nothing is lost and nothing grows.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{Epoch, Name};

/// Who is woken when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// To be woken at the next epoch.
    waiting: BTreeSet<Name>,
    /// By customer, and the same by time.
    reviews: BTreeMap<Name, Epoch>,
    agenda: BTreeSet<(Epoch, Name)>,
    /// Held because the market was closed.
    closed: BTreeSet<Name>,
}

impl Schedule {
    /// Asks for a customer to be woken at the next epoch.
    pub fn wake(&mut self, customer: &Name) {
        self.waiting.insert(customer.clone());
    }

    /// No trigger of the customer is open any more: nothing is left to look at.
    pub fn clear(&mut self, customer: &Name) {
        self.waiting.remove(customer);
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
        self.waiting.append(&mut self.closed);
    }

    /// Everybody to be woken at this epoch.
    pub fn due(&self, epoch: Epoch) -> BTreeSet<Name> {
        let reviews = self.agenda.iter().take_while(|(review, _)| *review <= epoch);
        self.waiting.iter().chain(reviews.map(|(_, customer)| customer)).cloned().collect()
    }

    /// The customer was looked at: what asked for it is served.
    pub fn served(&mut self, customer: &Name, epoch: Epoch) {
        self.waiting.remove(customer);
        if self.reviews.get(customer).is_some_and(|review| *review <= epoch) {
            self.set_review(customer, None);
        }
    }

    /// Customers that wait to be woken at the next epoch.
    pub fn waiting(&self) -> &BTreeSet<Name> {
        &self.waiting
    }

    /// How many reviews are set.
    pub fn reviews(&self) -> usize {
        self.reviews.len()
    }

    /// The next epoch after `after` with a wake of a customer that `blocked` does not hold back.
    pub fn next_due(&self, after: Epoch, blocked: impl Fn(&Name) -> bool) -> Option<Epoch> {
        if self.waiting.iter().any(|customer| !blocked(customer)) {
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
    use super::*;

    fn names(due: &BTreeSet<Name>) -> Vec<&str> {
        due.iter().map(Name::as_str).collect()
    }

    #[test]
    fn wakes_are_kept_until_served_and_reviews_until_due() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        let mut schedule = Schedule::default();
        schedule.wake(&a);
        schedule.wake(&a);
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
    fn the_opening_wakes_those_that_held_for_it() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("b").unwrap());
        let mut schedule = Schedule::default();
        schedule.decided(&a, Some(1_000), true);
        schedule.decided(&b, Some(1_000), false);
        schedule.market_opened();
        assert_eq!(names(&schedule.due(200)), ["a"]);
    }
}
