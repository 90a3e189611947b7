//! `/api/v1/status`: what the live status page shows.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::{self, Json};
use evenkeel_schemas::events::{OrderStatus, TriggerKind};
use evenkeel_schemas::{Currency, Names, Ratio};
use serde_json::{Map, Value as Json_, json};

use super::Context;
use super::api::{order_json, trigger_json};
use crate::view::View;

/// Upper ends of the histogram of each customer's largest |drift|, in basis points; beyond is open.
const BUCKETS_BPS: [i64; 9] = [50, 100, 200, 300, 400, 500, 750, 1000, 2000];

/// How many of the latest rows are shown.
const LATEST: usize = 12;

/// Customers that the histogram is taken of; of more, so many evenly picked.
const SAMPLE: usize = 2_000;

/// How many customers' largest |drift| lies in which bucket, at this moment.
fn drifts(view: &View) -> [usize; BUCKETS_BPS.len() + 1] {
    let mut histogram = [0; BUCKETS_BPS.len() + 1];
    for customer in view.sample(SAMPLE) {
        let standings = view.standings(customer);
        let Some(largest) = standings.iter().map(|s| s.drift.raw().saturating_abs()).max() else { continue };
        let beyond = |bps: &i64| Ratio::from_bps(*bps).is_none_or(|end| largest <= end.raw());
        histogram[BUCKETS_BPS.iter().position(beyond).unwrap_or(BUCKETS_BPS.len())] += 1;
    }
    histogram
}

/// Assets in the home currency, where every base currency has a rate; in whole cents.
fn assets(view: &View) -> Option<String> {
    let mut sum = 0_i128;
    for exposure in view.exposures() {
        let rate = view.rate(exposure.base_currency, Currency::AUD)?;
        sum += exposure.value.raw().checked_mul(i128::from(rate.raw()))? / 1_000_000_000;
    }
    let cents = evenkeel_schemas::div_half_even(sum, 10_000);
    Some(format!("{}.{:02}", cents / 100, (cents % 100).abs()))
}

/// Brings the gauges up to date that are counted from the view.
pub(super) fn refresh(context: &Context) {
    let view = context.view.read();
    context.live.triggers_open.set(view.open().trigger_count() as i64);
    context.live.customers_out.set(view.open().out_of_band() as i64);
    context.live.epoch_lag.set(epoch_lag_ms(&view) as f64 / 1000.0);
    context.live.sink_lag.set(sink_lag(context) as i64);
}

fn epoch_lag_ms(view: &View) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_millis() as u64).saturating_sub(view.epoch())
}

/// Epochs between the first thing not written yet and the newest handed in.
fn sink_lag(context: &Context) -> u64 {
    let handed = context.sink.handed.load(Ordering::Relaxed);
    let written = context.sink.written.load(Ordering::Relaxed);
    let since = written.max(context.sink.first.load(Ordering::Relaxed));
    handed.saturating_sub(since) / context.live.epoch_ms
}

