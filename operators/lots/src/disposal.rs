//! Sales: which lots give units, and what they realise.
//!
//! Two questions, answered apart. *Which lots*: those named at the sale first, then by the method; average
//! cost takes them as FIFO does, for the sake of acquisition dates. *At what cost*: a lot's own, or under
//! average cost its share of one pool. The pool is formed at each sale from all lots of the instrument and
//! gives cost × units sold / units held; what is left of it is laid on the remaining lots by units. Between
//! sales a lot shows the cost that it came with. So a change of method needs no conversion: from average
//! to another, lots start from the costs that the last averaged sale left them; to average, the first sale
//! averages what the lots have.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Money, Quantity};

use crate::entry::Choice;
use crate::holding::{Cause, Given, Teller, pool, range, sweep};
use crate::row::{OpenLot, Trouble};
use crate::shares::{Shares, fits, part};

/// Units to be disposed of, with what they bring.
pub(crate) struct Sale<'a> {
    pub cause: Cause,
    pub quantity: Quantity,
    pub proceeds: Money,
    pub fee: Money,
    pub named: &'a [Choice],
}

/// A sale under way over an instrument's lots. Lots without units stay in place until it is over.
struct Matching<'a> {
    cause: Cause,
    lots: &'a mut [OpenLot],
    /// Units not yet matched, raw.
    left: i64,
    proceeds: Shares,
    fee: Shares,
    /// The cost of the units sold, if it is the pool's.
    averaged: Option<Shares>,
    /// What each lot gives: one row, also where a lot that was named gives more than was named.
    gave: Vec<(usize, Given)>,
}

/// Matches a sale with lots of its instrument.
///
/// # Errors
/// [`Trouble::Invalid`] and [`Trouble::OutOfRange`] leave everything as it was. What can be matched in
/// part is, with an anomaly.
pub(crate) fn sell(
    lots: &mut Vec<OpenLot>,
    sale: &Sale<'_>,
    method: CostBasis,
    teller: &mut Teller<'_>,
) -> Result<(), Trouble> {
    if sale.quantity <= Quantity::ZERO || sale.named.iter().any(|choice| choice.quantity <= Quantity::ZERO) {
        return Err(Trouble::Invalid);
    }
    let units = i128::from(sale.quantity.raw());
    let (proceeds, fee) = (i128::from(sale.proceeds.raw()), i128::from(sale.fee.raw()));
    if ![units, proceeds, fee].into_iter().all(fits) {
        return Err(Trouble::OutOfRange);
    }
    let held = range(lots, sale.cause.instrument);
    let average = method == CostBasis::Average;
    let pooled = if average { Some(pool(&lots[held.clone()]).ok_or(Trouble::OutOfRange)?) } else { None };
    let mut matching = Matching {
        cause: sale.cause,
        lots: &mut lots[held.clone()],
        left: sale.quantity.raw(),
        proceeds: Shares::new(proceeds, units),
        fee: Shares::new(fee, units),
        averaged: None,
        gave: Vec::new(),
    };
    match pooled {
        Some((held_units, cost)) if held_units > 0 => {
            let sold = units.min(held_units);
            let leaving = Shares::new(cost, held_units).next(sold as i64);
            matching.averaged = Some(Shares::new(leaving.into(), sold));
            matching.lots.iter().for_each(|lot| teller.closed(*lot));
            matching.run(sale, method, teller);
            matching.lay(cost - i128::from(leaving), held_units - sold, teller);
        }
        _ => matching.run(sale, method, teller),
    }
    matching.tell(teller);
    let missing = Quantity::from_raw(matching.left);
    sweep(lots, held);
    if missing > Quantity::ZERO {
        teller.trouble(sale.cause, Trouble::Oversold { missing });
    }
    Ok(())
}

