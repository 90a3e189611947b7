//! The kernel says what a full recomputation says, after every epoch of any history, in every mode.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Op, Oracle, apply};
use evenkeel_monitor::{Choice, Mode, Monitor, Options};
use evenkeel_schemas::{Currency, CustomerId};
use proptest::prelude::*;

const CUSTOMERS: u32 = 7;
const INSTRUMENTS: u32 = 6;
const UNIT: i64 = 1_000_000;
/// One of money as a raw value.
const VALUE_UNIT: i128 = 10_i128.pow(21);
/// One percent as a Ratio.
const PERCENT: i64 = 10_000_000;

fn currencies() -> [Currency; 3] {
    ["AUD", "NZD", "USD"].map(|code| code.parse().unwrap())
}

fn monitors() -> Vec<Monitor> {
    [Choice::Auto, Choice::Sweep, Choice::Zones].map(|choice| Monitor::new(Options { choice })).into()
}

/// Closes an epoch everywhere and compares.
fn close(epoch: usize, oracle: &mut Oracle, monitors: &mut [Monitor]) {
    let expected = oracle.close();
    for (monitor, mode) in monitors.iter_mut().zip(["auto", "sweep", "zones"]) {
        let mut changes = Vec::new();
        monitor.close(&mut changes);
        assert_eq!(changes, expected, "epoch {epoch}, {mode}");
    }
}

/// Valuing everybody gives what appraising each one gives.
fn values_agree(monitor: &mut Monitor) {
    let mut all = Vec::new();
    monitor.value_all(&mut all);
    assert_eq!(all.len(), monitor.rows());
    for customer in (0..CUSTOMERS).map(CustomerId) {
        let valued = monitor.row(customer).and_then(|row| all[row]);
        let appraised = monitor.appraise(customer).map(|appraisal| appraisal.worth.rounded().unwrap());
        assert_eq!(valued, appraised, "{customer:?}");
    }
}

fn run(history: &[Op]) {
    let (mut oracle, mut monitors) = (Oracle::default(), monitors());
    let mut epoch = 0;
    for op in history {
        if matches!(op, Op::Close) {
            close(epoch, &mut oracle, &mut monitors);
            epoch += 1;
        } else {
            apply(op, &mut oracle, &mut monitors);
        }
    }
    close(epoch, &mut oracle, &mut monitors);
    values_agree(&mut monitors[0]);
}

/// Everybody holds something simple, so that ties are frequent.
fn opening() -> Vec<Op> {
    let [aud, nzd, usd] = currencies();
    let mut ops = vec![
        Op::Rate(usd, aud, Some(1_500_000_000)),
        Op::Rate(nzd, aud, Some(900_000_000)),
        Op::Rate(aud, usd, Some(666_666_667)),
    ];
    for i in 0..INSTRUMENTS {
        ops.push(Op::Terms(i, Some(if i == 5 { usd } else { aud })));
        ops.push(Op::Price(i, Some(10 * UNIT)));
    }
    for c in 0..CUSTOMERS {
        ops.push(Op::Base(c, Some(aud)));
        ops.push(Op::Cash(c, aud, 100 * UNIT));
        for i in 0..INSTRUMENTS - c % 3 {
            ops.push(Op::Position(c, i, i64::from(10 + c) * UNIT));
        }
        let lines = (0..4).map(|i| (i, 15 * PERCENT, 5 * PERCENT)).collect();
        let buckets = [([1, 0, 0], 5 * PERCENT), ([1, 2, 0], i64::from(1 + c) * PERCENT)];
        if c % 3 != 0 {
            // 100 of money, and up to six times 10 + c at 10 each.
            ops.push(Op::Floor(c, Some(i128::from(500 + 20 * c) * VALUE_UNIT)));
        }
        ops.push(Op::Targets(c, lines, 5 * PERCENT, if c % 2 == 0 { buckets.into() } else { Vec::new() }));
    }
    for i in 0..INSTRUMENTS {
        ops.push(Op::Labels(i, [1 + i % 2, 1 + i % 3, 0]));
    }
    ops.push(Op::Close);
    ops
}

fn a_currency() -> impl Strategy<Value = Currency> {
    (0..3_usize).prop_map(|index| currencies()[index])
}

fn a_ratio() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..12_i64).prop_map(|n| n * 5 * PERCENT),
        2 => 0..2_000_000_000_i64,
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(-5 * PERCENT), Just(1), Just(1_i64 << 61)],
    ]
}

fn a_quantity() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..40_i64).prop_map(|n| n * UNIT),
        2 => 0..1_000_000_000_i64,
        2 => (-40..0_i64).prop_map(|n| n * UNIT),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just(1), Just(i64::MAX / 3), Just(-1)],
    ]
}

fn a_price() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        10 => (1..30_i64).prop_map(|n| Some(n * UNIT)),
        4 => (9_900_000..10_100_000_i64).prop_map(Some),
        1 => Just(None),
        1 => prop_oneof![Just(Some(0)), Just(Some(1)), Just(Some(i64::MAX)), Just(Some(-UNIT))],
    ]
}

