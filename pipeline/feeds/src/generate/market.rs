//! A market that moves: prices and one exchange rate, tick by tick.

use evenkeel_schemas::events::{Close, Event, EventType, FxRate, InstrumentListed, Tick};
use evenkeel_schemas::{Currency, Instant, Money, Name, Pair, Price, Quantity, Rate, Ratio, TradeDate};

use super::chance::{Chance, NORMAL_SD};
use super::universe::{self, Listing};

/// The one pair that moves, as text.
pub(super) const FX_PAIR: &str = "USD/AUD";
/// More listings than any market has; made-up tickers stay distinct far beyond it.
pub(super) const MOST_INSTRUMENTS: u32 = 1_000_000;

/// Seconds of trading in a year: 252 days of six hours.
const SECONDS_PER_YEAR: u128 = 252 * 6 * 3_600;
/// Volatility of the market factor and of the exchange rate, a year, in basis points.
const MARKET_VOLATILITY_BPS: i64 = 1_200;
const FX_VOLATILITY_BPS: i64 = 900;
/// One in this many moves is the exchange rate's.
const RATE_EVERY: u64 = 64;
/// First rate: one USD in AUD; its step, and how far it may go from the first.
const FIRST_RATE: i64 = 1_520_000_000;
const RATE_STEP: i64 = 10_000;
/// Parts per billion in a basis point.
const PPB_PER_BPS: i64 = 100_000;
const PPB: i64 = 1_000_000_000;
/// Raw units of `Price` in a cent.
const CENT: i64 = 10_000;
/// A price stays within this factor of its first, either way.
const FURTHEST: i64 = 20;

/// A sudden move, in basis points; negative is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shock {
    /// Everything moves, each by its beta.
    Market(i64),
    /// One instrument moves.
    Instrument(Name, i64),
    /// All instruments of an asset class move, such as `equity`, `bond`, `property`, `commodity`.
    AssetClass(String, i64),
    /// The price of one USD in AUD moves.
    Dollar(i64),
}

/// What one step of the market changed.
pub(super) enum Move {
    Price(usize, Price),
    Rate(Rate),
}

struct Traded {
    listing: Listing,
    name: Name,
    /// Raw units of `Price`, finer than the price step, so that small moves add up.
    fine: i64,
    /// The price step in raw units.
    step: i64,
    /// Own volatility from one of its ticks to the next, parts per billion.
    volatility_ppb: i64,
    /// The market factor when its price was last brought up to it.
    factor_seen: i64,
}

/// A simulated market. The same seed and the same calls give the same prices.
pub struct Market {
    seed: u64,
    chance: Chance,
    traded: Vec<Traded>,
    /// Sum of the market's returns so far, parts per billion.
    factor: i64,
    factor_ppb: i64,
    rate: i64,
    rate_ppb: i64,
    foreign: bool,
    steps: u64,
    pair: Pair,
    dollar: Currency,
}

impl Market {
    /// A market of `instruments` listings (1 to 1,000,000), every eighth of them in USD, at its first prices.
    pub fn new(seed: u64, instruments: u32) -> Market {
        let pair: Pair = FX_PAIR.parse().expect("two currencies with a stroke between are a pair");
        let listings = universe::listings(instruments.clamp(1, MOST_INSTRUMENTS));
        let foreign = listings.iter().any(|listing| listing.foreign);
        let traded = listings.into_iter().map(Traded::new).collect();
        let mut market = Market {
            seed,
            chance: Chance::new(seed, 1),
            traded,
            factor: 0,
            factor_ppb: 0,
            rate: FIRST_RATE,
            rate_ppb: 0,
            foreign,
            steps: 0,
            pair,
            dollar: pair.base,
        };
        market.set_pace(1_000, 1);
        market
    }

    /// How many ticks make a second, and how many seconds of a real market's movement happen in it.
    pub fn set_pace(&mut self, ticks_per_second: u32, intensity: u32) {
        let pace = |bps: i64, ticks: u128| {
            let annual = u128::from((bps * PPB_PER_BPS).unsigned_abs());
            let seconds_scaled = annual * annual * ticks * u128::from(intensity.max(1));
            let per_tick = seconds_scaled / (u128::from(ticks_per_second.max(1)) * SECONDS_PER_YEAR);
            i64::try_from(per_tick.isqrt()).unwrap_or(PPB).min(PPB / 20)
        };
        self.factor_ppb = pace(MARKET_VOLATILITY_BPS, 1);
        self.rate_ppb = pace(FX_VOLATILITY_BPS, u128::from(RATE_EVERY));
        let count = self.traded.len() as u128;
        for traded in &mut self.traded {
            traded.volatility_ppb = pace(traded.listing.volatility_bps, count);
        }
    }

