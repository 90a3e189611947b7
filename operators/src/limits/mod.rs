//! Risk limits: which customers are beyond one.
//!
//! Computes  of each customer with limits: concentration, the instruments with MV(c,i) > limit · NAV(c); stop_loss, the
//!           holdings with MV(c,i) <= (1 − limit) · cost base of their open lots
//! Inputs    known: limits, portfolios, costs in sum of whoever has a stop-loss, each in the customer's worker; the market,
//!           in every worker; one row per key
//! Outputs   Crossed, one per customer, kind and instrument beyond its limit, with measure and limit of its entry
//! Units     shares as Ratio, rounded half-even: of NAV; of the cost base, by which the value is below it. Every answer is
//!           decided on integers, without a division
//! Errors    without a worth, or with a NAV of zero or less, nothing is concentrated: weights are undefined. Without a
//!           price, open lots or a cost base above zero there is no stop; nor in a folder that keeps no lots. A value and
//!           a cost base are translated at one rate, which cancels: a stop needs no rate
//! State     of customers with limits only: a portfolio in a monitor of their own, in which a concentration limit is a band
//!           around a target of nothing; per holding with a stop the greatest price below it, in one order by instrument.
//!           Work per epoch follows the customers that may have crossed a limit: a price visits the stops that it crosses
//! Time      follows the input epoch
//! Source    DESIGN §5; decisions 0006, 0011

mod calc;
mod guard;
mod stops;
#[cfg(test)]
mod tests;
mod textbook;

pub(crate) use guard::Guard;
pub use textbook::textbook;
