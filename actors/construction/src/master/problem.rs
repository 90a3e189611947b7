//! From pods to the optimizer's problem.

use evenkeel_advice::Pod;
use evenkeel_optimizer::portfolio::{
    Bounds, CapitalGainsTax, Constraint, Covariance, Measure, Objective, Paid, Portfolio, PortfolioError,
    PortfolioProblem, Rule, SearchLimits, Sleeve, TaxLot, TradingCosts,
};
use evenkeel_schemas::{Money, Ratio, TradeDate};
use evenkeel_tax::{Entity, FinancialYear, Profile, YearLaw, held_clear_year};
use serde::{Deserialize, Serialize};

use super::answer::{MasterError, MasterPortfolio, TermKind};
use super::candidates::Candidates;
use super::report::report;
use super::room::{Reach, investable};
use super::sleeves::{Aim, sleeve};
use crate::holdings::HeldLot;
use crate::investor::Investor;
use crate::market::MarketState;
use crate::pod::{PodSolution, second_look, title};
use crate::words::percent;

/// The least s: a tax of one point of the capital counts as one.
const TAX_RANGE_LEAST: f64 = 0.01;

/// A pod with its solution and its capital.
#[derive(Copy, Clone, Debug)]
pub struct PodPart<'a> {
    /// Its terms.
    pub terms: &'a Pod,
    /// Its solution for the same market state.
    pub solution: &'a PodSolution,
    /// Its capital, 0 or more.
    pub capital: Money,
}

/// What a master portfolio is made of.
#[derive(Copy, Clone, Debug)]
pub struct MasterProblem<'a> {
    /// The pods; their capital together is the whole.
    pub pods: &'a [PodPart<'a>],
    /// The market.
    pub market: &'a MarketState,
    /// Who is taxed.
    pub investor: Investor,
    /// What is held now, worth no more than the capital; the rest of it is cash.
    pub held: &'a [HeldLot],
    /// The day of the trades.
    pub on: TradeDate,
    /// The law of that day's financial year.
    pub law: &'a YearLaw,
    /// Capital losses of this year so far, less its gains, and of earlier years; 0 or more.
    pub losses: Money,
    /// What trading a unit of money costs: half the spread and commission, 0 to below 1.
    pub cost_rate: Ratio,
}

/// The rules of the master portfolio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterRules {
    /// The most instruments.
    pub names_most: usize,
    /// The least weight of what is held.
    pub weight_least: Ratio,
    /// The greatest weight.
    pub weight_most: Ratio,
    /// Weights of the objective's terms, in the order of [`TermKind::ALL`].
    pub objective: [Ratio; 4],
    /// What a pod may give up of its objective and still count as preserved, as a share of the range from its
    /// best to its worst single instrument.
    pub given_up_most: Ratio,
}

impl Default for MasterRules {
    /// The flow's: 12 instruments, 2% to 30%, 60/20/10/10. That 5% given up still preserve an objective is ours:
    /// the source has no measure for it.
    fn default() -> MasterRules {
        let percent = |points: i64| Ratio::from_raw(points * (Ratio::ONE / 100));
        MasterRules {
            names_most: 12,
            weight_least: percent(2),
            weight_most: percent(30),
            objective: [percent(60), percent(20), percent(10), percent(10)],
            given_up_most: percent(5),
        }
    }
}

impl MasterRules {
    /// The weight of a term.
    pub fn weight(&self, term: TermKind) -> Ratio {
        self.objective[term as usize]
    }

    fn check(&self) -> Result<(), MasterError> {
        let wrong = |field: &str, expected, got: String| {
            Err(MasterError::Field { field: format!("rules.{field}"), expected, got })
        };
        let (least, most) = (self.weight_least.raw(), self.weight_most.raw());
        if self.names_most == 0 {
            return wrong("names_most", "at least 1", "0".to_owned());
        }
        if !(1..=Ratio::ONE).contains(&most) {
            return wrong("weight_most", "above 0 and at most 1", self.weight_most.to_string());
        }
        if !(0..=most).contains(&least) {
            return wrong("weight_least", "0 to the greatest weight", self.weight_least.to_string());
        }
        if let Some(bad) = self.objective.iter().find(|weight| **weight < Ratio::ZERO) {
            return wrong("objective", "weights of 0 or more", bad.to_string());
        }
        if self.weight(TermKind::Pods) <= Ratio::ZERO {
            return wrong("objective", "pods to count", self.weight(TermKind::Pods).to_string());
        }
        Ok(())
    }
}

