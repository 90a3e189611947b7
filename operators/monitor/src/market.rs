//! Prices, rates and terms, and the effective price of each asset: an instrument or a currency as seen from
//! one base currency. A foreign balance is just another asset, whose price is a rate.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{Currency, InstrumentId, Labels, Pair, Price, Rate};

use crate::pages::Pages;

/// Raw units of a `Value` (10⁻²¹) in one raw unit of cash (10⁻⁶) at a raw rate of one (10⁻⁹).
const CASH_SCALE: i128 = 1_000_000;

/// Effective prices of fewer bits are multiplied without a check.
const UNIT_EASY_BITS: u32 = 62;

/// Assets that the lanes can name with 16 bits.
pub(crate) const LANE_ASSETS: usize = 1 << 16;

/// Prices as the lanes read them: any 16-bit number is in bounds.
pub(crate) type LanePrices = [f32; LANE_ASSETS];

/// What a slot is of. Ordered as the textbook adds: positions by instrument, then cash by currency; then buckets.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Instrument(InstrumentId),
    Cash(Currency),
    /// Never held; its labels are those that its members have.
    Bucket(InstrumentId),
}

/// What can be said of an asset's effective price.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// There is none.
    Missing,
    /// Zero or below: values do not move in proportion, or with the wrong sign.
    Odd,
    /// Above zero.
    Good,
}

/// A subject seen from a base currency.
pub(crate) struct Asset {
    pub subject: Subject,
    /// The instrument's place in the market's table.
    number: u32,
    /// `None` for customers whose base currency is not known yet: then never priced.
    pub base: Option<Currency>,
    /// price × rate, scale 10⁻¹⁵, or rate × 10⁶ for cash: times a raw quantity it is a raw `Value`.
    pub unit: i128,
    pub kind: Kind,
    /// The instrument has no terms or no price.
    pub unpriced: bool,
    /// The pair that is needed and has no rate.
    pub no_rate: Option<Pair>,
    pace: Pace,
}

impl Asset {
    /// Cash of the base currency, which is worth itself.
    pub fn at_home(&self) -> bool {
        matches!(self.subject, Subject::Cash(currency) if Some(currency) == self.base)
    }
}

/// How far an asset's price moves. Only the size of zones hangs on it, never an answer.
#[derive(Copy, Clone)]
struct Pace {
    /// Mean of squared returns per epoch, and per epoch in which the price moved.
    per_epoch: f64,
    per_move: f64,
    /// Epoch of the last move, and moves so far.
    epoch: u64,
    moves: u32,
    /// The effective price at the last move.
    price: f64,
}

/// A return before anything is known.
const RETURN_GUESS: f64 = 1e-3;
/// The smallest scale: below it the rounding of f64 would show in displacements.
const SCALE_MIN: f64 = 1e-6;
/// Weight of the latest return, once enough are known.
const PACE_WEIGHT: f64 = 0.02;
/// After so many moves a pace is worth something.
const MOVES_KNOWN: u32 = 16;
/// A return counts for at most this many standard deviations: one crash is not the new normal.
const RETURN_SIGMAS: f64 = 4.0;

impl Pace {
    fn new(price: f64) -> Pace {
        let square = RETURN_GUESS * RETURN_GUESS;
        Pace { per_epoch: square, per_move: square, epoch: 0, moves: 0, price }
    }

    fn moved(&mut self, price: f64, epoch: u64) {
        let still = epoch.saturating_sub(self.epoch).saturating_sub(1).min(1_000_000) as i32;
        let weight = PACE_WEIGHT.max(1.0 / (2.0 + f64::from(self.moves)));
        let typical = self.per_epoch + self.per_move;
        let squared = (price / self.price - 1.0).powi(2).min(RETURN_SIGMAS * RETURN_SIGMAS * typical);
        if squared.is_finite() {
            self.per_epoch = (1.0 - weight) * self.per_epoch * (1.0 - weight).powi(still) + weight * squared;
            self.per_move = (1.0 - weight) * self.per_move + weight * squared;
        }
        (self.epoch, self.moves, self.price) = (epoch, self.moves.saturating_add(1), price);
    }

    /// The radius of a zone in this asset, in relative price, per unit of a customer's room. A price that
    /// seldom moves gets room for a good part of one move, or it would wake everybody when it does.
    fn scale(&self) -> f64 {
        (self.per_epoch + 0.25 * self.per_move).sqrt().max(SCALE_MIN)
    }
}

