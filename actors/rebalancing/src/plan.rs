//! The plan: what is proposed, what it brings and costs, and why; or why nothing is.

use evenkeel_lots::{Choice, LotId};
use evenkeel_optimizer::{Cause, ProposedOrder, Side as Way};
use evenkeel_schemas::{InstrumentId, Money, Price, Quantity, Ratio, TradeDate};
use evenkeel_tax::GainKind;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// Whether anything is traded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The orders are proposed.
    Trade,
    /// Nothing is traded; the words say why.
    Hold,
}

/// Why nothing is traded.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The strategy does not ask for a trade: everything is inside its band, or no review is due.
    NotAsked,
    /// No order is possible in whole lots, of an allowed size, or within the volume of the days.
    NothingToTrade,
    /// No way to trade brings more than it costs.
    CostAboveBenefit,
    /// Everything that would be traded waits for parcels that are near their discount.
    Waiting,
}

/// How the optimizer found what was weighed: its last answer for the way that was chosen.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solved {
    /// Optimality gap, 0 to 1; 0 is proved optimal.
    pub gap: f64,
    /// Interior-point iterations.
    pub iterations: u32,
    /// Moves of the repair after rounding to lots.
    pub repairs: u32,
}

/// A side of a band.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Above it.
    Over,
    /// Below it.
    Under,
}

/// One instrument of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which.
    pub instrument: InstrumentId,
    /// Units held.
    pub quantity: Quantity,
    /// Value at the mark as a share of the state's total.
    pub weight: Ratio,
    /// What it should be, with all reasons, tilts and taxonomies netted.
    pub target: Ratio,
    /// Weight less target.
    pub drift: Ratio,
    /// Outside its band, exactly.
    pub outside: Option<Side>,
}

/// One group of a taxonomy of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStanding {
    /// The taxonomy.
    pub taxonomy: String,
    /// The group.
    pub group: String,
    /// Its members' weight.
    pub weight: Ratio,
    /// What it should be.
    pub target: Ratio,
    /// Outside its band, exactly.
    pub outside: Option<Side>,
}

/// Where a portfolio stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Market values and all cash, flows included, base currency.
    pub nav: Money,
    /// Spendable cash, with withdrawals taken off; negative before they are raised.
    pub cash: Money,
    /// All cash as a share of the total.
    pub cash_weight: Ratio,
    /// What the targets leave.
    pub cash_target: Ratio,
    /// By instrument.
    pub standings: Vec<Standing>,
    /// By taxonomy and group, in their order.
    pub groups: Vec<GroupStanding>,
    /// Half the sum of absolute drifts, cash included.
    pub drift: Ratio,
}

impl State {
    /// Instruments and groups outside their bands.
    pub fn outside(&self) -> usize {
        let instruments = self.standings.iter().filter(|standing| standing.outside.is_some()).count();
        instruments + self.groups.iter().filter(|group| group.outside.is_some()).count()
    }
}

/// Units sold from one parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The lot.
    pub lot: LotId,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units.
    pub quantity: Quantity,
    /// Their part of the proceeds at the limit, after commission, instrument currency.
    pub proceeds: Money,
    /// What they had cost.
    pub cost_base: Money,
    /// Proceeds less cost.
    pub gain: Money,
    /// Why it is taken where it is in the order.
    pub class: ParcelClass,
}

/// The order in which parcels are sold.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelClass {
    /// A loss: first, the greatest loss a unit before others.
    Loss,
    /// A gain held for 12 months, the least gain a unit first.
    HeldClearYear,
    /// A gain not held for 12 months, the least gain a unit first.
    Recent,
}

/// An order of the plan as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedOrder {
    /// What.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Way,
    /// Units over all slices.
    pub quantity: Quantity,
    /// Limit price.
    pub limit: Price,
    /// Parcels that a sale takes, in order; empty for a buy or where parcels are not known.
    pub parcels: Vec<Sold>,
}

