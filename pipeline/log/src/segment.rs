//! Segments: runs of blocks of one topic, the unit of retention.
//!
//! A row is rewritten by the commit that adds a block, so the last row of a topic always holds the
//! chain's head: a block missing at the end is found although no later block points to it.

use crate::block::{Hash, hash_at, u64_at};

/// Bytes of the row before its check: six integers and two hashes.
const ROW_BYTES: usize = 6 * 8 + 2 * 32;
/// Bytes of blake3 kept as a check; against accident only, the chain is what proves the content.
const CHECK_BYTES: usize = 16;

/// What is known of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentRow {
    pub first_offset: u64,
    /// Offset after the last record.
    pub next_offset: u64,
    pub first_epoch: u64,
    pub last_epoch: u64,
    pub blocks: u64,
    /// Encoded size of its blocks.
    pub bytes: u64,
    /// The chain's head before the first block.
    pub anchor: Hash,
    /// The chain's head after the last block.
    pub head: Hash,
}

impl SegmentRow {
    pub fn records(&self) -> u64 {
        self.next_offset - self.first_offset
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ROW_BYTES + CHECK_BYTES);
        for number in
            [self.first_offset, self.next_offset, self.first_epoch, self.last_epoch, self.blocks, self.bytes]
        {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.anchor);
        bytes.extend_from_slice(&self.head);
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(&check.as_bytes()[..CHECK_BYTES]);
        bytes
    }

    /// `None` when the row is not one that was written.
    pub fn decode(bytes: &[u8]) -> Option<SegmentRow> {
        let (content, check) = bytes.split_at_checked(ROW_BYTES)?;
        if check != &blake3::hash(content).as_bytes()[..CHECK_BYTES] {
            return None;
        }
        let row = SegmentRow {
            first_offset: u64_at(content, 0)?,
            next_offset: u64_at(content, 8)?,
            first_epoch: u64_at(content, 16)?,
            last_epoch: u64_at(content, 24)?,
            blocks: u64_at(content, 32)?,
            bytes: u64_at(content, 40)?,
            anchor: hash_at(content, 48)?,
            head: hash_at(content, 80)?,
        };
        (row.first_offset < row.next_offset).then_some(row)
    }
}
