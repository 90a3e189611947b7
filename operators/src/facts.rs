//! What the dataflow is fed: accepted events, resolved to dense numbers and split into the facts that
//! operators sum and join. A correction is the same facts with the opposite sign, and the right ones.

use std::sync::Arc;

use evenkeel_lots::Entry;
use evenkeel_schemas::events::{FeeTier, FlowInterval, OrderStatus, Side, TaxEntity};
use evenkeel_schemas::{
    AllocationRow, Currency, CustomerId, DueKind, Epoch, Instant, InstrumentId, Labels, Measure, Money, Pair,
    PeakRow, Price, Quantity, Rate, Ratio, TradeDate, TriggerKey,
};
use evenkeel_tax::{FinancialYear, Quarter};
use serde::{Deserialize, Serialize};

/// Which of several statements about the same thing holds: the later effective time, then the later record.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Effective time.
    pub at: Instant,
    /// Running number of the accepted event.
    pub number: u64,
}

/// The terms of an instrument that valuation and orders need.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// What it is priced in.
    pub currency: Currency,
    /// Smallest price step.
    pub tick: Price,
    /// Smallest quantity traded.
    pub lot: Quantity,
    /// What it is labelled by.
    pub labels: Labels,
}

/// What a listing says of an instrument beside its terms.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Figures {
    /// What it is priced in.
    pub currency: Currency,
    /// What is traded on an average day, in that currency.
    pub daily_value: Option<Money>,
    /// Distributions a year over the price.
    pub distribution_yield: Option<Ratio>,
    /// Share of them that is franked.
    pub franked_fraction: Option<Ratio>,
}

/// One target of one customer.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetLine {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Target share of NAV.
    pub weight: Ratio,
    /// Distance from the target that is tolerated.
    pub band: Ratio,
}

/// A bucket that a customer's portfolio is watched by. Its target is the sum of its members' targets.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketLine {
    /// Its number among the instruments.
    pub bucket: InstrumentId,
    /// The labels that its members have.
    pub labels: Labels,
    /// Distance from the target that is tolerated.
    pub band: Ratio,
}

/// All targets of one customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetSet {
    /// By instrument.
    pub lines: Vec<TargetLine>,
    /// The band of what is held without a target.
    pub band_default: Ratio,
    /// By bucket.
    pub buckets: Vec<BucketLine>,
}

/// An addition to a target; negative takes off.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tilt {
    /// Instrument.
    pub instrument: InstrumentId,
    /// What is added, as a share of NAV.
    pub by: Ratio,
}

/// The tilts of one customer's targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TiltSet {
    /// Each instrument once; none ends earlier ones.
    pub tilts: Vec<Tilt>,
    /// The last day on which they hold.
    pub until: Option<TradeDate>,
}

/// A customer's order as its decision proposes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of the order's row")]
pub struct PlacedOrder {
    pub decision: Arc<str>,
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub quantity: Quantity,
}

/// What an event says of lots.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LotEntry {
    /// What it says.
    pub entry: Entry,
    /// The event's id, if it has one.
    pub name: Option<Arc<str>>,
    /// The names of the lots that it names.
    pub named: Box<[Arc<str>]>,
}

/// A corporate action, in the order in which actions count: by date, then running number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CorporateAction {
    /// Ex date or effective date: it is about what is held when this day starts.
    pub date: TradeDate,
    /// Running number of the event.
    pub number: u64,
    /// The event's id, or `seq:` and its number.
    pub name: Arc<str>,
    /// The currency of the instrument.
    pub currency: Currency,
    /// What it does.
    pub what: Corporate,
}

/// What a corporate action does to units and cash.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Corporate {
    /// `old` units become `new`.
    Split {
        /// Units after.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// Price of a whole unit of the fraction left over, which is paid out; without it, fractions are kept.
        in_lieu: Option<Price>,
    },
    /// Money for each unit, from a day on.
    Distribution {
        /// Money per unit.
        amount: Price,
        /// Share that is franked.
        franked_fraction: Ratio,
        /// Day of payment.
        pay_date: TradeDate,
        /// What a unit costs those who take it in units.
        reinvestment_price: Option<Price>,
        /// Whether tax lots are kept of such units.
        lots: bool,
    },
    /// `old` units become `new` of another instrument, and cash.
    Merger {
        /// What comes.
        into: InstrumentId,
        /// Units after.
        new: Quantity,
        /// Units before.
        old: Quantity,
        /// Cash per unit that goes.
        cash: Price,
    },
    /// Units are paid out and are no more.
    Delisting {
        /// Money per unit.
        amount: Price,
    },
}

/// An election: of several at or before a date, the latest holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Election {
    /// From when on.
    pub date: TradeDate,
    /// Orders elections of one date.
    pub version: Version,
    /// What was elected.
    pub reinvest: bool,
}

/// What counts for a customer's tax beside lots and what the program pays. Of several statements about one thing the
/// latest holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxFact {
    /// Who is taxed, from the financial year of a date on.
    Taxpayer(TradeDate, Version, Taxpayer),
    /// What is known of a year.
    Year(FinancialYear, Version, YearInput),
    /// Income that was posted.
    Received(Arc<str>, Received),
}

