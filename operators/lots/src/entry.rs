//! What goes into a ledger, and the order in which it counts.

use std::cmp::Ordering;

use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Instant, InstrumentId, Money, Price, Quantity, TradeDate};
use serde::{Deserialize, Serialize};

/// A lot, by a number that its caller gives once and for ever to the event that opened it. A lot keeps its
/// number through splits and replacements. Should two lots share one, a sale that names it takes the older.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LotId(pub u64);

/// A sale or corporate action, by a number that its caller gives to the event.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId(pub u64);

/// Units of a lot named at a sale.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Choice {
    /// The lot.
    pub lot: LotId,
    /// Units taken from it, above zero.
    pub quantity: Quantity,
}

/// One fact about a customer's lots. The order of entries is the order in which they count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The day it counts on: trade date, ex date, the first day of an election.
    pub date: TradeDate,
    /// Effective time: orders trades of one day, and elections of one day.
    pub at: Instant,
    /// Running number of the event: decides ties, and orders corporate actions of one day.
    pub number: u64,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum What {
    /// From its date on sales of all instruments take lots by this method.
    Election {
        /// The method.
        method: CostBasis,
    },
    /// `old` units become `new`. The position is truncated towards zero to the scale of a quantity, as the
    /// `positions` collection does, and the lots add up to it. A lot of which nothing remains is realised
    /// for nothing.
    Split {
        /// What splits.
        instrument: InstrumentId,
        /// The event.
        event: EventId,
        /// Units after, above zero.
        new: Quantity,
        /// Units before, above zero.
        old: Quantity,
        /// Where given, the fraction of a whole unit that is left over is sold at this price a new unit.
        in_lieu: Option<Price>,
    },
    /// The cost base of each unit held changes: AMIT statement, return of capital.
    CostBase {
        /// What it is about.
        instrument: InstrumentId,
        /// The event.
        event: EventId,
        /// Change per unit. A fall stops at a cost base of nil; what is beyond is a gain at once.
        per_unit: Price,
    },
    /// Lots move to another instrument.
    Replace(Box<Replacement>),
    /// Everything held is disposed of.
    Delist {
        /// What goes.
        instrument: InstrumentId,
        /// The event.
        event: EventId,
        /// Proceeds per unit, may be zero.
        per_unit: Price,
    },
    /// Units come in: a buy, a transfer, a reinvestment.
    Acquire {
        /// Of what.
        instrument: InstrumentId,
        /// The lot that they open.
        lot: LotId,
        /// Units, above zero.
        quantity: Quantity,
        /// What they cost, fee included; not negative.
        cost_base: Money,
        /// When they were acquired: the trade date, or earlier for a transfer.
        acquired: TradeDate,
    },
    /// Units are sold.
    Dispose {
        /// Of what.
        instrument: InstrumentId,
        /// The sale.
        disposal: EventId,
        /// Units, above zero.
        quantity: Quantity,
        /// What they brought, net of fee.
        proceeds: Money,
        /// The fee, already taken off the proceeds.
        fee: Money,
        /// The lots named, empty if none were.
        lots: Box<[Choice]>,
    },
}

/// A merger or a change of code: `old` units of one instrument become `new` of another, with the date at
/// which they were acquired. Cash realises the part cash / (cash + value) of each lot's cost base.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Replacement {
    /// What goes.
    pub from: InstrumentId,
    /// What comes, another one.
    pub into: InstrumentId,
    /// The event.
    pub event: EventId,
    /// Units after; nil if cash is all there is.
    pub new: Quantity,
    /// Units before, above zero.
    pub old: Quantity,
    /// Cash per unit that goes, not negative.
    pub cash: Price,
    /// Market value of what comes for one unit that goes; needed only beside cash.
    pub value: Price,
}

impl Entry {
    /// The instrument it is about, the one that goes for a replacement; none for an election.
    pub fn instrument(&self) -> Option<InstrumentId> {
        match &self.what {
            What::Election { .. } => None,
            What::Replace(terms) => Some(terms.from),
            What::Split { instrument, .. }
            | What::CostBase { instrument, .. }
            | What::Delist { instrument, .. }
            | What::Acquire { instrument, .. }
            | What::Dispose { instrument, .. } => Some(*instrument),
        }
    }

    /// Date, rank on that date, effective time where it counts, running number.
    fn order(&self) -> (TradeDate, u8, i64, u64) {
        let (rank, at) = match self.what {
            What::Election { .. } => (0, self.at.micros()),
            What::Acquire { .. } | What::Dispose { .. } => (2, self.at.micros()),
            _ => (1, i64::MIN),
        };
        (self.date, rank, at, self.number)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        // Beyond the number only what is alike in every part is the same: removal depends on it.
        self.order()
            .cmp(&other.order())
            .then_with(|| self.at.cmp(&other.at))
            .then_with(|| self.what.cmp(&other.what))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
