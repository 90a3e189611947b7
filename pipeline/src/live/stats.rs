//! Figures of the running line: Prometheus metrics, and quantiles over the last minute for the status page.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_operators::monitoring::{Mode, Report};
use evenkeel_schemas::events::{Correction, Event};
use hdrhistogram::Histogram;
use prometheus::{Gauge, Histogram as Metric, HistogramOpts, IntCounter, IntGauge, Opts, Registry};
use serde::Serialize;

use super::books::BookFigures;
use super::flow::FlowFigures;
use crate::config::Config;
use crate::door::Counts;
use crate::engine::Closed;

/// Quantiles over the last minute: of a latency in milliseconds, of a count as it is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 99 in 100 are below.
    pub p99: f64,
    /// 999 in 1000 are below.
    pub p999: f64,
}

/// Latencies of one kind over the last minute, by ten-second slices.
#[derive(Debug)]
struct Recent {
    slices: VecDeque<(Instant, Histogram<u64>)>,
}

const SLICE: Duration = Duration::from_secs(10);
const SLICES: usize = 6;

impl Recent {
    fn new() -> Recent {
        Recent { slices: VecDeque::new() }
    }

    fn record(&mut self, latency: Duration, times: u64) {
        self.record_value(latency.as_micros().max(1) as u64, times);
    }

    fn record_value(&mut self, value: u64, times: u64) {
        let now = Instant::now();
        if self.slices.back().is_none_or(|(since, _)| now - *since > SLICE) {
            // Microseconds up to an hour, three digits: these bounds are valid.
            if let Ok(histogram) = Histogram::new_with_bounds(1, 3_600_000_000, 3) {
                self.slices.push_back((now, histogram));
            }
            if self.slices.len() > SLICES {
                self.slices.pop_front();
            }
        }
        if let Some((_, histogram)) = self.slices.back_mut() {
            histogram.saturating_record_n(value, times);
        }
    }

    /// Of latencies, in milliseconds.
    fn quantiles(&self) -> Option<Quantiles> {
        let Quantiles { p50, p99, p999 } = self.values()?;
        Some(Quantiles { p50: p50 / 1000.0, p99: p99 / 1000.0, p999: p999 / 1000.0 })
    }

    /// Of values as they were recorded.
    fn values(&self) -> Option<Quantiles> {
        let mut all: Histogram<u64> = Histogram::new_with_bounds(1, 3_600_000_000, 3).ok()?;
        for (_, slice) in &self.slices {
            all.add(slice).ok()?;
        }
        if all.is_empty() {
            return None;
        }
        let at = |quantile| all.value_at_quantile(quantile) as f64;
        Some(Quantiles { p50: at(0.5), p99: at(0.99), p999: at(0.999) })
    }
}

/// The latencies that are kept.
#[derive(Debug)]
pub struct Latencies {
    /// From an epoch's end to its rows being out.
    epoch: Recent,
    /// From an event's arrival to the trigger it caused.
    trigger: Recent,
    /// From a trigger to the orders it caused being on the stream.
    order: Recent,
}

/// How the monitor closed epochs, each worker by itself.
#[derive(Debug)]
struct Monitored {
    newest: Option<&'static str>,
    /// Customers looked at one by one, in an epoch.
    woken: Recent,
}

/// How long a rate looks back.
const RATE_WINDOW: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Rates {
    samples: VecDeque<(Instant, u64, u64, u64)>,
}

