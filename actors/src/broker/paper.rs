//! A paper exchange: spread, partial fills, rejects and latency, all driven by the log.
//!
//! What it reports is a function of the applied events, the epoch and the books; chance is a hash of the block
//! and the number of the report. Fills are at the last price with half the spread against the customer, on the
//! tick, never beyond the limit of any order in the block.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::{Event, Order, OrderState, OrderStatus, SessionState, Side};
use evenkeel_schemas::{Epoch, Name, Price, Quantity, div_half_even};

use super::Broker;
use crate::append::{Done, average_price, order_state};
use crate::books::{Books, InstrumentTerms};
use crate::policy::Policy;

/// Basis points in one.
const BPS: i128 = 10_000;

/// A block as the exchange knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Work {
    instrument: Name,
    side: Side,
    quantity: Quantity,
    /// The tightest limit of its orders, so that none is breached.
    limit: Price,
    /// When its `pending_new` was logged; `None` while it is being put together.
    taken: Option<Epoch>,
    state: OrderStatus,
    /// When it was acknowledged.
    acknowledged: Epoch,
    /// When the last report was logged.
    reported: Epoch,
    executions: u64,
    cumulative: Quantity,
    notional: i128,
}

/// The paper exchange's state: a function of the applied events.
#[derive(Clone, Debug, PartialEq)]
pub struct PaperBroker {
    policy: Policy,
    session: Option<SessionState>,
    works: BTreeMap<Name, Work>,
    /// Client order ids that have ended.
    ended: BTreeSet<Name>,
}

impl PaperBroker {
    /// An exchange that has seen nothing.
    pub fn new(policy: Policy) -> PaperBroker {
        PaperBroker { policy, session: None, works: BTreeMap::new(), ended: BTreeSet::new() }
    }

    fn take_order(&mut self, order: &Order) {
        if self.ended.contains(&order.block) {
            return;
        }
        let work = self.works.entry(order.block.clone()).or_insert_with(|| Work::new(order));
        if work.taken.is_some() {
            return;
        }
        work.quantity = work.quantity.checked_add(order.quantity).unwrap_or(Quantity::MAX);
        work.limit = match work.side {
            Side::Buy => work.limit.min(order.limit),
            Side::Sell => work.limit.max(order.limit),
        };
    }

    fn take_state(&mut self, epoch: Epoch, state: &OrderState) {
        let Some(work) = self.works.get_mut(&state.order) else { return };
        work.advance(epoch, state);
        if work.state.terminal() {
            self.works.remove(&state.order);
            self.ended.insert(state.order.clone());
        }
    }

