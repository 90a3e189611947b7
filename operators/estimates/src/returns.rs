//! Closing marks to simple daily returns on a common calendar.
//!
//! The rule, whole:
//! - The calendar is given, or it is the days on which at least half of the instruments that are alive have a
//!   mark (alive is an instrument from its first mark to its last).
//! - A return belongs to the day it ends on. There is one if the instrument has a mark on that day and on the
//!   day before it on the calendar: `(u · p₁ + c) / p₀ − 1`, where one unit at the earlier close has become
//!   `u` units by splits and received `c` in distributions, ex after the earlier and up to the later day. On
//!   one ex date splits come first: a distribution is per unit of that day.
//! - A return over a gap is dropped, never spread over its days.
//! - What is left out is listed in [`Returns::left_out`] with its reason; nothing is filled in.

use std::collections::BTreeMap;

use evenkeel_schemas::{InstrumentId, Price, Quantity, TradeDate};
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::EstimateError;
use crate::left_out::LeftOut;

/// An official closing mark.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Of what.
    pub instrument: InstrumentId,
    /// The session's day.
    pub date: TradeDate,
    /// Price of a unit.
    pub price: Price,
}

/// What makes closes of two days not comparable as they are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Of what.
    pub instrument: InstrumentId,
    /// First day that trades without it.
    pub ex_date: TradeDate,
    /// What happened.
    pub action: Action,
}

/// What an issuer did.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `old` units became `new` units.
    Split {
        /// Units after.
        new: Quantity,
        /// Units before.
        old: Quantity,
    },
    /// Money per unit.
    Distribution(Price),
}

impl Adjustment {
    /// The order in which adjustments count: down to the amounts, so that sums do not depend on the order given.
    fn order(&self) -> (TradeDate, u8, i64, i64) {
        match self.action {
            Action::Split { new, old } => (self.ex_date, 0, new.raw(), old.raw()),
            Action::Distribution(amount) => (self.ex_date, 1, amount.raw(), 0),
        }
    }
}

/// Which days count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Calendar {
    /// Those on which at least half of the instruments alive have a mark.
    #[default]
    Majority,
    /// These; order and repetition do not matter.
    Given(Vec<TradeDate>),
}

/// How returns are taken from marks.
#[derive(Clone, Debug, PartialEq)]
pub struct ReturnRule {
    /// Which days count.
    pub calendar: Calendar,
    /// Whether distributions are part of the return (total return) or not (price return).
    pub distributions: bool,
    /// A wealth ratio above this or below its inverse is taken for a wrong mark or a split that nobody told
    /// of, and left out. By default 3.
    pub ratio_max: Option<f64>,
}

impl Default for ReturnRule {
    fn default() -> ReturnRule {
        ReturnRule { calendar: Calendar::Majority, distributions: true, ratio_max: Some(3.0) }
    }
}

/// Simple daily returns by day and instrument, some of which may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Returns {
    instruments: Vec<InstrumentId>,
    dates: Vec<TradeDate>,
    /// Day by instrument; zero where there is none.
    values: Array2<f64>,
    there: Array2<bool>,
    left_out: Vec<LeftOut>,
}

impl Returns {
    /// Instruments, by id; columns are in this order.
    pub fn instruments(&self) -> &[InstrumentId] {
        &self.instruments
    }

    /// The days that returns end on; rows are in this order.
    pub fn dates(&self) -> &[TradeDate] {
        &self.dates
    }

    /// The return of an instrument on a day, by their places; `None` where there is none.
    pub fn get(&self, date: usize, instrument: usize) -> Option<f64> {
        let place = [date, instrument];
        self.there.get(place).copied().unwrap_or(false).then(|| self.values[place])
    }

    /// A day's row, by its place.
    pub fn row(&self, date: usize) -> Vec<Option<f64>> {
        (0..self.instruments.len()).map(|instrument| self.get(date, instrument)).collect()
    }

