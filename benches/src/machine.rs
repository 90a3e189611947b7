//! Where and when a figure was taken.

use std::process::Command;

use serde::Serialize;

/// The machine, as far as figures depend on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Processor model.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Runnable threads on average over the last minute: what else was going on.
    pub load: f64,
}

/// A file of the kernel's; without one the figure is told without it.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The text after `key` and a colon.
pub(crate) fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(key)?.trim_start().strip_prefix(':').map(str::trim);
    text.lines().find_map(value)
}

/// A number of KiB as the kernel writes it, in MiB.
pub(crate) fn mib(text: Option<&str>) -> u64 {
    let digits = text.and_then(|text| text.split_whitespace().next());
    digits.and_then(|digits| digits.parse::<u64>().ok()).unwrap_or_default() / 1024
}

pub(crate) fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

impl Machine {
    pub fn look() -> Machine {
        let unknown = || "unknown".to_owned();
        Machine {
            cpu: field(&read("/proc/cpuinfo"), "model name").map_or_else(unknown, str::to_owned),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: mib(field(&read("/proc/meminfo"), "MemTotal")),
            load: load(),
        }
    }
}

/// The commit that was measured, marked when the tree has changes of its own.
pub(crate) fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+changes"),
    }
}
