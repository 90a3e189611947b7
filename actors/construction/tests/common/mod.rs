//! Markets to construct in: the worked example's, and markets by chance.
//!
//! The first is specified by hand, plausible for November 2025: yearly figures of the ASX-listed funds that the
//! pods name, from a model of six factors (world shares, Australian shares, technology, rates, gold, property) and
//! a specific risk each. What a reader may check: VAS has a volatility of 14%, SEMI of 34%, bonds of 5%.

#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use evenkeel_construction::{Investor, Listing, MarketData, MarketState};
use evenkeel_schemas::{InstrumentId, Name, TradeDate};

/// World shares, Australian shares, technology, rates, gold, property; specific.
type Risk = [f64; 7];

/// Name, price, expected return, yield, franked share, average daily value, risk.
type Line = (&'static str, &'static str, f64, &'static str, &'static str, &'static str, Risk);

const LINES: [Line; 16] = [
    ("BILL", "50.20", 0.042, "0.042", "0", "12000000", [0.0, 0.0, 0.0, 0.001, 0.0, 0.0, 0.002]),
    ("VAF", "46.40", 0.047, "0.036", "0", "14000000", [0.004, 0.002, 0.0, 0.048, 0.0, 0.0, 0.008]),
    ("VGB", "46.90", 0.044, "0.033", "0", "5000000", [0.002, 0.001, 0.0, 0.051, 0.0, 0.0, 0.01]),
    ("VAS", "108.50", 0.083, "0.036", "0.72", "60000000", [0.1, 0.092, 0.0, 0.004, 0.0, 0.02, 0.02]),
    ("VHY", "78.20", 0.081, "0.051", "0.8", "20000000", [0.09, 0.09, -0.02, 0.004, 0.0, 0.02, 0.045]),
    ("VAP", "102.30", 0.076, "0.041", "0.04", "8000000", [0.09, 0.05, 0.0, 0.035, 0.0, 0.12, 0.04]),
    ("EINC", "10.10", 0.073, "0.056", "0.6", "600000", [0.07, 0.085, -0.02, 0.008, 0.0, 0.02, 0.05]),
    ("GOLD", "49.80", 0.06, "0", "0", "15000000", [-0.01, 0.01, 0.0, 0.03, 0.145, 0.0, 0.02]),
    ("VGS", "148.60", 0.092, "0.018", "0", "40000000", [0.13, 0.0, 0.02, 0.003, 0.0, 0.0, 0.015]),
    ("VTS", "515.00", 0.096, "0.013", "0", "15000000", [0.142, -0.01, 0.035, 0.004, 0.0, 0.0, 0.025]),
    ("NDQ", "58.40", 0.112, "0.012", "0", "25000000", [0.15, -0.01, 0.11, 0.006, 0.0, 0.0, 0.04]),
    ("TECH", "12.80", 0.118, "0.005", "0", "1500000", [0.17, 0.0, 0.16, 0.01, 0.0, 0.0, 0.1]),
    ("ROBO", "84.10", 0.108, "0.006", "0", "900000", [0.17, 0.0, 0.1, 0.006, 0.0, 0.0, 0.08]),
    ("SEMI", "20.70", 0.145, "0.004", "0", "4000000", [0.2, -0.01, 0.22, 0.01, 0.0, 0.0, 0.16]),
    ("ASIA", "13.20", 0.122, "0.01", "0", "5000000", [0.16, 0.02, 0.1, 0.005, 0.0, 0.0, 0.18]),
    ("HACK", "15.60", 0.114, "0.004", "0", "4500000", [0.14, 0.0, 0.13, 0.006, 0.0, 0.0, 0.11]),
];

pub fn date(text: &str) -> TradeDate {
    text.parse().unwrap()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The worked example's market as data.
pub fn market_data() -> MarketData {
    let listing = |(at, line): (usize, &Line)| Listing {
        id: InstrumentId(at as u32),
        name: name(line.0),
        price: Some(line.1.parse().unwrap()),
        expected_return: Some(line.2),
        distribution_yield: line.3.parse().unwrap(),
        franked_fraction: line.4.parse().unwrap(),
        average_daily_value: line.5.parse().unwrap(),
        lot: "1".parse().unwrap(),
        tick: "0.01".parse().unwrap(),
    };
    let risks: Vec<Risk> = LINES.iter().map(|line| line.6).collect();
    MarketData {
        epoch: 1_763_164_800_000,
        as_of: date("2025-11-14"),
        risk_free: 0.0405,
        company_rate: "0.3".parse().unwrap(),
        listings: LINES.iter().enumerate().map(listing).collect(),
        estimated: LINES.iter().map(|line| name(line.0)).collect(),
        covariance: covariance(&risks),
        factors: None,
    }
}

pub fn market() -> MarketState {
    MarketState::new(market_data()).unwrap()
}

fn covariance(risks: &[Risk]) -> Vec<Vec<f64>> {
    let entry = |a: usize, b: usize| {
        let shared: f64 = (0..6).map(|factor| risks[a][factor] * risks[b][factor]).sum();
        shared + if a == b { risks[a][6] * risks[a][6] } else { 0.0 }
    };
    (0..risks.len()).map(|a| (0..risks.len()).map(|b| entry(a, b)).collect()).collect()
}

pub fn investor(rate: &str) -> Investor {
    Investor { marginal_rate: rate.parse().unwrap(), resident: true }
}

/// Numbers by seed: splitmix64 (Steele, Lea and Flood 2014).
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

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }
}

