//! Cases worked out with a pencil.

use std::collections::BTreeMap;

use evenkeel_schemas::Collection;

use super::*;

const HEAD: &str = r#"{"type":"instrument_listed","at":"1970-01-01T00:00:01Z","instrument":"VAS","name":"V","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"instrument_listed","at":"1970-01-01T00:00:01Z","instrument":"SPY","name":"S","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}
{"type":"customer_onboarded","at":"1970-01-01T00:00:01Z","customer":"c1","base_currency":"AUD"}
"#;

fn at(second: u64, kind: &str, rest: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"at\":\"1970-01-01T00:00:{second:02}Z\",{rest}}}\n")
}

fn deposit(second: u64, id: &str, amount: &str) -> String {
    at(second, "deposit", &format!(r#""id":"{id}","customer":"c1","amount":"{amount}","currency":"AUD""#))
}

fn tick(second: u64, instrument: &str, price: &str) -> String {
    at(second, "tick", &format!(r#""instrument":"{instrument}","price":"{price}""#))
}

fn fill(
    second: u64,
    id: &str,
    instrument: &str,
    side: &str,
    quantity: &str,
    price: &str,
    fee: &str,
) -> String {
    let currency = if instrument == "SPY" { "USD" } else { "AUD" };
    let what = format!(r#""id":"{id}","customer":"c1","instrument":"{instrument}","side":"{side}""#);
    let money = format!(r#""quantity":"{quantity}","price":"{price}","fee":"{fee}","currency":"{currency}""#);
    at(second, "fill", &format!(r#"{what},{money},"trade_date":"1970-01-01""#))
}

fn run_text(text: &str, mark_ms: u64) -> (Counts, BTreeMap<&'static str, Vec<String>>) {
    let options = Options { epoch_ms: 1_000, mark_ms, stale_ms: 0 };
    let (counts, files) = run(text.as_bytes(), options, |_| Ok(Vec::new())).unwrap();
    let lines = |(collection, bytes): (Collection, Vec<u8>)| {
        let text = String::from_utf8(bytes).unwrap();
        (collection.as_str(), text.lines().map(str::to_owned).collect())
    };
    (counts, files.into_iter().map(lines).collect())
}

#[test]
fn a_deposit_a_buy_and_a_price_make_a_valuation() {
    let targets = r#""customer":"c1","weights":{"VAS":"0.5"}"#;
    let text = HEAD.to_owned()
        + &at(1, "targets_set", targets)
        + &deposit(2, "d1", "1000")
        + &fill(3, "f1", "VAS", "buy", "5", "100", "10")
        + &tick(4, "VAS", "102.5")
        + &tick(4, "VAS", "101")
        + &tick(5, "VAS", "101");
    let (counts, files) = run_text(&text, 1_000);
    // Five epochs with events, and the day on which the buy settles.
    assert_eq!((counts.accepted, counts.refused, counts.epochs), (9, 0, 6));
    assert_eq!(
        files["positions"],
        [r#"{"epoch":3000,"diff":1,"customer":"c1","instrument":"VAS","quantity":"5"}"#]
    );
    assert_eq!(
        files["cash"],
        [
            r#"{"epoch":2000,"diff":1,"customer":"c1","currency":"AUD","amount":"1000"}"#,
            r#"{"epoch":3000,"diff":-1,"customer":"c1","currency":"AUD","amount":"1000"}"#,
            r#"{"epoch":3000,"diff":1,"customer":"c1","currency":"AUD","amount":"490"}"#,
        ]
    );
    assert_eq!(files["prices"], [r#"{"epoch":4000,"diff":1,"instrument":"VAS","price":"101"}"#]);
    // 5 × 101 = 505, NAV 995, weight 505 / 995 = 0.507537688…
    assert_eq!(
        files["valuations"],
        [
            r#"{"epoch":2000,"diff":1,"customer":"c1","currency":"AUD","nav":"1000","market_value":"0","cash":"1000"}"#,
            r#"{"epoch":3000,"diff":-1,"customer":"c1","currency":"AUD","nav":"1000","market_value":"0","cash":"1000"}"#,
            r#"{"epoch":4000,"diff":1,"customer":"c1","currency":"AUD","nav":"995","market_value":"505","cash":"490"}"#,
        ]
    );
    assert_eq!(
        files["drift"].last().unwrap(),
        r#"{"epoch":4000,"diff":1,"customer":"c1","instrument":"VAS","weight":"0.507537688","target":"0.500000000","drift":"0.007537688"}"#
    );
    // Under target until it is bought; unpriced for one epoch.
    assert_eq!(files["breaches"].len(), 2);
    assert!(
        files["breaches"][0].starts_with(r#"{"epoch":2000,"diff":1"#)
            && files["breaches"][0].contains("under")
    );
    assert!(files["breaches"][1].starts_with(r#"{"epoch":3000,"diff":-1"#));
    assert_eq!(
        files["anomalies"],
        [
            r#"{"epoch":3000,"diff":1,"customer":"c1","kind":"unpriced","detail":"VAS is held and has no price yet"}"#,
            r#"{"epoch":4000,"diff":-1,"customer":"c1","kind":"unpriced","detail":"VAS is held and has no price yet"}"#,
        ]
    );
    let measures: Vec<bool> =
        files["triggers"].iter().map(|l| l.contains(r#""measure":"0.5","limit":"0.05""#)).collect();
    assert_eq!(measures.iter().filter(|drift| **drift).count(), 2);
    assert!(
        files["triggers"]
            .iter()
            .any(|l| l.contains(r#""kind":"cash_flow","subject":"d1","measure":"1000","limit":"0""#))
    );
}

#[test]
fn a_breach_that_changes_sides_is_a_new_trigger_and_one_that_lasts_is_not() {
    let targets = r#""customer":"c1","weights":{"VAS":"0.5"},"bands":{"VAS":"0.1"}"#;
    let text = HEAD.to_owned()
        + &at(1, "targets_set", targets)
        + &tick(1, "VAS", "10")
        + &deposit(1, "d1", "1000")
        + &fill(2, "f1", "VAS", "buy", "60", "10", "0")
        + &tick(3, "VAS", "11")
        + &tick(4, "VAS", "12")
        + &tick(5, "VAS", "2");
    let (_, files) = run_text(&text, 10_000);
    let seen: Vec<(String, String)> = files["breaches"]
        .iter()
        .map(|l| (l.split(',').take(2).collect::<String>(), l.rsplit('"').nth(1).unwrap().to_owned()))
        .collect();
    // 60% is on the edge of 50% ± 10 points: no breach. At 11: 660 / 1060 = 62.3% over; at 2: 120 / 520 = 23% under.
    let expected = [
        ("{\"epoch\":1000\"diff\":1", "under"),
        ("{\"epoch\":2000\"diff\":-1", "under"),
        ("{\"epoch\":3000\"diff\":1", "over"),
        ("{\"epoch\":5000\"diff\":-1", "over"),
        ("{\"epoch\":5000\"diff\":1", "under"),
    ];
    assert_eq!(seen, expected.map(|(when, side)| (when.to_owned(), side.to_owned())));
    let drift: Vec<&String> = files["triggers"].iter().filter(|l| l.contains("\"drift\"")).collect();
    assert_eq!(drift.len(), 5);
    assert!(
        drift
            .iter()
            .any(|l| l.contains(r#""epoch":5000,"diff":-1"#) && l.contains(r#""measure":"0.122641509""#))
    );
    assert!(
        drift
            .iter()
            .any(|l| l.contains(r#""epoch":5000,"diff":1"#) && l.contains(r#""measure":"0.269230769""#))
    );
    // One mark for all of it.
    assert_eq!(files["valuations"].len(), 1);
    assert!(
        files["valuations"][0].starts_with(r#"{"epoch":10000,"diff":1"#)
            && files["valuations"][0].contains(r#""nav":"520""#)
    );
}

#[test]
fn corrections_undo_from_their_epoch_on() {
    let bust =
        |second, id: &str| at(second, "correction", &format!(r#""of":"{id}","with":null,"reason":"r""#));
    let amended = fill(2, "f2", "VAS", "buy", "4", "10", "0");
    let amend =
        at(5, "correction", &format!(r#""id":"k1","of":"f1","with":{},"reason":"r""#, amended.trim()));
    let priced = r#"{"type":"tick","at":"1970-01-01T00:00:03Z","instrument":"VAS","price":"9"}"#;
    let text = HEAD.to_owned()
        + &tick(1, "VAS", "10")
        + &deposit(1, "d1", "1000")
        + &fill(2, "f1", "VAS", "buy", "6", "10", "0")
        + &at(3, "tick", r#""id":"t1","instrument":"VAS","price":"90""#)
        + &bust(4, "d1")
        + &amend
        + &at(6, "correction", &format!(r#""of":"t1","with":{priced},"reason":"r""#))
        + &bust(7, "f1")
        + &bust(7, "k1")
        + &bust(7, "nobody")
        + &bust(8, "f2")
        + &deposit(8, "d1", "5");
    let (counts, files) = run_text(&text, 1_000);
    assert_eq!((counts.refused, counts.duplicates), (3, 1));
    // Within an epoch lines stand in order of text.
    let amounts = |name: &str| -> Vec<String> {
        let short = |l: &String| {
            format!(
                "{} {}",
                &l[9..l.find(",\"customer").or(l.find(",\"instrument")).unwrap()],
                l.rsplit('"').nth(1).unwrap()
            )
        };
        files[name].iter().map(|l| short(l).replace(",\"diff\":", " ")).collect()
    };
    assert_eq!(amounts("positions"), ["2000 1 6", "5000 1 4", "5000 -1 6", "8000 -1 4"]);
    let cash = [
        "1000 1 1000",
        "2000 -1 1000",
        "2000 1 940",
        "4000 1 -60",
        "4000 -1 940",
        "5000 1 -40",
        "5000 -1 -60",
        "8000 -1 -40",
    ];
    assert_eq!(amounts("cash"), cash);
    assert_eq!(amounts("prices"), ["1000 1 10", "3000 -1 10", "3000 1 90", "6000 1 9", "6000 -1 90"]);
    let flows: Vec<&String> = files["triggers"].iter().filter(|l| l.contains("cash_flow")).collect();
    assert!(flows.len() == 2 && flows[1].starts_with(r#"{"epoch":4000,"diff":-1"#));
    // 60 of debt against 540 of shares is an overdraft with a NAV; 4 × 9 − 40 is not above zero.
    assert!(files["anomalies"].iter().any(|l| l.contains("6000,\"diff\":1") && l.contains("NAV is -4;")));
}

#[test]
fn a_split_waits_for_its_ex_date_and_cuts_fractions() {
    let text = HEAD.to_owned()
        + &at(1, "split", r#""instrument":"VAS","new":"1","old":"3","ex_date":"1970-01-02""#)
        + &at(
            1,
            "transfer_in",
            r#""customer":"c1","instrument":"VAS","quantity":"10","cost_base":"1","acquired":"1960-01-01""#,
        )
        + "{\"type\":\"tick\",\"at\":\"1970-01-03T00:00:00Z\",\"instrument\":\"VAS\",\"price\":\"3\"}\n"
        + "{\"type\":\"fill\",\"at\":\"1970-01-03T00:00:00Z\",\"customer\":\"c1\",\"instrument\":\"VAS\",\"side\":\"sell\",\"quantity\":\"4\",\"price\":\"3\",\"fee\":\"0\",\"currency\":\"AUD\",\"trade_date\":\"1970-01-02\"}\n";
    let (_, files) = run_text(&text, 1_000);
    let day = 86_400_000;
    let expected = [
        (1_000, 1, "10"),
        (day, -1, "10"),
        (day, 1, "3.333333"),
        (2 * day, 1, "-0.666667"),
        (2 * day, -1, "3.333333"),
    ];
    let expected = expected.map(|(epoch, diff, quantity)| {
        format!("{{\"epoch\":{epoch},\"diff\":{diff},\"customer\":\"c1\",\"instrument\":\"VAS\",\"quantity\":\"{quantity}\"}}")
    });
    assert_eq!(files["positions"], expected);
    assert!(files["anomalies"].iter().any(|l| l.contains("-0.666667 of VAS are held")));
}

#[test]
fn foreign_holdings_need_a_rate_direct_or_reversed() {
    let usd = r#""customer":"c1","amount":"1000","currency":"USD""#;
    let text = HEAD.to_owned()
        + &at(1, "deposit", usd)
        + &fill(2, "f1", "SPY", "buy", "1", "400", "0")
        + &tick(2, "SPY", "400")
        + &at(3, "fx_rate", r#""pair":"AUD/USD","rate":"0.64""#)
        + &at(4, "fx_rate", r#""pair":"USD/AUD","rate":"1.5""#)
        + &at(2, "fx_rate", r#""pair":"USD/AUD","rate":"9""#);
    let (_, files) = run_text(&text, 1_000);
    assert_eq!(files["anomalies"].len(), 2);
    assert!(files["anomalies"][0].contains("no rate for USD/AUD, direct or reversed"));
    // 1 / 0.64 = 1.5625; the late rate of second 2 changes nothing.
    let navs: Vec<bool> = ["1562.5", "1500", "1562.5"]
        .iter()
        .zip(&files["valuations"])
        .map(|(nav, l)| l.contains(&format!(r#""nav":"{nav}""#)))
        .collect();
    assert_eq!(navs, [true; 3]);
    assert_eq!(files["fx_rates"].len(), 2);
    // The deposit has no id: it is the fourth event.
    assert!(files["triggers"][0].contains(r#""subject":"seq:3""#));
}

#[test]
fn time_does_not_go_back_and_unknown_names_are_refused() {
    let text = HEAD.to_owned()
        + &tick(9, "VAS", "10")
        + &tick(4, "SPY", "7")
        + &tick(9, "XYZ", "1")
        + "not an event\n\n"
        + &at(9, "deposit", r#""customer":"c9","amount":"1","currency":"AUD""#);
    let (counts, files) = run_text(&text, 1_000);
    assert_eq!((counts.accepted, counts.refused), (5, 3));
    assert_eq!(files["prices"].len(), 2);
    assert!(files["prices"].iter().all(|l| l.starts_with(r#"{"epoch":9000"#)));
}

#[test]
fn a_price_turns_stale_and_fresh_again() {
    let text = HEAD.to_owned() + &tick(2, "VAS", "10") + &tick(9, "VAS", "11");
    let options = Options { epoch_ms: 1_000, mark_ms: 1_000, stale_ms: 3_000 };
    let (_, files) = run(text.as_bytes(), options, |_| Ok(Vec::new())).unwrap();
    let lines = String::from_utf8(files[&Collection::Anomalies].clone()).unwrap();
    let epochs: Vec<&str> = lines.lines().map(|l| &l[..24]).collect();
    assert_eq!(epochs.len(), 3);
    for (line, start) in epochs.iter().zip([
        r#"{"epoch":5000,"diff":1,"#,
        r#"{"epoch":9000,"diff":-1,"#,
        r#"{"epoch":12000,"diff":1,"#,
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
}
