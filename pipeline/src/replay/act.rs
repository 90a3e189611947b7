//! Replay with actors: customers, desk and paper broker run on the file's clock, epoch by epoch.
//!
//! What actors propose at an epoch is recorded at the next one, before the file's events of that epoch. When
//! the file has ended, epochs go on until nothing is under way; reviews of a market that stands still are not
//! waited for.
//!
//! **Invariant:** an epoch is derived whole before actors see it, so that the outcome depends neither on the
//! number of workers nor on timing.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use crossbeam_channel::Receiver;
use evenkeel_actors::{ActorSystem, Books, Mode, Policy};
use evenkeel_schemas::events::Event;
use evenkeel_schemas::{Epoch, Name};

use super::Taker;
use super::input::{EventFiles, Placed};
use super::output::{OutputFiles, create};
use super::{Replay, Summary, recorded_epoch};
use crate::admission::{Inputs, Origin, conflate};
use crate::door::{Door, Place, Rejected};
use crate::engine::{Engine, Output};
use crate::error::Error;
use crate::progress::Progress;
use crate::view::{SharedView, TriggerWatch, View, ViewBooks};

/// Runs a replay with actors.
///
/// # Errors
/// When a file cannot be read or written, or the actors end.
pub fn act(replay: &Replay, policy: &Policy, progress: &mut Progress) -> Result<Summary, Error> {
    let files = EventFiles::open(&replay.events)?;
    let door = Door::new(replay.correctable_ticks, true);
    let names = door.admission.names().clone();
    let writer = OutputFiles::create(&replay.out, names.clone())?;
    let (engine, outputs) = replay.start()?;
    let actors =
        ActorSystem::start(policy.clone(), Mode::Replay).map_err(|error| Error::Start(error.to_string()))?;
    let mut stage = Stage {
        epoch_ms: replay.timing.epoch_ms,
        ahead: Ahead { files, next: None },
        admitted: None,
        door,
        engine: Some(engine),
        outputs,
        actors,
        view: SharedView::new(View::new(names)),
        watch: TriggerWatch::default(),
        writer,
        acted: Acted::create(&replay.out)?,
        proposed: Vec::new(),
        rejected: Vec::new(),
        reached: 0,
        first: None,
    };
    while let Some(epoch) = stage.next_epoch()? {
        stage.run(epoch)?;
        progress.look(stage.ahead.files.bytes_read(), || format!("{} events", stage.door.counts.accepted));
    }
    stage.finish()
}

/// The file's next event, looked at before it is due.
struct Ahead {
    files: EventFiles,
    next: Option<(Epoch, Placed)>,
}

impl Ahead {
    /// The epoch of the next event; refused lines belong to the epoch reached.
    fn epoch(&mut self, epoch_ms: u64, reached: Epoch) -> Result<Option<Epoch>, Error> {
        if self.next.is_none() {
            self.next = self.files.next_event()?.map(|placed| match &placed {
                Placed::Event(_, event, _) => (recorded_epoch(event, epoch_ms).max(reached), placed),
                Placed::Refused(_) => (reached, placed),
            });
        }
        Ok(self.next.as_ref().map(|(epoch, _)| *epoch))
    }
}

struct Stage {
    epoch_ms: u64,
    ahead: Ahead,
    /// The file's next event, once it is accepted: its epoch, what it changes, and itself.
    admitted: Option<(Epoch, Inputs, Event)>,
    door: Door,
    engine: Option<Engine>,
    outputs: Receiver<Output>,
    actors: ActorSystem,
    view: SharedView,
    watch: TriggerWatch,
    writer: OutputFiles,
    acted: Acted,
    proposed: Vec<Event>,
    rejected: Vec<(Epoch, Rejected)>,
    reached: Epoch,
    first: Option<Epoch>,
}

fn lost(error: impl std::fmt::Display) -> Error {
    Error::Start(format!("the actors have stopped: {error}"))
}

