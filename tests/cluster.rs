//! Several processes, one dataflow: the same bytes, no guest who does not belong, and nothing lost with one of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use evenkeel_tests::live::{PATIENCE, Running, signal, sql, until, verify};
use evenkeel_tests::{binary, compare, evenkeel};

/// A day of a small house, with the year of closing marks that estimates need.
fn day(folder: &Path) -> PathBuf {
    let file = folder.join("day.ndjson");
    let path = file.to_str().unwrap();
    let size = ["--customers", "40", "--instruments", "20", "--ticks", "8000", "--history", "70"];
    let outcome = evenkeel(["generate", "--out", path].iter().chain(&size)).unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    file
}

/// Arguments of a replay with actors.
fn acting<'a>(events: &'a Path, out: &'a Path, how: &[&'a str]) -> Vec<&'a str> {
    let own = ["replay", "--act", "--mark-ms", "2000", "--events", events.to_str().unwrap(), "--out"];
    own.into_iter().chain([out.to_str().unwrap()]).chain(how.iter().copied()).collect()
}

fn same_files(one: &Path, other: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(one).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        compare(&one.join(&name), &other.join(&name)).unwrap();
    }
}

/// An address that is free at the moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The process ids of the workers of a leader.
fn workers_of(leader: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{leader}/task/{leader}/children")).unwrap();
    let command = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let pids = children.split_whitespace().map(|pid| pid.parse().unwrap());
    pids.filter(|pid| command(pid).contains("\0worker\0")).collect()
}

#[test]
fn several_processes_give_the_bytes_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let events = day(folder.path());
    let out = |name: &str| folder.path().join(name);
    let ways = [("1-1", ["1", "1"]), ("2-2", ["2", "2"]), ("1-3", ["1", "3"])];
    for (name, [workers, processes]) in ways {
        let out = out(name);
        let how = ["--workers", workers, "--processes", processes];
        let outcome = evenkeel(acting(&events, &out, &how)).unwrap();
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    let trades = std::fs::read_to_string(out("1-1").join("fills.ndjson")).unwrap();
    assert!(trades.lines().count() > 10, "actors traded: {trades}");
    same_files(&out("1-1"), &out("2-2"));
    same_files(&out("1-1"), &out("1-3"));
}

fn spawn(args: &[&str]) -> Child {
    let mut command = Command::new(binary().unwrap());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Workers that were started elsewhere take part, before or after the leader; who says nothing, something else or speaks for
/// another build does not, and does no harm.
#[test]
fn who_does_not_belong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let events = day(folder.path());
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    assert_eq!(evenkeel(acting(&events, &one, &[])).unwrap().code, Some(0));
    let address = free();
    let text = address.to_string();
    let early = spawn(&["worker", "--leader", &text]);
    let leader = spawn(&acting(&events, &two, &["--processes", "3", "--cluster-listen", &text]));
    let mut guests = Vec::new();
    for said in [
        "GET / HTTP/1.1\r\n\r\n",
        "{}\n",
        "\n",
        "{\"build\":\"another\",\"listens\":\"127.0.0.1:1\",\"process\":null}\n",
    ] {
        let mut stream = None;
        until("the leader listens", PATIENCE, || {
            stream = TcpStream::connect(address).ok();
            stream.is_some()
        })
        .unwrap();
        let mut stream = stream.unwrap();
        stream.write_all(said.as_bytes()).unwrap();
        guests.push(stream);
    }
    let mut answer = String::new();
    guests.pop().unwrap().read_to_string(&mut answer).unwrap();
    assert!(answer.contains("another build"), "{answer}");
    let late = spawn(&["worker", "--leader", &text]);
    let (code, said) = ended(leader);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("not a greeting of evenkeel"), "{said}");
    for worker in [early, late] {
        let (code, said) = ended(worker);
        assert_eq!(code, Some(0), "{said}");
    }
    same_files(&one, &two);
}

const OPENING: &str = r#"{"type":"instrument_listed","at":"2026-06-01T00:00:00Z","id":"i","instrument":"A","name":"A","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}
{"type":"tick","at":"2026-06-01T00:00:00Z","instrument":"A","price":"10"}
"#;

fn customer(number: usize) -> String {
    format!(
        r#"{{"type":"customer_onboarded","at":"2026-06-01T00:00:00Z","id":"o{number}","customer":"c{number}","base_currency":"AUD"}}
{{"type":"deposit","at":"2026-06-01T00:00:00Z","id":"d{number}","customer":"c{number}","amount":"1000","currency":"AUD"}}
{{"type":"fill","at":"2026-06-01T00:00:00Z","id":"f{number}","customer":"c{number}","instrument":"A","side":"buy","quantity":"10","price":"9","fee":"0","currency":"AUD","trade_date":"2026-06-01"}}
"#
    )
}

/// The program with a second process: when that one is killed it ends and says so; started again it goes on from the log, and
/// ClickHouse is what the log says.
#[test]
fn a_lost_process_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut first = Running::start(&data, &["--processes", "2"]).unwrap();
    first.post(OPENING.as_bytes()).unwrap();
    for number in 0..20 {
        first.post(customer(number).as_bytes()).unwrap();
    }
    let workers = workers_of(first.pid());
    assert_eq!(workers.len(), 1);
    signal(workers[0], "KILL");
    let status = first.wait(PATIENCE).unwrap();
    assert_eq!(status.code(), Some(101), "{}", first.said());
    assert!(first.said().contains("lost process 1 of the cluster"), "{}", first.said());

    let second = Running::start(&data, &["--processes", "2"]).unwrap();
    second.post(customer(20).as_bytes()).unwrap();
    let workers = workers_of(second.pid());
    let all = || second.get("/api/v1/customers?limit=100").is_ok_and(|answer| answer.body.contains("c20"));
    until("everybody is there", PATIENCE, all).unwrap();
    second.stop().unwrap();
    let gone = || workers.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists());
    until("the workers have ended", Duration::from_secs(10), gone).unwrap();
    verify(&data, &[]).unwrap();
    let held = sql(&data, "SELECT count() AS held FROM positions_current").unwrap();
    assert_eq!(held[0]["held"].to_string().trim_matches('"'), "21");
}
