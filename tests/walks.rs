//! Pages that walk through something: their commands are run, and print what the page says.
//!
//! A block of `console` has commands after `$ `, and under each what it prints on stdout. `UPDATE=1` rewrites that; the review
//! reads the difference.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_tests::{Outcome, binary};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let file = entry.unwrap().path();
        std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}

/// What a command of a page prints.
fn printed(command: &str, folder: &Path) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let program = match words[0] {
        "evenkeel" => binary().unwrap(),
        "cat" => PathBuf::from("cat"),
        other => panic!("{command}: expected evenkeel or cat, got {other}"),
    };
    let output = Command::new(program).args(&words[1..]).current_dir(folder).output().unwrap();
    let outcome = Outcome::of(&output);
    assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
    outcome.stdout
}

/// The page, with what its commands print.
fn walked(page: &str, folder: &Path) -> String {
    let (mut text, mut inside) = (String::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        }
        // What stood under a command is written anew.
        if inside && !line.starts_with("```") && !line.starts_with("$ ") {
            continue;
        }
        let _ = writeln!(text, "{line}");
        if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            text += &printed(command, folder);
        }
    }
    text
}

fn prints_what_it_says(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let data = "tests/data/walk";
    copy(&root().join(data), &folder.path().join(data));
    let file = root().join(page);
    let page = std::fs::read_to_string(&file).unwrap();
    let walked = walked(&page, folder.path());
    if std::env::var_os("UPDATE").is_some() {
        return std::fs::write(&file, walked).unwrap();
    }
    for (at, (is, was)) in walked.lines().zip(page.lines()).enumerate() {
        assert_eq!(is, was, "{}:{}: UPDATE=1 rewrites it", file.display(), at + 1);
    }
    assert_eq!(walked.lines().count(), page.lines().count());
}

#[test]
fn the_books_page_prints_what_it_says() {
    prints_what_it_says("docs/books.md");
}

#[test]
fn the_onboarding_page_prints_what_it_says() {
    prints_what_it_says("docs/onboarding.md");
}

#[test]
fn the_backtest_page_prints_what_it_says() {
    prints_what_it_says("docs/backtest.md");
}