    /// Day by instrument, if no return is missing.
    pub fn complete(&self) -> Option<ArrayView2<'_, f64>> {
        self.there.iter().all(|&there| there).then(|| self.values.view())
    }

    /// What was left out on the way here: by instrument and date, then by later selections in their order.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// A table of returns that are known already: days and instruments in order, each once. A return that is no finite
    /// number is none.
    pub fn of(
        instruments: Vec<InstrumentId>,
        dates: Vec<TradeDate>,
        get: impl Fn(TradeDate, InstrumentId) -> Option<f64>,
    ) -> Returns {
        let shape = (dates.len(), instruments.len());
        let (mut values, mut there) = (Array2::zeros(shape), Array2::from_elem(shape, false));
        for (t, &date) in dates.iter().enumerate() {
            for (i, &instrument) in instruments.iter().enumerate() {
                if let Some(value) = get(date, instrument).filter(|value| value.is_finite()) {
                    values[[t, i]] = value;
                    there[[t, i]] = true;
                }
            }
        }
        Returns { instruments, dates, values, there, left_out: Vec::new() }
    }

    /// Without instruments whose last return is more than `days` calendar days older than the last day.
    #[must_use]
    pub fn current(&self, days: i32) -> Returns {
        let Some(oldest) = self.dates.last().and_then(|last| last.plus_days(-days)) else {
            return self.clone();
        };
        let last =
            |i: usize| (0..self.dates.len()).rev().find(|&t| self.there[[t, i]]).map(|t| self.dates[t]);
        let (kept, old): (Vec<usize>, Vec<usize>) =
            self.all().into_iter().partition(|&i| last(i).is_none_or(|last| last >= oldest));
        let old = old.into_iter().map(|i| LeftOut::Stale { instrument: self.instruments[i], last: last(i) });
        let rows: Vec<usize> = (0..self.dates.len()).collect();
        self.select(&rows, &kept, old.collect())
    }

    /// An instrument's own returns with their places, by its place.
    pub(crate) fn column(&self, instrument: usize) -> Vec<(usize, f64)> {
        (0..self.dates.len()).filter_map(|t| Some((t, self.get(t, instrument)?))).collect()
    }

    /// Instruments with at least `needed` returns of their own.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] when nothing is left.
    pub(crate) fn long(&self, needed: usize) -> Result<Returns, EstimateError> {
        let own = self.observations();
        let (kept, left_out) = self.long_enough(&own, needed);
        self.anything_left(&kept, &own, needed)?;
        Ok(self.select(&(0..self.dates.len()).collect::<Vec<_>>(), &kept, left_out))
    }

    /// The most recent `days` days.
    #[must_use]
    pub fn last(&self, days: usize) -> Returns {
        let from = self.dates.len().saturating_sub(days);
        self.select(&(from..self.dates.len()).collect::<Vec<_>>(), &self.all(), Vec::new())
    }

    /// Days on which every instrument has a return (the common window), and no others.
    ///
    /// An instrument with fewer than `needed` returns of its own is left out. As long as there are too few
    /// common days, so is the instrument with the fewest returns, of equals the one with the greatest id.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] when nothing is left.
    pub fn common(&self, needed: usize) -> Result<Returns, EstimateError> {
        let own = self.observations();
        let (mut kept, mut left_out) = self.long_enough(&own, needed);
        let whole = |kept: &[usize]| -> Vec<usize> {
            (0..self.dates.len()).filter(|&t| kept.iter().all(|&i| self.there[[t, i]])).collect()
        };
        let mut rows = whole(&kept);
        while rows.len() < needed && !kept.is_empty() {
            let fewest = kept.iter().enumerate().rev().min_by_key(|&(_, &i)| own[i]);
            let Some((place, &i)) = fewest else { break };
            kept.remove(place);
            left_out.push(LeftOut::Overlap { instrument: self.instruments[i], observations: own[i], needed });
            rows = whole(&kept);
        }
        self.anything_left(&kept, &own, needed)?;
        for t in 0..self.dates.len() {
            let missing = kept.iter().filter(|&&i| !self.there[[t, i]]).count();
            if missing > 0 {
                left_out.push(LeftOut::Incomplete { date: self.dates[t], missing });
            }
        }
        Ok(self.select(&rows, &kept, left_out))
    }

    /// All days, and instruments of which every pair has at least `needed` days in common.
    ///
    /// An instrument with fewer than `needed` returns of its own is left out. As long as there are pairs with
    /// too few days in common, so is the instrument that is in most of them, of equals the one with the
    /// fewest returns, of equals the one with the greatest id.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] when nothing is left.
    pub fn pairwise(&self, needed: usize) -> Result<Returns, EstimateError> {
        let own = self.observations();
        let (mut kept, mut left_out) = self.long_enough(&own, needed);
        let common = self.common_days();
        loop {
            let short = |i: usize| kept.iter().filter(|&&j| common[[i, j]] < needed).count();
            let worst = kept.iter().enumerate().rev().max_by(|&(a, &i), &(b, &j)| {
                // The last of equals wins, so the greatest id has to come last.
                short(i).cmp(&short(j)).then(own[j].cmp(&own[i])).then(a.cmp(&b))
            });
            let Some((place, &i)) = worst.filter(|&(_, &i)| short(i) > 0) else { break };
            kept.remove(place);
            left_out.push(LeftOut::Overlap { instrument: self.instruments[i], observations: own[i], needed });
        }
        self.anything_left(&kept, &own, needed)?;
        Ok(self.select(&(0..self.dates.len()).collect::<Vec<_>>(), &kept, left_out))
    }

    /// Returns by instrument.
    fn observations(&self) -> Vec<usize> {
        self.there.columns().into_iter().map(|column| column.iter().filter(|&&there| there).count()).collect()
    }

    /// Days that each two instruments have in common.
    fn common_days(&self) -> Array2<usize> {
        let n = self.instruments.len();
        let mut common = Array2::zeros((n, n));
        for row in self.there.rows() {
            for i in (0..n).filter(|&i| row[i]) {
                for j in (0..n).filter(|&j| row[j]) {
                    common[[i, j]] += 1;
                }
            }
        }
        common
    }

    fn long_enough(&self, own: &[usize], needed: usize) -> (Vec<usize>, Vec<LeftOut>) {
        let (kept, short): (Vec<usize>, Vec<usize>) = self.all().into_iter().partition(|&i| own[i] >= needed);
        let short = short.into_iter().map(|i| {
            let (instrument, observations) = (self.instruments[i], own[i]);
            LeftOut::Short { instrument, observations, needed }
        });
        (kept, short.collect())
    }

    fn anything_left(&self, kept: &[usize], own: &[usize], needed: usize) -> Result<(), EstimateError> {
        match kept.is_empty() {
            false => Ok(()),
            true => {
                let got = own.iter().copied().max().unwrap_or(0);
                Err(EstimateError::TooFew { what: "observations of an instrument", needed, got })
            }
        }
    }

    fn all(&self) -> Vec<usize> {
        (0..self.instruments.len()).collect()
    }

    /// These rows and columns, with more that was left out.
    fn select(&self, dates: &[usize], instruments: &[usize], left_out: Vec<LeftOut>) -> Returns {
        Returns {
            instruments: instruments.iter().map(|&i| self.instruments[i]).collect(),
            dates: dates.iter().map(|&t| self.dates[t]).collect(),
            values: self.values.select(Axis(0), dates).select(Axis(1), instruments),
            there: self.there.select(Axis(0), dates).select(Axis(1), instruments),
            left_out: self.left_out.iter().copied().chain(left_out).collect(),
        }
    }
}