    /// A number from 0 to `below` − 1 that depends on the block and the report it is for.
    fn chance(block: &Name, what: &str, number: u64, below: u64) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for part in [block.as_str().as_bytes(), what.as_bytes(), &number.to_le_bytes()] {
            hasher.update(part);
            hasher.update(&[0]);
        }
        let mut first = [0_u8; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first) % below.max(1)
    }

    fn latency(&self, block: &Name, report: u64) -> u64 {
        let broker = &self.policy.broker;
        let spread = broker.latency_ms_max.saturating_sub(broker.latency_ms_min);
        broker.latency_ms_min + Self::chance(block, "latency", report, spread + 1)
    }

    /// When the next report on a block may be made.
    fn report_at(&self, block: &Name, work: &Work) -> Option<Epoch> {
        let taken = work.taken?;
        let (from, report) = match work.state {
            OrderStatus::PendingNew => (taken, 0),
            _ => (work.reported, work.executions + 1),
        };
        Some(from.saturating_add(self.latency(block, report)))
    }

    fn ends_at(&self, work: &Work) -> Epoch {
        work.acknowledged.saturating_add(self.policy.broker.working_ms_max)
    }

    fn report(&self, epoch: Epoch, block: &Name, work: &Work, books: &dyn Books) -> Option<Event> {
        let due = self.report_at(block, work)? <= epoch;
        if work.state == OrderStatus::PendingNew {
            return due.then(|| self.acknowledge(epoch, block));
        }
        if due && let Some(execution) = self.execute(epoch, block, work, books) {
            return Some(execution);
        }
        if epoch < self.ends_at(work) {
            return None;
        }
        let (state, text) = if work.cumulative > Quantity::ZERO {
            (OrderStatus::Canceled, "the remainder did not trade in time")
        } else {
            (OrderStatus::Expired, "nothing traded in time at the limit")
        };
        Some(order_state(epoch, block, ("end", 0), state, work.done(), text.to_owned()))
    }

    fn acknowledge(&self, epoch: Epoch, block: &Name) -> Event {
        let refused = Self::chance(block, "reject", 0, 10_000) < u64::from(self.policy.broker.reject_bps);
        let (state, text) = if refused {
            (OrderStatus::Rejected, "refused by the paper exchange")
        } else {
            (OrderStatus::New, "")
        };
        order_state(epoch, block, ("acknowledged", 0), state, Done::default(), text.to_owned())
    }

    fn execute(&self, epoch: Epoch, block: &Name, work: &Work, books: &dyn Books) -> Option<Event> {
        if self.session.is_some_and(|state| state != SessionState::Open) {
            return None;
        }
        let terms = books.instrument(&work.instrument)?;
        let price = self.dealt(books.price(&work.instrument)?, work.side, &terms)?;
        let within = match work.side {
            Side::Buy => price <= work.limit,
            Side::Sell => price >= work.limit,
        };
        if !within {
            return None;
        }
        let left = work.quantity.checked_sub(work.cumulative).filter(|left| *left > Quantity::ZERO)?;
        let quantity = self.size(block, work.executions, left, terms.lot);
        let cumulative = work.cumulative.checked_add(quantity)?;
        let notional = work.notional.checked_add(quantity.times(price))?;
        let state =
            if cumulative == work.quantity { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let average = average_price(notional, cumulative);
        let done = Done { cumulative, average, last: Some((quantity, price)) };
        let what = ("execution", work.executions);
        Some(order_state(epoch, block, what, state, done, String::new()))
    }

    /// The last price with half the spread against the customer, rounded to the tick against the customer.
    fn dealt(&self, last: Price, side: Side, terms: &InstrumentTerms) -> Option<Price> {
        let half = i128::from(self.policy.broker.half_spread_bps);
        let tick = i128::from(terms.tick.raw()).max(1);
        let factor = if side == Side::Buy { BPS + half } else { BPS - half };
        let exact = i128::from(last.raw()) * factor;
        let ticks = match side {
            Side::Buy => -(-exact).div_euclid(BPS * tick),
            Side::Sell => exact.div_euclid(BPS * tick),
        };
        Price::from_wide(ticks * tick).filter(|price| *price > Price::ZERO)
    }

    /// All that is left, or by chance a part of it: whole lots, at least one, if there is more than one.
    fn size(&self, block: &Name, execution: u64, left: Quantity, lot: Quantity) -> Quantity {
        let partial =
            Self::chance(block, "partial", execution, 10_000) < u64::from(self.policy.broker.partial_bps);
        let lots = left.raw() / lot.raw().max(1);
        if !partial || lots < 2 {
            return left;
        }
        // Between a tenth and nine tenths.
        let tenths = 100 + i128::from(Self::chance(block, "fraction", execution, 801));
        let part = div_half_even(i128::from(lots) * tenths, 1000).clamp(1, i128::from(lots) - 1);
        Quantity::from_wide(part * i128::from(lot.raw().max(1))).unwrap_or(left)
    }
}

impl Work {
    fn new(order: &Order) -> Work {
        Work {
            instrument: order.instrument.clone(),
            side: order.side,
            quantity: Quantity::ZERO,
            limit: order.limit,
            taken: None,
            state: OrderStatus::PendingNew,
            acknowledged: 0,
            reported: 0,
            executions: 0,
            cumulative: Quantity::ZERO,
            notional: 0,
        }
    }

    fn advance(&mut self, epoch: Epoch, state: &OrderState) {
        if state.state == OrderStatus::PendingNew {
            self.taken = self.taken.or(Some(epoch));
            return;
        }
        if self.state == OrderStatus::PendingNew {
            self.acknowledged = epoch;
        }
        self.reported = epoch;
        self.state = state.state;
        self.cumulative = state.cumulative_quantity;
        if let (Some(quantity), Some(price)) = (state.last_quantity, state.last_price) {
            self.executions += 1;
            self.notional = self.notional.saturating_add(quantity.times(price));
        }
    }

    fn done(&self) -> Done {
        let average = average_price(self.notional, self.cumulative);
        Done { cumulative: self.cumulative, average, last: None }
    }
}

impl Broker for PaperBroker {
    fn apply(&mut self, epoch: Epoch, event: &Event) {
        match event {
            Event::Order(order) => self.take_order(order),
            Event::OrderState(state) => self.take_state(epoch, state),
            Event::Session(session) if session.market == self.policy.market => {
                self.session = Some(session.state);
            }
            _ => {}
        }
    }

    fn on_epoch(&mut self, epoch: Epoch, books: &dyn Books) -> Vec<Event> {
        let reports = self.works.iter().filter_map(|(block, work)| self.report(epoch, block, work, books));
        reports.collect()
    }

    fn next_due(&self, after: Epoch) -> Option<Epoch> {
        // A block whose limit was not reached waits for a new price, which brings its own epoch, or its end.
        let due = |(block, work): (&Name, &Work)| {
            let report = self.report_at(block, work)?;
            if report > after || work.state == OrderStatus::PendingNew {
                Some(report.max(after + 1))
            } else {
                Some(self.ends_at(work).max(after + 1))
            }
        };
        self.works.iter().filter_map(due).min()
    }

    fn working(&self) -> usize {
        self.works.len()
    }
}
