//! What an accepted event says of tax lots.

use std::sync::Arc;

use evenkeel_lots::{Choice, Entry, EventId, LotId, Replacement, What};
use evenkeel_operators::facts::{Fact, LotEntry};
use evenkeel_schemas::derive::lot_number;
use evenkeel_schemas::events::{Event, Fill, LotChoice, Side};
use evenkeel_schemas::{CustomerId, InstrumentId, Money, Name, Price, TradeDate};

use super::Admission;

impl Admission {
    /// What an event other than a fill, which was found acceptable, says of lots. A lot is named by the id of the event
    /// that opened it, or `seq:` and the event's running number.
    pub(super) fn of_lots(&self, event: &Event) -> Option<Fact> {
        let instrument = |name: &Name| self.instrument(name, "instrument").ok();
        let (customer, date, what) = match event {
            Event::TransferIn(e) => {
                let what = What::Acquire {
                    instrument: instrument(&e.instrument)?,
                    lot: self.lot(event),
                    quantity: e.quantity,
                    cost_base: e.cost_base,
                    acquired: e.acquired,
                };
                // The units arrive on the basis of the day they arrive, as positions take them.
                (&e.customer, e.at.date(), what)
            }
            Event::TargetsSet(e) => (&e.customer, e.at.date(), What::Election { method: e.cost_basis? }),
            Event::Split(e) => {
                let (instrument, event_id) = (instrument(&e.instrument)?, EventId(self.accepted));
                let in_lieu = e.cash_in_lieu;
                let what = What::Split { instrument, event: event_id, new: e.new, old: e.old, in_lieu };
                return Some(Fact::Action(instrument, self.entry(event, e.ex_date, what)));
            }
            Event::Distribution(e) => {
                let (instrument, event_id) = (instrument(&e.instrument)?, EventId(self.accepted));
                let what = What::CostBase { instrument, event: event_id, per_unit: e.cost_base_change? };
                return Some(Fact::Action(instrument, self.entry(event, e.ex_date, what)));
            }
            Event::Merger(e) => {
                let (from, into) = (instrument(&e.instrument)?, instrument(&e.into)?);
                let terms = Replacement {
                    from,
                    into,
                    event: EventId(self.accepted),
                    new: e.new,
                    old: e.old,
                    cash: e.cash.unwrap_or(Price::ZERO),
                    value: e.value.unwrap_or(Price::ZERO),
                };
                let entry = self.entry(event, e.effective_date, What::Replace(Box::new(terms)));
                return Some(Fact::Action(from, entry));
            }
            Event::Delisting(e) => {
                let (instrument, event_id) = (instrument(&e.instrument)?, EventId(self.accepted));
                let what = What::Delist { instrument, event: event_id, per_unit: e.amount };
                return Some(Fact::Action(instrument, self.entry(event, e.effective_date, what)));
            }
            _ => return None,
        };
        Some(Fact::Lot(self.customer(customer).ok()?, self.entry(event, date, what)))
    }

    /// What a fill says of lots, where they are kept; `amount` is what it does to cash.
    pub(super) fn filled(
        &self,
        e: &Fill,
        customer: CustomerId,
        instrument: InstrumentId,
        amount: Money,
    ) -> Option<Fact> {
        if !self.lots {
            return None;
        }
        let what = match e.side {
            Side::Buy => What::Acquire {
                instrument,
                lot: self.lot_of(e.id.as_ref()),
                quantity: e.quantity,
                cost_base: amount.checked_neg()?,
                acquired: e.trade_date,
            },
            Side::Sell => {
                let choice = |choice: &LotChoice| Choice {
                    lot: LotId(lot_number(choice.lot.as_str())),
                    quantity: choice.quantity,
                };
                What::Dispose {
                    instrument,
                    disposal: EventId(self.accepted),
                    quantity: e.quantity,
                    proceeds: amount,
                    fee: e.fee,
                    lots: e.lots.iter().map(choice).collect(),
                }
            }
        };
        let named = e.lots.iter().map(|choice| choice.lot.shared()).collect();
        let entry = Entry { date: e.trade_date, at: e.at, number: self.accepted, what };
        let entry = LotEntry { entry, name: e.id.as_ref().map(Name::shared), named };
        Some(Fact::Lot(customer, Arc::new(entry)))
    }

    fn lot(&self, event: &Event) -> LotId {
        self.lot_of(event.id())
    }

    fn lot_of(&self, id: Option<&Name>) -> LotId {
        LotId(id.map_or(self.accepted, |id| lot_number(id.as_str())))
    }

    fn entry(&self, event: &Event, date: TradeDate, what: What) -> Arc<LotEntry> {
        let entry = Entry { date, at: event.at(), number: self.accepted, what };
        Arc::new(LotEntry { entry, name: event.id().map(Name::shared), named: Box::default() })
    }
}
