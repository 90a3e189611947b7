use super::calc::adjustment;
use super::{Moved, SplitTerms};
use evenkeel_schemas::Quantity;

fn units(date: &str, quantity: i64) -> Moved {
    Moved::Units(date.parse().unwrap(), Quantity::from_whole(quantity).unwrap())
}

fn split(ex_date: &str, number: u64, new: i64, old: i64) -> Moved {
    let whole = |n| Quantity::from_whole(n).unwrap();
    Moved::Split(SplitTerms { ex_date: ex_date.parse().unwrap(), number, new: whole(new), old: whole(old) })
}

fn adjusted(rows: &[Moved]) -> i64 {
    let rows: Vec<(&Moved, isize)> = rows.iter().map(|row| (row, 1)).collect();
    adjustment(&rows)
}

#[test]
fn a_two_for_one_split_doubles_what_was_held_before_it() {
    let rows = [units("2020-01-01", 100), split("2020-06-01", 0, 2, 1), units("2020-06-01", 10)];
    assert_eq!(adjusted(&rows), 100_000_000);
}

#[test]
fn a_consolidation_truncates_to_the_scale() {
    let rows = [units("2020-01-01", 100), split("2020-06-01", 0, 1, 3)];
    assert_eq!(adjusted(&rows), 33_333_333 - 100_000_000);
}

#[test]
fn splits_of_one_day_apply_in_their_order_and_late_trades_are_adjusted_too() {
    let rows = [split("2020-06-01", 1, 1, 2), split("2020-06-01", 0, 4, 1), units("2020-05-31", 3)];
    assert_eq!(adjusted(&rows), 6_000_000 - 3_000_000);
}
