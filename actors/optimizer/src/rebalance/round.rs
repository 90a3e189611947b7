//! From fractions to whole lots, without ever overdrawing.
//!
//! 1. The relaxed trades are rounded towards zero, to an allowed number of lots.
//! 2. While cash is short of its minimum (minimum commissions, ticks, lots of sells rounded down), the trade
//!    that costs the objective least per unit of cash raised is taken back or extended.
//! 3. While moves make the objective smaller they are made, best first: more or fewer lots of one instrument,
//!    else of a pair (one that raises cash for one that uses it). Cash, turnover and greatest weights hold
//!    after every move, on exact integers.
//!
//! Moves are compared by the objective, ties by position, so the same problem ends in the same plan. Cash,
//! turnover and what is inside a limit are decided on integers; only the objective is `f64`.

use std::cmp::Ordering;

use evenkeel_schemas::{Ratio, Value};

use super::book::{Book, Row, Trade};
use super::relaxed::edges;

/// Improvements below this are noise of the arithmetic.
const NOISE: f64 = 1e-13;
/// Least measure of a broken mandate bound, so that one broken by a hair is never noise.
const BROKEN_LEAST: f64 = 1e-12;
/// Closer than this to a limit, integers decide.
const CLOSE: f64 = 1e-9;
/// What a broken mandate bound weighs against the objective while cash is being raised.
const BROKEN_FACTOR: f64 = 1e6;
/// Change of the costs, as a share of the NAV, that is looked ahead when the instruments near an upper limit
/// are listed; a larger change looks at all of them.
const COST_AHEAD: f64 = 0.001;
/// Steps of a move in lots: powers of this, so that small lots in a large portfolio need few moves.
const STEP_FACTOR: i64 = 8;
/// A move that raises less than this part of the missing cash is made only when no other raises more, so that
/// the cheapest of instruments cannot be sold one lot at a time.
const RAISED_PART: i128 = 64;
/// Moves of each kind that are combined into pairs.
const PAIRED: usize = 16;
/// Slack when a relaxed trade is counted in lots, for the solver's last digits.
const LOT_SLACK: f64 = 1e-6;

/// The two levels of a plan's merit, smaller is better: broken mandate bounds, then the objective.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Score {
    /// Sum of shares of the NAV by which mandate bounds are broken.
    pub broken: f64,
    /// The objective.
    pub objective: f64,
}

impl Score {
    /// True when this is better by more than noise.
    pub fn better_than(self, other: Score) -> bool {
        if (self.broken - other.broken).abs() > BROKEN_LEAST / 2.0 {
            return self.broken < other.broken;
        }
        self.objective < other.objective - NOISE
    }

    fn cmp(self, other: Score) -> Ordering {
        if (self.broken - other.broken).abs() > BROKEN_LEAST / 2.0 {
            return self.broken.total_cmp(&other.broken);
        }
        self.objective.total_cmp(&other.objective)
    }
}

/// A number of lots that a row could go to.
#[derive(Copy, Clone, Debug)]
struct Move {
    row: usize,
    lots: i64,
    trade: Trade,
    /// Value afterwards as a share of the NAV.
    share: f64,
    /// Cost as a share of the NAV.
    cost: f64,
}

/// Sums over all rows that a move changes.
#[derive(Copy, Clone, Debug, Default)]
struct Sums {
    cash: i128,
    gross: i128,
    cost: i128,
    /// The cost as a share of the NAV.
    cost_share: f64,
    /// Σ (v − t)².
    squares: f64,
    /// Σ (v − t).
    total: f64,
    /// Σ below the band.
    below: f64,
    /// Σ below the mandate's minimum.
    broken_below: f64,
}

/// A plan in whole lots, with everything that makes it quick to change.
pub(crate) struct Plan<'a> {
    book: &'a Book,
    /// Signed lots, by row.
    pub lots: Vec<i64>,
    trades: Vec<Trade>,
    shares: Vec<f64>,
    cost_shares: Vec<f64>,
    edges: Vec<(f64, f64)>,
    sums: Sums,
    /// Rows that could be above a limit after a small change of the costs.
    near: Vec<usize>,
    moves: Vec<Vec<Move>>,
    /// Moves made.
    pub repairs: u32,
}

