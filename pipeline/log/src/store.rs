//! The file underneath: tables, transactions, and the translation of the store's failures.
//!
//! Tables: `blocks` (topic, first offset) -> block; `segments` (topic, number) -> row; `anchors` topic -> what
//! was known of the last dropped segment; `meta` name -> value; `format` "version" -> number.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Builder, Database, Error, ReadOnlyTable, ReadableDatabase, TableDefinition, WriteTransaction};

use crate::batch::Writes;
use crate::block::{Block, peek_epoch};
use crate::error::{BadBlock, LogError};
use crate::segment::SegmentRow;
use crate::topic::Topic;

type Key = (u8, u64);
const BLOCKS: TableDefinition<Key, &[u8]> = TableDefinition::new("blocks");
const SEGMENTS: TableDefinition<Key, &[u8]> = TableDefinition::new("segments");
const ANCHORS: TableDefinition<u8, &[u8]> = TableDefinition::new("anchors");
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const FORMAT: TableDefinition<&str, u64> = TableDefinition::new("format");
/// Version of the layout of blocks and rows in this crate.
const FORMAT_VERSION: u64 = 1;

const FILE: &str = "events.redb";
/// A new file is made whole under this name and then renamed, so an empty or short file under the real
/// name is always damage and never a start that was cut short.
const FILE_NEW: &str = "events.redb.new";
const LOCK: &str = "lock";

/// The open file. Dropping it marks the shutdown as clean.
pub(crate) struct Store {
    // Declared before the lock: the file must be closed before another process may come in.
    database: Closing,
    access: Arc<Access>,
    _lock: File,
}

/// A database whose closing cannot take the process down.
struct Closing(Option<Database>);

impl Closing {
    fn get(&self) -> &Database {
        self.0.as_ref().expect("taken only while dropping")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        // Closing writes the list of free pages, and redb asserts that it makes sense: in an altered file it
        // may not. The commits are durable without it; the next opening rebuilds the list.
        let database = self.0.take();
        if catch_unwind(AssertUnwindSafe(move || drop(database))).is_err() {
            tracing::error!(
                "event log could not be closed cleanly; the next start will check it from end to end"
            );
        }
    }
}

/// How the file was found.
pub(crate) struct Opened {
    pub created: bool,
    pub repaired: bool,
}

impl Store {
    /// Opens or creates the file in `folder`.
    pub fn open(folder: &Path, cache_bytes: usize) -> Result<(Store, Opened), LogError> {
        let access = Access::new(folder);
        let io = |action| move |source| LogError::io(folder, action, source);
        fs::create_dir_all(folder).map_err(io("create"))?;
        let lock = lock(folder)?;
        let file = folder.join(FILE);
        let created = !file.try_exists().map_err(io("open"))?;
        let repaired = Arc::new(AtomicBool::new(false));
        let mut builder = Builder::new();
        builder.set_cache_size(cache_bytes);
        let seen = repaired.clone();
        builder.set_repair_callback(move |_| seen.store(true, Ordering::Relaxed));
        let database = if created {
            create(&access, &builder)?
        } else {
            if fs::metadata(&file).map_err(io("open"))?.len() == 0 {
                let detail = "it is empty, so its records were cut off".to_owned();
                return Err(LogError::Damaged { path: file, detail });
            }
            access.run("open", || Ok(builder.open(&file)?))?
        };
        let repaired = repaired.load(Ordering::Relaxed) && !created;
        let store = Store { database: Closing(Some(database)), access, _lock: lock };
        store.check_format()?;
        Ok((store, Opened { created, repaired }))
    }

    fn check_format(&self) -> Result<(), LogError> {
        let version = self.access.run("open", || {
            let table = self.database.get().begin_read()?.open_table(FORMAT)?;
            Ok(table.get("version")?.map(|value| value.value()))
        })?;
        if version != Some(FORMAT_VERSION) {
            let found = version.map_or("no version".to_owned(), |version| format!("version {version}"));
            return Err(self
                .access
                .damaged(format!("it has {found}, this program reads version {FORMAT_VERSION}")));
        }
        Ok(())
    }

