//! The view as actors see it: snapshots for customers, books for the desk and the broker.

use std::collections::BTreeMap;

use evenkeel_actors::{
    Books, Bucket, Holding, InstrumentTerms, LotHeld, OpenTrigger, ParcelHeld, Snapshot, TaxKnown,
};
use evenkeel_lots::averaged;
use evenkeel_operators::facts::{BucketLine, TargetLine, TargetSet, Tilt};
use evenkeel_operators::valuations::Line;
use evenkeel_schemas::events::{CostBasis, TriggerRef};
use evenkeel_schemas::{
    AnomalyKind, Currency, CustomerId, InstrumentId, Money, Name, Names, Pair, Price, Quantity, Rate, Ratio,
    Value,
};

use super::{Customer, HeldLot, SharedView, View};

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
        self.customer(customer, |view, c| {
            let targets = c.targets(view.today())?;
            Some(targets.lines.iter().find(|line| line.instrument == id)?.weight)
        })
    }

    fn tax_year(&self, customer: &Name) -> Option<TaxKnown> {
        let view = self.0.read();
        let id = view.names.read().customer_id(customer.as_str())?;
        view.tax_year(id, view.customer(id)?)
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
        self.snapshot_by(name, &self.names.read())
    }

    /// One customer at the view's epoch, for whoever holds the names; `None` when not onboarded.
    pub fn snapshot_by(&self, name: &Name, names: &Names) -> Option<Snapshot> {
        self.snapshot_with(name, names, None)
    }

    /// As [`View::snapshot_by`], with other tilts than those that hold, if any are given.
    pub fn snapshot_with(&self, name: &Name, names: &Names, tilts: Option<&[Tilt]>) -> Option<Snapshot> {
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
            let subject = Name::new(key.subject_name(names)).ok()?;
            let trigger =
                TriggerRef { trigger: key.id(names), kind: key.kind, subject, entered: key.entered };
            Some(OpenTrigger { trigger, measure: *measure, limit: *limit })
        });
        let today = self.today();
        let method = customer.method_on(today);
        let tax = self.tax_year(id, customer);
        // A sale may name its lots, or it has to be known which it takes.
        let parcels = method == CostBasis::Specific || tax.is_some();
        let targets = match tilts {
            Some(tilts) => customer.tilted(tilts),
            None => customer.targets(today),
        };
        let tilts = tilts.or_else(|| customer.tilts(today).map(|set| set.tilts.as_slice()));
        let aims = (targets.as_deref(), tilts.unwrap_or_default());
        let mut holdings = self.holdings(customer, aims, base, parcels.then_some(method), names);
        holdings.sort_by(|a, b| a.name.cmp(&b.name));
        let watched = targets.iter().flat_map(|set| &set.buckets);
        let buckets = watched.filter_map(|bucket| self.bucket(bucket, &holdings, names)).collect();
        Some(Snapshot {
            epoch: self.epoch,
            customer: name.clone(),
            base,
            nav: worth.as_ref().and_then(|(worth, _)| worth.nav.to_money()),
            cash: customer.cash.get(&base).copied().unwrap_or_default(),
            foreign_cash,
            targeted: targets.is_some(),
            holdings,
            buckets,
            triggers: triggers.collect(),
            method,
            tax,
            reviewed: self.reviewed.get(&id).copied().or_else(|| customer.targeted_since()),
        })
    }

    /// The taxpayer's year so far; `None` where it is not known, or could not be worked out.
    fn tax_year(&self, id: CustomerId, customer: &Customer) -> Option<TaxKnown> {
        customer.base().filter(|base| *base == Currency::AUD)?;
        let today = self.today();
        // From a year on that cannot be worked out there are no reports.
        let missing = |kind: &AnomalyKind| match kind {
            AnomalyKind::Tax(year, _) => self.taxpayers.stands_in_the_way(year, today),
            _ => false,
        };
        if self.anomalies_of(id).any(missing) {
            return None;
        }
        self.taxpayers.year(id, today, customer.method_on(today))
    }

    // The names' lock is held by the caller: taking it twice could wait for a writer for ever.
    fn holdings(
        &self,
        customer: &Customer,
        (targets, tilts): (Option<&TargetSet>, &[Tilt]),
        base: Currency,
        parcels: Option<CostBasis>,
        names: &Names,
    ) -> Vec<Holding> {
        let targeted = targets.iter().flat_map(|set| set.lines.iter().copied());
        let tilt = |id: InstrumentId| tilts.iter().find(|tilt| tilt.instrument == id).map(|tilt| tilt.by);
        let band = targets.map_or(Ratio::ZERO, |set| set.band_default);
        let held =
            customer.positions.keys().map(|i| TargetLine { instrument: *i, weight: Ratio::ZERO, band });
        let mut lines: BTreeMap<InstrumentId, TargetLine> =
            held.map(|line| (line.instrument, line)).collect();
        lines.extend(targeted.map(|line| (line.instrument, line)));
        let holding = |line: TargetLine| {
            let terms = self.terms(line.instrument)?;
            let quantity = customer.positions.get(&line.instrument).copied().unwrap_or_default();
            Some(Holding {
                instrument: line.instrument,
                name: Name::new(names.instrument(line.instrument)).ok()?,
                currency: terms.currency,
                quantity,
                price: self.price(line.instrument),
                rate: self.rate(terms.currency, base),
                lot: terms.lot,
                tick: terms.tick,
                target: line.weight,
                tilt: tilt(line.instrument).unwrap_or(Ratio::ZERO),
                band: line.band,
                average_daily_value: self.daily_value(line.instrument),
                parcels: parcels.map_or_else(Vec::new, |method| {
                    self.parcels(customer.lots_of(line.instrument), quantity, method)
                }),
            })
        };
        lines.into_values().filter_map(holding).collect()
    }

    /// A bucket with those of its members that are held or targeted.
    fn bucket(&self, bucket: &BucketLine, holdings: &[Holding], names: &Names) -> Option<Bucket> {
        let belongs = |holding: &&Holding| {
            self.terms(holding.instrument).is_some_and(|terms| terms.labels.belong_to(bucket.labels))
        };
        Some(Bucket {
            name: Name::new(names.instrument(bucket.bucket)).ok()?,
            members: holdings.iter().filter(belongs).map(|holding| holding.instrument).collect(),
            band: bucket.band,
        })
    }

    /// Open lots in the order in which the books take them, of one day by name, at the cost that they have then. None where they do not add up to the units
    /// held, which the books say elsewhere.
    fn parcels(&self, lots: &[HeldLot], held: Quantity, method: CostBasis) -> Vec<ParcelHeld> {
        let sum: i128 = lots.iter().map(|lot| i128::from(lot.quantity.raw())).sum();
        if sum != i128::from(held.raw()) {
            return Vec::new();
        }
        let parcel = |lot: &HeldLot| {
            let HeldLot { instrument, acquired, quantity, cost_base, .. } = *lot;
            let value_at_start = self.taxpayers.value_at_start(instrument, acquired, quantity);
            Some(ParcelHeld { lot: Name::new(&lot.lot).ok()?, acquired, quantity, cost_base, value_at_start })
        };
        let Some(mut parcels) = lots.iter().map(parcel).collect::<Option<Vec<ParcelHeld>>>() else {
            return Vec::new();
        };
        let wide = |cost: Money, units: Quantity| i128::from(cost.raw()) * i128::from(units.raw());
        match method {
            CostBasis::Lifo => parcels.reverse(),
            CostBasis::Hifo => {
                // The dearest a unit first.
                parcels.sort_by(|a, b| wide(b.cost_base, a.quantity).cmp(&wide(a.cost_base, b.quantity)));
            }
            CostBasis::Average => {
                let lots: Vec<_> = parcels.iter().map(|parcel| (parcel.quantity, parcel.cost_base)).collect();
                parcels.iter_mut().zip(averaged(&lots)).for_each(|(parcel, cost)| parcel.cost_base = cost);
            }
            CostBasis::Fifo | CostBasis::Specific => {}
        }
        parcels
    }
}