/// An asset's price and scale as floating point: what the filter reads.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// The nearest f64 to `unit`; 0 when missing.
    pub price: f64,
    /// See [`Pace::scale`]; 0 for what never moves.
    pub scale: f64,
}

struct Instrument {
    id: InstrumentId,
    price: Option<Price>,
    currency: Option<Currency>,
    labels: Labels,
    assets: Vec<u32>,
    /// Something was told of it since the last refresh.
    touched: bool,
}

/// What became of the assets since the last epoch.
#[derive(Default)]
pub(crate) struct Moves {
    /// Assets whose effective price is another one, and was and is above zero.
    pub moved: Vec<u32>,
    /// Assets that left their kind, other than from `Missing`: their holders must be looked at.
    pub turned: BTreeSet<u32>,
    /// An effective price is another one: customers that nobody else watches must be looked at.
    pub stirred: bool,
    /// Something about a missing asset changed: customers with gaps must be looked at.
    pub filled: bool,
    /// The largest return since the last epoch, in units of the asset's scale.
    pub leap: f64,
}

/// Everything that prices portfolios.
pub(crate) struct Market {
    numbers: Pages,
    instruments: Vec<Instrument>,
    rates: BTreeMap<Pair, Rate>,
    assets: Vec<Asset>,
    index: BTreeMap<(Subject, Option<Currency>), u32>,
    by_base: BTreeMap<Currency, Vec<u32>>,
    points: Vec<Point>,
    labels: Vec<Labels>,
    /// Assets whose labels are others than in the last epoch.
    relabelled: Vec<u32>,
    /// The effective price where it is above zero and fits 62 bits, else 0.
    units: Vec<i64>,
    lanes: Box<LanePrices>,
    lane_scales: Box<LanePrices>,
    touched_instruments: Vec<u32>,
    touched_pairs: Vec<Pair>,
    holders: Vec<u32>,
    held: Vec<Held>,
}

/// What all customers hold of an asset.
#[derive(Copy, Clone, Default)]
pub(crate) struct Held {
    /// Customers with any.
    pub customers: u64,
    /// Raw units, which cannot overflow: 10¹⁹ customers would have to hold the most.
    pub quantity: i128,
}

impl Market {
    pub fn new() -> Market {
        Market {
            numbers: Pages::default(),
            instruments: Vec::new(),
            rates: BTreeMap::new(),
            assets: Vec::new(),
            index: BTreeMap::new(),
            by_base: BTreeMap::new(),
            points: Vec::new(),
            labels: Vec::new(),
            relabelled: Vec::new(),
            units: Vec::new(),
            lanes: Box::new([0.0; LANE_ASSETS]),
            lane_scales: Box::new([0.0; LANE_ASSETS]),
            touched_instruments: Vec::new(),
            touched_pairs: Vec::new(),
            holders: Vec::new(),
            held: Vec::new(),
        }
    }

    pub fn set_price(&mut self, instrument: InstrumentId, price: Option<Price>) {
        let number = self.number(instrument);
        let known = &mut self.instruments[number as usize];
        if known.price != price {
            known.price = price;
            self.touch(number);
        }
    }

    pub fn set_terms(&mut self, instrument: InstrumentId, currency: Option<Currency>) {
        let number = self.number(instrument);
        let known = &mut self.instruments[number as usize];
        if known.currency != currency {
            known.currency = currency;
            self.touch(number);
        }
    }

    pub fn set_labels(&mut self, instrument: InstrumentId, labels: Labels) {
        let number = self.number(instrument);
        let known = &mut self.instruments[number as usize];
        if known.labels != labels {
            known.labels = labels;
            known.assets.iter().for_each(|asset| self.labels[*asset as usize] = labels);
            self.relabelled.extend(&known.assets);
        }
    }

    pub fn set_rate(&mut self, pair: Pair, rate: Option<Rate>) {
        let before = match rate {
            Some(rate) => self.rates.insert(pair, rate),
            None => self.rates.remove(&pair),
        };
        if before != rate {
            self.touched_pairs.push(pair);
        }
    }

    /// Tells another market all prices, currencies and rates.
    pub fn tell(&self, other: &mut Market) {
        for Instrument { id, price, currency, .. } in &self.instruments {
            other.set_price(*id, *price);
            other.set_terms(*id, *currency);
        }
        self.rates.iter().for_each(|(pair, rate)| other.set_rate(*pair, Some(*rate)));
    }

