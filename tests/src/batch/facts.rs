//! What is live, and the rows that follow from it without looking at a whole customer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_schemas::events::{RiskLimitsSet, TriggerKind};
use evenkeel_schemas::{
    CashLadderRow, Currency, CustomerId, DueKind, Epoch, Instant, InstrumentId, Measure, Money, Pair, Price,
    Quantity, Rate, Ratio, Row, Subject, TradeDate, TriggerKey, div_half_even,
};

use super::accruals::DayFact;
use super::estimates::MarketFact;
use super::income::{Action, Days, Doing, Income, KIND, income};
use super::lots::LotFact;
use super::targets::{Aims, Targets, Tilts};
use super::tax::TaxSaid;
use super::{BatchError, Options};

/// The running number of an accepted event: its place in the file.
pub type Order = u64;

/// Which of several statements holds: the greatest.
pub type Key = (Instant, Order);

/// What came in; negative went out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Raw money.
    Cash(Currency, i128),
    /// Units.
    Units(InstrumentId, Quantity),
}

/// A customer's risk limits.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Largest weight of one instrument.
    pub concentration: Option<Ratio>,
    /// Fall below the cost base.
    pub stop_loss: Option<Ratio>,
    /// Fall below the peak.
    pub drawdown: Option<Ratio>,
    /// Value at risk of a day, as a share of NAV.
    pub value_at_risk: Option<Ratio>,
}

impl Limits {
    /// What an event sets.
    pub fn of(event: &RiskLimitsSet) -> Limits {
        Limits {
            concentration: event.concentration,
            stop_loss: event.stop_loss,
            drawdown: event.drawdown,
            value_at_risk: event.value_at_risk,
        }
    }
}

/// Asset class, region and sector; empty for none.
pub type Labels = [String; 3];

/// The labels that a bucket asks for.
pub type Wanted = [Option<String>; 3];

/// Something that holds from one epoch on, until a correction ends it.
#[derive(Clone, Debug)]
pub enum Fact {
    /// What an instrument is priced in and labelled by.
    Terms(InstrumentId, Key, Currency, Labels),
    /// What a customer is valued in.
    Base(CustomerId, Key, Currency),
    /// A customer's targets.
    Targets(CustomerId, Key, Targets),
    /// How a customer's targets are tilted.
    Tilts(CustomerId, Key, Tilts),
    /// How far a customer's portfolio may go.
    Limits(CustomerId, Key, Limits),
    /// Money or units came in from outside, or went out, by file order.
    Flow(CustomerId, Order, Flow),
    /// An observed price.
    Price(InstrumentId, Key, Price),
    /// An observed rate.
    Rate(Pair, Key, Rate),
    /// Units in or out on a date.
    Movement(CustomerId, InstrumentId, (TradeDate, Order), Quantity),
    /// Raw money in or out, the day from which it counts and the day on which it settles.
    Posting(CustomerId, Currency, i128, (TradeDate, TradeDate)),
    /// Money that is due on a day, which begins at an epoch.
    Due(CustomerId, Currency, TradeDate, DueKind, i128),
    /// A corporate action, by date and file order.
    Action((TradeDate, Order), Action),
    /// Distributions are taken in units, or not, from a date on.
    Reinvest(CustomerId, InstrumentId, (TradeDate, Instant, Order), bool),
    /// Something about lots.
    Lot(Box<LotFact>),
    /// Something about tax.
    Tax(Box<TaxSaid>),
    /// Something about the market as a whole.
    Market(Box<MarketFact>),
    /// Something about a day.
    Day(Box<DayFact>),
    /// A flow or a request waits for an answer.
    Request {
        /// Whose.
        customer: CustomerId,
        /// Flow or request.
        kind: TriggerKind,
        /// Its event.
        subject: Arc<str>,
        /// The epoch it was recorded.
        entered: Epoch,
        /// Its amount.
        measure: Measure,
    },
}

