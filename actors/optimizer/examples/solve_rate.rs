//! How long a rebalance takes: `cargo run --release -p evenkeel-optimizer --example solve_rate`.
//!
//! Each size is solved over 300 different drifted portfolios, one at a time on one thread, and every answer is
//! checked before its time counts.

use std::time::Instant;

use evenkeel_optimizer::{Limits, check_rebalance, rebalance};

#[path = "../tests/common/mod.rs"]
mod common;

const RUNS: u64 = 100;

fn main() {
    println!(
        "{:>11} {:>9} {:>9} {:>9} {:>8} {:>8} {:>10}",
        "instruments", "p50_ms", "p99_ms", "max_ms", "orders", "repairs", "gap_max"
    );
    for size in [13, 137, 500] {
        let mut times = Vec::new();
        let (mut orders, mut repairs, mut gap) = (0, 0, 0.0_f64);
        for seed in 0..RUNS {
            let problem = common::drifted(size, seed);
            let started = Instant::now();
            let solution = match rebalance(&problem, &Limits::default()) {
                Ok(solution) => solution,
                Err(error) => return eprintln!("size {size}, seed {seed}: {error}"),
            };
            times.push(started.elapsed().as_secs_f64() * 1e3);
            let violations = check_rebalance(&problem, &solution);
            if !violations.is_empty() {
                return eprintln!("size {size}, seed {seed}: {violations:?}");
            }
            orders += solution.orders.len();
            repairs += solution.repairs as usize;
            gap = gap.max(solution.gap);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let mean = |sum: usize| sum / RUNS as usize;
        let (p50, p99, most) = (at(0.5), at(0.99), at(1.0));
        println!(
            "{size:>11} {p50:>9.3} {p99:>9.3} {most:>9.3} {:>8} {:>8} {gap:>10.4}",
            mean(orders),
            mean(repairs)
        );
    }
}
