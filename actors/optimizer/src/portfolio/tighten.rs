//! What a relaxation's multipliers say of everything better than the best: with L its optimum, λ the multipliers of its
//! inequalities and U what is to be beaten, every solution below U has `Σ λ · slack <= U − L`, so each slack is at most
//! (U − L) / λ (reduced-cost tightening: Nemhauser and Wolsey, "Integer and Combinatorial Optimization", 1988, II.6.1;
//! of a convex program by weak duality).
//!
//! Of slacks of columns' bounds follow greatest weights, directly, by what is bought of what is held, and by what
//! sleeves hold; an instrument whose greatest weight is below the least holding is out, one that cannot be sold off is in.
//! Small greatest weights make the count bite: `w <= u z` asks for z near one.

use super::model::{Choice, Choices, Model, Solved};

/// Multipliers below this share of the objective's unit are the solver's rounding.
const MULTIPLIER_LEAST: f64 = 1e-6;
/// A greatest weight below this part of what it was changes the relaxation.
const MUCH: f64 = 0.8;
/// What is added to a greatest weight, for the solver's accuracy.
const ACCURACY: f64 = 1e-6;

/// What tightening did.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Tightened {
    /// Something is left out that the relaxation allows.
    pub any: bool,
    /// Enough for another look at the same node.
    pub much: bool,
}

/// Tightens greatest weights and decides what follows.
pub(crate) fn tighten(
    model: &Model<'_>,
    solved: &Solved,
    cutoff: f64,
    choices: &mut Choices,
    enough: &mut [f64],
) -> Tightened {
    let mut done = Tightened::default();
    let room = cutoff - solved.optimum.bound;
    // A homogeneous program bounds multiples of weights.
    if model.scale.is_some() || !room.is_finite() || room < 0.0 {
        return done;
    }
    let most = column_bounds(model, solved, room);
    let task = model.task;
    let least = task.names_rule().map_or(0.0, |(_, _, least)| least);
    let current = task.problem.current.as_deref().unwrap_or_default();
    let mut sleeves = vec![0.0; enough.len()];
    model.sleeves.iter().for_each(|(at, column)| sleeves[*at] += most[*column]);
    for at in 0..enough.len() {
        let free = choices.held[at] == Choice::Free;
        let Some(column) = model.weight[at].filter(|_| free) else { continue };
        let mut upper = most[column];
        if !model.sleeves.is_empty() {
            upper = upper.min(sleeves[at]);
        }
        let mut lower = 0.0;
        if let Some(trades) = &model.trades {
            let start = current.get(at).copied().unwrap_or(0.0);
            if let Some(bought) = trades.bought[at].filter(|bought| *bought != column) {
                upper = upper.min(start + most[bought]);
            }
            let sales = trades.sales(at).map(|column| most[column]).sum::<f64>();
            lower = if start > 0.0 { start - sales } else { 0.0 };
        }
        let upper = upper + ACCURACY;
        if upper < least {
            choices.held[at] = Choice::Out;
            done = Tightened { any: true, much: true };
        } else if lower > ACCURACY {
            choices.held[at] = Choice::In;
            done = Tightened { any: true, much: true };
        }
        let upper = upper.max(least);
        if upper < enough[at] {
            done.any = true;
            done.much |= upper < MUCH * enough[at].min(task.upper(at));
            enough[at] = upper;
        }
    }
    done
}

/// The greatest value of each column among what is better, ∞ where nothing is known.
fn column_bounds(model: &Model<'_>, solved: &Solved, room: f64) -> Vec<f64> {
    let program = &model.program;
    let mut most = vec![f64::INFINITY; program.linear.len()];
    let multipliers = solved.optimum.dual.iter().skip(program.equalities.len());
    for (row, multiplier) in program.inequalities.iter().zip(multipliers) {
        // −x <= bound: the slack is x + bound.
        if let ([(column, coefficient)], true) =
            (row.terms.as_slice(), *multiplier > MULTIPLIER_LEAST * model.unit)
            && *coefficient == -1.0
        {
            most[*column] = most[*column].min((room / multiplier - row.bound).max(0.0));
        }
    }
    most
}
