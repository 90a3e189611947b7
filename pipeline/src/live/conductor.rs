//! The one thread that takes in complete epochs: view, sink, actors.
//!
//! **Invariant:** epochs are taken in whole and in order. Actors are handed what was committed before they are
//! asked to act, and see the view of that same epoch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, never, select};
use evenkeel_actors::{ActorSystem, Books, Mode, SharedMarket, TriggerChanges};
use evenkeel_schemas::events::{Event, OrderStatus};
use evenkeel_schemas::{Epoch, Name};

use super::keeper::Moment;
use super::{Heard, Live, Recorded, Submitter, Told, spawn};
use crate::config::Config;
use crate::engine::{Closed, Output};
use crate::error::Error;
use crate::room::Share;
use crate::sink::{Held, Sink, Tables};
use crate::view::{SharedView, TriggerWatch, ViewBooks};

/// What the conductor is made of.
pub(super) struct Stations<'a> {
    pub config: &'a Config,
    pub heard: Heard,
    pub outputs: Receiver<Output>,
    pub view: SharedView,
    pub sink: Sink,
    pub live: Arc<Live>,
    pub submitter: Submitter,
    pub moments: Sender<Moment>,
    pub baseline_ms: u64,
}

pub(super) struct Conductor {
    outputs: Receiver<Output>,
    view: SharedView,
    sink: Sink,
    live: Arc<Live>,
    submitter: Submitter,
    actors: ActorSystem,
    epoch_ms: u64,
    recorded: VecDeque<(Recorded, Share)>,
    closed: VecDeque<Closed>,
    /// Epochs before this one are taken in.
    complete: Epoch,
    /// The first epoch at which actors act: the log up to it was recovered.
    live_after: Option<Epoch>,
    /// The first epoch that never comes, once the end is known.
    end: Epoch,
    acting: bool,
    watch: TriggerWatch,
    moments: Sender<Moment>,
    baseline_ms: u64,
    /// The next epoch for a baseline; the end of time while none is wanted.
    next_baseline: Epoch,
    /// When triggers of a customer were seen to enter, until orders for it are on the stream.
    entered: BTreeMap<Name, Instant>,
}

/// Its thread, and the market that its actors keep.
type Started = (JoinHandle<Result<(), Error>>, SharedMarket);

fn lost(error: impl std::fmt::Display) -> Error {
    Error::Start(format!("the actors have stopped ({error}); start again to go on from the log"))
}

impl Conductor {
    pub(super) fn start(parts: Stations<'_>) -> Result<Started, Error> {
        let actors = ActorSystem::start(parts.config.policy.clone(), Mode::Live)
            .map_err(|error| Error::Start(error.to_string()))?;
        let conductor = Conductor {
            outputs: parts.outputs,
            view: parts.view,
            sink: parts.sink,
            live: parts.live,
            submitter: parts.submitter,
            actors,
            epoch_ms: parts.config.epoch_ms,
            recorded: VecDeque::new(),
            closed: VecDeque::new(),
            complete: 0,
            live_after: None,
            end: Epoch::MAX,
            acting: false,
            watch: TriggerWatch::default(),
            moments: parts.moments,
            baseline_ms: parts.baseline_ms,
            next_baseline: Epoch::MAX,
            entered: BTreeMap::new(),
        };
        let (heard, estimates) = (parts.heard, conductor.actors.market());
        Ok((spawn("conductor", move || conductor.run(heard))?, estimates))
    }

