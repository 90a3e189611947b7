//! From marks to returns: the rule of gaps, adjustments and short histories, by pencil.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{day, mark, marks, returns};
use evenkeel_estimates::{
    Action, Adjustment, Calendar, CovarianceSettings, EstimateError, Estimator, History, LeftOut, Overlap,
    Repair, ReturnRule, Target, covariance, daily_returns, positive_semi_definite,
};
use evenkeel_schemas::InstrumentId;

const A: InstrumentId = InstrumentId(0);
const B: InstrumentId = InstrumentId(1);
const C: InstrumentId = InstrumentId(2);

#[test]
fn returns_by_pencil() {
    let found = returns(&marks(&[&["100", "50"], &["101", "50"], &["99.99", "40"]]));
    assert_eq!((found.instruments(), found.dates()), (&[A, B][..], &[day(1), day(2)][..]));
    let near = |one: Option<f64>, other: f64| (one.unwrap() - other).abs() < 1e-15;
    assert!(near(found.get(0, 0), 0.01) && near(found.get(1, 0), -0.01));
    assert!(near(found.get(0, 1), 0.0) && near(found.get(1, 1), -0.2));
    assert!(found.complete().is_some() && found.left_out().is_empty());
    assert_eq!((found.get(2, 0), found.get(0, 2)), (None, None));
}

/// B has no mark on day 1: its return to day 2 would be one of two days.
#[test]
fn a_return_over_a_gap_is_dropped() {
    let found = returns(&marks(&[&["1", "1", "1"], &["2", "", "1"], &["3", "4", "1"], &["3", "5", "1"]]));
    assert_eq!(found.row(0), [Some(1.0), None, Some(0.0)]);
    assert_eq!(found.row(1), [Some(0.5), None, Some(0.0)]);
    assert_eq!(found.row(2), [Some(0.0), Some(0.25), Some(0.0)]);
    assert_eq!(found.left_out(), [LeftOut::Gap { instrument: B, from: day(0), to: day(2) }]);
    assert!(found.complete().is_none());
}

/// Day 1 has a mark of one of three: it is on nobody's calendar, so the day before day 2 is day 0.
#[test]
fn the_calendar_is_that_of_the_majority() {
    let rows = marks(&[&["1", "1", "1"], &["9", "", ""], &["2", "2", "2"]]);
    let found = returns(&rows);
    assert_eq!(found.dates(), [day(2)]);
    assert_eq!(found.row(0), [Some(1.0); 3]);
    assert_eq!(found.left_out(), [LeftOut::OffCalendar { instrument: A, date: day(1) }]);
    let rule = ReturnRule {
        calendar: Calendar::Given(vec![day(2), day(0), day(1), day(1)]),
        ratio_max: None,
        ..ReturnRule::default()
    };
    let found = daily_returns(&rows, &[], &rule).unwrap();
    assert_eq!(found.dates(), [day(1), day(2)]);
    assert_eq!(found.row(0), [Some(8.0), None, None]);
    // An instrument that is not listed yet, or no longer, does not count against a day.
    let found = returns(&marks(&[&["1", "", ""], &["1", "", ""], &["1", "1", "1"], &["", "", "1"]]));
    assert_eq!(found.dates(), [day(1), day(2), day(3)]);
}

/// Three for one between 30 and 10.5, and 0.50 per new unit on the same day: (10.5 + 0.5) · 3 / 30 = 1.1.
#[test]
fn splits_and_distributions_are_put_back() {
    let rows = marks(&[&["30"], &["10.5"], &["10.5"]]);
    let at = |date, action| Adjustment { instrument: A, ex_date: date, action };
    let split = |new: &str| Action::Split { new: new.parse().unwrap(), old: "1".parse().unwrap() };
    let paid = |amount: &str| Action::Distribution(amount.parse().unwrap());
    let first = |adjustments: &[Adjustment], distributions: bool| {
        let rule = ReturnRule { distributions, ..ReturnRule::default() };
        daily_returns(&rows, adjustments, &rule).unwrap()
    };
    let both = [at(day(1), paid("0.5")), at(day(1), split("3"))];
    assert!((first(&both, true).get(0, 0).unwrap() - 0.1).abs() < 1e-15);
    assert!((first(&both, false).get(0, 0).unwrap() - 0.05).abs() < 1e-15);
    // The day before is over, the day after has not come.
    let others = [at(day(0), split("7")), at(day(2), paid("1.05")), at(day(3), split("7"))];
    assert!((first(&others, true).get(1, 0).unwrap() - 0.1).abs() < 1e-15);
    let found = first(&[at(day(1), split("0"))], true);
    assert_eq!(found.left_out(), [LeftOut::Adjustment { instrument: A, date: day(1) }]);
    assert_eq!(found.get(0, 0), None);
    let found = first(&[at(day(1), paid("-1"))], true);
    assert_eq!(found.left_out().len(), 1);
}

