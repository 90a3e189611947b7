//! The live view: the current state of every output collection, by customer, with what is needed to answer
//! for any customer at the current epoch. REST reads it; actors are handed snapshots of it.
//!
//! **Invariant:** the view changes only between epochs: whoever holds the read lock sees one epoch.

mod agreed;
mod books;
mod current;
mod customers;
mod decided;
mod lots;
mod open;
mod tax;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use evenkeel_lots::What;
use evenkeel_operators::facts::{Fact, Input, TargetSet, Terms, Tilt, TiltSet, Version};
use evenkeel_operators::targets::tilted;
use evenkeel_schemas::events::{CostBasis, Decision, OrderStatus, ReviewDue, Session, SessionState};
use evenkeel_schemas::{
    AllocationRow, AnomalyKind, AnomalySource, Currency, CustomerId, DueKind, Epoch, ExposureRow,
    HarvestCandidateRow, Holding, InstrumentId, Measure, Money, Name, OrderRow, Pair, PaymentStatus, PeakRow,
    Price, Quantity, Rate, Row, TradeDate, TriggerKey,
};

use crate::admission::Inputs;
use crate::door::Rejected;
use crate::engine::Closed;
use crate::few::Few;
use crate::names::SharedNames;

pub use agreed::Agreed;
pub use books::ViewBooks;
pub use customers::Customers;
pub use decided::{LoggedDecision, Offset};
pub use lots::HeldLot;
pub use open::Open;
pub use watch::TriggerWatch;

/// How many of the latest triggers, decisions and orders are kept for a look.
const LATEST: usize = 50;

/// A customer's current state: small, as there are many.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    bases: Few<Version, Currency>,
    targets: Few<Version, Arc<TargetSet>>,
    /// Few have any.
    tilts: Option<Box<Few<Version, Arc<TiltSet>>>>,
    /// Units by instrument.
    pub positions: BTreeMap<InstrumentId, Quantity>,
    /// Money by currency.
    pub cash: Few<Currency, Money>,
    /// Money that is due, by day.
    pub due: BTreeMap<(TradeDate, Currency, DueKind), Money>,
    lots: lots::CustomerLots,
}

impl Customer {
    /// The currency that the portfolio is valued in.
    pub fn base(&self) -> Option<Currency> {
        self.bases.last().copied()
    }

    /// The targets that hold on a day, tilted where they are.
    pub fn targets(&self, today: TradeDate) -> Option<Arc<TargetSet>> {
        let set = self.targets.last()?;
        Some(self.tilts(today).map_or(set.clone(), |tilts| tilted(set, &tilts.tilts)))
    }

    /// The targets as they are stated, with these tilts and no others.
    pub fn tilted(&self, tilts: &[Tilt]) -> Option<Arc<TargetSet>> {
        self.targets.last().map(|set| tilted(set, tilts))
    }

    /// The tilts that hold on a day.
    pub fn tilts(&self, today: TradeDate) -> Option<&TiltSet> {
        let set = self.tilts.as_ref()?.last()?;
        let holds = !set.tilts.is_empty() && set.until.is_none_or(|until| today <= until);
        holds.then_some(set.as_ref())
    }

    /// The day of the first targets that stand.
    fn targeted_since(&self) -> Option<TradeDate> {
        self.targets.iter().next().map(|(version, _)| version.at.date())
    }

    /// The open lots of an instrument, by acquisition date; none where the folder keeps no lots.
    pub fn lots_of(&self, instrument: InstrumentId) -> &[HeldLot] {
        self.lots.of(instrument)
    }

    /// Which lots a sale of this day takes, by the customer's elections.
    pub fn method_on(&self, date: TradeDate) -> CostBasis {
        self.lots.method_on(date)
    }
}

#[derive(Clone, Debug, Default)]
struct Instrument {
    terms: Few<Version, Terms>,
    daily_value: Few<Version, Option<Money>>,
    price: Option<Price>,
}

