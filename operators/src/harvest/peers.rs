//! What may take the place of what: instruments of the same bucket, by how they move together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evenkeel_estimates::{
    Action, Adjustment, Mark, OBSERVATIONS_MIN, PairMoments, ReturnRule, Returns, daily_returns,
};
use evenkeel_schemas::{Currency, InstrumentId, Label, Labels, Price, Ratio, TradeDate};

use crate::counted::Counted;
use crate::facts::{Corporate, CorporateAction, Version};

/// How many sessions are looked back on: a year.
const SESSIONS: usize = 252;

/// An instrument of the same bucket and currency.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub instrument: InstrumentId,
    pub correlation: Ratio,
    /// Of the difference of the two returns, per year; rounded up.
    pub tracking_variance: Ratio,
    /// Its root.
    pub tracking_error: Ratio,
}

/// Closing marks and what makes them comparable.
#[derive(Default)]
pub(super) struct Peers {
    closes: BTreeMap<TradeDate, BTreeMap<InstrumentId, Counted<(Version, Price)>>>,
    actions: BTreeMap<InstrumentId, Counted<Arc<CorporateAction>>>,
    /// By correlation, highest first.
    of: BTreeMap<InstrumentId, Vec<Peer>>,
}

impl Peers {
    pub fn close(&mut self, instrument: InstrumentId, date: TradeDate, mark: (Version, Price), times: isize) {
        let day = self.closes.entry(date).or_default();
        let marks = day.entry(instrument).or_default();
        marks.add(mark, times);
        if marks.is_empty() {
            day.remove(&instrument);
        }
        if day.is_empty() {
            self.closes.remove(&date);
        }
    }

    pub fn action(&mut self, instrument: InstrumentId, action: Arc<CorporateAction>, times: isize) {
        self.actions.entry(instrument).or_default().add(action, times);
    }

    /// The last day with a closing mark.
    pub fn as_of(&self) -> Option<TradeDate> {
        self.closes.keys().next_back().copied()
    }

    /// Peers of an instrument, by correlation, highest first.
    pub fn of(&self, instrument: InstrumentId) -> &[Peer] {
        self.of.get(&instrument).map_or(&[], Vec::as_slice)
    }

    /// Looks at the last year's marks again, for what is held: of it, and of what is in its buckets.
    pub fn estimate(
        &mut self,
        terms: &BTreeMap<InstrumentId, (Currency, Labels)>,
        held: impl Fn(InstrumentId) -> bool,
    ) {
        self.of.clear();
        let wanted = terms.iter().filter(|(instrument, _)| held(**instrument));
        let wanted: BTreeSet<(Currency, Labels)> = wanted.map(|(_, bucket)| *bucket).collect();
        let in_bucket = |instrument: &InstrumentId| terms.get(instrument).is_some_and(|b| wanted.contains(b));
        let Some(returns) = self.returns(in_bucket) else { return };
        let mut buckets: BTreeMap<(Currency, Labels), Vec<usize>> = BTreeMap::new();
        for (place, instrument) in returns.instruments().iter().enumerate() {
            // What has no asset class is in no bucket.
            let known = terms.get(instrument).filter(|(_, labels)| labels.0[0] != Label::NONE);
            if let Some(bucket) = known {
                buckets.entry(*bucket).or_default().push(place);
            }
        }
        for places in buckets.values() {
            for (at, one) in places.iter().enumerate() {
                for other in &places[at + 1..] {
                    if [one, other].iter().any(|place| held(returns.instruments()[**place])) {
                        self.pair(&returns, *one, *other);
                    }
                }
            }
        }
        for peers in self.of.values_mut() {
            peers.sort_by(|a, b| {
                b.correlation.cmp(&a.correlation).then_with(|| a.instrument.cmp(&b.instrument))
            });
        }
    }

    fn pair(&mut self, returns: &Returns, one: usize, other: usize) {
        let moments = PairMoments::of(returns, one, other);
        let Some(moments) = moments.filter(|moments| moments.observations >= OBSERVATIONS_MIN) else {
            return;
        };
        let Some(correlation) = moments.correlation() else { return };
        let variance = moments.tracking_variance();
        let instruments = returns.instruments();
        for (of, instrument) in [(one, other), (other, one)].map(|(a, b)| (instruments[a], instruments[b])) {
            let peer = Peer {
                instrument,
                correlation: ratio(correlation),
                tracking_variance: Ratio::from_raw(ratio(variance).raw().saturating_add(1)),
                tracking_error: ratio(variance.sqrt()),
            };
            self.of.entry(of).or_default().push(peer);
        }
    }

    fn returns(&self, wanted: impl Fn(&InstrumentId) -> bool) -> Option<Returns> {
        let recent: Vec<TradeDate> = self.closes.keys().rev().take(SESSIONS + 1).copied().collect();
        let (first, days) = (*recent.last()?, recent.len());
        let mut marks = Vec::new();
        for (date, day) in self.closes.iter().rev().take(days) {
            for (instrument, closes) in day.iter().filter(|(instrument, _)| wanted(instrument)) {
                let close = closes.standing().next_back();
                marks.extend(close.map(|(_, price)| Mark {
                    instrument: *instrument,
                    date: *date,
                    price: *price,
                }));
            }
        }
        let told: BTreeSet<InstrumentId> = marks.iter().map(|mark| mark.instrument).collect();
        let mut adjustments = Vec::new();
        for (instrument, actions) in self.actions.iter().filter(|(instrument, _)| told.contains(instrument)) {
            for action in actions.standing().filter(|action| action.date >= first) {
                let what = match action.what {
                    Corporate::Split { new, old, .. } => Action::Split { new, old },
                    Corporate::Distribution { amount, .. } => Action::Distribution(amount),
                    Corporate::Merger { .. } | Corporate::Delisting { .. } => continue,
                };
                adjustments.push(Adjustment { instrument: *instrument, ex_date: action.date, action: what });
            }
        }
        // A mark or an action that cannot be used leaves no estimate rather than a wrong one.
        daily_returns(&marks, &adjustments, &ReturnRule::default()).ok()
    }
}

/// Rounded to the scale of a ratio, half away from zero.
fn ratio(value: f64) -> Ratio {
    Ratio::from_raw((value * Ratio::ONE as f64).round() as i64)
}
