//! What the construction of a portfolio is asked. All figures are ratios of the portfolio's value and of the
//! same period (a year, as a rule); vectors have one entry an instrument, in the order of the names.

use super::covariance::Covariance;
use super::hierarchy::Hierarchy;
use super::measure::Measure;

/// The problem.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioProblem {
    /// Instruments by the names that answers call them by; each once.
    pub names: Vec<String>,
    /// Covariance of returns; needed by every measure of risk but CVaR.
    pub covariance: Option<Covariance>,
    /// Expected returns; needed by every objective that speaks of return.
    pub expected_returns: Option<Vec<f64>>,
    /// Least and greatest weight of each instrument.
    pub bounds: Vec<Bounds>,
    /// What the weights add up to, with costs where the portfolio pays them: 1 for fully invested.
    pub invested: f64,
    /// What is wanted.
    pub objective: Objective,
    /// What has to hold besides.
    pub constraints: Vec<Constraint>,
    /// Weights held now; needed by turnover, liquidity, costs and tax.
    pub current: Option<Vec<f64>>,
    /// What trading costs.
    pub costs: Option<TradingCosts>,
    /// Tax on gains that the trades realise.
    pub tax: Option<CapitalGainsTax>,
}

impl PortfolioProblem {
    /// Weights from 0 to 1 that sum to 1, and nothing else yet.
    pub fn long_only(names: Vec<String>, objective: Objective) -> PortfolioProblem {
        let bounds = vec![Bounds { lower: 0.0, upper: 1.0 }; names.len()];
        PortfolioProblem {
            names,
            covariance: None,
            expected_returns: None,
            bounds,
            invested: 1.0,
            objective,
            constraints: Vec::new(),
            current: None,
            costs: None,
            tax: None,
        }
    }
}

/// Least and greatest weight of an instrument.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Least weight; below zero for a short position, −∞ for any.
    pub lower: f64,
    /// Greatest weight; ∞ for any.
    pub upper: f64,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// The least variance.
    MinimumVariance,
    /// The least `½ γ wᵀCw − μᵀw` (Markowitz 1952); costs and tax count in full.
    MeanVariance {
        /// γ, positive.
        risk_aversion: f64,
    },
    /// The least variance with at least this expected return.
    TargetReturn {
        /// Expected return to reach.
        least: f64,
    },
    /// The greatest expected return with at most this volatility.
    TargetVolatility {
        /// Volatility to keep to, positive.
        most: f64,
    },
    /// The greatest `(μᵀw − rf) / √(wᵀCw)`; linear costs and tax come off the return.
    MaximumSharpe {
        /// Return without risk.
        risk_free: f64,
    },
    /// The greatest ratio of the average volatility to the volatility of the portfolio (Choueifaty and Coignard,
    /// "Toward Maximum Diversification", 2008).
    MaximumDiversification,
    /// Every instrument contributes the same share of the risk (Maillard, Roncalli and Teiletche 2010).
    EqualRiskContribution,
    /// Instruments contribute to the risk in these proportions. Under constraints that such weights break, the
    /// least of `½ yᵀCy − Σ b ln y` over all multiples of what is allowed (Richard and Roncalli, "Constrained
    /// Risk Budgeting Portfolios", 2019).
    RiskBudgets {
        /// Positive, in any unit.
        budgets: Vec<f64>,
    },
    /// Hierarchical risk parity (Lopez de Prado 2016); under constraints that its weights break, the nearest
    /// weights (least squares) that keep them.
    HierarchicalRiskParity(Hierarchy),
    /// The least conditional value at risk (Rockafellar and Uryasev 2000): a [`Measure::Cvar`] alone.
    MinimumCvar {
        /// Returns by scenario (row) and instrument (column), equally likely.
        scenarios: ndarray::Array2<f64>,
        /// Confidence, above 0 and below 1: 0.95 is the mean of the worst twentieth.
        confidence: f64,
    },
    /// The least `½ γ wᵀCw − μᵀw` when the returns are the worst of a set around μ.
    RobustMeanVariance {
        /// γ, positive.
        risk_aversion: f64,
        /// The set.
        uncertainty: Uncertainty,
    },
    /// The least variance against a benchmark.
    MinimumTrackingError {
        /// Its weights.
        benchmark: Vec<f64>,
    },
    /// The greatest yield after tax; see [`super::after_tax_yield`].
    MaximumAfterTaxYield {
        /// Yield of each instrument after tax.
        yields: Vec<f64>,
    },
    /// The least sum of measures, each times its weight (not negative); measures of which more is better count
    /// with the other sign.
    Weighted(Vec<(f64, Measure)>),
    /// The best of the first measure, then the best of the second among portfolios that give up no more of the
    /// first than its slack, and so on (lexicographic).
    Priorities(Vec<Priority>),
}

