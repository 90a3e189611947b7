//! From a question in names and words to the optimizer's problem.

use std::collections::BTreeMap;

use evenkeel_actors::MarketLook;
use evenkeel_optimizer::portfolio::{Bounds, Constraint, Paid, PortfolioProblem, Rule, TradingCosts};
use evenkeel_schemas::events::InstrumentListed;
use evenkeel_schemas::{Currency, Name, TradeDate};
use serde::Deserialize;

use super::objective::{Chosen, Objective};
use crate::http::problem::Problem;

/// A question. Weights, returns and limits are ratios, yearly where they are of time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// AUD where not given.
    pub currency: Option<Currency>,
    /// What may be held; everything that is listed in the currency where not given.
    pub instruments: Option<Vec<Name>>,
    pub objective: Objective,
    /// Expected returns to take instead of the estimates.
    #[serde(default)]
    pub expected_returns: BTreeMap<Name, f64>,
    /// For each instrument that `bounds` does not name: 0 to 1 where not given.
    weight: Option<Range>,
    #[serde(default)]
    bounds: BTreeMap<Name, Range>,
    /// By name, which answers call them by.
    #[serde(default)]
    constraints: BTreeMap<String, Wanted>,
    /// What is held now, for turnover, liquidity and costs.
    current: Option<BTreeMap<Name, f64>>,
    /// Cost of a unit traded: half the spread and commission.
    cost: Option<f64>,
    /// The longest search, where instruments are counted: 2,000 where not given.
    pub time_ms: Option<u64>,
}

/// From a least to a most.
#[derive(Copy, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(default)]
    lower: f64,
    #[serde(default = "one")]
    upper: f64,
}

fn one() -> f64 {
    1.0
}

/// What has to hold.
#[derive(Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
enum Wanted {
    /// The weight of some instruments together: those named, or of a label.
    Group {
        #[serde(default)]
        instruments: Vec<Name>,
        asset_class: Option<String>,
        region: Option<String>,
        sector: Option<String>,
        lower: Option<f64>,
        upper: Option<f64>,
    },
    /// The average of a score; instruments without one have none of the weight.
    Score {
        scores: BTreeMap<Name, f64>,
        least: f64,
    },
    Excluded {
        instruments: Vec<Name>,
    },
    Volatility {
        most: f64,
    },
    Return {
        least: f64,
    },
    TrackingError {
        benchmark: BTreeMap<Name, f64>,
        most: f64,
    },
    Turnover {
        most: f64,
    },
    /// No trade above a share of an average day's value.
    Liquidity {
        share: f64,
        portfolio_value: f64,
    },
    /// No more than so many instruments, each at the least weight or not at all.
    Names {
        most: usize,
        #[serde(default)]
        least: f64,
    },
}

/// A problem and what is told with its answer.
pub(super) struct Asked {
    pub problem: PortfolioProblem,
    pub as_of: TradeDate,
    /// Instruments that could not be considered, with the reason.
    pub left_out: BTreeMap<Name, &'static str>,
}

/// The instruments of a problem, by name.
pub(super) struct Places<'a> {
    pub names: Vec<Name>,
    pub listed: Vec<&'a InstrumentListed>,
}

impl Places<'_> {
    pub fn of(&self, name: &Name, field: &str) -> Result<usize, Problem> {
        let place = self.names.iter().position(|other| other == name);
        place.ok_or_else(|| {
            Problem::unprocessable(field, format!("expected one of the instruments considered, got {name}"))
        })
    }

    /// Numbers by name as a vector; 0 where none is given.
    pub fn vector(&self, by_name: &BTreeMap<Name, f64>, field: &str) -> Result<Vec<f64>, Problem> {
        let mut values = vec![0.0; self.names.len()];
        for (name, value) in by_name {
            values[self.of(name, field)?] = *value;
        }
        Ok(values)
    }
}

