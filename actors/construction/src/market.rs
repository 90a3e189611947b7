//! The market as a construction sees it: what is listed, what it costs, pays and is expected to do.
//!
//! Units: expected returns, yields, the risk-free rate and covariances are yearly ratios; prices and daily values are
//! in the base currency, whole money of which is exact. Estimates are `f64`.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_estimates::{Risk, RiskModel};
use evenkeel_optimizer::portfolio::{Covariance, CovarianceError};
use evenkeel_schemas::{Epoch, InstrumentId, Money, Name, Price, Quantity, Ratio, TradeDate};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// What trades on an average day when the liquidity score is one half.
const DAILY_VALUE_HALF: f64 = 1_000_000.0;
/// Expected returns beyond this either way are a mistake of units.
const RETURN_MOST: f64 = 10.0;

/// An instrument of the market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The number that orders call it by.
    pub id: InstrumentId,
    /// Ticker.
    pub name: Name,
    /// The mark in the base currency; `None` while there is none.
    pub price: Option<Price>,
    /// Expected return a year, distributions included; `None` without an estimate.
    pub expected_return: Option<f64>,
    /// Distributions a year over the price.
    pub distribution_yield: Ratio,
    /// Share of the distributions that is franked, 0 to 1.
    pub franked_fraction: Ratio,
    /// What trades on an average day.
    pub average_daily_value: Money,
    /// Units in a lot.
    pub lot: Quantity,
    /// Smallest step of a limit price.
    pub tick: Price,
}

impl Listing {
    /// `v / (v + 1,000,000)` of the average daily value v: 0 for what never trades, one half at a million a day,
    /// 0.8 at four, never quite 1.
    pub fn liquidity_score(&self) -> f64 {
        let daily = self.average_daily_value.to_f64();
        daily / (daily + DAILY_VALUE_HALF)
    }
}

/// A market state as data: what [`MarketState`] is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketData {
    /// The epoch of the estimates.
    pub epoch: Epoch,
    /// The day they are of.
    pub as_of: TradeDate,
    /// Return without risk, a year.
    pub risk_free: f64,
    /// Tax rate of the companies that pay franked distributions: 0.3.
    pub company_rate: Ratio,
    /// What is listed, each name and id once.
    pub listings: Vec<Listing>,
    /// Rows and columns of the covariance.
    pub estimated: Vec<Name>,
    /// Covariance of returns a year; empty where it is by factors.
    pub covariance: Vec<Vec<f64>>,
    /// The same by factors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<FactorData>,
}

/// A covariance by factors that are uncorrelated, each of variance 1 a year: `B Bᵀ + diag(D)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorData {
    /// B, a row an estimated name.
    pub loadings: Vec<Vec<f64>>,
    /// D, a variance a year of each.
    pub specific: Vec<f64>,
}

/// Why data is no market state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MarketError {
    /// A field is not what it should be.
    #[error("market.{field}: expected {expected}, got {got}")]
    Field {
        /// Which field.
        field: String,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The covariance is none.
    #[error("market.covariance: {0}")]
    Covariance(#[from] CovarianceError),
}

/// A market state that is known to be one.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketState {
    data: MarketData,
    covariance: Option<Covariance>,
    /// Where a name is listed, and where it is estimated.
    places: BTreeMap<Name, (usize, Option<usize>)>,
}

fn wrong(field: impl Into<String>, expected: &'static str, got: impl ToString) -> MarketError {
    MarketError::Field { field: field.into(), expected, got: got.to_string() }
}

