//! Each rule with numbers that a pencil can check.

mod common;

use common::*;
use evenkeel_lots::{Entry, GainKind, LotId, Trouble, What, averaged, days_held};
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Money, Quantity};

/// 10 units at 1, 10 at 3, 10 at 2.
fn three_buys() -> Vec<Entry> {
    vec![buy("2020-01-01", 1, "10", "10"), buy("2020-02-01", 2, "10", "30"), buy("2020-03-01", 3, "10", "20")]
}

/// After the three buys 15 units are sold for 60.
fn fifteen_sold(method: CostBasis, named: &[(u64, &str)]) -> Told {
    let mut entries = three_buys();
    entries.push(elect("2020-01-01", 0, method));
    entries.push(sale("2020-04-01", 9, "15", "60", named));
    Told::of(&entries)
}

#[test]
fn first_in_first_out() {
    let told = fifteen_sold(CostBasis::Fifo, &[]);
    assert_eq!(told.realised(), realised(&[(9, 1, "10", "40", "10"), (9, 2, "5", "20", "15")]));
    assert_eq!(told.open(), open(&[(2, "5", "15"), (3, "10", "20")]));
    let gain = told.gains()[0];
    assert_eq!((gain.gain, gain.days_held, gain.kind), (money("30"), 91, GainKind::Sale));
}

#[test]
fn last_in_first_out() {
    let told = fifteen_sold(CostBasis::Lifo, &[]);
    assert_eq!(told.realised(), realised(&[(9, 2, "5", "20", "15"), (9, 3, "10", "40", "20")]));
    assert_eq!(told.open(), open(&[(1, "10", "10"), (2, "5", "15")]));
}

#[test]
fn highest_cost_first() {
    let told = fifteen_sold(CostBasis::Hifo, &[]);
    assert_eq!(told.realised(), realised(&[(9, 2, "10", "40", "30"), (9, 3, "5", "20", "10")]));
    assert_eq!(told.open(), open(&[(1, "10", "10"), (3, "5", "10")]));
}

#[test]
fn highest_cost_takes_the_oldest_of_equals() {
    let entries = [
        elect("2020-01-01", 0, CostBasis::Hifo),
        buy("2020-01-01", 1, "10", "20"),
        buy("2020-01-02", 2, "5", "10"),
        sale("2020-02-01", 3, "10", "30", &[]),
    ];
    assert_eq!(Told::of(&entries).open(), open(&[(2, "5", "10")]));
}

#[test]
fn average_cost_takes_dates_as_fifo_and_lays_the_rest_on_what_is_left() {
    let told = fifteen_sold(CostBasis::Average, &[]);
    assert_eq!(told.realised(), realised(&[(9, 1, "10", "40", "20"), (9, 2, "5", "20", "10")]));
    assert_eq!(told.open(), open(&[(2, "5", "10"), (3, "10", "20")]));
    let ten = |cost: &str| (Quantity::from_raw(10 * Quantity::ONE), money(cost));
    assert_eq!(averaged(&[ten("10"), ten("30"), ten("20")]), [money("20"); 3]);
}

#[test]
fn lots_that_are_named_go() {
    let told = fifteen_sold(CostBasis::Specific, &[(3, "6"), (1, "9")]);
    assert_eq!(told.realised(), realised(&[(9, 1, "9", "36", "9"), (9, 3, "6", "24", "12")]));
    assert_eq!(told.open(), open(&[(1, "1", "1"), (2, "10", "30"), (3, "4", "8")]));
    assert_eq!(told.troubles(), []);
    let by_name_only = fifteen_sold(CostBasis::Lifo, &[(1, "10"), (2, "5")]);
    assert_eq!(by_name_only.open(), open(&[(2, "5", "15"), (3, "10", "20")]));
}

#[test]
fn without_names_specific_is_first_in_first_out() {
    assert_eq!(fifteen_sold(CostBasis::Specific, &[]).rows, fifteen_sold(CostBasis::Fifo, &[]).rows);
}

#[test]
fn a_named_lot_that_is_short_is_told_and_others_serve() {
    let told = fifteen_sold(CostBasis::Specific, &[(3, "12"), (7, "3")]);
    let short = |lot, missing| Trouble::LotShort { lot: LotId(lot), missing: units(missing) };
    assert_eq!(told.troubles(), [(9, short(3, "2")), (9, short(7, "3"))]);
    assert_eq!(told.open(), open(&[(1, "5", "5"), (2, "10", "30")]));
    let fewer = fifteen_sold(CostBasis::Specific, &[(3, "5")]);
    assert_eq!(fewer.troubles(), [(9, Trouble::SelectionMismatch { named: units("5") })]);
    assert_eq!(fewer.open(), open(&[(2, "10", "30"), (3, "5", "10")]));
    let more = fifteen_sold(CostBasis::Specific, &[(3, "10"), (2, "10")]);
    assert_eq!(more.troubles(), [(9, Trouble::SelectionMismatch { named: units("20") })]);
    assert_eq!(more.open(), open(&[(1, "10", "10"), (2, "5", "15")]));
}

