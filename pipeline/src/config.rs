//! Settings: a TOML file, overridden by `EVENKEEL_…` variables, overridden by flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use evenkeel_actors::Policy;
use evenkeel_operators::dataflow::{Timing, Watching};
use evenkeel_operators::monitoring::Choice;
use evenkeel_schemas::Epoch;
use serde::{Deserialize, Serialize};

use crate::cluster::{Gathering, Work, gather};
use crate::engine::{Plan, Workers};
use crate::error::Error;

/// All settings, with their defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the log and the embedded ClickHouse.
    pub data: PathBuf,
    /// Dataflow worker threads, in each process.
    pub workers: usize,
    /// Processes that the dataflow is spread over.
    pub cluster: ClusterConfig,
    /// Epoch length in milliseconds.
    pub epoch_ms: u64,
    /// How often valuations are reported, in milliseconds.
    pub mark_ms: u64,
    /// How often drift is reported, a line for each instrument of each customer, in milliseconds: a multiple of
    /// `mark_ms`, or 0 for never. Unless set, `mark_ms`. Breaches and triggers do not wait for it.
    pub drift_mark_ms: Option<u64>,
    /// After how long without a price an instrument is called stale, in milliseconds; 0 for never.
    pub stale_ms: u64,
    /// What values and watches portfolios; the rows are the same.
    pub drift_engine: DriftEngine,
    /// Where HTTP listens. Anything but the loopback address is refused: there are no accounts yet.
    pub listen: SocketAddr,
    /// How many of the latest market events with an id can be corrected or recognised as duplicates.
    pub correctable_ticks: usize,
    /// Whether tax lots and realised gains are kept.
    pub lots: bool,
    /// The event log.
    pub log: LogConfig,
    /// ClickHouse.
    pub clickhouse: ClickHouseConfig,
    /// Customers, costs, desk, broker.
    pub policy: Policy,
}

/// What values and watches portfolios.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DriftEngine {
    /// Flat columns and safe zones: work follows the customers that may have crossed a threshold
    #[default]
    Monitor,
    /// The same columns, every customer looked at in every epoch
    Sweep,
    /// Textbook differential: work follows the holders of what moved; the oracle of the monitor
    Textbook,
}

impl DriftEngine {
    /// As the dataflow is told.
    pub fn watching(self) -> Watching {
        match self {
            DriftEngine::Monitor => Watching::Monitor { choice: Choice::Auto, listener: None },
            DriftEngine::Sweep => Watching::Monitor { choice: Choice::Sweep, listener: None },
            DriftEngine::Textbook => Watching::Textbook,
        }
    }
}

/// Settings of a dataflow over several processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// How many processes, this one included.
    pub processes: usize,
    /// Where the others are awaited (`evenkeel worker --leader`); without it they are started, on this machine. What
    /// is said there is neither encrypted nor signed.
    pub listen: Option<SocketAddr>,
}

impl Default for ClusterConfig {
    fn default() -> ClusterConfig {
        ClusterConfig { processes: 1, listen: None }
    }
}

/// Settings of the event log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Submissions that may wait to be logged before their senders have to.
    pub queue: usize,
    /// Records of one commit at the most.
    pub commit_records: usize,
    /// How often a baseline is kept, from which a restart goes on without reading older ticks, in milliseconds,
    /// rounded up to a multiple of `mark_ms`; 0 for never.
    pub baseline_ms: u64,
    /// How long ticks are kept in the log, in milliseconds (30 days: 2592000000); 0 for ever. Accounts and
    /// decisions are always kept for ever. ClickHouse keeps its `ticks` all the same.
    pub keep_ticks_ms: u64,
    /// Size of a segment in bytes; ticks are dropped by whole segments.
    pub segment_bytes: u64,
}

