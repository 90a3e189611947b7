//! A process killed in the middle of appending loses nothing that it was told is on disk.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test, helpers included")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use evenkeel_log::{Log, LogConfig, Topic};

const FOLDER: &str = "EVENKEEL_LOG_CRASH_FOLDER";
/// Records of one append, by topic: an append that is only partly there breaks the ratio.
const MARKET: u64 = 30;
const ACCOUNTS: u64 = 20;
const ROUNDS: u64 = 24;

fn config(folder: &std::path::Path) -> LogConfig {
    LogConfig { block_bytes: 4 << 10, segment_bytes: 64 << 10, ..LogConfig::new(folder) }
}

fn payload(topic: Topic, offset: u64) -> Vec<u8> {
    format!("{{\"topic\":\"{topic}\",\"offset\":{offset}}}").repeat(1 + offset as usize % 7).into_bytes()
}

/// The process that is killed: not a test of its own, does nothing unless it was started as a child.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (log, _) = Log::open(config(folder.as_ref())).unwrap();
    loop {
        let epoch = log.last_epoch().map_or(0, |epoch| epoch + 1);
        let mut records = Vec::new();
        for (topic, count) in [(Topic::Market, MARKET), (Topic::Accounts, ACCOUNTS)] {
            let next = log.next_offset(topic);
            records.extend((next..next + count).map(|offset| (topic, payload(topic, offset))));
        }
        let borrowed: Vec<_> = records.iter().map(|(topic, payload)| (*topic, payload.as_slice())).collect();
        log.append(epoch, &borrowed).unwrap();
        println!("ack {}", epoch + 1);
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut unacknowledged = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acks = lines.filter_map(|line| line.ok()?.split_once("ack ")?.1.trim().parse::<u64>().ok());
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let kill_after = 1 + (seed >> 33) as usize % 60;
        let mut acknowledged = acks.by_ref().take(kill_after).last().expect("the child appends");
        // The child is somewhere in the next appends: building, writing, syncing or answering.
        for _ in 0..(seed >> 40) % 200_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = acks.last().unwrap_or(acknowledged);

        let (log, report) = Log::open(config(folder.path())).unwrap();
        assert!(!report.clean_shutdown, "round {round}");
        let appends = log.next_offset(Topic::Market) / MARKET;
        assert!(appends >= acknowledged, "round {round}: {acknowledged} acknowledged, {appends} found");
        assert!(appends <= acknowledged + 1, "round {round}: more than the one append under way");
        unacknowledged += appends - acknowledged;
        assert_eq!(log.next_offset(Topic::Market), appends * MARKET, "round {round}");
        assert_eq!(log.next_offset(Topic::Accounts), appends * ACCOUNTS, "round {round}");
        let verified = log.verify(&mut |_| {}).unwrap();
        assert!(verified.whole(), "round {round}: {:?}", verified.bad().next());
        for record in log.scan_all(0).unwrap() {
            let record = record.unwrap();
            assert_eq!(record.payload, payload(record.topic, record.offset), "round {round}");
        }
    }
    println!("{ROUNDS} kills, {unacknowledged} of them after the commit and before the answer");
}
