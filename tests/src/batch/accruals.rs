//! Fees and interest, worked out again from the first day on at every mark, each day from everything that stands.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::FeeScheduleSet;
use evenkeel_schemas::{
    AccrualKind, AccrualRow, AnomalyKind, AnomalySource, Currency, CustomerId, Epoch, Instant, InstrumentId,
    Money, Pair, PaymentStatus, Price, Quantity, Rate, Ratio, Row, TradeDate, Unmarked, Value, div_half_even,
};

use super::BatchError;
use super::facts::{Facts, Key, Order};

/// Of one day, by effective time and file order.
type Dated<K, V> = BTreeMap<(K, TradeDate), BTreeMap<Key, V>>;

/// Something about a day.
#[derive(Clone, Debug)]
pub enum DayFact {
    /// A closing mark.
    Close(InstrumentId, TradeDate, Key, Price),
    /// An official rate.
    Rate(Pair, TradeDate, Key, Rate),
    /// What balances earn from a day on.
    Interest(Currency, TradeDate, Key, Ratio),
    /// What a customer pays from a day on.
    Fees(CustomerId, (TradeDate, Instant, Order), FeeScheduleSet),
}

/// What was said of days, and what accrued as of the last mark.
#[derive(Default)]
pub struct Accruals {
    closes: Dated<InstrumentId, Price>,
    rates: Dated<Pair, Rate>,
    interest: Dated<Currency, Ratio>,
    fees: BTreeMap<CustomerId, BTreeMap<(TradeDate, Instant, Order), FeeScheduleSet>>,
    standing: BTreeMap<CustomerId, Accrued>,
}

/// What accrued of one customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accrued {
    /// Rows and anomalies.
    pub rows: BTreeSet<Row>,
    /// What is paid: on which day, in what, raw.
    pub paid: Vec<(TradeDate, Currency, i128)>,
    /// Interest received: name, day, currency, amount.
    pub interest: Vec<(String, TradeDate, Currency, Money)>,
}

/// How the accruals of a customer changed.
pub struct Changed {
    /// Whose.
    pub customer: CustomerId,
    /// As of the mark before.
    pub before: Accrued,
    /// Now.
    pub now: Accrued,
}

fn put<K: Ord, V>(of: &mut Dated<K, V>, key: (K, TradeDate), said: Key, value: V, live: bool) {
    if live {
        of.entry(key).or_default().insert(said, value);
    } else if let Some(all) = of.get_mut(&key) {
        all.remove(&said);
        if all.is_empty() {
            of.remove(&key);
        }
    }
}

/// The latest of the last day up to one.
fn latest<K: Ord + Copy, V: Copy>(of: &Dated<K, V>, key: K, date: TradeDate) -> Option<(TradeDate, V)> {
    let days = of.iter().filter(|((k, day), _)| *k == key && *day <= date);
    days.map(|((_, day), said)| (*day, *said.values().next_back().expect("a day has a statement"))).last()
}

impl Accruals {
    /// Something begins (`live`) or ends to stand.
    pub fn apply(&mut self, fact: &DayFact, live: bool) {
        match fact {
            DayFact::Close(i, date, key, price) => put(&mut self.closes, (*i, *date), *key, *price, live),
            DayFact::Rate(pair, date, key, rate) => put(&mut self.rates, (*pair, *date), *key, *rate, live),
            DayFact::Interest(currency, from, key, rate) => {
                put(&mut self.interest, (*currency, *from), *key, *rate, live);
            }
            DayFact::Fees(customer, key, schedule) => {
                let all = self.fees.entry(*customer).or_default();
                if live {
                    all.insert(*key, schedule.clone());
                } else {
                    all.remove(key);
                }
            }
        }
    }

    /// The next epoch after one at which a day comes that something is said of.
    pub fn next_due(&self, after: Epoch, epoch_ms: u64) -> Option<Epoch> {
        let days = self.closes.keys().map(|(_, day)| *day).chain(self.rates.keys().map(|(_, day)| *day));
        days.map(|day| day.start().epoch(epoch_ms)).filter(|epoch| *epoch > after).min()
    }

