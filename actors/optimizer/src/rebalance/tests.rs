//! The relaxed program and the rounding against independent arithmetic.

use evenkeel_schemas::{InstrumentId, Rate, Ratio, Value};
use ndarray::{Array1, Array2};

use super::book::Book;
use super::relaxed::{program, relax};
use super::*;
use crate::conic::{Limits, Outcome, Program};

fn n<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

fn candidate(instrument: u32, held: &str, price: &str, target: &str, lot: &str) -> Candidate {
    Candidate {
        instrument: InstrumentId(instrument),
        held: n(held),
        sellable: n(held),
        price: n(price),
        rate: Rate::PAR,
        lot: n(lot),
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

fn problem(candidates: Vec<Candidate>, cash: &str) -> RebalanceProblem {
    RebalanceProblem {
        candidates,
        cash: n(cash),
        foreign_cash: Value::ZERO,
        cash_min: n("0"),
        costs: Costs { half_spread: n("0.001"), commission: n("0.001"), commission_min: n("2") },
        turnover_max: None,
        trade_min: n("0"),
        first_parcel_min: n("0"),
        cost_aversion: 1.0,
    }
}

/// 24 small problems of two or three instruments with few lots, each a different corner.
fn small_problems() -> Vec<RebalanceProblem> {
    let mut all = Vec::new();
    for variant in 0..24 {
        let held = [["10", "3", "0"], ["0", "12", "4"], ["6", "6", "6"]][variant % 3];
        let targets = [["0.5", "0.3", "0.1"], ["0.2", "0", "0.6"]][variant % 2];
        let prices = [["100", "70.5", "33.33"], ["250", "19.99", "81"]][variant / 2 % 2];
        let mut candidates: Vec<Candidate> = (0..3)
            .map(|at| candidate(at as u32, held[at], prices[at], targets[at], ["1", "2", "1"][at]))
            .collect();
        let mut problem = match variant / 4 % 6 {
            0 => problem(candidates, "400"),
            1 => problem(candidates, "-150"),
            2 => {
                candidates[0].weight_max = n("0.4");
                problem(candidates, "50")
            }
            3 => {
                candidates[1].tradable = false;
                problem(candidates, "300")
            }
            4 => {
                candidates.truncate(2);
                problem(candidates, "120")
            }
            _ => problem(candidates, "0"),
        };
        match variant % 4 {
            0 => problem.turnover_max = Some(n("0.25")),
            1 => problem.trade_min = n("90"),
            2 => problem.cash_min = n("35"),
            _ => problem.cost_aversion = 5.0,
        }
        all.push(problem);
    }
    all
}

/// The documented objective of signed units, plainly; `None` when a constraint is broken.
fn objective(problem: &RebalanceProblem, units: &[i64]) -> Option<f64> {
    let costs = &problem.costs;
    let worth = |c: &Candidate| c.price.to_f64() * c.rate.to_f64();
    let mut nav = problem.cash.to_f64();
    for c in &problem.candidates {
        nav += c.held.to_f64() * worth(c);
    }
    let (mut cash, mut paid, mut traded) = (problem.cash.to_f64(), 0.0, 0.0);
    let mut values = Vec::new();
    for (c, units) in problem.candidates.iter().zip(units) {
        let units = *units as f64;
        let held = c.held.to_f64() + units;
        if held < 0.0 || (units != 0.0 && !c.tradable) {
            return None;
        }
        values.push(held * worth(c) / nav);
        if units != 0.0 {
            let gross = units.abs() * worth(c);
            if gross < problem.trade_min.to_f64() && held > 0.0 {
                return None;
            }
            let up = (c.price.to_f64() * (1.0 + costs.half_spread.to_f64()) * 100.0 - 1e-9).ceil() / 100.0;
            let down = (c.price.to_f64() * (1.0 - costs.half_spread.to_f64()) * 100.0 + 1e-9).floor() / 100.0;
            let notional = units * if units > 0.0 { up } else { down };
            let fee = (notional.abs() * costs.commission.to_f64()).max(costs.commission_min.to_f64());
            if units < 0.0 && -notional <= fee {
                return None;
            }
            cash -= notional + fee;
            paid += notional + fee - units * worth(c);
            traded += gross;
        }
    }
    let cost = paid / nav;
    let turnover = problem.turnover_max.map_or(f64::INFINITY, |most| most.to_f64());
    if cash < problem.cash_min.to_f64() - 1e-9 || traded / nav / 2.0 > turnover + 1e-12 {
        return None;
    }
    let (mut sum, mut squares, mut excess) = (0.0, 0.0, 0.0);
    for (c, v) in problem.candidates.iter().zip(values) {
        if c.tradable && v > c.weight_max.to_f64() * (1.0 - cost) + 1e-12 {
            return None;
        }
        let (target, band) = (c.target.to_f64(), if c.target == Ratio::ZERO { 0.0 } else { c.band.to_f64() });
        sum += v - target;
        squares += (v - target).powi(2);
        excess += (v - (target + band) * (1.0 - cost)).max(target - band - v).max(0.0);
    }
    Some(squares + sum * sum + problem.cost_aversion * cost + penalty(problem) * excess)
}

/// The documented factor, worked out from the limit prices.
fn penalty(problem: &RebalanceProblem) -> f64 {
    Book::new(problem).unwrap().penalty
}

/// The best of all plans in lots, by trying them.
fn brute_force(problem: &RebalanceProblem) -> Option<f64> {
    let nav: f64 = problem.candidates.iter().map(|c| c.held.to_f64() * c.price.to_f64()).sum::<f64>()
        + problem.cash.to_f64();
    let range = |c: &Candidate| -> Vec<i64> {
        let lot = c.lot.to_f64() as i64;
        let low = -(c.held.to_f64() as i64) / lot;
        let high = (nav / c.price.to_f64()) as i64 / lot;
        (low..=high).map(|lots| lots * lot).collect()
    };
    let ranges: Vec<Vec<i64>> = problem.candidates.iter().map(range).collect();
    let mut plans = vec![vec![]];
    for range in &ranges {
        plans = plans
            .iter()
            .flat_map(|plan: &Vec<i64>| range.iter().map(|units| [plan.as_slice(), &[*units]].concat()))
            .collect();
    }
    plans.iter().filter_map(|plan| objective(problem, plan)).min_by(f64::total_cmp)
}

#[test]
fn the_gap_is_honest_against_all_plans_in_lots() {
    let (mut compared, mut optimal) = (0, 0);
    for (at, problem) in small_problems().iter().enumerate() {
        let best = brute_force(problem);
        let solution = match rebalance(problem, &Limits::default()) {
            Ok(solution) => solution,
            Err(error) => {
                assert_eq!(best, None, "problem {at}: {error}");
                continue;
            }
        };
        assert_eq!(crate::check_rebalance(problem, &solution), Vec::<String>::new());
        // A mandate bound that lots cannot reach leaves nothing to compare with.
        let Some(best) = best else {
            assert_eq!(solution.gap, 1.0, "problem {at}");
            continue;
        };
        let terms = &solution.terms;
        assert!(terms.objective_bound <= best + 1e-8, "problem {at}: {} > {best}", terms.objective_bound);
        assert!(best <= terms.objective_after + 1e-9, "problem {at}: {best} > {}", terms.objective_after);
        let within = terms.objective_after * (1.0 - solution.gap);
        assert!(best >= within - 1e-8, "problem {at}: {best} < {within}");
        compared += 1;
        optimal += usize::from(terms.objective_after <= best + 1e-9);
    }
    println!("{optimal} of {compared} optimal");
    assert!(compared >= 18, "{compared} compared");
    assert!(optimal * 10 >= compared * 8, "{optimal} of {compared} are the best plan in lots");
}

#[test]
fn the_stated_objective_is_the_documented_one() {
    for problem in small_problems() {
        let Ok(solution) = rebalance(&problem, &Limits::default()) else { continue };
        let units = |c: &Candidate| {
            let order = solution.orders.iter().find(|order| order.instrument == c.instrument);
            order.map_or(0, |order| {
                let units = order.quantity.to_f64() as i64;
                if order.side == Side::Sell { -units } else { units }
            })
        };
        let units: Vec<i64> = problem.candidates.iter().map(units).collect();
        if let Some(expected) = objective(&problem, &units) {
            assert!((expected - solution.terms.objective_after).abs() < 1e-9);
        }
    }
}

/// (A, b, P) of a program as dense matrices.
fn dense(program: &Program) -> (Array2<f64>, Array1<f64>, Array2<f64>) {
    let columns = program.linear.len();
    let rows: Vec<_> = program.equalities.iter().chain(&program.inequalities).collect();
    let mut matrix = Array2::zeros((rows.len(), columns));
    for (at, row) in rows.iter().enumerate() {
        for (column, coefficient) in &row.terms {
            matrix[[at, *column]] += coefficient;
        }
    }
    let mut quadratic = Array2::zeros((columns, columns));
    for (row, column, value) in &program.quadratic {
        quadratic[[*row, *column]] = *value;
        quadratic[[*column, *row]] = *value;
    }
    (matrix, rows.iter().map(|row| row.bound).collect(), quadratic)
}

/// Karush-Kuhn-Tucker: P x + q + Aᵀz = 0, A x + s = b, s and z not negative on inequalities, zᵀs = 0.
#[test]
fn the_relaxed_optimum_satisfies_the_conditions_of_optimality() {
    let mut solved = 0;
    for problem in small_problems() {
        let Ok(book) = Book::new(&problem) else { continue };
        let (program, _) = program(&book);
        let Ok(Outcome::Solved(optimum)) = program.solve(&Limits::default()) else { continue };
        let (matrix, bounds, quadratic) = dense(&program);
        let (x, z) = (&optimum.primal, &optimum.dual);
        let gradient = quadratic.dot(x) + Array1::from_vec(program.linear.clone()) + matrix.t().dot(z);
        let slack = &bounds - &matrix.dot(x);
        let equalities = program.equalities.len();
        assert!(gradient.iter().all(|residual| residual.abs() < 1e-6), "stationarity: {gradient}");
        for (row, (slack, z)) in slack.iter().zip(z).enumerate() {
            if row < equalities {
                assert!(slack.abs() < 1e-8);
            } else {
                assert!(*slack > -1e-8 && *z > -1e-8 && (slack * z).abs() < 1e-6);
            }
        }
        solved += 1;
    }
    assert!(solved >= 18, "{solved}");
}

#[test]
fn the_relaxed_optimum_of_two_assets_by_hand() {
    // 60 and 40 held of a NAV of 100, targets of one half each, no costs: ten move from one to the other.
    let mut two =
        problem(vec![candidate(0, "60", "1", "0.5", "1"), candidate(1, "40", "1", "0.5", "1")], "0");
    two.costs = Costs { half_spread: n("0"), commission: n("0"), commission_min: n("0") };
    let book = Book::new(&two).unwrap();
    let Ok(relaxed) = relax(&book, &Limits::default()) else { panic!("solvable") };
    // A gap of 1e-10 in a squared weight is 1e-5 in a weight.
    assert!((relaxed.traded[0] + 0.1).abs() < 1e-4 && (relaxed.traded[1] - 0.1).abs() < 1e-4);
    assert!(relaxed.bound < 1e-9);
}
