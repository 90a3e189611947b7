//! What is simulated, checked and put into floats.

use evenkeel_schemas::{Money, Name, Ratio};
use serde::{Deserialize, Serialize};

use super::draws::Chance;
use crate::words::words;

/// The longest horizon, in months.
pub const MONTHS_MOST: u32 = 1200;

/// The most paths of a simulation.
pub const PATHS_MOST: u32 = 1_000_000;

/// Why a goal cannot be analysed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// An input is not what it should be.
    #[error("{field}: expected {expected}, got {got}")]
    Input {
        /// The field, dotted.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// A figure is beyond the range of [`Money`] or [`Ratio`].
    #[error("{0} is out of range: amounts, rates and horizon are too large together")]
    Range(&'static str),
}

/// A way to invest, as the estimates see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mix {
    /// Its name.
    pub name: Name,
    /// Mean return of a year, before fee and tax: 0.07 is 7%.
    pub expected_return: Ratio,
    /// Standard deviation of the logarithm of a year's growth.
    pub volatility: Ratio,
}

words! {
    /// When in its month a payment is made.
    Timing {
        /// Before the month's growth.
        Start = "start",
        /// After it.
        End = "end",
    }
}

/// Regular savings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Savings {
    /// One payment, in the first year.
    pub amount: Money,
    /// Months from one payment to the next, 1 to 12.
    pub every_months: u32,
    /// At the start of the first month of each such period, or at the end of its last.
    pub timing: Timing,
    /// By how much payments grow from year to year.
    pub yearly_growth: Ratio,
}

/// What money goes through on its way: one portfolio, its savings, its charges.
///
/// In each month: savings at the start, growth, the fee (a twelfth of its yearly rate on the balance),
/// savings at the end. After every twelfth month, and at the end, tax at one rate on what the year brought
/// after fees; a year's loss is carried forward against later gains, for ever. Deferral of gains until they
/// are realised is not counted, which errs on the side of too much tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funding {
    /// What is there now.
    pub capital: Money,
    /// What is added.
    pub savings: Savings,
    /// How it is invested.
    pub mix: Mix,
    /// Fee a year, on the balance.
    pub fee: Ratio,
    /// Tax on returns, the customer's effective rate.
    pub tax: Ratio,
    /// Rise of prices a year: a goal's amount is in today's money and grows by it. 0 for amounts of their
    /// day.
    pub inflation: Ratio,
}

/// One goal and the money for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalPlan {
    /// Money wanted, in today's.
    pub target: Money,
    /// Whole months until then; a part of a month earns nothing.
    pub months: u32,
    /// Where it comes from.
    pub funding: Funding,
}

fn within(
    field: &'static str,
    ratio: Ratio,
    range: (i64, i64),
    expected: &'static str,
) -> Result<(), PlanError> {
    let percent = Ratio::ONE / 100;
    if (range.0 * percent..=range.1 * percent).contains(&ratio.raw()) {
        return Ok(());
    }
    Err(PlanError::Input { field, expected, got: ratio.to_string() })
}

impl Mix {
    /// # Errors
    /// A rate outside its range.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let field = "mix.expected_return";
        within(field, self.expected_return, (-90, 100), "a yearly return from -0.9 to 1")?;
        within("mix.volatility", self.volatility, (0, 100), "a yearly volatility from 0 to 1")
    }
}

impl Funding {
    /// # Errors
    /// The first field outside its range.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let not_negative = |field, amount: Money| match amount < Money::ZERO {
            true => Err(PlanError::Input { field, expected: "0 or more", got: amount.to_string() }),
            false => Ok(()),
        };
        not_negative("capital", self.capital)?;
        not_negative("savings.amount", self.savings.amount)?;
        if !(1..=12).contains(&self.savings.every_months) {
            let got = self.savings.every_months.to_string();
            return Err(PlanError::Input { field: "savings.every_months", expected: "1 to 12", got });
        }
        let growth = self.savings.yearly_growth;
        within("savings.yearly_growth", growth, (-50, 100), "a yearly growth from -0.5 to 1")?;
        self.mix.check()?;
        within("fee", self.fee, (0, 20), "a yearly rate from 0 to 0.2")?;
        within("tax", self.tax, (0, 99), "a rate from 0 to 0.99")?;
        within("inflation", self.inflation, (-10, 100), "a yearly rate from -0.1 to 1")
    }
}

impl GoalPlan {
    /// # Errors
    /// The first field outside its range.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.target <= Money::ZERO {
            let got = self.target.to_string();
            return Err(PlanError::Input { field: "target", expected: "an amount above 0", got });
        }
        check_months("months", self.months)?;
        self.funding.check()
    }
}

pub(crate) fn check_months(field: &'static str, months: u32) -> Result<(), PlanError> {
    if months <= MONTHS_MOST {
        return Ok(());
    }
    Err(PlanError::Input { field, expected: "at most 1200 months", got: months.to_string() })
}

impl Chance {
    /// # Errors
    /// A number of paths that is odd, below 100 or above [`PATHS_MOST`].
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if (100..=PATHS_MOST).contains(&self.paths) && self.paths.is_multiple_of(2) {
            return Ok(());
        }
        let expected = "an even number from 100 to 1000000";
        Err(PlanError::Input { field: "paths", expected, got: self.paths.to_string() })
    }
}

/// Rounded half-even to cents.
pub(crate) fn to_money(what: &'static str, amount: f64) -> Result<Money, PlanError> {
    let cents = (amount * 100.0).round_ties_even();
    // Money holds less than 10^15 cents. No range holds a NaN.
    if !(-9.2e14..9.2e14).contains(&cents) {
        return Err(PlanError::Range(what));
    }
    Ok(Money::from_raw(cents as i64 * (Money::ONE / 100)))
}

/// Rounded half-even to nine decimals.
pub(crate) fn to_ratio(what: &'static str, number: f64) -> Result<Ratio, PlanError> {
    let raw = (number * Ratio::ONE as f64).round_ties_even();
    // Half of what a ratio holds. No range holds a NaN.
    if !(-4.6e18..4.6e18).contains(&raw) {
        return Err(PlanError::Range(what));
    }
    Ok(Ratio::from_raw(raw as i64))
}