/// The current state of everything.
pub struct View {
    names: SharedNames,
    epoch: Epoch,
    customers: Customers,
    open: Open,
    exposures: BTreeMap<(Currency, Holding), ExposureRow>,
    instruments: BTreeMap<InstrumentId, Instrument>,
    rates: BTreeMap<Pair, Rate>,
    harvest: BTreeMap<(CustomerId, InstrumentId), HarvestCandidateRow>,
    peaks: BTreeMap<CustomerId, PeakRow>,
    agreed: BTreeMap<CustomerId, Agreed>,
    taxpayers: tax::Taxpayers,
    reviewed: BTreeMap<CustomerId, TradeDate>,
    orders: BTreeMap<Arc<str>, (Epoch, OrderRow)>,
    allocations: BTreeMap<Arc<str>, Vec<AllocationRow>>,
    anomalies: BTreeSet<(AnomalySource, AnomalyKind)>,
    decided: decided::Decided,
    latest_triggers: VecDeque<(Epoch, TriggerKey, Measure, Measure)>,
    latest_orders: VecDeque<Arc<str>>,
    latest_rejected: VecDeque<(Epoch, Rejected)>,
    sessions: BTreeMap<Name, SessionState>,
    order_states: BTreeMap<OrderStatus, u64>,
}

impl View {
    /// An empty view.
    pub fn new(names: SharedNames) -> View {
        View {
            names,
            epoch: 0,
            customers: Customers::default(),
            open: Open::default(),
            exposures: BTreeMap::new(),
            instruments: BTreeMap::new(),
            rates: BTreeMap::new(),
            harvest: BTreeMap::new(),
            peaks: BTreeMap::new(),
            agreed: BTreeMap::new(),
            taxpayers: tax::Taxpayers::default(),
            reviewed: BTreeMap::new(),
            orders: BTreeMap::new(),
            allocations: BTreeMap::new(),
            anomalies: BTreeSet::new(),
            decided: decided::Decided::default(),
            latest_triggers: VecDeque::new(),
            latest_orders: VecDeque::new(),
            latest_rejected: VecDeque::new(),
            sessions: BTreeMap::new(),
            order_states: BTreeMap::new(),
        }
    }

    /// Takes in the statements among an epoch's inputs: base currencies, targets, terms.
    pub fn apply_inputs(&mut self, inputs: &Inputs) {
        for (input, diff) in inputs {
            let Input::Fact(fact) = input else { continue };
            match fact {
                Fact::Base(customer, version, currency) => {
                    let customer = self.customers.of(*customer);
                    state(&mut customer.bases, *version, *currency, *diff);
                }
                Fact::Targets(customer, version, set) => {
                    let customer = self.customers.of(*customer);
                    state(&mut customer.targets, *version, set.clone(), *diff);
                }
                Fact::Tilts(customer, version, set) => {
                    let tilts = &mut self.customers.of(*customer).tilts;
                    state(tilts.get_or_insert_default(), *version, set.clone(), *diff);
                }
                Fact::Planned(customer, version, flow) => {
                    self.agreed.entry(*customer).or_default().plan(*version, flow, *diff);
                }
                Fact::Terms(instrument, version, terms) => {
                    let instrument = self.instruments.entry(*instrument).or_default();
                    state(&mut instrument.terms, *version, **terms, *diff);
                }
                Fact::Listed(instrument, version, figures) => {
                    let instrument = self.instruments.entry(*instrument).or_default();
                    state(&mut instrument.daily_value, *version, figures.daily_value, *diff);
                }
                Fact::Lot(customer, entry) => {
                    if let What::Election { .. } = entry.entry.what {
                        self.customers.of(*customer).lots.elect(&entry.entry, *diff);
                    }
                }
                Fact::Tax(customer, said) => self.taxpayers.say(*customer, said, *diff),
                Fact::Cpi(quarter, version, index) => self.taxpayers.index(*quarter, *version, *index, *diff),
                Fact::RebasingClose(instrument, version, price) => {
                    self.taxpayers.close(*instrument, *version, *price, *diff);
                }
                Fact::Corporate(instrument, action) => {
                    self.taxpayers.corporate(*instrument, action, *diff);
                }
                _ => {}
            }
        }
    }

