use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Config, DriftEngine};
use crate::error::Error;

/// Settings that flags and variables override.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Overrides {
    /// Settings file (TOML); `evenkeel config` prints one with all defaults
    #[arg(long, env = "EVENKEEL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the log and the embedded ClickHouse
    #[arg(long, env = "EVENKEEL_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Dataflow worker threads, in each process
    #[arg(long, env = "EVENKEEL_WORKERS")]
    pub workers: Option<usize>,
    /// Processes that the dataflow is spread over; the others are started on this machine, unless --cluster-listen says where
    /// to await them
    #[arg(long, env = "EVENKEEL_PROCESSES")]
    pub processes: Option<usize>,
    /// Where to await the other processes: evenkeel worker --leader ADDRESS
    #[arg(long, env = "EVENKEEL_CLUSTER_LISTEN", value_name = "ADDRESS")]
    pub cluster_listen: Option<SocketAddr>,
    /// Epoch length in milliseconds
    #[arg(long, env = "EVENKEEL_EPOCH_MS")]
    pub epoch_ms: Option<u64>,
    /// How often valuations are reported, in milliseconds
    #[arg(long, env = "EVENKEEL_MARK_MS")]
    pub mark_ms: Option<u64>,
    /// How often drift is reported, in milliseconds: a multiple of the marks, 0 for never [default: at each mark]
    #[arg(long, env = "EVENKEEL_DRIFT_MARK_MS")]
    pub drift_mark_ms: Option<u64>,
    /// What values and watches portfolios; the rows are the same
    #[arg(long, value_enum, env = "EVENKEEL_DRIFT_ENGINE", value_name = "ENGINE")]
    pub drift_engine: Option<DriftEngine>,
    /// Where HTTP listens; port 0 takes a free one
    #[arg(long, env = "EVENKEEL_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// A ClickHouse server instead of the embedded engine
    #[arg(long, env = "EVENKEEL_CLICKHOUSE_URL", value_name = "URL")]
    pub clickhouse: Option<String>,
    /// Its user
    #[arg(long, env = "EVENKEEL_CLICKHOUSE_USER", value_name = "NAME")]
    pub clickhouse_user: Option<String>,
    /// Its password
    #[arg(long, env = "EVENKEEL_CLICKHOUSE_PASSWORD", hide_env_values = true, value_name = "SECRET")]
    pub clickhouse_password: Option<String>,
    /// Its database
    #[arg(long, env = "EVENKEEL_CLICKHOUSE_DATABASE", value_name = "NAME")]
    pub clickhouse_database: Option<String>,
}

impl Overrides {
    /// File, then variables and flags, then checks.
    pub fn settle(&self) -> Result<Config, Error> {
        self.settle_over(Config::read(self.config.as_deref())?)
    }

    /// As [`Overrides::settle`], over given settings.
    pub fn settle_over(&self, mut config: Config) -> Result<Config, Error> {
        fn set<T: Clone>(field: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        set(&mut config.data, self.data.as_ref());
        set(&mut config.workers, self.workers.as_ref());
        set(&mut config.cluster.processes, self.processes.as_ref());
        config.cluster.listen = self.cluster_listen.or(config.cluster.listen);
        set(&mut config.epoch_ms, self.epoch_ms.as_ref());
        set(&mut config.mark_ms, self.mark_ms.as_ref());
        config.drift_mark_ms = self.drift_mark_ms.or(config.drift_mark_ms);
        set(&mut config.drift_engine, self.drift_engine.as_ref());
        set(&mut config.listen, self.listen.as_ref());
        set(&mut config.clickhouse.url, self.clickhouse.as_ref());
        set(&mut config.clickhouse.user, self.clickhouse_user.as_ref());
        set(&mut config.clickhouse.password, self.clickhouse_password.as_ref());
        set(&mut config.clickhouse.database, self.clickhouse_database.as_ref());
        config.check()?;
        Ok(config)
    }
}

/// Print the settings in force, as a settings file.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
}

pub(super) fn run(args: &Args) -> Result<(), Error> {
    let config = args.overrides.settle()?;
    super::out(format_args!("{}", config.to_toml()?))
}

/// Where the demo keeps its log and ClickHouse, so that `sql` and `verify` find them.
pub(super) fn demo_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("evenkeel").join("demo")
}

/// For commands that look at a run: without a word about which, the newest demo serves when there is no run
/// in this folder.
pub(super) fn settle_or_demo(overrides: &Overrides) -> Result<Config, Error> {
    let mut config = overrides.settle()?;
    let named = overrides.config.is_some() || overrides.data.is_some() || !config.clickhouse.url.is_empty();
    if !named && !config.data.exists() && demo_folder().exists() {
        config.data = demo_folder();
        config.correctable_ticks = Config::default().correctable_ticks;
        eprintln!("evenkeel: looking at the newest demo, in {}", config.data.display());
    }
    Ok(config)
}
