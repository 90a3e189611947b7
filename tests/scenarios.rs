//! Golden scenarios: `scenarios/*.scn`, stories with numbers that a pencil can check.
//!
//! A scenario is a page of text. `#` begins a comment; settings come first (`epoch_ms 1000`); then events, one
//! a line: a time of 2026-01-05 (or a full one), the type, and fields as `name=value`, where a value that
//! begins with `{` or `[` is JSON. A correction ends in `with nothing`, or in `with` and the replacing event.
//! `now TIME` before an event gives its recorded time. `expect COLLECTION` begins the rows that must come
//! out: the time of the epoch, `+1` or `-1`, and the row. Only the collections that a page names are looked
//! at; a name alone expects nothing.
//!
//! `UPDATE=1 cargo test --test scenarios` rewrites what is expected; the review reads the difference.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use evenkeel_schemas::Instant;
use evenkeel_tests::{Replay, replay};
use serde_json::{Map, Value};

const DAY: &str = "2026-01-05";

/// A section: its name, the comments under its head, and its rows.
struct Expected {
    collection: String,
    comments: Vec<String>,
    rows: Vec<String>,
}

struct Scenario {
    how: Replay,
    events: Vec<String>,
    /// Everything before the first `expect`, as written.
    opening: String,
    expected: Vec<Expected>,
}

fn instant(text: &str) -> Result<Instant, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{DAY}T{text}Z") };
    whole.parse().map_err(|error| format!("{text}: {error}"))
}

/// Words apart at blanks; blanks inside of quotes, braces and brackets are kept.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut depth, mut quoted) = (Vec::new(), String::new(), 0, false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ' ' if !quoted && depth == 0 => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                continue;
            }
            _ => {}
        }
        word.push(letter);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

fn value(text: &str) -> Result<Value, String> {
    if let Ok(flag) = text.parse::<bool>() {
        return Ok(Value::from(flag));
    }
    if text.starts_with(['{', '[', '"']) {
        return serde_json::from_str(text).map_err(|error| format!("{text}: {error}"));
    }
    Ok(Value::from(text))
}

/// An event from its words.
fn event(words: &[String]) -> Result<Value, String> {
    let mut fields = Map::new();
    let (recorded, words) = match words {
        [now, time, rest @ ..] if now == "now" => (Some(instant(time)?), rest),
        words => (None, words),
    };
    let [at, kind, rest @ ..] = words else { return Err(format!("expected a time and a type: {words:?}")) };
    fields.insert("type".to_owned(), kind.as_str().into());
    fields.insert("at".to_owned(), instant(at)?.to_string().into());
    if let Some(recorded) = recorded {
        fields.insert("recorded".to_owned(), recorded.to_string().into());
    }
    for (number, word) in rest.iter().enumerate() {
        match (word.split_once('='), &rest[number + 1..]) {
            (Some((name, text)), _) => drop(fields.insert(name.to_owned(), value(text)?)),
            (None, [nothing]) if word == "with" && nothing == "nothing" => {
                fields.insert("with".to_owned(), Value::Null);
                break;
            }
            (None, with) if word == "with" => {
                fields.insert("with".to_owned(), event(with)?);
                break;
            }
            _ => return Err(format!("expected name=value, got {word}")),
        }
    }
    Ok(Value::Object(fields))
}

fn parse(text: &str) -> Result<Scenario, String> {
    let how = Replay {
        epoch_ms: 1_000,
        mark_ms: 1_000,
        stale_ms: 0,
        workers: 1,
        processes: 1,
        drift_engine: "monitor",
    };
    let (events, opening, expected) = (Vec::new(), String::new(), Vec::new());
    let mut scenario = Scenario { how, events, opening, expected };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("expect ") {
            let collection = name.trim().to_owned();
            scenario.expected.push(Expected { collection, comments: Vec::new(), rows: Vec::new() });
            continue;
        }
        if let Some(expected) = scenario.expected.last_mut() {
            match line.trim() {
                "" => {}
                comment if comment.starts_with('#') => expected.comments.push(comment.to_owned()),
                row => expected.rows.push(words(row).join(" ")),
            }
            continue;
        }
        let _ = writeln!(scenario.opening, "{line}");
        let words = words(line.split('#').next().unwrap_or_default());
        let number = |text: &str| text.parse().map_err(|_| format!("expected a number: {line}"));
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => {}
            ["epoch_ms", n] => scenario.how.epoch_ms = number(n)?,
            ["mark_ms", n] => scenario.how.mark_ms = number(n)?,
            ["stale_ms", n] => scenario.how.stale_ms = number(n)?,
            _ => scenario.events.push(event(&words).map_err(|error| format!("{line}: {error}"))?.to_string()),
        }
    }
    Ok(scenario)
}

