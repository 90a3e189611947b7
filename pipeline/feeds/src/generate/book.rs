//! Customers: how they start and what they do afterwards, never beyond what they have.

use std::collections::BTreeMap;

use evenkeel_schemas::events::{
    CashKind, CashPosted, CustomerOnboarded, DepositOrWithdrawal, Event, EventType, Fill, RebalanceRequested,
    Side, TargetsSet, TransferIn,
};
use evenkeel_schemas::{Currency, Instant, Money, Name, Quantity, Rate, Ratio};

use super::chance::Chance;
use super::market::Market;

const PERCENT: i64 = Ratio::ONE / 100;
/// Raw units of `Money` in a cent, and in what deposits are rounded up to.
const CENT: i64 = 10_000;
const HUNDRED: i64 = 100 * Money::ONE;
/// When what is transferred in was acquired: 2024-01-05.
const ACQUIRED: Instant = Instant::from_micros(1_704_412_800_000_000);

/// What every fourth customer is watched by, beside its instruments.
const BUCKETS: [&str; 3] = ["asset_class:equity", "asset_class:bond", "asset_class:equity/region:au"];

/// Cash by whether it is in USD, and units by instrument, in raw units.
#[derive(Clone, Debug, Default)]
struct Account {
    cash: [i64; 2],
    units: BTreeMap<usize, i64>,
    targeted: Vec<usize>,
}

/// All customers of a market, as far as chance and caution need to know them.
pub struct Book {
    chance: Chance,
    /// Of customers that were opened. Of those who were transferred in, nothing is kept: they may be a million.
    accounts: BTreeMap<usize, Account>,
    customers: u32,
    events: u64,
    requester: Name,
    dollar: Option<Currency>,
}

/// The first events of all customers of a market: onboarding, targets, deposits, fills near target.
pub fn book(market: &Market, seed: u64, customers: u32, at: Instant) -> (Book, Vec<Event>) {
    let mut book = Book::new(seed, customers);
    let events = (0..customers).flat_map(|customer| book.open(market, customer, at)).collect();
    (book, events)
}

impl Book {
    /// A book of customers who have nothing yet.
    pub fn new(seed: u64, customers: u32) -> Book {
        let requester = Name::new("adviser").expect("letters are a name");
        let accounts = BTreeMap::new();
        Book { chance: Chance::new(seed, 2), accounts, customers, events: 0, requester, dollar: None }
    }

    fn name(&self, number: usize) -> Name {
        Name::new(&format!("C{number:07}")).expect("a letter and digits are a name")
    }

    /// The first events of a customer by number; none for a number out of range.
    pub fn open(&mut self, market: &Market, customer: u32, at: Instant) -> Vec<Event> {
        let number = customer as usize;
        if customer >= self.customers {
            return Vec::new();
        }
        self.dollar = Some(market.dollar());
        let weights = self.weights(market.instruments() as usize);
        let fills = self.first_fills(market, &weights, 10);
        let mut needed = [0_i64; 2];
        for (instrument, units, fee) in &fills {
            needed[usize::from(market.is_foreign(*instrument))] += cost(market, *instrument, *units) + fee;
        }
        let invested = needed[0] + to_home(needed[1], market.rate());
        let targeted: i64 = weights.values().sum();
        let spare = (i128::from(invested) * i128::from(100 - targeted) / i128::from(targeted)) as i64;
        self.accounts.entry(number).or_default().targeted = weights.keys().copied().collect();
        let mut events = vec![self.onboarded(number, at), self.targets(market, number, at, &weights)];
        for (foreign, amount) in [(false, needed[0] + spare + HUNDRED), (true, needed[1])] {
            if amount > 0 {
                let amount = (amount + HUNDRED - 1) / HUNDRED * HUNDRED;
                events.push(self.flow(number, at, foreign, amount));
            }
        }
        for (instrument, units, _) in fills {
            events.extend(self.fill(market, number, at, instrument, Side::Buy, units));
        }
        events
    }

    /// The first events of a customer whose portfolio comes from elsewhere, near its targets: onboarding, targets,
    /// units, cash. Nothing of it is a reason to act. Without ids: it is a copy of somebody's books.
    pub fn transfer(&mut self, market: &Market, customer: u32, at: Instant) -> Vec<Event> {
        let number = customer as usize;
        if customer >= self.customers {
            return Vec::new();
        }
        self.dollar = Some(market.dollar());
        let weights = self.weights(market.instruments() as usize);
        let held = self.first_fills(market, &weights, 0);
        let mut invested = 0;
        let mut events = vec![self.onboarded(number, at), self.targets(market, number, at, &weights)];
        for (instrument, units, _) in held {
            let cost = cost(market, instrument, units);
            invested += if market.is_foreign(instrument) { to_home(cost, market.rate()) } else { cost };
            let Some(quantity) = Quantity::from_whole(units) else { continue };
            events.push(Event::TransferIn(Box::new(TransferIn {
                event_type: EventType::TransferIn,
                at,
                id: None,
                recorded: None,
                customer: self.name(number),
                instrument: market.name(instrument).clone(),
                quantity,
                cost_base: Money::from_raw(cost / 10 * 9),
                acquired: ACQUIRED.date(),
            })));
        }
        let targeted: i64 = weights.values().sum();
        let spare = (i128::from(invested) * i128::from(100 - targeted) / i128::from(targeted)) as i64;
        events.push(Event::CashPosted(Box::new(CashPosted {
            event_type: EventType::CashPosted,
            at,
            id: None,
            recorded: None,
            customer: self.name(number),
            amount: Money::from_raw(spare / CENT * CENT),
            currency: Currency::AUD,
            kind: CashKind::Distribution,
            instrument: None,
            franked_fraction: None,
            ex_date: None,
        })));
        for event in &mut events {
            match event {
                Event::CustomerOnboarded(e) => e.id = None,
                Event::TargetsSet(e) => e.id = None,
                _ => {}
            }
        }
        events
    }

