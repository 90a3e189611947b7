//! A storm: everybody's portfolio leaves its bands at once, and every customer's actor is asked to decide.
//!
//! The actors as the program runs them (live mode, the optimizer's pool, desk and paper broker), handed made-up
//! snapshots: thirteen instruments each, one of them far outside its band, and closing marks of the sessions before, so
//! that plans know covariances. What they decide is committed and comes back, as the log would do it. *Checked*: everybody decides once, and nobody before somebody more urgent who waited.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant as Clock;

use evenkeel_actors::{
    ActorSystem, Books, Holding, InstrumentTerms, LotHeld, Mode, OpenTrigger, Policy, Snapshot, TaxKnown,
    TriggerChanges, Urgency,
};
use evenkeel_schemas::derive::trigger_id;
use evenkeel_schemas::events::{CostBasis, Event, Outcome, TriggerKind, TriggerRef, parse_event};
use evenkeel_schemas::{
    Currency, Epoch, Instant, InstrumentId, Measure, Money, Name, Pair, Price, Quantity, Rate, Ratio, Value,
};
use serde::Serialize;

use crate::error::Error;

/// Instruments that everybody may hold.
const INSTRUMENTS: usize = 13;
/// Length of an epoch.
const EPOCH_MS: u64 = 100;

/// How large a storm.
#[derive(Copy, Clone, Debug)]
pub struct Options {
    /// Customers.
    pub customers: u32,
    /// Days of closing marks before it; without them plans know no covariances.
    pub sessions: u32,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Customers.
    pub customers: u32,
    /// Until everybody had decided, the time of epochs alone.
    pub seconds: f64,
    /// Decisions a second of that.
    pub decisions_per_second: f64,
    /// Epochs that it took.
    pub epochs: usize,
    /// Time of an epoch, customers, desk and broker.
    pub p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub p99_ms: f64,
    /// Decisions to trade.
    pub trades: usize,
    /// Orders of them.
    pub orders: usize,
    /// The most customers that waited.
    pub waiting_most: usize,
    /// Everybody decided once, the most urgent first.
    pub in_order: bool,
}

/// Customers and what they hold, made up from their numbers.
struct House {
    instruments: Vec<Name>,
    places: BTreeMap<Name, usize>,
    customers: Vec<Name>,
    numbers: BTreeMap<Name, u32>,
    seed: u64,
}

fn name(text: String) -> Result<Name, Error> {
    Name::new(&text).map_err(|error| Error::Check(error.to_string()))
}

impl House {
    fn new(options: Options) -> Result<House, Error> {
        let instruments: Vec<Name> =
            (0..INSTRUMENTS).map(|at| name(format!("I{at:02}"))).collect::<Result<_, _>>()?;
        let customers: Vec<Name> =
            (0..options.customers).map(|at| name(format!("C{at:07}"))).collect::<Result<_, _>>()?;
        Ok(House {
            places: instruments.iter().cloned().zip(0..).collect(),
            numbers: customers.iter().cloned().zip(0..).collect(),
            instruments,
            customers,
            seed: options.seed,
        })
    }

