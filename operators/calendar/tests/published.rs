//! The markets that come with the program against facts published elsewhere.
#![allow(clippy::unwrap_used, reason = "a fact that cannot be looked up fails the test")]

use evenkeel_calendar::{CalendarError, Calendars, Market};
use evenkeel_schemas::{Instant, TradeDate};

fn date(text: &str) -> TradeDate {
    text.parse().unwrap()
}

fn market(mic: &str) -> &'static Market {
    Calendars::built_in().unwrap().market(mic).unwrap()
}

/// Trade dates and when they settle, by calendar.
fn settle(mic: &str, expected: &[(&str, &str)]) {
    for (trade_date, settled) in expected {
        let got = market(mic).settlement_date(date(trade_date));
        assert_eq!(
            (got.date.to_string(), got.by_calendar),
            ((*settled).to_owned(), true),
            "{mic} {trade_date}"
        );
    }
}

fn trades(mic: &str, day: &str) -> bool {
    market(mic).is_trading_day(date(day)).unwrap()
}

fn settles(mic: &str, day: &str) -> bool {
    market(mic).is_business_day(date(day)).unwrap()
}

/// ASX, Transition to T+2 Settlement for Cash Equities: two days' trades settled together.
#[test]
fn asx_went_to_two_days_on_7_march_2016() {
    settle(
        "XASX",
        &[("2016-03-03", "2016-03-08"), ("2016-03-04", "2016-03-09"), ("2016-03-07", "2016-03-09")],
    );
    assert_eq!(market("XASX").settlement_lag(date("2016-03-06")), 3);
    assert_eq!(market("XASX").settlement_lag(date("2016-03-07")), 2);
}

/// 82 FR 15564 (5 September 2017, the day after Labor Day), SEC release 34-96930 (28 May 2024, the day after
/// Memorial Day).
#[test]
fn the_united_states_shortened_settlement_twice() {
    settle("XNYS", &[("2017-09-01", "2017-09-07"), ("2017-09-05", "2017-09-07")]);
    settle(
        "XNAS",
        &[("2024-05-23", "2024-05-28"), ("2024-05-24", "2024-05-29"), ("2024-05-28", "2024-05-29")],
    );
}

/// Euroclear UK & Ireland: 6 October 2014; the UK's implementation plan: 11 October 2027.
#[test]
fn london_shortened_settlement_once_and_will_again() {
    settle("XLON", &[("2014-10-03", "2014-10-08"), ("2014-10-06", "2014-10-08")]);
    settle("XLON", &[("2027-10-08", "2027-10-12"), ("2027-10-11", "2027-10-12")]);
}

/// LCH EquityClear circular 9 of 30 July 2014, trades in sterling on SETS around the holiday of 25 August.
#[test]
fn london_skips_the_summer_bank_holiday() {
    settle(
        "XLON",
        &[("2014-08-20", "2014-08-26"), ("2014-08-21", "2014-08-27"), ("2014-08-22", "2014-08-28")],
    );
}

/// The pattern of NASD Notices to Members 99-83 (Columbus Day) and 92-54 (Veterans Day, a Wednesday as in
/// 2015), with three days: trades of the holiday settle with those of the day before.
#[test]
fn a_holiday_of_banks_counts_for_trading_only() {
    settle(
        "XNYS",
        &[("2015-11-09", "2015-11-13"), ("2015-11-10", "2015-11-16"), ("2015-11-11", "2015-11-16")],
    );
    settle(
        "XNYS",
        &[("2010-10-07", "2010-10-13"), ("2010-10-08", "2010-10-14"), ("2010-10-11", "2010-10-14")],
    );
    // With one day: Columbus Day 2024 is a Monday, 14 October.
    settle("XNYS", &[("2024-10-11", "2024-10-15"), ("2024-10-14", "2024-10-15")]);
    assert!(trades("XNYS", "2024-10-14") && !settles("XNYS", "2024-10-14"));
    // A Saturday's Veterans Day is not kept, a Sunday's on Monday.
    assert!(settles("XNYS", "2023-11-10") && !settles("XNYS", "2018-11-12"));
}

