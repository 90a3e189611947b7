//! Everything that touches ClickHouse: the embedded engine, the client, the tables and the writer.
//!
//! One code path serves an external server and the embedded engine: both are an HTTP address in [`Settings`].
//!
//! ```no_run
//! # async fn example() -> Result<(), evenkeel_clickhouse::Error> {
//! use evenkeel_clickhouse::{Engine, EngineOptions, Settings, Writer, connect, install, migrate};
//!
//! let library = install(&mut |line| eprintln!("{line}"))?;
//! let exe = std::env::current_exe().expect("a running program has a path");
//! let engine = Engine::start(&exe, &["engine-child".into()], EngineOptions::new(library, "data".into()))?;
//! let settings = Settings::new(engine.url());
//! let client = connect(&settings)?;
//! migrate(&client, &settings).await?;
//! let writer = Writer::new(client, &settings);
//! let newest = writer.watermark("valuations").await?;
//! # let _ = newest; Ok(())
//! # }
//! ```
//!
//! **Invariant:** one insert is one atomic block, holds whole epochs and carries a deduplication token.
//! Writing a batch again, after a lost answer or a restart, therefore changes nothing.

#![warn(missing_docs)]

mod client;
mod decimal;
mod engine;
mod error;
mod migrate;
mod query;
mod retry;
mod rows;
mod writer;

pub use client::{Client, Settings, connect};
pub use decimal::{Amount, Dec64, Dec128, Measure, ParseDecimalError, Rate, Residual};
pub use engine::child::{ChildArgs, run_engine_child};
pub use engine::install::{Installer, install};
pub use engine::{Engine, EngineOptions, running_engine};
pub use error::{Error, Result};
pub use migrate::{Applied, migrate};
pub use query::{default_format, fetch, query_raw};
pub use retry::Retry;
pub use rows::{
    AccrualRow, AllocationRow, AnomalyRow, BlockRow, BreachRow, CashLadderRow, CashRow, CovarianceRow,
    DecisionRow, DistributionRow, DriftRow, EstimateRow, EventRow, ExposureRow, FactorLoadingRow, FxRateRow,
    HarvestCandidateRow, LogRow, LotRow, OrderRow, OrderStateRow, PeakRow, PositionRow, PriceRow,
    ProgressRow, RealisedGainRow, RejectedRow, ReturnRow, TaxRow, Text, TickRow, TriggerRow, ValuationRow,
};
pub use writer::Writer;
