//! In which order lots of one day were entered. The view does not keep it, and it matters only where two open lots were
//! acquired on the same day: then the customer's events are asked for, and judged again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::web;
use evenkeel_lots::{Entry, What};
use evenkeel_operators::facts::{Corporate, Fact, Input};
use evenkeel_schemas::{Epoch, InstrumentId, Row, TradeDate};

use super::rebuild::{Replayed, derive, replay, running};
use super::stored::{ask, caught_up, events};
use super::{Context, Problem};
use crate::view::HeldLot;

/// Date, rank on it, effective time and running number, as the ledger orders entries.
type Order = (TradeDate, u8, i64, u64);

/// Open lots of one instrument as the ledger has them: by acquisition date, then in the order of entry.
pub(super) async fn in_order(
    context: &web::Data<Context>,
    client_id: &str,
    ticker: &str,
    mut lots: Vec<HeldLot>,
) -> Result<Vec<HeldLot>, Problem> {
    if lots.windows(2).all(|pair| pair[0].acquired != pair[1].acquired) {
        return Ok(lots);
    }
    let (context, client_id, ticker) = (context.clone(), client_id.to_owned(), ticker.to_owned());
    let sorted = web::block(move || {
        let upto = context.view.read().epoch();
        caught_up(&context)?;
        let stored = ask(&context, async |client| events(&client, &client_id, upto).await)?;
        let replayed = replay(stored, &client_id, true);
        let Some(instrument) = replayed.names.read().instrument_id(&ticker) else { return Ok(lots) };
        let mut orders = entered(&replayed, instrument);
        let unnamed: BTreeSet<u64> = lots.iter().filter_map(|lot| running(&lot.lot)).collect();
        if !unnamed.is_empty() {
            rename(&mut orders, &unnamed, &open_numbers(&context, replayed, instrument, upto)?)?;
        }
        lots.sort_by_key(|lot| (lot.acquired, orders.get(&lot.lot).copied()));
        Ok::<_, Problem>(lots)
    });
    sorted.await.map_err(|error| Problem::unavailable(error.to_string()))?
}

type Orders = BTreeMap<Arc<str>, (Order, Order)>;

/// The numbers of open lots that events without an id opened, as counted among account events.
fn open_numbers(
    context: &Context,
    replayed: Replayed,
    instrument: InstrumentId,
    upto: Epoch,
) -> Result<BTreeSet<u64>, Problem> {
    let rows = derive(replayed.inputs, context.config.epoch_ms, upto).map_err(Problem::unavailable)?;
    let number = |row: &Row| match row {
        Row::Lot(lot) if lot.instrument == instrument => running(&lot.lot),
        _ => None,
    };
    Ok(rows.iter().filter_map(number).collect())
}

/// Gives lots without an id the names that they have in the view: numbers there rise with the numbers here.
fn rename(orders: &mut Orders, theirs: &BTreeSet<u64>, own: &BTreeSet<u64>) -> Result<(), Problem> {
    if own.len() != theirs.len() {
        return Err(Problem::unavailable("ClickHouse and the view are of different moments: ask again"));
    }
    let name = |number: &u64| -> Arc<str> { format!("seq:{number}").into() };
    let found =
        own.iter().zip(theirs).filter_map(|(own, theirs)| Some((name(theirs), *orders.get(&name(own))?)));
    let found: Orders = found.collect();
    orders.extend(found);
    Ok(())
}

/// When lots were entered into an instrument, by name: lots that a merger moved into it, at the merger.
fn entered(replayed: &Replayed, instrument: InstrumentId) -> Orders {
    let standing = standing(replayed);
    let mut moves: Vec<(InstrumentId, Order)> = Vec::new();
    for fact in &standing {
        if let Fact::Action(_, action) = fact
            && let What::Replace(terms) = &action.entry.what
            && terms.into == instrument
        {
            moves.push((terms.from, (action.entry.date, 1, i64::MIN, action.entry.number)));
        }
    }
    let mut orders = BTreeMap::new();
    for fact in standing {
        let Some((of, name, first)) = opened(fact) else { continue };
        let moved = moves.iter().filter(|(_, order)| order.0 > first.0).map(|(_, order)| *order).max();
        let into = if of == instrument { first } else { moved.unwrap_or(first) };
        orders.insert(name, (into, first));
    }
    orders
}

/// The lot that a fact opens: of what, its name, and when.
fn opened(fact: &Fact) -> Option<(InstrumentId, Arc<str>, Order)> {
    match fact {
        Fact::Lot(_, lot) => {
            let Entry { date, at, number, what } = &lot.entry;
            let What::Acquire { instrument, .. } = what else { return None };
            let name = lot.name.clone().unwrap_or_else(|| format!("seq:{number}").into());
            Some((*instrument, name, (*date, 2, at.micros(), *number)))
        }
        Fact::Corporate(instrument, action) => {
            let Corporate::Distribution { pay_date, .. } = action.what else { return None };
            let order = (pay_date, 2, pay_date.start().micros(), action.number);
            Some((*instrument, action.name.clone(), order))
        }
        _ => None,
    }
}

/// Facts that were not taken back.
fn standing(replayed: &Replayed) -> Vec<&Fact> {
    let mut facts: BTreeMap<&Fact, isize> = BTreeMap::new();
    for (input, diff) in replayed.inputs.values().flatten() {
        if let Input::Fact(fact) = input {
            *facts.entry(fact).or_default() += diff;
        }
    }
    facts.into_iter().filter(|(_, times)| *times > 0).map(|(fact, _)| fact).collect()
}