impl MarketData {
    /// With the risk by day of those that are listed, over this many sessions a year.
    #[must_use]
    pub fn with_risk(self, risk: &Risk, days_per_year: f64) -> MarketData {
        let listed = |id: &InstrumentId| self.listings.iter().find(|listing| listing.id == *id);
        let (places, estimated): (Vec<usize>, Vec<Name>) = risk
            .instruments
            .iter()
            .enumerate()
            .filter_map(|(at, id)| Some((at, listed(id)?.name.clone())))
            .unzip();
        let (covariance, factors) = match &risk.model {
            RiskModel::LedoitWolf { covariance, .. } => {
                let row = |a: &usize| places.iter().map(|b| covariance[[*a, *b]] * days_per_year).collect();
                (places.iter().map(row).collect(), None)
            }
            RiskModel::Factors(model) => {
                let (loadings, specific) = (model.loadings(), model.specific());
                let scale = days_per_year.sqrt();
                let row = |a: &usize| loadings.row(*a).iter().map(|loading| loading * scale).collect();
                let loadings = places.iter().map(row).collect();
                let specific = places.iter().map(|a| specific[*a] * days_per_year).collect();
                (Vec::new(), Some(FactorData { loadings, specific }))
            }
        };
        MarketData { estimated, covariance, factors, ..self }
    }

    fn risk(&self) -> Result<Option<Covariance>, MarketError> {
        let n = self.estimated.len();
        if self.estimated.iter().collect::<BTreeSet<_>>().len() != n {
            return Err(wrong("estimated", "each name once", "a name twice"));
        }
        let Some(FactorData { loadings, specific }) = &self.factors else {
            if self.covariance.len() != n || self.covariance.iter().any(|row| row.len() != n) {
                return Err(wrong(
                    "covariance",
                    "a row and a column an estimated name",
                    self.covariance.len(),
                ));
            }
            let matrix = Array2::from_shape_fn((n, n), |(a, b)| self.covariance[a][b]);
            return Ok((n > 0).then(|| Covariance::dense(matrix)).transpose()?);
        };
        if !self.covariance.is_empty() {
            return Err(wrong("covariance", "none beside factors", self.covariance.len()));
        }
        let factors = loadings.first().map_or(0, Vec::len);
        if loadings.len() != n || specific.len() != n || loadings.iter().any(|row| row.len() != factors) {
            return Err(wrong("factors", "as many loadings for each estimated name, and a variance", n));
        }
        let loadings = Array2::from_shape_fn((n, factors), |(a, b)| loadings[a][b]);
        let found = Covariance::factors(&loadings, Array2::eye(factors), specific.clone().into());
        Ok((n > 0).then_some(found).transpose()?)
    }
}

impl MarketState {
    /// Checks data.
    ///
    /// # Errors
    /// [`MarketError`] names the field: a name or id that is there twice, a price or lot that is not above
    /// zero, a fraction outside 0 to 1, a negative yield, a return that is no yearly ratio, a covariance that
    /// is not square, symmetric and positive semi-definite.
    pub fn new(data: MarketData) -> Result<MarketState, MarketError> {
        if !data.risk_free.is_finite() || data.risk_free.abs() > RETURN_MOST {
            return Err(wrong("risk_free", "a yearly ratio", data.risk_free));
        }
        if !(0..Ratio::ONE).contains(&data.company_rate.raw()) {
            return Err(wrong("company_rate", "0 to below 1", data.company_rate));
        }
        let mut places = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (at, listing) in data.listings.iter().enumerate() {
            check(listing)?;
            let estimated = data.estimated.iter().position(|name| *name == listing.name);
            if places.insert(listing.name.clone(), (at, estimated)).is_some() {
                return Err(wrong("listings", "each name once", &listing.name));
            }
            if !ids.insert(listing.id) {
                return Err(wrong(format!("listings.{}.id", listing.name), "an id of its own", listing.id.0));
            }
        }
        let covariance = data.risk()?;
        Ok(MarketState { data, covariance, places })
    }

    /// The epoch of the estimates.
    pub fn epoch(&self) -> Epoch {
        self.data.epoch
    }

    /// The day of the estimates.
    pub fn as_of(&self) -> TradeDate {
        self.data.as_of
    }

    /// Return without risk, a year.
    pub fn risk_free(&self) -> f64 {
        self.data.risk_free
    }

