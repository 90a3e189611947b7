//! Black and Litterman: equilibrium returns, and what somebody believes beside them.
//!
//! With Π the equilibrium returns, Σ the covariance, τ the weight of uncertainty about Π, P the views'
//! portfolios (one a row), Q what they are expected to return and Ω the variances of those views:
//!
//! `E = Π + τΣPᵀ (PτΣPᵀ + Ω)⁻¹ (Q − PΠ)`, `M = τΣ − τΣPᵀ (PτΣPᵀ + Ω)⁻¹ PτΣ`, and the covariance is `Σ + M`.
//!
//! This is `[(τΣ)⁻¹ + PᵀΩ⁻¹P]⁻¹ [(τΣ)⁻¹Π + PᵀΩ⁻¹Q]` in a form that inverts only as many rows as there are
//! views, and that allows certain ones (a variance of nothing).
//!
//! Source: Black, Litterman (1992); He, Litterman, "The intuition behind Black-Litterman model portfolios"
//! (1999); Idzorek, "A step-by-step guide to the Black-Litterman model" (2005); for his confidences in closed
//! form Walters, "The Black-Litterman model in detail" (2014).

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::EstimateError;
use crate::expected::instruments;
use crate::linear::{Cholesky, apply, dot, in_range, mirror, product, vector};

/// What is believed before any view.
#[derive(Clone, Debug)]
pub struct Equilibrium<'a> {
    /// Σ, of the period that returns are of.
    pub covariance: ArrayView2<'a, f64>,
    /// Π, in excess of the risk-free return.
    pub returns: &'a Array1<f64>,
    /// τ: the variance of Π in units of Σ, such as 0.025 to 0.05.
    pub tau: f64,
}

/// How sure a view is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// As sure as equilibrium is of the view's portfolio: `ω = p τΣ pᵀ` (He and Litterman).
    #[default]
    Proportional,
    /// From 0, no view at all, to 1, certain: the view alone moves weights by this share of what certainty
    /// would (Idzorek). `ω = (1/c − 1) p τΣ pᵀ`.
    Share(f64),
    /// ω itself.
    Variance(f64),
}

/// What somebody believes: a portfolio's return.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    portfolio: Array1<f64>,
    expected: f64,
    confidence: Confidence,
}

/// Instruments by their place, with weights among themselves.
pub type Weighted<'a> = &'a [(usize, f64)];

impl View {
    /// A portfolio returns `expected` in excess of the risk-free return.
    ///
    /// # Errors
    /// [`EstimateError::NotFinite`], [`EstimateError::Setting`] for a portfolio of nothing, a share outside 0
    /// to 1 or a negative variance.
    pub fn new(portfolio: Array1<f64>, expected: f64, confidence: Confidence) -> Result<View, EstimateError> {
        vector("a view", &portfolio, portfolio.len())?;
        vector("a view", &Array1::from_elem(1, expected), 1)?;
        if portfolio.iter().all(|&weight| weight == 0.0) {
            return Err(EstimateError::setting("a view", "a portfolio of something", "zeros"));
        }
        match confidence {
            Confidence::Share(share) if !(0.0..=1.0).contains(&share) => {
                Err(EstimateError::setting("a confidence", "a number from 0 to 1", share))
            }
            Confidence::Variance(variance) if !(variance >= 0.0 && variance.is_finite()) => {
                Err(EstimateError::setting("a view's variance", "zero or more", variance))
            }
            _ => Ok(View { portfolio, expected, confidence }),
        }
    }

    /// One of n instruments returns `expected`.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a place that is none; as [`View::new`].
    pub fn absolute(
        n: usize,
        instrument: usize,
        expected: f64,
        confidence: Confidence,
    ) -> Result<View, EstimateError> {
        View::new(placed(n, &[(instrument, 1.0)])?, expected, confidence)
    }

    /// Of n instruments some return `expected` more than others; each side's weights are scaled to sum to 1.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a place that is none, weights not above zero or a side without any; as
    /// [`View::new`].
    pub fn relative(
        n: usize,
        (better, worse): (Weighted<'_>, Weighted<'_>),
        expected: f64,
        confidence: Confidence,
    ) -> Result<View, EstimateError> {
        View::new(placed(n, better)? - placed(n, worse)?, expected, confidence)
    }
}

