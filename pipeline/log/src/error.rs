//! What can go wrong, said so that the reader knows where and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::topic::Topic;

/// A block that is not what the chain says it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadBlock {
    /// Topic of the block.
    pub topic: Topic,
    /// Offset of the first record that cannot be trusted.
    pub offset: u64,
    /// What should have been there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for BadBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadBlock { topic, offset, expected, found } = self;
        write!(f, "topic {topic}, offset {offset}: expected {expected}, found {found}")
    }
}

/// An error of the log. It is `Clone` because one failed commit is the answer to many waiting senders.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A limit in the configuration is outside its range.
    #[error("{field} is {value}: allowed is {allowed}")]
    Config {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The allowed range, in words.
        allowed: &'static str,
    },
    /// Another process, or another `Log` of this one, has the folder open.
    #[error("the log in {} is in use by another process: stop it or choose another folder", path.display())]
    InUse {
        /// Folder of the log.
        path: PathBuf,
    },
    /// The disk, quota or file-size limit is used up.
    #[error("no space left in {} ({source}): free space and start again; nothing acknowledged is lost", path.display())]
    NoSpace {
        /// Folder of the log.
        path: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// Any other input or output error.
    #[error("cannot {action} the log in {}: {source}; check the disk and permissions and start again; \
             nothing acknowledged is lost", path.display())]
    Io {
        /// Folder of the log.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The file as a whole is damaged or is not a log.
    #[error("the log file {} is damaged ({detail}): restore it from a copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A record's block is damaged.
    #[error("the log in {} is damaged: {bad}", path.display())]
    BadBlock {
        /// Folder of the log.
        path: PathBuf,
        /// Where and what.
        bad: Box<BadBlock>,
    },
    /// An append would go back in recorded time.
    #[error("epoch {given} is before the log's last epoch {last}: recorded time never goes back")]
    EpochBack {
        /// The epoch asked for.
        given: u64,
        /// The log's last epoch.
        last: u64,
    },
    /// A payload is larger than [`crate::RECORD_BYTES_MAX`].
    #[error("a record of {bytes} bytes in topic {topic} is over the limit of {limit} bytes")]
    RecordTooLarge {
        /// Topic of the record.
        topic: Topic,
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A scan was asked to start outside the kept records, which would hide a gap.
    #[error(
        "offset {offset} of topic {topic} is not in the log: it holds {first} up to, not including, {next}"
    )]
    OutOfRange {
        /// Topic of the scan.
        topic: Topic,
        /// The offset asked for.
        offset: u64,
        /// First kept offset.
        first: u64,
        /// Offset the next record will get.
        next: u64,
    },
    /// The group commit has ended, so nothing was appended for this submission or no answer can come.
    #[error("the group commit has stopped: the records were not acknowledged")]
    Stopped,
}

impl LogError {
    /// An I/O error at `path`, sorted into "no space" and the rest.
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> LogError {
        let (path, source) = (path.to_path_buf(), Arc::new(source));
        match source.kind() {
            // A file-size limit and a quota call for the same act as a full disk: make room.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                LogError::NoSpace { path, source }
            }
            _ => LogError::Io { path, action, source },
        }
    }

    /// A damaged block of the log in `path`.
    pub(crate) fn bad(path: &Path, bad: BadBlock) -> LogError {
        LogError::BadBlock { path: path.to_path_buf(), bad: Box::new(bad) }
    }
}
