//! Years of backtest a second: `cargo run --release -p evenkeel-backtest --example backtest_rate`.
//!
//! Ten made-up years of 13 instruments with distributions, spread and commission; one strategy after the
//! other on one thread, each three times. The cash of each is worked out again before its time counts.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it fails")]

use std::time::Instant;

use evenkeel_backtest::{Aim, Fixed, History, Model, Payment, Settings, Taxes, WalkForward, When, backtest};
use evenkeel_estimates::Mark;
use evenkeel_rebalancing::{Cadence, Destination, Policy};
use evenkeel_schemas::{InstrumentId, Money, Price, TradeDate};
use evenkeel_tax::{Cpi, Entity, Law, Profile};

#[path = "../tests/common/mod.rs"]
mod common;

const SIZE: u32 = 13;
const FROM: &str = "2015-07-01";
const TAXED: &str = "2019-07-01";
const TO: &str = "2025-06-30";

/// Days that the market trades.
fn sessions() -> Vec<TradeDate> {
    let (market, mut date) = (common::asx(), common::n::<TradeDate>("2015-01-02"));
    let mut found = Vec::new();
    while date <= common::n(TO) {
        if market.is_trading_day(date).unwrap() {
            found.push(date);
        }
        date = market.add_business_days(date, 1).unwrap();
    }
    found
}

fn made_up() -> History {
    let mut state = 42_u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut history = History::default();
    let mut prices: Vec<f64> = (0..SIZE).map(|at| 20.0 + 7.0 * f64::from(at)).collect();
    for (day, date) in sessions().into_iter().enumerate() {
        let common = (unit() + unit() + unit() - 1.5) * 0.012;
        for (at, price) in prices.iter_mut().enumerate() {
            let own = (unit() + unit() + unit() - 1.5) * 0.016;
            *price *= 1.0 + 0.0003 + common + own;
            let price = Price::from_raw((*price * 100.0).round() as i64 * 10_000);
            let instrument = InstrumentId(at as u32);
            history.marks.push(Mark { instrument, date, price });
            if day % 63 == 30 {
                let amount = Price::from_raw(price.raw() / 100);
                let franked_fraction = common::n("0.4");
                history.payments.push(Payment {
                    instrument,
                    ex_date: date,
                    pay_date: date,
                    amount,
                    franked_fraction,
                });
            }
        }
    }
    history.instruments = (0..SIZE).map(|at| common::listed(at, &format!("I{at}"))).collect();
    history
}

fn main() {
    let (history, law, cpi) = (made_up(), Law::built_in().unwrap(), Cpi::default());
    let ids: Vec<InstrumentId> = (0..SIZE).map(InstrumentId).collect();
    let fixed = || Fixed(ids.iter().map(|id| (*id, common::n("0.075"))).collect());
    let walk = || WalkForward {
        instruments: ids.clone(),
        window: 250,
        observations_min: 60,
        aim: Aim::MinimumVariance,
        weight_max: 0.3,
        invested: 0.98,
        risk_free: 0.02,
    };
    let bands = When::Bands { band: common::n("0.015"), to: Destination::Target, review: None };
    let cases: [(&str, bool, When, Box<dyn Model>); 5] = [
        ("buy and hold", false, When::Once, Box::new(fixed())),
        ("quarterly", false, When::Every(Cadence::Quarterly), Box::new(fixed())),
        ("bands", false, bands, Box::new(fixed())),
        ("bands after tax", true, bands, Box::new(fixed())),
        ("walk-forward monthly", false, When::Every(Cadence::Monthly), Box::new(walk())),
    ];
    println!(
        "{:>22} {:>7} {:>9} {:>9} {:>7} {:>8}",
        "strategy", "years", "seconds", "years/s", "trades", "twr"
    );
    for (name, taxed, when, mut model) in cases {
        let from = if taxed { TAXED } else { FROM };
        let mut settings =
            Settings { policy: Policy::default(), ..common::settings(from, TO, "250000", when) };
        settings.reinvest = true;
        settings.policy.distance_rate = 5.0;
        settings.taxes = taxed.then(|| Taxes {
            law: &law,
            cpi: &cpi,
            profile: Profile::resident(Entity::Individual),
            other_income: common::n("100000"),
            losses_brought_forward: Money::ZERO,
        });
        let mut best = f64::INFINITY;
        let mut last = None;
        for _ in 0..3 {
            let started = Instant::now();
            let found = backtest(&history, model.as_mut(), &settings).unwrap();
            best = best.min(started.elapsed().as_secs_f64());
            common::checked(&found);
            last = Some(found);
        }
        let found = last.unwrap();
        let years = found.days.len() as f64 / 252.0;
        println!(
            "{name:>22} {years:>7.1} {best:>9.3} {:>9.0} {:>7} {:>8.3}",
            years / best,
            found.trades.len(),
            found.metrics.twr
        );
    }
}
