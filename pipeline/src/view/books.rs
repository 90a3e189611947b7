//! The view as actors see it: snapshots for customers, books for the desk and the broker.

use std::collections::BTreeMap;

use evenkeel_actors::{Books, Holding, InstrumentTerms, LotHeld, OpenTrigger, Snapshot};
use evenkeel_operators::drift::band_of_member;
use evenkeel_operators::facts::{BucketLine, TargetLine};
use evenkeel_operators::valuations::Line;
use evenkeel_schemas::events::TriggerRef;
use evenkeel_schemas::{
    Currency, CustomerId, InstrumentId, Money, Name, Names, Pair, Price, Quantity, Rate, Ratio, Value,
};

use super::{Customer, SharedView, View};

/// The view as the desk and the broker look things up.
#[derive(Clone)]
pub struct ViewBooks(pub SharedView);

impl ViewBooks {
    /// One customer at the view's epoch; `None` when not onboarded.
    pub fn snapshot(&self, customer: &Name) -> Option<Snapshot> {
        self.0.read().snapshot(customer)
    }

    fn customer<T>(&self, name: &Name, read: impl FnOnce(&View, &Customer) -> Option<T>) -> Option<T> {
        let view = self.0.read();
        let id = view.names.read().customer_id(name.as_str())?;
        read(&view, view.customer(id)?)
    }

    fn instrument_id(&self, name: &Name) -> Option<InstrumentId> {
        self.0.read().names.read().instrument_id(name.as_str())
    }
}

impl Books for ViewBooks {
    fn instrument(&self, instrument: &Name) -> Option<InstrumentTerms> {
        let id = self.instrument_id(instrument)?;
        let terms = self.0.read().terms(id)?;
        Some(InstrumentTerms { id, currency: terms.currency, tick: terms.tick, lot: terms.lot })
    }

    fn price(&self, instrument: &Name) -> Option<Price> {
        let id = self.instrument_id(instrument)?;
        self.0.read().price(id)
    }

    fn rate(&self, from: Currency, to: Currency) -> Option<Rate> {
        self.0.read().rate(from, to)
    }

    fn rates(&self) -> Vec<(Pair, Rate)> {
        self.0.read().rates().iter().map(|(pair, rate)| (*pair, *rate)).collect()
    }

    fn cash(&self, customer: &Name, currency: Currency) -> Money {
        self.customer(customer, |_, c| c.cash.get(&currency).copied()).unwrap_or_default()
    }

    fn quantity(&self, customer: &Name, instrument: &Name) -> Quantity {
        let Some(id) = self.instrument_id(instrument) else { return Quantity::ZERO };
        self.customer(customer, |_, c| c.positions.get(&id).copied()).unwrap_or_default()
    }

    fn nav(&self, customer: &Name) -> Option<Money> {
        self.customer(customer, |view, c| view.worth(c).ok()?.0.nav.to_money())
    }

    fn base(&self, customer: &Name) -> Option<Currency> {
        self.customer(customer, |_, c| c.base())
    }

    fn target(&self, customer: &Name, instrument: &Name) -> Option<Ratio> {
        let id = self.instrument_id(instrument)?;
        self.customer(customer, |_, c| {
            Some(c.targets()?.lines.iter().find(|line| line.instrument == id)?.weight)
        })
    }

    fn lots(&self, customer: &Name) -> Vec<LotHeld> {
        let lots = self.customer(customer, |view, c| {
            let names = view.names().read();
            let instruments = c.positions.keys();
            let open = instruments.flat_map(|instrument| c.lots_of(*instrument)).filter_map(|lot| {
                Some(LotHeld {
                    lot: Name::new(&lot.lot).ok()?,
                    instrument: Name::new(names.instrument(lot.instrument)).ok()?,
                    acquired: lot.acquired,
                    quantity: lot.quantity,
                    cost_base: lot.cost_base,
                })
            });
            Some(open.collect())
        });
        lots.unwrap_or_default()
    }
}

impl View {
    fn snapshot(&self, name: &Name) -> Option<Snapshot> {
        let names = self.names.read();
        let id = names.customer_id(name.as_str())?;
        let customer = self.customer(id)?;
        let base = customer.base()?;
        let worth = self.worth(customer).ok();
        let foreign = |line: &Line| match line {
            Line::Cash(currency, value) if *currency != base => Some(*value),
            _ => None,
        };
        let lines = worth.as_ref().map_or(&[][..], |(_, lines)| lines);
        let foreign_cash = lines.iter().filter_map(foreign).try_fold(Value::ZERO, Value::checked_add)?;
        let triggers = self.open.triggers_of(id).filter_map(|(key, (measure, limit))| {
            let subject = Name::new(key.subject_name(&names)).ok()?;
            let trigger =
                TriggerRef { trigger: key.id(&names), kind: key.kind, subject, entered: key.entered };
            Some(OpenTrigger { trigger, measure: *measure, limit: *limit })
        });
        let mut holdings = self.holdings(id, customer, base, &names);
        holdings.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Snapshot {
            epoch: self.epoch,
            customer: name.clone(),
            base,
            nav: worth.as_ref().and_then(|(worth, _)| worth.nav.to_money()),
            cash: customer.cash.get(&base).copied().unwrap_or_default(),
            foreign_cash,
            holdings,
            triggers: triggers.collect(),
        })
    }

    // The names' lock is held by the caller: taking it twice could wait for a writer for ever.
    fn holdings(&self, id: CustomerId, customer: &Customer, base: Currency, names: &Names) -> Vec<Holding> {
        let targets = customer.targets();
        let targeted = targets.into_iter().flat_map(|set| set.lines.iter().copied());
        let band = targets.map_or(Ratio::ZERO, |set| set.band_default);
        let held =
            customer.positions.keys().map(|i| TargetLine { instrument: *i, weight: Ratio::ZERO, band });
        let mut lines: BTreeMap<InstrumentId, TargetLine> =
            held.map(|line| (line.instrument, line)).collect();
        lines.extend(targeted.map(|line| (line.instrument, line)));
        for bucket in targets.into_iter().flat_map(|set| &set.buckets) {
            if self.open.is_drifting(id, bucket.bucket) {
                self.narrow(bucket, &mut lines);
            }
        }
        let holding = |line: TargetLine| {
            let terms = self.terms(line.instrument)?;
            Some(Holding {
                instrument: line.instrument,
                name: Name::new(names.instrument(line.instrument)).ok()?,
                currency: terms.currency,
                quantity: customer.positions.get(&line.instrument).copied().unwrap_or_default(),
                price: self.price(line.instrument),
                rate: self.rate(terms.currency, base),
                lot: terms.lot,
                tick: terms.tick,
                target: line.weight,
                band: line.band,
            })
        };
        lines.into_values().filter_map(holding).collect()
    }

    /// Narrows the bands of a bucket's members, so that it comes back when they do: whoever trades knows bands of
    /// instruments only, and all of them may be inside their own.
    fn narrow(&self, bucket: &BucketLine, lines: &mut BTreeMap<InstrumentId, TargetLine>) {
        let belongs =
            |i: &InstrumentId| self.terms(*i).is_some_and(|terms| terms.labels.belong_to(bucket.labels));
        let members = lines.iter().filter(|(i, _)| belongs(i));
        let targets: i128 = members.map(|(_, line)| i128::from(line.weight.raw())).sum();
        let targets = Ratio::from_wide(targets).unwrap_or(Ratio::MAX);
        for line in lines.values_mut().filter(|line| belongs(&line.instrument)) {
            line.band = line.band.min(band_of_member(bucket.band, line.weight, targets));
        }
    }
}