/// Finds the master portfolio.
///
/// Weights are in units of 10⁻⁹ and keep the rules exactly. What cannot be invested within them stays cash, with
/// the reason: too few instruments for the capital at most 30% each, or a pod too small for the least holding.
///
/// # Errors
/// [`MasterError`].
pub fn solve_master(
    problem: &MasterProblem<'_>,
    rules: &MasterRules,
    limits: &SearchLimits,
) -> Result<MasterPortfolio, MasterError> {
    rules.check()?;
    check(problem)?;
    let pods: Vec<PodPart<'_>> =
        problem.pods.iter().copied().filter(|pod| pod.capital > Money::ZERO).collect();
    let capital = pods.iter().try_fold(Money::ZERO, |sum, pod| sum.checked_add(pod.capital));
    let capital = capital.filter(|capital| *capital > Money::ZERO).ok_or(MasterError::NoCapital)?;
    let plan = Plan::new(problem, rules, pods.clone(), capital, Vec::new())?;
    let first = plan.solve(limits);
    let Err(PortfolioError::Infeasible(_)) = first else {
        return report(&plan, &first?);
    };
    // Pods too small to hold anything by themselves wait in cash.
    let least = rules.weight_least;
    let (large, small): (Vec<PodPart<'_>>, Vec<PodPart<'_>>) =
        pods.into_iter().partition(|pod| share(pod.capital, capital) >= least.raw());
    if small.is_empty() || large.is_empty() {
        return report(&plan, &first?);
    }
    let reasons = small.iter().map(|pod| {
        let (pod, part) = (title(pod.terms.pod), share(pod.capital, capital));
        let (part, least) = (percent(Ratio::from_raw(part).to_f64()), percent(least.to_f64()));
        format!("{pod} is {part} of the capital, less than the {least} that is the least to hold")
    });
    let plan = Plan::new(problem, rules, large, capital, reasons.collect())?;
    report(&plan, &plan.solve(limits)?)
}

/// Part of the whole in units of 10⁻⁹, rounded down.
pub(super) fn share(part: Money, whole: Money) -> i64 {
    let raw = i128::from(part.raw()) * i128::from(Ratio::ONE) / i128::from(whole.raw().max(1));
    i64::try_from(raw).unwrap_or(Ratio::ONE)
}

fn check(problem: &MasterProblem<'_>) -> Result<(), MasterError> {
    let wrong = |field: &str, expected, got: String| {
        Err(MasterError::Field { field: field.to_owned(), expected, got })
    };
    let rate = problem.investor.marginal_rate;
    if !(0..=Ratio::ONE).contains(&rate.raw()) {
        return wrong("investor.marginal_rate", "0 to 1", rate.to_string());
    }
    if !(0..Ratio::ONE).contains(&problem.cost_rate.raw()) {
        return wrong("cost_rate", "0 to below 1", problem.cost_rate.to_string());
    }
    if problem.losses < Money::ZERO {
        return wrong("losses", "0 or more", problem.losses.to_string());
    }
    if let Some(bad) = problem.pods.iter().find(|pod| pod.capital < Money::ZERO) {
        return wrong(&format!("{}.capital", bad.terms.pod), "0 or more", bad.capital.to_string());
    }
    let year = FinancialYear::of(problem.on);
    if FinancialYear::of(problem.law.from) > year {
        return wrong("law", "the law of the day", format!("that from {}", problem.law.from));
    }
    let profile = taxpayer(&problem.investor);
    match problem.law.regime_of(&profile) {
        Some(regime) if !problem.held.is_empty() => {
            Err(MasterError::Regime { on: problem.on, start: regime.start })
        }
        _ => Ok(()),
    }
}