    /// Writes one append, atomically and durably.
    pub fn write(&self, writes: &Writes) -> Result<(), LogError> {
        self.commit("append to", |transaction| {
            let mut blocks = transaction.open_table(BLOCKS)?;
            for (topic, offset, bytes) in &writes.blocks {
                blocks.insert((topic.code(), *offset), bytes.as_slice())?;
            }
            let mut segments = transaction.open_table(SEGMENTS)?;
            for (topic, number, row) in &writes.segments {
                segments.insert((topic.code(), *number), row.encode().as_slice())?;
            }
            Ok(())
        })
    }

    /// Drops a topic's oldest segment and keeps its row as the anchor of the next, atomically.
    pub fn drop_segment(&self, topic: Topic, number: u64, row: &SegmentRow) -> Result<(), LogError> {
        self.commit("drop records of", |transaction| {
            let code = topic.code();
            let mut blocks = transaction.open_table(BLOCKS)?;
            blocks.retain_in((code, row.first_offset)..(code, row.next_offset), |_, _| false)?;
            transaction.open_table(SEGMENTS)?.remove((code, number))?;
            transaction.open_table(ANCHORS)?.insert(code, row.encode().as_slice())?;
            Ok(())
        })
    }

    /// Sets or, with `None`, removes a value of the side table.
    pub fn put_meta(&self, key: &str, value: Option<&[u8]>) -> Result<(), LogError> {
        self.commit("write", |transaction| {
            let mut meta = transaction.open_table(META)?;
            match value {
                Some(value) => meta.insert(key, value)?,
                None => meta.remove(key)?,
            };
            Ok(())
        })
    }

