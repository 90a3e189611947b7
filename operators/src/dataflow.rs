//! Where operators are wired together, top to bottom in the order of the data.

use std::sync::Arc;

use differential_dataflow::AsCollection;
use evenkeel_schemas::{
    AnomalyKind, AnomalySource, BandSide, Currency, CustomerId, Epoch, InstrumentId, Money, Quantity, Ratio,
    Row, Standing, Valuation, Worth,
};
use timely::dataflow::operators::Exchange;
use timely::dataflow::operators::vec::Partition;

use crate::cash::{Cash, cash};
use crate::drift::{Drift, drift};
use crate::exposures::{self, exposures};
use crate::facts::{Fact, Observation, TargetSet};
use crate::fx::fx;
use crate::monitoring::{Choice, Listener, Monitored, Watch, monitoring};
use crate::orders::orders;
use crate::positions::{Positions, positions};
use crate::prices::{Prices, prices};
use crate::tally::{Presence, Statements, tally};
use crate::triggers::{Breaching, triggers};
use crate::typedefs::Rows;
use crate::valuations::{Holdings, Quotes, Valuations, valuations};

/// What the dataflow needs to know of time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Epoch length.
    pub epoch_ms: u64,
    /// How often valuations are reported: at multiples of this.
    pub mark_ms: u64,
    /// How often drift is reported: at multiples of this; 0 for never.
    pub drift_mark_ms: u64,
    /// After how long without an observation a price is stale; 0 for never.
    pub stale_ms: u64,
}

impl Timing {
    /// The mark at which a change of worth at `epoch` is reported.
    pub fn mark(&self, epoch: Epoch) -> Epoch {
        self.next(epoch, self.mark_ms)
    }

    /// The mark at which a change of drift at `epoch` is reported, if it is.
    pub fn drift_mark(&self, epoch: Epoch) -> Option<Epoch> {
        (self.drift_mark_ms > 0).then(|| self.next(epoch, self.drift_mark_ms))
    }

    fn next(&self, epoch: Epoch, mark_ms: u64) -> Epoch {
        let mark_ms = mark_ms.max(self.epoch_ms).max(1);
        epoch.div_ceil(mark_ms).saturating_mul(mark_ms)
    }
}

/// How portfolios are valued and watched. The rows that come out are the same.
#[derive(Clone)]
pub enum Watching {
    /// By the monitor: work follows the customers that may have crossed a threshold, or the customers.
    Monitor {
        /// Safe zones, sweeps, or whatever costs less.
        choice: Choice,
        /// Who hears how each epoch was closed.
        listener: Option<Listener>,
    },
    /// By the textbook operators: work follows the holders of what moved. The oracle of the monitor.
    Textbook,
}

/// The whole dataflow: facts and observations in, the rows of every output collection out.
///
/// What is about the market (observations, and facts without a [`Fact::spread`]) is fed to every worker, once
/// each; other facts to the worker of their spread.
pub fn build<'s>(
    facts: Rows<'s, Fact>,
    observations: Rows<'s, Observation>,
    timing: Timing,
    watching: Watching,
) -> Rows<'s, Row> {
    // Every worker knows the market; one of them speaks of it.
    let market = facts.inner.scope().index() == 0;
    let Kinds { statements, books, postings, reasons, trading } = Kinds::of(facts);

    // What is known of instruments and customers: of several statements, the latest holds.
    let terms = tally::<_, _, _, Statements<Currency>>(statements.clone(), "terms", |fact| match fact {
        Fact::Terms(instrument, version, terms) => Some((instrument, (version, terms.currency))),
        _ => None,
    });
    let bases =
        tally::<_, _, _, Statements<Currency>>(statements.clone(), "base currencies", |fact| match fact {
            Fact::Base(customer, version, currency) => Some((customer, (version, currency))),
            _ => None,
        });
    let targets = tally::<_, _, _, Statements<Arc<TargetSet>>>(statements, "targets", |fact| match fact {
        Fact::Targets(customer, version, set) => Some((customer, (version, set))),
        _ => None,
    });

    // Books.
    let Positions { held, out_of_range: units_out } = positions(books, timing.epoch_ms);
    let Cash { balances, out_of_range: money_out } = cash(postings);

    // Market.
    let Prices { prices, rates, stale } = prices(observations, timing.stale_ms, market);

    // Worth and drift.
    let holdings = Holdings { held: held.clone(), balances: balances.clone(), bases };
    let quotes = Quotes { terms, prices: prices.clone(), rates: fx(rates.clone()) };
    let Monitored { breaching, faults, reported, parts } = match watching {
        Watching::Textbook => textbook(holdings, quotes.only(market), targets, timing),
        Watching::Monitor { choice, listener } => {
            monitoring(holdings, quotes, targets, timing, Watch::new(choice, listener, timing))
        }
    };

    // Reasons to act.
    let triggers = triggers(breaching.clone(), reasons);

    // What goes out.
    let faults = Faults {
        faults,
        held: held.clone(),
        balances: balances.clone(),
        out_of_range: units_out.concat(money_out),
        stale,
    };
    let position = |((customer, instrument), quantity)| Row::Position { customer, instrument, quantity };
    let balance = |((customer, currency), amount)| Row::Cash { customer, currency, amount };
    let price = move |(instrument, price)| market.then_some(Row::Price { instrument, price });
    let rate = move |(pair, rate)| market.then_some(Row::FxRate { pair, rate });
    let breach = |(customer, b): (CustomerId, Breaching)| Row::Breach {
        customer,
        instrument: b.instrument,
        side: b.side,
    };
    held.map(position).concatenate([
        balances.map(balance),
        prices.flat_map(price),
        rates.flat_map(rate),
        reported,
        exposures(parts).map(|row| Row::Exposure(Box::new(row))),
        breaching.map(breach),
        triggers.map(|(key, (measure, limit))| Row::Trigger { key, measure, limit }),
        orders(trading.clone()).map(|row| Row::Order(Box::new(row))),
        trading.flat_map(|fact| match fact {
            Fact::Allocated(row) => Some(Row::Allocation(row)),
            _ => None,
        }),
        anomalies(faults),
    ])
}

