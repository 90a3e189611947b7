//! Floors under NAV: one more linear threshold of a customer, T <= F, with the exact F an integer.
//!
//! **Room.** As every threshold (see `filter`): while prices stay within ref·(1 ± k·s), |T(p) − T(ref)| <= k·S with
//! S = Σ s·|v|, so the side cannot change while k < |T − F| / S.
//!
//! **Ceiling.** A floor that follows a peak rises all the time, by little. So zones and lanes keep clear of a ceiling a
//! quarter of the way from the floor up to T, and a floor that rises below it changes nothing: whoever is above the
//! ceiling is above the floor. Who falls below the ceiling is looked at, and gets a new one.
//!
//! **Lanes.** A floor is one more slot of a lane: F̄ of money, the ceiling or, below it, the floor, with as much less
//! cash, so that the total stays T. What the sweep then checks is F̄ <= T above, or T <= F̄ <= 2·T below. The cash may be
//! below zero and sums cancel: T̂ is off by at most (n + 5)·u·(T + 2·F̄), which is 3·(n + 5)·u·T above the floor and
//! 5·(n + 6)·u·T below it, where the check of F̄ <= 2·T̂ sees to the factor. With thresholds moved inwards by
//! [`MARGINS`] times the margin of as many slots (2·(n + 12)·u each, see `lanes`), what passes is where it was, for
//! the floor and for every weight.

use evenkeel_schemas::{CustomerId, Value};

use crate::book::Hold;
use crate::change::{Change, Event};
use crate::exact::Judgement;
use crate::filter::Look;
use crate::lanes::{NEVER, Slot, UNITS};
use crate::market::{LANE_ASSETS, Subject};
use crate::monitor::Monitor;

/// Raw units of `Value` in one raw unit of `Money`.
const VALUE_PER_MONEY: f64 = 1e15;
/// Which part of the way from the floor up to NAV the ceiling lies.
const CEILING: f64 = 0.25;
/// A floor that is taken away, until the row is judged.
const NONE: i128 = i128::MIN;
/// How many margins thresholds of a lane with a floor move inwards.
pub(crate) const MARGINS: f64 = 5.0;

/// The floor under a customer's NAV.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Floor {
    /// Raw `Value`.
    pub at: i128,
    /// NAV was at the floor or below it when last judged.
    pub below: bool,
    /// What zones and lanes keep clear of; at least the floor.
    ceiling: f64,
    /// Cash of the base currency as an asset: what is worth itself.
    home: u32,
}

impl Monitor {
    /// The floor under a customer's NAV: that it is reached is told, and that it is left; `None` for none. It is in the
    /// base currency, and to be set anew when that changes.
    pub fn set_floor(&mut self, customer: CustomerId, floor: Option<Value>) {
        let row = self.book.row_or_new(customer);
        let known = self.floor(row);
        if floor.is_none() && known.is_none() {
            return;
        }
        if self.floors.len() <= row as usize {
            self.floors.resize(row as usize + 1, None);
        }
        let below = known.is_some_and(|floor| floor.below);
        let at = floor.map_or(NONE, Value::raw);
        // The rest is known when the row has been judged.
        self.floors[row as usize] = Some(Floor { at, below, ceiling: f64::INFINITY, home: 0 });
        self.touch(row);
    }

    /// The floor of a row.
    pub(crate) fn floor(&self, row: u32) -> Option<Floor> {
        self.floors.get(row as usize).copied().flatten()
    }

    /// Judges a row's floor and tells whether NAV came to be at it or below it, or no longer is.
    pub(crate) fn settle_floor(&mut self, row: u32, judgement: &Judgement, changes: &mut Vec<Change>) {
        let Some(floor) = self.floor(row) else { return };
        let head = self.book.head(row);
        let (customer, base) = (head.customer, head.base);
        let home = base.map_or(0, |base| self.market.asset_of(Subject::Cash(base), Some(base)));
        let reached = match judgement {
            Judgement::Worth(worth) if worth.nav.raw() <= floor.at => Some(worth.nav),
            _ => None,
        };
        match (floor.below, reached) {
            (false, Some(nav)) => changes.push(Change { customer, event: Event::FloorReached { nav } }),
            (true, None) => changes.push(Change { customer, event: Event::FloorLeft }),
            _ => {}
        }
        let kept = Floor { below: reached.is_some(), home, ..floor };
        self.floors[row as usize] = Some(kept).filter(|floor| floor.at != NONE);
    }

    /// Moves the floor of a row up, if it has one. Costs nothing while it stays below its ceiling.
    pub fn raise_floor(&mut self, row: usize, floor: Value) {
        let Some(Some(known)) = self.floors.get_mut(row) else { return };
        let raised = floor.raw() >= known.at && known.at != NONE;
        known.at = floor.raw();
        // Rounded up by more than the conversion may lose.
        if !raised || floor.raw() as f64 * (1.0 + 1e-12) > known.ceiling {
            self.touch(row as u32);
        }
    }

    /// Puts the ceiling where a row's NAV is now. The lanes must be written after that.
    pub(crate) fn recentre(&mut self, row: u32) {
        let Some(Some(floor)) = self.floors.get_mut(row as usize) else { return };
        let points = self.market.points();
        let value = |hold: &Hold| hold.quantity as f64 * points[hold.asset as usize].price;
        let total: f64 = self.book.holds(row).iter().map(value).sum();
        let at = floor.at as f64;
        floor.ceiling = at.max(at + (total - at) * CEILING);
    }

    /// Goes on with the floor of a row that has been looked at; see `filter::look`.
    pub(crate) fn look_at_floor(&self, row: u32, look: &mut Look) {
        let Some(floor) = self.floor(row) else { return };
        let values = &self.scratch.values;
        let total: f64 = values.iter().map(|(value, _)| value).sum();
        let gross: f64 = values.iter().map(|(value, _)| value.abs()).sum();
        let movement: f64 = values.iter().map(|(_, moving)| moving).sum();
        let at = floor.at as f64;
        let error = 2.02 * (values.len() + 8) as f64 * (f64::EPSILON / 2.0) * (gross + at.abs());
        let distance = if floor.below { at - total } else { total - at };
        // Whoever is not surely where it was, integers decide, and tell.
        look.certain &= distance > error;
        let clear = if floor.below { distance } else { total - floor.ceiling };
        look.room = look.room.min((clear - error) / movement * (1.0 - 1e-9));
    }

    /// The floor of a row as one more slot of its lane, and the cash that it takes.
    pub(crate) fn floor_slot(&self, row: u32, margin: f64) -> Option<(Slot, f32)> {
        let floor = self.floor(row)?;
        let money = (if floor.below { floor.at as f64 } else { floor.ceiling }) / VALUE_PER_MONEY;
        let quantity = money as f32;
        let (low, high) = if floor.below {
            ((f64::from(UNITS) * (1.0 + margin)).ceil() as u16, NEVER - 1)
        } else {
            (0, (f64::from(UNITS) * (1.0 - margin)).floor() as u16)
        };
        Some((Slot { asset: floor.home as u16, low, high, quantity }, quantity))
    }

    /// Whether the lanes can hold a row's floor.
    pub(crate) fn floor_fits(&self, row: u32) -> bool {
        let fits = |floor: Floor| (floor.home as usize) < LANE_ASSETS && floor.at > 0;
        self.floor(row).is_none_or(fits)
    }
}
