//! Risk limits: which customers are beyond one.
//!
//! Computes  of each customer with limits: concentration, the instruments with MV(c,i) > limit · NAV(c); stop_loss, the
//!           holdings with MV(c,i) <= (1 − limit) · cost base of their open lots; drawdown, whether NAV(c) <= (1 − limit) ·
//!           peak; value_at_risk, whether 1.645 · √(wᵀΣw) > limit, at marks: the loss of one day that is exceeded on one in
//!           twenty, w = MV(c,i) / NAV(c), Σ the estimates' of a day, mean zero. The peak is that of an index that flows do not move: it begins with the NAV of the epoch that sets a
//!           limit where there was none; a mark whose NAV is higher is the peak from then on; and what came in and went out
//!           by an epoch, deposits, withdrawals and transfers at their value in it, moves it to peak · NAV / (NAV − flow).
//!           Where that cannot be said (no worth, or NAV before or after not above zero) and where the base
//!           currency is another, it begins anew with the NAV there is, else with the next mark's
//! Inputs    known: limits, portfolios, flows, costs in sum of whoever has a stop, each in the customer's worker; the
//!           market, in every worker; one row per key, a flow once; peaks of all customers where a history begins without
//!           its ticks; the rows of `estimates`, in every worker
//! Outputs   Crossed, one per customer, kind and instrument (or the portfolio) beyond its limit, with measure and limit of
//!           its entry; Row::Peak, one per customer, at marks
//! Units     shares as Ratio, rounded half-even: of NAV; of the cost base and of the peak, by which the value is below it.
//!           A peak is Money, rounded half-even at marks and flows. Every answer is decided on integers, without a division
//! Errors    without a worth, or with a NAV of zero or less, nothing is concentrated: weights are undefined. Without a
//!           worth there is no drawdown. Without a price, open lots or a cost base above zero there is no stop; nor in a
//!           folder that keeps no lots. Value at risk is not judged unless everything held is estimated in the base currency. A value and a cost base are translated at one rate, which cancels: a stop needs none
//! State     of customers with limits only: a portfolio in a monitor of their own, in which a concentration limit is a band
//!           around a target of nothing and a drawdown a floor under NAV; the peak; per holding with a stop the greatest
//!           price below it, in one order by instrument. Work per epoch follows the customers that may have crossed a
//!           limit: a price visits the stops that it crosses; a mark values everybody with a limit
//! Time      limits follow the input epoch, value at risk the marks: it is of yesterday's closes, and in between only
//!           weights move. A peak is of what was known when, in recorded time: what corrects an old price
//!           or trade is a gain or loss of the epoch that tells of it and does not restate earlier peaks, as that would need
//!           every price since. It is a function of the sequence of complete epochs: the same in a replay, whatever the
//!           number of workers
//! Source    DESIGN §5; decisions 0006, 0011

mod calc;
mod guard;
mod peaks;
mod plain;
mod stops;
#[cfg(test)]
mod tests;
mod textbook;
mod value_at_risk;

pub(crate) use guard::Guard;
pub use plain::of_portfolios;
pub use textbook::textbook;