    /// A number from 0 to below `below`, of a customer and a place.
    fn chance(&self, customer: u32, place: u64, below: u64) -> u64 {
        // SplitMix64.
        let mut mixed = self.seed ^ (u64::from(customer) << 20 | place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    fn price(place: usize) -> Price {
        Price::from_raw((20 + 7 * place as i64) * 1_000_000)
    }

    /// Some 1,000 in each, and one of them much too large.
    fn held(&self, customer: u32, place: usize) -> Quantity {
        let far = self.chance(customer, 99, INSTRUMENTS as u64) as usize == place;
        let value =
            900 + self.chance(customer, place as u64, 200) + if far { self.excess(customer) } else { 0 };
        Quantity::from_raw(value as i64 * 1_000_000 / (20 + 7 * place as i64) * Quantity::ONE / 1_000_000)
    }

    fn excess(&self, customer: u32) -> u64 {
        1_500 + self.chance(customer, 100, 6_000)
    }

    fn urgency(&self, customer: u32) -> Urgency {
        Urgency::of(TriggerKind::Drift, self.measure(customer), Measure::Share(Ratio::from_raw(50_000_000)))
    }

    fn measure(&self, customer: u32) -> Measure {
        let drift = self.excess(customer) as i64 * Ratio::ONE / (13_000 + self.excess(customer) as i64);
        Measure::Share(Ratio::from_raw(drift))
    }

    /// Listings, and what they closed at on the days before, within some per cent of their price.
    fn market(&self, sessions: u32) -> Result<Vec<Event>, Error> {
        let read = |text: String| {
            parse_event(text.as_bytes()).map_err(|refusal| Error::Check(format!("{text}: {refusal:?}")))
        };
        let start = Instant::from_epoch(0).date();
        let mut events = Vec::new();
        for (place, name) in (0_u32..).zip(&self.instruments) {
            events.push(read(format!(
                r#"{{"type":"instrument_listed","at":"{}","instrument":"{name}","name":"{name}","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}}"#,
                start.start(),
            ))?);
            for before in 1..=sessions {
                let Some(date) = start.plus_days(-(before as i32)) else { continue };
                let moved = self.chance(place, u64::from(before) + 1_000, 801) as i64 - 400;
                let price = House::price(place as usize);
                let price = Price::from_raw(price.raw() / 10_000 * (10_000 + moved));
                events.push(read(format!(
                    r#"{{"type":"close","at":"{}","instrument":"{name}","price":"{price}","date":"{date}"}}"#,
                    date.start(),
                ))?);
            }
        }
        Ok(events)
    }

    fn snapshot(&self, customer: &Name, epoch: Epoch, entered: Epoch) -> Option<Snapshot> {
        let number = *self.numbers.get(customer)?;
        let target = Ratio::from_raw(Ratio::ONE / INSTRUMENTS as i64);
        let holdings = self.instruments.iter().enumerate().map(|(place, name)| Holding {
            instrument: InstrumentId(place as u32),
            name: name.clone(),
            currency: Currency::AUD,
            quantity: self.held(number, place),
            price: Some(House::price(place)),
            rate: Some(Rate::PAR),
            lot: Quantity::from_raw(Quantity::ONE),
            tick: Price::from_raw(10_000),
            target,
            tilt: Ratio::ZERO,
            band: Ratio::from_raw(50_000_000),
            average_daily_value: None,
            parcels: Vec::new(),
        });
        let subject = &self.instruments[self.chance(number, 99, INSTRUMENTS as u64) as usize];
        let trigger = TriggerRef {
            trigger: trigger_id(customer.as_str(), TriggerKind::Drift, subject.as_str(), entered),
            kind: TriggerKind::Drift,
            subject: subject.clone(),
            entered,
        };
        let limit = Measure::Share(Ratio::from_raw(50_000_000));
        Some(Snapshot {
            epoch,
            customer: customer.clone(),
            base: Currency::AUD,
            nav: self.nav(customer),
            cash: Money::from_raw(100 * Money::ONE),
            foreign_cash: Value::ZERO,
            holdings: holdings.collect(),
            buckets: Vec::new(),
            targeted: true,
            triggers: vec![OpenTrigger { trigger, measure: self.measure(number), limit }],
            method: CostBasis::Fifo,
            tax: None,
            reviewed: None,
        })
    }
}

impl Books for House {
    fn instrument(&self, instrument: &Name) -> Option<InstrumentTerms> {
        let id = InstrumentId(u32::try_from(*self.places.get(instrument)?).ok()?);
        let (tick, lot) = (Price::from_raw(10_000), Quantity::from_raw(Quantity::ONE));
        Some(InstrumentTerms { id, currency: Currency::AUD, tick, lot })
    }
    fn price(&self, instrument: &Name) -> Option<Price> {
        self.places.get(instrument).map(|place| House::price(*place))
    }
    fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        (from == to).then_some(Rate::PAR)
    }
    fn rates(&self) -> Vec<(Pair, Rate)> {
        Vec::new()
    }
    fn cash(&self, _: &Name, _: Currency) -> Money {
        Money::from_raw(100 * Money::ONE)
    }
    fn quantity(&self, customer: &Name, instrument: &Name) -> Quantity {
        let held = || Some(self.held(*self.numbers.get(customer)?, *self.places.get(instrument)?));
        held().unwrap_or_default()
    }
    fn nav(&self, customer: &Name) -> Option<Money> {
        let number = *self.numbers.get(customer)?;
        let cash = Money::from_raw(100 * Money::ONE);
        (0..INSTRUMENTS).try_fold(cash, |sum, place| {
            sum.checked_add(self.held(number, place).notional(House::price(place))?)
        })
    }
    fn base(&self, _: &Name) -> Option<Currency> {
        Some(Currency::AUD)
    }
    fn target(&self, _: &Name, _: &Name) -> Option<Ratio> {
        Some(Ratio::from_raw(Ratio::ONE / INSTRUMENTS as i64))
    }
    fn lots(&self, _: &Name) -> Vec<LotHeld> {
        Vec::new()
    }
    fn tax_year(&self, _: &Name) -> Option<TaxKnown> {
        None
    }
}

/// Runs a storm.
///
/// # Errors
/// When the actors stop, or do not come to an end.
pub fn run(options: Options) -> Result<Found, Error> {
    let stopped = |error: &dyn std::fmt::Display| Error::Check(format!("the actors stopped: {error}"));
    let house = Arc::new(House::new(options)?);
    let policy = Policy::default();
    let system = ActorSystem::start(policy, Mode::Live).map_err(|error| stopped(&error))?;
    system.apply(0, house.market(options.sessions)?.into()).map_err(|error| stopped(&error))?;
    let books: Arc<dyn Books> = house.clone();
    let entered = house.customers.iter().map(|name| (name.clone(), house.urgency(house.numbers[name])));
    let mut changes = TriggerChanges { entered: entered.collect(), cleared: Vec::new() };
    let (first, mut epoch) = (EPOCH_MS, 0);
    let (mut times, mut order, mut found) = (Vec::new(), Vec::new(), (0, 0, 0));
    let mut decided = BTreeSet::new();
    while order.len() < house.customers.len() {
        epoch += EPOCH_MS;
        let view = house.clone();
        let snapshots = move |customer: &Name| view.snapshot(customer, epoch, first);
        let begun = Clock::now();
        let events =
            system.run_epoch(epoch, &changes, &snapshots, &books).map_err(|error| stopped(&error))?;
        changes = TriggerChanges::default();
        let events: Arc<[Event]> = events.into();
        system.apply(epoch, events.clone()).map_err(|error| stopped(&error))?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        found.2 = found.2.max(system.stats().customers_waiting);
        let mut urgencies = Vec::new();
        for event in events.iter() {
            let Event::Decision(decision) = event else { continue };
            // When the orders of the first have ended, the actor looks again: the market of a bench stands still.
            if !decided.insert(decision.customer.clone()) {
                continue;
            }
            found.0 += usize::from(decision.outcome == Outcome::Trade);
            found.1 += decision.orders.len();
            urgencies.extend(house.numbers.get(&decision.customer).map(|number| house.urgency(*number)));
        }
        urgencies.sort_unstable();
        if urgencies.is_empty() && times.len() > 10 * house.customers.len() {
            return Err(Error::Check(format!("{} of {} decided", order.len(), house.customers.len())));
        }
        order.extend(urgencies);
    }
    system.stop();
    let seconds = times.iter().sum::<f64>() / 1000.0;
    let epochs = times.len();
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times.get(((epochs - 1) as f64 * share) as usize).copied().unwrap_or_default();
    Ok(Found {
        customers: options.customers,
        seconds,
        decisions_per_second: order.len() as f64 / seconds,
        epochs,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        trades: found.0,
        orders: found.1,
        waiting_most: found.2,
        in_order: order.is_sorted() && order.len() == house.customers.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_decides_once_and_the_most_urgent_first() {
        for sessions in [0, 60] {
            let found = run(Options { customers: 300, sessions, seed: 7 }).unwrap();
            assert_eq!((found.trades, found.in_order), (300, true), "{found:?}");
        }
    }
}