/// ICBA on 5 December 2018: settlements occur as scheduled, since DTCC and NSCC remain open. SIFMA on 9
/// January 2025: settlement open.
#[test]
fn a_day_of_mourning_settles() {
    for day in ["2018-12-05", "2025-01-09", "2012-10-29"] {
        assert!(!trades("XNYS", day) && settles("XNYS", day), "{day}");
    }
    settle("XNYS", &[("2018-12-03", "2018-12-05"), ("2025-01-08", "2025-01-09")]);
}

/// ASX, Trading calendar 2011: trading open, no settlement; closed on the Tuesday after Easter and Anzac Day.
#[test]
fn asx_kept_local_holidays_as_days_without_settlement() {
    for day in ["2011-03-14", "2011-08-01", "2011-10-03", "2011-11-01"] {
        assert!(trades("XASX", day) && !settles("XASX", day), "{day}");
    }
    // Holidays of other states settle.
    for day in ["2011-03-07", "2011-05-02", "2011-06-06"] {
        assert!(trades("XASX", day) && settles("XASX", day), "{day}");
    }
    for day in ["2011-01-03", "2011-01-26", "2011-04-22", "2011-04-25", "2011-04-26", "2011-06-13"] {
        assert!(!trades("XASX", day) && !settles("XASX", day), "{day}");
    }
    // Brokers' notice of 16 January 2017: no longer since 2017.
    for day in ["2017-03-13", "2017-08-07", "2017-10-02", "2017-11-07"] {
        assert!(trades("XASX", day) && settles("XASX", day), "{day}");
    }
}

#[test]
fn asx_over_easter_anzac_day_and_christmas() {
    // Easter 2025: Friday 18 and Monday 21 April, Anzac Day on Friday 25.
    settle(
        "XASX",
        &[("2025-04-16", "2025-04-22"), ("2025-04-17", "2025-04-23"), ("2025-04-23", "2025-04-28")],
    );
    // Anzac Day 2026 is a Saturday and not replaced (ASX 24 trading calendar: Monday 27 April open).
    settle("XASX", &[("2026-04-24", "2026-04-28")]);
    // Christmas 2021 was a Saturday: Monday and Tuesday instead.
    settle("XASX", &[("2021-12-23", "2021-12-29"), ("2021-12-24", "2021-12-30")]);
    // National Day of Mourning, Thursday 22 September 2022.
    settle("XASX", &[("2022-09-20", "2022-09-23"), ("2022-09-21", "2022-09-26")]);
}

/// Easter by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, 1991, chapter 8), as days
/// since 1970.
fn easter(year: i64) -> i64 {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    i64::from(date(&format!("{year}-{month:02}-{day:02}")).days())
}

fn day(number: i64) -> TradeDate {
    Instant::from_micros(number * 86_400_000_000).date()
}

/// What is closed by a rule that anybody can check, over all years.
#[test]
fn the_lists_follow_the_rules_of_their_holidays() {
    for year in 2010..=2030 {
        let easter = easter(year);
        for mic in ["XASX", "XNYS", "XLON"] {
            let open = |day: TradeDate| market(mic).is_trading_day(day).unwrap();
            assert!(!open(day(easter - 2)), "{mic}: Good Friday {year}");
            assert_eq!(open(day(easter + 1)), mic == "XNYS", "{mic}: Easter Monday {year}");
            assert!(open(day(easter - 3)), "{mic}: Maundy Thursday {year}");
            assert!(!open(date(&format!("{year}-12-25"))), "{mic}: Christmas {year}");
        }
        for closed in ["01-26", "04-25"] {
            assert!(!trades("XASX", &format!("{year}-{closed}")), "XASX: {year}-{closed}");
        }
        // The second Monday of June, the last of May, the last of August.
        let monday = |month: &str, from: i64| {
            let first = i64::from(date(&format!("{year}-{month}-01")).days()) + from;
            day(first + (4 - first).rem_euclid(7))
        };
        assert!(
            !market("XASX").is_trading_day(monday("06", 7)).unwrap(),
            "Queen's or King's Birthday {year}"
        );
        assert!(!market("XNYS").is_trading_day(monday("05", 24)).unwrap(), "Memorial Day {year}");
        assert!(!market("XLON").is_trading_day(monday("08", 24)).unwrap(), "Summer Bank Holiday {year}");
    }
}

