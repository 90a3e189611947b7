//! One struct per table: field names and types are the columns' (checked on every insert).
//!
//! `epoch` is recorded time, milliseconds since 1970. `diff` is +1 for a row that came to hold, -1 for one
//! that ceased to. Which table holds what, and why it is sorted as it is, stands in `schemas/clickhouse`.

use crate::decimal::{Amount, Measure, Rate, Residual};
use clickhouse::{Row, RowOwned, RowWrite};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Ids and other short texts: a clone costs a counter, so that a sink can share one text among many rows.
pub type Text = Arc<str>;

/// A row that knows its table and its epoch.
pub trait LogRow: RowOwned + RowWrite {
    /// The table.
    const TABLE: &'static str;

    /// Recorded time, milliseconds since 1970.
    fn epoch(&self) -> u64;
}

macro_rules! log_rows {
    ($($row:ident => $table:literal),+ $(,)?) => {
        $(impl LogRow for $row {
            const TABLE: &'static str = $table;

            fn epoch(&self) -> u64 {
                self.epoch
            }
        })+

        /// Every table with rows of ours.
        #[cfg(test)]
        const TABLES: &[(&str, &[&str])] = &[$(($table, $row::COLUMN_NAMES)),+];
    };
}

log_rows! {
    PositionRow => "positions",
    CashRow => "cash",
    PriceRow => "prices",
    FxRateRow => "fx_rates",
    ValuationRow => "valuations",
    DriftRow => "drift",
    ExposureRow => "exposures",
    BreachRow => "breaches",
    TriggerRow => "triggers",
    OrderRow => "orders",
    AllocationRow => "allocations",
    LotRow => "lots",
    RealisedGainRow => "realised_gains",
    CashLadderRow => "cash_ladder",
    DistributionRow => "distributions",
    TaxRow => "tax",
    AccrualRow => "accruals",
    HarvestCandidateRow => "harvest_candidates",
    PeakRow => "peaks",
    ReturnRow => "returns",
    EstimateRow => "estimates",
    CovarianceRow => "covariances",
    FactorLoadingRow => "factor_loadings",
    AnomalyRow => "anomalies",
    EventRow => "events",
    TickRow => "ticks",
    RejectedRow => "rejected",
    DecisionRow => "decisions",
    OrderStateRow => "order_states",
    BlockRow => "blocks",
    ProgressRow => "sink_progress",
}

/// `sink_progress`: every table holds every row recorded up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ProgressRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
}

/// `positions`: Units of an instrument that a customer holds.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct PositionRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// Units, signed.
    pub quantity: Amount,
}

/// `cash`: Cash of a customer in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct CashRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// ISO 4217 code.
    pub currency: Text,
    /// Signed.
    pub amount: Amount,
}

/// `prices`: Last price of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct PriceRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Instrument id.
    pub instrument: Text,
    /// In the instrument's currency.
    pub price: Amount,
}

/// `fx_rates`: Last rate of a currency pair.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct FxRateRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Such as `USD/AUD`: one USD is `rate` AUD.
    pub pair: Text,
    /// See `pair`.
    pub rate: Rate,
}

/// `valuations`: Net asset value of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ValuationRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// The customer's base currency.
    pub currency: Text,
    /// Market value and cash.
    pub nav: Amount,
    /// Of all holdings.
    pub market_value: Amount,
    /// In the base currency.
    pub cash: Amount,
}

/// `drift`: Weight, target and drift of one holding.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DriftRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// Share of NAV.
    pub weight: Rate,
    /// Wanted share.
    pub target: Rate,
    /// Weight less target.
    pub drift: Rate,
}

/// `exposures`: what all customers of a base currency hold of something.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ExposureRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// The base currency of the customers and of the value.
    pub base_currency: Text,
    /// instrument, cash.
    pub kind: Text,
    /// The instrument or the currency.
    pub holding: Text,
    /// How many hold it.
    pub customers: u64,
    /// Units, or money of the currency.
    pub quantity: Amount,
    /// What that is worth.
    pub value: Amount,
}

/// `breaches`: A holding or bucket outside its band.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct BreachRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument or bucket id.
    pub instrument: Text,
    /// `over` or `under`.
    pub side: Text,
}

/// `triggers`: An open reason to act.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct TriggerRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Trigger id.
    pub trigger: Text,
    /// Customer id.
    pub customer: Text,
    /// Such as `drift`.
    pub kind: Text,
    /// What it is about.
    pub subject: Text,
    /// What was measured.
    pub measure: Measure,
    /// What it crossed.
    pub limit: Measure,
}

/// `orders`: An order as the desk knows it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OrderRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Order id.
    pub order: Text,
    /// Its block; empty before there is one.
    pub block: Text,
    /// The decision behind it.
    pub decision: Text,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// `buy` or `sell`.
    pub side: Text,
    /// Ordered units.
    pub quantity: Amount,
    /// FIX order state.
    pub state: Text,
}

/// `allocations`: A customer's share of a block's fills.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AllocationRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Block id.
    pub block: Text,
    /// Order id.
    pub order: Text,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// `buy` or `sell`.
    pub side: Text,
    /// Allocated units.
    pub quantity: Amount,
    /// The block's average.
    pub price: Amount,
    /// The customer's share.
    pub fee: Amount,
}

