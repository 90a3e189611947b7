//! Every event type and its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Instant, Name};

/// The partitions of the log.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Ticks and fx rates: many, kept for a set time.
    Market,
    /// Reference data, customers, fills, cash, corrections: kept for ever.
    Accounts,
    /// What the program decided and what became of it: kept for ever.
    Decisions,
}

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident($body:ident) $tag:literal $topic:ident;)*) => {
        /// One event.
        #[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
        #[serde(untagged)]
        pub enum Event {
            $($(#[$doc])* $variant(Box<$body>),)*
        }

        /// The `type` of an event.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum EventType {
            $($(#[$doc])* #[serde(rename = $tag)] $variant,)*
        }

        impl EventType {
            /// All types, in the order of the documentation.
            pub const ALL: &[EventType] = &[$(EventType::$variant),*];

            /// The text of `type`.
            pub fn as_str(self) -> &'static str {
                match self { $(EventType::$variant => $tag,)* }
            }

            /// The type of this text, if there is one.
            pub fn from_text(text: &str) -> Option<EventType> {
                match text { $($tag => Some(EventType::$variant),)* _ => None }
            }

            /// Where events of this type are kept.
            pub fn topic(self) -> Topic {
                match self { $(EventType::$variant => Topic::$topic,)* }
            }
        }

        impl Event {
            /// Its type.
            pub fn event_type(&self) -> EventType {
                match self { $(Event::$variant(_) => EventType::$variant,)* }
            }

            /// Its effective time.
            pub fn at(&self) -> Instant {
                match self { $(Event::$variant(event) => event.at,)* }
            }

            /// Its id, if it has one.
            pub fn id(&self) -> Option<&Name> {
                match self { $(Event::$variant(event) => event.id.as_ref(),)* }
            }

            /// The recorded time that a file gives it, if it does.
            pub fn recorded(&self) -> Option<Instant> {
                match self { $(Event::$variant(event) => event.recorded,)* }
            }

            pub(super) fn decode(kind: EventType, text: &str) -> Result<Event, super::parse::Refusal> {
                match kind { $(EventType::$variant => super::parse::body::<$body>(text).map(|body| Event::$variant(Box::new(body))),)* }
            }
        }
    };
}

events! {
    /// An instrument may be held from now on; again with the same name, its terms change.
    InstrumentListed(InstrumentListed) "instrument_listed" Accounts;
    /// A market price.
    Tick(Tick) "tick" Market;
    /// The official closing mark.
    Close(Close) "close" Accounts;
    /// A foreign-exchange rate.
    FxRate(FxRate) "fx_rate" Market;
    /// The official rate of a day.
    FxClose(FxClose) "fx_close" Accounts;
    /// What balances of a currency earn.
    InterestRateSet(InterestRateSet) "interest_rate_set" Accounts;
    /// A market opens, closes or halts.
    Session(Session) "session" Accounts;
    /// A split or consolidation.
    Split(Split) "split" Accounts;
    /// A distribution is announced.
    Distribution(Distribution) "distribution" Accounts;
    /// Units of one instrument become units of another, cash, or both.
    Merger(Merger) "merger" Accounts;
    /// An instrument ends; what it leaves is paid out.
    Delisting(Delisting) "delisting" Accounts;
    /// A benchmark's weights.
    BenchmarkSet(BenchmarkSet) "benchmark_set" Accounts;
    /// A customer may hold things from now on.
    CustomerOnboarded(CustomerOnboarded) "customer_onboarded" Accounts;
    /// The risk questionnaire's answers.
    QuestionnaireCompleted(QuestionnaireCompleted) "questionnaire_completed" Accounts;
    /// The customer's goals.
    GoalsDefined(GoalsDefined) "goals_defined" Accounts;
    /// The customer's target weights and bands; replaces the earlier ones whole.
    TargetsSet(TargetsSet) "targets_set" Accounts;
    /// The customer's targets are tilted for a while; replaces the earlier tilts whole.
    TiltsSet(TiltsSet) "tilts_set" Accounts;
    /// What a customer pays for the service.
    FeeScheduleSet(FeeScheduleSet) "fee_schedule_set" Accounts;
    /// Whether and how losses of a customer are harvested.
    HarvestSet(HarvestSet) "harvest_set" Accounts;
    /// How far a customer's portfolio may go before somebody looks at it.
    RiskLimitsSet(RiskLimitsSet) "risk_limits_set" Accounts;
    /// Money that a customer plans to pay in or take out.
    FlowScheduled(FlowScheduled) "flow_scheduled" Accounts;
    /// Money comes in.
    Deposit(DepositOrWithdrawal) "deposit" Accounts;
    /// Money goes out.
    Withdrawal(DepositOrWithdrawal) "withdrawal" Accounts;
    /// Interest, a fee, tax or a distribution is posted.
    CashPosted(CashPosted) "cash_posted" Accounts;
    /// Money of one currency becomes money of another.
    FxConversion(FxConversion) "fx_conversion" Accounts;
    /// A customer takes the distributions of an instrument in units, or in cash again.
    ReinvestmentElected(ReinvestmentElected) "reinvestment_elected" Accounts;
    /// Who is taxed, and how.
    TaxpayerSet(TaxpayerSet) "taxpayer_set" Accounts;
    /// What is known of a taxpayer's year beside what is held here.
    TaxYearSet(TaxYearSet) "tax_year_set" Accounts;
    /// A quarter's consumer price index.
    CpiPublished(CpiPublished) "cpi_published" Accounts;
    /// Units arrive from elsewhere.
    TransferIn(TransferIn) "transfer_in" Accounts;
    /// An execution for one customer.
    Fill(Fill) "fill" Accounts;
    /// Somebody asks for a rebalance.
    RebalanceRequested(RebalanceRequested) "rebalance_requested" Accounts;
    /// An earlier event was wrong.
    Correction(Correction) "correction" Accounts;
    /// A customer's actor decided.
    Decision(Decision) "decision" Decisions;
    /// The desk put a customer's order into a block.
    Order(Order) "order" Decisions;
    /// An order or a block changed state.
    OrderState(OrderState) "order_state" Decisions;
    /// A customer's part of a block.
    Allocation(Allocation) "allocation" Decisions;
    /// Score, goal map and pod weights are worked out.
    PodAllocationCalculated(PodAllocationCalculated) "pod_allocation_calculated" Decisions;
    /// One pod's portfolio.
    PodOptimized(PodOptimized) "pod_optimized" Decisions;
    /// All pods in one portfolio.
    MasterPortfolioOptimized(MasterPortfolioOptimized) "master_portfolio_optimized" Decisions;
    /// What its tax is expected to be.
    TaxOptimizationCompleted(TaxOptimizationCompleted) "tax_optimization_completed" Decisions;
    /// The orders of a decision have all ended.
    TradesExecuted(TradesExecuted) "trades_executed" Decisions;
    /// From now on a portfolio is watched.
    PortfolioMonitoringStarted(PortfolioMonitoringStarted) "portfolio_monitoring_started" Decisions;
    /// The day of a customer's review has come.
    ReviewDue(ReviewDue) "review_due" Decisions;
    /// The frozen closing mark of an instrument or a pair.
    ClosingMark(ClosingMark) "closing_mark" Decisions;
    /// Something was not as it should be.
    Anomaly(Anomaly) "anomaly" Decisions;
}

macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The event's type.
            #[serde(rename = "type")]
            pub event_type: EventType,
            /// Effective time: when it was true.
            pub at: Instant,
            /// Unique for ever; a second event with the same id is dropped and counted.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub id: Option<Name>,
            /// Recorded time, where a file carries it; else `at` serves.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub recorded: Option<Instant>,
            $($(#[$field_doc])* pub $field: $ty,)*
        }
    };
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The word as events and tables write it.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

mod accounts;
mod agreements;
mod decisions;
mod flow;
mod market;
mod words;

pub use accounts::{
    CashPosted, Correction, CustomerOnboarded, DepositOrWithdrawal, Fill, FxConversion, Goal, GoalsDefined,
    LotChoice, Profile, QuestionnaireCompleted, RebalanceRequested, ReinvestmentElected, TargetsSet,
    TaxYearSet, TaxpayerSet, TiltsSet, TransferIn,
};
pub use agreements::{FeeScheduleSet, FeeTier, FlowScheduled, HarvestSet, RiskLimitsSet};
pub use decisions::{
    Allocation, Anomaly, Decision, DecisionLine, DecisionOrder, Order, OrderState, TriggerRef,
};
pub use flow::{
    GoalPod, MasterLine, MasterPortfolioOptimized, PodAllocationCalculated, PodKept, PodOptimized, PodWatch,
    PodWeight, PortfolioMonitoringStarted, ReviewDue, TaxAdvice, TaxOptimizationCompleted, TradesExecuted,
};
pub use market::{
    BenchmarkSet, Close, ClosingMark, CpiPublished, Delisting, Distribution, FxClose, FxRate,
    InstrumentListed, InterestRateSet, Merger, Session, Split, Tick,
};
pub use words::{
    CashKind, CostBasis, FlowInterval, InstrumentKind, OrderStatus, Outcome, PodId, PodObjective,
    SessionState, Side, TaxEntity, TriggerKind,
};
