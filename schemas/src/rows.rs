//! The rows of the output collections: what flows out, as `(row, epoch, diff)`.
//!
//! Inside the dataflow a row carries dense numbers; [`Row::render`] writes it with names, as
//! `replay` writes it to files and people read it.

use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::events::{OrderStatus, Side, TriggerKind};
use crate::{
    AccrualRow, CashLadderRow, CovarianceRow, Currency, CustomerId, DistributionRow, Epoch, EstimateRow,
    FactorLoadingRow, HarvestCandidateRow, InstrumentId, Money, Names, Pair, Price, Quantity, Rate, Ratio,
    ReturnRow, TaxRow, Total, TradeDate, Valuation, ValuationChange, derive,
};

/// The output collections, named as their files and tables are.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Collection {
    /// Units held.
    Positions,
    /// Cash by currency.
    Cash,
    /// Money that is due, by day.
    CashLadder,
    /// What customers are entitled to of distributions.
    Distributions,
    /// Fees and interest that accrue, by month.
    Accruals,
    /// Last price by instrument.
    Prices,
    /// Last rate by pair.
    FxRates,
    /// NAV and its parts, at marks.
    Valuations,
    /// Weights against targets, at marks.
    Drift,
    /// What all customers of a base currency hold, at marks.
    Exposures,
    /// Weights outside their band.
    Breaches,
    /// Open reasons to act.
    Triggers,
    /// Orders in their current state.
    Orders,
    /// What each order received.
    Allocations,
    /// Open tax lots.
    Lots,
    /// What disposals realised, by lot.
    RealisedGains,
    /// The figures of tax reports, at marks.
    Tax,
    /// Losses that are worth harvesting.
    HarvestCandidates,
    /// From where a fall of NAV is measured, at marks.
    Peaks,
    /// What prices returned, by day.
    Returns,
    /// What is estimated of each instrument, at marks.
    Estimates,
    /// How instruments move together, pair by pair, at marks.
    Covariances,
    /// How instruments move with factors, at marks.
    FactorLoadings,
    /// What is not as it should be.
    Anomalies,
}

impl Collection {
    /// All collections.
    pub const ALL: [Collection; 24] = [
        Collection::Positions,
        Collection::Cash,
        Collection::CashLadder,
        Collection::Distributions,
        Collection::Accruals,
        Collection::Prices,
        Collection::FxRates,
        Collection::Valuations,
        Collection::Drift,
        Collection::Exposures,
        Collection::Breaches,
        Collection::Triggers,
        Collection::Orders,
        Collection::Allocations,
        Collection::Lots,
        Collection::RealisedGains,
        Collection::Tax,
        Collection::HarvestCandidates,
        Collection::Peaks,
        Collection::Returns,
        Collection::Estimates,
        Collection::Covariances,
        Collection::FactorLoadings,
        Collection::Anomalies,
    ];

    /// Whether its rows depend on prices and rates, and not on account events and decisions alone.
    pub fn from_ticks(self) -> bool {
        use Collection::{
            Anomalies, Breaches, Drift, Exposures, FxRates, HarvestCandidates, Peaks, Prices, Triggers,
            Valuations,
        };
        matches!(self, Prices | FxRates | Valuations | Drift | Exposures | Breaches)
            || matches!(self, Triggers | HarvestCandidates | Peaks | Anomalies)
    }

    /// The name of its file and table.
    pub fn as_str(self) -> &'static str {
        match self {
            Collection::Positions => "positions",
            Collection::Cash => "cash",
            Collection::CashLadder => "cash_ladder",
            Collection::Distributions => "distributions",
            Collection::Accruals => "accruals",
            Collection::Prices => "prices",
            Collection::FxRates => "fx_rates",
            Collection::Valuations => "valuations",
            Collection::Drift => "drift",
            Collection::Exposures => "exposures",
            Collection::Breaches => "breaches",
            Collection::Triggers => "triggers",
            Collection::Orders => "orders",
            Collection::Allocations => "allocations",
            Collection::Lots => "lots",
            Collection::RealisedGains => "realised_gains",
            Collection::Tax => "tax",
            Collection::HarvestCandidates => "harvest_candidates",
            Collection::Peaks => "peaks",
            Collection::Returns => "returns",
            Collection::Estimates => "estimates",
            Collection::Covariances => "covariances",
            Collection::FactorLoadings => "factor_loadings",
            Collection::Anomalies => "anomalies",
        }
    }
}

