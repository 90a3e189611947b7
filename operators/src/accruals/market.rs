//! What is known of the market by date.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{Currency, InstrumentId, Pair, Price, Rate, Ratio, TradeDate};

use crate::counted::Counted;
use crate::facts::{CorporateAction, Version};
use crate::groups::Groups;

/// Statements by date, of which the latest version of a date holds.
pub(super) type Dated<T> = BTreeMap<TradeDate, Counted<(Version, T)>>;

/// What is known of the market by date.
#[derive(Default)]
pub(super) struct Market {
    pub currencies: BTreeMap<InstrumentId, Currency>,
    pub closes: BTreeMap<InstrumentId, Dated<Price>>,
    pub rates: BTreeMap<Pair, Dated<Rate>>,
    pub actions: BTreeMap<InstrumentId, Counted<Arc<CorporateAction>>>,
    pub groups: Groups,
    /// What balances earn, by first day.
    pub interest: BTreeMap<Currency, Dated<Ratio>>,
    /// How many marks each day has.
    pub days: BTreeMap<TradeDate, isize>,
}

/// Counts a statement of a day in, or out.
pub(super) fn state<T: Ord>(of: &mut Dated<T>, date: TradeDate, statement: (Version, T), times: isize) {
    let day = of.entry(date).or_default();
    day.add(statement, times);
    if day.is_empty() {
        of.remove(&date);
    }
}

/// What holds on a day: the latest statement of the last day up to it that has one.
pub(super) fn at<T: Ord + Copy>(of: &Dated<T>, date: TradeDate) -> Option<T> {
    let latest = |day: &Counted<(Version, T)>| day.standing().next_back().map(|(_, value)| *value);
    of.range(..=date).rev().find_map(|(_, day)| latest(day))
}

impl Market {
    /// A day has one mark more, or one less.
    pub fn mark(&mut self, date: TradeDate, times: isize) {
        let marks = self.days.entry(date).or_default();
        *marks += times;
        if *marks == 0 {
            self.days.remove(&date);
        }
    }

    /// The last day that there is.
    pub fn last_day(&self) -> Option<TradeDate> {
        self.days.iter().rev().find(|(_, marks)| **marks > 0).map(|(date, _)| *date)
    }

    /// The closing mark of an instrument on a day.
    pub fn close(&self, instrument: InstrumentId, date: TradeDate) -> Option<Price> {
        at(self.closes.get(&instrument)?, date)
    }

    /// What one unit of `from` is in `to` on a day, by the pair or the reversed one.
    pub fn rate(&self, from: Currency, to: Currency, date: TradeDate) -> Option<Rate> {
        if from == to {
            return Some(Rate::PAR);
        }
        let pair = Pair { base: from, quote: to };
        let direct = self.rates.get(&pair).and_then(|rates| at(rates, date));
        direct.or_else(|| at(self.rates.get(&pair.reversed())?, date)?.inverse())
    }

    /// What balances of a currency earn on a day.
    pub fn interest(&self, currency: Currency, date: TradeDate) -> Ratio {
        self.interest.get(&currency).and_then(|rates| at(rates, date)).unwrap_or(Ratio::ZERO)
    }

    /// The first day on which any balance earns.
    pub fn first_interest(&self) -> Option<TradeDate> {
        self.interest.values().filter_map(|rates| rates.keys().next()).min().copied()
    }
}
