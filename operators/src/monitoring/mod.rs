//! Every portfolio watched at once: the form of `valuations` and `drift` for real loads.
//!
//! Computes  what those two compute, by the flat columns, sweep and safe zones of `evenkeel-monitor`: which
//!           weights are beyond their bands, at each epoch; worth and standings, at marks; and who is beyond a risk limit,
//!           see `limits`
//! Inputs    known: what holds of customers, each in its worker, and of the market, in every worker; one row per key
//! Outputs   Outcome: weights beyond their bands, with distance and band of their entry; what keeps a customer from
//!           being valued or judged; rows of valuations and drift and what is held in sum, at marks
//! Units     as `valuations` and `drift`; every answer is decided on integers
//! Errors    as `valuations` and `drift`
//! State     per customer its holdings, targets, bands and zone, and what was last reported; all prices in each
//!           worker. Work per epoch follows the customers that may have crossed a threshold
//! Time      an epoch is closed once it is complete; marks report what holds then
//! Source    DESIGN §5, the hot path; the textbook operators are its oracle

mod books;
mod reported;

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use evenkeel_monitor::{Change, Event, Monitor, Options};
pub use evenkeel_monitor::{Choice, Mode, Report};
use evenkeel_schemas::{AnomalyKind, Currency, CustomerId, Epoch, Holding, InstrumentId, Row};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::operator::Operator;

use crate::dataflow::Timing;
use crate::epochwise::{Changes, Waiting};
use crate::exposures::Part;
use crate::known::Known;
use crate::limits::Guard;
use crate::triggers::Crossed;
use crate::typedefs::Rows;

use books::same_key;
pub(crate) use books::tell;
use reported::{Exposures, Standings, Worths};

/// Hears how each epoch was closed.
pub type Listener = Arc<dyn Fn(Epoch, &Report) + Send + Sync>;

/// What watching portfolios says.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A weight beyond its band, or what is beyond a risk limit, as it was when it left it.
    Breaching(CustomerId, Crossed),
    /// What keeps a customer from being valued or judged.
    Fault(CustomerId, AnomalyKind),
    /// A row of valuations or drift, at marks.
    Reported(Row),
    /// What is held in sum, at marks, by worker.
    Part((Currency, Holding), Part),
}

/// Watches all portfolios.
pub fn monitoring<'s>(known: Rows<'s, Known>, timing: Timing, watch: Watch) -> Rows<'s, Outcome> {
    known
        .inner
        .unary_frontier::<CapacityContainerBuilder<Vec<(Outcome, Epoch, isize)>>, _, _, _>(
            Pipeline,
            "monitoring",
            move |_, _| {
                let mut watch = watch;
                let mut waiting = Waiting::new();
                let (mut mark, mut drift_mark) = (None::<Capability<Epoch>>, None::<Capability<Epoch>>);
                let mut out = Vec::new();
                move |(input, frontier), output| {
                    input.for_each(|capability, data| waiting.file(&capability, data.drain(..)));
                    loop {
                        // A mark reports what holds then: before anything later is taken in.
                        let next = waiting.first().unwrap_or(Epoch::MAX);
                        let due =
                            |at: &mut Capability<Epoch>| !frontier.less_equal(at.time()) && *at.time() < next;
                        let (epoch, capability) = if let Some(due) = mark.take_if(due) {
                            watch.report_worths(&mut out);
                            (*due.time(), due)
                        } else if let Some(due) = drift_mark.take_if(due) {
                            watch.report_standings(&mut out);
                            (*due.time(), due)
                        } else if let Some((epoch, capability, told)) = waiting.take(frontier) {
                            watch.close(epoch, told, &mut out);
                            watch.close_limits(&mut out);
                            mark.get_or_insert_with(|| capability.delayed(&timing.mark(epoch)));
                            if let Some(at) = timing.drift_mark(epoch) {
                                drift_mark.get_or_insert_with(|| capability.delayed(&at));
                            }
                            (epoch, capability)
                        } else {
                            break;
                        };
                        let mut session = output.session(&capability);
                        session.give_iterator(out.drain(..).map(|(row, diff)| (row, epoch, diff)));
                    }
                }
            },
        )
        .as_collection()
}

