//! What `demo` and `run` share: start every station, wait for a signal or a failure, stop in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel_log::{Log, LogConfig, Topic};

use crate::config::Config;
use crate::error::Error;
use crate::http::{Context, Server};
use crate::live::{Baseline, Keeper, Line, Parts};
use crate::progress::Progress;
use crate::sink::{Held, Sink};

/// All stations, running.
pub(super) struct Running {
    pub line: Line,
    pub http: Server,
    stop: Arc<AtomicBool>,
}

/// Opens the log and says what it found.
pub(super) fn open_log(config: &Config) -> Result<Log, Error> {
    let (log, report) = Log::open(LogConfig {
        segment_bytes: config.log.segment_bytes,
        ..LogConfig::new(config.data.join("log"))
    })?;
    if !report.created {
        let how =
            if report.clean_shutdown { "closed cleanly" } else { "not closed cleanly, checked and repaired" };
        eprintln!("evenkeel: the log in {} holds {} records ({how})", config.data.display(), report.records);
    }
    Ok(log)
}

/// Where recovery begins: at the newest baseline if ClickHouse holds everything up to it, or if older ticks are
/// gone; otherwise at the first record.
fn beginning(log: &Log, sink: &Sink) -> Result<Option<Baseline>, Error> {
    let Some(baseline) = Baseline::of(log)? else { return Ok(None) };
    let Baseline { epoch, ticks_after, .. } = baseline;
    let all_there = log.first_offset(Topic::Market) == 0;
    let held = match sink.held {
        Held::Upto(upto) => upto >= Some(epoch),
        Held::Unknown => true,
    };
    if all_there && !held {
        return Ok(None);
    }
    if !held {
        tracing::warn!(
            epoch,
            "ClickHouse lacks what was derived from ticks that are no longer kept: its history begins with the state at this epoch"
        );
    } else if sink.held == Held::Unknown {
        sink.state.needed.store(epoch, Ordering::Relaxed);
    }
    tracing::info!(epoch, ticks_after, "going on from the newest baseline");
    Ok(Some(baseline))
}

impl Running {
    /// Starts every station; returns once the log has been read and the view has taken it in.
    pub fn start(config: &Config, mode: &'static str) -> Result<Running, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, stop.clone())
                .map_err(|error| Error::Start(format!("cannot listen for signals: {error}")))?;
        }
        std::fs::create_dir_all(&config.data)
            .map_err(|error| Error::file("make the folder", &config.data, error))?;
        let log = Arc::new(open_log(config)?);
        config.derivation().settle(&log)?;
        let sink = Sink::start(config)?;
        let sink_state = sink.state.clone();
        let baseline = beginning(&log, &sink)?;
        let keeper = Keeper::start(config, log.clone(), sink_state.clone())?;
        let workers = config.gather(&|| stop.load(Ordering::Relaxed))?;
        let line = Line::start(config, Parts { workers, log, baseline, sink, keeper })?;
        let http = Server::start(config.listen, Context::new(&line, sink_state, mode, config))?;
        let mut progress = Progress::new("reading the log", None);
        while !line.live.ready() && !line.failed() && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
            progress.look(0, || format!("epoch {}", line.view.read().epoch()));
        }
        progress.done();
        Ok(Running { line, http, stop })
    }

    /// Whether a signal came or a station failed.
    pub fn ending(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.line.failed()
    }

    /// Waits for a signal or a failure.
    pub fn wait(&self) {
        while !self.ending() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops in order: no more events, what was accepted written out, then the end.
    pub fn stop(self) -> Result<(), Error> {
        if !self.line.failed() {
            eprintln!("evenkeel: stopping; writing out what was accepted");
        }
        self.http.stop();
        let result = self.line.stop();
        if result.is_ok() {
            eprintln!("evenkeel: stopped");
        }
        result
    }
}
