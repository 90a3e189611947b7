//! The ledger of one customer.
//!
//! Entries lie in one run, sorted by history and then by their order. A *history* is what has to be applied
//! together: the entries of one instrument, or of several once a replacement joins them. All histories but
//! those under `unsettled` are applied to the end and told. To change a history before its end, the rows of
//! the entries from there on are taken back: they are applied once more with the sign reversed.

use std::ops::Range;

use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{InstrumentId, TradeDate};

use crate::apply::apply;
use crate::entry::{Entry, What};
use crate::holding::{Teller, make_room, range};
use crate::row::{OpenLot, Row, consolidate};

/// The lots of one customer over all instruments, kept under any order of arrival and corrections.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// By history, then in order.
    entries: Vec<Entry>,
    /// In order; they concern all histories.
    elections: Vec<Entry>,
    /// By instrument, acquisition date and order of entry; those of unsettled histories as far as applied.
    lots: Vec<OpenLot>,
    /// Histories that are not applied to the end, with the number of entries that are.
    unsettled: Vec<(InstrumentId, usize)>,
    /// Rows taken back but not yet told.
    taken_back: Vec<(Row, i8)>,
    /// Instruments whose history goes by another's name.
    joined: Vec<(InstrumentId, InstrumentId)>,
}

impl Ledger {
    /// Takes an entry in. The same entry twice counts twice.
    pub fn insert(&mut self, entry: Entry) {
        let Some(instrument) = entry.instrument() else {
            return self.insert_election(entry);
        };
        if let What::Replace(terms) = &entry.what {
            self.join(terms.from, terms.into);
        }
        let history = self.history(instrument);
        let span = self.span(history);
        let place = span.start + self.entries[span.clone()].partition_point(|other| *other <= entry);
        self.reopen(history, &span, place - span.start);
        make_room(&mut self.entries);
        self.entries.insert(place, entry);
    }

    /// Takes back an entry that was taken in; `false` if it is not there.
    pub fn remove(&mut self, entry: &Entry) -> bool {
        let Some(instrument) = entry.instrument() else {
            return self.remove_election(entry);
        };
        let history = self.history(instrument);
        let span = self.span(history);
        let Ok(place) = self.entries[span.clone()].binary_search(entry) else { return false };
        self.reopen(history, &span, place);
        self.entries.remove(span.start + place);
        if self.entries.is_empty() {
            self.joined.clear();
        }
        true
    }

    /// Appends what changed since the last call, each row once with how many more or fewer of it there are.
    pub fn settle(&mut self, changes: &mut Vec<(Row, i8)>) {
        let from = changes.len();
        // Taken, not drained: its room is not kept, for a statement may restate every customer once a year.
        changes.extend(std::mem::take(&mut self.taken_back));
        for index in 0..self.unsettled.len() {
            let (history, applied) = self.unsettled[index];
            let span = self.span(history);
            let mut teller = Teller { rows: Some(changes), sign: 1 };
            for entry in &self.entries[span.start + applied..span.end] {
                apply(&mut self.lots, entry, method_on(&self.elections, entry.date), &mut teller);
            }
        }
        self.unsettled.clear();
        consolidate(changes, from);
    }

    /// The open lots as last settled, by instrument, acquisition date and order of entry.
    pub fn lots(&self) -> &[OpenLot] {
        debug_assert!(self.unsettled.is_empty(), "Invariant: lots are read after they are settled");
        &self.lots
    }

    /// The open lots of one instrument as last settled.
    pub fn lots_of(&self, instrument: InstrumentId) -> &[OpenLot] {
        &self.lots()[range(&self.lots, instrument)]
    }

    /// The method in force on a day.
    pub fn method_on(&self, date: TradeDate) -> CostBasis {
        method_on(&self.elections, date)
    }