#[test]
fn an_election_holds_from_its_day_on_and_may_come_late() {
    let mut entries = three_buys();
    entries.push(sale("2020-04-01", 10, "5", "20", &[]));
    entries.push(sale("2020-05-01", 11, "5", "20", &[]));
    let mut told = Told::of(&entries);
    assert_eq!(told.open(), open(&[(2, "10", "30"), (3, "10", "20")]));
    let election = elect("2020-05-01", 12, CostBasis::Lifo);
    told.ledger.insert(election.clone());
    told.settle();
    assert_eq!(told.open(), open(&[(1, "5", "5"), (2, "10", "30"), (3, "5", "10")]));
    assert!(told.ledger.remove(&election));
    told.settle();
    assert_eq!(told.open(), open(&[(2, "10", "30"), (3, "10", "20")]));
    assert_eq!(told.ledger.method_on(day("2020-05-01")), CostBasis::Fifo);
}

#[test]
fn from_average_to_another_lots_start_from_what_the_average_left() {
    let entries = [
        elect("2020-01-01", 0, CostBasis::Average),
        buy("2020-01-01", 1, "10", "10"),
        buy("2020-01-02", 2, "10", "30"),
        // The pool of 40 gives 10, and leaves 30 for 15 units.
        sale("2020-02-01", 3, "5", "20", &[]),
        buy("2020-03-01", 4, "5", "50"),
        elect("2020-04-01", 5, CostBasis::Hifo),
        sale("2020-04-01", 6, "6", "60", &[]),
        elect("2020-05-01", 7, CostBasis::Average),
        // The pool is 28 for 14 units.
        sale("2020-05-01", 8, "1", "5", &[]),
    ];
    let told = Told::of(&entries);
    let expected =
        [(3, 1, "5", "20", "10"), (6, 1, "1", "10", "2"), (6, 4, "5", "50", "50"), (8, 1, "1", "5", "2")];
    assert_eq!(told.realised(), realised(&expected));
    assert_eq!(told.open(), open(&[(1, "3", "6"), (2, "10", "20")]));
}

#[test]
fn units_beyond_those_held_are_refused_until_the_missing_buy_comes() {
    let mut told = Told::of(&[buy("2020-01-01", 1, "10", "10"), sale("2020-02-01", 2, "15", "30", &[])]);
    assert_eq!(told.realised(), realised(&[(2, 1, "10", "20", "10")]));
    assert_eq!(told.troubles(), [(2, Trouble::Oversold { missing: units("5") })]);
    told.ledger.insert(buy("2020-03-01", 3, "5", "9"));
    told.settle();
    assert_eq!(told.open(), open(&[(3, "5", "9")]), "a later buy does not cover what was sold before it");
    told.ledger.insert(buy("2020-01-15", 4, "6", "12"));
    told.settle();
    assert_eq!(told.realised(), realised(&[(2, 1, "10", "20", "10"), (2, 4, "5", "10", "10")]));
    assert_eq!(told.open(), open(&[(4, "1", "2"), (3, "5", "9")]));
    assert_eq!(told.troubles(), []);
}

#[test]
fn a_fee_is_shared_by_units() {
    let mut sold = sale("2020-04-01", 9, "15", "59.4", &[]);
    if let What::Dispose { fee, .. } = &mut sold.what {
        *fee = money("0.6");
    }
    let mut entries = three_buys();
    entries.push(sold);
    let gains = Told::of(&entries).gains();
    assert_eq!(gains.iter().map(|gain| gain.fee).collect::<Vec<_>>(), [money("0.4"), money("0.2")]);
    assert_eq!(gains.iter().map(|gain| gain.proceeds).collect::<Vec<_>>(), [money("39.6"), money("19.8")]);
}

#[test]
fn parts_are_rounded_once_and_the_rest_stays() {
    // A third of 10 and a third of 20 for each unit.
    let mut told = Told::of(&[buy("2020-01-01", 1, "3", "10"), sale("2020-02-01", 2, "1", "7", &[])]);
    assert_eq!(told.realised(), realised(&[(2, 1, "1", "7", "3.333333")]));
    assert_eq!(told.open(), open(&[(1, "2", "6.666667")]));
    told.ledger.insert(sale("2020-02-02", 3, "2", "7", &[]));
    told.settle();
    assert_eq!(told.realised()[1].4, "6.666667");
}