impl Stage {
    /// The next epoch at which anything happens.
    fn next_epoch(&mut self) -> Result<Option<Epoch>, Error> {
        self.judge_ahead()?;
        let file = match &self.admitted {
            Some((epoch, _, _)) => Some(*epoch),
            None => self.ahead.epoch(self.epoch_ms, self.reached)?,
        };
        let following = self.reached + self.epoch_ms;
        let mut next = file;
        if !self.proposed.is_empty() {
            next = Some(next.map_or(following, |file| file.min(following)));
        }
        if self.first.is_some() && (file.is_some() || self.actors.pending()) {
            let due = self.actors.next_due().map_err(lost)?;
            let due = due.map(|due| (due.div_ceil(self.epoch_ms) * self.epoch_ms).max(following));
            next = next.into_iter().chain(due).min();
        }
        Ok(next)
    }

    /// Judges the file's next event as soon as nothing is proposed before it, so that one that is refused does not
    /// move the clock. What actors do until then may still make a sale or a correction acceptable: those are
    /// refused at their epoch only.
    fn judge_ahead(&mut self) -> Result<(), Error> {
        while self.proposed.is_empty() && self.admitted.is_none() {
            let Some(epoch) = self.ahead.epoch(self.epoch_ms, self.reached)? else { return Ok(()) };
            let Some((_, placed)) = self.ahead.next.take() else { return Ok(()) };
            let Placed::Event(place, event, line) = placed else {
                drop(self.judge(placed, epoch, self.reached));
                continue;
            };
            let counts = self.door.counts;
            match self.door.judge(&event, epoch, Origin::Program) {
                Ok(Some(changes)) => self.admitted = Some((epoch, changes, *event)),
                Ok(None) => {}
                Err(refusal) if ["quantity", "of"].contains(&refusal.field.as_str()) => {
                    self.door.counts = counts;
                    self.ahead.next = Some((epoch, Placed::Event(place, event, line)));
                    return Ok(());
                }
                Err(refusal) => self.rejected.push((self.reached, Rejected::new(&place, refusal, &line))),
            }
        }
        Ok(())
    }

    /// Judges what the file holds at an epoch; a refusal is told at the epoch `told`.
    fn judge(&mut self, placed: Placed, epoch: Epoch, told: Epoch) -> Option<(Inputs, Event)> {
        match placed {
            Placed::Event(place, event, line) => match self.door.judge(&event, epoch, Origin::Program) {
                Ok(changes) => changes.map(|changes| (changes, *event)),
                Err(refusal) => {
                    self.rejected.push((told, Rejected::new(&place, refusal, &line)));
                    None
                }
            },
            Placed::Refused(refused) => {
                self.door.counts.rejected += 1;
                self.rejected.push((told, refused));
                None
            }
        }
    }

    fn run(&mut self, epoch: Epoch) -> Result<(), Error> {
        self.reached = epoch;
        self.first.get_or_insert(epoch);
        let mut inputs = Vec::new();
        let mut events = Vec::new();
        for event in std::mem::take(&mut self.proposed) {
            let place = Place { source: "actors".to_owned(), line: 0 };
            match self.door.judge(&event, epoch, Origin::Program) {
                Ok(changes) => {
                    if let Some(changes) = changes {
                        inputs.extend(changes);
                        self.acted.write(epoch, &event)?;
                        events.push(event);
                    }
                }
                Err(refusal) => self.rejected.push((epoch, Rejected::new(&place, refusal, b""))),
            }
        }
        if let Some((_, changes, event)) = self.admitted.take_if(|(due, _, _)| *due <= epoch) {
            inputs.extend(changes);
            events.push(event);
        }
        while self.admitted.is_none()
            && self.ahead.epoch(self.epoch_ms, epoch)?.is_some_and(|next| next <= epoch)
        {
            let Some((_, placed)) = self.ahead.next.take() else { continue };
            if let Some((changes, event)) = self.judge(placed, epoch, epoch) {
                inputs.extend(changes);
                events.push(event);
            }
        }
        conflate(&mut inputs);
        let inputs = Arc::new(inputs);
        let engine = self.engine.as_ref().ok_or_else(|| Error::Start("the dataflow has ended".to_owned()))?;
        engine.advance(epoch);
        engine.feed(epoch, inputs.clone());
        engine.advance(epoch + 1);
        {
            let mut view = self.view.write();
            view.apply_inputs(&inputs);
            for event in &events {
                if let Event::ReviewDue(review) = event {
                    view.apply_review(review);
                }
            }
        }
        self.derive(epoch + 1)?;
        self.ask(epoch, events)
    }

