//! A naive monitor: everything recomputed each epoch, on 256-bit integers, following the formulas of the
//! textbook operators `valuations` and `drift`. It shares nothing with the kernel but the vocabulary.

use std::collections::{BTreeMap, BTreeSet};

use ethnum::I256;
use evenkeel_monitor::{Bucket, Change, Event, Monitor, Target};
use evenkeel_schemas::{
    AnomalyKind, BandSide, Currency, CustomerId, InstrumentId, Label, Labels, Money, Pair, Price, Quantity,
    Rate, Ratio, Value,
};

/// One thing that a history tells.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "each test file is a crate of its own and uses a part of this one")]
pub enum Op {
    Price(u32, Option<i64>),
    /// Every price, in parts of a thousand.
    Market(i64),
    Rate(Currency, Currency, Option<i64>),
    Terms(u32, Option<Currency>),
    Base(u32, Option<Currency>),
    Position(u32, u32, i64),
    Cash(u32, Currency, i64),
    /// Lines of instrument, weight and band; the band of the rest; labels and bands of buckets.
    Targets(u32, Vec<(u32, i64, i64)>, i64, Vec<([u32; 3], i64)>),
    NoTargets(u32),
    /// The floor under a customer's NAV, raw.
    Floor(u32, Option<i128>),
    /// By how much a floor rises.
    Raise(u32, i128),
    /// Labels of an instrument.
    Labels(u32, [u32; 3]),
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Breach(u32, BandSide),
    Floor,
    Anomaly(AnomalyKind),
}

/// Weights and bands by instrument, and the band of the rest.
type Targets = (BTreeMap<u32, (i64, i64)>, i64);

#[derive(Default)]
pub struct Oracle {
    prices: BTreeMap<u32, i64>,
    rates: BTreeMap<(Currency, Currency), i64>,
    terms: BTreeMap<u32, Currency>,
    bases: BTreeMap<u32, Currency>,
    positions: BTreeMap<u32, BTreeMap<u32, i64>>,
    cash: BTreeMap<u32, BTreeMap<Currency, i64>>,
    targets: BTreeMap<u32, Targets>,
    labels: BTreeMap<u32, [u32; 3]>,
    /// Bands by bucket, by customer.
    buckets: BTreeMap<u32, BTreeMap<u32, ([u32; 3], i64)>>,
    floors: BTreeMap<u32, i128>,
    told: BTreeMap<u32, BTreeMap<Told, (i64, i64)>>,
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn wide(number: i64) -> I256 {
    I256::from(number)
}

/// Rounded half-even; the denominator is positive.
fn round(numerator: I256, denominator: I256) -> I256 {
    let (two, one) = (I256::from(2), I256::from(1));
    let floor = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator) * two;
    let up = rest > denominator || rest == denominator && floor % two != I256::from(0);
    if up { floor + one } else { floor }
}

fn within(number: I256, limit: i128) -> bool {
    number <= I256::from(limit) && number >= I256::from(-limit - 1)
}

/// Does what an op says to a kernel, and to the oracle.
pub fn apply(op: &Op, oracle: &mut Oracle, monitors: &mut [Monitor]) {
    match op {
        Op::Market(permille) => {
            let prices: Vec<(u32, i64)> = oracle.prices.iter().map(|(i, p)| (*i, *p)).collect();
            for (instrument, price) in prices {
                let price = (i128::from(price) * i128::from(*permille) / 1000) as i64;
                apply(&Op::Price(instrument, Some(price)), oracle, monitors);
            }
        }
        Op::Close => panic!("close is not an op of its own"),
        Op::Raise(c, by) => {
            let Some(floor) = oracle.floors.get(c).map(|floor| floor + by) else { return };
            oracle.floors.insert(*c, floor);
            for monitor in monitors.iter_mut() {
                if let Some(row) = monitor.row(CustomerId(*c)) {
                    monitor.raise_floor(row, Value::from_raw(floor));
                }
            }
        }
        _ => {
            monitors.iter_mut().for_each(|monitor| tell(op, monitor));
            oracle.tell(op);
        }
    }
}