/// `cash_ladder`: Money that is due on a day.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct CashLadderRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// ISO 4217 code.
    pub currency: Text,
    /// Days since 1970.
    pub value_date: i32,
    /// Settlement or distribution.
    pub kind: Text,
    /// Signed.
    pub amount: Amount,
}

/// `distributions`: What a customer is entitled to of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DistributionRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// The event that announced it.
    pub distribution: Text,
    /// Days since 1970.
    pub ex_date: i32,
    /// Days since 1970.
    pub pay_date: i32,
    /// ISO 4217 code.
    pub currency: Text,
    /// Units that it is paid on.
    pub quantity: Amount,
    /// For all of them.
    pub amount: Amount,
    /// 0 to 1.
    pub franked_fraction: Rate,
    /// Units taken instead of money.
    pub reinvested: Amount,
    /// Accrued or paid.
    pub status: Text,
}

/// `tax`: A figure of a customer's tax report of a financial year.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct TaxRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Financial year, such as 2026-27.
    pub year: Text,
    /// The figure's name in the report.
    pub line: Text,
    /// What it is, for people.
    pub label: Text,
    /// AUD.
    pub amount: Amount,
    /// The rule, with its source.
    pub rule: Text,
    /// What it comes from: events, input, law, other lines.
    pub sources: Text,
}

/// `accruals`: Fees and interest that accrue, by month.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AccrualRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Fee or interest.
    pub kind: Text,
    /// ISO 4217 code.
    pub currency: Text,
    /// First day; days since 1970.
    pub from: i32,
    /// Last day that counts; days since 1970.
    pub until: i32,
    /// What accrued.
    pub amount: Amount,
    /// Days since 1970.
    pub pay_date: i32,
    /// Accrued or paid.
    pub status: Text,
}

/// `peaks`: From where a fall of a customer's NAV is measured.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct PeakRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Base currency.
    pub currency: Text,
    /// The peak of NAV, adjusted for flows.
    pub peak: Amount,
}

/// `returns`: What an instrument's price returned on a day.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ReturnRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Instrument id.
    pub instrument: Text,
    /// The day it ends on; days since 1970.
    pub date: i32,
    /// Close over the close before, less 1, splits taken out.
    pub price_return: Rate,
}

/// `estimates`: What is estimated of an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EstimateRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Instrument id.
    pub instrument: Text,
    /// ISO 4217 code.
    pub currency: Text,
    /// The newest day of closing marks; days since 1970.
    pub as_of: i32,
    /// Pairs or factors.
    pub model: Text,
    /// Returns that took part.
    pub observations: u32,
    /// The first of their days; days since 1970.
    pub first_day: i32,
    /// The last of their days; days since 1970.
    pub last_day: i32,
    /// Per year, by the model.
    pub volatility: Rate,
    /// Per year, exponentially weighted.
    pub volatility_ewma: Rate,
    /// Variance per year that factors do not explain.
    pub specific_variance: Rate,
    /// Against the market of its currency.
    pub beta: Rate,
    /// Mean return per year, drawn towards the mean of all.
    pub mean_return: Rate,
    /// Distributions of a year over the price.
    pub distribution_yield: Rate,
    /// Share of them that is franked.
    pub franked_fraction: Rate,
}

/// `covariances`: How two instruments of a currency move together.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct CovarianceRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Instrument id.
    pub instrument: Text,
    /// The other, or the same.
    pub other: Text,
    /// Per year, Ledoit and Wolf's.
    pub covariance: Rate,
    /// Per year, exponentially weighted.
    pub covariance_ewma: Rate,
}

/// `factor_loadings`: What an instrument does per unit of a factor.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct FactorLoadingRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Instrument id.
    pub instrument: Text,
    /// Factors are numbered by currency, from 1.
    pub factor: u16,
    /// Per year: factors have a variance of 1 and no correlation.
    pub loading: Rate,
}

/// `harvest_candidates`: A holding whose loss is worth harvesting.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct HarvestCandidateRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// The last closing mark that counts; days since 1970.
    pub as_of: i32,
    /// The instrument that takes its place.
    pub replacement: Text,
    /// How closely the two move together, -1 to 1.
    pub correlation: Rate,
    /// Deviation of the difference of their returns, per year.
    pub tracking_error: Rate,
    /// Flagged as a wash sale, or clear.
    pub wash: Text,
    /// How near the nearest purchase lies, 0 to 1.
    pub wash_score: Rate,
    /// What was purchased, the same or near-identical; empty for nothing.
    pub purchase: Text,
    /// Its lot.
    pub purchase_lot: Text,
    /// Its day.
    pub purchase_date: Text,
}

/// `lots`: An open tax lot.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct LotRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// The event that opened it.
    pub lot: Text,
    /// Days since 1970.
    pub acquired: i32,
    /// Units left.
    pub quantity: Amount,
    /// What they cost.
    pub cost_base: Amount,
}