/// Elections by date, effective time and file order.
type Elections = BTreeMap<(TradeDate, Instant, Order), bool>;

/// What is due, of which kind.
type DueKey = (CustomerId, Currency, TradeDate, DueKind);

/// What an epoch changed.
pub struct Changes {
    /// Rows of positions, cash, prices, rates and requests.
    pub rows: Vec<(Row, i64)>,
    /// Customers whose other rows may change.
    pub customers: BTreeSet<CustomerId>,
    /// What flowed, by customer, with how often it begins less how often it ends.
    pub flows: BTreeMap<CustomerId, BTreeMap<Order, (Flow, i64)>>,
    /// Lots of reinvested units that begin or end to stand.
    pub lots: Vec<(LotFact, bool)>,
}

/// Everything that is live.
pub struct Facts {
    options: Options,
    terms: BTreeMap<InstrumentId, BTreeMap<Key, Currency>>,
    labels: BTreeMap<InstrumentId, BTreeMap<Key, Labels>>,
    bases: BTreeMap<CustomerId, BTreeMap<Key, Currency>>,
    aims: Aims,
    limits: BTreeMap<CustomerId, BTreeMap<Key, Limits>>,
    prices: BTreeMap<InstrumentId, BTreeMap<Key, Price>>,
    rates: BTreeMap<Pair, BTreeMap<Key, Rate>>,
    movements: BTreeMap<(CustomerId, InstrumentId), BTreeMap<(TradeDate, Order), Quantity>>,
    postings: BTreeMap<(CustomerId, Currency), i128>,
    posted: BTreeMap<CustomerId, BTreeMap<(TradeDate, TradeDate, Currency), i128>>,
    actions: BTreeMap<(TradeDate, Order), Action>,
    elections: BTreeMap<CustomerId, BTreeMap<InstrumentId, Elections>>,
    dues: BTreeMap<DueKey, i128>,
    /// Epochs at which an action counts or a price may turn stale.
    due: BTreeMap<Epoch, BTreeSet<InstrumentId>>,
    /// Epochs at which what was due is not any more.
    days: BTreeSet<Epoch>,
    income: BTreeMap<CustomerId, Income>,
    ladder: BTreeMap<DueKey, i128>,
    /// The epoch of each instrument's last recorded price.
    seen: BTreeMap<InstrumentId, Epoch>,
    /// Rows as of the last epoch closed.
    positions: BTreeMap<CustomerId, BTreeMap<InstrumentId, Quantity>>,
    cash: BTreeMap<CustomerId, BTreeMap<Currency, Money>>,
    price_rows: BTreeMap<InstrumentId, Price>,
    rate_rows: BTreeMap<Pair, Rate>,
    holders: BTreeMap<InstrumentId, BTreeMap<CustomerId, ()>>,
    touched: Touched,
}

/// What the events of the current epoch are about.
#[derive(Default)]
struct Touched {
    books: BTreeSet<CustomerId>,
    cash: BTreeSet<(CustomerId, Currency)>,
    prices: BTreeSet<InstrumentId>,
    terms: BTreeSet<InstrumentId>,
    pairs: BTreeSet<Pair>,
    customers: BTreeSet<CustomerId>,
    requests: Vec<(Row, i64)>,
    flows: BTreeMap<CustomerId, BTreeMap<Order, (Flow, i64)>>,
}

/// Begins or ends what one key says.
pub(super) fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, live: bool) {
    if live {
        map.insert(key, value);
    } else {
        map.remove(&key);
    }
}

