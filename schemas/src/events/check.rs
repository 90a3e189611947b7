//! What an event must satisfy beyond its form, as far as the event alone can tell.

use super::parse::Refusal;
use super::types::{Event, EventType};
use crate::buckets::labels_wanted;
use crate::{Money, Name, Price, Quantity, Rate, Ratio};

fn positive<T: Ord + Default + std::fmt::Display>(field: &str, number: &T) -> Result<(), Refusal> {
    if *number > T::default() {
        return Ok(());
    }
    Err(Refusal::new(field, format!("expected a number above 0, got {number}")))
}

fn not_negative<T: Ord + Default + std::fmt::Display>(field: &str, number: &T) -> Result<(), Refusal> {
    if *number >= T::default() {
        return Ok(());
    }
    Err(Refusal::new(field, format!("expected 0 or more, got {number}")))
}

fn fraction(field: &str, ratio: Ratio) -> Result<(), Refusal> {
    if (0..=Ratio::ONE).contains(&ratio.raw()) {
        return Ok(());
    }
    Err(Refusal::new(field, format!("expected a share between 0 and 1, got {ratio}")))
}

/// A limit of nothing or of everything is none.
fn limit(field: &str, ratio: Ratio) -> Result<(), Refusal> {
    if (1..Ratio::ONE).contains(&ratio.raw()) {
        return Ok(());
    }
    Err(Refusal::new(field, format!("expected a share above 0 and below 1, got {ratio}")))
}

fn optional<T>(number: &Option<T>, check: impl FnOnce(&T) -> Result<(), Refusal>) -> Result<(), Refusal> {
    number.as_ref().map_or(Ok(()), check)
}

pub(super) fn check(event: &Event) -> Result<(), Refusal> {
    match event {
        Event::InstrumentListed(e) => {
            if labels_wanted(e.instrument.as_str()).is_some() {
                let reason = format!("expected a ticker, {} is the name of a bucket", e.instrument);
                return Err(Refusal::new("instrument", reason));
            }
            positive::<Price>("tick_size", &e.tick_size)?;
            positive::<Quantity>("lot_size", &e.lot_size)?;
            optional(&e.franking_rate, |r| fraction("franking_rate", *r))?;
            optional(&e.average_daily_value, |v| not_negative::<Money>("average_daily_value", v))
        }
        Event::Tick(e) => {
            positive::<Price>("price", &e.price)?;
            optional(&e.bid, |p| positive("bid", p))?;
            optional(&e.ask, |p| positive("ask", p))?;
            optional(&e.volume, |v| not_negative("volume", v))
        }
        Event::Close(e) => positive("price", &e.price),
        Event::ClosingMark(e) => check_mark(e),
        Event::FxRate(e) => positive::<Rate>("rate", &e.rate),
        Event::FxClose(e) => positive::<Rate>("rate", &e.rate),
        Event::InterestRateSet(e) => fraction("rate", e.rate),
        Event::FeeScheduleSet(e) => check_fees(e),
        Event::HarvestSet(e) => check_harvest(e),
        Event::RiskLimitsSet(e) => {
            optional(&e.concentration, |r| limit("concentration", *r))?;
            optional(&e.stop_loss, |r| limit("stop_loss", *r))?;
            optional(&e.drawdown, |r| limit("drawdown", *r))?;
            optional(&e.value_at_risk, |r| limit("value_at_risk", *r))
        }
        Event::FlowScheduled(e) => check_flow(e),
        Event::Split(e) => {
            positive("new", &e.new)?;
            positive("old", &e.old)?;
            optional(&e.cash_in_lieu, |price| not_negative("cash_in_lieu", price))
        }
        Event::Distribution(e) => {
            not_negative("amount", &e.amount)?;
            fraction("franked_fraction", e.franked_fraction)?;
            if e.pay_date < e.ex_date {
                return Err(Refusal::new(
                    "pay_date",
                    format!("expected {} or later, the ex date", e.ex_date),
                ));
            }
            optional(&e.reinvestment_price, |price| positive("reinvestment_price", price))
        }
        Event::Merger(e) => check_merger(e),
        Event::Delisting(e) => not_negative("amount", &e.amount),
        Event::FxConversion(e) => check_conversion(e),
        Event::TargetsSet(e) => check_targets(e),
        Event::TiltsSet(e) => check_tilts(e),
        Event::Deposit(e) | Event::Withdrawal(e) => positive("amount", &e.amount),
        Event::CashPosted(e) => optional(&e.franked_fraction, |r| fraction("franked_fraction", *r)),
        Event::TaxYearSet(e) => {
            optional(&e.other_franking_credits, |m| not_negative("other_franking_credits", m))?;
            optional(&e.losses_brought_forward, |m| not_negative("losses_brought_forward", m))
        }
        Event::CpiPublished(e) => positive("index", &e.index),
        Event::TransferIn(e) => {
            positive("quantity", &e.quantity)?;
            not_negative("cost_base", &e.cost_base)
        }
        Event::Fill(e) => {
            positive("quantity", &e.quantity)?;
            positive("price", &e.price)?;
            not_negative("fee", &e.fee)?;
            match e.quantity.notional(e.price).and_then(|cost| cost.checked_add(e.fee)) {
                Some(_) => Ok(()),
                None => Err(Refusal::new("quantity", "expected quantity × price below 9.2 million million")),
            }
        }
        Event::Correction(e) => check_correction(e),
        Event::Order(e) => positive("quantity", &e.quantity),
        Event::Allocation(e) => positive("quantity", &e.quantity),
        _ => Ok(()),
    }
}