/// One of several aims in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Priority {
    /// What is measured.
    pub measure: Measure,
    /// What may be given up of it for the aims that follow, as a ratio of its best; not negative.
    pub slack: f64,
}

/// The set in which expected returns are thought to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Uncertainty {
    /// `μ + S^½ u`, ‖u‖ <= κ: costs `κ √(wᵀSw)` (Goldfarb and Iyengar, "Robust Portfolio Selection", 2003).
    Ellipsoid {
        /// κ, not negative.
        radius: f64,
        /// S, the covariance of the error of the mean.
        shape: Covariance,
    },
    /// Each return at most δ away: costs `Σ δ |w|` (Tütüncü and Koenig, "Robust Asset Allocation", 2004).
    Box {
        /// δ, not negative.
        radii: Vec<f64>,
    },
}

/// A named constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// What people call it; each name once.
    pub name: String,
    /// What has to hold.
    pub rule: Rule,
}

/// What has to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `lower <= Σ coefficient · weight <= upper`: sectors, buckets, scores.
    Linear {
        /// (instrument, coefficient).
        coefficients: Vec<(usize, f64)>,
        /// The least.
        lower: Option<f64>,
        /// The most.
        upper: Option<f64>,
    },
    /// None of these instruments.
    Excluded(Vec<usize>),
    /// A measure within a limit: at most it, or at least it where more is better.
    Limit {
        /// What is measured.
        measure: Measure,
        /// The limit.
        limit: f64,
    },
    /// Half the sum of all purchases and sales.
    Turnover {
        /// The most, as a ratio of the portfolio.
        most: f64,
    },
    /// No trade larger than this; see [`Rule::liquidity`].
    Liquidity {
        /// The largest trade of each instrument, as a ratio of the portfolio.
        most: Vec<f64>,
    },
    /// No more than some instruments held, none of them at less than a least holding.
    Names {
        /// The most.
        most: usize,
        /// The least weight of what is held; 0 for any.
        least: f64,
    },
}

impl Rule {
    /// The weight of some instruments together.
    pub fn group(members: &[usize], lower: Option<f64>, upper: Option<f64>) -> Rule {
        Rule::Linear { coefficients: members.iter().map(|member| (*member, 1.0)).collect(), lower, upper }
    }

    /// The average of a score, weighted by what is invested: `Σ (score − floor) · weight >= 0`.
    pub fn average_at_least(scores: &[f64], floor: f64) -> Rule {
        let coefficients = scores.iter().enumerate().map(|(at, score)| (at, score - floor)).collect();
        Rule::Linear { coefficients, lower: Some(0.0), upper: None }
    }

    /// No trade above a share of what trades on an average day. `daily_values` and `portfolio_value` in the
    /// same currency.
    pub fn liquidity(daily_values: &[f64], share: f64, portfolio_value: f64) -> Rule {
        Rule::Liquidity { most: daily_values.iter().map(|daily| daily * share / portfolio_value).collect() }
    }

    /// Volatility at most this.
    pub fn volatility_at_most(limit: f64) -> Rule {
        Rule::Limit { measure: Measure::Volatility, limit }
    }

