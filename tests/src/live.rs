//! A running `evenkeel run`: started, talked to over HTTP, killed, stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Outcome, binary, evenkeel};

/// How long the program may take to get ready, to end, or to answer: generous, because tests share machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, as sent.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// One HTTP/1.1 request on a connection of its own.
///
/// # Errors
/// In words, when there is no whole answer: whatever was asked may or may not have happened.
pub fn request(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> Result<Answer, String> {
    let wrong = |error: std::io::Error| format!("{method} {path}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(wrong)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(wrong)?;
    stream.set_nodelay(true).map_err(wrong)?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: evenkeel\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    // A server may answer before it has read everything, and hang up: the answer counts.
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut bytes = Vec::new();
    let received = stream.read_to_end(&mut bytes);
    parse(&bytes).ok_or_else(|| match (sent, received) {
        (Err(error), _) | (_, Err(error)) => wrong(error),
        _ => format!("{method} {path}: the answer ends after {} bytes", bytes.len()),
    })
}

/// A whole answer, or nothing.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(Answer { status, head, body: String::from_utf8_lossy(body).into_owned() })
}

/// Sends a signal by name, as the shell's own `kill` does. A process that has ended is no error.
pub fn signal(pid: u32, name: &str) {
    let quiet = Command::new("sh").arg("-c").arg(format!("kill -{name} {pid} 2>/dev/null")).status();
    drop(quiet);
}

/// Whether a process is there and not just waiting to be reaped.
pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

/// The process of the embedded ClickHouse on a data folder.
pub fn engine_of(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("clickhouse").join("engine.lock")).ok()?.trim().parse().ok()
}