/// On which side of its band a weight lies.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BandSide {
    /// Above target + band.
    Over,
    /// Below target − band.
    Under,
}

impl BandSide {
    /// The word as files and tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            BandSide::Over => "over",
            BandSide::Under => "under",
        }
    }
}

/// What a trigger is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// An instrument.
    Instrument(InstrumentId),
    /// A flow or request, by its event.
    Event(Arc<str>),
    /// The portfolio as a whole.
    Portfolio,
}

/// What identifies a trigger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TriggerKey {
    /// Whose.
    pub customer: CustomerId,
    /// Its kind.
    pub kind: TriggerKind,
    /// What it is about.
    pub subject: Subject,
    /// The epoch it entered.
    pub entered: Epoch,
}

impl TriggerKey {
    /// The subject's name.
    pub fn subject_name<'a>(&'a self, names: &'a Names) -> &'a str {
        match &self.subject {
            Subject::Instrument(id) => names.instrument(*id),
            Subject::Event(name) => name,
            Subject::Portfolio => "portfolio",
        }
    }

    /// The trigger's id.
    pub fn id(&self, names: &Names) -> crate::Name {
        derive::trigger_id(names.customer(self.customer), self.kind, self.subject_name(names), self.entered)
    }
}

/// How large what a trigger is about is, and the limit it passed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// A share of NAV.
    Share(Ratio),
    /// An amount, in the currency of the flow.
    Amount(Money),
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Measure::Share(ratio) => ratio.fmt(f),
            Measure::Amount(money) => money.fmt(f),
        }
    }
}

/// What an anomaly is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AnomalySource {
    /// A customer.
    Customer(CustomerId),
    /// An instrument.
    Instrument(InstrumentId),
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AnomalyKind {
    /// A held instrument has no price yet: the customer has no valuation.
    Unpriced(InstrumentId),
    /// There is no rate into the base currency: the customer has no valuation.
    NoRate(Pair),
    /// Cash of a currency is below zero.
    Overdraft(Currency, Money),
    /// Fewer than no units are held.
    Oversold(InstrumentId, Quantity),
    /// NAV is zero or below: weights are undefined and no drift is reported.
    NoNav(Money),
    /// A sum left the range of its type.
    OutOfRange,
    /// No price has come for the set time.
    Stale,
    /// An event of an instrument's lots, of a date, does not add up with the others.
    Lots(InstrumentId, TradeDate, Arc<str>, LotTrouble),
    /// The tax of a financial year cannot be worked out, for this reason.
    Tax(Arc<str>, Arc<str>),
    /// From a day of a month on, fees cannot be worked out, because this has no closing mark.
    FeesUnknown(TradeDate, Unmarked),
}

/// What has no closing mark.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unmarked {
    /// An instrument.
    Instrument(InstrumentId),
    /// A pair of currencies.
    Pair(Pair),
    /// All have one, and the value is out of range.
    OutOfRange,
}

