//! The one thread that judges events, stamps them with their epoch and appends them to the log.
//!
//! **Invariant:** an event is acknowledged, fed to the dataflow and told to the conductor only after it is on
//! disk. Epochs only rise; an epoch is closed when the clock has passed it and nothing is being stamped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Sender, select};
use evenkeel_log::{RecordRef, Topic as LogTopic};
use evenkeel_schemas::Epoch;
use evenkeel_schemas::events::{Event, Topic};

use super::baseline::Baseline;
use super::recover::{Recovered, recover};
use super::submit::{Inbox, Receipt, Submission};
use super::{EventLog, Live, Logged, Recorded, Told, UNDER_WAY};
use crate::admission::{Inputs, Origin, conflate};
use crate::config::Config;
use crate::door::{Door, Rejected};
use crate::engine::Engine;
use crate::error::Error;
use crate::names::SharedNames;
use crate::room::Room;
use crate::source::Incoming;

/// Bytes in front of a record's text: the running number over all topics, so that recovery sees events in
/// the order in which they were judged.
const NUMBER_BYTES: usize = 8;

pub(super) struct Sequencer {
    door: Door,
    log: Arc<dyn EventLog>,
    engine: Engine,
    told: Sender<Told>,
    /// For epochs that the conductor has not taken in.
    room: Arc<Room>,
    live: Arc<Live>,
    epoch_ms: u64,
    commit_records: usize,
    open: Open,
}

/// The epoch that is being recorded.
#[derive(Default)]
struct Open {
    epoch: Epoch,
    inputs: Inputs,
    events: Vec<Logged>,
    rejected: Vec<(u64, Rejected)>,
    arrived: Option<std::time::Instant>,
}

/// Records of one commit, and who waits for it.
#[derive(Default)]
struct Commit {
    records: Vec<(LogTopic, Vec<u8>)>,
    logged: Vec<(Event, Arc<[u8]>)>,
    refused: Vec<Rejected>,
    inputs: Inputs,
    replies: Vec<(Sender<Receipt>, Receipt)>,
    arrived: Option<std::time::Instant>,
}

pub(super) fn log_topic(topic: Topic) -> LogTopic {
    match topic {
        Topic::Market => LogTopic::Market,
        Topic::Accounts => LogTopic::Accounts,
        Topic::Decisions => LogTopic::Decisions,
    }
}

impl Sequencer {
    pub(super) fn new(
        config: &Config,
        log: Arc<dyn EventLog>,
        engine: Engine,
        told: Sender<Told>,
        live: Arc<Live>,
    ) -> Sequencer {
        Sequencer {
            door: Door::new(config.correctable_ticks, config.lots),
            log,
            engine,
            told,
            room: Room::new(UNDER_WAY),
            live,
            epoch_ms: config.epoch_ms,
            commit_records: config.log.commit_records,
            open: Open::default(),
        }
    }

    pub(super) fn names(&self) -> SharedNames {
        self.door.admission.names().clone()
    }

    /// Recovers, then runs until it is told to stop and the queue is empty.
    pub(super) fn run(
        mut self,
        baseline: Option<&Baseline>,
        inbox: &Inbox,
        stopping: &AtomicBool,
    ) -> Result<(), Error> {
        let (engine, told, room) = (&self.engine, &self.told, &self.room);
        let recovered = recover(self.log.as_ref(), &mut self.door, baseline, |recorded| {
            let (epoch, inputs) = (recorded.epoch, recorded.inputs.clone());
            // Told before it is fed: whoever sees the epoch complete knows what was recorded in it.
            let share = room.take(recorded.size());
            let heard = told.send(Told::Recorded(Box::new(recorded), share)).is_ok();
            engine.feed(epoch, inputs);
            engine.advance(epoch + 1);
            heard
        })?;
        let Recovered { last_epoch, .. } = recovered;
        self.open.epoch = last_epoch.map_or(0, |last| last + self.epoch_ms).max(self.now());
        self.engine.advance(self.open.epoch);
        let _ = self.told.send(Told::Live);
        let result = self.sequence(inbox, stopping);
        // The end of the inputs completes every epoch, so that what was accepted is written out.
        self.close();
        let _ = self.told.send(Told::End(self.open.epoch + 1));
        drop(self.told);
        self.engine.finish();
        result
    }

    fn sequence(&mut self, inbox: &Inbox, stopping: &AtomicBool) -> Result<(), Error> {
        loop {
            let now = self.now();
            if now > self.open.epoch {
                self.close();
                self.open.epoch = now;
                self.engine.advance(now);
            }
            let wait = Duration::from_millis(self.epoch_ms).min(Duration::from_millis(20));
            let first = select! {
                recv(inbox.program) -> submission => submission.ok(),
                recv(inbox.outside) -> submission => submission.ok(),
                default(wait) => None,
            };
            let Some(first) = first else {
                if stopping.load(Ordering::Acquire) {
                    return Ok(());
                }
                continue;
            };
            let mut commit = Commit::default();
            self.judge(first, &mut commit);
            while commit.records.len() < self.commit_records {
                let next = inbox.program.try_recv().or_else(|_| inbox.outside.try_recv());
                let Ok(next) = next else { break };
                self.judge(next, &mut commit);
            }
            self.commit(commit)?;
        }
    }

