//! Family `optimiser`: portfolio construction. Which kind of problem a case asks for is told by its inputs;
//! each kind has a file.

mod black_litterman;
mod bounds;
mod budget;
mod cardinality;
mod cvar;
mod groups;
mod hierarchy;
mod read;
mod robust;
mod sharpe;
mod tax;

use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::case::{Answers, Case, Fault};
use crate::compare::Tolerance;
use crate::inputs::number_text;
use crate::kind::{self, Kind};

const KINDS: [Kind; 10] = [
    Kind {
        mark: "target_upper",
        inputs: &["covariance", "bounds", "mu", "target_return", "target_upper"],
        answer: bounds::answer,
    },
    Kind { mark: "rf", inputs: &["mu", "covariance", "rf"], answer: sharpe::answer },
    Kind { mark: "covariances", inputs: &["covariances", "budgets"], answer: budget::answer },
    Kind { mark: "correlation", inputs: &["names", "covariance", "correlation"], answer: hierarchy::answer },
    Kind {
        mark: "beta",
        inputs: &["names", "returns", "beta", "upper", "target_return"],
        answer: cvar::answer,
    },
    Kind {
        mark: "groups",
        inputs: &[
            "names",
            "mu",
            "covariance",
            "gamma",
            "cost",
            "w0",
            "lower",
            "upper",
            "groups",
            "group_names",
            "group_lower",
            "group_upper",
        ],
        answer: groups::answer,
    },
    Kind {
        mark: "kappa",
        inputs: &["names", "mu", "covariance", "mean_uncertainty_std", "gamma", "kappa", "upper"],
        answer: robust::answer,
    },
    Kind {
        mark: "problems",
        inputs: &["names", "mu", "covariance", "gamma", "problems"],
        answer: cardinality::answer,
    },
    Kind {
        mark: "lots",
        inputs: &["prices", "covariance", "target", "lots", "lambda_", "tax_rate", "prior_losses", "cost"],
        answer: tax::answer,
    },
    Kind {
        mark: "P",
        inputs: &["assets", "covariance", "market_weights", "delta", "tau", "P", "Q"],
        answer: black_litterman::answer,
    },
];

/// What answers a case of these inputs, or what the product does not have yet.
pub(crate) fn answers(inputs: Option<&Map<String, Value>>) -> Result<Answers, &'static str> {
    if kind::known(&KINDS, inputs) { Ok(answer) } else { Err("this kind of portfolio construction") }
}

/// What production gives.
fn answer(case: &Case<'_>) -> Result<Answer, Fault> {
    kind::answer(&KINDS, case)
}

/// Figures that are weights, objectives or gains under other names, with the field whose limit they take.
const ALIKE: [(&str, &str); 15] = [
    ("target_return_weights", "weights"),
    ("erc_1", "weights"),
    ("erc_2", "weights"),
    ("budgeted_on_second", "weights"),
    ("group_weights", "weights"),
    ("turnover", "weights"),
    ("mean_return", "weights"),
    ("current", "weights"),
    ("sold_total", "weights"),
    ("bought_total", "weights"),
    ("var", "cvar"),
    ("relaxation_objective", "objective"),
    ("tracking_variance", "objective"),
    ("tax", "net_capital_gain"),
    ("sales_by_lot", "net_capital_gain"),
];

/// The case's limits, with those of figures that have none of their own: of their like, or, where they were
/// printed and the case says nothing of that, half a unit of the last decimal.
pub(crate) fn tolerance(case: &Case<'_>) -> Tolerance {
    let mut tolerance = case.tolerance.clone();
    for (field, like) in ALIKE {
        tolerance.like(field, like);
    }
    if !tolerance.knows_published() {
        printed(case.expected, &mut tolerance);
    }
    tolerance
}

/// Limits of fields with `published` in their names.
fn printed(expected: &Value, tolerance: &mut Tolerance) {
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name.contains("published") {
                    tolerance.printed(name, decimals(value));
                }
                printed(value, tolerance);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| printed(value, tolerance)),
        _ => {}
    }
}

/// The most decimals that a number in there has.
fn decimals(value: &Value) -> u32 {
    match value {
        Value::Object(fields) => fields.values().map(decimals).max().unwrap_or(0),
        Value::Array(list) => list.iter().map(decimals).max().unwrap_or(0),
        value => {
            let text = number_text(value).unwrap_or_default();
            text.split_once('.').map_or(0, |(_, decimals)| u32::try_from(decimals.len()).unwrap_or(0))
        }
    }
}
