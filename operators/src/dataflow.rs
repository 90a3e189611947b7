//! Where operators are wired together, top to bottom in the order of the data.

use std::sync::Arc;

use evenkeel_schemas::{
    AnomalyKind, AnomalySource, BandSide, Currency, CustomerId, Epoch, InstrumentId, Money, Quantity, Ratio,
    Row,
};

use crate::cash::{Cash, cash};
use crate::drift::{Drift, Standing, drift};
use crate::facts::{Fact, Observation, TargetSet, Version};
use crate::fx::fx;
use crate::monitoring::{Choice, Listener, Monitored, Watch, monitoring};
use crate::orders::orders;
use crate::positions::{Positions, SplitTerms, positions};
use crate::prices::{Prices, prices};
use crate::triggers::{Breaching, triggers};
use crate::typedefs::Rows;
use crate::valuations::{Holdings, Quotes, Valuations, Worth, valuations};

/// What the dataflow needs to know of time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Epoch length.
    pub epoch_ms: u64,
    /// How often valuations and drift are reported: at multiples of this.
    pub mark_ms: u64,
    /// After how long without an observation a price is stale; 0 for never.
    pub stale_ms: u64,
}

impl Timing {
    /// The mark at which a change at `epoch` is reported.
    pub fn mark(&self, epoch: Epoch) -> Epoch {
        let mark_ms = self.mark_ms.max(self.epoch_ms).max(1);
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
pub fn build<'s>(
    facts: Rows<'s, Fact>,
    observations: Rows<'s, Observation>,
    timing: Timing,
    watching: Watching,
) -> Rows<'s, Row> {
    // What is known of instruments and customers: of several statements, the latest holds.
    let terms = latest(
        "terms",
        pick(&facts, |fact| match fact {
            Fact::Terms(instrument, version, terms) => Some((instrument, (version, terms.currency))),
            _ => None,
        }),
    );
    let bases = latest(
        "base currencies",
        pick(&facts, |fact| match fact {
            Fact::Base(customer, version, currency) => Some((customer, (version, currency))),
            _ => None,
        }),
    );
    let targets = latest(
        "targets",
        pick(&facts, |fact| match fact {
            Fact::Targets(customer, version, set) => Some((customer, (version, set))),
            _ => None,
        }),
    );

    // Books.
    let movements = pick(&facts, |fact| match fact {
        Fact::Movement(c, i, date, quantity) => Some((c, i, date, quantity)),
        _ => None,
    });
    let splits = pick(&facts, |fact| match fact {
        Fact::Split { instrument, ex_date, number, new, old } => {
            Some((instrument, SplitTerms { ex_date, number, new, old }))
        }
        _ => None,
    });
    let postings = pick(&facts, |fact| match fact {
        Fact::Posting(c, currency, amount) => Some((c, currency, amount)),
        _ => None,
    });
    let Positions { held, out_of_range: units_out } = positions(movements, splits, timing.epoch_ms);
    let Cash { balances, out_of_range: money_out } = cash(postings);

    // Market.
    let Prices { prices, rates, stale } = prices(observations, timing.stale_ms);

    // Worth and drift.
    let holdings = Holdings { held: held.clone(), balances: balances.clone(), bases };
    let quotes = Quotes { terms, prices: prices.clone(), rates: fx(rates.clone()) };
    let Monitored { breaching, faults, reported } = match watching {
        Watching::Textbook => textbook(holdings, quotes, targets, timing),
        Watching::Monitor { choice, listener } => {
            monitoring(holdings, quotes, targets, timing, Watch::new(choice, listener))
        }
    };

    // Reasons to act.
    let requests = pick(&facts, |fact| match fact {
        Fact::Request(key, measure, limit) => Some((key, (measure, limit))),
        _ => None,
    });
    let answers = pick(&facts, |fact| match fact {
        Fact::Answer(key) => Some(key),
        _ => None,
    });
    let opened = pick(&facts, |fact| match fact {
        Fact::Opened(key, measure, limit) => Some((key, (measure, limit))),
        _ => None,
    });
    let triggers = triggers(breaching.clone(), opened, requests, answers);

    // What goes out.
    let anomalies = anomalies(Faults {
        faults,
        held: held.clone(),
        balances: balances.clone(),
        out_of_range: units_out.map(|(c, _)| c).concat(money_out),
        stale,
    });
    held.map(|((customer, instrument), quantity)| Row::Position { customer, instrument, quantity })
        .concat(balances.map(|((customer, currency), amount)| Row::Cash { customer, currency, amount }))
        .concat(prices.map(|(instrument, price)| Row::Price { instrument, price }))
        .concat(rates.map(|(pair, rate)| Row::FxRate { pair, rate }))
        .concat(reported)
        .concat(breaching.map(|(customer, b)| Row::Breach {
            customer,
            instrument: b.instrument,
            side: b.side,
        }))
        .concat(triggers.map(|(key, (measure, limit))| Row::Trigger { key, measure, limit }))
        .concat(trading(&facts))
        .concat(anomalies)
}

