//! The monitor: what it is told, and what it answers outside of closing an epoch.

use std::collections::BTreeMap;

use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, InstrumentId, Labels, Money, Pair, Price, Quantity, Rate, Ratio,
    Standing, Value, Worth,
};

use crate::book::{BUCKET, Book, CASH, Hold, LINE, Limit};
use crate::cards::Cards;
use crate::change::Mode;
use crate::exact::{Judgement, judge, standing};
use crate::floors::Floor;
use crate::lanes::{Lanes, Slot};
use crate::market::{Market, Moves, Subject};
use crate::mode::{Choice, Pilot};
use crate::zones::{Entry, Zones};

/// How a monitor works. Its answers do not depend on it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which mode to take.
    pub choice: Choice,
}

/// One line of a customer's targets.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Target share of NAV.
    pub weight: Ratio,
    /// Distance from the target that is tolerated.
    pub band: Ratio,
}

/// A bucket that a customer is watched by: what it holds with these labels, against the sum of their targets.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its number, which no instrument has.
    pub bucket: InstrumentId,
    /// The labels of its members, the same for everybody.
    pub labels: Labels,
    /// Distance from the target that is tolerated.
    pub band: Ratio,
}

/// A customer's worth and standings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraisal {
    /// What the portfolio is worth.
    pub worth: Worth,
    /// By instrument; empty without targets or when NAV is not above zero.
    pub standings: Vec<Standing>,
}

/// One worker's customers, watched for weights that leave their bands.
pub struct Monitor {
    pub(crate) market: Market,
    pub(crate) book: Book,
    /// All plain customers.
    pub(crate) full: Lanes,
    /// Those near a threshold, a copy.
    pub(crate) near: Lanes,
    /// All plain customers of few slots, once more, by row: what a look reads.
    pub(crate) cards: Cards,
    pub(crate) zones: Zones,
    pub(crate) pilot: Pilot,
    pub(crate) mode: Mode,
    /// Epochs closed.
    pub(crate) epoch: u64,
    /// Rows whose own data changed.
    pub(crate) dirty: Vec<u32>,
    pub(crate) restless: Vec<u32>,
    pub(crate) gaps: Vec<u32>,
    /// Rows that only the full sweep sees until they get a zone.
    pub(crate) backlog: Vec<u32>,
    /// What keeps a customer from being judged, by row.
    pub(crate) ailments: BTreeMap<u32, Vec<AnomalyKind>>,
    /// By row, as far as any floor was set.
    pub(crate) floors: Vec<Option<Floor>>,
    /// Customers asleep.
    pub(crate) asleep: usize,
    /// What became of assets since the last epoch was closed.
    pub(crate) pending: Moves,
    /// The newest group does not know all assets.
    pub(crate) renew: bool,
    pub(crate) scratch: Scratch,
}

/// Buffers that live as long as the monitor.
#[derive(Default)]
pub(crate) struct Scratch {
    pub sides: Vec<u8>,
    pub values: Vec<(f64, f64)>,
    pub slots: Vec<Slot>,
    pub entries: Vec<Entry>,
    pub turned: Vec<usize>,
    pub picked: Vec<u32>,
    pub flagged: Vec<u32>,
    pub unsure: Vec<u32>,
}

impl Monitor {
    /// A monitor of nobody.
    pub fn new(options: Options) -> Monitor {
        Monitor {
            market: Market::new(),
            book: Book::default(),
            full: Lanes::default(),
            near: Lanes::default(),
            cards: Cards::default(),
            zones: Zones::new(),
            pilot: Pilot::new(options.choice),
            // Zones need to know how far prices move: whoever may choose sweeps first.
            mode: if options.choice == Choice::Zones { Mode::Zones } else { Mode::Sweep },
            epoch: 0,
            dirty: Vec::new(),
            restless: Vec::new(),
            gaps: Vec::new(),
            backlog: Vec::new(),
            ailments: BTreeMap::new(),
            floors: Vec::new(),
            asleep: 0,
            pending: Moves::default(),
            renew: false,
            scratch: Scratch::default(),
        }
    }

