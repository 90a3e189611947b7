//! What a ledger tells.

use evenkeel_schemas::{GainKind, InstrumentId, Money, Quantity, TradeDate};

use crate::entry::{EventId, LotId};

/// A row of one of the three outputs.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// A lot that is open.
    Lot(OpenLot),
    /// A gain or loss that was realised.
    Gain(RealisedGain),
    /// Something that does not add up.
    Anomaly(Anomaly),
}

/// Units held since one day.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenLot {
    /// Of what.
    pub instrument: InstrumentId,
    /// When they were acquired.
    pub acquired: TradeDate,
    /// The lot.
    pub lot: LotId,
    /// Units left, above zero.
    pub quantity: Quantity,
    /// What they cost, with the changes since; not negative.
    pub cost_base: Money,
}

/// What one disposal realised of one lot.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealisedGain {
    /// Of what.
    pub instrument: InstrumentId,
    /// Day of the sale or action.
    pub disposed: TradeDate,
    /// The sale or action.
    pub disposal: EventId,
    /// The lot.
    pub lot: LotId,
    /// When the lot was acquired.
    pub acquired: TradeDate,
    /// Units that left; nil where money came and the units stayed, or became others.
    pub quantity: Quantity,
    /// What they brought, net of fee.
    pub proceeds: Money,
    /// What they had cost.
    pub cost_base: Money,
    /// Their share of the fee, already taken off the proceeds.
    pub fee: Money,
    /// Proceeds less cost base; negative is a loss.
    pub gain: Money,
    /// Calendar days from acquisition to disposal.
    pub days_held: i32,
    /// Why.
    pub kind: GainKind,
}

/// An entry that does not add up with the others.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anomaly {
    /// Of what.
    pub instrument: InstrumentId,
    /// The running number of the entry.
    pub number: u64,
    /// Its date.
    pub date: TradeDate,
    /// What does not add up.
    pub trouble: Trouble,
}

/// What does not add up.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// More was sold than was held; what was held is matched.
    Oversold {
        /// Units without a lot.
        missing: Quantity,
    },
    /// A lot named at a sale is not open or has too few units; other lots gave what it did not.
    LotShort {
        /// The lot.
        lot: LotId,
        /// Units that it did not have.
        missing: Quantity,
    },
    /// The units named at a sale are not as many as were sold; the sale's quantity holds.
    SelectionMismatch {
        /// Units named.
        named: Quantity,
    },
    /// A quantity, price or ratio that makes no sense, such as a sale of nothing; the entry is left out.
    Invalid,
    /// The entry is left out, because an amount would be beyond ±2.3 · 10¹².
    OutOfRange,
}

/// Adds up changes of one row from `from` on, drops what cancels, and sorts the rest.
pub(crate) fn consolidate(changes: &mut Vec<(Row, i8)>, from: usize) {
    if changes.len() - from < 2 {
        return;
    }
    changes[from..].sort_unstable();
    let (mut read, mut write) = (from, from);
    while read < changes.len() {
        let row = changes[read].0;
        let mut times = 0_i64;
        while read < changes.len() && changes[read].0 == row {
            times += i64::from(changes[read].1);
            read += 1;
        }
        // Never more than were read: each of those carried at least one.
        while times != 0 {
            let part = times.clamp(-127, 127);
            changes[write] = (row, part as i8);
            write += 1;
            times -= part;
        }
    }
    changes.truncate(write);
}