/// Who is taxed, and how.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the event's")]
pub struct Taxpayer {
    pub entity: TaxEntity,
    pub resident: bool,
    pub income_support: bool,
    pub taxable_australian_property: bool,
    pub other_income: Option<Money>,
}

/// What is known of a year beside what is held here.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the event's")]
pub struct YearInput {
    pub other_income: Money,
    pub other_franking_credits: Money,
    pub losses_brought_forward: Option<Money>,
}

/// Interest or a distribution that was posted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Received {
    /// When.
    pub date: TradeDate,
    /// In what.
    pub currency: Currency,
    /// How much; negative is taken back.
    pub amount: Money,
    /// What kind of income.
    pub kind: Income,
}

/// What kind of income.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Income {
    /// Interest.
    Interest,
    /// A distribution: of what, how much of it is franked, since when a buyer does not get it.
    Distribution(Option<InstrumentId>, Ratio, TradeDate),
}

/// When money moved.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Booked {
    /// The day from which it counts.
    pub date: TradeDate,
    /// The day on which it settles.
    pub value_date: TradeDate,
}

impl Booked {
    /// Settled at once.
    pub fn on(date: TradeDate) -> Booked {
        Booked { date, value_date: date }
    }
}

/// What a customer pays for the service, in the base currency and per year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeeSchedule {
    /// Whatever the portfolio is worth.
    pub flat: Money,
    /// Slices of NAV, from the lowest.
    pub tiers: Vec<FeeTier>,
}

/// Money that a customer plans to pay in or take out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the event's")]
pub struct PlannedFlow {
    pub flow: Arc<str>,
    pub amount: Money,
    pub currency: Currency,
    pub first: TradeDate,
    pub every: FlowInterval,
    pub until: Option<TradeDate>,
}

/// Whether and how losses of a customer are harvested.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HarvestPolicy {
    /// What a unit of loss saves in tax.
    pub rate: Ratio,
    /// The least that must be left after costs, in the base currency.
    pub threshold: Money,
    /// Commission of one trade, in the base currency.
    pub commission: Money,
    /// Half-spread and brokerage of one trade, as a share of its value.
    pub trade_cost: Ratio,
    /// A year of tracking error costs half of this times the squared error, as a share of value.
    pub tracking_aversion: Ratio,
    /// The greatest correlation of a replacement.
    pub correlation_max: Ratio,
}

/// What comes into a customer's portfolio from outside, or goes out of it: no gain and no loss.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Flow {
    /// Money; negative goes out.
    Cash(Currency, Money),
    /// Units.
    Units(InstrumentId, Quantity),
}

/// How far a customer's portfolio may go before somebody looks at it; `None` for as far as it likes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RiskLimits {
    /// The largest share of NAV that one instrument may have.
    pub concentration: Option<Ratio>,
    /// How far a holding may fall below the cost base of its open lots, as a share of that.
    pub stop_loss: Option<Ratio>,
    /// How far NAV may fall below its peak, as a share of that.
    pub drawdown: Option<Ratio>,
    /// The most that one day's value at risk at 95% may be, as a share of NAV.
    pub value_at_risk: Option<Ratio>,
}

/// A reason to act: how large what it is about is, and the limit it passed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of the trigger's row")]
pub struct Reason {
    pub key: TriggerKey,
    pub measure: Measure,
    pub limit: Measure,
}

