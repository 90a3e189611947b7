//! The five methods told once more, plainly: every unit on its own with its own cost, and average cost as a
//! fraction. Costs are drawn so that no method but average has anything to round.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeMap;

use common::drawn::date;
use common::{Told, VAS};
use evenkeel_lots::{Choice, Entry, EventId, LotId, What};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Instant, Money, Quantity};
use proptest::collection::vec;
use proptest::prelude::*;

/// Every split halves a unit's cost: with this many factors of two it stays whole.
const HALVES: i64 = 1 << 12;

#[derive(Clone, Debug)]
enum Step {
    /// Units, cost of each, days before the trade that they were acquired.
    Buy(i64, i64, i64),
    /// Units, price of each, units by number of the lot.
    Sell(i64, i64, Vec<(u64, i64)>),
    /// One becomes two.
    Split,
    Elect(CostBasis),
}

/// Day, hour, step; the number is the place.
type History = Vec<(i64, i64, Step)>;

fn history(methods: &'static [CostBasis]) -> impl Strategy<Value = History> {
    let buy = (1_i64..9, 1_i64..9, 0_i64..4).prop_map(|(units, cost, days)| {
        // Few different costs, so that the highest is often that of several lots.
        Step::Buy(units, cost * HALVES * 1000, days)
    });
    let named = prop_oneof![2 => Just(Vec::new()), 1 => vec((0_u64..12, 1_i64..6), 1..4)];
    let sell = (1_i64..12, 1_i64..5_000_000, named)
        .prop_map(|(units, price, named)| Step::Sell(units, price, named));
    let elect = (0..methods.len()).prop_map(|index| Step::Elect(methods[index]));
    let step = prop_oneof![8 => buy, 8 => sell, 1 => Just(Step::Split), 2 => elect];
    let drawn = vec((0_i64..10, 0_i64..3, step), 1..24);
    drawn.prop_filter("at most twelve splits", |drawn| {
        drawn.iter().filter(|(.., step)| matches!(step, Step::Split)).count() <= 12
    })
}

fn entries(history: &History) -> Vec<Entry> {
    let entry = |number: usize, (day, hour, step): &(i64, i64, Step)| {
        let (number, instrument) = (number as u64, VAS);
        let what = match step {
            Step::Buy(units, cost, days) => What::Acquire {
                instrument,
                lot: LotId(number),
                quantity: Quantity::from_whole(*units).unwrap(),
                cost_base: Money::from_raw(units * cost),
                acquired: date(day - days),
            },
            Step::Sell(units, price, named) => {
                let whole = |units: i64| Quantity::from_whole(units).unwrap();
                let choice = |(lot, units): &(u64, i64)| Choice { lot: LotId(*lot), quantity: whole(*units) };
                What::Dispose {
                    instrument,
                    disposal: EventId(number),
                    quantity: whole(*units),
                    proceeds: Money::from_raw(units * price),
                    fee: Money::ZERO,
                    lots: named.iter().map(choice).collect(),
                }
            }
            Step::Split => {
                let (new, old) = (Quantity::from_raw(2), Quantity::from_raw(1));
                What::Split { instrument, event: EventId(number), new, old, in_lieu: None }
            }
            Step::Elect(method) => What::Election { method: *method },
        };
        let at = Instant::from_micros(date(*day).start().micros() + hour * 3_600_000_000);
        Entry { date: date(*day), at, number, what }
    };
    history.iter().enumerate().map(|(number, drawn)| entry(number, drawn)).collect()
}

/// Steps in the order in which they count, with day and number.
fn in_order(history: &History) -> Vec<(i64, u64, Step)> {
    let rank = |hour: i64, step: &Step| match step {
        Step::Elect(_) => (0, hour),
        Step::Split => (1, 0),
        _ => (2, hour),
    };
    let mut order: Vec<usize> = (0..history.len()).collect();
    order.sort_by_key(|index| {
        let (day, hour, step) = &history[*index];
        (*day, rank(*hour, step), *index)
    });
    order.iter().map(|index| (history[*index].0, *index as u64, history[*index].2.clone())).collect()
}

/// One unit: the day it was acquired, its lot, what it cost.
#[derive(Clone, Debug)]
struct Unit {
    acquired: i64,
    lot: u64,
    cost: i64,
}

/// Units, proceeds and cost by disposal and lot; units and cost by lot.
#[derive(Default, Debug, PartialEq)]
struct Answer {
    realised: BTreeMap<(u64, u64), (i64, i64, i64)>,
    open: BTreeMap<u64, (i64, i64)>,
}