fn check_harvest(event: &super::types::HarvestSet) -> Result<(), Refusal> {
    fraction("rate", event.rate)?;
    optional(&event.threshold, |m| not_negative("threshold", m))?;
    optional(&event.commission, |m| not_negative("commission", m))?;
    optional(&event.trade_cost, |r| fraction("trade_cost", *r))?;
    optional(&event.tracking_aversion, |r| not_negative("tracking_aversion", r))?;
    optional(&event.correlation_max, |r| fraction("correlation_max", *r))
}

fn check_flow(event: &super::types::FlowScheduled) -> Result<(), Refusal> {
    match event.until.filter(|until| *until < event.first) {
        Some(until) => {
            let reason = format!("expected {} or later, the first day, got {until}", event.first);
            Err(Refusal::new("until", reason))
        }
        None => Ok(()),
    }
}

fn check_conversion(event: &super::types::FxConversion) -> Result<(), Refusal> {
    positive("sold", &event.sold)?;
    positive("bought", &event.bought)?;
    if event.sold_currency == event.bought_currency {
        let reason = format!("expected a currency other than {}, which is sold", event.sold_currency);
        return Err(Refusal::new("bought_currency", reason));
    }
    let early = event.settle_date.filter(|date| *date < event.at.date());
    early.map_or(Ok(()), |date| {
        let reason = format!("expected {} or later, the day of `at`, got {date}", event.at.date());
        Err(Refusal::new("settle_date", reason))
    })
}

fn check_mark(event: &super::types::ClosingMark) -> Result<(), Refusal> {
    match (&event.instrument, &event.price, &event.pair, &event.rate) {
        (Some(_), Some(price), None, None) => positive("price", price),
        (None, None, Some(_), Some(rate)) => positive("rate", rate),
        _ => Err(Refusal::new("instrument", "expected an instrument and its price, or a pair and its rate")),
    }
}