fn a_rate() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        8 => (500_000_000..2_000_000_000_i64).prop_map(Some),
        2 => Just(None),
        1 => prop_oneof![Just(Some(0)), Just(Some(i64::MAX)), Just(Some(1)), Just(Some(-1))],
    ]
}

fn some_targets() -> impl Strategy<Value = Op> {
    let line = (0..INSTRUMENTS, a_ratio(), a_ratio());
    let bucket = (some_labels(), a_ratio());
    (0..CUSTOMERS, prop::collection::vec(line, 0..5), a_ratio(), prop::collection::vec(bucket, 0..4))
        .prop_map(|(c, lines, rest, buckets)| Op::Targets(c, lines, rest, buckets))
}

fn any_op() -> impl Strategy<Value = Op> {
    let (c, i) = (0..CUSTOMERS, 0..INSTRUMENTS);
    prop_oneof![
        12 => Just(Op::Close),
        12 => (i.clone(), a_price()).prop_map(|(i, price)| Op::Price(i, price)),
        2 => prop_oneof![Just(800), Just(1250), 990..1010_i64].prop_map(Op::Market),
        2 => (a_currency(), a_currency(), a_rate())
            .prop_filter("a pair is of two", |(a, b, _)| a != b)
            .prop_map(|(a, b, rate)| Op::Rate(a, b, rate)),
        1 => (i.clone(), prop::option::weighted(0.7, a_currency())).prop_map(|(i, ccy)| Op::Terms(i, ccy)),
        1 => (c.clone(), prop::option::weighted(0.7, a_currency())).prop_map(|(c, ccy)| Op::Base(c, ccy)),
        5 => (c.clone(), i, a_quantity()).prop_map(|(c, i, q)| Op::Position(c, i, q)),
        4 => (c.clone(), a_currency(), a_quantity()).prop_map(|(c, ccy, amount)| Op::Cash(c, ccy, amount)),
        4 => some_targets(),
        1 => c.clone().prop_map(Op::NoTargets),
        4 => (c.clone(), a_floor()).prop_map(|(c, floor)| Op::Floor(c, floor)),
        4 => (c, 0..60_i128).prop_map(|(c, n)| Op::Raise(c, n * VALUE_UNIT)),
        2 => (0..INSTRUMENTS, some_labels()).prop_map(|(i, labels)| Op::Labels(i, labels)),
    ]
}

fn a_floor() -> impl Strategy<Value = Option<i128>> {
    prop_oneof![
        8 => (0..3000_i128).prop_map(|n| Some(n * VALUE_UNIT)),
        2 => (0..3_000_000_000_000_i128).prop_map(|n| Some(n * VALUE_UNIT / 1_000_000_000)),
        2 => Just(None),
        1 => prop_oneof![
            Just(Some(0)), Just(Some(-VALUE_UNIT)), Just(Some(1)),
            Just(Some(i128::from(i64::MAX) * 10_i128.pow(15))), Just(Some(-i128::from(i64::MAX) * 10_i128.pow(15))),
        ],
    ]
}

fn some_labels() -> impl Strategy<Value = [u32; 3]> {
    [0..3_u32, 0..3_u32, 0..2_u32]
}

/// Small steps of a market in which everything stays in order: zones, lanes and the filter do the work.
fn quiet_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => Just(Op::Close),
        20 => (0..INSTRUMENTS, 9_000_000..11_000_000_i64).prop_map(|(i, price)| Op::Price(i, Some(price))),
        10 => (0..INSTRUMENTS, 9..12_i64).prop_map(|(i, price)| Op::Price(i, Some(price * UNIT))),
        2 => (1_400_000_000..1_600_000_000_i64).prop_map(|rate| {
            let [aud, _, usd] = currencies();
            Op::Rate(usd, aud, Some(rate))
        }),
        2 => (0..CUSTOMERS, 0..INSTRUMENTS, 0..40_i64).prop_map(|(c, i, q)| Op::Position(c, i, q * UNIT)),
        1 => (0..CUSTOMERS, -20..200_i64).prop_map(|(c, n)| Op::Cash(c, Currency::AUD, n * UNIT)),
        2 => (0..CUSTOMERS, 0..20_i128).prop_map(|(c, n)| Op::Raise(c, n * VALUE_UNIT)),
        1 => (0..CUSTOMERS, 400..900_i128).prop_map(|(c, n)| Op::Floor(c, Some(n * VALUE_UNIT))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_told_as_by_recomputation(ops in prop::collection::vec(any_op(), 0..160)) {
        run(&ops);
    }

    #[test]
    fn anything_may_happen_to_a_portfolio_in_order(ops in prop::collection::vec(any_op(), 0..120)) {
        run(&[opening(), ops].concat());
    }

    #[test]
    fn a_quiet_market_is_told_as_by_recomputation(ops in prop::collection::vec(quiet_op(), 0..400)) {
        run(&[opening(), ops].concat());
    }
}

