//! Every event type and its fields.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Currency, Epoch, Instant, Money, Name, Pair, Price, Quantity, Rate, Ratio, TradeDate};

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
    /// The frozen closing mark of an instrument.
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

words! {
    /// What an instrument is.
    InstrumentKind {
        /// Exchange-traded fund.
        Etf = "etf",
        /// Share.
        Stock = "stock",
        /// Unlisted managed fund.
        Fund = "fund",
        /// Bond.
        Bond = "bond",
        /// Cash instrument.
        Cash = "cash",
        /// Anything else.
        Alternative = "alternative",
    }
}

words! {
    /// Whether a market trades.
    SessionState {
        /// Trading.
        Open = "open",
        /// Not trading.
        Closed = "closed",
        /// Interrupted.
        Halted = "halted",
    }
}

words! {
    /// The side of an order or execution.
    Side {
        /// Units come in, money goes out.
        Buy = "buy",
        /// Units go out, money comes in.
        Sell = "sell",
    }
}

words! {
    /// Which lots a sale takes first.
    CostBasis {
        /// First in, first out.
        Fifo = "fifo",
        /// Last in, first out.
        Lifo = "lifo",
        /// Highest cost first.
        Hifo = "hifo",
        /// Average cost.
        Average = "average",
        /// Lots named at the sale.
        Specific = "specific",
    }
}

words! {
    /// Why cash moved.
    CashKind {
        /// Interest, positive when received.
        Interest = "interest",
        /// A fee, negative when charged.
        Fee = "fee",
        /// Tax, negative when paid.
        Tax = "tax",
        /// A distribution, positive when received.
        Distribution = "distribution",
    }
}

words! {
    /// The kinds of reasons to act: the one place to extend.
    TriggerKind {
        /// A weight left its band.
        Drift = "drift",
        /// Money came in or went out.
        CashFlow = "cash_flow",
        /// Somebody asked.
        Manual = "manual",
    }
}

words! {
    /// How a decision came out.
    Outcome {
        /// Orders go to the desk.
        Trade = "trade",
        /// Nothing is traded; the reason says why.
        Hold = "hold",
    }
}

words! {
    /// FIX order states (tag 39).
    OrderStatus {
        /// Accepted by the desk, not yet acknowledged by the broker (A).
        PendingNew = "pending_new",
        /// Working (0).
        New = "new",
        /// Working, part is done (1).
        PartiallyFilled = "partially_filled",
        /// All done (2).
        Filled = "filled",
        /// Ended with a part not done (4).
        Canceled = "canceled",
        /// Refused by the desk or the broker (8).
        Rejected = "rejected",
        /// Ended by time (C).
        Expired = "expired",
    }
}

impl OrderStatus {
    /// Whether nothing can follow.
    pub fn terminal(self) -> bool {
        matches!(
            self,
            OrderStatus::Filled | OrderStatus::Canceled | OrderStatus::Rejected | OrderStatus::Expired
        )
    }
}

body! {
    /// The terms of an instrument.
    InstrumentListed {
        /// Ticker.
        instrument: Name,
        /// Name for people.
        name: String,
        /// What it is.
        kind: InstrumentKind,
        /// What it is priced in.
        currency: Currency,
        /// Market identifier code (ISO 10383) of where it trades: its calendar and settlement count. Where not
        /// given, the home market of its currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] market: Option<Name>,
        /// Asset class.
        #[serde(default)] asset_class: String,
        /// Region.
        #[serde(default)] region: String,
        /// Sector.
        #[serde(default)] sector: String,
        /// Free labels.
        #[serde(default)] tags: Vec<String>,
        /// Smallest price step.
        tick_size: Price,
        /// Smallest quantity traded.
        lot_size: Quantity,
        /// Share of distributions that is franked.
        #[serde(default, skip_serializing_if = "Option::is_none")] franking_rate: Option<Ratio>,
        /// Yearly distributions over price.
        #[serde(default, skip_serializing_if = "Option::is_none")] distribution_yield: Option<Ratio>,
        /// Usual turnover a day, in its currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] average_daily_value: Option<Money>,
    }
}

