//! The problem in exact integers: what each instrument can trade, and what a trade does to value and cash.
//!
//! Raw units throughout: values 10⁻²¹, money, prices and quantities 10⁻⁶ (see `evenkeel_schemas`). A trade of
//! an instrument is a signed number of lots, buys positive.

use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Ratio, Value, div_half_even};

use super::problem::{Candidate, Costs, RebalanceProblem};
use super::reason::Reason;
use super::validate;

/// Raw units of value in one raw unit of money.
const VALUE_PER_MONEY: i128 = 10_i128.pow(15);
/// Ratio of one in raw units, wide.
const RATIO_ONE: i128 = Ratio::ONE as i128;
/// Largest quantity, so that held plus bought always fits.
const QUANTITY_MAX: i64 = i64::MAX / 4;

/// An instrument.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub instrument: InstrumentId,
    pub tradable: bool,
    pub target: Ratio,
    pub band: Ratio,
    pub weight_min: Ratio,
    pub weight_max: Ratio,
    held: i64,
    lot: i64,
    /// Value of one raw unit of quantity: price × rate.
    unit: i128,
    rate: i128,
    /// Limit price of a buy.
    ask: i64,
    /// Limit price of a sell; zero when the spread leaves nothing.
    bid: i64,
    /// Fewest lots of a buy.
    buy_min: i64,
    /// Most lots of a buy; below `buy_min` when no buy is allowed.
    pub buy_max: i64,
    /// Fewest lots of a sell that leaves something.
    sell_min: i64,
    /// Most lots of a sell.
    pub sell_max: i64,
    /// Lots that close the position exactly, whatever the least order.
    close: Option<i64>,
}

/// What a trade does.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trade {
    /// Value of the position afterwards, at the mark.
    pub value: i128,
    /// Change of cash, raw money.
    pub cash: i128,
    /// Absolute value traded, at the mark.
    pub gross: i128,
    /// Value lost to spread, tick and commission.
    pub cost: i128,
}

/// The problem, ready to compute with.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    /// By instrument.
    pub rows: Vec<Row>,
    pub nav: Value,
    /// One over the NAV, to turn values into shares.
    per_nav: f64,
    /// Raw money.
    pub cash: i128,
    /// Raw money.
    pub cash_min: i128,
    pub foreign_cash: Value,
    /// Greatest sum of absolute values traded: twice the turnover limit times the NAV, rounded down.
    pub gross_max: Option<i128>,
    pub turnover_max: Option<Ratio>,
    pub cost_aversion: f64,
    /// Factor of the band excess in the objective.
    pub penalty: f64,
    costs: Costs,
}

impl Book {
    /// The book of a problem.
    ///
    /// # Errors
    /// Every reason found by looking at it that nothing can be proposed.
    pub fn new(problem: &RebalanceProblem) -> Result<Book, Vec<Reason>> {
        let reasons = validate::problems(problem);
        if !reasons.is_empty() {
            return Err(reasons);
        }
        let nav = validate::nav(problem).map_err(|instrument| vec![Reason::OutOfRange { instrument }])?;
        let mut rows = Vec::with_capacity(problem.candidates.len());
        for candidate in &problem.candidates {
            let instrument = Some(candidate.instrument);
            rows.push(row(candidate, problem, nav).ok_or(vec![Reason::OutOfRange { instrument }])?);
        }
        rows.sort_by_key(|row| row.instrument);
        let gross_max = problem.turnover_max.map(|most| nav.raw() / RATIO_ONE * i128::from(most.raw()) * 2);
        let mut book = Book {
            rows,
            nav,
            per_nav: 1.0 / nav.raw() as f64,
            cash: problem.cash.raw().into(),
            cash_min: problem.cash_min.raw().into(),
            foreign_cash: problem.foreign_cash,
            gross_max,
            turnover_max: problem.turnover_max,
            cost_aversion: problem.cost_aversion,
            penalty: 0.0,
            costs: problem.costs.clone(),
        };
        let rate = |row: &Row| book.buy_cost(row).max(book.sell_cost(row)).min(1.0);
        let dearest = book.rows.iter().map(rate).fold(0.0, f64::max);
        book.penalty = 100.0 + 4.0 * book.cost_aversion * dearest;
        book.raises_enough_cash()?;
        Ok(book)
    }

    /// A value as a share of the NAV before.
    pub fn share(&self, value: i128) -> f64 {
        value as f64 * self.per_nav
    }

