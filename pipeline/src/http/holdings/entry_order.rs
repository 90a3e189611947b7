//! In which order lots of one day were entered. The view does not keep it, and it matters only where two open
//! lots were acquired on the same day: then the customer's events are asked for, and judged again.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::holdings::stored::Stored;
    use evenkeel_lots::Ledger;
    use evenkeel_schemas::derive::lot_number;
    use evenkeel_schemas::events::parse_event;

    fn listed(name: &str) -> String {
        format!(
            r#"{{"type":"instrument_listed","at":"2026-01-05T00:00:00Z","instrument":"{name}","name":"{name}","kind":"etf","currency":"AUD","tick_size":"0.01","lot_size":"1"}}"#
        )
    }

    fn bought(id: &str, instrument: &str, at: &str) -> String {
        format!(
            r#"{{"type":"fill","at":"2026-01-05T{at}Z",{id}"customer":"ann","instrument":"{instrument}","side":"buy","quantity":"5","price":"10","fee":"0","currency":"AUD","trade_date":"2026-01-05"}}"#
        )
    }

    /// Bought on one day: in the order of time, not of record or name; without an id; transferred in later
    /// with the same acquisition date; moved here by a merger.
    #[test]
    fn lots_of_one_day_are_in_the_order_of_the_ledger() {
        let lines = [
            listed("A"),
            listed("B"),
            r#"{"type":"customer_onboarded","at":"2026-01-05T00:00:00Z","customer":"ann","base_currency":"AUD"}"#.to_owned(),
            bought(r#""id":"a-late","#, "A", "05:00:00"),
            bought(r#""id":"moved","#, "B", "01:00:00"),
            bought("", "A", "03:00:00"),
            bought(r#""id":"z-early","#, "A", "02:00:00"),
            bought(r#""id":"c-same","#, "A", "03:00:00"),
            r#"{"type":"transfer_in","at":"2026-03-01T00:00:00Z","id":"b-in","customer":"ann","instrument":"A","quantity":"5","cost_base":"50","acquired":"2026-01-05"}"#.to_owned(),
            r#"{"type":"merger","at":"2026-02-01T00:00:00Z","id":"m","instrument":"B","into":"A","new":"1","old":"1","effective_date":"2026-02-01"}"#.to_owned(),
        ];
        let stored = (0_u64..).zip(&lines).map(|(offset, line)| Stored {
            epoch: offset * 100,
            offset,
            event: parse_event(line.as_bytes()).unwrap(),
        });
        let replayed = replay(stored.collect(), "ann", true);
        assert_eq!(replayed.refused, Vec::<String>::new());
        let into = replayed.names.read().instrument_id("A").unwrap();

        let mut ledger = Ledger::default();
        for fact in standing(&replayed) {
            if let Fact::Lot(_, entry) | Fact::Action(_, entry) = fact {
                ledger.insert(entry.entry.clone());
            }
        }
        ledger.settle(&mut Vec::new());
        let expected: Vec<u64> = ledger.lots_of(into).iter().map(|lot| lot.lot.0).collect();

        let orders = entered(&replayed, into);
        let mut names: Vec<&Arc<str>> = orders.keys().collect();
        names.sort_by_key(|name| orders[*name]);
        assert_eq!(
            names.iter().map(|name| name.as_ref()).collect::<Vec<_>>(),
            ["z-early", "seq:5", "c-same", "a-late", "moved", "b-in"]
        );
        assert_eq!(names.iter().map(|name| lot_number(name)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lots_without_an_id_are_counted_alike_on_both_sides() {
        let order = |number| {
            let order = ("2026-01-05".parse().unwrap(), 2, 0, number);
            (order, order)
        };
        let own =
            [("seq:3", 3), ("seq:8", 8), ("f", 5)].map(|(name, number)| (Arc::from(name), order(number)));
        let mut orders: Orders = own.into_iter().collect();
        rename(&mut orders, &BTreeSet::from([70, 12]), &BTreeSet::from([3, 8])).unwrap();
        assert_eq!((orders[&Arc::from("seq:12")], orders[&Arc::from("seq:70")]), (order(3), order(8)));
        assert!(rename(&mut orders, &BTreeSet::from([70]), &BTreeSet::from([3, 8])).is_err());
    }
}