    /// Takes in a logged decision, and where it lies.
    pub fn apply_decision(&mut self, epoch: Epoch, offset: Offset, decision: &Decision) {
        let customer = self.names.read().customer_id(decision.customer.as_str());
        self.decided.apply(customer, offset, LoggedDecision { epoch, decision: decision.clone() });
    }

    /// Takes in that a market opened, closed or halted.
    pub fn apply_session(&mut self, session: &Session) {
        self.sessions.insert(session.market.clone(), session.state);
    }

    /// Takes in that a customer's review is due.
    pub fn apply_review(&mut self, review: &ReviewDue) {
        if let Some(customer) = self.names.read().customer_id(review.customer.as_str()) {
            self.reviewed.insert(customer, review.date);
        }
    }

    /// Takes in a refused line.
    pub fn apply_rejected(&mut self, epoch: Epoch, rejected: &Rejected) {
        remember(&mut self.latest_rejected, (epoch, rejected.clone()));
    }

    /// Takes in the rows of a complete epoch: first what goes, then what comes.
    pub fn apply_rows(&mut self, closed: &Closed) {
        for (row, _) in closed.changes.iter().filter(|(_, diff)| *diff < 0) {
            self.remove(row);
        }
        for (row, _) in closed.changes.iter().filter(|(_, diff)| *diff > 0) {
            self.insert(closed.epoch, row);
        }
    }

    /// Everything before `epoch` is in.
    pub fn complete(&mut self, epoch: Epoch) {
        self.epoch = self.epoch.max(epoch);
    }

    /// The triggers of prices that are open, with measure and limit.
    pub fn open_of_prices(&self) -> Vec<(TriggerKey, (Measure, Measure))> {
        let of_prices = self.open.triggers().filter(|(key, _)| key.kind.is_of_prices());
        of_prices.map(|(key, measures)| (key.clone(), *measures)).collect()
    }

    /// From where falls of NAV are measured.
    pub fn peaks(&self) -> Vec<PeakRow> {
        self.peaks.values().copied().collect()
    }

    fn remove(&mut self, row: &Row) {
        match row {
            Row::Position { customer, instrument, .. } => {
                self.customers.of(*customer).positions.remove(instrument);
            }
            Row::Cash { customer, currency, .. } => {
                self.customers.of(*customer).cash.remove(currency);
            }
            Row::Price { instrument, .. } => self.instruments.entry(*instrument).or_default().price = None,
            Row::FxRate { pair, .. } => drop(self.rates.remove(pair)),
            // Any customer is valued when somebody asks, by the same formulas.
            Row::Valuation { .. } | Row::Valuations(_) | Row::Drift { .. } => {}
            Row::Lot(row) => self.customers.of(row.customer).lots.close(row),
            // Asked of ClickHouse.
            Row::RealisedGain(_) | Row::Distribution(_) | Row::Return(_) => {}
            Row::Tax(row) => self.taxpayers.remove(row),
            // Worked out when somebody asks, of the instruments asked for.
            Row::Estimate(_) | Row::Covariance(_) | Row::FactorLoading(_) => {}
            Row::Accrual(row) => {
                if let Some(agreed) = self.agreed.get_mut(&row.customer) {
                    agreed.accrues_no_more(row);
                    if agreed.is_empty() {
                        self.agreed.remove(&row.customer);
                    }
                }
            }
            Row::Peak(row) => drop(self.peaks.remove(&row.customer)),
            Row::HarvestCandidate(row) => {
                self.harvest.remove(&(row.customer, row.instrument));
            }
            Row::CashLadder(row) => {
                let customer = self.customers.of(row.customer);
                customer.due.remove(&(row.value_date, row.currency, row.kind));
            }
            Row::Exposure(row) => drop(self.exposures.remove(&(row.base_currency, row.holding))),
            Row::Breach { customer, instrument, side } => self.open.unbreach(*customer, *instrument, *side),
            Row::Trigger { key, .. } => self.open.leave(key),
            Row::Order(row) => {
                self.orders.remove(&row.order);
                if let Some(count) = self.order_states.get_mut(&row.state) {
                    *count = count.saturating_sub(1);
                }
            }
            Row::Allocation(row) => {
                if let Some(rows) = self.allocations.get_mut(&row.block) {
                    rows.retain(|other| other != row.as_ref());
                }
            }
            Row::Anomaly { source, kind } => drop(self.anomalies.remove(&(source.clone(), kind.clone()))),
        }
    }