/// One fact about accounts, reference data or decisions. On its way it is copied several times, so what is large and
/// seldom lies elsewhere: see the test below.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fact {
    /// The terms of an instrument.
    Terms(InstrumentId, Version, Box<Terms>),
    /// The currency that a customer's portfolio is valued in.
    Base(CustomerId, Version, Currency),
    /// A customer's targets.
    Targets(CustomerId, Version, Arc<TargetSet>),
    /// How a customer's targets are tilted for a while; see [`crate::targets`].
    Tilts(CustomerId, Version, Arc<TiltSet>),
    /// Units came in or went out on a trade date.
    Movement(CustomerId, InstrumentId, TradeDate, Quantity),
    /// Money came in or went out.
    Posting(CustomerId, Currency, Booked, Money),
    /// Money that was counted by a posting, or will be, and is due on a day.
    Due(CustomerId, Currency, TradeDate, DueKind, Money),
    /// What an instrument does to whoever holds it.
    Corporate(InstrumentId, Arc<CorporateAction>),
    /// From a date on, distributions of an instrument are taken in units, or in cash again.
    Reinvest(CustomerId, InstrumentId, Election),
    /// Something that counts for a customer's lots.
    Lot(CustomerId, Arc<LotEntry>),
    /// Something that counts for the lots of everybody who has any of an instrument, from its date on.
    Action(InstrumentId, Arc<LotEntry>),
    /// What counts for a customer's tax.
    Tax(CustomerId, Arc<TaxFact>),
    /// What an instrument is called and what its amounts are in, for reports.
    Ticker(InstrumentId, Version, Arc<str>, Currency),
    /// Figures that an instrument is listed with. For plans and estimates, so that the worker that speaks of the market is
    /// told alone.
    Listed(InstrumentId, Version, Box<Figures>),
    /// The closing price of the day on whose value cost bases are re-based.
    RebasingClose(InstrumentId, Version, Price),
    /// A quarter's consumer price index.
    Cpi(Quarter, Version, Ratio),
    /// A closing price.
    Close(InstrumentId, TradeDate, Version, Price),
    /// The official rate of a day.
    FxClose(Pair, TradeDate, Version, Rate),
    /// Whether and how losses of a customer are harvested.
    Harvest(CustomerId, Version, Box<HarvestPolicy>),
    /// How far a customer's portfolio may go.
    Limits(CustomerId, Version, Box<RiskLimits>),
    /// Something came in or went out, by the running number of its event.
    Flow(CustomerId, u64, Flow),
    /// From where falls of NAV are measured when a history without its ticks begins; of all customers, so that whoever is
    /// not among them begins anew.
    Peaks(Arc<[PeakRow]>),
    /// What a customer pays for the service, from a day on.
    FeeSchedule(CustomerId, TradeDate, Version, Arc<FeeSchedule>),
    /// Money that a customer plans to pay in or take out: of one name, the latest holds. For forecasts only.
    Planned(CustomerId, Version, Arc<PlannedFlow>),
    /// What settled balances of a currency earn per year, from a day on.
    InterestRate(Currency, TradeDate, Version, Ratio),
    /// A flow or request that is a reason to act until it is answered.
    Request(Box<Reason>),
    /// A decision answered a flow or request.
    Answer(Box<TriggerKey>),
    /// A trigger of prices that was open when a history without its ticks begins: its epoch of entry and its
    /// measure are not derived again.
    Opened(Box<Reason>),
    /// A decision placed an order.
    Placed(Arc<str>, Box<PlacedOrder>),
    /// The desk put an order into a block.
    Blocked {
        /// The order's id.
        order: Arc<str>,
        /// The block's id.
        block: Arc<str>,
    },
    /// An order or a block is in a state, from a running number on.
    State(Arc<str>, u64, OrderStatus),
    /// An order received its part of a block.
    Allocated(Box<AllocationRow>),
}

/// What has a price: an instrument or a currency pair.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// An instrument's price, in raw units of `Price`.
    Instrument(InstrumentId),
    /// A pair's rate, in raw units of `Rate`.
    Pair(Pair),
}

/// One observed price or rate.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// Of what.
    pub feed: Feed,
    /// Effective time, then order of record: the greatest is the current one.
    pub version: Version,
    /// Raw units of `Price` or `Rate`.
    pub value: i64,
    /// The running number up to which a correction may name its event; 0 when none can.
    pub correctable_until: u64,
}

/// What the dataflow is told of, all with a time and a difference.
#[derive(Clone, Debug)]
pub enum Input {
    /// About accounts, reference data or decisions.
    Fact(Fact),
    /// About prices.
    Observation(Observation),
}

impl Fact {
    /// Which worker a fact is for: facts of one customer share the number, modulo the number of workers. `None`
    /// for facts about the market, which every worker needs.
    pub fn spread(&self) -> Option<u64> {
        let customer = match self {
            Fact::Base(c, ..) | Fact::Targets(c, ..) | Fact::Movement(c, ..) | Fact::Posting(c, ..) => c.0,
            Fact::Lot(c, _) | Fact::Due(c, ..) | Fact::Reinvest(c, ..) | Fact::Tax(c, _) => c.0,
            Fact::Harvest(c, ..) | Fact::FeeSchedule(c, ..) | Fact::Planned(c, ..) => c.0,
            Fact::Limits(c, ..) | Fact::Flow(c, ..) | Fact::Tilts(c, ..) => c.0,
            Fact::Request(reason) | Fact::Opened(reason) => reason.key.customer.0,
            Fact::Answer(key) => key.customer.0,
            Fact::Placed(_, order) => order.customer.0,
            Fact::Allocated(row) => row.customer.0,
            Fact::Blocked { .. } | Fact::State(..) | Fact::Listed(..) => 0,
            Fact::Terms(..)
            | Fact::Corporate(..)
            | Fact::Action(..)
            | Fact::Ticker(..)
            | Fact::RebasingClose(..)
            | Fact::Close(..)
            | Fact::FxClose(..)
            | Fact::InterestRate(..)
            | Fact::Peaks(..)
            | Fact::Cpi(..) => return None,
        };
        Some(customer.into())
    }
}

/// The epoch of a date's first instant, rounded up to the epoch length.
pub(crate) fn epoch_of(date: TradeDate, epoch_ms: u64) -> Epoch {
    date.start().epoch(epoch_ms)
}

#[cfg(test)]
mod tests {
    use super::Fact;

    #[test]
    fn a_fact_is_small() {
        assert!(size_of::<Fact>() <= 40, "{}", size_of::<Fact>());
    }
}
