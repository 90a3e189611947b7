//! The days that a backtest covers: those asked for, if there are closes for them.

use std::collections::BTreeSet;

use evenkeel_schemas::{InstrumentId, TradeDate};

use super::Args;
use super::data::Universe;
use crate::error::Error;

/// First and last day.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub from: TradeDate,
    pub to: TradeDate,
}

impl Period {
    /// The days asked for; where nothing is said, as many as the closes and the calendar allow: every
    /// instrument of --weights has had a close, and --optimise has its window.
    ///
    /// # Errors
    /// No close in the period, too few before it, or days that the calendar does not know.
    pub fn of(args: &Args, universe: &Universe) -> Result<Period, Error> {
        let mut days: Vec<TradeDate> = universe.history.marks.iter().map(|mark| mark.date).collect();
        days.sort_unstable();
        days.dedup();
        let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
            return Err(Error::Input("there are no closes".to_owned()));
        };
        let covered = universe.market.covered();
        let to = args.to.unwrap_or_else(|| covered.map_or(last, |(_, ends)| last.min(ends)));
        // A return needs the close before it.
        let needed = if args.optimise.is_empty() { 0 } else { args.window as usize + 1 };
        let earliest = days.get(needed).copied();
        let too_few = |before: usize, hint: String| {
            Error::Input(format!(
                "--window {}: there are {before} days of closes before the first day; expected at least {needed}; \
                 {hint}",
                args.window
            ))
        };
        let from = match (args.from, earliest) {
            (Some(from), _) => from,
            (None, Some(earliest)) => {
                let weighted = universe.targets.iter().flatten();
                let firsts = weighted.filter_map(|(one, _)| universe.first_close.get(one).copied());
                let from = firsts.max().unwrap_or(earliest).max(earliest);
                covered.map_or(from, |(begins, _)| from.max(begins))
            }
            (None, None) => {
                let before = days.len().saturating_sub(1);
                return Err(too_few(before, "a shorter --window, or more closes".to_owned()));
            }
        };
        if let Some((begins, ends)) = covered.filter(|(begins, ends)| from < *begins || to > *ends) {
            return Err(Error::Input(format!(
                "{from} to {to}: the calendar of {} covers {begins} to {ends}; --from and --to choose \
                 days within",
                universe.market.mic()
            )));
        }
        if !days.iter().any(|day| (from..=to).contains(day)) {
            return Err(Error::Input(format!(
                "no close between {from} and {to}: there are closes from {first} to {last}; --from and --to \
                 choose"
            )));
        }
        let before = days.partition_point(|day| *day < from);
        if before < needed {
            let shorter = "a shorter --window, or more closes".to_owned();
            let hint =
                earliest.map_or(shorter, |day| format!("--from {day} or later, or a shorter --window"));
            return Err(too_few(before, hint));
        }
        let weighted: BTreeSet<InstrumentId> =
            universe.targets.iter().flatten().map(|(one, _)| *one).collect();
        for one in weighted {
            if let Some(begins) = universe.first_close.get(&one).filter(|begins| **begins > from) {
                let name = universe.name(one);
                eprintln!("{name} has no close before {begins}: until a trade after that its part is cash");
            }
        }
        Ok(Period { from, to })
    }
}