impl Question {
    pub fn asked(&self, look: &MarketLook) -> Result<Asked, Problem> {
        let state = &look.state;
        let mut left_out = BTreeMap::new();
        let mut places = Places { names: Vec::new(), listed: Vec::new() };
        for listed in &look.listings {
            let name = &listed.instrument;
            let known = state.listing(name);
            if !state.estimated().contains(name) {
                left_out.insert(name.clone(), "its risk is not estimated: too few closing marks");
            } else if known.and_then(|listing| listing.price).is_none() {
                left_out.insert(name.clone(), "it has no recent closing mark");
            } else {
                places.names.push(name.clone());
                places.listed.push(listed);
            }
        }
        if places.names.is_empty() {
            return Err(Problem::conflict(
                "nothing can be considered: no instrument has enough closing marks",
            ));
        }
        let covariance = state.covariance(&places.names);
        let mut returns: Vec<f64> = places
            .names
            .iter()
            .map(|name| state.listing(name).and_then(|listing| listing.expected_return).unwrap_or(0.0))
            .collect();
        for (name, expected) in &self.expected_returns {
            returns[places.of(name, "expected_returns")?] = *expected;
        }
        let Chosen { objective, covariance, returns } =
            self.objective.chosen(look, &places, covariance, returns)?;
        let mut problem =
            PortfolioProblem::long_only(places.names.iter().map(ToString::to_string).collect(), objective);
        problem.bounds = self.bounds(&places)?;
        problem.covariance = covariance;
        problem.expected_returns = Some(returns);
        problem.current = self.current.as_ref().map(|held| places.vector(held, "current")).transpose()?;
        problem.costs = self.cost.map(|cost| TradingCosts {
            linear: vec![cost; places.names.len()],
            quadratic: Vec::new(),
            fixed: Vec::new(),
            paid: Paid::Outside,
            weight: 1.0,
        });
        problem.constraints = self
            .constraints
            .iter()
            .map(|(name, wanted)| {
                let rule = wanted.rule(&places, &format!("constraints.{name}"))?;
                Ok(Constraint { name: name.clone(), rule })
            })
            .collect::<Result<_, Problem>>()?;
        Ok(Asked { problem, as_of: state.as_of(), left_out })
    }

    fn bounds(&self, places: &Places<'_>) -> Result<Vec<Bounds>, Problem> {
        let all = self.weight.unwrap_or(Range { lower: 0.0, upper: 1.0 });
        let mut bounds = vec![Bounds { lower: all.lower, upper: all.upper }; places.names.len()];
        for (name, range) in &self.bounds {
            bounds[places.of(name, "bounds")?] = Bounds { lower: range.lower, upper: range.upper };
        }
        Ok(bounds)
    }
}

impl Wanted {
    fn rule(&self, places: &Places<'_>, field: &str) -> Result<Rule, Problem> {
        let named = |names: &[Name]| {
            names.iter().map(|name| places.of(name, field)).collect::<Result<Vec<usize>, Problem>>()
        };
        Ok(match self {
            Wanted::Group { instruments, asset_class, region, sector, lower, upper } => {
                let mut members = named(instruments)?;
                let labels = [asset_class, region, sector];
                if labels.iter().any(|label| label.is_some()) {
                    let of = |listed: &InstrumentListed| {
                        let own = [&listed.asset_class, &listed.region, &listed.sector];
                        labels
                            .iter()
                            .zip(own)
                            .all(|(label, own)| label.as_ref().is_none_or(|label| label == own))
                    };
                    let labelled = (0..places.listed.len()).filter(|at| of(places.listed[*at]));
                    members.extend(labelled);
                    members.sort_unstable();
                    members.dedup();
                }
                if members.is_empty() {
                    let reason = "expected instruments, or an asset_class, region or sector that some have";
                    return Err(Problem::unprocessable(field, reason));
                }
                Rule::group(&members, *lower, *upper)
            }
            Wanted::Score { scores, least } => Rule::average_at_least(&places.vector(scores, field)?, *least),
            Wanted::Excluded { instruments } => Rule::Excluded(named(instruments)?),
            Wanted::Volatility { most } => Rule::volatility_at_most(*most),
            Wanted::Return { least } => Rule::return_at_least(*least),
            Wanted::TrackingError { benchmark, most } => {
                Rule::tracking_error_at_most(places.vector(benchmark, field)?, *most)
            }
            Wanted::Turnover { most } => Rule::Turnover { most: *most },
            Wanted::Liquidity { share, portfolio_value } => {
                if !(*portfolio_value > 0.0 && *share >= 0.0) {
                    let reason = "expected a share of 0 or more and a portfolio_value above 0";
                    return Err(Problem::unprocessable(field, reason));
                }
                let daily = |listed: &&InstrumentListed| {
                    listed.average_daily_value.map_or(0.0, |value| value.to_f64())
                };
                let daily: Vec<f64> = places.listed.iter().map(daily).collect();
                Rule::liquidity(&daily, *share, *portfolio_value)
            }
            Wanted::Names { most, least } => Rule::Names { most: *most, least: *least },
        })
    }
}
