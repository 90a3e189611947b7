//! What a bench is fed: a simulated market with its door, or the files of the comparison.

use evenkeel_feeds::generate::{Book, Market, Shock};
use evenkeel_schemas::events::{Event, EventType, RiskLimitsSet};
use evenkeel_schemas::{Epoch, Instant as When, Name, Ratio};

use super::drift::{EPOCH_MS, Options};
use super::peers::PeerFiles;
use crate::admission::{Admission, Inputs, Origin, Verdict};
use crate::error::Error;

/// How far everything falls in a crash, in basis points of an instrument with a beta of one.
const CRASH_BPS: i64 = -2_000;
/// Epochs of a simulated market before measuring starts: buffers grow, the market gets under way.
const WARM: usize = 20;

/// What a bench is fed.
pub(super) enum Workload {
    Simulated(Box<Simulation>),
    Files(Box<PeerFiles>),
}

impl Workload {
    pub fn new(options: &Options, epochs: usize) -> Result<Workload, Error> {
        let Some(folder) = &options.workload else {
            return Ok(Workload::Simulated(Box::new(Simulation::new(options))));
        };
        let files = PeerFiles::read(folder, options.customers, epochs * options.epoch_ticks)?;
        Ok(Workload::Files(Box::new(files)))
    }

    /// Epochs before measuring starts. The comparison's changes count from the first one.
    pub fn warm(&self) -> usize {
        match self {
            Workload::Simulated(_) => WARM,
            Workload::Files(_) => 0,
        }
    }

    /// Instruments with their first prices.
    pub fn opening(&mut self, epoch: Epoch) -> Result<Inputs, Error> {
        match self {
            Workload::Simulated(simulation) => simulation.opening(epoch),
            Workload::Files(files) => Ok(files.opening()),
        }
    }

    /// Some customers with what they hold.
    pub fn customers(&mut self, from: u32, to: u32, epoch: Epoch) -> Result<Inputs, Error> {
        match self {
            Workload::Simulated(simulation) => simulation.customers(from, to, epoch),
            Workload::Files(files) => Ok(files.customers(from, to)),
        }
    }

    /// The ticks of an epoch, by its number, and one account event for every hundred.
    pub fn ticks(&mut self, number: usize, count: usize, crash: bool, epoch: Epoch) -> Result<Inputs, Error> {
        match self {
            Workload::Simulated(simulation) => simulation.ticks(count, crash, epoch),
            Workload::Files(files) => Ok(files.ticks(number, count)),
        }
    }
}

/// 40% in one instrument, a fall of 20% from the peak: seldom crossed.
fn limits(customer: &Name, at: When) -> Event {
    let percent = |percent: i64| Some(Ratio::from_raw(percent * (Ratio::ONE / 100)));
    Event::RiskLimitsSet(Box::new(RiskLimitsSet {
        event_type: EventType::RiskLimitsSet,
        at,
        id: None,
        recorded: None,
        customer: customer.clone(),
        concentration: percent(40),
        stop_loss: None,
        drawdown: percent(20),
        value_at_risk: None,
    }))
}

/// A simulated market with its door.
pub(super) struct Simulation {
    market: Market,
    book: Book,
    door: Admission,
    at: When,
    limits: bool,
}

impl Simulation {
    fn new(options: &Options) -> Simulation {
        let mut market = Market::new(options.seed, options.instruments);
        market.set_pace((options.epoch_ticks as u64 * 1000 / EPOCH_MS) as u32, options.intensity);
        let book = Book::new(options.seed, options.customers);
        let at = When::from_micros(1_767_571_200_000_000);
        Simulation { market, book, door: Admission::new(0, false), at, limits: options.limits }
    }

    fn judged(&mut self, events: &[Event], epoch: Epoch) -> Result<Inputs, Error> {
        let mut inputs = Inputs::new();
        for event in events {
            match self.door.admit(event, epoch, Origin::Program) {
                Verdict::Accepted(changes) => inputs.extend(changes),
                Verdict::Duplicate => {}
                Verdict::Refused(refusal) => {
                    return Err(Error::Check(format!("a simulated event was refused: {refusal}")));
                }
            }
        }
        Ok(inputs)
    }

    fn opening(&mut self, epoch: Epoch) -> Result<Inputs, Error> {
        let mut events = self.market.reference_events(self.at);
        events.extend(self.market.quotes(self.at));
        self.judged(&events, epoch)
    }

    fn customers(&mut self, from: u32, to: u32, epoch: Epoch) -> Result<Inputs, Error> {
        let mut events: Vec<Event> =
            (from..to).flat_map(|customer| self.book.open(&self.market, customer, self.at)).collect();
        let limited = events.iter().filter(|_| self.limits).filter_map(|event| match event {
            Event::CustomerOnboarded(e) => Some(limits(&e.customer, self.at)),
            _ => None,
        });
        let limited: Vec<Event> = limited.collect();
        events.extend(limited);
        self.judged(&events, epoch)
    }

    /// An epoch's ticks, and one account event for every hundred.
    fn ticks(&mut self, count: usize, crash: bool, epoch: Epoch) -> Result<Inputs, Error> {
        self.at = When::from_micros(self.at.micros() + EPOCH_MS as i64 * 1_000);
        let mut events = if crash {
            self.market.shock(&Shock::Market(CRASH_BPS));
            self.market.quotes(self.at)
        } else {
            self.market.next_ticks(self.at, count)
        };
        events.extend((0..count / 100).filter_map(|_| self.book.event(&self.market, self.at)));
        self.judged(&events, epoch)
    }
}