    /// The official rate of a day, or of one before, with that day.
    pub fn rate(&self, from: Currency, to: Currency, date: TradeDate) -> Option<(TradeDate, Rate)> {
        if from == to {
            return Some((date, Rate::PAR));
        }
        let direct = latest(&self.rates, Pair { base: from, quote: to }, date);
        let reversed = latest(&self.rates, Pair { base: to, quote: from }, date);
        let reversed = reversed.and_then(|(day, rate)| Some((day, rate.inverse()?)));
        // Of one day the direct one.
        direct.into_iter().chain(reversed).min_by_key(|(day, _)| std::cmp::Reverse(*day))
    }

    /// Interest that a customer received by the last mark.
    pub fn interest_of(&self, customer: CustomerId) -> &[(String, TradeDate, Currency, Money)] {
        self.standing.get(&customer).map_or(&[], |accrued| accrued.interest.as_slice())
    }

    /// What a mark changes.
    ///
    /// # Errors
    /// [`BatchError`] when units leave their range.
    pub fn at_mark(&mut self, facts: &Facts, mark: Epoch) -> Result<Vec<Changed>, BatchError> {
        let mut changed = Vec::new();
        for customer in facts.with_books() {
            let now = self.accrued(facts, customer, mark)?;
            let before = self.standing.insert(customer, now.clone()).unwrap_or_default();
            if before != now {
                changed.push(Changed { customer, before, now });
            }
        }
        Ok(changed)
    }

    fn accrued(&self, facts: &Facts, customer: CustomerId, mark: Epoch) -> Result<Accrued, BatchError> {
        let mut all = Accrued::default();
        let fees = self.fees.get(&customer).filter(|fees| !fees.is_empty());
        let agreed = fees.and_then(|fees| fees.keys().next()).map(|(from, ..)| *from);
        let earned = self.interest.keys().map(|(_, from)| *from).min();
        let posted = facts.posted_by(customer, mark)?;
        let moved = facts.moved(customer);
        let begun = posted.iter().map(|(date, value_date, ..)| (*date).min(*value_date)).chain(moved).min();
        // What is said of a day counts once it has come.
        let come = |day: &TradeDate| day.start().epoch(facts.epoch_ms()) <= mark;
        let days = self.closes.keys().map(|(_, day)| *day).chain(self.rates.keys().map(|(_, day)| *day));
        let (Some(agreed), Some(begun), Some(last)) =
            (agreed.into_iter().chain(earned).min(), begun, days.filter(come).max())
        else {
            return Ok(all);
        };
        let mut day = agreed.max(begun);
        let mut month = Month::new(day);
        while day <= last {
            month.until = day;
            for currency in facts.currencies() {
                let settled = |(date, sum): (TradeDate, i128)| if date <= day { sum } else { 0 };
                let of = posted.iter().filter(|(_, _, c, _)| *c == currency);
                let balance: i128 = of.map(|(_, value_date, _, raw)| settled((*value_date, *raw))).sum();
                let paid = all.paid.iter().filter(|(_, c, _)| *c == currency);
                let balance = balance + paid.map(|(date, _, raw)| settled((*date, *raw))).sum::<i128>();
                let rate = latest(&self.interest, currency, day).map_or(0, |(_, rate)| rate.raw());
                if balance > 0 && rate > 0 {
                    let of = month.sums.entry((AccrualKind::Interest, currency)).or_insert((day, 0));
                    of.1 += balance * i128::from(rate);
                }
            }
            let schedule = fees.and_then(|fees| fees.iter().rev().find(|((from, ..), _)| *from <= day));
            if let (Some(base), Some((_, schedule))) = (facts.base(customer), schedule) {
                match self.nav(facts, customer, base, (day, mark, last), &posted, &all)? {
                    Ok(nav) => {
                        let yearly = yearly(schedule, nav);
                        if yearly > 0 {
                            month.sums.entry((AccrualKind::Fee, base)).or_insert((day, 0)).1 += yearly;
                        }
                    }
                    Err(what) => drop(month.unknown.get_or_insert((day, what))),
                }
            }
            let next = day.plus_days(1).expect("a day within range");
            if next == next.first_of_month() || next > last {
                let pay_date = month.from.first_of_month().plus_months(1).expect("a day within range");
                month.close(customer, pay_date, pay_date <= last, &mut all);
                month = Month::new(next);
            }
            day = next;
        }
        Ok(all)
    }

