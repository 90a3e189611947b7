use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use evenkeel_feeds::generate::{Book, Market, Shock};
use evenkeel_schemas::Instant;

use super::config::{Overrides, demo_folder};
use super::serve::Running;
use crate::config::Config;
use crate::error::Error;
use crate::live::Stopped;
use crate::progress::Progress;
use crate::source::{Incoming, Source, pump};

/// See it work: a simulated market, 1,000 customers, a live page, everything embedded.
#[derive(clap::Args)]
#[command(after_help = "\
Beyond 20,000 customers, portfolios are transferred in near their targets instead of being bought one by one; the
market then moves at its real pace, without shocks, valuations are reported each minute and drift lines not at all,
unless flags say otherwise. Breaches, triggers and orders are exact at every epoch all the same.

Without --data the demo starts afresh each time, in a folder of its own that `evenkeel sql` and `evenkeel
verify` find by themselves. With --data it goes on from what is there.")]
pub(super) struct Args {
    #[command(flatten)]
    overrides: Overrides,
    /// Customers
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    customers: u32,
    /// Instruments
    #[arg(long, default_value_t = 137, value_parser = clap::value_parser!(u32).range(1..=2000))]
    instruments: u32,
    /// Ticks a second
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    ticks_per_second: u32,
    /// How many seconds of a real market happen in one second [default: 20; 1 beyond 20,000 customers]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    intensity: Option<u32>,
    /// Everything that is left to chance follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds between market shocks; 0 for none [default: 60; 0 beyond 20,000 customers]
    #[arg(long)]
    shock_seconds: Option<u64>,
    /// How far a shock moves prices, in per cent: the market, the dollar and equities in turn, down and up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    shock_percent: u32,
    /// Seconds to run; without it until Ctrl-C
    #[arg(long)]
    seconds: Option<u64>,
}

/// How often ticks are handed in: a hundred times a second, in even portions.
const STEP: Duration = Duration::from_millis(10);

/// Ticks for each account event.
const TICKS_PER_ACCOUNT_EVENT: u64 = 1000;

/// Customers that are onboarded with one submission.
const CUSTOMERS_AT_ONCE: u32 = 500;

/// Submissions that may be on their way to the disk while the next one is made.
const UNDER_WAY: usize = 8;

/// Beyond so many customers a demo is about the market, not about investing everybody.
const MANY: u32 = 20_000;
/// How often the worth of so many is reported, in milliseconds.
const MARK_OF_MANY: u64 = 60_000;

impl Args {
    fn many(&self) -> bool {
        self.customers > MANY
    }
}

/// Sessions before the demo that have closing marks: a year, which estimates look back on.
const HISTORY: u32 = 253;

pub(super) fn run(args: Args) -> Result<(), Error> {
    super::init_logging();
    let mut config = Config::read(args.overrides.config.as_deref())?;
    config.data = demo_folder();
    // A simulated market moves faster than a real one: limits leave room for it.
    config.policy.costs.half_spread = evenkeel_schemas::Ratio::from_bps(30).unwrap_or_default();
    if args.many() {
        (config.mark_ms, config.drift_mark_ms) = (MARK_OF_MANY, Some(0));
        config.lots = false;
    }
    let config = args.overrides.settle_over(config)?;
    if args.overrides.data.is_none() {
        start_afresh(&config.data)?;
    }
    eprintln!("evenkeel: starting the log, the dataflow, the actors and the embedded ClickHouse");
    let running = Running::start(&config, "demo")?;
    let mut simulation = Simulation::new(&args);
    let fresh = running.line.view.read().customers().is_empty();
    if fresh && !running.ending() {
        simulation.open(&running)?;
    }
    announce(&running, &args, &config);
    let played = pump(&mut simulation, &running.line.submitter, &|| running.ending());
    // A station that failed says why itself.
    running.stop()?;
    played.map(|_| ())
}

/// Empties the demo's own folder. Another demo that runs there holds its log and is found out at opening.
fn start_afresh(folder: &Path) -> Result<(), Error> {
    if evenkeel_clickhouse::running_engine(&folder.join("clickhouse")).is_some() {
        return Err(Error::Start(format!(
            "a demo is running already, in {}; stop it first, or give this one --data DIR and --listen 127.0.0.1:0",
            folder.display()
        )));
    }
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("empty", folder, error))
        }
        _ => Ok(()),
    }
}

fn announce(running: &Running, args: &Args, config: &Config) {
    let data = if args.overrides.data.is_some() {
        format!(" --data {}", config.data.display())
    } else {
        String::new()
    };
    let address = running.http.address;
    let customers = args.customers;
    eprintln!(
        "
evenkeel: the demo runs: {customers} customers, {} instruments, {} ticks a second
          live page   http://{address}/
          metrics     http://{address}/metrics

Four things to try next, in another terminal:
  1. Why was an order sent? Its decision, trigger and price in one query:
       evenkeel sql{data} \"SELECT o.order, o.side, o.quantity, o.instrument, d.reason, t.kind, t.subject, t.measure FROM orders_current o JOIN decisions d ON d.decision = o.decision ARRAY JOIN d.triggers AS cause JOIN triggers t ON t.trigger = cause AND t.diff = 1 LIMIT 5\"
  2. Hand in money for a customer and watch it being invested on the live page:
       curl -d '{{\"type\":\"deposit\",\"at\":\"{}\",\"customer\":\"C0000001\",\"amount\":\"5000\",\"currency\":\"AUD\"}}' http://{address}/api/v1/events
  3. Take in a new customer, from a questionnaire to a portfolio that is watched, and follow the steps:
       curl -s http://{address}/api/v1/examples/onboarding | curl -s -d @- http://{address}/api/v1/onboarding
       curl -s http://{address}/api/v1/onboarding/sarah
  4. Kill it (kill -9), start it again with{} and ask whether log, dataflow and ClickHouse agree:
       evenkeel verify{data}

Ctrl-C stops it.
",
        args.instruments,
        args.ticks_per_second,
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        if data.is_empty() { " evenkeel demo --data DIR".to_owned() } else { format!(" evenkeel demo{data}") },
    );
}