    /// An amount of money as a share of the NAV before.
    pub fn money_share(&self, money: i128) -> f64 {
        self.share(money * VALUE_PER_MONEY)
    }

    /// Least cost of buying, as a ratio of the value at the mark: limit over mark, commission on top. The
    /// exact cost of a trade is never below it, so that the relaxed program stays a lower bound.
    pub fn buy_cost(&self, row: &Row) -> f64 {
        let limit = row.ask as f64 * row.rate as f64 / row.unit as f64;
        limit * (1.0 + self.costs.commission.to_f64()) - 1.0
    }

    /// Least cost of selling, as a ratio of the value at the mark.
    pub fn sell_cost(&self, row: &Row) -> f64 {
        let limit = row.bid as f64 * row.rate as f64 / row.unit as f64;
        1.0 - limit * (1.0 - self.costs.commission.to_f64())
    }

    /// What trading `lots` of a row does, exactly.
    ///
    /// Notional is quantity × limit × rate, half-even to money; commission is the larger of the minimum and
    /// its ratio of the notional, half-even; cash moves by both.
    pub fn trade(&self, row: &Row, lots: i64) -> Trade {
        let quantity = i128::from(lots) * i128::from(row.lot);
        let value = (i128::from(row.held) + quantity) * row.unit;
        if lots == 0 {
            return Trade { value, cash: 0, gross: 0, cost: 0 };
        }
        let limit = i128::from(if lots > 0 { row.ask } else { row.bid });
        let notional = div_half_even(quantity * limit * row.rate, VALUE_PER_MONEY);
        let ratio = i128::from(self.costs.commission.raw());
        let commission =
            div_half_even(notional.abs() * ratio, RATIO_ONE).max(self.costs.commission_min.raw().into());
        let cash = -notional - commission;
        let moved = quantity * row.unit;
        Trade { value, cash, gross: moved.abs(), cost: -moved - cash * VALUE_PER_MONEY }
    }

    /// Cash that selling everything sellable would raise; the problem ends here when it is too little.
    fn raises_enough_cash(&self) -> Result<(), Vec<Reason>> {
        let raised = |row: &Row| self.trade(row, -row.sell_most()).cash.max(0);
        let raisable: i128 = self.rows.iter().map(raised).sum();
        if self.cash + raisable >= self.cash_min {
            return Ok(());
        }
        let money = |raw| Money::from_wide(raw).unwrap_or(Money::MAX);
        let (cash, cash_min) = (money(self.cash), money(self.cash_min));
        Err(vec![Reason::CashShort { cash, raisable: money(raisable), cash_min }])
    }
}

impl Row {
    /// Value of one lot at the mark.
    pub fn lot_value(&self) -> i128 {
        self.unit * i128::from(self.lot)
    }

    /// Value held before trading.
    pub fn held_value(&self) -> i128 {
        self.unit * i128::from(self.held)
    }

    /// Units held after trading.
    pub fn quantity_after(&self, lots: i64) -> Quantity {
        Quantity::from_raw(self.held + lots * self.lot)
    }

    /// Units and limit price of a trade.
    pub fn order(&self, lots: i64) -> (Quantity, Price) {
        let limit = if lots > 0 { self.ask } else { self.bid };
        (Quantity::from_raw(lots.abs() * self.lot), Price::from_raw(limit))
    }

    /// True when an order of this many lots may be sent.
    pub fn allowed(&self, lots: i64) -> bool {
        match lots {
            0 => true,
            1.. => (self.buy_min..=self.buy_max).contains(&lots),
            _ => self.close == Some(-lots) || (self.sell_min..=self.sell_max).contains(&-lots),
        }
    }

    /// The allowed trade nearest to `lots` towards zero.
    pub fn towards_zero(&self, lots: i64) -> i64 {
        let clipped = lots.clamp(-self.sell_max.max(0), self.buy_max.max(0));
        if self.allowed(clipped) {
            return clipped;
        }
        match self.close {
            Some(close) if clipped < -close => -close,
            _ => 0,
        }
    }

    /// The next allowed trade above `lots`.
    pub fn above(&self, lots: i64) -> Option<i64> {
        let next = lots + 1;
        if self.allowed(next) {
            return Some(next);
        }
        if next < 0 {
            return Some(self.close.map_or(0, |close| if close < -next { -close } else { 0 }));
        }
        (self.buy_min > lots && self.buy_min <= self.buy_max).then_some(self.buy_min)
    }

