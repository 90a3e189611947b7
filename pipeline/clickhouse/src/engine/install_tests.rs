//! With an npm that is a shell script: what it does is what the real one does to the work folder.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time: a script that another test's fork holds open for writing cannot be executed (ETXTBSY).
static TURN: Mutex<()> = Mutex::new(());

struct Fixture {
    _turn: MutexGuard<'static, ()>,
    folder: tempfile::TempDir,
    integrity: String,
}

fn fixture() -> Fixture {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let tarball = folder.path().join("made.tgz");
    let packer = flate2::write::GzEncoder::new(File::create(&tarball).unwrap(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packer);
    for (name, text) in [("package/package.json", "{}"), ("package/libchdb.so", "an engine")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    let integrity = file_integrity(&tarball).unwrap();
    Fixture { _turn: turn, folder, integrity }
}

impl Fixture {
    fn installer(&self, script: &str) -> Installer {
        let npm = self.folder.path().join("npm");
        let runs = self.folder.path().join("runs");
        let tarball = self.folder.path().join("made.tgz");
        let head = format!("#!/bin/sh\necho $1 >> '{}'\nMADE='{}'\n", runs.display(), tarball.display());
        fs::write(&npm, head + script).unwrap();
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
        Installer {
            package: "@test/engine".into(),
            integrity: Some(self.integrity.clone()),
            npm,
            folder: self.folder.path().join("cache/evenkeel/chdb"),
        }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default().lines().count()
    }
}

fn left_behind(installer: &Installer) -> Vec<String> {
    let entries = fs::read_dir(&installer.folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect()
}

#[test]
fn downloads_once_and_leaves_only_the_library() {
    let fixture = fixture();
    let installer = fixture.installer("cp \"$MADE\" engine.tgz");
    let mut lines = Vec::new();
    let library = installer.install(&mut |line| lines.push(line.to_owned())).unwrap();
    assert_eq!(fs::read_to_string(&library).unwrap(), "an engine");
    assert!(lines.iter().any(|line| line.contains("178 MB")), "{lines:?}");
    assert_eq!(installer.install(&mut |_| {}).unwrap(), library);
    assert_eq!(fixture.runs(), 1);
    assert_eq!(left_behind(&installer), ["libchdb.so"]);
}

#[test]
fn a_wrong_checksum_is_refused_and_nothing_stays() {
    let fixture = fixture();
    let mut installer = fixture.installer("cp \"$MADE\" engine.tgz");
    installer.integrity = Some("sha512-AAAA".into());
    let error = installer.install(&mut |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Checksum { expected, .. } if expected == "sha512-AAAA"), "{error}");
    assert!(left_behind(&installer).is_empty());
}

#[test]
fn without_a_pinned_checksum_the_registry_is_asked() {
    let fixture = fixture();
    let script =
        format!("if [ $1 = view ]; then echo '{}'; else cp \"$MADE\" engine.tgz; fi", fixture.integrity);
    let mut installer = fixture.installer(&script);
    installer.integrity = None;
    assert!(installer.install(&mut |_| {}).is_ok());
    assert_eq!(fixture.runs(), 2);
}

#[test]
fn a_missing_npm_says_what_to_do() {
    let fixture = fixture();
    let mut installer = fixture.installer("");
    installer.npm = "/nowhere/npm".into();
    let text = installer.install(&mut |_| {}).unwrap_err().to_string();
    for way_out in ["npm", "EVENKEEL_CHDB_LIB", "--clickhouse URL"] {
        assert!(text.contains(way_out), "{text}");
    }
}

#[test]
fn npm_fails_in_its_own_words() {
    let fixture = fixture();
    let installer = fixture.installer("echo 'npm warn x' >&2; echo 'npm error code E404' >&2; exit 1");
    let text = installer.install(&mut |_| {}).unwrap_err().to_string();
    assert!(text.contains("npm error code E404") && !text.contains("npm warn"), "{text}");
}

#[test]
fn a_package_without_the_library_is_refused() {
    let fixture = fixture();
    let installer = fixture.installer("exit 0");
    assert!(matches!(installer.install(&mut |_| {}), Err(Error::Download { .. })));
}

#[test]
fn two_at_once_download_once() {
    let fixture = fixture();
    let installer = fixture.installer("sleep 0.3; cp \"$MADE\" engine.tgz");
    let ready = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                installer.install(&mut |_| {}).unwrap();
                ready.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(ready.into_inner(), 4);
    assert_eq!(fixture.runs(), 1);
}

#[test]
fn what_a_killed_process_left_is_cleared() {
    let fixture = fixture();
    let installer = fixture.installer("cp \"$MADE\" engine.tgz");
    fs::create_dir_all(installer.folder.join("download")).unwrap();
    fs::write(installer.folder.join("download/old.tgz"), "half").unwrap();
    assert!(installer.install(&mut |_| {}).is_ok());
    assert_eq!(left_behind(&installer), ["libchdb.so"]);
}
