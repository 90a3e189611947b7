//! A history that is kept up is the same as one made anew, and as a plain computation from its rows.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeMap;

use common::{day, distance};
use evenkeel_estimates::{EstimateError, History, ewma_covariance, sample_covariance};
use ndarray::Array2;
use proptest::prelude::*;

const N: usize = 5;
const LAMBDA: f64 = 0.94;

type Row = Vec<Option<f64>>;

/// What happens to a day: a row comes or is corrected, or goes.
#[derive(Clone, Debug)]
struct Change {
    day: usize,
    row: Option<Row>,
}

fn changes(missing: f64) -> impl Strategy<Value = Vec<Change>> {
    let value = (-0.2..0.2_f64, 0.0..1.0_f64).prop_map(move |(x, there)| (there >= missing).then_some(x));
    let row = prop::option::weighted(0.8, prop::collection::vec(value, N));
    let change = (0..90_usize, row).prop_map(|(day, row)| Change { day, row });
    prop::collection::vec(change, 1..150)
}

/// The history after all changes, and what rows it should have.
fn played(changes: &[Change]) -> (History, BTreeMap<usize, Row>) {
    let (mut history, mut rows) = (History::new(N, LAMBDA).unwrap(), BTreeMap::new());
    for change in changes {
        match &change.row {
            Some(row) => {
                history.set(day(change.day), row).unwrap();
                rows.insert(change.day, row.clone());
            }
            None => {
                let there = rows.remove(&change.day).is_some();
                assert_eq!(history.remove(day(change.day)), there);
            }
        }
    }
    (history, rows)
}

