//! Many epochs: zones are never wrong. After every epoch, zones and the sweep of everybody say the same, so nobody
//! outside the woken changed sides; now and then all breaches are recomputed from scratch.
//!
//! `EVENKEEL_DEEP=1` runs ten million epochs.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeSet;

use common::{Op, Oracle, apply};
use evenkeel_monitor::{Change, Choice, Event, Mode, Monitor, Options};
use evenkeel_schemas::{BandSide, Currency, CustomerId, InstrumentId};

const CUSTOMERS: u64 = 300;
const INSTRUMENTS: u64 = 40;
const UNIT: i64 = 1_000_000;
/// Epochs from one recomputation to the next, and of one mood of the market.
const RECOMPUTED: u64 = 2_000;
const MOOD: u64 = 1_500;

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

struct House {
    seed: Seeded,
    oracle: Oracle,
    monitors: Vec<Monitor>,
    prices: Vec<i64>,
    /// What has entered and not left, by the first monitor.
    open: BTreeSet<(CustomerId, InstrumentId, BandSide)>,
    modes: [u64; 3],
}

impl House {
    fn new() -> House {
        let monitors =
            [Choice::Auto, Choice::Zones, Choice::Sweep].map(|choice| Monitor::new(Options { choice }));
        let mut house = House {
            seed: Seeded(2026),
            oracle: Oracle::default(),
            monitors: monitors.into(),
            prices: Vec::new(),
            open: BTreeSet::new(),
            modes: [0; 3],
        };
        let usd: Currency = "USD".parse().unwrap();
        house.tell(&Op::Rate(usd, Currency::AUD, Some(1_500_000_000)));
        for i in 0..INSTRUMENTS {
            let price = (1 + house.seed.below(500) as i64) * UNIT;
            house.prices.push(price);
            house.tell(&Op::Terms(i as u32, Some(if i % 7 == 0 { usd } else { Currency::AUD })));
            house.tell(&Op::Labels(i as u32, [1 + i as u32 % 3, 1 + i as u32 % 2, 0]));
            house.tell(&Op::Price(i as u32, Some(price)));
        }
        (0..CUSTOMERS).for_each(|customer| house.settle(customer as u32));
        house
    }

    fn tell(&mut self, op: &Op) {
        apply(op, &mut self.oracle, &mut self.monitors);
    }

    /// Gives a customer holdings near targets.
    fn settle(&mut self, customer: u32) {
        let count = 1 + self.seed.below(10);
        self.tell(&Op::Base(customer, Some(Currency::AUD)));
        self.tell(&Op::Cash(customer, Currency::AUD, 50 * UNIT));
        let mut lines = Vec::new();
        for _ in 0..count {
            let i = self.seed.below(INSTRUMENTS) as usize;
            let quantity = (100 * i128::from(UNIT) * i128::from(UNIT) / i128::from(self.prices[i])) as i64;
            self.tell(&Op::Position(customer, i as u32, quantity));
            lines.push((
                i as u32,
                1_000_000_000 / count as i64,
                20_000_000 + self.seed.below(60_000_000) as i64,
            ));
        }
        // A third is watched by bucket too.
        let band = 20_000_000 + self.seed.below(60_000_000) as i64;
        let buckets =
            if customer.is_multiple_of(3) { vec![([1, 0, 0], band), ([2, 1, 0], band)] } else { Vec::new() };
        self.tell(&Op::Targets(customer, lines, 50_000_000, buckets));
    }

    fn moves(&mut self, epoch: u64) {
        // Quiet, lively, wild, and jolts of everything.
        let (count, bps) = [(2, 3), (6, 20), (INSTRUMENTS, 150), (1, 1)][(epoch / MOOD % 4) as usize];
        for _ in 0..count {
            let i = self.seed.below(INSTRUMENTS) as usize;
            let step = self.seed.below(2 * bps + 1) as i64 - bps as i64;
            // Pulled back softly, so that prices stay prices for ten million epochs.
            let pull = if self.prices[i] > 1_000 * UNIT { -(bps as i64) } else { 0 };
            self.prices[i] = (self.prices[i] + self.prices[i] / 10_000 * (step + pull)).max(UNIT / 10);
            self.tell(&Op::Price(i as u32, Some(self.prices[i])));
        }
        if epoch.is_multiple_of(97) {
            let customer = self.seed.below(CUSTOMERS) as u32;
            match self.seed.below(3) {
                0 => {
                    let amount = self.seed.below(300) as i64 * UNIT;
                    self.tell(&Op::Cash(customer, Currency::AUD, amount));
                }
                1 => {
                    let i = self.seed.below(INSTRUMENTS) as u32;
                    let quantity = self.seed.below(20) as i64 * UNIT;
                    self.tell(&Op::Position(customer, i, quantity));
                }
                _ => self.settle(customer),
            }
        }
        if epoch.is_multiple_of(4_001) {
            let permille = if epoch.is_multiple_of(2) { 800 } else { 1_250 };
            self.tell(&Op::Market(permille));
            self.prices = self.oracle.prices().collect();
        }
    }

    fn close(&mut self, epoch: u64) {
        let mut said: Vec<Vec<Change>> = Vec::new();
        for (number, monitor) in self.monitors.iter_mut().enumerate() {
            let mut changes = Vec::new();
            let report = monitor.close(&mut changes);
            said.push(changes);
            if number == 0 {
                self.modes[match report.mode {
                    Mode::Zones => 0,
                    Mode::Sweep => 1,
                    Mode::Return => 2,
                }] += 1;
            }
        }
        assert_eq!(said[0], said[2], "epoch {epoch}: whoever chooses, and the sweep");
        assert_eq!(said[1], said[2], "epoch {epoch}: zones, and the sweep");
        for Change { customer, event } in &said[0] {
            match event {
                Event::BreachEntered { instrument, side, .. } => {
                    assert!(
                        self.open.insert((*customer, *instrument, *side)),
                        "epoch {epoch}: entered twice"
                    );
                }
                Event::BreachLeft { instrument, side } => {
                    assert!(self.open.remove(&(*customer, *instrument, *side)), "epoch {epoch}: left twice");
                }
                Event::FloorReached { .. } | Event::FloorLeft => panic!("epoch {epoch}: nobody has a floor"),
                Event::AnomalyEntered(_) | Event::AnomalyLeft(_) => {}
            }
        }
        if epoch.is_multiple_of(RECOMPUTED) {
            self.oracle.close();
            assert_eq!(self.oracle.open().collect::<BTreeSet<_>>(), self.open, "epoch {epoch}: from scratch");
        }
    }
}

#[test]
fn zones_are_never_wrong_in_the_long_run() {
    let epochs = if std::env::var_os("EVENKEEL_DEEP").is_some() { 10_000_000 } else { 40_000 };
    let mut house = House::new();
    for epoch in 0..=epochs {
        house.moves(epoch);
        house.close(epoch);
    }
    assert!(house.modes.iter().all(|epochs| *epochs > 0), "each mode was taken: {:?}", house.modes);
}