impl Facts {
    /// Nothing yet.
    pub fn new(options: Options) -> Facts {
        Facts {
            options,
            terms: BTreeMap::new(),
            labels: BTreeMap::new(),
            bases: BTreeMap::new(),
            aims: Aims::default(),
            limits: BTreeMap::new(),
            prices: BTreeMap::new(),
            rates: BTreeMap::new(),
            movements: BTreeMap::new(),
            postings: BTreeMap::new(),
            posted: BTreeMap::new(),
            actions: BTreeMap::new(),
            elections: BTreeMap::new(),
            dues: BTreeMap::new(),
            due: BTreeMap::new(),
            days: BTreeSet::new(),
            income: BTreeMap::new(),
            ladder: BTreeMap::new(),
            seen: BTreeMap::new(),
            positions: BTreeMap::new(),
            cash: BTreeMap::new(),
            price_rows: BTreeMap::new(),
            rate_rows: BTreeMap::new(),
            holders: BTreeMap::new(),
            touched: Touched::default(),
        }
    }

    /// A fact begins (`live`) or ends to hold.
    ///
    /// # Errors
    /// [`BatchError::OutOfRange`] when a customer's money leaves the range of i128.
    pub fn apply(&mut self, fact: &Fact, live: bool, epoch: Epoch) -> Result<(), BatchError> {
        match fact {
            Fact::Terms(i, key, currency, labels) => {
                put(self.terms.entry(*i).or_default(), *key, *currency, live);
                put(self.labels.entry(*i).or_default(), *key, labels.clone(), live);
                self.touched.terms.insert(*i);
            }
            Fact::Base(c, key, currency) => {
                put(self.bases.entry(*c).or_default(), *key, *currency, live);
                self.touched.customers.insert(*c);
            }
            Fact::Targets(c, key, targets) => {
                self.aims.target(*c, *key, targets, live);
                self.touched.customers.insert(*c);
            }
            Fact::Tilts(c, key, tilts) => {
                self.aims.tilt(*c, *key, tilts, live);
                self.touched.customers.insert(*c);
            }
            Fact::Limits(c, key, limits) => {
                put(self.limits.entry(*c).or_default(), *key, *limits, live);
                self.touched.customers.insert(*c);
            }
            Fact::Flow(c, order, flow) => {
                let flows = self.touched.flows.entry(*c).or_default();
                flows.entry(*order).or_insert((*flow, 0)).1 += if live { 1 } else { -1 };
                self.touched.customers.insert(*c);
            }
            Fact::Price(i, key, price) => {
                put(self.prices.entry(*i).or_default(), *key, *price, live);
                self.touched.prices.insert(*i);
                if live && self.options.stale_ms > 0 {
                    self.seen.insert(*i, epoch);
                    self.due.entry(epoch + self.options.stale_ms).or_default().insert(*i);
                }
            }
            Fact::Rate(pair, key, rate) => {
                put(self.rates.entry(*pair).or_default(), *key, *rate, live);
                self.touched.pairs.insert(*pair);
            }
            Fact::Movement(c, i, key, quantity) => {
                put(self.movements.entry((*c, *i)).or_default(), *key, *quantity, live);
                self.touched.books.insert(*c);
            }
            Fact::Posting(c, currency, amount, (date, value_date)) => {
                let posted = self.posted.entry(*c).or_default();
                let posted = posted.entry((*date, *value_date, *currency)).or_default();
                *posted += if live { *amount } else { -*amount };
                let sum = self.postings.entry((*c, *currency)).or_default();
                let signed = if live { *amount } else { -*amount };
                *sum = sum.checked_add(signed).ok_or_else(|| BatchError::OutOfRange("cash".to_owned()))?;
                self.touched.cash.insert((*c, *currency));
            }
            Fact::Due(c, currency, date, kind, amount) => {
                *self.dues.entry((*c, *currency, *date, *kind)).or_default() +=
                    if live { *amount } else { -*amount };
                self.days.insert(date.start().epoch(self.options.epoch_ms));
            }
            Fact::Action(key, action) => {
                put(&mut self.actions, *key, action.clone(), live);
                self.due.entry(action.due.max(epoch)).or_default().insert(action.instrument);
                if let Doing::Distribution { paid, .. } = action.what {
                    self.due.entry(paid.max(epoch)).or_default().insert(action.instrument);
                }
            }
            Fact::Reinvest(c, i, key, reinvest) => {
                let elections = self.elections.entry(*c).or_default().entry(*i).or_default();
                put(elections, *key, *reinvest, live);
                self.touched.books.insert(*c);
            }
            // Kept apart.
            Fact::Lot(_) | Fact::Tax(_) | Fact::Day(_) | Fact::Market(_) => {}
            Fact::Request { customer, kind, subject, entered, measure } => {
                let subject = Subject::Event(subject.clone());
                let key = TriggerKey { customer: *customer, kind: *kind, subject, entered: *entered };
                let row = Row::Trigger { key, measure: *measure, limit: Measure::Amount(Money::ZERO) };
                self.touched.requests.push((row, if live { 1 } else { -1 }));
            }
        }
        Ok(())
    }