    fn judge(&mut self, submission: Submission, commit: &mut Commit) {
        let epoch = self.open.epoch;
        let mut receipt = Receipt { epoch, ..Receipt::default() };
        for incoming in submission.lines {
            let rejected = match incoming {
                Incoming::Refused(rejected) => {
                    self.door.counts.rejected += 1;
                    Some(rejected)
                }
                Incoming::Event(place, event, text) => {
                    let number = self.door.admission.accepted();
                    match self.door.judge(&event, epoch, submission.origin) {
                        Err(refusal) => Some(Rejected::new(&place, refusal, &text)),
                        Ok(None) => {
                            receipt.duplicates += 1;
                            None
                        }
                        Ok(Some(inputs)) => {
                            receipt.accepted += 1;
                            let topic = log_topic(event.event_type().topic());
                            commit.records.push((topic, numbered(number, &text)));
                            commit.logged.push((*event, text));
                            commit.inputs.extend(inputs);
                            None
                        }
                    }
                }
            };
            if let Some(rejected) = rejected {
                commit.refused.push(rejected.clone());
                receipt.rejected.push(rejected);
            }
        }
        if submission.origin == Origin::Outside && receipt.accepted > 0 {
            commit.arrived = Some(commit.arrived.map_or(submission.arrived, |at| at.min(submission.arrived)));
        }
        commit.replies.extend(submission.reply.map(|reply| (reply, receipt)));
    }

    /// One atomic, fsynced append; then replies, then the open epoch takes everything in.
    fn commit(&mut self, commit: Commit) -> Result<(), Error> {
        let Commit { mut records, logged, refused, inputs, replies, arrived } = commit;
        let accepted = records.len();
        for rejected in &refused {
            let letter = DeadLetter::of(rejected);
            records.push((LogTopic::DeadLetter, serde_json::to_vec(&letter).unwrap_or_default()));
        }
        if !records.is_empty() {
            let started = std::time::Instant::now();
            let borrowed: Vec<(LogTopic, &[u8])> =
                records.iter().map(|(topic, bytes)| (*topic, bytes.as_slice())).collect();
            let offsets = self.log.append(self.open.epoch, &borrowed)?;
            let bytes: usize = records.iter().map(|(_, bytes)| bytes.len()).sum();
            self.live.committed(accepted as u64, bytes as u64, started.elapsed(), self.door.counts);
            let (events, letters) = offsets.split_at(accepted);
            let located = events.iter().zip(logged);
            self.open.events.extend(located.map(|(offset, (event, payload))| Logged {
                offset: *offset,
                event,
                payload,
            }));
            self.open.rejected.extend(letters.iter().copied().zip(refused));
            self.open.inputs.extend(inputs);
            if let Some(arrived) = arrived {
                self.open.arrived.get_or_insert(arrived);
            }
        }
        for (reply, receipt) in replies {
            // Whoever handed it in may have gone.
            let _ = reply.send(receipt);
        }
        Ok(())
    }

    /// Feeds and tells what the open epoch recorded.
    fn close(&mut self) {
        let Open { epoch, inputs, events, rejected, arrived } = std::mem::take(&mut self.open);
        self.open.epoch = epoch;
        if events.is_empty() && rejected.is_empty() {
            return;
        }
        let mut inputs = inputs;
        conflate(&mut inputs);
        let inputs = Arc::new(inputs);
        let recorded = Recorded { epoch, inputs: inputs.clone(), events, rejected, arrived };
        // Told before it is fed. The conductor ends after this thread, or because something failed, which the
        // main thread sees.
        let share = self.room.take(recorded.size());
        let _ = self.told.send(Told::Recorded(Box::new(recorded), share));
        self.engine.feed(epoch, inputs);
    }

    /// The epoch of this moment. A clock that goes back holds the epoch where it is.
    fn now(&self) -> Epoch {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX / 2);
        (millis.div_ceil(self.epoch_ms) * self.epoch_ms).max(self.open.epoch)
    }
}

/// The running number and the text of a record.
///
/// # Errors
/// When it is not a record of this program.
pub(super) fn split_number(record: RecordRef<'_>) -> Result<(u64, &[u8]), Error> {
    let split = record.payload.split_first_chunk::<NUMBER_BYTES>();
    let (number, text) = split.ok_or_else(|| {
        Error::Check(format!("log: {} {} is not a record of this program", record.topic, record.offset))
    })?;
    Ok((u64::from_le_bytes(*number), text))
}

/// A record's text behind its running number.
fn numbered(number: u64, text: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(NUMBER_BYTES + text.len());
    record.extend_from_slice(&number.to_le_bytes());
    record.extend_from_slice(text);
    record
}

/// A refused line as the dead-letter topic keeps it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct DeadLetter {
    source: String,
    line: u64,
    field: String,
    reason: String,
    payload: String,
}

impl DeadLetter {
    fn of(rejected: &Rejected) -> DeadLetter {
        let Rejected { file, line, field, reason, payload } = rejected.clone();
        DeadLetter { source: file, line, field, reason, payload }
    }

    pub(super) fn into_rejected(self) -> Rejected {
        let DeadLetter { source, line, field, reason, payload } = self;
        Rejected { file: source, line, field, reason, payload }
    }
}