    /// Instruments listed.
    pub fn instruments(&self) -> u32 {
        self.traded.len() as u32
    }

    /// The listings, as events.
    pub fn reference_events(&self, at: Instant) -> Vec<Event> {
        self.traded.iter().map(|traded| self.listed(traded, at)).collect()
    }

    /// The current rate, if anything needs one, and the current price of everything, as events.
    pub fn quotes(&self, at: Instant) -> Vec<Event> {
        let rate = self.foreign.then(|| self.rate_event(at, Rate::from_raw(self.rate)));
        let prices = (0..self.traded.len()).map(|i| self.tick_event(at, i, self.price(i)));
        rate.into_iter().chain(prices).collect()
    }

    /// Official closes of the last `sessions` weekdays before a day, from the current prices back: a market of the same
    /// volatilities that on average has paid for its risk. In order of their days.
    pub fn history(&self, before: TradeDate, sessions: u32) -> Vec<Event> {
        const DAYS: i64 = 252;
        let mut chance = Chance::new(self.seed, 3);
        let daily = |bps: i64| bps * PPB_PER_BPS / DAYS.isqrt();
        let mut fine: Vec<i64> = self.traded.iter().map(|traded| traded.fine).collect();
        let mut days = Vec::new();
        let mut day = before;
        while days.len() < sessions as usize {
            let Some(earlier) = day.plus_days(-1) else { break };
            day = earlier;
            // 1970 began on a Thursday.
            if (day.days() + 3).rem_euclid(7) >= 5 {
                continue;
            }
            let factor = chance.normal() * daily(MARKET_VOLATILITY_BPS) / NORMAL_SD;
            let mut closes = Vec::with_capacity(fine.len());
            for (traded, fine) in self.traded.iter().zip(&mut fine) {
                closes.push(traded.close_event(day, *fine));
                let noise = chance.normal() * daily(traded.listing.volatility_bps) / NORMAL_SD;
                let beta = traded.listing.beta_percent;
                // Six per cent a year for the market's risk.
                let paid = beta * 6 * PPB / 10_000 / DAYS;
                *fine = shifted(*fine, -(factor * beta / 100 + noise + paid)).max(traded.step);
            }
            days.push(closes);
        }
        days.into_iter().rev().flatten().collect()
    }

    /// The next `count` moves, all at one time.
    pub fn next_ticks(&mut self, at: Instant, count: usize) -> Vec<Event> {
        (0..count)
            .map(|_| match self.step() {
                Move::Price(instrument, price) => self.tick_event(at, instrument, price),
                Move::Rate(rate) => self.rate_event(at, rate),
            })
            .collect()
    }

    /// Moves prices at once; the ticks that follow show it. Returns how many prices and rates it reaches.
    pub fn shock(&mut self, shock: &Shock) -> usize {
        let jump = |bps: i64| bps.clamp(-9_000, 90_000) * PPB_PER_BPS;
        let hit = |traded: &mut Traded, bps: i64| traded.shift(jump(bps));
        match shock {
            Shock::Market(bps) => {
                let moved =
                    self.traded.iter_mut().map(|t| t.shift(jump(*bps) * t.listing.beta_percent / 100));
                moved.count()
            }
            Shock::Instrument(name, bps) => {
                self.traded.iter_mut().filter(|t| t.name == *name).map(|t| hit(t, *bps)).count()
            }
            Shock::AssetClass(class, bps) => {
                let same = self.traded.iter_mut().filter(|t| t.listing.asset_class == class);
                same.map(|t| hit(t, *bps)).count()
            }
            Shock::Dollar(bps) => {
                self.rate = shifted(self.rate, jump(*bps)).clamp(FIRST_RATE / 3, FIRST_RATE * 3);
                usize::from(self.foreign)
            }
        }
    }

