//! Returns and estimates of markets by chance, with gaps, late and corrected closes, splits and distributions: byte for byte
//! those of the plain computation, whatever the workers; and nothing is left when everything is taken back.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::Path;

use evenkeel_feeds::generate::Market;
use evenkeel_schemas::{Collection, Instant};
use evenkeel_tests::batch::{Options, run_files};
use evenkeel_tests::{Dice, Replay, WAYS, Way, compare, left, refused, replay};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// Lines in the order of their records.
struct Story {
    dice: Dice,
    /// Recorded time in milliseconds, and the event.
    lines: Vec<(i64, Value)>,
    /// What stands and can be corrected.
    live: Vec<Value>,
    ids: u32,
}

fn millis(event: &Value, field: &str) -> i64 {
    let at: Instant = event[field].as_str().unwrap().parse().unwrap();
    at.micros() / 1000
}

fn time(millis: i64) -> String {
    Instant::from_micros(millis * 1000).to_string()
}

impl Story {
    /// So many instruments and sessions, nothing out of the ordinary.
    fn new(seed: u64, instruments: u32, sessions: u32) -> Story {
        let market = Market::new(seed, instruments);
        let opened: Instant = "2025-06-01T00:00:00Z".parse().unwrap();
        let events =
            [market.reference_events(opened), market.history("2026-04-01".parse().unwrap(), sessions)];
        let mut story = Story { dice: Dice(seed), lines: Vec::new(), live: Vec::new(), ids: 0 };
        for event in events.concat() {
            let event = serde_json::to_value(&event).unwrap();
            story.say(millis(&event, "at"), event);
        }
        story
    }

    fn say(&mut self, recorded: i64, mut event: Value) {
        self.ids += 1;
        event["id"] = json!(format!("{}-{}", ["e", "Z", "m"][self.ids as usize % 3], self.ids));
        event["recorded"] = json!(time(recorded));
        if event["type"] != "correction" {
            self.live.push(event.clone());
        }
        self.lines.push((recorded, event));
    }

    /// Closes are missing, come late, are busted and amended; instruments split and pay.
    fn trouble(&mut self, times: usize) {
        let (first, last) = (self.lines[self.lines.len() / 4].0, self.lines[self.lines.len() - 1].0);
        for _ in 0..times {
            let now = self.dice.between(first, last);
            // What a correction brought stays as it is.
            let plain = |of: &Value| of["type"] == "close" && of["recorded"].is_string();
            let said: Vec<usize> = (0..self.live.len()).filter(|at| plain(&self.live[*at])).collect();
            let at = *self.dice.one(&said);
            let (of, recorded) = (self.live[at].clone(), millis(&self.live[at], "recorded"));
            let (instrument, day) = (of["instrument"].clone(), time(now)[..10].to_owned());
            match self.dice.roll(10) {
                // Never came, or days later.
                0..=4 => {
                    self.live.remove(at);
                    self.lines.retain(|(_, line)| line["id"] != of["id"]);
                    if self.dice.percent(40) {
                        let late = recorded + self.dice.between(1, 9 * DAY);
                        self.say(late.min(last), of);
                    }
                }
                5 | 6 => self.correct(at, now.max(recorded + 1), None),
                7 | 8 => {
                    let percent = self.dice.between(60, 140) as f64 / 100.0;
                    let price = of["price"].as_str().unwrap().parse::<f64>().unwrap() * percent;
                    let mut with = of.clone();
                    with["price"] = json!(format!("{:.2}", price.max(0.01)));
                    self.correct(at, now.max(recorded + 1), Some(with));
                }
                _ if self.dice.percent(50) => {
                    let units = ["1", "2", "3"];
                    let (new, old) = (*self.dice.one(&units), *self.dice.one(&units));
                    let split = json!({"type": "split", "at": time(now), "instrument": instrument,
                        "new": new, "old": old, "ex_date": day});
                    self.say(now, split);
                }
                _ => {
                    let paid = json!({"type": "distribution", "at": time(now), "instrument": instrument,
                        "amount": "0.31", "franked_fraction": "0.7", "ex_date": day, "pay_date": day});
                    self.say(now, paid);
                }
            }
        }
        self.lines.sort_by_key(|(recorded, _)| *recorded);
    }

    fn correct(&mut self, at: usize, now: i64, with: Option<Value>) {
        let of = self.live.remove(at);
        let with = with.map(|mut with| {
            self.ids += 1;
            with["id"] = json!(format!("w-{}", self.ids));
            with.as_object_mut().unwrap().remove("recorded");
            self.live.push(with.clone());
            with
        });
        let correction =
            json!({"type": "correction", "at": time(now), "of": of["id"], "with": with, "reason": "so"});
        self.say(now, correction);
    }

    fn bust_all(&mut self) {
        let mut now = self.lines.iter().map(|(recorded, _)| *recorded).max().unwrap();
        while !self.live.is_empty() {
            let at = self.dice.roll(self.live.len() as u64) as usize;
            now += if self.dice.percent(2) { 3_600_000 } else { 0 };
            self.correct(at, now, None);
        }
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.to_string() + "\n").collect()
    }
}

/// Replays with each way and compares all collections with the plain computation.
fn check(story: &Story, mark_ms: u64, ways: &[Way], folder: &Path) {
    let options = Options { epoch_ms: 60_000, mark_ms, stale_ms: 0 };
    let (file, expected) = (folder.join("events.ndjson"), folder.join("expected"));
    std::fs::write(&file, story.text()).unwrap();
    let counts = run_files(&file, options, &expected).unwrap();
    assert_eq!((counts.refused, counts.duplicates), (0, 0));
    for (drift_engine, workers, processes) in ways.iter().copied() {
        let out = folder.join(format!("{drift_engine}-{workers}-{processes}"));
        let how = Replay { epoch_ms: 60_000, mark_ms, stale_ms: 0, workers, processes, drift_engine };
        replay(&file, &out, how).unwrap();
        assert!(refused(&out).unwrap().is_empty());
        for collection in Collection::ALL {
            let name = format!("{}.ndjson", collection.as_str());
            compare(&expected.join(&name), &out.join(&name)).unwrap();
        }
    }
}

fn lines(folder: &Path, collection: &str) -> usize {
    let file = folder.join("expected").join(format!("{collection}.ndjson"));
    std::fs::read_to_string(file).unwrap().lines().count()
}

#[test]
fn any_market_gives_what_the_plain_computation_gives() {
    for (seed, mark_ms) in [(1, 3_600_000), (2, 60_000), (3, 5 * 86_400_000)] {
        let folder = tempfile::tempdir().unwrap();
        let mut story = Story::new(seed, 9, 90);
        story.trouble(120);
        check(&story, mark_ms, &WAYS, folder.path());
        let told = ["returns", "estimates", "covariances"].map(|name| lines(folder.path(), name));
        assert!(told.iter().all(|lines| *lines > 50), "{seed}: {told:?}");
    }
}

/// More instruments than pairs are kept of, from the first day with sixty returns on.
#[test]
fn so_does_a_large_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut story = Story::new(4, 130, 66);
    story.trouble(200);
    check(&story, 86_400_000, &WAYS[1..2], folder.path());
    assert!(lines(folder.path(), "factor_loadings") > 500);
}

#[test]
fn when_everything_is_busted_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut story = Story::new(5, 6, 85);
    story.trouble(40);
    story.bust_all();
    check(&story, 3_600_000, &WAYS[..2], folder.path());
    assert!(lines(folder.path(), "covariances") > 50);
    assert_eq!(left(&folder.path().join("monitor-1-1")).unwrap(), Vec::<String>::new());
}
