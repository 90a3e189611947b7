//! Where operators are wired together, top to bottom in the order of the data.

use std::sync::Arc;

use differential_dataflow::{AsCollection, Data, ExchangeData};
use evenkeel_schemas::{
    AnomalyKind, AnomalySource, BandSide, CustomerId, Epoch, InstrumentId, Labels, LotRow, Ratio, Row,
    Standing, Valuation, Worth,
};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::Exchange;
use timely::dataflow::operators::vec::{Broadcast, Partition};

use crate::accruals::{self, accruals};
use crate::cash::cash;
use crate::cash_ladder::cash_ladder;
use crate::drift::{Drift, drift};
use crate::estimates::estimates;
use crate::exposures::{self, exposures};
use crate::facts::{Fact, Observation, TargetSet};
use crate::fx::fx;
use crate::harvest::{Change, Harvest, harvest};
use crate::known::{Known, statements};
use crate::limits;
use crate::lots::lots;
use crate::monitoring::{Choice, Listener, Outcome, Watch, monitoring};
use crate::orders::orders;
use crate::positions::positions;
use crate::prices::{prices, stale};
use crate::tally::{Presence, tally};
use crate::targets::targets;
use crate::tax::tax;
use crate::told::Told;
use crate::triggers::{Crossed, triggers};
use crate::typedefs::Rows;
use crate::valuations::{Holdings, Quotes, Valuations, valuations};

/// What the dataflow needs to know of time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Epoch length.
    pub epoch_ms: u64,
    /// How often valuations are reported: at multiples of this.
    pub mark_ms: u64,
    /// How often drift is reported: at multiples of this; 0 for never.
    pub drift_mark_ms: u64,
    /// After how long without an observation a price is stale; 0 for never.
    pub stale_ms: u64,
    /// Whether books are kept by date, so that fees and interest accrue; else such facts are passed over.
    pub dated: bool,
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
    let stale_ms = if market { timing.stale_ms } else { 0 };
    let Kinds { statements: stated, targets: aims, reasons, trading, of_books } = Kinds::of(facts);
    let (actions, policies, dated) =
        (of_books.actions.clone(), of_books.policies.clone(), of_books.dated.clone());
    let said = stated.clone().flat_map(Known::said);
    let stated = statements(stated.concat(policies.clone()));
    let Books { known: of_books, postings, rows, faults, lots } = books(of_books, &stated, timing);

    // What holds: statements, books, market.
    let stale = stale(observations.clone(), stale_ms);
    let prices = prices(observations, actions.clone(), timing.epoch_ms);
    let targets = targets(aims, timing.epoch_ms);
    let known = stated.concatenate([targets, of_books, cash(postings), prices.clone(), fx(prices), said]);

    // What closing marks say of the market.
    let estimated = estimates(dated.clone().concat(actions.clone()), market, timing);

    // Worth, drift and limits.
    let watched = known.clone().concat(everywhere(estimated.clone().flat_map(of_risk)));
    let outcomes = match watching {
        Watching::Textbook => textbook(&watched, market, timing),
        Watching::Monitor { choice, listener } => {
            monitoring(watched, timing, Watch::new(choice, listener, timing))
        }
    };
    let breaching = outcomes.clone().flat_map(|outcome| match outcome {
        Outcome::Breaching(customer, breaching) => Some((customer, breaching)),
        _ => None,
    });

    // Losses worth harvesting.
    let harvested = harvest(
        lots.map(Change::Lot).concatenate([
            known.clone().flat_map(of_market),
            policies.concatenate([dated, actions]).flat_map(of_harvest),
        ]),
        timing,
    );
    let crossed = breaching.concat(harvested.clone().flat_map(|harvest| match harvest {
        Harvest::Crossed(customer, crossed) => Some((customer, crossed)),
        Harvest::Candidate(_) => None,
    }));
    let parts = outcomes.clone().flat_map(|outcome| match outcome {
        Outcome::Part(of, part) => Some((of, part)),
        _ => None,
    });

    // What goes out.
    known.clone().flat_map(move |known| known.row(market)).concatenate([
        outcomes.clone().flat_map(|outcome| match outcome {
            Outcome::Reported(row) => Some(row),
            Outcome::Breaching(customer, crossed) => crossed.breach(customer),
            Outcome::Fault(..) | Outcome::Part(..) => None,
        }),
        exposures(parts),
        estimated,
        rows,
        harvested.flat_map(|harvest| match harvest {
            Harvest::Candidate(row) => Some(Row::HarvestCandidate(row)),
            Harvest::Crossed(..) => None,
        }),
        triggers(crossed, reasons),
        orders(trading.clone()),
        trading.flat_map(|fact| match fact {
            Fact::Allocated(row) => Some(Row::Allocation(row)),
            _ => None,
        }),
        anomalies(known, faults, outcomes, stale),
    ])
}

