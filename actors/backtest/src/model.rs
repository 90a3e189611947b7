//! Where targets come from. A model sees what was known before the session it decides for, and nothing else:
//! [`Past`] ends with the session before.

use std::ops::Range;

use evenkeel_estimates::{
    CovarianceSettings, DAYS_PER_YEAR, Estimator, Overlap, Repair, ReturnRule, Returns, Target, bayes_stein,
    covariance, daily_returns, mean_returns, sample_covariance,
};
use evenkeel_optimizer::portfolio::{
    Bounds, Covariance, Objective, PortfolioProblem, SearchLimits, construct,
};
use evenkeel_schemas::{InstrumentId, Price, Ratio, TradeDate};
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::data::Table;

/// Target weights, each instrument at most once; what they leave is cash.
pub type Targets = Vec<(InstrumentId, Ratio)>;

/// Where targets come from.
pub trait Model {
    /// Targets for a session, from what was known before it.
    ///
    /// # Errors
    /// Why there are none, in words: the portfolio is then left as it is, and the words are kept.
    fn targets(&mut self, past: &Past<'_>) -> Result<Targets, String>;
}

/// What was known before a session.
pub struct Past<'a> {
    table: &'a Table,
    /// Sessions before it.
    known: usize,
}

impl<'a> Past<'a> {
    /// The past of a session.
    pub(crate) fn new(table: &'a Table, session: usize) -> Past<'a> {
        Past { table, known: session }
    }

    /// The sessions before, oldest first.
    pub fn dates(&self) -> &[TradeDate] {
        &self.table.dates[..self.known]
    }

    /// The last close of an instrument, by its place, if it ever had one.
    pub fn close(&self, session: usize, instrument: InstrumentId) -> Option<Price> {
        let at = self.table.listed.iter().position(|one| one.instrument == instrument)?;
        self.table.prices[..self.known].get(session)?[at]
    }

    /// Daily total returns of some instruments over the last sessions before.
    ///
    /// # Errors
    /// In words.
    pub fn returns(&self, sessions: usize, instruments: &[InstrumentId]) -> Result<Returns, String> {
        let window = self.window(sessions);
        let mut adjustments = self.table.adjustments(window.clone());
        adjustments.retain(|adjustment| instruments.contains(&adjustment.instrument));
        let mut marks = self.table.marks(window);
        marks.retain(|mark| instruments.contains(&mark.instrument));
        daily_returns(&marks, &adjustments, &ReturnRule::default()).map_err(|error| error.to_string())
    }

    /// The last sessions, with the one before for the first return.
    fn window(&self, sessions: usize) -> Range<usize> {
        self.known.saturating_sub(sessions.saturating_add(1))..self.known
    }
}

/// The same targets always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed(pub Targets);

impl Model for Fixed {
    fn targets(&mut self, _: &Past<'_>) -> Result<Targets, String> {
        Ok(self.0.clone())
    }
}

/// What walk-forward weights are the best of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// The least variance.
    MinimumVariance,
    /// Equal contributions to risk.
    EqualRiskContribution,
    /// The greatest diversification ratio.
    MaximumDiversification,
    /// The greatest ratio of Sharpe, with means drawn together by Bayes and Stein.
    MaximumSharpe,
}

/// Weights optimised on estimates from a trailing window: walk-forward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkForward {
    /// What may be held.
    pub instruments: Vec<InstrumentId>,
    /// Sessions that estimates are from.
    pub window: usize,
    /// The fewest returns that an instrument needs in it.
    pub observations_min: usize,
    /// What the weights are the best of.
    pub aim: Aim,
    /// Greatest weight of one instrument.
    pub weight_max: f64,
    /// Weights together; the rest is cash.
    pub invested: f64,
    /// Annual rate without risk, for [`Aim::MaximumSharpe`].
    pub risk_free: f64,
}

impl Model for WalkForward {
    /// Ledoit and Wolf's covariance of the days in common, towards a constant correlation. An instrument with
    /// too few returns is left out of this review.
    fn targets(&mut self, past: &Past<'_>) -> Result<Targets, String> {
        let returns = past.returns(self.window, &self.instruments)?;
        let settings = CovarianceSettings {
            estimator: Estimator::LedoitWolf(Target::ConstantCorrelation),
            overlap: Overlap::Common,
            observations_min: self.observations_min.max(2),
            repair: Repair::Higham,
        };
        let found = covariance(&returns, &settings).map_err(|error| error.to_string())?;
        let annual = found.annual(DAYS_PER_YEAR).map_err(|error| error.to_string())?;
        let objective = match self.aim {
            Aim::MinimumVariance => Objective::MinimumVariance,
            Aim::EqualRiskContribution => Objective::EqualRiskContribution,
            Aim::MaximumDiversification => Objective::MaximumDiversification,
            Aim::MaximumSharpe => Objective::MaximumSharpe { risk_free: self.risk_free },
        };
        let names = found.instruments.iter().map(|instrument| instrument.0.to_string()).collect();
        let mut problem = PortfolioProblem::long_only(names, objective);
        problem.covariance = Some(Covariance::dense(annual).map_err(|error| error.to_string())?);
        problem.bounds = vec![Bounds { lower: 0.0, upper: self.weight_max }; found.instruments.len()];
        problem.invested = self.invested;
        if self.aim == Aim::MaximumSharpe {
            let means = means(&returns, settings.observations_min)?;
            problem.expected_returns = Some(means.iter().map(|mean| mean * DAYS_PER_YEAR).collect());
        }
        let portfolio = construct(&problem, &SearchLimits::default()).map_err(|error| error.to_string())?;
        let weight = |weight: &f64| Ratio::from_raw((weight.clamp(0.0, 1.0) * 1e9).floor() as i64);
        Ok(found.instruments.iter().copied().zip(portfolio.weights.iter().map(weight)).collect())
    }
}

/// Mean daily returns, drawn together where there are days enough for it.
fn means(returns: &Returns, needed: usize) -> Result<Array1<f64>, String> {
    let common = returns.common(needed).map_err(|error| error.to_string())?;
    let complete = common.complete().ok_or("returns are missing")?;
    let means = mean_returns(complete).map_err(|error| error.to_string())?;
    let sample = sample_covariance(complete).map_err(|error| error.to_string())?;
    match bayes_stein(&means, sample.view(), common.dates().len()) {
        Ok(drawn) => Ok(drawn.shrunk.means),
        Err(_) => Ok(means),
    }
}
