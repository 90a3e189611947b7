//! The account: cash, lots, distributions that are due, and what was traded.

use std::collections::BTreeMap;

use evenkeel_lots::{Choice, Entry, EventId, Ledger, LotId, RealisedGain, Row, Trouble, What};
use evenkeel_optimizer::{Costs, ProposedOrder, Side};
use evenkeel_schemas::{InstrumentId, Money, Quantity, Ratio, TradeDate, div_half_even};

use crate::data::{Payment, Split};
use crate::error::BacktestError;
use crate::result::Trade;

/// A distribution that units were entitled to.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Due {
    pub number: u64,
    pub payment: Payment,
    pub units: Quantity,
    pub amount: Money,
    pub paid: bool,
}

/// A buy or sell, for the holding period rule.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Moved {
    pub number: u64,
    pub instrument: InstrumentId,
    pub date: TradeDate,
    /// Signed, on the basis of its day.
    pub quantity: Quantity,
}

/// The account.
#[derive(Default)]
pub(crate) struct Account {
    pub cash: Money,
    pub ledger: Ledger,
    pub dues: Vec<Due>,
    pub moved: Vec<Moved>,
    pub splits: Vec<Split>,
    /// Everything realised, in its order.
    pub gains: Vec<RealisedGain>,
    /// Running number of events.
    pub number: u64,
}

impl Account {
    /// Units held, by instrument.
    pub fn units(&self) -> BTreeMap<InstrumentId, Quantity> {
        let mut units: BTreeMap<InstrumentId, i64> = BTreeMap::new();
        for lot in self.ledger.lots() {
            *units.entry(lot.instrument).or_default() += lot.quantity.raw();
        }
        units.into_iter().map(|(instrument, units)| (instrument, Quantity::from_raw(units))).collect()
    }

    /// Cash moved by an amount.
    ///
    /// # Errors
    /// [`BacktestError::TooLarge`].
    pub fn book(&mut self, amount: Money, date: TradeDate) -> Result<(), BacktestError> {
        self.cash = self.cash.checked_add(amount).ok_or(BacktestError::TooLarge { date })?;
        Ok(())
    }

    /// Lots through a split.
    ///
    /// # Errors
    /// [`BacktestError::Books`].
    pub fn split(&mut self, split: &Split, date: TradeDate) -> Result<(), BacktestError> {
        self.splits.push(*split);
        let Split { instrument, new, old, .. } = *split;
        let event = EventId(self.number + 1);
        self.enter(date, What::Split { instrument, event, new, old, in_lieu: None }).map(drop)
    }

    /// Notes what the units held are entitled to.
    ///
    /// # Errors
    /// [`BacktestError::TooLarge`].
    pub fn entitled(&mut self, payment: &Payment, date: TradeDate) -> Result<(), BacktestError> {
        let units = self.units().get(&payment.instrument).copied().unwrap_or_default();
        if units <= Quantity::ZERO {
            return Ok(());
        }
        let amount = units.notional(payment.amount).ok_or(BacktestError::TooLarge { date })?;
        self.number += 1;
        self.dues.push(Due { number: self.number, payment: *payment, units, amount, paid: false });
        Ok(())
    }

    /// Books the distributions that are paid by a day; gives their sum.
    ///
    /// # Errors
    /// [`BacktestError::TooLarge`].
    pub fn receive(&mut self, date: TradeDate) -> Result<Money, BacktestError> {
        let mut sum = Money::ZERO;
        for due in self.dues.iter_mut().filter(|due| !due.paid && due.payment.pay_date <= date) {
            due.paid = true;
            sum = sum.checked_add(due.amount).ok_or(BacktestError::TooLarge { date })?;
        }
        self.book(sum, date)?;
        Ok(sum)
    }

    /// What is due and not yet paid.
    pub fn outstanding(&self) -> Money {
        let due = self.dues.iter().filter(|due| !due.paid).map(|due| i128::from(due.amount.raw())).sum();
        Money::from_wide(due).unwrap_or(Money::MAX)
    }

    /// Fills an order at its limit, out of the lots named.
    ///
    /// # Errors
    /// [`BacktestError::Books`] for lots that are not there, [`BacktestError::TooLarge`].
    pub fn fill(
        &mut self,
        order: &ProposedOrder,
        lots: &[Choice],
        costs: &Costs,
        date: TradeDate,
    ) -> Result<Trade, BacktestError> {
        let large = || BacktestError::TooLarge { date };
        let ProposedOrder { instrument, side, quantity, limit } = *order;
        let notional = quantity.notional(limit).ok_or_else(large)?;
        let fee = commission(notional, costs).ok_or_else(large)?;
        let number = self.number + 1;
        let (what, cash, signed) = match side {
            Side::Buy => {
                let cost_base = notional.checked_add(fee).ok_or_else(large)?;
                let lot = LotId(number);
                let what = What::Acquire { instrument, lot, quantity, cost_base, acquired: date };
                (what, Money::from_raw(-cost_base.raw()), quantity)
            }
            Side::Sell => {
                let proceeds = notional.checked_sub(fee).ok_or_else(large)?;
                let (disposal, lots) = (EventId(number), lots.into());
                let what = What::Dispose { instrument, disposal, quantity, proceeds, fee, lots };
                (what, proceeds, Quantity::from_raw(-quantity.raw()))
            }
        };
        let realised = self.enter(date, what)?;
        self.moved.push(Moved { number, instrument, date, quantity: signed });
        self.book(cash, date)?;
        let gain = realised.iter().map(|gain| i128::from(gain.gain.raw())).sum();
        let gain = (side == Side::Sell).then(|| Money::from_wide(gain).unwrap_or_default());
        Ok(Trade { date, instrument, side, quantity, price: limit, fee, gain })
    }

    /// Enters a fact; gives what it realised.
    fn enter(&mut self, date: TradeDate, what: What) -> Result<Vec<RealisedGain>, BacktestError> {
        self.number += 1;
        let mut changes = Vec::new();
        self.ledger.insert(Entry { date, at: date.start(), number: self.number, what });
        self.ledger.settle(&mut changes);
        let mut realised = Vec::new();
        for (row, times) in changes {
            match row {
                Row::Anomaly(anomaly) if anomaly.trouble == Trouble::OutOfRange => {
                    return Err(BacktestError::TooLarge { date });
                }
                Row::Anomaly(anomaly) => {
                    return Err(BacktestError::Books { date, words: format!("{:?}", anomaly.trouble) });
                }
                Row::Gain(gain) if times > 0 => realised.push(gain),
                _ => {}
            }
        }
        self.gains.extend(realised.iter().copied());
        Ok(realised)
    }
}

/// The larger of the minimum and the ratio of the notional, half-even: what the optimizer reckons with.
pub(crate) fn commission(notional: Money, costs: &Costs) -> Option<Money> {
    let product = i128::from(notional.raw()) * i128::from(costs.commission.raw());
    let by_ratio = Money::from_wide(div_half_even(product, i128::from(Ratio::ONE)))?;
    Some(by_ratio.max(costs.commission_min))
}
