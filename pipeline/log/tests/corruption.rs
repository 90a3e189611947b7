//! One altered byte, anywhere: it is reported with its place, or it was where nothing is kept.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test, helpers included")]

use std::fs;
use std::path::Path;

use evenkeel_log::{Log, LogConfig, LogError, Record, Topic};

fn config(folder: &Path) -> LogConfig {
    LogConfig { block_bytes: 8 << 10, segment_bytes: 8 << 10, cache_bytes: 1 << 20, ..LogConfig::new(folder) }
}

fn payload(epoch: u64, index: u64) -> Vec<u8> {
    format!("{{\"type\":\"tick\",\"id\":\"{epoch}-{index}\",\"price\":\"{}.25\"}}", epoch * 7 + index)
        .into_bytes()
}

/// A log with blocks of all sizes, several segments and a dropped one; its records and its file.
fn make(folder: &Path) -> (Vec<Record>, Vec<u8>) {
    let (log, _) = Log::open(config(folder)).unwrap();
    for epoch in 0..120 {
        let topic = Topic::ALL[epoch as usize % 3];
        let payloads: Vec<Vec<u8>> = (0..1 + epoch % 60).map(|index| payload(epoch, index)).collect();
        let records: Vec<_> = payloads.iter().map(|payload| (topic, payload.as_slice())).collect();
        log.append(epoch, &records).unwrap();
    }
    assert!(log.retain(Topic::Market, 60).unwrap().segments > 0);
    let records = log.scan_all(0).unwrap().collect::<Result<_, _>>().unwrap();
    drop(log);
    (records, fs::read(folder.join("events.redb")).unwrap())
}

/// Whether the damage was reported; wrong records fail the test.
fn reported(folder: &Path, records: &[Record], place: &str) -> bool {
    let (log, report) = match Log::open(config(folder)) {
        Ok(opened) => opened,
        Err(LogError::Damaged { .. } | LogError::BadBlock { .. }) => return true,
        Err(error) => panic!("{place}: {error}"),
    };
    let verified = log.verify(&mut |_| {});
    let scanned: Result<Vec<Record>, LogError> = log.scan_all(0).and_then(|scan| scan.collect());
    match (verified, scanned) {
        (Ok(verified), Ok(scanned)) if verified.whole() => {
            // The recovery from a crash may roll the last commit back; then it says so.
            let same = scanned == records;
            assert!(same || !report.clean_shutdown, "{place}: other records, and nothing reported");
            // Going on after an unnoticed change must not panic, nor damage what was there in silence.
            let appended = log.append(u64::MAX, &[(Topic::Accounts, b"next")]).is_ok();
            drop(log);
            !same || appended && !went_on(folder, &scanned, place)
        }
        (Ok(verified), Ok(scanned)) => {
            // A scan does not follow the chain, but what it gives out is what was written.
            assert!(scanned.iter().all(|record| records.contains(record)), "{place}");
            !verified.whole()
        }
        (_, Err(error)) | (Err(error), _) => {
            assert!(
                matches!(error, LogError::Damaged { .. } | LogError::BadBlock { .. }),
                "{place}: {error}"
            );
            true
        }
    }
}

/// Whether a log with one record appended after `before` opens again as just that; if not, it says so.
fn went_on(folder: &Path, before: &[Record], place: &str) -> bool {
    let (log, report) = match Log::open(config(folder)) {
        Ok(opened) => opened,
        Err(LogError::Damaged { .. } | LogError::BadBlock { .. }) => return false,
        Err(error) => panic!("{place}: {error}"),
    };
    let after: Result<Vec<Record>, LogError> = log.scan_all(0).and_then(|scan| scan.collect());
    let Ok(after) = after else { return false };
    assert!(after.iter().filter(|record| record.epoch < u64::MAX).eq(before), "{place}: lost in silence");
    let whole = after.len() == before.len() + 1;
    assert!(whole || !report.clean_shutdown, "{place}: the last record lost in silence");
    whole
}

#[test]
fn an_altered_record_is_found_at_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let (records, whole) = make(folder.path());
    for record in records.iter().step_by(37) {
        let mut bytes = whole.clone();
        let mut found = 0;
        // A block written again by a page split leaves its old copy in a free page: alter them all.
        for at in 0..=bytes.len() - record.payload.len() {
            if bytes[at] == record.payload[0] && bytes[at..].starts_with(&record.payload) {
                bytes[at + record.payload.len() / 2] ^= 1;
                found += 1;
            }
        }
        assert!(found > 0);
        fs::write(folder.path().join("events.redb"), &bytes).unwrap();
        let bad = match Log::open(config(folder.path())) {
            Ok((log, _)) => log.verify(&mut |_| {}).unwrap().bad().next().cloned().unwrap(),
            Err(LogError::BadBlock { bad, .. }) => *bad,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(bad.topic, record.topic);
        assert!(
            bad.offset <= record.offset && record.offset < bad.offset + 60,
            "{bad}, not {}",
            record.offset
        );
        assert!(bad.expected.starts_with("hash "), "{bad}");
    }
}

#[test]
fn a_flipped_byte_never_panics_and_never_gives_other_records() {
    let folder = tempfile::tempdir().unwrap();
    let (records, whole) = make(folder.path());
    let file = folder.path().join("events.redb");
    let header = (0..400).map(|at| (at, 1 << (at % 8)));
    let rest = (400..whole.len()).step_by(whole.len() / 900).map(|at| (at, 0xff));
    let (mut tried, mut noticed) = (0, 0);
    for (at, flip) in header.chain(rest) {
        let mut bytes = whole.clone();
        bytes[at] ^= flip;
        fs::write(&file, &bytes).unwrap();
        tried += 1;
        noticed += usize::from(reported(folder.path(), &records, &format!("byte {at} of {}", whole.len())));
    }
    println!("{noticed} of {tried} altered bytes reported; the others changed nothing that is read");
    assert!(noticed > 0);
}
