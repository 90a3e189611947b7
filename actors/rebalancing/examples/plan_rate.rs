//! How long a plan takes: `cargo run --release -p evenkeel-rebalancing --example plan_rate`.
//!
//! 13 instruments with costs, five parcels each, tax by parcel, whole lots and covariances, over 2,000
//! different drifted portfolios (the first row without covariances), one at a time on one thread. Each plan's
//! cash is worked out again before its time counts.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]

use std::time::Instant;

use evenkeel_optimizer::Side;
use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_rebalancing::{
    Destination, Outcome, Policy, Portfolio, Reason, ReasonKind, Risk, Snapshot, Strategy, plan,
};
use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio};
use ndarray::Array2;

#[path = "../tests/common/mod.rs"]
mod common;

const RUNS: u64 = 2_000;
const SIZE: u32 = 13;
/// Runs of each plan, of which the quickest counts for its portfolio: the others have the machine's other
/// work in them. All of them count for the last column.
const REPEATS: usize = 3;

/// splitmix64.
struct Stream(u64);

impl Stream {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

/// A portfolio of about 250,000, drifted by up to 80% an instrument.
fn drifted(seed: u64) -> Portfolio {
    let mut stream = Stream(seed);
    let mut positions = Vec::new();
    for instrument in 1..=SIZE {
        let cents = 500 + stream.below(20_000);
        let units = (250_000 * 100 / u64::from(SIZE) / cents) * (60 + stream.below(80)) / 100;
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let mut one = common::position(instrument, &units.to_string(), &price, "0.075");
        one.band = Ratio::from_raw(15_000_000);
        one.average_daily_value = Some(Money::from_raw(20_000_000 * Money::ONE));
        let mut left = units;
        for lot in 0..5_u64 {
            let quantity = if lot == 4 { left } else { (left / 3).max(1).min(left) };
            left -= quantity;
            if quantity > 0 {
                let cost = (quantity * cents * (60 + stream.below(60)) / 10_000).to_string();
                let bought = format!("{}-{:02}-10", 2022 + lot, 1 + stream.below(6));
                let number = u64::from(instrument) * 10 + lot;
                one.parcels.push(common::parcel(number, &bought, &quantity.to_string(), &cost));
            }
        }
        positions.push(one);
    }
    common::portfolio(positions, "6000")
}

fn main() {
    let taxpayer = common::Taxpayer::new();
    let instruments: Vec<InstrumentId> = (1..=SIZE).map(InstrumentId).collect();
    let size = SIZE as usize;
    let entry = |(i, j): (usize, usize)| if i == j { 0.03 + 0.001 * i as f64 } else { 0.015 };
    let covariance = Covariance::dense(Array2::from_shape_fn((size, size), entry)).unwrap();
    let policy = Policy::default();
    println!(
        "{:>20} {:>8} {:>8} {:>8} {:>7} {:>7} {:>8}",
        "reason", "p50_ms", "p99_ms", "max_ms", "trades", "orders", "p99_all"
    );
    for (kind, risky) in [
        (ReasonKind::Drift, false),
        (ReasonKind::Drift, true),
        (ReasonKind::CashFlow, true),
        (ReasonKind::RiskProfileChange, true),
    ] {
        let (mut times, mut all, mut trades, mut orders) = (Vec::new(), Vec::new(), 0, 0);
        for seed in 0..RUNS {
            let book = drifted(seed);
            let risk = Risk { instruments: &instruments, covariance: &covariance };
            let (market, tax) = (common::asx(), Some(taxpayer.year()));
            let snapshot = Snapshot { portfolio: &book, market, risk: risky.then_some(risk), tax };
            let reasons = match kind {
                ReasonKind::CashFlow => {
                    vec![Reason::cash_flow(common::n("-9000"), false), Reason::of(ReasonKind::Drift)]
                }
                kind => vec![Reason::of(kind), Reason::of(ReasonKind::Drift)],
            };
            let strategy = Strategy::Threshold { to: Destination::Target };
            let mut of_this = Vec::new();
            let mut made = plan(&snapshot, &reasons, &strategy, &policy);
            for _ in 0..REPEATS {
                let started = Instant::now();
                made = plan(&snapshot, &reasons, &strategy, &policy);
                of_this.push(started.elapsed().as_secs_f64() * 1e3);
            }
            all.extend(&of_this);
            times.push(of_this.into_iter().fold(f64::INFINITY, f64::min));
            let made = made.unwrap();
            let mut cash = made.before.cash.raw();
            for order in &made.orders {
                let notional = order.quantity.notional(order.limit).unwrap().raw();
                let fee = notional as f64 * policy.costs.commission.to_f64();
                cash += if order.side == Side::Sell { notional } else { -notional } - fee.round() as i64;
                assert!(order.quantity > Quantity::ZERO);
            }
            assert!((cash - made.after.cash.raw()).abs() <= 26 && made.after.cash >= Money::ZERO);
            trades += usize::from(made.outcome == Outcome::Trade);
            orders += made.orders.len();
        }
        times.sort_by(f64::total_cmp);
        all.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let of_all = all[((all.len() - 1) as f64 * 0.99) as usize];
        println!(
            "{:>20} {:>8.3} {:>8.3} {:>8.3} {trades:>7} {:>7.1} {of_all:>8.3}",
            kind.as_str(),
            at(0.5),
            at(0.99),
            at(1.0),
            orders as f64 / trades.max(1) as f64
        );
    }
}