/// Valuations and drift by the textbook operators.
fn textbook<'s>(
    holdings: Holdings<'s>,
    quotes: Quotes<'s>,
    targets: Rows<'s, (CustomerId, Arc<TargetSet>)>,
    timing: Timing,
) -> Monitored<'s> {
    let Valuations { worths, values, gaps } = valuations(holdings, quotes);
    let Drift { standings, no_nav } = drift(worths.clone(), values, targets);
    let reported = worths.map(valuation_row).concat(standings.clone().map(drift_row));
    Monitored {
        breaching: standings.flat_map(breaching),
        faults: gaps.concat(no_nav.map(|(c, nav)| (c, AnomalyKind::NoNav(nav)))),
        reported: reported.delay(move |epoch| timing.mark(*epoch)),
    }
}

/// Orders in their current state, and allocations.
fn trading<'s>(facts: &Rows<'s, Fact>) -> Rows<'s, Row> {
    let placed = pick(facts, |fact| match fact {
        Fact::Placed(order, placed) => Some((order, placed)),
        _ => None,
    });
    let blocked = pick(facts, |fact| match fact {
        Fact::Blocked { order, block } => Some((order, block)),
        _ => None,
    });
    let states = pick(facts, |fact| match fact {
        Fact::State(order, number, status) => Some((order, (number, status))),
        _ => None,
    });
    let allocations = pick(facts, |fact| match fact {
        Fact::Allocated(row) => Some(Row::Allocation(row)),
        _ => None,
    });
    orders(placed, blocked, states).map(|row| Row::Order(Box::new(row))).concat(allocations)
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
    let oversold = faults.held.filter(|(_, q)| *q < Quantity::ZERO);
    let overdrawn = faults.balances.filter(|(_, m)| *m < Money::ZERO);
    let of_customers = faults
        .faults
        .concat(oversold.map(|((c, i), q)| (c, AnomalyKind::Oversold(i, q))))
        .concat(overdrawn.map(|((c, currency), amount)| (c, AnomalyKind::Overdraft(currency, amount))))
        .concat(faults.out_of_range.map(|c| (c, AnomalyKind::OutOfRange)));
    of_customers.map(|(c, kind)| Row::Anomaly { source: AnomalySource::Customer(c), kind }).concat(
        faults.stale.map(|i| Row::Anomaly { source: AnomalySource::Instrument(i), kind: AnomalyKind::Stale }),
    )
}

/// The facts of one kind.
fn pick<'s, D: Clone + 'static>(
    facts: &Rows<'s, Fact>,
    choose: impl Fn(Fact) -> Option<D> + 'static,
) -> Rows<'s, D> {
    facts.clone().flat_map(choose)
}

/// Of several statements about a key, the one with the latest version.
fn latest<'s, K, V>(name: &str, statements: Rows<'s, (K, (Version, V))>) -> Rows<'s, (K, V)>
where
    K: differential_dataflow::ExchangeData + std::hash::Hash,
    V: differential_dataflow::ExchangeData + std::hash::Hash,
{
    statements.reduce_named(name, |_, statements, out: &mut Vec<(V, isize)>| {
        // Sorted by version: a busted statement and its replacement never share one.
        out.extend(statements.last().map(|((_, value), _)| (value.clone(), 1)));
    })
}

fn breaching((customer, standing): (CustomerId, Standing)) -> Option<(CustomerId, Breaching)> {
    let Standing { instrument, drift, band, .. } = standing;
    let side: BandSide = standing.breach?;
    let distance = Ratio::from_raw(drift.raw().saturating_abs());
    Some((customer, Breaching { instrument, side, distance, band }))
}

fn valuation_row((customer, worth): (CustomerId, Worth)) -> Row {
    // Worth guarantees that each part is a Money.
    let money = |value: evenkeel_schemas::Value| value.to_money().unwrap_or_default();
    let (nav, market_value, cash) = (money(worth.nav), money(worth.market_value), money(worth.cash));
    Row::Valuation { customer, currency: worth.currency, nav, market_value, cash }
}

fn drift_row((customer, standing): (CustomerId, Standing)) -> Row {
    let Standing { instrument, weight, target, drift, .. } = standing;
    Row::Drift { customer, instrument, weight, target, drift }
}
