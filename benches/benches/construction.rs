//! Construction, one customer at a time: pods, the master portfolio, all stages.
//!
//! `cargo bench -p evenkeel-benches --bench construction`. Portfolios differ in how hard they are, so that a mean says
//! little: beside Criterion's figures, half and the slowest hundredth of many problems, each solved once, are printed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use evenkeel_advice::{Category, PodTable, allocate, pods_on};
use evenkeel_construction::{
    Cohort, HeldLot, MarketState, MasterPortfolio, MasterProblem, MasterRules, PodPart, PodProblem,
    PodSolution, Request, TaxYear, Trading, construct_portfolio, search_limits, solve_master, solve_pod,
};
use evenkeel_optimizer::Costs;
use evenkeel_schemas::{Money, Quantity};
use evenkeel_tax::Law;

#[path = "../../actors/construction/tests/common/mod.rs"]
mod markets;

use markets::{Random, date, investor, market, name, wide};

/// Problems that the percentiles are of.
const PROBLEMS: u64 = 200;
/// What pods may hold together.
const CANDIDATES: usize = 25;

/// A master problem with everything it refers to.
struct Case {
    table: PodTable,
    market: MarketState,
    solutions: Vec<PodSolution>,
    held: Vec<HeldLot>,
}

fn solutions(table: &PodTable, market: &MarketState) -> Vec<PodSolution> {
    let limits = search_limits(Duration::from_secs(5));
    let solve = |terms| solve_pod(&PodProblem { terms, market, investor: investor("0.37") }, &limits);
    table.pods.iter().map(|terms| solve(terms).expect("a pod that can be held")).collect()
}

impl Case {
    /// A new customer.
    fn new(seed: u64) -> Case {
        let (data, table) = wide(seed, CANDIDATES);
        let market = MarketState::new(data).expect("a market");
        let solutions = solutions(&table, &market);
        Case { table, market, solutions, held: Vec::new() }
    }

    /// The same customer later: returns are expected otherwise, each holding is in two lots, one of them young.
    fn later(seed: u64) -> Case {
        let case = Case::new(seed);
        let portfolio = case.solve();
        let mut random = Random(seed);
        let (mut data, table) = wide(seed, CANDIDATES);
        for listing in &mut data.listings {
            listing.expected_return = listing.expected_return.map(|mu| mu + 0.02 * (random.uniform() - 0.5));
        }
        let mut held = Vec::new();
        for holding in &portfolio.holdings {
            let listing = case.market.listing(&holding.instrument).expect("what is held is listed");
            let price = listing.price.expect("what is held has a price");
            let worth = holding.value.to_f64() * (0.9 + 0.1 * random.uniform()) / 2.0;
            let units = Quantity::from_whole((worth / price.to_f64()) as i64).unwrap_or(Quantity::ZERO);
            for acquired in ["2023-01-02", "2025-06-02"].iter().filter(|_| units > Quantity::ZERO) {
                let cost = worth * (0.6 + 0.5 * random.uniform());
                held.push(HeldLot {
                    lot: name(&format!("{}-{acquired}", holding.instrument)),
                    instrument: holding.instrument.clone(),
                    acquired: date(acquired),
                    quantity: units,
                    cost_base: Money::from_raw((cost * 1e6) as i64),
                });
            }
        }
        let market = MarketState::new(data).expect("a market");
        let solutions = solutions(&table, &market);
        Case { table, market, solutions, held }
    }

    fn solve(&self) -> MasterPortfolio {
        let capital = ["12588.23", "21764.71", "40000", "25647.06"];
        let pods: Vec<PodPart<'_>> = self
            .table
            .pods
            .iter()
            .zip(&self.solutions)
            .zip(capital)
            .map(|((terms, solution), capital)| PodPart {
                terms,
                solution,
                capital: capital.parse().expect("an amount"),
            })
            .collect();
        let law = Law::built_in().expect("the law");
        let problem = MasterProblem {
            pods: &pods,
            market: &self.market,
            investor: investor("0.37"),
            held: &self.held,
            on: date("2025-11-15"),
            law: law.of("2025-26".parse().expect("a year")).expect("its law"),
            losses: Money::ZERO,
            cost_rate: "0.0015".parse().expect("a rate"),
        };
        let limits = search_limits(Duration::from_secs(5));
        let found = solve_master(&problem, &MasterRules::default(), &limits).expect("a portfolio");
        assert!(found.gap <= 1e-3, "Invariant: what is measured is proved: {}", found.gap);
        found
    }
}

fn master(criterion: &mut Criterion) {
    type Make = fn(u64) -> Case;
    let kinds: [(&str, Make); 2] = [("a new customer", Case::new), ("a customer with holdings", Case::later)];
    for (what, make) in kinds {
        let cases: Vec<Case> = (0..PROBLEMS).map(make).collect();
        let mut times: Vec<f64> = Vec::new();
        for case in &cases {
            let started = Instant::now();
            black_box(case.solve());
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        eprintln!(
            "master portfolio of {CANDIDATES} candidates, {what}: p50 {:.1} ms, p99 {:.1} ms of {PROBLEMS}",
            at(50),
            at(99)
        );
        let mut next = cases.iter().cycle();
        criterion.bench_function(&format!("master portfolio, {what}"), |bench| {
            let case = || next.next().unwrap_or(&cases[0]);
            bench.iter_batched(case, Case::solve, BatchSize::SmallInput);
        });
    }
}

fn flow(criterion: &mut Criterion) {
    let (market, law) = (market(), Law::built_in().expect("the law"));
    let table = pods_on(date("2025-11-15")).expect("the pods");
    let capital = "100000".parse().expect("an amount");
    let allocation = allocate(Category::Growth, 35, &[], capital).expect("an allocation");
    let trading = Trading {
        costs: Costs {
            half_spread: "0.0005".parse().expect("a ratio"),
            commission: "0.0008".parse().expect("a ratio"),
            commission_min: Money::ZERO,
        },
        trade_min: "100".parse().expect("an amount"),
        first_parcel_min: "500".parse().expect("an amount"),
        cost_aversion: 1.0,
    };
    let request = Request {
        pods: &allocation.weights(),
        table: &table,
        market: &market,
        investor: investor("0.3"),
        on: date("2025-11-15"),
        held: &[],
        law: &law,
        year: TaxYear::default(),
        trading: &trading,
    };
    let limits = search_limits(Duration::from_secs(5));
    let run = |cohort: &mut Cohort| {
        construct_portfolio(black_box(&request), &MasterRules::default(), cohort, &limits)
            .expect("a portfolio")
    };
    criterion.bench_function("the worked example, pods to orders", |bench| {
        bench.iter(|| run(&mut Cohort::new(8)));
    });
    let mut shared = Cohort::new(8);
    run(&mut shared);
    criterion.bench_function("the worked example, pods shared", |bench| bench.iter(|| run(&mut shared)));
    assert_eq!(shared.counts().misses, 4, "Invariant: pods were solved once");
}

criterion_group!(construction, master, flow);
criterion_main!(construction);