body! {
    /// A market price.
    Tick {
        /// Ticker.
        instrument: Name,
        /// Last price.
        price: Price,
        /// Best bid.
        #[serde(default, skip_serializing_if = "Option::is_none")] bid: Option<Price>,
        /// Best ask.
        #[serde(default, skip_serializing_if = "Option::is_none")] ask: Option<Price>,
        /// Units traded.
        #[serde(default, skip_serializing_if = "Option::is_none")] volume: Option<Quantity>,
    }
}

body! {
    /// The official closing mark.
    Close {
        /// Ticker.
        instrument: Name,
        /// Closing price.
        price: Price,
        /// The session's date.
        date: TradeDate,
    }
}

body! {
    /// A foreign-exchange rate.
    FxRate {
        /// `USD/AUD`: one USD is `rate` AUD.
        pair: Pair,
        /// The rate.
        rate: Rate,
    }
}

body! {
    /// A market opens, closes or halts.
    Session {
        /// Market identifier code (ISO 10383).
        market: Name,
        /// Its state from now on.
        state: SessionState,
    }
}

body! {
    /// `old` units become `new` units for holders at the ex date.
    Split {
        /// Ticker.
        instrument: Name,
        /// Units after.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// First day that trades on the new basis.
        ex_date: TradeDate,
        /// What a holder is paid for a whole unit of the fraction that is left over; without it, fractions are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")] cash_in_lieu: Option<Price>,
    }
}

body! {
    /// A distribution is announced.
    Distribution {
        /// Ticker.
        instrument: Name,
        /// Money per unit.
        amount: Price,
        /// Share that is franked.
        franked_fraction: Ratio,
        /// Holders at the start of this day are paid.
        ex_date: TradeDate,
        /// Day of payment.
        pay_date: TradeDate,
        /// Change of the cost base per unit (AMIT, return of capital).
        #[serde(default, skip_serializing_if = "Option::is_none")] cost_base_change: Option<Price>,
        /// What a unit costs those who take the distribution in units.
        #[serde(default, skip_serializing_if = "Option::is_none")] reinvestment_price: Option<Price>,
    }
}

body! {
    /// `old` units become `new` units of another instrument, cash, or both: a merger, or, one for one and
    /// without cash, a change of code.
    Merger {
        /// Ticker of what goes.
        instrument: Name,
        /// Ticker of what comes, in the same currency.
        into: Name,
        /// Units after; 0 if cash is all there is.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// Cash for a unit that goes.
        #[serde(default, skip_serializing_if = "Option::is_none")] cash: Option<Price>,
        /// Market value of what comes for a unit that goes: beside cash, it says which part of the cost base the
        /// cash realises.
        #[serde(default, skip_serializing_if = "Option::is_none")] value: Option<Price>,
        /// First day on which holders have what comes.
        effective_date: TradeDate,
    }
}

body! {
    /// An instrument ends: holders at the start of a day are paid out, or left with nothing.
    Delisting {
        /// Ticker.
        instrument: Name,
        /// Money per unit, 0 where nothing is left.
        amount: Price,
        /// The day.
        effective_date: TradeDate,
    }
}

body! {
    /// A benchmark's weights.
    BenchmarkSet {
        /// Its name.
        benchmark: Name,
        /// Weight by instrument or bucket.
        #[serde(deserialize_with = "super::parse::unique")] weights: BTreeMap<Name, Ratio>,
        /// Return by instrument or bucket, where given.
        #[serde(default, skip_serializing_if = "Option::is_none")] returns: Option<BTreeMap<Name, Ratio>>,
    }
}

