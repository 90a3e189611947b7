//! The log: opening, appending, looking up.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::batch::{self, Tips, TopicTip};
use crate::block::Record;
use crate::config::{LogConfig, RECORD_BYTES_MAX};
use crate::error::{BadBlock, LogError};
use crate::scan::Scan;
use crate::store::{Snapshot, Store};
use crate::topic::Topic;

/// The event log. Share it in an `Arc`: appends queue on a lock, reads run beside them.
pub struct Log {
    config: LogConfig,
    store: Store,
    writer: Mutex<Writer>,
    /// Copy of the writer's tips, so that asking for an offset never waits for an fsync.
    tips: RwLock<Tips>,
}

pub(crate) struct Writer {
    pub tips: Tips,
    /// The first failed write. Everything after it is refused: memory and disk may differ, and only
    /// opening again decides what the disk holds.
    failed: Option<LogError>,
}

/// What [`Log::open`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenReport {
    /// No log was there; an empty one was made.
    pub created: bool,
    /// The last user of the log closed it. If not, the store was checked from end to end and brought back
    /// to its last whole commit.
    pub clean_shutdown: bool,
    /// One entry per topic, in the order of [`Topic::ALL`].
    pub topics: Vec<TopicReport>,
    /// Last epoch of the log, milliseconds since 1970.
    pub last_epoch: Option<u64>,
    /// Kept records over all topics.
    pub records: u64,
}

/// The extent of one topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicReport {
    /// The topic.
    pub topic: Topic,
    /// First kept offset.
    pub first_offset: u64,
    /// Offset the next record will get; the last one is before it.
    pub next_offset: u64,
    /// Epoch of the last record.
    pub last_epoch: Option<u64>,
}

impl TopicReport {
    /// Offset of the last record.
    pub fn last_offset(&self) -> Option<u64> {
        (self.next_offset > self.first_offset).then(|| self.next_offset - 1)
    }

    /// Number of kept records.
    pub fn records(&self) -> u64 {
        self.next_offset - self.first_offset
    }
}

impl Log {
    /// Opens the log in a folder, or makes an empty one. The last block of every topic is checked; the
    /// rest is checked when it is read, or by [`Log::verify`].
    ///
    /// # Errors
    /// [`LogError::Config`], [`LogError::InUse`], [`LogError::NoSpace`], [`LogError::Io`],
    /// [`LogError::Damaged`] or [`LogError::BadBlock`].
    pub fn open(config: LogConfig) -> Result<(Log, OpenReport), LogError> {
        config.check()?;
        let (store, opened) = Store::open(&config.path, config.cache_bytes)?;
        let snapshot = store.snapshot()?;
        let mut tips = Tips::default();
        for topic in Topic::ALL {
            let tip = read_tip(&snapshot, topic)?;
            tips.last_epoch = tips.last_epoch.max(tip.segment.map(|(_, row)| row.last_epoch));
            tips.topics[topic.index()] = tip;
        }
        let topics: Vec<TopicReport> = Topic::ALL.map(|topic| topic_report(topic, &tips)).into();
        let report = OpenReport {
            created: opened.created,
            clean_shutdown: !opened.repaired,
            records: topics.iter().map(TopicReport::records).sum(),
            last_epoch: tips.last_epoch,
            topics,
        };
        let path = config.path.display();
        let (records, last_epoch) = (report.records, report.last_epoch);
        if opened.repaired {
            tracing::warn!(%path, records, ?last_epoch, "event log was not closed; brought back to its last commit");
        } else {
            tracing::info!(%path, records, ?last_epoch, created = opened.created, "event log opened");
        }
        let writer = Mutex::new(Writer { tips, failed: None });
        Ok((Log { config, store, writer, tips: RwLock::new(tips) }, report))
    }

    /// Appends records in one atomic, fsynced commit over any number of topics and returns the offset of
    /// each, in order. All records of the call share `epoch` (milliseconds since 1970). Order within a
    /// topic is the order of `records`. Without records nothing is written.
    ///
    /// # Errors
    /// [`LogError::EpochBack`] and [`LogError::RecordTooLarge`] leave the log usable. After any other error
    /// every further write returns the same error until the log is opened again; the records of the failed
    /// call are then there wholly or not at all.
    pub fn append(&self, epoch: u64, records: &[(Topic, &[u8])]) -> Result<Vec<u64>, LogError> {
        for (topic, payload) in records {
            check_size(*topic, payload)?;
        }
        self.write(|writer, store| {
            if let Some(last) = writer.tips.last_epoch.filter(|last| epoch < *last) {
                return Ok(Err(LogError::EpochBack { given: epoch, last }));
            }
            if records.is_empty() {
                return Ok(Ok(Vec::new()));
            }
            let mut tips = writer.tips;
            let (block_bytes, segment_bytes) = (self.config.block_bytes, self.config.segment_bytes);
            let (offsets, writes) = batch::plan(&mut tips, epoch, records, block_bytes, segment_bytes);
            store.write(&writes)?;
            writer.tips = tips;
            Ok(Ok(offsets))
        })?
    }

    /// Offset the next record of `topic` will get.
    pub fn next_offset(&self, topic: Topic) -> u64 {
        self.tip(topic).next_offset
    }

    /// First kept offset of `topic`; equal to [`Log::next_offset`] while there is no record.
    pub fn first_offset(&self, topic: Topic) -> u64 {
        self.tip(topic).first_offset
    }

    /// Epoch of the last record of the log, milliseconds since 1970.
    pub fn last_epoch(&self) -> Option<u64> {
        self.tips.read().unwrap_or_else(PoisonError::into_inner).last_epoch
    }

