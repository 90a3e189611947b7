//! One block: the records of one topic in one commit, chained to the block before.
//!
//! ```text
//!   0  hash          32  blake3 of everything after it, hence of the previous block's hash too
//!  32  magic          4  "EKB1"
//!  36  topic          1  and 3 zero bytes
//!  40  first offset   8
//!  48  epoch          8  one per block: the records of one commit share it
//!  56  segment        8
//!  64  record count   4
//!  68  payload bytes  4
//!  72  previous hash 32  hash of the topic's block before, zero for the first
//! 104  lengths        4 each, then the payloads back to back
//! ```
//! Integers are little-endian.

use crate::error::BadBlock;
use crate::topic::Topic;

/// A blake3 hash.
pub type Hash = [u8; 32];

/// The chain's head before the first block of a topic.
pub(crate) const GENESIS: Hash = [0; 32];
/// Bytes of a block before the lengths.
pub(crate) const HEADER_BYTES: usize = 104;
/// Bytes a record costs beside its payload.
pub(crate) const RECORD_OVERHEAD: usize = 4;
const MAGIC: &[u8; 4] = b"EKB1";

/// One record of the log, with its payload owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The partition.
    pub topic: Topic,
    /// Place in the topic, counted from 0.
    pub offset: u64,
    /// Recorded time: milliseconds since 1970 as the appender stamped it.
    pub epoch: u64,
    /// The event's bytes.
    pub payload: Vec<u8>,
}

/// One record of the log, borrowed from its block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordRef<'a> {
    /// The partition.
    pub topic: Topic,
    /// Place in the topic, counted from 0.
    pub offset: u64,
    /// Recorded time: milliseconds since 1970 as the appender stamped it.
    pub epoch: u64,
    /// The event's bytes.
    pub payload: &'a [u8],
}

impl RecordRef<'_> {
    /// Copies the payload.
    pub fn to_record(self) -> Record {
        Record { topic: self.topic, offset: self.offset, epoch: self.epoch, payload: self.payload.to_vec() }
    }
}

/// What a block says about itself, apart from its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockHead {
    pub topic: Topic,
    pub first_offset: u64,
    pub epoch: u64,
    pub segment: u64,
    pub previous: Hash,
}

/// Encodes a block and returns it with its hash. The payloads must fit u32 lengths, which
/// `RECORD_BYTES_MAX` and the limit on `block_bytes` guarantee.
pub(crate) fn encode(head: &BlockHead, payloads: &[&[u8]]) -> (Vec<u8>, Hash) {
    let payload_bytes: usize = payloads.iter().map(|payload| payload.len()).sum();
    assert!(payload_bytes <= u32::MAX as usize, "Invariant: a block's payload fits its 32-bit length");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payloads.len() * RECORD_OVERHEAD + payload_bytes);
    bytes.extend_from_slice(&GENESIS); // the hash's place, filled below
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[head.topic.code(), 0, 0, 0]);
    bytes.extend_from_slice(&head.first_offset.to_le_bytes());
    bytes.extend_from_slice(&head.epoch.to_le_bytes());
    bytes.extend_from_slice(&head.segment.to_le_bytes());
    bytes.extend_from_slice(&(payloads.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(payload_bytes as u32).to_le_bytes());
    bytes.extend_from_slice(&head.previous);
    for payload in payloads {
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    }
    for payload in payloads {
        bytes.extend_from_slice(payload);
    }
    let hash = *blake3::hash(&bytes[32..]).as_bytes();
    bytes[..32].copy_from_slice(&hash);
    (bytes, hash)
}

/// Reads a little-endian u64 at `at`; `None` beyond the end.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads a hash at `at`; `None` beyond the end.
pub(crate) fn hash_at(bytes: &[u8], at: usize) -> Option<Hash> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The epoch of an encoded block, unchecked: for searching, where the block found is checked afterwards.
pub(crate) fn peek_epoch(bytes: &[u8]) -> Option<u64> {
    u64_at(bytes, 48)
}

/// Short form of a hash for messages.
pub(crate) fn short(hash: &Hash) -> String {
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A block whose hash and structure have been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    bytes: Vec<u8>,
    head: BlockHead,
    hash: Hash,
    count: usize,
    /// Index of the first record to give out, for a scan that starts inside the block.
    skip: usize,
}