/// What the books say.
struct Books<'s> {
    known: Rows<'s, Known>,
    postings: Rows<'s, Fact>,
    rows: Rows<'s, Row>,
    faults: Rows<'s, (CustomerId, AnomalyKind)>,
    /// Lots that harvesting follows.
    lots: Rows<'s, Box<LotRow>>,
}

/// The operators of the books. What many read is told apart without a copy.
fn books<'s>(facts: OfBooks<'s>, stated: &Rows<'s, Known>, timing: Timing) -> Books<'s> {
    let OfBooks { moves, actions, postings, dues, lots: of_lots, policies, tax: of_tax, dated } = facts;
    let held = Parts::of(positions(moves.clone().concat(actions.clone()), timing.epoch_ms));
    let paid = held.follows.flat_map(Told::follows);
    let by_date = moves.concatenate([postings.clone(), actions.clone(), paid.clone(), dated.clone()]);
    let by_date = stated.clone().flat_map(of_accruals).concat(by_date.map(accruals::Change::Fact));
    let accrued = Parts::of(accruals(by_date.filter(move |_| timing.dated), timing));
    let charged = accrued.follows.flat_map(Told::follows);
    let of_lots = of_lots.concat(paid.clone().filter(|fact| matches!(fact, Fact::Lot(..))));
    let lots = Parts::of(lots(of_lots.clone().concat(policies), timing.epoch_ms));
    let income = held.income.concat(lots.income);
    let rates = dated.filter(|fact| matches!(fact, Fact::FxClose(..)));
    let of_tax = of_tax.concatenate([of_lots, actions, rates, charged.clone()]).map(Told::Follows);
    let taxed = tax(of_tax.concat(income.clone()), timing);
    let last = Parts::of(cash_ladder(dues.concat(paid.clone()), timing.epoch_ms).concat(taxed));
    Books {
        known: held.known.concat(lots.known).flat_map(Told::known),
        postings: postings.concatenate([paid, charged]),
        rows: income.concatenate([held.rows, accrued.rows, lots.rows, last.rows]).flat_map(Told::row),
        faults: lots.faults.concatenate([accrued.faults, last.faults]).flat_map(Told::fault),
        lots: lots.lots.flat_map(Told::lot),
    }
}

/// Facts by who reads them.
struct Kinds<'s> {
    statements: Rows<'s, Fact>,
    targets: Rows<'s, Fact>,
    reasons: Rows<'s, Fact>,
    trading: Rows<'s, Fact>,
    of_books: OfBooks<'s>,
}

/// Facts that the books read.
struct OfBooks<'s> {
    moves: Rows<'s, Fact>,
    actions: Rows<'s, Fact>,
    postings: Rows<'s, Fact>,
    dues: Rows<'s, Fact>,
    lots: Rows<'s, Fact>,
    policies: Rows<'s, Fact>,
    tax: Rows<'s, Fact>,
    dated: Rows<'s, Fact>,
}