/// Numbers by a seed, the same everywhere (xorshift64*).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// A house of customers with 1 to `slots` holdings in `instruments`, near their targets.
fn house(seed: &mut Seeded, customers: u32, instruments: u32, slots: u64) -> Vec<Op> {
    let [aud, _, usd] = currencies();
    let mut ops = vec![Op::Rate(usd, aud, Some(1_500_000_000))];
    let mut prices = Vec::new();
    for i in 0..instruments {
        let price = (1 + seed.below(500) as i64) * UNIT;
        prices.push(price);
        ops.push(Op::Terms(i * 3, Some(if i % 7 == 0 { usd } else { aud })));
        ops.push(Op::Price(i * 3, Some(price)));
    }
    for c in 0..customers {
        let customer = c * 5 + 1;
        let count = 1 + seed.below(slots);
        ops.push(Op::Base(customer, Some(aud)));
        ops.push(Op::Cash(customer, if c % 11 == 0 { usd } else { aud }, 50 * UNIT));
        let mut lines = Vec::new();
        for _ in 0..count {
            let i = seed.below(u64::from(instruments)) as u32;
            // About 100 of money each.
            let quantity = 100 * UNIT / (prices[i as usize] / UNIT);
            ops.push(Op::Position(customer, i * 3, quantity));
            lines.push((i * 3, 1_000_000_000 / count as i64, (100_000_000 / count as i64).max(1)));
        }
        if c % 4 < 2 {
            ops.push(Op::Floor(customer, Some(i128::from(50 + 85 * count) * VALUE_UNIT)));
        }
        let buckets = [([1, 0, 0], 30_000_000), ([2, 1 + c % 2, 0], 10_000_000)];
        ops.push(Op::Targets(
            customer,
            lines,
            50_000_000,
            if c % 3 == 0 { buckets.into() } else { Vec::new() },
        ));
    }
    for i in 0..instruments {
        ops.push(Op::Labels(i * 3, [1 + i % 3, 1 + i % 2, 0]));
    }
    ops
}

/// A market that is quiet, then wild, then jolted again and again, then crashes, then is quiet again.
fn seasons(seed: u64, customers: u32, instruments: u32, slots: u64, epochs: usize) -> [usize; 3] {
    let mut seed = Seeded(seed);
    let (mut oracle, mut monitors) = (Oracle::default(), monitors());
    for op in house(&mut seed, customers, instruments, slots) {
        apply(&op, &mut oracle, &mut monitors);
    }
    close(0, &mut oracle, &mut monitors);
    let mut prices: Vec<i64> = oracle.prices().collect();
    let mut modes = [0; 3];
    for epoch in 1..epochs {
        let season = epoch * 8 / epochs;
        let (moving, bps) = match season {
            1 => (u64::from(instruments), 40),
            2 => (u64::from(instruments), 400),
            _ => (3, 5),
        };
        let jolt = match epoch % 16 {
            0 => 900,
            8 => 1111,
            _ => 1000,
        };
        let crash = if epoch == epochs / 8 * 5 { 800 } else { 1000 };
        let market = if matches!(season, 3 | 4) { jolt } else { crash };
        if market != 1000 {
            apply(&Op::Market(market), &mut oracle, &mut monitors);
            prices = oracle.prices().collect();
        }
        for _ in 0..moving {
            let i = seed.below(u64::from(instruments)) as usize;
            let step = seed.below(2 * bps + 1) as i64 - bps as i64;
            prices[i] = (prices[i] + prices[i] / 10_000 * step).max(UNIT / 100);
            apply(&Op::Price(i as u32 * 3, Some(prices[i])), &mut oracle, &mut monitors);
        }
        if season == 6 {
            let customer = seed.below(u64::from(customers)) as u32 * 5 + 1;
            apply(&Op::Raise(customer, i128::from(seed.below(20)) * VALUE_UNIT), &mut oracle, &mut monitors);
        }
        let expected = oracle.close();
        for (monitor, counted) in monitors.iter_mut().zip([true, false, false]) {
            let mut changes = Vec::new();
            let report = monitor.close(&mut changes);
            assert_eq!(changes, expected, "epoch {epoch}, {:?}", report.mode);
            if counted {
                modes[match report.mode {
                    Mode::Zones => 0,
                    Mode::Sweep => 1,
                    Mode::Return => 2,
                }] += 1;
            }
        }
    }
    modes
}

#[test]
fn all_seasons_are_told_alike_by_all_modes() {
    let modes = seasons(7, 400, 40, 10, 800);
    assert!(modes.iter().all(|epochs| *epochs > 0), "each mode should have been taken: {modes:?}");
}

/// The least target there is fits a Ratio, so the bucket's sum of it is not clamped.
#[test]
fn the_least_target_is_a_target() {
    let labels = [0, 0, 1];
    let end = [
        Op::Labels(3, labels),
        Op::Position(0, 3, -2 * UNIT),
        Op::Targets(0, vec![(3, i64::MIN, 0)], 0, vec![(labels, 0)]),
    ];
    run(&[opening(), end.into()].concat());
}

#[test]
fn five_hundred_holdings_are_a_portfolio_too() {
    seasons(11, 30, 900, 500, 60);
}

#[test]
fn one_holding_is_a_portfolio_too() {
    seasons(13, 200, 12, 1, 120);
}
