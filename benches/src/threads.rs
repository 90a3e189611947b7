//! Where a running program's processor time goes, by thread.

use std::collections::BTreeMap;
use std::time::Duration;

/// The kernel's unit of processor time in `/proc`: a hundredth of a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time so far, by what the threads do; the embedded engine is a process of its own. Empty where there is
/// no `/proc`.
pub(crate) fn processor(pid: u32) -> BTreeMap<&'static str, Duration> {
    let mut by_part = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        if let Some((name, used)) = used(&thread.path().join("stat")) {
            *by_part.entry(part(&name)).or_default() += used;
        }
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_ascii_whitespace() {
            let used = used(std::path::Path::new(&format!("/proc/{child}/stat")));
            *by_part.entry("ClickHouse, another process").or_default() +=
                used.map_or(Duration::ZERO, |(_, u)| u);
        }
    }
    by_part
}

/// Name, user and system time of a thread or process.
fn used(stat: &std::path::Path) -> Option<(String, Duration)> {
    let text = std::fs::read_to_string(stat).ok()?;
    // The name may hold blanks and parentheses: it ends at the last one.
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some((name.to_owned(), TICK * user.saturating_add(system)))
}

/// What a thread of this name does.
fn part(name: &str) -> &'static str {
    match name {
        "sequencer" => "door and log",
        "conductor" => "view, rows, handing on",
        "sink" => "rows to ClickHouse",
        "assembler" => "putting epochs together",
        _ if name.starts_with("timely") => "dataflow",
        _ if name.starts_with("actix") || name == "http" => "HTTP and parsing",
        _ if name.starts_with("solver") || name == "actors" => "actors and optimizer",
        _ => "the rest",
    }
}

#[cfg(test)]
mod tests {
    use super::processor;

    #[test]
    fn this_process_is_seen_to_work() {
        let busy = std::time::Instant::now();
        let mut sum = 0_u64;
        while busy.elapsed() < std::time::Duration::from_millis(100) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let used: std::time::Duration = processor(std::process::id()).values().sum();
        assert!(used >= std::time::Duration::from_millis(20), "{used:?} after {sum} rounds");
    }
}