    /// The next epoch at which time alone changes something.
    pub fn next_due(&self) -> Option<Epoch> {
        let due = self.due.keys().next().into_iter().chain(self.days.first()).copied();
        due.chain(self.aims.next()).min()
    }

    /// Brings the simple rows up to the end of an epoch and tells which customers to look at.
    ///
    /// # Errors
    /// [`BatchError::OutOfRange`] when units or money leave the range of their type.
    pub fn settle(&mut self, epoch: Epoch) -> Result<Changes, BatchError> {
        let mut touched = std::mem::take(&mut self.touched);
        while let Some(entry) = self.due.first_entry().filter(|entry| *entry.key() <= epoch) {
            touched.prices.extend(entry.remove());
            // Whom an action reaches is not asked: everybody is looked at.
            touched.books.extend(self.movements.keys().map(|(c, _)| *c));
        }
        self.days = self.days.split_off(&(epoch + 1));
        touched.customers.extend(self.aims.close(epoch));
        let (mut rows, mut lots) = (touched.requests, Vec::new());
        let mut customers = touched.customers;
        for c in touched.books {
            let now = self.income_of(c, epoch)?;
            self.hold(c, &now, &mut rows)?;
            let before = self.income.insert(c, now.clone()).unwrap_or_default();
            touched.cash.extend(before.paid.keys().chain(now.paid.keys()).map(|currency| (c, *currency)));
            rows.extend(before.rows.into_iter().map(|row| (row, -1)));
            rows.extend(now.rows.into_iter().map(|row| (row, 1)));
            lots.extend(before.lots.into_iter().map(|lot| (lot, false)));
            lots.extend(now.lots.into_iter().map(|lot| (lot, true)));
            customers.insert(c);
        }
        self.settle_ladder(epoch, &mut rows)?;
        for (c, currency) in touched.cash {
            let paid = self.income.get(&c).and_then(|income| income.paid.get(&currency)).copied();
            let sum = self.postings.get(&(c, currency)).copied().unwrap_or(0) + paid.unwrap_or(0);
            let new =
                Money::from_wide(sum).ok_or_else(|| BatchError::OutOfRange(format!("cash in {currency}")))?;
            let cash = self.cash.entry(c).or_default();
            let old = if new == Money::ZERO { cash.remove(&currency) } else { cash.insert(currency, new) };
            let row = |amount| Row::Cash { customer: c, currency, amount };
            rows.extend(replaced(old, Some(new).filter(|new| *new != Money::ZERO), row));
            customers.insert(c);
        }
        for i in touched.prices {
            let new = self.restated(i, epoch);
            let old = swap(&mut self.price_rows, i, new);
            if old != new {
                rows.extend(replaced(old, new, |price| Row::Price { instrument: i, price }));
                customers.extend(self.holders.get(&i).into_iter().flat_map(BTreeMap::keys));
                // Lots have prices, whatever is held.
                customers.extend(self.limits.keys());
            }
        }
        let mut rates_changed = false;
        for pair in touched.pairs {
            let new = last(self.rates.get(&pair));
            let old = swap(&mut self.rate_rows, pair, new);
            rates_changed |= old != new;
            rows.extend(replaced(old, new, |rate| Row::FxRate { pair, rate }));
        }
        if rates_changed {
            customers.extend(self.bases.keys());
        }
        for i in touched.terms {
            customers.extend(self.holders.get(&i).into_iter().flat_map(BTreeMap::keys));
            // It may be the target of a bucket's member.
            customers.extend(self.aims.customers());
        }
        Ok(Changes { rows, customers, flows: touched.flows, lots })
    }