/// What is known of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Date of birth.
    pub birth_date: TradeDate,
    /// Yearly income.
    pub income: Money,
    /// Net worth.
    pub net_worth: Money,
    /// Money to invest.
    pub investment_capital: Money,
    /// Experience, as the questionnaire words it.
    pub experience: String,
    /// Marginal tax rate.
    pub marginal_tax_rate: Ratio,
    /// Resident for tax.
    pub resident: bool,
}

body! {
    /// A customer may hold things from now on.
    CustomerOnboarded {
        /// Customer.
        customer: Name,
        /// The currency that the portfolio is valued in.
        base_currency: Currency,
        /// What is known of the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")] profile: Option<Profile>,
    }
}

body! {
    /// The risk questionnaire's answers.
    QuestionnaireCompleted {
        /// Customer.
        customer: Name,
        /// q1 to q10: the option's text key.
        #[serde(deserialize_with = "super::parse::unique")] answers: BTreeMap<Name, String>,
    }
}

/// One goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// Its id.
    pub goal: Name,
    /// Name for people.
    pub name: String,
    /// Money wanted.
    pub target_amount: Money,
    /// By when.
    pub target_date: TradeDate,
    /// Priority.
    pub priority: String,
    /// Flexibility.
    pub flexibility: String,
}

body! {
    /// The customer's goals.
    GoalsDefined {
        /// Customer.
        customer: Name,
        /// All goals.
        goals: Vec<Goal>,
    }
}

body! {
    /// Target weights and bands; replaces the earlier ones whole. What the weights leave is cash.
    TargetsSet {
        /// Customer.
        customer: Name,
        /// Weight by instrument, sum at most 1.
        #[serde(deserialize_with = "super::parse::unique")] weights: BTreeMap<Name, Ratio>,
        /// Band by instrument; `default` for the rest (0.05 where not given).
        #[serde(default, deserialize_with = "super::parse::unique", skip_serializing_if = "BTreeMap::is_empty")]
        bands: BTreeMap<Name, Ratio>,
        /// Benchmark.
        #[serde(default, skip_serializing_if = "Option::is_none")] benchmark: Option<Name>,
        /// Which lots a sale takes first.
        #[serde(default, skip_serializing_if = "Option::is_none")] cost_basis: Option<CostBasis>,
        /// A cash instrument that takes what the weights leave, in the place of cash.
        #[serde(default, skip_serializing_if = "Option::is_none")] sweep: Option<Name>,
    }
}

body! {
    /// Money comes in or goes out.
    DepositOrWithdrawal {
        /// Customer.
        customer: Name,
        /// How much, positive.
        amount: Money,
        /// In what.
        currency: Currency,
    }
}

body! {
    /// Interest, a fee, tax or a distribution is posted.
    CashPosted {
        /// Customer.
        customer: Name,
        /// Signed: positive is received.
        amount: Money,
        /// In what.
        currency: Currency,
        /// Why.
        kind: CashKind,
        /// What a distribution is of. Distributions that are announced are paid by the program and not posted.
        #[serde(default, skip_serializing_if = "Option::is_none")] instrument: Option<Name>,
        /// The part of a distribution that is franked; nothing where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] franked_fraction: Option<Ratio>,
        /// The ex date of a distribution, for the holding period rule; the day of `at` where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] ex_date: Option<TradeDate>,
    }
}

body! {
    /// Money of one currency becomes money of another; both legs in one event.
    FxConversion {
        /// Customer.
        customer: Name,
        /// What goes out, positive, fee included.
        sold: Money,
        /// In what.
        sold_currency: Currency,
        /// What comes in, positive.
        bought: Money,
        /// In what, another currency.
        bought_currency: Currency,
        /// When both legs settle; at once where not given.
        #[serde(default, skip_serializing_if = "Option::is_none")] settle_date: Option<TradeDate>,
    }
}

