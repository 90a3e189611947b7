//! From a snapshot and its reasons to a plan.

use evenkeel_optimizer::Side as Way;
use evenkeel_schemas::{Money, TradeDate};
use evenkeel_tax::{GainKind, Piece};

use crate::attempt::{Attempt, Desk, trading_day};
use crate::book::Book;
use crate::choose::{Chosen, choose};
use crate::error::PlanError;
use crate::intent::intent;
use crate::parcels::index_missing;
use crate::plan::{Benefit, Cost, Held, Left, Outcome, Plan, PlannedOrder, Slice, Solved, Tried};
use crate::policy::{Policy, Strategy};
use crate::reason::{Reason, ReasonKind, by_urgency};
use crate::slices::slices;
use crate::snapshot::Snapshot;
use crate::validate;

/// The plan for a portfolio, its reasons taken together: orders with their parcels, slices, costs, tax and
/// benefit, or a hold with its reason.
///
/// The plan does not overdraw, sells no more than is sellable, and has one order an instrument: what several
/// reasons and taxonomies ask for is netted before anything is ordered. It is the dry run itself.
///
/// # Errors
/// [`PlanError`]: everything that makes no sense, limits that cannot hold together, a solver without an
/// answer, law or calendar that do not cover the day. Nothing is traded then.
pub fn plan(
    snapshot: &Snapshot<'_>,
    reasons: &[Reason],
    strategy: &Strategy,
    policy: &Policy,
) -> Result<Plan, PlanError> {
    let problems = validate::problems(snapshot, reasons, strategy, policy);
    if !problems.is_empty() {
        return Err(PlanError::Invalid(problems));
    }
    let reasons = by_urgency(reasons);
    let book = Book::new(snapshot, &reasons).map_err(|problem| PlanError::Invalid(vec![problem]))?;
    let intent = intent(&book, snapshot.tax, &reasons, strategy, policy)?;
    let desk = Desk::new(*snapshot, &book, &intent, policy)?;
    let mut made = Made { desk: &desk, reasons, words: intent.notes.clone() };
    let first = made.reasons.iter().map(|reason| reason.in_words(&|i| book.name(i))).collect::<Vec<_>>();
    made.words.insert(0, format!("looked at because {}", first.join("; ")));
    if snapshot.tax.is_some_and(|tax| index_missing(tax, snapshot.portfolio.date)) {
        made.words
            .push("the consumer price index of this quarter is not known: no gain is indexed".to_owned());
    }
    if let Some((why, review)) = made.not_asked(strategy)? {
        made.words.push(why);
        return Ok(made.hold(Held::NotAsked, None, review));
    }
    let flows = *strategy == Strategy::CashFlowFirst
        || made.reasons.iter().any(|reason| reason.kind == ReasonKind::CashFlow)
        || book.cash < policy.cash_min;
    let chosen = choose(&desk, strategy, flows)?;
    made.concluded(chosen)
}

/// A plan in the making.
struct Made<'a> {
    desk: &'a Desk<'a>,
    reasons: Vec<Reason>,
    words: Vec<String>,
}

