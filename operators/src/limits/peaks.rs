//! From where a fall of NAV is measured: the peak of a customer's NAV, adjusted for flows.

use evenkeel_schemas::{Currency, CustomerId, Money, PeakRow, Ratio, Row, Value, Worth};

use super::calc::{floor, linked};

/// The peak of one customer.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Peak {
    /// The limit on the fall; `None` for no longer any.
    pub limit: Option<Ratio>,
    /// In the base currency; `None` until there is a NAV above zero.
    pub at: Option<(Currency, Money)>,
    /// As it was last reported.
    said: Option<(Currency, Money)>,
}

impl Peak {
    /// Sets another limit. The peak stays as long as there is one.
    pub fn set_limit(&mut self, limit: Option<Ratio>) {
        self.limit = limit;
        if limit.is_none() {
            self.at = None;
        }
    }

    /// The account changed: what flowed is worth `flow`, `None` if that is not known. Where a peak cannot be linked over a
    /// flow, and where there is none yet, it begins with the NAV there is.
    pub fn settle(&mut self, worth: Option<&Worth>, flow: Option<Value>) {
        if self.limit.is_none() {
            return;
        }
        let flowed = flow != Some(Value::ZERO);
        let Some(worth) = worth else {
            self.at = self.at.filter(|_| !flowed);
            return;
        };
        let known = self.at.filter(|(currency, _)| *currency == worth.currency);
        let kept =
            known.and_then(|(_, peak)| if flowed { linked(peak, worth.nav, flow?) } else { Some(peak) });
        let nav = || worth.nav.to_money().filter(|nav| *nav > Money::ZERO);
        self.at = kept.or_else(nav).map(|peak| (worth.currency, peak));
    }

    /// Peaks are told, by customer.
    pub fn tell(&mut self, told: &[PeakRow], customer: CustomerId) {
        let row = told.binary_search_by_key(&customer, |row| row.customer).ok().map(|at| told[at]);
        self.at = row.map(|row| (row.currency, row.peak)).filter(|_| self.limit.is_some());
    }

    /// Nothing is left to say of it.
    pub fn is_over(&self) -> bool {
        self.limit.is_none() && self.said.is_none()
    }

    /// A mark values the customer. Whether the peak rose.
    pub fn mark(&mut self, currency: Currency, nav: Money) -> bool {
        let higher = match self.at {
            Some((known, peak)) if known == currency => nav > peak,
            _ => nav > Money::ZERO,
        };
        let rises = higher && self.limit.is_some();
        if rises {
            self.at = Some((currency, nav));
        }
        rises
    }

    /// NAV at this or below it is a fall of the limit.
    pub fn floor(&self) -> Option<Value> {
        Some(floor(self.at?.1, self.limit?))
    }

    /// Gives out what changed since the last mark.
    pub fn report(&mut self, customer: CustomerId, mut out: impl FnMut(Row, isize)) {
        let before = std::mem::replace(&mut self.said, self.at);
        if before != self.at {
            let row = |(currency, peak)| Row::Peak(PeakRow { customer, currency, peak });
            before.into_iter().for_each(|before| out(row(before), -1));
            self.at.into_iter().for_each(|now| out(row(now), 1));
        }
    }
}
