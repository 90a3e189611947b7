//! The words that events use.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        /// A loss is worth harvesting.
        TaxOpportunity = "tax_opportunity",
        /// Answers or goals changed, and the portfolio with them.
        RiskProfileChange = "risk_profile_change",
        /// A goal came near.
        GoalNear = "goal_near",
        /// A pod's review was due.
        Calendar = "calendar",
        /// A pod is more volatile than it may be.
        PodVolatility = "pod_volatility",
        /// An instrument weighs more than it may.
        Concentration = "concentration",
        /// A holding fell too far below its cost base.
        StopLoss = "stop_loss",
        /// NAV fell too far below its peak.
        Drawdown = "drawdown",
        /// A bad day may cost more than it may.
        ValueAtRisk = "value_at_risk",
    }
}

impl TriggerKind {
    /// Whether it enters and leaves with prices, and not with an event and its answer.
    pub fn is_of_prices(self) -> bool {
        matches!(self, TriggerKind::Drift | TriggerKind::TaxOpportunity) || self.is_of_limits()
    }

    /// Whether it is about a risk limit.
    pub fn is_of_limits(self) -> bool {
        use TriggerKind::{Concentration, Drawdown, StopLoss, ValueAtRisk};
        matches!(self, Concentration | StopLoss | Drawdown | ValueAtRisk)
    }
}

words! {
    /// How often money flows.
    FlowInterval {
        /// On one day.
        Once = "once",
        /// Every seven days.
        Weekly = "weekly",
        /// Each month, on the day of the first, or the month's last.
        Monthly = "monthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Each year.
        Yearly = "yearly",
    }
}

words! {
    /// A pod: a part of the portfolio with an objective of its own.
    PodId {
        /// Money needed soon.
        Preservation = "POD1",
        /// Income after tax.
        Income = "POD2",
        /// Growth for its risk.
        Growth = "POD3",
        /// The most return.
        Opportunistic = "POD4",
    }
}

impl PodId {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            PodId::Preservation => "Preservation",
            PodId::Income => "Income",
            PodId::Growth => "Growth",
            PodId::Opportunistic => "Opportunistic",
        }
    }

    /// 0 to 3, the order of tables.
    pub fn index(self) -> usize {
        self as usize
    }
}

words! {
    /// What a pod's optimisation is after.
    PodObjective {
        /// The least volatility.
        MinimiseVolatility = "minimise_volatility",
        /// The most yield after tax.
        MaximiseAfterTaxYield = "maximise_after_tax_yield",
        /// The most excess return for the volatility.
        MaximiseSharpe = "maximise_sharpe",
        /// The most return.
        MaximiseReturn = "maximise_return",
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
