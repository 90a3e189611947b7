//! The vocabulary of Evenkeel: what a record *is*.
//!
//! Identifiers, exact numbers, times, the events that flow in and their JSON form, the rows that flow out,
//! and (in `clickhouse/`) the tables that keep them. No I/O, no dataflow, no clock.
#![warn(missing_docs)]

mod buckets;
pub mod derive;
mod estimates;
pub mod events;
mod harvest;
mod ids;
mod income;
mod numbers;
mod portfolio;
mod rows;
mod time;

pub use buckets::{DIMENSIONS, Label, Labels};
pub use estimates::{CovarianceRow, EstimateModel, EstimateRow, FactorLoadingRow, ReturnRow};
pub use harvest::HarvestCandidateRow;
pub use ids::{Currency, CustomerId, InstrumentId, Name, NameError, Names, Pair};
pub use income::{AccrualKind, AccrualRow, CashLadderRow, DistributionRow, DueKind, PaymentStatus, TaxRow};
pub use numbers::{Money, NumberError, Price, Quantity, Rate, Ratio, Total, Value, div_half_even};
pub use portfolio::{Standing, Valuation, ValuationChange, Worth};
pub use rows::{
    AllocationRow, AnomalyKind, AnomalySource, BandSide, Collection, ExposureRow, GainKind, Holding, LotRow,
    LotTrouble, Measure, OrderRow, PeakRow, RealisedGainRow, Row, Subject, TriggerKey, Unmarked,
};
pub use time::{Epoch, Instant, TimeError, TradeDate};
