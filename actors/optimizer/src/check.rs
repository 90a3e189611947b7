//! A second opinion on a rebalance: everything a proposal claims is worked out again from the problem, on
//! integers, with code that shares nothing with the program but the record types. The gate runs it on every
//! proposal; one line per violation, nothing when the proposal may go out.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio, Value, div_half_even};

use crate::rebalance::{
    Candidate, Costs, Limit, Outside, ProposedOrder, RebalanceProblem, RebalanceSolution, Side, Status,
    Summary,
};

/// Everything wrong with a solution to a problem, in words; empty when it may go out.
///
/// Checked: one order an instrument, known and tradable; whole lots; sizes; limit prices on the tick and at
/// the modelled spread; no sell beyond what is sellable; no overdraft (sells first, then buys); turnover;
/// quantities, cash, costs and NAV afterwards as claimed, and NAV lost equal to costs; every weight as
/// claimed; everything outside a band or bound reported and nothing else, each with a cause.
pub fn check_rebalance(problem: &RebalanceProblem, solution: &RebalanceSolution) -> Vec<String> {
    let mut violations = Vec::new();
    let candidates: BTreeMap<InstrumentId, &Candidate> =
        problem.candidates.iter().map(|candidate| (candidate.instrument, candidate)).collect();
    orders(problem, solution, &candidates, &mut violations);
    match Ledger::of(problem, &solution.orders, &candidates) {
        Some(ledger) => {
            ledger.compare(problem, solution, &mut violations);
        }
        None => violations.push("an amount is beyond what can be computed exactly".to_owned()),
    }
    let nothing = solution.orders.is_empty();
    if nothing != (solution.status == Status::NothingWorthTrading) {
        violations.push("the status does not say whether there are orders".to_owned());
    }
    if nothing && solution.before != solution.after {
        violations.push("there are no orders, yet the portfolio afterwards differs".to_owned());
    }
    if !(0.0..=1.0).contains(&solution.gap) {
        violations.push(format!("the optimality gap of {} is not between 0 and 1", solution.gap));
    }
    violations
}

/// Each order by itself, and their order.
fn orders(
    problem: &RebalanceProblem,
    solution: &RebalanceSolution,
    candidates: &BTreeMap<InstrumentId, &Candidate>,
    violations: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for order in &solution.orders {
        let id = order.instrument.0;
        if !seen.insert(order.instrument) {
            violations.push(format!("instrument {id} has more than one order"));
        }
        match candidates.get(&order.instrument) {
            Some(candidate) => one_order(problem, order, candidate, violations),
            None => violations.push(format!("instrument {id} is not in the problem")),
        }
    }
    let sorted = solution
        .orders
        .windows(2)
        .all(|pair| (pair[0].side, pair[0].instrument) < (pair[1].side, pair[1].instrument));
    if !sorted {
        violations.push("orders are not sells first, then by instrument".to_owned());
    }
}

fn one_order(
    problem: &RebalanceProblem,
    order: &ProposedOrder,
    candidate: &Candidate,
    violations: &mut Vec<String>,
) {
    let mut violated = |fact: String| violations.push(format!("instrument {}: {fact}", order.instrument.0));
    let quantity = order.quantity;
    if !candidate.tradable {
        violated("it may not be traded".to_owned());
    }
    if quantity.raw() <= 0 {
        violated(format!("quantity {quantity} is not positive"));
    }
    if quantity.raw() % candidate.lot.raw() != 0 {
        violated(format!("quantity {quantity} is not whole lots of {}", candidate.lot));
    }
    if order.side == Side::Sell && quantity > candidate.sellable {
        violated(format!("sells {quantity}, sellable are {}", candidate.sellable));
    }
    if !limit_price_fits(order, candidate, &problem.costs) {
        violated(format!(
            "limit {} is not the price {} with the half spread, on the tick of {}",
            order.limit, candidate.price, candidate.tick
        ));
    }
    let Some(value) = Value::of_position(quantity, candidate.price, candidate.rate) else {
        return violated("its value is out of range".to_owned());
    };
    let below = |money: Money| value < base(money);
    let closes = order.side == Side::Sell && quantity == candidate.held;
    if below(problem.trade_min) && !closes {
        violated(format!("the order is below the minimum of {}", problem.trade_min));
    }
    let first = order.side == Side::Buy && candidate.held == Quantity::ZERO;
    if first && below(problem.first_parcel_min) {
        violated(format!("the first buy is below {}", problem.first_parcel_min));
    }
    if let Some(most) = candidate.trade_max.filter(|most| value > base(*most)) {
        violated(format!("the order is above its maximum of {most}"));
    }
    let buys = order.side == Side::Buy;
    if let Some(most) = candidate.buy_max.filter(|most| buys && value > base(*most)) {
        violated(format!("the buy is above its maximum of {most}"));
    }
}

