//! The ClickHouse sink: whole epochs, in order, each table's rows in one atomic block.
//!
//! **Invariant:** what is in ClickHouse is a prefix of what the log derives, table by table: rows of an epoch
//! are written whole, epochs in order; on a restart every table goes on after its own newest epoch. Writing
//! again what is there changes nothing.
//!
//! While ClickHouse is away the pipeline goes on and rows wait in memory, up to a number of bytes; beyond it
//! the pipeline waits, and nothing is dropped.

mod tables;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};
use evenkeel_clickhouse::Settings;
use evenkeel_schemas::Epoch;

use crate::config::{ClickHouseConfig, Config};
use crate::error::Error;
use crate::live::spawn;
use crate::names::SharedNames;
use crate::room::{Room, Share};

pub use tables::Tables;
pub(crate) use tables::each_table;
pub(crate) use writer::{Connected, block_on};

/// Where the sink writes.
#[derive(Clone, Debug)]
pub enum Server {
    /// A server by URL.
    External(Settings),
    /// An engine of our own, with this data folder.
    Embedded {
        /// Its folder.
        data: PathBuf,
        /// Its memory limit in bytes.
        memory_bytes: u64,
        /// The database.
        database: String,
    },
}

impl Server {
    /// The server that the settings name.
    pub fn of(config: &Config) -> Server {
        let ch: &ClickHouseConfig = &config.clickhouse;
        if ch.url.is_empty() {
            let data = config.data.join("clickhouse");
            return Server::Embedded { data, memory_bytes: ch.memory_bytes, database: ch.database.clone() };
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut settings = Settings::new(ch.url.clone());
        settings.user = some(&ch.user);
        settings.password = some(&ch.password);
        settings.database = ch.database.clone();
        settings.cluster = some(&ch.cluster);
        Server::External(settings)
    }
}

/// Figures of the sink.
#[derive(Debug, Default)]
pub struct SinkState {
    /// Whether ClickHouse answers.
    pub up: AtomicBool,
    /// Everything up to this epoch is written.
    pub written: AtomicU64,
    /// The first epoch handed in since the start.
    pub first: AtomicU64,
    /// Everything up to this epoch was handed in.
    pub handed: AtomicU64,
    /// Up to which epoch ClickHouse must hold everything already, because it is not derived again; 0 for nothing.
    pub needed: AtomicU64,
    /// Rows written since the start.
    pub rows: AtomicU64,
    /// Failed attempts since the start.
    pub failures: AtomicU64,
    /// The server's URL, once known.
    pub url: Mutex<String>,
}

impl SinkState {
    /// The server's URL, once known.
    pub fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What ClickHouse held when the sink started.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Everything up to an epoch; `None` when it is empty.
    Upto(Option<Epoch>),
    /// It did not answer.
    Unknown,
}

/// Rows of one or more epochs.
pub(crate) struct Batch {
    tables: Tables,
    names: SharedNames,
    upto: Epoch,
    /// What its rows take of the room for rows that wait, in bytes.
    share: Share,
}

/// The handing-in end of the sink.
pub struct Sink {
    batches: Option<Sender<Batch>>,
    room: Arc<Room>,
    /// Figures.
    pub state: Arc<SinkState>,
    /// What ClickHouse held at the start.
    pub held: Held,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Sink {
    /// Starts the sink: the embedded engine or a connection, migrations, then writing.
    ///
    /// # Errors
    /// When the embedded engine cannot be installed or started. An external server that does not answer is
    /// waited for.
    pub fn start(config: &Config) -> Result<Sink, Error> {
        let state = Arc::new(SinkState::default());
        let room = Room::new(config.clickhouse.queue_bytes.max(1));
        let (batches, handed) = unbounded();
        let server = writer::Connected::open(Server::of(config))?;
        let held = writer::held(server.settings())?;
        // What it holds is not made again, so it must go on holding it.
        if let Held::Upto(Some(upto)) = held {
            state.needed.store(upto, Ordering::Relaxed);
        }
        server.settings().url.clone_into(&mut state.url.lock().unwrap_or_else(PoisonError::into_inner));
        let (shared, stopping) = (state.clone(), Arc::new(AtomicBool::new(false)));
        let stop = stopping.clone();
        let thread = spawn("sink", move || writer::run(server, &handed, &shared, &stop))?;
        Ok(Sink { batches: Some(batches), room, state, held, stopping, thread: Some(thread) })
    }

    /// Hands in the rows of epochs up to `upto`. Waits while too many rows wait already.
    ///
    /// # Errors
    /// When the sink has ended because ClickHouse refuses what we write.
    pub fn write(&self, tables: Tables, names: &SharedNames, upto: Epoch) -> Result<(), Error> {
        let share = self.room.take(tables.bytes());
        self.state.handed.fetch_max(upto, Ordering::Relaxed);
        let _ = self.state.first.compare_exchange(0, upto, Ordering::Relaxed, Ordering::Relaxed);
        let ended = || Error::ClickHouse("the ClickHouse sink has ended; see the messages before".to_owned());
        let batches = self.batches.as_ref().ok_or_else(ended)?;
        batches.send(Batch { tables, names: names.clone(), upto, share }).map_err(|_| ended())
    }

    /// Writes what waits and ends.
    ///
    /// # Errors
    /// What ClickHouse refused.
    pub fn finish(mut self) -> Result<(), Error> {
        self.batches = None;
        self.stopping.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().map_err(|_| Error::ClickHouse("the sink thread panicked".to_owned()))?
    }
}
