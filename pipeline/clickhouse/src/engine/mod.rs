//! The embedded engine: a real ClickHouse as a child process of ours.
//!
//! The child is our own executable with a hidden subcommand ([`child`]); it loads the engine's library and
//! serves HTTP on 127.0.0.1 at a port of its choice. It lives as long as its standard input is open, so that
//! it ends with us however we end. Everything here blocks: call it from a thread that may.

pub(crate) mod child;
mod config;
pub(crate) mod install;
mod process;

use crate::error::{Error, Result};
use child::ChildArgs;
use process::Process;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an engine needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The engine's library, from [`install`](crate::install).
    pub library: PathBuf,
    /// The folder with all data; it is created if need be. One engine at a time.
    pub data: PathBuf,
    /// What the engine may use in all. A query that would exceed it fails; the engine goes on.
    pub memory_limit_bytes: u64,
    /// For the engine to come up, an earlier one that is still ending included.
    pub start_timeout: Duration,
    /// For the engine to end by itself; it is killed after that.
    pub stop_timeout: Duration,
}

impl EngineOptions {
    /// The usual limits: 4 GiB, a minute to start, ten seconds to stop.
    pub fn new(library: PathBuf, data: PathBuf) -> Self {
        Self {
            library,
            data,
            memory_limit_bytes: 4 << 30,
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

/// A running engine; dropping it stops it.
#[derive(Debug)]
pub struct Engine {
    exe: PathBuf,
    leading_args: Vec<OsString>,
    options: EngineOptions,
    process: Process,
    port: u16,
}

impl Engine {
    /// Starts `exe` with `leading_args` (which lead it to [`run_engine_child`](crate::run_engine_child)) and
    /// waits until the engine answers.
    ///
    /// # Errors
    /// [`Error::InUse`] if another engine has the data folder, [`Error::EngineStart`] with the end of its log
    /// if it ends early or does not answer in time.
    pub fn start(exe: &Path, leading_args: &[OsString], options: EngineOptions) -> Result<Self> {
        // Portfolios are nobody else's business.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&options.data);
        made.map_err(|error| {
            Error::io(format!("creating the data folder {}", options.data.display()), error)
        })?;
        // The child works inside the data folder, where a relative path would lead elsewhere.
        let options =
            EngineOptions { data: absolute(&options.data)?, library: absolute(&options.library)?, ..options };
        let (process, port) = launch(exe, leading_args, &options, 0)?;
        Ok(Self { exe: exe.to_owned(), leading_args: leading_args.to_owned(), options, process, port })
    }

    /// Its HTTP address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        self.process.alive()
    }

    /// The end of what it printed and logged, for people.
    pub fn log_tail(&self) -> String {
        process::log_tail(&self.options.data)
    }

    /// Ends it: closes its input, waits, and gets rougher. Drop clients before, or it waits for their
    /// connections.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not let us.
    pub fn stop(mut self) -> Result<()> {
        self.process.stop(self.options.stop_timeout)
    }

    /// Ends what is left of it and starts it again, at the same address if that is still free.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop(self.options.stop_timeout)?;
        let again = launch(&self.exe, &self.leading_args, &self.options, self.port);
        let (process, port) = match again {
            // Somebody else may have taken the port; what else it may be shows at the second attempt.
            Err(Error::EngineStart { .. }) => launch(&self.exe, &self.leading_args, &self.options, 0)?,
            other => other?,
        };
        self.process = process;
        self.port = port;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.process.stop(self.options.stop_timeout) {
            tracing::warn!(%error, "the embedded clickhouse engine could not be stopped");
        }
    }
}

/// The address of an engine that runs on this data folder now, started by whomever.
pub fn running_engine(data: &Path) -> Option<String> {
    let lock = fs::File::open(data.join(child::LOCK_FILE)).ok()?;
    // Nobody holds the lock of a dead engine; its port file means nothing.
    if lock.try_lock_shared().is_ok() {
        return None;
    }
    let port = process::read_port(&data.join(child::PORT_FILE))?;
    process::ping(port).then(|| format!("http://127.0.0.1:{port}"))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| Error::io(format!("finding {}", path.display()), error))
}

fn launch(
    exe: &Path,
    leading_args: &[OsString],
    options: &EngineOptions,
    port: u16,
) -> Result<(Process, u16)> {
    let config = options.data.join(config::CONFIG_FILE);
    config::write(&config, options)?;
    let args =
        ChildArgs { library: options.library.clone(), data: options.data.clone(), config, http_port: port };
    let mut process = Process::spawn(exe, leading_args, &args)?;
    match process.wait_ready(&options.data, options.start_timeout) {
        Ok(port) => Ok((process, port)),
        Err(error) => {
            process.stop(Duration::ZERO)?;
            Err(error)
        }
    }
}
