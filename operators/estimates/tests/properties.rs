//! What holds of every estimate: semi-definite, permuted and scaled with its input, never without a number.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{day, distance, mark, returns};
use evenkeel_estimates::{
    Action, Adjustment, Confidence, CovarianceSettings, Equilibrium, Estimator, FactorCount, Mark, Overlap,
    Repair, ReturnRule, Target, View, black_litterman, correlation, covariance, daily_returns,
    equilibrium_returns, ewma_covariance, implied_weights, ledoit_wolf, nearest, positive_semi_definite,
    regressed_factors, sample_covariance, statistical_factors,
};
use evenkeel_schemas::{InstrumentId, Price, Quantity};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use proptest::prelude::*;

type Estimate = fn(ArrayView2<'_, f64>) -> Array2<f64>;

const ESTIMATES: [(&str, Estimate); 4] = [
    ("sample", |x| sample_covariance(x).unwrap()),
    ("ewma", |x| ewma_covariance(x, 0.94).unwrap()),
    ("scaled identity", |x| ledoit_wolf(x, Target::ScaledIdentity).unwrap().covariance),
    ("constant correlation", |x| ledoit_wolf(x, Target::ConstantCorrelation).unwrap().covariance),
];

/// Daily returns: a common factor, own noise, some columns that stand still or repeat another one.
fn table() -> impl Strategy<Value = Array2<f64>> {
    (2..40_usize, 1..9_usize).prop_flat_map(|(days, n)| {
        let noise = prop::collection::vec(-0.03..0.03_f64, days * (n + 1));
        let kinds = prop::collection::vec(0..8_u8, n);
        (noise, kinds).prop_map(move |(noise, kinds)| {
            Array2::from_shape_fn((days, n), |(t, i)| {
                let at = |i: usize| noise[t * (n + 1) + i];
                match kinds[i] {
                    0 => 0.0,
                    1 => at(n),
                    _ => 0.5 * at(n) + at(i),
                }
            })
        })
    })
}

fn symmetric(matrix: &Array2<f64>) -> bool {
    *matrix == matrix.t()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn estimates_are_semi_definite(x in table()) {
        for (name, estimate) in ESTIMATES {
            let found = estimate(x.view());
            prop_assert!(symmetric(&found), "{name}");
            let (least, fine) = positive_semi_definite(found.view()).unwrap();
            prop_assert!(fine, "{name}: {least}");
            let correlations = correlation(found.view()).unwrap();
            prop_assert!(correlations.iter().all(|c| (-1.0..=1.0).contains(c)), "{name}");
        }
    }

    /// Instruments in another order give the same numbers in that order.
    #[test]
    fn estimates_are_permuted_with_their_input(x in table(), turn in 0..9_usize) {
        let n = x.ncols();
        let order: Vec<usize> = (0..n).map(|i| (i + turn) % n).rev().collect();
        let turned = x.select(Axis(1), &order);
        for (name, estimate) in ESTIMATES {
            let expected = estimate(x.view()).select(Axis(0), &order).select(Axis(1), &order);
            let found = estimate(turned.view());
            if matches!(name, "sample" | "ewma") {
                prop_assert_eq!(found, expected, "{}", name);
                continue;
            }
            // The intensity of shrinkage sums over instruments: that sum's last digits follow their order.
            let largest = expected.iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
            prop_assert!((&found - &expected).iter().all(|gap| gap.abs() <= 1e-10 * largest), "{name}");
        }
    }

    /// Returns of a leverage of 4, or each instrument's own of a power of 2: covariances go with the
    /// products.
    #[test]
    fn estimates_are_scaled_with_their_input(x in table(), powers in prop::collection::vec(-3..4_i32, 9)) {
        for (name, estimate) in ESTIMATES {
            let levered = estimate(x.mapv(|r| 4.0 * r).view());
            prop_assert_eq!(levered, estimate(x.view()) * 16.0, "{}", name);
        }
        let scale = |i: usize| 2.0_f64.powi(powers[i]);
        let scaled = Array2::from_shape_fn(x.dim(), |(t, i)| x[[t, i]] * scale(i));
        for (name, estimate) in &ESTIMATES[..2] {
            let mut expected = estimate(x.view());
            expected.indexed_iter_mut().for_each(|((i, j), entry)| *entry *= scale(i) * scale(j));
            prop_assert_eq!(estimate(scaled.view()), expected, "{}", name);
        }
    }

    /// Any symmetric matrix with variances above zero becomes semi-definite; repaired again it stays.
    #[test]
    fn what_is_mended_is_semi_definite(entries in prop::collection::vec(-1.0..1.0_f64, 36), n in 1..7_usize) {
        let given = Array2::from_shape_fn((n, n), |(i, j)| {
            let (i, j) = (i.max(j), i.min(j));
            let entry = entries[i * 6 + j];
            if i == j { entry.abs() + 0.01 } else { entry }
        });
        // Correlations are within ±1 already.
        let bounded = Array2::from_shape_fn((n, n), |(i, j)| {
            let limit = (given[[i, i]] * given[[j, j]]).sqrt();
            if i == j { given[[i, i]] } else { given[[i, j]] * limit }
        });
        let kinds = [(Repair::Clip, &given), (Repair::Higham, &given), (Repair::Higham, &bounded)];
        for (repair, given) in kinds {
            let found = nearest(given.view(), repair).unwrap();
            prop_assert!(symmetric(&found.matrix));
            prop_assert!(positive_semi_definite(found.matrix.view()).unwrap().1, "{:?}", found);
            if repair == Repair::Higham {
                prop_assert_eq!(found.matrix.diag(), given.diag());
            }
            let again = nearest(found.matrix.view(), repair).unwrap();
            prop_assert!(!again.mended && again.matrix == found.matrix);
        }
    }

    /// Gaps by chance: whatever remains is an estimate that an optimizer can take, by either rule.
    #[test]
    fn gappy_histories_give_semi_definite_estimates(
        x in table(),
        gaps in prop::collection::vec(any::<bool>(), 40 * 9),
        seldom in 1..6_usize,
    ) {
        let mut marks = Vec::new();
        for i in 0..x.ncols() {
            let mut price = 100.0;
            for t in 0..x.nrows() {
                price *= 1.0 + x[[t, i]];
                if t % seldom != 0 || gaps[t * 9 + i] {
                    marks.push(mark(i as u32, day(t), &format!("{price:.6}")));
                }
            }
        }
        let table = returns(&marks);
        for overlap in [Overlap::Common, Overlap::Pairwise] {
            let shrunk = Estimator::LedoitWolf(Target::ConstantCorrelation);
            for estimator in [Estimator::Sample, Estimator::Ewma(0.9), shrunk] {
                let settings = CovarianceSettings {
                    estimator, overlap, observations_min: 4, ..Default::default()
                };
                let Ok(found) = covariance(&table, &settings) else { continue };
                prop_assert!(found.observations >= 4 && symmetric(&found.daily));
                prop_assert!(found.daily.iter().all(|entry| entry.is_finite()));
                prop_assert!(positive_semi_definite(found.daily.view()).unwrap().1);
            }
        }
    }

    /// Marks, splits and distributions may arrive in any order, and prices be in any unit of money.
    #[test]
    fn the_order_of_arrival_does_not_show(
        marks in prop::collection::vec((0..4_u32, 0..12_usize, 1..400_i64), 1..60),
        actions in prop::collection::vec((0..4_u32, 0..12_usize, 0..5_i64, 1..4_i64), 0..12),
        turn in 0..60_usize,
    ) {
        let scaled = |unit: i64| -> (Vec<Mark>, Vec<Adjustment>) {
            let price = |cents: i64| Price::from_raw(cents * 10_000 * unit);
            let marks = marks.iter().map(|&(instrument, at, cents)| {
                Mark { instrument: InstrumentId(instrument), date: day(at), price: price(cents) }
            });
            let actions = actions.iter().map(|&(instrument, at, cents, new)| Adjustment {
                instrument: InstrumentId(instrument),
                ex_date: day(at),
                action: match cents {
                    0 => Action::Split { new: Quantity::from_raw(new), old: Quantity::from_raw(2) },
                    cents => Action::Distribution(price(cents)),
                },
            });
            (marks.collect(), actions.collect())
        };
        let rule = ReturnRule::default();
        let (marks, actions) = scaled(1);
        let found = daily_returns(&marks, &actions, &rule).unwrap();
        let (mut turned, mut other) = (marks.clone(), actions.clone());
        turned.rotate_left(turn % marks.len());
        turned.reverse();
        other.reverse();
        prop_assert_eq!(&daily_returns(&turned, &other, &rule).unwrap(), &found);
        let (doubled, paid) = scaled(2);
        prop_assert_eq!(&daily_returns(&doubled, &paid, &rule).unwrap(), &found);
        // Every mark is a return's end, the first of a series, or accounted for.
        let returns: usize = (0..found.dates().len()).map(|t| found.row(t).iter().flatten().count()).sum();
        prop_assert!(returns + found.left_out().len() <= marks.len());
        prop_assert!(found.dates().is_sorted() && found.instruments().is_sorted());
    }

    /// The diagonal is kept by any number of factors; all of them give the covariance again.
    #[test]
    fn factors_reproduce_the_covariance(x in table(), k in 1..9_usize) {
        let covariance = sample_covariance(x.view()).unwrap();
        let n = covariance.nrows();
        let found = statistical_factors(covariance.view(), 1000, FactorCount::Fixed(k.min(n))).unwrap();
        let model = found.model.covariance();
        prop_assert!(symmetric(&model) && positive_semi_definite(model.view()).unwrap().1);
        prop_assert!(found.model.specific().iter().all(|&own| own >= 0.0));
        let diagonal = |m: &Array2<f64>| Array2::from_diag(&m.diag());
        prop_assert!(distance(&diagonal(&model), &diagonal(&covariance), &covariance) < 1e-12);
        let all = statistical_factors(covariance.view(), 1000, FactorCount::Fixed(n)).unwrap();
        prop_assert!(distance(&all.model.covariance(), &covariance, &covariance) < 1e-12);
        let values: f64 = all.eigenvalues.iter().sum();
        prop_assert!((values - n as f64).abs() < 1e-11);
    }

    /// Returns that are sums of factors are regressed to what they were made of.
    #[test]
    fn a_regression_finds_what_was_put_in(x in table(), loadings in prop::collection::vec(-2.0..2.0_f64, 6)) {
        let factors = x.select(Axis(1), &[0]);
        let made = Array2::from_shape_fn((x.nrows(), 3), |(t, i)| 0.001 + loadings[i] * factors[[t, 0]]);
        let spread = sample_covariance(factors.view()).unwrap()[[0, 0]];
        if x.nrows() < 4 || spread < 1e-7 {
            return Ok(());
        }
        let found = regressed_factors(made.view(), factors.view()).unwrap();
        for (i, loading) in loadings.iter().take(3).enumerate() {
            prop_assert!((found.model.loadings()[[i, 0]] - loading).abs() < 1e-10);
            prop_assert!((found.intercepts[i] - 0.001).abs() < 1e-11 && found.model.specific()[i] < 1e-20);
        }
    }

    /// The form with an inverse per view is that with inverses of covariances, and views never add
    /// uncertainty.
    #[test]
    fn both_forms_of_black_and_litterman_agree(
        x in table(),
        picks in prop::collection::vec(-1.0..1.0_f64, 18),
        expected in prop::collection::vec(-0.1..0.1_f64, 2),
    ) {
        let mut covariance = sample_covariance(x.view()).unwrap() * 252.0;
        covariance.diag_mut().iter_mut().for_each(|variance| *variance += 0.01);
        let n = covariance.nrows();
        let weights = Array1::from_elem(n, 1.0 / n as f64);
        let (delta, tau) = (2.5, 0.05);
        let implied = equilibrium_returns(covariance.view(), &weights, delta).unwrap();
        let back = implied_weights(covariance.view(), &implied, delta).unwrap();
        prop_assert!((&back - &weights).iter().all(|gap| gap.abs() < 1e-10));
        let portfolio = |v: usize| (0..n).map(|i| picks[v * 9 + i]).collect::<Array1<f64>>();
        prop_assume!((0..2).all(|v| portfolio(v).iter().any(|pick| pick.abs() > 0.01)));
        let views: Vec<View> = (0..2)
            .map(|v| View::new(portfolio(v), expected[v], Confidence::Share(0.7)).unwrap())
            .collect();
        let prior = Equilibrium { covariance: covariance.view(), returns: &implied, tau };
        let found = black_litterman(&prior, &views).unwrap();
        // (τΣ)⁻¹ (E − Π) = Pᵀ Ω⁻¹ (Q − P E), which is the other form rearranged.
        let gap = &found.returns - &implied;
        let left = implied_weights(covariance.view(), &gap, 1.0).unwrap() / tau;
        let mut right = Array1::zeros(n);
        for (v, variance) in found.view_variances.iter().enumerate() {
            let pick = portfolio(v);
            let miss = expected[v] - pick.dot(&found.returns);
            right = right + &pick * (miss / variance.unwrap());
        }
        let scale = right.iter().chain(&left).fold(1.0_f64, |most, x| most.max(x.abs()));
        prop_assert!((&left - &right).iter().all(|gap| gap.abs() < 1e-8 * scale), "{left} {right}");
        let more = &found.covariance - &covariance;
        let less = covariance.mapv(|entry| entry * tau) - &more;
        prop_assert!(symmetric(&found.covariance));
        let rounding = 1e-12;
        prop_assert!(positive_semi_definite(more.view()).unwrap().0 > -rounding);
        prop_assert!(positive_semi_definite(less.view()).unwrap().0 > -rounding);
    }
}
