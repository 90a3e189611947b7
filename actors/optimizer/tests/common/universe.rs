//! Universes of instruments by seed: ten factors, specific risk, returns that risk is paid with.

#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use evenkeel_optimizer::portfolio::Covariance;
use ndarray::{Array1, Array2};

/// Numbers by seed: splitmix64 (Steele, Lea and Flood 2014), and normals by the sum of twelve.
pub struct Random(pub u64);

impl Random {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly standard normal.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A universe, yearly figures.
pub struct Universe {
    pub names: Vec<String>,
    pub loadings: Array2<f64>,
    pub specific: Array1<f64>,
    pub returns: Vec<f64>,
}

/// A market and `factors − 1` styles; volatilities from about 12% to 35%.
pub fn universe(size: usize, factors: usize, seed: u64) -> Universe {
    let mut random = Random(seed);
    let loadings = Array2::from_shape_fn((size, factors), |(_, factor)| match factor {
        0 => 0.12 + 0.06 * random.uniform(),
        _ => 0.04 * random.normal(),
    });
    let specific = Array1::from_shape_fn(size, |_| (0.05 + 0.15 * random.uniform()).powi(2));
    let returns = (0..size).map(|at| 0.02 + 0.3 * loadings[[at, 0]] + 0.02 * random.normal()).collect();
    Universe { names: (0..size).map(|at| format!("I{at:03}")).collect(), loadings, specific, returns }
}

impl Universe {
    pub fn matrix(&self) -> Array2<f64> {
        self.loadings.dot(&self.loadings.t()) + Array2::from_diag(&self.specific)
    }

    pub fn dense(&self) -> Covariance {
        Covariance::dense(self.matrix()).unwrap()
    }

    pub fn factors(&self) -> Covariance {
        let count = self.loadings.ncols();
        Covariance::factors(&self.loadings, Array2::eye(count), self.specific.clone()).unwrap()
    }

    /// Daily returns.
    pub fn scenarios(&self, count: usize, seed: u64) -> Array2<f64> {
        let mut random = Random(seed);
        let (size, factors) = self.loadings.dim();
        let mut rows = Array2::zeros((count, size));
        for mut row in rows.rows_mut() {
            let shocks: Vec<f64> = (0..factors).map(|_| random.normal()).collect();
            for at in 0..size {
                let shared: f64 = (0..factors).map(|k| self.loadings[[at, k]] * shocks[k]).sum();
                let own = self.specific[at].sqrt() * random.normal();
                row[at] = self.returns[at] / 252.0 + (shared + own) / 252_f64.sqrt();
            }
        }
        rows
    }
}