#[test]
fn a_split_happens_before_the_trades_of_its_day() {
    let entries = [
        buy("2020-01-01", 1, "10", "10"),
        buy("2020-06-01", 2, "10", "5"),
        split("2020-06-01", 3, "2", "1", None),
    ];
    assert_eq!(Told::of(&entries).open(), open(&[(1, "20", "10"), (2, "10", "5")]));
}

#[test]
fn lots_after_a_consolidation_add_up_to_the_truncated_position() {
    // 2 + 3 + 5 = 10 units, a third of which is 3.333333 and a bit; each lot alone would lose a bit.
    let entries = [
        buy("2020-01-01", 1, "2", "2"),
        buy("2020-01-02", 2, "3", "3"),
        buy("2020-01-03", 3, "5", "5"),
        split("2020-06-01", 4, "1", "3", None),
    ];
    let told = Told::of(&entries);
    assert_eq!(told.open(), open(&[(1, "0.666666", "2"), (2, "1", "3"), (3, "1.666667", "5")]));
    assert_eq!(told.realised(), []);
}

#[test]
fn a_lot_that_rounds_away_realises_its_cost() {
    let entries = [buy("2020-01-01", 1, "0.000002", "1"), split("2020-06-01", 2, "1", "3", None)];
    let told = Told::of(&entries);
    assert_eq!(told.realised(), realised(&[(2, 1, "0", "0", "1")]));
    assert_eq!(told.gains()[0].kind, GainKind::CashInLieu);
    assert_eq!(told.open(), []);
}

#[test]
fn a_fraction_goes_for_cash_where_the_split_has_a_price() {
    // 25 units become 12.5; the half goes at 8, from the oldest lot, whose unit now costs 2.
    let entries = [
        buy("2020-01-01", 1, "10", "10"),
        buy("2020-01-02", 2, "15", "30"),
        split("2020-06-01", 3, "1", "2", Some("8")),
    ];
    let told = Told::of(&entries);
    assert_eq!(told.realised(), realised(&[(3, 1, "0.5", "4", "1")]));
    assert_eq!(told.gains()[0].kind, GainKind::CashInLieu);
    assert_eq!(told.open(), open(&[(1, "4.5", "9"), (2, "7.5", "30")]));
}

#[test]
fn a_cost_base_falls_to_nil_and_the_rest_is_a_gain() {
    let told = Told::of(&[
        buy("2020-01-01", 1, "10", "10"),
        buy("2020-01-02", 2, "10", "30"),
        cost_base("2020-06-01", 3, "-1.5"),
        cost_base("2020-07-01", 4, "0.1"),
    ]);
    assert_eq!(told.open(), open(&[(1, "10", "1"), (2, "10", "16")]));
    assert_eq!(told.realised(), realised(&[(3, 1, "0", "5", "0")]));
    let gain = told.gains()[0];
    assert_eq!((gain.kind, gain.gain), (GainKind::CostBaseExcess, money("5")));
}

#[test]
fn a_statement_that_comes_late_restates_sales() {
    let mut told = Told::of(&[buy("2020-01-01", 1, "10", "10"), sale("2020-08-01", 2, "5", "10", &[])]);
    assert_eq!(told.realised(), realised(&[(2, 1, "5", "10", "5")]));
    told.ledger.insert(cost_base("2020-06-30", 3, "-0.2"));
    told.settle();
    assert_eq!(told.realised(), realised(&[(2, 1, "5", "10", "4")]));
    assert_eq!(told.open(), open(&[(1, "5", "4")]));
}

#[test]
fn a_replacement_keeps_dates_and_cash_realises_a_part() {
    // For each of 10 units 3 in cash and half a unit worth 9: a quarter of the cost goes with the cash.
    let told = Told::of(&[buy("2019-05-06", 1, "10", "20"), replace("2020-06-01", 2, ("1", "2"), "3", "9")]);
    assert_eq!(told.realised(), realised(&[(2, 1, "0", "30", "5")]));
    assert_eq!(told.gains()[0].kind, GainKind::Merger);
    let lot = told.lots()[0];
    assert_eq!((lot.instrument, lot.acquired), (VGS, day("2019-05-06")));
    assert_eq!((lot.quantity, lot.cost_base), (units("5"), money("15")));
    assert_eq!(told.ledger.lots_of(VGS), [lot]);
    assert_eq!(told.ledger.lots_of(VAS), []);
}

#[test]
fn a_change_of_code_realises_nothing_and_cash_alone_realises_all() {
    let told = Told::of(&[buy("2019-05-06", 1, "10", "20"), replace("2020-06-01", 2, ("1", "1"), "0", "0")]);
    assert_eq!((told.realised(), told.open()), (vec![], open(&[(1, "10", "20")])));
    let told = Told::of(&[buy("2019-05-06", 1, "10", "20"), replace("2020-06-01", 2, ("0", "1"), "3", "0")]);
    assert_eq!((told.realised(), told.open()), (realised(&[(2, 1, "10", "30", "20")]), vec![]));
}

