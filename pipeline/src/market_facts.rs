//! What events say of a market: listings, closes, splits, distributions, with corrections taken in.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_backtest::{History, Listed, Payment, Split};
use evenkeel_estimates::Mark;
use evenkeel_schemas::events::{Event, InstrumentListed};
use evenkeel_schemas::{InstrumentId, Name};

/// Facts of a market, in the order in which they were told.
#[derive(Default)]
pub(crate) struct MarketFacts {
    /// None where a correction took it back.
    events: Vec<Option<Event>>,
    /// Where each id stands.
    ids: BTreeMap<Name, usize>,
    /// Events of other types, by type.
    pub passed_over: BTreeMap<&'static str, u64>,
}

impl MarketFacts {
    /// Events taken.
    pub fn taken(&self) -> usize {
        self.events.iter().flatten().count()
    }

    /// Takes note of an accepted event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Correction(correction) => {
                match self.ids.remove(&correction.of) {
                    Some(at) => self.events[at] = None,
                    None => *self.passed_over.entry("correction").or_default() += 1,
                }
                if let Some(with) = correction.with {
                    self.take(with);
                }
            }
            Event::InstrumentListed(_)
            | Event::Close(_)
            | Event::ClosingMark(_)
            | Event::Split(_)
            | Event::Distribution(_) => {
                self.ids.extend(event.id().map(|id| (id.clone(), self.events.len())));
                self.events.push(Some(event));
            }
            other => *self.passed_over.entry(other.event_type().as_str()).or_default() += 1,
        }
    }

    /// The last listing of each instrument.
    pub fn listed(&self) -> BTreeMap<Name, &InstrumentListed> {
        let mut found = BTreeMap::new();
        for event in self.events.iter().flatten() {
            if let Event::InstrumentListed(listed) = event {
                found.insert(listed.instrument.clone(), listed.as_ref());
            }
        }
        found
    }

    /// Instruments with a close.
    pub fn with_close(&self) -> BTreeSet<Name> {
        let close = |event: &Event| match event {
            Event::Close(close) => Some(close.instrument.clone()),
            Event::ClosingMark(mark) => mark.instrument.clone(),
            _ => None,
        };
        self.events.iter().flatten().filter_map(close).collect()
    }

    /// The history of some instruments, under these numbers.
    pub fn history(
        &self,
        wanted: &BTreeMap<Name, &InstrumentListed>,
        ids: &BTreeMap<Name, InstrumentId>,
    ) -> History {
        let mut history = History::default();
        for (name, listed) in wanted {
            history.instruments.extend(ids.get(name).map(|instrument| Listed {
                instrument: *instrument,
                name: name.clone(),
                lot: listed.lot_size,
                tick: listed.tick_size,
                average_daily_value: listed.average_daily_value,
            }));
        }
        // Of two closes of one day the later said one counts, and what was frozen only where nothing is official.
        let (mut closes, mut frozen) = (BTreeMap::new(), BTreeMap::new());
        for event in self.events.iter().flatten() {
            match event {
                Event::Close(e) => {
                    closes.extend(ids.get(&e.instrument).map(|id| ((*id, e.date), e.price)));
                }
                Event::ClosingMark(e) => {
                    let id = e.instrument.as_ref().and_then(|name| ids.get(name));
                    frozen.extend(id.zip(e.price).map(|(id, price)| ((*id, e.date), price)));
                }
                Event::Split(e) => history.splits.extend(ids.get(&e.instrument).map(|instrument| Split {
                    instrument: *instrument,
                    ex_date: e.ex_date,
                    new: e.new,
                    old: e.old,
                })),
                Event::Distribution(e) => {
                    history.payments.extend(ids.get(&e.instrument).map(|instrument| Payment {
                        instrument: *instrument,
                        ex_date: e.ex_date,
                        pay_date: e.pay_date,
                        amount: e.amount,
                        franked_fraction: e.franked_fraction,
                    }));
                }
                _ => {}
            }
        }
        for (of, price) in frozen {
            closes.entry(of).or_insert(price);
        }
        let mark = |((instrument, date), price)| Mark { instrument, date, price };
        history.marks = closes.into_iter().map(mark).collect();
        history
    }
}
