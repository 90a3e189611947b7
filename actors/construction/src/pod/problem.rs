//! From a pod's terms and a market state to the optimizer's problem, and back.

use std::collections::BTreeMap;

use evenkeel_advice::{Pod, PodId, PodObjective};
use evenkeel_optimizer::portfolio::{
    Covariance, Measure, Objective, Portfolio, PortfolioError, PortfolioProblem, SearchLimits,
    check_portfolio, construct,
};
use evenkeel_schemas::{Name, Ratio};

use super::limits::{asked, constraints, kept, relax};
use super::solution::{Figures, LimitKept, PodError, PodSolution};
use crate::investor::Investor;
use crate::market::{MarketState, Member};
use crate::shares::whole_weights;
use crate::words::{listed, percent};

/// One pod by itself.
#[derive(Copy, Clone, Debug)]
pub struct PodProblem<'a> {
    /// The pod's terms.
    pub terms: &'a Pod,
    /// The market.
    pub market: &'a MarketState,
    /// Whose income is taxed; nothing to pods that do not ask for income after tax.
    pub investor: Investor,
}

/// The part of a pod's universe that can be held.
#[derive(Clone, Debug)]
pub(crate) struct Universe<'m> {
    pub members: Vec<Member<'m>>,
    pub left_out: BTreeMap<Name, String>,
}