impl<'a> Plan<'a> {
    /// No trades.
    pub fn empty(book: &'a Book) -> Plan<'a> {
        Plan::new(book, vec![0; book.rows.len()])
    }

    /// Relaxed trades rounded towards zero.
    pub fn rounded(book: &'a Book, traded: &[f64]) -> Plan<'a> {
        let count = |(row, share): (&Row, &f64)| {
            let lots = share / book.share(row.lot_value());
            let whole = (lots.abs() + LOT_SLACK).floor().min(1e18) as i64;
            row.towards_zero(if lots < 0.0 { -whole } else { whole })
        };
        Plan::new(book, book.rows.iter().zip(traded).map(count).collect())
    }

    /// A plan of given lots.
    pub fn new(book: &'a Book, lots: Vec<i64>) -> Plan<'a> {
        let rows = book.rows.len();
        let trades: Vec<Trade> =
            book.rows.iter().zip(&lots).map(|(row, lots)| book.trade(row, *lots)).collect();
        let mut plan = Plan {
            book,
            shares: trades.iter().map(|trade| book.share(trade.value)).collect(),
            cost_shares: trades.iter().map(|trade| book.share(trade.cost)).collect(),
            edges: book.rows.iter().map(edges).collect(),
            lots,
            trades,
            sums: Sums::default(),
            near: Vec::new(),
            moves: Vec::new(),
            repairs: 0,
        };
        plan.moves = (0..rows).map(|row| plan.moves_of(row)).collect();
        plan.refresh();
        plan
    }

    /// Cash after all trades, raw money.
    pub fn cash(&self) -> i128 {
        self.sums.cash
    }

    /// Value lost to costs.
    pub fn cost(&self) -> i128 {
        self.sums.cost
    }

    /// Absolute value traded.
    pub fn gross(&self) -> i128 {
        self.sums.gross
    }

    /// Value of a row after its trade.
    pub fn value(&self, row: usize) -> i128 {
        self.trades[row].value
    }

    /// The distance term of the objective, cash included.
    pub fn distance(&self) -> f64 {
        self.sums.squares + self.sums.total * self.sums.total
    }

    /// The plan's merit.
    pub fn score(&self) -> Score {
        self.score_with(&self.sums, &[])
    }

    /// True when cash and turnover are inside their limits.
    pub fn feasible(&self) -> bool {
        self.sums.cash >= self.book.cash_min && self.within_turnover(&self.sums)
    }

    /// Raises cash to its minimum; false when no move inside the limits can.
    pub fn raise_cash(&mut self, repairs_max: u32) -> bool {
        while self.sums.cash < self.book.cash_min {
            let now = self.score();
            let short = self.book.cash_min - self.sums.cash;
            let mut best: Option<(bool, f64, Move)> = None;
            for step in self.moves.iter().flatten() {
                let sums = self.after(std::slice::from_ref(step));
                let raised = sums.cash - self.sums.cash;
                if raised <= 0 || !(self.within_turnover(&sums) || sums.gross <= self.sums.gross) {
                    continue;
                }
                let score = self.score_with(&sums, std::slice::from_ref(step));
                let worse = (score.broken - now.broken) * BROKEN_FACTOR + score.objective - now.objective;
                let small = raised < short / RAISED_PART;
                let price =
                    if small { -raised as f64 } else { worse / self.book.money_share(raised.min(short)) };
                if best.is_none_or(|least| (small, price) < (least.0, least.1)) {
                    best = Some((small, price, *step));
                }
            }
            match best {
                Some((_, _, step)) if self.repairs < repairs_max => self.make(&[step]),
                _ => return false,
            }
        }
        true
    }

    /// Makes moves until none improves the plan or the limit is reached.
    pub fn improve(&mut self, repairs_max: u32) {
        while self.pass(self.singles(), repairs_max) || self.pass(self.pairs(), repairs_max) {}
    }

    /// Goes through improvements, best first, and makes each that still is one; false when none was made.
    fn pass(&mut self, mut improvements: Vec<(Score, Vec<Move>)>, repairs_max: u32) -> bool {
        improvements.sort_by(|a, b| a.0.cmp(b.0));
        let before = self.repairs;
        for (_, moves) in improvements {
            if self.repairs < repairs_max && self.improvement(&moves, self.score()).is_some() {
                self.make(&moves);
            }
        }
        self.repairs > before
    }

    /// The merit after some moves when it is better than `now` and inside the limits.
    fn improvement(&self, moves: &[Move], now: Score) -> Option<Score> {
        let sums = self.after(moves);
        let inside = sums.cash >= self.book.cash_min && self.within_turnover(&sums);
        inside.then(|| self.score_with(&sums, moves)).filter(|score| score.better_than(now))
    }

    /// Moves of one row that improve the plan.
    fn singles(&self) -> Vec<(Score, Vec<Move>)> {
        let now = self.score();
        let better = |step: &Move| {
            let moves = std::slice::from_ref(step);
            self.improvement(moves, now).map(|score| (score, moves.to_vec()))
        };
        self.moves.iter().flatten().filter_map(better).collect()
    }

    /// Pairs of a move that raises cash and one that uses it, among the most promising of each, that improve
    /// the plan.
    fn pairs(&self) -> Vec<(Score, Vec<Move>)> {
        let now = self.score();
        let (mut raising, mut using) = (Vec::new(), Vec::new());
        for step in self.moves.iter().flatten() {
            let changed = std::slice::from_ref(step);
            let score = self.score_with(&self.after(changed), changed);
            let list = if step.trade.cash > self.trades[step.row].cash { &mut raising } else { &mut using };
            list.push((score, *step));
        }
        for list in [&mut raising, &mut using] {
            list.sort_by(|a, b| a.0.cmp(b.0));
            list.truncate(PAIRED);
        }
        let mut pairs = Vec::new();
        for (_, first) in &raising {
            for (_, second) in using.iter().filter(|(_, second)| second.row != first.row) {
                let pair = [*first, *second];
                pairs.extend(self.improvement(&pair, now).map(|score| (score, pair.to_vec())));
            }
        }
        pairs
    }

    fn within_turnover(&self, sums: &Sums) -> bool {
        self.book.gross_max.is_none_or(|most| sums.gross <= most)
    }

    fn make(&mut self, moves: &[Move]) {
        for step in moves {
            self.lots[step.row] = step.lots;
            self.trades[step.row] = step.trade;
            self.shares[step.row] = step.share;
            self.cost_shares[step.row] = step.cost;
            self.moves[step.row] = self.moves_of(step.row);
        }
        self.repairs += 1;
        self.refresh();
    }

    /// Everywhere a row could go from where it is.
    fn moves_of(&self, row: usize) -> Vec<Move> {
        let at = &self.book.rows[row];
        let lots = self.lots[row];
        let mut targets: Vec<i64> = at.above(lots).into_iter().chain(at.below(lots)).collect();
        let mut step = STEP_FACTOR;
        while step <= at.buy_max.max(at.sell_max) && step < i64::MAX / STEP_FACTOR / 2 {
            targets.extend([lots + step, lots - step].into_iter().filter(|lots| at.allowed(*lots)));
            step *= STEP_FACTOR;
        }
        targets.extend([0, at.towards_zero(-at.sell_max)]);
        targets.retain(|target| *target != lots);
        targets.sort_unstable();
        targets.dedup();
        targets.into_iter().map(|lots| self.move_to(row, lots)).collect()
    }

    fn move_to(&self, row: usize, lots: i64) -> Move {
        let trade = self.book.trade(&self.book.rows[row], lots);
        Move { row, lots, trade, share: self.book.share(trade.value), cost: self.book.share(trade.cost) }
    }

    /// Recomputes all sums, so that no rounding builds up over many moves.
    fn refresh(&mut self) {
        let mut sums = Sums { cash: self.book.cash, ..Sums::default() };
        for row in 0..self.lots.len() {
            self.add(&mut sums, &self.current(row), 1.0);
        }
        self.sums = sums;
        let ahead = 1.0 - self.sums.cost_share - COST_AHEAD;
        self.near = (0..self.lots.len())
            .filter(|row| {
                let lowest = self.edges[*row].1.min(self.book.rows[*row].weight_max.to_f64());
                self.shares[*row] >= lowest * ahead - CLOSE
            })
            .collect();
    }

    /// The sums after some moves, of different rows.
    fn after(&self, moves: &[Move]) -> Sums {
        let mut sums = self.sums;
        for step in moves {
            self.add(&mut sums, &self.current(step.row), -1.0);
            self.add(&mut sums, step, 1.0);
        }
        sums
    }

    /// Where a row is, as a move.
    fn current(&self, row: usize) -> Move {
        let (share, cost) = (self.shares[row], self.cost_shares[row]);
        Move { row, lots: self.lots[row], trade: self.trades[row], share, cost }
    }

    fn add(&self, sums: &mut Sums, step: &Move, sign: f64) {
        let Move { row, trade, share, .. } = *step;
        let whole = if sign < 0.0 { -1 } else { 1 };
        let at = &self.book.rows[row];
        let distance = share - at.target.to_f64();
        sums.cash += whole * trade.cash;
        sums.gross += whole * trade.gross;
        sums.cost += whole * trade.cost;
        sums.cost_share += sign * step.cost;
        sums.squares += sign * distance * distance;
        sums.total += sign * distance;
        sums.below += sign * (self.edges[row].0 - share).max(0.0);
        if at.tradable && at.weight_min > Ratio::ZERO {
            sums.broken_below += sign * self.under(at, trade.value, share);
        }
    }

    /// By how much a value is under the mandate's minimum of the NAV before.
    fn under(&self, row: &Row, value: i128, share: f64) -> f64 {
        let by = row.weight_min.to_f64() - share;
        let decided =
            |()| Value::from_raw(value).against_band(self.book.nav, row.weight_min, Ratio::ZERO).is_lt();
        measured(by, decided)
    }

    /// By how much a value is over the mandate's maximum of the NAV after costs.
    fn over(&self, row: &Row, value: i128, share: f64, sums: &Sums) -> f64 {
        let by = share - row.weight_max.to_f64() * (1.0 - sums.cost_share);
        let nav = Value::from_raw(self.book.nav.raw() - sums.cost);
        let decided = |()| Value::from_raw(value).against_band(nav, row.weight_max, Ratio::ZERO).is_gt();
        measured(by, decided)
    }

    /// The merit with some rows moved and the sums that follow from it.
    fn score_with(&self, sums: &Sums, moves: &[Move]) -> Score {
        let cost = sums.cost_share;
        let (mut above, mut broken_above) = (0.0, 0.0);
        let mut add = |row: usize, value: i128, share: f64| {
            above += (share - self.edges[row].1 * (1.0 - cost)).max(0.0);
            let at = &self.book.rows[row];
            if at.tradable {
                broken_above += self.over(at, value, share, sums);
            }
        };
        let still = |row: usize| moves.iter().all(|step| step.row != row);
        let jump = cost - self.sums.cost_share > COST_AHEAD;
        if jump {
            for row in (0..self.lots.len()).filter(|row| still(*row)) {
                add(row, self.trades[row].value, self.shares[row]);
            }
        } else {
            for row in self.near.iter().copied().filter(|row| still(*row)) {
                add(row, self.trades[row].value, self.shares[row]);
            }
        }
        for step in moves {
            add(step.row, step.trade.value, step.share);
        }
        let distance = sums.squares + sums.total * sums.total;
        let outside = self.book.penalty * (above + sums.below);
        Score {
            broken: broken_above + sums.broken_below,
            objective: distance + self.book.cost_aversion * cost + outside,
        }
    }
}

/// The measure of a broken limit: zero when it holds, which integers decide when it is close.
fn measured(by: f64, decided: impl FnOnce(()) -> bool) -> f64 {
    if by > CLOSE {
        by
    } else if by < -CLOSE || !decided(()) {
        0.0
    } else {
        by.max(BROKEN_LEAST)
    }
}

/// What would stop a row from taking its next move up or down.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    NoMove,
    Cash,
    Turnover,
    Mandate,
    Objective,
    Overshoot,
}

impl Plan<'_> {
    /// What stops the next order of a row that would bring it up (or down) towards `edge`, a share of the NAV.
    pub fn obstacle(&self, row: usize, up: bool, edge: f64) -> Obstacle {
        let at = &self.book.rows[row];
        let next = if up { at.above(self.lots[row]) } else { at.below(self.lots[row]) };
        let Some(lots) = next else { return Obstacle::NoMove };
        let step = [self.move_to(row, lots)];
        let sums = self.after(&step);
        let score = self.score_with(&sums, &step);
        if sums.cash < self.book.cash_min {
            Obstacle::Cash
        } else if !self.within_turnover(&sums) {
            Obstacle::Turnover
        } else if score.broken > self.score().broken + BROKEN_LEAST / 2.0 {
            Obstacle::Mandate
        } else if (step[0].share - edge).abs() > (self.shares[row] - edge).abs() {
            Obstacle::Overshoot
        } else {
            Obstacle::Objective
        }
    }
}
