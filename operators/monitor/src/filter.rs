//! One customer in f64: which side of its band each weight is on, as far as rounding lets one say, and how
//! much room prices have before any of that can change.
//!
//! A threshold is a linear function of values, f = Σ cⱼ·vⱼ + c₀, and what is asked is its sign. For a band
//! of instrument i at weight x it is f = vᵢ − x·T: cᵢ = 1 − x, cⱼ = −x. With A = Σ|vⱼ| over all slots:
//!
//! **Sign.** vⱼ is computed with three roundings (quantity, price, product), T with at most n more, x·T and
//! the difference with three; with u = 2⁻⁵³ the error of f is below (n + 8)·u·(|vᵢ| + |x|·A)·1.01. Where
//! |f| is above twice that, the sign is certain; else integers decide. Ties are never certain.
//!
//! **Room.** Let every price stay within refⱼ·(1 ± k·sⱼ), sⱼ a scale of each asset. Then |f(p) − f(ref)| ≤
//! k·Σ|cⱼ|·sⱼ·|vⱼ|, with equality at a corner, so the sign cannot change while k < |f| / Σ|cⱼ|·sⱼ·|vⱼ|.
//! The room of a customer is the smallest such k of all its thresholds, rounded down by 10⁻⁹, which covers
//! its own few roundings.

use crate::book::{CASH, Hold, Limit, OVER, SIDES, UNDER};
use crate::lanes::TOTAL_MAX;
use crate::market::Point;

/// Raw units of `Value` in one raw unit of `Money`.
const VALUE_PER_MONEY: f64 = 1e15;
/// One, as a raw Ratio.
const ONE: f64 = 1e9;

/// What one look at a customer says.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Look {
    /// Every sign is certain.
    pub certain: bool,
    /// A side is not the one that the slot's flags say.
    pub changed: bool,
    /// See the head of this file; only if certain.
    pub room: f64,
}

/// A linear threshold that keeps its sign within the room: |f| less its error, over Σ|cⱼ|·sⱼ·|vⱼ|.
#[derive(Copy, Clone)]
struct Room(f64);

impl Room {
    fn narrow(&mut self, distance: f64, movement: f64) {
        // Most thresholds are farther than the nearest so far: a product is cheaper than a division.
        if distance < self.0 * movement {
            self.0 = distance / movement;
        }
    }
}

/// The room of a customer if it is certain that no side has changed, else `None`: the common case, without a
/// branch per slot. Only for plain customers. `values` is scratch.
pub(crate) fn unchanged(
    holds: &[Hold],
    limits: &[Limit],
    points: &[Point],
    values: &mut Vec<(f64, f64)>,
) -> Option<f64> {
    values.clear();
    let (mut total, mut movement) = (0.0, 0.0);
    values.extend(holds.iter().map(|hold| {
        let point = points[hold.asset as usize];
        let value = hold.quantity as f64 * point.price;
        let moving = value * point.scale;
        total += value;
        movement += moving;
        (value, moving)
    }));
    let rounding = 2.02 * (holds.len() + 8) as f64 * (f64::EPSILON / 2.0);
    let rest = TOTAL_MAX * VALUE_PER_MONEY - total;
    let (mut certain, mut room) = (total > 0.0 && rest > 0.0, rest / movement);
    for ((hold, limit), (value, moving)) in holds.iter().zip(limits).zip(values.iter()) {
        let idle = hold.flags & CASH != 0 || hold.quantity == 0;
        let low = limit.target.saturating_sub(limit.band) as f64 * (1.0 / ONE);
        let high = limit.target.saturating_add(limit.band) as f64 * (1.0 / ONE);
        let others = (movement - moving).max(0.0) + 1e-12 * movement;
        for (share, sign) in [
            (low, if hold.flags & UNDER != 0 { -1.0 } else { 1.0 }),
            (high, if hold.flags & OVER != 0 { 1.0 } else { -1.0 }),
        ] {
            let distance = (value - share * total) * sign - rounding * (value + share.abs() * total);
            let moved = share.abs() * others + (1.0 - share).abs() * moving;
            let away = idle || share <= 0.0 || share >= 1.0;
            certain &= away || distance > 0.0;
            let ratio = if away { f64::INFINITY } else { distance / moved };
            room = if ratio < room { ratio } else { room };
        }
    }
    certain.then_some(room * (1.0 - 1e-9))
}

