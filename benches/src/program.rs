//! The `evenkeel` executable, run from outside.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use serde_json::Value as Json;

use crate::Failure;
use crate::machine::{field, mib};
use crate::threads::processor;

/// How often a child is looked at: its peak of memory is then missed by what it grows in this time.
const LOOK: Duration = Duration::from_millis(20);

/// The executable to measure.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
}

/// What a command that ran to its end said and took.
pub(crate) struct Ran {
    pub stderr: String,
    pub wall: Duration,
    /// User and system time over all its threads.
    pub cpu: Duration,
    /// Its largest resident set in MiB.
    pub peak_mib: u64,
}

impl Program {
    /// The executable given, or the one beside this, brought up to date first.
    ///
    /// # Errors
    /// When there is none, or it does not build.
    pub fn find(given: Option<PathBuf>) -> Result<Program, Failure> {
        if let Some(path) = given {
            return Program::at(path);
        }
        if let Some(cargo) = std::env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--release", "--package", "evenkeel", "--bin", "evenkeel"]);
            let built = build.status().map_err(Failure::io("run cargo to build evenkeel"))?;
            if !built.success() {
                return Err(Failure::Program("evenkeel does not build; see above".to_owned()));
            }
        }
        let own = std::env::current_exe().map_err(Failure::io("find this executable"))?;
        Program::at(own.with_file_name("evenkeel"))
    }

    fn at(path: PathBuf) -> Result<Program, Failure> {
        if path.is_file() {
            return Ok(Program { path });
        }
        let path = path.display();
        let advice = "build it with `cargo build --release -p evenkeel`, or name it with --program";
        Err(Failure::Program(format!("there is no evenkeel at {path}: {advice}")))
    }

    fn command<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        stderr: &Path,
    ) -> Result<Command, Failure> {
        let file = std::fs::File::create(stderr).map_err(Failure::file("write", stderr))?;
        let mut command = Command::new(&self.path);
        // Settings of the caller's shell are not what is measured.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_"))
        {
            command.env_remove(name);
        }
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        Ok(command)
    }

    /// Runs a subcommand to its end; its stderr goes through a file in `folder`.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Ran, Failure> {
        let log = folder.join("stderr.txt");
        let before = children_cpu()?;
        let start = Instant::now();
        let mut child = self.command(args, &log)?.spawn().map_err(Failure::file("run", &self.path))?;
        let mut peak_mib = 0;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(Failure::io("wait for evenkeel"))? {
                break status;
            }
            peak_mib = peak_mib.max(resident_peak(child.id()));
            std::thread::sleep(LOOK);
        };
        let wall = start.elapsed();
        let cpu = children_cpu()?.saturating_sub(before);
        let stderr = std::fs::read_to_string(&log).map_err(Failure::file("read", &log))?;
        ended_well(status, &stderr)?;
        Ok(Ran { stderr, wall, cpu, peak_mib })
    }

    /// Starts `evenkeel run` on a data folder, on a free port.
    pub(crate) fn serve(&self, folder: &Path, settings: &[(&str, u64)]) -> Result<Serving, Failure> {
        let free = || TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let address = free().map_err(Failure::io("find a free port"))?;
        let mut args: Vec<OsString> = vec!["run".into(), "--data".into(), folder.join("data").into()];
        args.extend(["--listen".into(), address.to_string().into()]);
        for (flag, value) in settings {
            args.extend([(*flag).into(), value.to_string().into()]);
        }
        let log = folder.join("stderr.txt");
        let start = Instant::now();
        let child = self.command(args, &log)?.spawn().map_err(Failure::file("run", &self.path))?;
        Ok(Serving { child, http: Http::new(&format!("http://{address}")), log, start })
    }
}

fn ended_well(status: ExitStatus, stderr: &str) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let tail: Vec<&str> = stderr.lines().rev().take(5).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(Failure::Program(format!("evenkeel ended with {status}:\n{}", tail.join("\n"))))
}

/// User and system time of all children waited for so far.
fn children_cpu() -> Result<Duration, Failure> {
    let failed = |error: nix::Error| Failure::io("ask for the time used")(error.into());
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(failed)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
}

/// The largest resident set of a process so far, in MiB; 0 once it has ended.
fn resident_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    mib(field(&status, "VmHWM"))
}

/// A running `evenkeel run`. Dropping it kills it; [`Serving::stop`] ends it in order.
pub(crate) struct Serving {
    child: Child,
    pub http: Http,
    log: PathBuf,
    /// When it was started.
    pub start: Instant,
}

impl Serving {
    /// Waits until it answers, and until it is ready when asked to.
    pub fn wait(&mut self, path: &str, patience: Duration) -> Result<(), Failure> {
        while !self.http.answers(path) {
            if let Some(status) = self.child.try_wait().map_err(Failure::io("wait for evenkeel"))? {
                let stderr = std::fs::read_to_string(&self.log).unwrap_or_default();
                ended_well(status, &stderr)?;
                return Err(Failure::Program("evenkeel ended by itself".to_owned()));
            }
            if self.start.elapsed() > patience {
                return Err(Failure::Program(format!(
                    "evenkeel is not ready after {} s",
                    patience.as_secs()
                )));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Its largest resident set so far, in MiB, without the ClickHouse engine, which is a process of its own.
    pub fn peak_mib(&self) -> u64 {
        resident_peak(self.child.id())
    }

    /// Its processor time so far, by what its threads do.
    pub fn processor(&self) -> BTreeMap<&'static str, Duration> {
        processor(self.child.id())
    }

    /// Ends it in order and sees that it ended well.
    pub fn stop(mut self) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id()).map(Pid::from_raw);
        let pid = pid.map_err(|_| Failure::Program("a process id that is no process id".to_owned()))?;
        kill(pid, Signal::SIGTERM).map_err(|error| Failure::io("stop evenkeel")(error.into()))?;
        let status = self.child.wait().map_err(Failure::io("wait for evenkeel"))?;
        ended_well(status, &std::fs::read_to_string(&self.log).unwrap_or_default())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // After a stop there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One client with its own connections.
#[derive(Clone)]
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
}

impl Http {
    fn new(base: &str) -> Http {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Http { agent: config.into(), base: base.to_owned() }
    }

    /// The same address over connections of its own.
    pub fn another(&self) -> Http {
        Http::new(&self.base)
    }

    fn answers(&self, path: &str) -> bool {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub fn text(&self, path: &str) -> Result<String, Failure> {
        let mut answer = self.agent.get(format!("{}{path}", self.base)).call()?;
        let text = answer.body_mut().read_to_string()?;
        if answer.status().is_success() {
            return Ok(text);
        }
        Err(Failure::Program(format!("GET {path}: {} {text}", answer.status())))
    }

    pub fn json(&self, path: &str) -> Result<Json, Failure> {
        Ok(serde_json::from_str(&self.text(path)?)?)
    }

    /// Hands events in; the number that are accepted and on disk. A refused or known line is an error.
    pub fn events(&self, body: &[u8]) -> Result<u64, Failure> {
        let mut answer = self.agent.post(format!("{}/api/v1/events", self.base)).send(body)?;
        let text = answer.body_mut().read_to_string()?;
        let receipt: Json = serde_json::from_str(&text)?;
        let clean = receipt["rejected"].as_array().is_some_and(Vec::is_empty) && receipt["duplicates"] == 0;
        match receipt["accepted"].as_u64() {
            Some(accepted) if clean => Ok(accepted),
            _ => Err(Failure::Check(format!("events were not accepted: {text:.500}"))),
        }
    }
}