    fn insert(&mut self, epoch: Epoch, row: &Row) {
        match row {
            Row::Position { customer, instrument, quantity } => {
                self.customers.of(*customer).positions.insert(*instrument, *quantity);
            }
            Row::Cash { customer, currency, amount } => {
                self.customers.of(*customer).cash.insert(*currency, *amount);
            }
            Row::Price { instrument, price } => {
                self.instruments.entry(*instrument).or_default().price = Some(*price);
            }
            Row::FxRate { pair, rate } => drop(self.rates.insert(*pair, *rate)),
            Row::Valuation { .. } | Row::Valuations(_) | Row::Drift { .. } => {}
            Row::Lot(row) => self.customers.of(row.customer).lots.open(row),
            Row::RealisedGain(_) | Row::Distribution(_) | Row::Return(_) => {}
            Row::Tax(row) => self.taxpayers.insert(row),
            Row::Estimate(_) | Row::Covariance(_) | Row::FactorLoading(_) => {}
            Row::Accrual(row) if row.status == PaymentStatus::Paid => {}
            Row::Accrual(row) => self.agreed.entry(row.customer).or_default().accrues(row),
            Row::Peak(row) => drop(self.peaks.insert(row.customer, *row)),
            Row::HarvestCandidate(row) => {
                self.harvest.insert((row.customer, row.instrument), row.as_ref().clone());
            }
            Row::CashLadder(row) => {
                let customer = self.customers.of(row.customer);
                customer.due.insert((row.value_date, row.currency, row.kind), row.amount);
            }
            Row::Exposure(row) => {
                self.exposures.insert((row.base_currency, row.holding), **row);
            }
            Row::Breach { customer, instrument, side } => self.open.breach(*customer, *instrument, *side),
            Row::Trigger { key, measure, limit } => {
                self.open.enter(key.clone(), (*measure, *limit));
                remember(&mut self.latest_triggers, (key.entered, key.clone(), *measure, *limit));
            }
            Row::Order(row) => {
                self.orders.insert(row.order.clone(), (epoch, row.as_ref().clone()));
                if row.state.terminal() {
                    self.decided.end(row.customer, &row.order);
                }
                *self.order_states.entry(row.state).or_default() += 1;
                self.latest_orders.retain(|order| *order != row.order);
                remember(&mut self.latest_orders, row.order.clone());
            }
            Row::Allocation(row) => {
                self.allocations.entry(row.block.clone()).or_default().push(row.as_ref().clone());
            }
            Row::Anomaly { source, kind } => drop(self.anomalies.insert((source.clone(), kind.clone()))),
        }
    }
}

/// Adds or takes away one of several statements about the same thing.
fn state<K: Ord, V>(statements: &mut Few<K, V>, key: K, value: V, diff: isize) {
    if diff > 0 {
        statements.insert(key, value);
    } else {
        statements.remove(&key);
    }
}

fn remember<T>(latest: &mut VecDeque<T>, item: T) {
    latest.push_back(item);
    if latest.len() > LATEST {
        latest.pop_front();
    }
}

/// The view, shared.
#[derive(Clone)]
pub struct SharedView(Arc<RwLock<View>>);

impl SharedView {
    /// Shares a view.
    pub fn new(view: View) -> SharedView {
        SharedView(Arc::new(RwLock::new(view)))
    }

    /// To look at one epoch.
    pub fn read(&self) -> RwLockReadGuard<'_, View> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To take in the next epoch.
    pub fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
