//! A pod's limits as constraints, and which give way when the market cannot meet them.
//!
//! In the order in which the pods' table lists them: each is kept as asked if those before it leave a portfolio
//! that does, else at the best that they leave. So the last-listed gives way first, and no further than it has to.

use evenkeel_advice::Pod;
use evenkeel_optimizer::portfolio::{
    Constraint, Measure, Objective, PortfolioError, PortfolioProblem, Rule, SearchLimits, construct,
};
use evenkeel_schemas::Ratio;

use super::solution::{LimitKept, LimitKind};
use crate::market::Member;
use crate::words::percent;

/// How far beyond the best there is a relaxed limit lies, relative to it: an interior-point method needs an
/// interior. A hundredth of a percent of a volatility of 10% is a thousandth of a basis point.
const ROOM: f64 = 1e-4;
/// The least of that room, for limits near nothing.
const ROOM_LEAST: f64 = 1e-6;

/// The limits of a pod's terms, in order.
pub(crate) fn asked(terms: &Pod) -> Vec<(LimitKind, Ratio)> {
    let optional = [(LimitKind::Liquidity, terms.liquidity_min), (LimitKind::Yield, terms.yield_min)];
    let optional = optional.into_iter().filter_map(|(kind, limit)| Some((kind, limit?)));
    [(LimitKind::Volatility, terms.volatility_max)].into_iter().chain(optional).collect()
}

/// A limit as the terms ask for it.
pub(super) fn kept(kind: LimitKind, asked: Ratio) -> LimitKept {
    LimitKept { limit: kind, asked, in_force: asked.to_f64(), value: 0.0 }
}

/// The score that a limit averages, by member.
fn scores(kind: LimitKind, members: &[Member<'_>]) -> Vec<f64> {
    let score = |member: &Member<'_>| match kind {
        LimitKind::Liquidity => member.listing.liquidity_score(),
        LimitKind::Volatility | LimitKind::Yield => member.listing.distribution_yield.to_f64(),
    };
    members.iter().map(score).collect()
}

/// Limits as constraints of the optimizer.
pub(super) fn constraints(limits: &[LimitKept], members: &[Member<'_>]) -> Vec<Constraint> {
    let rule = |limit: &LimitKept| match limit.limit {
        LimitKind::Volatility => Rule::volatility_at_most(limit.in_force),
        kind @ (LimitKind::Liquidity | LimitKind::Yield) => {
            Rule::average_at_least(&scores(kind, members), limit.in_force)
        }
    };
    limits.iter().map(|limit| Constraint { name: name(limit), rule: rule(limit) }).collect()
}

fn name(limit: &LimitKept) -> String {
    format!("{} {}", limit.limit.in_words(), said(limit.limit, limit.in_force))
}

fn said(kind: LimitKind, value: f64) -> String {
    match kind {
        LimitKind::Liquidity => format!("{value:.3}"),
        LimitKind::Volatility | LimitKind::Yield => percent(value),
    }
}

/// Lets limits give way. `problem` has the members without limits; the sentences come in the order in which
/// limits gave way, the last-listed first.
///
/// # Errors
/// As [`construct`].
pub(super) fn relax(
    problem: &PortfolioProblem,
    members: &[Member<'_>],
    limits: &mut [LimitKept],
    search: &SearchLimits,
) -> Result<Vec<String>, PortfolioError> {
    let mut sentences = Vec::new();
    for at in 0..limits.len() {
        let (earlier, rest) = limits.split_at_mut(at);
        let Some(limit) = rest.first_mut() else { continue };
        let mut best = problem.clone();
        best.constraints = constraints(earlier, members);
        best.objective = match limit.limit {
            LimitKind::Volatility => Objective::MinimumVariance,
            kind => Objective::Weighted(vec![(1.0, Measure::Yield { yields: scores(kind, members) })]),
        };
        let found = construct(&best, search)?;
        let value = match limit.limit {
            LimitKind::Volatility => found.volatility.unwrap_or(0.0),
            kind => {
                let scores = scores(kind, members);
                scores.iter().zip(&found.weights).map(|(score, weight)| score * weight).sum()
            }
        };
        let room = (ROOM * value.abs()).max(ROOM_LEAST);
        let (nearest, possible) = match limit.limit {
            LimitKind::Volatility => (value + room, value + room <= limit.in_force),
            _ => (value - room, value - room >= limit.in_force),
        };
        if !possible {
            limit.in_force = nearest;
            sentences.push(sentence(limit, value));
        }
    }
    sentences.reverse();
    Ok(sentences)
}

fn sentence(limit: &LimitKept, best: f64) -> String {
    let (words, asked) = (limit.limit.in_words(), said(limit.limit, limit.asked.to_f64()));
    format!("{words} {asked} cannot be met: the best that the market allows is {}", said(limit.limit, best))
}
