//! Equilibrium returns with views.

use evenkeel_estimates::{
    Confidence, Equilibrium, View, black_litterman, equilibrium_returns, implied_weights,
};

use crate::answer::Answer;
use crate::case::Fault;
use crate::inputs::Node;
use crate::matrices::{list, matrix, rows, vector};

/// Inputs `assets`, `covariance`, `market_weights`, `delta` (risk aversion), `tau`, `P` (a row a view), `Q`:
/// every view as sure as equilibrium is of its portfolio. `new_weights` are optimal with the prior
/// covariance. View variances are published before they are scaled by τ.
pub(super) fn answer(inputs: &Node<'_>) -> Result<Answer, Fault> {
    let at = inputs.get("covariance")?;
    let (covariance, market) = (matrix(&at)?, vector(&inputs.get("market_weights")?)?);
    let assets = inputs.get("assets")?.list()?.len();
    if assets != covariance.nrows() {
        return Err(at.fault(format_args!("expected {assets} rows, one an asset")));
    }
    let (delta, tau) = (inputs.get("delta")?.positive::<f64>()?, inputs.get("tau")?.positive::<f64>()?);
    let (portfolios, expected) = (matrix(&inputs.get("P")?)?, inputs.get("Q")?);
    let returns = vector(&expected)?;
    if returns.len() != portfolios.nrows() {
        return Err(expected.fault(format_args!("expected {} returns, one a view", portfolios.nrows())));
    }
    let wrong = |error| inputs.fault(error);
    let views = portfolios.rows().into_iter().zip(&returns);
    let views = views.map(|(row, expected)| View::new(row.to_owned(), *expected, Confidence::Proportional));
    let views: Vec<View> = views.collect::<Result<_, _>>().map_err(wrong)?;
    let implied = equilibrium_returns(covariance.view(), &market, delta).map_err(wrong)?;
    let prior = Equilibrium { covariance: covariance.view(), returns: &implied, tau };
    let found = black_litterman(&prior, &views).map_err(wrong)?;
    let weights = implied_weights(covariance.view(), &found.returns, delta).map_err(wrong)?;
    // A view as sure as equilibrium always has a variance.
    let variances: Vec<f64> = found.view_variances.iter().flatten().copied().collect();
    let percent = |numbers: &[f64]| list(&numbers.iter().map(|number| number * 100.0).collect::<Vec<_>>());
    let unscaled: Vec<f64> = variances.iter().map(|variance| variance / tau).collect();
    Ok(Answer::fields([
        ("omega_diag", list(&variances)),
        ("pi", list(&implied)),
        ("posterior_returns", list(&found.returns)),
        ("posterior_covariance", rows(found.covariance.view())),
        ("new_weights", list(&weights)),
        (
            "published",
            Answer::fields([
                ("pi_percent", percent(&implied.to_vec())),
                ("posterior_returns_percent", percent(&found.returns.to_vec())),
                ("new_weights_percent", percent(&weights.to_vec())),
                ("view_variances_percent", percent(&unscaled)),
            ]),
        ),
    ]))
}
