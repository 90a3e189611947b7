//! Rows of losses that are worth harvesting.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rows::Fields;
use crate::{CustomerId, InstrumentId, Names, Ratio, TradeDate};

/// A holding whose loss is worth harvesting, what takes its place, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct HarvestCandidateRow {
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub as_of: TradeDate,
    pub replacement: InstrumentId,
    pub correlation: Ratio,
    pub tracking_error: Ratio,
    pub wash_sale: bool,
    pub wash_score: Ratio,
    /// The lot that the score is about: instrument, day of purchase, lot.
    pub purchase: Option<(InstrumentId, TradeDate, Arc<str>)>,
}

impl HarvestCandidateRow {
    /// Whether it is flagged as a wash sale, as files and tables write it.
    pub fn flag(&self) -> &'static str {
        if self.wash_sale { "wash_sale" } else { "clear" }
    }

    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer));
        fields.put("instrument", names.instrument(self.instrument)).put("as_of", self.as_of);
        fields.put("replacement", names.instrument(self.replacement));
        fields.put("correlation", self.correlation.to_fixed());
        fields.put("tracking_error", self.tracking_error.to_fixed());
        fields.put("wash", self.flag()).put("wash_score", self.wash_score.to_fixed());
        let (instrument, acquired, lot) = match &self.purchase {
            Some((instrument, acquired, lot)) => {
                (names.instrument(*instrument), acquired.to_string(), &**lot)
            }
            None => ("", String::new(), ""),
        };
        fields.put("purchase", instrument).put("purchase_lot", lot).put("purchase_date", acquired);
    }
}