    /// The last price, on the basis of the splits whose ex date came after it.
    fn restated(&self, i: InstrumentId, epoch: Epoch) -> Option<Price> {
        let ((at, _), price) = self.prices.get(&i)?.last_key_value()?;
        let mut raw = i128::from(price.raw());
        for ((ex_date, _), action) in &self.actions {
            if let Doing::Split(new, old, _) = action.what
                && action.instrument == i
                && action.due <= epoch
                && *ex_date > at.date()
            {
                raw = div_half_even(raw * i128::from(old.raw()), new.raw().into()).clamp(1, i64::MAX.into());
            }
        }
        i64::try_from(raw).ok().map(Price::from_raw)
    }

    fn income_of(&self, c: CustomerId, epoch: Epoch) -> Result<Income, BatchError> {
        let movements = self.movements.iter().filter(|((of, _), _)| *of == c);
        let movements = movements.flat_map(|((_, i), all)| {
            all.iter().map(|((date, _), units)| (*date, *i, i128::from(units.raw())))
        });
        let elections = self.elections.get(&c).cloned().unwrap_or_default();
        let movements = movements.collect();
        income(Days { customer: c, epoch, movements, actions: &self.actions, elections })
    }

    /// Positions as the books say.
    fn hold(&mut self, c: CustomerId, now: &Income, rows: &mut Vec<(Row, i64)>) -> Result<(), BatchError> {
        let held = self.positions.entry(c).or_default();
        let all: BTreeSet<InstrumentId> = held.keys().chain(now.units.keys()).copied().collect();
        for i in all {
            let raw = now.units.get(&i).copied().unwrap_or(0);
            let new =
                Quantity::from_wide(raw).ok_or_else(|| BatchError::OutOfRange("a position".to_owned()))?;
            let old = if new == Quantity::ZERO { held.remove(&i) } else { held.insert(i, new) };
            let row = |quantity| Row::Position { customer: c, instrument: i, quantity };
            rows.extend(replaced(old, Some(new).filter(|new| *new != Quantity::ZERO), row));
            put(self.holders.entry(i).or_default(), c, (), new != Quantity::ZERO);
        }
        Ok(())
    }

    /// All that is due and whose day has not come.
    fn settle_ladder(&mut self, epoch: Epoch, rows: &mut Vec<(Row, i64)>) -> Result<(), BatchError> {
        let mut now = self.dues.clone();
        for (c, income) in &self.income {
            for ((currency, date), amount) in &income.due {
                *now.entry((*c, *currency, *date, KIND)).or_default() += amount;
            }
        }
        let epoch_ms = self.options.epoch_ms;
        now.retain(|(_, _, date, _), amount| *amount != 0 && date.start().epoch(epoch_ms) > epoch);
        for (ladder, diff) in [(&self.ladder, -1), (&now, 1)] {
            for ((customer, currency, value_date, kind), raw) in ladder {
                let amount =
                    Money::from_wide(*raw).ok_or_else(|| BatchError::OutOfRange("what is due".to_owned()))?;
                let (customer, currency, value_date, kind) = (*customer, *currency, *value_date, *kind);
                rows.push((
                    Row::CashLadder(CashLadderRow { customer, currency, value_date, kind, amount }),
                    diff,
                ));
            }
        }
        self.ladder = now;
        Ok(())
    }

    /// Epoch length in milliseconds.
    pub fn epoch_ms(&self) -> u64 {
        self.options.epoch_ms
    }

