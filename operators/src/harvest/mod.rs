//! Losses worth harvesting.
//!
//! Computes  of each customer with a harvest policy, the holdings that are candidates: over the lots for which it is
//!           worth it, loss × rate − cost of two trades − expected tracking cost of the replacement > threshold. The
//!           replacement is the instrument of the same bucket and currency with the highest correlation up to the
//!           policy's limit, over the last year's closing marks. How near a purchase of the same or a near-identical
//!           instrument lies is a score, with the lot that it is about
//! Inputs    changes: lots of customers with a policy and the policies, each in its customer's worker; closing marks,
//!           corporate actions and what is known of the market, in every worker
//! Outputs   Harvest::Candidate, one row per customer and instrument; Harvest::Crossed, the same as a reason to act, with
//!           what is left after costs at its entry
//! Units     money in the base currency; correlation, tracking error per year and score as Ratio
//! Errors    without a base currency, a rate, a price or a replacement there is no candidate
//! State     per customer with a policy its lots; per holding the greatest price at which it is a candidate, in one
//!           order by instrument: a price that moves visits the holdings that it crosses. A rate visits the holdings
//!           in its currency, a closing mark everybody with a policy
//! Time      candidates change at the very epoch; closing marks and corporate actions count at marks
//! Source    DESIGN §5, §14.5. Score: similarity × 30 / (30 + days since the purchase), similarity the correlation, 1 for
//!           the same instrument; a wash sale is flagged from one half on. Tracking: aversion / 2 × σ² × value × 1 year

mod books;
mod condition;
mod peers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use evenkeel_schemas::{CustomerId, HarvestCandidateRow, InstrumentId, LotRow, Price, TradeDate};

use crate::dataflow::Timing;
use crate::epochwise::epochwise_here;
use crate::facts::{CorporateAction, HarvestPolicy, Version, epoch_of};
use crate::known::Known;
use crate::triggers::Crossed;
use crate::typedefs::Rows;

use books::Books;

/// What harvesting depends on.
#[derive(Clone, Debug)]
pub enum Change {
    /// Terms, base currencies, prices and rates.
    Known(Known),
    /// A policy.
    Policy(CustomerId, Version, HarvestPolicy),
    /// An open lot of a customer with a policy.
    Lot(Box<LotRow>),
    /// A closing mark.
    Close(InstrumentId, TradeDate, Version, Price),
    /// What an instrument did.
    Action(InstrumentId, Arc<CorporateAction>),
}

/// What harvesting says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harvest {
    /// A candidate.
    Candidate(Box<HarvestCandidateRow>),
    /// A candidate as a reason to act.
    Crossed(CustomerId, Crossed),
}

/// Maintains the candidates.
pub fn harvest(changes: Rows<'_, Change>, timing: Timing) -> Rows<'_, Harvest> {
    let mut state = Books::default();
    epochwise_here(
        changes,
        "harvest",
        move |change, epoch| match change {
            Change::Close(_, date, ..) => timing.mark(epoch.max(epoch_of(*date, timing.epoch_ms))),
            Change::Action(_, action) => timing.mark(epoch.max(epoch_of(action.date, timing.epoch_ms))),
            _ => epoch,
        },
        move |_, changes, out| state.step(changes, out),
    )
}