/// The same instruments, all figures by chance; some without price, estimate or distributions when `gaps`.
pub fn market_by_chance(seed: u64, gaps: bool) -> MarketData {
    let mut random = Random(seed);
    let mut data = market_data();
    let risks: Vec<Risk> = (0..LINES.len())
        .map(|_| {
            let calm = random.uniform() * random.uniform() * 0.3;
            std::array::from_fn(|_| calm * random.between(-0.4, 1.0))
        })
        .collect();
    data.covariance = covariance(&risks);
    data.risk_free = random.between(-0.01, 0.06);
    for listing in &mut data.listings {
        let ratio = |value: f64| format!("{value:.4}").parse().unwrap();
        listing.expected_return = Some(random.between(-0.03, 0.15));
        listing.distribution_yield = ratio(random.between(0.0, 0.08));
        listing.franked_fraction = ratio(random.uniform());
        listing.average_daily_value = format!("{:.0}", random.between(0.0, 3e7)).parse().unwrap();
        listing.price = Some(format!("{:.2}", random.between(1.0, 300.0)).parse().unwrap());
        if gaps && random.uniform() < 0.15 {
            listing.price = None;
        }
        if gaps && random.uniform() < 0.1 {
            listing.expected_return = None;
        }
    }
    data
}

/// Pods of larger universes: of `count` instruments each pod may hold about half, with the terms of the table in
/// force; a market for them by chance.
pub fn wide(seed: u64, count: usize) -> (MarketData, evenkeel_advice::PodTable) {
    let mut random = Random(seed ^ 0x51ed);
    let mut data = market_data();
    let shape = market_by_chance(seed, false);
    data.risk_free = 0.04;
    data.listings = (0..count)
        .map(|at| Listing {
            id: InstrumentId(at as u32),
            name: name(&format!("I{at:02}")),
            expected_return: Some(random.between(0.03, 0.14)),
            distribution_yield: format!("{:.4}", random.between(0.0, 0.06)).parse().unwrap(),
            franked_fraction: format!("{:.4}", random.uniform()).parse().unwrap(),
            ..shape.listings[at % LINES.len()].clone()
        })
        .collect();
    let risks: Vec<Risk> = (0..count)
        .map(|at| {
            let calm = if at % 4 == 0 { 0.04 } else { random.between(0.1, 0.25) };
            std::array::from_fn(|_| calm * random.between(-0.3, 1.0))
        })
        .collect();
    data.estimated = data.listings.iter().map(|listing| listing.name.clone()).collect();
    data.covariance = covariance(&risks);
    let mut table = evenkeel_advice::pods_on(date("2025-11-15")).unwrap();
    for (at, pod) in table.pods.iter_mut().enumerate() {
        let chosen = (0..count).filter(|of| of % 4 == at || random.uniform() < 0.3);
        pod.universe = chosen.map(|of| name(&format!("I{of:02}"))).collect();
    }
    (data, table)
}
