//! The textbook form: joins, work follows the holders of what moved. The oracle of the guard.

use std::cmp::Ordering;

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{CustomerId, InstrumentId, Price, Ratio, Value, Worth};

use super::calc::{fall, greatest_price};
use super::guard::concentrated;
use crate::known::Known;
use crate::triggers::Crossed;
use crate::typedefs::{Rows, consolidated};

/// Who is beyond a limit; measures are those of the epoch, not of entry. Worths and values are those of valuations;
/// of the market, one worker speaks.
pub fn textbook<'s>(
    known: &Rows<'s, Known>,
    worths: Rows<'s, (CustomerId, Worth)>,
    values: Rows<'s, (CustomerId, (InstrumentId, Value))>,
    market: bool,
) -> Rows<'s, (CustomerId, Crossed)> {
    let limits = known.clone().flat_map(|known| match known {
        Known::Limits(c, limits) => Some((c, limits)),
        _ => None,
    });
    let most = limits.clone().flat_map(|(c, limits)| Some((c, limits.concentration?)));
    let concentrations = worths
        .join_map(most, |c, worth, most| (*c, (worth.nav, *most)))
        .join_map(values, |c, (nav, most), (i, value)| (*c, (*i, *value, *nav, *most)))
        .flat_map(|(c, (i, value, nav, most))| Some((c, concentration(i, value, nav, most)?)));
    let prices = known.clone().flat_map(move |known| match known {
        Known::Price(i, price) if market => Some((i, price)),
        _ => None,
    });
    let costs = known.clone().flat_map(|known| match known {
        Known::Cost(c, i, cost) => Some((c, (i, cost.0, cost.1))),
        _ => None,
    });
    let stop = limits.flat_map(|(c, limits)| Some((c, limits.stop_loss?)));
    let stops = costs
        .join_map(stop, |c, (i, quantity, cost_base), limit| (*i, (*c, *quantity, *cost_base, *limit)))
        .join_map(prices, |i, (c, quantity, cost_base, limit), price| {
            (*c, *i, *quantity, *cost_base, *limit, *price)
        })
        .flat_map(|(c, i, quantity, cost_base, limit, price): (_, _, _, _, _, Price)| {
            greatest_price(quantity, cost_base, limit).filter(|greatest| price.raw() <= *greatest)?;
            let fall = fall(quantity, price, cost_base)?;
            Some((c, Crossed::limit(TriggerKind::StopLoss, Some(i), fall, limit)))
        });
    // Joins tell of combinations that never held, and take them back in the same epoch.
    consolidated(concentrations.concat(stops), "limits")
}

fn concentration(instrument: InstrumentId, value: Value, nav: Value, most: Ratio) -> Option<Crossed> {
    if nav <= Value::ZERO || value.against_band(nav, Ratio::ZERO, most) != Ordering::Greater {
        return None;
    }
    Some(concentrated(instrument, value.share_of(nav).unwrap_or(Ratio::MAX), most))
}
