//! From records to blocks: what one append writes, computed without touching the store.

use crate::block::{self, BlockHead, GENESIS, HEADER_BYTES, Hash, RECORD_OVERHEAD};
use crate::segment::SegmentRow;
use crate::topic::Topic;

/// Bytes the store adds to a value in a leaf page (header, key, lengths), rounded up.
const LEAF_OVERHEAD: usize = 64;
/// Below this, a half-empty page is cheaper than one more entry in the tree.
const FIT_BYTES_MIN: usize = 16 << 10;

/// The end of one topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TopicTip {
    pub first_offset: u64,
    pub next_offset: u64,
    /// Number and row of the newest segment; none before the first record.
    pub segment: Option<(u64, SegmentRow)>,
}

impl TopicTip {
    fn head(&self) -> Hash {
        self.segment.map_or(GENESIS, |(_, row)| row.head)
    }
}

/// The end of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tips {
    pub topics: [TopicTip; Topic::ALL.len()],
    pub last_epoch: Option<u64>,
}

/// What one append writes.
#[derive(Default, Debug)]
pub(crate) struct Writes {
    /// Topic, first offset, encoded block.
    pub blocks: Vec<(Topic, u64, Vec<u8>)>,
    /// Topic, segment number, new row; a segment touched twice appears once, with its last row.
    pub segments: Vec<(Topic, u64, SegmentRow)>,
}

/// Cuts the records into blocks, advances `tips` over them and returns the offset of each record.
pub(crate) fn plan(
    tips: &mut Tips,
    epoch: u64,
    records: &[(Topic, &[u8])],
    block_bytes: usize,
    segment_bytes: u64,
) -> (Vec<u64>, Writes) {
    let mut offsets = Vec::with_capacity(records.len());
    let mut payloads: [Vec<&[u8]>; Topic::ALL.len()] = Default::default();
    for (topic, payload) in records {
        let waiting = &mut payloads[topic.index()];
        offsets.push(tips.topics[topic.index()].next_offset + waiting.len() as u64);
        waiting.push(payload);
    }
    let mut writes = Writes::default();
    for topic in Topic::ALL {
        let tip = &mut tips.topics[topic.index()];
        let mut rest = payloads[topic.index()].as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(cut(rest, block_bytes));
            add_block(&mut writes, tip, topic, epoch, now, segment_bytes);
            rest = later;
        }
    }
    tips.last_epoch = Some(epoch);
    (offsets, writes)
}

/// How many of the payloads go into the next block; at least one.
///
/// The store keeps a block in a page of the next power of two. A block just over a power of two would
/// waste almost half of it, in the file and in every write, so it is cut there instead.
fn cut(payloads: &[&[u8]], block_bytes: usize) -> usize {
    let cost = |payload: &&[u8]| RECORD_OVERHEAD + payload.len();
    let whole = HEADER_BYTES + LEAF_OVERHEAD + payloads.iter().map(cost).sum::<usize>();
    let page = whole.next_power_of_two();
    let limit = match whole {
        _ if whole > block_bytes => block_bytes,
        _ if page <= FIT_BYTES_MIN || whole * 4 >= page * 3 => return payloads.len(),
        _ => page / 2,
    };
    let mut size = HEADER_BYTES + LEAF_OVERHEAD;
    let fitting = payloads.iter().take_while(|payload| {
        size += cost(payload);
        size <= limit
    });
    fitting.count().max(1)
}

fn add_block(
    writes: &mut Writes,
    tip: &mut TopicTip,
    topic: Topic,
    epoch: u64,
    payloads: &[&[u8]],
    segment_bytes: u64,
) {
    let first_offset = tip.next_offset;
    let previous = tip.head();
    let number = match tip.segment {
        None => 0,
        Some((number, row)) if row.bytes >= segment_bytes => number + 1,
        Some((number, _)) => number,
    };
    let (bytes, head) =
        block::encode(&BlockHead { topic, first_offset, epoch, segment: number, previous }, payloads);
    let next_offset = first_offset + payloads.len() as u64;
    let size = bytes.len() as u64;
    let row = match tip.segment {
        Some((current, row)) if current == number => SegmentRow {
            next_offset,
            last_epoch: epoch,
            blocks: row.blocks + 1,
            bytes: row.bytes + size,
            head,
            ..row
        },
        _ => SegmentRow {
            first_offset,
            next_offset,
            first_epoch: epoch,
            last_epoch: epoch,
            blocks: 1,
            bytes: size,
            anchor: previous,
            head,
        },
    };
    match writes.segments.last_mut() {
        Some((last_topic, last_number, last_row)) if *last_topic == topic && *last_number == number => {
            *last_row = row;
        }
        _ => writes.segments.push((topic, number, row)),
    }
    writes.blocks.push((topic, first_offset, bytes));
    tip.next_offset = next_offset;
    tip.segment = Some((number, row));
}