impl PlannedOrder {
    /// The parcels as a sale of the books names them.
    pub fn choices(&self) -> Box<[Choice]> {
        self.parcels.iter().map(|sold| Choice { lot: sold.lot, quantity: sold.quantity }).collect()
    }
}

/// Orders of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// A trading day.
    pub date: TradeDate,
    /// Sells first; covered by cash and by the sells of the same slice.
    pub orders: Vec<ProposedOrder>,
}

/// What the plan costs, base currency.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Half spread, ticks and commission, exactly, when filled at the limits.
    pub trading: Money,
    /// Market impact, an estimate.
    pub impact: Money,
    /// Tax of the year that the sales add; negative is a saving. Nothing where tax is not known.
    pub tax: Money,
    /// The three together.
    pub total: Money,
}

/// How the benefit was measured.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BenefitRule {
    /// `γ/2 · (tracking variance before − after)` a year.
    TrackingVariance,
    /// Squared distance before less after, times a rate.
    SquaredDistance,
}

/// What the plan brings.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Benefit {
    /// How it was measured.
    pub rule: BenefitRule,
    /// Tracking variance a year, or squared distance, now.
    pub before: f64,
    /// The same after the plan.
    pub after: f64,
    /// Over the horizon, base currency; negative where the plan has to leave the targets.
    pub amount: Money,
    /// Of it, a day.
    pub a_day: Money,
}

/// A parcel that is close to its discount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The lot.
    pub lot: LotId,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units that would be sold now.
    pub quantity: Quantity,
    /// First trading day on which its gain is treated as held for 12 months.
    pub until: TradeDate,
    /// Calendar days until then.
    pub days: i32,
    /// Tax on selling it now less tax on selling it then.
    pub tax_saved: Money,
    /// What keeping it costs a day in benefit forgone.
    pub drift_cost_a_day: Money,
    /// Tax saved less the cost of all days: positive is worth waiting.
    pub value: Money,
    /// Whether the plan waits.
    pub waits: bool,
}

/// A variant that was weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Which, in words.
    pub variant: String,
    /// Benefit over the horizon.
    pub benefit: Money,
    /// Costs and tax.
    pub cost: Money,
    /// Benefit less cost, and what waiting for a discount adds.
    pub net: Money,
}

/// What stays outside, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Why.
    pub cause: Cause,
}

/// A plan. Itself it is the dry run: nothing happens by making it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether anything is traded.
    pub outcome: Outcome,
    /// Why nothing is; none for a trade.
    pub held: Option<Held>,
    /// The reasons, the most urgent first.
    pub reasons: Vec<Reason>,
    /// Why it came out this way, a sentence each.
    pub words: Vec<String>,
    /// Where the portfolio stands.
    pub before: State,
    /// Where it stands when all orders are filled at their limits; as before for a hold.
    pub after: State,
    /// One order an instrument at most: sells, then buys.
    pub orders: Vec<PlannedOrder>,
    /// The same orders by day.
    pub slices: Vec<Slice>,
    /// What it costs.
    pub cost: Cost,
    /// What it brings.
    pub benefit: Benefit,
    /// By instrument, how far a weight may be from its target before its trade alone, against cash, would
    /// bring more than spread and commission: the half width of its no-trade region.
    pub no_trade: Vec<(InstrumentId, f64)>,
    /// Net gains by kind that the sales would add to the year, and losses as a negative amount.
    pub gains: Vec<(GainKind, Money)>,
    /// Parcels near their discount.
    pub waiting: Vec<Waiting>,
    /// All variants that were weighed, in the order in which they were.
    pub tried: Vec<Tried>,
    /// How the optimizer came to it; none where it was not asked.
    pub solved: Option<Solved>,
    /// What the optimizer left outside, and why.
    pub left: Vec<Left>,
    /// When to look again, where waiting or the calendar says so.
    pub review: Option<TradeDate>,
}
