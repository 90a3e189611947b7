//! Rebalancing: from reasons to act to a plan, `plan(snapshot, reasons, strategy, policy) -> Plan`.
//!
//! ```text
//! reasons, by urgency ──► intent: one target an instrument (taxonomies, tilts, duties, losses netted)
//! intent ──► ways to trade, each an answer of the optimizer's `rebalance`, checked by its `check_rebalance`:
//!            flows first, everything, without gains, parcels near their discount wait, as far as it pays
//! each way ──► parcels (losses first), tax of the year, spread and commission, impact, benefit
//! the best ──► slices by volume and trading day ──► plan; or a hold, when nothing brings more than it costs
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `reason` | kinds of reasons, the one place to extend; [`urgency`] |
//! | `snapshot`, `policy` | what is given; settings and strategies |
//! | `validate`, `error` | what makes no sense, in words |
//! | `book` | values, the total after all flows, what is outside its band |
//! | `intent`, `netting`, `edges` | targets: of the reasons together, of taxonomies, at the edges of bands |
//! | `parcels`, `taxes`, `waiting` | which parcels, what tax, what waiting for a discount is worth |
//! | `attempt` | one way to trade, with costs and benefit |
//! | `choose` | all ways, and the best |
//! | `slices` | orders by day |
//! | `plan`, `make` | the plan and how it is made |
//!
//! The *no-trade region* is where no way to trade brings more than it costs: there the plan is a hold. Duties
//! (a stop-loss, a drawdown, a concentration, a volatile pod, a new risk profile, money that has to go out)
//! are traded whatever they cost.
//!
//! Units    weights are shares of the total after all flows; money in the base currency; tax in AUD
//! Errors   [`PlanError`], everything found at once; never a panic, never NaN
//! Limits   all instruments share one half spread. Franking's 45 days are not weighed. Gains in other
//!          currencies than the base are not taxed here, as in the books
//! Cost     one to about eight solves of a sparse QP of 3 columns an instrument
//!
//! Pure: no actor, no I/O, no clock, no random source. The same input gives the same bytes.
//!
//! ```
//! use evenkeel_calendar::Calendars;
//! use evenkeel_rebalancing::{
//!     Destination, Outcome, Policy, Portfolio, Position, Reason, ReasonKind, Snapshot, Strategy, plan,
//! };
//! use evenkeel_schemas::{InstrumentId, Ratio, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let position = |number: u32, held: &str| -> Result<Position, Box<dyn std::error::Error>> {
//!     Ok(Position {
//!         instrument: InstrumentId(number),
//!         name: format!("ETF{number}").parse()?,
//!         held: held.parse()?,
//!         sellable: held.parse()?,
//!         price: Some("100".parse()?),
//!         rate: Some("1".parse()?),
//!         lot: "1".parse()?,
//!         tick: "0.01".parse()?,
//!         target: Some("0.5".parse()?),
//!         band: "0.05".parse()?,
//!         weight_min: Ratio::ZERO,
//!         weight_max: "1".parse()?,
//!         tradable: true,
//!         average_daily_value: None,
//!         replacement: None,
//!         parcels: Vec::new(),
//!     })
//! };
//! let portfolio = Portfolio {
//!     date: "2026-08-03".parse()?,
//!     cash: "0".parse()?,
//!     foreign_cash: Value::ZERO,
//!     positions: vec![position(1, "700")?, position(2, "300")?],
//!     taxonomies: Vec::new(),
//!     parcel_order: Default::default(),
//! };
//! let market = Calendars::built_in()?.market("XASX").ok_or("no market")?;
//! let snapshot = Snapshot { portfolio: &portfolio, market, risk: None, tax: None };
//! let strategy = Strategy::Threshold { to: Destination::Target };
//! let made = plan(&snapshot, &[Reason::of(ReasonKind::Drift)], &strategy, &Policy::default())?;
//! assert_eq!((made.outcome, made.orders.len()), (Outcome::Trade, 2));
//! assert!(made.benefit.amount > made.cost.total);
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod attempt;
mod book;
mod choose;
mod edges;
mod error;
mod intent;
mod make;
mod netting;
mod parcels;
mod plan;
mod policy;
mod reason;
mod slices;
mod snapshot;
mod taxes;
mod validate;
mod waiting;

pub use error::{PlanError, Problem};
pub use make::plan;
pub use plan::{
    Benefit, BenefitRule, Cost, GroupStanding, Held, Left, Outcome, ParcelClass, Plan, PlannedOrder, Side,
    Slice, Sold, Solved, Standing, State, Tried, Waiting,
};
pub use policy::{Cadence, Destination, Policy, Strategy, Tilt};
pub use reason::{Flow, Reason, ReasonKind, Subject, Urgency, by_urgency, urgency};
pub use snapshot::{Group, Parcel, ParcelOrder, Portfolio, Position, Risk, Snapshot, TaxYear, Taxonomy};
