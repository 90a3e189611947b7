//! What a plan is made from: one customer's portfolio on a day, with what is known of risk, tax and the
//! market.

use std::collections::BTreeMap;

use evenkeel_calendar::Market;
use evenkeel_lots::{LotId, OpenLot};
use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_schemas::{InstrumentId, Money, Name, Price, Quantity, Rate, Ratio, TradeDate, Value};
use evenkeel_tax::{Cpi, Law, Position as TaxPosition, Profile};
use serde::{Deserialize, Serialize};

/// One customer on one day.
#[derive(Copy, Clone, Debug)]
pub struct Snapshot<'a> {
    /// The portfolio.
    pub portfolio: &'a Portfolio,
    /// The market whose trading days count.
    pub market: &'a Market,
    /// Covariances; without them the benefit is measured by squared distance.
    pub risk: Option<Risk<'a>>,
    /// The taxpayer's year so far; without it tax is not weighed.
    pub tax: Option<TaxYear<'a>>,
}

/// A portfolio, base currency where nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// The day, on which the first orders are to be placed if it trades.
    pub date: TradeDate,
    /// Cash that can be spent; negative when overdrawn.
    pub cash: Money,
    /// Cash in other currencies, valued in the base currency: counted, not spent.
    pub foreign_cash: Value,
    /// Everything held or targeted, each instrument once.
    pub positions: Vec<Position>,
    /// Groupings with targets of their own, each over all instruments or some.
    #[serde(default)]
    pub taxonomies: Vec<Taxonomy>,
    /// Which parcels a sale takes first.
    #[serde(default)]
    pub parcel_order: ParcelOrder,
}

/// Which parcels a sale takes first.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelOrder {
    /// Those that the plan chooses, and names: losses, then gains held for 12 months, then the others.
    #[default]
    Chosen,
    /// In the order in which they are given: the books choose. To keep one is to sell only what comes before it.
    Given,
}

/// An instrument that is held or targeted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Which.
    pub instrument: InstrumentId,
    /// What people call it.
    pub name: Name,
    /// Units held, not negative.
    pub held: Quantity,
    /// Units that may be sold now, at most those held.
    pub sellable: Quantity,
    /// The mark, in its currency.
    pub price: Option<Price>,
    /// Its currency to the base currency.
    pub rate: Option<Rate>,
    /// Units in a lot of the market; orders are whole multiples.
    pub lot: Quantity,
    /// Smallest step of a limit price.
    pub tick: Price,
    /// Its own target weight. Where there is none, its current weight is kept as far as its groups' targets
    /// allow; nothing, if no group has it.
    pub target: Option<Ratio>,
    /// Tolerated distance from the target.
    pub band: Ratio,
    /// Least weight of the mandate.
    pub weight_min: Ratio,
    /// Greatest weight of the mandate.
    pub weight_max: Ratio,
    /// False for do not trade.
    pub tradable: bool,
    /// Value traded on an average day, base currency; none if unknown: then no order is too large.
    pub average_daily_value: Option<Money>,
    /// What to buy in its place when its losses are realised.
    pub replacement: Option<InstrumentId>,
    /// Its parcels, if known; their units add up to those held.
    #[serde(default)]
    pub parcels: Vec<Parcel>,
}

/// Units held since one day: an open lot of the books.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// The lot's number.
    pub lot: LotId,
    /// When it was acquired.
    pub acquired: TradeDate,
    /// Units left, positive.
    pub quantity: Quantity,
    /// What they cost, not negative, in the instrument's currency.
    pub cost_base: Money,
    /// Their market value when 30 June 2027 ended, if they were held then.
    #[serde(default)]
    pub value_at_start: Option<Money>,
}

impl From<&OpenLot> for Parcel {
    fn from(lot: &OpenLot) -> Parcel {
        Parcel {
            lot: lot.lot,
            acquired: lot.acquired,
            quantity: lot.quantity,
            cost_base: lot.cost_base,
            value_at_start: None,
        }
    }
}

/// A way to group instruments, with a target for each group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    /// What people call it: asset class, region, pod.
    pub name: String,
    /// Its groups. An instrument may be in groups of several taxonomies, and in several of one.
    pub groups: Vec<Group>,
}

/// Instruments with a target together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What people call it.
    pub name: String,
    /// Which instruments.
    pub members: Vec<InstrumentId>,
    /// Their weight together.
    pub target: Ratio,
    /// Tolerated distance.
    pub band: Ratio,
}

/// Covariances of annual returns.
#[derive(Copy, Clone, Debug)]
pub struct Risk<'a> {
    /// Rows and columns are in this order; every instrument of the portfolio is there.
    pub instruments: &'a [InstrumentId],
    /// Positive semi-definite, which its constructor makes sure of.
    pub covariance: &'a Covariance,
}

/// A taxpayer's year so far. Amounts in AUD, which has to be the base currency.
#[derive(Copy, Clone, Debug)]
pub struct TaxYear<'a> {
    /// The law.
    pub law: &'a Law,
    /// Consumer prices, for indexation from 1 July 2027.
    pub cpi: &'a Cpi,
    /// Who is taxed.
    pub profile: &'a Profile,
    /// Income, gains and losses of the year up to now.
    pub position: &'a TaxPosition,
}

impl Position {
    /// Price and rate, where both are known and positive.
    pub(crate) fn mark(&self) -> Option<(Price, Rate)> {
        match (self.price, self.rate) {
            (Some(price), Some(rate)) if price > Price::ZERO && rate > Rate::ZERO => Some((price, rate)),
            _ => None,
        }
    }

    /// Value of the units held; `None` without a mark or out of range.
    pub(crate) fn value(&self) -> Option<Value> {
        let (price, rate) = self.mark()?;
        Value::of_position(self.held, price, rate)
    }

    /// Units of the parcels, wide.
    pub(crate) fn parcel_units(&self) -> i128 {
        self.parcels.iter().map(|parcel| i128::from(parcel.quantity.raw())).sum()
    }
}

impl Portfolio {
    /// The name of an instrument, for people.
    pub(crate) fn name_of(&self, instrument: InstrumentId) -> String {
        let position = self.positions.iter().find(|position| position.instrument == instrument);
        position.map_or_else(|| format!("instrument {}", instrument.0), |position| position.name.to_string())
    }

    /// Positions by instrument.
    pub(crate) fn by_instrument(&self) -> BTreeMap<InstrumentId, &Position> {
        self.positions.iter().map(|position| (position.instrument, position)).collect()
    }
}
