//! Strategies over real ASX closes.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeMap;

use common::{id, n, run, sample, settings};
use evenkeel_backtest::{Aim, CashFlow, Fixed, History, Taxes, WalkForward, When};
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{InstrumentId, Money, Quantity, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};

const NAMES: [&str; 6] = ["NDQ", "VAP", "IVV", "VGE", "BHP", "IAG"];

fn of(history: &History) -> Vec<InstrumentId> {
    NAMES.iter().map(|name| id(history, name)).collect()
}

fn equal(history: &History) -> Fixed {
    Fixed(of(history).into_iter().map(|instrument| (instrument, n("0.16"))).collect())
}

/// The last close of each instrument on or before a day.
fn closes(history: &History, day: TradeDate) -> BTreeMap<InstrumentId, f64> {
    let mut marks: Vec<_> = history.marks.iter().filter(|mark| mark.date <= day).collect();
    marks.sort_by_key(|mark| mark.date);
    marks.iter().map(|mark| (mark.instrument, mark.price.to_f64())).collect()
}

#[test]
fn buy_and_hold_is_units_times_closes() {
    let history = sample();
    let found =
        run(&history, &mut equal(&history), &settings("2017-01-03", "2019-10-11", "100000", When::Once));
    assert_eq!((found.trades.len(), found.notes.len()), (6, 0), "{:?}", found.notes);
    assert!(found.days.len() > 690);
    // Said again plainly: what each bought on the first day is worth on the last.
    let (first, last) = (closes(&history, n("2017-01-03")), closes(&history, n("2019-10-11")));
    let (mut worth, mut cash) = (0.0, 100_000.0);
    for trade in &found.trades {
        let units = trade.quantity.to_f64();
        assert!((units - (16_000.0 / first[&trade.instrument]).floor()).abs() <= 1.0);
        // At the close, up to the next cent.
        let up = trade.price.to_f64() - first[&trade.instrument];
        assert!((-1e-9..0.01).contains(&up), "{up}");
        cash -= units * trade.price.to_f64();
        worth += units * last[&trade.instrument];
    }
    let nav = found.days.last().unwrap().nav.to_f64();
    assert!((nav - worth - cash).abs() < 1e-6, "{nav} {worth} {cash}");
    assert!((found.metrics.twr - (nav / 100_000.0 - 1.0)).abs() < 1e-9);
}

#[test]
fn bands_and_calendars_keep_weights_near_their_targets() {
    let history = sample();
    let flows = vec![
        CashFlow { date: n("2017-07-15"), amount: n("10000") },
        CashFlow { date: n("2018-03-01"), amount: n("-20000") },
    ];
    for when in [
        When::Every(Cadence::Quarterly),
        When::Bands { band: n("0.03"), to: Destination::Target, review: None },
        When::Bands { band: n("0.03"), to: Destination::BandEdge, review: None },
    ] {
        let mut asked = settings("2017-01-03", "2019-10-11", "100000", when);
        (asked.policy, asked.flows) = (Policy { distance_rate: 50.0, ..Policy::default() }, flows.clone());
        let found = run(&history, &mut equal(&history), &asked);
        let last = closes(&history, n("2019-10-11"));
        let nav = found.days.last().unwrap().nav.to_f64();
        for (instrument, units) in found.holdings.iter().filter(|(_, units)| *units > Quantity::ZERO) {
            let weight = units.to_f64() * last[instrument] / nav;
            assert!((weight - 0.16).abs() < 0.05, "{when:?}: {weight} of {instrument:?}");
        }
        assert!(
            found.trades.len() > 12 && found.metrics.costs > Money::ZERO,
            "{when:?}: {}",
            found.trades.len()
        );
        assert!(found.days.iter().all(|day| day.cash >= Money::ZERO));
    }
}

#[test]
fn the_least_variance_walks_forward_to_less_risk() {
    let history = sample();
    let mut walk = WalkForward {
        instruments: of(&history),
        window: 120,
        observations_min: 60,
        aim: Aim::MinimumVariance,
        weight_max: 0.5,
        invested: 0.96,
        risk_free: 0.02,
    };
    let asked = settings("2017-08-01", "2019-10-11", "100000", When::Every(Cadence::Monthly));
    let least = run(&history, &mut walk, &asked);
    let equal = run(&history, &mut equal(&history), &asked);
    let (low, high) = (least.metrics.volatility.unwrap(), equal.metrics.volatility.unwrap());
    assert!(low < high, "{low} against {high}");
    assert!(least.reviews.len() > 20 && least.notes.is_empty(), "{:?}", least.notes);
    for aim in [Aim::EqualRiskContribution, Aim::MaximumDiversification, Aim::MaximumSharpe] {
        walk.aim = aim;
        let found = run(&history, &mut walk, &asked);
        // Where nothing is expected to return more than is without risk, the old targets stay.
        let said = found.notes.iter().all(|note| note.words.contains("return above the risk-free rate"));
        assert!(said && (aim == Aim::MaximumSharpe || found.notes.is_empty()), "{aim:?}: {:?}", found.notes);
        assert!(found.reviews.len() > 15, "{aim:?}: {}", found.reviews.len());
    }
}

#[test]
fn a_year_with_tax_is_less_than_one_without() {
    // The law at hand begins with 2019-20; the sample ends in October of it.
    let history = sample();
    let law = Law::built_in().unwrap();
    let when = When::Bands { band: n("0.01"), to: Destination::Target, review: None };
    let mut asked = settings("2019-07-01", "2019-10-11", "100000", when);
    asked.policy = Policy { distance_rate: 100.0, ..Policy::default() };
    let before = run(&history, &mut equal(&history), &asked);
    let cpi = Cpi::default();
    asked.taxes = Some(Taxes {
        law: &law,
        cpi: &cpi,
        profile: Profile::resident(Entity::Individual),
        other_income: n("90000"),
        losses_brought_forward: Money::ZERO,
    });
    let after = run(&history, &mut equal(&history), &asked);
    let year = &after.years[0];
    assert!(!year.paid && year.tax >= Money::ZERO);
    let gains: i64 = after.trades.iter().filter_map(|trade| trade.gain).map(|gain| gain.raw()).sum();
    // All were held for less than 12 months: the net gain is the sum of gains, or nothing and a loss carried
    // on.
    assert_eq!(year.net_capital_gain.raw() - year.losses_carried_forward.raw(), gains);
    assert!(before.years.is_empty());
}

#[test]
fn a_fault_in_the_data_is_survived() {
    // QOZ is a tenth of its price on one day, GOLD mixes two scales, AEF starts late.
    let history = sample();
    let targets = ["QOZ", "GOLD", "AEF"].map(|name| (id(&history, name), n("0.3")));
    for when in [
        When::Every(Cadence::Weekly),
        When::Bands { band: n("0.05"), to: Destination::BandEdge, review: None },
    ] {
        let asked = settings("2017-01-03", "2019-10-22", "50000", when);
        let found = run(&history, &mut Fixed(targets.to_vec()), &asked);
        assert!(found.days.len() > 690 && found.metrics.volatility.is_some());
    }
}
