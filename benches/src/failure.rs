//! What keeps a bench from giving a number.

use std::io;
use std::path::Path;

/// Why there is no number.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file, a folder, a process or a connection.
    #[error("cannot {what}: {error}")]
    Io {
        /// What was tried, and on what.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// The output is not what it has to be: the number would mean nothing.
    #[error("the output is not right, so there is no figure: {0}")]
    Check(String),
    /// The program did not do what it was asked.
    #[error("{0}")]
    Program(String),
    /// The event log.
    #[error(transparent)]
    Log(#[from] evenkeel_log::LogError),
    /// ClickHouse.
    #[error(transparent)]
    ClickHouse(#[from] evenkeel_clickhouse::Error),
    /// HTTP.
    #[error("HTTP: {0}")]
    Http(Box<ureq::Error>),
    /// JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Failure {
        Failure::Http(Box::new(error))
    }
}

impl Failure {
    /// For `map_err`: says what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failure {
        let what = what.into();
        move |error| Failure::Io { what, error }
    }

    /// For `map_err`: says what was tried on which file.
    pub(crate) fn file(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        Failure::io(format!("{what} {}", path.display()))
    }
}

/// Holds a rule about the output against it.
///
/// # Errors
/// [`Failure::Check`] with the words, when it does not hold.
pub fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Check(otherwise())) }
}