/// The side of each slot of a plain customer, if certain: a look without the room.
pub(crate) fn certain_sides(
    holds: &[Hold],
    limits: &[Limit],
    points: &[Point],
    sides: &mut Vec<u8>,
    values: &mut Vec<(f64, f64)>,
) -> bool {
    values.clear();
    sides.clear();
    let mut total = 0.0;
    values.extend(holds.iter().map(|hold| {
        let value = hold.quantity as f64 * points[hold.asset as usize].price;
        total += value;
        (value, 0.0)
    }));
    let rounding = 2.02 * (holds.len() + 8) as f64 * (f64::EPSILON / 2.0);
    let mut certain = total > 0.0 && total < TOTAL_MAX * VALUE_PER_MONEY;
    sides.extend(holds.iter().zip(limits).zip(values.iter()).map(|((hold, limit), (value, _))| {
        let judged = hold.flags & CASH == 0 && (limit.target != 0 || hold.quantity != 0);
        let low = limit.target.saturating_sub(limit.band) as f64 * (1.0 / ONE);
        let high = limit.target.saturating_add(limit.band) as f64 * (1.0 / ONE);
        let (under, over) = (low * total - value, value - high * total);
        let sure = under.abs() > rounding * (value + low.abs() * total)
            && over.abs() > rounding * (value + high * total);
        certain &= sure || !judged;
        u8::from(judged) * (u8::from(under > 0.0) * UNDER + u8::from(over > 0.0) * OVER)
    }));
    certain
}

/// Looks at one customer. `values` is scratch; `sides` receives the side of each slot. All assets are
/// `Good`; `plain` says that no quantity is below zero, so that weights lie between 0 and 1.
pub(crate) fn look(
    holds: &[Hold],
    limits: &[Limit],
    points: &[Point],
    plain: bool,
    sides: &mut Vec<u8>,
    values: &mut Vec<(f64, f64)>,
) -> Look {
    values.clear();
    sides.clear();
    let (mut total, mut gross, mut movement) = (0.0, 0.0, 0.0);
    for hold in holds {
        let point = points[hold.asset as usize];
        let value = hold.quantity as f64 * point.price;
        let moving = value.abs() * point.scale;
        total += value;
        gross += value.abs();
        movement += moving;
        values.push((value, moving));
    }
    let rounding = 2.02 * (holds.len() + 8) as f64 * (f64::EPSILON / 2.0);
    let mut room = Room(f64::INFINITY);
    let mut certain = total > rounding * gross && gross < TOTAL_MAX * VALUE_PER_MONEY;
    room.narrow(TOTAL_MAX * VALUE_PER_MONEY - gross, movement);
    if !plain {
        room.narrow(total - rounding * gross, movement);
    }
    let mut changed = false;
    for ((hold, limit), (value, moving)) in holds.iter().zip(limits).zip(values.iter()) {
        if hold.flags & CASH != 0 || limit.target == 0 && hold.quantity == 0 {
            // Cash, or neither held nor targeted: not judged.
            sides.push(0);
            continue;
        }
        let mut side = 0;
        let edges = [limit.target.saturating_sub(limit.band), limit.target.saturating_add(limit.band)];
        for (edge, beyond) in edges.into_iter().zip([UNDER, OVER]) {
            let share = edge as f64 / ONE;
            let distance = value - share * total;
            let error = rounding * (value.abs() + share.abs() * gross);
            certain &= distance.abs() > error;
            let outside = if beyond == OVER { distance > 0.0 } else { distance < 0.0 };
            side |= if outside { beyond } else { 0 };
            let out_of_reach = plain && (share <= 0.0 || share >= 1.0) || hold.quantity == 0;
            if !out_of_reach {
                // The difference cancels when one holding is all that moves: the last term covers it.
                let others = (movement - moving).max(0.0) + 1e-12 * movement;
                let moved = share.abs() * others + (1.0 - share).abs() * moving;
                room.narrow(distance.abs() - error, moved);
            }
        }
        changed |= side != hold.flags & SIDES;
        sides.push(side);
    }
    Look { certain, changed, room: room.0 * (1.0 - 1e-9) }
}

