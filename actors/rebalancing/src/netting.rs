//! One target an instrument, whatever number of taxonomies it is in.
//!
//! Each taxonomy by itself asks for a change of its groups; taken one after the other they would buy an
//! instrument for one and sell it for the next. Here all groups are constraints of one program: the weights
//! nearest to the instruments' own targets (least squares) with which every group is inside its band.

use evenkeel_optimizer::portfolio::{
    Bounds, Constraint, Measure, Objective, PortfolioError, PortfolioProblem, Rule, SearchLimits, construct,
};
use evenkeel_schemas::Ratio;

use crate::book::Book;
use crate::error::PlanError;
use crate::policy::Policy;

/// Groups are kept this much inside the edge of their band, against the solver's last digits.
const INSIDE: f64 = 1e-8;

/// Own targets where there are any; else current weights of what is in a group, nothing for the rest.
pub(crate) fn own_targets(book: &Book<'_>) -> Vec<Ratio> {
    let weights = book.weights();
    let grouped = |place: usize| {
        let instrument = book.rows[place].position.instrument;
        let groups = book.portfolio.taxonomies.iter().flat_map(|taxonomy| &taxonomy.groups);
        groups.into_iter().any(|group| group.members.contains(&instrument))
    };
    let target = |(place, row): (usize, &crate::book::Row<'_>)| {
        let kept = if grouped(place) { weights[place].max(Ratio::ZERO) } else { Ratio::ZERO };
        row.position.target.unwrap_or(kept)
    };
    let mut targets: Vec<Ratio> = book.rows.iter().enumerate().map(target).collect();
    // An overdrawn portfolio weighs more than all: what is kept is scaled to what the targets leave.
    let one = i128::from(Ratio::ONE);
    let sum = |own: bool| -> i128 {
        let part = book.rows.iter().zip(&targets).filter(|(row, _)| row.position.target.is_some() == own);
        part.map(|(_, target)| i128::from(target.raw())).sum()
    };
    let (own, kept) = (sum(true), sum(false));
    if own + kept > one && kept > 0 {
        let room = (one - own).max(0);
        for (row, target) in book.rows.iter().zip(&mut targets) {
            if row.position.target.is_none() {
                *target = Ratio::from_wide(i128::from(target.raw()) * room / kept).unwrap_or_default();
            }
        }
    }
    targets
}

/// The targets nearest to `own` with which all groups are inside their bands; and whether that changed any.
///
/// # Errors
/// [`PlanError::Infeasible`] with the groups that cannot hold together, in words.
pub(crate) fn netted(
    book: &Book<'_>,
    own: Vec<Ratio>,
    policy: &Policy,
) -> Result<(Vec<Ratio>, bool), PlanError> {
    let mut constraints = Vec::new();
    let mut broken = false;
    for taxonomy in &book.portfolio.taxonomies {
        for group in &taxonomy.groups {
            let mut places: Vec<usize> = group.members.iter().filter_map(|member| book.at(*member)).collect();
            places.sort_unstable();
            places.dedup();
            let sum: i64 = places.iter().map(|place| own[*place].raw()).sum();
            let (target, band) = (group.target.raw(), group.band.raw());
            broken |= (sum - target).abs() > band;
            let inside = INSIDE.min(group.band.to_f64() / 2.0);
            // Weights are from 0 to 1 anyway: an edge there would only be an interior without room.
            let lower = (target > band).then_some(group.target.to_f64() - group.band.to_f64() + inside);
            let upper = group.target.to_f64() + group.band.to_f64() - inside;
            let upper = (target + band < Ratio::ONE).then_some(upper);
            let name = format!("{} {}", taxonomy.name, group.name);
            if places.is_empty() {
                if target > band {
                    let words = format!("{name} is to weigh {}, and nothing priced is in it", group.target);
                    return Err(PlanError::Infeasible(vec![words]));
                }
                continue;
            }
            let coefficients = places.into_iter().map(|place| (place, 1.0)).collect();
            constraints.push(Constraint { name, rule: Rule::Linear { coefficients, lower, upper } });
        }
    }
    if !broken {
        return Ok((own, false));
    }
    let from: Vec<f64> = own.iter().map(|target| target.to_f64()).collect();
    let solved = |invested: f64| {
        let names = book.rows.iter().map(|row| row.position.name.to_string()).collect();
        let objective = Objective::Weighted(vec![(1.0, Measure::Distance { from: from.clone() })]);
        let mut problem = PortfolioProblem::long_only(names, objective);
        problem.invested = invested;
        problem.bounds = book.rows.iter().map(|row| bounds(row.position)).collect();
        problem.constraints.clone_from(&constraints);
        construct(&problem, &SearchLimits { solver: policy.limits, ..SearchLimits::default() })
    };
    // Cash keeps its target where the groups allow it; a taxonomy that covers everything leaves none.
    let invested: f64 = from.iter().sum();
    let portfolio = match solved(invested) {
        Err(PortfolioError::Infeasible(_)) => solved(1.0),
        other => other,
    };
    Ok((rounded(&portfolio?.weights), true))
}

fn bounds(position: &crate::snapshot::Position) -> Bounds {
    if position.tradable {
        Bounds { lower: position.weight_min.to_f64(), upper: position.weight_max.to_f64() }
    } else {
        Bounds { lower: 0.0, upper: 1.0 }
    }
}

/// To nine decimals, never more than one together.
fn rounded(weights: &[f64]) -> Vec<Ratio> {
    let scaled = |weight: f64| (weight.clamp(0.0, 1.0) * 1e9).round() as i64;
    let mut raw: Vec<i64> = weights.iter().map(|weight| scaled(*weight)).collect();
    let over = raw.iter().sum::<i64>() - Ratio::ONE;
    if over > 0
        && let Some(largest) = raw.iter_mut().max()
    {
        *largest -= over;
    }
    raw.into_iter().map(Ratio::from_raw).collect()
}

impl From<PortfolioError> for PlanError {
    fn from(error: PortfolioError) -> PlanError {
        match error {
            PortfolioError::Infeasible(conflict) => PlanError::Infeasible(vec![conflict.to_string()]),
            PortfolioError::Invalid(words) => PlanError::Infeasible(vec![words]),
            PortfolioError::Solver(failure) => PlanError::Solver(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_invests_more_than_all() {
        let third = rounded(&[1.0 / 3.0 + 4e-10, 1.0 / 3.0 + 4e-10, 1.0 / 3.0]);
        assert!(third.iter().map(|ratio| ratio.raw()).sum::<i64>() <= Ratio::ONE);
        let over = rounded(&[0.5000000004, 0.5000000014, 0.0]);
        assert_eq!(over.iter().map(|ratio| ratio.raw()).sum::<i64>(), Ratio::ONE);
    }
}
