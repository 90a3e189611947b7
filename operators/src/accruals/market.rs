//! What is known of the market by date.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{Currency, InstrumentId, Price, Rate, Ratio, TradeDate};

use crate::counted::Counted;
use crate::dated::{Dated, DayRates};
use crate::facts::CorporateAction;
use crate::groups::Groups;

/// What is known of the market by date.
#[derive(Default)]
pub(super) struct Market {
    pub currencies: BTreeMap<InstrumentId, Counted<Currency>>,
    pub closes: BTreeMap<InstrumentId, Dated<Price>>,
    pub rates: DayRates,
    pub actions: BTreeMap<InstrumentId, Counted<Arc<CorporateAction>>>,
    pub groups: Groups,
    /// What balances earn, by first day.
    pub interest: BTreeMap<Currency, Dated<Ratio>>,
    /// How many marks each day has.
    pub days: BTreeMap<TradeDate, isize>,
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

    /// What an instrument is priced in.
    pub fn currency(&self, instrument: InstrumentId) -> Option<Currency> {
        self.currencies.get(&instrument)?.standing().next_back().copied()
    }

    /// The closing mark of an instrument on a day.
    pub fn close(&self, instrument: InstrumentId, date: TradeDate) -> Option<Price> {
        self.closes.get(&instrument)?.at(date).map(|(_, price)| price)
    }

    /// What one unit of `from` is in `to` on a day.
    pub fn rate(&self, from: Currency, to: Currency, date: TradeDate) -> Option<Rate> {
        self.rates.rate(from, to, date).map(|(_, rate)| rate)
    }

    /// What balances of a currency earn on a day.
    pub fn interest(&self, currency: Currency, date: TradeDate) -> Ratio {
        self.interest.get(&currency).and_then(|rates| rates.at(date)).map_or(Ratio::ZERO, |(_, rate)| rate)
    }

    /// The first day on which any balance earns.
    pub fn first_interest(&self) -> Option<TradeDate> {
        self.interest.values().filter_map(Dated::first).min()
    }
}