/// Waits until something holds.
///
/// # Errors
/// In words, when it does not in time.
pub fn until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > patience {
            return Err(format!("waited {patience:?} in vain until {what}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A process of `evenkeel run`. Dropping it kills it, and its engine.
pub struct Running {
    child: Child,
    data: PathBuf,
    said: Arc<Mutex<String>>,
    address: Option<SocketAddr>,
}

impl Running {
    /// Starts the process; it is not ready yet.
    ///
    /// # Errors
    /// In words, when it cannot be started.
    pub fn spawn(data: &Path, more: &[&str]) -> Result<Running, String> {
        Running::spawn_by(Command::new(binary()?), data, more)
    }

    /// As [`Running::spawn`], by a given command that gets the arguments: a shell with limits, say.
    ///
    /// # Errors
    /// In words, when it cannot be started.
    pub fn spawn_by(mut command: Command, data: &Path, more: &[&str]) -> Result<Running, String> {
        command.arg("run").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, heard) = (child.stderr.take(), said.clone());
        std::thread::spawn(move || {
            for line in
                stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok)
            {
                let mut said = heard.lock().unwrap_or_else(PoisonError::into_inner);
                said.push_str(&line);
                said.push('\n');
            }
        });
        Ok(Running { child, data: data.to_owned(), said, address: None })
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// In words, with what it said, when it does not get ready.
    pub fn start(data: &Path, more: &[&str]) -> Result<Running, String> {
        let mut running = Running::spawn(data, more)?;
        running.ready()?;
        Ok(running)
    }

    /// Waits for the line that names the address.
    ///
    /// # Errors
    /// In words, with what it said, when it ends instead or takes too long.
    pub fn ready(&mut self) -> Result<SocketAddr, String> {
        let begun = Instant::now();
        loop {
            let said = self.said();
            let named = said.split("ready on http://").nth(1).and_then(|rest| rest.split('/').next());
            if let Some(address) = named.and_then(|text| text.parse().ok()) {
                self.address = Some(address);
                return Ok(address);
            }
            if let Some(status) = self.ended() {
                return Err(format!("evenkeel ended with {status} before it was ready:\n{}", self.said()));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("evenkeel is not ready after {PATIENCE:?}:\n{said}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process id of its embedded ClickHouse.
    pub fn engine(&self) -> Option<u32> {
        engine_of(&self.data)
    }

    /// All it has said on stderr so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Result<Answer, String> {
        request(self.address.ok_or("evenkeel was not waited for: no address yet")?, method, path, body)
    }

    /// Any request.
    ///
    /// # Errors
    /// As [`request`].
    pub fn send(&self, method: &str, path: &str, body: &str) -> Result<Answer, String> {
        self.ask(method, path, body.as_bytes())
    }

    /// GET.
    ///
    /// # Errors
    /// As [`request`].
    pub fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask("GET", path, b"")
    }

    /// Hands events in.
    ///
    /// # Errors
    /// As [`request`].
    pub fn post(&self, events: &[u8]) -> Result<Answer, String> {
        self.ask("POST", "/api/v1/events", events)
    }

    /// Hands events in, and waits until everything is derived from them.
    ///
    /// # Errors
    /// As [`request`]; in words when one is rejected or it takes too long.
    pub fn take_in(&self, events: &str) -> Result<(), String> {
        let receipt = self.post(events.as_bytes())?.json();
        if receipt["rejected"] != Value::Array(vec![]) {
            return Err(format!("not all accepted: {receipt}"));
        }
        let derived =
            || self.status().is_ok_and(|status| status["epoch"].as_u64() >= receipt["epoch"].as_u64());
        until("everything is derived", PATIENCE, derived)
    }

    /// `/api/v1/status`.
    ///
    /// # Errors
    /// As [`request`].
    pub fn status(&self) -> Result<Value, String> {
        Ok(self.get("/api/v1/status")?.json())
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// In words, with what it said, when it does not end in time.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus, String> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                // The last lines may still be on their way through the pipe.
                std::thread::sleep(Duration::from_millis(50));
                return Ok(status);
            }
            if begun.elapsed() > patience {
                return Err(format!("evenkeel has not ended after {patience:?}:\n{}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGTERM, then the end with success; returns all it said.
    ///
    /// # Errors
    /// In words, when it does not end or not well.
    pub fn stop(mut self) -> Result<String, String> {
        signal(self.pid(), "TERM");
        let status = self.wait(PATIENCE)?;
        let said = self.said();
        if status.success() { Ok(said) } else { Err(format!("ended with {status}:\n{said}")) }
    }

    /// SIGKILL to the process alone; then waits until the engine has noticed and ended.
    ///
    /// # Errors
    /// In words, when something does not end.
    pub fn kill(mut self) -> Result<(), String> {
        signal(self.pid(), "KILL");
        self.wait(PATIENCE)?;
        engine_ended(&self.data)
    }
}

/// Waits until no engine is left on a folder.
///
/// # Errors
/// In words, when one is.
pub fn engine_ended(data: &Path) -> Result<(), String> {
    let Some(engine) = engine_of(data) else { return Ok(()) };
    until("the embedded ClickHouse has ended with its parent", PATIENCE, || !alive(engine))
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
            // A stopped engine does not notice that its parent is gone; a folder in use is not removed.
            if let Some(engine) = self.engine().filter(|engine| alive(*engine)) {
                signal(engine, "CONT");
                drop(engine_ended(&self.data));
            }
        }
    }
}

/// Rows of a query on a folder, one JSON object each.
///
/// # Errors
/// In words, when the query fails.
pub fn sql(data: &Path, query: &str) -> Result<Vec<Value>, String> {
    let folder = data.to_string_lossy();
    let Outcome { code, stdout, stderr } =
        evenkeel(["sql", "--data", &folder, "--format", "JSONEachRow", query])?;
    if code != Some(0) {
        return Err(format!("sql {query}: {code:?}\n{stderr}"));
    }
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}")))
        .collect()
}

/// Runs `evenkeel verify` on a folder, with more arguments.
///
/// # Errors
/// With all it printed, unless everything agrees.
pub fn verify(data: &Path, more: &[&str]) -> Result<String, String> {
    let folder = data.to_string_lossy();
    let Outcome { code, stdout, stderr } = evenkeel([&["verify", "--data", &folder], more].concat())?;
    if code == Some(0) && stdout.contains("log, dataflow and ClickHouse agree") {
        return Ok(stdout);
    }
    Err(format!("verify ended with {code:?}:\n{stdout}\n{stderr}"))
}
