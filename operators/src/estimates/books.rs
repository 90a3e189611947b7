//! All instruments, by what they are priced in.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_estimates::{ReturnRule, close_to_close};
use evenkeel_schemas::{Currency, InstrumentId, ReturnRow, Row, TradeDate};
use evenkeel_tax::Law;

use super::group::Group;
use super::instrument::Instrument;
use super::ratio;
use crate::epochwise::Changes;
use crate::facts::{Corporate, Fact};

/// Prices alone: what is paid is a yield.
const RULE: ReturnRule = ReturnRule {
    calendar: evenkeel_estimates::Calendar::Majority,
    distributions: false,
    ratio_max: Some(3.0),
};

pub(super) struct Books {
    instruments: BTreeMap<InstrumentId, Instrument>,
    groups: BTreeMap<Currency, Group>,
    /// Nothing when the texts that come with the program are not in order, which a test excludes.
    law: Option<Law>,
}

impl Default for Books {
    fn default() -> Books {
        Books { instruments: BTreeMap::new(), groups: BTreeMap::new(), law: Law::built_in().ok() }
    }
}

/// What a mark changed of an instrument.
#[derive(Default)]
struct Touched {
    /// Days whose close may be another.
    closes: BTreeSet<TradeDate>,
    /// Ex dates of splits that came or went.
    splits: BTreeSet<TradeDate>,
}

impl Books {
    /// Takes in what a mark brings; gives out what changed of returns and estimates.
    pub fn step(&mut self, changes: Changes<Fact>, out: &mut Changes<Row>) {
        let mut touched: BTreeMap<InstrumentId, Touched> = BTreeMap::new();
        for (fact, times) in changes {
            self.take(fact, times, &mut touched);
        }
        let mut days: BTreeMap<InstrumentId, BTreeSet<TradeDate>> = BTreeMap::new();
        let mut currencies = BTreeSet::new();
        for (id, touched) in &touched {
            let (closes, left) = self.regroup(*id, &touched.closes);
            days.insert(*id, closes);
            currencies.extend(left);
            currencies.extend(self.instruments.get(id).and_then(|instrument| instrument.group));
        }
        let moved: BTreeMap<Currency, BTreeSet<TradeDate>> = currencies
            .iter()
            .filter_map(|currency| Some((*currency, self.groups.get_mut(currency)?.settle())))
            .collect();
        for (id, touched) in &touched {
            let group = self.instruments.get(id).and_then(|instrument| self.groups.get(&instrument.group?));
            let (Some(group), Some(days)) = (group, days.get_mut(id)) else { continue };
            let next: Vec<TradeDate> = days.iter().filter_map(|day| group.after(*day)).collect();
            days.extend(next);
            days.extend(touched.splits.iter().filter_map(|day| group.from(*day)));
        }
        for (currency, moved) in moved.iter().filter(|(_, moved)| !moved.is_empty()) {
            let members = self.groups.get(currency).into_iter().flat_map(|group| &group.members);
            members.for_each(|id| days.entry(*id).or_default().extend(moved));
        }
        for (id, days) in days {
            self.returns(id, &days, out);
        }
        for currency in currencies {
            if let Some(group) = self.groups.get_mut(&currency) {
                group.tell(currency, &self.instruments, self.law.as_ref(), out);
                if group.members.is_empty() {
                    self.groups.remove(&currency);
                }
            }
        }
        for id in touched.into_keys() {
            if self.instruments.get(&id).is_some_and(Instrument::is_empty) {
                self.instruments.remove(&id);
            }
        }
    }

    fn take(&mut self, fact: Fact, times: isize, touched: &mut BTreeMap<InstrumentId, Touched>) {
        match fact {
            Fact::Listed(id, version, figures) => {
                self.instruments.entry(id).or_default().listed.add((version, *figures), times);
                touched.entry(id).or_default();
            }
            Fact::Close(id, date, version, price) => {
                self.instruments.entry(id).or_default().close(date, (version, price), times);
                touched.entry(id).or_default().closes.insert(date);
            }
            Fact::Corporate(id, action) => {
                let touched = touched.entry(id).or_default();
                if let Corporate::Split { .. } = action.what {
                    touched.splits.insert(action.date);
                }
                self.instruments.entry(id).or_default().actions.add(action, times);
            }
            _ => {}
        }
    }

    /// Counts an instrument's marks where they belong now; gives the days whose mark is another, and the currency that it
    /// was in before, if it is in that no more.
    fn regroup(
        &mut self,
        id: InstrumentId,
        closes: &BTreeSet<TradeDate>,
    ) -> (BTreeSet<TradeDate>, Option<Currency>) {
        let Some(instrument) = self.instruments.get_mut(&id) else { return Default::default() };
        let currency = instrument.figures().map(|figures| figures.currency);
        let before = instrument.group;
        let mut days = BTreeSet::new();
        if before != currency {
            if let Some(group) = before.and_then(|before| self.groups.get_mut(&before)) {
                group.ends(&instrument.marks, false);
                instrument.marks.keys().for_each(|date| group.mark(*date, false));
                group.members.remove(&id);
            }
            days.extend(std::mem::take(&mut instrument.marks).into_keys());
            instrument.group = currency;
        }
        if let Some(group) = currency.map(|currency| self.groups.entry(currency).or_default()) {
            group.members.insert(id);
            group.ends(&instrument.marks, false);
            let all: Vec<TradeDate> = instrument.closes.keys().copied().collect();
            let changed = if before == currency { None } else { Some(&all) };
            for date in closes.iter().chain(changed.into_iter().flatten()) {
                let (old, now) = (instrument.marks.get(date).copied(), instrument.latest(*date));
                if old == now {
                    continue;
                }
                days.insert(*date);
                match now {
                    Some(price) => drop(instrument.marks.insert(*date, price)),
                    None => drop(instrument.marks.remove(date)),
                }
                if old.is_some() != now.is_some() {
                    group.mark(*date, now.is_some());
                }
            }
            group.ends(&instrument.marks, true);
        }
        (days, before.filter(|before| Some(*before) != currency))
    }

    /// Works out an instrument's returns of some days anew.
    fn returns(&mut self, id: InstrumentId, days: &BTreeSet<TradeDate>, out: &mut Changes<Row>) {
        let Some(instrument) = self.instruments.get_mut(&id) else { return };
        let group = instrument.group.and_then(|group| self.groups.get(&group));
        let adjustments = instrument.adjustments(id);
        // Whoever left a currency has no returns of it.
        let mut days = days.clone();
        if group.is_none() {
            days.extend(instrument.returns.keys());
        }
        for date in days {
            let mark = |date: TradeDate| Some((date, *instrument.marks.get(&date)?));
            let earlier = group.and_then(|group| mark(group.before(date)?));
            let now = earlier
                .zip(mark(date))
                .and_then(|(earlier, later)| close_to_close(earlier, later, &adjustments, &RULE));
            let before = match now {
                Some(now) => instrument.returns.insert(date, now),
                None => instrument.returns.remove(&date),
            };
            let row = |value| Row::Return(ReturnRow { instrument: id, date, price_return: ratio(value) });
            let (before, now) = (before.map(row), now.map(row));
            if before != now {
                out.extend(before.map(|row| (row, -1)));
                out.extend(now.map(|row| (row, 1)));
            }
        }
    }
}
