//! A small world for tests: a log that drops known ids, and books that follow its fills.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::derive::trigger_id;
use evenkeel_schemas::events::{
    CostBasis, Decision, DecisionOrder, Event, EventType, Outcome, Session, SessionState, Side, TriggerKind,
    TriggerRef,
};
use evenkeel_schemas::{
    Currency, Epoch, Instant, InstrumentId, Measure, Money, Name, Pair, Price, Quantity, Rate, Ratio, Value,
};

use crate::books::{Books, InstrumentTerms, LotHeld};
use crate::snapshot::{Holding, OpenTrigger, Snapshot, TaxKnown};

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
pub fn units(whole: i64) -> Quantity {
    Quantity::from_whole(whole).unwrap()
}
pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}
pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}
pub fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}
pub fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

/// Books of AUD customers and AUD instruments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FakeBooks {
    pub instruments: BTreeMap<Name, (InstrumentTerms, Option<Price>)>,
    pub cash: BTreeMap<Name, Money>,
    pub held: BTreeMap<(Name, Name), Quantity>,
    pub targets: BTreeMap<(Name, Name), Ratio>,
    pub lots: BTreeMap<Name, Vec<LotHeld>>,
    pub tax: BTreeMap<Name, TaxKnown>,
}

impl FakeBooks {
    pub fn list(&mut self, instrument: &str, last: &str) {
        let id = InstrumentId(self.instruments.len() as u32);
        let terms = InstrumentTerms { id, currency: Currency::AUD, tick: price("0.01"), lot: units(1) };
        self.instruments.insert(name(instrument), (terms, Some(price(last))));
    }

    pub fn set_price(&mut self, instrument: &str, last: &str) {
        self.instruments.get_mut(&name(instrument)).unwrap().1 = Some(price(last));
    }

    pub fn customer(&mut self, customer: &str, cash: &str, held: &[(&str, i64)], targets: &[(&str, &str)]) {
        self.cash.insert(name(customer), money(cash));
        for (instrument, quantity) in held {
            self.held.insert((name(customer), name(instrument)), units(*quantity));
        }
        for (instrument, target) in targets {
            self.targets.insert((name(customer), name(instrument)), ratio(target));
        }
    }

    fn book(&mut self, event: &Event) {
        let Event::Fill(fill) = event else { return };
        let held = self.held.entry((fill.customer.clone(), fill.instrument.clone())).or_default();
        let cash = self.cash.entry(fill.customer.clone()).or_default();
        let notional = fill.quantity.notional(fill.price).unwrap();
        let (units, money) = match fill.side {
            Side::Buy => (fill.quantity.raw(), -notional.raw()),
            Side::Sell => (-fill.quantity.raw(), notional.raw()),
        };
        *held = Quantity::from_raw(held.raw() + units);
        *cash = Money::from_raw(cash.raw() + money - fill.fee.raw());
    }

    /// A snapshot of everything held or targeted.
    pub fn snapshot(&self, epoch: Epoch, customer: &Name, triggers: Vec<OpenTrigger>) -> Snapshot {
        let of = |key: &(Name, Name)| key.0 == *customer;
        let held = self.held.keys().chain(self.targets.keys()).filter(|key| of(key)).map(|key| key.1.clone());
        let holdings = held.collect::<BTreeSet<Name>>().into_iter().map(|instrument| {
            let (terms, last) = self.instruments[&instrument];
            Holding {
                instrument: terms.id,
                currency: terms.currency,
                quantity: self.quantity(customer, &instrument),
                price: last,
                rate: Some(Rate::PAR),
                lot: terms.lot,
                tick: terms.tick,
                target: self.target(customer, &instrument).unwrap_or(Ratio::ZERO),
                tilt: Ratio::ZERO,
                band: ratio("0.05"),
                average_daily_value: None,
                parcels: Vec::new(),
                name: instrument,
            }
        });
        Snapshot {
            epoch,
            customer: customer.clone(),
            base: Currency::AUD,
            nav: self.nav(customer),
            cash: self.cash(customer, Currency::AUD),
            foreign_cash: Value::ZERO,
            targeted: self.targets.keys().any(|key| key.0 == *customer),
            holdings: holdings.collect(),
            buckets: Vec::new(),
            triggers,
            method: CostBasis::Specific,
            tax: self.tax.get(customer).cloned(),
            reviewed: None,
        }
    }
}