/// Settings of ClickHouse.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickHouseConfig {
    /// `http://host:port` of a server; empty for the embedded engine.
    pub url: String,
    /// User.
    pub user: String,
    /// Password; better given as EVENKEEL_CLICKHOUSE_PASSWORD.
    #[serde(skip_serializing)]
    pub password: String,
    /// Database.
    pub database: String,
    /// Cluster for ON CLUSTER and Replicated tables; empty for a single server.
    pub cluster: String,
    /// Memory limit of the embedded engine in bytes.
    pub memory_bytes: u64,
    /// Bytes of rows that may wait in memory for ClickHouse; beyond that the pipeline waits too.
    pub queue_bytes: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from("evenkeel-data"),
            workers: 1,
            cluster: ClusterConfig::default(),
            epoch_ms: 100,
            mark_ms: 1000,
            drift_mark_ms: None,
            stale_ms: 0,
            drift_engine: DriftEngine::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            correctable_ticks: 1_000_000,
            lots: true,
            log: LogConfig::default(),
            clickhouse: ClickHouseConfig::default(),
            policy: Policy::default(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            queue: 1024,
            commit_records: 16_384,
            baseline_ms: 3_600_000,
            keep_ticks_ms: 0,
            segment_bytes: 64 << 20,
        }
    }
}

impl Default for ClickHouseConfig {
    fn default() -> ClickHouseConfig {
        ClickHouseConfig {
            url: String::new(),
            user: String::new(),
            password: String::new(),
            database: "evenkeel".to_owned(),
            cluster: String::new(),
            memory_bytes: 4 << 30,
            queue_bytes: 1 << 30,
        }
    }
}

impl ClusterConfig {
    /// Who does some work, once all processes are there or `ending` says so.
    ///
    /// # Errors
    /// When the other processes cannot be had.
    pub fn gather(&self, work: Work, ending: &dyn Fn() -> bool) -> Result<Workers, Error> {
        let ClusterConfig { processes, listen } = *self;
        if processes == 1 {
            return Ok(Workers::Threads(work.workers));
        }
        let cluster = gather(&Gathering { processes, listen, work, ending }).map_err(Error::Start)?;
        Ok(Workers::Across(cluster))
    }
}

impl Config {
    /// Reads a file over the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is unknown or out of range.
    pub fn read(path: Option<&Path>) -> Result<Config, Error> {
        let Some(path) = path else { return Ok(Config::default()) };
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::file("read settings from", path, error))?;
        toml::from_str(&text).map_err(|error| Error::Config(format!("{}: {error}", path.display())))
    }

    /// What is in force, as a settings file.
    ///
    /// # Errors
    /// When a setting cannot be written.
    pub fn to_toml(&self) -> Result<String, Error> {
        let settled = Config { drift_mark_ms: Some(self.drift_mark_ms()), ..self.clone() };
        toml::to_string_pretty(&settled).map_err(|error| Error::Config(error.to_string()))
    }

    /// Checks ranges.
    ///
    /// # Errors
    /// Names the setting, its value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let bad = |field: &str, value: String, expected: &str| {
            Err(Error::Config(format!("{field} = {value}: expected {expected}")))
        };
        if !(1..=60_000).contains(&self.epoch_ms) {
            return bad("epoch_ms", self.epoch_ms.to_string(), "1 to 60000 milliseconds");
        }
        if self.mark_ms < self.epoch_ms || !self.mark_ms.is_multiple_of(self.epoch_ms) {
            return bad("mark_ms", self.mark_ms.to_string(), "a multiple of epoch_ms");
        }
        if !self.drift_mark_ms().is_multiple_of(self.mark_ms) {
            return bad("drift_mark_ms", self.drift_mark_ms().to_string(), "a multiple of mark_ms, or 0");
        }
        if !(1..=64).contains(&self.workers) {
            return bad("workers", self.workers.to_string(), "1 to 64");
        }
        if !(1..=64).contains(&self.cluster.processes) {
            return bad("cluster.processes", self.cluster.processes.to_string(), "1 to 64");
        }
        if !self.listen.ip().is_loopback() {
            let expected = "a loopback address: accounts and TLS are not built yet";
            return bad("listen", self.listen.to_string(), expected);
        }
        if self.log.queue == 0 || self.log.commit_records == 0 {
            return bad("log.queue, log.commit_records", "0".to_owned(), "1 or more");
        }
        let LogConfig { baseline_ms, keep_ticks_ms, .. } = self.log;
        if keep_ticks_ms > 0 && baseline_ms == 0 {
            let expected = "0, or a log.baseline_ms above 0: without baselines every tick is needed";
            return bad("log.keep_ticks_ms", keep_ticks_ms.to_string(), expected);
        }
        self.policy.check().map_err(|error| Error::Config(format!("policy.{error}")))
    }

    /// Epoch length, marks and staleness.
    pub fn timing(&self) -> Timing {
        Timing {
            epoch_ms: self.epoch_ms,
            mark_ms: self.mark_ms,
            drift_mark_ms: self.drift_mark_ms(),
            stale_ms: self.stale_ms,
            dated: self.lots,
        }
    }

    /// How often drift is reported; 0 for never.
    pub fn drift_mark_ms(&self) -> u64 {
        self.drift_mark_ms.unwrap_or(self.mark_ms)
    }

    /// How often a baseline is kept: at marks, so that nothing reported is still to come.
    pub fn baseline_ms(&self) -> u64 {
        self.log.baseline_ms.next_multiple_of(self.mark_ms.max(self.drift_mark_ms()))
    }

    /// What the engine builds.
    pub fn plan(&self, opening: Epoch) -> Plan {
        Plan { timing: self.timing(), watching: self.drift_engine.watching(), opening }
    }

    /// Who works: threads of this process, or of several, once all of them are there or `ending` says so.
    ///
    /// # Errors
    /// When the other processes cannot be had.
    pub fn gather(&self, ending: &dyn Fn() -> bool) -> Result<Workers, Error> {
        let work = Work { workers: self.workers, timing: self.timing(), drift_engine: self.drift_engine };
        self.cluster.gather(work, ending)
    }

    /// What the derived rows depend on beyond the events.
    pub fn derivation(&self) -> Derivation {
        let Config { epoch_ms, mark_ms, stale_ms, correctable_ticks, .. } = *self;
        let (drift_mark_ms, lots) = (Some(self.drift_mark_ms()), Some(self.lots));
        Derivation { epoch_ms, mark_ms, drift_mark_ms, stale_ms, correctable_ticks, lots }
    }

    /// Takes over what a folder was recorded with.
    pub fn derive_as(&mut self, derivation: Derivation) {
        let Derivation { epoch_ms, mark_ms, drift_mark_ms, stale_ms, correctable_ticks, lots } = derivation;
        (self.epoch_ms, self.mark_ms, self.stale_ms) = (epoch_ms, mark_ms, stale_ms);
        (self.drift_mark_ms, self.correctable_ticks) = (drift_mark_ms, correctable_ticks);
        self.lots = lots.unwrap_or(false);
    }
}

