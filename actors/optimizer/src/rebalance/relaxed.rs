//! The relaxed program: any fraction of a lot may be traded, costs are linear.
//!
//! Shares of the NAV before. Per instrument `v = held + b − s`; over all `y = Σ (v − t)` and `k` the costs:
//!
//! minimise   Σ (v − t)² + y² + λ k + μ Σ e
//! subject to y = Σ (v − t),  k = Σ buy_cost·b + Σ sell_cost·s
//!            cash:      Σ b − Σ s + k <= cash − cash_min
//!            turnover:  ½ Σ (b + s) <= turnover_max
//!            maximum:   v + weight_max·k <= weight_max        (the NAV afterwards is 1 − k)
//!            minimum:   v >= weight_min                       (of the NAV before, the stricter one)
//!            band:      v + (t + β)·k <= t + β + e,  v >= t − β − e
//!            0 <= b <= most,  0 <= s <= most sellable,  e >= 0
//!
//! Every plan in whole lots is a feasible point of it with no lower objective, because the exact costs are
//! never below the linear ones; so its optimum bounds them all.

use evenkeel_schemas::Ratio;

use super::book::{Book, Row as Instrument};
use super::reason::Reason;
use crate::conic::{Limits, Optimum, Outcome, Program, Row, SolverFailure};

/// Broken by less than this share of the NAV counts as kept, when the reasons of an infeasible problem are
/// sought.
const BROKEN: f64 = 1e-6;

/// Which constraint a row of the program stands for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Cash,
    Turnover,
    Maximum(usize),
    Minimum(usize),
}

/// Columns of an instrument; `None` where nothing can be traded that way.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Columns {
    buy: Option<usize>,
    sell: Option<usize>,
}

/// The optimum, in signed shares of the NAV per row of the book.
#[derive(Clone, Debug)]
pub(crate) struct Relaxed {
    /// Buys positive.
    pub traded: Vec<f64>,
    /// What no plan goes below.
    pub bound: f64,
    /// Interior-point iterations.
    pub iterations: u32,
}

/// Why there is no relaxed optimum.
pub(crate) enum NoOptimum {
    Infeasible(Vec<Reason>),
    Failed(SolverFailure),
}

impl From<SolverFailure> for NoOptimum {
    fn from(failure: SolverFailure) -> NoOptimum {
        NoOptimum::Failed(failure)
    }
}

/// Solves the relaxed program.
pub(crate) fn relax(book: &Book, limits: &Limits) -> Result<Relaxed, NoOptimum> {
    let (program, columns) = program(book);
    match program.solve(limits)? {
        Outcome::Solved(optimum) => {
            let at = |column: Option<usize>| column.map_or(0.0, |column| optimum.primal[column]);
            let traded = columns.iter().map(|columns| at(columns.buy) - at(columns.sell)).collect();
            Ok(Relaxed { traded, bound: optimum.bound.max(0.0), iterations: optimum.iterations })
        }
        Outcome::Infeasible(_) => Err(NoOptimum::Infeasible(reasons(book, limits)?)),
    }
}

/// The program of a book, and the columns of its rows.
pub(crate) fn program(book: &Book) -> (Program, Vec<Columns>) {
    let mut program = Program::default();
    let (columns, cost) = trades(book, &mut program, book.cost_aversion);
    for (row, columns) in book.rows.iter().zip(&columns) {
        distance(book, &mut program, row, *columns);
        band(book, &mut program, row, *columns, cost);
    }
    cash_distance(book, &mut program, &columns);
    for (_, row) in constraints(book, &columns, cost) {
        program.at_most(row.terms, row.bound);
    }
    (program, columns)
}

/// Columns for buys, sells and the cost, with their ranges; returns the cost's column too.
fn trades(book: &Book, program: &mut Program, cost_aversion: f64) -> (Vec<Columns>, usize) {
    let cost = program.column(cost_aversion);
    let mut costs = vec![(cost, 1.0)];
    let mut columns = Vec::with_capacity(book.rows.len());
    for row in &book.rows {
        let lot = book.share(row.lot_value());
        let mut ranged = |lots_max: i64, rate: f64| {
            (lots_max > 0).then(|| {
                let column = program.column(0.0);
                program.at_least(column, 0.0);
                program.at_most(vec![(column, 1.0)], lots_max as f64 * lot);
                costs.push((column, -rate));
                column
            })
        };
        let buy = ranged(row.buy_max, book.buy_cost(row));
        let sell = ranged(row.sell_max, book.sell_cost(row));
        columns.push(Columns { buy, sell });
    }
    program.equal(costs, 0.0);
    (columns, cost)
}

/// (v − t)² of one instrument.
fn distance(book: &Book, program: &mut Program, row: &Instrument, columns: Columns) {
    let start = book.share(row.held_value()) - row.target.to_f64();
    program.constant += start * start;
    for (column, sign) in signed(columns) {
        program.quadratic.push((column, column, 2.0));
        program.linear[column] += 2.0 * sign * start;
    }
    if let (Some(buy), Some(sell)) = (columns.buy, columns.sell) {
        program.quadratic.push((buy, sell, -2.0));
    }
}

/// μ e, and e at least the distance outside the band.
fn band(book: &Book, program: &mut Program, row: &Instrument, columns: Columns, cost: usize) {
    let start = book.share(row.held_value());
    let (lower, upper) = edges(row);
    let excess = program.column(book.penalty);
    program.at_least(excess, 0.0);
    let mut terms = signed(columns);
    terms.extend([(cost, upper), (excess, -1.0)]);
    program.at_most(terms, upper - start);
    if lower > 0.0 {
        let mut terms = opposite(columns);
        terms.push((excess, -1.0));
        program.at_most(terms, start - lower);
    }
}