impl AnomalyKind {
    /// The word as files and tables write it.
    pub fn as_str(&self) -> &'static str {
        match self {
            AnomalyKind::Unpriced(_) => "unpriced",
            AnomalyKind::NoRate(_) => "no_rate",
            AnomalyKind::Overdraft(..) => "overdraft",
            AnomalyKind::Oversold(..) => "oversold",
            AnomalyKind::NoNav(_) => "no_nav",
            AnomalyKind::OutOfRange => "out_of_range",
            AnomalyKind::Stale => "stale_price",
            AnomalyKind::Tax(..) => "tax_unknown",
            AnomalyKind::FeesUnknown(..) => "fees_unknown",
            AnomalyKind::Lots(_, _, _, trouble) => match trouble {
                LotTrouble::Oversold(_) => "lots_oversold",
                LotTrouble::NotOpen(..) => "lot_not_open",
                LotTrouble::SelectionMismatch(_) => "lot_selection_mismatch",
                LotTrouble::Invalid => "lot_event_invalid",
                LotTrouble::OutOfRange => "lots_out_of_range",
            },
        }
    }

    /// In words.
    pub fn detail(&self, names: &Names) -> String {
        match self {
            AnomalyKind::Unpriced(i) => format!("{} is held and has no price yet", names.instrument(*i)),
            AnomalyKind::NoRate(pair) => format!("no rate for {pair}, direct or reversed"),
            AnomalyKind::Overdraft(ccy, amount) => format!("cash is {amount} {ccy}"),
            AnomalyKind::Oversold(i, quantity) => format!("{quantity} of {} are held", names.instrument(*i)),
            AnomalyKind::NoNav(nav) => format!("NAV is {nav}; weights are undefined"),
            AnomalyKind::OutOfRange => {
                "a value left the range of its type; see the limits of Value".to_owned()
            }
            AnomalyKind::Stale => "no price for longer than the set time".to_owned(),
            AnomalyKind::Tax(year, reason) => format!("{year}: {reason}"),
            AnomalyKind::FeesUnknown(from, what) => match what {
                Unmarked::Instrument(i) => {
                    format!("no fees from {from} on: {} has no closing mark up to then", names.instrument(*i))
                }
                Unmarked::Pair(pair) => {
                    format!("no fees from {from} on: {pair} has no rate of a day up to then")
                }
                Unmarked::OutOfRange => format!("no fees from {from} on: NAV is out of range"),
            },
            AnomalyKind::Lots(i, date, event, trouble) => {
                let what = format!("{} on {date}, event {event}", names.instrument(*i));
                match trouble {
                    LotTrouble::Oversold(missing) => format!("{what}: {missing} units sold that no lot held"),
                    LotTrouble::NotOpen(lot, missing) => {
                        format!("{what}: lot {lot} lacks {missing} of the units named; other lots gave them")
                    }
                    LotTrouble::SelectionMismatch(named) => {
                        format!("{what}: {named} units are named by lot, which is not what was sold")
                    }
                    LotTrouble::Invalid => {
                        format!("{what}: a quantity, price or ratio is not valid for lots; it is left out")
                    }
                    LotTrouble::OutOfRange => format!("{what}: an amount out of range; it is left out"),
                }
            }
        }
    }
}

/// One row of one output collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub enum Row {
    Position {
        customer: CustomerId,
        instrument: InstrumentId,
        quantity: Quantity,
    },
    Cash {
        customer: CustomerId,
        currency: Currency,
        amount: Money,
    },
    CashLadder(CashLadderRow),
    Distribution(Box<DistributionRow>),
    Accrual(Box<AccrualRow>),
    Price {
        instrument: InstrumentId,
        price: Price,
    },
    FxRate {
        pair: Pair,
        rate: Rate,
    },
    Valuation {
        customer: CustomerId,
        currency: Currency,
        nav: Money,
        market_value: Money,
        cash: Money,
    },
    /// Many at once, as a mark of a million customers has them: see [`Row::each_single`].
    Valuations(Arc<[ValuationChange]>),
    Drift {
        customer: CustomerId,
        instrument: InstrumentId,
        weight: Ratio,
        target: Ratio,
        drift: Ratio,
    },
    Exposure(Box<ExposureRow>),
    Breach {
        customer: CustomerId,
        instrument: InstrumentId,
        side: BandSide,
    },
    Trigger {
        key: TriggerKey,
        measure: Measure,
        limit: Measure,
    },
    Order(Box<OrderRow>),
    Allocation(Box<AllocationRow>),
    Lot(LotRow),
    RealisedGain(Box<RealisedGainRow>),
    Tax(Box<TaxRow>),
    HarvestCandidate(Box<HarvestCandidateRow>),
    Peak(PeakRow),
    Return(ReturnRow),
    Estimate(Box<EstimateRow>),
    Covariance(CovarianceRow),
    FactorLoading(FactorLoadingRow),
    Anomaly {
        source: AnomalySource,
        kind: AnomalyKind,
    },
}

