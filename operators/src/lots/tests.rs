use std::collections::BTreeMap;

use super::books::Books;
use crate::facts::{Fact, LotEntry};
use crate::told::Told;
use evenkeel_lots::{Entry, EventId, LotId, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{AnomalyKind, CustomerId, InstrumentId, LotTrouble, Money, Quantity, Row};

const VAS: InstrumentId = InstrumentId(1);

fn units(whole: i64) -> Quantity {
    Quantity::from_whole(whole).unwrap()
}

fn entry(number: u64, date: &str, name: Option<&str>, what: What) -> std::sync::Arc<LotEntry> {
    let date = date.parse().unwrap();
    let entry = Entry { date, at: date.start(), number, what };
    std::sync::Arc::new(LotEntry { entry, name: name.map(Into::into), named: Box::default() })
}

fn buy(customer: u32, number: u64, date: &str, name: Option<&str>, quantity: i64, cost: i64) -> Fact {
    let lot = LotId(name.map_or(number, lot_number));
    let cost_base = Money::from_whole(cost).unwrap();
    let acquired = date.parse().unwrap();
    let what = What::Acquire { instrument: VAS, lot, quantity: units(quantity), cost_base, acquired };
    Fact::Lot(CustomerId(customer), entry(number, date, name, what))
}

fn sell(customer: u32, number: u64, date: &str, quantity: i64, proceeds: i64) -> Fact {
    let proceeds = Money::from_whole(proceeds).unwrap();
    let (disposal, lots) = (EventId(number), Box::default());
    let what = What::Dispose {
        instrument: VAS,
        disposal,
        quantity: units(quantity),
        proceeds,
        fee: Money::ZERO,
        lots,
    };
    Fact::Lot(CustomerId(customer), entry(number, date, None, what))
}

fn split(number: u64, date: &str, new: i64, old: i64) -> Fact {
    let (event, in_lieu) = (EventId(number), None);
    let what = What::Split { instrument: VAS, event, new: units(new), old: units(old), in_lieu };
    Fact::Action(VAS, entry(number, date, None, what))
}

/// The rows and anomalies that hold after these epochs, in words, and how many changes the last one told.
fn after(epochs: &[&[(Fact, isize)]]) -> (Vec<String>, usize) {
    let mut books = Books::default();
    let mut holds: BTreeMap<String, isize> = BTreeMap::new();
    let mut told = 0;
    for epoch in epochs {
        let mut out = Vec::new();
        books.step(epoch.to_vec(), &mut out);
        told = out.len();
        for (outcome, diff) in out {
            let words = match outcome {
                Told::Row(Row::Lot(l)) => {
                    format!("c{} {} {} {}", l.customer.0, l.lot, l.quantity, l.cost_base)
                }
                Told::Row(Row::RealisedGain(g)) => {
                    format!("c{} {} of {} gains {}", g.customer.0, g.disposal, g.lot, g.gain)
                }
                Told::Fault(c, AnomalyKind::Lots(_, _, event, LotTrouble::Oversold(missing))) => {
                    format!("c{} {event} oversold by {missing}", c.0)
                }
                other => format!("{other:?}"),
            };
            *holds.entry(words).or_default() += diff;
        }
    }
    assert!(holds.values().all(|times| [0, 1].contains(times)), "{holds:?}");
    (holds.into_iter().filter(|(_, times)| *times == 1).map(|(words, _)| words).collect(), told)
}

#[test]
fn a_sale_takes_the_oldest_lot_and_a_late_buy_restates_it() {
    let bought =
        [(buy(7, 1, "2024-01-10", Some("b1"), 100, 3000), 1), (buy(7, 2, "2024-04-10", None, 100, 4000), 1)];
    let sold = [(sell(7, 3, "2024-11-10", 100, 5500), 1)];
    let (rows, _) = after(&[&bought, &sold]);
    assert_eq!(rows, ["c7 seq:2 100 4000", "c7 seq:3 of b1 gains 2500"]);
    let late = [(buy(7, 4, "2023-12-01", Some("b0"), 50, 1000), 1)];
    let (rows, _) = after(&[&bought, &sold, &late]);
    assert_eq!(
        rows,
        ["c7 b1 50 1500", "c7 seq:2 100 4000", "c7 seq:3 of b0 gains 1750", "c7 seq:3 of b1 gains 1250"]
    );
}

#[test]
fn a_split_reaches_everybody_who_holds_whenever_they_came_and_goes_with_its_bust() {
    let early = [(buy(1, 1, "2024-01-10", Some("b1"), 10, 100), 1)];
    let split_facts = [(split(2, "2024-06-01", 2, 1), 1)];
    let late =
        [(buy(2, 3, "2024-02-01", Some("b2"), 5, 50), 1), (buy(2, 4, "2024-07-01", Some("b3"), 5, 30), 1)];
    let (rows, _) = after(&[&early, &split_facts, &late]);
    assert_eq!(rows, ["c1 b1 20 100", "c2 b2 10 50", "c2 b3 5 30"]);
    let bust = [(split(2, "2024-06-01", 2, 1), -1)];
    let (rows, _) = after(&[&early, &split_facts, &late, &bust]);
    assert_eq!(rows, ["c1 b1 10 100", "c2 b2 5 50", "c2 b3 5 30"]);
}

#[test]
fn an_oversale_is_an_anomaly_until_the_missing_buy_comes() {
    let sold = [(sell(7, 3, "2024-11-10", 10, 100), 1)];
    let (rows, _) = after(&[&sold]);
    assert_eq!(rows, ["c7 seq:3 oversold by 10"]);
    let (rows, _) = after(&[&sold, &[(buy(7, 4, "2024-01-01", Some("b1"), 10, 60), 1)]]);
    assert_eq!(rows, ["c7 seq:3 of b1 gains 40"]);
}

#[test]
fn a_correction_of_one_customer_tells_of_nobody_else() {
    let everybody: Vec<(Fact, isize)> =
        (0..1000).map(|c| (buy(c, u64::from(c), "2024-01-10", None, 10, 100), 1)).collect();
    let amended =
        [(buy(5, 5, "2024-01-10", None, 10, 100), -1), (buy(5, 2000, "2024-01-10", None, 10, 90), 1)];
    let (rows, told) = after(&[&everybody, &amended]);
    assert_eq!((rows.len(), told), (1000, 2));
}

#[test]
fn what_comes_and_goes_leaves_nothing() {
    let facts = [
        buy(7, 1, "2024-01-10", Some("b1"), 100, 3000),
        split(2, "2024-06-01", 3, 2),
        sell(7, 3, "2024-11-10", 120, 5500),
    ];
    let comes: Vec<(Fact, isize)> = facts.iter().cloned().map(|fact| (fact, 1)).collect();
    let goes: Vec<(Fact, isize)> = facts.iter().rev().cloned().map(|fact| (fact, -1)).collect();
    assert!(after(&[&comes, &goes]).0.is_empty());
    assert!(after(&[&comes, &goes[..1], &goes[1..2], &goes[2..]]).0.is_empty());
}
