//! Closing marks: when a market closes, what its instruments and all rates stand at is frozen as events, on which
//! everything by date is worked out.
//!
//! Input     committed events in log order ([`Closing::apply`]): listings, sessions, marks
//! Output    `closing_mark` and `fx_close` events, each under an id that derives from what it is about and the day
//! State     the market of each instrument; of markets that have closed, what is not frozen yet
//! Errors    none: what has no price is not frozen

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_calendar::Calendars;
use evenkeel_schemas::events::{ClosingMark, Event, EventType, FxClose, InstrumentListed, SessionState};
use evenkeel_schemas::{Epoch, Instant, Name, TradeDate};

use crate::books::Books;

/// A market that has closed.
#[derive(Clone, Debug)]
struct Closed {
    at: Instant,
    date: TradeDate,
    /// When its marks were proposed.
    proposed: Option<Epoch>,
    /// Marks on their way.
    waiting: BTreeSet<Name>,
    /// Marks that are in the log.
    frozen: BTreeSet<Name>,
}

/// Freezes marks when markets close.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    markets: BTreeMap<Name, Name>,
    closed: BTreeMap<Name, Closed>,
}

impl Closing {
    /// Takes note of a committed event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::InstrumentListed(listed) => self.list(listed),
            Event::Correction(correction) => {
                if let Some(Event::InstrumentListed(listed)) = &correction.with {
                    self.list(listed);
                }
            }
            Event::Session(session) if session.state == SessionState::Closed => {
                let (at, date) = (session.at, session.at.date());
                let (waiting, frozen) = (BTreeSet::new(), BTreeSet::new());
                let closed = Closed { at, date, proposed: None, waiting, frozen };
                self.closed.insert(session.market.clone(), closed);
            }
            // What is not frozen by then cannot be: the prices are others.
            Event::Session(session) => drop(self.closed.remove(&session.market)),
            Event::ClosingMark(_) | Event::FxClose(_) => {
                let Some(id) = event.id() else { return };
                for closed in self.closed.values_mut() {
                    closed.waiting.remove(id);
                    closed.frozen.insert(id.clone());
                }
                self.closed.retain(|_, closed| closed.proposed.is_none() || !closed.waiting.is_empty());
            }
            _ => {}
        }
    }

    fn list(&mut self, listed: &InstrumentListed) {
        let home = || Some(Calendars::built_in().ok()?.home_of(listed.currency)?.mic().clone());
        if let Some(market) = listed.market.clone().or_else(home) {
            self.markets.insert(listed.instrument.clone(), market);
        }
    }

    /// The marks that are to be frozen at an epoch. What was proposed before `since` and has not come back is proposed
    /// again.
    pub fn on_epoch(&mut self, epoch: Epoch, since: Epoch, books: &dyn Books) -> Vec<Event> {
        let mut events = Vec::new();
        for (market, closed) in &mut self.closed {
            if closed.proposed.is_some_and(|proposed| proposed >= since) {
                continue;
            }
            let again = closed.proposed.replace(epoch).is_some();
            let marks = marks(market, closed, &self.markets, books);
            let marks = marks.into_iter().filter(|mark| {
                let Some(id) = mark.id() else { return false };
                if closed.frozen.contains(id) {
                    return false;
                }
                if again { closed.waiting.contains(id) } else { closed.waiting.insert(id.clone()) }
            });
            events.extend(marks);
        }
        self.closed.retain(|_, closed| !closed.waiting.is_empty());
        events
    }

    /// Whether marks are on their way.
    pub fn pending(&self) -> bool {
        !self.closed.is_empty()
    }
}