/// Money in the base currency as a value.
fn base(money: Money) -> Value {
    Value::from_raw(i128::from(money.raw()) * 10_i128.pow(15))
}

/// A buy's limit is the least multiple of the tick not below mark × (1 + half spread), a sell's the greatest
/// not above mark × (1 − half spread): told by looking one tick to the other side.
fn limit_price_fits(order: &ProposedOrder, candidate: &Candidate, costs: &Costs) -> bool {
    let one = i128::from(Ratio::ONE);
    let spread = i128::from(costs.half_spread.raw());
    let (mark, tick) = (i128::from(candidate.price.raw()), i128::from(candidate.tick.raw()));
    let limit = i128::from(order.limit.raw());
    let on_tick = limit > 0 && limit % tick == 0;
    on_tick
        && match order.side {
            Side::Buy => limit * one >= mark * (one + spread) && (limit - tick) * one < mark * (one + spread),
            Side::Sell => {
                limit * one <= mark * (one - spread) && (limit + tick) * one > mark * (one - spread)
            }
        }
}

/// The portfolio worked out from the orders.
struct Ledger {
    /// Units afterwards.
    units: BTreeMap<InstrumentId, Quantity>,
    /// Value at the mark afterwards.
    values: BTreeMap<InstrumentId, Value>,
    nav_before: Value,
    nav_after: Value,
    cash_after: i128,
    foreign_cash: Value,
    /// Spread, ticks and commissions, order by order.
    costs: i128,
    /// Absolute value traded.
    traded: i128,
}

impl Ledger {
    fn of(
        problem: &RebalanceProblem,
        orders: &[ProposedOrder],
        candidates: &BTreeMap<InstrumentId, &Candidate>,
    ) -> Option<Ledger> {
        let cash = problem.foreign_cash.checked_add(base(problem.cash))?;
        let (mut nav_before, mut units) = (cash, BTreeMap::new());
        for candidate in &problem.candidates {
            let value = Value::of_position(candidate.held, candidate.price, candidate.rate)?;
            nav_before = nav_before.checked_add(value)?;
            units.insert(candidate.instrument, candidate.held);
        }
        let mut cash_after = i128::from(problem.cash.raw());
        let (mut costs, mut traded) = (0_i128, 0_i128);
        for order in orders {
            let Some(candidate) = candidates.get(&order.instrument) else { continue };
            let at_limit = Value::of_position(order.quantity, order.limit, candidate.rate)?;
            let at_mark = Value::of_position(order.quantity, candidate.price, candidate.rate)?;
            let paid = at_limit.to_money()?;
            let fee = commission(paid, &problem.costs)?;
            let sign = if order.side == Side::Buy { 1 } else { -1 };
            cash_after -= sign * i128::from(paid.raw()) + i128::from(fee.raw());
            costs += sign * (base(paid).raw() - at_mark.raw()) + base(fee).raw();
            traded += at_mark.raw();
            let held = units.get_mut(&order.instrument)?;
            *held = match order.side {
                Side::Buy => held.checked_add(order.quantity)?,
                Side::Sell => held.checked_sub(order.quantity)?,
            };
        }
        let mut values = BTreeMap::new();
        let mut nav_after = problem.foreign_cash.checked_add(base(Money::from_wide(cash_after)?))?;
        for (instrument, held) in &units {
            let candidate = candidates.get(instrument)?;
            let value = Value::of_position(*held, candidate.price, candidate.rate)?;
            nav_after = nav_after.checked_add(value)?;
            values.insert(*instrument, value);
        }
        let foreign_cash = problem.foreign_cash;
        Some(Ledger { units, values, nav_before, nav_after, cash_after, foreign_cash, costs, traded })
    }