impl Made<'_> {
    /// Why the strategy does not want a trade, and when it may; nothing if it does.
    fn not_asked(&self, strategy: &Strategy) -> Result<Option<(String, Option<TradeDate>)>, PlanError> {
        let asks = |reason: &Reason| match reason.kind {
            ReasonKind::Drift | ReasonKind::Calendar => false,
            ReasonKind::TaxOpportunity => !self.desk.intent.switched.is_empty(),
            _ => true,
        };
        let desk = self.desk;
        if self.reasons.iter().any(asks) || desk.book.cash < desk.policy.cash_min {
            return Ok(None);
        }
        let outside = desk.before.outside() > 0;
        let review = self.reasons.iter().any(|reason| reason.kind == ReasonKind::Calendar);
        match strategy {
            Strategy::Calendar { cadence, last } => {
                let Some(next) = last.map(|last| cadence.next(last)) else { return Ok(None) };
                if review || next <= desk.book.portfolio.date {
                    return Ok(None);
                }
                let next = trading_day(desk.snapshot.market, next)?;
                Ok(Some((format!("the next review is due on {next}"), Some(next))))
            }
            _ if outside || review => Ok(None),
            Strategy::CashFlowFirst => {
                let before = &desk.before;
                let apart = before.cash_weight.raw().abs_diff(before.cash_target.raw());
                let inside = apart <= desk.policy.cash_band.raw().unsigned_abs();
                let why = "every weight is inside its band, and cash near its target";
                Ok(inside.then(|| (why.to_owned(), None)))
            }
            _ => Ok(Some(("every weight is inside its band".to_owned(), None))),
        }
    }

    /// What comes of the chosen way to trade.
    fn concluded(mut self, chosen: Chosen) -> Result<Plan, PlanError> {
        let Chosen { attempt, tried, waiting } = chosen;
        let review = waiting.iter().filter(|one| one.waits).map(|one| one.until).min();
        let (cost, benefit) = (attempt.cost.total, attempt.benefit.amount);
        for one in waiting.iter().filter(|one| one.waits) {
            let name = self.desk.book.name(one.instrument);
            self.words.push(format!(
                "{name}: {} units acquired on {} wait until {} for their discount: {} less tax for {} of drift a day",
                one.quantity, one.acquired, one.until, one.tax_saved, one.drift_cost_a_day
            ));
        }
        if attempt.orders.is_empty() {
            // The first way that was given up for doing nothing, if there was one.
            let given_up = tried.iter().find(|tried| tried.cost > Money::ZERO);
            let (held, why) = match given_up {
                _ if review.is_some() => (Held::Waiting, None),
                Some(Tried { cost, benefit, .. }) => {
                    (Held::CostAboveBenefit, Some(outweighed(*cost, *benefit)))
                }
                None => (Held::NothingToTrade, Some("no order in whole lots is worth placing".to_owned())),
            };
            self.words.extend(why);
            return Ok(Plan { tried, waiting, ..self.hold(held, Some(&attempt), review) });
        }
        if attempt.net <= 0.0 && !self.desk.intent.duty {
            self.words.push(outweighed(cost, benefit));
            return Ok(Plan { tried, waiting, ..self.hold(Held::CostAboveBenefit, Some(&attempt), review) });
        }
        let Some((attempt, slices)) = slices(self.desk, &attempt)? else {
            self.words.push("no order is possible within a day's share of the volume".to_owned());
            return Ok(Plan { tried, waiting, ..self.hold(Held::NothingToTrade, Some(&attempt), review) });
        };
        if attempt.net <= 0.0 && !self.desk.intent.duty {
            self.words.push("what a few days' volume allows of the plan would not be worth it".to_owned());
            return Ok(Plan { tried, waiting, ..self.hold(Held::CostAboveBenefit, Some(&attempt), review) });
        }
        self.tell(&attempt, &slices);
        let mut plan = self.hold(Held::NothingToTrade, Some(&attempt), review);
        (plan.outcome, plan.held) = (Outcome::Trade, None);
        plan.after = attempt.state.clone();
        plan.orders = orders(&attempt);
        (plan.cost, plan.benefit, plan.slices) = (attempt.cost, attempt.benefit, slices);
        plan.gains = gains(&attempt.pieces);
        (plan.tried, plan.waiting) = (tried, waiting);
        Ok(plan)
    }

    /// The chosen way in words.
    fn tell(&mut self, attempt: &Attempt, slices: &[Slice]) {
        let sells = attempt.orders.iter().filter(|order| order.side == Way::Sell).count();
        let (cost, benefit) = (attempt.cost, attempt.benefit);
        self.words.push(format!(
            "{}: {sells} sell(s), {} buy(s); trading {}, impact {}, tax {}, benefit {}",
            attempt.variant,
            attempt.orders.len() - sells,
            cost.trading,
            cost.impact,
            cost.tax,
            benefit.amount
        ));
        if attempt.net <= 0.0 {
            self.words.push("it is a duty, whatever it costs".to_owned());
        }
        if slices.len() > 1 {
            let last = slices.last().map(|slice| slice.date.to_string()).unwrap_or_default();
            self.words.push(format!("spread over {} days until {last}, by volume", slices.len()));
        }
        if attempt.state.cash < self.desk.policy.cash_min {
            let short = self.desk.policy.cash_min.checked_sub(attempt.state.cash).unwrap_or_default();
            self.words.push(format!("{short} is still to be raised after the last slice"));
        }
        for rest in left(attempt) {
            let name = self.desk.book.name(rest.instrument);
            self.words.push(format!("{name} stays outside its limits: {}", rest.cause.in_words()));
        }
    }

    /// A hold: before is after. With the attempt, if there was one, that was not worth it.
    fn hold(&self, held: Held, attempt: Option<&Attempt>, review: Option<TradeDate>) -> Plan {
        let desk = self.desk;
        let nothing = Benefit {
            rule: match desk.snapshot.risk {
                Some(_) => crate::plan::BenefitRule::TrackingVariance,
                None => crate::plan::BenefitRule::SquaredDistance,
            },
            before: 0.0,
            after: 0.0,
            amount: Money::ZERO,
            a_day: Money::ZERO,
        };
        let no_trade = desk.book.rows.iter().enumerate();
        Plan {
            outcome: Outcome::Hold,
            held: Some(held),
            reasons: self.reasons.clone(),
            words: self.words.clone(),
            before: desk.before.clone(),
            after: desk.before.clone(),
            orders: Vec::new(),
            slices: Vec::new(),
            cost: attempt.map_or(Cost::default(), |attempt| attempt.cost),
            benefit: attempt.map_or(nothing, |attempt| attempt.benefit),
            no_trade: no_trade.map(|(at, row)| (row.position.instrument, desk.no_trade(at))).collect(),
            gains: Vec::new(),
            waiting: Vec::new(),
            tried: Vec::new(),
            solved: attempt.map(|attempt| Solved {
                gap: attempt.solution.gap,
                iterations: attempt.solution.iterations,
                repairs: attempt.solution.repairs,
            }),
            left: attempt.map(left).unwrap_or_default(),
            review,
        }
    }
}