    /// Expected return at least this.
    pub fn return_at_least(limit: f64) -> Rule {
        Rule::Limit { measure: Measure::Return, limit }
    }

    /// Tracking error at most this.
    pub fn tracking_error_at_most(benchmark: Vec<f64>, limit: f64) -> Rule {
        Rule::Limit { measure: Measure::TrackingError { benchmark }, limit }
    }
}

/// Who pays for trading.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Paid {
    /// The portfolio: weights and costs together are what is invested. Give it an instrument for cash: where
    /// less should be invested than there is, and nothing else takes it, buying and selling the same instrument
    /// is the only way to be rid of it.
    FromPortfolio,
    /// Somebody else: costs count in the objective alone.
    Outside,
}

/// What trading costs, as ratios of the portfolio. Empty vectors for none.
#[derive(Clone, Debug, PartialEq)]
pub struct TradingCosts {
    /// Per unit traded, bought or sold, of each instrument: half the spread and commission.
    pub linear: Vec<f64>,
    /// Times the square of the change of weight: market impact. Counts in the objective alone.
    pub quadratic: Vec<f64>,
    /// For any trade of an instrument at all.
    pub fixed: Vec<f64>,
    /// Who pays.
    pub paid: Paid,
    /// What a unit of cost weighs in the objective: 1 where this is a return.
    pub weight: f64,
}

/// Tax on realised gains: the Australian net capital gain. With D gains on parcels held for over twelve
/// months, O other gains, L losses (prior ones too) and δ the discount, the taxed gain is
/// `max(0, (1 − δ)(D + O − L), O − L + (1 − δ) D)`, which is the legal order (losses against other gains first)
/// and convex (Income Tax Assessment Act 1997, s 102-5). Tax is paid outside the portfolio.
///
/// Parcels at a loss may be sold and bought back when that saves more than it costs; whoever does not want
/// this sees both sides of it in the answer's trades.
#[derive(Clone, Debug, PartialEq)]
pub struct CapitalGainsTax {
    /// Rate of tax, 0 to 1.
    pub rate: f64,
    /// δ, 0 to 1: one half for individuals.
    pub discount: f64,
    /// Net capital losses of this year so far and of earlier ones, as a ratio of the portfolio.
    pub prior_losses: f64,
    /// Every parcel of the instruments that are taxed; those of one add up to its current weight.
    pub lots: Vec<TaxLot>,
    /// What a unit of tax weighs in the objective: 1 where this is a return.
    pub weight: f64,
}

/// A parcel.
#[derive(Clone, Debug, PartialEq)]
pub struct TaxLot {
    /// Which instrument.
    pub instrument: usize,
    /// What it is worth, as a ratio of the portfolio; positive.
    pub value: f64,
    /// What it cost, as a ratio of the portfolio; not negative.
    pub cost_base: f64,
    /// Held for over twelve months.
    pub discounted: bool,
}

impl TaxLot {
    /// Gain per unit of value sold; a loss is negative.
    pub(crate) fn gain_ratio(&self) -> f64 {
        1.0 - self.cost_base / self.value
    }
}

/// How much work one construction may do.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SearchLimits {
    /// Of one call of the solver.
    pub solver: crate::Limits,
    /// Nodes of the search over who is held and traded. Hitting it gives the best answer so far with its gap.
    pub nodes_max: u32,
    /// Time of all calls of the solver in that search, by the solver's own clock. As `nodes_max`; whoever
    /// needs the same answer on every machine sets it too high to be hit.
    pub time_max: std::time::Duration,
    /// Gap between answer and bound that counts as proved, relative to the objective.
    pub gap: f64,
}

impl Default for SearchLimits {
    /// 50,000 nodes, ten seconds, a gap of a millionth.
    fn default() -> SearchLimits {
        SearchLimits {
            solver: crate::Limits::default(),
            nodes_max: 50_000,
            time_max: std::time::Duration::from_secs(10),
            gap: 1e-6,
        }
    }
}