    /// Waits until every epoch before `upto` is derived, and takes it in.
    fn derive(&mut self, upto: Epoch) -> Result<(), Error> {
        for output in &self.outputs {
            match output {
                Output::Closed(closed) => {
                    self.watch.note(&closed);
                    self.view.write().apply_rows(&closed);
                    self.writer.take(&closed)?;
                }
                Output::Complete(complete) if complete >= upto => break,
                Output::Complete(_) => {}
            }
        }
        self.view.write().complete(upto - 1);
        Ok(())
    }

    /// Hands the actors what was recorded and asks for what they propose.
    fn ask(&mut self, epoch: Epoch, events: Vec<Event>) -> Result<(), Error> {
        let applied: Arc<[Event]> =
            events.into_iter().filter(|event| !matches!(event, Event::Tick(_))).collect();
        self.actors.apply(epoch, applied).map_err(lost)?;
        let changes = self.watch.take(&self.view.read());
        let books = ViewBooks(self.view.clone());
        let snapshots = books.clone();
        let shared: Arc<dyn Books> = Arc::new(books);
        let snapshot = move |customer: &Name| snapshots.snapshot(customer);
        self.proposed = self.actors.run_epoch(epoch, &changes, &snapshot, &shared).map_err(lost)?;
        Ok(())
    }

    fn finish(mut self) -> Result<Summary, Error> {
        self.actors.stop();
        if let Some(engine) = self.engine.take() {
            // Marks of the last interval come out when the inputs end; nothing else is under way.
            std::thread::scope(|scope| {
                scope.spawn(move || engine.finish());
                self.outputs.iter().try_for_each(|output| match output {
                    Output::Closed(closed) => self.writer.take(&closed),
                    Output::Complete(_) => Ok(()),
                })
            })?;
        }
        self.acted.finish()?;
        let changes = self.writer.finish(&self.rejected)?;
        let epochs = self.first.map(|first| (first, self.reached));
        Ok(Summary { counts: self.door.counts, changes, epochs })
    }
}

/// What actors decided and the broker executed, an event a line.
struct Acted {
    files: BTreeMap<&'static str, BufWriter<std::fs::File>>,
    folder: std::path::PathBuf,
}

impl Acted {
    fn create(folder: &std::path::Path) -> Result<Acted, Error> {
        let mut files = BTreeMap::new();
        for name in ["decisions", "fills", "onboarding", "order_states"] {
            files.insert(name, create(folder, name)?);
        }
        Ok(Acted { files, folder: folder.to_owned() })
    }

    fn write(&mut self, epoch: Epoch, event: &Event) -> Result<(), Error> {
        let name = match event {
            Event::Decision(_) | Event::ReviewDue(_) => "decisions",
            Event::Fill(_) => "fills",
            Event::OrderState(_) => "order_states",
            Event::PodAllocationCalculated(_)
            | Event::PodOptimized(_)
            | Event::MasterPortfolioOptimized(_)
            | Event::TaxOptimizationCompleted(_)
            | Event::TargetsSet(_)
            | Event::TradesExecuted(_)
            | Event::PortfolioMonitoringStarted(_)
            | Event::Anomaly(_) => "onboarding",
            _ => return Ok(()),
        };
        let text = serde_json::to_string(event).map_err(|error| Error::Input(error.to_string()))?;
        let Some(file) = self.files.get_mut(name) else { return Ok(()) };
        let wrote = writeln!(file, "{{\"epoch\":{epoch},\"diff\":1,{}", &text[1..]);
        wrote.map_err(|error| Error::file("write", &self.folder, error))
    }

    fn finish(mut self) -> Result<(), Error> {
        let flushed = self.files.values_mut().try_for_each(BufWriter::flush);
        flushed.map_err(|error| Error::file("write", &self.folder, error))
    }
}