/// y², and y = Σ (v − t).
fn cash_distance(book: &Book, program: &mut Program, columns: &[Columns]) {
    let total = program.column(0.0);
    program.quadratic.push((total, total, 2.0));
    let mut terms = vec![(total, 1.0)];
    terms.extend(columns.iter().flat_map(|columns| opposite(*columns)));
    let start: f64 = book.rows.iter().map(|row| book.share(row.held_value()) - row.target.to_f64()).sum();
    program.equal(terms, start);
}

/// The hard constraints as `Σ terms <= bound`. An instrument that may not be traded has none: nothing here
/// could keep them, and the ones it breaks were found before.
fn constraints(book: &Book, columns: &[Columns], cost: usize) -> Vec<(Kind, Row)> {
    let mut rows = Vec::new();
    // With no cash below zero, nothing weighs more than all.
    let solvent = book.cash_min >= 0 && book.foreign_cash.raw() >= 0;
    let all = || columns.iter().flat_map(|columns| signed(*columns));
    let mut spent: Vec<(usize, f64)> = all().collect();
    spent.push((cost, 1.0));
    rows.push((Kind::Cash, Row { terms: spent, bound: book.money_share(book.cash - book.cash_min) }));
    if let Some(most) = book.turnover_max {
        let terms = all().map(|(column, _)| (column, 0.5)).collect();
        rows.push((Kind::Turnover, Row { terms, bound: most.to_f64() }));
    }
    for (at, (row, columns)) in book.rows.iter().zip(columns).enumerate() {
        if !row.tradable {
            continue;
        }
        let start = book.share(row.held_value());
        let (most, least) = (row.weight_max.to_f64(), row.weight_min.to_f64());
        if most < 1.0 || !solvent {
            let mut terms = signed(*columns);
            terms.push((cost, most));
            rows.push((Kind::Maximum(at), Row { terms, bound: most - start }));
        }
        if least > 0.0 {
            rows.push((Kind::Minimum(at), Row { terms: opposite(*columns), bound: start - least }));
        }
    }
    rows.retain(|(_, row)| !(row.terms.is_empty() && row.bound >= 0.0));
    rows
}

/// The band's edges as shares; of a target of zero the band counts as zero (see `Candidate::target`).
pub(crate) fn edges(row: &Instrument) -> (f64, f64) {
    let (target, band) = (row.target.to_f64(), row.band.to_f64());
    if row.target == Ratio::ZERO { (0.0, 0.0) } else { (target - band, target + band) }
}

fn signed(columns: Columns) -> Vec<(usize, f64)> {
    let buy = columns.buy.map(|column| (column, 1.0));
    buy.into_iter().chain(columns.sell.map(|column| (column, -1.0))).collect()
}

fn opposite(columns: Columns) -> Vec<(usize, f64)> {
    signed(columns).into_iter().map(|(column, sign)| (column, -sign)).collect()
}

/// Which constraints stand in each other's way: the elastic program lets each be broken at a price of one and
/// names the ones that are (Chinneck, "Feasibility and Infeasibility in Optimization", 2008, section 6.1).
fn reasons(book: &Book, limits: &Limits) -> Result<Vec<Reason>, SolverFailure> {
    let mut program = Program::default();
    let (columns, cost) = trades(book, &mut program, 0.0);
    let mut elastic = Vec::new();
    for (kind, Row { mut terms, bound }) in constraints(book, &columns, cost) {
        let broken = program.column(1.0);
        program.at_least(broken, 0.0);
        terms.push((broken, -1.0));
        program.at_most(terms, bound);
        elastic.push((kind, broken));
    }
    let optimum = match program.solve(limits)? {
        Outcome::Solved(optimum) => optimum,
        Outcome::Infeasible(_) => return Err(SolverFailure::Numerical),
    };
    let reasons: Vec<Reason> = elastic
        .into_iter()
        .filter_map(|(kind, column)| reason(book, kind, broken(&optimum, column)?))
        .collect();
    // Infeasible, yet nothing to name: the two solves contradict each other.
    if reasons.is_empty() { Err(SolverFailure::Numerical) } else { Ok(reasons) }
}

fn broken(optimum: &Optimum, column: usize) -> Option<Ratio> {
    let share = optimum.primal[column];
    // To a millionth: beyond that the digits are the solver's, not the problem's.
    (share > BROKEN).then(|| Ratio::from_raw((share * 1e6).round() as i64 * (Ratio::ONE / 1_000_000)))
}

fn reason(book: &Book, kind: Kind, by: Ratio) -> Option<Reason> {
    Some(match kind {
        Kind::Cash => Reason::CashOutOfReach { short: by },
        Kind::Turnover => Reason::TurnoverOutOfReach { turnover_max: book.turnover_max?, over: by },
        Kind::Maximum(at) => {
            let Instrument { instrument, weight_max, .. } = book.rows[at];
            Reason::MaximumOutOfReach { instrument, weight_max, over: by }
        }
        Kind::Minimum(at) => {
            let Instrument { instrument, weight_min, .. } = book.rows[at];
            Reason::MinimumOutOfReach { instrument, weight_min, under: by }
        }
    })
}
