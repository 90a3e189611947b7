//! What is asked and answered.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_advice::PodTable;
use evenkeel_optimizer::portfolio::SearchLimits;
use evenkeel_optimizer::{RebalanceError, RebalanceSolution};
use evenkeel_schemas::events::PodWeight;
use evenkeel_schemas::{Money, Name, Ratio, TradeDate};
use evenkeel_tax::{FinancialYear, Law, TaxError};
use serde::{Deserialize, Serialize};

use super::orders::{Trading, orders};
use crate::cohort::Cohort;
use crate::consolidate::{Consolidated, consolidate};
use crate::holdings::HeldLot;
use crate::investor::Investor;
use crate::market::MarketState;
use crate::master::{MasterError, MasterPortfolio, MasterProblem, MasterRules, PodPart, solve_master};
use crate::pod::{PodError, PodProblem, PodSolution};
use crate::tax::{TaxAnalysis, TaxProblem, TaxYear, analyse_tax};

/// A gap to the best objective that counts as proved, relative to it: a little less than 0.1%, so that what is reported,
/// of rounded weights, is no more.
const GAP: f64 = 9e-4;

/// Limits of the search with this much of the solver's time: a gap of 0.1% counts as proved. Where the time is what
/// ends a search, the answer depends on the machine and says so.
pub fn search_limits(time_max: Duration) -> SearchLimits {
    SearchLimits { gap: GAP, time_max, ..SearchLimits::default() }
}

/// What a construction is made of.
#[derive(Copy, Clone, Debug)]
pub struct Request<'a> {
    /// Pods with their capital: what is in the pods together is what there is, in holdings and cash.
    pub pods: &'a [PodWeight],
    /// The pods' terms in force.
    pub table: &'a PodTable,
    /// The market.
    pub market: &'a MarketState,
    /// Who is taxed.
    pub investor: Investor,
    /// The day.
    pub on: TradeDate,
    /// What is held now; the rest of the capital is cash.
    pub held: &'a [HeldLot],
    /// The law.
    pub law: &'a Law,
    /// Gains and losses of the year so far.
    pub year: TaxYear,
    /// What orders cost and must be.
    pub trading: &'a Trading,
}

/// A pod's stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodStage {
    /// Its capital.
    pub capital: Money,
    /// Its portfolio alone.
    pub solution: PodSolution,
}

/// The outputs of all stages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Construction {
    /// What was divided between the pods.
    pub capital: Money,
    /// Pods with capital, in order.
    pub pods: Vec<PodStage>,
    /// All pods together.
    pub consolidated: Consolidated,
    /// The one portfolio that serves them.
    pub master: MasterPortfolio,
    /// Its tax.
    pub tax: TaxAnalysis,
    /// Weight by instrument: the master portfolio's.
    pub targets: BTreeMap<Name, Ratio>,
    /// Whole-lot orders towards them.
    pub orders: RebalanceSolution,
}

/// Why a construction stopped, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// A pod with capital is not in the table of pods.
    #[error("the table of pods from {from} has no {pod}")]
    NoPod {
        /// The pod.
        pod: evenkeel_advice::PodId,
        /// The table.
        from: TradeDate,
    },
    /// A pod.
    #[error("pods: {0}")]
    Pod(Box<PodError>),
    /// The master portfolio.
    #[error("master portfolio: {0}")]
    Master(Box<MasterError>),
    /// The tax step.
    #[error("tax: {0}")]
    Tax(Box<TaxError>),
    /// The orders.
    #[error("orders: {0}")]
    Orders(Box<RebalanceError>),
    /// A sum is beyond the range of money.
    #[error("{0} is beyond the range of money")]
    Range(&'static str),
}

macro_rules! boxed {
    ($($error:ident as $variant:ident,)*) => {
        $(impl From<$error> for FlowError {
            fn from(error: $error) -> FlowError {
                FlowError::$variant(Box::new(error))
            }
        })*
    };
}

boxed! { PodError as Pod, MasterError as Master, TaxError as Tax, RebalanceError as Orders, }

/// Constructs a customer's portfolio.
///
/// The same request gives the same bytes, whether the cohort has seen it or not, unless the search's time ends it.
///
/// # Errors
/// [`FlowError`] with the stage and the reason.
pub fn construct_portfolio(
    request: &Request<'_>,
    rules: &MasterRules,
    cohort: &mut Cohort,
    limits: &SearchLimits,
) -> Result<Construction, FlowError> {
    let law = request.law.of(FinancialYear::of(request.on))?;
    let (market, investor) = (request.market, request.investor);
    let mut solved = Vec::new();
    for share in request.pods.iter().filter(|share| share.capital > Money::ZERO) {
        let (pod, from) = (share.pod, request.table.from);
        let terms = request.table.pod(pod).ok_or(FlowError::NoPod { pod, from })?;
        let solution = cohort.solve(&PodProblem { terms, market, investor }, limits)?;
        solved.push((terms, solution, share.capital));
    }
    let parts: Vec<PodPart<'_>> = solved
        .iter()
        .map(|(terms, solution, capital)| PodPart { terms, solution, capital: *capital })
        .collect();
    let consolidated = consolidate(parts.iter().map(|part| (part.solution, part.capital)));
    let consolidated = consolidated.ok_or(FlowError::Range("the pods' capital"))?;
    let capital = consolidated.total_value;
    let problem = MasterProblem {
        pods: &parts,
        market,
        investor,
        held: request.held,
        on: request.on,
        law,
        losses: request.year.losses_left(),
        cost_rate: request.trading.cost_rate(),
    };
    let master = solve_master(&problem, rules, limits)?;
    let tax = analyse_tax(&TaxProblem {
        portfolio: &master,
        pods: &parts,
        capital,
        market,
        investor,
        held: request.held,
        on: request.on,
        law,
        regime_from: request.law.regime_start(),
        year: request.year,
        weight_most: rules.weight_most,
    })?;
    let targets: BTreeMap<Name, Ratio> =
        master.holdings.iter().map(|holding| (holding.instrument.clone(), holding.weight)).collect();
    let orders = orders(request, &targets, capital, limits)?;
    let stage = |part: &PodPart<'_>| PodStage { capital: part.capital, solution: part.solution.clone() };
    let pods = parts.iter().map(stage).collect();
    Ok(Construction { capital, pods, consolidated, master, tax, targets, orders })
}
