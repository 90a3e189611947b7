//! What is known of one customer for tax.

use std::sync::Arc;

use evenkeel_lots::What;
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{DistributionRow, PaymentStatus, RealisedGainRow, Row, TradeDate};

use super::trades::Trade;
use crate::counted::Counted;
use crate::facts::{LotEntry, TaxFact};
use crate::told::Told;

/// What is known of one customer.
#[derive(Default)]
pub(super) struct Account {
    pub statements: Counted<Arc<TaxFact>>,
    pub gains: Counted<RealisedGainRow>,
    pub paid: Counted<DistributionRow>,
    pub trades: Counted<Trade>,
    /// Elections of a method for lots, by date and running number.
    pub methods: Counted<(TradeDate, i64, u64, CostBasis)>,
    /// What was told of it, in order.
    pub told: Vec<Told>,
}

impl Account {
    pub fn lot(&mut self, entry: &LotEntry, times: isize) {
        let LotEntry { entry, name, .. } = entry;
        let event = || name.clone().unwrap_or_else(|| format!("seq:{}", entry.number).into());
        match &entry.what {
            What::Election { method } => {
                self.methods.add((entry.date, entry.at.micros(), entry.number, *method), times);
            }
            What::Acquire { instrument, quantity, acquired, .. } => {
                let (units, event) = (quantity.raw().into(), event());
                let (instrument, held_from, date) = (*instrument, *acquired, entry.date);
                self.trades.add(Trade { instrument, held_from, date, event, units }, times);
            }
            What::Dispose { instrument, quantity, .. } => {
                let (units, event) = (-i128::from(quantity.raw()), event());
                let (instrument, date) = (*instrument, entry.date);
                self.trades.add(Trade { instrument, held_from: date, date, event, units }, times);
            }
            _ => {}
        }
    }

    pub fn row(&mut self, row: Row, times: isize) {
        match row {
            Row::RealisedGain(gain) => self.gains.add(*gain, times),
            Row::Distribution(row) if row.status == PaymentStatus::Paid => self.paid.add(*row, times),
            _ => {}
        }
    }

    /// Whether a sale of a day is at average cost.
    pub fn averaged(&self, day: TradeDate) -> bool {
        let elected = self.methods.standing().filter(|(date, ..)| *date <= day).last();
        elected.is_some_and(|(.., method)| *method == CostBasis::Average)
    }

    /// Whether nothing is known and nothing was told.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
            && self.gains.is_empty()
            && self.paid.is_empty()
            && self.trades.is_empty()
            && self.methods.is_empty()
            && self.told.is_empty()
    }
}