fn now() -> Instant {
    Instant::from_micros(jiff::Timestamp::now().as_microsecond())
}

struct Simulation {
    market: Market,
    book: Book,
    customers: u32,
    /// Whether portfolios come from elsewhere.
    transferred: bool,
    ticks_per_second: u32,
    shock_every: Option<Duration>,
    shock_bps: i64,
    until: Option<Clock>,
    shocks: u32,
    playing: Option<Clock>,
    ticks: u64,
    account_events: u64,
}

impl Simulation {
    fn new(args: &Args) -> Simulation {
        let mut market = Market::new(args.seed, args.instruments);
        let (intensity, shocks) = if args.many() { (1, 0) } else { (20, 60) };
        market.set_pace(args.ticks_per_second, args.intensity.unwrap_or(intensity));
        let shocks = args.shock_seconds.unwrap_or(shocks);
        let shock_every = (shocks > 0).then(|| Duration::from_secs(shocks));
        Simulation {
            market,
            book: Book::new(args.seed, args.customers),
            customers: args.customers,
            transferred: args.many(),
            ticks_per_second: args.ticks_per_second,
            shock_every,
            shock_bps: i64::from(args.shock_percent) * 100,
            until: args.seconds.map(|seconds| Clock::now() + Duration::from_secs(seconds)),
            shocks: 0,
            playing: None,
            ticks: 0,
            account_events: 0,
        }
    }

    /// Lists instruments, gives the first prices, and onboards customers with their portfolios.
    fn open(&mut self, running: &Running) -> Result<(), Error> {
        let mut progress = Progress::new("onboarding customers", Some(u64::from(self.customers)));
        let mut events = self.market.reference_events(now());
        events.extend(self.market.history(now().date(), HISTORY));
        events.extend(self.market.quotes(now()));
        let mut under_way = VecDeque::new();
        let stopped = |stopped: Stopped| Error::Start(stopped.to_string());
        for customer in 0..self.customers {
            events.extend(if self.transferred {
                self.book.transfer(&self.market, customer, now())
            } else {
                self.book.open(&self.market, customer, now())
            });
            if customer % CUSTOMERS_AT_ONCE == CUSTOMERS_AT_ONCE - 1 || customer + 1 == self.customers {
                let portion = Incoming::made("simulation", std::mem::take(&mut events));
                under_way.push_back(running.line.submitter.hand_in(portion).map_err(stopped)?);
                if under_way.len() > UNDER_WAY
                    && let Some(first) = under_way.pop_front()
                {
                    first.wait().map_err(stopped)?;
                }
                progress.look(u64::from(customer) + 1, || format!("{} of {}", customer + 1, self.customers));
                if running.ending() {
                    break;
                }
            }
        }
        under_way.into_iter().try_for_each(|last| last.wait().map(drop)).map_err(stopped)?;
        progress.done();
        Ok(())
    }

    fn shock(&mut self) {
        let sign = if self.shocks.is_multiple_of(2) { -1 } else { 1 };
        let shock = match self.shocks % 3 {
            0 => Shock::AssetClass("equity".to_owned(), sign * self.shock_bps),
            1 => Shock::Dollar(sign * self.shock_bps),
            _ => Shock::Market(sign * self.shock_bps),
        };
        self.shocks += 1;
        let moved = self.market.shock(&shock);
        eprintln!("evenkeel: market shock: {shock:?} moves {moved} prices");
    }
}

/// Ticks in even portions, an account event now and then, a shock every so often.
impl Source for Simulation {
    fn next_portion(&mut self) -> Result<Option<Vec<Incoming>>, Error> {
        if self.until.is_some_and(|until| Clock::now() >= until) {
            return Ok(None);
        }
        std::thread::sleep(STEP);
        let started = *self.playing.get_or_insert_with(Clock::now);
        let due = (started.elapsed().as_secs_f64() * f64::from(self.ticks_per_second)) as u64;
        // After a stall the market goes on from here; it does not catch up.
        let count = due.saturating_sub(self.ticks).min(u64::from(self.ticks_per_second));
        self.ticks = due;
        if self.shock_every.is_some_and(|every| started.elapsed() >= every * (self.shocks + 1)) {
            self.shock();
        }
        let mut events = self.market.next_ticks(now(), count as usize);
        if self.ticks / TICKS_PER_ACCOUNT_EVENT > self.account_events {
            self.account_events = self.ticks / TICKS_PER_ACCOUNT_EVENT;
            events.extend(self.book.event(&self.market, now()));
        }
        Ok(Some(Incoming::made("simulation", events)))
    }
}