pub(super) async fn status(context: web::Data<Context>) -> Json<Json_> {
    let view = context.view.read();
    let names = view.names().clone();
    let names = names.read();
    let drifts = drifts(&view);
    let live = &context.live;
    let counts = live.counts();
    let rows = context.sink.rows.load(Ordering::Relaxed);
    let [events_rate, orders_rate, rows_rate] = live.per_second(rows);
    let [epoch, trigger, order] = live.quantiles();
    let up = context.sink.up.load(Ordering::Relaxed);
    let clickhouse = match (up, context.sink.failures.load(Ordering::Relaxed)) {
        (true, _) => "up",
        (false, 0) => "starting",
        (false, _) => "down",
    };
    let kinds: Map<String, Json_> = TriggerKind::ALL
        .iter()
        .map(|kind| (kind.as_str().to_owned(), json!(view.open().count(*kind))))
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": context.mode,
        "now": jiff::Timestamp::now().to_string(),
        "started": context.started,
        "uptime_s": live.started.elapsed().as_secs(),
        "epoch": view.epoch(),
        "epoch_ms": live.epoch_ms,
        "epoch_lag_ms": epoch_lag_ms(&view),
        "customers": view.customers().len(),
        "instruments": view.instrument_count(),
        "base_currency": "AUD",
        "assets_under_management": assets(&view),
        "events": {
            "accepted": counts.accepted, "per_second": events_rate,
            "rejected": counts.rejected, "duplicates": counts.duplicates,
        },
        "epoch_latency_ms": epoch, "tick_to_trigger_ms": trigger, "trigger_to_order_ms": order,
        "breaches": view.open().breach_count(),
        "customers_out_of_band": view.open().out_of_band(),
        "triggers": kinds,
        "decisions": { "trade": live.decisions("trade"), "hold": live.decisions("hold") },
        "orders": order_states(&view),
        "orders_per_second": orders_rate,
        "actors": { "live": live.actors.get(), "queued": context.submitter.waiting() },
        "session": view.session(&context.market).as_str(),
        "anomalies": view.anomalies().len(),
        "clickhouse": {
            "state": clickhouse, "lag_epochs": sink_lag(&context), "rows": rows,
            "rows_per_second": rows_rate, "url": context.sink.url(),
        },
        "monitor": live.monitor().map(|(mode, woken)| json!({
            "mode": mode, "woken": woken,
            "epochs": {
                "zones": live.monitor_epochs("zones"), "sweep": live.monitor_epochs("sweep"),
                "return": live.monitor_epochs("return"),
            },
        })),
        "log": { "state": "ok", "bytes": live.log_bytes(), "events": counts.accepted },
        "drift_histogram": histogram(drifts),
        "drift_sample": drifts.iter().sum::<usize>(),
        "latest": latest(&view, &names),
    }))
}

fn order_states(view: &View) -> Map<String, Json_> {
    use OrderStatus::{Canceled, Expired, Filled, New, PartiallyFilled, PendingNew, Rejected};
    let count = |state: OrderStatus| {
        (state.as_str().to_owned(), json!(view.order_states().get(&state).copied().unwrap_or_default()))
    };
    [PendingNew, New, PartiallyFilled, Filled, Canceled, Rejected, Expired].into_iter().map(count).collect()
}

fn histogram(drifts: [usize; BUCKETS_BPS.len() + 1]) -> Vec<Json_> {
    let ends = BUCKETS_BPS.iter().map(|bps| Ratio::from_bps(*bps).map(|end| end.to_string())).chain([None]);
    ends.zip(drifts).map(|(upto, customers)| json!({ "upto": upto, "customers": customers })).collect()
}

fn latest(view: &View, names: &Names) -> Json_ {
    let triggers: Vec<Json_> = view
        .latest_triggers()
        .take(LATEST)
        .map(|(_, key, measure, limit)| trigger_json(names, key, *measure, *limit))
        .collect();
    let decisions: Vec<Json_> = view
        .latest_decisions()
        .take(LATEST)
        .map(|logged| {
            let decision = &logged.decision;
            json!({
                "epoch": logged.epoch, "decision": decision.decision.as_str(), "customer": decision.customer.as_str(),
                "outcome": decision.outcome.as_str(), "reason": decision.reason, "orders": decision.orders.len(),
            })
        })
        .collect();
    let orders: Vec<Json_> = view.latest_orders().take(LATEST).map(|row| order_json(names, row)).collect();
    let rejected: Vec<Json_> = view
        .latest_rejected()
        .take(LATEST)
        .map(|(epoch, r)| json!({ "epoch": epoch, "source": r.file, "line": r.line, "field": r.field, "reason": r.reason }))
        .collect();
    json!({ "triggers": triggers, "decisions": decisions, "orders": orders, "rejected": rejected })
}
