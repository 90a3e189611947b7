//! One customer's rows from the facts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use evenkeel_schemas::events::TriggerKind;
use evenkeel_schemas::{
    AnomalyKind, AnomalySource, BandSide, Currency, CustomerId, Epoch, InstrumentId, Measure, Money, Pair,
    Quantity, Rate, Ratio, Row, Subject, TriggerKey, Value,
};

use super::BatchError;
use super::facts::Facts;
use super::targets::Targets;

/// A customer's value, exact.
pub struct Worth {
    /// What it is in.
    pub base: Currency,
    /// Of each holding.
    pub holdings: BTreeMap<InstrumentId, Value>,
    market_value: Value,
    cash: Value,
    /// All of it.
    pub nav: Value,
}

/// One instrument that is held or targeted.
struct Line {
    instrument: InstrumentId,
    value: Value,
    target: Ratio,
    band: Ratio,
}

/// What a customer is worth, or what is missing to say so; `None` for a customer without a valuation
/// because there is nothing to value.
enum Valued {
    Nothing,
    Missing(BTreeSet<AnomalyKind>),
    Worth(Worth),
}

fn out_of_range(what: &str) -> BatchError {
    BatchError::OutOfRange(what.to_owned())
}

fn value(facts: &Facts, customer: CustomerId) -> Result<Valued, BatchError> {
    let Some(base) = facts.base(customer) else { return Ok(Valued::Nothing) };
    let mut missing = BTreeSet::new();
    let mut holdings = BTreeMap::new();
    let (mut market_value, mut cash) = (Value::ZERO, Value::ZERO);
    for (instrument, quantity) in facts.held(customer) {
        // A price says nothing while the listing, and with it the currency, is busted.
        let price = facts.currency(instrument).and(facts.price(instrument));
        if price.is_none() {
            missing.insert(AnomalyKind::Unpriced(instrument));
        }
        let Some(currency) = facts.currency(instrument) else { continue };
        let Some(rate) = facts.rate(currency, base) else {
            missing.insert(AnomalyKind::NoRate(Pair { base: currency, quote: base }));
            continue;
        };
        let Some(price) = price else { continue };
        let held =
            Value::of_position(quantity, price, rate).ok_or_else(|| out_of_range("a holding's value"))?;
        market_value = market_value.checked_add(held).ok_or_else(|| out_of_range("a market value"))?;
        holdings.insert(instrument, held);
    }
    let mut any = !holdings.is_empty() || !missing.is_empty();
    for (currency, amount) in facts.cash(customer) {
        any = true;
        let Some(rate) = facts.rate(currency, base) else {
            missing.insert(AnomalyKind::NoRate(Pair { base: currency, quote: base }));
            continue;
        };
        let held = Value::of_cash(amount, rate).ok_or_else(|| out_of_range("a cash value"))?;
        cash = cash.checked_add(held).ok_or_else(|| out_of_range("cash"))?;
    }
    if !any {
        return Ok(Valued::Nothing);
    }
    if !missing.is_empty() {
        return Ok(Valued::Missing(missing));
    }
    let nav = market_value.checked_add(cash).ok_or_else(|| out_of_range("a NAV"))?;
    Ok(Valued::Worth(Worth { base, holdings, market_value, cash, nav }))
}

/// Held or targeted instruments, for a customer with targets and a NAV above zero.
fn lines(facts: &Facts, customer: CustomerId, worth: &Worth) -> Vec<Line> {
    let Some(targets) = facts.targets(customer) else { return Vec::new() };
    if worth.nav <= Value::ZERO {
        return Vec::new();
    }
    let targeted = targets.lines.iter().filter(|(_, (target, _))| *target != Ratio::ZERO).map(|(i, _)| *i);
    let instruments: BTreeSet<InstrumentId> = worth.holdings.keys().copied().chain(targeted).collect();
    let line = |instrument| {
        let (target, band) =
            targets.lines.get(&instrument).copied().unwrap_or((Ratio::ZERO, targets.default));
        let value = worth.holdings.get(&instrument).copied().unwrap_or(Value::ZERO);
        Line { instrument, value, target, band }
    };
    let lines: Vec<Line> = instruments.into_iter().map(line).collect();
    let buckets: Vec<Line> =
        targets.buckets.keys().map(|bucket| of_bucket(facts, &targets, *bucket, &lines)).collect();
    let stands = |line: &Line| line.value != Value::ZERO || line.target != Ratio::ZERO;
    lines.into_iter().chain(buckets.into_iter().filter(stands)).collect()
}