impl<'m> Universe<'m> {
    pub fn of(terms: &Pod, market: &'m MarketState) -> Universe<'m> {
        let mut universe = Universe { members: Vec::new(), left_out: BTreeMap::new() };
        for name in &terms.universe {
            match market.member(name) {
                Ok(member) => universe.members.push(member),
                Err(reason) => drop(universe.left_out.insert(name.clone(), reason.to_owned())),
            }
        }
        universe
    }
}

/// What is left of each member's income.
pub(crate) fn after_tax_yields(
    members: &[Member<'_>],
    market: &MarketState,
    investor: &Investor,
) -> Vec<f64> {
    members.iter().map(|member| investor.after_tax_yield(member.listing, market.company_rate())).collect()
}

/// Optimises a pod: long only, fully invested, within its limits as far as the market allows.
///
/// | objective | is |
/// |---|---|
/// | `minimise_volatility` | the least `√(wᵀCw)` |
/// | `maximise_after_tax_yield` | the greatest `Σ w · y (1 + f c / (1 − c)) (1 − r)` |
/// | `maximise_sharpe` | the greatest `(μᵀw − rf) / √(wᵀCw)`; where nothing is expected to return more than rf, the least volatility, and the answer says so |
/// | `maximise_return` | the greatest `μᵀw` |
///
/// Weights are in units of 10⁻⁹ and sum to exactly 1; figures are of these weights. Limits hold to the solver's
/// accuracy, 10⁻⁶.
///
/// # Errors
/// [`PodError::Empty`] when nothing of the universe can be held, [`PodError::Field`] for a marginal rate outside 0
/// to 1, [`PodError::Optimizer`] when the optimizer has no answer at full accuracy.
pub fn solve_pod(problem: &PodProblem<'_>, limits: &SearchLimits) -> Result<PodSolution, PodError> {
    let pod = problem.terms.pod;
    let rate = problem.investor.marginal_rate;
    if !(0..=Ratio::ONE).contains(&rate.raw()) {
        let (field, expected) = ("marginal_rate", "0 to 1");
        return Err(PodError::Field { pod, field, expected, got: rate.to_string() });
    }
    let universe = Universe::of(problem.terms, problem.market);
    if universe.members.is_empty() {
        let reasons: Vec<String> =
            universe.left_out.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
        return Err(PodError::Empty { pod, left_out: listed(&reasons) });
    }
    let failed = |error| PodError::Optimizer { pod, error };
    let members = &universe.members;
    let covariance = problem.market.covariance_of(members);
    let covariance = covariance.map_err(|error| failed(PortfolioError::Invalid(error.to_string())))?;
    let mut asks = Asks::new(problem, members, covariance);
    let portfolio = asks.solve(limits).map_err(failed)?;
    asks.answer(problem, universe.left_out.clone(), &portfolio)
}

/// A pod's problem on its way through the optimizer.
struct Asks<'u, 'm> {
    members: &'u [Member<'m>],
    plain: PortfolioProblem,
    limits: Vec<LimitKept>,
    relaxed: Vec<String>,
    /// Why the objective is another than asked for.
    instead: Option<&'static str>,
}

impl<'u, 'm> Asks<'u, 'm> {
    fn new(problem: &PodProblem<'_>, members: &'u [Member<'m>], covariance: Covariance) -> Asks<'u, 'm> {
        let objective = match problem.terms.objective {
            PodObjective::MinimiseVolatility => Objective::MinimumVariance,
            PodObjective::MaximiseAfterTaxYield => {
                let yields = after_tax_yields(members, problem.market, &problem.investor);
                Objective::MaximumAfterTaxYield { yields }
            }
            PodObjective::MaximiseSharpe => {
                Objective::MaximumSharpe { risk_free: problem.market.risk_free() }
            }
            PodObjective::MaximiseReturn => Objective::Weighted(vec![(1.0, Measure::Return)]),
        };
        let names = members.iter().map(|member| member.name().to_string()).collect();
        let mut plain = PortfolioProblem::long_only(names, objective);
        plain.covariance = Some(covariance);
        plain.expected_returns = Some(members.iter().map(|member| member.expected_return).collect());
        let limits = asked(problem.terms).into_iter().map(|(kind, limit)| kept(kind, limit)).collect();
        Asks { members, plain, limits, relaxed: Vec::new(), instead: None }
    }

    fn solve(&mut self, search: &SearchLimits) -> Result<Portfolio, PortfolioError> {
        let first = self.attempt(search);
        let Err(PortfolioError::Infeasible(_)) = first else { return first };
        self.relaxed = relax(&self.plain, self.members, &mut self.limits, search)?;
        let second = if self.relaxed.is_empty() { first } else { self.attempt(search) };
        let ratio = matches!(self.plain.objective, Objective::MaximumSharpe { .. });
        match second {
            Err(PortfolioError::Infeasible(_)) if ratio => {
                self.plain.objective = Objective::MinimumVariance;
                self.instead = Some(
                    "nothing within the limits is expected to return more than the risk-free rate, so that \
                     the least volatility is wanted instead",
                );
                self.attempt(search)
            }
            second => second,
        }
    }

    fn attempt(&self, search: &SearchLimits) -> Result<Portfolio, PortfolioError> {
        let constraints = constraints(&self.limits, self.members);
        second_look(&PortfolioProblem { constraints, ..self.plain.clone() }, search)
    }

    fn answer(
        mut self,
        problem: &PodProblem<'_>,
        left_out: BTreeMap<Name, String>,
        portfolio: &Portfolio,
    ) -> Result<PodSolution, PodError> {
        let pod = problem.terms.pod;
        let units = whole_weights(&portfolio.weights, Ratio::ONE, 0, Ratio::ONE);
        let units = units.ok_or_else(|| {
            let words = "its weights do not add up to one".to_owned();
            PodError::Optimizer { pod, error: PortfolioError::Invalid(words) }
        })?;
        let held: Vec<f64> = units.iter().map(|units| Ratio::from_raw(*units).to_f64()).collect();
        let variance = self.plain.covariance.as_ref().map_or(0.0, |covariance| covariance.variance(&held));
        let figures = Figures::of(self.members, &held, variance);
        for limit in &mut self.limits {
            limit.value = figures.against(limit.limit);
        }
        let objective_value = match problem.terms.objective {
            PodObjective::MinimiseVolatility => figures.volatility,
            PodObjective::MaximiseAfterTaxYield => {
                let yields = after_tax_yields(self.members, problem.market, &problem.investor);
                yields.iter().zip(&held).map(|(yielded, weight)| yielded * weight).sum()
            }
            PodObjective::MaximiseSharpe => {
                sharpe(figures.expected_return - problem.market.risk_free(), figures.volatility)
            }
            PodObjective::MaximiseReturn => figures.expected_return,
        };
        let names = self.members.iter().map(|member| member.name().clone());
        let weights: BTreeMap<Name, Ratio> =
            names.zip(units).filter(|(_, units)| *units > 0).map(|(n, u)| (n, Ratio::from_raw(u))).collect();
        let explanation = self.explain(problem, &weights, objective_value, &left_out);
        Ok(PodSolution {
            pod,
            solution: solution_id(problem)?,
            estimates: problem.market.epoch(),
            objective: problem.terms.objective,
            objective_value,
            weights,
            figures,
            limits: self.limits,
            relaxed: self.relaxed,
            left_out,
            standing: portfolio.standing,
            gap: portfolio.gap,
            active: portfolio.active.clone(),
            residuals: portfolio.residuals,
            explanation,
        })
    }

    fn explain(
        &self,
        problem: &PodProblem<'_>,
        weights: &BTreeMap<Name, Ratio>,
        value: f64,
        left_out: &BTreeMap<Name, String>,
    ) -> String {
        let mut lines: Vec<(&Name, &Ratio)> = weights.iter().collect();
        lines.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let lines: Vec<String> =
            lines.iter().map(|(name, weight)| format!("{} {name}", percent(weight.to_f64()))).collect();
        let (best, value) = match problem.terms.objective {
            PodObjective::MinimiseVolatility => ("the least volatility", percent(value)),
            PodObjective::MaximiseAfterTaxYield => ("the greatest yield after tax", percent(value)),
            PodObjective::MaximiseSharpe => ("the greatest Sharpe ratio", format!("{value:.3}")),
            PodObjective::MaximiseReturn => ("the greatest expected return", percent(value)),
        };
        let mut text = format!("{} holds {} for {best}: {value}.", problem.terms.pod.name(), listed(&lines));
        let more = self.instead.map(str::to_owned).into_iter().chain(self.relaxed.iter().cloned());
        let out = left_out.iter().map(|(name, reason)| format!("{name} is left out: {reason}"));
        for sentence in more.chain(out) {
            let mut letters = sentence.chars();
            let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
            text.push_str(&format!(" {first}{}.", letters.as_str()));
        }
        text
    }
}

/// How far an answer may be outside a constraint, for the solver's accuracy.
const KEPT: f64 = 1e-6;

/// Constructs, and lets code of its own look for constraints that the answer breaks.
///
/// # Errors
/// As [`construct`]; an answer that breaks a constraint is none.
pub(crate) fn second_look(
    problem: &PortfolioProblem,
    search: &SearchLimits,
) -> Result<Portfolio, PortfolioError> {
    let portfolio = construct(problem, search)?;
    match check_portfolio(problem, &portfolio, KEPT).as_slice() {
        [] => Ok(portfolio),
        [first, ..] => {
            let words = format!("the answer breaks {:?} by {}", first.name, first.by);
            Err(PortfolioError::Invalid(words))
        }
    }
}

/// Excess return by volatility; 0 where nothing varies.
pub(crate) fn sharpe(excess: f64, volatility: f64) -> f64 {
    if volatility > 0.0 { excess / volatility } else { 0.0 }
}

/// Whether the investor makes a difference to a pod.
pub(crate) fn taxed(terms: &Pod) -> bool {
    terms.objective == PodObjective::MaximiseAfterTaxYield
}

/// Pod, epoch of the estimates, fingerprint of the terms and, where it matters, the investor.
fn solution_id(problem: &PodProblem<'_>) -> Result<Name, PodError> {
    let PodProblem { terms, market, investor } = problem;
    let rate = match (taxed(terms), investor.resident) {
        (false, _) => String::new(),
        (true, true) => format!(":r{}", investor.marginal_rate),
        (true, false) => format!(":f{}", investor.marginal_rate),
    };
    let text = format!("{}:{}:{:016x}{rate}", terms.pod, market.epoch(), fingerprint(terms));
    let (pod, field, expected) = (terms.pod, "solution", "an id of at most 64 letters");
    Name::new(&text).map_err(|_| PodError::Field { pod, field, expected, got: text })
}

/// FNV-1a (Fowler, Noll and Vo) of a pod's terms, written out.
fn fingerprint(terms: &Pod) -> u64 {
    let or_none = |ratio: Option<Ratio>| ratio.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
    let universe: Vec<&str> = terms.universe.iter().map(Name::as_str).collect();
    let text = format!(
        "{}|{}|{}|{}|{}|{}",
        terms.pod,
        terms.objective,
        terms.volatility_max,
        or_none(terms.liquidity_min),
        or_none(terms.yield_min),
        universe.join(",")
    );
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The pods that a solution is of, for messages.
pub(crate) fn title(pod: PodId) -> String {
    format!("{pod} ({})", pod.name())
}
