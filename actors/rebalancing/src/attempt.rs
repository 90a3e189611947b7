//! One way to trade: the optimizer's answer to one problem, with its parcels, tax, costs and benefit.
//!
//! The benefit is the expected utility that drift costs. With `μ − γ/2 σ²` as utility and targets at its
//! optimum, weights w instead of t lose `γ/2 (w − t)ᵀ Σ (w − t)` a year exactly, the certainty-equivalent
//! cost of being off target (Sun, Fan, Chen, Schouwenaars and Albota, "Optimal Rebalancing for Institutional
//! Portfolios", Journal of Portfolio Management 32, 2006; Donohue and Yip, "Optimal Portfolio Rebalancing
//! with Transaction Costs", 29, 2003). It is the tracking variance against the targets. A trade is worth
//! `NAV · γ/2 · (before − after) · horizon`.
//!
//! Market impact follows the square-root law `Y σ √(Q/V)` a unit traded (Grinold and Kahn, Active Portfolio
//! Management, 2nd ed., 2000, chapter 16).

use evenkeel_calendar::CalendarError;
use evenkeel_optimizer::{
    Candidate, Costs, ProposedOrder, RebalanceError, RebalanceProblem, RebalanceSolution, Side,
    check_rebalance, rebalance,
};
use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio, Value, div_half_even};
use evenkeel_tax::Piece;

use crate::book::{Book, to_money};
use crate::error::{PlanError, Problem};
use crate::intent::Intent;
use crate::parcels::{Ranked, home, pieces_at, taken};
use crate::plan::{Benefit, BenefitRule, Cost, Sold, State};
use crate::policy::Policy;
use crate::snapshot::Snapshot;
use crate::taxes::YearBook;

/// Trading days of a year, for a day's volatility.
const DAYS_A_YEAR: f64 = 252.0;

/// Everything that attempts share.
pub(crate) struct Desk<'a> {
    pub snapshot: Snapshot<'a>,
    pub book: &'a Book<'a>,
    pub intent: &'a Intent,
    pub policy: &'a Policy,
    pub ranks: Vec<Vec<Ranked>>,
    pub year: Option<YearBook<'a>>,
    pub before: State,
    /// The row of the covariance, by row of the book.
    risk_rows: Vec<usize>,
}

/// One way to trade.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub variant: &'static str,
    pub problem: RebalanceProblem,
    pub orders: Vec<ProposedOrder>,
    pub solution: RebalanceSolution,
    pub state: State,
    /// By order; empty for buys.
    pub sold: Vec<Vec<Sold>>,
    pub pieces: Vec<Piece>,
    pub cost: Cost,
    pub benefit: Benefit,
    /// Benefit less costs, base currency.
    pub net: f64,
    /// What ways are compared by: `net`, and for one that waits for a discount what the rest brings then.
    pub rank: f64,
}