    /// A mark of one day on the basis of the splits up to another, as an epoch knows of them.
    pub fn on_basis(
        &self,
        i: InstrumentId,
        price: Price,
        (since, day): (TradeDate, TradeDate),
        epoch: Epoch,
    ) -> Price {
        let mut raw = i128::from(price.raw());
        for ((date, _), action) in &self.actions {
            if let Doing::Split(new, old, _) = action.what
                && (action.instrument, action.due <= epoch) == (i, true)
                && since < *date
                && *date <= day
            {
                raw = div_half_even(raw * i128::from(old.raw()), new.raw().into()).clamp(1, i64::MAX.into());
            }
        }
        Price::from_raw(raw as i64)
    }

    /// Fees and interest are paid, or not any more.
    pub fn pay(&mut self, c: CustomerId, currency: Currency, raw: i128) {
        *self.postings.entry((c, currency)).or_default() += raw;
        self.touched.cash.insert((c, currency));
    }

    /// Customers of whom anything was ever booked.
    pub fn with_books(&self) -> BTreeSet<CustomerId> {
        self.posted.keys().copied().chain(self.movements.keys().map(|(c, _)| *c)).collect()
    }

    /// All currencies in which anything was posted.
    pub fn currencies(&self) -> BTreeSet<Currency> {
        let paid = self.actions.values().map(|action| action.currency);
        self.postings.keys().map(|(_, currency)| *currency).chain(paid).collect()
    }

    /// Days on which units of a customer moved.
    pub fn moved(&self, c: CustomerId) -> Vec<TradeDate> {
        let mut days: BTreeMap<(TradeDate, InstrumentId), i128> = BTreeMap::new();
        for ((_, i), moves) in self.movements.iter().filter(|((of, _), _)| *of == c) {
            for ((date, _), units) in moves {
                *days.entry((*date, *i)).or_default() += i128::from(units.raw());
            }
        }
        days.into_iter().filter(|(_, units)| *units != 0).map(|((date, _), _)| date).collect()
    }

    /// What was posted to a customer up to an epoch, what actions paid included, but for fees and interest: the day
    /// from which it counts, the day on which it settles, in what, raw.
    ///
    /// # Errors
    /// As [`Facts::settle`].
    pub fn posted_by(
        &self,
        c: CustomerId,
        epoch: Epoch,
    ) -> Result<Vec<(TradeDate, TradeDate, Currency, i128)>, BatchError> {
        let own = self.posted.get(&c).into_iter().flatten();
        let own = own.map(|((date, value_date, currency), raw)| (*date, *value_date, *currency, *raw));
        let paid = self.income_of(c, epoch)?.paid_on;
        let paid = paid.into_iter().map(|(date, currency, raw)| (date, date, currency, raw));
        let mut sums: BTreeMap<(TradeDate, TradeDate, Currency), i128> = BTreeMap::new();
        for (date, value_date, currency, raw) in own.chain(paid) {
            *sums.entry((date, value_date, currency)).or_default() += raw;
        }
        let there = sums.into_iter().filter(|(_, raw)| *raw != 0);
        Ok(there.map(|((date, value_date, currency), raw)| (date, value_date, currency, raw)).collect())
    }

    /// Units at the end of a day, as an epoch knows of them; distributions are in units up to a last day.
    ///
    /// # Errors
    /// As [`Facts::settle`].
    pub fn units_on(
        &self,
        c: CustomerId,
        day: TradeDate,
        epoch: Epoch,
        last: TradeDate,
    ) -> Result<Vec<(InstrumentId, i128)>, BatchError> {
        let movements = self.movements.iter().filter(|((of, _), _)| *of == c);
        let movements = movements.flat_map(|((_, i), all)| {
            all.iter().map(|((date, _), units)| (*date, *i, i128::from(units.raw())))
        });
        let movements = movements.filter(|(date, ..)| *date <= day).collect();
        let mut actions = self.actions.clone();
        actions.retain(|(date, _), action| *date <= day && action.due <= epoch);
        for action in actions.values_mut() {
            if let Doing::Distribution { paid, pay_date, .. } = &mut action.what {
                let comes = *pay_date <= day && *pay_date <= last;
                *paid = if comes { 0 } else { Epoch::MAX };
            }
        }
        let elections = self.elections.get(&c).cloned().unwrap_or_default();
        let units = income(Days { customer: c, epoch, movements, actions: &actions, elections })?.units;
        Ok(units.into_iter().filter(|(_, raw)| *raw != 0).collect())
    }

