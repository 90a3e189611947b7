//! Group commit: many senders, one appender, one fsync for all that waits.
//!
//! [`group`] makes the two ends. [`Appender`] is for senders; [`Committer`] does the work one commit at a
//! time, for a caller that owns the loop: between two steps nothing is being stamped, so that caller
//! knows when an epoch can get no further record. [`GroupCommit`] is the loop in a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::config::GroupLimits;
use crate::error::LogError;
use crate::log::{Log, check_size};
use crate::topic::Topic;

/// Called exactly once with the offset of each record of an accepted submission, or the error. It runs on the
/// committing thread and must not block or panic.
type Reply = Box<dyn FnOnce(Result<Vec<u64>, LogError>) + Send>;

/// How long the thread of [`GroupCommit`] waits before it looks whether it should stop; it bounds only
/// how long a stop takes while senders are still there, never a commit.
const IDLE: Duration = Duration::from_millis(50);

/// A reply that is always given: dropping it unanswered says [`LogError::Stopped`]. So a sender never waits
/// for ever, also when the committing end goes away, or panics, with submissions in its hands.
struct Answer(Option<Reply>);

impl Answer {
    fn give(mut self, result: Result<Vec<u64>, LogError>) {
        if let Some(reply) = self.0.take() {
            reply(result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(Err(LogError::Stopped));
        }
    }
}

/// Records of one submission or of one commit.
type Batch = Vec<(Topic, Vec<u8>)>;

struct Submission {
    records: Batch,
    answer: Answer,
}

impl Submission {
    /// Takes the records back; the reply is not called.
    fn withdraw(mut self) -> Batch {
        self.answer.0 = None;
        self.records
    }
}

/// The sending end; clone it for every sender.
#[derive(Clone)]
pub struct Appender {
    // The standard channel, because it drops what is queued when its receiver goes away. Others keep it
    // until the last sender is gone, and the answers with it.
    sender: SyncSender<Submission>,
    waiting: Arc<AtomicUsize>,
}

/// Why a submission was not taken. Its reply is not called.
#[derive(Debug)]
pub enum SubmitError {
    /// The queue is full; the records come back, to be sent again later.
    Full(Vec<(Topic, Vec<u8>)>),
    /// A record is too large, or the group commit has stopped.
    Refused(LogError),
}

impl Appender {
    /// Appends the records and waits until they are on disk. Blocks while the queue is full.
    ///
    /// # Errors
    /// As [`Log::append`]; [`LogError::Stopped`] when the committing end is gone.
    pub fn append(&self, records: Vec<(Topic, Vec<u8>)>) -> Result<Vec<u64>, LogError> {
        let (answer, answered) = sync_channel(1);
        self.submit(records, move |result| {
            // Nobody waits any more only when the sender's thread is gone.
            let _ = answer.send(result);
        })?;
        answered.recv().unwrap_or(Err(LogError::Stopped))
    }

    /// Sends the records and returns; `reply` gets the answer. Blocks while the queue is full, which is how
    /// a fast source is slowed down; nothing is dropped.
    ///
    /// # Errors
    /// [`LogError::RecordTooLarge`] or [`LogError::Stopped`]; then `reply` is not called.
    pub fn submit(
        &self,
        records: Vec<(Topic, Vec<u8>)>,
        reply: impl FnOnce(Result<Vec<u64>, LogError>) + Send + 'static,
    ) -> Result<(), LogError> {
        check(&records)?;
        let submission = Submission { records, answer: Answer(Some(Box::new(reply))) };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.send(submission).map_err(|SendError(submission)| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            submission.withdraw();
            LogError::Stopped
        })
    }

    /// As [`Appender::submit`], for senders that must not block.
    ///
    /// # Errors
    /// [`SubmitError`]; then `reply` is not called.
    pub fn try_submit(
        &self,
        records: Vec<(Topic, Vec<u8>)>,
        reply: impl FnOnce(Result<Vec<u64>, LogError>) + Send + 'static,
    ) -> Result<(), SubmitError> {
        check(&records).map_err(SubmitError::Refused)?;
        let submission = Submission { records, answer: Answer(Some(Box::new(reply))) };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(submission).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(submission) => SubmitError::Full(submission.withdraw()),
                TrySendError::Disconnected(submission) => {
                    submission.withdraw();
                    SubmitError::Refused(LogError::Stopped)
                }
            }
        })
    }

    /// Submissions waiting now, those of blocked senders included; for metrics.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Checked at the sender, so that one bad record does not fail the commit of the others.
fn check(records: &[(Topic, Vec<u8>)]) -> Result<(), LogError> {
    records.iter().try_for_each(|(topic, payload)| check_size(*topic, payload))
}

/// What one [`Committer::step`] did.
#[derive(Clone, Debug)]
pub enum Step {
    /// One commit; it is on disk, answered and handed to the hook.
    Committed {
        /// Epoch of its records, milliseconds since 1970.
        epoch: u64,
        /// Number of its records.
        records: usize,
    },
    /// Nothing came within the wait.
    Idle,
    /// The commit failed, its senders were told, and so will be all later ones until the log is opened again.
    Failed(LogError),
    /// All senders are gone and everything is done.
    Closed,
}

/// The committing end.
pub struct Committer {
    log: Arc<Log>,
    limits: GroupLimits,
    receiver: Receiver<Submission>,
    waiting: Arc<AtomicUsize>,
}

