//! One customer in exact integers: worth, faults, standings. The same answers as the textbook operators
//! `valuations` and `drift`.

use std::cmp::Ordering;

use evenkeel_schemas::{AnomalyKind, BandSide, Currency, Ratio, Standing, Value, Worth};

use crate::book::{BUCKET, CASH, Hold, LINE, Limit, OVER, UNDER};
use crate::buckets::{members, target as bucket_target};
use crate::market::{Asset, Market, Subject};

/// Whether a customer can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// No base currency, or nothing held.
    Nothing,
    /// Prices or rates are missing; in order, each once.
    Gaps(Vec<AnomalyKind>),
    /// A product or sum left its range.
    OutOfRange,
    /// All of it is known.
    Worth(Worth),
}

/// What a portfolio is worth. Sums run in the textbook's order, as a partial sum may be out of range.
pub(crate) fn judge(base: Option<Currency>, holds: &[Hold], assets: &[Asset]) -> Judgement {
    let Some(currency) = base else { return Judgement::Nothing };
    let mut gaps = Vec::new();
    let mut held = false;
    let mut overflow = false;
    let (mut market_value, mut cash) = (Some(Value::ZERO), Some(Value::ZERO));
    for hold in holds.iter().filter(|hold| hold.quantity != 0) {
        held = true;
        let asset = &assets[hold.asset as usize];
        if let (true, Subject::Instrument(instrument)) = (asset.unpriced, asset.subject) {
            gaps.push(AnomalyKind::Unpriced(instrument));
        }
        if let Some(pair) = asset.no_rate {
            gaps.push(AnomalyKind::NoRate(pair));
        }
        match i128::from(hold.quantity).checked_mul(asset.unit).map(Value::from_raw) {
            None => overflow = true,
            Some(value) => {
                let sum = if hold.flags & CASH != 0 { &mut cash } else { &mut market_value };
                *sum = sum.and_then(|sum| sum.checked_add(value));
            }
        }
    }
    if !held {
        return Judgement::Nothing;
    }
    if !gaps.is_empty() {
        gaps.sort_unstable();
        gaps.dedup();
        return Judgement::Gaps(gaps);
    }
    let sums = market_value.zip(cash).filter(|_| !overflow).and_then(|(market_value, cash)| {
        let nav = market_value.checked_add(cash)?;
        market_value.to_money()?;
        cash.to_money()?;
        nav.to_money()?;
        Some(Worth { currency, market_value, cash, nav })
    });
    sums.map_or(Judgement::OutOfRange, Judgement::Worth)
}

/// NAV of a portfolio whose prices are all there and whose values and sums are known to be in range.
pub(crate) fn nav(holds: &[Hold], assets: &[Asset]) -> Value {
    let value = |hold: &Hold| i128::from(hold.quantity).wrapping_mul(assets[hold.asset as usize].unit);
    Value::from_raw(holds.iter().map(value).fold(0, i128::wrapping_add))
}

/// Where the slot `at` stands, if it is an instrument or bucket that is held for a value or targeted. NAV is above
/// zero.
pub(crate) fn standing(
    nav: Value,
    at: usize,
    holds: &[Hold],
    limits: &[Limit],
    market: &Market,
) -> Option<Standing> {
    let (Subject::Instrument(instrument) | Subject::Bucket(instrument)) =
        market.asset(holds[at].asset).subject
    else {
        return None;
    };
    let (value, target, band) = judged(at, holds, limits, market)?;
    let clamped = if value < Value::ZERO { Ratio::from_raw(-i64::MAX) } else { Ratio::MAX };
    let weight = value.share_of(nav).unwrap_or(clamped);
    let drift = weight.checked_sub(target).unwrap_or(clamped);
    let breach = match value.against_band(nav, target, band) {
        Ordering::Greater => Some(BandSide::Over),
        Ordering::Less => Some(BandSide::Under),
        Ordering::Equal => None,
    };
    Some(Standing { instrument, weight, target, drift, band, breach })
}

