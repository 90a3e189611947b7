//! The parent's side: starting the child, waiting for it, ending it.

use super::child::{ChildArgs, EXIT_IN_USE, LOCK_FILE, PORT_FILE};
use super::config::LOG_FILE;
use crate::error::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the child prints. A file and not a pipe: nobody need read it, and it outlives both.
const OUTPUT_FILE: &str = "engine.out";
/// Enough of a log to see what went wrong.
const TAIL_BYTES: u64 = 2000;
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn spawn(exe: &Path, leading_args: &[OsString], args: &ChildArgs) -> Result<Self> {
        let path = args.data.join(OUTPUT_FILE);
        let failed = |error| Error::io(format!("writing {}", path.display()), error);
        let output = File::create(&path).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let child = Command::new(exe)
            .args(leading_args)
            .args(args.to_args())
            .current_dir(&args.data)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in a terminal goes to the group of the foreground; the engine ends after us, not with
            // us.
            .process_group(0)
            .spawn()
            .map_err(|error| Error::io(format!("starting {}", exe.display()), error))?;
        Ok(Self { child })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The port, once the engine answers at it.
    pub(super) fn wait_ready(&mut self, data: &Path, timeout: Duration) -> Result<u16> {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait().map_err(|error| Error::io("waiting for the engine", error))?;
            if let Some(status) = status {
                if status.code() == Some(EXIT_IN_USE) {
                    return Err(Error::InUse { path: data.to_owned(), pid: holder(data) });
                }
                return Err(Error::EngineStart {
                    detail: format!("it ended ({status})"),
                    log: log_tail(data),
                });
            }
            // The port file is the child's own only once its process id stands in the lock file.
            if holder(data) == self.id().to_string()
                && let Some(port) = read_port(&data.join(PORT_FILE))
                && ping(port)
            {
                return Ok(port);
            }
            if start.elapsed() > timeout {
                let detail = format!("no answer within {} s", timeout.as_secs());
                return Err(Error::EngineStart { detail, log: log_tail(data) });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Closing its input ends it; a signal helps after `patience`, and the kernel if that does not.
    pub(super) fn stop(&mut self, patience: Duration) -> Result<()> {
        drop(self.child.stdin.take());
        if self.ended_within(patience)? {
            return Ok(());
        }
        if let Ok(id) = i32::try_from(self.child.id()) {
            // It may have ended this instant; the kill below settles it either way.
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        if self.ended_within(Duration::from_secs(2))? {
            return Ok(());
        }
        let failed = |error| Error::io("ending the engine", error);
        self.child.kill().map_err(failed)?;
        self.child.wait().map(|_| ()).map_err(failed)
    }

    fn ended_within(&mut self, patience: Duration) -> Result<bool> {
        let start = Instant::now();
        loop {
            match self.child.try_wait().map_err(|error| Error::io("waiting for the engine", error))? {
                Some(_) => return Ok(true),
                None if start.elapsed() >= patience => return Ok(false),
                None => std::thread::sleep(POLL),
            }
        }
    }
}

fn holder(data: &Path) -> String {
    fs::read_to_string(data.join(LOCK_FILE)).unwrap_or_default().trim().to_owned()
}

/// Nothing while the engine is still writing it: a whole file ends with a newline.
pub(super) fn read_port(path: &Path) -> Option<u16> {
    fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok()
}

/// Whether something at this port answers like ClickHouse.
pub(super) fn ping(port: u16) -> bool {
    let limit = Duration::from_secs(2);
    let answer = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(b"GET /ping HTTP/1.0\r\n\r\n")?;
        let mut text = String::new();
        stream.take(TAIL_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    answer().is_ok_and(|text| text.contains(" 200 ") && text.contains("Ok."))
}

/// The end of what the engine printed and logged.
pub(super) fn log_tail(data: &Path) -> String {
    let tails = [OUTPUT_FILE, LOG_FILE].map(|name| {
        let path = data.join(name);
        tail(&path).map(|text| format!("{}:\n{}", path.display(), text.trim())).unwrap_or_default()
    });
    tails.join("\n").trim().to_owned()
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_counts_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PORT_FILE);
        assert_eq!(read_port(&path), None);
        for (text, port) in [("", None), ("41", None), ("41587\n", Some(41587)), ("x\n", None)] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_port(&path), port);
        }
    }

    #[test]
    fn a_child_that_ends_at_once_is_an_error_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let args = ChildArgs {
            library: "none".into(),
            data: folder.path().to_owned(),
            config: "none".into(),
            http_port: 0,
        };
        let shell = ["-c".into(), "echo out of luck; exit 3".into()];
        let mut process = Process::spawn(Path::new("/bin/sh"), &shell, &args).unwrap();
        let error = process.wait_ready(folder.path(), Duration::from_secs(20)).unwrap_err().to_string();
        assert!(error.contains("out of luck"), "{error}");
        assert!(error.contains('3'), "{error}");
        assert!(!process.alive());
    }
}