/// From where a fall of a customer's NAV is measured.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct PeakRow {
    pub customer: CustomerId,
    pub currency: Currency,
    pub peak: Money,
}

/// What can be held.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Holding {
    /// Units of an instrument.
    Instrument(InstrumentId),
    /// Money.
    Cash(Currency),
}

impl Holding {
    /// The word as files and tables write its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Holding::Instrument(_) => "instrument",
            Holding::Cash(_) => "cash",
        }
    }

    /// The name of the instrument or the currency.
    pub fn name<'a>(&'a self, names: &'a Names) -> &'a str {
        match self {
            Holding::Instrument(id) => names.instrument(*id),
            Holding::Cash(currency) => currency.as_str(),
        }
    }
}

/// What all customers of one base currency hold of something, and what it is worth in that currency.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct ExposureRow {
    pub base_currency: Currency,
    pub holding: Holding,
    pub customers: u64,
    pub quantity: Total,
    pub value: Total,
}

/// An order in its current state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct OrderRow {
    pub order: Arc<str>,
    pub block: Arc<str>,
    pub decision: Arc<str>,
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub quantity: Quantity,
    pub state: OrderStatus,
}

/// What an order received.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct AllocationRow {
    pub block: Arc<str>,
    pub order: Arc<str>,
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub quantity: Quantity,
    pub price: Price,
    pub fee: Money,
}

/// An open tax lot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct LotRow {
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub lot: Arc<str>,
    pub acquired: TradeDate,
    pub quantity: Quantity,
    pub cost_base: Money,
}

/// What one disposal realised of one lot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct RealisedGainRow {
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub lot: Arc<str>,
    pub acquired: TradeDate,
    pub disposed: TradeDate,
    pub quantity: Quantity,
    pub proceeds: Money,
    pub cost_base: Money,
    pub gain: Money,
    pub days_held: i32,
    pub fee: Money,
    pub kind: GainKind,
    pub disposal: Arc<str>,
}

/// Why a gain was realised.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GainKind {
    /// Units were sold.
    Sale,
    /// A split left a fraction of a unit.
    CashInLieu,
    /// A cost base fell below nil (CGT events E10 and G1).
    CostBaseExcess,
    /// The instrument ended.
    Delisting,
    /// Cash in a merger.
    Merger,
}

impl GainKind {
    /// The word as tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            GainKind::Sale => "sale",
            GainKind::CashInLieu => "cash_in_lieu",
            GainKind::CostBaseExcess => "cost_base_excess",
            GainKind::Delisting => "delisting",
            GainKind::Merger => "merger",
        }
    }
}

/// What of a customer's lots does not add up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LotTrouble {
    /// So many units more were sold than were held; what was held is matched.
    Oversold(Quantity),
    /// A lot named at a sale is not open or lacks so many units; other lots gave them.
    NotOpen(Arc<str>, Quantity),
    /// So many units were named at a sale, which are not as many as were sold.
    SelectionMismatch(Quantity),
    /// A quantity, price or ratio that makes no sense: the event is left out of the lots.
    Invalid,
    /// An amount would be out of range: the event is left out of the lots.
    OutOfRange,
}

impl Row {
    /// The collection it belongs to.
    pub fn collection(&self) -> Collection {
        match self {
            Row::Position { .. } => Collection::Positions,
            Row::Cash { .. } => Collection::Cash,
            Row::CashLadder(_) => Collection::CashLadder,
            Row::Distribution(_) => Collection::Distributions,
            Row::Accrual(_) => Collection::Accruals,
            Row::Price { .. } => Collection::Prices,
            Row::FxRate { .. } => Collection::FxRates,
            Row::Valuation { .. } | Row::Valuations(_) => Collection::Valuations,
            Row::Drift { .. } => Collection::Drift,
            Row::Exposure(_) => Collection::Exposures,
            Row::Breach { .. } => Collection::Breaches,
            Row::Trigger { .. } => Collection::Triggers,
            Row::Order(_) => Collection::Orders,
            Row::Allocation(_) => Collection::Allocations,
            Row::Lot(_) => Collection::Lots,
            Row::RealisedGain(_) => Collection::RealisedGains,
            Row::Tax(_) => Collection::Tax,
            Row::HarvestCandidate(_) => Collection::HarvestCandidates,
            Row::Peak(_) => Collection::Peaks,
            Row::Return(_) => Collection::Returns,
            Row::Estimate(_) => Collection::Estimates,
            Row::Covariance(_) => Collection::Covariances,
            Row::FactorLoading(_) => Collection::FactorLoadings,
            Row::Anomaly { .. } => Collection::Anomalies,
        }
    }

