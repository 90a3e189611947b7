//! The log against a plain model: one vector of records per topic.

use proptest::prelude::*;

use crate::block::{Block, encode};
use crate::{GroupLimits, Log, LogConfig, LogError, Record, Topic};

fn small(folder: &std::path::Path) -> LogConfig {
    LogConfig {
        block_bytes: 4 << 10,
        segment_bytes: 16 << 10,
        cache_bytes: 4 << 20,
        ..LogConfig::new(folder)
    }
}

#[derive(Clone, Debug)]
enum Action {
    Append { epoch_step: u64, records: Vec<(Topic, Vec<u8>)> },
    Reopen,
    Retain { topic: Topic, back: u64 },
}

fn topic() -> impl Strategy<Value = Topic> {
    prop::sample::select(&Topic::ALL[..])
}

fn action() -> impl Strategy<Value = Action> {
    let payload = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (0..20_000usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    let records = prop::collection::vec((topic(), payload), 0..60);
    prop_oneof![
        8 => (0..3u64, records).prop_map(|(epoch_step, records)| Action::Append { epoch_step, records }),
        1 => Just(Action::Reopen),
        1 => (topic(), 0..20u64).prop_map(|(topic, back)| Action::Retain { topic, back }),
    ]
}

/// Everything the log can be asked must agree with the model.
fn check(log: &Log, model: &[Record], epoch: u64) -> Result<(), LogError> {
    for topic in Topic::ALL {
        let all: Vec<&Record> = model.iter().filter(|record| record.topic == topic).collect();
        let (first, next) = (log.first_offset(topic), log.next_offset(topic));
        assert_eq!(next, all.len() as u64);
        for from in [first, first + (next - first) / 2, next] {
            let got: Vec<Record> = log.scan(topic, from)?.collect::<Result<_, _>>()?;
            assert!(got.iter().eq(all[from as usize..].iter().copied()), "scan of {topic} from {from}");
        }
        for offset in [first, (first + next) / 2] {
            assert_eq!(log.read(topic, offset)?.as_ref(), all.get(offset as usize).copied());
        }
        assert_eq!(log.read(topic, next)?, None);
        assert!(matches!(log.scan(topic, next + 1), Err(LogError::OutOfRange { .. })));
    }
    let mut kept: Vec<Record> =
        model.iter().filter(|record| record.offset >= log.first_offset(record.topic)).cloned().collect();
    kept.sort_by_key(|record| (record.epoch, record.topic, record.offset));
    for from in [0, epoch / 2, epoch, epoch + 1] {
        let got: Vec<Record> = log.scan_all(from)?.collect::<Result<_, _>>()?;
        let wanted: Vec<&Record> = kept.iter().filter(|record| record.epoch >= from).collect();
        assert!(got.iter().eq(wanted), "scan of all from epoch {from}");
    }
    let asked = [Topic::Decisions, Topic::Market];
    let got: Vec<Record> = log.scan_topics(&asked, 0)?.collect::<Result<_, _>>()?;
    assert!(got.iter().eq(kept.iter().filter(|record| asked.contains(&record.topic))));
    let report = log.verify(&mut |_| {})?;
    assert!(report.whole(), "{:?}", report.bad().next());
    assert_eq!(report.records, kept.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_log_equals_its_model(actions in prop::collection::vec(action(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(small(folder.path())).unwrap().0;
        let (mut model, mut epoch) = (Vec::<Record>::new(), 0);
        for action in actions {
            match action {
                Action::Append { epoch_step, records } => {
                    epoch += epoch_step;
                    let borrowed: Vec<_> = records.iter().map(|(topic, p)| (*topic, p.as_slice())).collect();
                    let offsets = log.append(epoch, &borrowed).unwrap();
                    for ((topic, payload), offset) in records.into_iter().zip(offsets) {
                        model.push(Record { topic, offset, epoch, payload });
                    }
                }
                Action::Reopen => {
                    drop(log);
                    let (again, report) = Log::open(small(folder.path())).unwrap();
                    prop_assert!(report.clean_shutdown && !report.created);
                    prop_assert_eq!(report.last_epoch, model.last().map(|record| record.epoch));
                    log = again;
                }
                Action::Retain { topic, back } => {
                    let before = epoch.saturating_sub(back);
                    let old = log.first_offset(topic);
                    let retained = log.retain(topic, before).unwrap();
                    prop_assert_eq!(retained.first_offset, log.first_offset(topic));
                    prop_assert_eq!(retained.records, retained.first_offset - old);
                    let dropped = model.iter().filter(|r| r.topic == topic && (old..retained.first_offset).contains(&r.offset));
                    prop_assert!(dropped.into_iter().all(|record| record.epoch < before));
                }
            }
        }
        check(&log, &model, epoch).unwrap();
        drop(log);
        check(&Log::open(small(folder.path())).unwrap().0, &model, epoch).unwrap();
    }
}

#[test]
fn callers_faults_are_refused_and_leave_the_log_usable() {
    let folder = tempfile::tempdir().unwrap();
    let (log, report) = Log::open(small(folder.path())).unwrap();
    assert!(report.created && report.clean_shutdown);
    log.append(10, &[(Topic::Market, b"a")]).unwrap();
    let back = log.append(9, &[(Topic::Accounts, b"b")]).unwrap_err();
    assert!(matches!(back, LogError::EpochBack { given: 9, last: 10 }));
    let large = vec![0; crate::RECORD_BYTES_MAX + 1];
    let error = log.append(11, &[(Topic::Market, &large)]).unwrap_err();
    assert!(matches!(error, LogError::RecordTooLarge { .. }));
    assert_eq!(log.append(10, &[(Topic::Market, b"c"), (Topic::Market, b"")]).unwrap(), [1, 2]);
    let config = LogConfig { block_bytes: 1, ..small(folder.path()) };
    assert!(matches!(Log::open(config), Err(LogError::Config { field: "block_bytes", .. })));
}

#[test]
fn the_side_table_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(small(folder.path())).unwrap().0;
    assert_eq!(log.get_meta("checkpoint").unwrap(), None);
    log.put_meta("checkpoint", b"1").unwrap();
    log.put_meta("checkpoint", b"2").unwrap();
    log.put_meta("gone", b"x").unwrap();
    log.remove_meta("gone").unwrap();
    drop(log);
    let log = Log::open(small(folder.path())).unwrap().0;
    assert_eq!(log.get_meta("checkpoint").unwrap().as_deref(), Some(b"2".as_slice()));
    assert_eq!(log.get_meta("gone").unwrap(), None);
}

#[test]
fn a_scan_shows_the_log_as_of_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(small(folder.path())).unwrap().0;
    for epoch in 0..100 {
        log.append(epoch, &[(Topic::Market, &[epoch as u8; 1000])]).unwrap();
    }
    let mut scan = log.scan(Topic::Market, 3).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().offset, 3);
    log.append(100, &[(Topic::Market, b"later")]).unwrap();
    assert!(log.retain(Topic::Market, 90).unwrap().segments > 0);
    assert_eq!(scan.map(|record| record.unwrap().offset).collect::<Vec<_>>(), (4..100).collect::<Vec<_>>());
    assert!(matches!(log.scan(Topic::Market, 3), Err(LogError::OutOfRange { .. })));
}

#[test]
fn the_rest_of_a_block_follows_records_taken_singly() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(small(folder.path())).unwrap().0;
    log.append(1, &[(Topic::Market, b"a"), (Topic::Market, b"bb"), (Topic::Market, b"ccc")]).unwrap();
    let mut scan = log.scan(Topic::Market, 1).unwrap();
    assert_eq!(scan.next_ref().unwrap().unwrap().payload, b"bb");
    let block = scan.next_block().unwrap().unwrap();
    assert_eq!((block.first_offset(), block.next_offset(), block.len()), (2, 3, 1));
    assert_eq!(block.records().map(|record| record.payload).collect::<Vec<_>>(), [b"ccc"]);
    assert!(scan.next_block().is_none());
}