    /// Folder of the log.
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// The records of `topic` from `from_offset` to the last one there is now. Each block is checked
    /// before its records are given out; after an error the scan ends. It may be held as long as
    /// needed: appends go on beside it, but space freed by [`Log::retain`] is reused only after it ends.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] when `from_offset` was dropped, or lies beyond [`Log::next_offset`]: either
    /// would hide a gap from the reader. Otherwise as reading.
    pub fn scan(&self, topic: Topic, from_offset: u64) -> Result<Scan, LogError> {
        Scan::from_offset(self.store.snapshot()?, topic, from_offset)
    }

    /// All records with an epoch of `from_epoch` (milliseconds since 1970) or later, in the order (epoch,
    /// topic, offset), topics in the order of [`Topic::ALL`].
    ///
    /// # Errors
    /// As reading: [`LogError::Io`], [`LogError::Damaged`] or [`LogError::BadBlock`].
    pub fn scan_all(&self, from_epoch: u64) -> Result<Scan, LogError> {
        self.scan_topics(&Topic::ALL, from_epoch)
    }

    /// As [`Log::scan_all`], over the given topics only.
    ///
    /// # Errors
    /// As [`Log::scan_all`].
    pub fn scan_topics(&self, topics: &[Topic], from_epoch: u64) -> Result<Scan, LogError> {
        let topics: Vec<(Topic, u64)> = topics.iter().map(|topic| (*topic, from_epoch)).collect();
        self.scan_since(&topics)
    }

    /// As [`Log::scan_topics`], each topic from an epoch of its own.
    ///
    /// # Errors
    /// As [`Log::scan_all`].
    pub fn scan_since(&self, topics: &[(Topic, u64)]) -> Result<Scan, LogError> {
        Scan::from_epochs(self.store.snapshot()?, topics)
    }

    /// One record; `None` when the offset is not in the log. Checks the whole block it is in, so it
    /// costs up to `block_bytes` of hashing; use [`Log::scan`] for more than a few.
    ///
    /// # Errors
    /// As reading: [`LogError::Io`], [`LogError::Damaged`] or [`LogError::BadBlock`].
    pub fn read(&self, topic: Topic, offset: u64) -> Result<Option<Record>, LogError> {
        match self.scan(topic, offset) {
            Ok(mut scan) => scan.next().transpose(),
            Err(LogError::OutOfRange { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets a value in the side table for checkpoints and baselines, atomically and fsynced.
    ///
    /// # Errors
    /// As a failed [`Log::append`].
    pub fn put_meta(&self, key: &str, value: &[u8]) -> Result<(), LogError> {
        self.write(|_, store| store.put_meta(key, Some(value)))
    }

    /// Removes a value from the side table, if it is there.
    ///
    /// # Errors
    /// As a failed [`Log::append`].
    pub fn remove_meta(&self, key: &str) -> Result<(), LogError> {
        self.write(|_, store| store.put_meta(key, None))
    }

    /// A value of the side table.
    ///
    /// # Errors
    /// As reading: [`LogError::Io`] or [`LogError::Damaged`].
    pub fn get_meta(&self, key: &str) -> Result<Option<Vec<u8>>, LogError> {
        self.store.get_meta(key)
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot, LogError> {
        self.store.snapshot()
    }

    /// Runs one write alone, refusing it after an earlier failure, and publishes the new tips. An error
    /// of `change` is a failure of the store; what is only the caller's fault travels inside `T`.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&mut Writer, &Store) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let mut writer = self.writer();
        if let Some(error) = &writer.failed {
            return Err(error.clone());
        }
        let result = change(&mut writer, &self.store);
        if let Err(error) = &result {
            tracing::error!(%error, "event log stopped writing");
            writer.failed = Some(error.clone());
        }
        *self.tips.write().unwrap_or_else(PoisonError::into_inner) = writer.tips;
        result
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // The state is replaced only after a successful commit, so a panic elsewhere leaves it true.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tip(&self, topic: Topic) -> TopicTip {
        self.tips.read().unwrap_or_else(PoisonError::into_inner).topics[topic.index()]
    }
}

/// Refuses a payload over the limit.
pub(crate) fn check_size(topic: Topic, payload: &[u8]) -> Result<(), LogError> {
    let (bytes, limit) = (payload.len(), RECORD_BYTES_MAX);
    if bytes > limit { Err(LogError::RecordTooLarge { topic, bytes, limit }) } else { Ok(()) }
}

fn topic_report(topic: Topic, tips: &Tips) -> TopicReport {
    let tip = tips.topics[topic.index()];
    let last_epoch = tip.segment.map(|(_, row)| row.last_epoch);
    TopicReport { topic, first_offset: tip.first_offset, next_offset: tip.next_offset, last_epoch }
}

/// Reads where a topic ends. The row alone is not believed: a new block would be chained to its hash, so
/// the last block must agree with it.
fn read_tip(snapshot: &Snapshot, topic: Topic) -> Result<TopicTip, LogError> {
    let segments = snapshot.segments(topic)?;
    let (Some((_, first)), Some((number, row))) = (segments.first(), segments.last()) else {
        return Ok(TopicTip::default());
    };
    let (start, _) = snapshot.block_start(topic, row.next_offset - 1)?;
    let block = snapshot.block(topic, start)?;
    let stated = (block.next_offset(), block.hash(), block.epoch(), block.head().segment);
    if stated != (row.next_offset, row.head, row.last_epoch, *number) {
        let expected = format!("the last block of segment {number}, ending before {}", row.next_offset);
        let found =
            format!("a block of segment {} ending before {}", block.head().segment, block.next_offset());
        return Err(LogError::bad(snapshot.folder(), BadBlock { topic, offset: start, expected, found }));
    }
    let (first_offset, next_offset) = (first.first_offset, row.next_offset);
    Ok(TopicTip { first_offset, next_offset, segment: Some((*number, *row)) })
}
