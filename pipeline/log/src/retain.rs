//! Retention: old segments go, the chain stays verifiable from the first kept one.

use crate::error::LogError;
use crate::log::Log;
use crate::topic::Topic;

/// What [`Log::retain`] dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retained {
    /// The topic.
    pub topic: Topic,
    /// Number of segments dropped.
    pub segments: u64,
    /// Number of records dropped.
    pub records: u64,
    /// Encoded size of what was dropped, in bytes. The space is used again; the file does not shrink.
    pub bytes: u64,
    /// First kept offset afterwards.
    pub first_offset: u64,
}

impl Log {
    /// Drops the oldest segments of `topic` whose last epoch is before `before_epoch` (milliseconds since
    /// 1970), never the newest. The closing hash of the last dropped segment stays as the chain's anchor.
    /// Each segment is one commit, so an interruption leaves some dropped and the rest whole, and appends
    /// wait for one segment at most. Whoever reads the log must not need the dropped records any more.
    ///
    /// # Errors
    /// As a failed [`Log::append`].
    pub fn retain(&self, topic: Topic, before_epoch: u64) -> Result<Retained, LogError> {
        let segments = self.snapshot()?.segments(topic)?;
        let first_offset = self.first_offset(topic);
        let mut retained = Retained { topic, segments: 0, records: 0, bytes: 0, first_offset };
        let older = segments.len().saturating_sub(1);
        for (number, row) in segments.iter().take(older).take_while(|(_, row)| row.last_epoch < before_epoch)
        {
            let dropped = self.write(|writer, store| {
                let tip = &mut writer.tips.topics[topic.index()];
                // A retention running beside this one was faster; its report counts the segment.
                if tip.first_offset != row.first_offset {
                    return Ok(false);
                }
                store.drop_segment(topic, *number, row)?;
                tip.first_offset = row.next_offset;
                Ok(true)
            })?;
            if dropped {
                retained.segments += 1;
                retained.records += row.records();
                retained.bytes += row.bytes;
            }
            retained.first_offset = row.next_offset;
        }
        if retained.segments > 0 {
            let Retained { segments, records, bytes, first_offset, .. } = retained;
            tracing::info!(%topic, segments, records, bytes, first_offset, "old segments dropped");
        }
        Ok(retained)
    }
}
