//! Reviews by the calendar, for the strategy `calendar`: when a customer's day has come, `review_due` is said, and that is a
//! reason to act.
//!
//! Input     committed events in log order ([`Reviews::apply`])
//! Output    `review_due`, at most [`AT_ONCE`] an epoch, by day and customer; its id derives from the customer and the day
//!           of the last review, so that a day is reviewed once
//! State     of each customer with targets, the day of the last review, and when the next is due
//! Order     days are those of the log's clock. A log that stood still over several reviews has one of them, on the day
//!           on which it goes on

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_rebalancing::Cadence;
use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{Event, EventType, ReviewDue};
use evenkeel_schemas::{Epoch, Instant, Name, TradeDate};

use crate::policy::{RebalancingPolicy, RebalancingStrategy};

/// Reviews that are said in one epoch; the others wait for the next.
const AT_ONCE: usize = 1_024;

/// The machine.
#[derive(Debug)]
pub(crate) struct Reviews {
    /// None where no strategy asks for reviews.
    cadence: Option<Cadence>,
    last: BTreeMap<Name, TradeDate>,
    due: BTreeSet<(TradeDate, Name)>,
    /// What is on its way, and since when.
    away: BTreeMap<Name, Epoch>,
    /// The day of the last epoch.
    today: Option<TradeDate>,
}

impl Reviews {
    pub fn new(policy: &RebalancingPolicy) -> Reviews {
        Reviews {
            cadence: (policy.strategy == RebalancingStrategy::Calendar).then_some(policy.cadence),
            last: BTreeMap::new(),
            due: BTreeSet::new(),
            away: BTreeMap::new(),
            today: None,
        }
    }