    /// Something that a customer by chance does now: a trade, a deposit, a withdrawal, a request. `None`
    /// without customers.
    pub fn event(&mut self, market: &Market, at: Instant) -> Option<Event> {
        if self.customers == 0 {
            return None;
        }
        let number = self.chance.below(u64::from(self.customers)) as usize;
        let Some(account) = self.accounts.get(&number) else {
            let amount = self.chance.between(1, 200) * HUNDRED;
            return self.dollar.map(|_| self.flow(number, at, false, amount));
        };
        let foreign = account.cash[1] > 0 && self.chance.percent(20);
        let chosen = match self.chance.below(100) {
            0..45 => self.trade(market, number, at),
            45..60 => self.withdraw(number, at, foreign),
            60..75 => Some(self.requested(number, at)),
            _ => None,
        };
        let amount = self.chance.between(1, 200) * HUNDRED;
        Some(chosen.unwrap_or_else(|| self.flow(number, at, foreign, amount)))
    }

    /// Five to twelve instruments, at least 2% each, 90% to 98% in all, in percent.
    fn weights(&mut self, instruments: usize) -> BTreeMap<usize, i64> {
        let wanted = (self.chance.between(5, 12) as usize).min(instruments);
        let mut weights = BTreeMap::new();
        while weights.len() < wanted {
            // As in the market: the first listings are the most widely held.
            let count = instruments as u64;
            let pick = self.chance.below(count).min(self.chance.below(count)) as usize;
            weights.entry(pick).or_insert(2);
        }
        let total = self.chance.between(90, 98);
        let picks: Vec<usize> = weights.keys().copied().collect();
        for _ in 0..total - 2 * wanted as i64 {
            let count = picks.len() as u64;
            let pick = picks[self.chance.below(count).min(self.chance.below(count)) as usize];
            *weights.entry(pick).or_default() += 1;
        }
        weights
    }

    /// Whole units near target at the current prices with their fees; of so many in a hundred customers, well off it.
    fn first_fills(
        &mut self,
        market: &Market,
        weights: &BTreeMap<usize, i64>,
        careless: u64,
    ) -> Vec<(usize, i64, i64)> {
        let size = self.chance.below(7);
        let wealth = (self.chance.between(20_000, 40_000) * Money::ONE) << size;
        let careless = self.chance.percent(careless);
        let mut fills = Vec::new();
        for (instrument, percent) in weights {
            let off = if careless { self.chance.between(60, 140) } else { self.chance.between(97, 103) };
            let mut value = (i128::from(wealth) * i128::from(percent * off) / 10_000) as i64;
            if market.is_foreign(*instrument) {
                value = (i128::from(value) * i128::from(Rate::ONE) / i128::from(market.rate().raw())) as i64;
            }
            let units = value / market.price(*instrument).raw();
            if units > 0 {
                fills.push((*instrument, units, fee(cost(market, *instrument, units))));
            }
        }
        fills
    }

    fn trade(&mut self, market: &Market, number: usize, at: Instant) -> Option<Event> {
        let account = self.accounts.get(&number)?;
        let pick = self.chance.below(account.targeted.len() as u64) as usize;
        let instrument = account.targeted[pick];
        let price = market.price(instrument).raw();
        let held = account.units.get(&instrument).copied().unwrap_or(0);
        let cash = account.cash[usize::from(market.is_foreign(instrument))];
        let (side, most) =
            if self.chance.percent(50) { (Side::Sell, held / 4) } else { (Side::Buy, cash / 2 / price) };
        if most < 1 {
            return None;
        }
        let units = self.chance.between(1, most);
        self.fill(market, number, at, instrument, side, units)
    }

    fn withdraw(&mut self, number: usize, at: Instant, foreign: bool) -> Option<Event> {
        let cents = self.accounts.get(&number)?.cash[usize::from(foreign)] / 4 / CENT;
        if cents < 1 {
            return None;
        }
        let amount = self.chance.between(1, cents) * CENT;
        Some(self.flow(number, at, foreign, -amount))
    }

