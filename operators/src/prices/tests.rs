use super::Ladder;
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
