//! Reading in order: one topic by offset, or several merged by epoch.

use std::cmp::Reverse;

use crate::block::{Block, Record, RecordRef};
use crate::error::{BadBlock, LogError};
use crate::segment::SegmentRow;
use crate::store::Snapshot;
use crate::topic::Topic;

/// An iterator over records as of the moment it was made; every block is checked before use.
///
/// As an iterator it copies each payload. [`Scan::next_block`] gives whole blocks, whose records are
/// borrowed: the faster way for a replay.
pub struct Scan {
    snapshot: Snapshot,
    topics: Vec<TopicCursor>,
    /// Block whose records the iterator is giving out.
    current: Option<Block>,
    /// Index of the next record in `current` and the byte it starts at.
    position: (usize, usize),
}

struct TopicCursor {
    topic: Topic,
    /// Offset of the next block.
    next_offset: u64,
    end_offset: u64,
    /// Records before it are hidden, once: the scan began inside a block.
    from_offset: u64,
    /// The next block, read ahead to compare epochs.
    waiting: Option<Block>,
}

impl Scan {
    pub(crate) fn from_offset(snapshot: Snapshot, topic: Topic, from: u64) -> Result<Scan, LogError> {
        let segments = snapshot.segments(topic)?;
        let first = segments.first().map_or(0, |(_, row)| row.first_offset);
        let next = segments.last().map_or(0, |(_, row)| row.next_offset);
        if from < first || from > next {
            return Err(LogError::OutOfRange { topic, offset: from, first, next });
        }
        let start = if from < next { snapshot.block_start(topic, from)?.0 } else { from };
        let cursor =
            TopicCursor { topic, next_offset: start, end_offset: next, from_offset: from, waiting: None };
        Ok(Scan { snapshot, topics: vec![cursor], current: None, position: (0, 0) })
    }

    pub(crate) fn from_epochs(snapshot: Snapshot, topics: &[(Topic, u64)]) -> Result<Scan, LogError> {
        let mut cursors = Vec::with_capacity(topics.len());
        for topic in Topic::ALL {
            let Some(&(_, from)) = topics.iter().find(|(wanted, _)| *wanted == topic) else { continue };
            let segments = snapshot.segments(topic)?;
            let Some((_, last)) = segments.last() else { continue };
            let first = segments.iter().find(|(_, row)| row.last_epoch >= from);
            let Some((_, row)) = first else { continue };
            let start = first_block_since(&snapshot, topic, row, from)?;
            cursors.push(TopicCursor {
                topic,
                next_offset: start,
                end_offset: last.next_offset,
                from_offset: start,
                waiting: None,
            });
        }
        Ok(Scan { snapshot, topics: cursors, current: None, position: (0, 0) })
    }

    /// The next block, or what is left of the one the iterator is in; `None` at the end or after an error.
    ///
    /// # Errors
    /// As reading: [`LogError::Io`], [`LogError::Damaged`] or [`LogError::BadBlock`].
    pub fn next_block(&mut self) -> Option<Result<Block, LogError>> {
        if let Some(mut block) = self.current.take() {
            block.skip_to(block.head().first_offset + self.position.0 as u64);
            if !block.is_empty() {
                return Some(Ok(block));
            }
        }
        let result = self.advance().transpose();
        if let Some(Err(_)) = result {
            // What follows a damaged block may be whole, but giving it out would hide the gap.
            self.topics.clear();
        }
        result
    }

    fn advance(&mut self) -> Result<Option<Block>, LogError> {
        for cursor in &mut self.topics {
            cursor.fill(&self.snapshot)?;
        }
        // Blocks may be merged whole: all records of a block share its epoch, and within one epoch the
        // order is by topic, then by offset.
        let earliest = |cursor: &&mut TopicCursor| {
            cursor.waiting.as_ref().map(|block| Reverse((block.epoch(), cursor.topic)))
        };
        // `None` sorts before every `Some`, so the greatest is a waiting block while there is one.
        Ok(self.topics.iter_mut().max_by_key(earliest).and_then(|cursor| cursor.waiting.take()))
    }

    /// The next record, borrowed from the scan until the next call; `None` at the end or after an error.
    ///
    /// # Errors
    /// As [`Scan::next_block`].
    pub fn next_ref(&mut self) -> Option<Result<RecordRef<'_>, LogError>> {
        let (index, at) = self.position;
        if self.current.as_ref().is_none_or(|block| block.record_at(index, at).is_none()) {
            self.current = None;
            let block = match self.next_block()? {
                Ok(block) => block,
                Err(error) => return Some(Err(error)),
            };
            self.position = block.records().position();
            self.current = Some(block);
        }
        let (index, at) = self.position;
        let record = self.current.as_ref()?.record_at(index, at)?;
        self.position = (index + 1, at + record.payload.len());
        Some(Ok(record))
    }
}

impl Iterator for Scan {
    type Item = Result<Record, LogError>;

    fn next(&mut self) -> Option<Result<Record, LogError>> {
        self.next_ref().map(|record| record.map(RecordRef::to_record))
    }
}

impl std::iter::FusedIterator for Scan {}

impl TopicCursor {
    /// Reads the next block ahead, if none is waiting.
    fn fill(&mut self, snapshot: &Snapshot) -> Result<(), LogError> {
        if self.waiting.is_some() || self.next_offset >= self.end_offset {
            return Ok(());
        }
        let mut block = snapshot.block(self.topic, self.next_offset)?;
        if block.next_offset() <= self.from_offset || block.next_offset() > self.end_offset {
            let expected = format!("a block ending between {} and {}", self.from_offset, self.end_offset);
            let (topic, offset) = (self.topic, self.next_offset);
            let found = format!("one ending before {}", block.next_offset());
            return Err(LogError::bad(snapshot.folder(), BadBlock { topic, offset, expected, found }));
        }
        self.next_offset = block.next_offset();
        block.skip_to(self.from_offset);
        self.from_offset = self.next_offset;
        self.waiting = Some(block);
        Ok(())
    }
}

/// First offset of the first block of a segment with an epoch of `from` or later, by halving: epochs never
/// decrease along a topic.
fn first_block_since(
    snapshot: &Snapshot,
    topic: Topic,
    row: &SegmentRow,
    from: u64,
) -> Result<u64, LogError> {
    // All records before `low` are earlier than `from`; the block holding `high` is not.
    let (mut low, mut high) = (row.first_offset, row.next_offset - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let (start, epoch) = snapshot.block_start(topic, middle)?;
        if epoch < from {
            low = middle + 1;
        } else {
            // The whole block is late enough, so the search may go on before its start.
            high = start.clamp(low, middle);
        }
    }
    Ok(snapshot.block_start(topic, high)?.0)
}