#[test]
fn topics_have_names() {
    for topic in Topic::ALL {
        assert_eq!(topic.as_str().parse(), Ok(topic));
    }
    assert!("prices".parse::<Topic>().is_err());
    assert!(GroupLimits::default().queue > 0);
}

/// Opens the file beneath the log and changes the table of blocks or segments.
fn tamper(folder: &std::path::Path, table: &str, change: impl FnOnce(&mut redb::Table<(u8, u64), &[u8]>)) {
    let database = redb::Database::open(folder.join("events.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&mut transaction.open_table(redb::TableDefinition::new(table)).unwrap());
    transaction.commit().unwrap();
}

/// Ten blocks of two records, in several segments.
fn ten_blocks() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(small(folder.path())).unwrap().0;
    for epoch in 0..10 {
        let payload = [epoch as u8; 3000];
        log.append(epoch, &[(Topic::Accounts, &payload), (Topic::Accounts, b"small")]).unwrap();
    }
    folder
}

#[test]
fn a_block_written_anew_with_a_good_hash_breaks_the_chain_after_it() {
    let folder = ten_blocks();
    tamper(folder.path(), "blocks", |blocks| {
        let old = redb::ReadableTable::get(blocks, (1, 8)).unwrap().unwrap().value().to_vec();
        let head = *Block::decode(old, Topic::Accounts, 8).unwrap().head();
        let (forged, _) = encode(&head, &[b"forged", b"small"]);
        blocks.insert((1, 8), forged.as_slice()).unwrap();
    });
    let log = Log::open(small(folder.path())).unwrap().0;
    let report = log.verify(&mut |_| {}).unwrap();
    let bad: Vec<_> = report.bad().collect();
    assert_eq!((bad.len(), bad[0].topic, bad[0].offset), (1, Topic::Accounts, 10), "{}", bad[0]);
}

#[test]
fn a_missing_block_is_found_by_scan_and_verify_and_a_missing_end_by_open() {
    let folder = ten_blocks();
    tamper(folder.path(), "blocks", |blocks| drop(blocks.remove((1, 6)).unwrap()));
    let log = Log::open(small(folder.path())).unwrap().0;
    let scanned: Vec<_> = log.scan(Topic::Accounts, 0).unwrap().collect();
    assert_eq!(scanned.len(), 7);
    assert!(matches!(&scanned[6], Err(LogError::BadBlock { bad, .. }) if bad.offset == 6));
    assert_eq!(log.verify(&mut |_| {}).unwrap().bad().next().map(|bad| bad.offset), Some(6));
    drop(log);
    tamper(folder.path(), "blocks", |blocks| drop(blocks.remove((1, 18)).unwrap()));
    assert!(matches!(Log::open(small(folder.path())), Err(LogError::BadBlock { .. })));
}

#[test]
fn a_segment_taken_away_with_its_blocks_is_found() {
    let folder = ten_blocks();
    let mut range = 0..0;
    tamper(folder.path(), "segments", |segments| {
        let row = segments.remove((1, 0)).unwrap().unwrap();
        let row = crate::segment::SegmentRow::decode(row.value()).unwrap();
        range = row.first_offset..row.next_offset;
    });
    tamper(folder.path(), "blocks", |blocks| {
        blocks.retain_in((1, range.start)..(1, range.end), |_, _| false).unwrap();
    });
    let log = Log::open(small(folder.path())).unwrap().0;
    let report = log.verify(&mut |_| {}).unwrap();
    // Without an anchor the chain must begin at its beginning.
    assert!(report.bad().next().is_some_and(|bad| bad.expected.starts_with("a segment chained to")));
}
