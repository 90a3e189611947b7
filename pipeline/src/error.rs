//! What can go wrong outside of the data, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the program, not of an event.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("cannot {what} {path}: {error}{hint}", path = path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// The input as a whole.
    #[error("{0}")]
    Input(String),
    /// A part of the program that does not start.
    #[error("{0}")]
    Start(String),
    /// A setting.
    #[error("{0}")]
    Config(String),
    /// The event log.
    #[error(transparent)]
    Log(#[from] evenkeel_log::LogError),
    /// ClickHouse.
    #[error("{0}")]
    ClickHouse(String),
    /// A check that did not hold.
    #[error("{0}")]
    Check(String),
}

impl Error {
    /// A failure on a file.
    pub fn file(what: &'static str, path: &Path, error: io::Error) -> Error {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => "; free some space and run it again",
            io::ErrorKind::PermissionDenied => "; check who may read or write there",
            io::ErrorKind::NotFound => "; check the path",
            _ => "",
        };
        Error::File { what, path: path.to_owned(), error, hint }
    }
}
