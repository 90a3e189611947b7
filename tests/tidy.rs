//! What clippy cannot check: page headers of operators, the operator index, file lengths, marks without an
//! issue, purity of cores, direction of dependencies, links, machine paths.
#![allow(clippy::unwrap_used, reason = "a file that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Sections of an operator's page, in this order.
const SECTIONS: [&str; 8] = ["Computes", "Inputs", "Outputs", "Units", "Errors", "State", "Time", "Source"];

/// The longest source file.
const LINES_MAX: usize = 800;

/// What a pure core must not name: a runtime, a clock, the outside world.
const IMPURE: [&str; 15] = [
    "actix",
    "tokio",
    "timely",
    "differential_dataflow",
    "crossbeam",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "SystemTime",
    "Instant::now",
    "rand::",
];

/// Which crates of ours a crate may depend on; tests and benches may see all.
const DEPENDENCIES: [(&str, &[&str]); 18] = [
    ("schemas", &[]),
    ("operators/calendar", &["schemas"]),
    ("operators/estimates", &["schemas"]),
    ("operators/lots", &["schemas"]),
    ("operators/monitor", &["schemas"]),
    ("operators/tax", &["schemas"]),
    (
        "operators",
        &["schemas", "operators/estimates", "operators/lots", "operators/monitor", "operators/tax"],
    ),
    ("actors/advice", &["schemas"]),
    (
        "actors/construction",
        &["schemas", "operators/estimates", "operators/tax", "actors/advice", "actors/optimizer"],
    ),
    ("actors/optimizer", &["schemas"]),
    (
        "actors/rebalancing",
        &["schemas", "operators/calendar", "operators/lots", "operators/tax", "actors/optimizer"],
    ),
    (
        "actors/backtest",
        &[
            "schemas",
            "operators/calendar",
            "operators/estimates",
            "operators/lots",
            "operators/tax",
            "actors/optimizer",
            "actors/rebalancing",
        ],
    ),
    (
        "actors",
        &[
            "schemas",
            "operators",
            "operators/calendar",
            "operators/estimates",
            "operators/lots",
            "operators/tax",
            "actors/advice",
            "actors/construction",
            "actors/optimizer",
            "actors/rebalancing",
        ],
    ),
    ("pipeline/log", &[]),
    ("pipeline/clickhouse", &[]),
    ("pipeline/feeds", &["schemas"]),
    (
        "pipeline/validation",
        &["schemas", "operators/estimates", "operators/lots", "operators/tax", "actors/optimizer"],
    ),
    (
        "pipeline",
        &[
            "schemas",
            "operators",
            "operators/calendar",
            "operators/estimates",
            "operators/lots",
            "operators/monitor",
            "operators/tax",
            "actors",
            "actors/advice",
            "actors/backtest",
            "actors/optimizer",
            "actors/rebalancing",
            "pipeline/log",
            "pipeline/clickhouse",
            "pipeline/feeds",
            "pipeline/validation",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files that are committed or would be, relative to the root.
fn files() -> Vec<PathBuf> {
    let root = root();
    let listed = Command::new("git")
        // The clone may belong to another user, in a container.
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<PathBuf> = listed.split_terminator('\0').map(PathBuf::from).collect();
    let files: Vec<PathBuf> = files.into_iter().filter(|file| root.join(file).is_file()).collect();
    assert!(files.len() > 100, "expected the whole repository, got {} files", files.len());
    files
}

fn with_ending<'a>(files: &'a [PathBuf], endings: &'a [&str]) -> impl Iterator<Item = &'a PathBuf> {
    files.iter().filter(move |file| {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        endings.contains(&ending) && !generated(file)
    })
}

fn generated(file: &Path) -> bool {
    file.starts_with("dashboards/dist")
        || file.file_name().is_some_and(|name| name == "package-lock.json" || name == "Cargo.lock")
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Fails with all findings at once.
fn none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}

/// The folders of operators: those with a `mod.rs`.
fn operators() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root().join("operators/src")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("mod.rs").is_file() {
            found.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn every_operator_has_its_page() {
    let mut findings = Vec::new();
    for operator in operators() {
        let file = format!("operators/src/{operator}/mod.rs");
        let text = read(Path::new(&file));
        let page: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        // A section's name stands in a column of its own, which tells it from prose.
        let place =
            |section: &&str| page.iter().position(|line| line.starts_with(&format!(" {section:<10}")));
        let places: Vec<Option<usize>> = SECTIONS.iter().map(place).collect();
        for (section, place) in SECTIONS.iter().zip(&places) {
            if place.is_none() {
                findings.push(format!("{file}: no section {section}"));
            }
        }
        if !places.is_sorted() {
            findings.push(format!("{file}: sections in another order than {}", SECTIONS.join(", ")));
        }
    }
    none("operator pages", &findings);
}

#[test]
fn the_operator_indexes_list_the_operators() {
    let folders = operators();
    for (file, prefix) in [("ARCHITECTURE.md", "operators/src/"), ("operators/README.md", "src/")] {
        let text = read(Path::new(file));
        let rows = text.lines().filter(|line| line.starts_with("| ["));
        let listed: Vec<String> = rows
            .filter_map(|row| row.split_once(&format!("]({prefix}"))?.1.split_once("/mod.rs)"))
            .map(|(operator, _)| operator.to_owned())
            .collect();
        let listed_once: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!(listed_once, folders, "{file}: the operator index and the folders differ");
        assert_eq!(listed.len(), folders.len(), "{file}: an operator is listed twice");
    }
}

#[test]
fn no_source_file_is_too_long() {
    let files = files();
    let mut findings = Vec::new();
    for file in with_ending(&files, &["rs", "ts", "mjs", "css", "sql"]) {
        let lines = read(file).lines().count();
        if lines > LINES_MAX {
            findings.push(format!("{}: {lines} lines, at most {LINES_MAX}", file.display()));
        }
    }
    none("long files", &findings);
}

#[test]
fn what_is_left_to_do_names_its_issue() {
    let files = files();
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut findings = Vec::new();
    for file in with_ending(&files, &["rs", "ts", "mjs", "css", "sql", "toml", "md", "html"]) {
        for (number, line) in read(file).lines().enumerate() {
            let named = |rest: &str| {
                rest.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            for mark in marks {
                if line.split_once(mark).is_some_and(|(_, rest)| !named(rest)) {
                    findings.push(format!("{}:{}: {mark} without an issue", file.display(), number + 1));
                }
            }
        }
    }
    none("marks", &findings);
}

#[test]
fn pure_cores_are_pure() {
    let files = files();
    let pure = |file: &&PathBuf| {
        file.starts_with("actors/advice/src")
            || file.starts_with("actors/backtest/src")
            || file.starts_with("actors/construction/src")
            || file.starts_with("actors/optimizer/src")
            || file.starts_with("actors/rebalancing/src")
            || file.starts_with("operators/calendar/src")
            || file.starts_with("operators/estimates/src")
            || file.starts_with("operators/lots/src")
            || file.starts_with("operators/tax/src")
            || file.starts_with("operators/src") && file.file_name().is_some_and(|name| name == "calc.rs")
    };
    let (mut findings, mut seen) = (Vec::new(), 0);
    for file in with_ending(&files, &["rs"]).filter(pure) {
        seen += 1;
        for (number, line) in read(file).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for name in IMPURE.iter().filter(|name| code.contains(*name)) {
                findings.push(format!("{}:{}: {name}", file.display(), number + 1));
            }
        }
    }
    assert!(seen > 3, "expected calc.rs files, the optimizer and tax");
    none("impure cores", &findings);
}

/// The folder of each of our crates by its package's name.
fn packages() -> BTreeMap<String, String> {
    let files = files();
    let mut found = BTreeMap::new();
    for file in files.iter().filter(|file| file.file_name().is_some_and(|name| name == "Cargo.toml")) {
        let text = read(file);
        if let Some((_, rest)) = text.split_once("[package]\nname = \"") {
            let folder = file.parent().unwrap().to_str().unwrap().to_owned();
            found.insert(rest.split_once('"').unwrap().0.to_owned(), folder);
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let allowed: BTreeMap<&str, &[&str]> = DEPENDENCIES.into_iter().collect();
    let mut findings = Vec::new();
    for folder in packages.values().filter(|folder| !["tests", "benches"].contains(&folder.as_str())) {
        let Some(allowed) = allowed.get(folder.as_str()) else {
            findings.push(format!("{folder}: a crate that tests/tidy.rs does not know"));
            continue;
        };
        let text = read(&Path::new(folder).join("Cargo.toml"));
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let Some(on) = packages.get(name).filter(|_| section.contains("dependencies")) else { continue };
            if !allowed.contains(&on.as_str()) {
                findings.push(format!("{folder} depends on {on}"));
            }
        }
    }
    none("dependencies", &findings);
}

/// Targets of the links in a page of Markdown, code left out, each with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut in_code) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Between backticks is code: every second part.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("code");
        for after in prose.split("](").skip(1) {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            found.push((number + 1, target.to_owned()));
        }
    }
    found
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// `path` without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[test]
fn links_lead_somewhere() {
    let files = files();
    let (mut findings, mut seen) = (Vec::new(), 0);
    for file in with_ending(&files, &["md"]) {
        let text = read(file);
        for (line, target) in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (path, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let page = if path.is_empty() { file.clone() } else { plain(&file.parent().unwrap().join(path)) };
            let there = root().join(&page).exists();
            let has_anchor = || {
                let text = read(&page);
                text.lines().any(|line| line.starts_with('#') && anchor(line) == fragment)
            };
            if !there || (!fragment.is_empty() && !has_anchor()) {
                findings.push(format!("{}:{line}: {target}", file.display()));
            }
        }
    }
    assert!(seen > 20, "expected links, got {seen}");
    none("dead links", &findings);
}

#[test]
fn no_machine_shows_through() {
    let files = files();
    // Folders of one machine, put together here so that this file does not hold them.
    let folders: Vec<String> =
        ["tmp", "work", "root", "home", "Users"].map(|name| format!("/{name}/")).into();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !generated(file)) {
        // What is not text is data.
        let Ok(text) = fs::read_to_string(root().join(file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for folder in &folders {
                // A path of a URL or below another folder is another matter.
                let starts = |at: usize| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '/' | '}'))
                };
                if line.match_indices(folder).any(|(at, _)| starts(at)) {
                    findings.push(format!("{}:{}: {folder}", file.display(), number + 1));
                }
            }
        }
    }
    none("machine paths", &findings);
}

#[test]
fn the_checks_see_what_they_look_for() {
    let page = "[a](b.md) `[no](code.md)`\n```\n[no](block.md)\n```\n[c](#d) and [e](f.md#g)";
    let targets: Vec<String> = links(page).into_iter().map(|(_, target)| target).collect();
    assert_eq!(targets, ["b.md", "#d", "f.md#g"]);
    assert_eq!(anchor("## What is *lost* on a crash, and why"), "what-is-lost-on-a-crash-and-why");
    assert_eq!(plain(Path::new("docs/decisions/../glossary.md")), Path::new("docs/glossary.md"));
}