    /// A monitor of nobody that knows the same of the market, but no labels.
    pub fn beside(&self, options: Options) -> Monitor {
        let mut other = Monitor::new(options);
        self.market.tell(&mut other.market);
        other
    }

    /// Takes over what another monitor knows of a customer's portfolio, but no targets. The customer has a row from then on.
    pub fn adopt(&mut self, other: &Monitor, customer: CustomerId) {
        self.book.row_or_new(customer);
        let Some(row) = other.book.row(customer) else { return };
        self.set_base(customer, other.book.head(row).base);
        for hold in other.book.holds(row).iter().filter(|hold| hold.quantity != 0) {
            self.set_quantity(customer, other.market.asset(hold.asset).subject, hold.quantity);
        }
    }

    /// Forgets a customer's portfolio and targets.
    pub fn forget(&mut self, customer: CustomerId) {
        let Some(row) = self.book.row(customer) else { return };
        self.clear_targets(customer);
        self.set_floor(customer, None);
        self.set_base(customer, None);
        for at in 0..self.book.holds(row).len() {
            let hold = &mut self.book.slots_mut(row).0[at];
            let (asset, quantity) = (hold.asset, std::mem::take(&mut hold.quantity));
            self.market.count_held(asset, quantity, 0);
        }
    }

    /// What an amount is worth in another currency; `None` without a rate, or out of range.
    pub fn value_of_cash(&self, amount: Money, currency: Currency, base: Currency) -> Option<Value> {
        Value::of_cash(amount, self.market.rate(Pair { base: currency, quote: base })?)
    }

    /// What units are worth in a currency; `None` without a price or rate, or out of range.
    pub fn value_of_units(
        &self,
        instrument: InstrumentId,
        quantity: Quantity,
        base: Currency,
    ) -> Option<Value> {
        let (price, currency) = self.market.quote(instrument)?;
        Value::of_position(quantity, price, self.market.rate(Pair { base: currency, quote: base })?)
    }

    /// The price of an instrument as it was told.
    pub fn price(&self, instrument: InstrumentId) -> Option<Price> {
        self.market.price(instrument)
    }

    /// The price of an instrument in its currency; `None` while there is none.
    pub fn set_price(&mut self, instrument: InstrumentId, price: Option<Price>) {
        self.market.set_price(instrument, price);
    }

    /// The rate of a pair: one unit of its base in its quote. A reversed pair is a pair of its own; a currency
    /// in itself is one for one and needs no rate.
    pub fn set_rate(&mut self, pair: Pair, rate: Option<Rate>) {
        self.market.set_rate(pair, rate);
    }

    /// The currency in which an instrument is priced; `None` while its terms are not known.
    pub fn set_terms(&mut self, instrument: InstrumentId, currency: Option<Currency>) {
        self.market.set_terms(instrument, currency);
    }

    /// What an instrument is labelled by, for the buckets it belongs to.
    pub fn set_labels(&mut self, instrument: InstrumentId, labels: Labels) {
        self.market.set_labels(instrument, labels);
    }

    /// The currency that a customer is valued in; `None` while it is not known.
    pub fn set_base(&mut self, customer: CustomerId, base: Option<Currency>) {
        let row = self.book.row_or_new(customer);
        if self.book.head(row).base == base {
            return;
        }
        self.book.head_mut(row).base = base;
        for at in 0..self.book.holds(row).len() {
            let before = self.book.holds(row)[at].asset;
            let asset = self.market.asset_of(self.market.asset(before).subject, base);
            self.market.count_holder(before, false);
            self.market.count_holder(asset, true);
            let hold = &mut self.book.slots_mut(row).0[at];
            hold.asset = asset;
            self.market.count_held(before, hold.quantity, 0);
            self.market.count_held(asset, 0, hold.quantity);
        }
        self.touch(row);
    }

    /// Units that a customer holds of an instrument; zero is no position.
    pub fn set_position(&mut self, customer: CustomerId, instrument: InstrumentId, quantity: Quantity) {
        self.set_quantity(customer, Subject::Instrument(instrument), quantity.raw());
    }

