//! Fees and interest: what accrues from day to day, and is paid on the first of the next month.
//!
//! Computes  per customer and month: fees on the NAV at the closing marks of each day, by the schedule in force, and
//!           interest on the settled balance of each day, by the currency's rate in force; actual/365, no compounding
//!           within a month
//! Inputs    changes: movements, elections, postings, fee schedules and base currencies, each in its customer's worker;
//!           corporate actions, closing marks, rates of days, interest rates and instruments' currencies, in every worker
//! Outputs   Row::Accrual, one per customer, kind, currency and month. Facts that follow once the pay date has come:
//!           what is paid (Posting), and that interest was received (Tax)
//! Units     Money; an accrual is rounded half-even to 10⁻⁶, a payment to cents. Fees are in the base currency
//! Errors    a day on which a holding has no mark or rate up to then leaves its month without fees, with an anomaly
//! State     per customer what moved by date; the months that are over, of who has any. A late change works out its
//!           customer's months anew from its date on
//! Time      the days that there are end with the last closing mark, which counts once its day has come; a day without marks
//!           is valued at those before, on the basis of that day. At marks of the dataflow
//! Source    DESIGN §5; what is owed is paid from the balance, whatever it is

mod account;
mod books;
mod market;
#[cfg(test)]
mod tests;

use crate::dataflow::Timing;
use crate::epochwise::epochwise_here;
use crate::facts::{Fact, epoch_of};
use crate::known::Known;
use crate::told::Told;
use crate::typedefs::Rows;

use books::Books;

/// What accruals depend on.
#[derive(Clone, Debug)]
pub enum Change {
    /// Terms and base currencies.
    Known(Known),
    /// Everything else.
    Fact(Fact),
}

/// Maintains accruals.
pub fn accruals(changes: Rows<'_, Change>, timing: Timing) -> Rows<'_, Told> {
    let mut state = Books::default();
    epochwise_here(
        changes,
        "accruals",
        move |change, epoch| {
            timing.mark(match change {
                Change::Fact(Fact::Corporate(_, action)) => epoch.max(epoch_of(action.date, timing.epoch_ms)),
                Change::Fact(Fact::Close(_, date, ..) | Fact::FxClose(_, date, ..)) => {
                    epoch.max(epoch_of(*date, timing.epoch_ms))
                }
                _ => epoch,
            })
        },
        move |_, changes, out| state.step(changes, out),
    )
}