type Closes = BTreeMap<TradeDate, Price>;

/// Daily returns of all instruments that have a mark, by the rule at the head of this module. The order of
/// marks and adjustments does not matter.
///
/// # Errors
/// [`EstimateError::Setting`] for a `ratio_max` of 1 or below.
pub fn daily_returns(
    marks: &[Mark],
    adjustments: &[Adjustment],
    rule: &ReturnRule,
) -> Result<Returns, EstimateError> {
    if let Some(ratio) = rule.ratio_max.filter(|ratio| !(ratio.is_finite() && *ratio > 1.0)) {
        return Err(EstimateError::setting("ratio_max", "a number above 1", ratio));
    }
    let (closes, mut refused) = closes(marks);
    let calendar = calendar(&closes, &rule.calendar);
    let place: BTreeMap<TradeDate, usize> = calendar.iter().enumerate().map(|(t, &date)| (date, t)).collect();
    let mut actions: BTreeMap<InstrumentId, Vec<&Adjustment>> = BTreeMap::new();
    for adjustment in adjustments {
        actions.entry(adjustment.instrument).or_default().push(adjustment);
    }
    let days = calendar.len().saturating_sub(1);
    let mut values = Array2::zeros((days, closes.len()));
    let mut there = Array2::from_elem((days, closes.len()), false);
    let mut left_out = Vec::new();
    for (i, (&instrument, closes)) in closes.iter().enumerate() {
        let mut actions = actions.remove(&instrument).unwrap_or_default();
        actions.sort_by_key(|action| action.order());
        left_out.extend(refused.remove(&instrument).unwrap_or_default());
        let mut earlier: Option<(TradeDate, usize, Price)> = None;
        for (&date, &price) in closes {
            let Some(&t) = place.get(&date) else {
                left_out.push(LeftOut::OffCalendar { instrument, date });
                continue;
            };
            let before = earlier.replace((date, t, price));
            let Some((from, before, close)) = before else { continue };
            if t > before + 1 {
                left_out.push(LeftOut::Gap { instrument, from, to: date });
                continue;
            }
            match wealth_ratio((from, close), (date, price), &actions, rule.distributions) {
                None => left_out.push(LeftOut::Adjustment { instrument, date }),
                Some(ratio) if rule.ratio_max.is_some_and(|most| ratio > most || ratio * most < 1.0) => {
                    left_out.push(LeftOut::Suspect { instrument, date, ratio });
                }
                Some(ratio) => {
                    values[[t - 1, i]] = ratio - 1.0;
                    there[[t - 1, i]] = true;
                }
            }
        }
    }
    let dates = calendar.into_iter().skip(1).collect();
    Ok(Returns { instruments: closes.into_keys().collect(), dates, values, there, left_out })
}

