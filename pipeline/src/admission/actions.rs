//! Corporate actions at the door.

use std::sync::Arc;

use evenkeel_operators::facts::{Corporate, CorporateAction, Fact, Input};
use evenkeel_schemas::events::{Delisting, Distribution, Merger, Refusal, Split};
use evenkeel_schemas::{InstrumentId, Name, Price, TradeDate};

use super::{Admission, Inputs};

impl Admission {
    pub(super) fn split(&mut self, e: &Split) -> Result<Inputs, Refusal> {
        let instrument = self.instrument(&e.instrument, "instrument")?;
        self.reshaped.insert(instrument);
        let what = Corporate::Split { new: e.new, old: e.old, in_lieu: e.cash_in_lieu };
        self.corporate(instrument, e.ex_date, e.id.as_ref(), what)
    }

    pub(super) fn distribution(&mut self, e: &Distribution) -> Result<Inputs, Refusal> {
        let instrument = self.instrument(&e.instrument, "instrument")?;
        if e.reinvestment_price.is_some() {
            self.reshaped.insert(instrument);
        }
        let what = Corporate::Distribution {
            amount: e.amount,
            franked_fraction: e.franked_fraction,
            pay_date: e.pay_date,
            reinvestment_price: e.reinvestment_price,
            lots: self.lots,
        };
        self.corporate(instrument, e.ex_date, e.id.as_ref(), what)
    }

    pub(super) fn merger(&mut self, e: &Merger) -> Result<Inputs, Refusal> {
        let (instrument, into) =
            (self.instrument(&e.instrument, "instrument")?, self.instrument(&e.into, "into")?);
        let currency = |instrument| self.terms(instrument).map(|terms| terms.currency);
        if let Some((from, other)) = currency(instrument).zip(currency(into)).filter(|(a, b)| a != b) {
            let reason = format!(
                "expected an instrument in {from}, the currency of {}; this is in {other}",
                e.instrument
            );
            return Err(Refusal::new("into", reason));
        }
        self.reshaped.extend([instrument, into]);
        let cash = e.cash.unwrap_or(Price::ZERO);
        self.corporate(
            instrument,
            e.effective_date,
            e.id.as_ref(),
            Corporate::Merger { into, new: e.new, old: e.old, cash },
        )
    }

    pub(super) fn delisting(&mut self, e: &Delisting) -> Result<Inputs, Refusal> {
        let instrument = self.instrument(&e.instrument, "instrument")?;
        self.reshaped.insert(instrument);
        self.corporate(instrument, e.effective_date, e.id.as_ref(), Corporate::Delisting { amount: e.amount })
    }

    fn corporate(
        &self,
        instrument: InstrumentId,
        date: TradeDate,
        id: Option<&Name>,
        what: Corporate,
    ) -> Result<Inputs, Refusal> {
        let currency = self.terms(instrument).map(|terms| terms.currency);
        let currency =
            currency.ok_or_else(|| Refusal::new("instrument", "expected an instrument with terms"))?;
        let number = self.accepted;
        let name = id.map_or_else(|| self.seq(), Name::shared);
        let action = CorporateAction { date, number, name, currency, what };
        Ok(vec![(Input::Fact(Fact::Corporate(instrument, Arc::new(action))), 1)])
    }
}