    fn run(mut self, mut heard: Heard) -> Result<(), Error> {
        let outputs = self.outputs.clone();
        loop {
            select! {
                recv(heard) -> told => match told {
                    Ok(told) => self.hear(told),
                    Err(_) => heard = never(),
                },
                recv(outputs) -> output => match output {
                    Ok(Output::Closed(closed)) => self.closed.push_back(closed),
                    Ok(Output::Complete(epoch)) => {
                        // What was recorded before this epoch was told before it was fed.
                        while let Ok(told) = heard.try_recv() {
                            self.hear(told);
                        }
                        let epoch = epoch.min(self.end);
                        self.take_in(epoch)?;
                        if self.live_after.is_some_and(|after| self.complete >= after) && !self.acting {
                            self.begin();
                        }
                        self.act(epoch)?;
                    }
                    Err(_) => break,
                },
            }
        }
        self.actors.stop();
        self.sink.finish()
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Recorded(recorded, share) => self.recorded.push_back((*recorded, share)),
            Told::Live => {
                self.live_after = Some(self.recorded.back().map_or(self.complete, |(r, _)| r.epoch + 1))
            }
            Told::End(end) => self.end = end,
        }
    }

    /// Whether ClickHouse held an epoch's rows when this start began, so that they need not be made again.
    fn held(&self, epoch: Epoch) -> bool {
        matches!(self.sink.held, Held::Upto(Some(upto)) if epoch <= upto)
    }

    /// Takes in every epoch before `upto`.
    fn take_in(&mut self, upto: Epoch) -> Result<(), Error> {
        let mut tables = Tables::default();
        // Given back when rows are handed on.
        let mut shares = Vec::new();
        let names = self.view.read().names().clone();
        let mut newest = None;
        loop {
            let next_recorded = self.recorded.front().map(|(r, _)| r.epoch);
            let next_closed = self.closed.front().map(|c| c.epoch);
            let next = next_recorded.into_iter().chain(next_closed).min();
            let Some(epoch) = next.filter(|epoch| *epoch < upto) else { break };
            self.note_baseline(epoch);
            newest = Some(epoch);
            let recorded = self.recorded.pop_front_if(|(r, _)| r.epoch == epoch);
            let (recorded, share) = recorded.unzip();
            shares.extend(share);
            let closed = self.closed.pop_front_if(|c| c.epoch == epoch);
            self.take_epoch(epoch, recorded.as_ref(), closed.as_ref())?;
            if let Some(closed) = closed.filter(|_| !self.held(epoch)) {
                tables.add_rows(&closed, &names.read());
            }
            if let Some(recorded) = recorded {
                self.take_events(recorded, &mut tables)?;
            }
        }
        self.note_baseline(upto);
        self.complete = upto;
        // The rows first: who sees that an epoch is complete can wait for its rows in ClickHouse.
        if let Some(newest) = newest {
            self.sink.write(tables, &names, newest)?;
        }
        self.view.write().complete(self.last_before(upto));
        Ok(())
    }

    fn take_epoch(
        &mut self,
        epoch: Epoch,
        recorded: Option<&Recorded>,
        closed: Option<&Closed>,
    ) -> Result<(), Error> {
        let mut view = self.view.write();
        if let Some(recorded) = recorded {
            view.apply_inputs(&recorded.inputs);
        }
        let Some(closed) = closed else { return Ok(()) };
        view.apply_rows(closed);
        drop(view);
        self.live.booked(closed);
        let entered = self.watch.note(closed);
        if self.acting {
            self.measure(epoch, recorded, entered);
        }
        Ok(())
    }

    /// Latencies: from the end of the epoch, and from the arrival of the first event in it.
    fn measure(&self, epoch: Epoch, recorded: Option<&Recorded>, entered: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let end = std::time::Duration::from_millis(epoch);
        self.live.closed(now.saturating_sub(end));
        if let Some(arrived) = recorded.and_then(|r| r.arrived).filter(|_| entered > 0) {
            self.live.triggered(arrived.elapsed(), entered);
        }
    }

    /// Hands committed events to actors, view and sink.
    fn take_events(&mut self, recorded: Recorded, tables: &mut Tables) -> Result<(), Error> {
        let Recorded { epoch, events, rejected, .. } = recorded;
        let mut ended_blocks = Vec::new();
        let mut ordered: BTreeMap<Name, u64> = BTreeMap::new();
        let held = self.held(epoch);
        for logged in &events {
            if !held {
                tables.add_event(epoch, logged);
            }
            if !matches!(logged.event, Event::Tick(_)) {
                self.live.onboarded(&logged.event);
            }
            match &logged.event {
                Event::Decision(decision) => {
                    self.view.write().apply_decision(epoch, logged.offset, decision);
                    self.live.decided(decision.outcome.as_str());
                }
                Event::OrderState(state)
                    if !held && state.state.terminal() && state.order.as_str().starts_with("B-") =>
                {
                    ended_blocks.push(state.order.clone());
                }
                Event::Correction(correction) => self.live.corrected(correction),
                Event::Session(session) => self.view.write().apply_session(session),
                Event::ReviewDue(review) => self.view.write().apply_review(review),
                Event::Order(order) => *ordered.entry(order.customer.clone()).or_default() += 1,
                _ => {}
            }
        }
        for (offset, rejected) in &rejected {
            if !held {
                tables.add_rejected(epoch, *offset, rejected);
            }
            self.view.write().apply_rejected(epoch, rejected);
        }
        for (customer, orders) in ordered {
            let since = self.entered.remove(&customer);
            self.live.ordered(since.map(|since| since.elapsed()), orders);
        }
        let acted: Arc<[Event]> = events
            .into_iter()
            .map(|logged| logged.event)
            .filter(|event| !matches!(event, Event::Tick(_)))
            .collect();
        if !acted.is_empty() {
            self.actors.apply(epoch, acted).map_err(lost)?;
        }
        if !ended_blocks.is_empty() {
            let blocks = self.actors.blocks().map_err(lost)?;
            for ended in ended_blocks {
                let block = blocks.iter().find(|block| block.block == ended);
                debug_assert!(block.is_none_or(|block| block.state != OrderStatus::New));
                if let Some(block) = block {
                    tables.add_block(epoch, block);
                }
            }
        }
        Ok(())
    }

    /// From here on actors act: everybody with an open trigger is named once.
    fn begin(&mut self) {
        self.acting = true;
        self.live.recovered();
        if self.baseline_ms > 0 {
            self.next_baseline = self.complete.next_multiple_of(self.baseline_ms);
        }
        self.watch.note_open(&self.view.read());
        tracing::info!(epoch = self.complete, "recovered; acting from here on");
    }

    /// Notes what a baseline needs, if the next one's epoch lies before `epoch`.
    fn note_baseline(&mut self, epoch: Epoch) {
        if epoch <= self.next_baseline {
            return;
        }
        let last = (epoch - 1) / self.baseline_ms * self.baseline_ms;
        let view = self.view.read();
        let moment = Moment { epoch: last, drifts: view.open_of_prices(), peaks: view.peaks() };
        drop(view);
        // While an earlier one is being made, this one is left out.
        let _ = self.moments.try_send(moment);
        self.next_baseline = last + self.baseline_ms;
    }

    /// The last epoch before a time.
    fn last_before(&self, upto: Epoch) -> Epoch {
        upto.saturating_sub(1) / self.epoch_ms * self.epoch_ms
    }

    /// Lets the actors act on the newest complete epoch.
    fn act(&mut self, upto: Epoch) -> Result<(), Error> {
        // At the end nothing can be appended any more.
        if !self.acting || upto >= self.end {
            return Ok(());
        }
        let epoch = self.last_before(upto);
        let changes = self.trigger_changes();
        let books = ViewBooks(self.view.clone());
        let snapshots = books.clone();
        let shared: Arc<dyn Books> = Arc::new(books);
        let events = self
            .actors
            .run_epoch(epoch, &changes, &move |customer: &Name| snapshots.snapshot(customer), &shared)
            .map_err(lost)?;
        self.live.actors.set(self.actors.stats().customers_live as i64);
        if !events.is_empty() {
            // When the sequencer has ended, what was proposed is proposed again after the next start.
            let _ = self.submitter.append(events);
        }
        Ok(())
    }

    fn trigger_changes(&mut self) -> TriggerChanges {
        let changes = self.watch.take(&self.view.read());
        let now = Instant::now();
        for (customer, _) in &changes.entered {
            self.entered.entry(customer.clone()).or_insert(now);
        }
        for customer in &changes.cleared {
            self.entered.remove(customer);
        }
        changes
    }
}
