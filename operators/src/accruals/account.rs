//! One customer's days.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use evenkeel_schemas::{
    AccrualKind, AccrualRow, AnomalyKind, Currency, CustomerId, InstrumentId, Money, Pair, PaymentStatus,
    Quantity, Row, TradeDate, Unmarked, Value, div_half_even,
};

use super::market::Market;
use crate::counted::Counted;
use crate::facts::{
    Booked, CorporateAction, Election, Fact, FeeSchedule, Income, Received, TaxFact, Version,
};
use crate::positions::{Terms, walk_days};
use crate::told::Told;

/// Days of a year, and raw units of a ratio: what a sum of money × rate × days is divided by.
const PER_YEAR: i128 = 365 * 1_000_000_000;
/// Raw units of money in a cent.
const CENT: i128 = 10_000;

/// What is known of one customer.
#[derive(Default)]
pub(super) struct Account {
    pub base: Option<Currency>,
    /// Raw money that moved, as it came. Most customers have neither fees nor interest: nothing is added up before
    /// anybody asks.
    postings: Vec<(Booked, Currency, i64)>,
    /// Raw units that moved, as they came.
    moves: Vec<(TradeDate, InstrumentId, i64)>,
    elections: Counted<(InstrumentId, Election)>,
    /// Units by day on which they changed, while that stands.
    holdings: Option<Vec<(TradeDate, InstrumentId, i128)>>,
    schedules: Counted<(TradeDate, Version, Arc<FeeSchedule>)>,
    /// Months that are over and stand, from the first.
    pub closed: Vec<Month>,
    /// What was told.
    pub told: Vec<Told>,
}

/// A month that is over: its first day, what it tells, and what was paid for it when it was.
pub(super) struct Month {
    first: TradeDate,
    told: Vec<Told>,
    paid: Vec<(Currency, i128)>,
}

impl Account {
    /// Takes in a fact of the customer's own.
    pub fn take(&mut self, fact: Fact, times: isize) {
        let from = match fact {
            Fact::Posting(_, _, booked, _) => booked.date.min(booked.value_date),
            Fact::Movement(_, _, date, _) | Fact::FeeSchedule(_, date, ..) => date,
            Fact::Reinvest(_, _, election) => election.date,
            _ => return,
        };
        match fact {
            Fact::Posting(_, currency, booked, amount) => {
                push(&mut self.postings, (booked, currency, amount.raw()), times);
            }
            Fact::Movement(_, instrument, date, units) => {
                push(&mut self.moves, (date, instrument, units.raw()), times);
                self.holdings = None;
            }
            Fact::Reinvest(_, instrument, election) => {
                self.elections.add((instrument, election), times);
                self.holdings = None;
            }
            Fact::FeeSchedule(_, from, version, schedule) => {
                self.schedules.add((from, version, schedule), times);
            }
            _ => {}
        }
        self.reopen(from);
    }

    /// Something of a day is new: its month and later ones are worked out anew.
    pub fn reopen(&mut self, from: TradeDate) {
        let month = from.first_of_month();
        self.closed.truncate(self.closed.partition_point(|closed| closed.first < month));
    }

    /// What instruments did has changed.
    pub fn reshape(&mut self) {
        self.holdings = None;
    }

    /// Everything is worked out anew.
    pub fn restart(&mut self) {
        self.closed.clear();
    }

    /// Whether anything can accrue.
    pub fn earns(&self, first_interest: Option<TradeDate>) -> bool {
        !self.schedules.is_empty() || (first_interest.is_some() && !self.postings.is_empty())
    }

    /// What came and went again was never there.
    fn merge(&mut self) {
        merge(&mut self.postings);
        merge(&mut self.moves);
    }

    /// The schedule in force on a day.
    fn schedule(&self, date: TradeDate) -> Option<&FeeSchedule> {
        let begun = self.schedules.standing().rev().find(|(from, ..)| *from <= date);
        begun.map(|(.., schedule)| schedule.as_ref())
    }

