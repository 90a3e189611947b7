//! From an event to the facts and observations it stands for.

use std::sync::Arc;

use evenkeel_operators::facts::{
    Booked, BucketLine, Election, Fact, Feed, Figures, Flow, Input, Observation, PlacedOrder, Reason,
    TargetLine, TargetSet, Terms, Tilt, TiltSet, Version,
};
use evenkeel_schemas::events::{
    Allocation, ClosingMark, Decision, Event, Fill, FxConversion, InstrumentListed, Refusal, Side,
    TargetsSet, TiltsSet, TransferIn, TriggerKind, TriggerRef,
};
use evenkeel_schemas::{
    AllocationRow, CustomerId, DueKind, Epoch, InstrumentId, Measure, Money, Name, Pair, Price, Quantity,
    Rate, Ratio, Subject, TradeDate, TriggerKey,
};

use super::{Admission, Inputs, Origin};

/// The band where none is given: five percentage points.
const BAND_DEFAULT: Ratio = Ratio::from_raw(Ratio::ONE / 20);

fn fact(fact: Fact) -> (Input, isize) {
    (Input::Fact(fact), 1)
}

impl Admission {
    /// What an event other than a correction changes.
    pub(super) fn inputs(&mut self, event: &Event, epoch: Epoch, origin: Origin) -> Result<Inputs, Refusal> {
        let version = Version { at: event.at(), number: self.accepted };
        match event {
            Event::InstrumentListed(e) => Ok(self.listed(e, version)),
            Event::CustomerOnboarded(e) => {
                let customer = self.names.write().intern_customer(&e.customer);
                self.bases_of(customer).insert(version, e.base_currency);
                Ok(vec![fact(Fact::Base(customer, version, e.base_currency))])
            }
            Event::Tick(e) => self.observe(&e.instrument, version, e.price, event),
            Event::Close(e) => self.close(&e.instrument, version, e.date, e.price, event),
            Event::ClosingMark(e) => self.frozen(e),
            Event::FxRate(e) => Ok(vec![self.rated(e.pair, e.rate, version, event)]),
            Event::FxClose(e) => {
                let close = self.lots.then(|| fact(Fact::FxClose(e.pair, e.date, version, e.rate)));
                let rated = self.rated(e.pair, e.rate, version, event);
                Ok(std::iter::once(rated).chain(close).collect())
            }
            Event::InterestRateSet(e) => {
                let rate = Fact::InterestRate(e.currency, e.from, version, e.rate);
                Ok(self.lots.then(|| fact(rate)).into_iter().collect())
            }
            Event::FeeScheduleSet(e) => self.fees(e, version),
            Event::HarvestSet(e) => self.harvesting(e, version),
            Event::RiskLimitsSet(e) => self.limited(e, version),
            Event::FlowScheduled(e) => self.planned(e, version),
            Event::Split(e) => self.split(e),
            Event::Distribution(e) => self.distribution(e),
            Event::Merger(e) => self.merger(e),
            Event::Delisting(e) => self.delisting(e),
            Event::ReinvestmentElected(e) => {
                let (customer, instrument) =
                    (self.customer(&e.customer)?, self.instrument(&e.instrument, "instrument")?);
                let election = Election { date: e.at.date(), version, reinvest: e.reinvest };
                Ok(vec![fact(Fact::Reinvest(customer, instrument, election))])
            }
            Event::FxConversion(e) => self.conversion(e),
            Event::TargetsSet(e) => self.targets(e, version),
            Event::TiltsSet(e) => self.tilts(e, version),
            Event::Deposit(e) => self.flow(&e.customer, e.amount, e.currency, event, epoch),
            Event::Withdrawal(e) => {
                let out = e.amount.checked_neg().unwrap_or_default();
                self.flow(&e.customer, out, e.currency, event, epoch)
            }
            Event::CashPosted(e) => self.posted(e),
            Event::TaxpayerSet(e) => self.taxpayer(e, version),
            Event::TaxYearSet(e) => self.tax_year(e, version),
            Event::CpiPublished(e) => self.cpi(e, version),
            Event::TransferIn(e) => self.transferred(e),
            Event::Fill(e) => self.fill(e, origin),
            Event::RebalanceRequested(e) => {
                let customer = self.customer(&e.customer)?;
                let key = self.request(customer, TriggerKind::Manual, event.id(), epoch);
                let nothing = Measure::Amount(Money::ZERO);
                let reason = Reason { key, measure: nothing, limit: nothing };
                Ok(vec![fact(Fact::Request(Box::new(reason)))])
            }
            Event::Decision(e) => self.decision(e),
            Event::Order(e) => {
                let (order, block) = (e.order.as_str().into(), e.block.as_str().into());
                Ok(vec![fact(Fact::Blocked { order, block })])
            }
            Event::OrderState(e) => {
                Ok(vec![fact(Fact::State(e.order.as_str().into(), self.accepted, e.state))])
            }
            Event::Allocation(e) => self.allocation(e),
            Event::QuestionnaireCompleted(_)
            | Event::GoalsDefined(_)
            | Event::PodAllocationCalculated(_)
            | Event::PodOptimized(_)
            | Event::MasterPortfolioOptimized(_)
            | Event::TaxOptimizationCompleted(_)
            | Event::TradesExecuted(_)
            | Event::PortfolioMonitoringStarted(_)
            | Event::ReviewDue(_) => self.advised(event, epoch),
            Event::Session(_) | Event::BenchmarkSet(_) | Event::Anomaly(_) => Ok(Vec::new()),
            Event::Correction(_) => Err(Refusal::new("type", "expected an event other than a correction")),
        }
    }