    /// Whose it is, of the rows of one customer's books.
    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Row::Position { customer, .. } | Row::Cash { customer, .. } => Some(*customer),
            Row::CashLadder(row) => Some(row.customer),
            Row::Distribution(row) => Some(row.customer),
            Row::Accrual(row) => Some(row.customer),
            Row::HarvestCandidate(row) => Some(row.customer),
            Row::Lot(row) => Some(row.customer),
            Row::RealisedGain(row) => Some(row.customer),
            Row::Tax(row) => Some(row.customer),
            _ => None,
        }
    }

    /// Hands over the single rows with their differences that this row stands for: itself, unless it is many at
    /// once.
    pub fn each_single(&self, diff: isize, mut each: impl FnMut(&Row, isize)) {
        let Row::Valuations(changes) = self else { return each(self, diff) };
        for ValuationChange { customer, before, now } in changes.iter() {
            let row = |v: &Valuation| Row::Valuation {
                customer: *customer,
                currency: v.currency,
                nav: v.nav,
                market_value: v.market_value,
                cash: v.cash,
            };
            before.iter().for_each(|before| each(&row(before), -diff));
            now.iter().for_each(|now| each(&row(now), diff));
        }
    }

    /// How many single rows it stands for.
    pub fn singles(&self) -> usize {
        let Row::Valuations(changes) = self else { return 1 };
        changes.iter().map(|c| usize::from(c.before.is_some()) + usize::from(c.now.is_some())).sum()
    }

    /// Appends the fields of a single row as the inside of a JSON object, numbers as strings, names for numbers.
    pub fn render(&self, names: &Names, out: &mut String) {
        let mut fields = Fields { out, first: true };
        let customer = |id: &CustomerId| names.customer(*id).to_owned();
        let instrument = |id: &InstrumentId| names.instrument(*id).to_owned();
        match self {
            Row::Position { customer: c, instrument: i, quantity } => {
                fields
                    .put("customer", customer(c))
                    .put("instrument", instrument(i))
                    .put("quantity", quantity);
            }
            Row::Cash { customer: c, currency, amount } => {
                fields.put("customer", customer(c)).put("currency", currency).put("amount", amount);
            }
            Row::CashLadder(row) => row.put(&mut fields, names),
            Row::Distribution(row) => row.put(&mut fields, names),
            Row::Accrual(row) => row.put(&mut fields, names),
            Row::Price { instrument: i, price } => {
                fields.put("instrument", instrument(i)).put("price", price);
            }
            Row::FxRate { pair, rate } => {
                fields.put("pair", pair).put("rate", rate);
            }
            Row::Valuation { customer: c, currency, nav, market_value, cash } => {
                fields.put("customer", customer(c)).put("currency", currency).put("nav", nav);
                fields.put("market_value", market_value).put("cash", cash);
            }
            Row::Valuations(_) => debug_assert!(false, "Invariant: single rows are written"),
            Row::Drift { customer: c, instrument: i, weight, target, drift } => {
                fields.put("customer", customer(c)).put("instrument", instrument(i));
                fields.put("weight", weight.to_fixed()).put("target", target.to_fixed());
                fields.put("drift", drift.to_fixed());
            }
            Row::Exposure(row) => {
                fields.put("base_currency", row.base_currency).put("kind", row.holding.kind());
                fields.put("holding", row.holding.name(names)).put("customers", row.customers);
                fields.put("quantity", row.quantity).put("value", row.value);
            }
            Row::Breach { customer: c, instrument: i, side } => {
                fields
                    .put("customer", customer(c))
                    .put("instrument", instrument(i))
                    .put("side", side.as_str());
            }
            Row::Trigger { key, measure, limit } => {
                fields.put("trigger", key.id(names)).put("customer", customer(&key.customer));
                fields.put("kind", key.kind).put("subject", key.subject_name(names));
                fields.put("measure", measure).put("limit", limit);
            }
            Row::Order(row) => row.put(&mut fields, names),
            Row::Allocation(row) => {
                fields
                    .put("block", &row.block)
                    .put("order", &row.order)
                    .put("customer", customer(&row.customer));
                fields.put("quantity", row.quantity).put("price", row.price);
            }
            Row::Lot(row) => row.put(&mut fields, names),
            Row::RealisedGain(row) => row.put(&mut fields, names),
            Row::Tax(row) => row.put(&mut fields, names),
            Row::HarvestCandidate(row) => row.put(&mut fields, names),
            Row::Peak(row) => {
                fields.put("customer", customer(&row.customer)).put("currency", row.currency);
                fields.put("peak", row.peak);
            }
            Row::Return(row) => row.put(&mut fields, names),
            Row::Estimate(row) => row.put(&mut fields, names),
            Row::Covariance(row) => row.put(&mut fields, names),
            Row::FactorLoading(row) => row.put(&mut fields, names),
            Row::Anomaly { source, kind } => {
                match source {
                    AnomalySource::Customer(c) => fields.put("customer", customer(c)),
                    AnomalySource::Instrument(i) => fields.put("source", instrument(i)),
                };
                fields.put("kind", kind.as_str()).put("detail", kind.detail(names));
            }
        }
    }
}

