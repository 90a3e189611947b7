//! The life of the engine's process, with the real engine.

#![allow(clippy::unwrap_used)] // What went wrong is in the panic.

mod common;

use common::{exe, options, start};
use evenkeel_clickhouse::{Engine, EngineOptions, Error, running_engine};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap())
}

fn gone(id: u32, patience: Duration) -> bool {
    let start = Instant::now();
    while kill(pid(id), None).is_ok() {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn starts_answers_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(running_engine(folder.path()), None);
    let mut engine = start(folder.path());
    assert!(engine.alive());
    assert_eq!(running_engine(folder.path()), Some(engine.url()));
    let id = engine.pid();
    let stopping = Instant::now();
    engine.stop().unwrap();
    assert!(stopping.elapsed() < Duration::from_secs(5), "it had to be killed: {:?}", stopping.elapsed());
    assert!(gone(id, Duration::ZERO));
    assert_eq!(running_engine(folder.path()), None, "the port file of a dead engine counts nothing");
}

#[test]
fn a_dropped_engine_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    let id = engine.pid();
    drop(engine);
    assert!(gone(id, Duration::ZERO));
}

#[test]
fn a_busy_engine_ends_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    let mut client = TcpStream::connect(engine.url().trim_start_matches("http://")).unwrap();
    let query = "SELECT sleepEachRow(1) FROM numbers(300) SETTINGS max_block_size = 1";
    write!(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{query}", query.len()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let (id, stopping) = (engine.pid(), Instant::now());
    drop(engine);
    assert!(gone(id, Duration::ZERO));
    assert!(
        stopping.elapsed() < Duration::from_secs(9),
        "only the signal ended it: {:?}",
        stopping.elapsed()
    );
}

#[test]
fn the_data_folder_is_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new/it's <here>");
    let engine = start(&data);
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(running_engine(&data), Some(engine.url()));
}

#[test]
fn a_killed_engine_is_noticed_and_comes_back_at_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = start(folder.path());
    let (url, first) = (engine.url(), engine.pid());
    kill(pid(first), Signal::SIGKILL).unwrap();
    let start = Instant::now();
    while engine.alive() && start.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!engine.alive());
    engine.restart().unwrap();
    assert!(engine.alive());
    assert_eq!(engine.url(), url);
    assert_ne!(engine.pid(), first);
}

#[test]
fn a_restart_finds_another_port_when_its_own_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = start(folder.path());
    let url = engine.url();
    kill(pid(engine.pid()), Signal::SIGKILL).unwrap();
    while engine.alive() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _squatter = std::net::TcpListener::bind(url.trim_start_matches("http://")).unwrap();
    engine.restart().unwrap();
    assert_ne!(engine.url(), url);
}

#[test]
fn a_data_folder_has_one_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    let error = Engine::start(exe(), &[], options(folder.path())).unwrap_err();
    match &error {
        Error::InUse { path, pid } => {
            assert_eq!(path, &folder.path().canonicalize().unwrap());
            assert_eq!(pid, &engine.pid().to_string());
        }
        other => panic!("{other}"),
    }
    assert_eq!(running_engine(folder.path()), Some(engine.url()), "the first one is unharmed");
}

#[test]
fn a_wrong_library_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libchdb.so");
    std::fs::write(&library, "not a library").unwrap();
    let options = EngineOptions { library, ..options(folder.path()) };
    let text = Engine::start(exe(), &[], options).unwrap_err().to_string();
    assert!(text.contains("cannot load"), "{text}");
}

/// This test is the parent that is killed in `a_killed_parent_takes_its_engine_along`; by itself it does
/// nothing.
#[test]
fn parent_that_waits_to_be_killed() {
    if let Some(data) = std::env::var_os("EVENKEEL_TEST_PARENT_DATA") {
        let engine = start(Path::new(&data));
        eprintln!("engine {}", engine.pid());
        std::thread::sleep(Duration::from_secs(120));
    }
}

#[test]
fn a_killed_parent_takes_its_engine_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent_that_waits_to_be_killed", "--nocapture"])
        .env("EVENKEEL_TEST_PARENT_DATA", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stderr.take().unwrap()).lines();
    let id: u32 = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("engine ")?.1.trim().parse().ok())
        .expect("the parent says its engine's process id");
    assert!(!gone(id, Duration::ZERO));
    parent.kill().unwrap();
    parent.wait().unwrap();
    // A new engine may be started at once: it waits for the orphan to end, and its lock does not outlive it.
    let mut again = start(folder.path());
    assert!(again.alive());
    assert!(gone(id, Duration::from_secs(5)), "the orphan lives on");
}
