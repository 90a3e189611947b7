//! Bad input, bad files, bad places: what is refused is refused in words, and nothing else stops.
#![allow(clippy::too_many_lines, reason = "tables of cases are as long as they are")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use evenkeel_schemas::Collection;
use evenkeel_tests::{Outcome, binary, compare, evenkeel};
use serde_json::Value;
use tempfile::TempDir;

/// A small life: two instruments, two customers, money, fills, prices, a correction. Times rise by a second.
const GOOD: [&str; 16] = [
    r#"{"type":"instrument_listed","at":"2026-01-05T00:00:01Z","id":"l1","instrument":"VAS","name":"V","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}"#,
    r#"{"type":"instrument_listed","at":"2026-01-05T00:00:02Z","id":"l2","instrument":"SPY","name":"S","kind":"etf","currency":"USD","tick_size":"0.01","lot_size":"1"}"#,
    r#"{"type":"fx_rate","at":"2026-01-05T00:00:03Z","id":"r1","pair":"USD/AUD","rate":"1.5"}"#,
    r#"{"type":"customer_onboarded","at":"2026-01-05T00:00:04Z","id":"o1","customer":"ann","base_currency":"AUD"}"#,
    r#"{"type":"customer_onboarded","at":"2026-01-05T00:00:05Z","id":"o2","customer":"bob","base_currency":"USD"}"#,
    r#"{"type":"targets_set","at":"2026-01-05T00:00:06Z","id":"t1","customer":"ann","weights":{"VAS":"0.5","SPY":"0.3"}}"#,
    r#"{"type":"deposit","at":"2026-01-05T00:00:07Z","id":"d1","customer":"ann","amount":"10000","currency":"AUD"}"#,
    r#"{"type":"deposit","at":"2026-01-05T00:00:08Z","id":"d2","customer":"bob","amount":"5000","currency":"USD"}"#,
    r#"{"type":"fill","at":"2026-01-05T00:00:09Z","id":"f1","customer":"ann","instrument":"VAS","side":"buy","quantity":"50","price":"100","fee":"5","currency":"AUD","trade_date":"2026-01-05"}"#,
    r#"{"type":"fill","at":"2026-01-05T00:00:10Z","id":"f2","customer":"bob","instrument":"SPY","side":"buy","quantity":"4","price":"600","fee":"1","currency":"USD","trade_date":"2026-01-05"}"#,
    r#"{"type":"tick","at":"2026-01-05T00:00:11Z","id":"p1","instrument":"VAS","price":"101"}"#,
    r#"{"type":"correction","at":"2026-01-05T00:00:12Z","id":"x1","of":"f2","with":{"type":"fill","at":"2026-01-05T00:00:10Z","id":"f3","customer":"bob","instrument":"SPY","side":"buy","quantity":"5","price":"600","fee":"1","currency":"USD","trade_date":"2026-01-05"},"reason":"one more"}"#,
    r#"{"type":"tick","at":"2026-01-05T00:00:13Z","id":"p2","instrument":"SPY","price":"610"}"#,
    r#"{"type":"fill","at":"2026-01-05T00:00:14Z","id":"f4","customer":"ann","instrument":"VAS","side":"sell","quantity":"10","price":"120","fee":"5","currency":"AUD","trade_date":"2026-01-05"}"#,
    r#"{"type":"tick","at":"2026-01-05T00:00:15Z","id":"p3","instrument":"VAS","price":"140"}"#,
    r#"{"type":"withdrawal","at":"2026-01-05T00:00:16Z","id":"w1","customer":"bob","amount":"100","currency":"USD"}"#,
];

/// Bad lines go in after this many good ones: everything that they could name is known by then.
const BEFORE: usize = 13;

/// A line that is refused: what is wrong with it, the line, the field at fault, and words of the reason that
/// state what was expected.
struct Bad {
    what: &'static str,
    line: Vec<u8>,
    field: &'static str,
    expected: &'static str,
}

fn bad(what: &'static str, line: impl Into<Vec<u8>>, field: &'static str, expected: &'static str) -> Bad {
    Bad { what, line: line.into(), field, expected }
}

fn event(kind: &str, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","at":"2026-01-05T00:00:13Z",{rest}}}"#)
}

