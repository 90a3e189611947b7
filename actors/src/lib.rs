//! What Evenkeel *decides*: customers, desk and broker.
//!
//! Everything is driven by the log. Each part is a pure state machine: `apply` takes note of a committed event
//! (at recovery, of the whole log), `on_epoch` proposes events, each under an id that derives from what it is
//! about. A proposal takes effect when it comes back through `apply`, so that after a crash the same proposals
//! meet what is already in the log: nothing twice, nothing lost. The actors are shells around the machines.
//!
//! | module | what it is |
//! |---|---|
//! | `snapshot`, `books` | what the machines are handed: one customer, or everybody, at one epoch |
//! | `policy` | the rules, with defaults |
//! | `plans` | what a customer's plan is made from: snapshot and triggers as `evenkeel-rebalancing` reads them |
//! | `customer`, `gate` | hold or trade, and the second look at every plan |
//! | `ledger`, `schedule`, `urgency` | what the log knows of every customer, and who is woken when |
//! | `desk` | windows, checks, blocks, allocation |
//! | `broker` | the interface, and the paper exchange |
//! | `closing` | closing marks, frozen when a market closes |
//! | `market` | listings and closing marks, and what is estimated from them |
//! | `onboarding` | from a questionnaire to a portfolio that is watched |
//! | `solver` | the pool that plans and constructions run on |
//! | `shells`, `system` | the actors and their life |
#![warn(missing_docs)]

mod append;
mod books;
mod broker;
mod closing;
mod costs;
mod customer;
mod desk;
#[cfg(test)]
mod fake;
mod gate;
mod ledger;
mod market;
mod onboarding;
mod plans;
mod policy;
mod reviews;
mod schedule;
mod shells;
mod snapshot;
mod solver;
mod system;
mod urgency;

pub use books::{Books, InstrumentTerms, LotHeld};
pub use broker::{Broker, PaperBroker};
pub use customer::{Answered, CustomerState, Prepared, Refusal, SolverAnswer, conclude, prepare};
pub use desk::{BlockRow, Desk};
pub use gate::check as gate_check;
pub use ledger::Ledger;
pub use market::{MarketLook, SharedMarket};
pub use plans::PlanRequest;
pub use policy::{
    BrokerPolicy, CostPolicy, CustomerPolicy, DeskPolicy, ExpectedReturns, OnboardingPolicy, Policy,
    PolicyError, RebalancingPolicy, RebalancingStrategy, RuntimePolicy, SolverPolicy,
};
pub use schedule::Schedule;
pub use shells::ActorLost;
pub use snapshot::{Bucket, Holding, OpenTrigger, ParcelHeld, Snapshot, TaxKnown};
pub use solver::Mode;
pub use system::{ActorSystem, Snapshots, StartError, Stats, TriggerChanges};
pub use urgency::Urgency;
