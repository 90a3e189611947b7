//! What holds, as books and market say it: the vocabulary between the operators that keep them and those that
//! value and watch. One stream carries it all, because each operator that a stream passes costs every epoch.

use std::sync::Arc;

use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, InstrumentId, Labels, Money, Pair, PeakRow, Price, Quantity, Rate, Row,
};
use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Flow, RiskLimits, TargetSet, Version};
use crate::tally::{Statements, tally};
use crate::typedefs::Rows;

/// Something that holds; one row per key, whose fields come first, so that rows of one key sort together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Known {
    /// The currency that an instrument is priced in, and its labels.
    Terms(InstrumentId, Currency, Labels),
    /// The currency that a customer's portfolio is valued in.
    Base(CustomerId, Currency),
    /// A customer's targets, tilted where they are.
    Targets(CustomerId, Arc<TargetSet>),
    /// How far a customer's portfolio may go; only where some limit is set.
    Limits(CustomerId, Arc<RiskLimits>),
    /// Units that a customer holds.
    Position(CustomerId, InstrumentId, Quantity),
    /// A customer's balance.
    Cash(CustomerId, Currency, Money),
    /// The open lots of a holding, in sum, of a customer with a stop-loss: units, and their cost base in the
    /// instrument's currency.
    Cost(CustomerId, InstrumentId, Box<(Quantity, Money)>),
    /// Something came in or went out, by the running number of its event; counted once.
    Flow(CustomerId, u64, Box<Flow>),
    /// From where falls of NAV are measured from here on; see [`Fact::Peaks`].
    Peaks(Arc<[PeakRow]>),
    /// What is estimated of the market's risk: an estimate, a covariance or a factor loading.
    Estimated(Box<Row>),
    /// A sum of a customer's that its type does not hold; once for each such sum.
    OutOfRange(CustomerId),
    /// The current price of an instrument.
    Price(InstrumentId, Price),
    /// The current rate of a pair, as it was observed.
    Rate(Pair, Rate),
    /// What one unit of the first currency is in the second: observed, or the inverse of the reversed pair.
    Conversion(Pair, Rate),
}

// Every row of a stream is as large as the largest: what is rare and large is elsewhere.
const _: () = assert!(size_of::<Known>() <= 24);

impl Known {
    /// Whom it is about; nobody for the market.
    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Known::Base(c, _)
            | Known::Targets(c, _)
            | Known::Limits(c, _)
            | Known::Flow(c, ..)
            | Known::Position(c, ..)
            | Known::Cost(c, ..)
            | Known::Cash(c, ..)
            | Known::OutOfRange(c) => Some(*c),
            Known::Terms(..) | Known::Price(..) | Known::Rate(..) | Known::Conversion(..) => None,
            Known::Peaks(..) | Known::Estimated(_) => None,
        }
    }

    /// Its row of an output collection, if it has one. Every worker knows the market; one speaks of it.
    pub fn row(self, market: bool) -> Option<Row> {
        match self {
            Known::Position(customer, instrument, quantity) => {
                Some(Row::Position { customer, instrument, quantity })
            }
            Known::Cash(customer, currency, amount) => Some(Row::Cash { customer, currency, amount }),
            Known::Price(instrument, price) => market.then_some(Row::Price { instrument, price }),
            Known::Rate(pair, rate) => market.then_some(Row::FxRate { pair, rate }),
            Known::Terms(..)
            | Known::Base(..)
            | Known::Targets(..)
            | Known::Limits(..)
            | Known::Cost(..)
            | Known::Flow(..)
            | Known::Peaks(..)
            | Known::Estimated(_)
            | Known::OutOfRange(_)
            | Known::Conversion(..) => None,
        }
    }

    /// What facts say without being added up.
    pub fn said(fact: Fact) -> Option<Known> {
        match fact {
            Fact::Flow(customer, number, flow) => Some(Known::Flow(customer, number, flow.into())),
            Fact::Peaks(peaks) => Some(Known::Peaks(peaks)),
            _ => None,
        }
    }

    /// What is wrong about it.
    pub fn fault(self) -> Option<(CustomerId, AnomalyKind)> {
        match self {
            Known::Position(c, i, q) if q < Quantity::ZERO => Some((c, AnomalyKind::Oversold(i, q))),
            Known::Cash(c, currency, m) if m < Money::ZERO => Some((c, AnomalyKind::Overdraft(currency, m))),
            Known::OutOfRange(c) => Some((c, AnomalyKind::OutOfRange)),
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Terms(InstrumentId),
    Base(CustomerId),
    Limits(CustomerId),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Statement {
    Terms(Currency, Labels),
    Base(Currency),
    /// Few have any, and most statements are small.
    Limits(Box<RiskLimits>),
}

/// Terms, base currencies and limits: of several statements, the latest holds.
pub(crate) fn statements(facts: Rows<'_, Fact>) -> Rows<'_, Known> {
    let split = |fact: Fact| -> Option<(About, (Version, Statement))> {
        match fact {
            Fact::Terms(i, version, terms) => {
                Some((About::Terms(i), (version, Statement::Terms(terms.currency, terms.labels))))
            }
            Fact::Base(c, version, currency) => Some((About::Base(c), (version, Statement::Base(currency)))),
            Fact::Limits(c, version, limits) => {
                Some((About::Limits(c), (version, Statement::Limits(limits))))
            }
            _ => None,
        }
    };
    tally::<Statements<Statement>, _, _, _, _>(facts, "statements", split, |about, statement| {
        match (about, statement) {
            (About::Terms(i), Statement::Terms(currency, labels)) => Some(Known::Terms(*i, currency, labels)),
            (About::Base(c), Statement::Base(currency)) => Some(Known::Base(*c, currency)),
            (About::Limits(c), Statement::Limits(limits)) => {
                (*limits != RiskLimits::default()).then(|| Known::Limits(*c, (*limits).into()))
            }
            _ => None,
        }
    })
}
