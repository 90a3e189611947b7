//! Buys and sells of one customer, as the holding period rule wants them: on one basis, through splits, mergers and
//! delistings.

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

/// Trades on the basis of the last action, with what mergers and delistings do as trades of their own.
pub(super) fn restated(
    mut trades: Vec<Trade>,
    actions: &BTreeMap<InstrumentId, BTreeMap<Arc<CorporateAction>, isize>>,
) -> Vec<Trade> {
    let mut ordered: Vec<(InstrumentId, &Arc<CorporateAction>)> = Vec::new();
    for (instrument, standing) in actions {
        let standing = standing.iter().filter(|(_, count)| **count > 0);
        ordered.extend(standing.map(|(action, _)| (*instrument, action)));
    }
    ordered.sort_by_key(|(instrument, action)| (action.date, action.number, *instrument));
    for (instrument, action) in ordered {
        act(&mut trades, instrument, action);
    }
    matched(trades)
}

fn act(trades: &mut Vec<Trade>, instrument: InstrumentId, action: &CorporateAction) {
    let reached = |trade: &Trade| trade.instrument == instrument && trade.date < action.date;
    let scale = |units: i128, new: Quantity, old: Quantity| {
        units.saturating_mul(new.raw().into()) / i128::from(old.raw().max(1))
    };
    match action.what {
        Corporate::Split { new, old, .. } => {
            for trade in trades.iter_mut().filter(|trade| reached(trade)) {
                trade.units = scale(trade.units, new, old);
            }
        }
        Corporate::Merger { into, new, old, .. } => {
            let came: Vec<Trade> = trades
                .iter()
                .filter(|trade| reached(trade))
                .map(|trade| Trade {
                    instrument: into,
                    date: action.date,
                    units: scale(trade.units, new, old),
                    ..trade.clone()
                })
                .collect();
            end(trades, instrument, action, reached);
            trades.extend(came);
        }
        Corporate::Delisting { .. } => end(trades, instrument, action, reached),
        Corporate::Distribution { .. } => {}
    }
}

/// What is held when a day starts is sold.
fn end(
    trades: &mut Vec<Trade>,
    instrument: InstrumentId,
    action: &CorporateAction,
    reached: impl Fn(&Trade) -> bool,
) {
    let held: i128 = trades.iter().filter(|trade| reached(trade)).map(|trade| trade.units).sum();
    if held > 0 {
        let (date, event) = (action.date, action.name.clone());
        trades.push(Trade { instrument, held_from: date, date, event, units: -held });
    }
}

/// Sells of no more than is held: what is beyond is an anomaly of the lots, or rounding of a split.
fn matched(mut trades: Vec<Trade>) -> Vec<Trade> {
    trades.sort_by(|a, b| {
        let key = |trade: &Trade| (trade.instrument, trade.held_from, trade.units < 0);
        key(a).cmp(&key(b)).then_with(|| a.cmp(b))
    });
    let (mut of, mut held) = (None, 0_i128);
    for trade in &mut trades {
        if of != Some(trade.instrument) {
            (of, held) = (Some(trade.instrument), 0);
        }
        trade.units = trade.units.max(-held);
        held += trade.units;
    }
    trades.retain(|trade| trade.units != 0);
    trades
}
