//! Closing marks: when a market closes, what its instruments and all rates stand at is frozen as events, on which
//! everything by date is worked out.
//!
//! Input     committed events in log order ([`Closing::apply`]): listings and their corrections, delistings, mergers,
//!           sessions, marks
//! Output    `closing_mark` events, each under an id that derives from what it is about and when its market closed
//! State     the market of each instrument; of each market its last session, and of one that has closed what is not
//!           frozen yet
//! Errors    none: what has no price, has ended, or is refused [`ATTEMPTS`] times is not frozen

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_calendar::Calendars;
use evenkeel_schemas::derive::event_id;
use evenkeel_schemas::events::{
    ClosingMark, Correction, Event, EventType, InstrumentListed, Session, SessionState,
};
use evenkeel_schemas::{Epoch, Instant, Name, TradeDate};

use crate::books::Books;

/// How often a mark is proposed: one that does not come back then is not wanted.
const ATTEMPTS: u32 = 3;

/// A market that has closed.
#[derive(Clone, Debug)]
struct Closed {
    at: Instant,
    date: TradeDate,
    /// How often its marks were proposed, and when last.
    attempts: u32,
    proposed: Option<Epoch>,
    /// Marks on their way.
    waiting: BTreeSet<Name>,
}

/// Freezes marks when markets close.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// By instrument, with the listing's event, if it has an id.
    markets: BTreeMap<Name, (Name, Option<Name>)>,
    /// From when on an instrument is no more.
    ended: BTreeMap<Name, TradeDate>,
    /// The last session event of each market.
    sessions: BTreeMap<Name, Instant>,
    closed: BTreeMap<Name, Closed>,
    /// Marks that are in the log, of the last days on which markets closed.
    frozen: BTreeMap<TradeDate, BTreeSet<Name>>,
}

