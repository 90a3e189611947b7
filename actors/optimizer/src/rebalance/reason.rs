//! Why a problem has no answer, in a trading desk's words.

use std::fmt;

use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Rate, Ratio};
use serde::{Deserialize, Serialize};

use crate::conic::SolverFailure;

/// No plan: the problem contradicts itself, or the solver gave up.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RebalanceError {
    /// Nothing satisfies the constraints; says which.
    #[error(transparent)]
    Infeasible(#[from] Infeasible),
    /// The solver gave no answer.
    #[error(transparent)]
    Solver(#[from] SolverFailure),
}

/// Constraints that cannot hold together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct Infeasible {
    /// At least one.
    pub reasons: Vec<Reason>,
}

impl fmt::Display for Infeasible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// One constraint that cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the numbers that the variant's sentence is about")]
pub enum Reason {
    /// No candidates at all.
    NoCandidates,
    /// An instrument is listed twice.
    Duplicate { instrument: InstrumentId },
    /// No price, or one that is not positive.
    PriceMissing { instrument: InstrumentId, price: Price },
    /// No exchange rate, or one that is not positive.
    RateMissing { instrument: InstrumentId, rate: Rate },
    /// A lot or tick that is not positive.
    LotOrTick { instrument: InstrumentId, lot: Quantity, tick: Price },
    /// Held is negative, or sellable is negative or more than held.
    Holding { instrument: InstrumentId, held: Quantity, sellable: Quantity },
    /// A target outside 0 to 1 or a negative band.
    TargetOrBand { instrument: InstrumentId, target: Ratio, band: Ratio },
    /// The least weight is above the greatest, or one is outside 0 to 1.
    Bounds { instrument: InstrumentId, weight_min: Ratio, weight_max: Ratio },
    /// Do not trade, and above its greatest weight.
    FrozenAboveMaximum { instrument: InstrumentId, weight: Ratio, weight_max: Ratio },
    /// Do not trade, and below its least weight.
    FrozenBelowMinimum { instrument: InstrumentId, weight: Ratio, weight_min: Ratio },
    /// Targets sum to more than one.
    TargetsAboveOne { sum: Ratio },
    /// Least weights sum to more than one.
    MinimaAboveOne { sum: Ratio },
    /// A setting of the problem is outside its range.
    Setting { name: String, value: String, expected: String },
    /// Net asset value is zero or negative.
    NavNotPositive { nav: Money },
    /// An amount is beyond what the engine can hold.
    OutOfRange { instrument: Option<InstrumentId> },
    /// Selling everything that can be sold does not raise the least cash.
    CashShort { cash: Money, raisable: Money, cash_min: Money },
    /// Limits leave the least cash out of reach by this share of the NAV.
    CashOutOfReach { short: Ratio },
    /// Whole lots inside the other limits do not raise the least cash.
    CashBetweenLots { cash: Money, cash_min: Money },
    /// The greatest weight cannot be reached from above.
    MaximumOutOfReach { instrument: InstrumentId, weight_max: Ratio, over: Ratio },
    /// The least weight cannot be reached from below.
    MinimumOutOfReach { instrument: InstrumentId, weight_min: Ratio, under: Ratio },
    /// The other constraints need more turnover than is allowed.
    TurnoverOutOfReach { turnover_max: Ratio, over: Ratio },
}

/// A ratio as a percentage, exactly.
fn percent(ratio: Ratio) -> String {
    let hundred = ratio.to_decimal().checked_mul(100.into());
    hundred.map_or_else(|| ratio.to_string(), |value| format!("{}%", value.normalize()))
}

impl Reason {
    /// The reason as a sentence, with instruments named by `name`.
    pub fn in_words(&self, name: &dyn Fn(InstrumentId) -> String) -> String {
        match self {
            Reason::NoCandidates => "there is nothing to hold or buy".to_owned(),
            Reason::Duplicate { instrument } => format!("{} is listed twice", name(*instrument)),
            Reason::PriceMissing { instrument, price } => {
                format!("{} has no usable price (got {price})", name(*instrument))
            }
            Reason::RateMissing { instrument, rate } => {
                format!("{} has no usable exchange rate (got {rate})", name(*instrument))
            }
            Reason::LotOrTick { instrument, lot, tick } => {
                format!(
                    "{} has a lot of {lot} and a tick of {tick}; both must be positive",
                    name(*instrument)
                )
            }
            Reason::Holding { instrument, held, sellable } => {
                format!("{}: {sellable} sellable of {held} held is not possible", name(*instrument))
            }
            Reason::TargetOrBand { instrument, target, band } => format!(
                "{} has a target of {} and a band of {}; expected a target of 0% to 100%, a band of 0% or more",
                name(*instrument),
                percent(*target),
                percent(*band)
            ),
            Reason::Bounds { instrument, weight_min, weight_max } => format!(
                "{} must weigh between {} and {}, which is not a range inside 0% to 100%",
                name(*instrument),
                percent(*weight_min),
                percent(*weight_max)
            ),
            Reason::FrozenAboveMaximum { instrument, weight, weight_max } => format!(
                "{} may not be traded and weighs {}, above its maximum of {}",
                name(*instrument),
                percent(*weight),
                percent(*weight_max)
            ),
            Reason::FrozenBelowMinimum { instrument, weight, weight_min } => format!(
                "{} may not be traded and weighs {}, below its minimum of {}",
                name(*instrument),
                percent(*weight),
                percent(*weight_min)
            ),
            Reason::MaximumOutOfReach { instrument, weight_max, over } => format!(
                "{} would stay {} above its maximum of {} whatever is sold",
                name(*instrument),
                percent(*over),
                percent(*weight_max)
            ),
            Reason::MinimumOutOfReach { instrument, weight_min, under } => format!(
                "{} would stay {} below its minimum of {} whatever is bought",
                name(*instrument),
                percent(*under),
                percent(*weight_min)
            ),
            Reason::OutOfRange { instrument: Some(instrument) } => {
                format!("the value of {} is beyond what can be computed exactly", name(*instrument))
            }
            portfolio => portfolio.portfolio_in_words(),
        }
    }

    /// The reasons that name no instrument.
    fn portfolio_in_words(&self) -> String {
        match self {
            Reason::TargetsAboveOne { sum } => format!("the targets sum to {}", percent(*sum)),
            Reason::MinimaAboveOne { sum } => format!("the minimum weights sum to {}", percent(*sum)),
            Reason::Setting { name, value, expected } => format!("{name} is {value}; expected {expected}"),
            Reason::NavNotPositive { nav } => format!("net asset value is {nav}: weights are undefined"),
            Reason::CashShort { cash, raisable, cash_min } => format!(
                "cash is {cash}; selling all that can be sold raises {raisable}, which does not reach the \
                 minimum of {cash_min}"
            ),
            Reason::CashOutOfReach { short } => {
                format!(
                    "the limits leave cash short of its minimum by {} of net asset value",
                    percent(*short)
                )
            }
            Reason::CashBetweenLots { cash, cash_min } => format!(
                "whole lots inside the limits bring cash to {cash}, short of the minimum of {cash_min}"
            ),
            Reason::TurnoverOutOfReach { turnover_max, over } => format!(
                "the other limits need {} more turnover than the {} allowed",
                percent(*over),
                percent(*turnover_max)
            ),
            _ => "an amount is beyond what can be computed exactly".to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(&|instrument| format!("instrument {}", instrument.0)))
    }
}
