//! Pods as sleeves of the master portfolio: what each loses by it.

use evenkeel_advice::PodObjective;
use evenkeel_optimizer::portfolio::{Covariance, Sleeve, SleeveLimit};

use super::candidates::Candidates;
use super::problem::{MasterProblem, PodPart};
use crate::market::Member;
use crate::pod::{Figures, LimitKind, sharpe};

/// Loss by unit of excess over a limit, in ranges: a volatility that is one point of the pod's capital above its
/// limit counts half of all that the pod has to lose.
const PENALTY: f64 = 50.0;
/// What a pod may hold beyond its share, of the capital: without any room between the pods an interior-point method
/// has no interior.
const ROOM: f64 = 1e-6;
/// A range below a tenth of a point counts as that: all instruments serve the objective alike.
const RANGE_LEAST: f64 = 1e-3;

/// A pod's objective: how good weights are, and how much of it there is to lose.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub objective: PodObjective,
    /// Its value alone.
    pub alone: f64,
    /// By member of the pod: what a unit adds to return in excess of rf, yield after tax, or return.
    pub values: Vec<f64>,
    /// From the best to the worst single instrument, in the units of the loss.
    pub range: f64,
}

impl Aim {
    pub fn of(
        problem: &MasterProblem<'_>,
        pod: &PodPart<'_>,
        members: &[Member<'_>],
        variances: &[f64],
    ) -> Aim {
        let alone = pod.solution.objective_value;
        // Where no mix returns more than the risk-free rate, the pod wants the least volatility.
        let objective = match pod.terms.objective {
            PodObjective::MaximiseSharpe if alone <= 0.0 => PodObjective::MinimiseVolatility,
            objective => objective,
        };
        let alone = match objective {
            PodObjective::MinimiseVolatility => pod.solution.figures.volatility,
            _ => alone,
        };
        let market = problem.market;
        let value = |member: &Member<'_>| match objective {
            PodObjective::MinimiseVolatility => 0.0,
            PodObjective::MaximiseAfterTaxYield => {
                problem.investor.after_tax_yield(member.listing, market.company_rate())
            }
            PodObjective::MaximiseSharpe => member.expected_return - market.risk_free(),
            PodObjective::MaximiseReturn => member.expected_return,
        };
        let values: Vec<f64> = members.iter().map(value).collect();
        let lost = values.iter().zip(variances).map(|(value, variance)| match objective {
            PodObjective::MinimiseVolatility => variance.sqrt() - alone,
            PodObjective::MaximiseSharpe => alone * variance.sqrt() - value,
            PodObjective::MaximiseAfterTaxYield | PodObjective::MaximiseReturn => alone - value,
        });
        let range = lost.fold(RANGE_LEAST, f64::max);
        Aim { objective, alone, values, range }
    }

    /// The objective of a sleeve of this share.
    pub fn value(&self, figures: &Figures, weights: &[f64], share: f64) -> f64 {
        let sum: f64 = self.values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        match self.objective {
            PodObjective::MinimiseVolatility => figures.volatility / share,
            PodObjective::MaximiseSharpe => sharpe(sum, figures.volatility),
            PodObjective::MaximiseAfterTaxYield | PodObjective::MaximiseReturn => sum / share,
        }
    }

    /// What a sleeve of this share gives up, as a share of the range; 0 where it is better off.
    pub fn given_up(&self, figures: &Figures, weights: &[f64], share: f64) -> f64 {
        let sum: f64 = self.values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        let lost = match self.objective {
            PodObjective::MinimiseVolatility => figures.volatility - share * self.alone,
            PodObjective::MaximiseSharpe => self.alone * figures.volatility - sum,
            PodObjective::MaximiseAfterTaxYield | PodObjective::MaximiseReturn => share * self.alone - sum,
        };
        (lost / (share * self.range)).max(0.0)
    }
}

/// A pod as a sleeve.
pub(super) fn sleeve(
    pod: &PodPart<'_>,
    share: f64,
    aim: &Aim,
    members: &[usize],
    candidates: &Candidates<'_>,
) -> Sleeve {
    // By unit held, by unit of volatility, before anything is held, by unit of cash.
    let (linear, risk, constant, idle): (Vec<f64>, f64, f64, f64) = match aim.objective {
        PodObjective::MinimiseVolatility => (vec![0.0; members.len()], 1.0, -share * aim.alone, 0.0),
        PodObjective::MaximiseSharpe => {
            (aim.values.iter().map(|value| -value).collect(), aim.alone, 0.0, 0.0)
        }
        PodObjective::MaximiseAfterTaxYield | PodObjective::MaximiseReturn => {
            (aim.values.iter().map(|value| aim.alone - value).collect(), 0.0, 0.0, aim.alone)
        }
    };
    let limits = pod.solution.limits.iter().map(|limit| {
        let scores = |of: &dyn Fn(&Member<'_>) -> f64| {
            members.iter().filter_map(|at| candidates.members.get(*at)).map(of).collect()
        };
        let average = |scores| SleeveLimit::Average { scores, least: limit.in_force, penalty: PENALTY };
        match limit.limit {
            LimitKind::Volatility => SleeveLimit::Volatility { most: limit.in_force, penalty: PENALTY },
            LimitKind::Liquidity => average(scores(&|member| member.listing.liquidity_score())),
            LimitKind::Yield => average(scores(&|member| member.listing.distribution_yield.to_f64())),
        }
    });
    Sleeve {
        name: pod.terms.pod.name().to_owned(),
        share: share + ROOM,
        members: members.to_vec(),
        linear: linear.into_iter().map(|loss| loss / aim.range).collect(),
        risk: risk / aim.range,
        constant: constant / aim.range,
        idle: idle / aim.range,
        limits: limits.collect(),
    }
}

/// Variance of weights of some candidates.
pub(super) fn variance(covariance: &Covariance, members: &[usize], weights: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, x) in members.iter().zip(weights) {
        for (b, y) in members.iter().zip(weights) {
            sum += x * y * covariance.at(*a, *b);
        }
    }
    sum.max(0.0)
}