    /// A deposit, or for an amount below zero a withdrawal.
    fn flow(&mut self, number: usize, at: Instant, foreign: bool, amount: i64) -> Event {
        if let Some(account) = self.accounts.get_mut(&number) {
            account.cash[usize::from(foreign)] += amount;
        }
        let event_type = if amount < 0 { EventType::Withdrawal } else { EventType::Deposit };
        let dollar = self.dollar.filter(|_| foreign);
        let body = Box::new(DepositOrWithdrawal {
            event_type,
            at,
            id: Some(self.next_id()),
            recorded: None,
            customer: self.name(number),
            amount: Money::from_raw(amount.abs()),
            currency: dollar.unwrap_or(Currency::AUD),
        });
        if amount < 0 { Event::Withdrawal(body) } else { Event::Deposit(body) }
    }

    /// An execution at the current price, unless the account does not cover it.
    fn fill(
        &mut self,
        market: &Market,
        number: usize,
        at: Instant,
        instrument: usize,
        side: Side,
        units: i64,
    ) -> Option<Event> {
        let price = market.price(instrument);
        let foreign = market.is_foreign(instrument);
        let cost = units.checked_mul(price.raw())?;
        let fee = fee(cost);
        let account = self.accounts.get_mut(&number)?;
        let cash = &mut account.cash[usize::from(foreign)];
        let held = account.units.entry(instrument).or_default();
        let (cash_after, held_after) = match side {
            Side::Buy => (*cash - cost - fee, *held + units),
            Side::Sell => (*cash + cost - fee, *held - units),
        };
        if cash_after < 0 || held_after < 0 {
            return None;
        }
        (*cash, *held) = (cash_after, held_after);
        Some(Event::Fill(Box::new(Fill {
            event_type: EventType::Fill,
            at,
            id: Some(self.next_id()),
            recorded: None,
            customer: self.name(number),
            instrument: market.name(instrument).clone(),
            side,
            quantity: Quantity::from_whole(units)?,
            price,
            fee: Money::from_raw(fee),
            currency: if foreign { market.dollar() } else { Currency::AUD },
            trade_date: at.date(),
            order: None,
            lots: Vec::new(),
        })))
    }

    fn onboarded(&mut self, number: usize, at: Instant) -> Event {
        let american = self.chance.percent(4);
        let dollar = self.dollar.filter(|_| american);
        Event::CustomerOnboarded(Box::new(CustomerOnboarded {
            event_type: EventType::CustomerOnboarded,
            at,
            id: Some(self.next_id()),
            recorded: None,
            customer: self.name(number),
            base_currency: dollar.unwrap_or(Currency::AUD),
            profile: None,
        }))
    }

    fn targets(
        &mut self,
        market: &Market,
        number: usize,
        at: Instant,
        percent: &BTreeMap<usize, i64>,
    ) -> Event {
        let named = |(instrument, percent): (&usize, &i64)| {
            (market.name(*instrument).clone(), Ratio::from_raw(percent * PERCENT))
        };
        let weights: BTreeMap<Name, Ratio> = percent.iter().map(named).collect();
        let mut bands = BTreeMap::new();
        if self.chance.percent(20) {
            let pick = self.chance.below(weights.len() as u64) as usize;
            let band = [2, 3, 10][self.chance.below(3) as usize] * PERCENT;
            bands.extend(weights.keys().nth(pick).map(|name| (name.clone(), Ratio::from_raw(band))));
        }
        if number.is_multiple_of(4) {
            // Whole parts of the portfolio are watched too.
            let band = Ratio::from_raw(5 * PERCENT);
            bands.extend(BUCKETS.iter().filter_map(|bucket| Some((Name::new(bucket).ok()?, band))));
        }
        Event::TargetsSet(Box::new(TargetsSet {
            event_type: EventType::TargetsSet,
            at,
            id: Some(self.next_id()),
            recorded: None,
            customer: self.name(number),
            weights,
            bands,
            benchmark: None,
            cost_basis: None,
            sweep: None,
        }))
    }

    fn requested(&mut self, number: usize, at: Instant) -> Event {
        Event::RebalanceRequested(Box::new(RebalanceRequested {
            event_type: EventType::RebalanceRequested,
            at,
            id: Some(self.next_id()),
            recorded: None,
            customer: self.name(number),
            by: self.requester.clone(),
        }))
    }

    fn next_id(&mut self) -> Name {
        self.events += 1;
        Name::new(&format!("G-{:09}", self.events)).expect("a letter, a hyphen and digits are a name")
    }
}

/// Raw money for whole units at the current price.
fn cost(market: &Market, instrument: usize, units: i64) -> i64 {
    units.saturating_mul(market.price(instrument).raw())
}

/// 8 basis points in whole cents, at least 5.
fn fee(cost: i64) -> i64 {
    (cost / 1_250 / CENT * CENT).max(5 * Money::ONE)
}

fn to_home(dollars: i64, rate: Rate) -> i64 {
    (i128::from(dollars) * i128::from(rate.raw()) / i128::from(Rate::ONE)) as i64
}