fn marks(market: &Name, closed: &Closed, markets: &BTreeMap<Name, Name>, books: &dyn Books) -> Vec<Event> {
    let Closed { at, date, .. } = *closed;
    let id = |of: String| Name::new(&format!("closing:{of}:{date}")).ok();
    let instruments = markets.iter().filter(|(_, of)| *of == market);
    let prices = instruments.filter_map(|(instrument, _)| {
        let price = books.price(instrument)?;
        let (event_type, id) = (EventType::ClosingMark, Some(id(instrument.to_string())?));
        let instrument = instrument.clone();
        let mark = ClosingMark { event_type, at, id, recorded: None, instrument, price, date };
        Some(Event::ClosingMark(Box::new(mark)))
    });
    let rates = books.rates().into_iter().filter_map(|(pair, rate)| {
        let (event_type, id) = (EventType::FxClose, Some(id(pair.to_string())?));
        Some(Event::FxClose(Box::new(FxClose { event_type, at, id, recorded: None, pair, rate, date })))
    });
    prices.chain(rates).collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_schemas::events::Session;

    use super::*;
    use crate::fake::{FakeBooks, name, price};

    fn session(at: &str, state: SessionState) -> Event {
        let (event_type, market) = (EventType::Session, name("XASX"));
        let at = at.parse().unwrap();
        Event::Session(Box::new(Session { event_type, at, id: None, recorded: None, market, state }))
    }

    fn listed(instrument: &str, market: Option<&str>) -> Event {
        let market = market.map_or(String::new(), |market| format!(r#","market":"{market}""#));
        let text = format!(
            r#"{{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","instrument":"{instrument}","name":"x","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"{market}}}"#
        );
        evenkeel_schemas::events::parse_event(text.as_bytes()).unwrap()
    }

    #[test]
    fn marks_are_frozen_once_when_their_market_closes() {
        let mut books = FakeBooks::default();
        let mut closing = Closing::default();
        for (instrument, market) in [("VAS", None), ("A200", Some("XASX")), ("SPY", Some("XNYS"))] {
            books.list(instrument, "12.5");
            closing.apply(&listed(instrument, market));
        }
        closing.apply(&listed("NEW", None));
        assert!(closing.on_epoch(1_000, 0, &books).is_empty());
        closing.apply(&session("2026-01-05T06:00:00Z", SessionState::Closed));
        assert!(closing.pending());
        let marks = closing.on_epoch(2_000, 0, &books);
        let told: Vec<String> = marks.iter().filter_map(Event::id).map(ToString::to_string).collect();
        assert_eq!(told, ["closing:A200:2026-01-05", "closing:VAS:2026-01-05"], "NEW has no price");
        let Event::ClosingMark(mark) = &marks[1] else { panic!("{marks:?}") };
        assert_eq!((mark.price, mark.date.to_string().as_str()), (price("12.5"), "2026-01-05"));

        // On their way nothing is proposed; one that is lost is proposed again, by itself.
        closing.apply(&marks[0]);
        assert!(closing.on_epoch(3_000, 1_500, &books).is_empty());
        assert_eq!(closing.on_epoch(9_000, 8_000, &books), marks[1..]);
        closing.apply(&marks[1]);
        assert!(!closing.pending());
        assert!(closing.on_epoch(20_000, 19_000, &books).is_empty());

        // After a restart the log says what is frozen already.
        let mut again = Closing::default();
        again.apply(&listed("VAS", None));
        again.apply(&listed("A200", Some("XASX")));
        again.apply(&session("2026-01-05T06:00:00Z", SessionState::Closed));
        again.apply(&marks[0]);
        assert_eq!(again.on_epoch(30_000, 29_000, &books), marks[1..]);
    }

    #[test]
    fn what_was_not_frozen_before_the_next_session_is_not_frozen() {
        let mut books = FakeBooks::default();
        books.list("VAS", "12.5");
        let mut closing = Closing::default();
        closing.apply(&listed("VAS", None));
        closing.apply(&session("2026-01-05T06:00:00Z", SessionState::Closed));
        closing.apply(&session("2026-01-06T00:00:00Z", SessionState::Open));
        assert!(closing.on_epoch(9_000, 8_000, &books).is_empty() && !closing.pending());
    }
}
