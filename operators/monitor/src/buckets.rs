//! Buckets of a customer: slots without a quantity, whose value and target are the sums of their members'.
//!
//! A weight of a bucket is one more linear function of prices, so the room of a customer counts it like any
//! other threshold (see `filter`). The lanes know weights of single slots only. There each bucket hands out its
//! slack to its members: with Σ wᵢ the weight of a bucket whose members are i, and h its upper threshold, member
//! i may rise to hᵢ = wᵢ + (h − Σ w)·rᵢ, Σ rᵢ = 1. As long as every member stays below its hᵢ, Σ wᵢ < Σ hᵢ = h.
//! Likewise downwards, and beyond a threshold. The parts rᵢ follow how far values move. Who leaves its part
//! without the bucket having crossed anything is handed out new parts.

use evenkeel_schemas::{Labels, Ratio};

use crate::book::{BUCKET, CASH, Hold, LINE, Limit, OVER, UNDER};
use crate::filter::Look;
use crate::lanes::{NEVER, Slot, UNITS};
use crate::market::Point;
use crate::monitor::Monitor;

/// One, as a raw Ratio.
const ONE: f64 = 1e9;
/// What rounding in f64 may cost of a slack: relative, and of a weight.
const SLACK_ROUNDING: (f64, f64) = (1e-9, 1e-12);

/// The slots that belong to the bucket of slot `at`.
pub(crate) fn members<'a>(
    at: usize,
    holds: &'a [Hold],
    labels: &'a [Labels],
) -> impl Iterator<Item = usize> + Clone + 'a {
    let wanted = labels[holds[at].asset as usize];
    let member = move |(_, hold): &(usize, &Hold)| {
        hold.flags & CASH == 0 && labels[hold.asset as usize].belong_to(wanted)
    };
    holds.iter().enumerate().filter(member).map(|(at, _)| at)
}

/// The slots that are buckets.
pub(crate) fn buckets(holds: &[Hold]) -> impl Iterator<Item = usize> + '_ {
    let watched = |(_, hold): &(usize, &Hold)| hold.flags & BUCKET != 0 && hold.flags & LINE != 0;
    holds.iter().enumerate().filter(watched).map(|(at, _)| at)
}

/// The sum of the members' targets, clamped to the range of Ratio.
pub(crate) fn target(at: usize, holds: &[Hold], limits: &[Limit], labels: &[Labels]) -> i64 {
    let sum: i128 = members(at, holds, labels).map(|member| i128::from(limits[member].target)).sum();
    Ratio::from_wide(sum).map_or(if sum < 0 { -i64::MAX } else { i64::MAX }, Ratio::raw)
}

/// Goes on with the buckets of a customer that has been looked at; see `filter::look`. `values` and `sides` are
/// what that left.
pub(crate) fn look_at_buckets(
    look: &mut Look,
    (holds, limits, labels): (&[Hold], &[Limit], &[Labels]),
    plain: bool,
    values: &[(f64, f64)],
    sides: &mut [u8],
) {
    let total: f64 = values.iter().map(|(value, _)| value).sum();
    let gross: f64 = values.iter().map(|(value, _)| value.abs()).sum();
    let movement: f64 = values.iter().map(|(_, moving)| moving).sum();
    let rounding = 2.02 * (holds.len() + 8) as f64 * (f64::EPSILON / 2.0);
    for at in buckets(holds) {
        let (mut value, mut gross_own, mut moving) = (0.0, 0.0, 0.0);
        for member in members(at, holds, labels) {
            value += values[member].0;
            gross_own += values[member].0.abs();
            moving += values[member].1;
        }
        let limit = &limits[at];
        let edges = [limit.target.saturating_sub(limit.band), limit.target.saturating_add(limit.band)];
        let mut side = 0;
        for (edge, beyond) in edges.into_iter().zip([UNDER, OVER]) {
            let share = edge as f64 / ONE;
            let distance = value - share * total;
            let error = rounding * (gross_own + share.abs() * gross);
            let out_of_reach = plain && !(0.0..=1.0).contains(&share);
            look.certain &= out_of_reach || distance.abs() > error;
            let outside = if beyond == OVER { distance > 0.0 } else { distance < 0.0 };
            side |= if outside { beyond } else { 0 };
            if !out_of_reach {
                let others = (movement - moving).max(0.0) + 1e-12 * movement;
                let moved = share.abs() * others + (1.0 - share).abs() * moving;
                // As in `filter`: rounded down by what its own few roundings can cost.
                look.room = look.room.min((distance.abs() - error) / moved * (1.0 - 1e-9));
            }
        }
        look.changed |= side != holds[at].flags & (OVER | UNDER);
        sides[at] = side;
    }
}