#[test]
fn wrong_marks_are_left_out_and_said() {
    let mut rows = marks(&[&["10", "5"], &["1", "5"], &["10", "0"], &["10", "5"], &["10", "5"]]);
    rows.push(mark(0, day(4), "10"));
    rows.push(mark(1, day(4), "6"));
    let found = returns(&rows);
    assert_eq!(
        found.left_out(),
        [
            LeftOut::Suspect { instrument: A, date: day(1), ratio: 0.1 },
            LeftOut::Suspect { instrument: A, date: day(2), ratio: 10.0 },
            LeftOut::NotPositive { instrument: B, date: day(2) },
            LeftOut::Conflict { instrument: B, date: day(4) },
            LeftOut::Gap { instrument: B, from: day(1), to: day(3) },
        ]
    );
    let column = |i: usize| (0..4).map(|t| found.get(t, i)).collect::<Vec<_>>();
    assert_eq!(column(0), [None, None, Some(0.0), Some(0.0)]);
    assert_eq!(column(1), [Some(0.0), None, None, None]);
    let rule = ReturnRule { ratio_max: Some(1.0), ..ReturnRule::default() };
    assert!(matches!(daily_returns(&rows, &[], &rule), Err(EstimateError::Setting { .. })));
}

#[test]
fn nothing_gives_nothing() {
    let found = returns(&[]);
    assert!(found.instruments().is_empty() && found.dates().is_empty() && found.left_out().is_empty());
    let none = EstimateError::TooFew { what: "observations of an instrument", needed: 60, got: 0 };
    assert_eq!(found.common(60), Err(none.clone()));
    assert_eq!(found.pairwise(60), Err(none));
    let alone = returns(&marks(&[&["1"]]));
    assert_eq!((alone.instruments().len(), alone.dates().len()), (1, 0));
}