    /// Rows of a customer's distributions.
    pub fn distributions(&self, c: CustomerId) -> Vec<Row> {
        self.income.get(&c).map(|income| income.rows.clone()).unwrap_or_default()
    }

    /// Instruments whose last price was recorded too long ago.
    pub fn stale_at(&self, epoch: Epoch) -> BTreeSet<InstrumentId> {
        let old = |seen: Epoch| self.options.stale_ms > 0 && seen + self.options.stale_ms <= epoch;
        self.seen.iter().filter(|(_, seen)| old(**seen)).map(|(i, _)| *i).collect()
    }

    /// What the customer is valued in; `None` when not onboarded.
    pub fn base(&self, c: CustomerId) -> Option<Currency> {
        last(self.bases.get(&c))
    }

    /// Customers that are onboarded, with what they are valued in.
    pub fn based(&self) -> impl Iterator<Item = (CustomerId, Currency)> + '_ {
        self.bases.iter().filter_map(|(c, bases)| Some((*c, last(Some(bases))?)))
    }

    /// The customer's targets.
    pub fn targets(&self, c: CustomerId) -> Option<Targets> {
        self.aims.of(c)
    }

    /// The customer's risk limits.
    pub fn limits(&self, c: CustomerId) -> Limits {
        last(self.limits.get(&c)).unwrap_or_default()
    }

    /// All risk limits, by customer.
    pub fn all_limits(&self) -> impl Iterator<Item = (CustomerId, Limits)> {
        self.limits.keys().map(|c| (*c, self.limits(*c)))
    }

    /// What an instrument is priced in.
    pub fn currency(&self, i: InstrumentId) -> Option<Currency> {
        last(self.terms.get(&i))
    }

    /// What an instrument is labelled by; `None` when not listed.
    pub fn labels(&self, i: InstrumentId) -> Option<&Labels> {
        self.labels.get(&i)?.values().next_back()
    }

    /// The current price.
    pub fn price(&self, i: InstrumentId) -> Option<Price> {
        self.price_rows.get(&i).copied()
    }

    /// What one unit of `from` is in `to`.
    pub fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        if from == to {
            return Some(Rate::PAR);
        }
        let direct = self.rate_rows.get(&Pair { base: from, quote: to });
        let reverse = self.rate_rows.get(&Pair { base: to, quote: from });
        direct.copied().or_else(|| reverse.and_then(|rate| rate.inverse()))
    }

    /// Units held, none of them zero.
    pub fn held(&self, c: CustomerId) -> impl Iterator<Item = (InstrumentId, Quantity)> + '_ {
        self.positions.get(&c).into_iter().flatten().map(|(i, quantity)| (*i, *quantity))
    }

    /// Cash by currency, none of it zero.
    pub fn cash(&self, c: CustomerId) -> impl Iterator<Item = (Currency, Money)> + '_ {
        self.cash.get(&c).into_iter().flatten().map(|(currency, amount)| (*currency, *amount))
    }
}

fn last<K: Ord, V: Copy>(map: Option<&BTreeMap<K, V>>) -> Option<V> {
    map?.values().next_back().copied()
}

fn swap<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, new: Option<V>) -> Option<V> {
    match new {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

fn replaced<V: PartialEq>(old: Option<V>, new: Option<V>, row: impl Fn(V) -> Row) -> Vec<(Row, i64)> {
    if old == new {
        return Vec::new();
    }
    let gone = old.map(|value| (row(value), -1));
    gone.into_iter().chain(new.map(|value| (row(value), 1))).collect()
}