body! {
    /// From the date of `at` on, distributions of an instrument that can be taken in units are, or are not. The
    /// latest at the ex date holds.
    ReinvestmentElected {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// In units, or in cash again.
        reinvest: bool,
    }
}

words! {
    /// What kind of taxpayer a customer is.
    TaxEntity {
        /// A person.
        Individual = "individual",
        /// A complying superannuation fund in accumulation.
        SuperFund = "super_fund",
        /// A company.
        Company = "company",
    }
}

body! {
    /// Who is taxed, and how: for the financial year of `at` and later ones, until it is said anew. Without it, no tax
    /// is worked out for a customer.
    TaxpayerSet {
        /// Customer.
        customer: Name,
        /// Kind of taxpayer.
        entity: TaxEntity,
        /// Resident of Australia for tax.
        resident: bool,
        /// Receives income support: no minimum tax from 2027-28 on (ITAA 1997 s 119-15).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] income_support: bool,
        /// For a foreign resident: what is held is taxable Australian property.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")] taxable_australian_property: bool,
        /// Other assessable income less deductions of a usual year, in AUD; for years without a `tax_year_set`.
        #[serde(default, skip_serializing_if = "Option::is_none")] other_income: Option<Money>,
    }
}

body! {
    /// What is known of a taxpayer's year beside what is held here. AUD.
    TaxYearSet {
        /// Customer.
        customer: Name,
        /// Financial year, such as 2026-27.
        year: String,
        /// Other assessable income less deductions; may be negative.
        other_income: Money,
        /// Franking credits received elsewhere: they count towards the small shareholder's limit.
        #[serde(default, skip_serializing_if = "Option::is_none")] other_franking_credits: Option<Money>,
        /// Capital losses of earlier years, in the place of what the year before carries forward.
        #[serde(default, skip_serializing_if = "Option::is_none")] losses_brought_forward: Option<Money>,
    }
}

body! {
    /// The consumer price index of a quarter (All Groups, eight capital cities), as published: what cost bases are
    /// indexed by from 1 July 2027 on.
    CpiPublished {
        /// Such as 2027-Q3.
        quarter: String,
        /// The index number.
        index: Ratio,
    }
}

body! {
    /// Units arrive from elsewhere.
    TransferIn {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Units.
        quantity: Quantity,
        /// What they cost, in the instrument's currency.
        cost_base: Money,
        /// When they were acquired.
        acquired: TradeDate,
    }
}

/// One lot named at a sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LotChoice {
    /// The lot's id.
    pub lot: Name,
    /// Units taken from it.
    pub quantity: Quantity,
}

body! {
    /// An execution for one customer.
    Fill {
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Side.
        side: Side,
        /// Units, positive.
        quantity: Quantity,
        /// Price per unit.
        price: Price,
        /// Fee, on top of a buy, off a sale.
        fee: Money,
        /// In what price and fee are.
        currency: Currency,
        /// Day of trade.
        trade_date: TradeDate,
        /// The order it executes.
        #[serde(default, skip_serializing_if = "Option::is_none")] order: Option<Name>,
        /// Lots sold, for specific identification.
        #[serde(default, skip_serializing_if = "Vec::is_empty")] lots: Vec<LotChoice>,
    }
}

body! {
    /// Somebody asks for a rebalance.
    RebalanceRequested {
        /// Customer.
        customer: Name,
        /// Who asks.
        by: Name,
    }
}

body! {
    /// An earlier event was wrong.
    Correction {
        /// The id of the event that was wrong.
        of: Name,
        /// The whole replacing event, or null for a bust.
        #[serde(deserialize_with = "super::parse::replacement")] with: Option<Event>,
        /// Why.
        reason: String,
    }
}

/// A trigger as a decision names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerRef {
    /// Its id.
    pub trigger: Name,
    /// Its kind.
    pub kind: TriggerKind,
    /// The instrument, flow or request it is about.
    pub subject: Name,
    /// The epoch it entered.
    pub entered: Epoch,
}