    /// The first day on which anything can accrue.
    fn first_day(&self, market: &Market) -> Option<TradeDate> {
        let charged = self.schedules.standing().next().map(|(from, ..)| *from);
        let agreed = charged.into_iter().chain(market.first_interest()).min()?;
        let posted = self.postings.iter().map(|(booked, ..)| booked.date.min(booked.value_date));
        let begun = posted.chain(self.moves.iter().map(|(date, ..)| *date)).min()?;
        Some(agreed.max(begun))
    }

    /// Units by day on which they changed.
    fn walked(&self, market: &Market) -> Vec<(TradeDate, InstrumentId, i128)> {
        let mut groups: BTreeMap<InstrumentId, Vec<(TradeDate, InstrumentId, i128)>> = BTreeMap::new();
        for (date, instrument, raw) in &self.moves {
            let group = groups.entry(market.groups.of(*instrument)).or_default();
            group.push((*date, *instrument, i128::from(*raw)));
        }
        let mut elections: BTreeMap<InstrumentId, Vec<(Election, isize)>> = BTreeMap::new();
        for (instrument, election) in self.elections.standing() {
            elections.entry(*instrument).or_default().push((*election, 1));
        }
        let elected = |instrument| elections.get(&instrument).map_or(&[][..], Vec::as_slice);
        // Days that have not come are not reached.
        let terms = Terms { elections: &elected, paid: &|_| true };
        let mut days = Vec::new();
        for (group, moves) in groups {
            let of = |member: InstrumentId| market.actions.get(&member).map(move |actions| (member, actions));
            let actions = market.groups.members(group).filter_map(of);
            let actions: Vec<(InstrumentId, Arc<CorporateAction>)> = actions
                .flat_map(|(member, actions)| actions.standing().map(move |action| (member, action.clone())))
                .collect();
            let mut before: BTreeMap<InstrumentId, i128> = BTreeMap::new();
            walk_days(moves, actions, &terms, |day, held| {
                let changed = held.iter().filter(|(instrument, units)| before.get(instrument) != Some(units));
                days.extend(changed.map(|(instrument, units)| (day, *instrument, *units)));
                let gone = before.keys().filter(|instrument| !held.contains_key(instrument));
                days.extend(gone.map(|instrument| (day, *instrument, 0)));
                before.clone_from(held);
            });
        }
        days.sort_by_key(|(day, ..)| *day);
        days
    }
}

/// Notes what came or went, so many times.
fn push<A: Copy, B: Copy>(all: &mut Vec<(A, B, i64)>, (a, b, raw): (A, B, i64), times: isize) {
    if all.len() == all.capacity() {
        all.reserve_exact(all.len() / 4 + 2);
    }
    // Money and units are never the least number of their type.
    let signed = if times < 0 { raw.saturating_neg() } else { raw };
    all.extend(std::iter::repeat_n((a, b, signed), times.unsigned_abs()));
}

/// Adds up what has the same key as far as its type holds it, and leaves out what comes to nothing.
fn merge<A: Copy + Ord, B: Copy + Ord>(all: &mut Vec<(A, B, i64)>) {
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let sum = kept.2.checked_add(next.2).filter(|_| (next.0, next.1) == (kept.0, kept.1));
        kept.2 = sum.unwrap_or(kept.2);
        sum.is_some()
    });
    all.retain(|(.., raw)| *raw != 0);
}

/// Cash and units as the days go by.
struct Days<'a> {
    balance: BTreeMap<Currency, i128>,
    settled: BTreeMap<Currency, i128>,
    units: BTreeMap<InstrumentId, i128>,
    /// What is still to come, by date, by value date, and of units.
    by_date: &'a [(Booked, Currency, i64)],
    by_value_date: VecDeque<(TradeDate, Currency, i64)>,
    by_holding: &'a [(TradeDate, InstrumentId, i128)],
}