    /// The units arrive on the basis of the day they arrive, whatever split since they were acquired.
    fn transferred(&self, e: &TransferIn) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let instrument = self.instrument(&e.instrument, "instrument")?;
        Ok(vec![
            fact(Fact::Movement(customer, instrument, e.at.date(), e.quantity)),
            fact(Fact::Flow(customer, self.accepted, Flow::Units(instrument, e.quantity))),
        ])
    }

    fn listed(&mut self, e: &InstrumentListed, version: Version) -> Inputs {
        let mut names = self.names.write();
        let instrument = names.intern_instrument(&e.instrument);
        let labels = names.labels(&e.asset_class, &e.region, &e.sector);
        drop(names);
        let terms = Terms { currency: e.currency, tick: e.tick_size, lot: e.lot_size, labels };
        self.terms.entry(instrument).or_default().insert(version, terms);
        self.settlement.list(instrument, version, e.market.as_ref());
        let ticker = || Fact::Ticker(instrument, version, e.instrument.shared(), e.currency);
        let figures = Figures {
            currency: e.currency,
            daily_value: e.average_daily_value,
            distribution_yield: e.distribution_yield,
            franked_fraction: e.franking_rate,
        };
        let figures = Fact::Listed(instrument, version, Box::new(figures));
        let mut inputs = vec![fact(Fact::Terms(instrument, version, Box::new(terms))), fact(figures)];
        inputs.extend(self.lots.then(|| fact(ticker())));
        inputs
    }

    fn rated(&self, pair: Pair, rate: Rate, version: Version, event: &Event) -> (Input, isize) {
        let (feed, correctable_until) = (Feed::Pair(pair), self.correctable_until(event));
        let observation = Observation { feed, version, value: rate.raw(), correctable_until };
        (Input::Observation(observation), 1)
    }

    fn observe(
        &self,
        instrument: &Name,
        version: Version,
        price: Price,
        event: &Event,
    ) -> Result<Inputs, Refusal> {
        let feed = Feed::Instrument(self.instrument(instrument, "instrument")?);
        let correctable_until = self.correctable_until(event);
        let observation = Observation { feed, version, value: price.raw(), correctable_until };
        Ok(vec![(Input::Observation(observation), 1)])
    }

    fn close(
        &self,
        name: &Name,
        version: Version,
        date: TradeDate,
        price: Price,
        event: &Event,
    ) -> Result<Inputs, Refusal> {
        let mut inputs = self.observe(name, version, price, event)?;
        let instrument = self.instrument(name, "instrument")?;
        inputs.extend(self.rebasing(instrument, version, date, price));
        inputs.extend(self.lots.then(|| fact(Fact::Close(instrument, date, version, price))));
        Ok(inputs)
    }

    /// What was frozen when a market closed says nothing of prices now, and gives way to what is official of the day.
    fn frozen(&self, e: &ClosingMark) -> Result<Inputs, Refusal> {
        let before = e.date.plus_days(-1).unwrap_or(e.date);
        let version = Version { at: before.start(), number: self.accepted };
        let mut inputs = Inputs::new();
        if let (Some(name), Some(price)) = (&e.instrument, e.price) {
            let instrument = self.instrument(name, "instrument")?;
            inputs.extend(self.rebasing(instrument, version, e.date, price));
            inputs.extend(self.lots.then(|| fact(Fact::Close(instrument, e.date, version, price))));
        }
        if let (Some(pair), Some(rate)) = (e.pair, e.rate) {
            inputs.extend(self.lots.then(|| fact(Fact::FxClose(pair, e.date, version, rate))));
        }
        Ok(inputs)
    }

    fn targets(&self, e: &TargetsSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let band_default = e.bands.get("default").copied().unwrap_or(BAND_DEFAULT);
        let mut lines = Vec::with_capacity(e.weights.len());
        for (name, weight) in &e.weights {
            let instrument = self.instrument(name, &format!("weights.{name}"))?;
            let band = e.bands.get(name).copied().unwrap_or(band_default);
            lines.push(TargetLine { instrument, weight: *weight, band });
        }
        if let Some(name) = &e.sweep {
            let instrument = self.instrument(name, "sweep")?;
            let band = e.bands.get(name).copied().unwrap_or(band_default);
            sweep(&mut lines, instrument, band);
        }
        let buckets = self.buckets(e);
        let set = TargetSet { lines, band_default, buckets };
        Ok(vec![fact(Fact::Targets(customer, version, Arc::new(set)))])
    }

    fn tilts(&self, e: &TiltsSet, version: Version) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let tilt = |(name, by): (&Name, &Ratio)| {
            Ok(Tilt { instrument: self.instrument(name, &format!("tilts.{name}"))?, by: *by })
        };
        let tilts = e.tilts.iter().map(tilt).collect::<Result<_, Refusal>>()?;
        let set = TiltSet { tilts, until: e.until };
        Ok(vec![fact(Fact::Tilts(customer, version, Arc::new(set)))])
    }

    /// The buckets that have a band; an instrument cannot have the name of one.
    fn buckets(&self, e: &TargetsSet) -> Vec<BucketLine> {
        let line = |(name, band): (&Name, &Ratio)| {
            let (bucket, labels) = self.names.write().intern_bucket(name)?;
            Some(BucketLine { bucket, labels, band: *band })
        };
        e.bands.iter().filter_map(line).collect()
    }

    fn flow(
        &self,
        customer: &Name,
        posted: Money,
        currency: evenkeel_schemas::Currency,
        event: &Event,
        epoch: Epoch,
    ) -> Result<Inputs, Refusal> {
        let customer = self.customer(customer)?;
        let key = self.request(customer, TriggerKind::CashFlow, event.id(), epoch);
        // What goes out is negative, so that whoever acts on it knows which way it went.
        let (measure, limit) = (Measure::Amount(posted), Measure::Amount(Money::ZERO));
        let booked = Booked::on(event.at().date());
        Ok(vec![
            fact(Fact::Posting(customer, currency, booked, posted)),
            fact(Fact::Flow(customer, self.accepted, Flow::Cash(currency, posted))),
            fact(Fact::Request(Box::new(Reason { key, measure, limit }))),
        ])
    }

    /// A flow or request is named by its event's id, else by the event's running number.
    pub(super) fn request(
        &self,
        customer: CustomerId,
        kind: TriggerKind,
        id: Option<&Name>,
        entered: Epoch,
    ) -> TriggerKey {
        let subject = id.map_or_else(|| format!("seq:{}", self.accepted).into(), |id| id.as_str().into());
        TriggerKey { customer, kind, subject: Subject::Event(subject), entered }
    }

    fn fill(&self, e: &Fill, origin: Origin) -> Result<Inputs, Refusal> {
        let (customer, instrument) =
            (self.customer(&e.customer)?, self.instrument(&e.instrument, "instrument")?);
        let currency = self.terms(instrument).map(|terms| terms.currency);
        if let Some(expected) = currency.filter(|expected| *expected != e.currency) {
            let reason = format!("expected {expected}, the currency of {}, got {}", e.instrument, e.currency);
            return Err(Refusal::new("currency", reason));
        }
        let out_of_range = || Refusal::new("quantity", "expected quantity × price within the range of money");
        let notional = e.quantity.notional(e.price).ok_or_else(out_of_range)?;
        let (quantity, amount) = match e.side {
            Side::Buy => (Some(e.quantity), notional.checked_add(e.fee).and_then(Money::checked_neg)),
            Side::Sell => {
                let held = self.held.of(customer, instrument);
                // What the broker executed of an order of ours is a fact, whatever was held by then; the anomaly
                // shows it.
                let executed = origin == Origin::Program && e.order.is_some();
                let unknowable = self.reshaped.contains(&instrument);
                if held < i128::from(e.quantity.raw()) && !executed && !unknowable {
                    let held = Quantity::from_wide(held).unwrap_or_default();
                    let reason = format!("expected at most the {held} held to be sold, got {}", e.quantity);
                    return Err(Refusal::new("quantity", reason));
                }
                (e.quantity.checked_neg(), notional.checked_sub(e.fee))
            }
        };
        let (quantity, amount) = quantity.zip(amount).ok_or_else(out_of_range)?;
        let settles = self.settlement.date(instrument, e.currency, e.trade_date);
        let booked = Booked { date: e.trade_date, value_date: settles };
        let facts = [
            Fact::Movement(customer, instrument, e.trade_date, quantity),
            Fact::Posting(customer, e.currency, booked, amount),
            Fact::Due(customer, e.currency, settles, DueKind::Settlement, amount),
        ];
        let mut inputs = Vec::with_capacity(facts.len() + 1);
        inputs.extend(facts.map(fact));
        inputs.extend(self.filled(e, customer, instrument, amount).map(fact));
        Ok(inputs)
    }

    /// Both legs count at once; until they settle, they are due.
    fn conversion(&self, e: &FxConversion) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let out = e.sold.checked_neg().ok_or_else(|| Refusal::new("sold", "expected an amount in range"))?;
        let (mut inputs, date) = (Inputs::new(), e.at.date());
        let booked = Booked { date, value_date: e.settle_date.unwrap_or(date) };
        for (currency, amount) in [(e.sold_currency, out), (e.bought_currency, e.bought)] {
            inputs.push(fact(Fact::Posting(customer, currency, booked, amount)));
            let due = |date| fact(Fact::Due(customer, currency, date, DueKind::Settlement, amount));
            inputs.extend(e.settle_date.map(due));
        }
        Ok(inputs)
    }

    fn decision(&self, e: &Decision) -> Result<Inputs, Refusal> {
        let customer = self.customer(&e.customer)?;
        let mut inputs = Vec::new();
        // A review says that what asked is not answered yet: by a hold, or by a trade whose rest follows on later days.
        if e.review.is_none() {
            let answered = e.triggers.iter().filter(|t| !t.kind.is_of_prices());
            inputs.extend(answered.map(|trigger| fact(Fact::Answer(Box::new(answer(customer, trigger))))));
        }
        for order in &e.orders {
            let instrument = self.instrument(&order.instrument, "orders")?;
            let decision = e.decision.as_str().into();
            let placed =
                PlacedOrder { decision, customer, instrument, side: order.side, quantity: order.quantity };
            inputs.push(fact(Fact::Placed(order.order.as_str().into(), Box::new(placed))));
        }
        Ok(inputs)
    }

    fn allocation(&self, e: &Allocation) -> Result<Inputs, Refusal> {
        let row = AllocationRow {
            block: e.block.as_str().into(),
            order: e.order.as_str().into(),
            customer: self.customer(&e.customer)?,
            instrument: self.instrument(&e.instrument, "instrument")?,
            side: e.side,
            quantity: e.quantity,
            price: e.price,
            fee: e.fee,
        };
        Ok(vec![fact(Fact::Allocated(Box::new(row)))])
    }
}

/// What the weights leave goes to the cash instrument that sweeps.
fn sweep(lines: &mut Vec<TargetLine>, instrument: InstrumentId, band: Ratio) {
    // The event's weights sum to at most one.
    let left = Ratio::ONE - lines.iter().map(|line| line.weight.raw()).sum::<i64>();
    match lines.iter_mut().find(|line| line.instrument == instrument) {
        Some(line) => line.weight = Ratio::from_raw(line.weight.raw() + left),
        None => lines.push(TargetLine { instrument, weight: Ratio::from_raw(left), band }),
    }
}

fn answer(customer: CustomerId, trigger: &TriggerRef) -> TriggerKey {
    let subject = Subject::Event(trigger.subject.as_str().into());
    TriggerKey { customer, kind: trigger.kind, subject, entered: trigger.entered }
}
