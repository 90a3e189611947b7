//! A problem with its objective in the words of the model: what is summed, what is a ratio, which rules hold.

use std::collections::BTreeSet;

use super::measure::Measure;
use super::problem::{Constraint, Objective, PortfolioProblem, Rule, Uncertainty};

/// What has a name when constraints conflict or are active.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// Weights add up to what is invested.
    Budget,
    /// The least weight of an instrument.
    Lower(usize),
    /// The greatest weight of an instrument.
    Upper(usize),
    /// A rule of the task, by its number.
    Rule(usize),
}

/// What is best.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The least sum of measures.
    Sum(Vec<(f64, Measure)>),
    /// The greatest excess return by volatility.
    Sharpe { risk_free: f64 },
    /// The greatest average volatility by volatility.
    Diversification,
    /// Contributions to the risk in these proportions, which sum to one.
    Budgets(Vec<f64>),
}

impl Goal {
    /// Whether weights are found as `y / κ`: a ratio is the same for every multiple of a portfolio (Charnes and
    /// Cooper, "Programming with Linear Fractional Functionals", 1962).
    pub fn homogeneous(&self) -> bool {
        !matches!(self, Goal::Sum(_))
    }
}

/// One convex (or mixed-integer) program to build.
#[derive(Clone, Debug)]
pub(crate) struct Task<'a> {
    pub problem: &'a PortfolioProblem,
    pub goal: Goal,
    /// Those of the problem and those of the objective, with their numbers.
    pub rules: Vec<(usize, Constraint)>,
    /// What is left out, in the search for a conflict.
    pub dropped: BTreeSet<Named>,
    /// The scenarios that have rows, where not all have (see `tail`).
    pub scenarios: Option<BTreeSet<usize>>,
}

impl<'a> Task<'a> {
    /// The rules of the problem with a goal.
    pub fn new(problem: &'a PortfolioProblem, goal: Goal) -> Task<'a> {
        let rules = problem.constraints.iter().cloned().enumerate().collect();
        Task { problem, goal, rules, dropped: BTreeSet::new(), scenarios: None }
    }

    /// With one more rule.
    pub fn with(mut self, name: &str, rule: Rule) -> Task<'a> {
        self.rules.push((self.rules.len(), Constraint { name: name.to_owned(), rule }));
        self
    }

    /// The same constraints with nothing to strive for but small weights.
    pub fn feasibility(&self) -> Task<'a> {
        let from = vec![0.0; self.problem.names.len()];
        Task { goal: Goal::Sum(vec![(1.0, Measure::Distance { from })]), ..self.clone() }
    }

    /// Everything that has a name and is not left out.
    pub fn named(&self) -> Vec<Named> {
        let mut named = vec![Named::Budget];
        for (at, bounds) in self.problem.bounds.iter().enumerate() {
            // That nothing is sold short is part of the problem, not a constraint to give up.
            if bounds.lower.is_finite() && bounds.lower != 0.0 {
                named.push(Named::Lower(at));
            }
            if bounds.upper.is_finite() {
                named.push(Named::Upper(at));
            }
        }
        named.extend(self.rules.iter().map(|(number, _)| Named::Rule(*number)));
        named.retain(|named| !self.dropped.contains(named));
        named
    }

    /// The same with only these constraints.
    pub fn only(&self, kept: &BTreeSet<Named>) -> Task<'a> {
        let mut task = self.clone();
        task.dropped = self.named().into_iter().filter(|named| !kept.contains(named)).collect();
        task.dropped.extend(&self.dropped);
        task.rules.retain(|(number, _)| kept.contains(&Named::Rule(*number)));
        task
    }

    /// The least weight; if left out, 0 or −∞ as short positions are allowed or not.
    pub fn lower(&self, at: usize) -> f64 {
        let lower = self.problem.bounds[at].lower;
        match (self.dropped.contains(&Named::Lower(at)), lower >= 0.0) {
            (false, _) => lower,
            (true, true) => 0.0,
            (true, false) => f64::NEG_INFINITY,
        }
    }

    /// The greatest weight, ∞ if left out.
    pub fn upper(&self, at: usize) -> f64 {
        let kept = !self.dropped.contains(&Named::Upper(at));
        if kept { self.problem.bounds[at].upper } else { f64::INFINITY }
    }

    /// Every measure of the goal and the rules.
    pub fn measures(&self) -> impl Iterator<Item = &Measure> {
        let goal: &[(f64, Measure)] = if let Goal::Sum(terms) = &self.goal { terms } else { &[] };
        let rules = self.rules.iter().filter_map(|(_, constraint)| match &constraint.rule {
            Rule::Limit { measure, .. } => Some(measure),
            _ => None,
        });
        goal.iter().map(|(_, measure)| measure).chain(rules)
    }

    /// How many instruments may be held and at what least weight, with the rule's number.
    pub fn names_rule(&self) -> Option<(usize, usize, f64)> {
        self.rules.iter().find_map(|(number, constraint)| match constraint.rule {
            Rule::Names { most, least } => Some((*number, most, least)),
            _ => None,
        })
    }

    /// What any trade of an instrument costs.
    pub fn fixed_cost(&self, at: usize) -> f64 {
        let fixed = self.problem.costs.as_ref().and_then(|costs| costs.fixed.get(at));
        fixed.copied().unwrap_or(0.0)
    }

    /// Whether purchases and sales have columns of their own.
    pub fn trades(&self) -> bool {
        let costs = self.problem.costs.as_ref();
        let rules = |(_, constraint): &(usize, Constraint)| {
            matches!(constraint.rule, Rule::Turnover { .. } | Rule::Liquidity { .. })
        };
        self.problem.tax.is_some()
            || costs.is_some_and(|costs| !costs.linear.is_empty() || !costs.fixed.is_empty())
            || self.rules.iter().any(rules)
    }
}