#[test]
fn hours_and_first_parcels_are_dated_too() {
    let hours = |mic, day| market(mic).session(date(day)).unwrap().map(|s| format!("{} {}", s.open, s.close));
    assert_eq!(hours("XASX", "2026-11-26").as_deref(), Some("10:00:00 16:00:00"));
    assert_eq!(hours("XASX", "2025-12-24").as_deref(), Some("10:00:00 14:10:00"));
    assert_eq!(hours("XASX", "2022-12-23").as_deref(), Some("10:00:00 16:00:00"));
    assert_eq!(hours("XASX", "2025-12-25"), None);
    assert_eq!(hours("ARCX", "2026-11-27").as_deref(), Some("09:30:00 13:00:00"));
    assert_eq!(hours("XLON", "2026-11-28"), None);
    assert_eq!(market("XASX").first_parcel_min(date("2026-11-26")), Some("500".parse().unwrap()));
    assert_eq!(market("XASX").first_parcel_min(date("2009-12-31")), None);
    assert_eq!(market("XNYS").first_parcel_min(date("2026-11-26")), None);
}

#[test]
fn markets_are_found_by_code_and_currency() {
    let calendars = Calendars::built_in().unwrap();
    for (mic, own) in
        [("XASX", "XASX"), ("CHIA", "XASX"), ("XNAS", "XNYS"), ("BATS", "XNYS"), ("XLON", "XLON")]
    {
        assert_eq!(calendars.market(mic).unwrap().mic().as_str(), own);
    }
    assert!(calendars.market("XTSE").is_none() && calendars.market("").is_none());
    let home = |ccy: &str| calendars.home_of(ccy.parse().unwrap()).map(|market| market.mic().as_str());
    assert_eq!(
        [home("AUD"), home("USD"), home("GBP"), home("NZD")],
        [Some("XASX"), Some("XNYS"), Some("XLON"), None]
    );
    let zones: Vec<&str> = calendars.markets().map(Market::time_zone).collect();
    assert_eq!(zones, ["Australia/Sydney", "Europe/London", "America/New_York"]);
}

#[test]
fn beyond_the_lists_weekdays_count_and_the_answer_says_so() {
    let asx = market("XASX");
    let settled = |day: &str| {
        let settled = asx.settlement_date(date(day));
        (settled.date.to_string(), settled.by_calendar)
    };
    // Christmas 2030 is known, New Year's Day 2031 is not.
    assert_eq!(settled("2030-12-24"), ("2030-12-30".to_owned(), true));
    assert_eq!(settled("2030-12-30"), ("2031-01-01".to_owned(), false));
    assert_eq!(settled("2031-01-03"), ("2031-01-07".to_owned(), false));
    assert_eq!(settled("2009-12-31"), ("2010-01-06".to_owned(), false));
    let error = asx.add_business_days(date("2030-12-30"), 2).unwrap_err();
    assert!(matches!(error, CalendarError::Beyond { .. }));
    let expected = "XASX: 2030-12-30 leads beyond the calendar, which covers 2010-01-01 to 2030-12-31";
    assert_eq!(error.to_string(), expected);
    assert!(
        asx.is_business_day(date("2009-12-31")).is_err() && asx.is_trading_day(date("2031-01-01")).is_err()
    );
    assert!(asx.session(date("2031-01-01")).is_err() && asx.business_day_from(date("2031-01-01")).is_err());
    assert_eq!(asx.business_day_from(date("2026-12-25")).unwrap(), date("2026-12-29"));
    assert_eq!(asx.next_business_day(date("2026-12-24")).unwrap(), date("2026-12-29"));
    assert_eq!(asx.add_business_days(date("2026-12-29"), -1).unwrap(), date("2026-12-24"));
}

#[test]
fn of_an_unknown_market_weekdays_are_known() {
    let unknown = Market::weekdays("XNZE".parse().unwrap(), 2);
    // Thursday before Easter 2026.
    let settled = unknown.settlement_date(date("2026-04-02"));
    assert_eq!((settled.date, settled.by_calendar), (date("2026-04-06"), false));
    let error = unknown.next_business_day(date("2026-04-02")).unwrap_err().to_string();
    assert_eq!(error, "XNZE: 2026-04-02 leads beyond the calendar, which covers no day");
    assert_eq!((unknown.covered(), unknown.currency()), (None, None));
}
