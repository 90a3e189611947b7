//! What is known of the market by date.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{Currency, InstrumentId, Price, Rate, Ratio, TradeDate, div_half_even};

use crate::counted::Counted;
use crate::dated::{Dated, DayRates};
use crate::facts::{Corporate, CorporateAction};
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

    /// The last closing mark of an instrument up to a day, on the basis of the splits up to that day.
    pub fn close(&self, instrument: InstrumentId, date: TradeDate) -> Option<Price> {
        let (since, price) = self.closes.get(&instrument)?.at(date)?;
        let mut raw = i128::from(price.raw());
        let actions = self.actions.get(&instrument).into_iter().flat_map(Counted::standing);
        for action in actions.filter(|action| since < action.date && action.date <= date) {
            if let Corporate::Split { new, old, .. } = action.what {
                let scaled = raw.checked_mul(i128::from(old.raw()))?;
                raw = div_half_even(scaled, i128::from(new.raw().max(1))).clamp(1, i64::MAX.into());
            }
        }
        i64::try_from(raw).ok().map(Price::from_raw)
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