    fn nav(
        &self,
        facts: &Facts,
        customer: CustomerId,
        base: Currency,
        (day, mark, last): (TradeDate, Epoch, TradeDate),
        posted: &[(TradeDate, TradeDate, Currency, i128)],
        all: &Accrued,
    ) -> Result<Result<Money, Unmarked>, BatchError> {
        let rate = |currency| self.rate(currency, base, day).map(|(_, rate)| rate);
        let mut nav = Value::ZERO;
        for (instrument, raw) in facts.units_on(customer, day, mark, last)? {
            let currency = facts.currency(instrument);
            let close = latest(&self.closes, instrument, day);
            let (Some(currency), Some((since, price))) = (currency, close) else {
                return Ok(Err(Unmarked::Instrument(instrument)));
            };
            let price = facts.on_basis(instrument, price, (since, day), mark);
            let Some(rate) = rate(currency) else {
                return Ok(Err(Unmarked::Pair(Pair { base: currency, quote: base })));
            };
            let units = Quantity::from_wide(raw).expect("units in range");
            let value = Value::of_position(units, price, rate).expect("a value in range");
            nav = nav.checked_add(value).expect("a value in range");
        }
        let mut balances: BTreeMap<Currency, i128> = BTreeMap::new();
        let paid = all.paid.iter().map(|(date, currency, raw)| (*date, *currency, *raw));
        let posted = posted.iter().map(|(date, _, currency, raw)| (*date, *currency, *raw));
        for (date, currency, raw) in posted.chain(paid) {
            *balances.entry(currency).or_default() += if date <= day { raw } else { 0 };
        }
        for (currency, raw) in balances.into_iter().filter(|(_, raw)| *raw != 0) {
            let Some(rate) = rate(currency) else {
                return Ok(Err(Unmarked::Pair(Pair { base: currency, quote: base })));
            };
            let amount = Money::from_wide(raw).expect("cash in range");
            nav = nav
                .checked_add(Value::of_cash(amount, rate).expect("cash in range"))
                .expect("a NAV in range");
        }
        Ok(Ok(nav.to_money().expect("a NAV in range")))
    }
}

/// What a NAV costs per year, in 10⁻¹⁵.
fn yearly(schedule: &FeeScheduleSet, nav: Money) -> i128 {
    let mut sum = i128::from(schedule.flat.unwrap_or_default().raw()) * 1_000_000_000;
    let mut above = nav.raw();
    for tier in schedule.tiers.iter().rev() {
        if above > tier.above.raw() {
            sum += i128::from(above - tier.above.raw()) * i128::from(tier.rate.raw());
            above = tier.above.raw();
        }
    }
    sum
}

/// One month's sums.
struct Month {
    from: TradeDate,
    until: TradeDate,
    /// With the first day that counts.
    sums: BTreeMap<(AccrualKind, Currency), (TradeDate, i128)>,
    unknown: Option<(TradeDate, Unmarked)>,
}

impl Month {
    fn new(from: TradeDate) -> Month {
        Month { from, until: from, sums: BTreeMap::new(), unknown: None }
    }

    fn close(&self, customer: CustomerId, pay_date: TradeDate, over: bool, all: &mut Accrued) {
        if let Some((from, what)) = self.unknown {
            let (source, kind) = (AnomalySource::Customer(customer), AnomalyKind::FeesUnknown(from, what));
            all.rows.insert(Row::Anomaly { source, kind });
        }
        for ((kind, currency), (from, sum)) in &self.sums {
            if *sum == 0 || (*kind == AccrualKind::Fee && self.unknown.is_some()) {
                continue;
            }
            let per_year = 365 * 1_000_000_000;
            let amount = Money::from_wide(div_half_even(*sum, per_year)).expect("an accrual in range");
            let status = if over { PaymentStatus::Paid } else { PaymentStatus::Accrued };
            let (kind, currency, from, until) = (*kind, *currency, *from, self.until);
            let row = AccrualRow { customer, kind, currency, from, until, amount, pay_date, status };
            all.rows.insert(Row::Accrual(Box::new(row)));
            let cents = div_half_even(*sum, per_year * 10_000) * 10_000;
            if !over || cents == 0 {
                continue;
            }
            all.paid.push((pay_date, currency, if kind == AccrualKind::Fee { -cents } else { cents }));
            if kind == AccrualKind::Interest {
                let name = format!("interest:{currency}:{}", &from.to_string()[..7]);
                let amount = Money::from_wide(cents).expect("interest in range");
                all.interest.push((name, pay_date, currency, amount));
            }
        }
    }
}
