//! Limits of the log and of the group commit.

use std::path::PathBuf;

use crate::error::LogError;

/// Largest payload of one record, in bytes. A decision with its whole input stays far below; a larger
/// one is a bug of the producer, and refusing it keeps one record from stalling every other.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Where the log lives and how it is cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// Folder of the log; created when missing. It holds the file `events.redb` and a lock file.
    pub path: PathBuf,
    /// Largest block, in bytes, 4 KiB to 64 MiB; a power of two wastes least, because the store keeps a
    /// block in pages of powers of two. A record larger than this gets a block of its own.
    pub block_bytes: usize,
    /// Size at which a segment is closed, in bytes; at least `block_bytes`. Retention drops whole segments.
    pub segment_bytes: u64,
    /// Memory the store may use to cache pages, in bytes.
    pub cache_bytes: usize,
}

impl LogConfig {
    /// The defaults: blocks of 256 KiB (a replay hashes them from the processor's cache), segments of
    /// 64 MiB, a cache of 64 MiB (a replay reads each block once, so more would not be hit).
    pub fn new(path: impl Into<PathBuf>) -> LogConfig {
        LogConfig {
            path: path.into(),
            block_bytes: 256 << 10,
            segment_bytes: 64 << 20,
            cache_bytes: 64 << 20,
        }
    }

    /// Checks the limits before anything is opened.
    ///
    /// # Errors
    /// [`LogError::Config`] naming the field, its value and what is allowed.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        if !(4 << 10..=64 << 20).contains(&self.block_bytes) {
            let field = "block_bytes";
            return Err(LogError::Config {
                field,
                value: self.block_bytes as u64,
                allowed: "4096 to 67108864",
            });
        }
        if self.segment_bytes < self.block_bytes as u64 {
            let field = "segment_bytes";
            return Err(LogError::Config {
                field,
                value: self.segment_bytes,
                allowed: "block_bytes or more",
            });
        }
        Ok(())
    }
}

/// Bounds of the group commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupLimits {
    /// Submissions that may wait; a full queue blocks the sender.
    pub queue: usize,
    /// Records after which a commit takes no further submission.
    pub records: usize,
    /// Payload bytes after which a commit takes no further submission.
    pub bytes: usize,
}

impl Default for GroupLimits {
    /// 1,024 waiting submissions; commits of up to 8,192 records or 4 MiB, which is a few fsync times of
    /// work, so a commit's latency stays bounded by the disk and not by the queue.
    fn default() -> GroupLimits {
        GroupLimits { queue: 1024, records: 8192, bytes: 4 << 20 }
    }
}
