//! What holds for every history: gaps, faults, splits, distributions and flows by chance.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{checked, listed, n, settings};
use evenkeel_backtest::{
    Aim, BacktestError, CashFlow, Fixed, History, Model, Payment, Settings, Split, Taxes, WalkForward, When,
    backtest,
};
use evenkeel_estimates::Mark;
use evenkeel_optimizer::Costs;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{Instant, InstrumentId, Money, Price, Quantity, Ratio, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The calendar day after 4 May 2026, over a change of the financial year.
fn day(number: i64) -> TradeDate {
    let start = n::<TradeDate>("2026-05-04").start().micros();
    Instant::from_micros(start + number * 86_400_000_000).date()
}

const DAYS: i64 = 90;

fn any_history() -> impl Strategy<Value = History> {
    let row = (0_u32..4, 0_i64..DAYS, -20_i64..20_000);
    let moves = prop::collection::vec(row, 20..260);
    let split = prop::option::of((0_u32..4, 0_i64..DAYS, 1_i64..5, 1_i64..5));
    let payments = prop::collection::vec((0_u32..4, 0_i64..DAYS, 0_i64..20, 0_i64..200), 0..5);
    (moves, split, payments).prop_map(|(moves, split, payments)| {
        let instruments = (0..3).map(|at| listed(at, &format!("I{at}"))).collect();
        let of = |(instrument, at, cents): (u32, i64, i64)| Mark {
            instrument: InstrumentId(instrument),
            date: day(at),
            price: Price::from_raw(cents * 10_000),
        };
        let units = |units: i64| Quantity::from_raw(units * Quantity::ONE);
        let split = split.map(|(instrument, at, new, old)| Split {
            instrument: InstrumentId(instrument),
            ex_date: day(at),
            new: units(new),
            old: units(old),
        });
        let payments = payments.into_iter().map(|(instrument, at, later, cents)| Payment {
            instrument: InstrumentId(instrument),
            ex_date: day(at),
            pay_date: day(at + later),
            amount: Price::from_raw(cents * 10_000),
            franked_fraction: Ratio::from_raw(cents * 5_000_000),
        });
        History {
            instruments,
            marks: moves.into_iter().map(of).collect(),
            splits: split.into_iter().collect(),
            payments: payments.collect(),
        }
    })
}

fn any_when() -> impl Strategy<Value = When> {
    (0_u8..4, 0_i64..200).prop_map(|(which, band)| {
        let band = Ratio::from_raw(band * 1_000_000);
        match which {
            0 => When::Once,
            1 => When::Every(Cadence::Weekly),
            2 => When::Bands { band, to: Destination::Target, review: Some(Cadence::Monthly) },
            _ => When::Bands { band, to: Destination::BandEdge, review: None },
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(11), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_always_add_up(
        history in any_history(),
        when in any_when(),
        flows in prop::collection::vec((0_i64..DAYS, -4_000_i64..4_000), 0..4),
        fee in 0_i64..15,
        taxed in any::<bool>(),
        walks in any::<bool>(),
        reinvest in any::<bool>(),
    ) {
        let (law, cpi) = (Law::built_in().unwrap(), Cpi::default());
        let taxes = || Taxes {
            law: &law,
            cpi: &cpi,
            profile: Profile::resident(Entity::SuperFund),
            other_income: Money::ZERO,
            losses_brought_forward: n("100"),
        };
        let flow = |(at, amount): (i64, i64)| {
            CashFlow { date: day(at), amount: Money::from_raw(amount * Money::ONE) }
        };
        let costs =
            Costs { half_spread: n("0.001"), commission: n("0.0005"), commission_min: Money::from_raw(fee * Money::ONE) };
        let asked = Settings {
            flows: flows.into_iter().map(flow).collect(),
            taxes: taxed.then(taxes),
            reinvest,
            policy: Policy { costs, ..Policy::default() },
            ..settings("2026-05-04", &day(DAYS).to_string(), "10000", when)
        };
        let ids = [0, 1, 2].map(InstrumentId);
        let mut model: Box<dyn Model> = match walks {
            true => Box::new(WalkForward {
                instruments: ids.to_vec(),
                window: 30,
                observations_min: 5,
                aim: Aim::EqualRiskContribution,
                weight_max: 1.0,
                invested: 0.9,
                risk_free: 0.0,
            }),
            false => Box::new(Fixed(ids.map(|id| (id, n("0.3"))).to_vec())),
        };
        match backtest(&history, model.as_mut(), &asked) {
            Ok(found) => {
                checked(&found);
                prop_assert!(found.holdings.iter().all(|(_, units)| *units >= Quantity::ZERO));
                let again = backtest(&history, model.as_mut(), &asked).unwrap();
                prop_assert_eq!(found, again);
            }
            Err(BacktestError::NothingLeft { .. } | BacktestError::NoSessions { .. }) => {}
            // The property's own splits may leave ranges; nothing else may go wrong.
            Err(error @ BacktestError::TooLarge { .. }) => prop_assert!(!error.to_string().is_empty()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}
