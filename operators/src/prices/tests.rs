use super::{Ladder, SplitTerms};
use crate::facts::{Feed, Observation, Version};
use evenkeel_schemas::{Instant, InstrumentId};

fn observed(at: i64, number: u64, value: i64, correctable: bool) -> Observation {
    let correctable_until = if correctable { number + 50 } else { 0 };
    let version = Version { at: Instant::from_micros(at), number };
    Observation { feed: Feed::Instrument(InstrumentId(0)), version, value, correctable_until }
}

#[test]
fn the_latest_effective_time_holds_and_ties_go_to_the_later_record() {
    let mut ladder = Ladder::default();
    ladder.update(&observed(10, 0, 100, false), 1);
    ladder.update(&observed(5, 1, 90, false), 1);
    assert_eq!(ladder.current(), Some(100), "a late tick changes nothing");
    ladder.update(&observed(10, 2, 101, false), 1);
    assert_eq!(ladder.current(), Some(101));
}

#[test]
fn a_busted_price_gives_way_to_the_one_before_it() {
    let mut ladder = Ladder::default();
    ladder.update(&observed(1, 0, 100, false), 1);
    let wrong = observed(2, 1, 10_000, true);
    ladder.update(&wrong, 1);
    ladder.prune();
    assert_eq!(ladder.current(), Some(10_000));
    ladder.update(&wrong, -1);
    assert_eq!(ladder.current(), Some(100));
}

#[test]
fn what_can_never_be_current_again_is_forgotten() {
    let mut ladder = Ladder::default();
    for n in 0..1000 {
        ladder.update(&observed(n, n as u64, 100, n % 10 == 0), 1);
        ladder.prune();
        assert!(ladder.len() <= 2);
    }
}

#[test]
fn what_is_too_old_to_be_corrected_is_forgotten_too() {
    let mut ladder = Ladder::default();
    for n in 0..1000 {
        ladder.update(&observed(n, n as u64, 100, true), 1);
        ladder.prune();
        assert!(ladder.len() <= 51, "as many as can be corrected, and the one below them");
    }
}

#[test]
fn changes_of_one_epoch_may_come_in_any_order() {
    let mut ladder = Ladder::default();
    ladder.update(&observed(1, 0, 100, true), -1);
    assert_eq!(ladder.current(), None);
    ladder.update(&observed(1, 0, 100, true), 1);
    assert!(ladder.is_empty());
}

#[test]
fn a_price_is_restated_from_the_ex_date_until_the_first_one_on_the_new_basis() {
    const DAY: i64 = 86_400_000_000;
    let mut ladder = Ladder::default();
    ladder.update(&observed(DAY, 0, 100_000_000, false), 1);
    let whole = |units| evenkeel_schemas::Quantity::from_whole(units).unwrap();
    let split = |number, new, old| SplitTerms {
        ex_date: "1970-01-03".parse().unwrap(),
        number,
        new: whole(new),
        old: whole(old),
    };
    ladder.split(split(1, 1, 10), 1);
    assert_eq!(ladder.current(), Some(1_000_000_000), "one new unit is ten old ones");
    ladder.split(split(2, 3, 1), 1);
    assert_eq!(ladder.current(), Some(333_333_333));
    ladder.split(split(2, 3, 1), -1);
    ladder.update(&observed(2 * DAY, 1, 990_000_000, false), 1);
    assert_eq!(ladder.current(), Some(990_000_000), "a price of the ex date is on the new basis");
}
