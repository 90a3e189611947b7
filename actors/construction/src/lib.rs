//! Construction: from pod weights and a market state to one portfolio, its tax and its orders.
//!
//! Pure: no actor, no I/O, no clock (the search's time limit apart), no random source. The same input gives the same
//! bytes; weights, money and lots are exact, statistics are `f64` between exact edges, and no NaN comes out.
//!
//! | module | what it is |
//! |---|---|
//! | `market`, `investor`, `holdings` | what is listed and estimated, who is taxed, what is held by lot |
//! | `pod` | the four pod problems, their limits and what gives way, reviews and breakers |
//! | `cohort` | pod problems that are the same are solved once a market state |
//! | `consolidate` | what all pods want together |
//! | `master` | one portfolio of at most twelve instruments that serves all pods: the objective's terms |
//! | `tax` | its tax, and what to do about it |
//! | `flow` | all stages in one function, and in the flow's events |
//! | `shares` | weights and money in whole units that add up |
//!
//! The optimisation itself is `evenkeel-optimizer`'s; pods' terms are `evenkeel-advice`'s, law is
//! `evenkeel-tax`'s, estimates are `evenkeel-estimates`'. Source: the optimization flow, steps 4 to 7, where the
//! rulings of the design do not decide otherwise.
#![warn(missing_docs)]

mod cohort;
mod consolidate;
mod flow;
mod holdings;
mod investor;
mod market;
mod master;
mod pod;
mod shares;
mod tax;
mod words;

pub use cohort::{Cohort, CohortCounts};
pub use consolidate::{Consolidated, ConsolidatedHolding, consolidate};
pub use flow::{
    Construction, FlowError, Origin, PodStage, Request, Trading, construct_portfolio, search_limits,
    targets_id,
};
pub use holdings::HeldLot;
pub use investor::Investor;
pub use market::{FactorData, Listing, MarketData, MarketError, MarketState};
pub use master::{
    MasterError, MasterHolding, MasterPortfolio, MasterProblem, MasterRules, MasterTerm, PodKept, PodPart,
    SoldLot, TermKind, solve_master,
};
pub use pod::{
    Figures, LimitKept, LimitKind, PodError, PodProblem, PodSolution, breaker_tripped, due, solve_pod,
};
pub use tax::{IfSold, IncomeLine, LotTax, TaxAnalysis, TaxProblem, TaxYear, analyse_tax};