impl<'a> Desk<'a> {
    /// What all attempts start from.
    ///
    /// # Errors
    /// [`PlanError::Tax`], [`PlanError::Invalid`] when amounts are out of range.
    pub fn new(
        snapshot: Snapshot<'a>,
        book: &'a Book<'a>,
        intent: &'a Intent,
        policy: &'a Policy,
    ) -> Result<Desk<'a>, PlanError> {
        let ranks = crate::parcels::ranked(book, snapshot.tax)?;
        let year = snapshot.tax.map(|tax| YearBook::new(tax, snapshot.portfolio.date)).transpose()?;
        let before = book.state(&book.held(), book.cash, &intent.aims).ok_or_else(too_large)?;
        let row = |instrument: InstrumentId| {
            let rows = snapshot.risk.map_or(&[][..], |risk| risk.instruments);
            rows.iter().position(|known| *known == instrument).unwrap_or(0)
        };
        let risk_rows = book.rows.iter().map(|known| row(known.position.instrument)).collect();
        Ok(Desk { snapshot, book, intent, policy, ranks, year, before, risk_rows })
    }

    /// The problem of some targets and bands: nothing above its intended target is bought, and nothing below
    /// it sold but to raise cash. Nor does an order go past the target, but for the rest of a lot: what tax
    /// or volume holds back in one instrument is not made up for in another.
    pub fn problem(&self, targets: &[Ratio], bands: &[Ratio]) -> RebalanceProblem {
        let book = self.book;
        let candidate = |(place, row): (usize, &crate::book::Row<'_>)| {
            let position = row.position;
            let against = |limit: Ratio| row.value.against_band(book.nav, limit, Ratio::ZERO);
            // Where a limit of the mandate is broken, what mends it may go past the target.
            let free = book.cash < self.policy.cash_min || against(self.intent.weight_max[place]).is_gt();
            let below_least = against(position.weight_min).is_lt();
            // What may not be traded cannot come back under a limit either: the market put it there.
            let (weight_min, weight_max) = match position.tradable {
                true => (position.weight_min, self.intent.weight_max[place]),
                false => (Ratio::ZERO, Ratio::from_raw(Ratio::ONE)),
            };
            Candidate {
                instrument: position.instrument,
                held: position.held,
                sellable: if free { position.sellable } else { position.sellable.min(self.above(place)) },
                price: row.price,
                rate: row.rate,
                lot: position.lot,
                tick: position.tick,
                target: targets[place],
                band: bands[place],
                weight_min,
                weight_max,
                trade_max: self.cap(place).map(|cap| times(cap, self.policy.slices_max)),
                buy_max: if below_least { None } else { self.below(place) },
                tradable: position.tradable,
            }
        };
        RebalanceProblem {
            candidates: book.rows.iter().enumerate().map(candidate).collect(),
            cash: book.cash,
            foreign_cash: book.aside,
            cash_min: self.policy.cash_min,
            costs: self.policy.costs.clone(),
            turnover_max: self.policy.turnover_max,
            trade_min: self.policy.trade_min,
            first_parcel_min: self.policy.first_parcel_min,
            cost_aversion: self.cost_aversion(),
        }
    }

    /// The largest order of a day in a row, base currency; none where the volume is not known.
    pub fn cap(&self, place: usize) -> Option<Money> {
        let daily = self.book.rows[place].position.average_daily_value?;
        let share = i128::from(self.policy.daily_value_share.raw());
        Money::from_wide(div_half_even(i128::from(daily.raw()) * share, i128::from(Ratio::ONE)))
    }

    /// Units of a row above its target, up to the next lot.
    pub fn above(&self, place: usize) -> Quantity {
        let row = &self.book.rows[place];
        let lots = self.lots_apart(place, 1);
        Quantity::from_wide(lots.saturating_mul(i128::from(row.position.lot.raw()))).unwrap_or(Quantity::MAX)
    }

    /// What a row is worth less than its target, up to the next lot.
    fn below(&self, place: usize) -> Option<Money> {
        let row = &self.book.rows[place];
        let unit = i128::from(row.price.raw()) * i128::from(row.rate.raw());
        let value =
            self.lots_apart(place, -1).checked_mul(unit.checked_mul(row.position.lot.raw().into())?)?;
        Money::from_wide(value / 10_i128.pow(15) + i128::from(value % 10_i128.pow(15) != 0))
    }

    /// Lots that a row is above its target (sign 1) or below it (sign −1), rounded up; nothing on the other
    /// side.
    fn lots_apart(&self, place: usize, sign: i128) -> i128 {
        let (row, target) = (&self.book.rows[place], self.intent.aims.targets[place]);
        let one = i128::from(Ratio::ONE);
        let (whole, part) = (self.book.nav.raw() / one, self.book.nav.raw() % one);
        let aimed = i128::from(target.raw()) * whole + i128::from(target.raw()) * part / one;
        let apart = sign * (row.value.raw() - aimed);
        let lot = i128::from(row.price.raw()) * i128::from(row.rate.raw());
        let lot = lot.saturating_mul(row.position.lot.raw().into());
        if apart <= 0 || lot <= 0 { 0 } else { apart / lot + i128::from(apart % lot != 0) }
    }

    /// Squared weight that one total of cost is worth, so that the optimizer weighs costs as the benefit
    /// does: `NAV γ/2 σ² years · Σ d²` against costs, σ² the mean variance of what is targeted.
    fn cost_aversion(&self) -> f64 {
        let rate = match self.snapshot.risk {
            None => self.policy.distance_rate,
            Some(risk) => {
                let variances = risk.covariance.variances();
                let targeted = self.intent.aims.targets.iter().zip(&self.risk_rows);
                let of: Vec<f64> =
                    targeted.filter(|(t, _)| **t > Ratio::ZERO).map(|(_, row)| variances[*row]).collect();
                let mean = if of.is_empty() { 0.0 } else { of.iter().sum::<f64>() / of.len() as f64 };
                self.policy.risk_aversion / 2.0 * mean * self.policy.years()
            }
        };
        if rate > 0.0 { (1.0 / rate).clamp(1e-3, 1e4) } else { 1e4 }
    }

    /// Solves a problem and works out what its answer means.
    ///
    /// # Errors
    /// [`PlanError`]; [`PlanError::Infeasible`] where the problem's limits cannot hold together.
    pub fn attempt(&self, variant: &'static str, problem: RebalanceProblem) -> Result<Attempt, PlanError> {
        let solution = self.solved(&problem)?;
        let orders = solution.orders.clone();
        self.worked_out(variant, problem, orders, solution)
    }

    /// The optimizer's answer, looked at twice.
    ///
    /// # Errors
    /// As [`Desk::attempt`].
    pub fn solved(&self, problem: &RebalanceProblem) -> Result<RebalanceSolution, PlanError> {
        let solution = rebalance(problem, &self.policy.limits).map_err(|error| match error {
            RebalanceError::Solver(failure) => PlanError::Solver(failure),
            RebalanceError::Infeasible(infeasible) => {
                let name = |instrument| self.book.name(instrument);
                let words = infeasible.reasons.iter().map(|reason| reason.in_words(&name)).collect();
                PlanError::Infeasible(words)
            }
        })?;
        let violations = check_rebalance(problem, &solution);
        if violations.is_empty() { Ok(solution) } else { Err(PlanError::Refused(violations)) }
    }

    /// What orders mean, given the solution whose end is the end of all of them.
    ///
    /// # Errors
    /// As [`Desk::attempt`].
    pub fn worked_out(
        &self,
        variant: &'static str,
        problem: RebalanceProblem,
        orders: Vec<ProposedOrder>,
        solution: RebalanceSolution,
    ) -> Result<Attempt, PlanError> {
        let units: Vec<Quantity> = solution.after.standings.iter().map(|s| s.quantity).collect();
        let state = self.book.state(&units, solution.after.cash, &self.intent.aims).ok_or_else(too_large)?;
        let (mut sold, mut pieces, mut impact) = (Vec::with_capacity(orders.len()), Vec::new(), 0.0);
        for order in &orders {
            let Some(place) = self.book.at(order.instrument) else { continue };
            impact += self.impact(place, order);
            sold.push(if order.side == Side::Sell { self.sale(place, order)? } else { Vec::new() });
            let parcels = sold.last().map_or(&[][..], Vec::as_slice);
            pieces.extend(self.pieces(place, parcels)?);
        }
        let tax = match &self.year {
            Some(year) => year.added(&pieces, self.policy)?,
            None => Money::ZERO,
        };
        let lost = self.before.nav.checked_sub(state.nav).ok_or_else(too_large)?;
        let impact = to_money(impact);
        let total = lost.checked_add(impact).and_then(|sum| sum.checked_add(tax)).ok_or_else(too_large)?;
        let benefit = self.benefit(&state);
        let net = benefit.amount.to_f64() - total.to_f64();
        let cost = Cost { trading: lost, impact, tax, total };
        Ok(Attempt { variant, problem, orders, solution, state, sold, pieces, cost, benefit, net, rank: net })
    }

    /// The parcels of a sale.
    fn sale(&self, place: usize, order: &ProposedOrder) -> Result<Vec<Sold>, PlanError> {
        let notional = order.quantity.notional(order.limit).ok_or_else(too_large)?;
        let fee =
            if home(&self.book.rows[place]) { commission(notional, &self.policy.costs) } else { Money::ZERO };
        let proceeds = notional.checked_sub(fee).ok_or_else(too_large)?;
        Ok(taken(&self.ranks[place], order.quantity, proceeds))
    }

    /// What parcels sold today come to in law.
    pub fn pieces(&self, place: usize, sold: &[Sold]) -> Result<Vec<Piece>, PlanError> {
        let mut pieces = Vec::new();
        for one in sold {
            pieces.extend(self.pieces_on(place, one, self.snapshot.portfolio.date)?);
        }
        Ok(pieces)
    }

    /// What units of a parcel sold on a day come to in law.
    pub fn pieces_on(
        &self,
        place: usize,
        sold: &Sold,
        date: evenkeel_schemas::TradeDate,
    ) -> Result<Vec<Piece>, PlanError> {
        let tax = self.snapshot.tax.filter(|_| home(&self.book.rows[place]));
        let ranked = self.ranks[place].iter().find(|ranked| ranked.parcel.lot == sold.lot);
        let Some(ranked) = ranked else { return Ok(Vec::new()) };
        Ok(pieces_at(&ranked.parcel, sold.quantity, sold.proceeds, date, tax)?.unwrap_or_default())
    }

    /// Market impact of an order in days of at most the allowed share of the volume, base currency.
    fn impact(&self, place: usize, order: &ProposedOrder) -> f64 {
        let row = &self.book.rows[place];
        let value =
            Value::of_position(order.quantity, row.price, row.rate).map_or(0.0, |v| v.raw() as f64 / 1e21);
        let daily = row.position.average_daily_value.map_or(0.0, |daily| daily.to_f64());
        if daily <= 0.0 {
            return 0.0;
        }
        let part = (value / daily).min(self.policy.daily_value_share.to_f64());
        self.policy.impact * self.volatility(place) / DAYS_A_YEAR.sqrt() * part.sqrt() * value
    }

    /// Annual volatility of a row.
    fn volatility(&self, place: usize) -> f64 {
        self.variance(place).map_or(self.policy.volatility, f64::sqrt)
    }

    fn variance(&self, place: usize) -> Option<f64> {
        let row = self.risk_rows[place];
        self.snapshot.risk.map(|risk| risk.covariance.at(row, row).max(0.0))
    }

    /// What coming from the state before to this one brings.
    fn benefit(&self, after: &State) -> Benefit {
        let (rule, factor) = match self.snapshot.risk {
            Some(_) => (BenefitRule::TrackingVariance, self.policy.risk_aversion / 2.0 * self.policy.years()),
            None => (BenefitRule::SquaredDistance, self.policy.distance_rate),
        };
        let (before, after) = (self.distance(&self.before), self.distance(after));
        let amount = (before - after) * factor * self.book.nav_f64();
        let a_day = amount / f64::from(self.policy.horizon_days);
        Benefit { rule, before, after, amount: to_money(amount), a_day: to_money(a_day) }
    }

    /// Tracking variance, or squared distance, of a state. A replacement counts as what it stands in for.
    fn distance(&self, state: &State) -> f64 {
        let measured = &self.intent.measured;
        let mut apart: Vec<f64> =
            state.standings.iter().zip(measured).map(|(s, t)| s.weight.to_f64() - t.to_f64()).collect();
        for (place, other) in &self.intent.switched {
            apart[*place] += apart[*other];
            apart[*other] = 0.0;
        }
        match self.snapshot.risk {
            Some(risk) => {
                let mut rows = vec![0.0; risk.covariance.size()];
                for (apart, row) in apart.iter().zip(&self.risk_rows) {
                    rows[*row] += apart;
                }
                risk.covariance.variance(&rows).max(0.0)
            }
            None => {
                let targets: f64 = measured.iter().map(|target| target.to_f64()).sum();
                let cash = state.cash_weight.to_f64() - (1.0 - targets);
                apart.iter().map(|d| d * d).sum::<f64>() + cash * cash
            }
        }
    }

    /// The half width of a row's no-trade region: where the next unit brings what it costs.
    ///
    /// Against cash, `γ σ² d · years = c` for the tracking variance; `4 · rate · d = c` for the squared
    /// distance, in which cash moves too. c is half spread and commission; 1 where nothing is worth trading.
    pub fn no_trade(&self, place: usize) -> f64 {
        let costs = &self.policy.costs;
        let cost = costs.half_spread.to_f64() + costs.commission.to_f64();
        let slope = match self.variance(place) {
            Some(variance) => self.policy.risk_aversion * variance * self.policy.years(),
            None => 4.0 * self.policy.distance_rate,
        };
        if slope > cost { cost / slope } else { 1.0 }
    }
}