impl<'s> Kinds<'s> {
    fn of(facts: Rows<'s, Fact>) -> Kinds<'s> {
        let kind = |fact: &Fact| match fact {
            Fact::Terms(..) | Fact::Base(..) | Fact::Flow(..) | Fact::Peaks(..) => 0,
            Fact::Movement(..) | Fact::Reinvest(..) => 1,
            Fact::Corporate(..) => 2,
            Fact::Posting(..) => 3,
            Fact::Due(..) => 4,
            Fact::Request(..) | Fact::Answer(..) | Fact::Opened(..) => 5,
            Fact::Placed(..) | Fact::Blocked { .. } | Fact::State(..) | Fact::Allocated(..) => 6,
            Fact::Lot(..) | Fact::Action(..) => 7,
            Fact::Harvest(..) | Fact::Limits(..) => 8,
            Fact::Tax(..) | Fact::Ticker(..) | Fact::RebasingClose(..) | Fact::Cpi(..) => 9,
            Fact::Close(..) | Fact::FxClose(..) | Fact::FeeSchedule(..) => 10,
            Fact::InterestRate(..) | Fact::Planned(..) | Fact::Listed(..) => 10,
            Fact::Targets(..) | Fact::Tilts(..) => 11,
        };
        let [
            statements,
            moves,
            actions,
            postings,
            dues,
            reasons,
            trading,
            lots,
            policies,
            tax,
            dated,
            targets,
        ] = apart(facts, kind);
        let of_books = OfBooks { moves, actions, postings, dues, lots, policies, tax, dated };
        Kinds { statements, targets, reasons, trading, of_books }
    }
}

/// What an operator of the books says, by who reads it.
struct Parts<'s> {
    known: Rows<'s, Told>,
    /// Rows that tax reads too: realised gains and distributions.
    income: Rows<'s, Told>,
    /// All other rows.
    rows: Rows<'s, Told>,
    faults: Rows<'s, Told>,
    lots: Rows<'s, Told>,
    follows: Rows<'s, Told>,
}

impl<'s> Parts<'s> {
    fn of(told: Rows<'s, Told>) -> Parts<'s> {
        let kind = |told: &Told| match told {
            Told::Known(_) => 0,
            Told::Row(Row::RealisedGain(_) | Row::Distribution(_)) => 1,
            Told::Row(_) => 2,
            Told::Fault(..) => 3,
            Told::Lot(_) => 4,
            Told::Follows(_) => 5,
        };
        let [known, income, rows, faults, lots, follows] = apart(told, kind);
        Parts { known, income, rows, faults, lots, follows }
    }
}

/// A collection told apart by kind, a number below `N`, without a copy.
fn apart<'s, D: Data, const N: usize>(
    rows: Rows<'s, D>,
    kind: impl Fn(&D) -> u64 + 'static,
) -> [Rows<'s, D>; N] {
    let parts = rows.inner.partition(N as u64, move |(row, epoch, diff)| (kind(&row), (row, epoch, diff)));
    let mut parts = parts.into_iter().map(|part| part.as_collection());
    std::array::from_fn(|_| parts.next().expect("there are as many streams as kinds"))
}

/// What watching reads of what is estimated.
fn of_risk(row: Row) -> Option<Known> {
    match row {
        Row::Estimate(_) | Row::Covariance(_) | Row::FactorLoading(_) => {
            Some(Known::Estimated(Box::new(row)))
        }
        _ => None,
    }
}