/// `realised_gains`: What one disposal realised of one lot.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RealisedGainRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer id.
    pub customer: Text,
    /// Instrument id.
    pub instrument: Text,
    /// The event that opened the lot.
    pub lot: Text,
    /// Days since 1970.
    pub acquired: i32,
    /// Days since 1970.
    pub disposed: i32,
    /// Units that left.
    pub quantity: Amount,
    /// What they brought, net of fee.
    pub proceeds: Amount,
    /// What they had cost.
    pub cost_base: Amount,
    /// Proceeds less cost base.
    pub gain: Amount,
    /// Calendar days from acquisition to disposal.
    pub days_held: i32,
    /// Their share of the fee.
    pub fee: Amount,
    /// sale, cash_in_lieu, cost_base_excess, delisting, merger.
    pub kind: Text,
    /// The sale or corporate action.
    pub disposal: Text,
}

/// `anomalies`: What does not look right but stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AnomalyRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Change in multiplicity.
    pub diff: i8,
    /// Customer, instrument or part of the program.
    pub source: Text,
    /// Which rule.
    pub kind: Text,
    /// For people.
    pub detail: String,
}

/// `events`: An accepted event of the account or decision topic.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EventRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Log topic.
    pub topic: Text,
    /// In the topic.
    pub offset: u64,
    /// The event's own id, or empty.
    pub id: String,
    /// Column `type`.
    #[serde(rename = "type")]
    pub event_type: Text,
    /// Effective time, microseconds since 1970.
    pub at: i64,
    /// Customer id, or empty.
    pub customer: Text,
    /// Instrument id, or empty.
    pub instrument: Text,
    /// The whole event, JSON.
    pub payload: String,
}

/// `ticks`: A market tick.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct TickRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// In the market topic.
    pub offset: u64,
    /// Event id; empty when the sender gave none.
    pub id: Text,
    /// Effective time, microseconds since 1970.
    pub at: i64,
    /// Instrument id.
    pub instrument: Text,
    /// Last price.
    pub price: Amount,
    /// Best bid.
    pub bid: Option<Amount>,
    /// Best offer.
    pub ask: Option<Amount>,
    /// Traded units.
    pub volume: Option<Amount>,
}

/// `rejected`: Input that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Where it stood in its source.
    pub offset: u64,
    /// File or topic.
    pub source: Text,
    /// Line in the file, from one; zero if there is none.
    pub line: u64,
    /// The field at fault, or empty.
    pub field: Text,
    /// What was expected.
    pub reason: String,
    /// The input as it came.
    pub payload: String,
}

/// `decisions`: What a customer's actor decided and why.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DecisionRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Decision id.
    pub decision: Text,
    /// Customer id.
    pub customer: Text,
    /// Such as `trade` or `hold`.
    pub outcome: Text,
    /// For people.
    pub reason: String,
    /// Ids of the triggers behind it.
    pub triggers: Vec<Text>,
    /// The epoch it looked at.
    pub snapshot_epoch: u64,
    /// Net asset value then.
    pub nav: Amount,
    /// Objective terms, JSON.
    pub objective: String,
    /// The portfolio before, JSON.
    pub before: String,
    /// The portfolio wanted, JSON.
    pub after: String,
    /// Ids of its orders.
    pub orders: Vec<Text>,
}

/// `order_states`: A step in the life of an order.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct OrderStateRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Order id.
    pub order: Text,
    /// FIX order state.
    pub state: Text,
    /// Ordered units.
    pub quantity: Amount,
    /// Filled so far.
    pub cumulative_quantity: Amount,
    /// Of what is filled.
    pub average_price: Amount,
    /// The broker's words.
    pub text: String,
}

/// `blocks`: A block at the market.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct BlockRow {
    /// Recorded time, milliseconds since 1970.
    pub epoch: u64,
    /// Block id.
    pub block: Text,
    /// Instrument id.
    pub instrument: Text,
    /// `buy` or `sell`.
    pub side: Text,
    /// Ordered units.
    pub quantity: Amount,
    /// Filled so far.
    pub filled_quantity: Amount,
    /// Of what is filled.
    pub average_price: Amount,
    /// Rounding difference not yet allocated.
    pub residual: Residual,
    /// FIX order state.
    pub state: Text,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;

    /// The columns of a `CREATE TABLE`, alias columns (which nobody writes) left out.
    fn columns(sql: &str, table: &str) -> Vec<String> {
        let start = sql.find(&format!("IF NOT EXISTS {{database}}.{table} ")).unwrap();
        let body = sql[start..].split_once("\n(\n").unwrap().1.split_once("\n)\n").unwrap().0;
        body.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("INDEX") && !line.contains(" ALIAS "))
            .map(|line| line.split(' ').next().unwrap().trim_matches('`').to_owned())
            .collect()
    }

    #[test]
    fn rows_have_the_columns_of_their_tables() {
        let sql: String = MIGRATIONS.iter().map(|migration| migration.sql).collect();
        assert_eq!(sql.matches("CREATE TABLE").count(), TABLES.len());
        for (table, names) in TABLES {
            assert_eq!(columns(&sql, table), *names, "{table}");
        }
    }
}