impl Matching<'_> {
    fn run(&mut self, sale: &Sale<'_>, method: CostBasis, teller: &mut Teller<'_>) {
        if !sale.named.is_empty() {
            self.take_named(sale, teller);
        }
        let count = self.lots.len();
        match method {
            CostBasis::Fifo | CostBasis::Average | CostBasis::Specific => {
                let _ = (0..count).try_for_each(|index| self.take_all(index, teller));
            }
            CostBasis::Lifo => {
                let _ = (0..count).rev().try_for_each(|index| self.take_all(index, teller));
            }
            CostBasis::Hifo => {
                while let Some(index) = dearest(self.lots)
                    && self.take_all(index, teller).is_continue()
                {}
            }
        }
    }

    fn take_named(&mut self, sale: &Sale<'_>, teller: &mut Teller<'_>) {
        let named: i128 = sale.named.iter().map(|choice| i128::from(choice.quantity.raw())).sum();
        if named != i128::from(sale.quantity.raw()) {
            let named = Quantity::from_wide(named).unwrap_or(Quantity::MAX);
            teller.trouble(sale.cause, Trouble::SelectionMismatch { named });
        }
        for choice in sale.named {
            let mut wanted = choice.quantity.raw().min(self.left);
            for index in 0..self.lots.len() {
                if self.lots[index].lot == choice.lot {
                    wanted -= self.take(index, wanted, teller);
                }
            }
            if wanted > 0 {
                let missing = Quantity::from_raw(wanted);
                teller.trouble(sale.cause, Trouble::LotShort { lot: choice.lot, missing });
            }
        }
    }

    /// Takes what is still needed from a lot; breaks when nothing is.
    fn take_all(&mut self, index: usize, teller: &mut Teller<'_>) -> ControlFlow<()> {
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        self.take(index, self.left, teller);
        ControlFlow::Continue(())
    }

    /// Takes up to `wanted` units from a lot; gives the number taken.
    fn take(&mut self, index: usize, wanted: i64, teller: &mut Teller<'_>) -> i64 {
        let lot = &mut self.lots[index];
        let (quantity, cost_base) = (lot.quantity.raw(), lot.cost_base.raw());
        let units = wanted.min(quantity);
        if units == 0 {
            return 0;
        }
        let cost = match &mut self.averaged {
            Some(shares) => shares.next(units),
            None => part(cost_base, units, quantity),
        };
        let given = Given { units, proceeds: self.proceeds.next(units), cost, fee: self.fee.next(units) };
        match self.gave.iter_mut().find(|(before, _)| *before == index) {
            Some((_, all)) => all.add(given),
            None => self.gave.push((index, given)),
        }
        self.left -= units;
        let before = *lot;
        lot.quantity = Quantity::from_raw(quantity - units);
        if self.averaged.is_none() {
            lot.cost_base = Money::from_raw(cost_base - cost);
            teller.closed(before);
            if units < quantity {
                teller.opened(*lot);
            }
        }
        units
    }

    fn tell(&self, teller: &mut Teller<'_>) {
        for (index, given) in &self.gave {
            let lot = &self.lots[*index];
            teller.realised(self.cause, lot.lot, lot.acquired, *given);
        }
    }

    /// Lays what is left of the pool on the lots that are left.
    fn lay(&mut self, cost: i128, units: i128, teller: &mut Teller<'_>) {
        let mut shares = Shares::new(cost, units);
        for lot in self.lots.iter_mut().filter(|lot| lot.quantity > Quantity::ZERO) {
            lot.cost_base = Money::from_raw(shares.next(lot.quantity.raw()));
            teller.opened(*lot);
        }
    }
}

/// The lot with the highest cost base per unit, the oldest of several.
fn dearest(lots: &[OpenLot]) -> Option<usize> {
    let wide = |lot: &OpenLot| (i128::from(lot.cost_base.raw()), i128::from(lot.quantity.raw()));
    let dearer = |one: &OpenLot, other: &OpenLot| {
        let ((cost, units), (other_cost, other_units)) = (wide(one), wide(other));
        (cost * other_units).cmp(&(other_cost * units)) == Ordering::Greater
    };
    let mut best: Option<usize> = None;
    for (index, lot) in lots.iter().enumerate().filter(|(_, lot)| lot.quantity > Quantity::ZERO) {
        if best.is_none_or(|best| dearer(lot, &lots[best])) {
            best = Some(index);
        }
    }
    best
}
