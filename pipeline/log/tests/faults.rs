//! A full disk, a second process, a file that was cut.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test, helpers included")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use evenkeel_log::{Log, LogConfig, LogError, Topic};

const FILLS: &str = "EVENKEEL_LOG_FILLS_FOLDER";
const OPENS: &str = "EVENKEEL_LOG_OPENS_FOLDER";

/// The payload is not compressible to nothing, so that no file system can hide the size.
fn payload(offset: u64) -> Vec<u8> {
    (0..1000u64).map(|i| (offset.wrapping_mul(0x9e37_79b9) >> (i % 24)) as u8 ^ i as u8).collect()
}

/// Appends until the disk is full; started as a child only.
#[test]
fn child_fills() {
    let Some(folder) = std::env::var_os(FILLS) else { return };
    let (log, _) = Log::open(LogConfig::new(&folder)).unwrap();
    let error = loop {
        let next = log.next_offset(Topic::Market);
        let records: Vec<Vec<u8>> = (next..next + 50).map(payload).collect();
        let borrowed: Vec<_> = records.iter().map(|payload| (Topic::Market, payload.as_slice())).collect();
        match log.append(next, &borrowed) {
            Ok(offsets) => println!("ack {}", offsets.last().unwrap() + 1),
            Err(error) => break error,
        }
    };
    println!("error {error}");
    println!("again {}", log.append(u64::MAX, &[(Topic::Accounts, b"x")]).unwrap_err());
    println!("meta {}", log.put_meta("key", b"value").unwrap_err());
}

#[test]
fn child_opens() {
    let Some(folder) = std::env::var_os(OPENS) else { return };
    match Log::open(LogConfig::new(folder)) {
        Ok(_) => println!("opened"),
        Err(error) => println!("error {error}"),
    }
}

fn lines<'a>(output: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    output.lines().filter_map(move |line| line.split_once(word).map(|(_, rest)| rest))
}

/// What a full disk must look like, whatever made it full.
fn check_full(folder: &Path, output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let error = lines(&text, "error ").next().unwrap();
    assert!(error.starts_with(&format!("no space left in {}", folder.display())), "{error}");
    assert!(error.ends_with("free space and start again; nothing acknowledged is lost"), "{error}");
    assert_eq!(lines(&text, "again ").next(), Some(error));
    assert_eq!(lines(&text, "meta ").next(), Some(error));
    let acknowledged: u64 = lines(&text, "ack ").last().unwrap().parse().unwrap();
    assert!(acknowledged > 0);
}

/// With room again, everything acknowledged is there and the log goes on.
fn check_after(folder: &Path, output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let acknowledged: u64 = lines(&text, "ack ").last().unwrap().parse().unwrap();
    let (log, _) = Log::open(LogConfig::new(folder)).unwrap();
    assert!(log.next_offset(Topic::Market) >= acknowledged);
    assert_eq!(log.next_offset(Topic::Market) % 50, 0);
    assert!(log.verify(&mut |_| {}).unwrap().whole());
    for record in log.scan(Topic::Market, 0).unwrap() {
        let record = record.unwrap();
        assert_eq!(record.payload, payload(record.offset));
    }
    log.append(u64::MAX, &[(Topic::Market, b"on it goes")]).unwrap();
}

fn shell(script: &str, folder: &Path) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(std::env::current_exe().unwrap()).arg(folder);
    command.env(FILLS, folder).output().unwrap()
}

#[test]
fn a_file_size_limit_stops_the_log_and_harms_nothing() {
    // In units of 512 bytes. The signal is ignored, so that the write fails as on a full disk.
    for limit in [9000, 20000, 33333] {
        let folder = tempfile::tempdir().unwrap();
        let script =
            format!("ulimit -f {limit} && trap '' XFSZ && exec \"$1\" --exact child_fills --nocapture");
        let output = shell(&script, folder.path());
        check_full(folder.path(), &output);
        check_after(folder.path(), &output);
    }
}

#[test]
fn a_full_disk_stops_the_log_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A small file system in a namespace of its own needs no root where the kernel allows it. It ends with the
    // namespace, so the file is copied out to be looked at.
    let script = "mkdir \"$2/full\" && mount -t tmpfs -o size=6m tmpfs \"$2/full\" || exit 99
        EVENKEEL_LOG_FILLS_FOLDER=\"$2/full\" \"$1\" --exact child_fills --nocapture || exit 1
        mkdir \"$2/copy\" && cp \"$2/full/events.redb\" \"$2/copy\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    let output = command.arg(std::env::current_exe().unwrap()).arg(folder.path()).output();
    match output {
        Ok(output) if output.status.code() != Some(99) && !output.stdout.is_empty() => {
            check_full(&folder.path().join("full"), &output);
            check_after(&folder.path().join("copy"), &output);
        }
        other => println!("skipped: no small file system can be mounted here ({other:?})"),
    }
}

#[test]
fn a_second_process_is_told_that_the_log_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output =
            command.args(["--exact", "child_opens", "--nocapture"]).env(OPENS, folder.path()).output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    };
    let (log, _) = Log::open(LogConfig::new(folder.path())).unwrap();
    let text = open();
    assert!(text.contains("is in use by another process"), "{text}");
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
    assert!(matches!(Log::open(LogConfig::new(folder.path())), Err(LogError::InUse { .. })));
    log.append(1, &[(Topic::Market, b"the first one goes on")]).unwrap();
    drop(log);
    assert!(open().contains("opened"));
}

#[test]
fn a_cut_or_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.redb");
    let (log, _) = Log::open(LogConfig::new(folder.path())).unwrap();
    for epoch in 0..20 {
        log.append(epoch, &[(Topic::Market, payload(epoch).as_slice()); 40]).unwrap();
    }
    drop(log);
    let whole = fs::read(&file).unwrap();
    let cuts = [0, 1, 9, 63, 64, 320, 511, 4095, 4096, 5000, 8192, 65536, whole.len() / 2, whole.len() - 1];
    for length in cuts {
        fs::write(&file, &whole[..length]).unwrap();
        match Log::open(LogConfig::new(folder.path())) {
            Ok((log, _)) => {
                let report = log.verify(&mut |_| {}).unwrap();
                assert!(!report.whole(), "cut at {length} of {} went unnoticed", whole.len());
            }
            Err(LogError::Damaged { path, .. }) => assert_eq!(path, file),
            Err(error) => panic!("cut at {length}: {error}"),
        }
    }
    fs::write(&file, b"type,at,id\n".repeat(1000)).unwrap();
    let Err(error) = Log::open(LogConfig::new(folder.path())) else { panic!("a foreign file was opened") };
    assert!(matches!(&error, LogError::Damaged { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"type,at,id\n".repeat(1000));
    fs::write(&file, &whole).unwrap();
    assert!(Log::open(LogConfig::new(folder.path())).unwrap().0.verify(&mut |_| {}).unwrap().whole());
}

#[test]
fn a_start_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("events.redb.new"), b"").unwrap();
    assert!(Log::open(LogConfig::new(folder.path())).unwrap().1.created);
}