/// Makes the two ends of a group commit.
pub fn group(log: Arc<Log>, limits: GroupLimits) -> (Appender, Committer) {
    // A queue of zero would hand over only to a step that is already waiting; one place always works.
    let (sender, receiver) = sync_channel(limits.queue.max(1));
    let waiting = Arc::new(AtomicUsize::new(0));
    (Appender { sender, waiting: waiting.clone() }, Committer { log, limits, receiver, waiting })
}

impl Committer {
    /// Waits up to `wait` for a submission, takes what else is waiting up to the limits, asks `stamp` for the
    /// epoch, appends with one fsync, answers the senders in the order they came, and calls `on_commit` with
    /// the epoch and every (topic, offset, payload), in the order of submission.
    ///
    /// An epoch before the log's last one is raised to it: a clock that was set back must not stop the log.
    pub fn step(
        &mut self,
        wait: Duration,
        mut stamp: impl FnMut() -> u64,
        mut on_commit: impl FnMut(u64, &[(Topic, u64, Vec<u8>)]),
    ) -> Step {
        let first = match self.receiver.recv_timeout(wait) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => return Step::Idle,
            Err(RecvTimeoutError::Disconnected) => return Step::Closed,
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let (records, answers) = self.gather(first);
        let epoch = stamp().max(self.log.last_epoch().unwrap_or(0));
        let borrowed: Vec<(Topic, &[u8])> =
            records.iter().map(|(topic, payload)| (*topic, payload.as_slice())).collect();
        let offsets = match self.log.append(epoch, &borrowed) {
            Ok(offsets) => offsets,
            Err(error) => {
                for (_, answer) in answers {
                    answer.give(Err(error.clone()));
                }
                return Step::Failed(error);
            }
        };
        let mut start = 0;
        for (count, answer) in answers {
            answer.give(Ok(offsets[start..start + count].to_vec()));
            start += count;
        }
        let committed: Vec<(Topic, u64, Vec<u8>)> = records
            .into_iter()
            .zip(offsets)
            .map(|((topic, payload), offset)| (topic, offset, payload))
            .collect();
        if !committed.is_empty() {
            on_commit(epoch, &committed);
        }
        Step::Committed { epoch, records: committed.len() }
    }

    /// Takes what is waiting. The submission that reaches a limit is still taken, so a commit is larger
    /// than the limits by less than one submission.
    fn gather(&self, first: Submission) -> (Batch, Vec<(usize, Answer)>) {
        let size =
            |records: &[(Topic, Vec<u8>)]| records.iter().map(|(_, payload)| payload.len()).sum::<usize>();
        let mut bytes = size(&first.records);
        let mut answers = vec![(first.records.len(), first.answer)];
        let mut records = first.records;
        while records.len() < self.limits.records && bytes < self.limits.bytes {
            let Ok(next) = self.receiver.try_recv() else { break };
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            bytes += size(&next.records);
            answers.push((next.records.len(), next.answer));
            records.extend(next.records);
        }
        (records, answers)
    }
}

/// A [`Committer`] in a thread of its own.
pub struct GroupCommit {
    appender: Appender,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl GroupCommit {
    /// Starts the thread. `stamp` gives the epoch of a commit (milliseconds since 1970), `on_commit` is
    /// called as described at [`Committer::step`]. A panic in either ends the thread; senders then get
    /// [`LogError::Stopped`].
    ///
    /// # Errors
    /// [`LogError::Io`] when the thread cannot be started.
    pub fn start(
        log: Arc<Log>,
        limits: GroupLimits,
        mut stamp: impl FnMut() -> u64 + Send + 'static,
        mut on_commit: impl FnMut(u64, &[(Topic, u64, Vec<u8>)]) + Send + 'static,
    ) -> Result<GroupCommit, LogError> {
        let path = log.path().to_path_buf();
        let (appender, mut committer) = group(log, limits);
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = stopping.clone();
        // Each step takes at least one submission, so after this many all that was queued at the stop is done,
        // however fast others go on sending.
        let mut steps_left = limits.queue.max(1) + 1;
        let body = move || {
            while steps_left > 0 {
                // Read before the step: what was sent before the stop is then still found by the step.
                let last = stop.load(Ordering::Acquire);
                let wait = if last { Duration::ZERO } else { IDLE };
                steps_left -= usize::from(last);
                match committer.step(wait, &mut stamp, &mut on_commit) {
                    Step::Closed => break,
                    Step::Idle if last => break,
                    // A failure is answered to each sender; the loop goes on so that later ones are answered too.
                    Step::Idle | Step::Committed { .. } | Step::Failed(_) => {}
                }
            }
        };
        let thread = std::thread::Builder::new().name("log-commit".to_owned()).spawn(body);
        let thread = thread.map_err(|source| LogError::io(&path, "start the appending thread of", source))?;
        Ok(GroupCommit { appender, stopping, thread: Some(thread) })
    }

    /// A sending end.
    pub fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// Commits what was submitted before the call and ends the thread; later submissions get
    /// [`LogError::Stopped`].
    ///
    /// # Errors
    /// [`LogError::Stopped`] when the thread had ended by a panic.
    pub fn stop(mut self) -> Result<(), LogError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LogError> {
        self.stopping.store(true, Ordering::Release);
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(LogError::Stopped),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        if self.end().is_err() {
            tracing::error!("the appending thread had ended by a panic");
        }
    }
}