    /// The next allowed trade below `lots`.
    pub fn below(&self, lots: i64) -> Option<i64> {
        let next = lots - 1;
        if self.allowed(next) {
            return Some(next);
        }
        if next > 0 {
            return Some(0);
        }
        let part = (self.sell_min >= -next && self.sell_min <= self.sell_max).then_some(self.sell_min);
        let close = self.close.filter(|close| *close >= -next);
        [part, close].into_iter().flatten().min().map(|sold| -sold)
    }

    /// Lots of the largest sell.
    fn sell_most(&self) -> i64 {
        if self.sell_min <= self.sell_max { self.sell_max } else { self.close.unwrap_or(0) }
    }
}

/// The limit price of a buy: mark plus half spread, up to the next tick.
fn ask(candidate: &Candidate, half_spread: Ratio) -> Option<i64> {
    let scaled = i128::from(candidate.price.raw()) * (RATIO_ONE + i128::from(half_spread.raw()));
    let step = i128::from(candidate.tick.raw()) * RATIO_ONE;
    let ticks = scaled / step + i128::from(scaled % step != 0);
    i64::try_from(ticks * i128::from(candidate.tick.raw())).ok()
}

/// The limit price of a sell: mark less half spread, down to the next tick.
fn bid(candidate: &Candidate, half_spread: Ratio) -> Option<i64> {
    let scaled = i128::from(candidate.price.raw()) * (RATIO_ONE - i128::from(half_spread.raw()));
    let step = i128::from(candidate.tick.raw()) * RATIO_ONE;
    i64::try_from(scaled / step * i128::from(candidate.tick.raw())).ok()
}

/// `None` when a product does not fit.
fn row(candidate: &Candidate, problem: &RebalanceProblem, nav: Value) -> Option<Row> {
    let (held, lot) = (candidate.held.raw(), candidate.lot.raw());
    let rate = i128::from(candidate.rate.raw());
    let unit = i128::from(candidate.price.raw()) * rate;
    let lot_value = unit.checked_mul(lot.into())?;
    let (ask, bid) = (ask(candidate, problem.costs.half_spread)?, bid(candidate, problem.costs.half_spread)?);
    let ask_value = i128::from(ask).checked_mul(rate)?.checked_mul(lot.into())?;
    if held > QUANTITY_MAX {
        return None;
    }
    let value = |money: Money| i128::from(money.raw()) * VALUE_PER_MONEY;
    let least = |money: Money| whole(up(value(money), lot_value)).max(1);
    let lots_of = |most: Option<Money>| most.map_or(i64::MAX, |money| whole(value(money) / lot_value));
    let (most, buy_most) = (lots_of(candidate.trade_max), lots_of(candidate.buy_max));
    // An overdraft facility (a negative minimum of cash) lets buys go beyond the NAV.
    let affordable = (nav.raw() - value(problem.cash_min).min(0)) / lot_value.max(ask_value);
    let first = if held == 0 { least(problem.first_parcel_min) } else { 1 };
    let buy_max = whole(affordable).min(most).min(buy_most).min((QUANTITY_MAX - held) / lot);
    // A sale that the least commission eats up brings in nothing.
    let fee = value(problem.costs.commission_min);
    let bid_value = i128::from(bid) * rate * i128::from(lot);
    let fee_lots = if bid_value > 0 { whole(fee / bid_value).saturating_add(1) } else { i64::MAX };
    let sell_max = (candidate.sellable.raw() / lot).min(most);
    let closes = held > 0 && candidate.sellable == candidate.held && held % lot == 0;
    let close = (closes && held / lot <= sell_max && held / lot >= fee_lots).then_some(held / lot);
    let tradable = candidate.tradable;
    Some(Row {
        instrument: candidate.instrument,
        tradable,
        target: candidate.target,
        band: candidate.band,
        weight_min: candidate.weight_min,
        weight_max: candidate.weight_max,
        held,
        lot,
        unit,
        rate,
        ask,
        bid,
        buy_min: least(problem.trade_min).max(first),
        buy_max: if tradable { buy_max } else { 0 },
        sell_min: least(problem.trade_min).max(fee_lots),
        sell_max: if tradable && bid > 0 { sell_max } else { 0 },
        close: close.filter(|_| tradable),
    })
}

/// Rounded up; both are not negative.
fn up(value: i128, step: i128) -> i128 {
    value / step + i128::from(value % step != 0)
}

/// As `i64`, at the largest when beyond it.
fn whole(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
