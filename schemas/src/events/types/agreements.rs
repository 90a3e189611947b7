//! What is agreed with a customer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventType, FlowInterval};
use crate::{Currency, Instant, Money, Name, Ratio, TradeDate};

/// A slice of NAV and what it pays.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeeTier {
    /// Where the slice begins, in the base currency.
    pub above: Money,
    /// Share of the slice per year.
    pub rate: Ratio,
}

body! {
    /// What a customer pays for the service, from a day on until it is said anew: accrued daily on the NAV at the
    /// closing marks, actual/365, charged on the first of the next month.
    FeeScheduleSet {
        /// Customer.
        customer: Name,
        /// First day.
        from: TradeDate,
        /// An amount per year, in the base currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] flat: Option<Money>,
        /// Slices of NAV, from the lowest: a single one from 0 is a per cent of NAV.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] tiers: Vec<FeeTier>,
    }
}

body! {
    /// Whether and how losses of a customer are harvested. A holding is a candidate while, over the lots for which it
    /// is worth it, loss × rate − cost of two trades − expected tracking cost is above the threshold.
    HarvestSet {
        /// Customer.
        customer: Name,
        /// What a unit of loss saves in tax, of the base currency; 0 for no harvesting.
        rate: Ratio,
        /// The least that must be left, in the base currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] threshold: Option<Money>,
        /// Commission of one trade, in the base currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] commission: Option<Money>,
        /// Half-spread and brokerage of one trade, as a share of its value; 0.001 where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] trade_cost: Option<Ratio>,
        /// Aversion to tracking error: a year of it costs half of this times the squared error; 4 where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] tracking_aversion: Option<Ratio>,
        /// A replacement correlates at most this much: what is closer is near-identical; 0.99 where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] correlation_max: Option<Ratio>,
    }
}

body! {
    /// Money that a customer plans to pay in or take out: for forecasts. A later one of the same name replaces it. The
    /// flows themselves are deposits and withdrawals.
    FlowScheduled {
        /// Customer.
        customer: Name,
        /// Its name, for the customer.
        flow: Name,
        /// Each time; negative is taken out, 0 ends it.
        amount: Money,
        /// In what.
        currency: Currency,
        /// First day.
        first: TradeDate,
        /// How often; once where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] every: Option<FlowInterval>,
        /// Last day.
        #[serde(default, skip_serializing_if = "Option::is_none")] until: Option<TradeDate>,
    }
}

body! {
    /// How far a customer's portfolio may go before somebody looks at it. Replaces the earlier limits whole: a limit that
    /// is not given is none.
    RiskLimitsSet {
        /// Customer.
        customer: Name,
        /// The largest share of NAV that one instrument may have.
        #[serde(default, skip_serializing_if = "Option::is_none")] concentration: Option<Ratio>,
        /// How far a holding may fall below the cost base of its open lots, as a share of that.
        #[serde(default, skip_serializing_if = "Option::is_none")] stop_loss: Option<Ratio>,
        /// How far NAV may fall below its peak, as a share of that. Flows do not count.
        #[serde(default, skip_serializing_if = "Option::is_none")] drawdown: Option<Ratio>,
        /// The most that the value at risk may be: the loss of one day that is exceeded on one day in twenty, as a share of NAV.
        #[serde(default, skip_serializing_if = "Option::is_none")] value_at_risk: Option<Ratio>,
    }
}
