//! A reference case: what a file says, checked.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::answer::Answer;
use crate::compare::Tolerance;
use crate::inputs::Node;
use crate::{lots, opt, tax_au};

/// Why a case cannot be run: a field, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Fault {
    /// The field, such as `inputs.trades[3].qty`.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// Which part of the product answers a case.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Family {
    /// Open lots and realised gains.
    Lots,
    /// Australian tax.
    TaxAu,
    /// Performance attribution.
    Attribution,
    /// Portfolio optimisation.
    Optimiser,
    /// Returns and ratios.
    Performance,
    /// Risk measures.
    Risk,
}

/// What works out a case's answer.
pub(crate) type Answers = fn(&Case<'_>) -> Result<Answer, Fault>;

impl Family {
    /// All families.
    pub const ALL: [Family; 6] = [
        Family::Lots,
        Family::TaxAu,
        Family::Attribution,
        Family::Optimiser,
        Family::Performance,
        Family::Risk,
    ];

    /// The word in a case's `family`.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Lots => "lots",
            Family::TaxAu => "tax-au",
            Family::Attribution => "attribution",
            Family::Optimiser => "optimiser",
            Family::Performance => "performance",
            Family::Risk => "risk",
        }
    }

    /// What answers, or what the product does not have yet.
    pub(crate) fn answers(self) -> Result<Answers, &'static str> {
        match self {
            Family::Lots => Ok(lots::answer),
            Family::TaxAu => Ok(tax_au::answer),
            Family::Attribution => Err("attribution"),
            Family::Optimiser => Ok(opt::answer),
            Family::Performance => Err("performance measurement"),
            Family::Risk => Err("risk measures"),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Family {
    type Err = String;
    fn from_str(text: &str) -> Result<Family, String> {
        Family::ALL.into_iter().find(|family| family.as_str() == text).ok_or_else(|| {
            let known = Family::ALL.map(Family::as_str).join(", ");
            format!("expected one of {known}, got {text:?}")
        })
    }
}

/// What a case asks.
pub(crate) struct Case<'a> {
    pub(crate) inputs: Node<'a>,
    pub(crate) expected: &'a Value,
    pub(crate) tolerance: Tolerance,
}

impl<'a> Case<'a> {
    pub(crate) fn read(file: &Node<'a>) -> Result<Case<'a>, Fault> {
        let inputs = file.get("inputs")?;
        inputs.fields()?;
        let expected = file.get("expected")?;
        expected.fields()?;
        if figures(&expected)? == 0 {
            return Err(expected.fault(NOTHING));
        }
        let tolerance = tolerance(&file.get("tolerance")?)?;
        Ok(Case { inputs, expected: expected.value(), tolerance })
    }
}

const NOTHING: &str = "holds no figure to compare";

/// How many figures there are in what is expected. An empty list expects that there is nothing; an empty
/// object expects nothing at all, which would pass whatever is given.
fn figures(node: &Node<'_>) -> Result<usize, Fault> {
    let parts = match node.value() {
        Value::Object(fields) if fields.is_empty() => return Err(node.fault(NOTHING)),
        Value::Object(fields) => fields.keys().map(|name| node.get(name)).collect::<Result<_, _>>()?,
        Value::Array(_) => node.list()?,
        _ => return Ok(1),
    };
    parts.iter().map(figures).sum()
}

fn tolerance(node: &Node<'_>) -> Result<Tolerance, Fault> {
    let mut tolerance = Tolerance::default();
    for name in node.fields()?.keys().filter(|name| *name != "note") {
        // Without a field in front it is that of every number.
        let of = |ending: &str| {
            if name == ending { Some("") } else { name.strip_suffix(ending)?.strip_suffix('_') }
        };
        let limit = || node.get(name)?.amount::<Decimal>();
        match (of("abs"), of("rel")) {
            (Some(field), _) => tolerance.of_mut(field).abs = limit()?,
            (_, Some(field)) => tolerance.of_mut(field).rel = limit()?,
            _ => {
                let problem = "expected abs, rel, a field's name with _abs or _rel, or note";
                return Err(node.get(name)?.fault(problem));
            }
        }
    }
    Ok(tolerance)
}
