//! The four pods: what they hold, what gives way, what is said.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{date, investor, market, market_data, name};
use evenkeel_advice::{Cadence, Pod, PodId, pods_on};
use evenkeel_construction::{
    Cohort, FactorData, LimitKind, MarketData, MarketError, MarketState, PodError, PodProblem, PodSolution,
    breaker_tripped, due, solve_pod,
};
use evenkeel_estimates::{Risk, RiskModel};
use evenkeel_optimizer::portfolio::{SearchLimits, Standing};
use evenkeel_schemas::{Name, Ratio};

fn terms(pod: PodId) -> Pod {
    pods_on(date("2025-11-15")).unwrap().pod(pod).unwrap().clone()
}

fn solve(terms: &Pod, market: &MarketState, rate: &str) -> Result<PodSolution, PodError> {
    solve_pod(&PodProblem { terms, market, investor: investor(rate) }, &SearchLimits::default())
}

fn weight(solution: &PodSolution, of: &str) -> f64 {
    solution.weights.get(&name(of)).map_or(0.0, |weight| weight.to_f64())
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

/// A market of two: A with a return of 10% and a volatility of 20%, B with 5% and 10%, not correlated.
fn two() -> MarketData {
    let mut data = market_data();
    data.listings.truncate(2);
    data.estimated.truncate(2);
    data.covariance = vec![vec![0.04, 0.0], vec![0.0, 0.01]];
    data.risk_free = 0.0;
    for (listing, (mu, yielded, franked)) in
        data.listings.iter_mut().zip([(0.10, "0.02", "0"), (0.05, "0.06", "1")])
    {
        listing.expected_return = Some(mu);
        listing.distribution_yield = ratio(yielded);
        listing.franked_fraction = ratio(franked);
        listing.average_daily_value = "4000000".parse().unwrap();
    }
    data
}

/// A pod over the two: BILL is A, VAF is B.
fn pod_of_two(pod: PodId) -> Pod {
    Pod { universe: vec![name("BILL"), name("VAF")], ..terms(pod) }
}

/// Of two uncorrelated instruments the least variance is in proportion to 1/variance (1 to 4); the greatest Sharpe
/// ratio in proportion to return/variance (2.5 to 5); the greatest return, with a volatility of 16% at most, solves
/// 0.04 a² + 0.01 (1 − a)² = 0.0256: a = (0.02 + √(0.0004 + 4 · 0.05 · 0.0156)) / 0.1.
#[test]
fn answers_by_pencil() {
    let market = MarketState::new(two()).unwrap();
    let calm = solve(&pod_of_two(PodId::Preservation), &market, "0.3").unwrap();
    assert!((weight(&calm, "BILL") - 0.2).abs() < 1e-6, "{calm:?}");
    assert!((calm.objective_value - (0.04_f64 * 0.04 + 0.01 * 0.64).sqrt()).abs() < 1e-8);
    let growth = solve(&pod_of_two(PodId::Growth), &market, "0.3").unwrap();
    assert!((weight(&growth, "BILL") - 1.0 / 3.0).abs() < 1e-6, "{growth:?}");
    assert!((growth.objective_value - 0.5_f64.sqrt()).abs() < 1e-6);
    let bold = Pod { volatility_max: ratio("0.16"), ..pod_of_two(PodId::Opportunistic) };
    let bold = solve(&bold, &market, "0.3").unwrap();
    let expected = (0.02 + (0.0004_f64 + 4.0 * 0.05 * 0.0156).sqrt()) / 0.1;
    assert!((weight(&bold, "BILL") - expected).abs() < 1e-6, "{bold:?}");
    // The limit's price: one more point of volatility is worth 0.05 · da/dσ, da/dσ = 2 · 0.16 / (0.1 a − 0.02).
    let price = 0.05 * 0.32 / (0.1 * expected - 0.02);
    assert!(bold.active.iter().any(|a| (a.shadow_price - price).abs() < 1e-4), "{:?} {price}", bold.active);
    for solution in [calm, growth, bold] {
        assert_eq!(solution.weights.values().map(|weight| weight.raw()).sum::<i64>(), Ratio::ONE);
        assert_eq!((solution.standing, solution.relaxed.as_slice()), (Standing::Optimal, &[] as &[String]));
        assert!(solution.residuals.unwrap().largest() < 1e-6 && solution.gap < 1e-6);
    }
}

/// B pays 6% with credits of 6 · 3/7, A 2% without: after tax at r, B keeps 8.571% (1 − r), A 2% (1 − r).
#[test]
fn income_counts_its_credits_and_the_rate() {
    let market = MarketState::new(two()).unwrap();
    let pod = pod_of_two(PodId::Income);
    for (rate, kept) in [("0", 1.0), ("0.3", 0.7), ("0.47", 0.53)] {
        let solution = solve(&pod, &market, rate).unwrap();
        assert!((solution.objective_value - 0.06 * (1.0 + 3.0 / 7.0) * kept).abs() < 1e-8, "{solution:?}");
        assert_eq!(weight(&solution, "VAF"), 1.0);
    }
    let abroad = evenkeel_construction::Investor { resident: false, ..investor("0.3") };
    let problem = PodProblem { terms: &pod, market: &market, investor: abroad };
    // All franked: free of withholding.
    assert!((solve_pod(&problem, &SearchLimits::default()).unwrap().objective_value - 0.06).abs() < 1e-8);
    assert!(solve(&pod, &market, "1.1").unwrap_err().to_string().contains("POD2.marginal_rate"));
}

/// A yield of 7% is more than anything pays: 6% is in force, and the volatility is kept.
#[test]
fn the_last_listed_limit_gives_way_first() {
    let market = MarketState::new(two()).unwrap();
    let pod = Pod { yield_min: Some(ratio("0.07")), ..pod_of_two(PodId::Income) };
    let solution = solve(&pod, &market, "0.3").unwrap();
    assert_eq!(solution.relaxed.len(), 1);
    assert_eq!(
        solution.relaxed[0],
        "distribution yield at least 7% cannot be met: the best that the market allows is 6%"
    );
    let kept: Vec<(LimitKind, bool)> = solution.limits.iter().map(|l| (l.limit, l.relaxed())).collect();
    assert_eq!(kept, [(LimitKind::Volatility, false), (LimitKind::Yield, true)]);
    assert!((solution.limits[1].in_force - 0.06).abs() < 1e-5);
    assert!(solution.explanation.contains("Distribution yield at least 7% cannot be met"));
    // Together: a volatility of 9.5% needs some of A, so that 5.9% is out of reach; alone each could be met.
    let pod = Pod { volatility_max: ratio("0.095"), yield_min: Some(ratio("0.059")), ..pod };
    let solution = solve(&pod, &market, "0.3").unwrap();
    let kept: Vec<bool> = solution.limits.iter().map(|limit| limit.relaxed()).collect();
    assert_eq!(kept, [false, true]);
    // 0.04 a² + 0.01 (1 − a)² = 0.009025 at its smaller root; the yield is 0.06 − 0.04 a.
    let a = (0.02 - (0.0004_f64 - 4.0 * 0.05 * 0.000_975).sqrt()) / 0.1;
    assert!((solution.limits[1].value - (0.06 - 0.04 * a)).abs() < 1e-4, "{solution:?} {a}");
    // Both impossible by themselves: both give way, the last-listed first.
    let pod = Pod { volatility_max: ratio("0.05"), yield_min: Some(ratio("0.07")), ..pod };
    let solution = solve(&pod, &market, "0.3").unwrap();
    assert_eq!(solution.relaxed.len(), 2);
    assert!(solution.relaxed[0].starts_with("distribution yield"), "{:?}", solution.relaxed);
    assert!((weight(&solution, "BILL") - 0.2).abs() < 0.02, "{solution:?}");
}

#[test]
fn without_excess_return_the_least_volatility_is_wanted() {
    let mut data = two();
    data.risk_free = 0.2;
    let market = MarketState::new(data).unwrap();
    let solution = solve(&pod_of_two(PodId::Growth), &market, "0.3").unwrap();
    assert!((weight(&solution, "BILL") - 0.2).abs() < 1e-6, "{solution:?}");
    assert!(solution.objective_value < 0.0 && solution.relaxed.is_empty());
    assert!(solution.explanation.contains("the least volatility is wanted instead"));
}

#[test]
fn what_cannot_be_considered_is_left_out_and_said() {
    let mut data = market_data();
    data.listings.retain(|listing| listing.name != name("VGB"));
    let at = |of: &str| market_data().listings.iter().position(|listing| listing.name == name(of)).unwrap();
    data.listings[at("VAF")].price = None;
    data.listings[at("BILL")].expected_return = None;
    let market = MarketState::new(data.clone()).unwrap();
    let solution = solve(&terms(PodId::Preservation), &market, "0.3").unwrap();
    let said: Vec<(&str, &str)> =
        solution.left_out.iter().map(|(name, reason)| (name.as_str(), reason.as_str())).collect();
    assert_eq!(
        said,
        [("BILL", "its return is not estimated"), ("VAF", "it has no price"), ("VGB", "it is not listed"),]
    );
    assert_eq!(solution.weights.keys().map(Name::as_str).collect::<Vec<_>>(), ["VAS"]);
    // 14% of volatility are more than 10%: the limit has to give way.
    assert_eq!(solution.relaxed.len(), 1);
    let vas = data.estimated.iter().position(|of| *of == name("VAS")).unwrap();
    data.estimated.remove(vas);
    data.covariance.remove(vas);
    for row in &mut data.covariance {
        row.remove(vas);
    }
    let refused = solve(&terms(PodId::Preservation), &MarketState::new(data).unwrap(), "0.3").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "POD1: nothing of its universe can be held: BILL: its return is not estimated, VAF: it has no price, \
         VAS: its risk is not estimated and VGB: it is not listed"
    );
}

