use evenkeel_operators::facts::{Fact, Input};
use evenkeel_schemas::events::parse_event;

use super::{Admission, Inputs, Origin, Verdict};

const LISTED: &str = r#"{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","id":"l1","instrument":"VAS","name":"Shares","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}"#;
const ONBOARDED: &str = r#"{"type":"customer_onboarded","at":"2026-01-05T00:00:00Z","id":"o1","customer":"c1","base_currency":"AUD"}"#;

fn fill(id: &str, side: &str, quantity: &str) -> String {
    format!(
        r#"{{"type":"fill","at":"2026-01-05T00:00:01Z","id":"{id}","customer":"c1","instrument":"VAS","side":"{side}","quantity":"{quantity}","price":"10","fee":"1","currency":"AUD","trade_date":"2026-01-05"}}"#
    )
}

fn bust(id: &str, of: &str) -> String {
    format!(
        r#"{{"type":"correction","at":"2026-01-05T00:00:02Z","id":"{id}","of":"{of}","with":null,"reason":"test"}}"#
    )
}

fn door() -> Admission {
    let mut door = Admission::new(3, true);
    accepted(&mut door, LISTED);
    accepted(&mut door, ONBOARDED);
    door
}

fn admit(door: &mut Admission, line: &str) -> Verdict {
    door.admit(&parse_event(line.as_bytes()).unwrap(), 100, Origin::Outside)
}

