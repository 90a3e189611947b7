//! The group commit: order, answers, bounds and failure.
#![allow(clippy::unwrap_used, reason = "a failed step fails the test, helpers included")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_log::{
    GroupCommit, GroupLimits, Log, LogConfig, LogError, RECORD_BYTES_MAX, Step, SubmitError, Topic, group,
};

fn open(folder: &tempfile::TempDir) -> Arc<Log> {
    Arc::new(Log::open(LogConfig::new(folder.path())).unwrap().0)
}

#[test]
fn every_sender_gets_its_offsets_and_the_hook_sees_all_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (hook, mut clock) = (seen.clone(), 0);
    let limits = GroupLimits { queue: 4, records: 64, bytes: 4096 };
    let stamp = move || {
        clock += 1;
        clock
    };
    let commit = GroupCommit::start(log.clone(), limits, stamp, move |epoch, records| {
        hook.lock().unwrap().extend(records.iter().map(|(t, o, p)| (epoch, *t, *o, p.clone())));
    })
    .unwrap();
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let appender = commit.appender();
            std::thread::spawn(move || {
                let mut given = BTreeMap::new();
                for round in 0..100 {
                    let topic = Topic::ALL[(sender + round) % 2];
                    let payloads: Vec<_> =
                        (0..3).map(|i| (topic, format!("{sender}-{round}-{i}").into_bytes())).collect();
                    for (offset, (topic, payload)) in
                        appender.append(payloads.clone()).unwrap().into_iter().zip(payloads)
                    {
                        given.insert((topic, offset), payload);
                    }
                }
                given
            })
        })
        .collect();
    let given: BTreeMap<_, _> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    commit.stop().unwrap();
    assert_eq!(given.len(), 8 * 100 * 3);
    let stored: BTreeMap<_, _> = log
        .scan_all(0)
        .unwrap()
        .map(|record| record.unwrap())
        .map(|record| ((record.topic, record.offset), record.payload))
        .collect();
    assert_eq!(given, stored);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), given.len());
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    for topic in [Topic::Market, Topic::Accounts] {
        let offsets: Vec<u64> = seen.iter().filter(|seen| seen.1 == topic).map(|seen| seen.2).collect();
        assert_eq!(offsets, (0..offsets.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn one_step_commits_what_waits_up_to_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    log.append(500, &[(Topic::Market, b"before")]).unwrap();
    let (appender, mut committer) = group(log.clone(), GroupLimits { queue: 5, records: 4, bytes: 1 << 20 });
    let answers = Arc::new(Mutex::new(Vec::new()));
    let send = |payloads: &[&str]| {
        let answers = answers.clone();
        let records = payloads.iter().map(|payload| (Topic::Market, payload.as_bytes().to_vec())).collect();
        appender.try_submit(records, move |answer| answers.lock().unwrap().push(answer.unwrap()))
    };
    for payloads in [&["a", "b"][..], &["c"], &[], &["d", "e"], &["f"]] {
        send(payloads).unwrap();
    }
    let Err(SubmitError::Full(back)) = send(&["g"]) else { panic!("a full queue took one more") };
    assert_eq!(back, [(Topic::Market, b"g".to_vec())]);
    assert_eq!(appender.waiting(), 5);
    // A clock that was set back is held at the log's last epoch.
    let step =
        committer.step(Duration::ZERO, || 400, |epoch, records| assert_eq!((epoch, records.len()), (500, 5)));
    assert!(matches!(step, Step::Committed { epoch: 500, records: 5 }));
    let step = committer.step(Duration::ZERO, || 501, |_, records| assert_eq!(records.len(), 1));
    assert!(matches!(step, Step::Committed { epoch: 501, records: 1 }));
    assert!(matches!(committer.step(Duration::ZERO, || 502, |_, _| {}), Step::Idle));
    assert_eq!(*answers.lock().unwrap(), [vec![1, 2], vec![3], vec![], vec![4, 5], vec![6]]);
    let large = vec![(Topic::Market, vec![0; RECORD_BYTES_MAX + 1])];
    assert!(matches!(appender.append(large), Err(LogError::RecordTooLarge { .. })));
    drop(appender);
    assert!(matches!(committer.step(Duration::ZERO, || 503, |_, _| {}), Step::Closed));
}

#[test]
fn after_the_end_senders_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    let commit = GroupCommit::start(log.clone(), GroupLimits::default(), || 1, |_, _| {}).unwrap();
    let appender = commit.appender();
    assert_eq!(appender.append(vec![(Topic::Market, b"a".to_vec())]).unwrap(), [0]);
    commit.stop().unwrap();
    assert!(matches!(appender.append(vec![(Topic::Market, vec![])]), Err(LogError::Stopped)));

    let commit =
        GroupCommit::start(log, GroupLimits::default(), || 1, |_, _| panic!("a broken hook")).unwrap();
    let appender = commit.appender();
    assert_eq!(appender.append(vec![(Topic::Market, b"b".to_vec())]).unwrap(), [1]);
    let mut after = appender.append(vec![(Topic::Market, b"c".to_vec())]);
    while after.is_ok() {
        after = appender.append(vec![(Topic::Market, b"c".to_vec())]);
    }
    assert!(matches!(after, Err(LogError::Stopped)));
    assert!(matches!(commit.stop(), Err(LogError::Stopped)));
}