    /// One move.
    pub(super) fn step(&mut self) -> Move {
        self.steps += 1;
        self.factor += self.chance.normal() * self.factor_ppb / NORMAL_SD;
        if self.foreign && self.steps.is_multiple_of(RATE_EVERY) {
            let move_ppb = self.chance.normal() * self.rate_ppb / NORMAL_SD;
            self.rate = shifted(self.rate, move_ppb).clamp(FIRST_RATE / 3, FIRST_RATE * 3);
            return Move::Rate(self.rate());
        }
        // The smaller of two draws: the first listings, the most widely held, trade most.
        let count = self.traded.len() as u64;
        let instrument = self.chance.below(count).min(self.chance.below(count)) as usize;
        let noise = self.chance.normal();
        let factor = self.factor;
        let traded = &mut self.traded[instrument];
        let market = (factor - traded.factor_seen) * traded.listing.beta_percent / 100;
        traded.factor_seen = factor;
        traded.shift(market + noise * traded.volatility_ppb / NORMAL_SD);
        Move::Price(instrument, traded.price())
    }

    /// The current rate of USD in AUD.
    pub(super) fn rate(&self) -> Rate {
        Rate::from_raw(self.rate - self.rate % RATE_STEP)
    }

    pub(super) fn price(&self, instrument: usize) -> Price {
        self.traded[instrument].price()
    }

    pub(super) fn ticker(&self, instrument: usize) -> &str {
        self.traded[instrument].name.as_str()
    }

    pub(super) fn name(&self, instrument: usize) -> &Name {
        &self.traded[instrument].name
    }

    pub(super) fn is_foreign(&self, instrument: usize) -> bool {
        self.traded[instrument].listing.foreign
    }

    pub(super) fn dollar(&self) -> Currency {
        self.dollar
    }

    fn listed(&self, traded: &Traded, at: Instant) -> Event {
        let listing = &traded.listing;
        let franked = !listing.foreign && listing.yield_bps > 0 && listing.region == "AU";
        Event::InstrumentListed(Box::new(InstrumentListed {
            event_type: EventType::InstrumentListed,
            at,
            id: None,
            recorded: None,
            instrument: traded.name.clone(),
            name: listing.name.clone(),
            kind: listing.kind,
            currency: if listing.foreign { self.dollar } else { Currency::AUD },
            market: None,
            asset_class: listing.asset_class.to_owned(),
            region: listing.region.to_owned(),
            sector: listing.sector.to_owned(),
            tags: Vec::new(),
            tick_size: Price::from_raw(traded.step),
            lot_size: Quantity::from_raw(Quantity::ONE),
            franking_rate: franked.then(|| Ratio::from_raw(700_000_000)),
            distribution_yield: Ratio::from_bps(listing.yield_bps),
            average_daily_value: Money::from_whole(listing.cents * 2_000),
        }))
    }

    fn tick_event(&self, at: Instant, instrument: usize, price: Price) -> Event {
        let instrument = self.name(instrument).clone();
        let (event_type, id, recorded, bid, ask, volume) = (EventType::Tick, None, None, None, None, None);
        Event::Tick(Box::new(Tick { event_type, at, id, recorded, instrument, price, bid, ask, volume }))
    }

    fn rate_event(&self, at: Instant, rate: Rate) -> Event {
        let (event_type, id, recorded, pair) = (EventType::FxRate, None, None, self.pair);
        Event::FxRate(Box::new(FxRate { event_type, at, id, recorded, pair, rate }))
    }
}

fn shifted(raw: i64, move_ppb: i64) -> i64 {
    let moved = i128::from(raw) * i128::from(move_ppb.clamp(-PPB * 9 / 10, PPB * 9)) / i128::from(PPB);
    raw + moved as i64
}

impl Traded {
    fn new(listing: Listing) -> Traded {
        let name = Name::new(&listing.ticker).expect("tickers here are letters, digits and points");
        let fine = listing.cents * CENT;
        // Below two dollars the ASX steps by half a cent.
        let step = if listing.cents < 200 { CENT / 2 } else { CENT };
        Traded { listing, name, fine, step, volatility_ppb: 0, factor_seen: 0 }
    }

    fn shift(&mut self, move_ppb: i64) {
        let first = self.listing.cents * CENT;
        self.fine = shifted(self.fine, move_ppb).clamp(first / FURTHEST, first * FURTHEST);
    }

    fn price(&self) -> Price {
        self.rounded(self.fine)
    }

    /// To the price step, at least one step.
    fn rounded(&self, fine: i64) -> Price {
        let steps = (fine + self.step / 2) / self.step;
        Price::from_raw(steps.max(1) * self.step)
    }

    fn close_event(&self, date: TradeDate, fine: i64) -> Event {
        Event::Close(Box::new(Close {
            event_type: EventType::Close,
            at: date.start(),
            id: None,
            recorded: None,
            instrument: self.name.clone(),
            price: self.rounded(fine),
            date,
        }))
    }
}