fn check_fees(event: &super::types::FeeScheduleSet) -> Result<(), Refusal> {
    optional(&event.flat, |m| not_negative("flat", m))?;
    let mut below: Option<Money> = None;
    for (at, tier) in event.tiers.iter().enumerate() {
        fraction(&format!("tiers[{at}].rate"), tier.rate)?;
        let least = below.map_or(Money::ZERO, |below| Money::from_raw(below.raw().saturating_add(1)));
        if tier.above < least {
            let reason = match below {
                Some(below) => format!("expected more than {below}, where the slice before begins"),
                None => "expected 0 or more".to_owned(),
            };
            return Err(Refusal::new(format!("tiers[{at}].above"), format!("{reason}, got {}", tier.above)));
        }
        below = Some(tier.above);
    }
    Ok(())
}

fn check_merger(event: &super::types::Merger) -> Result<(), Refusal> {
    not_negative("new", &event.new)?;
    positive("old", &event.old)?;
    optional(&event.cash, |price| not_negative("cash", price))?;
    optional(&event.value, |price| not_negative("value", price))?;
    if event.instrument == event.into {
        return Err(Refusal::new("into", "expected an instrument other than the one that goes"));
    }
    let cash = event.cash.is_some_and(|cash| cash > Price::ZERO);
    if event.new == Quantity::ZERO && !cash {
        return Err(Refusal::new("new", "expected units, or cash, for what goes"));
    }
    if cash && event.new > Quantity::ZERO && event.value.is_none_or(|value| value == Price::ZERO) {
        let reason =
            "expected the value of what comes for a unit, which says what part of the cost base cash takes";
        return Err(Refusal::new("value", reason));
    }
    Ok(())
}

fn check_targets(event: &super::types::TargetsSet) -> Result<(), Refusal> {
    let mut sum = 0_i128;
    for (instrument, weight) in &event.weights {
        fraction(&format!("weights.{instrument}"), *weight)?;
        sum += i128::from(weight.raw());
    }
    if sum > i128::from(Ratio::ONE) {
        let sum = Ratio::from_wide(sum).unwrap_or(Ratio::MAX);
        return Err(Refusal::new("weights", format!("expected weights that sum to at most 1, got {sum}")));
    }
    for (instrument, band) in &event.bands {
        positive(&format!("bands.{instrument}"), band)?;
        fraction(&format!("bands.{instrument}"), *band)?;
        let bucket = labels_wanted(instrument.as_str()).is_some();
        let sweeps = event.sweep.as_ref() == Some(instrument);
        if !bucket
            && !sweeps
            && instrument.as_str() != "default"
            && !event.weights.contains_key::<Name>(instrument)
        {
            let reason = "expected \"default\", an instrument that weights names, or a bucket such as \
                          asset_class:bond or asset_class:equity/region:au";
            return Err(Refusal::new(format!("bands.{instrument}"), reason));
        }
    }
    Ok(())
}

/// What one tilt must satisfy.
///
/// # Errors
/// A [`Refusal`] of `tilts.` and the instrument.
pub fn check_tilt(instrument: &Name, by: Ratio) -> Result<(), Refusal> {
    if by != Ratio::ZERO && by.raw().unsigned_abs() <= Ratio::ONE.unsigned_abs() {
        return Ok(());
    }
    let reason = format!("expected a share between -1 and 1 and other than 0, got {by}");
    Err(Refusal::new(format!("tilts.{instrument}"), reason))
}

fn check_tilts(event: &super::types::TiltsSet) -> Result<(), Refusal> {
    event.tilts.iter().try_for_each(|(instrument, by)| check_tilt(instrument, *by))?;
    match event.until.filter(|until| *until < event.at.date()) {
        Some(_) => {
            Err(Refusal::new("until", format!("expected {} or later, the day of at", event.at.date())))
        }
        None => Ok(()),
    }
}

fn check_correction(event: &super::types::Correction) -> Result<(), Refusal> {
    let Some(with) = &event.with else { return Ok(()) };
    if with.event_type() == EventType::Correction {
        return Err(Refusal::new("with.type", "expected an event other than a correction"));
    }
    // The replacement itself was checked when it was read.
    Ok(())
}
