//! What is wanted of a portfolio, in words.

use std::collections::BTreeMap;

use evenkeel_actors::MarketLook;
use evenkeel_estimates::{
    Confidence, Equilibrium, EstimateError, View, black_litterman, equilibrium_returns,
};
use evenkeel_optimizer::portfolio::{
    self as optimizer, Covariance, Distance, Hierarchy, Linkage, Uncertainty, after_tax_yield,
};
use evenkeel_schemas::{Name, Ratio};
use ndarray::{Array1, Array2};
use serde::Deserialize;

use super::ask::Places;
use crate::http::problem::Problem;

/// τ of Black and Litterman: the uncertainty of equilibrium in units of the covariance.
const TAU: f64 = 0.05;

/// An objective, as a request names it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Objective {
    MinimumVariance,
    MeanVariance {
        risk_aversion: f64,
    },
    TargetReturn {
        least: f64,
    },
    TargetVolatility {
        most: f64,
    },
    /// Beyond the market's risk-free return where none is given.
    MaximumSharpe {
        risk_free: Option<f64>,
    },
    MaximumDiversification,
    EqualRiskContribution,
    RiskBudgets {
        budgets: BTreeMap<Name, f64>,
    },
    HierarchicalRiskParity,
    /// Over the daily returns of the last year.
    MinimumCvar {
        #[serde(default = "confidence")]
        confidence: f64,
    },
    /// Expected returns anywhere within `radius` standard errors of their estimates.
    RobustMeanVariance {
        risk_aversion: f64,
        radius: f64,
    },
    MinimumTrackingError {
        benchmark: BTreeMap<Name, f64>,
    },
    /// Of a resident with this rate of tax on the margin.
    MaximumAfterTaxYield {
        marginal_rate: Ratio,
    },
    /// Mean and variance after views on equilibrium.
    BlackLitterman {
        risk_aversion: f64,
        /// The market's weights; those of average turnover where not given.
        #[serde(default)]
        market: BTreeMap<Name, f64>,
        views: Vec<Belief>,
    },
}

fn confidence() -> f64 {
    0.95
}

/// Instruments that return so much more than others, or than nothing, a year beyond the risk-free return.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Belief {
    better: BTreeMap<Name, f64>,
    #[serde(default)]
    worse: BTreeMap<Name, f64>,
    by: f64,
    /// From 0 to 1; as sure as equilibrium where not given.
    confidence: Option<f64>,
}

/// An objective with the estimates that it goes by.
pub(super) struct Chosen {
    pub objective: optimizer::Objective,
    pub covariance: Option<Covariance>,
    pub returns: Vec<f64>,
}

impl Objective {
    pub fn chosen(
        &self,
        look: &MarketLook,
        places: &Places<'_>,
        covariance: Option<Covariance>,
        returns: Vec<f64>,
    ) -> Result<Chosen, Problem> {
        let mut chosen = Chosen { objective: optimizer::Objective::MinimumVariance, covariance, returns };
        chosen.objective = match self {
            Objective::MinimumVariance => optimizer::Objective::MinimumVariance,
            Objective::MeanVariance { risk_aversion } => {
                optimizer::Objective::MeanVariance { risk_aversion: *risk_aversion }
            }
            Objective::TargetReturn { least } => optimizer::Objective::TargetReturn { least: *least },
            Objective::TargetVolatility { most } => optimizer::Objective::TargetVolatility { most: *most },
            Objective::MaximumSharpe { risk_free } => optimizer::Objective::MaximumSharpe {
                risk_free: risk_free.unwrap_or_else(|| look.state.risk_free()),
            },
            Objective::MaximumDiversification => optimizer::Objective::MaximumDiversification,
            Objective::EqualRiskContribution => optimizer::Objective::EqualRiskContribution,
            Objective::RiskBudgets { budgets } => {
                optimizer::Objective::RiskBudgets { budgets: places.vector(budgets, "objective.budgets")? }
            }
            Objective::HierarchicalRiskParity => optimizer::Objective::HierarchicalRiskParity(Hierarchy {
                distance: Distance::Columns,
                linkage: Linkage::Single,
            }),
            Objective::MinimumCvar { confidence } => optimizer::Objective::MinimumCvar {
                scenarios: scenarios(look, places)?,
                confidence: *confidence,
            },
            Objective::RobustMeanVariance { risk_aversion, radius } => {
                robust(look, chosen.covariance.as_ref(), *risk_aversion, *radius)?
            }
            Objective::MinimumTrackingError { benchmark } => optimizer::Objective::MinimumTrackingError {
                benchmark: places.vector(benchmark, "objective.benchmark")?,
            },
            Objective::MaximumAfterTaxYield { marginal_rate } => {
                optimizer::Objective::MaximumAfterTaxYield { yields: yields(look, places, *marginal_rate) }
            }
            Objective::BlackLitterman { risk_aversion, market, views } => {
                let believed = believed(look, places, &chosen, (*risk_aversion, market, views))?;
                (chosen.returns, chosen.covariance) = believed;
                optimizer::Objective::MeanVariance { risk_aversion: *risk_aversion }
            }
        };
        Ok(chosen)
    }
}

