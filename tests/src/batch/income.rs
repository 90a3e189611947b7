//! What corporate actions make of one customer's units and pay on them: everything that happened, day by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_lots::{Entry, LotId, What};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::{
    Currency, CustomerId, DistributionRow, DueKind, Epoch, InstrumentId, Money, PaymentStatus, Price,
    Quantity, Ratio, Row, TradeDate, div_half_even,
};

use super::BatchError;
use super::facts::Order;
use super::lots::{LotFact, Of};

const ONE: i128 = 1_000_000;

/// A corporate action as kept.
#[derive(Clone, Debug)]
pub struct Action {
    /// The event's id, or `seq:` and its number.
    pub name: Arc<str>,
    /// What it is about.
    pub instrument: InstrumentId,
    /// What the instrument is priced in.
    pub currency: Currency,
    /// When it takes effect.
    pub due: Epoch,
    /// What it does.
    pub what: Doing,
}

/// What an action does to those who hold when its day starts.
#[derive(Clone, Debug)]
pub enum Doing {
    /// New and old units, and the price of a fraction that is paid out.
    Split(Quantity, Quantity, Option<Price>),
    /// Money for units.
    Distribution {
        /// Per unit.
        amount: Price,
        /// Share.
        franked: Ratio,
        /// Day.
        pay_date: TradeDate,
        /// When that day begins.
        paid: Epoch,
        /// For those who take units.
        price: Option<Price>,
    },
    /// What comes, new and old units, cash per unit.
    Merger(InstrumentId, Quantity, Quantity, Price),
    /// Cash per unit.
    Delisting(Price),
}

/// What follows from all actions for one customer.
#[derive(Clone, Debug, Default)]
pub struct Income {
    /// Raw units by instrument.
    pub units: BTreeMap<InstrumentId, i128>,
    /// Raw money paid.
    pub paid: BTreeMap<Currency, i128>,
    /// The same by the day on which it was.
    pub paid_on: Vec<(TradeDate, Currency, i128)>,
    /// Raw money to be paid.
    pub due: BTreeMap<(Currency, TradeDate), i128>,
    /// Rows of distributions.
    pub rows: Vec<Row>,
    /// Lots of reinvested units.
    pub lots: Vec<LotFact>,
}

/// What the days are made of.
pub struct Days<'a> {
    /// Whose.
    pub customer: CustomerId,
    /// The epoch that is looked at.
    pub epoch: Epoch,
    /// Units in and out, by date.
    pub movements: Vec<(TradeDate, InstrumentId, i128)>,
    /// All actions that stand, by date and file order.
    pub actions: &'a BTreeMap<(TradeDate, Order), Action>,
    /// By instrument: from when on what was elected.
    pub elections: BTreeMap<InstrumentId, BTreeMap<(TradeDate, evenkeel_schemas::Instant, Order), bool>>,
}

fn money(raw: i128) -> Result<Money, BatchError> {
    Money::from_wide(raw).ok_or_else(|| BatchError::OutOfRange("a payment".to_owned()))
}

fn quantity(raw: i128) -> Result<Quantity, BatchError> {
    Quantity::from_wide(raw).ok_or_else(|| BatchError::OutOfRange("units".to_owned()))
}

/// Walks through the days.
///
/// # Errors
/// [`BatchError::OutOfRange`] when a payment leaves its type.
pub fn income(mut days: Days<'_>) -> Result<Income, BatchError> {
    let mut all = Income::default();
    let actions: Vec<_> = days.actions.iter().filter(|(_, action)| action.due <= days.epoch).collect();
    for ((date, order), action) in actions {
        // Units that came before the day.
        for (day, instrument, units) in std::mem::take(&mut days.movements) {
            if day < *date {
                *all.units.entry(instrument).or_default() += units;
            } else {
                days.movements.push((day, instrument, units));
            }
        }
        act(&mut days, &mut all, (*date, *order), action)?;
    }
    for (_, instrument, units) in days.movements {
        *all.units.entry(instrument).or_default() += units;
    }
    Ok(all)
}