#[cfg(test)]
mod tests {
    use super::{look, unchanged};
    use crate::book::{Hold, Limit, OVER, UNDER};
    use crate::cards::Cards;
    use crate::lanes::{margin, slot};
    use crate::market::{LANE_ASSETS, Point};
    use evenkeel_schemas::{Ratio, Value};
    use proptest::prelude::*;
    use std::cmp::Ordering;

    /// Sides of all slots at these prices, on integers.
    fn sides(holds: &[Hold], limits: &[Limit], prices: &[i128]) -> Vec<u8> {
        let values: Vec<i128> = holds.iter().zip(prices).map(|(h, p)| i128::from(h.quantity) * p).collect();
        let nav = Value::from_raw(values.iter().sum());
        let side = |(value, limit): (&i128, &Limit)| {
            let (target, band) = (Ratio::from_raw(limit.target), Ratio::from_raw(limit.band));
            match Value::from_raw(*value).against_band(nav, target, band) {
                Ordering::Greater => OVER,
                Ordering::Less => UNDER,
                Ordering::Equal => 0,
            }
        };
        values.iter().zip(limits).map(side).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn within_its_room_no_corner_changes_a_side(
            slots in prop::collection::vec(
                (1_000_000..900_000_000_i64, 1_000_000_000_000_i128..1_000_000_000_000_000_000, 1_u32..200, 0..60_i64, 1..15_i64), 1..12,
            ),
        ) {
            let mut holds = Vec::new();
            let mut limits = Vec::new();
            let mut points = Vec::new();
            let mut prices = Vec::new();
            for (asset, (quantity, price, scale, target, band)) in slots.iter().enumerate() {
                // The value is about the quantity: else one holding is all there is.
                let quantity = i128::from(*quantity) * 1_000_000_000_000_000 / price;
                holds.push(Hold { quantity: quantity as i64, asset: asset as u32, flags: 0 });
                limits.push(Limit { target: target * 10_000_000, band: band * 10_000_000 });
                points.push(Point { price: *price as f64, scale: f64::from(*scale) * 1e-5 });
                prices.push(*price);
            }
            let before = sides(&holds, &limits, &prices);
            for (hold, side) in holds.iter_mut().zip(&before) {
                hold.flags |= side;
            }
            let mut lane_prices = Box::new([0.0_f32; LANE_ASSETS]);
            let mut lane_scales = lane_prices.clone();
            for (asset, point) in points.iter().enumerate() {
                lane_prices[asset] = (point.price * 1e-15) as f32;
                lane_scales[asset] = point.scale as f32;
            }
            let mut cards = Cards::default();
            let margin = margin(holds.len());
            let slots: Vec<_> = holds.iter().zip(&limits).map(|(h, l)| slot(h, l, margin)).collect();
            cards.write(0, 0.0, &slots);
            let (mut scratch, mut found) = (Vec::new(), Vec::new());
            let wide = look(&holds, &limits, &points, true, &mut found, &mut scratch);
            prop_assert!(!wide.changed || !wide.certain);
            let rooms = [
                cards.unchanged(0, &lane_prices, &lane_scales),
                unchanged(&holds, &limits, &points, &mut scratch),
                Some(wide.room).filter(|_| wide.certain),
            ];
            for room in rooms.into_iter().flatten() {
                // A price does not fall below nothing.
                let most = points.iter().map(|point| 1.0 / point.scale).fold(f64::INFINITY, f64::min);
                let room = room.min(0.999 * most) * (1.0 - 1e-7);
                for own in 0..prices.len() {
                    for up in [1.0, -1.0] {
                        let corner: Vec<i128> = (points.iter().zip(&prices).enumerate())
                            .map(|(at, (point, price))| {
                                let toward = if at == own { up } else { -up };
                                *price + (*price as f64 * room * point.scale * toward) as i128
                            })
                            .collect();
                        prop_assert_eq!(&sides(&holds, &limits, &corner), &before, "room {}", room);
                    }
                }
            }
        }
    }
}