fn tell(op: &Op, monitor: &mut Monitor) {
    match op {
        Op::Price(i, price) => monitor.set_price(InstrumentId(*i), price.map(Price::from_raw)),
        Op::Rate(base, quote, rate) => {
            monitor.set_rate(Pair { base: *base, quote: *quote }, rate.map(Rate::from_raw));
        }
        Op::Terms(i, currency) => monitor.set_terms(InstrumentId(*i), *currency),
        Op::Base(c, currency) => monitor.set_base(CustomerId(*c), *currency),
        Op::Position(c, i, q) => {
            monitor.set_position(CustomerId(*c), InstrumentId(*i), Quantity::from_raw(*q));
        }
        Op::Cash(c, currency, amount) => {
            monitor.set_cash(CustomerId(*c), *currency, Money::from_raw(*amount));
        }
        Op::Targets(c, lines, rest, buckets) => {
            let bucket = |(labels, band): &([u32; 3], i64)| Bucket {
                bucket: InstrumentId(bucket_id(*labels)),
                labels: labelled(*labels),
                band: Ratio::from_raw(*band),
            };
            let buckets: Vec<Bucket> = buckets.iter().map(bucket).collect();
            let line = |(i, w, b): &(u32, i64, i64)| Target {
                instrument: InstrumentId(*i),
                weight: Ratio::from_raw(*w),
                band: Ratio::from_raw(*b),
            };
            let lines: Vec<Target> = lines.iter().map(line).collect();
            monitor.set_targets(CustomerId(*c), &lines, &buckets, Ratio::from_raw(*rest));
        }
        Op::NoTargets(c) => monitor.clear_targets(CustomerId(*c)),
        Op::Floor(c, floor) => monitor.set_floor(CustomerId(*c), floor.map(Value::from_raw)),
        Op::Labels(i, labels) => monitor.set_labels(InstrumentId(*i), labelled(*labels)),
        Op::Market(_) | Op::Raise(..) | Op::Close => {}
    }
}

/// A bucket's number: beyond those of instruments.
fn bucket_id([class, region, sector]: [u32; 3]) -> u32 {
    1_000_000 + class + 10 * region + 100 * sector
}

fn labelled(labels: [u32; 3]) -> Labels {
    Labels(labels.map(Label))
}

/// Notes the side on which a value is beyond its band, if it is.
fn judge(of: u32, nav: I256, value: I256, (target, band): (i64, i64), told: &mut BTreeMap<Told, (i64, i64)>) {
    let one = wide(Ratio::ONE);
    if value == I256::from(0) && target == 0 {
        return;
    }
    let side = if value * one > (wide(target) + wide(band)) * nav {
        BandSide::Over
    } else if value * one < (wide(target) - wide(band)) * nav {
        BandSide::Under
    } else {
        return;
    };
    let clamp = if value < I256::from(0) { -i64::MAX } else { i64::MAX };
    let weight = i64::try_from(round(value * one, nav)).unwrap_or(clamp);
    let drift = weight.checked_sub(target).unwrap_or(clamp);
    told.insert(Told::Breach(of, side), (drift.saturating_abs(), band));
}

impl Oracle {
    fn tell(&mut self, op: &Op) {
        match op {
            Op::Price(i, price) => put(&mut self.prices, *i, *price),
            Op::Rate(base, quote, rate) => put(&mut self.rates, (*base, *quote), *rate),
            Op::Terms(i, currency) => put(&mut self.terms, *i, *currency),
            Op::Base(c, currency) => put(&mut self.bases, *c, *currency),
            Op::Position(c, i, q) => {
                put(self.positions.entry(*c).or_default(), *i, Some(*q).filter(|q| *q != 0));
            }
            Op::Cash(c, currency, amount) => {
                put(self.cash.entry(*c).or_default(), *currency, Some(*amount).filter(|a| *a != 0));
            }
            Op::Targets(c, lines, rest, buckets) => {
                let lines = lines.iter().map(|(i, w, b)| (*i, (*w, *b))).collect();
                self.targets.insert(*c, (lines, *rest));
                let by_id = |(labels, band): &([u32; 3], i64)| (bucket_id(*labels), (*labels, *band));
                self.buckets.insert(*c, buckets.iter().map(by_id).collect());
            }
            Op::NoTargets(c) => drop(self.targets.remove(c)),
            Op::Floor(c, floor) => put(&mut self.floors, *c, *floor),
            Op::Labels(i, labels) => drop(self.labels.insert(*i, *labels)),
            Op::Market(_) | Op::Raise(..) | Op::Close => {}
        }
    }

