//! What is known of one customer for tax.

use std::sync::Arc;

use evenkeel_lots::What;
use evenkeel_schemas::events::CostBasis;
use evenkeel_schemas::{Currency, DistributionRow, PaymentStatus, RealisedGainRow, Row, TradeDate};

use super::books::{HOME, Market};
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
        let elected = self.methods.standing().rev().find(|(date, ..)| *date <= day);
        elected.is_some_and(|(.., method)| *method == CostBasis::Average)
    }

    /// Whether the customer is taxed and has income or gains that are not in the home currency.
    pub fn is_abroad(&self, market: &Market) -> bool {
        let foreign = |currency: Currency| currency != HOME;
        let mut statements = self.statements.standing();
        let taxed = self.statements.standing().any(|said| matches!(said.as_ref(), TaxFact::Taxpayer(..)));
        let received = |said: &TaxFact| matches!(said, TaxFact::Received(_, one) if foreign(one.currency));
        taxed
            && (statements.any(|said| received(said))
                || self.paid.standing().any(|paid| foreign(paid.currency))
                || self.gains.standing().any(|gain| market.currency(gain.instrument).is_some_and(foreign)))
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
