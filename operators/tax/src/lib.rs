//! Australian tax on investment income and capital gains.
//!
//! The law is data with dates ([`Law`], texts in `schemas/tax/`); the rules are pure functions, each with its
//! source; [`reports`] puts them together to a report per financial year in which every figure names the rule
//! and the events or figures it comes from. The same functions reproduce the reference cases.
//!
//! | module | rules |
//! |---|---|
//! | `year` | financial years, the 12 months of the discount |
//! | `gains` | losses, their order, the discount, what is carried forward |
//! | `franking` | credits, gross-up, refunds |
//! | `holding` | the 45-day rule, last in first out |
//! | `interest` | interest credited |
//! | `scale` | tax by brackets, Medicare levy |
//! | `regime` | from 1 July 2027: re-basing, indexation, minimum tax |
//! | `assess` | a year as a whole, by entity and residence |
//! | `harvest` | what realising a loss or a gain now does to the year's tax |
//! | `report` | the report of a customer's year, and of years in a row |
//!
//! Money is exact, in AUD; each function says where it rounds. Estimates and reports are for an adviser to
//! check: what is not modelled is listed at [`assess`]. Pure: no dataflow, no clock, no I/O, no floats.
#![warn(missing_docs)]

mod amount;
mod assess;
mod disposals;
mod distributions;
mod error;
mod franking;
mod gains;
mod harvest;
mod holding;
mod interest;
mod law;
mod profile;
mod regime;
mod report;
mod scale;
mod sheet;
mod year;

pub use amount::{Fraction, to_cents, to_dollars_truncated};
pub use assess::{Assessment, Position, assess};
pub use disposals::{GainRow, pieces_of_sale};
pub use distributions::Distribution;
pub use error::TaxError;
pub use franking::{Settlement, franking_credit, gross_up, loss_of_excess, qualified_part, settle};
pub use gains::{Gains, NetGain, net_capital_gain};
pub use harvest::{Effect, saving_of_gain, saving_of_loss};
pub use holding::{
    Fragment, HoldingTest, Qualified, Trade, days_at_risk, holding_test, match_last_in_first_out,
};
pub use interest::Interest;
pub use law::{
    Bracket, Discounts, Flat, Franking, GainKind, Law, Losses, MedicareLevy, Regime, Rounding, Scales,
    YearLaw,
};
pub use profile::{CostMethod, Entity, Profile};
pub use regime::{Cpi, Piece, Quarter, Sale, indexed_cost_base, minimum_tax, pieces};
pub use report::{Customer, POSITION_LINES, Report, YearFacts, position_of, report, reports};
pub use scale::{flat_tax, income_tax, medicare_levy, taxable};
pub use sheet::Line;
pub use year::{FinancialYear, held_clear_year, held_clear_year_from};