/// What each single unit does.
fn unit_by_unit(history: &History) -> Answer {
    let (mut units, mut method): (Vec<Unit>, _) = (Vec::new(), CostBasis::Fifo);
    let mut answer = Answer::default();
    for (day, number, step) in in_order(history) {
        match step {
            Step::Elect(elected) => method = elected,
            Step::Split => {
                let halves = units.iter().flat_map(|unit| {
                    let half = Unit { cost: unit.cost / 2, ..unit.clone() };
                    [half.clone(), half]
                });
                units = halves.collect();
            }
            Step::Buy(count, cost, days) => {
                let unit = Unit { acquired: day - days, lot: number, cost };
                units.extend(vec![unit; count as usize]);
                units.sort_by_key(|unit| unit.acquired);
            }
            Step::Sell(count, price, named) => {
                let wishes = named.iter().flat_map(|(lot, count)| vec![Some(*lot); *count as usize]);
                let mut left = count;
                for wish in wishes.chain(vec![None; count as usize]) {
                    let Some(place) = choose(&units, wish, method).filter(|_| left > 0) else { continue };
                    let unit = units.remove(place);
                    let sum = answer.realised.entry((number, unit.lot)).or_default();
                    *sum = (sum.0 + 1, sum.1 + price, sum.2 + unit.cost);
                    left -= 1;
                }
            }
        }
    }
    for unit in units {
        let sum = answer.open.entry(unit.lot).or_default();
        *sum = (sum.0 + 1, sum.1 + unit.cost);
    }
    answer
}

/// The unit that goes next; of the lot that is wished for, or by the method.
fn choose(units: &[Unit], wish: Option<u64>, method: CostBasis) -> Option<usize> {
    match (wish, method) {
        (Some(lot), _) => units.iter().position(|unit| unit.lot == lot),
        (None, CostBasis::Lifo) => units.len().checked_sub(1),
        (None, CostBasis::Hifo) => {
            let highest = units.iter().map(|unit| unit.cost).max()?;
            units.iter().position(|unit| unit.cost == highest)
        }
        _ => (!units.is_empty()).then_some(0),
    }
}

fn answer_of(told: &Told) -> Answer {
    let mut answer = Answer::default();
    for gain in told.gains() {
        let units = gain.quantity.raw() / Quantity::ONE;
        let row = (units, gain.proceeds.raw(), gain.cost_base.raw());
        let sum = answer.realised.entry((gain.disposal.0, gain.lot.0)).or_default();
        *sum = (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2);
    }
    for lot in told.lots() {
        answer.open.insert(lot.lot.0, (lot.quantity.raw() / Quantity::ONE, lot.cost_base.raw()));
    }
    answer
}

/// A fraction in lowest terms.
#[derive(Copy, Clone)]
struct Fraction(i128, i128);

impl Fraction {
    fn times(self, top: i128, bottom: i128) -> Fraction {
        let (mut a, mut b) = (self.0 * top, self.1 * bottom);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let gcd = a.abs().max(1);
        Fraction(self.0 * top / gcd, self.1 * bottom / gcd)
    }

    /// Whether a raw amount is at most `near` away.
    fn near(self, raw: i128, near: i128) -> bool {
        (raw * self.1 - self.0).abs() <= near * self.1
    }
}

const OWN_COST: [CostBasis; 4] = [CostBasis::Fifo, CostBasis::Lifo, CostBasis::Hifo, CostBasis::Specific];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn methods_by_lot_do_what_each_single_unit_does(history in history(&OWN_COST)) {
        let told = Told::of(&entries(&history));
        prop_assert_eq!(answer_of(&told), unit_by_unit(&history));
    }

    /// The pool as a fraction; the ledger rounds it once a sale, so it is at most that many raw units away.
    #[test]
    fn average_cost_is_a_moving_average(history in history(&[CostBasis::Average])) {
        let first = (-1, 0, Step::Elect(CostBasis::Average));
        let history: History = history.into_iter().chain([first]).collect();
        let told = Told::of(&entries(&history));
        let (mut held, mut pool, mut sales) = (0_i64, Fraction(0, 1), 0);
        for (_, number, step) in in_order(&history) {
            match step {
                Step::Elect(_) => {}
                Step::Split => held *= 2,
                Step::Buy(count, cost, _) => {
                    held += count;
                    pool.0 += i128::from(count * cost) * pool.1;
                }
                Step::Sell(count, ..) => {
                    let count = count.min(held);
                    let gains = told.gains().into_iter().filter(|gain| gain.disposal.0 == number);
                    let cost: i128 = gains.map(|gain| i128::from(gain.cost_base.raw())).sum();
                    if count == 0 {
                        prop_assert_eq!(cost, 0);
                        continue;
                    }
                    sales += 1;
                    let leaves = pool.times(count.into(), held.into());
                    prop_assert!(leaves.near(cost, sales), "sale {number}");
                    pool = pool.times((held - count).into(), held.into());
                    held -= count;
                }
            }
        }
        let open: i128 = told.lots().iter().map(|lot| i128::from(lot.cost_base.raw())).sum();
        prop_assert!(pool.near(open, sales));
    }
}