impl Monitor {
    /// Brings the targets of a row's buckets in line with those of their members.
    pub(crate) fn retarget(&mut self, row: u32) {
        for at in 0..self.book.holds(row).len() {
            if self.book.holds(row)[at].flags & BUCKET != 0 {
                let target = target(at, self.book.holds(row), self.book.limits(row), self.market.labels());
                self.book.slots_mut(row).1[at].target = target;
            }
        }
    }

    /// Moves the thresholds of the lane in the scratch inwards, so that whoever stays within them stays within
    /// those of its buckets.
    pub(crate) fn tighten(&mut self, row: u32, margin: f64) {
        let (holds, limits, labels) = (self.book.holds(row), self.book.limits(row), self.market.labels());
        let points = self.market.points();
        let value = |hold: &Hold| hold.quantity as f64 * points[hold.asset as usize].price;
        let total: f64 = holds.iter().map(value).sum();
        for at in buckets(holds) {
            let weight = |member: usize| value(&holds[member]) / total;
            let held = members(at, holds, labels).filter(|member| holds[*member].quantity != 0);
            let moving = |member: usize| moving(weight(member), points[holds[member].asset as usize]);
            let (own, movement) = held.clone().fold((0.0, 0.0), |(own, movement), member| {
                (own + weight(member), movement + moving(member))
            });
            let (floor, ceiling) = inside(&holds[at], &limits[at]);
            let slack = |slack: f64| slack * (1.0 - SLACK_ROUNDING.0) - SLACK_ROUNDING.1;
            for member in held {
                let (weight, part) = (weight(member), moving(member) / movement);
                let slot = &mut self.scratch.slots[member];
                if let Some(ceiling) = ceiling {
                    lower_to(slot, weight + slack(ceiling - own) * part, margin);
                }
                if let Some(floor) = floor {
                    raise_to(slot, weight - slack(own - floor) * part, margin);
                }
            }
        }
    }
}

/// How far a weight moves, as far as parts of a slack are concerned: above zero for whatever is held.
fn moving(weight: f64, point: Point) -> f64 {
    weight * (point.scale + 1e-6)
}

/// Between which shares a bucket's weight has nothing to report.
fn inside(hold: &Hold, limit: &Limit) -> (Option<f64>, Option<f64>) {
    let low = limit.target.saturating_sub(limit.band) as f64 / ONE;
    let high = limit.target.saturating_add(limit.band) as f64 / ONE;
    if hold.flags & OVER != 0 {
        (Some(high), None)
    } else if hold.flags & UNDER != 0 {
        (None, Some(low))
    } else {
        (Some(low).filter(|low| *low >= 0.0), Some(high).filter(|high| *high <= 1.0))
    }
}

fn lower_to(slot: &mut Slot, share: f64, margin: f64) {
    if share < 1.0 {
        let unit = (share * f64::from(UNITS) * (1.0 - margin)).floor() as i64;
        slot.high = slot.high.min(unit.clamp(0, i64::from(NEVER) - 1) as u16);
    }
}

fn raise_to(slot: &mut Slot, share: f64, margin: f64) {
    if share > 0.0 {
        let unit = (share * f64::from(UNITS) * (1.0 + margin)).ceil() as i64;
        slot.low = slot.low.max(unit.clamp(0, i64::from(NEVER)) as u16);
    }
}
