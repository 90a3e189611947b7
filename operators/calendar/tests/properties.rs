//! What holds of every day and every market.
#![allow(clippy::unwrap_used, reason = "a market that cannot be read fails the test")]

use evenkeel_calendar::{Calendars, Market, Settled};
use evenkeel_schemas::{Instant, TradeDate};
use proptest::prelude::*;

fn day(number: i64) -> TradeDate {
    Instant::from_micros(number * 86_400_000_000).date()
}

/// 2008 to 2032: two years more than the lists cover, on both sides.
fn near() -> impl Strategy<Value = i64> {
    13_879_i64..23_010
}

/// 1900 to the first half of December 2199: what a date can be, with room for a lag.
fn anywhere() -> impl Strategy<Value = i64> {
    prop_oneof![near(), -25_567_i64..83_990]
}

fn markets() -> impl Strategy<Value = Market> {
    let mut all: Vec<Market> = Calendars::built_in().unwrap().markets().cloned().collect();
    all.push(Market::weekdays("XNZE".parse().unwrap(), 2));
    prop::sample::select(all)
}

/// A business day where that is known, else a weekday.
fn counts(market: &Market, date: TradeDate) -> bool {
    // 5 January 1970 was a Monday.
    market.is_business_day(date).unwrap_or((date.days() - 4).rem_euclid(7) < 5)
}

/// The plain way: one day after the other.
fn walk(market: &Market, from: i64, lag: u32) -> Settled {
    let (mut at, mut left) = (from, lag);
    let mut by_calendar = market.is_business_day(day(from)).is_ok();
    while left > 0 {
        at += 1;
        by_calendar &= market.is_business_day(day(at)).is_ok();
        left -= u32::from(counts(market, day(at)));
    }
    Settled { date: day(at), by_calendar }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn settlement_is_what_walking_from_day_to_day_finds(
        market in markets(), from in anywhere(), lag in 0_u32..9,
    ) {
        prop_assert_eq!(market.settlement_in(day(from), lag), walk(&market, from, lag));
        let trade_date = day(from);
        let regular = walk(&market, from, market.settlement_lag(trade_date));
        prop_assert_eq!(market.settlement_date(trade_date), regular);
    }

    #[test]
    fn settlement_is_a_business_day_after_the_trade(market in markets(), from in anywhere()) {
        let settled = market.settlement_date(day(from));
        prop_assert!(settled.date > day(from));
        prop_assert!(counts(&market, settled.date));
        prop_assert!(!settled.by_calendar || market.is_business_day(settled.date) == Ok(true));
    }

    #[test]
    fn a_later_trade_never_settles_earlier_under_one_lag(
        market in markets(), from in anywhere(), later in 0_i64..40, lag in 0_u32..9,
    ) {
        let (first, second) = (day(from), day(from + later));
        prop_assert!(market.settlement_in(first, lag).date <= market.settlement_in(second, lag).date);
        if market.settlement_lag(first) == market.settlement_lag(second) {
            prop_assert!(market.settlement_date(first).date <= market.settlement_date(second).date);
        }
    }

    #[test]
    fn counts_of_one_sign_add_up(market in markets(), from in near(), n in 0_i32..300, m in 0_i32..300) {
        for sign in [1, -1] {
            let steps = market.add_business_days(day(from), sign * n)
                .and_then(|between| market.add_business_days(between, sign * m));
            let at_once = market.add_business_days(day(from), sign * (n + m));
            prop_assert_eq!(steps.ok(), at_once.ok());
        }
    }

    #[test]
    fn from_a_business_day_any_counts_add_up(
        market in markets(), from in near(), n in -300_i32..300, m in -300_i32..300,
    ) {
        let Ok(start) = market.business_day_from(day(from)) else { return Ok(()) };
        let Ok(between) = market.add_business_days(start, n) else { return Ok(()) };
        let steps = market.add_business_days(between, m);
        prop_assert_eq!(steps.ok(), market.add_business_days(start, n + m).ok());
    }

    #[test]
    fn every_question_has_an_answer(
        market in markets(), micros in any::<i64>(), count in any::<i32>(), lag in any::<u32>(),
    ) {
        let date = Instant::from_micros(micros).date();
        prop_assert!(market.settlement_date(date).date >= date);
        prop_assert!(market.settlement_in(date, lag).date >= date);
        let _ = (market.add_business_days(date, count), market.next_business_day(date));
        let _ = (market.is_business_day(date), market.session(date), market.first_parcel_min(date));
    }
}

/// All days of 25 years, so that chance leaves nothing out.
#[test]
fn every_day_of_the_lists_is_what_walking_finds() {
    for market in Calendars::built_in().unwrap().markets() {
        let mut business_days = 0;
        for from in 13_879..23_010 {
            let lag = market.settlement_lag(day(from));
            assert_eq!(
                market.settlement_date(day(from)),
                walk(market, from, lag),
                "{} {}",
                market.mic(),
                day(from)
            );
            business_days += usize::from(market.is_business_day(day(from)) == Ok(true));
        }
        // 5,479 weekdays from 2010 to 2030, 7 to 13 a year of which are none.
        assert!((5_190..5_350).contains(&business_days), "{}: {business_days}", market.mic());
    }
}
