//! Rows of what is estimated from closing marks.

use serde::{Deserialize, Serialize};

use crate::rows::Fields;
use crate::{Currency, InstrumentId, Names, Ratio, TradeDate};

/// What an instrument's price returned on a day.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct ReturnRow {
    pub instrument: InstrumentId,
    pub date: TradeDate,
    pub price_return: Ratio,
}

/// By which model an instrument's risk is estimated.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EstimateModel {
    /// Pair by pair: the covariances are rows.
    LedoitWolf,
    /// By factors: the loadings are rows.
    Factors,
}

impl EstimateModel {
    /// The word as files and tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            EstimateModel::LedoitWolf => "ledoit_wolf",
            EstimateModel::Factors => "factors",
        }
    }
}

/// What is estimated of an instrument.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct EstimateRow {
    pub instrument: InstrumentId,
    pub currency: Currency,
    pub as_of: TradeDate,
    pub model: EstimateModel,
    pub observations: u32,
    pub first_day: TradeDate,
    pub last_day: TradeDate,
    pub volatility: Ratio,
    pub volatility_ewma: Ratio,
    pub specific_variance: Ratio,
    pub beta: Ratio,
    pub mean_return: Ratio,
    pub distribution_yield: Ratio,
    pub franked_fraction: Ratio,
}

/// How two instruments of a currency move together, or one by itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct CovarianceRow {
    pub instrument: InstrumentId,
    pub other: InstrumentId,
    pub covariance: Ratio,
    pub covariance_ewma: Ratio,
}

/// What an instrument does per unit of a factor.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct FactorLoadingRow {
    pub instrument: InstrumentId,
    pub factor: u16,
    pub loading: Ratio,
}

impl ReturnRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("instrument", names.instrument(self.instrument)).put("date", self.date);
        fields.put("price_return", self.price_return.to_fixed());
    }
}

impl EstimateRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("instrument", names.instrument(self.instrument)).put("currency", self.currency);
        fields.put("as_of", self.as_of).put("model", self.model.as_str());
        fields.put("observations", self.observations);
        fields.put("first_day", self.first_day).put("last_day", self.last_day);
        fields.put("volatility", self.volatility.to_fixed());
        fields.put("volatility_ewma", self.volatility_ewma.to_fixed());
        fields.put("specific_variance", self.specific_variance.to_fixed());
        fields.put("beta", self.beta.to_fixed()).put("mean_return", self.mean_return.to_fixed());
        fields.put("distribution_yield", self.distribution_yield.to_fixed());
        fields.put("franked_fraction", self.franked_fraction.to_fixed());
    }
}

impl CovarianceRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("instrument", names.instrument(self.instrument));
        fields.put("other", names.instrument(self.other));
        fields.put("covariance", self.covariance.to_fixed());
        fields.put("covariance_ewma", self.covariance_ewma.to_fixed());
    }
}

impl FactorLoadingRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("instrument", names.instrument(self.instrument)).put("factor", self.factor);
        fields.put("loading", self.loading.to_fixed());
    }
}
