//! What can go wrong with ClickHouse, and whether trying again can help.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong here. Messages are for people: they say what to do where something can be
/// done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine's library is not there and npm, which would fetch it, is not either.
    #[error(
        "the embedded ClickHouse engine is not installed and npm, which downloads it, was not found: install \
         Node.js with npm, or set EVENKEEL_CHDB_LIB to a libchdb.so, or use a server with --clickhouse URL"
    )]
    NpmMissing,
    /// npm ran and failed.
    #[error(
        "downloading the embedded ClickHouse engine ({package}) failed: {detail}; try again, or set \
         EVENKEEL_CHDB_LIB to a libchdb.so, or use a server with --clickhouse URL"
    )]
    Download {
        /// The package, with its version.
        package: String,
        /// What npm said.
        detail: String,
    },
    /// What was downloaded is not what we expect; it was deleted.
    #[error("the checksum of {package} is wrong and it was not used: expected {expected}, got {actual}")]
    Checksum {
        /// The package, with its version.
        package: String,
        /// The pinned checksum.
        expected: String,
        /// The checksum of the file.
        actual: String,
    },
    /// There is no embedded engine for this operating system and processor.
    #[error("there is no embedded ClickHouse engine for {0}: use a server with --clickhouse URL")]
    UnsupportedPlatform(String),
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The engine did not come up.
    #[error("the embedded ClickHouse engine did not start: {detail}\n{log}")]
    EngineStart {
        /// What happened.
        detail: String,
        /// The end of what it printed and logged.
        log: String,
    },
    /// Another engine has the data folder.
    #[error("the data folder {} is in use by another engine (process {pid}): stop that one first", path.display())]
    InUse {
        /// The data folder.
        path: PathBuf,
        /// The other engine's process id, as it wrote it down.
        pid: String,
    },
    /// ClickHouse refused, or could not be reached.
    #[error("{}", clickhouse_text(.0))]
    ClickHouse(#[source] clickhouse::error::Error),
    /// Retrying did not help within the limit.
    #[error("gave up after {attempts} attempts: {source}")]
    GaveUp {
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        source: Box<Error>,
    },
    /// A migration that the database has is not the one this program carries.
    #[error(
        "migration {version} ({name}) was changed after it was applied to this database: a migration is never \
         edited, a further change is a new migration"
    )]
    MigrationChanged {
        /// Its number.
        version: u32,
        /// Its name.
        name: String,
    },
    /// The database was written by a newer program.
    #[error(
        "the database is at migration {found}, newer than this program (up to {known}): upgrade evenkeel"
    )]
    DatabaseNewer {
        /// The newest migration in the database.
        found: u32,
        /// The newest migration in this program.
        known: u32,
    },
    /// A setting that cannot work.
    #[error("{name} is {value:?}: {expected}")]
    BadSetting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// An earlier insert into the table is still running on the server.
    #[error("an earlier insert into {table} is still running on the server after {seconds} s")]
    StillWriting {
        /// The table.
        table: String,
        /// How long we waited.
        seconds: u64,
    },
}

impl From<clickhouse::error::Error> for Error {
    fn from(error: clickhouse::error::Error) -> Self {
        Self::ClickHouse(error)
    }
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// ClickHouse's own error code, where the server said one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::ClickHouse(clickhouse::error::Error::BadResponse(text)) => code_in(text),
            Self::GaveUp { source, .. } => source.code(),
            _ => None,
        }
    }

    /// Whether the same request may succeed later: the server is away, overloaded or out of memory. A
    /// mismatch between our rows and its tables, a wrong password or a refused statement stay wrong however
    /// often tried.
    pub fn retryable(&self) -> bool {
        use clickhouse::error::Error as E;
        match self {
            Self::ClickHouse(E::Network(_) | E::TimedOut) => true,
            Self::ClickHouse(E::BadResponse(text)) => match code_in(text) {
                Some(code) => RETRYABLE_CODES.contains(&code),
                None => overloaded_status(text),
            },
            // The insert's background task reports a broken connection this way.
            Self::ClickHouse(E::Other(inner)) => inner.downcast_ref::<std::io::Error>().is_some(),
            Self::GaveUp { source, .. } => source.retryable(),
            Self::StillWriting { .. } => true,
            _ => false,
        }
    }
}

/// Conditions of the server, not of the request. Numbers are ClickHouse's error codes.
const RETRYABLE_CODES: &[u32] = &[
    33,  // CANNOT_READ_ALL_DATA: the connection broke while sending
    159, // TIMEOUT_EXCEEDED
    160, // TOO_SLOW
    202, // TOO_MANY_SIMULTANEOUS_QUERIES
    203, // NO_FREE_CONNECTION
    209, // SOCKET_TIMEOUT
    210, // NETWORK_ERROR
    225, // NO_ZOOKEEPER
    236, // ABORTED: the server is shutting down
    241, // MEMORY_LIMIT_EXCEEDED
    242, // TABLE_IS_READ_ONLY: a replica without its keeper
    243, // NOT_ENOUGH_SPACE: somebody will make room
    252, // TOO_MANY_PARTS
    279, // ALL_CONNECTION_TRIES_FAILED
    285, // TOO_FEW_LIVE_REPLICAS
    286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319, // UNKNOWN_STATUS_OF_INSERT: the token makes a second attempt harmless
    394, // QUERY_WAS_CANCELLED
    439, // CANNOT_SCHEDULE_TASK
    999, // KEEPER_EXCEPTION
];

/// `Code: 241. DB::Exception: …` → 241.
fn code_in(text: &str) -> Option<u32> {
    let rest = text.trim_start().strip_prefix("Code:")?.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

/// Proxies answer for a server that is away without a ClickHouse code: `503 Service Unavailable`.
fn overloaded_status(text: &str) -> bool {
    ["429", "500", "502", "503", "504"].iter().any(|status| text.starts_with(status))
}

/// ClickHouse's own words where it spoke; else the crate's, down to the system's reason.
fn clickhouse_text(error: &clickhouse::error::Error) -> String {
    if let clickhouse::error::Error::BadResponse(text) = error {
        return format!("ClickHouse: {text}");
    }
    let mut text = format!("ClickHouse: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clickhouse::error::Error as E;

    #[test]
    fn codes_are_read_from_the_text() {
        assert_eq!(code_in("Code: 241. DB::Exception: Memory limit"), Some(241));
        assert_eq!(code_in("Code: 60"), Some(60));
        assert_eq!(code_in("503 Service Unavailable"), None);
    }

    #[test]
    fn only_conditions_of_the_server_are_retried() {
        let bad = |text: &str| Error::from(E::BadResponse(text.into()));
        assert!(bad("Code: 252. DB::Exception: Too many parts").retryable());
        assert!(bad("Code: 241. DB::Exception: Memory limit exceeded").retryable());
        assert!(bad("503 Service Unavailable").retryable());
        assert!(Error::from(E::TimedOut).retryable());
        assert!(!bad("Code: 60. DB::Exception: Unknown table").retryable());
        assert!(!bad("404 Not Found").retryable());
        assert!(!Error::from(E::SchemaMismatch("x".into())).retryable());
        let gave_up = Error::GaveUp { attempts: 3, source: Box::new(bad("Code: 252. x")) };
        assert!(gave_up.retryable());
        assert_eq!(gave_up.code(), Some(252));
    }

    #[test]
    fn clickhouse_speaks_for_itself() {
        let error = Error::from(E::BadResponse("Code: 62. DB::Exception: Syntax error".into()));
        assert_eq!(error.to_string(), "ClickHouse: Code: 62. DB::Exception: Syntax error");
    }
}
