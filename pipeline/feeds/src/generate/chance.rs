//! Integers drawn from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded source of integers; the same on every machine.
#[derive(Clone, Debug)]
pub(super) struct Chance(ChaCha8Rng);

/// What [`Chance::normal`] has as its standard deviation.
pub(super) const NORMAL_SD: i64 = 37_837;

impl Chance {
    /// Streams of one seed are independent of each other.
    pub fn new(seed: u64, stream: u64) -> Chance {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Chance(rng)
    }

    /// A number in `0..below`; 0 when there is none.
    pub fn below(&mut self, below: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(below)) >> 64) as u64
    }

    /// A number in `least..=most`.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1).max(1) as u64) as i64
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Near enough to a normal distribution: the sum of four uniform numbers, mean 0, standard deviation
    /// [`NORMAL_SD`], never beyond 3.5 of them.
    pub fn normal(&mut self) -> i64 {
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        sum as i64 - 131_070
    }
}