impl Block {
    /// Checks and takes an encoded block that should be the one of `topic` starting at `offset`.
    pub(crate) fn decode(bytes: Vec<u8>, topic: Topic, offset: u64) -> Result<Block, BadBlock> {
        let fault = |expected: String, found: String| BadBlock { topic, offset, expected, found };
        let short_block = || fault("a whole block".into(), format!("{} bytes", bytes.len()));
        let stored = hash_at(&bytes, 0).ok_or_else(short_block)?;
        let content = bytes.get(32..).ok_or_else(short_block)?;
        let computed = *blake3::hash(content).as_bytes();
        if stored != computed {
            return Err(fault(
                format!("hash {}", short(&stored)),
                format!("content with hash {}", short(&computed)),
            ));
        }
        // The hash only says that the block is one that was written whole. Its place and structure are
        // checked too, because a block moved to another key still has a good hash.
        let previous = hash_at(&bytes, 72).ok_or_else(short_block)?;
        let first_offset = u64_at(&bytes, 40).ok_or_else(short_block)?;
        let epoch = u64_at(&bytes, 48).ok_or_else(short_block)?;
        let segment = u64_at(&bytes, 56).ok_or_else(short_block)?;
        let count = u32_at(&bytes, 64).ok_or_else(short_block)? as usize;
        let payload_bytes = u32_at(&bytes, 68).ok_or_else(short_block)? as usize;
        if bytes.get(32..37) != Some(&[MAGIC.as_slice(), &[topic.code()]].concat()) {
            return Err(fault(format!("a block of topic {topic}"), "another kind of block".into()));
        }
        if first_offset != offset {
            return Err(fault(
                format!("a block starting at {offset}"),
                format!("one starting at {first_offset}"),
            ));
        }
        let size = HEADER_BYTES + count * RECORD_OVERHEAD + payload_bytes;
        let head = BlockHead { topic, first_offset, epoch, segment, previous };
        let lengths = bytes.get(HEADER_BYTES..HEADER_BYTES + count * RECORD_OVERHEAD).unwrap_or_default();
        let sum: u64 = lengths.chunks_exact(4).filter_map(|chunk| u32_at(chunk, 0)).map(u64::from).sum();
        if count == 0 || size != bytes.len() || sum != payload_bytes as u64 {
            let found = format!("{count} records, {sum} payload bytes in {} bytes", bytes.len());
            return Err(fault(format!("{payload_bytes} payload bytes in {size} bytes"), found));
        }
        Ok(Block { bytes, head, hash: stored, count, skip: 0 })
    }

    /// The partition.
    pub fn topic(&self) -> Topic {
        self.head.topic
    }

    /// Recorded time of all records of the block, milliseconds since 1970.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// Offset of the first record that [`Block::records`] gives.
    pub fn first_offset(&self) -> u64 {
        self.head.first_offset + self.skip as u64
    }

    /// Offset after the block's last record.
    pub fn next_offset(&self) -> u64 {
        self.head.first_offset + self.count as u64
    }

    /// Number of records that [`Block::records`] gives; a block has at least one unless a scan skipped them.
    pub fn len(&self) -> usize {
        self.count - self.skip
    }

    /// Whether a scan skipped all records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records in order, borrowed.
    pub fn records(&self) -> Records<'_> {
        let mut records = Records { block: self, index: 0, at: HEADER_BYTES + self.count * RECORD_OVERHEAD };
        for _ in 0..self.skip {
            records.next();
        }
        records
    }

    /// Hides the records before `offset`.
    pub(crate) fn skip_to(&mut self, offset: u64) {
        let skip = offset.saturating_sub(self.head.first_offset);
        self.skip = usize::try_from(skip).map_or(self.count, |skip| skip.min(self.count));
    }

    pub(crate) fn head(&self) -> &BlockHead {
        &self.head
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    /// Encoded size, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The record with `index` whose payload starts at byte `at`; used by iterators that keep both.
    pub(crate) fn record_at(&self, index: usize, at: usize) -> Option<RecordRef<'_>> {
        if index >= self.count {
            return None;
        }
        let length = u32_at(&self.bytes, HEADER_BYTES + index * RECORD_OVERHEAD)? as usize;
        let payload = self.bytes.get(at..at.checked_add(length)?)?;
        let offset = self.head.first_offset + index as u64;
        Some(RecordRef { topic: self.head.topic, offset, epoch: self.head.epoch, payload })
    }
}

/// The records of a block, in order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    block: &'a Block,
    index: usize,
    at: usize,
}

impl Records<'_> {
    /// Index of the next record and the byte its payload starts at.
    pub(crate) fn position(&self) -> (usize, usize) {
        (self.index, self.at)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordRef<'a>;

    fn next(&mut self) -> Option<RecordRef<'a>> {
        let record = self.block.record_at(self.index, self.at)?;
        self.index += 1;
        self.at += record.payload.len();
        Some(record)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.block.count - self.index.min(self.block.count);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}
