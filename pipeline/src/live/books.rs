//! Figures of the books: what the rows of each epoch change of lots, gains, distributions, the cash ladder
//! and their anomalies, and corrections as they are accepted.

use evenkeel_schemas::events::Correction;
use evenkeel_schemas::{AccrualKind, AnomalyKind, PaymentStatus, Row};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::engine::Closed;

/// Figures of the books. A gauge counts the rows that hold.
#[derive(Debug)]
pub(super) struct BookFigures {
    lots: IntGauge,
    gains: IntGauge,
    distributions: IntGaugeVec,
    rungs: IntGauge,
    accruals: IntGaugeVec,
    candidates: IntGaugeVec,
    anomalies: IntGaugeVec,
    corrections: IntCounterVec,
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    let metric = IntGauge::with_opts(Opts::new(name, help)).expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

fn gauges(registry: &Registry, name: &str, help: &str, label: &str) -> IntGaugeVec {
    let metric = IntGaugeVec::new(Opts::new(name, help), &[label]).expect("Invariant: a valid metric");
    registry.register(Box::new(metric.clone())).expect("Invariant: metric names differ");
    metric
}

impl BookFigures {
    pub fn new(registry: &Registry) -> BookFigures {
        let help = "Corrections accepted, by the type of the replacing event; bust without one";
        let corrections = IntCounterVec::new(Opts::new("evenkeel_corrections_total", help), &["type"])
            .expect("Invariant: a valid metric");
        registry.register(Box::new(corrections.clone())).expect("Invariant: metric names differ");
        let r = registry;
        let figures = BookFigures {
            lots: gauge(r, "evenkeel_lots_open", "Open tax lots"),
            gains: gauge(r, "evenkeel_realised_gain_rows", "Rows of realised gains: one a lot and disposal"),
            distributions: gauges(
                r,
                "evenkeel_distributions",
                "Distributions that customers are entitled to, by status",
                "status",
            ),
            rungs: gauge(r, "evenkeel_cash_ladder_rungs", "Amounts due, by customer, currency, day and kind"),
            accruals: gauges(
                r,
                "evenkeel_accruals",
                "Months of fees and interest not paid yet, by kind",
                "kind",
            ),
            candidates: gauges(
                r,
                "evenkeel_harvest_candidates",
                "Losses worth harvesting, by whether a purchase speaks against",
                "wash",
            ),
            anomalies: gauges(r, "evenkeel_lot_anomalies", "Open anomalies of lots, by kind", "kind"),
            corrections,
        };
        // There from the start, at zero.
        for status in [PaymentStatus::Accrued, PaymentStatus::Paid] {
            figures.distributions.with_label_values(&[status.as_str()]).set(0);
        }
        for kind in [AccrualKind::Fee, AccrualKind::Interest] {
            figures.accruals.with_label_values(&[kind.as_str()]).set(0);
        }
        for wash in ["clear", "wash_sale"] {
            figures.candidates.with_label_values(&[wash]).set(0);
        }
        figures
    }

    /// Takes in what an epoch changed.
    pub fn booked(&self, closed: &Closed) {
        let (mut lots, mut gains, mut rungs, mut accrued, mut paid) = (0, 0, 0, 0, 0);
        for (row, diff) in &closed.changes {
            let diff = *diff as i64;
            match row {
                Row::Lot(_) => lots += diff,
                Row::RealisedGain(_) => gains += diff,
                Row::CashLadder(_) => rungs += diff,
                Row::Distribution(row) => match row.status {
                    PaymentStatus::Accrued => accrued += diff,
                    PaymentStatus::Paid => paid += diff,
                },
                Row::Accrual(row) if row.status == PaymentStatus::Accrued => {
                    self.accruals.with_label_values(&[row.kind.as_str()]).add(diff);
                }
                Row::HarvestCandidate(row) => self.candidates.with_label_values(&[row.flag()]).add(diff),
                Row::Anomaly { kind: kind @ AnomalyKind::Lots(..), .. } => {
                    self.anomalies.with_label_values(&[kind.as_str()]).add(diff);
                }
                _ => {}
            }
        }
        self.lots.add(lots);
        self.gains.add(gains);
        self.rungs.add(rungs);
        self.distributions.with_label_values(&[PaymentStatus::Accrued.as_str()]).add(accrued);
        self.distributions.with_label_values(&[PaymentStatus::Paid.as_str()]).add(paid);
    }

    pub fn corrected(&self, correction: &Correction) {
        let kind = correction.with.as_ref().map_or("bust", |with| with.event_type().as_str());
        self.corrections.with_label_values(&[kind]).inc();
    }
}