/// An object's fields with blanks between them.
fn unlisted(object: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let plain = |letter: char| match letter {
        _ if std::mem::take(&mut escaped) => letter,
        '\\' => {
            escaped = true;
            letter
        }
        '"' => {
            quoted = !quoted;
            letter
        }
        ',' | '{' | '}' if !quoted => ' ',
        _ => letter,
    };
    object.chars().map(plain).collect()
}

/// A line of an output file as a scenario writes it.
fn row(line: &str) -> String {
    let (epoch, rest) = line.strip_prefix("{\"epoch\":").and_then(|rest| rest.split_once(',')).unwrap();
    let (diff, rest) = rest.strip_prefix("\"diff\":").and_then(|rest| rest.split_once(',')).unwrap();
    let time = Instant::from_micros(epoch.parse::<i64>().unwrap() * 1_000).to_string();
    let today = time.strip_prefix(DAY).map(|rest| rest.trim_matches(['T', 'Z']).to_owned());
    let mut text = format!("{} {:+}", today.unwrap_or(time), diff.parse::<i64>().unwrap());
    // The order of the fields is that of the file, not that of a map.
    for field in words(&unlisted(rest)) {
        let (name, value) = field.split_once("\":").unwrap_or((&field, ""));
        let plain = value.trim_matches('"');
        let value = if plain.contains(' ') { value } else { plain };
        let _ = write!(text, " {}={value}", name.trim_matches('"'));
    }
    text
}

fn got(out: &Path, collection: &str) -> Vec<String> {
    let text = std::fs::read_to_string(out.join(format!("{collection}.ndjson"))).unwrap();
    text.lines().map(row).collect()
}

fn updated(scenario: &Scenario, out: &Path) -> String {
    let mut text = format!("{}\n", scenario.opening.trim_end());
    for Expected { collection, comments, .. } in &scenario.expected {
        let _ = writeln!(text, "\nexpect {collection}");
        for line in comments.iter().chain(&got(out, collection)) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

fn differences(scenario: &Scenario, out: &Path) -> String {
    let mut text = String::new();
    for Expected { collection, rows, .. } in &scenario.expected {
        let got = got(out, collection);
        if got != *rows {
            let _ =
                writeln!(text, "expect {collection}\n  {}\ngot\n  {}", rows.join("\n  "), got.join("\n  "));
        }
    }
    text
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "scn")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_comes_out_as_written() {
    let mut findings = Vec::new();
    for path in scenarios() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut scenario = parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            !scenario.expected.is_empty() && !scenario.events.is_empty(),
            "{name} tells and expects something"
        );
        let folder = tempfile::tempdir().unwrap();
        // Named as the scenario, because refused lines name their file.
        let file = folder.path().join("events.ndjson");
        std::fs::write(&file, scenario.events.join("\n")).unwrap();
        for workers in [1, 2] {
            let out = folder.path().join(format!("out-{workers}"));
            scenario.how.workers = workers;
            replay(&file, &out, scenario.how).unwrap();
            if workers == 1 && std::env::var_os("UPDATE").is_some() {
                let updated = updated(&scenario, &out);
                std::fs::write(&path, &updated).unwrap();
                scenario = parse(&updated).unwrap();
            }
            let differences = differences(&scenario, &out);
            if !differences.is_empty() {
                findings.push(format!("{name}, {workers} workers:\n{differences}"));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn a_line_is_read_as_it_is_meant() {
    let words = words(
        r#"now 10:00:09 10:00:02.5 correction id=x1 of=f1 reason="a b" with 10:00:01 targets_set customer=c weights={"A": "0.5"}"#,
    );
    let told = event(&words).unwrap().to_string();
    let expected = concat!(
        r#"{"at":"2026-01-05T10:00:02.5Z","id":"x1","of":"f1","reason":"a b","recorded":"2026-01-05T10:00:09Z","type":"correction","#,
        r#""with":{"at":"2026-01-05T10:00:01Z","customer":"c","type":"targets_set","weights":{"A":"0.5"}}}"#
    );
    assert_eq!(told, expected);
    let line =
        r#"{"epoch":1767607201000,"diff":-1,"customer":"c1","kind":"overdraft","detail":"cash is -5 AUD"}"#;
    assert_eq!(row(line), r#"10:00:01 -1 customer=c1 kind=overdraft detail="cash is -5 AUD""#);
    assert!(event(&["10:00".to_owned()]).is_err() && parse("10:00:01 tick price").is_err());
}