    /// All prices, by instrument.
    pub fn prices(&self) -> impl Iterator<Item = i64> + '_ {
        self.prices.values().copied()
    }

    fn rate(&self, from: Currency, to: Currency) -> Option<i64> {
        if from == to { Some(Rate::ONE) } else { self.rates.get(&(from, to)).copied() }
    }

    /// All that holds for one customer now, with drift and band of breaches.
    fn state(&self, customer: u32) -> BTreeMap<Told, (i64, i64)> {
        let mut told = BTreeMap::new();
        let Some(base) = self.bases.get(&customer).copied() else { return told };
        let (mut gap, mut overflow, mut held) = (false, false, false);
        let (mut values, mut market_value, mut cash) = (BTreeMap::new(), I256::from(0), I256::from(0));
        for (i, q) in self.positions.get(&customer).into_iter().flatten() {
            held = true;
            let terms = self.terms.get(i).copied();
            let rate = terms.and_then(|currency| self.rate(currency, base));
            if terms.is_none() || !self.prices.contains_key(i) {
                told.insert(Told::Anomaly(AnomalyKind::Unpriced(InstrumentId(*i))), (0, 0));
                gap = true;
            }
            if let (Some(currency), None) = (terms, rate) {
                told.insert(Told::Anomaly(AnomalyKind::NoRate(Pair { base: currency, quote: base })), (0, 0));
                gap = true;
            }
            if let (Some(price), Some(rate)) = (self.prices.get(i), rate) {
                let value = wide(*q) * wide(*price) * wide(rate);
                overflow |= !within(value, i128::MAX);
                market_value += value;
                overflow |= !within(market_value, i128::MAX);
                values.insert(*i, value);
            }
        }
        for (currency, amount) in self.cash.get(&customer).into_iter().flatten() {
            held = true;
            let Some(rate) = self.rate(*currency, base) else {
                told.insert(
                    Told::Anomaly(AnomalyKind::NoRate(Pair { base: *currency, quote: base })),
                    (0, 0),
                );
                gap = true;
                continue;
            };
            let value = wide(*amount) * wide(rate) * I256::from(1_000_000);
            overflow |= !within(value, i128::MAX);
            cash += value;
            overflow |= !within(cash, i128::MAX);
        }
        if gap || !held {
            return told;
        }
        let nav = market_value + cash;
        let money = |value: I256| round(value, I256::from(10_i128.pow(15)));
        overflow |= !within(nav, i128::MAX);
        overflow |=
            [market_value, cash, nav].iter().any(|value| !within(money(*value), i128::from(i64::MAX)));
        if let Some(floor) = self.floors.get(&customer).filter(|_| !overflow)
            && nav <= I256::from(*floor)
        {
            let nav = nav.as_i128();
            told.insert(Told::Floor, ((nav >> 64) as i64, nav as i64));
        }
        if overflow {
            told.insert(Told::Anomaly(AnomalyKind::OutOfRange), (0, 0));
        } else if nav <= I256::from(0) {
            let nav = Money::from_raw(money(nav).as_i64());
            told.insert(Told::Anomaly(AnomalyKind::NoNav(nav)), (0, 0));
        } else if let Some((lines, rest)) = self.targets.get(&customer) {
            self.breaches(nav, &values, lines, *rest, &mut told);
            for (bucket, (wanted, band)) in self.buckets.get(&customer).into_iter().flatten() {
                let member = |i: &u32| {
                    let labels = self.labels.get(i).copied().unwrap_or_default();
                    (0..3).all(|at| wanted[at] == 0 || wanted[at] == labels[at])
                };
                let mut sum = Some(I256::from(0));
                for (_, value) in values.iter().filter(|(i, _)| member(i)) {
                    sum = sum.map(|sum| sum + *value).filter(|sum| within(*sum, i128::MAX));
                }
                let targets =
                    lines.iter().filter(|(i, _)| member(i)).map(|(_, (target, _))| i128::from(*target));
                let target = targets.sum::<i128>();
                let target = i64::try_from(target).unwrap_or(if target < 0 { -i64::MAX } else { i64::MAX });
                if let Some(value) = sum {
                    judge(*bucket, nav, value, (target, *band), &mut told);
                }
            }
        }
        told
    }

    fn breaches(
        &self,
        nav: I256,
        values: &BTreeMap<u32, I256>,
        lines: &BTreeMap<u32, (i64, i64)>,
        rest: i64,
        told: &mut BTreeMap<Told, (i64, i64)>,
    ) {
        for i in values.keys().chain(lines.keys()).collect::<BTreeSet<_>>() {
            let value = values.get(i).copied().unwrap_or(I256::from(0));
            judge(*i, nav, value, lines.get(i).copied().unwrap_or((0, rest)), told);
        }
    }

    /// All breaches as of the last epoch closed.
    #[allow(dead_code, reason = "each test file is a crate of its own and uses a part of this one")]
    pub fn open(&self) -> impl Iterator<Item = (CustomerId, InstrumentId, BandSide)> + '_ {
        let breach = |customer: u32| {
            move |told: &Told| match told {
                Told::Breach(i, side) => Some((CustomerId(customer), InstrumentId(*i), *side)),
                Told::Floor | Told::Anomaly(_) => None,
            }
        };
        self.told.iter().flat_map(move |(customer, told)| told.keys().filter_map(breach(*customer)))
    }

    /// What a kernel must say at the end of the epoch.
    pub fn close(&mut self) -> Vec<Change> {
        let customers: BTreeSet<u32> = self.bases.keys().chain(self.told.keys()).copied().collect();
        let mut changes = Vec::new();
        for customer in customers {
            let before = self.told.remove(&customer).unwrap_or_default();
            let now = self.state(customer);
            let mut of_customer: Vec<(u8, u32, u8, AnomalyKind, Event)> = Vec::new();
            let mut note = |told: &Told, (distance, band): (i64, i64), entered: bool| {
                let rank = u8::from(entered);
                let none = AnomalyKind::Stale;
                of_customer.push(match told {
                    Told::Breach(i, side) => {
                        let (instrument, side) = (InstrumentId(*i), *side);
                        let (distance, band) = (Ratio::from_raw(distance), Ratio::from_raw(band));
                        let event = if entered {
                            Event::BreachEntered { instrument, side, distance, band }
                        } else {
                            Event::BreachLeft { instrument, side }
                        };
                        (0, *i, rank, none, event)
                    }
                    Told::Floor if entered => {
                        let nav = (i128::from(distance) << 64) + i128::from(band as u64);
                        (1, 0, rank, none, Event::FloorReached { nav: Value::from_raw(nav) })
                    }
                    Told::Floor => (1, 0, rank, none, Event::FloorLeft),
                    Told::Anomaly(kind) if entered => {
                        (2, 0, rank, kind.clone(), Event::AnomalyEntered(kind.clone()))
                    }
                    Told::Anomaly(kind) => (2, 0, rank, kind.clone(), Event::AnomalyLeft(kind.clone())),
                });
            };
            for (told, detail) in before.iter().filter(|(told, _)| !now.contains_key(told)) {
                note(told, *detail, false);
            }
            for (told, detail) in now.iter().filter(|(told, _)| !before.contains_key(told)) {
                note(told, *detail, true);
            }
            of_customer.sort_by(|a, b| (a.0, a.1, a.2, &a.3).cmp(&(b.0, b.1, b.2, &b.3)));
            let customer_id = CustomerId(customer);
            changes
                .extend(of_customer.into_iter().map(|(.., event)| Change { customer: customer_id, event }));
            self.told.insert(customer, now);
        }
        changes
    }
}