/// The task of an objective that is one convex program.
pub(crate) fn task(problem: &PortfolioProblem) -> Option<Task<'_>> {
    let sum = |terms: Vec<(f64, Measure)>| Task::new(problem, Goal::Sum(terms));
    let utility = |aversion: f64| vec![(0.5 * aversion, Measure::Variance), (1.0, Measure::Return)];
    Some(match &problem.objective {
        Objective::MinimumVariance => sum(vec![(1.0, Measure::Variance)]),
        Objective::MeanVariance { risk_aversion } => sum(utility(*risk_aversion)),
        Objective::TargetReturn { least } => {
            sum(vec![(1.0, Measure::Variance)]).with("target return", Rule::return_at_least(*least))
        }
        Objective::TargetVolatility { most } => {
            sum(vec![(1.0, Measure::Return)]).with("target volatility", Rule::volatility_at_most(*most))
        }
        Objective::MaximumSharpe { risk_free } => Task::new(problem, Goal::Sharpe { risk_free: *risk_free }),
        Objective::MaximumDiversification => Task::new(problem, Goal::Diversification),
        Objective::MinimumCvar { scenarios, confidence } => {
            let measure = Measure::Cvar { scenarios: scenarios.clone(), confidence: *confidence };
            sum(vec![(1.0, measure)])
        }
        Objective::RobustMeanVariance { risk_aversion, uncertainty } => {
            let mut terms = utility(*risk_aversion);
            terms.push(match uncertainty {
                Uncertainty::Ellipsoid { radius, shape } => {
                    (*radius, Measure::MeanError { shape: shape.clone() })
                }
                Uncertainty::Box { radii } => (1.0, Measure::WorstMean { radii: radii.clone() }),
            });
            sum(terms)
        }
        Objective::MinimumTrackingError { benchmark } => {
            sum(vec![(1.0, Measure::TrackingVariance { benchmark: benchmark.clone() })])
        }
        Objective::MaximumAfterTaxYield { yields } => {
            sum(vec![(1.0, Measure::Yield { yields: yields.clone() })])
        }
        Objective::Weighted(terms) => sum(terms.clone()),
        Objective::EqualRiskContribution
        | Objective::RiskBudgets { .. }
        | Objective::HierarchicalRiskParity(_)
        | Objective::Priorities(_) => return None,
    })
}
