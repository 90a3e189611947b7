//! What is known of one instrument.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_estimates::{Action, Adjustment, DAYS_STALE, Payment, SplitRatio};
use evenkeel_schemas::{Currency, Price, TradeDate};

use crate::counted::Counted;
use crate::facts::{Corporate, CorporateAction, Figures, Version};

#[derive(Default)]
pub(super) struct Instrument {
    pub listed: Counted<(Version, Figures)>,
    pub closes: BTreeMap<TradeDate, Counted<(Version, Price)>>,
    pub actions: Counted<Arc<CorporateAction>>,
    /// Whose calendar its marks are counted in.
    pub group: Option<Currency>,
    /// The marks as they are counted there: of each day the latest.
    pub marks: BTreeMap<TradeDate, Price>,
    /// Returns by the day they end on.
    pub returns: BTreeMap<TradeDate, f64>,
}

impl Instrument {
    pub fn figures(&self) -> Option<&Figures> {
        self.listed.standing().next_back().map(|(_, figures)| figures)
    }

    /// Counts a statement of a close in, or out.
    pub fn close(&mut self, date: TradeDate, mark: (Version, Price), times: isize) {
        let day = self.closes.entry(date).or_default();
        day.add(mark, times);
        if day.is_empty() {
            self.closes.remove(&date);
        }
    }

    /// The close that holds of a day.
    pub fn latest(&self, date: TradeDate) -> Option<Price> {
        let (_, price) = self.closes.get(&date)?.standing().next_back()?;
        Some(*price).filter(|price| *price > Price::ZERO)
    }

    /// The newest mark up to a day, if it is not too old.
    pub fn price(&self, as_of: TradeDate) -> Option<Price> {
        let oldest = as_of.plus_days(-DAYS_STALE)?;
        self.marks.range(oldest..=as_of).next_back().map(|(_, price)| *price)
    }

    /// Splits, for returns.
    pub fn adjustments(&self, of: evenkeel_schemas::InstrumentId) -> Vec<Adjustment> {
        let split = |split: SplitRatio| {
            let action = Action::Split { new: split.new, old: split.old };
            Adjustment { instrument: of, ex_date: split.ex_date, action }
        };
        self.splits().map(split).collect()
    }

    pub fn splits(&self) -> impl Iterator<Item = SplitRatio> {
        self.actions.standing().filter_map(|action| match action.what {
            Corporate::Split { new, old, .. } => Some(SplitRatio { ex_date: action.date, new, old }),
            _ => None,
        })
    }

    pub fn payments(&self) -> impl Iterator<Item = Payment> {
        self.actions.standing().filter_map(|action| match action.what {
            Corporate::Distribution { amount, franked_fraction, .. } => {
                Some(Payment { ex_date: action.date, amount, franked_fraction })
            }
            _ => None,
        })
    }

    /// Nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.closes.is_empty() && self.actions.is_empty()
    }
}
