//! Statements about days.

use std::collections::BTreeMap;

use evenkeel_schemas::{Currency, Money, Pair, Rate, TradeDate, div_half_even};

use crate::counted::Counted;
use crate::facts::Version;

/// Statements by date, of which the latest version of a date holds.
pub(crate) struct Dated<T>(BTreeMap<TradeDate, Counted<(Version, T)>>);

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Dated(BTreeMap::new())
    }
}

impl<T: Ord + Copy> Dated<T> {
    /// Counts a statement of a day in, or out.
    pub fn add(&mut self, date: TradeDate, statement: (Version, T), times: isize) {
        let day = self.0.entry(date).or_default();
        day.add(statement, times);
        if day.is_empty() {
            self.0.remove(&date);
        }
    }

    /// What holds on a day, and since when: the latest statement of the last day up to it that has one.
    pub fn at(&self, date: TradeDate) -> Option<(TradeDate, T)> {
        let latest = |day: &Counted<(Version, T)>| day.standing().next_back().map(|(_, value)| *value);
        self.0.range(..=date).rev().find_map(|(date, day)| Some((*date, latest(day)?)))
    }

    /// The first day of which anything is said.
    pub fn first(&self) -> Option<TradeDate> {
        self.0.keys().next().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Official rates of days.
#[derive(Default)]
pub(crate) struct DayRates(BTreeMap<Pair, Dated<Rate>>);

impl DayRates {
    /// Counts a rate in, or out.
    pub fn add(&mut self, pair: Pair, date: TradeDate, rate: (Version, Rate), times: isize) {
        self.0.entry(pair).or_default().add(date, rate, times);
    }

    /// What one unit of `from` is in `to` on a day, and since when: by the pair or the reversed one, whichever is of the
    /// later day.
    pub fn rate(&self, from: Currency, to: Currency, date: TradeDate) -> Option<(TradeDate, Rate)> {
        if from == to {
            return Some((date, Rate::PAR));
        }
        let pair = Pair { base: from, quote: to };
        let of = |pair: Pair| self.0.get(&pair).and_then(|rates| rates.at(date));
        let reversed = of(pair.reversed()).and_then(|(since, rate)| Some((since, rate.inverse()?)));
        match (of(pair), reversed) {
            (Some(direct), Some(reversed)) if reversed.0 > direct.0 => Some(reversed),
            (direct, reversed) => direct.or(reversed),
        }
    }
}

/// An amount at a rate, rounded half-even to the scale of money; `None` out of range.
pub(crate) fn translated(amount: Money, rate: Rate) -> Option<Money> {
    let product = i128::from(amount.raw()) * i128::from(rate.raw());
    Money::from_wide(div_half_even(product, i128::from(Rate::ONE)))
}
