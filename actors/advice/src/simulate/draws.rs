//! Paths of monthly growth, in antithetic pairs.
//!
//! Each pair has its own ChaCha8 stream (the pair's number) of the seed's key, one 64-bit word a month. So a
//! path is the same whatever the horizon or the number of paths, and two simulations of one seed see the same
//! markets: common random numbers. A checking run takes other streams of the same key.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};

use super::normal::inverse_normal;
use super::problem::Mix;

/// How often a simulation runs and with which chance.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// Paths, an even number: half of them mirror the other half.
    pub paths: u32,
    /// The seed. The same seed gives the same bytes.
    pub seed: u64,
}

impl Chance {
    /// The number of paths that a plan is judged by.
    pub const PATHS: u32 = 10_000;
}

/// Which streams of the seed's key are read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    /// Those that a search looks at.
    Search,
    /// Those that only check what a search found.
    Check,
}

impl Streams {
    /// The first pair's stream. A search reads at most 2^31 of them.
    fn first(self) -> u64 {
        match self {
            Streams::Search => 0,
            Streams::Check => 1 << 32,
        }
    }
}

/// The law of a month's growth: `exp(drift + spread · z)`, z standard normal.
///
/// `spread = σ / √12` and `drift = ln(1 + μ) / 12 − spread² / 2`, so that growth is lognormal, a year's
/// growth has the mean `1 + μ` and its logarithm the standard deviation σ.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Monthly {
    drift: f64,
    spread: f64,
}

impl Monthly {
    pub(crate) fn of(mix: &Mix) -> Monthly {
        let spread = mix.volatility.to_f64() / libm::sqrt(12.0);
        let drift = libm::log1p(mix.expected_return.to_f64()) / 12.0 - spread * spread / 2.0;
        Monthly { drift, spread }
    }
}

/// Calls `each` with every path's monthly growth factors; paths 2k and 2k + 1 mirror each other.
pub(crate) fn each_path(
    chance: Chance,
    streams: Streams,
    law: Monthly,
    months: u32,
    mut each: impl FnMut(&[f64]),
) {
    let months = months as usize;
    let (mut one, mut mirrored) = (vec![0.0; months], vec![0.0; months]);
    for pair in 0..u64::from(chance.paths / 2) {
        let mut random = ChaCha8Rng::seed_from_u64(chance.seed);
        random.set_stream(streams.first() + pair);
        for (growth, opposite) in one.iter_mut().zip(&mut mirrored) {
            let shock = law.spread * inverse_normal(uniform(random.next_u64()));
            *growth = libm::exp(law.drift + shock);
            *opposite = libm::exp(law.drift - shock);
        }
        each(&one);
        each(&mirrored);
    }
}

/// The word's upper 53 bits as the middle of one of 2^53 equal intervals: never 0 and never 1.
fn uniform(word: u64) -> f64 {
    // 2^-53.
    const STEP: f64 = 1.0 / 9_007_199_254_740_992.0;
    // Up to 2^52 halves are exact; beyond, the sum rounds to even, and the largest is held below 1.
    (((word >> 11) as f64 + 0.5) * STEP).min(1.0 - STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_stays_inside() {
        assert!(uniform(0) > 0.0);
        assert!(uniform(u64::MAX) < 1.0);
        assert!((uniform(1 << 63) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_longer_horizon_and_more_paths_begin_with_the_same_paths() {
        let mix = Mix {
            name: "m".parse().unwrap(),
            expected_return: "0.07".parse().unwrap(),
            volatility: "0.15".parse().unwrap(),
        };
        let paths = |paths, months| {
            let mut all = Vec::new();
            let chance = Chance { paths, seed: 7 };
            each_path(chance, Streams::Search, Monthly::of(&mix), months, |path| all.push(path.to_vec()));
            all
        };
        let (short, long) = (paths(4, 10), paths(6, 30));
        for (short, long) in short.iter().zip(&long) {
            assert_eq!(short[..], long[..10]);
        }
        // A pair's growth factors multiply to the square of the median.
        let median = libm::exp(2.0 * Monthly::of(&mix).drift);
        assert!((short[0][3] * short[1][3] - median).abs() < 1e-14);
    }
}