impl<'a> Days<'a> {
    fn of(
        postings: &'a [(Booked, Currency, i64)],
        holdings: &'a [(TradeDate, InstrumentId, i128)],
    ) -> Days<'a> {
        let by_value_date =
            postings.iter().map(|(booked, currency, raw)| (booked.value_date, *currency, *raw));
        let mut by_value_date: Vec<(TradeDate, Currency, i64)> = by_value_date.collect();
        by_value_date.sort_unstable_by_key(|(day, ..)| *day);
        let (balance, settled, units) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let by_value_date = by_value_date.into();
        Days { balance, settled, units, by_date: postings, by_value_date, by_holding: holdings }
    }

    /// Takes in all days up to one.
    fn reach(&mut self, day: TradeDate) {
        while let Some(((booked, currency, raw), rest)) = self.by_date.split_first()
            && booked.date <= day
        {
            *self.balance.entry(*currency).or_default() += i128::from(*raw);
            self.by_date = rest;
        }
        while let Some((_, currency, raw)) = self.by_value_date.pop_front_if(|(date, ..)| *date <= day) {
            *self.settled.entry(currency).or_default() += i128::from(raw);
        }
        while let Some(((date, instrument, units), rest)) = self.by_holding.split_first()
            && *date <= day
        {
            self.units.insert(*instrument, *units);
            self.by_holding = rest;
        }
    }

    fn pay(&mut self, currency: Currency, raw: i128) {
        *self.balance.entry(currency).or_default() += raw;
        *self.settled.entry(currency).or_default() += raw;
    }

    /// What all of it is worth at a day's marks.
    fn nav(&self, base: Currency, day: TradeDate, market: &Market) -> Result<Money, Unmarked> {
        let rate = |currency| {
            let unknown = Unmarked::Pair(Pair { base: currency, quote: base });
            market.rate(currency, base, day).ok_or(unknown)
        };
        let mut nav = Value::ZERO;
        let mut add = |value: Option<Value>| {
            nav = value.and_then(|value| nav.checked_add(value)).ok_or(Unmarked::OutOfRange)?;
            Ok(())
        };
        for (instrument, raw) in self.units.iter().filter(|(_, raw)| **raw != 0) {
            let unknown = Unmarked::Instrument(*instrument);
            let currency = market.currency(*instrument).ok_or(unknown)?;
            let price = market.close(*instrument, day).ok_or(unknown)?;
            let units = Quantity::from_wide(*raw).ok_or(Unmarked::OutOfRange)?;
            add(Value::of_position(units, price, rate(currency)?))?;
        }
        for (currency, raw) in self.balance.iter().filter(|(_, raw)| **raw != 0) {
            let amount = Money::from_wide(*raw).ok_or(Unmarked::OutOfRange)?;
            add(Value::of_cash(amount, rate(*currency)?))?;
        }
        nav.to_money().ok_or(Unmarked::OutOfRange)
    }
}

/// Rates × raw money of one month, by kind and currency.
#[derive(Default)]
struct Sums {
    /// With the first day that counts.
    of: BTreeMap<(AccrualKind, Currency), (TradeDate, i128)>,
    unknown: Option<(TradeDate, Unmarked)>,
}

impl Sums {
    fn add(&mut self, kind: AccrualKind, currency: Currency, day: TradeDate, amount: i128) {
        if amount != 0 {
            let (_, sum) = self.of.entry((kind, currency)).or_insert((day, 0));
            *sum = sum.saturating_add(amount);
        }
    }
}

/// All that accrued of a customer, told.
pub(super) fn accrue(customer: CustomerId, account: &mut Account, market: &Market) -> Vec<Told> {
    account.merge();
    let nothing = Vec::new();
    let (Some(first), Some(last)) = (account.first_day(market), market.last_day()) else {
        account.closed.clear();
        return nothing;
    };
    let paid = |month: &Month| month.first.plus_months(1).is_some_and(|pay_date| pay_date <= last);
    account.closed.truncate(account.closed.partition_point(paid));
    let start = account.closed.last().and_then(|month| month.first.plus_months(1)).unwrap_or(first);
    if account.holdings.is_none() && !account.schedules.is_empty() {
        account.holdings = Some(account.walked(market));
    }
    // Both are put back: what accrues needs the rest of the account.
    let (postings, holdings) = (std::mem::take(&mut account.postings), account.holdings.take());
    let mut days = Days::of(&postings, holdings.as_deref().unwrap_or_default());
    for month in &account.closed {
        month.paid.iter().for_each(|(currency, raw)| days.pay(*currency, *raw));
    }
    let (mut sums, mut day, mut open) = (Sums::default(), start.max(first), Vec::new());
    while day <= last {
        days.reach(day);
        accrue_day(account, market, &days, day, &mut sums);
        let Some(next) = day.plus_days(1) else { break };
        if next.first_of_month() == next || next > last {
            let Some(pay_date) = day.first_of_month().plus_months(1) else { break };
            let of_month = std::mem::take(&mut sums);
            let (told, paid) = tell(customer, &of_month, day, pay_date, last >= pay_date);
            if last >= pay_date {
                // What is paid on the first is there on the first.
                days.reach(pay_date);
                paid.iter().for_each(|(currency, raw)| days.pay(*currency, *raw));
                account.closed.push(Month { first: day.first_of_month(), told, paid });
            } else {
                open = told;
            }
        }
        day = next;
    }
    (account.postings, account.holdings) = (postings, holdings);
    account.closed.iter().flat_map(|month| month.told.iter().cloned()).chain(open).collect()
}

