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