impl Books for FakeBooks {
    fn instrument(&self, instrument: &Name) -> Option<InstrumentTerms> {
        self.instruments.get(instrument).map(|known| known.0)
    }
    fn price(&self, instrument: &Name) -> Option<Price> {
        self.instruments.get(instrument)?.1
    }
    fn rates(&self) -> Vec<(Pair, Rate)> {
        Vec::new()
    }

    fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        (from == to).then_some(Rate::PAR)
    }
    fn cash(&self, customer: &Name, currency: Currency) -> Money {
        let cash = self.cash.get(customer).filter(|_| currency == Currency::AUD);
        cash.copied().unwrap_or_default()
    }
    fn quantity(&self, customer: &Name, instrument: &Name) -> Quantity {
        self.held.get(&(customer.clone(), instrument.clone())).copied().unwrap_or_default()
    }
    fn nav(&self, customer: &Name) -> Option<Money> {
        let mut nav = self.cash(customer, Currency::AUD).raw();
        for ((_, instrument), quantity) in self.held.iter().filter(|(key, _)| key.0 == *customer) {
            nav += quantity.notional(self.price(instrument)?)?.raw();
        }
        Some(Money::from_raw(nav))
    }
    fn base(&self, customer: &Name) -> Option<Currency> {
        self.cash.contains_key(customer).then_some(Currency::AUD)
    }
    fn target(&self, customer: &Name, instrument: &Name) -> Option<Ratio> {
        self.targets.get(&(customer.clone(), instrument.clone())).copied()
    }
    fn lots(&self, customer: &Name) -> Vec<LotHeld> {
        self.lots.get(customer).cloned().unwrap_or_default()
    }
    fn tax_year(&self, customer: &Name) -> Option<TaxKnown> {
        self.tax.get(customer).cloned()
    }
}

/// A log that drops known ids, and books that follow it.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub books: FakeBooks,
    pub log: Vec<(Epoch, Event)>,
    ids: BTreeSet<Name>,
}

impl World {
    pub fn new(books: FakeBooks) -> World {
        World { books, ..World::default() }
    }

    /// Appends what is not in the log yet, and returns it.
    pub fn commit(&mut self, epoch: Epoch, events: Vec<Event>) -> Vec<Event> {
        let mut new = Vec::new();
        for event in events {
            if event.id().is_none_or(|id| self.ids.insert(id.clone())) {
                self.books.book(&event);
                self.log.push((epoch, event.clone()));
                new.push(event);
            }
        }
        new
    }
}

pub fn trigger(customer: &str, kind: TriggerKind, subject: &str, entered: Epoch) -> OpenTrigger {
    let trigger = TriggerRef {
        trigger: trigger_id(customer, kind, subject, entered),
        kind,
        subject: name(subject),
        entered,
    };
    let measure = Measure::Share(ratio("0.06"));
    OpenTrigger { trigger, measure, limit: Measure::Share(ratio("0.05")) }
}

/// A logged trade decision: orders as (instrument, side, units, limit), named decision-instrument.
pub fn decision(id: &str, customer: &str, orders: &[(&str, Side, i64, &str)]) -> Event {
    let order = |(instrument, side, quantity, limit): &(&str, Side, i64, &str)| DecisionOrder {
        order: name(&format!("{id}-{instrument}")),
        instrument: name(instrument),
        side: *side,
        quantity: units(*quantity),
        limit: price(limit),
        lots: Vec::new(),
    };
    Event::Decision(Box::new(Decision {
        event_type: EventType::Decision,
        at: Instant::from_epoch(0),
        id: Some(name(id)),
        recorded: None,
        decision: name(id),
        customer: name(customer),
        snapshot: 0,
        attempt: 0,
        triggers: Vec::new(),
        outcome: Outcome::Trade,
        reason: String::new(),
        review: None,
        nav: None,
        cash: None,
        objective: BTreeMap::new(),
        before: Vec::new(),
        after: Vec::new(),
        orders: orders.iter().map(order).collect(),
    }))
}

pub fn session(state: SessionState) -> Event {
    Event::Session(Box::new(Session {
        event_type: EventType::Session,
        at: Instant::from_epoch(0),
        id: None,
        recorded: None,
        market: name("XASX"),
        state,
    }))
}
