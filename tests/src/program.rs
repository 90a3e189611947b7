//! Running the program and comparing files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The variable that says where the program is.
const VARIABLE: &str = "EVENKEEL_BIN";

/// The program under test: `EVENKEEL_BIN`, else `evenkeel` beside the directory of the running test.
///
/// # Errors
/// In words, when there is none: what to build or to set.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os(VARIABLE) {
        let path = PathBuf::from(given);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("{VARIABLE}: expected a program at {}", path.display()))
        };
    }
    let test = std::env::current_exe().map_err(|error| format!("the running test has no path: {error}"))?;
    let name = format!("evenkeel{}", std::env::consts::EXE_SUFFIX);
    // A test runs as target/<profile>/deps/<test>.
    let beside = test.ancestors().skip(1).take(2).map(|folder| folder.join(&name));
    let found = beside.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        format!(
            "expected the program beside {}: build it (cargo build --release) or set {VARIABLE}",
            test.display()
        )
    })
}

/// How a file is replayed.
#[derive(Copy, Clone, Debug)]
pub struct Replay {
    /// Epoch length in milliseconds.
    pub epoch_ms: u64,
    /// Distance of marks in milliseconds.
    pub mark_ms: u64,
    /// After how long without a price an instrument is stale; 0 is never.
    pub stale_ms: u64,
    /// Workers of the dataflow, in each process.
    pub workers: usize,
    /// Processes of the dataflow.
    pub processes: usize,
    /// What values and watches portfolios.
    pub drift_engine: &'static str,
}

/// An engine, workers and processes.
pub type Way = (&'static str, usize, usize);

/// Ways that must all give the same bytes: the monitor, and the textbook operators as its oracle.
pub const WAYS: [Way; 5] =
    [("monitor", 1, 1), ("monitor", 2, 1), ("monitor", 4, 1), ("monitor", 1, 2), ("textbook", 2, 1)];

/// How a command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// What it told people.
    pub stderr: String,
}

impl Outcome {
    /// What a command that has ended left.
    pub fn of(output: &Output) -> Outcome {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Outcome { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// Runs the program to its end.
///
/// # Errors
/// In words, when there is no program.
pub fn evenkeel<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Result<Outcome, String> {
    let program = binary()?;
    let mut command = Command::new(&program);
    command.args(args).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(Outcome::of(&output))
}

/// Runs `evenkeel replay`.
///
/// # Errors
/// In words, with what the program said, when there is no program or it fails.
pub fn replay(events: &Path, out: &Path, how: Replay) -> Result<(), String> {
    let program = binary()?;
    let mut command = Command::new(&program);
    command.arg("replay").arg("--events").arg(events).arg("--out").arg(out);
    command.arg("--epoch-ms").arg(how.epoch_ms.to_string());
    command.arg("--mark-ms").arg(how.mark_ms.to_string());
    command.arg("--stale-ms").arg(how.stale_ms.to_string());
    command.arg("--workers").arg(how.workers.to_string());
    command.arg("--processes").arg(how.processes.to_string());
    command.arg("--drift-engine").arg(how.drift_engine);
    let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("replay ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Whether two files are the same bytes; a file that is not there is an empty one.
///
/// # Errors
/// The first line that differs, with what stands before it.
pub fn compare(expected: &Path, got: &Path) -> Result<(), String> {
    let (left, right) = (read(expected)?, read(got)?);
    if left == right {
        return Ok(());
    }
    let split = |bytes: &[u8]| -> Vec<String> {
        bytes.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    let (left, right) = (split(&left), split(&right));
    let same = left.iter().zip(&right).take_while(|(l, r)| l == r).count();
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_else(|| "(the end)".to_owned());
    let before = same.checked_sub(1).map_or_else(|| "(the start)".to_owned(), |at| line(&left, at));
    Err(format!(
        "{} and {} differ first at line {}:\n  before   {before}\n  expected {}\n  got      {}\n  next expected {}\n  next got      {}\n({} and {} lines)",
        expected.display(),
        got.display(),
        same + 1,
        line(&left, same),
        line(&right, same),
        line(&left, same + 1),
        line(&right, same + 1),
        left.len() - 1,
        right.len() - 1,
    ))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (left, right) = (folder.path().join("left"), folder.path().join("right"));
        assert_eq!(compare(&left, &right), Ok(()));
        fs::write(&left, "a\nb\nc\n").unwrap();
        fs::write(&right, "a\nx\nc\n").unwrap();
        let text = compare(&left, &right).unwrap_err();
        assert!(
            text.contains("line 2") && text.contains("expected b") && text.contains("got      x"),
            "{text}"
        );
        fs::write(&right, "a\nb\nc\n").unwrap();
        assert_eq!(compare(&left, &right), Ok(()));
    }
}