/// A bucket is worth what its members are worth, and so are their targets.
fn of_bucket(facts: &Facts, targets: &Targets, bucket: InstrumentId, lines: &[Line]) -> Line {
    let (wanted, band) = &targets.buckets[&bucket];
    let member = |line: &&Line| {
        let labels = facts.labels(line.instrument).cloned().unwrap_or_default();
        wanted.iter().zip(&labels).all(|(wanted, label)| wanted.as_ref().is_none_or(|wanted| wanted == label))
    };
    let (mut value, mut target) = (0, 0);
    for line in lines.iter().filter(member) {
        value += line.value.raw();
        target += line.target.raw();
    }
    Line { instrument: bucket, value: Value::from_raw(value), target: Ratio::from_raw(target), band: *band }
}

fn weight(line: &Line, worth: &Worth) -> Result<(Ratio, Ratio), BatchError> {
    let weight = line.value.share_of(worth.nav).ok_or_else(|| out_of_range("a weight"))?;
    let drift = weight.checked_sub(line.target).ok_or_else(|| out_of_range("a drift"))?;
    Ok((weight, drift))
}

fn to_money(value: Value) -> Result<Money, BatchError> {
    value.to_money().ok_or_else(|| out_of_range("a valuation"))
}

/// Valuation and drift, as a mark reports them.
///
/// # Errors
/// [`BatchError::OutOfRange`] when a number leaves its type.
pub fn at_marks(facts: &Facts, customer: CustomerId) -> Result<BTreeSet<Row>, BatchError> {
    let Valued::Worth(worth) = value(facts, customer)? else { return Ok(BTreeSet::new()) };
    let (nav, cash) = (to_money(worth.nav)?, to_money(worth.cash)?);
    let market_value = to_money(worth.market_value)?;
    let mut rows =
        BTreeSet::from([Row::Valuation { customer, currency: worth.base, nav, market_value, cash }]);
    for line in lines(facts, customer, &worth) {
        let (weight, drift) = weight(&line, &worth)?;
        rows.insert(Row::Drift { customer, instrument: line.instrument, weight, target: line.target, drift });
    }
    Ok(rows)
}

/// Breaches, drift triggers and anomalies at the end of an epoch. `before` are the same rows at the epoch
/// before: a trigger stays as it entered while the breach lasts.
///
/// # Errors
/// [`BatchError::OutOfRange`] when a number leaves its type.
pub fn at_every_epoch(
    facts: &Facts,
    customer: CustomerId,
    epoch: Epoch,
    (costs, peak): (&BTreeMap<InstrumentId, (Quantity, Money)>, Option<Money>),
    before: &BTreeSet<Row>,
) -> Result<BTreeSet<Row>, BatchError> {
    let mut rows = BTreeSet::new();
    let anomaly = |rows: &mut BTreeSet<Row>, kind| {
        rows.insert(Row::Anomaly { source: AnomalySource::Customer(customer), kind });
    };
    for (instrument, quantity) in facts.held(customer).filter(|(_, quantity)| *quantity < Quantity::ZERO) {
        anomaly(&mut rows, AnomalyKind::Oversold(instrument, quantity));
    }
    for (currency, amount) in facts.cash(customer).filter(|(_, amount)| *amount < Money::ZERO) {
        anomaly(&mut rows, AnomalyKind::Overdraft(currency, amount));
    }
    let open = Open { customer, epoch, before };
    stops(facts, open, costs, &mut rows)?;
    let worth = match value(facts, customer)? {
        Valued::Nothing => return Ok(rows),
        Valued::Missing(kinds) => {
            kinds.into_iter().for_each(|kind| anomaly(&mut rows, kind));
            return Ok(rows);
        }
        Valued::Worth(worth) => worth,
    };
    if worth.nav <= Value::ZERO {
        anomaly(&mut rows, AnomalyKind::NoNav(to_money(worth.nav)?));
    }
    concentrations(facts, open, &worth, &mut rows)?;
    drawdown(facts, open, worth.nav, peak, &mut rows)?;
    for line in lines(facts, customer, &worth) {
        let instrument = line.instrument;
        let side = match line.value.against_band(worth.nav, line.target, line.band) {
            Ordering::Greater => BandSide::Over,
            Ordering::Less => BandSide::Under,
            Ordering::Equal => continue,
        };
        let breach = Row::Breach { customer, instrument, side };
        let open =
            before.iter().find(|row| is_drift_trigger(row, instrument)).filter(|_| before.contains(&breach));
        let trigger = match open {
            Some(row) => row.clone(),
            None => entered(customer, epoch, &line, weight(&line, &worth)?.1)?,
        };
        rows.extend([breach, trigger]);
    }
    Ok(rows)
}

fn is_drift_trigger(row: &Row, of: InstrumentId) -> bool {
    let subject = Subject::Instrument(of);
    matches!(row, Row::Trigger { key, .. } if key.kind == TriggerKind::Drift && key.subject == subject)
}

/// Whose triggers, when, and the rows of the epoch before.
#[derive(Copy, Clone)]
struct Open<'a> {
    customer: CustomerId,
    epoch: Epoch,
    before: &'a BTreeSet<Row>,
}

