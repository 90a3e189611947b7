//! Histories drawn at random: few days, few instruments and few lots, so that much of it meets.

use evenkeel_lots::{Choice, Entry, EventId, LotId, Replacement, What};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Instant, InstrumentId, Money, Price, Quantity, TradeDate};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a history is made of.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Flavour {
    /// Whole units, with changes of cost base, without splits and replacements.
    Whole,
    /// Fractions, splits and replacements, without changes of cost base.
    Fractions,
    /// Everything, of any size and sign.
    Anything,
}

pub const METHODS: [CostBasis; 5] =
    [CostBasis::Fifo, CostBasis::Lifo, CostBasis::Hifo, CostBasis::Average, CostBasis::Specific];

pub fn date(day: i64) -> TradeDate {
    Instant::from_micros(1_577_836_800_000_000 + day * 86_400_000_000).date()
}

/// Up to `most` entries, numbered as they come.
pub fn history(flavour: Flavour, most: usize) -> impl Strategy<Value = Vec<Entry>> {
    vec((0_i64..12, 0_i64..3, what(flavour)), 1..most).prop_map(move |drawn| {
        let numbered = drawn.into_iter().enumerate().map(|(number, (day, hour, what))| {
            let at = Instant::from_micros(date(day).start().micros() + hour * 3_600_000_000);
            entry(number as u64, date(day), at, what)
        });
        numbered.collect()
    })
}

fn entry(number: u64, date: TradeDate, at: Instant, mut what: What) -> Entry {
    match &mut what {
        What::Acquire { lot, .. } => *lot = LotId(number),
        What::Dispose { disposal: event, .. }
        | What::Split { event, .. }
        | What::CostBase { event, .. }
        | What::Delist { event, .. } => *event = EventId(number),
        What::Replace(terms) => terms.event = EventId(number),
        What::Election { .. } => {}
    }
    Entry { date, at, number, what }
}

fn what(flavour: Flavour) -> BoxedStrategy<What> {
    let trades = prop_oneof![5 => acquire(flavour), 5 => dispose(flavour), 1 => election()];
    match flavour {
        Flavour::Whole => prop_oneof![12 => trades, 1 => cost_base(flavour), 1 => delist(flavour)].boxed(),
        Flavour::Fractions => prop_oneof![12 => trades, 2 => split(flavour), 1 => replace(flavour)].boxed(),
        Flavour::Anything => prop_oneof![
            8 => trades,
            1 => cost_base(flavour),
            1 => delist(flavour),
            2 => split(flavour),
            1 => replace(flavour)
        ]
        .boxed(),
    }
}

fn instrument() -> impl Strategy<Value = InstrumentId> {
    (0_u32..3).prop_map(InstrumentId)
}

/// Raw units of a quantity.
fn units(flavour: Flavour) -> BoxedStrategy<i64> {
    let whole = (1_i64..30).prop_map(|units| units * Quantity::ONE);
    match flavour {
        Flavour::Whole => whole.boxed(),
        Flavour::Fractions => prop_oneof![whole, 1_i64..30_000_000, 1_i64..5].boxed(),
        Flavour::Anything => prop_oneof![4 => whole, 4 => 1_i64..30_000_000, 1 => any::<i64>()].boxed(),
    }
}

/// Raw units of money.
fn amount(flavour: Flavour) -> BoxedStrategy<i64> {
    let usual = 0_i64..2_000_000_000;
    match flavour {
        Flavour::Anything => prop_oneof![8 => usual, 1 => any::<i64>()].boxed(),
        _ => usual.boxed(),
    }
}

fn acquire(flavour: Flavour) -> impl Strategy<Value = What> {
    (instrument(), units(flavour), amount(flavour), -3_i64..12).prop_map(|(instrument, units, cost, day)| {
        let (quantity, cost_base) = (Quantity::from_raw(units), Money::from_raw(cost));
        What::Acquire { instrument, lot: LotId(0), quantity, cost_base, acquired: date(day) }
    })
}

fn dispose(flavour: Flavour) -> impl Strategy<Value = What> {
    let choice = (0_u64..20, units(flavour))
        .prop_map(|(lot, units)| Choice { lot: LotId(lot), quantity: Quantity::from_raw(units) });
    let named = prop_oneof![3 => Just(Vec::new()), 1 => vec(choice, 1..4)];
    (instrument(), units(flavour), amount(flavour), 0_i64..10_000_000, named).prop_map(
        |(instrument, units, proceeds, fee, named)| What::Dispose {
            instrument,
            disposal: EventId(0),
            quantity: Quantity::from_raw(units),
            proceeds: Money::from_raw(proceeds),
            fee: Money::from_raw(fee),
            lots: named.into(),
        },
    )
}

fn election() -> impl Strategy<Value = What> {
    (0_usize..5).prop_map(|method| What::Election { method: METHODS[method] })
}

fn split(flavour: Flavour) -> impl Strategy<Value = What> {
    let terms = (1_i64..5, 1_i64..5).prop_map(|(new, old)| (new * Quantity::ONE, old * Quantity::ONE));
    let terms = match flavour {
        Flavour::Anything => prop_oneof![8 => terms, 1 => (any::<i64>(), any::<i64>())].boxed(),
        _ => terms.boxed(),
    };
    let in_lieu = proptest::option::of(amount(flavour));
    (instrument(), terms, in_lieu).prop_map(|(instrument, (new, old), in_lieu)| What::Split {
        instrument,
        event: EventId(0),
        new: Quantity::from_raw(new),
        old: Quantity::from_raw(old),
        in_lieu: in_lieu.map(Price::from_raw),
    })
}

fn cost_base(flavour: Flavour) -> impl Strategy<Value = What> {
    let usual = -30_000_000_i64..30_000_000;
    let change = match flavour {
        Flavour::Anything => prop_oneof![8 => usual, 1 => any::<i64>()].boxed(),
        _ => usual.boxed(),
    };
    (instrument(), change).prop_map(|(instrument, change)| What::CostBase {
        instrument,
        event: EventId(0),
        per_unit: Price::from_raw(change),
    })
}

fn delist(flavour: Flavour) -> impl Strategy<Value = What> {
    (instrument(), amount(flavour)).prop_map(|(instrument, amount)| What::Delist {
        instrument,
        event: EventId(0),
        per_unit: Price::from_raw(amount),
    })
}

fn replace(flavour: Flavour) -> impl Strategy<Value = What> {
    let cash = prop_oneof![Just(0), amount(flavour)];
    (instrument(), instrument(), 0_i64..4, 1_i64..4, cash, amount(flavour)).prop_map(
        |(from, into, new, old, cash, value)| {
            let (new, old) = (Quantity::from_raw(new), Quantity::from_raw(old));
            let (cash, value) = (Price::from_raw(cash), Price::from_raw(value));
            What::Replace(Box::new(Replacement { from, into, event: EventId(0), new, old, cash, value }))
        },
    )
}