fn act(
    days: &mut Days<'_>,
    all: &mut Income,
    key: (TradeDate, Order),
    action: &Action,
) -> Result<(), BatchError> {
    let units = all.units.get(&action.instrument).copied().unwrap_or(0);
    let scaled = |new: &Quantity, old: &Quantity| units * i128::from(new.raw()) / i128::from(old.raw());
    let pay = |all: &mut Income, cash: i128| {
        *all.paid.entry(action.currency).or_default() += cash;
        all.paid_on.push((key.0, action.currency, cash));
    };
    match &action.what {
        Doing::Split(new, old, in_lieu) => {
            let mut after = scaled(new, old);
            if let Some(price) = in_lieu.filter(|_| after > 0) {
                pay(all, div_half_even(after % ONE * i128::from(price.raw()), ONE));
                after -= after % ONE;
            }
            all.units.insert(action.instrument, after);
        }
        Doing::Merger(into, new, old, cash) => {
            let after = scaled(new, old);
            all.units.remove(&action.instrument);
            *all.units.entry(*into).or_default() += after;
            pay(all, div_half_even(units.max(0) * i128::from(cash.raw()), ONE));
        }
        Doing::Delisting(cash) if units > 0 => {
            all.units.remove(&action.instrument);
            pay(all, div_half_even(units * i128::from(cash.raw()), ONE));
        }
        Doing::Delisting(_) => {}
        Doing::Distribution { .. } => distribute(days, all, key, action, units.max(0))?,
    }
    Ok(())
}

fn distribute(
    days: &mut Days<'_>,
    all: &mut Income,
    (ex_date, order): (TradeDate, Order),
    action: &Action,
    units: i128,
) -> Result<(), BatchError> {
    let Doing::Distribution { amount, franked, pay_date, paid, price } = &action.what else { return Ok(()) };
    let cents = div_half_even(units * i128::from(amount.raw()), ONE * 10_000);
    if cents == 0 {
        return Ok(());
    }
    let total = cents * 10_000;
    let mut elections = days.elections.get(&action.instrument).into_iter().flatten();
    let elected = elections.rfind(|((date, ..), _)| *date <= ex_date).is_some_and(|(_, units)| *units);
    let price = price.filter(|_| elected).map_or(0, |price| i128::from(price.raw()));
    let whole = if price > 0 { total / price } else { 0 };
    let is_paid = *paid <= days.epoch;
    let cash = total - whole * price;
    if is_paid {
        *all.paid.entry(action.currency).or_default() += cash;
        all.paid_on.push((*pay_date, action.currency, cash));
    } else {
        *all.due.entry((action.currency, *pay_date)).or_default() += cash;
    }
    let (quantity, reinvested) = (quantity(units)?, quantity(whole * ONE)?);
    if is_paid && whole > 0 {
        days.movements.push((*pay_date, action.instrument, whole * ONE));
        let what = What::Acquire {
            instrument: action.instrument,
            lot: LotId(lot_number(&action.name)),
            quantity: reinvested,
            cost_base: money(whole * price)?,
            acquired: *pay_date,
        };
        let entry = Entry { date: *pay_date, at: pay_date.start(), number: order, what };
        let (of, name) = (Of::Customer(days.customer), action.name.clone());
        all.lots.push(LotFact { of, entry, name, named: Vec::new() });
    }
    all.rows.push(Row::Distribution(Box::new(DistributionRow {
        customer: days.customer,
        instrument: action.instrument,
        distribution: action.name.clone(),
        ex_date,
        pay_date: *pay_date,
        currency: action.currency,
        quantity,
        amount: money(total)?,
        franked_fraction: *franked,
        reinvested,
        status: if is_paid { PaymentStatus::Paid } else { PaymentStatus::Accrued },
    })));
    Ok(())
}

/// The kind of what distributions will pay.
pub const KIND: DueKind = DueKind::Distribution;
