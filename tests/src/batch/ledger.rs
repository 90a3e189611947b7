//! Events in file order: which count, at what epoch, and what a correction takes back.

use std::collections::HashMap;
use std::sync::Arc;

use evenkeel_calendar::{Calendars, Market};
use evenkeel_lots::{Choice, Entry, EventId, LotId, Replacement, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::events::{
    Correction, DepositOrWithdrawal, Event, Fill, FxConversion, LotChoice, Side, TargetsSet, TiltsSet,
    parse_event,
};
use evenkeel_schemas::{
    Currency, CustomerId, DueKind, Epoch, InstrumentId, Measure, Money, Name, Names, Price, Quantity, Ratio,
    TradeDate,
};

use super::Counts;
use super::accruals::DayFact;
use super::estimates::MarketFact;
use super::facts::{Fact, Flow, Key, Limits, Order};
use super::income::{Action, Doing};
use super::lots::{LotFact, Of};
use super::targets::{Targets, Tilts};
use super::tax::TaxSaid;
use evenkeel_schemas::events::TriggerKind;

/// The band of an instrument that neither has one nor a default: five percentage points.
const BAND: Ratio = Ratio::from_raw(50_000_000);

/// Counts and settles on one day.
fn on(date: TradeDate) -> (TradeDate, TradeDate) {
    (date, date)
}

/// An accepted line: what it adds (`true`) and takes back (`false`).
pub struct Recorded {
    /// When it was recorded.
    pub epoch: Epoch,
    /// What begins and ends to hold.
    pub facts: Vec<(Fact, bool)>,
}

/// An event that a correction may name.
enum Known {
    /// What it said.
    Live(Vec<Fact>),
    /// It was corrected already, or is itself a correction.
    Closed,
}

/// Reads lines and remembers names, ids and the epoch reached.
pub struct Ledger {
    epoch_ms: u64,
    reached: Epoch,
    names: Names,
    known: HashMap<Name, Known>,
    /// As last listed.
    currencies: HashMap<InstrumentId, Currency>,
    counts: Counts,
}

impl Ledger {
    /// Nothing read yet.
    pub fn new(epoch_ms: u64) -> Ledger {
        let (names, known) = (Names::default(), HashMap::new());
        Ledger { epoch_ms, reached: 0, names, known, currencies: HashMap::new(), counts: Counts::default() }
    }

    /// Names of all customers and instruments so far.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// What became of the lines so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// One line; `None` when it is empty or does not count.
    pub fn read(&mut self, line: &[u8]) -> Option<Recorded> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        let Ok(event) = parse_event(line) else {
            self.counts.refused += 1;
            return None;
        };
        if event.id().is_some_and(|id| self.known.contains_key(id)) {
            self.counts.duplicates += 1;
            return None;
        }
        let epoch = event.recorded().unwrap_or(event.at()).epoch(self.epoch_ms).max(self.reached);
        let order = self.counts.accepted;
        let facts = match &event {
            Event::Correction(correction) => self.correct(correction, order, epoch),
            _ => self.facts(&event, order, epoch).map(|facts| self.remember(&event, facts)),
        };
        let Some(facts) = facts else {
            self.counts.refused += 1;
            return None;
        };
        if let (Event::Correction(_), Some(id)) = (&event, event.id()) {
            self.known.insert(id.clone(), Known::Closed);
        }
        self.reached = epoch;
        self.counts.accepted += 1;
        Some(Recorded { epoch, facts })
    }

    fn remember(&mut self, event: &Event, facts: Vec<Fact>) -> Vec<(Fact, bool)> {
        if let Some(id) = event.id() {
            self.known.insert(id.clone(), Known::Live(facts.clone()));
        }
        facts.into_iter().map(|fact| (fact, true)).collect()
    }

    /// The named event's facts end, the replacement's begin.
    fn correct(&mut self, correction: &Correction, order: Order, epoch: Epoch) -> Option<Vec<(Fact, bool)>> {
        if !matches!(self.known.get(&correction.of), Some(Known::Live(_))) {
            return None;
        }
        let begins = match &correction.with {
            Some(with) if with.id().is_some_and(|id| self.taken(id, correction)) => return None,
            Some(with) => Some((with, self.facts(with, order, epoch)?)),
            None => None,
        };
        let mut changes = Vec::new();
        if let Some(Known::Live(ends)) = self.known.insert(correction.of.clone(), Known::Closed) {
            changes.extend(ends.into_iter().map(|fact| (fact, false)));
        }
        if let Some((with, facts)) = begins {
            changes.extend(self.remember(with, facts));
        }
        Some(changes)
    }

    /// Whether a replacement's id is there already, be it the correction's own.
    fn taken(&self, id: &Name, correction: &Correction) -> bool {
        self.known.contains_key(id) || correction.id.as_ref() == Some(id)
    }

    fn customer(&self, name: &Name) -> Option<CustomerId> {
        self.names.customer_id(name.as_str())
    }

    fn instrument(&self, name: &Name) -> Option<InstrumentId> {
        self.names.instrument_id(name.as_str())
    }

    /// What an event says; `None` when it names a customer or instrument that is not known.
    fn facts(&mut self, event: &Event, order: Order, epoch: Epoch) -> Option<Vec<Fact>> {
        let at = event.at();
        let key = (at, order);
        let subject = match event.id() {
            Some(id) => id.to_string(),
            None => format!("seq:{order}"),
        };
        let flow = |customer, kind, amount| Fact::Request {
            customer,
            kind,
            subject: subject.as_str().into(),
            entered: epoch,
            measure: Measure::Amount(amount),
        };
        let mut facts = self.of_day(event, order)?;
        facts.extend(match event {
            Event::InstrumentListed(e) => {
                let labels = [&e.asset_class, &e.region, &e.sector].map(|label| label.to_lowercase());
                let i = self.names.intern_instrument(&e.instrument);
                self.currencies.insert(i, e.currency);
                vec![Fact::Terms(i, key, e.currency, labels)]
            }
            Event::CustomerOnboarded(e) => {
                vec![Fact::Base(self.names.intern_customer(&e.customer), key, e.base_currency)]
            }
            Event::Tick(e) => vec![Fact::Price(self.instrument(&e.instrument)?, key, e.price)],
            // No history has the closing marks of sixty days that a candidate needs.
            Event::HarvestSet(e) => self.customer(&e.customer).map(|_| Vec::new())?,
            Event::RiskLimitsSet(e) => vec![Fact::Limits(self.customer(&e.customer)?, key, Limits::of(e))],
            Event::FlowScheduled(e) => self.customer(&e.customer).map(|_| Vec::new())?,
            Event::FxRate(e) => vec![Fact::Rate(e.pair, key, e.rate)],
            Event::Split(_) | Event::Distribution(_) | Event::Merger(_) | Event::Delisting(_) => {
                vec![self.of_action(event, (order, epoch), &subject)?]
            }
            Event::ReinvestmentElected(e) => {
                let (c, i) = (self.customer(&e.customer)?, self.instrument(&e.instrument)?);
                vec![Fact::Reinvest(c, i, (at.date(), at, order), e.reinvest)]
            }
            Event::FxConversion(e) => self.of_conversion(e)?,
            Event::Deposit(e) => self.of_money(e, 1, order, flow)?,
            Event::Withdrawal(e) => self.of_money(e, -1, order, flow)?,
            Event::RebalanceRequested(e) => {
                vec![flow(self.customer(&e.customer)?, TriggerKind::Manual, Money::ZERO)]
            }
            Event::CashPosted(e) => {
                let amount = e.amount.raw().into();
                vec![Fact::Posting(self.customer(&e.customer)?, e.currency, amount, on(at.date()))]
            }
            Event::TransferIn(e) => {
                let (c, i) = (self.customer(&e.customer)?, self.instrument(&e.instrument)?);
                vec![
                    Fact::Movement(c, i, (at.date(), order), e.quantity),
                    Fact::Flow(c, order, Flow::Units(i, e.quantity)),
                ]
            }
            Event::Fill(e) => self.of_fill(e, order)?,
            Event::TargetsSet(e) => {
                vec![Fact::Targets(self.customer(&e.customer)?, key, self.targets(e)?)]
            }
            Event::TiltsSet(e) => vec![self.of_tilts(e, key, epoch)?],
            Event::QuestionnaireCompleted(e) => self.customer(&e.customer).map(|_| Vec::new())?,
            Event::GoalsDefined(e) => self.customer(&e.customer).map(|_| Vec::new())?,
            _ => Vec::new(),
        });
        let customer = match event {
            Event::TaxpayerSet(e) => Some(self.customer(&e.customer)?),
            Event::TaxYearSet(e) => Some(self.customer(&e.customer)?),
            Event::CashPosted(e) => Some(self.customer(&e.customer)?),
            _ => None,
        };
        let about = MarketFact::about(event).and_then(|name| self.instrument(name));
        let of_market = about.and_then(|id| MarketFact::of(event, id, key));
        facts.extend(of_market.map(|fact| Fact::Market(Box::new(fact))));
        facts.extend(TaxSaid::of(event, customer, order).map(|said| Fact::Tax(Box::new(said))));
        facts.extend(self.of_lots(event, order, epoch).map(|fact| Fact::Lot(Box::new(fact))));
        Some(facts)
    }

    /// Money that comes in or goes out.
    fn of_money(
        &self,
        e: &DepositOrWithdrawal,
        sign: i128,
        order: Order,
        request: impl Fn(CustomerId, TriggerKind, Money) -> Fact,
    ) -> Option<Vec<Fact>> {
        let (c, amount, date) = (self.customer(&e.customer)?, sign * i128::from(e.amount.raw()), e.at.date());
        Some(vec![
            Fact::Posting(c, e.currency, amount, on(date)),
            Fact::Flow(c, order, Flow::Cash(e.currency, amount)),
            request(c, TriggerKind::CashFlow, Money::from_wide(amount)?),
        ])
    }

    /// What an event says of a day.
    fn of_day(&self, event: &Event, order: Order) -> Option<Vec<Fact>> {
        let (at, key) = (event.at(), (event.at(), order));
        Some(match event {
            Event::Close(e) => self.of_close(&e.instrument, e.date, key, e.price)?,
            Event::ClosingMark(e) => {
                // It gives way to what is official of the day, and says nothing of prices now.
                let key = (e.date.plus_days(-1).expect("a day within range").start(), order);
                let of_instrument = e.instrument.as_ref().zip(e.price).map(|(name, price)| {
                    Some(Fact::Day(Box::new(DayFact::Close(self.instrument(name)?, e.date, key, price))))
                });
                let of_pair = e.pair.zip(e.rate);
                let of_pair = of_pair.map(|(pair, rate)| DayFact::Rate(pair, e.date, key, rate));
                let of_pair = of_pair.map(|fact| Some(Fact::Day(Box::new(fact))));
                of_instrument.into_iter().chain(of_pair).collect::<Option<Vec<Fact>>>()?
            }
            Event::FxClose(e) => {
                let day = DayFact::Rate(e.pair, e.date, key, e.rate);
                vec![Fact::Rate(e.pair, key, e.rate), Fact::Day(Box::new(day))]
            }
            Event::InterestRateSet(e) => {
                vec![Fact::Day(Box::new(DayFact::Interest(e.currency, e.from, key, e.rate)))]
            }
            Event::FeeScheduleSet(e) => {
                let (c, key) = (self.customer(&e.customer)?, (e.from, at, order));
                vec![Fact::Day(Box::new(DayFact::Fees(c, key, e.as_ref().clone())))]
            }
            _ => Vec::new(),
        })
    }

    fn of_close(&self, name: &Name, date: TradeDate, key: Key, price: Price) -> Option<Vec<Fact>> {
        let i = self.instrument(name)?;
        Some(vec![Fact::Price(i, key, price), Fact::Day(Box::new(DayFact::Close(i, date, key, price)))])
    }

    fn of_fill(&self, e: &Fill, order: Order) -> Option<Vec<Fact>> {
        let (c, i) = (self.customer(&e.customer)?, self.instrument(&e.instrument)?);
        let notional = i128::from(e.quantity.notional(e.price)?.raw());
        let fee = i128::from(e.fee.raw());
        let (units, money) = match e.side {
            Side::Buy => (e.quantity.raw(), -(notional + fee)),
            Side::Sell => (-e.quantity.raw(), notional - fee),
        };
        let settles = self.settle_date(i, e.trade_date);
        Some(vec![
            Fact::Movement(c, i, (e.trade_date, order), Quantity::from_raw(units)),
            Fact::Posting(c, e.currency, money, (e.trade_date, settles)),
            Fact::Due(c, e.currency, settles, DueKind::Settlement, money),
        ])
    }

    fn of_conversion(&self, e: &FxConversion) -> Option<Vec<Fact>> {
        let c = self.customer(&e.customer)?;
        let legs = [(e.sold_currency, -e.sold.raw()), (e.bought_currency, e.bought.raw())];
        let dates = (e.at.date(), e.settle_date.unwrap_or(e.at.date()));
        let posted = legs.map(|(currency, raw)| Fact::Posting(c, currency, raw.into(), dates));
        let due = legs.into_iter().filter_map(|(currency, raw)| {
            Some(Fact::Due(c, currency, e.settle_date?, DueKind::Settlement, raw.into()))
        });
        Some(posted.into_iter().chain(due).collect())
    }

    /// What a corporate action does.
    fn of_action(&self, event: &Event, when: (Order, Epoch), name: &str) -> Option<Fact> {
        let (instrument, date, what) = match event {
            Event::Split(e) => (&e.instrument, e.ex_date, Doing::Split(e.new, e.old, e.cash_in_lieu)),
            Event::Distribution(e) => {
                let what = Doing::Distribution {
                    amount: e.amount,
                    franked: e.franked_fraction,
                    pay_date: e.pay_date,
                    paid: e.pay_date.start().epoch(self.epoch_ms),
                    price: e.reinvestment_price,
                };
                (&e.instrument, e.ex_date, what)
            }
            Event::Merger(e) => {
                let into = self.instrument(&e.into)?;
                if self.currencies.get(&into) != self.currencies.get(&self.instrument(&e.instrument)?) {
                    return None;
                }
                let what = Doing::Merger(into, e.new, e.old, e.cash.unwrap_or_default());
                (&e.instrument, e.effective_date, what)
            }
            Event::Delisting(e) => (&e.instrument, e.effective_date, Doing::Delisting(e.amount)),
            _ => return None,
        };
        self.action(instrument, date, when, name, what)
    }

    fn action(
        &self,
        instrument: &Name,
        date: TradeDate,
        (order, epoch): (Order, Epoch),
        name: &str,
        what: Doing,
    ) -> Option<Fact> {
        let instrument = self.instrument(instrument)?;
        let due = epoch.max(date.start().epoch(self.epoch_ms));
        let currency = *self.currencies.get(&instrument)?;
        Some(Fact::Action((date, order), Action { name: name.into(), instrument, currency, due, what }))
    }

    /// When a trade settles: at the home market of its currency.
    fn settle_date(&self, instrument: InstrumentId, trade_date: TradeDate) -> TradeDate {
        let calendars = Calendars::built_in().expect("the calendars that come with the program can be read");
        let home = self.currencies.get(&instrument).and_then(|currency| calendars.home_of(*currency));
        let any = Market::weekdays(Name::new("any").expect("a name"), 2);
        home.unwrap_or(&any).settlement_date(trade_date).date
    }

    /// Weights and bands; `None` when they name an instrument that is not known.
    fn targets(&mut self, e: &TargetsSet) -> Option<Targets> {
        let default = e.bands.get("default").copied().unwrap_or(BAND);
        let buckets = e.bands.iter().filter_map(|(name, band)| {
            let mut wanted = [None, None, None];
            for step in name.as_str().split('/') {
                let (dimension, label) = step.split_once(':')?;
                let known = ["asset_class", "region", "sector"];
                wanted[known.iter().position(|d| *d == dimension)?] = Some(label.to_owned());
            }
            Some((self.names.intern_instrument(name), (wanted, *band)))
        });
        let buckets = buckets.collect();
        let mut targets = Targets { lines: Default::default(), default, buckets };
        for (name, weight) in &e.weights {
            let band = e.bands.get(name).copied().unwrap_or(default);
            targets.lines.insert(self.instrument(name)?, (*weight, band));
        }
        if let Some(name) = &e.sweep {
            let band = e.bands.get(name).copied().unwrap_or(default);
            let left = Ratio::ONE - targets.lines.values().map(|(weight, _)| weight.raw()).sum::<i64>();
            let line = targets.lines.entry(self.instrument(name)?).or_insert((Ratio::ZERO, band));
            line.0 = Ratio::from_raw(line.0.raw() + left);
        }
        Some(targets)
    }

    /// Tilts, until the day after the last one begins.
    fn of_tilts(&self, e: &TiltsSet, key: Key, epoch: Epoch) -> Option<Fact> {
        let by = e.tilts.iter().map(|(name, by)| Some((self.instrument(name)?, *by)));
        let over =
            e.until.and_then(|until| Some(until.plus_days(1)?.start().epoch(self.epoch_ms).max(epoch)));
        let tilts = Tilts { by: by.collect::<Option<_>>()?, over };
        Some(Fact::Tilts(self.customer(&e.customer)?, key, tilts))
    }

    /// What an event says of lots.
    fn of_lots(&self, event: &Event, order: Order, epoch: Epoch) -> Option<LotFact> {
        let name: Arc<str> =
            event.id().map_or_else(|| format!("seq:{order}").into(), |id| id.as_str().into());
        let lot = LotId(lot_number(&name));
        let mut named = Vec::new();
        let due = |date: TradeDate| epoch.max(date.start().epoch(self.epoch_ms));
        let (of, date, what) = match event {
            Event::Fill(e) => {
                let instrument = self.instrument(&e.instrument)?;
                let (quantity, fee, notional) = (e.quantity, e.fee, e.quantity.notional(e.price)?.raw());
                let what = if e.side == Side::Buy {
                    let cost_base = Money::from_raw(notional + fee.raw());
                    What::Acquire { instrument, lot, quantity, cost_base, acquired: e.trade_date }
                } else {
                    named = e.lots.iter().map(|choice| choice.lot.as_str().into()).collect();
                    let choice = |c: &LotChoice| Choice {
                        lot: LotId(lot_number(c.lot.as_str())),
                        quantity: c.quantity,
                    };
                    let (disposal, lots) = (EventId(order), e.lots.iter().map(choice).collect());
                    let proceeds = Money::from_raw(notional - fee.raw());
                    What::Dispose { instrument, disposal, quantity, proceeds, fee, lots }
                };
                (Of::Customer(self.customer(&e.customer)?), e.trade_date, what)
            }
            Event::TransferIn(e) => {
                let (instrument, quantity, cost_base) =
                    (self.instrument(&e.instrument)?, e.quantity, e.cost_base);
                let what = What::Acquire { instrument, lot, quantity, cost_base, acquired: e.acquired };
                (Of::Customer(self.customer(&e.customer)?), e.at.date(), what)
            }
            Event::TargetsSet(e) => {
                let what = What::Election { method: e.cost_basis? };
                (Of::Customer(self.customer(&e.customer)?), e.at.date(), what)
            }
            Event::Split(e) => {
                let instrument = self.instrument(&e.instrument)?;
                let (event, in_lieu) = (EventId(order), e.cash_in_lieu);
                let what = What::Split { instrument, event, new: e.new, old: e.old, in_lieu };
                (Of::Instrument(instrument, due(e.ex_date)), e.ex_date, what)
            }
            Event::Distribution(e) => {
                let (instrument, per_unit) = (self.instrument(&e.instrument)?, e.cost_base_change?);
                let what = What::CostBase { instrument, event: EventId(order), per_unit };
                (Of::Instrument(instrument, due(e.ex_date)), e.ex_date, what)
            }
            Event::Merger(e) => {
                let (from, into) = (self.instrument(&e.instrument)?, self.instrument(&e.into)?);
                let (cash, value) = (e.cash.unwrap_or_default(), e.value.unwrap_or_default());
                let event = EventId(order);
                let terms = Replacement { from, into, event, new: e.new, old: e.old, cash, value };
                let of = Of::Instrument(from, due(e.effective_date));
                (of, e.effective_date, What::Replace(Box::new(terms)))
            }
            Event::Delisting(e) => {
                let instrument = self.instrument(&e.instrument)?;
                let what = What::Delist { instrument, event: EventId(order), per_unit: e.amount };
                (Of::Instrument(instrument, due(e.effective_date)), e.effective_date, what)
            }
            _ => return None,
        };
        let entry = Entry { date, at: event.at(), number: order, what };
        Some(LotFact { of, entry, name, named })
    }
}