fn accepted(door: &mut Admission, line: &str) -> Inputs {
    match admit(door, line) {
        Verdict::Accepted(inputs) => inputs,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(door: &mut Admission, line: &str) -> String {
    match admit(door, line) {
        Verdict::Refused(refusal) => refusal.to_string(),
        other => panic!("{line}: {other:?}"),
    }
}

fn units(inputs: &Inputs) -> Vec<(String, isize)> {
    let movement = |(input, diff): &(Input, isize)| match input {
        Input::Fact(Fact::Movement(_, _, _, quantity)) => Some((quantity.to_string(), *diff)),
        _ => None,
    };
    inputs.iter().filter_map(movement).collect()
}

#[test]
fn a_second_event_with_an_id_is_a_duplicate_and_changes_nothing() {
    let mut door = door();
    accepted(&mut door, &fill("f1", "buy", "5"));
    let before = door.accepted();
    assert!(matches!(admit(&mut door, &fill("f1", "buy", "7")), Verdict::Duplicate));
    assert_eq!(door.accepted(), before);
}

#[test]
fn no_more_is_sold_than_is_held() {
    let mut door = door();
    accepted(&mut door, &fill("f1", "buy", "5"));
    let why = refused(&mut door, &fill("f2", "sell", "6"));
    assert_eq!(why, "quantity: expected at most the 5 held to be sold, got 6");
    accepted(&mut door, &fill("f2", "sell", "5"));
    assert!(refused(&mut door, &fill("f3", "sell", "1")).contains("at most the 0 held"));
}

#[test]
fn an_execution_of_our_own_order_is_a_fact_whatever_is_held() {
    let mut door = door();
    let line = fill("f1", "sell", "6").replace(r#""fee""#, r#""order":"O-1","fee""#);
    let event = parse_event(line.as_bytes()).unwrap();
    assert!(matches!(door.admit(&event, 100, Origin::Outside), Verdict::Refused(_)));
    assert!(matches!(door.admit(&event, 100, Origin::Program), Verdict::Accepted(_)));
}

#[test]
fn a_bust_takes_back_exactly_what_the_event_changed() {
    let mut door = door();
    let inputs = accepted(&mut door, &fill("f1", "buy", "5"));
    let back = accepted(&mut door, &bust("b1", "f1"));
    assert_eq!(back.len(), inputs.len());
    assert_eq!(units(&back), [("5".to_owned(), -1)]);
    assert!(refused(&mut door, &bust("b2", "f1")).contains("was corrected before"));
    assert!(refused(&mut door, &bust("b2", "b1")).contains("other than a correction"));
    assert!(refused(&mut door, &bust("b2", "nobody")).contains("is not known"));
    assert!(refused(&mut door, &fill("f2", "sell", "1")).contains("at most the 0 held"));
}

#[test]
fn a_sale_may_be_amended_to_all_that_is_held() {
    let mut door = door();
    accepted(&mut door, &fill("f1", "buy", "5"));
    accepted(&mut door, &fill("f2", "sell", "3"));
    let amend = bust("a1", "f2").replace("null", &fill("f2b", "sell", "5"));
    assert_eq!(units(&accepted(&mut door, &amend)), [("-3".to_owned(), -1), ("-5".to_owned(), 1)]);
    let too_much = bust("a2", "f2b").replace("null", &fill("f2c", "sell", "6"));
    assert!(refused(&mut door, &too_much).starts_with("with.quantity: expected at most the 5 held"));
    accepted(&mut door, &bust("a3", "f2b"));
    accepted(&mut door, &fill("f3", "sell", "5"));
}

#[test]
fn a_busted_listing_is_no_longer_known() {
    let mut door = door();
    accepted(&mut door, &bust("b1", "l1"));
    assert!(
        refused(&mut door, &fill("f1", "buy", "5")).starts_with("instrument: expected an instrument listed")
    );
}

#[test]
fn the_oldest_market_ids_are_forgotten_by_count() {
    let mut door = door();
    let tick = |n: u32| {
        format!(
            r#"{{"type":"tick","at":"2026-01-05T00:00:0{n}Z","id":"t{n}","instrument":"VAS","price":"10"}}"#
        )
    };
    (0..4).for_each(|n| drop(accepted(&mut door, &tick(n))));
    assert!(refused(&mut door, &bust("b1", "t0")).contains("too old to correct"));
    accepted(&mut door, &bust("b1", "t3"));
}

#[test]
fn after_a_split_the_door_leaves_oversales_to_the_anomaly() {
    let mut door = door();
    accepted(&mut door, &fill("f1", "buy", "5"));
    let split = r#"{"type":"split","at":"2026-01-05T00:00:01Z","id":"s1","instrument":"VAS","new":"2","old":"1","ex_date":"1970-01-01"}"#;
    accepted(&mut door, split);
    accepted(&mut door, &fill("f2", "sell", "10"));
}

#[test]
fn what_the_program_appends_is_refused_from_outside() {
    let mut door = door();
    let state = r#"{"type":"order_state","at":"2026-01-05T00:00:01Z","order":"O-1","state":"new","cumulative_quantity":"0"}"#;
    assert!(refused(&mut door, state).contains("the program's own"));
}

#[test]
fn what_was_done_is_not_taken_back() {
    let mut door = door();
    let ended = r#"{"type":"order_state","at":"2026-01-05T00:00:01Z","id":"s1","order":"O-1","state":"filled","cumulative_quantity":"5"}"#;
    let event = parse_event(ended.as_bytes()).unwrap();
    assert!(matches!(door.admit(&event, 100, Origin::Program), Verdict::Accepted(_)));
    assert!(matches!(door.admit(&event, 100, Origin::Program), Verdict::Duplicate));
    assert_eq!(
        refused(&mut door, &bust("b1", "s1")),
        "of: expected an event that can be taken back, s1 is what was done"
    );
}

#[test]
fn what_the_books_cannot_take_is_refused_by_field() {
    let mut door = door();
    let other = LISTED.replace("\"l1\"", "\"l2\"").replace("VAS", "SPY").replace("AUD", "USD");
    accepted(&mut door, &other);
    let head = r#""at":"2026-01-05T00:00:01Z""#;
    let posted = format!(r#"{{"type":"cash_posted",{head},"customer":"c1","amount":"5","currency":"AUD""#);
    for (line, field, expected) in [
        (
            format!(
                r#"{{"type":"merger",{head},"instrument":"VAS","into":"SPY","new":"1","old":"1","effective_date":"2026-02-01"}}"#
            ),
            "into",
            "in AUD",
        ),
        (
            format!(r#"{posted},"kind":"distribution","franked_fraction":"1"}}"#),
            "instrument",
            "franked_fraction",
        ),
        (
            format!(r#"{posted},"kind":"distribution","franked_fraction":"1","instrument":"VAS"}}"#),
            "ex_date",
            "franked_fraction",
        ),
        (format!(r#"{posted},"kind":"fee","instrument":"VAS"}}"#), "kind", "distribution"),
        (
            format!(r#"{{"type":"tax_year_set",{head},"customer":"c1","year":"2026","other_income":"1"}}"#),
            "year",
            "2026-27",
        ),
        (format!(r#"{{"type":"cpi_published",{head},"quarter":"Q3","index":"1"}}"#), "quarter", "2027-Q3"),
        (
            format!(
                r#"{{"type":"reinvestment_elected",{head},"customer":"c1","instrument":"XYZ","reinvest":true}}"#
            ),
            "instrument",
            "listed before",
        ),
    ] {
        let Verdict::Refused(refusal) = admit(&mut door, &line) else { panic!("{line} was taken") };
        assert!(refusal.field == field && refusal.reason.contains(expected), "{line}: {refusal}");
    }
    let unfranked = format!(r#"{posted},"kind":"distribution"}}"#);
    accepted(&mut door, &unfranked);
}

#[test]
fn answers_and_goals_that_cannot_be_advised_on_are_refused_by_field() {
    let mut door = door();
    let head = r#""at":"2026-01-05T00:00:01Z","customer":"c1""#;
    let answers = r#""q1":"30_to_45","q2":"10_years_or_more","q3":"hold","q4":"balanced_growth","q5":"intermediate","q6":"20_percent","q7":"stable","q8":"yes_definitely","q9":"neutral","q10":"7_to_10_percent""#;
    let questionnaire =
        |answers: &str| format!(r#"{{"type":"questionnaire_completed",{head},"answers":{{{answers}}}}}"#);
    accepted(&mut door, &questionnaire(answers));
    let unknown = refused(&mut door, &questionnaire(&answers.replace("hold", "cry")));
    assert!(unknown.starts_with("answers.q3: expected one of sell_everything"), "{unknown}");
    let goal = |date: &str, amount: &str| {
        format!(
            r#"{{"type":"goals_defined",{head},"goals":[{{"goal":"car","name":"Car","target_amount":"{amount}","target_date":"{date}","priority":"high","flexibility":"rigid"}}]}}"#
        )
    };
    accepted(&mut door, &goal("2028-01-01", "100"));
    let past = refused(&mut door, &goal("2025-01-01", "100"));
    assert!(past.starts_with("goals.car.target_date: expected a date after 2026-01-05"), "{past}");
}
