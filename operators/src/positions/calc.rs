use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_schemas::{InstrumentId, Price, Quantity, TradeDate, div_half_even};

use smallvec::SmallVec;

use crate::facts::{Corporate, CorporateAction, Election};

/// Raw units of a whole unit, and of a unit of money.
const ONE: i128 = Quantity::ONE as i128;
/// Raw units of money in a cent.
const CENT: i128 = ONE / 100;

/// What a customer holds of instruments that belong together, and what their actions pay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Raw units that are not zero, by instrument: mostly one.
    pub units: SmallVec<[(InstrumentId, i128); 1]>,
    /// In the order of the actions.
    pub payments: Vec<Payment>,
}

/// What an action pays to a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub instrument: InstrumentId,
    pub action: Arc<CorporateAction>,
    /// Raw units that were held when its day started.
    pub entitled: i128,
    /// Raw money, for all units.
    pub amount: i128,
    /// Raw units that are taken instead of money, and what they cost.
    pub reinvested: i128,
    pub cost: i128,
    /// Whether the pay date has come.
    pub paid: bool,
}

/// What the walk is told beside movements and actions.
pub(crate) struct Terms<'a> {
    /// What was elected for an instrument.
    pub elections: &'a dyn Fn(InstrumentId) -> &'a [(Election, isize)],
    /// Whether a pay date has come.
    pub paid: &'a dyn Fn(TradeDate) -> bool,
}

/// Raw units that no quantity is: what is said of units once a product of theirs left all ranges. It stays so, since
/// nothing that follows could be right.
const BEYOND: i128 = i128::MAX;

/// Walks movements and actions in the order of their dates. On a day, actions come first, by running number: they are
/// about what is held when the day starts. Units that a distribution allots come last.
pub(super) fn walk(
    movements: Vec<(TradeDate, InstrumentId, i128)>,
    actions: Vec<(InstrumentId, Arc<CorporateAction>)>,
    terms: &Terms<'_>,
) -> Standing {
    walk_days(movements, actions, terms, |_, _| {})
}

/// As [`walk`]; hands over what is held at the end of each day that changes anything.
pub(crate) fn walk_days(
    mut movements: Vec<(TradeDate, InstrumentId, i128)>,
    mut actions: Vec<(InstrumentId, Arc<CorporateAction>)>,
    terms: &Terms<'_>,
    mut each: impl FnMut(TradeDate, &BTreeMap<InstrumentId, i128>),
) -> Standing {
    movements.sort_unstable_by_key(|(date, ..)| *date);
    actions.sort_by_key(|(instrument, action)| (action.date, action.number, *instrument));
    let mut walk = Walk { held: BTreeMap::new(), allotted: BTreeMap::new(), payments: Vec::new() };
    let mut movements = movements.into_iter().peekable();
    let mut actions = actions.into_iter().peekable();
    loop {
        let moved = movements.peek().map(|(date, ..)| *date);
        let acted = actions.peek().map(|(_, action)| action.date);
        let allotted = walk.allotted.keys().next().copied();
        let Some(day) = [moved, acted, allotted].into_iter().flatten().min() else { break };
        while let Some((instrument, action)) = actions.next_if(|(_, action)| action.date == day) {
            let held = walk.held.get(&instrument).copied().unwrap_or(0);
            if walk.act(instrument, held, &action, terms).is_none() {
                walk.held.insert(instrument, BEYOND);
                if let Corporate::Merger { into, .. } = action.what {
                    walk.held.insert(into, BEYOND);
                }
            }
        }
        while let Some((_, of, units)) = movements.next_if(|(date, ..)| *date == day) {
            walk.add(of, units);
        }
        walk.allot(day);
        each(day, &walk.held);
    }
    let units = walk.held.into_iter().filter(|(_, units)| *units != 0).collect();
    Standing { units, payments: walk.payments }
}

struct Walk {
    held: BTreeMap<InstrumentId, i128>,
    /// Units that come on a pay date.
    allotted: BTreeMap<TradeDate, Vec<(InstrumentId, i128)>>,
    payments: Vec<Payment>,
}

impl Walk {
    fn add(&mut self, instrument: InstrumentId, units: i128) {
        let held = self.held.entry(instrument).or_default();
        *held = if *held == BEYOND { BEYOND } else { held.checked_add(units).unwrap_or(BEYOND) };
    }

    fn allot(&mut self, day: TradeDate) {
        while let Some(entry) = self.allotted.first_entry().filter(|entry| *entry.key() <= day) {
            entry.remove().into_iter().for_each(|(instrument, units)| self.add(instrument, units));
        }
    }

    /// Fewer than no units are an anomaly, and nobody is paid for them. `None` when a product leaves all ranges.
    fn act(
        &mut self,
        instrument: InstrumentId,
        held: i128,
        action: &Arc<CorporateAction>,
        terms: &Terms<'_>,
    ) -> Option<()> {
        if held == BEYOND {
            return None;
        }
        let action_of = action.clone();
        let (entitled, paid) = (held, true);
        let mut payment =
            Payment { instrument, action: action_of, entitled, amount: 0, reinvested: 0, cost: 0, paid };
        match action.what {
            Corporate::Split { new, old, in_lieu } => {
                let after = rescaled(held, new, old)?;
                let fraction = in_lieu.filter(|_| after > 0).map_or(0, |_| after % ONE);
                payment.amount = per_unit(fraction, in_lieu.map_or(0, Price::raw))?;
                self.held.insert(instrument, after - fraction);
            }
            Corporate::Merger { into, new, old, cash } => {
                let after = rescaled(held, new, old)?;
                payment.amount = per_unit(held.max(0), cash.raw())?;
                self.held.remove(&instrument);
                self.add(into, after);
            }
            Corporate::Delisting { amount } => {
                payment.amount = per_unit(held.max(0), amount.raw())?;
                if held > 0 {
                    self.held.remove(&instrument);
                }
            }
            Corporate::Distribution { amount, pay_date, reinvestment_price, .. } => {
                let gross = held.max(0).checked_mul(amount.raw().into())?;
                payment.amount = div_half_even(gross, ONE * CENT).checked_mul(CENT)?;
                payment.paid = (terms.paid)(pay_date);
                let price = reinvestment_price.filter(|price| price.raw() > 0);
                let price = price.filter(|_| in_force((terms.elections)(instrument), action.date));
                if let Some(price) = price {
                    let units = payment.amount / i128::from(price.raw());
                    payment.reinvested = units.checked_mul(ONE)?;
                    payment.cost = units.checked_mul(price.raw().into())?;
                    if payment.paid && units > 0 {
                        let allotted = self.allotted.entry(pay_date).or_default();
                        allotted.push((instrument, payment.reinvested));
                    }
                }
            }
        }
        if payment.amount > 0 {
            self.payments.push(payment);
        }
        Some(())
    }
}

/// `old` units become `new`, truncated towards zero to the scale of a quantity.
fn rescaled(units: i128, new: Quantity, old: Quantity) -> Option<i128> {
    Some(units.checked_mul(new.raw().into())? / i128::from(old.raw().max(1)))
}

/// Raw money for raw units at a raw price, rounded half-even.
fn per_unit(units: i128, price: i64) -> Option<i128> {
    units.checked_mul(price.into()).map(|product| div_half_even(product, ONE))
}

/// Whether the latest election at or before a date is for units.
fn in_force(elections: &[(Election, isize)], date: TradeDate) -> bool {
    let standing = elections.iter().filter(|(election, count)| *count > 0 && election.date <= date);
    standing.map(|(election, _)| election).max().is_some_and(|election| election.reinvest)
}
