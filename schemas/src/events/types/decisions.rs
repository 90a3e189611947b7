//! What the program appends itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventType, LotChoice, OrderStatus, Outcome, Side, TriggerKind};
use crate::{Epoch, Instant, Money, Name, Price, Quantity, Ratio};

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
    /// Lots that a sale takes, in order, for specific identification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotChoice>,
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
        /// When to look again: for a hold that time may change, and for a trade whose rest follows on later days. What asked
        /// stays open until then.
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