impl OrderRow {
    fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("order", &self.order).put("block", &self.block).put("decision", &self.decision);
        fields.put("customer", names.customer(self.customer));
        fields.put("instrument", names.instrument(self.instrument));
        fields.put("side", self.side).put("quantity", self.quantity).put("state", self.state);
    }
}

impl LotRow {
    fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer));
        fields.put("instrument", names.instrument(self.instrument));
        fields.put("lot", &self.lot).put("acquired", self.acquired);
        fields.put("quantity", self.quantity).put("cost_base", self.cost_base);
    }
}

impl RealisedGainRow {
    fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer));
        fields.put("instrument", names.instrument(self.instrument));
        fields.put("lot", &self.lot).put("acquired", self.acquired).put("disposed", self.disposed);
        fields.put("quantity", self.quantity).put("proceeds", self.proceeds);
        fields.put("cost_base", self.cost_base).put("gain", self.gain);
        fields.put("days_held", self.days_held).put("fee", self.fee);
        fields.put("kind", self.kind.as_str()).put("disposal", &self.disposal);
    }
}

pub(crate) struct Fields<'a> {
    out: &'a mut String,
    first: bool,
}

impl Fields<'_> {
    // Names, numbers and the fixed words have no character that JSON escapes; the details of
    // anomalies are built from those.
    pub(crate) fn put(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        let comma = if self.first { "" } else { "," };
        self.first = false;
        let _ = write!(self.out, "{comma}\"{key}\":\"{value}\"");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    #[test]
    fn a_row_reads_as_the_design_lists_it() {
        let mut names = Names::default();
        let customer = names.intern_customer(&Name::new("c1").unwrap());
        let instrument = names.intern_instrument(&Name::new("VAS").unwrap());
        let mut text = String::new();
        let ratio = |raw| Ratio::from_raw(raw);
        let (weight, target, drift) = (ratio(312_345_678), ratio(250_000_000), ratio(62_345_678));
        Row::Drift { customer, instrument, weight, target, drift }.render(&names, &mut text);
        let expected = r#""customer":"c1","instrument":"VAS","weight":"0.312345678","target":"0.250000000","drift":"0.062345678""#;
        assert_eq!(text, expected);
    }
}