/// Marks by instrument and day, and those that are none.
fn closes(marks: &[Mark]) -> (BTreeMap<InstrumentId, Closes>, BTreeMap<InstrumentId, Vec<LeftOut>>) {
    let mut given: BTreeMap<(InstrumentId, TradeDate), Vec<Price>> = BTreeMap::new();
    for mark in marks {
        given.entry((mark.instrument, mark.date)).or_default().push(mark.price);
    }
    let (mut closes, mut refused): (BTreeMap<_, Closes>, BTreeMap<_, Vec<_>>) = Default::default();
    for ((instrument, date), prices) in given {
        let one = prices[0];
        let why = if prices.iter().any(|price| *price != one) {
            Some(LeftOut::Conflict { instrument, date })
        } else {
            (one <= Price::ZERO).then_some(LeftOut::NotPositive { instrument, date })
        };
        let closes = closes.entry(instrument).or_default();
        match why {
            None => drop(closes.insert(date, one)),
            Some(why) => refused.entry(instrument).or_default().push(why),
        }
    }
    (closes, refused)
}

fn calendar(closes: &BTreeMap<InstrumentId, Closes>, calendar: &Calendar) -> Vec<TradeDate> {
    if let Calendar::Given(dates) = calendar {
        let mut dates = dates.clone();
        dates.sort_unstable();
        dates.dedup();
        return dates;
    }
    let mut days: BTreeMap<TradeDate, DayMarks> = BTreeMap::new();
    for closes in closes.values() {
        closes.keys().for_each(|&date| days.entry(date).or_default().marks += 1);
        if let Some((&first, &last)) = closes.keys().next().zip(closes.keys().next_back()) {
            days.entry(first).or_default().begin += 1;
            days.entry(last).or_default().end += 1;
        }
    }
    majority(&days)
}

/// What of a day decides whether it is on the calendar.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DayMarks {
    /// Instruments with a mark.
    pub marks: usize,
    /// Instruments whose first mark it has.
    pub begin: usize,
    /// Instruments whose last mark it has.
    pub end: usize,
}

/// The days on which at least half of the instruments alive have a mark: see [`Calendar::Majority`].
pub fn majority(days: &BTreeMap<TradeDate, DayMarks>) -> Vec<TradeDate> {
    let (mut alive, mut dates) = (0, Vec::new());
    for (&date, day) in days {
        alive += day.begin;
        if day.marks > 0 && 2 * day.marks >= alive {
            dates.push(date);
        }
        alive -= day.end.min(alive);
    }
    dates
}

/// The return between the closes of two days that follow each other on the calendar, by the rule at the head of this
/// module, but for the calendar; `None` where there is none. The order of adjustments, all of the instrument, does not
/// matter.
pub fn close_to_close(
    earlier: (TradeDate, Price),
    later: (TradeDate, Price),
    adjustments: &[Adjustment],
    rule: &ReturnRule,
) -> Option<f64> {
    if earlier.1 <= Price::ZERO || later.1 <= Price::ZERO {
        return None;
    }
    let mut actions: Vec<&Adjustment> = adjustments.iter().collect();
    actions.sort_by_key(|action| action.order());
    let ratio = wealth_ratio(earlier, later, &actions, rule.distributions)?;
    let suspect = rule.ratio_max.is_some_and(|most| ratio > most || ratio * most < 1.0);
    (!suspect).then_some(ratio - 1.0)
}

/// What one unit of the earlier close is worth at the later one, by the earlier close. `None` over an
/// adjustment that makes no sense.
fn wealth_ratio(
    (from, close): (TradeDate, Price),
    (to, price): (TradeDate, Price),
    actions: &[&Adjustment],
    distributions: bool,
) -> Option<f64> {
    let (mut units, mut cash) = (1.0, 0.0);
    let start = actions.partition_point(|action| action.ex_date <= from);
    for action in actions[start..].iter().take_while(|action| action.ex_date <= to) {
        match action.action {
            Action::Split { new, old } if new.raw() > 0 && old.raw() > 0 => {
                units *= new.raw() as f64 / old.raw() as f64;
            }
            Action::Distribution(amount) if amount >= Price::ZERO => {
                cash += if distributions { units * amount.raw() as f64 } else { 0.0 };
            }
            _ => return None,
        }
    }
    Some((units * price.raw() as f64 + cash) / close.raw() as f64)
}
