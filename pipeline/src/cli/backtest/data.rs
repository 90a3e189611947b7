//! Events as market data: what is listed, closes, splits, distributions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use evenkeel_backtest::{History, Targets};
use evenkeel_calendar::{Calendars, Market};
use evenkeel_feeds::import::{ImportOptions, Report, import_file};
use evenkeel_schemas::events::{Event, InstrumentListed};
use evenkeel_schemas::{Currency, InstrumentId, Name, Ratio, TradeDate};

use super::Args;
use crate::admission::Origin;
use crate::door::{Door, Place, Rejected};
use crate::error::Error;
use crate::market_facts::MarketFacts;
use crate::progress::Progress;
use crate::replay::{EventFiles, Placed, recorded_epoch};

/// The most instruments that a message lists.
const LISTED_MOST: usize = 12;

/// As many as the other commands that read files remember.
const CORRECTABLE_TICKS: usize = 1_000_000;

/// What the input says.
pub(super) struct Known {
    door: Door,
    pub facts: MarketFacts,
    /// Lines that were refused.
    pub refused: Vec<Rejected>,
    /// Rows of bars that were skipped, in words.
    pub skipped: Vec<String>,
    /// Prices of bars that were taken, but look wrong, in words.
    pub suspects: Vec<String>,
}

impl Known {
    /// Judges an event as the door of the program does.
    fn judge(&mut self, event: Event, place: &Place, line: &[u8], epoch: &mut u64) {
        *epoch = recorded_epoch(&event, 1).max(*epoch);
        match self.door.judge(&event, *epoch, Origin::Program) {
            Ok(None) => {}
            Ok(Some(_)) => self.facts.take(event),
            Err(refusal) => self.refused.push(Rejected::new(place, refusal, line)),
        }
    }

    /// The instruments that are asked for, with their market data.
    ///
    /// # Errors
    /// An instrument that is not there, has no close, or does not go with the others.
    pub fn universe(&self, args: &Args) -> Result<Universe, Error> {
        let listed = self.facts.listed();
        let with_close = self.facts.with_close();
        let chosen: Vec<Name> = match (args.optimise.is_empty(), args.instruments.is_empty()) {
            (true, _) => Vec::new(),
            (false, false) => args.instruments.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            (false, true) => with_close.iter().cloned().collect(),
        };
        let weighted = args.weights.iter().flat_map(|weights| &weights.0);
        let asked = weighted.map(|(name, _)| ("--weights", name));
        let mut wanted = BTreeSet::new();
        for (flag, name) in asked.chain(chosen.iter().map(|name| ("--instruments", name))) {
            if !listed.contains_key(name) {
                let there = some_of(&with_close);
                return Err(Error::Input(format!(
                    "{flag} {name}: expected an instrument of these events; there is {there}"
                )));
            }
            if !with_close.contains(name) {
                return Err(Error::Input(format!("{flag} {name}: it is listed, but has no close")));
            }
            wanted.insert(name.clone());
        }
        if wanted.is_empty() {
            let hint = "expected closes: a close event, or --bars; `evenkeel import` makes events of bars";
            return Err(Error::Input(format!("no instrument has a close: {hint}")));
        }
        let wanted: BTreeMap<Name, &InstrumentListed> =
            wanted.into_iter().filter_map(|name| Some((name.clone(), *listed.get(&name)?))).collect();
        let room = chosen.len() as i64 * args.weight_max.raw();
        if !chosen.is_empty() && room < Ratio::ONE {
            return Err(Error::Input(format!(
                "--weight-max {}: {} instruments of at most that are {} together; expected at least 1",
                args.weight_max,
                chosen.len(),
                Ratio::from_raw(room)
            )));
        }
        let currency = currency(&wanted)?;
        let market = market(&wanted, currency, args.market.as_ref())?;
        let ids: BTreeMap<Name, InstrumentId> = wanted.keys().cloned().zip((0..).map(InstrumentId)).collect();
        let history = self.facts.history(&wanted, &ids);
        let target = |(name, weight): &(Name, Ratio)| Some((*ids.get(name)?, *weight));
        let targets =
            args.weights.iter().map(|weights| weights.0.iter().filter_map(target).collect()).collect();
        let chosen: BTreeSet<InstrumentId> =
            chosen.iter().filter_map(|name| ids.get(name).copied()).collect();
        let mut first_close = BTreeMap::new();
        for mark in &history.marks {
            let first = first_close.entry(mark.instrument).or_insert(mark.date);
            *first = mark.date.min(*first);
        }
        let names = ids.into_iter().map(|(name, id)| (id, name)).collect();
        let optimised = chosen.into_iter().collect();
        Ok(Universe { history, currency, market, targets, optimised, names, first_close })
    }
}