/// Weights by place, scaled to sum to 1.
fn placed(n: usize, weighted: Weighted<'_>) -> Result<Array1<f64>, EstimateError> {
    let mut portfolio = Array1::zeros(n);
    let mut total = 0.0;
    for &(instrument, weight) in weighted {
        let place = portfolio.get_mut(instrument);
        let place = place.ok_or_else(|| {
            EstimateError::setting("a view's instrument", "a place among the instruments", instrument)
        })?;
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(EstimateError::setting("a view's weight", "a number above zero", weight));
        }
        *place += weight;
        total += weight;
    }
    match total > 0.0 {
        true => Ok(portfolio / total),
        false => Err(EstimateError::setting("a view", "instruments on each side", "none")),
    }
}

/// What is believed after the views.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    /// E, in excess of the risk-free return.
    pub returns: Array1<f64>,
    /// Σ + M: the covariance of returns, with the uncertainty about E in it.
    pub covariance: Array2<f64>,
    /// ω of each view; `None` for one without any confidence, which was left out.
    pub view_variances: Vec<Option<f64>>,
}

/// Equilibrium and views together. Without views it is equilibrium with `Σ + τΣ`.
///
/// # Errors
/// [`EstimateError::Singular`] if views that are certain repeat or contradict each other,
/// [`EstimateError::Setting`] for a τ of nothing or below, [`EstimateError::Shape`].
pub fn black_litterman(prior: &Equilibrium<'_>, views: &[View]) -> Result<Posterior, EstimateError> {
    let n = instruments(prior.returns, prior.covariance)?;
    if !(prior.tau > 0.0 && prior.tau.is_finite()) {
        return Err(EstimateError::setting("tau", "a number above zero", prior.tau));
    }
    views.iter().try_for_each(|view| vector("a view", &view.portfolio, n))?;
    let uncertainty = prior.covariance.mapv(|entry| entry * prior.tau);
    let view_variances: Vec<Option<f64>> =
        views.iter().map(|view| variance(view, uncertainty.view())).collect();
    let held: Vec<(&View, f64)> =
        views.iter().zip(&view_variances).filter_map(|(view, variance)| Some((view, (*variance)?))).collect();
    let picks = Array2::from_shape_fn((held.len(), n), |(v, i)| held[v].0.portfolio[i]);
    // View by instrument: PτΣ.
    let with_views = product(picks.view(), uncertainty.view());
    let mut spread = product(with_views.view(), picks.t());
    spread.diag_mut().iter_mut().zip(&held).for_each(|(entry, (_, variance))| *entry += variance);
    let solver = Cholesky::new("the covariance of the views", spread.view())?;
    let surprise: Array1<f64> =
        held.iter().map(|(view, _)| view.expected - dot(&view.portfolio, prior.returns)).collect();
    let returns = prior.returns + &apply(with_views.t(), &solver.solve(&surprise));
    let learnt = product(with_views.t(), solver.solve_columns(&with_views).view());
    let mut covariance = &prior.covariance + &uncertainty - &learnt;
    mirror(&mut covariance);
    let returns = in_range("a return", returns)?;
    Ok(Posterior { returns, covariance: in_range("a covariance", covariance)?, view_variances })
}