/// Facts by who reads them.
struct Kinds<'s> {
    statements: Rows<'s, Fact>,
    books: Rows<'s, Fact>,
    postings: Rows<'s, Fact>,
    reasons: Rows<'s, Fact>,
    trading: Rows<'s, Fact>,
}

impl<'s> Kinds<'s> {
    fn of(facts: Rows<'s, Fact>) -> Kinds<'s> {
        let kind = |fact: &Fact| match fact {
            Fact::Terms(..) | Fact::Base(..) | Fact::Targets(..) => 0,
            Fact::Movement(..) | Fact::Split { .. } => 1,
            Fact::Posting(..) => 2,
            Fact::Request(..) | Fact::Answer(..) | Fact::Opened(..) => 3,
            Fact::Placed(..) | Fact::Blocked { .. } | Fact::State(..) | Fact::Allocated(..) => 4,
        };
        let parts = facts.inner.partition(5, move |(fact, epoch, diff)| (kind(&fact), (fact, epoch, diff)));
        let mut parts = parts.into_iter().map(|part| part.as_collection());
        let mut next = || parts.next().expect("there are as many streams as kinds");
        Kinds { statements: next(), books: next(), postings: next(), reasons: next(), trading: next() }
    }
}

/// Valuations and drift by the textbook operators.
fn textbook<'s>(
    holdings: Holdings<'s>,
    quotes: Quotes<'s>,
    targets: Rows<'s, (CustomerId, Arc<TargetSet>)>,
    timing: Timing,
) -> Monitored<'s> {
    let parts = exposures::textbook(holdings.clone(), quotes.clone());
    let Valuations { worths, values, gaps } = valuations(holdings, quotes);
    let Drift { standings, no_nav } = drift(worths.clone(), values, targets);
    let faults = gaps.concat(no_nav.map(|(c, nav)| (c, AnomalyKind::NoNav(nav))));
    let worths = worths.flat_map(valuation_row).delay(move |epoch| timing.mark(*epoch));
    let drift = standings.clone().filter(move |_| timing.drift_mark_ms > 0).map(drift_row);
    let reported = worths.concat(drift.delay(move |epoch| timing.drift_mark(*epoch).unwrap_or(*epoch)));
    Monitored {
        breaching: standings.flat_map(breaching),
        // Where the customer's own facts are.
        faults: faults.inner.exchange(|((c, _), _, _)| c.0.into()).as_collection(),
        reported,
        parts: parts.delay(move |epoch| timing.mark(*epoch)),
    }
}

/// What anomalies are told from.
struct Faults<'s> {
    faults: Rows<'s, (CustomerId, AnomalyKind)>,
    held: Rows<'s, ((CustomerId, InstrumentId), Quantity)>,
    balances: Rows<'s, ((CustomerId, Currency), Money)>,
    out_of_range: Rows<'s, CustomerId>,
    stale: Rows<'s, InstrumentId>,
}

fn anomalies<'s>(faults: Faults<'s>) -> Rows<'s, Row> {
    let oversold = |((c, i), q)| (q < Quantity::ZERO).then_some((c, AnomalyKind::Oversold(i, q)));
    let overdrawn =
        |((c, currency), m)| (m < Money::ZERO).then_some((c, AnomalyKind::Overdraft(currency, m)));
    let of_customers = faults.faults.concatenate([
        faults.held.flat_map(oversold),
        faults.balances.flat_map(overdrawn),
        faults.out_of_range.map(|c| (c, AnomalyKind::OutOfRange)),
    ]);
    // Two sums of one customer may be out of range: that is one anomaly.
    let once = tally::<_, _, _, Presence>(of_customers, "anomalies", |anomaly| Some((anomaly, ())));
    once.map(|((c, kind), ())| Row::Anomaly { source: AnomalySource::Customer(c), kind }).concat(
        faults.stale.map(|i| Row::Anomaly { source: AnomalySource::Instrument(i), kind: AnomalyKind::Stale }),
    )
}

fn breaching((customer, standing): (CustomerId, Standing)) -> Option<(CustomerId, Breaching)> {
    let Standing { instrument, drift, band, .. } = standing;
    let side: BandSide = standing.breach?;
    let distance = Ratio::from_raw(drift.raw().saturating_abs());
    Some((customer, Breaching { instrument, side, distance, band }))
}

fn valuation_row((customer, worth): (CustomerId, Worth)) -> Option<Row> {
    // Worth guarantees that each part is a Money.
    let Valuation { currency, nav, market_value, cash } = worth.rounded()?;
    Some(Row::Valuation { customer, currency, nav, market_value, cash })
}

fn drift_row((customer, standing): (CustomerId, Standing)) -> Row {
    let Standing { instrument, weight, target, drift, .. } = standing;
    Row::Drift { customer, instrument, weight, target, drift }
}