/// The days on which all have a return.
fn scenarios(look: &MarketLook, places: &Places<'_>) -> Result<Array2<f64>, Problem> {
    let columns: Vec<usize> = places
        .names
        .iter()
        .filter_map(|name| {
            let number = look.listings.iter().position(|listed| listed.instrument == *name)?;
            look.returns.instruments().iter().position(|id| id.0 as usize == number)
        })
        .collect();
    let day = |date: usize| {
        columns.iter().map(|column| look.returns.get(date, *column)).collect::<Option<Vec<f64>>>()
    };
    let days: Vec<Vec<f64>> = (0..look.returns.dates().len()).filter_map(day).collect();
    if days.is_empty() || columns.len() != places.names.len() {
        return Err(Problem::conflict("there is no day on which all instruments have a return"));
    }
    Ok(Array2::from_shape_fn((days.len(), columns.len()), |(day, column)| days[day][column]))
}

/// The covariance of the error of means of so many days: that of returns over the years looked back on.
fn robust(
    look: &MarketLook,
    covariance: Option<&Covariance>,
    risk_aversion: f64,
    radius: f64,
) -> Result<optimizer::Objective, Problem> {
    let Some(covariance) = covariance else { return Err(Problem::conflict("no risk is estimated")) };
    let years = look.observations as f64 / evenkeel_estimates::DAYS_PER_YEAR;
    let shape = covariance.scaled(1.0 / years).map_err(|error| Problem::conflict(error.to_string()))?;
    let uncertainty = Uncertainty::Ellipsoid { radius, shape };
    Ok(optimizer::Objective::RobustMeanVariance { risk_aversion, uncertainty })
}

fn yields(look: &MarketLook, places: &Places<'_>, marginal_rate: Ratio) -> Vec<f64> {
    let company = look.state.company_rate().to_f64();
    let of = |name: &Name| {
        look.state.listing(name).map_or(0.0, |listing| {
            let (paid, franked) = (listing.distribution_yield.to_f64(), listing.franked_fraction.to_f64());
            after_tax_yield(paid, franked, company, marginal_rate.to_f64())
        })
    };
    places.names.iter().map(of).collect()
}

type Asked<'a> = (f64, &'a BTreeMap<Name, f64>, &'a [Belief]);

/// Returns and covariance after views.
fn believed(
    look: &MarketLook,
    places: &Places<'_>,
    chosen: &Chosen,
    (risk_aversion, market, views): Asked<'_>,
) -> Result<(Vec<f64>, Option<Covariance>), Problem> {
    let wrong = |error: EstimateError| Problem::unprocessable("objective", error);
    let Some(covariance) = &chosen.covariance else { return Err(Problem::conflict("no risk is estimated")) };
    let n = covariance.size();
    let matrix = Array2::from_shape_fn((n, n), |(a, b)| covariance.at(a, b));
    let mut weights = if market.is_empty() {
        places.listed.iter().map(|l| l.average_daily_value.map_or(0.0, |value| value.to_f64())).collect()
    } else {
        places.vector(market, "objective.market")?
    };
    let all = weights.iter().fold(0.0, |sum, weight| sum + weight);
    if all.is_nan() || all <= 0.0 {
        let reason = "expected weights of the market: no instrument says what it trades a day";
        return Err(Problem::unprocessable("objective.market", reason));
    }
    weights.iter_mut().for_each(|weight| *weight /= all);
    let prior = equilibrium_returns(matrix.view(), &Array1::from(weights), risk_aversion).map_err(wrong)?;
    let view = |belief: &Belief| {
        let side = |of: &BTreeMap<Name, f64>| {
            of.iter()
                .map(|(name, weight)| Ok((places.of(name, "objective.views")?, *weight)))
                .collect::<Result<Vec<(usize, f64)>, Problem>>()
        };
        let (better, worse) = (side(&belief.better)?, side(&belief.worse)?);
        let sure = belief.confidence.map_or(Confidence::Proportional, Confidence::Share);
        if worse.is_empty() {
            let mut portfolio = Array1::zeros(n);
            better.iter().for_each(|(at, weight)| portfolio[*at] += weight);
            return View::new(portfolio, belief.by, sure).map_err(wrong);
        }
        View::relative(n, (&better, &worse), belief.by, sure).map_err(wrong)
    };
    let views = views.iter().map(view).collect::<Result<Vec<View>, Problem>>()?;
    let equilibrium = Equilibrium { covariance: matrix.view(), returns: &prior, tau: TAU };
    let posterior = black_litterman(&equilibrium, &views).map_err(wrong)?;
    let risk_free = look.state.risk_free();
    let returns = posterior.returns.iter().map(|excess| excess + risk_free).collect();
    let covariance = Covariance::dense(posterior.covariance);
    Ok((returns, Some(covariance.map_err(|error| Problem::conflict(error.to_string()))?)))
}
