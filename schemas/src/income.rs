//! Rows of income and of money on its way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rows::Fields;
use crate::{Currency, CustomerId, InstrumentId, Money, Names, Quantity, Ratio, TradeDate};

/// What a customer is entitled to of a distribution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct DistributionRow {
    pub customer: CustomerId,
    pub instrument: InstrumentId,
    pub distribution: Arc<str>,
    pub ex_date: TradeDate,
    pub pay_date: TradeDate,
    pub currency: Currency,
    pub quantity: Quantity,
    pub amount: Money,
    pub franked_fraction: Ratio,
    pub reinvested: Quantity,
    pub status: PaymentStatus,
}

/// Whether what is due has been paid.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// The ex date has come, the pay date has not.
    Accrued,
    /// The pay date has come.
    Paid,
}

impl PaymentStatus {
    /// The word as files and tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Accrued => "accrued",
            PaymentStatus::Paid => "paid",
        }
    }
}

/// What accrued from day to day in one month, and is paid on the first of the next.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct AccrualRow {
    pub customer: CustomerId,
    pub kind: AccrualKind,
    pub currency: Currency,
    pub from: TradeDate,
    pub until: TradeDate,
    pub amount: Money,
    pub pay_date: TradeDate,
    pub status: PaymentStatus,
}

/// What accrues.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccrualKind {
    /// What the customer pays for the service.
    Fee,
    /// What settled balances earn.
    Interest,
}

impl AccrualKind {
    /// The word as files and tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            AccrualKind::Fee => "fee",
            AccrualKind::Interest => "interest",
        }
    }
}

impl AccrualRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer)).put("kind", self.kind.as_str());
        fields.put("currency", self.currency).put("from", self.from).put("until", self.until);
        fields.put("amount", self.amount).put("pay_date", self.pay_date).put("status", self.status.as_str());
    }
}

/// Money of one kind that is due on one day: the rungs of the cash ladder.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct CashLadderRow {
    pub customer: CustomerId,
    pub currency: Currency,
    pub value_date: TradeDate,
    pub kind: DueKind,
    pub amount: Money,
}

/// Why money is due.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DueKind {
    /// A trade or a conversion settles: it is part of the balance already.
    Settlement,
    /// A distribution is paid: it is not part of the balance yet.
    Distribution,
}

impl DueKind {
    /// The word as files and tables write it.
    pub fn as_str(self) -> &'static str {
        match self {
            DueKind::Settlement => "settlement",
            DueKind::Distribution => "distribution",
        }
    }
}

/// A figure of a customer's tax report of a financial year.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the columns, documented in schemas/README.md")]
pub struct TaxRow {
    pub customer: CustomerId,
    pub year: Arc<str>,
    pub line: Arc<str>,
    pub label: Arc<str>,
    pub amount: Money,
    pub rule: Arc<str>,
    pub sources: Arc<str>,
}

impl TaxRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer)).put("year", &self.year);
        fields.put("line", &self.line).put("label", &self.label).put("amount", self.amount);
        fields.put("rule", &self.rule).put("sources", &self.sources);
    }
}

impl DistributionRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer));
        fields.put("instrument", names.instrument(self.instrument));
        fields.put("distribution", &self.distribution);
        fields.put("ex_date", self.ex_date).put("pay_date", self.pay_date).put("currency", self.currency);
        fields.put("quantity", self.quantity).put("amount", self.amount);
        fields.put("franked_fraction", self.franked_fraction).put("reinvested", self.reinvested);
        fields.put("status", self.status.as_str());
    }
}

impl CashLadderRow {
    pub(crate) fn put(&self, fields: &mut Fields<'_>, names: &Names) {
        fields.put("customer", names.customer(self.customer)).put("currency", self.currency);
        fields.put("value_date", self.value_date).put("kind", self.kind.as_str()).put("amount", self.amount);
    }
}