#[test]
fn a_replacement_that_was_wrong_leaves_no_trace() {
    let bought = [buy("2019-05-06", 1, "10", "20"), buy("2020-07-01", 3, "1", "2")];
    let before = Told::of(&bought);
    let mut told = Told::of(&bought);
    let wrong = replace("2020-06-01", 2, ("1", "2"), "3", "9");
    told.ledger.insert(wrong.clone());
    told.settle();
    assert_ne!(told.rows, before.rows);
    assert!(told.ledger.remove(&wrong));
    assert!(!told.ledger.remove(&wrong));
    told.settle();
    assert_eq!(told.rows, before.rows);
}

#[test]
fn a_delisting_disposes_of_everything() {
    let mut entries = three_buys();
    entries.push(delist("2020-06-01", 4, "0.25"));
    let told = Told::of(&entries);
    let expected = [(4, 1, "10", "2.5", "10"), (4, 2, "10", "2.5", "30"), (4, 3, "10", "2.5", "20")];
    assert_eq!(told.realised(), realised(&expected));
    assert!(told.gains().iter().all(|gain| gain.kind == GainKind::Delisting));
    assert_eq!(told.open(), []);
}

#[test]
fn what_makes_no_sense_is_left_out() {
    let most = Quantity::MAX.to_string();
    let told = Told::of(&[
        buy("2020-01-01", 1, "10", "10"),
        buy("2020-01-02", 2, "0", "10"),
        buy("2020-01-02", 3, "1", "-1"),
        buy("2020-01-02", 4, &most, "1"),
        sale("2020-01-03", 5, "-1", "10", &[]),
        sale("2020-01-03", 6, "1", "10", &[(1, "0")]),
        split("2020-01-04", 7, "0", "1", None),
        split("2020-01-04", 8, &most, "0.000001", None),
        cost_base("2020-01-05", 9, &most),
        delist("2020-01-06", 10, "-1"),
        delist("2020-01-06", 11, &most),
        replace("2020-01-07", 12, ("1", "0"), "0", "0"),
        replace("2020-01-07", 13, (&most, "0.000001"), "0", "0"),
    ]);
    assert_eq!(told.open(), open(&[(1, "10", "10")]));
    assert_eq!(told.realised(), []);
    let out_of_range: Vec<u64> =
        told.troubles().iter().filter(|(_, why)| *why == Trouble::OutOfRange).map(|(n, _)| *n).collect();
    let senseless: Vec<u64> =
        told.troubles().iter().filter(|(_, why)| *why == Trouble::Invalid).map(|(n, _)| *n).collect();
    assert_eq!(out_of_range, [4, 8, 9, 11, 13]);
    assert_eq!(senseless, [2, 3, 5, 6, 7, 10, 12]);
}

#[test]
fn the_same_entry_twice_counts_twice() {
    let bought = buy("2020-01-01", 1, "10", "10");
    let mut told = Told::of(&[bought.clone(), bought.clone()]);
    assert_eq!(told.open(), open(&[(1, "10", "10"), (1, "10", "10")]));
    assert!(told.ledger.remove(&bought));
    told.settle();
    assert_eq!(told.open(), open(&[(1, "10", "10")]));
    let many = vec![bought; 300];
    assert_eq!(Told::of(&many).lots().len(), 300);
}

#[test]
fn what_comes_and_goes_between_two_calls_is_not_told() {
    let mut told = Told::of(&three_buys());
    let (bought, sold) = (buy("2020-01-15", 8, "1", "1"), sale("2020-04-01", 9, "15", "60", &[]));
    told.ledger.insert(bought.clone());
    told.ledger.insert(sold.clone());
    assert!(told.ledger.remove(&bought));
    assert!(told.ledger.remove(&sold));
    let mut changes = Vec::new();
    told.ledger.settle(&mut changes);
    assert_eq!(changes, []);
}

#[test]
fn days_are_calendar_days_and_gains_at_a_price_are_before_fees() {
    assert_eq!(days_held(day("2020-02-28"), day("2020-03-01")), 2);
    assert_eq!(days_held(day("2019-12-31"), day("2019-12-31")), 0);
    assert_eq!(days_held(day("1900-01-01"), day("2199-12-31")), 109_572);
    let lot = Told::of(&three_buys()).lots()[1];
    assert_eq!(lot.unrealised_gain(price("2.5")), Some(money("-5")));
    assert_eq!(lot.days_held(day("2021-02-01")), 366);
    let huge = evenkeel_lots::OpenLot { quantity: Quantity::MAX, cost_base: Money::ZERO, ..lot };
    assert_eq!(huge.unrealised_gain(price("2.5")), None);
}