/// The investor as tax law sees one.
pub(crate) fn taxpayer(investor: &Investor) -> Profile {
    Profile { resident: investor.resident, ..Profile::resident(Entity::Individual) }
}

/// A master problem with everything that its answer is reported from.
pub(super) struct Plan<'p> {
    pub problem: &'p MasterProblem<'p>,
    pub rules: &'p MasterRules,
    pub pods: Vec<PodPart<'p>>,
    pub capital: Money,
    pub candidates: Candidates<'p>,
    pub covariance: Covariance,
    pub aims: Vec<Aim>,
    /// By pod, its share of the capital.
    pub shares: Vec<f64>,
    pub sleeves: Vec<Sleeve>,
    /// q by place.
    pub duplicates: Vec<f64>,
    /// Tax on a year's income of a unit of money, by place.
    pub income_tax: Vec<f64>,
    /// The least of it among what pods may hold.
    pub tax_least: f64,
    /// s.
    pub tax_scale: f64,
    /// In units of 10⁻⁹.
    pub invested: i64,
    pub cash_reasons: Vec<String>,
}

impl<'p> Plan<'p> {
    fn new(
        problem: &'p MasterProblem<'p>,
        rules: &'p MasterRules,
        pods: Vec<PodPart<'p>>,
        capital: Money,
        mut cash_reasons: Vec<String>,
    ) -> Result<Plan<'p>, MasterError> {
        let candidates = Candidates::new(problem, &pods, capital)?;
        let covariance = candidates.covariance(problem)?;
        let variances = covariance.variances();
        let (mut aims, mut shares, mut sleeves) = (Vec::new(), Vec::new(), Vec::new());
        let mut reach = Vec::new();
        let (mut sums, mut squares) = (vec![0.0; candidates.len()], vec![0.0; candidates.len()]);
        for (pod, members) in pods.iter().zip(&candidates.reach) {
            let own: Vec<_> = members.iter().map(|at| candidates.members[*at]).collect();
            let variances: Vec<f64> = members.iter().map(|at| variances[*at]).collect();
            let aim = Aim::of(problem, pod, &own, &variances);
            let part = pod.capital.to_f64() / capital.to_f64();
            sleeves.push(sleeve(pod, part, &aim, members, &candidates));
            aims.push(aim);
            shares.push(part);
            reach.push(Reach { share: share(pod.capital, capital), members: members.clone() });
            for (name, weight) in &pod.solution.weights {
                if let Some(at) = candidates.place(name) {
                    let wanted = part * weight.to_f64();
                    sums[at] += wanted;
                    squares[at] += wanted * wanted;
                }
            }
        }
        let of_others = |(sum, square): (&f64, &f64)| {
            let rate = if *sum > 0.0 { 1.0 - square / (sum * sum) } else { 0.0 };
            // Rounding of what one pod wants alone.
            if rate > 1e-12 { rate } else { 0.0 }
        };
        let duplicates = sums.iter().zip(&squares).map(of_others).collect();
        // Shares are rounded down: what that leaves of the whole belongs to the first.
        let whole = if cash_reasons.is_empty() { Ratio::ONE } else { reach.iter().map(|r| r.share).sum() };
        let lost = whole - reach.iter().map(|reach| reach.share).sum::<i64>();
        reach.iter_mut().take(1).for_each(|first| first.share += lost);
        let invested = investable(&reach, rules.weight_most.raw());
        if invested < whole {
            let (most, room) = (rules.weight_most.to_f64(), Ratio::from_raw(invested).to_f64());
            cash_reasons.push(format!(
                "at most {} in one instrument, what the pods may hold takes {} of the capital",
                percent(most),
                percent(room)
            ));
        }
        let tax = |at: usize| {
            candidates.members.get(at).map_or(0.0, |member| {
                problem.investor.income_tax(member.listing, problem.market.company_rate())
            })
        };
        let income_tax: Vec<f64> = (0..candidates.len()).map(tax).collect();
        let own = &income_tax[..candidates.members.len()];
        let tax_least = own.iter().copied().fold(f64::INFINITY, f64::min);
        let tax_most = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tax_scale = (tax_most - tax_least).max(TAX_RANGE_LEAST);
        Ok(Plan {
            problem,
            rules,
            pods,
            capital,
            candidates,
            covariance,
            aims,
            shares,
            sleeves,
            duplicates,
            income_tax,
            tax_least,
            tax_scale,
            invested,
            cash_reasons,
        })
    }

    fn solve(&self, limits: &SearchLimits) -> Result<Portfolio, PortfolioError> {
        second_look(&self.formulate(), limits)
    }

    /// The problem as the optimizer takes it.
    pub fn formulate(&self) -> PortfolioProblem {
        let weight = |term| self.rules.weight(term).to_f64();
        let terms = vec![
            (weight(TermKind::Pods), Measure::Divided { sleeves: self.sleeves.clone() }),
            (weight(TermKind::Duplication), Measure::Concentration { rates: self.duplicates.clone() }),
            (
                weight(TermKind::Tax) / self.tax_scale,
                Measure::Yield { yields: self.income_tax.iter().map(|tax| self.tax_least - tax).collect() },
            ),
        ];
        let names = self.candidates.names().iter().map(ToString::to_string).collect();
        let mut formulated = PortfolioProblem::long_only(names, Objective::Weighted(terms));
        formulated.covariance = Some(self.covariance.clone());
        formulated.invested = Ratio::from_raw(self.invested).to_f64();
        let most = self.rules.weight_most.to_f64();
        let mut upper = vec![0.0; self.candidates.len()];
        for (sleeve, members) in self.sleeves.iter().zip(&self.candidates.reach) {
            members.iter().for_each(|at| upper[*at] += sleeve.share);
        }
        for (bounds, upper) in formulated.bounds.iter_mut().zip(upper) {
            // No more than the pods that may hold it have; what no pod may hold is sold.
            *bounds = Bounds { lower: 0.0, upper: most.min(upper) };
        }
        let (most, least) = (self.rules.names_most, self.rules.weight_least.to_f64());
        let rule = Rule::Names { most, least };
        formulated.constraints = vec![Constraint { name: "instruments".to_owned(), rule }];
        if !self.problem.held.is_empty() {
            formulated.current = Some(self.candidates.current.clone());
            formulated.costs = Some(TradingCosts {
                linear: vec![1.0; self.candidates.len()],
                quadratic: Vec::new(),
                fixed: Vec::new(),
                paid: Paid::Outside,
                weight: 0.5 * weight(TermKind::Cost),
            });
            formulated.tax = Some(self.gains_tax());
        }
        formulated
    }

    /// The discount of gains on what was held for over twelve months.
    pub fn discount(&self) -> f64 {
        self.problem.law.discount_of(&taxpayer(&self.problem.investor)).to_ratio().to_f64()
    }

    /// Tax on the gains of sales, by lot.
    fn gains_tax(&self) -> CapitalGainsTax {
        let problem = self.problem;
        let capital = self.capital.to_f64();
        let lots = problem.held.iter().zip(&self.candidates.lots).map(|(lot, (instrument, value))| TaxLot {
            instrument: *instrument,
            value: *value,
            // A loss counts as no gain: else selling and buying back would pay.
            cost_base: (lot.cost_base.to_f64() / capital).min(*value),
            discounted: held_clear_year(lot.acquired, problem.on),
        });
        CapitalGainsTax {
            rate: self.gains_rate(),
            discount: self.discount(),
            prior_losses: problem.losses.to_f64() / capital,
            lots: lots.collect(),
            weight: self.rules.weight(TermKind::Tax).to_f64() / self.tax_scale,
        }
    }

    /// The rate on gains: none of those who are not taxed on them.
    pub fn gains_rate(&self) -> f64 {
        let taxed = taxpayer(&self.problem.investor).gains_are_taxed();
        if taxed { self.problem.investor.marginal_rate.to_f64() } else { 0.0 }
    }
}
