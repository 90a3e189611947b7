//! One worker thread: drains commands, steps the dataflow, reports what is complete.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use differential_dataflow::input::InputSession;
use evenkeel_operators::dataflow::{Timing, Watching, build};
use evenkeel_operators::facts::{Fact, Input, Observation};
use evenkeel_schemas::{Epoch, Row};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Probe;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Handle;
use timely::worker::Worker;

use super::{Command, Report, across};

/// How long an idle worker sleeps unless it is woken: the feeder wakes it with every command.
const PARK: Duration = Duration::from_millis(50);

/// Commands taken before the dataflow is stepped.
const COMMANDS_PER_STEP: usize = 16;

type Captured = Rc<RefCell<Vec<(Row, Epoch, isize)>>>;

struct Sessions {
    facts: InputSession<Epoch, Fact, isize>,
    observations: InputSession<Epoch, Observation, isize>,
}

/// A worker that dies alone leaves its peers waiting for ever, so its panic ends the process. So does the loss of
/// another process: there is no dataflow without it.
pub(super) fn exit_on_panic() {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            let process = name.strip_prefix("timely:recv-").or_else(|| name.strip_prefix("timely:send-"));
            if let Some(process) = process {
                eprintln!(
                    "evenkeel: lost process {process} of the cluster; ending, to start again from the log"
                );
                std::process::exit(101);
            }
            before(info);
            if name.starts_with("timely:") {
                eprintln!("evenkeel: a dataflow worker panicked; ending, to start again from the log");
                std::process::exit(101);
            }
        }));
    });
}

/// A worker's dataflow, and its ends.
struct Built {
    sessions: Sessions,
    probe: Handle<Epoch>,
    /// Rows that came out.
    captured: Captured,
}

/// Builds the dataflow. `threads` are the workers of each process; the first process leads.
fn built(worker: &mut Worker, threads: usize, timing: Timing, watching: Watching) -> Built {
    let mut sessions = Sessions { facts: InputSession::new(), observations: InputSession::new() };
    let probe = Handle::new();
    let captured: Captured = Rc::default();
    let sink = captured.clone();
    worker.dataflow_named::<Epoch, _, _>("evenkeel", |scope| {
        let facts = sessions.facts.to_collection(scope);
        let observations = sessions.observations.to_collection(scope);
        let (facts, observations) = across::spread(facts, observations, threads);
        // Taken out of the dataflow, not copied: rows are most of what it makes.
        let rows = across::gathered(build(facts, observations, timing, watching), threads).inner;
        rows.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "rows", |_, _| {
            move |input, _| input.for_each(|_, rows| sink.borrow_mut().append(rows))
        })
        .probe_with(&probe);
    });
    Built { sessions, probe, captured }
}

/// Works for the leader of a cluster: what is fed comes from there, and rows go there.
pub(super) fn lend(worker: &mut Worker, threads: usize, timing: Timing, watching: Watching) {
    let Built { sessions, probe, .. } = built(worker, threads, timing, watching);
    drop(sessions);
    while !probe.done() {
        worker.step_or_park(Some(PARK));
    }
}

pub(super) fn run(
    worker: &mut Worker,
    threads: usize,
    commands: Receiver<Command>,
    reports: Sender<Report>,
    timing: Timing,
    watching: Watching,
) {
    let Built { mut sessions, probe, captured } = built(worker, threads, timing, watching);
    let (index, peers) = (worker.index(), worker.peers());
    let mut reported = 0;
    let report = |frontier: Epoch, reported: &mut Epoch| {
        if frontier > *reported {
            *reported = frontier;
            let rows = std::mem::take(&mut *captured.borrow_mut());
            // The assembler is gone only when the process ends.
            let _ = reports.send(Report { worker: index, rows, frontier });
        }
    };
    loop {
        let mut taken = 0;
        let open = loop {
            match commands.try_recv() {
                Ok(command) => sessions.take(command, index, peers, threads),
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
            taken += 1;
            if taken == COMMANDS_PER_STEP {
                break true;
            }
        };
        if !open {
            break;
        }
        worker.step_or_park(if taken > 0 { Some(Duration::ZERO) } else { Some(PARK) });
        report(probe.with_frontier(|f| f.first().copied().unwrap_or(Epoch::MAX)), &mut reported);
    }
    drop(sessions);
    while !probe.done() {
        worker.step_or_park(Some(PARK));
        report(probe.with_frontier(|f| f.first().copied().unwrap_or(Epoch::MAX)), &mut reported);
    }
    report(Epoch::MAX, &mut reported);
}

impl Sessions {
    /// Every worker of the leader sees every command; each takes what is about the market, and of the rest its own share and
    /// that of those it feeds in other processes.
    fn take(&mut self, command: Command, index: usize, peers: usize, threads: usize) {
        match command {
            Command::Feed(epoch, inputs) => {
                for (input, diff) in inputs.iter() {
                    match input {
                        Input::Fact(fact) => {
                            if fact.spread().is_none_or(|spread| spread as usize % peers % threads == index) {
                                self.facts.update_at(fact.clone(), epoch, *diff);
                            }
                        }
                        Input::Observation(observation) => {
                            self.observations.update_at(*observation, epoch, *diff);
                        }
                    }
                }
            }
            Command::Advance(epoch) => {
                self.facts.advance_to(epoch);
                self.facts.flush();
                self.observations.advance_to(epoch);
                self.observations.flush();
            }
        }
    }
}