fn tick(price: &str) -> String {
    event("tick", &format!(r#""instrument":"VAS","price":{price}"#))
}

fn fill(side: &str, quantity: &str, price: &str, currency: &str) -> String {
    let money = format!(r#""quantity":"{quantity}","price":"{price}","fee":"0","currency":"{currency}""#);
    event(
        "fill",
        &format!(r#""customer":"ann","instrument":"VAS","side":"{side}",{money},"trade_date":"2026-01-05""#),
    )
}

fn targets(weights: &str, more: &str) -> String {
    event("targets_set", &format!(r#""customer":"ann","weights":{weights}{more}"#))
}

fn correction(of: &str, with: &str) -> String {
    event("correction", &format!(r#""of":"{of}","with":{with},"reason":"why not""#))
}

fn malformed() -> Vec<Bad> {
    let object = "expected one JSON object";
    let deep = "[".repeat(100_000);
    let nested = tick(r#""1""#).replace("\"price\"", &format!("\"deep\":{deep},\"price\""));
    let invalid = [b"{\"type\":\"tick\",\"at\":\"", [0xff, 0xfe].as_slice(), b"\"}"].concat();
    let nul = tick(r#""1""#).replace("VAS", "V\0S");
    vec![
        bad("not JSON", "this is no event", "line", object),
        bad("a quote is missing", r#"{"type":"tick,"at":"2026-01-05T00:00:13Z"}"#, "line", object),
        bad(
            "a list",
            r#"["tick","2026-01-05T00:00:13Z",null,null,"VAS","1",null,null,null]"#,
            "line",
            object,
        ),
        bad("cut in the middle", &tick(r#""1""#)[..40], "line", "ends in the middle"),
        bad("two events on a line", tick(r#""1""#) + &tick(r#""2""#), "line", object),
        bad("a number alone", "17", "line", object),
        bad("null", "null", "line", object),
        bad("invalid UTF-8", invalid, "line", "expected UTF-8; byte 22 is not"),
        bad("a NUL in a name", nul, "line", "control character"),
        bad("NULs", vec![0_u8; 50], "line", object),
        bad("a byte order mark", "\u{feff}".to_owned() + &tick(r#""1""#), "line", object),
        bad("100,000 open brackets", deep, "line", object),
        bad("100,000 brackets in a field", nested, "line", object),
        bad(
            "the type twice",
            tick(r#""1""#).replace("\"at\"", "\"type\":\"tick\",\"at\""),
            "line",
            "duplicate field",
        ),
        bad(
            "too long for a line",
            "x".repeat((1 << 20) + 1),
            "line",
            "expected at most 1048576 bytes, got 1048577",
        ),
    ]
}

fn misformed() -> Vec<Bad> {
    let digits = "\"123456789012345678901234567890\"";
    vec![
        bad("no type", r#"{"at":"2026-01-05T00:00:13Z"}"#, "type", "expected a field \"type\""),
        bad(
            "unknown type",
            event("teleport", r#""instrument":"VAS""#),
            "type",
            "expected one of instrument_listed",
        ),
        bad(
            "unknown field",
            event("tick", r#""instrument":"VAS","price":"1","colour":"red""#),
            "colour",
            "expected one of",
        ),
        bad("missing field", event("tick", r#""instrument":"VAS""#), "price", "missing field"),
        bad(
            "a field twice",
            event("tick", r#""instrument":"VAS","price":"1","price":"2""#),
            "price",
            "duplicate field",
        ),
        bad("a JSON number", tick("101.5"), "price", "expected a decimal number in a string"),
        bad("null for a number", tick("null"), "price", "expected a decimal number in a string"),
        bad("30 digits", tick(digits), "price", "expected a number between -9223372036854 and 9223372036854"),
        bad("too many decimals", tick("\"1.0000001\""), "price", "expected at most 6 decimals"),
        bad("an exponent", tick("\"1e3\""), "price", "expected a decimal number"),
        bad("not a number", tick("\"NaN\""), "price", "expected a decimal number"),
        bad("a space", tick("\" 1\""), "price", "expected a decimal number"),
        bad("no digits", tick("\"\""), "price", "expected a decimal number"),
        bad("zero price", tick("\"0\""), "price", "expected a number above 0, got 0"),
        bad("negative price", tick("\"-3\""), "price", "expected a number above 0, got -3"),
        bad("negative zero", tick("\"-0.0\""), "price", "expected a number above 0"),
    ]
}

fn misplaced() -> Vec<Bad> {
    vec![
        bad("no time", tick("\"1\"").replace("2026-01-05T00:00:13Z", "yesterday"), "at", "expected"),
        bad("not UTC", tick("\"1\"").replace("00:00:13Z", "00:00:13"), "at", "expected"),
        bad("a leap month", tick("\"1\"").replace("2026-01", "2026-13"), "at", "expected"),
        bad(
            "an id with a space",
            event("tick", r#""id":"a b","instrument":"VAS","price":"1""#),
            "id",
            "expected 1 to 64 letters",
        ),
        bad(
            "a name too long",
            tick("\"1\"").replace("VAS", &"V".repeat(65)),
            "instrument",
            "expected 1 to 64 letters",
        ),
        bad(
            "a zero rate",
            event("fx_rate", r#""pair":"USD/AUD","rate":"0""#),
            "rate",
            "expected a number above 0",
        ),
        bad(
            "a pair of one",
            event("fx_rate", r#""pair":"AUD/AUD","rate":"1""#),
            "pair",
            "two different currencies",
        ),
        bad(
            "a split to none",
            event("split", r#""instrument":"VAS","new":"0","old":"1","ex_date":"2026-01-06""#),
            "new",
            "expected a number above 0",
        ),
        bad(
            "a negative deposit",
            event("deposit", r#""customer":"ann","amount":"-5","currency":"AUD""#),
            "amount",
            "expected a number above 0",
        ),
    ]
}

fn misweighted() -> Vec<Bad> {
    vec![
        bad(
            "weights above 1",
            targets(r#"{"VAS":"0.7","SPY":"0.4"}"#, ""),
            "weights",
            "expected weights that sum to at most 1, got 1.1",
        ),
        bad(
            "a weight above 1",
            targets(r#"{"VAS":"1.1"}"#, ""),
            "weights.VAS",
            "expected a share between 0 and 1",
        ),
        bad(
            "a negative weight",
            targets(r#"{"VAS":"-0.1"}"#, ""),
            "weights.VAS",
            "expected a share between 0 and 1",
        ),
        bad(
            "a key of weights twice",
            targets(r#"{"VAS":"0.1","SPY":"0.1","VAS":"0.2"}"#, ""),
            "weights",
            "expected each key once",
        ),
        bad(
            "a key of bands twice",
            targets(r#"{"VAS":"0.1"}"#, r#","bands":{"VAS":"0.1","VAS":"0.2"}"#),
            "bands",
            "expected each key once",
        ),
        bad(
            "a band of nothing",
            targets(r#"{"VAS":"0.1"}"#, r#","bands":{"SPY":"0.1"}"#),
            "bands.SPY",
            "expected \"default\", an instrument that weights names, or a bucket such as asset_class:bond or asset_class:equity/region:au",
        ),
        bad(
            "a band of zero",
            targets(r#"{"VAS":"0.1"}"#, r#","bands":{"VAS":"0"}"#),
            "bands.VAS",
            "expected a number above 0",
        ),
    ]
}

fn senseless() -> Vec<Bad> {
    let other = tick("\"1\"").replace("VAS", "ZZZ");
    let unknown = event("deposit", r#""customer":"zoe","amount":"5","currency":"AUD""#);
    vec![
        bad("unknown instrument", other, "instrument", "expected an instrument listed before, ZZZ is not"),
        bad(
            "unknown instrument in weights",
            targets(r#"{"ZZZ":"0.1"}"#, ""),
            "weights.ZZZ",
            "expected an instrument listed before",
        ),
        bad("unknown customer", unknown, "customer", "expected a customer onboarded before, zoe is not"),
        bad("quantity of zero", fill("buy", "0", "1", "AUD"), "quantity", "expected a number above 0, got 0"),
        bad(
            "negative quantity",
            fill("buy", "-1", "1", "AUD"),
            "quantity",
            "expected a number above 0, got -1",
        ),
        bad("a fill at no price", fill("buy", "1", "0", "AUD"), "price", "expected a number above 0"),
        bad(
            "a fill too big for money",
            fill("buy", "9000000000", "9000000000", "AUD"),
            "quantity",
            "expected quantity × price below",
        ),
        bad(
            "a sell of more than is held",
            fill("sell", "50.000001", "1", "AUD"),
            "quantity",
            "expected at most the 50 held",
        ),
        bad(
            "another currency",
            fill("buy", "1", "1", "USD"),
            "currency",
            "expected AUD, the currency of VAS, got USD",
        ),
        bad("an unknown side", fill("short", "1", "1", "AUD"), "side", "expected `buy` or `sell`"),
    ]
}

fn miscorrected() -> Vec<Bad> {
    let twice = format!(
        r#"{{"type":"targets_set","at":"2026-01-05T00:00:06Z","customer":"ann","weights":{}}}"#,
        r#"{"VAS":"0.1","VAS":"0.2"}"#
    );
    vec![
        bad(
            "a correction of the unknown",
            correction("nobody", "null"),
            "of",
            "expected the id of an accepted event",
        ),
        bad("a second correction", correction("f2", "null"), "of", "expected an event that stands"),
        bad(
            "a correction of a correction",
            correction("x1", "null"),
            "of",
            "expected the id of an event other than a correction",
        ),
        bad(
            "a correction in a correction",
            correction("f1", &correction("d1", "null")),
            "with.type",
            "expected an event other than a correction",
        ),
        bad(
            "a replacement by the senseless",
            correction("p1", &tick("\"-1\"")),
            "with.price",
            "expected a number above 0",
        ),
        bad(
            "a replacement about the unknown",
            correction("p1", &tick("\"1\"").replace("VAS", "ZZZ")),
            "with.instrument",
            "expected an instrument listed before",
        ),
        bad(
            "a replacement with a known id",
            correction("p1", &tick("\"1\"").replace("\"price\"", "\"id\":\"d1\",\"price\"")),
            "with.id",
            "expected an id not seen before",
        ),
        bad("a replacement with a key twice", correction("t1", &twice), "with.weights", "each key once"),
        bad(
            "a correction without a replacement",
            event("correction", r#""of":"f1","reason":"why not""#),
            "with",
            "missing field",
        ),
    ]
}

fn all_bad() -> Vec<Bad> {
    [malformed(), misformed(), misplaced(), misweighted(), senseless(), miscorrected()]
        .into_iter()
        .flatten()
        .collect()
}

struct Replayed {
    _folder: TempDir,
    out: PathBuf,
    outcome: Outcome,
}

/// Replays bytes as a file of a given name.
fn replay_bytes(name: &str, bytes: &[u8]) -> Replayed {
    replay_bytes_with(name, bytes, &[])
}

fn replay_bytes_with(name: &str, bytes: &[u8], more: &[&str]) -> Replayed {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join(name), folder.path().join("out"));
    std::fs::write(&file, bytes).unwrap();
    let outcome = replay_file(&file, &out, more);
    Replayed { _folder: folder, out, outcome }
}

fn replay_file(file: &Path, out: &Path, more: &[&str]) -> Outcome {
    let mut args = vec![Path::new("replay"), "--events".as_ref(), file, "--out".as_ref(), out];
    args.extend(more.iter().map(Path::new));
    let outcome = evenkeel(args).unwrap();
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    outcome
}

impl Replayed {
    fn succeeded(self) -> Replayed {
        assert_eq!(self.outcome.code, Some(0), "{}", self.outcome.stderr);
        self
    }

    fn rejected(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out.join("rejected.ndjson")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn counts(&self) -> &str {
        self.outcome.stderr.lines().find(|line| line.contains(" events (")).unwrap_or_default()
    }
}

fn good() -> Vec<u8> {
    lines(&GOOD.map(str::as_bytes))
}

fn lines(lines: &[&[u8]]) -> Vec<u8> {
    let ended = lines.iter().map(|line| [line, b"\n".as_slice()].concat());
    ended.collect::<Vec<_>>().concat()
}

/// The good lines with others among them.
fn with(others: &[&[u8]]) -> Vec<u8> {
    let good = GOOD.map(str::as_bytes);
    lines(&[&good[..BEFORE], others, &good[BEFORE..]].concat())
}

fn same_but_for_rejected(expected: &Replayed, got: &Replayed) -> Result<(), String> {
    Collection::ALL.iter().try_for_each(|collection| {
        let name = format!("{}.ndjson", collection.as_str());
        compare(&expected.out.join(&name), &got.out.join(&name))
    })
}

/// What is wrong with how a refused line was told.
fn told_wrongly(bad: &Bad, line: usize, rejected: &Value) -> Option<String> {
    let text = |field: &str| rejected[field].as_str().unwrap_or_default().to_owned();
    let right = text("file") == "events.ndjson"
        && rejected["line"] == line
        && rejected["diff"] == 1
        && text("field") == bad.field
        && text("reason").contains(bad.expected);
    let (field, expected) = (bad.field, bad.expected);
    (!right).then(|| {
        format!("{}: expected line {line}, field {field}, reason with {expected:?}; got {rejected}", bad.what)
    })
}

#[test]
fn each_bad_line_is_refused_in_words_and_nothing_else_changes() {
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    assert_eq!(clean.rejected(), Vec::<Value>::new());
    let mut findings = Vec::new();
    for bad in all_bad() {
        let got = replay_bytes("events.ndjson", &with(&[&bad.line])).succeeded();
        match got.rejected().as_slice() {
            [one] => findings.extend(told_wrongly(&bad, BEFORE + 1, one)),
            other => findings.push(format!("{}: expected one refused line, got {other:?}", bad.what)),
        }
        findings
            .extend(same_but_for_rejected(&clean, &got).err().map(|error| format!("{}: {error}", bad.what)));
    }
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn all_bad_lines_together_are_refused_in_order() {
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    let all = all_bad();
    let others: Vec<&[u8]> = all.iter().map(|bad| bad.line.as_slice()).collect();
    let got = replay_bytes("events.ndjson", &with(&others)).succeeded();
    let numbers: Vec<u64> = got.rejected().iter().map(|line| line["line"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (0..all.len()).map(|at| (BEFORE + 1 + at) as u64).collect();
    assert_eq!(numbers, expected);
    same_but_for_rejected(&clean, &got).unwrap();
    assert!(got.counts().contains(&format!("(0 duplicate, {} rejected)", all.len())), "{}", got.counts());
}

#[test]
fn a_refused_event_does_not_move_time() {
    let unknown = tick("\"1\"").replace("VAS", "ZZZ").replace("2026-01-05", "2031-01-05");
    for more in [&[][..], &["--act"]] {
        let clean = replay_bytes_with("events.ndjson", &good(), more).succeeded();
        let got = replay_bytes_with("events.ndjson", &with(&[unknown.as_bytes()]), more).succeeded();
        assert_eq!(got.rejected().len(), 1);
        same_but_for_rejected(&clean, &got).unwrap();
    }
}

#[test]
fn a_duplicate_does_not_move_time_and_is_counted() {
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    let again = event("tick", r#""id":"p1","instrument":"VAS","price":"555""#);
    let later = again.replace("2026-01-05", "2031-01-05");
    let got = replay_bytes("events.ndjson", &with(&[again.as_bytes(), later.as_bytes()])).succeeded();
    assert_eq!(got.rejected(), Vec::<Value>::new());
    assert!(got.counts().contains("(2 duplicate, 0 rejected)"), "{}", got.counts());
    same_but_for_rejected(&clean, &got).unwrap();
}

#[test]
fn all_events_twice_are_all_events_once() {
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    let got = replay_bytes("events.ndjson", &[good(), good()].concat()).succeeded();
    assert!(got.counts().contains("16 events (16 duplicate, 0 rejected)"), "{}", got.counts());
    same_but_for_rejected(&clean, &got).unwrap();
}

/// Blank lines, other line ends and no last line end are as good.
#[test]
fn the_form_of_lines_does_not_matter() {
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    let text = String::from_utf8(good()).unwrap();
    for form in [text.replace('\n', "\r\n"), text.replace('\n', "\n\n  \n"), text.trim_end().to_owned()] {
        let got = replay_bytes("events.ndjson", form.as_bytes()).succeeded();
        assert_eq!(got.rejected(), Vec::<Value>::new());
        same_but_for_rejected(&clean, &got).unwrap();
    }
}

#[test]
fn an_empty_file_is_a_file_without_events() {
    for bytes in [b"".as_slice(), b"\n", b"\n\n\n"] {
        let got = replay_bytes("events.ndjson", bytes).succeeded();
        assert!(
            got.counts().starts_with("0 events (0 duplicate, 0 rejected) to 0 changes"),
            "{}",
            got.counts()
        );
        for collection in Collection::ALL {
            let file = got.out.join(format!("{}.ndjson", collection.as_str()));
            assert_eq!(std::fs::metadata(file).unwrap().len(), 0);
        }
    }
}

#[test]
fn a_truncated_file_loses_its_last_line_only() {
    let text = good();
    let last = GOOD[GOOD.len() - 1].len();
    let clean = replay_bytes("events.ndjson", &lines(&GOOD.map(str::as_bytes)[..15])).succeeded();
    for cut in [text.len() - 2, text.len() - last / 2, text.len() - last] {
        let got = replay_bytes("events.ndjson", &text[..cut]).succeeded();
        let rejected = got.rejected();
        assert_eq!(
            (rejected.len(), &rejected[0]["line"], &rejected[0]["field"]),
            (1, &16.into(), &"line".into())
        );
        assert!(rejected[0]["reason"].as_str().unwrap().contains("ends in the middle"), "{rejected:?}");
        same_but_for_rejected(&clean, &got).unwrap();
    }
}

/// A packed file that ends early is not what was packed: an error that says so, and a partial output is not
/// passed off as a whole one.
#[test]
fn a_truncated_packed_file_is_an_error() {
    for ending in ["gz", "zst"] {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join(format!("whole.ndjson.{ending}"));
        let made = ["--customers", "20", "--instruments", "5", "--ticks", "20000"].map(Path::new);
        let command = [&[Path::new("generate"), "--out".as_ref(), &whole], made.as_slice()].concat();
        assert_eq!(evenkeel(command).unwrap().code, Some(0));
        assert_eq!(replay_file(&whole, &folder.path().join("whole"), &[]).code, Some(0));
        let bytes = std::fs::read(&whole).unwrap();
        let cut = folder.path().join(format!("cut.ndjson.{ending}"));
        for length in [bytes.len() - 1, bytes.len() / 2, 3] {
            std::fs::write(&cut, &bytes[..length]).unwrap();
            let outcome = replay_file(&cut, &folder.path().join("cut"), &[]);
            assert_eq!(outcome.code, Some(1), "{ending} cut at {length}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("cannot read cut.ndjson"), "{ending}: {}", outcome.stderr);
        }
        std::fs::write(&cut, b"no archive at all, just text\n").unwrap();
        let outcome = replay_file(&cut, &folder.path().join("text"), &[]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    }
}

/// Peak resident memory of a process, by its own account, in KiB.
fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
}

/// Replays a file and watches its memory.
fn replay_watched(file: &Path, out: &Path) -> (Outcome, u64) {
    let mut command = Command::new(binary().unwrap());
    command.arg("replay").arg("--events").arg(file).arg("--out").arg(out);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(peak_kib(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    (Outcome::of(&child.wait_with_output().unwrap()), peak)
}

#[test]
fn a_line_of_100_megabytes_is_refused_without_being_held() {
    const LONG: usize = 100 << 20;
    let clean = replay_bytes("events.ndjson", &good()).succeeded();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let mut line = tick("\"1\"").into_bytes();
    line.resize(LONG, b'7');
    std::fs::write(&file, with(&[&line])).unwrap();
    drop(line);
    let out = folder.path().join("out");
    let (outcome, peak) = replay_watched(&file, &out);
    let got = Replayed { _folder: folder, out, outcome }.succeeded();
    let expected = bad("long", "", "line", "expected at most 1048576 bytes, got 104857600");
    let rejected = got.rejected();
    assert_eq!((rejected.len(), told_wrongly(&expected, BEFORE + 1, &rejected[0])), (1, None));
    same_but_for_rejected(&clean, &got).unwrap();
    eprintln!("peak {} MiB", peak / 1024);
    assert!(peak > 0 && peak < 64 * 1024, "peak memory {peak} KiB for a line that is passed over");
}

#[test]
fn places_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("events.ndjson"), folder.path().join("out"));
    let failed = |events: &Path, out: &Path, words: &[&str]| {
        let outcome = replay_file(events, out, &[]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        assert!(words.iter().all(|word| outcome.stderr.contains(word)), "{words:?}: {}", outcome.stderr);
    };
    failed(&file, &out, &["cannot read events from", "events.ndjson", "check the path"]);
    assert!(!out.exists(), "nothing is made for a file that is not there");
    failed(folder.path(), &out, &["cannot read"]);
    std::fs::write(&file, good()).unwrap();
    failed(&file, &file, &["cannot make the folder", "events.ndjson"]);
    failed(&file, Path::new("/proc/nowhere"), &["cannot make the folder /proc/nowhere"]);
    let taken = folder.path().join("taken");
    std::fs::create_dir_all(taken.join("positions.ndjson")).unwrap();
    failed(&file, &taken, &["cannot write", "positions.ndjson"]);
}

/// `/dev/full` takes no byte: what a full disk says is passed on, and the exit status with it.
#[test]
fn a_full_disk_is_told() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("events.ndjson"), folder.path().join("out"));
    std::fs::write(&file, good()).unwrap();
    for name in ["cash.ndjson", "rejected.ndjson"] {
        drop(std::fs::remove_dir_all(&out));
        std::fs::create_dir(&out).unwrap();
        std::os::unix::fs::symlink("/dev/full", out.join(name)).unwrap();
        std::fs::write(&file, with(&[b"bad"])).unwrap();
        let outcome = replay_file(&file, &out, &[]);
        assert_eq!(outcome.code, Some(1), "{name}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("cannot write") && outcome.stderr.contains("free some space"),
            "{}",
            outcome.stderr
        );
    }
}

/// An amended listing says what the instrument is priced in from then on.
#[test]
fn fills_after_an_amended_listing_are_in_the_new_currency() {
    let usd = GOOD[0].replace("AUD", "USD").replace("\"l1\"", "\"l9\"");
    let amend = correction("l1", &usd);
    let buy = |currency| fill("buy", "1", "1", currency);
    let text = lines(&[
        GOOD[0].as_bytes(),
        GOOD[3].as_bytes(),
        amend.as_bytes(),
        buy("USD").as_bytes(),
        buy("AUD").as_bytes(),
    ]);
    let got = replay_bytes("events.ndjson", &text).succeeded();
    let rejected = got.rejected();
    assert_eq!(rejected.iter().map(|line| &line["line"]).collect::<Vec<_>>(), [5], "{rejected:?}");
}

/// What is busted is the listing that the correction names, not the latest.
#[test]
fn fills_after_a_busted_listing_are_in_the_currency_that_still_stands() {
    let usd = GOOD[0].replace("AUD", "USD").replace("\"l1\"", "\"l9\"");
    let bust = correction("l1", "null");
    let buy = |currency| fill("buy", "1", "1", currency);
    let text = lines(&[
        GOOD[0].as_bytes(),
        GOOD[3].as_bytes(),
        usd.as_bytes(),
        bust.as_bytes(),
        buy("USD").as_bytes(),
        buy("AUD").as_bytes(),
    ]);
    let got = replay_bytes("events.ndjson", &text).succeeded();
    let rejected = got.rejected();
    assert_eq!(rejected.iter().map(|line| &line["line"]).collect::<Vec<_>>(), [6], "{rejected:?}");
}

/// A purchase that is recorded late, dated before a split, is held on the new basis: all of it may be sold.
#[test]
fn what_a_split_made_of_a_late_purchase_may_be_sold() {
    let split = event("split", r#""instrument":"VAS","new":"2","old":"1","ex_date":"2026-01-04""#);
    let buy = fill("buy", "10", "5", "AUD").replace("2026-01-05\"", "2026-01-02\"");
    let sell = fill("sell", "20", "5", "AUD");
    let text =
        lines(&[GOOD[0].as_bytes(), GOOD[3].as_bytes(), split.as_bytes(), buy.as_bytes(), sell.as_bytes()]);
    let got = replay_bytes("events.ndjson", &text).succeeded();
    assert_eq!(got.rejected(), Vec::<Value>::new());
    assert_eq!(std::fs::read_to_string(got.out.join("anomalies.ndjson")).unwrap(), "");
}