    /// Takes note of a committed event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            // The first targets begin the count; later ones leave it as it is.
            Event::TargetsSet(e) if !self.last.contains_key(&e.customer) => {
                self.reviewed(&e.customer, e.at.date());
            }
            Event::ReviewDue(e) => {
                self.away.remove(&e.customer);
                self.reviewed(&e.customer, e.date);
            }
            Event::Correction(correction) => {
                if let Some(with) =
                    correction.with.as_ref().filter(|with| !matches!(with, Event::ReviewDue(_)))
                {
                    self.apply(with);
                }
            }
            _ => {}
        }
    }

    fn reviewed(&mut self, customer: &Name, day: TradeDate) {
        let Some(cadence) = self.cadence else { return };
        if let Some(before) = self.last.insert(customer.clone(), day) {
            self.due.remove(&(cadence.next(before), customer.clone()));
        }
        // Dates end somewhere: there is no review after the last one.
        let next = cadence.next(day);
        if next > day {
            self.due.insert((next, customer.clone()));
        }
    }

    /// What is to be appended at an epoch. What was proposed before `since` and has not come back is proposed again.
    pub fn on_epoch(&mut self, epoch: Epoch, since: Epoch) -> Vec<Event> {
        let at = Instant::from_epoch(epoch);
        let today = at.date();
        self.today = Some(today);
        self.away.retain(|_, proposed| *proposed >= since);
        let due = self.due.iter().take_while(|(day, _)| *day <= today).map(|(_, customer)| customer);
        let now: Vec<Name> =
            due.filter(|customer| !self.away.contains_key(*customer)).take(AT_ONCE).cloned().collect();
        let said = now.into_iter().filter_map(|customer| {
            let last = self.last.get(&customer)?;
            self.away.insert(customer.clone(), epoch);
            Some(Event::ReviewDue(Box::new(ReviewDue {
                event_type: EventType::ReviewDue,
                at,
                id: Some(event_id(customer.as_str(), &format!("review/{last}"), 0)),
                recorded: None,
                customer,
                date: today,
            })))
        });
        said.collect()
    }

    /// When the oldest proposals on their way were made; 0 if a review of today is still to be said.
    pub fn oldest(&self) -> Option<Epoch> {
        let proposed = self.away.values().min().copied();
        if self.waits() { Some(0) } else { proposed }
    }

    /// Whether a review of today is still to be said, or is on its way.
    pub fn pending(&self) -> bool {
        !self.away.is_empty() || self.waits()
    }

    fn waits(&self) -> bool {
        let mut upto = self.due.iter().take_while(|(day, _)| self.today.is_some_and(|today| *day <= today));
        upto.nth(self.away.len()).is_some()
    }

    /// The first epoch after one at which the next review is due.
    pub fn next_due(&self, after: Epoch) -> Option<Epoch> {
        let (day, _) = self.due.first()?;
        let start = Epoch::try_from(day.start().micros() / 1_000).ok()?;
        (start > after).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::events::parse_event;

    use super::*;
    use crate::fake::name;

    const DAY: Epoch = 86_400_000;

    fn monthly() -> Reviews {
        let policy =
            RebalancingPolicy { strategy: RebalancingStrategy::Calendar, ..RebalancingPolicy::default() };
        assert_eq!(policy.cadence, Cadence::Monthly);
        Reviews::new(&policy)
    }

    fn targets(customer: &str, at: &str) -> Event {
        let text = format!(
            r#"{{"type":"targets_set","at":"{at}T00:00:00Z","customer":"{customer}","weights":{{"VAS":"0.5"}}}}"#
        );
        parse_event(text.as_bytes()).unwrap()
    }

    fn epoch(day: &str) -> Epoch {
        let day: TradeDate = day.parse().unwrap();
        Epoch::try_from(day.start().micros() / 1_000).unwrap()
    }

    fn customers(said: &[Event]) -> Vec<(String, String)> {
        let one = |event: &Event| match event {
            Event::ReviewDue(e) => (e.customer.to_string(), e.date.to_string()),
            other => panic!("{other:?}"),
        };
        said.iter().map(one).collect()
    }

    #[test]
    fn a_review_comes_on_its_day_and_not_before() {
        let mut reviews = monthly();
        reviews.apply(&targets("ann", "2026-01-31"));
        reviews.apply(&targets("bob", "2026-02-10"));
        reviews.apply(&targets("ann", "2026-02-20"));
        let eve = epoch("2026-02-28") - 1;
        assert_eq!((reviews.on_epoch(eve, 0), reviews.pending()), (Vec::new(), false));
        assert_eq!(reviews.next_due(eve), Some(epoch("2026-02-28")));
        let said = reviews.on_epoch(eve + 1, 0);
        assert_eq!(customers(&said), [("ann".to_owned(), "2026-02-28".to_owned())]);
        assert!(reviews.pending() && reviews.on_epoch(eve + 2, 0).is_empty(), "it is on its way");
        // Not come back in time: the same again, under the same id.
        assert_eq!(reviews.on_epoch(eve + 9, eve + 5)[0].id(), said[0].id());
        reviews.apply(&said[0]);
        assert!(!reviews.pending());
        assert_eq!(reviews.next_due(eve + 9), Some(epoch("2026-03-10")));
        // Both, once, after a log that stood still for a quarter.
        let late = reviews.on_epoch(epoch("2026-06-15"), 0);
        let all = [("bob".to_owned(), "2026-06-15".to_owned()), ("ann".to_owned(), "2026-06-15".to_owned())];
        assert_eq!(customers(&late), all);
        late.iter().for_each(|event| reviews.apply(event));
        assert_eq!(reviews.next_due(epoch("2026-06-15")), Some(epoch("2026-07-15")));
    }

    #[test]
    fn many_are_said_epoch_after_epoch() {
        let mut reviews = monthly();
        for number in 0..AT_ONCE + 5 {
            reviews.apply(&targets(&format!("c{number:05}"), "2026-01-01"));
        }
        let first = epoch("2026-02-01");
        let mut said = reviews.on_epoch(first, 0);
        assert_eq!((said.len(), reviews.oldest()), (AT_ONCE, Some(0)));
        said.extend(reviews.on_epoch(first + 100, 0));
        said.iter().for_each(|event| reviews.apply(event));
        assert_eq!((said.len(), reviews.pending()), (AT_ONCE + 5, false));
    }

    #[test]
    fn other_strategies_have_no_reviews() {
        let mut reviews = Reviews::new(&RebalancingPolicy::default());
        reviews.apply(&targets("ann", "2026-01-31"));
        assert!(reviews.on_epoch(epoch("2026-12-31") + DAY, 0).is_empty());
        assert_eq!((reviews.last.get(&name("ann")), reviews.next_due(0)), (None, None));
    }
}