    fn compare(
        &self,
        problem: &RebalanceProblem,
        solution: &RebalanceSolution,
        violations: &mut Vec<String>,
    ) {
        let mut violated = |broken: bool, fact: String| {
            if broken {
                violations.push(fact);
            }
        };
        let (after, terms) = (&solution.after, &solution.terms);
        let cash_min = i128::from(problem.cash_min.raw());
        violated(
            self.cash_after < cash_min,
            format!("cash ends at {}, below the minimum of {}", after.cash, problem.cash_min),
        );
        violated(
            self.cash_after != i128::from(after.cash.raw()),
            format!("cash is claimed to end at {}, it ends at {} millionths", after.cash, self.cash_after),
        );
        violated(
            self.nav_before.raw() - self.nav_after.raw() != self.costs,
            "the net asset value lost is not the sum of the costs".to_owned(),
        );
        violated(
            Value::from_raw(self.costs).to_money() != Some(terms.cost_estimate),
            format!(
                "costs are claimed to be {}, they are {}",
                terms.cost_estimate,
                Value::from_raw(self.costs)
            ),
        );
        violated(
            self.nav_before.to_money() != Some(solution.before.nav)
                || self.nav_after.to_money() != Some(after.nav),
            "the net asset value is not what is claimed".to_owned(),
        );
        if let Some(most) = problem.turnover_max {
            // Half of what is traded, rounded up: the stricter way.
            let half = Value::from_raw(self.traded / 2 + self.traded % 2);
            violated(
                half.against_band(self.nav_before, most, Ratio::ZERO).is_gt(),
                format!("turnover is {}, above the limit of {most}", terms.turnover),
            );
        }
        self.standings(after, violations);
        self.limits(problem, solution, violations);
    }

    /// Quantities and weights as claimed.
    fn standings(&self, after: &Summary, violations: &mut Vec<String>) {
        let listed: Vec<InstrumentId> = after.standings.iter().map(|standing| standing.instrument).collect();
        if !listed.iter().eq(self.units.keys()) {
            violations.push("the standings do not list every instrument once, in order".to_owned());
        }
        for standing in &after.standings {
            let id = standing.instrument.0;
            let Some(held) = self.units.get(&standing.instrument) else { continue };
            if *held != standing.quantity || held.raw() < 0 {
                violations.push(format!("instrument {id}: holds {held}, claimed are {}", standing.quantity));
            }
            let weight = self.values.get(&standing.instrument).and_then(|v| v.share_of(self.nav_after));
            if weight != Some(standing.weight) {
                violations.push(format!("instrument {id}: its weight is not {}", standing.weight));
            }
        }
        let cash = Value::from_raw(self.cash_after * 10_i128.pow(15)).checked_add(self.foreign_cash);
        if cash.and_then(|cash| cash.share_of(self.nav_after)) != Some(after.cash_weight) {
            violations.push(format!("the weight of cash is not {}", after.cash_weight));
        }
    }

    /// What is outside a band or bound is reported, with a cause, and nothing else is.
    fn limits(&self, problem: &RebalanceProblem, solution: &RebalanceSolution, violations: &mut Vec<String>) {
        let mut found = BTreeSet::new();
        for candidate in &problem.candidates {
            let Some(value) = self.values.get(&candidate.instrument) else { continue };
            let instrument = candidate.instrument;
            let mut note = |limit| found.insert(Outside { instrument, limit });
            match value.against_band(self.nav_after, candidate.target, candidate.band) {
                std::cmp::Ordering::Greater => note(Limit::BandUpper),
                std::cmp::Ordering::Less => note(Limit::BandLower),
                std::cmp::Ordering::Equal => false,
            };
            if value.against_band(self.nav_after, candidate.weight_max, Ratio::ZERO).is_gt() {
                note(Limit::WeightMax);
            }
            if value.against_band(self.nav_after, candidate.weight_min, Ratio::ZERO).is_lt() {
                note(Limit::WeightMin);
            }
        }
        let claimed: BTreeSet<Outside> = solution.after.outside.iter().cloned().collect();
        let explained: BTreeSet<Outside> = solution.remaining.iter().map(|r| r.outside.clone()).collect();
        for outside in found.difference(&claimed) {
            violations.push(format!(
                "instrument {}: {:?} broken, not reported",
                outside.instrument.0, outside.limit
            ));
        }
        for outside in claimed.difference(&found) {
            violations.push(format!(
                "instrument {}: {:?} reported, not broken",
                outside.instrument.0, outside.limit
            ));
        }
        for outside in claimed.symmetric_difference(&explained) {
            violations.push(format!("instrument {}: {:?} has no cause", outside.instrument.0, outside.limit));
        }
    }
}

/// The larger of the minimum and the ratio of the notional, half-even.
fn commission(notional: Money, costs: &Costs) -> Option<Money> {
    let product = i128::from(notional.raw()) * i128::from(costs.commission.raw());
    let by_ratio = Money::from_wide(div_half_even(product, i128::from(Ratio::ONE)))?;
    Some(by_ratio.max(costs.commission_min))
}
