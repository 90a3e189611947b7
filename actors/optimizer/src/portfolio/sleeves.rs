//! A portfolio that several aims share: `w = Σ v`, one v a sleeve, each with an aim and limits of its own.
//!
//! What a sleeve loses is `max(0, constant + linearᵀ v + risk · √(vᵀCv) + idle · (share − Σ v)) + Σ penalty · excess`,
//! which is convex: one that gains does not make up for what others lose. The least sum of losses over all ways to
//! divide w is their infimal convolution, and convex in w (Rockafellar, "Convex Analysis", 1970, theorem 5.4). So it
//! is one more measure, and whoever counts, bounds or taxes the instruments of w does not know of sleeves.

use ndarray::Array2;

use super::answer::PortfolioError;
use super::covariance::Covariance;
use super::linear_algebra::root;
use super::problem::PortfolioProblem;
use crate::conic::{Affine, Cone, Outcome, Program, SolverFailure};

/// Shares of sleeves that are this near to what is invested leave no sleeve room.
const NO_ROOM: f64 = 1e-9;
/// What rounded weights may be apart from the shares.
const ROUNDED: f64 = 1e-6;
/// Weights of a division below this are the solver's rounding.
const NOTHING: f64 = 1e-9;

/// A part of a portfolio with an aim of its own. Figures are shares of the whole portfolio.
#[derive(Clone, Debug, PartialEq)]
pub struct Sleeve {
    /// What people call it.
    pub name: String,
    /// The most that it holds; together the sleeves may hold all that is invested.
    pub share: f64,
    /// What it may hold, by the instruments' places; each once.
    pub members: Vec<usize>,
    /// Loss by unit held of each member.
    pub linear: Vec<f64>,
    /// Loss by unit of volatility, not negative. Needs a covariance.
    pub risk: f64,
    /// Loss before anything is held.
    pub constant: f64,
    /// Loss by unit of its share that is not held.
    pub idle: f64,
    /// What should hold besides.
    pub limits: Vec<SleeveLimit>,
}

/// A limit of a sleeve: what is beyond it is a loss at this rate, so that a limit is kept where that is possible
/// and given up as little as possible where it is not (an exact penalty: Nocedal and Wright, "Numerical
/// Optimization", 2006, section 17.2).
#[derive(Clone, Debug, PartialEq)]
pub enum SleeveLimit {
    /// Volatility of the sleeve, as a ratio of its share, at most this. Needs a covariance.
    Volatility {
        /// The most.
        most: f64,
        /// Loss by unit of excess, not negative.
        penalty: f64,
    },
    /// Average of a score over what the sleeve holds at least this.
    Average {
        /// By member.
        scores: Vec<f64>,
        /// The least.
        least: f64,
        /// Loss by unit of `Σ (least − score) · v`, not negative.
        penalty: f64,
    },
}

/// A portfolio divided between its sleeves at the least loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Division {
    /// By sleeve, in the order of its members.
    pub weights: Vec<Vec<f64>>,
    /// The sum of losses.
    pub loss: f64,
}

/// A row of a division.
pub(crate) enum Row {
    /// `<= 0`.
    Most(Affine),
    /// `= 0`.
    Equal(Affine),
    /// The first at least the norm of the others.
    Norm(Vec<Affine>),
}

/// The columns and rows of a division.
#[derive(Default)]
pub(crate) struct Parts {
    pub rows: Vec<Row>,
    /// The sum of losses.
    pub loss: Affine,
    /// By sleeve and member.
    pub columns: Vec<Vec<Option<usize>>>,
}

/// Adds columns for the sleeves of a portfolio. `weights` are its instruments, nothing for those that are out;
/// `shares` the columns of undecided ones that say to which part they are held.
pub(crate) fn parts(
    sleeves: &[Sleeve],
    covariance: Option<&Covariance>,
    (weights, shares, invested): (&[Option<Affine>], &[Option<usize>], f64),
    program: &mut Program,
) -> Parts {
    let mut parts = Parts::default();
    let mut balances: Vec<Option<Affine>> =
        weights.iter().map(|weight| weight.as_ref().map(|weight| weight.times(-1.0))).collect();
    let room: f64 = sleeves.iter().map(|sleeve| sleeve.share).sum::<f64>() - invested;
    for (number, sleeve) in sleeves.iter().enumerate() {
        let mut held = Affine::constant(-sleeve.share);
        let mut columns = Vec::new();
        for member in &sleeve.members {
            let balance = balances.get_mut(*member).and_then(Option::as_mut);
            columns.push(balance.map(|balance| {
                let column = program.column(0.0);
                balance.terms.push((column, 1.0));
                held.terms.push((column, 1.0));
                parts.rows.push(Row::Most(Affine::column(column).times(-1.0)));
                if let Some(open) = shares.get(*member).copied().flatten() {
                    // Nothing of what is not held, by sleeve: tighter than of all together.
                    let terms = vec![(column, 1.0), (open, -sleeve.share)];
                    parts.rows.push(Row::Most(Affine { terms, constant: 0.0 }));
                }
                column
            }));
        }
        let mut aim = Affine::constant(sleeve.constant);
        if room > NO_ROOM {
            aim.add(-sleeve.idle, &held);
            parts.rows.push(Row::Most(held));
        } else if number + 1 < sleeves.len() {
            // The last one's follows from what is invested.
            parts.rows.push(Row::Equal(held));
        }
        parts.lose(sleeve, aim, (covariance, &columns), program);
        parts.columns.push(columns);
    }
    parts.rows.extend(balances.into_iter().flatten().map(Row::Equal));
    parts
}