    /// A value of the side table.
    pub fn get_meta(&self, key: &str) -> Result<Option<Vec<u8>>, LogError> {
        self.access.run("read", || {
            let table = self.database.get().begin_read()?.open_table(META)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    /// The state as of now; later commits do not change what it shows.
    pub fn snapshot(&self) -> Result<Snapshot, LogError> {
        self.access.run("read", || {
            let transaction = self.database.get().begin_read()?;
            Ok(Snapshot {
                blocks: transaction.open_table(BLOCKS)?,
                segments: transaction.open_table(SEGMENTS)?,
                anchors: transaction.open_table(ANCHORS)?,
                access: self.access.clone(),
            })
        })
    }

    fn commit(
        &self,
        action: &'static str,
        change: impl FnOnce(&WriteTransaction) -> Result<(), Error>,
    ) -> Result<(), LogError> {
        self.access.run(action, || {
            let transaction = self.database.get().begin_write()?;
            change(&transaction)?;
            Ok(transaction.commit()?)
        })
    }
}

/// Takes the folder's lock. It is a file of its own because the store locks only a file that exists, and
/// two processes creating it at once must not both win.
fn lock(folder: &Path) -> Result<File, LogError> {
    let io = |source| LogError::io(folder, "lock", source);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(folder.join(LOCK)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::InUse { path: folder.to_path_buf() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn create(access: &Access, builder: &Builder) -> Result<Database, LogError> {
    let folder = access.folder.as_path();
    let io = |source| LogError::io(folder, "create", source);
    let new = folder.join(FILE_NEW);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let database = access.run("create", || {
        let database = builder.create(&new)?;
        let transaction = database.begin_write()?;
        transaction.open_table(BLOCKS)?;
        transaction.open_table(SEGMENTS)?;
        transaction.open_table(ANCHORS)?;
        transaction.open_table(META)?;
        transaction.open_table(FORMAT)?.insert("version", FORMAT_VERSION)?;
        transaction.commit()?;
        Ok(database)
    })?;
    fs::rename(&new, folder.join(FILE)).map_err(io)?;
    // Without these a power loss could take the name away from a file whose content is safe.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(io)?;
    }
    Ok(database)
}

/// What one read transaction sees.
pub(crate) struct Snapshot {
    blocks: ReadOnlyTable<Key, &'static [u8]>,
    segments: ReadOnlyTable<Key, &'static [u8]>,
    anchors: ReadOnlyTable<u8, &'static [u8]>,
    access: Arc<Access>,
}

impl Snapshot {
    /// Folder of the log.
    pub fn folder(&self) -> &Path {
        &self.access.folder
    }

    /// The checked block of `topic` that starts at `offset`.
    pub fn block(&self, topic: Topic, offset: u64) -> Result<Block, LogError> {
        let bytes = self.access.run("read", || {
            Ok(self.blocks.get((topic.code(), offset))?.map(|value| value.value().to_vec()))
        })?;
        let Some(bytes) = bytes else {
            let (expected, found) = (format!("a block starting at {offset}"), "none".to_owned());
            return Err(LogError::bad(self.folder(), BadBlock { topic, offset, expected, found }));
        };
        Block::decode(bytes, topic, offset).map_err(|bad| LogError::bad(self.folder(), bad))
    }

    /// First offset and epoch of the block that should hold `offset`: the last one starting at or before
    /// it. The epoch is not checked.
    pub fn block_start(&self, topic: Topic, offset: u64) -> Result<(u64, u64), LogError> {
        let found = self.access.run("read", || {
            let mut range = self.blocks.range((topic.code(), 0)..=(topic.code(), offset))?;
            let Some(last) = range.next_back() else { return Ok(None) };
            let (key, value) = last?;
            Ok(peek_epoch(value.value()).map(|epoch| (key.value().1, epoch)))
        })?;
        found.ok_or_else(|| {
            let (expected, found) = (format!("a block holding {offset}"), "none".to_owned());
            LogError::bad(self.folder(), BadBlock { topic, offset, expected, found })
        })
    }

    /// The segments of a topic, oldest first.
    pub fn segments(&self, topic: Topic) -> Result<Vec<(u64, SegmentRow)>, LogError> {
        let rows = self.access.run("read", || {
            let mut rows = Vec::new();
            for entry in self.segments.range((topic.code(), 0)..=(topic.code(), u64::MAX))? {
                let (key, value) = entry?;
                rows.push((key.value().1, SegmentRow::decode(value.value())));
            }
            Ok(rows)
        })?;
        rows.into_iter().map(|(number, row)| Ok((number, self.whole(topic, number, row)?))).collect()
    }

    /// What is kept of the last dropped segment of a topic.
    pub fn anchor(&self, topic: Topic) -> Result<Option<SegmentRow>, LogError> {
        let row = self.access.run("read", || {
            Ok(self.anchors.get(topic.code())?.map(|value| SegmentRow::decode(value.value())))
        })?;
        row.map(|row| self.whole(topic, 0, row)).transpose()
    }

    fn whole(&self, topic: Topic, number: u64, row: Option<SegmentRow>) -> Result<SegmentRow, LogError> {
        row.ok_or_else(|| {
            self.access
                .damaged(format!("the row of segment {number} of topic {topic} does not match its check"))
        })
    }
}

/// Where the store is, and how it failed first: redb refuses everything after an I/O error without saying
/// which one it was.
struct Access {
    folder: PathBuf,
    failed: Mutex<Option<LogError>>,
}

impl Access {
    fn new(folder: &Path) -> Arc<Access> {
        Arc::new(Access { folder: folder.to_path_buf(), failed: Mutex::new(None) })
    }

    /// Runs one access to the store and turns every way it can fail into an error of ours.
    fn run<T>(&self, action: &'static str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, LogError> {
        // redb does not check page checksums on ordinary reads and asserts on pages that make no sense, so an
        // altered file can make it panic. The closures only borrow the store, which stays as it was on disk:
        // a transaction dropped while unwinding is rolled back, and our own state is set after success only.
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.translate(action, error)),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words =
                    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
                Err(self.damaged(format!("the store stopped while trying to {action} it: {words}")))
            }
        }
    }

    fn translate(&self, action: &'static str, error: Error) -> LogError {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match error {
            Error::DatabaseAlreadyOpen => return LogError::InUse { path: self.folder.clone() },
            Error::PreviousIo => {
                let source =
                    || io::Error::other("an earlier access failed, and the log must be opened again");
                return failed.clone().unwrap_or_else(|| LogError::io(&self.folder, action, source()));
            }
            Error::Io(source)
                if matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) =>
            {
                self.damaged(format!("it is cut short or no log: {source}"))
            }
            Error::Io(source) => LogError::io(&self.folder, action, source),
            other => return self.damaged(other.to_string()),
        };
        failed.get_or_insert(error).clone()
    }

    fn damaged(&self, detail: String) -> LogError {
        LogError::Damaged { path: self.folder.join(FILE), detail }
    }
}