/// A holding before or after a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// Ticker.
    pub instrument: Name,
    /// Units.
    pub quantity: Quantity,
    /// The price used.
    pub price: Price,
    /// Share of NAV.
    pub weight: Ratio,
    /// Target share of NAV.
    pub target: Ratio,
}

/// An order as a decision proposes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionOrder {
    /// Its id, derived from the decision's.
    pub order: Name,
    /// Ticker.
    pub instrument: Name,
    /// Side.
    pub side: Side,
    /// Units, whole lots.
    pub quantity: Quantity,
    /// Worst price accepted.
    pub limit: Price,
}

body! {
    /// A customer's actor decided: what it knew, what it weighed, what it does.
    Decision {
        /// Its id, derived from its triggers and the attempt.
        decision: Name,
        /// Customer.
        customer: Name,
        /// The epoch of the snapshot that was decided on.
        snapshot: Epoch,
        /// How many decisions answered the same triggers before.
        attempt: u32,
        /// The reasons to act.
        triggers: Vec<TriggerRef>,
        /// Trade or hold.
        outcome: Outcome,
        /// In words.
        reason: String,
        /// When to look again, for a hold that time may change.
        #[serde(default, skip_serializing_if = "Option::is_none")] review: Option<Epoch>,
        /// Net asset value in the base currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] nav: Option<Money>,
        /// Spendable cash before, in the base currency.
        #[serde(default, skip_serializing_if = "Option::is_none")] cash: Option<Money>,
        /// The objective's terms by name.
        #[serde(default)] objective: BTreeMap<String, String>,
        /// Holdings before.
        #[serde(default)] before: Vec<DecisionLine>,
        /// Holdings as planned.
        #[serde(default)] after: Vec<DecisionLine>,
        /// Orders for the desk, sells first.
        #[serde(default)] orders: Vec<DecisionOrder>,
    }
}

body! {
    /// The desk put a customer's order into a block for the market.
    Order {
        /// The order's id.
        order: Name,
        /// The block's id: the client order id that the broker sees.
        block: Name,
        /// The decision it comes from.
        decision: Name,
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Side.
        side: Side,
        /// Units, whole lots.
        quantity: Quantity,
        /// Worst price accepted.
        limit: Price,
    }
}

body! {
    /// An order or a block changed state.
    OrderState {
        /// An order's or a block's id.
        order: Name,
        /// The state it is in now.
        state: OrderStatus,
        /// Units done so far.
        cumulative_quantity: Quantity,
        /// Average price of what is done, rounded half-even to six decimals.
        #[serde(default, skip_serializing_if = "Option::is_none")] average_price: Option<Price>,
        /// Units of this execution.
        #[serde(default, skip_serializing_if = "Option::is_none")] last_quantity: Option<Quantity>,
        /// Price of this execution.
        #[serde(default, skip_serializing_if = "Option::is_none")] last_price: Option<Price>,
        /// Why, for a reject or a cancel.
        #[serde(default, skip_serializing_if = "String::is_empty")] text: String,
    }
}

body! {
    /// A customer's part of a block, at the block's average price.
    Allocation {
        /// The block.
        block: Name,
        /// The customer's order.
        order: Name,
        /// Customer.
        customer: Name,
        /// Ticker.
        instrument: Name,
        /// Side.
        side: Side,
        /// Units.
        quantity: Quantity,
        /// The block's average price.
        price: Price,
        /// Commission.
        fee: Money,
    }
}

body! {
    /// The frozen closing mark of an instrument.
    ClosingMark {
        /// Ticker.
        instrument: Name,
        /// The mark.
        price: Price,
        /// The session's date.
        date: TradeDate,
    }
}

body! {
    /// Something was not as it should be.
    Anomaly {
        /// Customer, instrument or part of the program.
        source: Name,
        /// What kind.
        kind: Name,
        /// In words.
        detail: String,
    }
}