    /// Whether no entry is left.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.elections.is_empty()
    }

    fn insert_election(&mut self, election: Entry) {
        self.reopen_all(election.date);
        let place = self.elections.partition_point(|other| *other <= election);
        self.elections.insert(place, election);
    }

    fn remove_election(&mut self, election: &Entry) -> bool {
        let Ok(place) = self.elections.binary_search(election) else { return false };
        self.reopen_all(election.date);
        self.elections.remove(place);
        true
    }

    /// Takes back what was applied from a date on, in all histories.
    fn reopen_all(&mut self, date: TradeDate) {
        let mut start = 0;
        while let Some(instrument) = self.entries.get(start).and_then(Entry::instrument) {
            let history = self.history(instrument);
            let span = self.span(history);
            let before = self.entries[span.clone()].partition_point(|entry| entry.date < date);
            if before < span.len() {
                self.reopen(history, &span, before);
            }
            start = span.end;
        }
    }

    /// Makes sure that no more than the first `upto` entries of a history are applied, those under `span`.
    fn reopen(&mut self, history: InstrumentId, span: &Range<usize>, upto: usize) {
        let known = self.unsettled.iter().position(|(other, _)| *other == history);
        let applied = known.map_or(span.len(), |index| self.unsettled[index].1);
        match known {
            Some(index) => self.unsettled[index].1 = applied.min(upto),
            None => self.unsettled.push((history, applied.min(upto))),
        }
        if upto < applied {
            self.take_back(history, span.start, upto..applied);
        }
    }

    /// Takes back some entries of a history, the last that are applied; it starts at `start`.
    fn take_back(&mut self, history: InstrumentId, start: usize, wrong: Range<usize>) {
        let mut lots = Vec::new();
        let mut silent = Teller { rows: None, sign: 1 };
        for entry in &self.entries[start..start + wrong.start] {
            apply(&mut lots, entry, method_on(&self.elections, entry.date), &mut silent);
        }
        let kept = lots.clone();
        let mut teller = Teller { rows: Some(&mut self.taken_back), sign: -1 };
        for entry in &self.entries[start + wrong.start..start + wrong.end] {
            apply(&mut lots, entry, method_on(&self.elections, entry.date), &mut teller);
        }
        let joined = &self.joined;
        let mine = |lot: &OpenLot| root(joined, lot.instrument) == history;
        debug_assert!(
            self.lots.iter().filter(|lot| mine(lot)).eq(&lots),
            "Invariant: what is taken back is what was told"
        );
        self.lots.retain(|lot| !mine(lot));
        self.lots.extend(kept);
        // Stable, as the order of lots of one day is.
        self.lots.sort_by_key(|lot| lot.instrument);
    }

    /// Makes one history of two instruments'.
    fn join(&mut self, one: InstrumentId, other: InstrumentId) {
        let (one, other) = (self.history(one), self.history(other));
        if one == other {
            return;
        }
        for history in [one, other] {
            let span = self.span(history);
            self.reopen(history, &span, 0);
        }
        let (history, gone) = (one.min(other), one.max(other));
        self.unsettled.retain(|(other, _)| *other != gone);
        for (_, to) in self.joined.iter_mut().filter(|(_, to)| *to == gone) {
            *to = history;
        }
        self.joined.push((gone, history));
        let joined = &self.joined;
        let of = |entry: &Entry| entry.instrument().map(|instrument| root(joined, instrument));
        self.entries.sort_by(|a, b| of(a).cmp(&of(b)).then_with(|| a.cmp(b)));
    }

    fn history(&self, instrument: InstrumentId) -> InstrumentId {
        root(&self.joined, instrument)
    }

    /// Where a history's entries lie.
    fn span(&self, history: InstrumentId) -> Range<usize> {
        let of = |entry: &Entry| entry.instrument().map(|instrument| root(&self.joined, instrument));
        let start = self.entries.partition_point(|entry| of(entry) < Some(history));
        let count = self.entries[start..].partition_point(|entry| of(entry) == Some(history));
        start..start + count
    }
}

fn root(joined: &[(InstrumentId, InstrumentId)], instrument: InstrumentId) -> InstrumentId {
    joined.iter().find(|(other, _)| *other == instrument).map_or(instrument, |(_, history)| *history)
}

fn method_on(elections: &[Entry], date: TradeDate) -> CostBasis {
    let upto = elections.partition_point(|election| election.date <= date);
    match elections[..upto].last().map(|election| &election.what) {
        Some(What::Election { method }) => *method,
        _ => CostBasis::Fifo,
    }
}