/// Figures of the running line.
#[derive(Debug)]
pub struct Live {
    /// All metrics.
    pub registry: Registry,
    /// Epoch length.
    pub epoch_ms: u64,
    /// When the program started.
    pub started: Instant,
    events: IntCounter,
    duplicates: IntGauge,
    rejected: IntGauge,
    bytes: IntCounter,
    commit: Metric,
    epoch_seconds: Metric,
    trigger_seconds: Metric,
    order_seconds: Metric,
    /// Open triggers, customers out of band, live actors, waiting rows.
    pub triggers_open: IntGauge,
    /// Customers with an instrument outside its band.
    pub customers_out: IntGauge,
    /// Customers' actors alive.
    pub actors: IntGauge,
    /// Epochs that the sink is behind.
    pub sink_lag: IntGauge,
    /// Seconds that the newest complete epoch is behind the clock.
    pub epoch_lag: Gauge,
    orders: IntCounter,
    decisions: prometheus::IntCounterVec,
    books: BookFigures,
    flow: FlowFigures,
    monitor_epochs: prometheus::IntCounterVec,
    monitor_woken: IntCounter,
    monitored: Mutex<Monitored>,
    counts: Mutex<Counts>,
    latencies: Mutex<Latencies>,
    rates: Mutex<Rates>,
    ready: std::sync::atomic::AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn histogram(registry: &Registry, name: &str, help: &str) -> Metric {
    let buckets =
        vec![0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let metric = Metric::with_opts(HistogramOpts::new(name, help).buckets(buckets))
        .expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    let metric = IntCounter::with_opts(Opts::new(name, help)).expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let metric = IntGauge::with_opts(Opts::new(name, help)).expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

impl Live {
    /// Fresh figures.
    pub fn new(config: &Config) -> Live {
        let registry = Registry::new();
        let r = &registry;
        let epoch_lag =
            Gauge::with_opts(Opts::new("evenkeel_epoch_lag_seconds", "Age of the newest complete epoch"))
                .expect("Invariant: a valid metric");
        r.register(Box::new(epoch_lag.clone())).expect("Invariant: metric names differ");
        let decisions = prometheus::IntCounterVec::new(
            Opts::new("evenkeel_decisions_total", "Logged decisions"),
            &["outcome"],
        )
        .expect("Invariant: a valid metric");
        r.register(Box::new(decisions.clone())).expect("Invariant: metric names differ");
        let monitor_epochs = prometheus::IntCounterVec::new(
            Opts::new("evenkeel_monitor_epochs_total", "Epochs that the monitor closed, by the mode it took"),
            &["mode"],
        )
        .expect("Invariant: a valid metric");
        r.register(Box::new(monitor_epochs.clone())).expect("Invariant: metric names differ");
        Live {
            books: BookFigures::new(r),
            flow: FlowFigures::new(r),
            monitor_epochs,
            monitor_woken: counter(
                r,
                "evenkeel_monitor_woken_total",
                "Customers that the monitor looked at one by one",
            ),
            monitored: Mutex::new(Monitored { newest: None, woken: Recent::new() }),
            epoch_ms: config.epoch_ms,
            started: Instant::now(),
            events: counter(r, "evenkeel_events_total", "Accepted events, on disk"),
            duplicates: gauge(
                r,
                "evenkeel_events_duplicate",
                "Events dropped because their id was seen before",
            ),
            rejected: gauge(r, "evenkeel_events_rejected", "Lines refused, in the dead-letter stream"),
            bytes: counter(r, "evenkeel_log_bytes_total", "Bytes appended to the log"),
            commit: histogram(r, "evenkeel_log_commit_seconds", "Duration of a group commit, fsync included"),
            epoch_seconds: histogram(
                r,
                "evenkeel_epoch_seconds",
                "From an epoch's end to its rows being out",
            ),
            trigger_seconds: histogram(
                r,
                "evenkeel_tick_to_trigger_seconds",
                "From an event's arrival to its trigger",
            ),
            order_seconds: histogram(
                r,
                "evenkeel_trigger_to_order_seconds",
                "From a trigger to its orders on the stream",
            ),
            triggers_open: gauge(r, "evenkeel_triggers_open", "Open triggers"),
            customers_out: gauge(r, "evenkeel_customers_out_of_band", "Customers outside a band"),
            actors: gauge(r, "evenkeel_actors_live", "Customers' actors alive"),
            sink_lag: gauge(r, "evenkeel_sink_lag_epochs", "Epochs that ClickHouse is behind"),
            epoch_lag,
            orders: counter(r, "evenkeel_orders_total", "Orders put on the stream"),
            decisions,
            counts: Mutex::default(),
            latencies: Mutex::new(Latencies {
                epoch: Recent::new(),
                trigger: Recent::new(),
                order: Recent::new(),
            }),
            rates: Mutex::default(),
            ready: false.into(),
            registry,
        }
    }

    pub(crate) fn committed(&self, events: u64, bytes: u64, took: Duration, counts: Counts) {
        self.events.inc_by(events);
        self.bytes.inc_by(bytes);
        self.commit.observe(took.as_secs_f64());
        self.duplicates.set(counts.duplicates as i64);
        self.rejected.set(counts.rejected as i64);
        *locked(&self.counts) = counts;
    }

    pub(crate) fn closed(&self, latency: Duration) {
        self.epoch_seconds.observe(latency.as_secs_f64());
        locked(&self.latencies).epoch.record(latency, 1);
    }

    pub(crate) fn triggered(&self, latency: Duration, triggers: u64) {
        self.trigger_seconds.observe(latency.as_secs_f64());
        locked(&self.latencies).trigger.record(latency, triggers);
    }

    pub(crate) fn ordered(&self, latency: Option<Duration>, orders: u64) {
        self.orders.inc_by(orders);
        if let Some(latency) = latency {
            self.order_seconds.observe(latency.as_secs_f64());
            locked(&self.latencies).order.record(latency, orders);
        }
    }

    /// Takes note of how the monitor closed an epoch.
    pub(crate) fn monitored(&self, report: &Report) {
        let mode = match report.mode {
            Mode::Zones => "zones",
            Mode::Sweep => "sweep",
            Mode::Return => "return",
        };
        self.monitor_epochs.with_label_values(&[mode]).inc();
        self.monitor_woken.inc_by(report.woken as u64);
        let mut monitored = locked(&self.monitored);
        monitored.newest = Some(mode);
        monitored.woken.record_value(report.woken as u64, 1);
    }

    /// The mode that the monitor took last, and how many customers it woke in an epoch; `None` before its first.
    pub fn monitor(&self) -> Option<(&'static str, Quantiles)> {
        let monitored = locked(&self.monitored);
        monitored.newest.zip(monitored.woken.values())
    }

    /// Epochs that the monitor closed in a mode, since the start.
    pub fn monitor_epochs(&self, mode: &str) -> u64 {
        self.monitor_epochs.with_label_values(&[mode]).get()
    }

    /// Takes note of what an epoch changed of the books.
    pub(crate) fn booked(&self, closed: &Closed) {
        self.books.booked(closed);
    }

    /// Takes note of an accepted correction.
    pub(crate) fn corrected(&self, correction: &Correction) {
        self.books.corrected(correction);
    }

    /// Takes note of a committed event of onboarding.
    pub(crate) fn onboarded(&self, event: &Event) {
        self.flow.note(event);
    }

    pub(crate) fn decided(&self, outcome: &str) {
        self.decisions.with_label_values(&[outcome]).inc();
    }

    /// Logged decisions of an outcome since the start.
    pub fn decisions(&self, outcome: &str) -> u64 {
        self.decisions.with_label_values(&[outcome]).get()
    }

    pub(crate) fn recovered(&self) {
        self.ready.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Whether the log has been read and the view has taken it in.
    pub fn ready(&self) -> bool {
        self.ready.load(std::sync::atomic::Ordering::Acquire)
    }

    /// What came in.
    pub fn counts(&self) -> Counts {
        *locked(&self.counts)
    }

    /// Bytes appended since the start.
    pub fn log_bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Latencies over the last minute: epoch, tick to trigger, trigger to order.
    pub fn quantiles(&self) -> [Option<Quantiles>; 3] {
        let latencies = locked(&self.latencies);
        [latencies.epoch.quantiles(), latencies.trigger.quantiles(), latencies.order.quantiles()]
    }

    /// Events, orders and sink rows a second, over the last seconds.
    pub fn per_second(&self, sink_rows: u64) -> [f64; 3] {
        let mut rates = locked(&self.rates);
        let now = Instant::now();
        rates.samples.push_back((now, self.events.get(), self.orders.get(), sink_rows));
        while rates.samples.len() > 2 && rates.samples.front().is_some_and(|(at, ..)| now - *at > RATE_WINDOW)
        {
            rates.samples.pop_front();
        }
        let Some((at, events, orders, rows)) = rates.samples.front().copied() else { return [0.0; 3] };
        let seconds = (now - at).as_secs_f64().max(1e-3);
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        [rate(self.events.get(), events), rate(self.orders.get(), orders), rate(sink_rows, rows)]
    }
}
