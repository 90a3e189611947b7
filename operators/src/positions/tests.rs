use super::books::Books;
use crate::facts::Fact;
use evenkeel_schemas::{CustomerId, InstrumentId, Quantity};

fn whole(units: i64) -> Quantity {
    Quantity::from_whole(units).unwrap()
}

fn units(date: &str, quantity: i64) -> Fact {
    Fact::Movement(CustomerId(7), InstrumentId(1), date.parse().unwrap(), whole(quantity))
}

fn split(ex_date: &str, number: u64, new: i64, old: i64) -> Fact {
    let (new, old) = (whole(new), whole(old));
    Fact::Split { instrument: InstrumentId(1), ex_date: ex_date.parse().unwrap(), number, new, old }
}

/// What is held after each epoch; `None` where nothing changed.
fn held(epochs: &[&[(Fact, isize)]]) -> Vec<Option<i128>> {
    let mut books = Books::default();
    let mut held = Vec::new();
    for epoch in epochs {
        let mut out = Vec::new();
        books.step(epoch.to_vec(), &mut out);
        assert!(out.iter().all(|((key, _), _)| *key == (CustomerId(7), InstrumentId(1))));
        let comes = out.iter().find(|(_, diff)| *diff > 0).map(|((_, units), _)| *units);
        held.push(if out.is_empty() { None } else { Some(comes.unwrap_or(0)) });
    }
    held
}

#[test]
fn a_two_for_one_split_doubles_what_was_held_before_it() {
    let facts =
        [(units("2020-01-01", 100), 1), (split("2020-06-01", 0, 2, 1), 1), (units("2020-06-01", 10), 1)];
    assert_eq!(held(&[&facts]), [Some(210_000_000)]);
}

#[test]
fn a_consolidation_truncates_to_the_scale() {
    let (bought, split) = ((units("2020-01-01", 100), 1), (split("2020-06-01", 0, 1, 3), 1));
    assert_eq!(held(&[&[bought], &[split]]), [Some(100_000_000), Some(33_333_333)]);
}

#[test]
fn splits_of_one_day_apply_in_their_order_and_late_trades_are_adjusted_too() {
    let splits = [(split("2020-06-01", 1, 1, 2), 1), (split("2020-06-01", 0, 4, 1), 1)];
    assert_eq!(held(&[&splits, &[(units("2020-05-31", 3), 1)]]), [None, Some(6_000_000)]);
}

#[test]
fn what_is_busted_was_never_there_whatever_the_order_of_an_epoch() {
    let (bought, wrong, split) =
        (units("2020-01-01", 100), units("2020-02-01", 5), split("2020-06-01", 0, 2, 1));
    let epochs: [&[(Fact, isize)]; 4] = [
        &[(bought.clone(), 1), (wrong.clone(), 1)],
        &[(split.clone(), -1), (split.clone(), 1), (wrong, -1)],
        &[(split.clone(), 1)],
        &[(split, -1), (bought, -1)],
    ];
    assert_eq!(held(&epochs), [Some(105_000_000), Some(100_000_000), Some(200_000_000), Some(0)]);
}

#[test]
fn a_sum_may_leave_the_range_and_come_back() {
    let most =
        (Fact::Movement(CustomerId(7), InstrumentId(1), "2020-01-01".parse().unwrap(), Quantity::MAX), 1);
    let (mut epoch, mut back) = (vec![most.clone(), most.clone()], most);
    back.1 = -1;
    let most = i128::from(Quantity::MAX.raw());
    assert_eq!(held(&[&epoch, &[back.clone()]]), [Some(2 * most), Some(most)]);
    epoch.push(back);
    assert_eq!(held(&[&epoch]), [Some(most)]);
}
