//! Buys and sells of one customer, as the holding period rule wants them for one distribution: on the basis of its ex date,
//! with what came by mergers before and what went by other codes after.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{InstrumentId, Quantity, TradeDate};

use crate::facts::{Corporate, CorporateAction};

/// A buy or a sell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trade {
    pub instrument: InstrumentId,
    /// The day that holding is counted from: a transfer may have been acquired before it came.
    pub held_from: TradeDate,
    /// The day on whose basis its units are.
    pub date: TradeDate,
    pub event: Arc<str>,
    /// Raw units; a sell is negative.
    pub units: i128,
}

/// Actions by instrument, with how often each was counted in.
pub(super) type Actions = BTreeMap<InstrumentId, BTreeMap<Arc<CorporateAction>, isize>>;

/// Trades of what a distribution with this ex date was paid on. Before the ex date actions change the trades that they
/// reach. After it the same line goes on under other terms: later trades are restated back, and those of an instrument
/// that units became are trades of the line, but for what was held of that one before.
pub(super) fn trades_for(
    instrument: InstrumentId,
    ex_date: TradeDate,
    trades: Vec<Trade>,
    actions: &Actions,
) -> Vec<Trade> {
    let mut ordered: Vec<(InstrumentId, &Arc<CorporateAction>)> = Vec::new();
    for (instrument, standing) in actions {
        let standing = standing.iter().filter(|(_, count)| **count > 0);
        ordered.extend(standing.map(|(action, _)| (*instrument, action)));
    }
    ordered.sort_by_key(|(instrument, action)| (action.date, action.number, *instrument));
    let since = ordered.partition_point(|(_, action)| action.date < ex_date);
    let mut trades = trades;
    for (of, action) in &ordered[..since] {
        before(&mut trades, *of, action);
    }
    matched(after(instrument, trades, &ordered[since..]))
}

/// Units on another basis; nothing where that leaves all ranges.
fn rescaled(units: i128, times: i128, by: i128) -> i128 {
    units.checked_mul(times).map_or(0, |product| product / by.max(1))
}

fn raw(quantity: Quantity) -> i128 {
    i128::from(quantity.raw())
}

fn before(trades: &mut Vec<Trade>, instrument: InstrumentId, action: &CorporateAction) {
    let reached = |trade: &Trade| trade.instrument == instrument && trade.date < action.date;
    match action.what {
        Corporate::Split { new, old, .. } => {
            for trade in trades.iter_mut().filter(|trade| reached(trade)) {
                trade.units = rescaled(trade.units, raw(new), raw(old));
            }
        }
        Corporate::Merger { into, new, old, .. } => {
            for trade in trades.iter_mut().filter(|trade| reached(trade)) {
                let units = rescaled(trade.units, raw(new), raw(old));
                (trade.instrument, trade.date, trade.units) = (into, action.date, units);
            }
        }
        Corporate::Delisting { .. } => trades.retain(|trade| !reached(trade)),
        Corporate::Distribution { .. } => {}
    }
}

/// The line from an ex date on, on the basis of that day.
fn after(
    instrument: InstrumentId,
    trades: Vec<Trade>,
    actions: &[(InstrumentId, &Arc<CorporateAction>)],
) -> Vec<Trade> {
    let (mut line, mut from, mut basis) = (instrument, None, (1_i128, 1_i128));
    let mut all = Vec::new();
    let take = |all: &mut Vec<Trade>,
                line,
                from: Option<TradeDate>,
                until: Option<TradeDate>,
                basis: (i128, i128)| {
        let of_line = trades.iter().filter(|trade| trade.instrument == line);
        let within = of_line.filter(|trade| {
            from.is_none_or(|from| trade.date >= from) && until.is_none_or(|until| trade.date < until)
        });
        all.extend(
            within.map(|trade| Trade { units: rescaled(trade.units, basis.0, basis.1), ..trade.clone() }),
        );
    };
    for (of, action) in actions {
        if *of != line {
            continue;
        }
        let (next, (new, old)) = match action.what {
            Corporate::Split { new, old, .. } => (line, (raw(new), raw(old))),
            Corporate::Merger { into, new, old, .. } if raw(new) > 0 => (into, (raw(new), raw(old))),
            Corporate::Merger { .. } | Corporate::Delisting { .. } => {
                take(&mut all, line, from, Some(action.date), basis);
                end(&mut all, line, action);
                return all;
            }
            Corporate::Distribution { .. } => continue,
        };
        take(&mut all, line, from, Some(action.date), basis);
        let times = basis.0.checked_mul(old).zip(basis.1.checked_mul(new));
        // Beyond all ranges nothing can be said of later trades.
        let Some(times) = times else { return all };
        (line, from, basis) = (next, Some(action.date), times);
    }
    take(&mut all, line, from, None, basis);
    all
}

/// What is held when a day starts is sold.
fn end(all: &mut Vec<Trade>, instrument: InstrumentId, action: &CorporateAction) {
    let held = all.iter().fold(0_i128, |held, trade| held.saturating_add(trade.units));
    if held > 0 {
        let (date, event) = (action.date, action.name.clone());
        all.push(Trade { instrument, held_from: date, date, event, units: -held });
    }
}

/// Sells of no more than is held: what is beyond is an anomaly of the lots, or rounding of a split.
fn matched(mut trades: Vec<Trade>) -> Vec<Trade> {
    trades.sort_by(|a, b| {
        let key = |trade: &Trade| (trade.held_from, trade.units < 0);
        key(a).cmp(&key(b)).then_with(|| a.cmp(b))
    });
    let mut held = 0_i128;
    for trade in &mut trades {
        trade.units = trade.units.max(-held);
        held = held.saturating_add(trade.units);
    }
    trades.retain(|trade| trade.units != 0);
    trades
}
