//! Where a restart may begin without reading every tick: what later prices and triggers still depend on.
//!
//! Accounts and decisions are kept for ever and are always read from the beginning. Of the ticks recorded up to
//! an epoch `ticks_after`, only two a feed still matter: the one that holds, and the last to arrive (for
//! staleness). They are kept here with their place in the log; all later ticks are read from the log. What
//! cannot be derived again without old ticks is when open triggers of prices entered, and the peaks of NAV, so those
//! are kept too.
//!
//! **Invariant:** a line that begins at a baseline derives, after its epoch, the same rows as one that read
//! every tick; the sum of what it derives up to that epoch is the same state.

use std::collections::{BTreeMap, VecDeque};

use evenkeel_log::{Log, Topic};
use evenkeel_operators::facts::{Fact, Input, Reason};
use evenkeel_schemas::events::{Event, EventType, parse_event};
use evenkeel_schemas::{Epoch, Instant, Measure, Name, PeakRow, TriggerKey};
use serde::{Deserialize, Serialize};

use super::keeper::Moment;
use super::sequencer::split_number;
use crate::admission::Inputs;
use crate::error::Error;

/// Under which name the log keeps the newest.
const BASELINE: &str = "baseline";

/// A tick or rate that still matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Recorded at.
    pub epoch: Epoch,
    /// Offset in the market topic.
    pub offset: u64,
    /// Running number.
    pub number: u64,
    /// Its text.
    pub text: String,
}

/// Where a restart may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The epoch whose state it begins with: a mark, so that nothing reported up to it is still to come.
    pub epoch: Epoch,
    /// Ticks recorded up to here are not read: none of them can be corrected any more.
    pub ticks_after: Epoch,
    /// What of them still matters, by running number.
    pub ticks: Vec<Kept>,
    /// Triggers of prices that were open.
    pub drifts: Vec<(TriggerKey, (Measure, Measure))>,
    /// From where falls of NAV were measured.
    #[serde(default)]
    pub peaks: Vec<PeakRow>,
}

/// Of one feed: what holds, and what came last.
#[derive(Clone)]
struct Ends {
    holds: (Instant, Kept),
    last: Kept,
}

#[derive(Default)]
struct Feeds(BTreeMap<(EventType, String), Ends>);

impl Baseline {
    /// The newest one of a log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(log: &Log) -> Result<Option<Baseline>, Error> {
        let bad = |error: serde_json::Error| Error::Check(format!("the log's baseline is damaged: {error}"));
        log.get_meta(BASELINE)?.map(|bytes| serde_json::from_slice(&bytes).map_err(bad)).transpose()
    }

    /// Keeps it with the log, in the place of the one before.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn keep(&self, log: &Log) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::Check(error.to_string()))?;
        Ok(log.put_meta(BASELINE, &bytes)?)
    }

    /// The baseline at an epoch whose records are all in the log, made from the one before it and what was
    /// recorded since. `moment` is what the view knew at that epoch.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn at(
        moment: Moment,
        before: Option<&Baseline>,
        log: &Log,
        correctable_ticks: u64,
    ) -> Result<Baseline, Error> {
        let Moment { epoch, drifts, peaks } = moment;
        let read_from = before.map_or(0, |before| before.ticks_after + 1);
        let since = Since::read(log, read_from, epoch, correctable_ticks)?;
        let mut feeds = Feeds::default();
        for kept in before.into_iter().flat_map(|before| &before.ticks) {
            feeds.observe(kept.clone())?;
        }
        let ticks_after = since.ticks_after.unwrap_or(before.map_or(0, |before| before.ticks_after));
        let mut scan = log.scan_since(&[(Topic::Market, read_from)])?;
        while let Some(record) = scan.next_ref() {
            let record = record?;
            if record.epoch > ticks_after {
                break;
            }
            let (number, text) = split_number(record)?;
            let text = String::from_utf8_lossy(text).into_owned();
            let kept = Kept { epoch: record.epoch, offset: record.offset, number, text };
            if !since.corrected(&kept, correctable_ticks)? {
                feeds.observe(kept)?;
            }
        }
        Ok(Baseline { epoch, ticks_after, ticks: feeds.kept(), drifts, peaks })
    }

    /// What the dataflow is told at the baseline's epoch.
    pub(super) fn inputs(&self) -> Inputs {
        let opened = |(key, (measure, limit)): &(TriggerKey, (Measure, Measure))| {
            let reason = Reason { key: key.clone(), measure: *measure, limit: *limit };
            (Input::Fact(Fact::Opened(Box::new(reason))), 1)
        };
        let peaks = Input::Fact(Fact::Peaks(self.peaks.as_slice().into()));
        self.drifts.iter().map(opened).chain([(peaks, 1)]).collect()
    }
}