impl Parts {
    /// Adds what a sleeve loses; `aim` is the part of it that holdings do not change.
    fn lose(
        &mut self,
        sleeve: &Sleeve,
        mut aim: Affine,
        (covariance, columns): (Option<&Covariance>, &[Option<usize>]),
        program: &mut Program,
    ) {
        let held = columns.iter().zip(&sleeve.linear);
        aim.terms.extend(held.filter_map(|(column, loss)| Some(((*column)?, *loss))));
        let bounded = sleeve.limits.iter().any(|limit| matches!(limit, SleeveLimit::Volatility { .. }));
        let volatility = covariance
            .filter(|_| sleeve.risk > 0.0 || bounded)
            .map(|covariance| self.volatility(&sleeve.members, covariance, columns, program));
        if let Some(volatility) = &volatility {
            aim.add(sleeve.risk, volatility);
        }
        let lost = program.column(0.0);
        aim.terms.push((lost, -1.0));
        self.rows.push(Row::Most(aim));
        self.rows.push(Row::Most(Affine::column(lost).times(-1.0)));
        self.loss.terms.push((lost, 1.0));
        for limit in &sleeve.limits {
            let (mut excess, penalty) = match limit {
                SleeveLimit::Volatility { most, penalty } => {
                    let mut excess = volatility.clone().unwrap_or_default();
                    excess.constant -= most * sleeve.share;
                    (excess, *penalty)
                }
                SleeveLimit::Average { scores, least, penalty } => {
                    let held = columns.iter().zip(scores);
                    let terms = held.filter_map(|(column, score)| Some(((*column)?, least - score)));
                    (Affine { terms: terms.collect(), constant: 0.0 }, *penalty)
                }
            };
            let beyond = program.column(0.0);
            excess.terms.push((beyond, -1.0));
            self.rows.push(Row::Most(Affine::column(beyond).times(-1.0)));
            self.rows.push(Row::Most(excess));
            self.loss.terms.push((beyond, penalty));
        }
    }

    /// A column that is at least the volatility of a sleeve.
    fn volatility(
        &mut self,
        members: &[usize],
        covariance: &Covariance,
        columns: &[Option<usize>],
        program: &mut Program,
    ) -> Affine {
        let held: Vec<(usize, usize)> =
            members.iter().zip(columns).filter_map(|(member, column)| Some((*member, (*column)?))).collect();
        let own =
            Array2::from_shape_fn((held.len(), held.len()), |(a, b)| covariance.at(held[a].0, held[b].0));
        let most = Affine::column(program.column(0.0));
        let mut rows = vec![most.clone()];
        // A part of a covariance is one; what rounding makes of it is nothing.
        if let Ok(root) = root(&own) {
            for factor in root.columns() {
                let terms = held.iter().zip(factor).map(|((_, column), value)| (*column, *value));
                rows.push(Affine { terms: terms.collect(), constant: 0.0 });
            }
        }
        self.rows.push(Row::Norm(rows));
        most
    }
}