fn accrue_day(account: &Account, market: &Market, days: &Days<'_>, day: TradeDate, sums: &mut Sums) {
    for (currency, settled) in days.settled.iter().filter(|(_, settled)| **settled > 0) {
        let rate = i128::from(market.interest(*currency, day).raw());
        if rate > 0 {
            sums.add(AccrualKind::Interest, *currency, day, settled.saturating_mul(rate));
        }
    }
    let (Some(base), Some(schedule)) = (account.base, account.schedule(day)) else { return };
    let charged = match days.nav(base, day, market) {
        Ok(nav) => charged(schedule, nav),
        Err(what) => {
            sums.unknown.get_or_insert((day, what));
            return;
        }
    };
    sums.add(AccrualKind::Fee, base, day, charged);
}

/// What a NAV is charged per year, raw money × raw ratio.
fn charged(schedule: &FeeSchedule, nav: Money) -> i128 {
    let one = 1_000_000_000;
    let mut sum = i128::from(schedule.flat.raw()) * one;
    for (at, tier) in schedule.tiers.iter().enumerate() {
        let below = schedule.tiers.get(at + 1).map_or(i64::MAX, |next| next.above.raw());
        let slice = nav.raw().min(below).saturating_sub(tier.above.raw()).max(0);
        sum += i128::from(slice) * i128::from(tier.rate.raw());
    }
    sum
}

/// What a month tells, and what is paid for it.
fn tell(
    customer: CustomerId,
    sums: &Sums,
    until: TradeDate,
    pay_date: TradeDate,
    over: bool,
) -> (Vec<Told>, Vec<(Currency, i128)>) {
    let (mut told, mut paid) = (Vec::new(), Vec::new());
    if let Some((from, what)) = sums.unknown {
        told.push(Told::Fault(customer, AnomalyKind::FeesUnknown(from, what)));
    }
    for ((kind, currency), (from, sum)) in &sums.of {
        if (*kind == AccrualKind::Fee && sums.unknown.is_some()) || *sum == 0 {
            continue;
        }
        let Some(amount) = Money::from_wide(div_half_even(*sum, PER_YEAR)) else {
            told.push(Told::Fault(customer, AnomalyKind::OutOfRange));
            continue;
        };
        let status = if over { PaymentStatus::Paid } else { PaymentStatus::Accrued };
        let (kind, currency, from) = (*kind, *currency, *from);
        let row = AccrualRow { customer, kind, currency, from, until, amount, pay_date, status };
        told.push(Told::Row(Row::Accrual(Box::new(row))));
        let cents = div_half_even(*sum, PER_YEAR * CENT) * CENT;
        let signed = if kind == AccrualKind::Fee { -cents } else { cents };
        let Some(moved) = Money::from_wide(signed).filter(|moved| over && *moved != Money::ZERO) else {
            continue;
        };
        paid.push((currency, signed));
        told.push(Told::Follows(Fact::Posting(customer, currency, Booked::on(pay_date), moved)));
        if kind == AccrualKind::Interest {
            let received = Received { date: pay_date, currency, amount: moved, kind: Income::Interest };
            let month = &from.to_string()[..7];
            let name = format!("interest:{currency}:{month}").into();
            told.push(Told::Follows(Fact::Tax(customer, Arc::new(TaxFact::Received(name, received)))));
        }
    }
    (told, paid)
}