/// One worker's monitor, and what is out there of what it said.
pub struct Watch {
    monitor: Monitor,
    listener: Option<Listener>,
    changes: Vec<Change>,
    /// By customer and instrument, what is out as breaching.
    breaching: BTreeMap<(CustomerId, InstrumentId), Crossed>,
    guard: Guard,
    limits: Changes<(CustomerId, Crossed)>,
    worths: Worths,
    exposures: Exposures,
    /// `None` where no standings are reported.
    standings: Option<Standings>,
}

impl Watch {
    /// A monitor of nobody.
    pub fn new(choice: Choice, listener: Option<Listener>, timing: Timing) -> Watch {
        Watch {
            monitor: Monitor::new(Options { choice }),
            listener,
            changes: Vec::new(),
            breaching: BTreeMap::new(),
            guard: Guard::new(choice),
            limits: Vec::new(),
            worths: Worths::default(),
            exposures: Exposures::default(),
            standings: timing.drift_mark(0).map(|_| Standings::default()),
        }
    }

    /// Takes in what an epoch changed and says who crossed a threshold.
    fn close(&mut self, epoch: Epoch, mut told: Changes<Known>, out: &mut Changes<Outcome>) {
        consolidate(&mut told);
        for same in told.chunk_by(|(a, _), (b, _)| same_key(a, b)) {
            // Of one key at most one row goes and one comes.
            let holds = same.iter().find(|(_, diff)| *diff > 0);
            if let Some((told, _)) = holds.or(same.first()) {
                tell(told, holds.is_some(), &mut self.monitor);
                self.guard.tell(told, holds.is_some(), &self.monitor);
                self.worths.touch(told.customer());
                if let Some(standings) = &mut self.standings {
                    standings.touch(told.customer());
                }
            }
        }
        let report = self.monitor.close(&mut self.changes);
        if let Some(listener) = &self.listener {
            listener(epoch, &report);
        }
        for Change { customer, event } in self.changes.drain(..) {
            match event {
                Event::BreachLeft { instrument, .. } => {
                    let left = self.breaching.remove(&(customer, instrument));
                    out.extend(left.map(|left| (Outcome::Breaching(customer, left), -1)));
                }
                Event::BreachEntered { instrument, side, distance, band } => {
                    let entered = Crossed::band(instrument, side, distance, band);
                    let before = self.breaching.insert((customer, instrument), entered);
                    out.extend(before.map(|before| (Outcome::Breaching(customer, before), -1)));
                    out.push((Outcome::Breaching(customer, entered), 1));
                }
                // Floors are set apart.
                Event::FloorReached { .. } | Event::FloorLeft => {}
                Event::AnomalyLeft(kind) => out.push((Outcome::Fault(customer, kind), -1)),
                Event::AnomalyEntered(kind) => out.push((Outcome::Fault(customer, kind), 1)),
            }
        }
    }

    /// Says who crossed a risk limit.
    fn close_limits(&mut self, out: &mut Changes<Outcome>) {
        self.guard.close(&mut self.limits);
        let crossed = self.limits.drain(..);
        out.extend(crossed.map(|((customer, crossed), diff)| (Outcome::Breaching(customer, crossed), diff)));
    }

    /// Says what changed of worth and of what is held since the last mark.
    fn report_worths(&mut self, out: &mut Changes<Outcome>) {
        self.worths.report(&mut self.monitor, |row, diff| out.push((Outcome::Reported(row), diff)));
        self.exposures.report(&mut self.monitor, |of, part, diff| out.push((Outcome::Part(of, part), diff)));
        self.guard.report(out);
    }

    /// Says what changed of standings since the last mark of theirs.
    fn report_standings(&mut self, out: &mut Changes<Outcome>) {
        if let Some(standings) = &mut self.standings {
            standings.report(&mut self.monitor, |row, diff| out.push((Outcome::Reported(row), diff)));
        }
    }
}
