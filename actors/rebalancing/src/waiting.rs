//! Parcels close to their discount: what waiting saves in tax against what drift costs until then.
//!
//! For a parcel with a gain, not held for 12 months, that the plan would sell: the tax on it now and on the
//! first trading day on which the law treats it as held for 12 months, at today's price and with the other
//! sales as planned; less the benefit forgone of keeping it, a day, times the days.

use evenkeel_schemas::{Money, TradeDate};
use evenkeel_tax::{Piece, held_clear_year};

use crate::attempt::{Attempt, Desk, later, trading_day};
use crate::error::PlanError;
use crate::plan::{ParcelClass, Waiting};

/// The parcels that an attempt sells and that could wait, with the tax that waiting saves.
///
/// # Errors
/// [`PlanError::Tax`] beyond the range of money. A day that no law or index covers is not waited for.
pub(crate) fn waiting(desk: &Desk<'_>, attempt: &Attempt) -> Result<Vec<Waiting>, PlanError> {
    let Some(year) = &desk.year else { return Ok(Vec::new()) };
    let today = desk.snapshot.portfolio.date;
    let mut found = Vec::new();
    for (order, sold) in attempt.orders.iter().zip(&attempt.sold) {
        let Some(place) = desk.book.at(order.instrument) else { continue };
        if desk.intent.bound.contains(&order.instrument) {
            continue;
        }
        for one in sold.iter().filter(|one| one.class == ParcelClass::Recent && one.gain > Money::ZERO) {
            let Some(day) = discount_day(one.acquired, today, desk.policy.wait_days_max) else { continue };
            let Ok(until) = trading_day(desk.snapshot.market, day) else { continue };
            let now = desk.pieces_on(place, one, today)?;
            let (Ok(then), false) = (desk.pieces_on(place, one, until), now.is_empty()) else { continue };
            let others = without(&attempt.pieces, &now);
            let rest = year.added(&others, desk.policy)?;
            let with = attempt.cost.tax;
            let Ok(tax_then) = year.added_later(&others, &then, until, desk.policy) else { continue };
            let saved = with.checked_sub(rest).and_then(|now| now.checked_sub(tax_then));
            let tax_saved = saved.unwrap_or_default();
            if tax_saved <= Money::ZERO {
                continue;
            }
            found.push(Waiting {
                instrument: order.instrument,
                lot: one.lot,
                acquired: one.acquired,
                quantity: one.quantity,
                until,
                days: until.days() - today.days(),
                tax_saved,
                drift_cost_a_day: Money::ZERO,
                value: tax_saved,
                waits: true,
            });
        }
    }
    Ok(found)
}

/// The first day on which a parcel counts as held for 12 months, if it is at most `most` days away.
fn discount_day(acquired: TradeDate, today: TradeDate, most: u32) -> Option<TradeDate> {
    let held = |days: u32| held_clear_year(acquired, later(today, days as i32));
    if !held(most) {
        return None;
    }
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if held(middle) { high = middle } else { low = middle + 1 }
    }
    Some(later(today, high as i32))
}

/// Pieces without some of them, each taken out once.
fn without(all: &[Piece], some: &[Piece]) -> Vec<Piece> {
    let mut left = all.to_vec();
    for piece in some {
        if let Some(at) = left.iter().position(|other| other == piece) {
            left.remove(at);
        }
    }
    left
}

/// Lays the benefit forgone on the parcels by their value, and says which are worth waiting for.
pub(crate) fn put_off(desk: &Desk<'_>, base: &Attempt, patient: &Attempt, found: &mut [Waiting]) {
    let forgone = (base.benefit.amount.to_f64() - patient.benefit.amount.to_f64()).max(0.0);
    let a_day = forgone / f64::from(desk.policy.horizon_days);
    let worth = |one: &Waiting| desk.book.at(one.instrument).map_or(0.0, |at| desk.worth(at, one.quantity));
    let all: f64 = found.iter().map(worth).sum();
    for one in found {
        let share = if all > 0.0 { worth(one) / all } else { 0.0 };
        one.drift_cost_a_day = crate::book::to_money(a_day * share);
        let cost = crate::book::to_money(a_day * share * f64::from(one.days));
        one.value = one.tax_saved.checked_sub(cost).unwrap_or_default();
        one.waits = one.value > Money::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_day_of_the_discount() {
        let date = |text: &str| text.parse::<TradeDate>().unwrap();
        // Bought on 20 August 2025: sold on 20 August 2026 it is not, on the 21st it is.
        let day = discount_day(date("2025-08-20"), date("2026-08-01"), 60);
        assert_eq!(day, Some(date("2026-08-21")));
        assert_eq!(discount_day(date("2025-08-20"), date("2026-06-01"), 60), None);
        assert_eq!(discount_day(date("2020-08-20"), date("2026-06-01"), 60), Some(date("2026-06-01")));
    }
}