    /// Tax rate of the companies that pay franked distributions.
    pub fn company_rate(&self) -> Ratio {
        self.data.company_rate
    }

    /// A listing by its name.
    pub fn listing(&self, name: &Name) -> Option<&Listing> {
        self.places.get(name).and_then(|(at, _)| self.data.listings.get(*at))
    }

    /// What a portfolio may be built of, or why not, in words.
    pub(crate) fn member(&self, name: &Name) -> Result<Member<'_>, &'static str> {
        let (at, estimated) = *self.places.get(name).ok_or("it is not listed")?;
        let listing = &self.data.listings[at];
        if listing.price.is_none() {
            return Err("it has no price");
        }
        let expected_return = listing.expected_return.ok_or("its return is not estimated")?;
        let row = estimated.ok_or("its risk is not estimated")?;
        Ok(Member { listing, expected_return, row })
    }

    /// The covariance a year of some instruments, in their order; `None` if the risk of one is not estimated.
    pub fn covariance(&self, names: &[Name]) -> Option<Covariance> {
        let all = self.covariance.as_ref()?;
        let rows: Option<Vec<usize>> = names.iter().map(|name| self.places.get(name)?.1).collect();
        all.part(&rows?).ok()
    }

    /// Instruments whose risk is estimated.
    pub fn estimated(&self) -> &[Name] {
        &self.data.estimated
    }

    /// Volatility a year of weights by instrument; `None` if the risk of one that has weight is not estimated.
    pub fn volatility(&self, weights: &BTreeMap<Name, Ratio>) -> Option<f64> {
        let mut by_row = vec![0.0; self.data.estimated.len()];
        for (name, weight) in weights.iter().filter(|(_, weight)| **weight != Ratio::ZERO) {
            *by_row.get_mut(self.places.get(name)?.1?)? = weight.to_f64();
        }
        Some(self.covariance.as_ref().map_or(0.0, |all| all.variance(&by_row)).max(0.0).sqrt())
    }

    /// The covariance of some members.
    pub(crate) fn covariance_of(&self, members: &[Member<'_>]) -> Result<Covariance, CovarianceError> {
        let rows: Vec<usize> = members.iter().map(|member| member.row).collect();
        match &self.covariance {
            Some(all) => all.part(&rows),
            None => Covariance::dense(Array2::zeros((rows.len(), rows.len()))),
        }
    }
}

/// An instrument with everything that a construction needs.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Member<'m> {
    pub listing: &'m Listing,
    pub expected_return: f64,
    /// Place in the covariance.
    row: usize,
}

impl Member<'_> {
    pub fn name(&self) -> &Name {
        &self.listing.name
    }
}

fn check(listing: &Listing) -> Result<(), MarketError> {
    let field = |field: &str| format!("listings.{}.{field}", listing.name);
    if let Some(price) = listing.price.filter(|price| *price <= Price::ZERO) {
        return Err(wrong(field("price"), "above 0, or none", price));
    }
    if let Some(expected) = listing.expected_return
        && !(expected.is_finite() && expected.abs() <= RETURN_MOST)
    {
        return Err(wrong(field("expected_return"), "a yearly ratio", expected));
    }
    for (name, ratio) in
        [("distribution_yield", listing.distribution_yield), ("franked_fraction", listing.franked_fraction)]
    {
        if !(0..=Ratio::ONE).contains(&ratio.raw()) {
            return Err(wrong(field(name), "0 to 1", ratio));
        }
    }
    if listing.average_daily_value < Money::ZERO {
        return Err(wrong(field("average_daily_value"), "0 or more", listing.average_daily_value));
    }
    if listing.lot <= Quantity::ZERO {
        return Err(wrong(field("lot"), "above 0", listing.lot));
    }
    if listing.tick <= Price::ZERO {
        return Err(wrong(field("tick"), "above 0", listing.tick));
    }
    Ok(())
}