#[test]
fn data_that_is_no_market_is_refused_by_field() {
    type Spoil = fn(&mut MarketData);
    let spoils: [(Spoil, &str); 9] = [
        (|data| data.risk_free = f64::NAN, "market.risk_free"),
        (
            |data| data.listings[0].expected_return = Some(f64::INFINITY),
            "market.listings.BILL.expected_return",
        ),
        (|data| data.listings[0].price = Some("0".parse().unwrap()), "market.listings.BILL.price"),
        (|data| data.listings[1].franked_fraction = "1.1".parse().unwrap(), "VAF.franked_fraction"),
        (|data| data.listings[1].lot = "0".parse().unwrap(), "VAF.lot"),
        (|data| data.listings[1].name = data.listings[0].name.clone(), "each name once"),
        (|data| data.covariance[3].truncate(2), "a row and a column"),
        (|data| data.covariance[3][2] = f64::NAN, "not a finite number"),
        (|data| data.covariance[3][3] = -0.1, "not positive semi-definite"),
    ];
    for (spoil, words) in spoils {
        let mut data = market_data();
        spoil(&mut data);
        let error: MarketError = MarketState::new(data).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn estimates_by_day_become_a_market() {
    let mut data = market_data();
    data.listings.truncate(3);
    let ids: Vec<_> = data.listings.iter().map(|listing| listing.id).collect();
    // The order of the estimates is another, and they know an instrument that is not listed.
    let ids = vec![ids[2], evenkeel_schemas::InstrumentId(99), ids[0]];
    let daily = ndarray::array![[4e-4, 0.0, 1e-5], [0.0, 1.0, 0.0], [1e-5, 0.0, 1e-4]];
    let risk = Risk {
        instruments: ids,
        model: RiskModel::LedoitWolf { covariance: daily.clone(), ewma: daily },
        observations: vec![250; 3],
        days: vec![(date("2025-01-01"), date("2025-11-14")); 3],
        ewma: vec![4e-4, 1.0, 1e-4],
        means: ndarray::Array1::zeros(3),
        left_out: Vec::new(),
    };
    let found = data.with_risk(&risk, 252.0);
    assert_eq!(found.estimated, [name("VGB"), name("BILL")]);
    assert_eq!(found.covariance, [[4e-4 * 252.0, 1e-5 * 252.0], [1e-5 * 252.0, 1e-4 * 252.0]]);
    // By factors it is the same market.
    let mut by_factors = found.clone();
    let loading = (1e-5_f64 * 252.0).sqrt();
    let specific = vec![(4e-4 - 1e-5) * 252.0, (1e-4 - 1e-5) * 252.0];
    by_factors.factors = Some(FactorData { loadings: vec![vec![loading]; 2], specific });
    let error = MarketState::new(by_factors.clone()).unwrap_err();
    assert!(error.to_string().contains("none beside factors"), "{error}");
    by_factors.covariance.clear();
    let (dense, factors) = (MarketState::new(found.clone()).unwrap(), MarketState::new(by_factors).unwrap());
    let names = [name("BILL"), name("VGB")];
    let (dense, factors) = (dense.covariance(&names).unwrap(), factors.covariance(&names).unwrap());
    assert!(factors.by_factors() && !dense.by_factors());
    let (twice, as_dense) = (factors.scaled(2.0).unwrap(), dense.scaled(2.0).unwrap());
    assert!(twice.by_factors() && (twice.at(0, 1) - 2.0 * factors.at(0, 1)).abs() < 1e-15);
    assert!((as_dense.at(0, 0) - 2.0 * dense.at(0, 0)).abs() < 1e-15 && factors.part(&[2]).is_err());
    for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert!((dense.at(a, b) - factors.at(a, b)).abs() < 1e-15, "{a} {b}");
    }
    let market = MarketState::new(found).unwrap();
    let solution = solve(&terms(PodId::Preservation), &market, "0.3").unwrap();
    assert_eq!(solution.left_out[&name("VAF")], "its risk is not estimated");
}

#[test]
fn reviews_come_due_by_cadence_and_breakers_trip_at_their_limit() {
    let day = |text| date(text);
    let set_up = day("2026-01-31");
    for (cadence, last, today, wanted) in [
        (Cadence::Monthly, "2026-01-31", "2026-02-27", false),
        (Cadence::Monthly, "2026-01-31", "2026-02-28", true),
        (Cadence::Monthly, "2026-03-02", "2026-03-30", false),
        (Cadence::Quarterly, "2026-01-31", "2026-04-29", false),
        (Cadence::Quarterly, "2026-01-31", "2026-05-01", true),
        (Cadence::SemiAnnual, "2026-01-31", "2026-07-30", false),
        (Cadence::SemiAnnual, "2026-08-01", "2027-01-31", true),
    ] {
        assert_eq!(due(cadence, set_up, day(last), day(today)), wanted, "{cadence} {last} {today}");
    }
    let pod = terms(PodId::Preservation);
    let tripped = |index: &[&str]| {
        let index: Vec<Ratio> = index.iter().map(|value| ratio(value)).collect();
        breaker_tripped(&pod, &index)
    };
    // 3% from the peak of 1.1 is 1.067.
    assert!(!tripped(&["1", "1.1", "1.067000001"]).unwrap().tripped);
    assert!(tripped(&["1", "1.1", "1.067"]).unwrap().tripped);
    assert!(!tripped(&["1.2"]).unwrap().tripped);
    for bad in [vec![], vec!["0"], vec!["1", "-0.1"]] {
        assert!(matches!(tripped(&bad), Err(PodError::Field { .. })), "{bad:?}");
    }
}

#[test]
fn a_cohort_solves_each_problem_once() {
    let market = market();
    let table = pods_on(date("2025-11-15")).unwrap();
    let limits = SearchLimits::default();
    let mut cohort = Cohort::new(100);
    for rate in ["0.3", "0.37", "0.3", "0.47"] {
        for terms in &table.pods {
            let problem = PodProblem { terms, market: &market, investor: investor(rate) };
            let shared = cohort.solve(&problem, &limits).unwrap();
            assert_eq!(*shared, solve_pod(&problem, &limits).unwrap());
        }
    }
    // Four pods, and the income pod twice more for other rates.
    let counts = cohort.counts();
    assert_eq!((counts.misses, counts.hits, counts.kept, counts.dropped), (6, 10, 6, 0));
    // Other terms under the same name are another problem.
    let strict = Pod { volatility_max: ratio("0.2"), ..table.pods[2].clone() };
    let problem = PodProblem { terms: &strict, market: &market, investor: investor("0.3") };
    let (one, two) =
        (cohort.solve(&problem, &limits).unwrap(), solve(&table.pods[2], &market, "0.3").unwrap());
    assert!(one.solution != two.solution && cohort.counts().misses == 7);
    // Another market, be it of the same epoch, drops what was.
    let mut data = market_data();
    data.listings[0].expected_return = Some(0.05);
    let other = MarketState::new(data).unwrap();
    let problem = PodProblem { terms: &table.pods[0], market: &other, investor: investor("0.3") };
    cohort.solve(&problem, &limits).unwrap();
    let counts = cohort.counts();
    assert_eq!((counts.misses, counts.kept, counts.dropped), (8, 1, 7));
}

#[test]
fn a_cohort_stays_within_its_size() {
    let market = market();
    let table = pods_on(date("2025-11-15")).unwrap();
    let mut cohort = Cohort::new(2);
    let solve = |cohort: &mut Cohort, at: usize| {
        let problem = PodProblem { terms: &table.pods[at], market: &market, investor: investor("0.3") };
        cohort.solve(&problem, &SearchLimits::default()).unwrap()
    };
    for at in [0, 1, 2, 0, 0, 2] {
        solve(&mut cohort, at);
    }
    // 0 made room for 2, then 1 for 0; 0 and 2 were there.
    let counts = cohort.counts();
    assert_eq!((counts.misses, counts.hits, counts.kept, counts.dropped), (4, 2, 2, 2));
}
