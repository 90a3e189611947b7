//! Construction: from pod weights and a market state to a portfolio.
#![warn(missing_docs)]

mod cohort;
mod consolidate;
mod holdings;
mod investor;
mod market;
mod master;
mod pod;
mod shares;
mod words;

pub use cohort::{Cohort, CohortCounts};
pub use consolidate::{Consolidated, ConsolidatedHolding, consolidate};
pub use holdings::HeldLot;
pub use investor::Investor;
pub use market::{Listing, MarketData, MarketError, MarketState};
pub use master::{
    MasterError, MasterHolding, MasterPortfolio, MasterProblem, MasterRules, MasterTerm, PodKept, PodPart,
    SoldLot, TermKind, solve_master,
};
pub use pod::{
    Figures, LimitKept, LimitKind, PodError, PodProblem, PodSolution, breaker_tripped, due, solve_pod,
};
