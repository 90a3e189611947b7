//! Step 6: what the portfolio's tax is expected to be, and what to do about it.
//!
//! | figure | definition |
//! |---|---|
//! | gross income | Σ value · distribution yield, a year |
//! | franking credits | distributions · franked share · 30/70 (ruling 5); none for a foreign resident |
//! | income tax | (gross income + credits) · marginal rate − credits; negative where more is refunded than taxed |
//! | after-tax income | gross income − income tax |
//! | capital gains tax | of the sales that the portfolio makes: the net capital gain of the year with them less that without, at the marginal rate |
//! | if sold | the same for all lots, sold today |
//! | after-tax return | (expected return · value − income tax) / capital, a year; gains are taxed when they are realised, not here |
//! | efficiency score | (expected return + credits − tax on both − capital gains tax) / (expected return + credits), 0 to 1 |
//!
//! The net capital gain is the law's (losses in their order, the discount after them; crate `evenkeel-tax`). Tax is
//! at the marginal rate: an estimate for an adviser, not the assessment of a year, which `evenkeel-tax` makes of
//! facts. The 45-day rule is taken to be met. Amounts are AUD; products half-even to cents.
//!
//! Source: the optimization flow, step 6; rulings 5 of the design.

mod advice;
mod analysis;
mod gains;

pub use analysis::{IfSold, IncomeLine, LotTax, TaxAnalysis, TaxProblem, TaxYear, analyse_tax};