/// The larger of the minimum and the ratio of the notional, half-even.
fn commission(notional: Money, costs: &Costs) -> Money {
    let product = i128::from(notional.raw()) * i128::from(costs.commission.raw());
    let by_ratio = Money::from_wide(div_half_even(product, i128::from(Ratio::ONE))).unwrap_or_default();
    by_ratio.max(costs.commission_min)
}

/// An amount times a number, at most the largest.
fn times(amount: Money, number: u32) -> Money {
    Money::from_wide(i128::from(amount.raw()) * i128::from(number)).unwrap_or(Money::MAX)
}

pub(crate) fn too_large() -> PlanError {
    PlanError::Invalid(vec![Problem::TooLarge("the portfolio".to_owned())])
}

/// The first trading day on or after a date; of a market of which nothing is known, the first weekday.
///
/// # Errors
/// [`CalendarError`] where the market's lists end.
pub(crate) fn trading_day(
    market: &evenkeel_calendar::Market,
    mut date: evenkeel_schemas::TradeDate,
) -> Result<evenkeel_schemas::TradeDate, CalendarError> {
    if market.covered().is_none() {
        // 1 January 1970, day 0, was a Thursday.
        while (date.days() + 3).rem_euclid(7) > 4 {
            date = later(date, 1);
        }
        return Ok(date);
    }
    while !market.is_trading_day(date)? {
        date = later(date, 1);
    }
    Ok(date)
}

/// A date some calendar days later.
pub(crate) fn later(date: evenkeel_schemas::TradeDate, days: i32) -> evenkeel_schemas::TradeDate {
    const DAY: i64 = 86_400_000_000;
    let micros = date.start().micros().saturating_add(i64::from(days) * DAY);
    // Dates end with 2199.
    evenkeel_schemas::Instant::from_micros(micros.min(7_258_118_399_000_000)).date()
}