impl Open<'_> {
    /// The trigger of something beyond a limit: as it entered, if it was open.
    fn trigger(self, kind: TriggerKind, subject: Subject, measure: Ratio, limit: Ratio) -> Row {
        let is = |row: &&Row| matches!(row, Row::Trigger { key, .. } if key.kind == kind && key.subject == subject);
        let open = self.before.iter().find(is).cloned();
        open.unwrap_or_else(|| {
            let key =
                TriggerKey { customer: self.customer, kind, subject: subject.clone(), entered: self.epoch };
            Row::Trigger { key, measure: Measure::Share(measure), limit: Measure::Share(limit) }
        })
    }
}

/// Holdings that are worth too little beside what they cost.
fn stops(
    facts: &Facts,
    open: Open,
    costs: &BTreeMap<InstrumentId, (Quantity, Money)>,
    rows: &mut BTreeSet<Row>,
) -> Result<(), BatchError> {
    let Some(limit) = facts.limits(open.customer).stop_loss else { return Ok(()) };
    for (instrument, (quantity, cost_base)) in costs {
        let Some(price) = facts.price(*instrument) else { continue };
        let value = Value::of_position(*quantity, price, Rate::PAR).ok_or_else(|| out_of_range("a value"))?;
        let cost = Value::of_cash(*cost_base, Rate::PAR).ok_or_else(|| out_of_range("a cost base"))?;
        let least = (Ratio::ONE - limit.raw()) as i128 * i128::from(cost_base.raw()) * 1_000_000;
        if cost <= Value::ZERO || value.raw() > least {
            continue;
        }
        let fall = Value::from_raw(cost.raw() - value.raw()).share_of(cost);
        let fall = fall.ok_or_else(|| out_of_range("a fall"))?;
        rows.insert(open.trigger(TriggerKind::StopLoss, Subject::Instrument(*instrument), fall, limit));
    }
    Ok(())
}

/// NAV that fell too far below its peak.
fn drawdown(
    facts: &Facts,
    open: Open,
    nav: Value,
    peak: Option<Money>,
    rows: &mut BTreeSet<Row>,
) -> Result<(), BatchError> {
    let Some((peak, limit)) = peak.zip(facts.limits(open.customer).drawdown) else { return Ok(()) };
    let peak = Value::of_cash(peak, Rate::PAR).ok_or_else(|| out_of_range("a peak"))?;
    let below = |value: Value, share: i64| value.raw().checked_mul(i128::from(share));
    let sides = below(nav, Ratio::ONE).zip(below(peak, Ratio::ONE - limit.raw()));
    let (nav_side, floor_side) = sides.ok_or_else(|| out_of_range("a floor"))?;
    if nav_side <= floor_side {
        let fall = Value::from_raw(peak.raw() - nav.raw()).share_of(peak);
        let fall = fall.ok_or_else(|| out_of_range("a fall"))?;
        rows.insert(open.trigger(TriggerKind::Drawdown, Subject::Portfolio, fall, limit));
    }
    Ok(())
}

/// What a customer is worth, if it can be said.
///
/// # Errors
/// [`BatchError::OutOfRange`] when a number leaves its type.
pub fn worth(facts: &Facts, customer: CustomerId) -> Result<Option<Worth>, BatchError> {
    Ok(match value(facts, customer)? {
        Valued::Worth(worth) => Some(worth),
        Valued::Nothing | Valued::Missing(_) => None,
    })
}

/// Instruments that weigh too much.
fn concentrations(
    facts: &Facts,
    open: Open,
    worth: &Worth,
    rows: &mut BTreeSet<Row>,
) -> Result<(), BatchError> {
    let Some(limit) = facts.limits(open.customer).concentration.filter(|_| worth.nav > Value::ZERO) else {
        return Ok(());
    };
    for (instrument, value) in &worth.holdings {
        if value.against_band(worth.nav, Ratio::ZERO, limit) == Ordering::Greater {
            let weight = value.share_of(worth.nav).ok_or_else(|| out_of_range("a weight"))?;
            let subject = Subject::Instrument(*instrument);
            rows.insert(open.trigger(TriggerKind::Concentration, subject, weight, limit));
        }
    }
    Ok(())
}

fn entered(customer: CustomerId, epoch: Epoch, line: &Line, drift: Ratio) -> Result<Row, BatchError> {
    let distance = if drift < Ratio::ZERO { drift.checked_neg() } else { Some(drift) };
    let measure = Measure::Share(distance.ok_or_else(|| out_of_range("a drift"))?);
    let subject = Subject::Instrument(line.instrument);
    let key = TriggerKey { customer, kind: TriggerKind::Drift, subject, entered: epoch };
    Ok(Row::Trigger { key, measure, limit: Measure::Share(line.band) })
}
