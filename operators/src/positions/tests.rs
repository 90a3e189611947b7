use std::collections::BTreeMap;
use std::sync::Arc;

use super::books::{Books, Change};
use super::{changes, tell};
use crate::facts::{Corporate, CorporateAction, Election, Fact, Version};
use crate::known::Known;
use crate::told::Told;
use evenkeel_schemas::{Currency, CustomerId, Epoch, Instant, InstrumentId, Price, Quantity, Row};

const VAS: InstrumentId = InstrumentId(1);
const NEW: InstrumentId = InstrumentId(2);
const EPOCH_MS: u64 = 100;
/// Long after every date that is named here.
const LATE: Epoch = 4_000_000_000_000;

fn whole(units: i64) -> Quantity {
    Quantity::from_whole(units).unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn units(date: &str, quantity: i64) -> Fact {
    Fact::Movement(CustomerId(7), VAS, date.parse().unwrap(), whole(quantity))
}

fn action(date: &str, number: u64, what: Corporate) -> Fact {
    let (date, name) = (date.parse().unwrap(), format!("a{number}").into());
    let action = CorporateAction { date, number, name, currency: Currency::AUD, what };
    Fact::Corporate(VAS, Arc::new(action))
}

fn split(ex_date: &str, number: u64, new: i64, old: i64) -> Fact {
    action(ex_date, number, Corporate::Split { new: whole(new), old: whole(old), in_lieu: None })
}

fn distribution(ex_date: &str, pay_date: &str, amount: &str, reinvestment: Option<&str>) -> Fact {
    let what = Corporate::Distribution {
        amount: price(amount),
        franked_fraction: "0.7".parse().unwrap(),
        pay_date: pay_date.parse().unwrap(),
        reinvestment_price: reinvestment.map(price),
        lots: true,
    };
    action(ex_date, 9, what)
}

fn elected(date: &str, number: u64, reinvest: bool) -> Fact {
    let version = Version { at: Instant::from_micros(0), number };
    Fact::Reinvest(CustomerId(7), VAS, Election { date: date.parse().unwrap(), version, reinvest })
}

/// What holds after all epochs, in words.
fn after(epochs: &[(Epoch, &[(Fact, isize)])]) -> Vec<String> {
    let mut books = Books::new(EPOCH_MS);
    let mut holds: BTreeMap<String, isize> = BTreeMap::new();
    for (epoch, facts) in epochs {
        let facts = facts.iter().cloned();
        let all: Vec<(Change, isize)> =
            facts.flat_map(|(fact, diff)| changes(fact).map(move |change| (change, diff))).collect();
        let mut out = Vec::new();
        books.step(*epoch, all, |moves| tell(moves, &mut out));
        for (outcome, diff) in out {
            *holds.entry(words(outcome)).or_default() += diff;
        }
    }
    assert!(holds.values().all(|times| [0, 1].contains(times)), "{holds:?}");
    holds.into_iter().filter(|(_, times)| *times == 1).map(|(words, _)| words).collect()
}

fn words(outcome: Told) -> String {
    match outcome {
        Told::Known(Known::Position(_, i, q)) => format!("{q} of {}", i.0),
        Told::Known(Known::OutOfRange(_)) => "out of range".to_owned(),
        Told::Row(Row::Distribution(row)) => {
            format!(
                "{} {} on {}, {} reinvested",
                row.amount,
                row.status.as_str(),
                row.quantity,
                row.reinvested
            )
        }
        Told::Follows(Fact::Posting(.., amount)) => format!("posted {amount}"),
        Told::Follows(Fact::Due(_, _, date, _, amount)) => format!("due {amount} on {date}"),
        Told::Follows(Fact::Lot(_, lot)) => {
            format!("lot {}", lot.name.as_deref().unwrap_or_default())
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_two_for_one_split_doubles_what_was_held_before_it() {
    let facts =
        [(units("2020-01-01", 100), 1), (split("2020-06-01", 0, 2, 1), 1), (units("2020-06-01", 10), 1)];
    assert_eq!(after(&[(LATE, &facts)]), ["210 of 1"]);
}

#[test]
fn a_consolidation_truncates_to_the_scale_or_pays_the_fraction() {
    let bought = (units("2020-01-01", 100), 1);
    assert_eq!(
        after(&[(LATE, std::slice::from_ref(&bought)), (LATE, &[(split("2020-06-01", 0, 1, 3), 1)])]),
        ["33.333333 of 1"]
    );
    // 33.333333 units: 33 are kept, 0.333333 at 12 are 3.999996.
    let in_lieu = Corporate::Split { new: whole(1), old: whole(3), in_lieu: Some(price("12")) };
    let paid = [bought, (action("2020-06-01", 0, in_lieu), 1)];
    assert_eq!(after(&[(LATE, &paid)]), ["33 of 1", "posted 3.999996"]);
}

#[test]
fn splits_of_one_day_apply_in_their_order_and_late_trades_are_adjusted_too() {
    let splits = [(split("2020-06-01", 1, 1, 2), 1), (split("2020-06-01", 0, 4, 1), 1)];
    assert_eq!(after(&[(LATE, &splits), (LATE, &[(units("2020-05-31", 3), 1)])]), ["6 of 1"]);
}

#[test]
fn what_is_busted_was_never_there_whatever_the_order_of_an_epoch() {
    let (bought, wrong, split) =
        (units("2020-01-01", 100), units("2020-02-01", 5), split("2020-06-01", 0, 2, 1));
    let epochs: [(Epoch, &[(Fact, isize)]); 4] = [
        (LATE, &[(bought.clone(), 1), (wrong.clone(), 1)]),
        (LATE, &[(split.clone(), -1), (split.clone(), 1), (wrong, -1)]),
        (LATE, &[(split.clone(), 1)]),
        (LATE, &[(split, -1), (bought, -1)]),
    ];
    let holds = ["105 of 1", "100 of 1", "200 of 1"];
    for (upto, expected) in holds.into_iter().enumerate() {
        assert_eq!(after(&epochs[..=upto]), [expected]);
    }
    assert!(after(&epochs).is_empty());
}

#[test]
fn a_sum_may_leave_the_range_and_come_back() {
    let most = (Fact::Movement(CustomerId(7), VAS, "2020-01-01".parse().unwrap(), Quantity::MAX), 1);
    let back = (most.0.clone(), -1);
    let twice = [most.clone(), most.clone()];
    assert_eq!(after(&[(LATE, &twice)]), ["out of range"]);
    assert_eq!(after(&[(LATE, &twice), (LATE, &[back])]), [format!("{} of 1", Quantity::MAX)]);
}

#[test]
fn a_distribution_accrues_on_what_was_held_when_the_ex_date_started_and_is_paid_in_cents() {
    let (ex, pay) = ("2020-06-01", "2020-06-20");
    let epoch = |date: &str| super::epoch_of(date.parse().unwrap(), EPOCH_MS);
    let facts = [
        (units("2020-05-31", 10), 1),
        (units("2020-06-01", 5), 1),
        (distribution(ex, pay, "0.1235", None), 1),
    ];
    // 10 × 0.1235 = 1.235: half-even to 1.24.
    let accrued = ["1.24 accrued on 10, 0 reinvested", "15 of 1", "due 1.24 on 2020-06-20"];
    assert_eq!(after(&[(epoch(ex), &facts)]), accrued);
    let pay_day = |times| [(facts[2].0.clone(), times)];
    // The change of the pay date comes by itself in the dataflow.
    let mut books = Books::new(EPOCH_MS);
    let all = |facts: &[(Fact, isize)]| -> Vec<(Change, isize)> {
        facts.iter().map(|(fact, diff)| (Change::Fact(fact.clone()), *diff)).collect()
    };
    books.step(epoch(ex), all(&facts), |_| {});
    let mut out = Vec::new();
    let due = vec![(Change::PayDate(VAS, pay.parse().unwrap()), 1)];
    books.step(epoch(pay), due, |moves| tell(moves, &mut out));
    let mut told: Vec<String> =
        out.into_iter().map(|(what, diff)| format!("{diff:+} {}", words(what))).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "+1 1.24 paid on 10, 0 reinvested",
            "+1 posted 1.24",
            "-1 1.24 accrued on 10, 0 reinvested",
            "-1 due 1.24 on 2020-06-20"
        ]
    );
    assert_eq!(after(&[(LATE, &facts), (LATE, &pay_day(-1))]), ["15 of 1"]);
}

#[test]
fn a_reinvested_distribution_buys_whole_units_and_pays_the_rest() {
    // 100 × 0.50 = 50.00 at 12: 4 units for 48, 2 in cash; the next one is on 104.
    let mut facts = vec![
        (units("2020-01-01", 100), 1),
        (elected("2020-01-01", 1, true), 1),
        (distribution("2020-06-01", "2020-06-20", "0.5", Some("12")), 1),
    ];
    let paid = ["104 of 1", "50 paid on 100, 4 reinvested", "lot a9", "posted 2"];
    assert_eq!(after(&[(LATE, &facts)]), paid);
    // Elected after the ex date, or taken back before it, it is cash.
    facts[1] = (elected("2020-06-02", 1, true), 1);
    let cash = ["100 of 1", "50 paid on 100, 0 reinvested", "posted 50"];
    assert_eq!(after(&[(LATE, &facts)]), cash);
    facts[1] = (elected("2020-01-01", 1, true), 1);
    facts.push((elected("2020-02-01", 2, false), 1));
    assert_eq!(after(&[(LATE, &facts)]), cash);
}

#[test]
fn a_merger_moves_units_with_what_follows_and_a_delisting_pays_them_out() {
    let merger = Corporate::Merger { into: NEW, new: whole(1), old: whole(4), cash: price("0.25") };
    let facts = [(units("2020-01-01", 10), 1), (action("2020-06-01", 1, merger), 1)];
    assert_eq!(after(&[(LATE, &facts)]), ["2.5 of 2", "posted 2.5"]);
    // A buy of the old one that is told late becomes the new one too; what the new one does later reaches all.
    let doubled = {
        let what = Corporate::Split { new: whole(2), old: whole(1), in_lieu: None };
        let (date, name) = ("2020-07-01".parse().unwrap(), "s".into());
        let action = CorporateAction { date, number: 2, name, currency: Currency::AUD, what };
        Fact::Corporate(NEW, Arc::new(action))
    };
    let late = [(doubled, 1), (units("2020-02-01", 2), 1)];
    assert_eq!(after(&[(LATE, &facts), (LATE, &late)]), ["6 of 2", "posted 3"]);
    let bust = [(facts[1].0.clone(), -1)];
    assert_eq!(after(&[(LATE, &facts), (LATE, &bust)]), ["10 of 1"]);
    let delisting = [(action("2020-06-01", 1, Corporate::Delisting { amount: price("3") }), 1)];
    assert_eq!(after(&[(LATE, &facts[..1]), (LATE, &delisting)]), ["posted 30"]);
}

#[test]
fn what_left_all_ranges_does_not_come_back_as_something_else() {
    let tiny = Quantity::from_raw(1);
    let many = |number, new, old| {
        action(&format!("2020-06-{number:02}"), number, Corporate::Split { new, old, in_lieu: None })
    };
    let million = whole(1_000_000);
    let mut facts = vec![(units("2020-01-01", 1_000_000), 1)];
    facts.extend((1..4).map(|n| (many(n, million, tiny), 1)));
    facts.extend((4..7).map(|n| (many(n, tiny, million), 1)));
    facts.push((distribution("2020-07-01", "2020-07-02", "9000000", Some("0.000001")), 1));
    facts.push((elected("2020-01-01", 1, true), 1));
    assert_eq!(after(&[(LATE, &facts)]), ["out of range"]);
}