impl Closing {
    /// Takes note of a committed event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::InstrumentListed(listed) => self.list(listed),
            Event::Delisting(e) => drop(self.ended.insert(e.instrument.clone(), e.effective_date)),
            Event::Merger(e) => drop(self.ended.insert(e.instrument.clone(), e.effective_date)),
            Event::Correction(correction) => self.correct(correction),
            Event::Session(session) => self.session(session),
            Event::ClosingMark(mark) => {
                let Some(id) = &mark.id else { return };
                self.frozen.entry(mark.date).or_default().insert(id.clone());
                while self.frozen.len() > 4 {
                    self.frozen.pop_first();
                }
                for closed in self.closed.values_mut() {
                    closed.waiting.remove(id);
                }
                self.closed.retain(|_, closed| closed.proposed.is_none() || !closed.waiting.is_empty());
            }
            _ => {}
        }
    }

    fn list(&mut self, listed: &InstrumentListed) {
        let home = || Some(Calendars::built_in().ok()?.home_of(listed.currency)?.mic().clone());
        if let Some(market) = listed.market.clone().or_else(home) {
            self.markets.insert(listed.instrument.clone(), (market, listed.id.clone()));
        }
    }

    fn correct(&mut self, correction: &Correction) {
        self.markets.retain(|_, (_, listing)| listing.as_ref() != Some(&correction.of));
        if let Some(with) = &correction.with
            && !matches!(with, Event::Session(_) | Event::ClosingMark(_))
        {
            self.apply(with);
        }
    }

    /// What is told late does not close a market that has opened since.
    fn session(&mut self, session: &Session) {
        let last = self.sessions.entry(session.market.clone()).or_insert(session.at);
        if session.at < *last {
            return;
        }
        *last = session.at;
        // What was not frozen by then cannot be: the prices are others.
        self.closed.remove(&session.market);
        if session.state == SessionState::Closed {
            let (at, date) = (session.at, session.at.date());
            let closed = Closed { at, date, attempts: 0, proposed: None, waiting: BTreeSet::new() };
            self.closed.insert(session.market.clone(), closed);
        }
    }

    /// The marks that are to be frozen at an epoch. What was proposed before `since` and has not come back is proposed
    /// again.
    pub fn on_epoch(&mut self, epoch: Epoch, since: Epoch, books: &dyn Books) -> Vec<Event> {
        let mut events = Vec::new();
        for market in self.closed.keys().cloned().collect::<Vec<_>>() {
            let Some(mut closed) = self.closed.remove(&market) else { continue };
            if closed.proposed.is_some_and(|proposed| proposed >= since) {
                self.closed.insert(market, closed);
                continue;
            }
            let again = closed.proposed.replace(epoch).is_some();
            closed.attempts += 1;
            let frozen = self.frozen.get(&closed.date);
            let mut marks = self.marks(&market, &closed, books);
            marks.retain(|mark| {
                let Some(id) = mark.id() else { return false };
                let known = frozen.is_some_and(|frozen| frozen.contains(id));
                !known && (!again || closed.waiting.contains(id))
            });
            closed.waiting = marks.iter().filter_map(Event::id).cloned().collect();
            events.extend(marks);
            if !closed.waiting.is_empty() && closed.attempts < ATTEMPTS {
                self.closed.insert(market, closed);
            }
        }
        events
    }

    /// When the oldest marks on their way were proposed; 0 if some are still to be.
    pub fn oldest(&self) -> Option<Epoch> {
        self.closed.values().map(|closed| closed.proposed.unwrap_or(0)).min()
    }

    /// Whether marks are on their way.
    pub fn pending(&self) -> bool {
        !self.closed.is_empty()
    }

    fn marks(&self, market: &Name, closed: &Closed, books: &dyn Books) -> Vec<Event> {
        let Closed { at, date, .. } = *closed;
        let mark = |of: String| {
            let id = Name::new(&format!("closing:{of}:{at}"));
            let id = id.unwrap_or_else(|_| event_id(&of, "closing", at.micros().unsigned_abs()));
            let (event_type, recorded) = (EventType::ClosingMark, None);
            let (instrument, price, pair, rate) = (None, None, None, None);
            ClosingMark { event_type, at, id: Some(id), recorded, instrument, price, pair, rate, date }
        };
        let stands = |instrument: &Name| self.ended.get(instrument).is_none_or(|ended| *ended > date);
        let instruments = self.markets.iter().filter(|(name, (of, _))| of == market && stands(name));
        let prices = instruments.filter_map(|(instrument, _)| {
            let (instrument, price) = (Some(instrument.clone()), Some(books.price(instrument)?));
            let of = instrument.as_ref().map(ToString::to_string)?;
            Some(ClosingMark { instrument, price, ..mark(of) })
        });
        let rates = books.rates().into_iter().map(|(pair, rate)| {
            let of = pair.to_string();
            ClosingMark { pair: Some(pair), rate: Some(rate), ..mark(of) }
        });
        prices.chain(rates).map(|mark| Event::ClosingMark(Box::new(mark))).collect()
    }
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
        assert_eq!(
            told,
            ["closing:A200:2026-01-05T06:00:00Z", "closing:VAS:2026-01-05T06:00:00Z"],
            "NEW has no price"
        );
        let Event::ClosingMark(mark) = &marks[1] else { panic!("{marks:?}") };
        assert_eq!((mark.price, mark.date.to_string().as_str()), (Some(price("12.5")), "2026-01-05"));

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

    #[test]
    fn what_never_comes_back_is_given_up_and_a_late_close_is_too_late() {
        let mut books = FakeBooks::default();
        books.list("VAS", "12.5");
        let mut closing = Closing::default();
        closing.apply(&listed("VAS", None));
        closing.apply(&session("2026-01-06T00:00:00Z", SessionState::Open));
        closing.apply(&session("2026-01-05T06:00:00Z", SessionState::Closed));
        assert!(!closing.pending(), "it has opened since");
        closing.apply(&session("2026-01-06T06:00:00Z", SessionState::Closed));
        let told: Vec<usize> = [1_000, 20_000, 40_000, 60_000]
            .map(|epoch| closing.on_epoch(epoch, epoch - 500, &books).len())
            .into();
        assert_eq!(told, [1, 1, 1, 0]);
        assert!(!closing.pending());

        // A second close of a day is another one; what has ended or was never listed has none.
        closing.apply(&session("2026-01-06T07:00:00Z", SessionState::Closed));
        assert_eq!(closing.on_epoch(70_000, 0, &books).len(), 1);
        let ended = r#"{"type":"delisting","at":"2026-01-05T00:00:00Z","instrument":"VAS","amount":"0","effective_date":"2026-01-06"}"#;
        closing.apply(&evenkeel_schemas::events::parse_event(ended.as_bytes()).unwrap());
        closing.apply(&session("2026-01-06T08:00:00Z", SessionState::Closed));
        assert!(closing.on_epoch(80_000, 0, &books).is_empty() && !closing.pending());
    }
}
