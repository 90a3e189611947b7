//! Portfolios as they are, in exact integers: one head per customer and its slots side by side.

use std::collections::BTreeMap;

use evenkeel_schemas::{Currency, CustomerId};

use crate::pages::Pages;

/// A slot is named by the customer's targets.
pub(crate) const LINE: u8 = 1;
/// The weight was above its band when last judged.
pub(crate) const OVER: u8 = 2;
/// The weight was below its band when last judged.
pub(crate) const UNDER: u8 = 4;
/// The slot is cash, which has no weight to judge, or a bucket, which is judged apart.
pub(crate) const CASH: u8 = 8;
/// The slot is a bucket: no quantity, its value is the sum of its members'. Always with `CASH`.
pub(crate) const BUCKET: u8 = 16;
/// Both sides.
pub(crate) const SIDES: u8 = OVER | UNDER;

/// The band of everybody without targets, which no weight of a regular portfolio leaves.
pub(crate) const BAND_FREE: i64 = 1 << 60;
/// Targets and bands up to here, raw, are for the filter; their sums are in range.
pub(crate) const RATIO_SANE: i64 = 1 << 61;

/// What is held of one asset: raw units of `Quantity`, or of `Money` for cash.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Hold {
    pub quantity: i64,
    pub asset: u32,
    pub flags: u8,
}

/// The band around the target share of NAV, raw units of `Ratio`.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Limit {
    pub target: i64,
    pub band: i64,
}

/// A customer's place in a store of lanes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub class: u32,
    pub lane: u32,
}

/// How a customer is watched.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Not at all: nothing can change until its own data does.
    None,
    /// Until something that is missing appears.
    Gap,
    /// Looked at each epoch, one by one.
    Restless,
    /// Only the full sweep sees it.
    Swept,
    /// Swept each epoch with the others that are near a threshold.
    Near,
    /// In a zone.
    Asleep,
}

/// One customer.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub customer: CustomerId,
    pub base: Option<Currency>,
    /// Raw Ratio; `None` without targets.
    pub band_default: Option<i64>,
    start: u32,
    pub len: u32,
    capacity: u32,
    /// Its own data changed since it was last judged.
    pub dirty: bool,
    /// Has a row in the table of anomalies.
    pub ailing: bool,
    pub full: Option<Spot>,
    pub near: Option<Spot>,
}

/// How one customer is watched: little, side by side, as it is read for everybody who wakes.
#[derive(Copy, Clone, Debug)]
pub(crate) struct State {
    /// Entries of zones are stale unless they carry this number.
    pub stamp: u32,
    /// The epoch in which it was last picked to be looked at.
    pub seen: u32,
    pub watch: Watch,
    /// The filter applies: prices are there and above zero, bands are sane, NAV is above zero.
    pub regular: bool,
    /// Also, no quantity is below zero: the lanes apply.
    pub plain: bool,
    /// Some bucket is watched: no card applies.
    pub bucketed: bool,
    /// Is on the list of restless customers, on that of customers with gaps.
    pub on_restless: bool,
    pub on_gaps: bool,
}

/// All customers of a worker.
#[derive(Default)]
pub(crate) struct Book {
    numbers: Pages,
    pub heads: Vec<Head>,
    states: Vec<State>,
    holds: Vec<Hold>,
    limits: Vec<Limit>,
    /// Starts of free runs of slots, by their capacity.
    free: BTreeMap<u32, Vec<u32>>,
}

impl Book {
    /// The row of a customer, if it has one.
    pub fn row(&self, customer: CustomerId) -> Option<u32> {
        self.numbers.get(customer.0)
    }

    /// The row of a customer, new if need be.
    pub fn row_or_new(&mut self, customer: CustomerId) -> u32 {
        self.row(customer).unwrap_or_else(|| {
            let row = self.heads.len() as u32;
            self.heads.push(Head {
                customer,
                base: None,
                band_default: None,
                start: 0,
                len: 0,
                capacity: 0,
                dirty: false,
                ailing: false,
                full: None,
                near: None,
            });
            self.states.push(State {
                stamp: 0,
                seen: u32::MAX,
                watch: Watch::None,
                regular: false,
                plain: false,
                bucketed: false,
                on_restless: false,
                on_gaps: false,
            });
            self.numbers.insert(customer.0, row);
            row
        })
    }