    /// The current price of an instrument.
    pub fn price(&self, instrument: InstrumentId) -> Option<Price> {
        self.instruments[self.numbers.get(instrument.0)? as usize].price
    }

    /// The current price of an instrument, and in what.
    pub fn quote(&self, instrument: InstrumentId) -> Option<(Price, Currency)> {
        let known = &self.instruments[self.numbers.get(instrument.0)? as usize];
        known.price.zip(known.currency)
    }

    /// Whether it is known how far each price moves.
    pub fn paced(&self) -> bool {
        let moving = |asset: &&Asset| asset.kind == Kind::Good && !asset.at_home();
        self.assets.iter().filter(moving).all(|asset| asset.pace.moves >= MOVES_KNOWN)
    }

    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    pub fn asset(&self, asset: u32) -> &Asset {
        &self.assets[asset as usize]
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// By asset: what it is labelled by, or a bucket's members are.
    pub fn labels(&self) -> &[Labels] {
        &self.labels
    }

    pub fn units(&self) -> &[i64] {
        &self.units
    }

    pub fn lanes(&self) -> &LanePrices {
        &self.lanes
    }

    pub fn lane_scales(&self) -> &LanePrices {
        &self.lane_scales
    }

    /// Slots that name the asset, by which zones give more room to what few hold.
    pub fn count_holder(&mut self, asset: u32, added: bool) {
        let holders = &mut self.holders[asset as usize];
        *holders = if added { holders.saturating_add(1) } else { holders.saturating_sub(1) };
    }

    /// A customer's quantity of an asset changed.
    pub fn count_held(&mut self, asset: u32, before: i64, now: i64) {
        let held = &mut self.held[asset as usize];
        held.customers = held.customers + u64::from(now != 0) - u64::from(before != 0);
        held.quantity += i128::from(now) - i128::from(before);
    }

    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The number of an asset, which is priced at once.
    pub fn asset_of(&mut self, subject: Subject, base: Option<Currency>) -> u32 {
        if let Some(asset) = self.index.get(&(subject, base)) {
            return *asset;
        }
        let asset = self.assets.len() as u32;
        let pace = Pace::new(0.0);
        let kind = Kind::Missing;
        let (number, labels) = match subject {
            Subject::Instrument(id) | Subject::Bucket(id) => {
                let number = self.number(id);
                (number, self.instruments[number as usize].labels)
            }
            Subject::Cash(_) => (0, Labels::default()),
        };
        self.assets.push(Asset {
            subject,
            number,
            base,
            unit: 0,
            kind,
            unpriced: false,
            no_rate: None,
            pace,
        });
        self.points.push(Point { price: 0.0, scale: 0.0 });
        self.labels.push(labels);
        self.units.push(0);
        self.holders.push(0);
        self.held.push(Held::default());
        self.index.insert((subject, base), asset);
        if !matches!(subject, Subject::Cash(_)) {
            self.instruments[number as usize].assets.push(asset);
        }
        if let Some(base) = base {
            self.by_base.entry(base).or_default().push(asset);
        }
        self.reprice(asset, 0, &mut Moves::default());
        self.assets[asset as usize].pace = Pace::new(self.points[asset as usize].price);
        asset
    }

    /// Brings every asset touched since the last call up to date, and adds to `moves`.
    pub fn refresh(&mut self, epoch: u64, moves: &mut Moves) {
        moves.turned.extend(self.relabelled.drain(..));
        for number in std::mem::take(&mut self.touched_instruments) {
            self.instruments[number as usize].touched = false;
            for at in 0..self.instruments[number as usize].assets.len() {
                self.reprice(self.instruments[number as usize].assets[at], epoch, moves);
            }
        }
        let mut touched = BTreeSet::new();
        for pair in std::mem::take(&mut self.touched_pairs) {
            for asset in self.by_base.get(&pair.quote).into_iter().flatten() {
                if self.currency(*asset) == Some(pair.base) {
                    touched.insert(*asset);
                }
            }
        }
        for asset in touched {
            self.reprice(asset, epoch, moves);
        }
    }

    fn touch(&mut self, number: u32) {
        let known = &mut self.instruments[number as usize];
        if !known.touched {
            known.touched = true;
            self.touched_instruments.push(number);
        }
    }

    /// Takes the current paces as the scales of zones from now on.
    pub fn rescale(&mut self, customers: usize) {
        let slots = self.assets.iter().zip(&mut self.points).zip(&self.holders);
        for (number, ((asset, point), holders)) in slots.enumerate() {
            // What few hold gets more room: it then seldom is what wakes the others.
            let share = (f64::from(*holders) / customers.max(1) as f64).clamp(1e-4, 1.0);
            let moves = asset.kind == Kind::Good && !asset.at_home();
            point.scale = if moves { asset.pace.scale() * share.sqrt().sqrt().recip() } else { 0.0 };
            if let Some(lane) = self.lane_scales.get_mut(number) {
                *lane = point.scale as f32;
            }
        }
    }

    fn number(&mut self, instrument: InstrumentId) -> u32 {
        self.numbers.get(instrument.0).unwrap_or_else(|| {
            let number = self.instruments.len() as u32;
            let (price, currency, assets) = (None, None, Vec::new());
            let labels = Labels::default();
            let id = instrument;
            self.instruments.push(Instrument { id, price, currency, labels, assets, touched: false });
            self.numbers.insert(instrument.0, number);
            number
        })
    }

    /// What an asset is priced in.
    fn currency(&self, asset: u32) -> Option<Currency> {
        let asset = &self.assets[asset as usize];
        match asset.subject {
            Subject::Instrument(_) | Subject::Bucket(_) => self.instruments[asset.number as usize].currency,
            Subject::Cash(currency) => Some(currency),
        }
    }

    pub fn rate(&self, pair: Pair) -> Option<Rate> {
        if pair.base == pair.quote { Some(Rate::PAR) } else { self.rates.get(&pair).copied() }
    }

    fn reprice(&mut self, number: u32, epoch: u64, moves: &mut Moves) {
        let asset = &self.assets[number as usize];
        let currency = self.currency(number);
        let pair = currency.zip(asset.base).map(|(base, quote)| Pair { base, quote });
        let rate = pair.and_then(|pair| self.rate(pair));
        let raw = match asset.subject {
            Subject::Instrument(_) => {
                self.instruments[asset.number as usize].price.map(|price| i128::from(price.raw()))
            }
            Subject::Cash(_) => Some(CASH_SCALE),
            Subject::Bucket(_) => None,
        };
        let unpriced = raw.is_none() || currency.is_none();
        let no_rate = pair.filter(|_| rate.is_none());
        // 63 + 63 bits always fit.
        let unit = raw.zip(rate).map(|(raw, rate)| raw * i128::from(rate.raw()));
        let kind = match unit {
            None => Kind::Missing,
            Some(unit) if unit <= 0 => Kind::Odd,
            Some(_) => Kind::Good,
        };
        let unit = unit.unwrap_or(0);
        let asset = &mut self.assets[number as usize];
        let same_reason = asset.unpriced == unpriced && asset.no_rate == no_rate;
        match (asset.kind, kind) {
            (Kind::Missing, Kind::Missing) if same_reason => {}
            (Kind::Missing, _) => moves.filled = true,
            (Kind::Good, Kind::Good) if asset.unit == unit => {}
            (Kind::Good, Kind::Good) => {
                moves.moved.push(number);
                moves.stirred = true;
                let point = self.points[number as usize];
                let leap = (unit as f64 / point.price - 1.0).abs() / point.scale;
                // Not a number, where the scale is not set yet, is no leap.
                moves.leap = moves.leap.max(if leap.is_finite() { leap } else { 0.0 });
            }
            (Kind::Odd, Kind::Odd) => moves.stirred |= asset.unit != unit,
            _ => {
                moves.turned.insert(number);
            }
        }
        let price = unit as f64;
        if kind == Kind::Good {
            if asset.kind == Kind::Good {
                asset.pace.moved(price, epoch);
            } else {
                // Whatever it learned before it went away, or was told, stays.
                (asset.pace.epoch, asset.pace.price) = (epoch, price);
            }
        }
        (asset.unit, asset.kind, asset.unpriced, asset.no_rate) = (unit, kind, unpriced, no_rate);
        self.points[number as usize].price = price;
        let fits = kind == Kind::Good && unit < 1 << UNIT_EASY_BITS;
        self.units[number as usize] = if fits { unit as i64 } else { 0 };
        if let Some(lane) = self.lanes.get_mut(number as usize) {
            *lane = (price * 1e-15) as f32;
        }
    }
}