/// Covariances by pairs, in the plainest way: for each two the days that both have.
fn plain(rows: &BTreeMap<usize, Row>, weighted: bool) -> Option<Array2<f64>> {
    let rows: Vec<&Row> = rows.values().collect();
    let mut out = Array2::zeros((N, N));
    for i in 0..N {
        for j in 0..N {
            let both: Vec<(f64, f64, f64)> = rows
                .iter()
                .enumerate()
                .filter_map(|(t, row)| {
                    let age = i32::try_from(rows.len() - 1 - t).ok()?;
                    Some((row[i]?, row[j]?, LAMBDA.powi(age)))
                })
                .collect();
            let count = both.len() as f64;
            out[[i, j]] = if weighted {
                let weights: f64 = both.iter().map(|(_, _, w)| w).sum();
                both.iter().map(|(x, y, w)| w * x * y).sum::<f64>() / weights
            } else {
                let mean_x = both.iter().map(|(x, ..)| x).sum::<f64>() / count;
                let mean_y = both.iter().map(|(_, y, _)| y).sum::<f64>() / count;
                both.iter().map(|(x, y, _)| (x - mean_x) * (y - mean_y)).sum::<f64>() / (count - 1.0)
            };
            if both.len() < 2 {
                return None;
            }
        }
    }
    Some(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// To the bit the history that is given the rows that remain, in any order.
    #[test]
    fn the_path_does_not_show(changes in changes(0.3), turn in 0..90_usize) {
        let (history, rows) = played(&changes);
        let mut anew = History::new(N, LAMBDA).unwrap();
        let days: Vec<usize> = rows.keys().copied().collect();
        let turn = if days.is_empty() { 0 } else { turn % days.len() };
        for at in days[turn..].iter().chain(&days[..turn]).rev() {
            anew.set(day(*at), &rows[at]).unwrap();
        }
        prop_assert_eq!(&history, &anew);
        prop_assert_eq!(history.sample(), anew.sample());
        prop_assert_eq!(history.ewma(), anew.ewma());
        prop_assert_eq!(history.rows().count(), rows.len());
    }

    #[test]
    fn incremental_equals_batch(changes in changes(0.2)) {
        let (history, rows) = played(&changes);
        let (Some(sample), Some(ewma)) = (plain(&rows, false), plain(&rows, true)) else {
            prop_assert!(history.observations() < 2 && history.sample().is_err());
            return Ok(());
        };
        prop_assert!(distance(&history.sample().unwrap(), &sample, &sample) < 1e-12);
        prop_assert!(distance(&history.ewma().unwrap(), &ewma, &ewma) < 1e-12);
    }

    /// Without missing returns both are those of the batch estimators.
    #[test]
    fn complete_rows_give_the_estimators(changes in changes(0.0)) {
        let (history, rows) = played(&changes);
        prop_assume!(rows.len() > 1);
        let matrix = Array2::from_shape_vec(
            (rows.len(), N),
            rows.values().flatten().map(|x| x.unwrap()).collect(),
        ).unwrap();
        let sample = sample_covariance(matrix.view()).unwrap();
        let ewma = ewma_covariance(matrix.view(), LAMBDA).unwrap();
        prop_assert!(distance(&history.sample().unwrap(), &sample, &sample) < 1e-12);
        prop_assert!(distance(&history.ewma().unwrap(), &ewma, &ewma) < 1e-12);
    }

    #[test]
    fn all_taken_back_is_nothing(changes in changes(0.3)) {
        let (mut history, rows) = played(&changes);
        rows.keys().for_each(|at| assert!(history.remove(day(*at))));
        prop_assert_eq!(history, History::new(N, LAMBDA).unwrap());
    }
}

/// Returns of 8, as large as they may be, until the sums are full: the row that does not fit changes nothing.
#[test]
fn what_does_not_fit_changes_nothing() {
    let mut history = History::new(1, LAMBDA).unwrap();
    assert!(matches!(history.set(day(0), &[Some(8.5)]), Err(EstimateError::Setting { .. })));
    assert!(matches!(history.set(day(0), &[Some(f64::NAN)]), Err(EstimateError::Setting { .. })));
    assert!(matches!(history.set(day(0), &[]), Err(EstimateError::Shape { .. })));
    assert_eq!(history, History::new(1, LAMBDA).unwrap());
    let full = (0..1000).find(|&at| history.set(day(at), &[Some(8.0)]).is_err()).unwrap();
    assert!(full > 500 && history.observations() == full);
    let before = history.clone();
    assert!(matches!(history.set(day(full), &[Some(8.0)]), Err(EstimateError::Range(_))));
    assert_eq!(history, before);
    // In place of another it fits, and a small one beside it.
    history.set(day(3), &[Some(-8.0)]).unwrap();
    history.set(day(full), &[Some(0.01)]).unwrap();
    assert!(history.remove(day(3)) && !history.remove(day(3)));
    assert_eq!(history.means().unwrap().len(), 1);
}

/// A mean a thousand times the deviation: plain floats keep nine digits of the variance, integers all.
#[test]
fn nothing_cancels() {
    let mut history = History::new(1, LAMBDA).unwrap();
    let quarter = 1.0 / 1024.0;
    for at in 0..400 {
        let x = if at % 2 == 0 { 1.0 + quarter } else { 1.0 - quarter };
        history.set(day(at), &[Some(x)]).unwrap();
    }
    // 400 deviations of 2⁻¹⁰ about 1.
    assert_eq!(history.sample().unwrap()[[0, 0]], 400.0 / 399.0 * quarter * quarter);
    assert_eq!(history.means().unwrap()[0], 1.0);
}

#[test]
fn too_little_is_said() {
    let mut history = History::new(2, LAMBDA).unwrap();
    assert!(matches!(history.ewma(), Err(EstimateError::TooFew { got: 0, .. })));
    history.set(day(0), &[Some(0.1), None]).unwrap();
    history.set(day(1), &[Some(0.2), Some(0.1)]).unwrap();
    assert!(matches!(history.sample(), Err(EstimateError::TooFew { needed: 2, got: 1, .. })));
    assert_eq!(history.ewma().unwrap()[[1, 1]], 0.1 * 0.1);
    assert!(matches!(History::new(2, 1.0), Err(EstimateError::Setting { .. })));
    let none = History::new(0, LAMBDA).unwrap();
    assert!(none.sample().unwrap().is_empty() && none.ewma().unwrap().is_empty());
}
