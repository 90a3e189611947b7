//! Portfolios for the tests, in plain numbers.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use evenkeel_optimizer::{
    Candidate, Costs, Limits, RebalanceProblem, RebalanceSolution, check_rebalance, rebalance,
};
use evenkeel_schemas::{InstrumentId, Price, Quantity, Rate, Ratio, Value};

/// Reads any exact number.
pub fn n<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// A candidate with whole-unit lots, a tick of a cent, a band of 5 points and no bounds.
pub fn candidate(instrument: u32, held: &str, price: &str, target: &str) -> Candidate {
    Candidate {
        instrument: InstrumentId(instrument),
        held: n(held),
        sellable: n(held),
        price: n(price),
        rate: Rate::PAR,
        lot: n("1"),
        tick: n("0.01"),
        target: n(target),
        band: n("0.05"),
        weight_min: Ratio::ZERO,
        weight_max: n("1"),
        trade_max: None,
        buy_max: None,
        tradable: true,
    }
}

/// A problem without costs or limits.
pub fn free(candidates: Vec<Candidate>, cash: &str) -> RebalanceProblem {
    RebalanceProblem {
        candidates,
        cash: n(cash),
        foreign_cash: Value::ZERO,
        cash_min: n("0"),
        costs: Costs { half_spread: n("0"), commission: n("0"), commission_min: n("0") },
        turnover_max: None,
        trade_min: n("0"),
        first_parcel_min: n("0"),
        cost_aversion: 1.0,
    }
}

/// Solves and lets the second opinion look.
pub fn solved(problem: &RebalanceProblem) -> RebalanceSolution {
    let solution = rebalance(problem, &Limits::default()).unwrap();
    assert_eq!(check_rebalance(problem, &solution), Vec::<String>::new(), "{problem:#?}");
    solution
}

/// A deterministic stream of numbers (splitmix64), for portfolios of any size.
pub struct Stream(pub u64);

impl Stream {
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

/// A drifted portfolio of `count` instruments worth about 500,000, with retail costs.
pub fn drifted(count: u32, seed: u64) -> RebalanceProblem {
    let mut stream = Stream(seed);
    let target = 970_000_000 / i64::from(count);
    let mut candidates = Vec::new();
    for instrument in 0..count {
        let price = 5_000_000 + stream.below(200_000_000) as i64 / 10_000 * 10_000;
        let value = 500_000.0 / f64::from(count) * (0.6 + stream.below(800) as f64 / 1_000.0);
        let held = (value * 1e6 / price as f64) as i64 * Quantity::ONE;
        let mut candidate = candidate(instrument, "0", "1", "0");
        candidate.price = Price::from_raw(price);
        candidate.held = Quantity::from_raw(held);
        candidate.sellable = candidate.held;
        candidate.target = Ratio::from_raw(target);
        candidate.band = Ratio::from_raw(target / 5);
        candidates.push(candidate);
    }
    let mut problem = free(candidates, "15000");
    problem.costs = Costs { half_spread: n("0.0005"), commission: n("0.0008"), commission_min: n("1") };
    problem.trade_min = n("100");
    problem.first_parcel_min = n("500");
    problem.cash_min = n("1000");
    problem
}
