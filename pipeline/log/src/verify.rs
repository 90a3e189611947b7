//! Walking the chain of every topic.

use crate::block::{GENESIS, Hash, short};
use crate::error::{BadBlock, LogError};
use crate::log::Log;
use crate::segment::SegmentRow;
use crate::store::Snapshot;
use crate::topic::Topic;

/// The result of [`Log::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyReport {
    /// One entry per topic, in the order of [`Topic::ALL`].
    pub topics: Vec<TopicVerified>,
    /// Records checked and found whole, over all topics.
    pub records: u64,
}

impl VerifyReport {
    /// Whether every block of every topic is in place and unaltered.
    pub fn whole(&self) -> bool {
        self.topics.iter().all(|topic| topic.bad.is_none())
    }

    /// The first bad block of each damaged topic.
    pub fn bad(&self) -> impl Iterator<Item = &BadBlock> {
        self.topics.iter().filter_map(|topic| topic.bad.as_ref())
    }
}

/// What was found in one topic. The counts are of what was checked before the first bad block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicVerified {
    /// The topic.
    pub topic: Topic,
    /// Segments found whole.
    pub segments: u64,
    /// Blocks found whole.
    pub blocks: u64,
    /// Records found whole.
    pub records: u64,
    /// First kept offset.
    pub first_offset: u64,
    /// Offset after the last record found whole.
    pub next_offset: u64,
    /// The chain's head before the first kept block: the closing hash of the last dropped segment.
    pub anchor: Hash,
    /// The chain's head after the last block found whole. Written down elsewhere, it proves later that
    /// no record up to here was changed.
    pub head: Hash,
    /// The first bad block; what follows it is not checked.
    pub bad: Option<BadBlock>,
}

impl Log {
    /// Checks every block of every topic: hash, place, link to the block before, epochs, and the segment
    /// rows. `progress` is called with the number of records checked so far, once per block. Appends go
    /// on beside it; it checks the log as of its start.
    ///
    /// # Errors
    /// Damage is a result, in [`TopicVerified::bad`]; an error is a failure to read at all:
    /// [`LogError::Io`], or [`LogError::Damaged`] when the file cannot be read as a store.
    pub fn verify(&self, progress: &mut dyn FnMut(u64)) -> Result<VerifyReport, LogError> {
        let snapshot = self.snapshot()?;
        let mut report = VerifyReport { topics: Vec::with_capacity(Topic::ALL.len()), records: 0 };
        for topic in Topic::ALL {
            let mut walk = Walk { snapshot: &snapshot, found: empty(topic), epoch: 0 };
            let before = report.records;
            match walk.topic(&mut |records| progress(before + records)) {
                Ok(()) => {}
                Err(LogError::BadBlock { bad, .. }) => walk.found.bad = Some(*bad),
                // The page that holds the next block makes no sense to the store: that is a bad block too.
                Err(LogError::Damaged { detail, .. }) => {
                    let bad = walk.fault("a readable block".to_owned(), detail);
                    walk.found.bad = Some(bad);
                }
                Err(error) => return Err(error),
            }
            report.records += walk.found.records;
            report.topics.push(walk.found);
        }
        Ok(report)
    }
}

fn empty(topic: Topic) -> TopicVerified {
    let (segments, blocks, records, first_offset, next_offset) = (0, 0, 0, 0, 0);
    let (anchor, head, bad) = (GENESIS, GENESIS, None);
    TopicVerified { topic, segments, blocks, records, first_offset, next_offset, anchor, head, bad }
}

struct Walk<'a> {
    snapshot: &'a Snapshot,
    found: TopicVerified,
    /// Epoch of the last block.
    epoch: u64,
}

impl Walk<'_> {
    fn topic(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), LogError> {
        let topic = self.found.topic;
        if let Some(dropped) = self.snapshot.anchor(topic)? {
            self.found.anchor = dropped.head;
            self.found.head = dropped.head;
            self.found.first_offset = dropped.next_offset;
            self.found.next_offset = dropped.next_offset;
            self.epoch = dropped.last_epoch;
        }
        for (number, row) in self.snapshot.segments(topic)? {
            self.expect("a segment chained to", short(&self.found.head), short(&row.anchor))?;
            self.expect("a segment starting at", self.found.next_offset, row.first_offset)?;
            self.segment(number, &row, progress)?;
        }
        Ok(())
    }

    fn segment(
        &mut self,
        number: u64,
        row: &SegmentRow,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), LogError> {
        let (mut blocks, mut bytes) = (0, 0);
        while self.found.next_offset < row.next_offset {
            let block = self.snapshot.block(self.found.topic, self.found.next_offset)?;
            self.expect("a block chained to", short(&self.found.head), short(&block.head().previous))?;
            self.expect("a block of segment", number, block.head().segment)?;
            if block.epoch() < self.epoch {
                let expected = format!("epoch {} or later", self.epoch);
                return Err(self.error(expected, format!("epoch {}", block.epoch())));
            }
            if blocks == 0 {
                self.expect("a segment from epoch", row.first_epoch, block.epoch())?;
            }
            blocks += 1;
            bytes += block.size();
            self.epoch = block.epoch();
            self.found.blocks += 1;
            self.found.records += block.len() as u64;
            self.found.next_offset = block.next_offset();
            self.found.head = block.hash();
            progress(self.found.records);
        }
        self.expect("a segment ending before", row.next_offset, self.found.next_offset)?;
        self.expect("a segment closed by", short(&row.head), short(&self.found.head))?;
        self.expect("a segment up to epoch", row.last_epoch, self.epoch)?;
        self.expect("a segment with blocks", row.blocks, blocks)?;
        self.expect("a segment with bytes", row.bytes, bytes)?;
        self.found.segments += 1;
        Ok(())
    }

    fn expect<T: PartialEq + std::fmt::Display>(
        &self,
        what: &str,
        wanted: T,
        got: T,
    ) -> Result<(), LogError> {
        if wanted == got { Ok(()) } else { Err(self.error(format!("{what} {wanted}"), got.to_string())) }
    }

    fn error(&self, expected: String, found: String) -> LogError {
        LogError::bad(self.snapshot.folder(), self.fault(expected, found))
    }

    fn fault(&self, expected: String, found: String) -> BadBlock {
        BadBlock { topic: self.found.topic, offset: self.found.next_offset, expected, found }
    }
}