    /// A customer's balance in a currency; zero is no balance.
    pub fn set_cash(&mut self, customer: CustomerId, currency: Currency, amount: Money) {
        self.set_quantity(customer, Subject::Cash(currency), amount.raw());
    }

    /// All targets of a customer, the buckets it is watched by, and the band of what is held without a target. Of
    /// two lines of one instrument or bucket the later holds.
    pub fn set_targets(
        &mut self,
        customer: CustomerId,
        lines: &[Target],
        buckets: &[Bucket],
        band_default: Ratio,
    ) {
        let row = self.book.row_or_new(customer);
        self.reset_targets(row, Some(band_default));
        for line in lines {
            let at = self.slot_of(row, Subject::Instrument(line.instrument));
            let (holds, limits) = self.book.slots_mut(row);
            holds[at].flags |= LINE;
            limits[at] = Limit { target: line.weight.raw(), band: line.band.raw() };
        }
        for line in buckets {
            self.market.set_labels(line.bucket, line.labels);
            let at = self.slot_of(row, Subject::Bucket(line.bucket));
            let (holds, limits) = self.book.slots_mut(row);
            holds[at].flags |= LINE;
            limits[at].band = line.band.raw();
        }
    }

    /// The customer has no targets any more and is not judged.
    pub fn clear_targets(&mut self, customer: CustomerId) {
        if let Some(row) = self.book.row(customer) {
            self.reset_targets(row, None);
        }
    }

    /// A customer's exact worth and standings, at what has been told so far. `None` for a customer that
    /// cannot be valued.
    pub fn appraise(&mut self, customer: CustomerId) -> Option<Appraisal> {
        self.absorb();
        let row = self.book.row(customer)?;
        let head = self.book.head(row);
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let Judgement::Worth(worth) = judge(head.base, holds, self.market.assets()) else { return None };
        let judged = worth.nav.raw() > 0 && head.band_default.is_some();
        let slots = (0..holds.len()).filter(|_| judged);
        let standings = slots.filter_map(|at| standing(worth.nav, at, holds, limits, &self.market)).collect();
        Some(Appraisal { worth, standings })
    }

    /// Notes that a row must be judged at the end of the epoch.
    pub(crate) fn touch(&mut self, row: u32) {
        let head = self.book.head_mut(row);
        if !head.dirty {
            head.dirty = true;
            self.dirty.push(row);
        }
    }

    fn set_quantity(&mut self, customer: CustomerId, subject: Subject, quantity: i64) {
        let row = self.book.row_or_new(customer);
        let at = self.slot_of(row, subject);
        let hold = &mut self.book.slots_mut(row).0[at];
        self.market.count_held(hold.asset, hold.quantity, quantity);
        hold.quantity = quantity;
        self.touch(row);
    }

    fn reset_targets(&mut self, row: u32, band_default: Option<Ratio>) {
        self.book.head_mut(row).band_default = band_default.map(Ratio::raw);
        let free = self.book.no_line(row);
        let (holds, limits) = self.book.slots_mut(row);
        for (hold, limit) in holds.iter_mut().zip(limits) {
            hold.flags &= !LINE;
            *limit = free;
        }
        self.touch(row);
    }

    /// The slot of a subject in a row, new if need be. Slots without content go when the row is judged.
    fn slot_of(&mut self, row: u32, subject: Subject) -> usize {
        let found =
            self.book.holds(row).binary_search_by_key(&subject, |h| self.market.asset(h.asset).subject);
        found.unwrap_or_else(|at| {
            let asset = self.market.asset_of(subject, self.book.head(row).base);
            self.market.count_holder(asset, true);
            let flags = match subject {
                Subject::Instrument(_) => 0,
                Subject::Cash(_) => CASH,
                Subject::Bucket(_) => CASH | BUCKET,
            };
            let limit = self.book.no_line(row);
            self.book.insert(row, at, Hold { quantity: 0, asset, flags }, limit);
            at
        })
    }
}
