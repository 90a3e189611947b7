//! The events that flow in and those that the program appends itself, in their interchange form: NDJSON,
//! one event a line, numbers as strings.
//!
//! Every event has `type`; `at`, its effective time; optionally `id`, unique for ever; optionally
//! `recorded`, the recorded time when a file carries it.

mod check;
mod parse;
mod types;

pub use check::check_tilt;
pub use parse::{Refusal, parse_event, schema};
pub use types::{
    Allocation, Anomaly, BenchmarkSet, CashKind, CashPosted, Close, ClosingMark, Correction, CostBasis,
    CpiPublished, CustomerOnboarded, Decision, DecisionLine, DecisionOrder, Delisting, DepositOrWithdrawal,
    Distribution, Event, EventType, FeeScheduleSet, FeeTier, Fill, FlowInterval, FlowScheduled, FxClose,
    FxConversion, FxRate, Goal, GoalPod, GoalsDefined, HarvestSet, InstrumentKind, InstrumentListed,
    InterestRateSet, LotChoice, MasterLine, MasterPortfolioOptimized, Merger, Order, OrderState, OrderStatus,
    Outcome, PodAllocationCalculated, PodId, PodKept, PodObjective, PodOptimized, PodWatch, PodWeight,
    PortfolioMonitoringStarted, Profile, QuestionnaireCompleted, RebalanceRequested, ReinvestmentElected,
    ReviewDue, RiskLimitsSet, Session, SessionState, Side, Split, TargetsSet, TaxAdvice, TaxEntity,
    TaxOptimizationCompleted, TaxYearSet, TaxpayerSet, Tick, TiltsSet, Topic, TradesExecuted, TransferIn,
    TriggerKind, TriggerRef,
};