fn variance(view: &View, uncertainty: ArrayView2<'_, f64>) -> Option<f64> {
    let own = || dot(&apply(uncertainty, &view.portfolio), &view.portfolio).max(0.0);
    match view.confidence {
        Confidence::Proportional => Some(own()),
        // The share is 0, or so small that its inverse is beyond all numbers.
        Confidence::Share(share) => Some((1.0 / share - 1.0) * own()).filter(|variance| variance.is_finite()),
        Confidence::Variance(variance) => Some(variance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::implied_weights;
    use ndarray::array;

    fn near(one: &Array1<f64>, other: &Array1<f64>, limit: f64) -> bool {
        one.len() == other.len() && one.iter().zip(other).all(|(a, b)| (a - b).abs() < limit)
    }

    fn example() -> (Array2<f64>, Array1<f64>) {
        (array![[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.0625]], array![0.05, 0.08, 0.06])
    }

    /// One instrument of variance 4 with τ = 1/4, so τΣ = 1: equilibrium 2, a view of 6. As sure as
    /// equilibrium it goes to 4 with M = 1/2, certain to 6 with M = 0, at a quarter to 3 (ω = 3, M = 3/4).
    #[test]
    fn one_instrument_by_pencil() {
        let (covariance, returns) = (array![[4.0]], array![2.0]);
        let prior = Equilibrium { covariance: covariance.view(), returns: &returns, tau: 0.25 };
        for (confidence, expected, left) in [
            (Confidence::Proportional, 4.0, 0.5),
            (Confidence::Share(0.5), 4.0, 0.5),
            (Confidence::Share(1.0), 6.0, 0.0),
            (Confidence::Share(0.25), 3.0, 0.75),
            (Confidence::Variance(3.0), 3.0, 0.75),
            (Confidence::Share(0.0), 2.0, 1.0),
        ] {
            let view = View::absolute(1, 0, 6.0, confidence).unwrap();
            let found = black_litterman(&prior, &[view]).unwrap();
            assert!((found.returns[0] - expected).abs() < 1e-15, "{confidence:?}: {}", found.returns);
            assert!((found.covariance[[0, 0]] - 4.0 - left).abs() < 1e-15, "{confidence:?}");
        }
        let without = black_litterman(&prior, &[]).unwrap();
        assert_eq!((without.returns[0], without.covariance[[0, 0]]), (2.0, 5.0));
    }

    /// Idzorek's definition: a view alone moves the weights by the share of what certainty would.
    #[test]
    fn a_confidence_is_a_share_of_the_tilt() {
        let (covariance, returns) = example();
        let prior = Equilibrium { covariance: covariance.view(), returns: &returns, tau: 0.025 };
        let weights = |share: f64| {
            let sides: (Weighted<'_>, Weighted<'_>) = (&[(0, 1.0)], &[(1, 3.0), (2, 1.0)]);
            let view = View::relative(3, sides, 0.02, Confidence::Share(share)).unwrap();
            let found = black_litterman(&prior, &[view]).unwrap();
            implied_weights(covariance.view(), &found.returns, 3.0).unwrap()
        };
        let market = implied_weights(covariance.view(), &returns, 3.0).unwrap();
        let certain = weights(1.0) - &market;
        for share in [0.0, 0.1, 0.5, 0.9] {
            assert!(near(&(weights(share) - &market), &(&certain * share), 1e-12), "{share}");
        }
    }

    #[test]
    fn a_certain_view_comes_true() {
        let (covariance, returns) = example();
        let prior = Equilibrium { covariance: covariance.view(), returns: &returns, tau: 0.05 };
        let view = |better: usize, worse: usize, expected: f64| {
            let sides: (Weighted<'_>, Weighted<'_>) = (&[(better, 1.0)], &[(worse, 1.0)]);
            View::relative(3, sides, expected, Confidence::Share(1.0)).unwrap()
        };
        let found = black_litterman(&prior, &[view(0, 1, 0.03), view(1, 2, 0.01)]).unwrap();
        assert!((found.returns[0] - found.returns[1] - 0.03).abs() < 1e-14);
        assert!((found.returns[1] - found.returns[2] - 0.01).abs() < 1e-14);
        // The third follows from the two, or contradicts them.
        for third in [0.04, 0.05] {
            let views = [view(0, 1, 0.03), view(1, 2, 0.01), view(0, 2, third)];
            assert!(matches!(black_litterman(&prior, &views), Err(EstimateError::Singular(_))));
        }
    }

    #[test]
    fn views_that_make_no_sense_are_refused() {
        let sure = Confidence::Proportional;
        let setting = |view: Result<View, EstimateError>| matches!(view, Err(EstimateError::Setting { .. }));
        assert!(setting(View::absolute(3, 3, 0.1, sure)));
        assert!(setting(View::absolute(3, 0, 0.1, Confidence::Share(1.1))));
        assert!(setting(View::absolute(3, 0, 0.1, Confidence::Share(f64::NAN))));
        assert!(setting(View::absolute(3, 0, 0.1, Confidence::Variance(-1.0))));
        assert!(setting(View::relative(3, (&[(0, 1.0)], &[]), 0.1, sure)));
        assert!(setting(View::relative(3, (&[(0, 1.0)], &[(0, 2.0)]), 0.1, sure)));
        assert!(setting(View::relative(3, (&[(0, -1.0)], &[(1, 2.0)]), 0.1, sure)));
        assert!(matches!(View::absolute(3, 0, f64::NAN, sure), Err(EstimateError::NotFinite(_))));
        let (covariance, returns) = example();
        let prior = Equilibrium { covariance: covariance.view(), returns: &returns, tau: 0.05 };
        let short = View::absolute(2, 0, 0.1, sure).unwrap();
        assert!(matches!(black_litterman(&prior, &[short]), Err(EstimateError::Shape { .. })));
        let prior = Equilibrium { tau: 0.0, ..prior };
        assert!(matches!(black_litterman(&prior, &[]), Err(EstimateError::Setting { .. })));
    }
}