/// What one worker says, at all of them.
fn everywhere<D: ExchangeData>(rows: Rows<'_, D>) -> Rows<'_, D> {
    if rows.inner.scope().peers() == 1 { rows } else { rows.inner.broadcast().as_collection() }
}

/// What accruals read of what is known.
fn of_accruals(known: Known) -> Option<accruals::Change> {
    match known {
        Known::Terms(..) | Known::Base(..) => Some(accruals::Change::Known(known)),
        _ => None,
    }
}

/// What harvesting reads of what is known.
fn of_market(known: Known) -> Option<Change> {
    match known {
        Known::Terms(..) | Known::Base(..) | Known::Price(..) | Known::Conversion(..) => {
            Some(Change::Known(known))
        }
        _ => None,
    }
}

/// Facts that harvesting reads.
fn of_harvest(fact: Fact) -> Option<Change> {
    match fact {
        Fact::Harvest(customer, version, policy) => Some(Change::Policy(customer, version, *policy)),
        Fact::Close(instrument, date, version, price) => {
            Some(Change::Close(instrument, date, version, price))
        }
        Fact::Corporate(instrument, action) => Some(Change::Action(instrument, action)),
        _ => None,
    }
}

/// Valuations and drift by the textbook operators.
fn textbook<'s>(known: &Rows<'s, Known>, market: bool, timing: Timing) -> Rows<'s, Outcome> {
    let (holdings, quotes) = (Holdings::of(known), Quotes::of(known, market));
    let targets = known.clone().flat_map(|known| match known {
        Known::Targets(customer, set) => Some((customer, set)),
        _ => None,
    });
    let parts = exposures::textbook(holdings.clone(), quotes.clone());
    let Valuations { worths, values, gaps } = valuations(holdings, quotes);
    let labels = labels_held(known, &targets, market);
    let limits = limits::textbook(known, worths.clone(), values.clone(), market);
    let Drift { standings, no_nav } = drift(worths.clone(), values, targets, labels);
    let faults = gaps.concat(no_nav.map(|(c, nav)| (c, AnomalyKind::NoNav(nav))));
    // Where the customer's own facts are.
    let faults = faults.inner.exchange(|((c, _), _, _)| c.0.into()).as_collection();
    let worths = worths.flat_map(valuation_row).delay(move |epoch| timing.mark(*epoch));
    let drift = standings.clone().filter(move |_| timing.drift_mark_ms > 0).map(drift_row);
    let drift = drift.delay(move |epoch| timing.drift_mark(*epoch).unwrap_or(*epoch));
    standings.flat_map(breaching).concatenate([
        limits.map(|(customer, crossed)| Outcome::Breaching(customer, crossed)),
        limits::of_portfolios(known.clone(), timing),
        faults.map(|(customer, kind)| Outcome::Fault(customer, kind)),
        worths.concat(drift).map(Outcome::Reported),
        parts.delay(move |epoch| timing.mark(*epoch)).map(|(of, part)| Outcome::Part(of, part)),
    ])
}

/// The labels of what customers hold or target whom some bucket watches. Does not change with prices.
fn labels_held<'s>(
    known: &Rows<'s, Known>,
    targets: &Rows<'s, (CustomerId, Arc<TargetSet>)>,
    market: bool,
) -> Rows<'s, (CustomerId, (InstrumentId, Labels))> {
    let watched = targets.clone().filter(|(_, set)| !set.buckets.is_empty());
    let targeted = watched.clone().flat_map(|(c, set)| {
        let instruments: Vec<InstrumentId> = set.lines.iter().map(|line| line.instrument).collect();
        instruments.into_iter().map(move |i| (i, c))
    });
    let held = known.clone().flat_map(|known| match known {
        Known::Position(c, i, _) => Some((c, i)),
        _ => None,
    });
    let held = held.join_map(watched.map(|(c, _)| (c, ())), |c, i, ()| (*i, *c));
    let labels = known.clone().flat_map(move |known| match known {
        Known::Terms(i, _, labels) if market => Some((i, labels)),
        _ => None,
    });
    targeted.concat(held).join_map(labels, |i, c, labels| (*c, (*i, *labels)))
}

fn anomalies<'s>(
    known: Rows<'s, Known>,
    of_books: Rows<'s, (CustomerId, AnomalyKind)>,
    outcomes: Rows<'s, Outcome>,
    stale: Rows<'s, InstrumentId>,
) -> Rows<'s, Row> {
    let faults = outcomes.flat_map(|outcome| match outcome {
        Outcome::Fault(customer, kind) => Some((customer, kind)),
        _ => None,
    });
    let of_customers = known.flat_map(Known::fault).concat(faults).concat(of_books);
    // Two sums of one customer may be out of range: that is one anomaly.
    let split = |anomaly: (CustomerId, AnomalyKind)| Some((anomaly, ()));
    let of_customers = tally::<Presence, _, _, _, _>(of_customers, "anomalies", split, |(c, kind), ()| {
        Some(Row::Anomaly { source: AnomalySource::Customer(*c), kind: kind.clone() })
    });
    of_customers.concat(
        stale.map(|i| Row::Anomaly { source: AnomalySource::Instrument(i), kind: AnomalyKind::Stale }),
    )
}

fn breaching((customer, standing): (CustomerId, Standing)) -> Option<Outcome> {
    let Standing { instrument, drift, band, .. } = standing;
    let side: BandSide = standing.breach?;
    let distance = Ratio::from_raw(drift.raw().saturating_abs());
    Some(Outcome::Breaching(customer, Crossed::band(instrument, side, distance, band)))
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