/// Divides given weights between sleeves at the least loss. Weights that are rounded may leave a sleeve a
/// millionth more or less than its share.
///
/// # Errors
/// [`PortfolioError::Invalid`] for weights that the sleeves cannot hold, [`PortfolioError::Solver`].
pub fn divide(
    problem: &PortfolioProblem,
    sleeves: &[Sleeve],
    weights: &[f64],
) -> Result<Division, PortfolioError> {
    let mut program = Program::default();
    // What nobody holds has no column, so that nothing has to be nothing.
    let held: Vec<Option<Affine>> =
        weights.iter().map(|weight| (*weight > NOTHING).then(|| Affine::constant(*weight))).collect();
    let invested: f64 = held.iter().flatten().map(|weight| weight.constant).sum();
    // Rounded weights need not fit the shares to the last digit.
    let room = |sleeve: &Sleeve| Sleeve { share: sleeve.share + ROUNDED, ..sleeve.clone() };
    let wider: Vec<Sleeve> = sleeves.iter().map(room).collect();
    let parts = parts(&wider, problem.covariance.as_ref(), (&held, &[], invested), &mut program);
    for row in &parts.rows {
        match row {
            Row::Most(row) => program.at_most(row.terms.clone(), -row.constant),
            Row::Equal(row) => program.equal(row.terms.clone(), -row.constant),
            Row::Norm(rows) => program.within(Cone::SecondOrder(rows.clone())),
        }
    }
    for (column, loss) in &parts.loss.terms {
        program.linear[*column] += loss;
    }
    program.constant = parts.loss.constant;
    let optimum = match program.solve(&crate::Limits::default())? {
        Outcome::Solved(optimum) => optimum,
        Outcome::Infeasible(_) => {
            let words = "these weights cannot be divided between the sleeves";
            return Err(PortfolioError::Invalid(words.to_owned()));
        }
    };
    let of = |column: &Option<usize>| column.map_or(0.0, |column| optimum.primal[column]);
    let clean = |weight: f64| if weight > NOTHING { weight } else { 0.0 };
    let weights =
        parts.columns.iter().map(|columns| columns.iter().map(|column| clean(of(column))).collect());
    let weights: Vec<Vec<f64>> = weights.collect();
    if !optimum.objective.is_finite() {
        return Err(SolverFailure::Numerical.into());
    }
    Ok(Division { weights, loss: optimum.objective })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::problem::Objective;
    use super::*;

    fn sleeve(name: &str, share: f64, members: &[usize], linear: &[f64]) -> Sleeve {
        let (members, linear) = (members.to_vec(), linear.to_vec());
        Sleeve {
            name: name.to_owned(),
            share,
            members,
            linear,
            risk: 0.0,
            constant: 0.0,
            idle: 0.0,
            limits: Vec::new(),
        }
    }

    fn problem(n: usize) -> PortfolioProblem {
        let names = (0..n).map(|at| format!("I{at}")).collect();
        PortfolioProblem::long_only(names, Objective::MinimumVariance)
    }

    /// Both want the first instrument, of which there is 0.5; who loses more without it gets all of it.
    #[test]
    fn what_is_scarce_goes_to_who_loses_most() {
        let sleeves = [sleeve("a", 0.5, &[0, 1], &[0.0, 1.0]), sleeve("b", 0.5, &[0, 1], &[0.0, 2.0])];
        let found = divide(&problem(2), &sleeves, &[0.5, 0.5]).unwrap();
        assert!((found.loss - 0.5).abs() < 1e-7, "{found:?}");
        assert!((found.weights[1][0] - 0.5).abs() < 1e-6, "{found:?}");
        let refused = divide(&problem(3), &sleeves, &[0.5, 0.0, 0.5]).unwrap_err();
        assert!(refused.to_string().contains("cannot be divided"), "{refused}");
    }

    /// All of 0.5 in one instrument of volatility 20%: 0.1, and 0.05 above the limit at ten a unit.
    #[test]
    fn volatility_and_what_is_above_its_limit_are_lost() {
        let mut problem = problem(2);
        problem.covariance = Some(Covariance::dense(array![[0.04, 0.0], [0.0, 0.01]]).unwrap());
        let mut calm = sleeve("calm", 0.5, &[0], &[0.0]);
        calm.risk = 1.0;
        calm.limits.push(SleeveLimit::Volatility { most: 0.1, penalty: 10.0 });
        let other = sleeve("other", 0.5, &[1], &[0.0]);
        let found = divide(&problem, &[calm, other], &[0.5, 0.5]).unwrap();
        // A share that may be a millionth larger at ten a unit.
        assert!((found.loss - (0.1 + 10.0 * 0.05)).abs() < 2e-6, "{found:?}");
    }

    /// Two thirds of the score at least: with 0.3 of the first there may be 0.15 of the other.
    #[test]
    fn an_average_below_its_least_is_lost() {
        let mut pod = sleeve("pod", 1.0, &[0, 1], &[0.0, 0.0]);
        let scores = vec![1.0, 0.0];
        pod.limits.push(SleeveLimit::Average { scores, least: 2.0 / 3.0, penalty: 3.0 });
        let loss = |weights: &[f64]| divide(&problem(2), &[pod.clone()], weights).unwrap().loss;
        assert!(loss(&[0.3, 0.15]).abs() < 1e-7);
        assert!((loss(&[0.3, 0.3]) - 3.0 * (0.2 - 0.1)).abs() < 1e-7);
    }
}