/// Settings that derived rows depend on: kept with the log, because another value would derive other rows from
/// the same events.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// Epoch length.
    pub epoch_ms: u64,
    /// How often valuations are reported.
    pub mark_ms: u64,
    /// How often drift is reported; not there in folders of before it could be set: then as `mark_ms`.
    #[serde(default)]
    pub drift_mark_ms: Option<u64>,
    /// After how long a price is stale.
    pub stale_ms: u64,
    /// How many market events with an id can be corrected.
    pub correctable_ticks: usize,
    /// Whether lots are kept; not there in folders of before they could be: then not.
    #[serde(default)]
    pub lots: Option<bool>,
}

/// Under which name the log keeps them.
const DERIVATION: &str = "derivation";

impl Derivation {
    /// What the log was recorded with; `None` for a new log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn of(log: &evenkeel_log::Log) -> Result<Option<Derivation>, Error> {
        let bad = |error: serde_json::Error| Error::Check(format!("the log's settings are damaged: {error}"));
        let Some(bytes) = log.get_meta(DERIVATION)? else { return Ok(None) };
        let mut derivation: Derivation = serde_json::from_slice(&bytes).map_err(bad)?;
        derivation.drift_mark_ms.get_or_insert(derivation.mark_ms);
        derivation.lots.get_or_insert(false);
        Ok(Some(derivation))
    }

    /// Keeps the settings with a new log; checks that they are those of an old one.
    ///
    /// # Errors
    /// When the folder was recorded with others.
    pub fn settle(self, log: &evenkeel_log::Log) -> Result<(), Error> {
        match Derivation::of(log)? {
            Some(recorded) if recorded == self => Ok(()),
            Some(recorded) => Err(Error::Config(format!(
                "the folder was recorded with {recorded:?} and the settings say {self:?}: derived rows would differ; set them back, or start in another folder"
            ))),
            None => {
                let bytes = serde_json::to_vec(&self).map_err(|error| Error::Config(error.to_string()))?;
                Ok(log.put_meta(DERIVATION, &bytes)?)
            }
        }
    }
}