/// What was recorded since a baseline.
struct Since {
    ticks_after: Option<Epoch>,
    /// The running number of each correction, by the id it names.
    corrections: BTreeMap<Name, Vec<u64>>,
}

impl Since {
    fn read(log: &Log, from: Epoch, upto: Epoch, correctable_ticks: u64) -> Result<Since, Error> {
        let mut corrections: BTreeMap<Name, Vec<u64>> = BTreeMap::new();
        let mut newest = 0;
        // The greatest running number of each epoch's ticks, while they can still be corrected.
        let mut recent: VecDeque<(Epoch, u64)> = VecDeque::new();
        let mut ticks_after = None;
        let topics = [Topic::Market, Topic::Accounts, Topic::Decisions].map(|topic| (topic, from));
        let mut scan = log.scan_since(&topics)?;
        while let Some(record) = scan.next_ref() {
            let record = record?;
            let (topic, epoch) = (record.topic, record.epoch);
            if epoch > upto {
                break;
            }
            let (number, text) = split_number(record)?;
            newest = newest.max(number);
            match topic {
                Topic::Market => match recent.back_mut() {
                    Some((last, greatest)) if *last == epoch => *greatest = number.max(*greatest),
                    _ => recent.push_back((epoch, number)),
                },
                Topic::Accounts => {
                    if let Event::Correction(correction) = read(text)? {
                        corrections.entry(correction.of.clone()).or_default().push(number);
                    }
                }
                Topic::Decisions | Topic::DeadLetter => {}
            }
            while let Some((epoch, _)) =
                recent.pop_front_if(|(_, number)| number.saturating_add(correctable_ticks) < newest)
            {
                ticks_after = Some(epoch);
            }
        }
        Ok(Since { ticks_after, corrections })
    }

    /// Whether a correction names it. An id may be used again once it cannot be corrected any more.
    fn corrected(&self, kept: &Kept, correctable_ticks: u64) -> Result<bool, Error> {
        if self.corrections.is_empty() {
            return Ok(false);
        }
        let event = read(kept.text.as_bytes())?;
        let numbers = event.id().and_then(|id| self.corrections.get(id));
        let named = kept.number + 1..=kept.number.saturating_add(correctable_ticks);
        Ok(numbers.is_some_and(|numbers| numbers.iter().any(|number| named.contains(number))))
    }
}

impl Feeds {
    fn observe(&mut self, kept: Kept) -> Result<(), Error> {
        let event = read(kept.text.as_bytes())?;
        let feed = match &event {
            Event::Tick(tick) => (EventType::Tick, tick.instrument.to_string()),
            Event::FxRate(rate) => (EventType::FxRate, rate.pair.to_string()),
            _ => return Ok(()),
        };
        let at = event.at();
        let new = Ends { holds: (at, kept.clone()), last: kept };
        let ends = self.0.entry(feed).or_insert_with(|| new.clone());
        if (at, new.last.number) >= (ends.holds.0, ends.holds.1.number) {
            ends.holds = new.holds;
        }
        if new.last.number >= ends.last.number {
            ends.last = new.last;
        }
        Ok(())
    }

    fn kept(self) -> Vec<Kept> {
        let mut all: Vec<Kept> = self.0.into_values().flat_map(|ends| [ends.holds.1, ends.last]).collect();
        all.sort_by_key(|kept| kept.number);
        all.dedup();
        all
    }
}

fn read(text: &[u8]) -> Result<Event, Error> {
    parse_event(text).map_err(|refusal| Error::Check(format!("log: a recorded event is not one: {refusal}")))
}
