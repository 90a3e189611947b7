//! Corporate actions on the lots held at the start of a day.

use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Money, Price, Quantity, div_half_even};

use crate::disposal::{Sale, sell};
use crate::entry::Replacement;
use crate::holding::{Cause, Given, Teller, pool, put, range, sweep};
use crate::row::{OpenLot, Trouble};
use crate::shares::{Rescaled, Shares, fits, narrow};

const ONE: i128 = Quantity::ONE as i128;

/// `terms` is units after, units before.
pub(crate) fn split(
    lots: &mut Vec<OpenLot>,
    cause: Cause,
    terms: (Quantity, Quantity),
    in_lieu: Option<Price>,
    method: CostBasis,
    teller: &mut Teller<'_>,
) -> Result<(), Trouble> {
    let (new, old) = (terms.0.raw(), terms.1.raw());
    if new <= 0 || old <= 0 || in_lieu.is_some_and(|price| price < Price::ZERO) {
        return Err(Trouble::Invalid);
    }
    let held = range(lots, cause.instrument);
    let (units, _) = pool(&lots[held.clone()]).ok_or(Trouble::OutOfRange)?;
    let after = units * i128::from(new) / i128::from(old);
    let fraction = if in_lieu.is_some() { after % ONE } else { 0 };
    let proceeds = div_half_even(fraction * i128::from(in_lieu.map_or(0, Price::raw)), ONE);
    if !fits(after) || !fits(proceeds) {
        return Err(Trouble::OutOfRange);
    }
    let mut rescaled = Rescaled::new(new, old);
    for lot in &mut lots[held.clone()] {
        teller.closed(*lot);
        lot.quantity = Quantity::from_raw(rescaled.next(lot.quantity.raw()));
        if lot.quantity > Quantity::ZERO {
            teller.opened(*lot);
        } else {
            let given = Given { cost: lot.cost_base.raw(), ..Given::default() };
            teller.realised(cause, lot.lot, lot.acquired, given);
        }
    }
    sweep(lots, held);
    if fraction == 0 {
        return Ok(());
    }
    let (quantity, proceeds) = (Quantity::from_raw(narrow(fraction)), Money::from_raw(narrow(proceeds)));
    sell(lots, &Sale { cause, quantity, proceeds, fee: Money::ZERO, named: &[] }, method, teller)
}

/// Each lot by its units × the change per unit, rounded half-even.
pub(crate) fn change_cost_base(
    lots: &mut [OpenLot],
    cause: Cause,
    per_unit: Price,
    teller: &mut Teller<'_>,
) -> Result<(), Trouble> {
    let held = range(lots, cause.instrument);
    let lots = &mut lots[held];
    let change = |lot: &OpenLot| div_half_even(lot.quantity.times(per_unit), ONE);
    let after = |lot: &OpenLot| i128::from(lot.cost_base.raw()) + change(lot);
    if !lots.iter().all(|lot| fits(after(lot))) {
        return Err(Trouble::OutOfRange);
    }
    for lot in lots {
        let cost_base = narrow(after(lot));
        teller.closed(*lot);
        lot.cost_base = Money::from_raw(cost_base.max(0));
        teller.opened(*lot);
        if cost_base < 0 {
            let given = Given { proceeds: -cost_base, ..Given::default() };
            teller.realised(cause, lot.lot, lot.acquired, given);
        }
    }
    Ok(())
}

/// Moves lots to another instrument. Cash realises the part cash / (cash + value) of a lot's cost base, and
/// all of it where no unit comes for the lot.
pub(crate) fn replace(
    lots: &mut Vec<OpenLot>,
    cause: Cause,
    terms: &Replacement,
    teller: &mut Teller<'_>,
) -> Result<(), Trouble> {
    let (new, old) = (terms.new.raw(), terms.old.raw());
    let (cash, value) = (i128::from(terms.cash.raw()), i128::from(terms.value.raw()));
    if terms.from == terms.into || new < 0 || old <= 0 || cash < 0 || value < 0 {
        return Err(Trouble::Invalid);
    }
    let held = range(lots, terms.from);
    let (units, _) = pool(&lots[held.clone()]).ok_or(Trouble::OutOfRange)?;
    let proceeds = div_half_even(units * cash, ONE);
    if !fits(units * i128::from(new) / i128::from(old)) || !fits(proceeds) {
        return Err(Trouble::OutOfRange);
    }
    let gone: Vec<OpenLot> = lots.drain(held).collect();
    let mut rescaled = Rescaled::new(new, old);
    let mut proceeds = Shares::new(proceeds, units);
    for before in gone {
        teller.closed(before);
        let (units, cost_base) = (before.quantity.raw(), before.cost_base.raw());
        let quantity = rescaled.next(units);
        let mut given = Given { proceeds: proceeds.next(units), ..Given::default() };
        if quantity == 0 {
            (given.units, given.cost) = (units, cost_base);
        } else if cash > 0 {
            given.cost = narrow(div_half_even(i128::from(cost_base) * cash, cash + value));
        }
        if quantity == 0 || cash > 0 {
            teller.realised(cause, before.lot, before.acquired, given);
        }
        if quantity > 0 {
            let cost_base = Money::from_raw(cost_base - given.cost);
            let quantity = Quantity::from_raw(quantity);
            let lot = OpenLot { instrument: terms.into, quantity, cost_base, ..before };
            put(lots, lot);
            teller.opened(lot);
        }
    }
    Ok(())
}

/// Disposes of everything held.
pub(crate) fn delist(
    lots: &mut Vec<OpenLot>,
    cause: Cause,
    per_unit: Price,
    teller: &mut Teller<'_>,
) -> Result<(), Trouble> {
    if per_unit < Price::ZERO {
        return Err(Trouble::Invalid);
    }
    let held = range(lots, cause.instrument);
    let (units, _) = pool(&lots[held.clone()]).ok_or(Trouble::OutOfRange)?;
    let proceeds = div_half_even(units * i128::from(per_unit.raw()), ONE);
    if !fits(proceeds) {
        return Err(Trouble::OutOfRange);
    }
    let mut proceeds = Shares::new(proceeds, units);
    for lot in lots.drain(held) {
        teller.closed(lot);
        let units = lot.quantity.raw();
        let cost = lot.cost_base.raw();
        let given = Given { units, proceeds: proceeds.next(units), cost, fee: 0 };
        teller.realised(cause, lot.lot, lot.acquired, given);
    }
    Ok(())
}
