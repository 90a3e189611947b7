//! Market data: closing marks, splits and distributions; and the table of sessions made of them.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_calendar::Market;
use evenkeel_estimates::{Action, Adjustment, Mark};
use evenkeel_schemas::{InstrumentId, Money, Name, Price, Quantity, Ratio, TradeDate};
use serde::{Deserialize, Serialize};

use crate::error::BacktestError;

/// An instrument that can be held. All are priced in the base currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Which.
    pub instrument: InstrumentId,
    /// What people call it.
    pub name: Name,
    /// Units in a lot.
    pub lot: Quantity,
    /// Smallest step of a limit price.
    pub tick: Price,
    /// Value traded on an average day; none if unknown: then no order is too large.
    pub average_daily_value: Option<Money>,
}

/// `old` units become `new`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Of what.
    pub instrument: InstrumentId,
    /// First day that trades without it.
    pub ex_date: TradeDate,
    /// Units after, positive.
    pub new: Quantity,
    /// Units before, positive.
    pub old: Quantity,
}

/// Money per unit.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Of what.
    pub instrument: InstrumentId,
    /// First day on which a buyer does not get it.
    pub ex_date: TradeDate,
    /// When it is paid, not before the ex date.
    pub pay_date: TradeDate,
    /// Per unit held before the ex date, after splits of that day.
    pub amount: Price,
    /// The part that is franked, 0 to 1.
    pub franked_fraction: Ratio,
}

/// What the market did. Order does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Each once.
    pub instruments: Vec<Listed>,
    /// Closes, at most one an instrument and day. What is not positive or of no listed instrument is left out
    /// and counted.
    pub marks: Vec<Mark>,
    /// Splits.
    pub splits: Vec<Split>,
    /// Distributions.
    pub payments: Vec<Payment>,
}

/// The history by session.
pub(crate) struct Table {
    pub listed: Vec<Listed>,
    pub dates: Vec<TradeDate>,
    /// By session and instrument.
    pub prices: Vec<Vec<Option<Price>>>,
    /// By session: those with an ex date after the session before and up to it, splits in the order of their
    /// dates.
    pub splits: Vec<Vec<Split>>,
    pub payments: Vec<Vec<Payment>>,
    /// Marks that no session took.
    pub left_out: usize,
}

impl Table {
    /// The sessions from a day to a day: trading days of the market with at least one mark.
    ///
    /// # Errors
    /// [`BacktestError::Invalid`], [`BacktestError::NoSessions`], [`BacktestError::Calendar`].
    pub fn new(
        history: &History,
        market: &Market,
        from: TradeDate,
        to: TradeDate,
    ) -> Result<Table, BacktestError> {
        let problems = problems(history);
        if !problems.is_empty() {
            return Err(BacktestError::Invalid(problems));
        }
        let mut listed = history.instruments.clone();
        listed.sort_by_key(|one| one.instrument);
        let place: BTreeMap<InstrumentId, usize> =
            listed.iter().enumerate().map(|(at, one)| (one.instrument, at)).collect();
        let mut rows: BTreeMap<TradeDate, Vec<Option<Price>>> = BTreeMap::new();
        let mut left_out = 0;
        // Sorted, so that of two marks of one day the lower counts, whatever order they came in.
        let mut marks = history.marks.clone();
        marks.sort_by_key(|mark| (mark.date, mark.instrument, std::cmp::Reverse(mark.price)));
        for mark in marks.iter().filter(|mark| mark.date <= to) {
            let Some(at) = place.get(&mark.instrument).filter(|_| mark.price > Price::ZERO) else {
                left_out += 1;
                continue;
            };
            let row = rows.entry(mark.date).or_insert_with(|| vec![None; listed.len()]);
            row[*at] = Some(mark.price);
        }
        let (mut dates, mut prices) = (Vec::new(), Vec::new());
        for (date, row) in rows {
            // Days before the first are only estimated from; their sessions are not asked of the calendar.
            if date < from || market.is_trading_day(date)? {
                dates.push(date);
                prices.push(row);
            } else {
                left_out += row.iter().flatten().count();
            }
        }
        if dates.iter().all(|date| *date < from) {
            return Err(BacktestError::NoSessions { from, to });
        }
        let session = |ex_date: TradeDate| {
            let at = dates.partition_point(|date| *date < ex_date);
            (at < dates.len()).then_some(at)
        };
        let (mut splits, mut payments) = (vec![Vec::new(); dates.len()], vec![Vec::new(); dates.len()]);
        for split in &history.splits {
            session(split.ex_date).into_iter().for_each(|at| splits[at].push(*split));
        }
        for payment in &history.payments {
            session(payment.ex_date).into_iter().for_each(|at| payments[at].push(*payment));
        }
        for splits in &mut splits {
            splits.sort_by_key(|split: &Split| (split.ex_date, split.instrument, split.new, split.old));
        }
        for payments in &mut payments {
            payments.sort_by_key(|p: &Payment| (p.ex_date, p.instrument, p.amount, p.pay_date));
        }
        Ok(Table { listed, dates, prices, splits, payments, left_out })
    }

    /// The first session on or after a day.
    pub fn first(&self, from: TradeDate) -> usize {
        self.dates.partition_point(|date| *date < from)
    }

    /// Splits and distributions of some sessions, as estimates take them.
    pub fn adjustments(&self, sessions: std::ops::Range<usize>) -> Vec<Adjustment> {
        let mut found = Vec::new();
        for at in sessions {
            found.extend(self.splits[at].iter().map(|split| Adjustment {
                instrument: split.instrument,
                ex_date: split.ex_date,
                action: Action::Split { new: split.new, old: split.old },
            }));
            found.extend(self.payments[at].iter().map(|payment| Adjustment {
                instrument: payment.instrument,
                ex_date: payment.ex_date,
                action: Action::Distribution(payment.amount),
            }));
        }
        found
    }

    /// Marks of some sessions, as estimates take them.
    pub fn marks(&self, sessions: std::ops::Range<usize>) -> Vec<Mark> {
        let mut found = Vec::new();
        for at in sessions {
            for (one, price) in self.listed.iter().zip(&self.prices[at]) {
                let mark =
                    |price: &Price| Mark { instrument: one.instrument, date: self.dates[at], price: *price };
                found.extend(price.as_ref().map(mark));
            }
        }
        found
    }
}

fn problems(history: &History) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for one in &history.instruments {
        if !seen.insert(one.instrument) {
            found.push(format!("{} is listed twice", one.name));
        }
        if one.lot <= Quantity::ZERO || one.tick <= Price::ZERO {
            found.push(format!(
                "{} has a lot of {} and a tick of {}; both are positive",
                one.name, one.lot, one.tick
            ));
        }
    }
    if history.instruments.is_empty() {
        found.push("no instrument is listed".to_owned());
    }
    for split in &history.splits {
        if split.new <= Quantity::ZERO || split.old <= Quantity::ZERO {
            found.push(format!(
                "the split of {}: {} for {}; both are positive",
                split.ex_date, split.new, split.old
            ));
        }
    }
    for payment in &history.payments {
        let share = (0..=Ratio::ONE).contains(&payment.franked_fraction.raw());
        if payment.amount < Price::ZERO || !share || payment.pay_date < payment.ex_date {
            found.push(format!(
                "the distribution of {}: {} a unit, franked {}, paid {}; expected 0 or more, 0 to 1, not before",
                payment.ex_date, payment.amount, payment.franked_fraction, payment.pay_date
            ));
        }
    }
    found
}