/// A has ten returns, B the last six, C the first six: A with B, A with C, but B and C have two days in
/// common.
fn staggered() -> evenkeel_estimates::Returns {
    let price = |t: usize, i: usize| format!("{}", 100 + (t * 7 + i * 3) % 5);
    let rows: Vec<Vec<String>> = (0..11)
        .map(|t| {
            let there = [true, t >= 4, t <= 6];
            (0..3).map(|i| if there[i] { price(t, i) } else { String::new() }).collect()
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    returns(&marks(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

#[test]
fn instruments_with_too_little_in_common_are_left_out() {
    let table = staggered();
    let common = table.common(2).unwrap();
    assert_eq!((common.instruments(), common.dates()), (&[A, B, C][..], &[day(5), day(6)][..]));
    assert_eq!(common.left_out().len(), 8, "days that are not whole: {:?}", common.left_out());
    // Three days in common need one of B and C to go, of equals the one with the greater id.
    let common = table.common(3).unwrap();
    assert_eq!(common.instruments(), [A, B]);
    assert_eq!(common.dates().len(), 6);
    assert_eq!(common.left_out()[0], LeftOut::Overlap { instrument: C, observations: 6, needed: 3 });
    assert_eq!(common.left_out()[1], LeftOut::Incomplete { date: day(1), missing: 1 });
    let pairs = table.pairwise(3).unwrap();
    assert_eq!((pairs.instruments(), pairs.dates().len()), (&[A, B][..], 10));
    assert_eq!(pairs.left_out(), [LeftOut::Overlap { instrument: C, observations: 6, needed: 3 }]);
    assert_eq!(table.pairwise(2).unwrap().instruments().len(), 3);
    let alone = table.common(7).unwrap();
    assert_eq!(alone.instruments(), [A]);
    assert_eq!(alone.left_out()[1], LeftOut::Short { instrument: C, observations: 6, needed: 7 });
    assert!(matches!(table.common(11), Err(EstimateError::TooFew { needed: 11, got: 10, .. })));
    assert_eq!(table.last(3).dates(), [day(8), day(9), day(10)]);
    assert_eq!(table.last(30), table);
}

#[test]
fn an_estimate_says_where_it_comes_from() {
    let table = staggered();
    let settings = |estimator, overlap| CovarianceSettings {
        estimator,
        overlap,
        observations_min: 3,
        ..CovarianceSettings::default()
    };
    let found = covariance(&table, &settings(Estimator::Sample, Overlap::Pairwise)).unwrap();
    assert_eq!((found.instruments.as_slice(), found.observations), (&[A, B][..], 6));
    assert_eq!(found.days, (day(1), day(10)));
    assert_eq!(found.left_out.len(), 1);
    let volatility = found.volatilities(252.0).unwrap()[0];
    assert!((volatility - (found.daily[[0, 0]] * 252.0).sqrt()).abs() < 1e-15);
    let shrunk = Estimator::LedoitWolf(Target::ScaledIdentity);
    let found = covariance(&table, &settings(shrunk, Overlap::Common)).unwrap();
    assert!((0.0..=1.0).contains(&found.shrinkage.unwrap()) && found.days == (day(5), day(10)));
    let by_pair = covariance(&table, &settings(shrunk, Overlap::Pairwise));
    assert!(matches!(by_pair, Err(EstimateError::Setting { .. })));
    let one = CovarianceSettings { observations_min: 1, ..CovarianceSettings::default() };
    assert!(matches!(covariance(&table, &one), Err(EstimateError::Setting { .. })));
    let few = covariance(&table, &CovarianceSettings::default()).unwrap_err().to_string();
    assert_eq!(few, "observations of an instrument: at least 60 are needed, got 10");
}

/// A and B go together in the first weeks, B and C in the next, A and C against each other in the last: no
/// three series have such correlations. The estimate is mended, and keeps its variances.
#[test]
fn an_indefinite_estimate_is_mended() {
    let step = |t: usize| if t.is_multiple_of(2) { "100" } else { "101" };
    let back = |t: usize| if t.is_multiple_of(2) { "101" } else { "100" };
    let rows: Vec<[&str; 3]> = (0..30)
        .map(|t| match t / 10 {
            0 => [step(t), step(t), ""],
            1 => ["", step(t), step(t)],
            _ => [step(t), "", back(t)],
        })
        .collect();
    let table = returns(&marks(&rows.iter().map(|row| &row[..]).collect::<Vec<_>>()));
    let found = |repair| {
        let settings = CovarianceSettings {
            estimator: Estimator::Sample,
            overlap: Overlap::Pairwise,
            observations_min: 9,
            repair,
        };
        covariance(&table, &settings).unwrap()
    };
    let kept = found(Repair::Higham);
    let variances = History::of(&table, 0.94).unwrap().sample().unwrap();
    // Correlations of 1, 1 and −1 have the eigenvalues 2, 2 and −1; here covariances are of nine days, 9/8 of
    // the mean square, and variances of eighteen, 18/17.
    assert!((kept.mended.unwrap() / variances[[0, 0]] + 1.125).abs() < 0.02, "{:?}", kept.mended);
    assert_eq!(kept.daily.diag(), variances.diag());
    let halved = kept.daily[[0, 1]] / variances[[0, 0]];
    assert!((halved - 0.5).abs() < 0.05 && kept.daily[[0, 2]] < 0.0, "{}", kept.daily);
    let clipped = found(Repair::Clip);
    assert!((0..3).all(|i| clipped.daily[[i, i]] > variances[[i, i]]));
    for found in [kept, clipped] {
        assert!(positive_semi_definite(found.daily.view()).unwrap().1);
    }
}