/// The side of the slot `at`, as flags. NAV is above zero.
pub(crate) fn side(nav: Value, at: usize, holds: &[Hold], limits: &[Limit], market: &Market) -> u8 {
    let Some((value, target, band)) = judged(at, holds, limits, market) else { return 0 };
    match value.against_band(nav, target, band) {
        Ordering::Greater => OVER,
        Ordering::Less => UNDER,
        Ordering::Equal => 0,
    }
}

/// The magnitude of a slot's drift as its standing has it, and the band. NAV is above zero.
pub(crate) fn distance(
    nav: Value,
    at: usize,
    holds: &[Hold],
    limits: &[Limit],
    market: &Market,
) -> Option<(Ratio, Ratio)> {
    let (value, target, band) = judged(at, holds, limits, market)?;
    let drift = match share(value.raw(), nav.raw()).map(Ratio::from_raw) {
        Some(weight) => weight.checked_sub(target),
        None => None,
    };
    let drift = match drift {
        Some(drift) => drift,
        None => standing(nav, at, holds, limits, market)?.drift,
    };
    Some((Ratio::from_raw(drift.raw().saturating_abs()), band))
}

/// `Value::share_of` where the numerator fits in 128 bits and the share is small: an estimate, which is off
/// by less than one, and its exact remainder instead of a long division.
fn share(value: i128, nav: i128) -> Option<i64> {
    let numerator = value.checked_mul(i128::from(Ratio::ONE))?;
    let estimate = numerator as f64 / nav as f64;
    if estimate.abs() > 1e14 || nav > i128::MAX / 4 {
        return None;
    }
    let floor = estimate.floor() as i64;
    let (floor, rest) = match numerator - i128::from(floor) * nav {
        rest if rest < 0 => (floor - 1, rest + nav),
        rest if rest >= nav => (floor + 1, rest - nav),
        rest => (floor, rest),
    };
    Some(match (2 * rest).cmp(&nav) {
        Ordering::Less => floor,
        Ordering::Greater => floor + 1,
        Ordering::Equal => floor + floor.rem_euclid(2),
    })
}

/// The value, target and band of an instrument or bucket that is held for a value or targeted.
fn judged(at: usize, holds: &[Hold], limits: &[Limit], market: &Market) -> Option<(Value, Ratio, Ratio)> {
    let (hold, limit) = (&holds[at], &limits[at]);
    // A worth exists, so the products were in range.
    let value = |hold: &Hold| i128::from(hold.quantity).checked_mul(market.asset(hold.asset).unit);
    let (value, target) = if hold.flags & BUCKET != 0 {
        if hold.flags & LINE == 0 {
            return None;
        }
        let labels = market.labels();
        let sum = |sum: i128, member: usize| sum.checked_add(value(&holds[member])?);
        (members(at, holds, labels).try_fold(0, sum)?, bucket_target(at, holds, limits, labels))
    } else if hold.flags & CASH != 0 {
        return None;
    } else {
        (value(hold)?, limit.target)
    };
    let counts = value != 0 || target != 0;
    counts.then(|| (Value::from_raw(value), Ratio::from_raw(target), Ratio::from_raw(limit.band)))
}

#[cfg(test)]
mod tests {
    use super::share;
    use evenkeel_schemas::Value;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_division_is_the_long_one(value in -1_000_000_i128..1_000_000, nav in 1_i128..1_000_000, scale in 0_u32..24, extra in -3_i128..4) {
            // Ties are frequent: small numbers times one scale, and just beside.
            let scale = 10_i128.pow(scale);
            let (value, nav) = (value * scale + extra, nav * scale);
            let long = Value::from_raw(value).share_of(Value::from_raw(nav)).map(|ratio| ratio.raw());
            if let Some(short) = share(value, nav) {
                prop_assert_eq!(Some(short), long);
            }
        }
    }
}