/// The instruments that are asked for.
pub(super) struct Universe {
    pub history: History,
    pub currency: Currency,
    pub market: &'static Market,
    /// What each --weights says.
    pub targets: Vec<Targets>,
    /// What --optimise may hold.
    pub optimised: Vec<InstrumentId>,
    pub names: BTreeMap<InstrumentId, Name>,
    /// The day of the first close of each.
    pub first_close: BTreeMap<InstrumentId, TradeDate>,
}

impl Universe {
    /// What people call an instrument.
    pub fn name(&self, instrument: InstrumentId) -> String {
        self.names.get(&instrument).map(Name::to_string).unwrap_or_default()
    }
}

/// The first few, for a message.
fn some_of(names: &BTreeSet<Name>) -> String {
    let few: Vec<&str> = names.iter().take(LISTED_MOST).map(Name::as_str).collect();
    match names.len().saturating_sub(LISTED_MOST) {
        _ if names.is_empty() => "none with a close".to_owned(),
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

fn currency(wanted: &BTreeMap<Name, &InstrumentListed>) -> Result<Currency, Error> {
    let mut by_currency: BTreeMap<Currency, BTreeSet<Name>> = BTreeMap::new();
    for (name, listed) in wanted {
        by_currency.entry(listed.currency).or_default().insert(name.clone());
    }
    if by_currency.len() > 1 {
        let parts: Vec<String> =
            by_currency.iter().map(|(currency, names)| format!("{currency}: {}", some_of(names))).collect();
        return Err(Error::Input(format!(
            "expected instruments of one currency, for exchange rates are not simulated; there is {}; \
             --weights or --instruments chooses",
            parts.join("; ")
        )));
    }
    by_currency.into_keys().next().ok_or_else(|| Error::Input("no instrument".to_owned()))
}

/// The market whose trading days count.
fn market(
    wanted: &BTreeMap<Name, &InstrumentListed>,
    currency: Currency,
    given: Option<&Name>,
) -> Result<&'static Market, Error> {
    let calendars = Calendars::built_in().map_err(|error| Error::Start(error.to_string()))?;
    let known = || calendars.markets().map(|market| market.mic().to_string()).collect::<Vec<_>>().join(", ");
    let named = |mic: &Name| {
        let hint = || Error::Input(format!("no calendar of the market {mic}; --market takes {}", known()));
        calendars.market(mic.as_str()).ok_or_else(hint)
    };
    if let Some(mic) = given {
        return named(mic);
    }
    let mics: BTreeSet<&Name> = wanted.values().filter_map(|listed| listed.market.as_ref()).collect();
    let unnamed = wanted.values().any(|listed| listed.market.is_none());
    let home = calendars.home_of(currency).filter(|_| unnamed);
    let mut found: BTreeMap<Name, &Market> =
        home.into_iter().map(|market| (market.mic().clone(), market)).collect();
    for mic in mics {
        let market = named(mic)?;
        found.insert(market.mic().clone(), market);
    }
    match found.len() {
        1 => {}
        0 => {
            let reason = format!("no home market of {currency} is known; --market takes {}", known());
            return Err(Error::Input(reason));
        }
        _ => {
            let all: Vec<&str> = found.keys().map(Name::as_str).collect();
            return Err(Error::Input(format!(
                "the instruments trade on {}: --market says whose trading days count",
                all.join(", ")
            )));
        }
    }
    found.into_values().next().ok_or_else(|| Error::Input("no market".to_owned()))
}

/// Reads events, then bars.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn read(events: &[PathBuf], bars: &[PathBuf]) -> Result<Known, Error> {
    let mut known = Known {
        door: Door::new(CORRECTABLE_TICKS, false),
        facts: MarketFacts::default(),
        refused: Vec::new(),
        skipped: Vec::new(),
        suspects: Vec::new(),
    };
    let (mut progress, mut epoch) = (Progress::new("reading", None), 0);
    let mut files = EventFiles::open(events)?;
    while let Some(placed) = files.next_event()? {
        progress.step(files.bytes_read(), || format!("{} events", known.door.counts.accepted));
        match placed {
            Placed::Event(place, event, line) => known.judge(*event, &place, &line, &mut epoch),
            Placed::Refused(line) => known.refused.push(line),
        }
    }
    for path in bars {
        let mut place = Place { source: path.display().to_string(), line: 0 };
        let mut report = Report::default();
        let mut sink = |event: Event| {
            place.line += 1;
            // Bars of several files overlap in time: none is late.
            let mut own = epoch.max(recorded_epoch(&event, 1));
            known.judge(event, &place, b"", &mut own);
            Ok(())
        };
        import_file(path, &ImportOptions::default(), &mut sink, &mut report)
            .map_err(|error| Error::Input(format!("{error}; `evenkeel import` has flags for such files")))?;
        progress.look(0, || format!("{} events", report.events));
        known.skipped.extend(report.skips.iter().map(ToString::to_string));
        known.suspects.extend(report.suspects.iter().map(ToString::to_string));
    }
    progress.done();
    Ok(known)
}