    pub fn head(&self, row: u32) -> &Head {
        &self.heads[row as usize]
    }

    pub fn head_mut(&mut self, row: u32) -> &mut Head {
        &mut self.heads[row as usize]
    }

    pub fn state(&self, row: u32) -> &State {
        &self.states[row as usize]
    }

    pub fn state_mut(&mut self, row: u32) -> &mut State {
        &mut self.states[row as usize]
    }

    pub fn holds(&self, row: u32) -> &[Hold] {
        &self.holds[self.span(row)]
    }

    pub fn limits(&self, row: u32) -> &[Limit] {
        &self.limits[self.span(row)]
    }

    pub fn slots_mut(&mut self, row: u32) -> (&mut [Hold], &mut [Limit]) {
        let span = self.span(row);
        (&mut self.holds[span.clone()], &mut self.limits[span])
    }

    /// Reads what judging these rows will read, all at once, so that the memory's answers overlap.
    pub fn warm(&self, rows: &[u32]) -> i64 {
        let starts = rows.iter().fold(0, |all, row| all ^ self.head(*row).start);
        let lines = |row: &u32| {
            let span = self.span(*row);
            // Four slots share a line of 64 bytes.
            let ats = span.clone().step_by(4).chain(span.last());
            ats.fold(0, |all, at| all ^ self.holds[at].quantity ^ self.limits[at].target)
        };
        rows.iter().map(lines).fold(i64::from(starts), |all, line| all ^ line)
    }

    /// Puts a new slot before the slot `at`.
    pub fn insert(&mut self, row: u32, at: usize, hold: Hold, limit: Limit) {
        if self.head(row).len == self.head(row).capacity {
            self.grow(row);
        }
        self.head_mut(row).len += 1;
        let (holds, limits) = self.slots_mut(row);
        let last = holds.len() - 1;
        holds.copy_within(at..last, at + 1);
        limits.copy_within(at..last, at + 1);
        (holds[at], limits[at]) = (hold, limit);
    }

    /// Keeps the slots that `keep` wants, in their order.
    pub fn retain(&mut self, row: u32, keep: impl Fn(&Hold) -> bool) {
        let (holds, limits) = self.slots_mut(row);
        let mut kept = 0;
        for at in 0..holds.len() {
            if keep(&holds[at]) {
                (holds[kept], limits[kept]) = (holds[at], limits[at]);
                kept += 1;
            }
        }
        self.head_mut(row).len = kept as u32;
    }

    /// The band around nothing of what has no line of its own.
    pub fn no_line(&self, row: u32) -> Limit {
        Limit { target: 0, band: self.head(row).band_default.unwrap_or(BAND_FREE) }
    }

    fn span(&self, row: u32) -> std::ops::Range<usize> {
        let head = self.head(row);
        let start = head.start as usize;
        start..start + head.len as usize
    }

    /// Moves a customer's slots to a longer run; the old run is free for others.
    fn grow(&mut self, row: u32) {
        let head = self.head(row);
        let (old, capacity, span) = (head.start, head.capacity, self.span(row));
        let wanted = if capacity < 16 { capacity + 4 } else { (capacity + capacity / 2).next_multiple_of(8) };
        let start = self.free.get_mut(&wanted).and_then(Vec::pop).unwrap_or_else(|| {
            let end = self.holds.len();
            self.holds.resize(end + wanted as usize, Hold::default());
            self.limits.resize(end + wanted as usize, Limit::default());
            end as u32
        });
        self.holds.copy_within(span.clone(), start as usize);
        self.limits.copy_within(span, start as usize);
        if capacity > 0 {
            self.free.entry(capacity).or_default().push(old);
        }
        let head = self.head_mut(row);
        (head.start, head.capacity) = (start, wanted);
    }
}