fn outweighed(cost: Money, benefit: Money) -> String {
    format!("the plan would cost {cost} and bring {benefit}: inside the no-trade region")
}

fn left(attempt: &Attempt) -> Vec<Left> {
    let mut left: Vec<Left> = attempt
        .solution
        .remaining
        .iter()
        .map(|rest| Left { instrument: rest.outside.instrument, cause: rest.cause })
        .filter(|left| {
            let standing = attempt.state.standings.iter().find(|s| s.instrument == left.instrument);
            standing.is_some_and(|standing| standing.outside.is_some())
        })
        .collect();
    left.dedup_by_key(|left| left.instrument);
    left
}

fn orders(attempt: &Attempt) -> Vec<PlannedOrder> {
    let order = |(order, sold): (&evenkeel_optimizer::ProposedOrder, &Vec<crate::plan::Sold>)| PlannedOrder {
        instrument: order.instrument,
        side: order.side,
        quantity: order.quantity,
        limit: order.limit,
        parcels: sold.clone(),
    };
    attempt.orders.iter().zip(&attempt.sold).map(order).collect()
}

/// Gains by kind, losses by kind as negative amounts apart.
fn gains(pieces: &[Piece]) -> Vec<(GainKind, Money)> {
    let mut found = Vec::new();
    for kind in GainKind::ALL {
        for loss in [false, true] {
            let of = pieces.iter().filter(|piece| piece.kind == kind && (piece.amount < Money::ZERO) == loss);
            let sum: i128 = of.map(|piece| i128::from(piece.amount.raw())).sum();
            if let Some(sum) = Money::from_wide(sum).filter(|sum| *sum != Money::ZERO) {
                found.push((kind, sum));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_and_losses_are_told_apart() {
        let piece =
            |kind, amount: &str| Piece { kind, amount: amount.parse().unwrap(), cost_base: Money::ZERO };
        let all = [
            piece(GainKind::Discount, "10"),
            piece(GainKind::Discount, "-4"),
            piece(GainKind::Discount, "5"),
            piece(GainKind::Accrued, "0"),
        ];
        let expected =
            vec![(GainKind::Discount, "15".parse().unwrap()), (GainKind::Discount, "-4".parse().unwrap())];
        assert_eq!(gains(&all), expected);
    }
}
