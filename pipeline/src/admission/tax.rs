//! What counts for tax, at the door.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use evenkeel_operators::facts::{
    Booked, Fact, Income, Input, Received, TaxFact, Taxpayer, Version, YearInput,
};
use evenkeel_schemas::events::{CashKind, CashPosted, CpiPublished, Refusal, TaxYearSet, TaxpayerSet};
use evenkeel_schemas::{InstrumentId, Money, Price, Ratio, TradeDate};
use evenkeel_tax::{FinancialYear, Law, Quarter};

use super::{Admission, Inputs};

/// The day on whose closing price cost bases are re-based: the last before the regime of 1 July 2027.
pub(super) fn rebasing_day() -> Option<i32> {
    // Built in, and read in a test of theirs.
    Law::built_in().ok()?.regime_start().map(|start| start.days() - 1)
}

fn parsed<T: FromStr>(field: &str, text: &str) -> Result<T, Refusal>
where
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| Refusal::new(field, error.to_string()))
}

impl Admission {
    pub(super) fn taxpayer(&self, e: &TaxpayerSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let taxpayer = Taxpayer {
            entity: e.entity,
            resident: e.resident,
            income_support: e.income_support,
            taxable_australian_property: e.taxable_australian_property,
            other_income: e.other_income,
        };
        let statement = TaxFact::Taxpayer(e.at.date(), version, taxpayer);
        Ok(vec![(Input::Fact(Fact::Tax(customer, Arc::new(statement))), 1)])
    }

    pub(super) fn tax_year(&self, e: &TaxYearSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let year: FinancialYear = parsed("year", &e.year)?;
        let input = YearInput {
            other_income: e.other_income,
            other_franking_credits: e.other_franking_credits.unwrap_or(Money::ZERO),
            losses_brought_forward: e.losses_brought_forward,
        };
        let statement = TaxFact::Year(year, version, input);
        Ok(vec![(Input::Fact(Fact::Tax(customer, Arc::new(statement))), 1)])
    }

    pub(super) fn cpi(&self, e: &CpiPublished, version: Version) -> Result<Inputs, Refusal> {
        let quarter: Quarter = parsed("quarter", &e.quarter)?;
        Ok(vec![(Input::Fact(Fact::Cpi(quarter, version, e.index)), 1)])
    }

    /// A posting, and what it is for tax.
    pub(super) fn posted(&self, e: &CashPosted) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let mut inputs =
            vec![(Input::Fact(Fact::Posting(customer, e.currency, Booked::on(e.at.date()), e.amount)), 1)];
        let of_distribution = e.instrument.is_some() || e.franked_fraction.is_some() || e.ex_date.is_some();
        if e.kind != CashKind::Distribution && of_distribution {
            let reason = "expected a distribution beside instrument, franked_fraction or ex_date";
            return Err(Refusal::new("kind", reason));
        }
        let franked = e.franked_fraction.is_some_and(|franked| franked > Ratio::ZERO);
        for (field, missing) in [("instrument", e.instrument.is_none()), ("ex_date", e.ex_date.is_none())] {
            if franked && missing {
                let reason = "expected it beside franked_fraction: the holding period rule needs it";
                return Err(Refusal::new(field, reason));
            }
        }
        let instrument = e.instrument.as_ref().map(|name| self.instrument(name, "instrument")).transpose()?;
        let date = e.at.date();
        let kind = match e.kind {
            CashKind::Interest => Income::Interest,
            CashKind::Distribution => Income::Distribution(
                instrument,
                e.franked_fraction.unwrap_or(Ratio::ZERO),
                e.ex_date.unwrap_or(date),
            ),
            CashKind::Fee | CashKind::Tax => return Ok(inputs),
        };
        if self.lots {
            let event = e.id.as_ref().map_or_else(|| self.seq(), |id| id.shared());
            let received = Received { date, currency: e.currency, amount: e.amount, kind };
            let statement = Arc::new(TaxFact::Received(event, received));
            inputs.push((Input::Fact(Fact::Tax(customer, statement)), 1));
        }
        Ok(inputs)
    }

    /// A closing price counts for tax on one day.
    pub(super) fn rebasing(
        &self,
        instrument: InstrumentId,
        version: Version,
        date: TradeDate,
        price: Price,
    ) -> Option<(Input, isize)> {
        let counts = self.lots && self.rebasing_day == Some(date.days());
        counts.then_some((Input::Fact(Fact::RebasingClose(instrument, version, price)), 1))
    }
}
