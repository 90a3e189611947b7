//! Portfolios in blocks of 16 lanes, compact, for the sweep: is every weight still where it was?
//!
//! A lane holds, per slot, an asset's number, a quantity as f32 and two thresholds in which the weight has
//! nothing to report, in units of 2⁻¹⁵. The sweep computes T = cash + Σ q·p and checks lo·T ≤ q·p ≤ hi·T
//! for every slot. What passes is proven unchanged; what fails is decided elsewhere, exactly.
//!
//! **The bound.** Let u = 2⁻²⁴, the rounding of f32, and θ(k) any number with 1 + θ(k) = Π(1 + δᵢ)^±1 of
//! k roundings |δᵢ| ≤ u. All quantities and prices are positive, so no sum cancels. A computed value is
//! v̂ = v·(1 + θ(4)): the quantity's rounding, the price's (from i128 by f64, and scaled by 10⁻¹⁵: three
//! roundings of 2⁻⁵³ and one of f32, less than two of u), the product's. A computed total of n slots and
//! cash is T̂ = T·(1 + θ(n + 4)), as each term takes part in at most n additions. The product with a
//! threshold rounds once more; the one with 2¹⁵ is exact. So what the check compares is the true ratio v/T
//! times 1 + θ(n + 9), and |θ(n + 9)| ≤ (n + 9)·u / (1 − (n + 9)·u) < 2·(n + 12)·u = [`margin`] for up to
//! 2²² slots. Thresholds are moved inwards by that factor, then to the next unit inwards: a lane that
//! passes has lo < v/T < hi in truth, strictly. Nothing over- or underflows unnoticed: q·p is 0 or between
//! 10⁻¹⁵ and 10⁴², and a total beyond [`TOTAL_MAX`], infinite or NaN fails. Zero values are exact.
//!
//! The thresholds cost at most 2⁻¹⁵ of precision; about one customer in a thousand is looked at in vain.

use crate::book::{CASH, Hold, Limit, OVER, Spot, UNDER};
use crate::market::LanePrices;

/// Customers per block.
pub(crate) const LANES: usize = 16;
/// Thresholds are multiples of its inverse.
pub(crate) const UNITS: f32 = 32768.0;
/// A threshold out of reach: no weight is 2.
pub(crate) const NEVER: u16 = u16::MAX;
/// The largest total, in raw units of `Money`, that is surely one: a sixth below `i64::MAX`.
pub(crate) const TOTAL_MAX: f64 = 8.0e18;
/// Classes of exactly as many slots as they hold; above, classes are eights, then powers of two.
const EXACT_CLASSES: u32 = 32;

/// One slot of one customer, as a lane holds it.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub asset: u16,
    pub low: u16,
    pub high: u16,
    pub quantity: f32,
}

/// An empty slot passes every check.
pub(crate) const EMPTY: Slot = Slot { asset: 0, low: 0, high: NEVER, quantity: 0.0 };

/// All customers of about the same number of slots. Columns by block, then slot, then lane.
#[derive(Default)]
struct Class {
    assets: Vec<u16>,
    lows: Vec<u16>,
    highs: Vec<u16>,
    quantities: Vec<f32>,
    /// By block and lane.
    cash: Vec<f32>,
    owners: Vec<u32>,
}

impl Class {
    /// Sets the number of slots, lanes and blocks included.
    fn resize(&mut self, slots: usize, blocks: usize) {
        self.assets.resize(slots, EMPTY.asset);
        self.lows.resize(slots, EMPTY.low);
        self.highs.resize(slots, EMPTY.high);
        self.quantities.resize(slots, EMPTY.quantity);
        self.cash.resize(blocks * LANES, 0.0);
    }

    fn get(&self, at: usize) -> Slot {
        let (low, high) = (self.lows[at], self.highs[at]);
        Slot { asset: self.assets[at], low, high, quantity: self.quantities[at] }
    }

    fn set(&mut self, at: usize, slot: Slot) {
        self.assets[at] = slot.asset;
        self.lows[at] = slot.low;
        self.highs[at] = slot.high;
        self.quantities[at] = slot.quantity;
    }
}

/// A store of lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    classes: Vec<Class>,
    count: usize,
    scratch: Vec<[f32; LANES]>,
}

/// The class of a number of slots.
fn class_of(slots: usize) -> u32 {
    let slots = slots as u32;
    if slots <= EXACT_CLASSES {
        slots
    } else if slots <= 2 * EXACT_CLASSES {
        EXACT_CLASSES + (slots - EXACT_CLASSES).div_ceil(8)
    } else {
        EXACT_CLASSES + 4 + (slots.next_power_of_two() / (2 * EXACT_CLASSES)).trailing_zeros()
    }
}

/// The slots that customers of a class are given.
fn slots_of(class: u32) -> usize {
    let slots = match class.checked_sub(EXACT_CLASSES) {
        None => class,
        Some(eights @ 0..=4) => EXACT_CLASSES + 8 * eights,
        Some(above) => (2 * EXACT_CLASSES) << (above - 4),
    };
    slots as usize
}

/// By which factor thresholds move inwards; see the head of this file.
pub(crate) fn margin(slots: usize) -> f64 {
    2.0 * (slots_of(class_of(slots)) + 12) as f64 * f64::powi(2.0, -24)
}

/// A slot with the thresholds that keep its side. Target and band are not negative.
pub(crate) fn slot(hold: &Hold, limit: &Limit, margin: f64) -> Slot {
    let inwards = f64::from(UNITS) * 1e-9;
    let above = |raw: i64| ((raw as f64 * inwards * (1.0 + margin)).ceil() as i64).clamp(0, 65535) as u16;
    let below = |raw: i64| {
        // No weight is above one.
        let unit = (raw as f64 * inwards * (1.0 - margin)).floor() as i64;
        if raw >= 1_000_000_000 { NEVER } else { unit.clamp(0, 65534) as u16 }
    };
    let (lower, upper) = (limit.target.saturating_sub(limit.band), limit.target.saturating_add(limit.band));
    let (low, high) = if hold.flags & CASH != 0 {
        (0, NEVER)
    } else if hold.flags & OVER != 0 {
        (above(upper), NEVER)
    } else if hold.flags & UNDER != 0 {
        (0, below(lower))
    } else {
        (if lower > 0 { above(lower) } else { 0 }, below(upper))
    };
    Slot { asset: hold.asset as u16, low, high, quantity: hold.quantity as f32 }
}

impl Lanes {
    /// Customers in the store.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Customers by slots: what a sweep costs.
    pub fn slots(&self) -> usize {
        let of_class = |(class, lanes): (usize, &Class)| lanes.owners.len() * (slots_of(class as u32) + 2);
        self.classes.iter().enumerate().map(of_class).sum()
    }

    /// Puts a customer into a lane.
    pub fn insert(&mut self, owner: u32, cash: f32, slots: impl ExactSizeIterator<Item = Slot>) -> Spot {
        let class = class_of(slots.len());
        if self.classes.len() <= class as usize {
            self.classes.resize_with(class as usize + 1, Class::default);
        }
        let lanes = &mut self.classes[class as usize];
        let lane = lanes.owners.len();
        lanes.owners.push(owner);
        if lane.is_multiple_of(LANES) {
            let blocks = lane / LANES + 1;
            lanes.resize(blocks * slots_of(class) * LANES, blocks);
        }
        self.count += 1;
        let spot = Spot { class, lane: lane as u32 };
        self.write(spot, cash, slots);
        spot
    }

    /// Writes all of a customer's lane; its class has room for the slots.
    pub fn write(&mut self, spot: Spot, cash: f32, slots: impl Iterator<Item = Slot>) {
        let per_block = slots_of(spot.class);
        let lanes = &mut self.classes[spot.class as usize];
        lanes.cash[spot.lane as usize] = cash;
        let first = first_slot(spot.lane as usize, per_block);
        for (at, slot) in slots.chain(std::iter::repeat(EMPTY)).take(per_block).enumerate() {
            lanes.set(first + at * LANES, slot);
        }
    }

    /// Writes the thresholds of one slot of a customer's lane.
    pub fn write_limits(&mut self, spot: Spot, at: usize, slot: Slot) {
        let at = first_slot(spot.lane as usize, slots_of(spot.class)) + at * LANES;
        let class = &mut self.classes[spot.class as usize];
        (class.lows[at], class.highs[at]) = (slot.low, slot.high);
    }

    /// Whether a customer of so many slots stays in the class of its spot.
    pub fn fits(spot: Spot, slots: usize) -> bool {
        class_of(slots) == spot.class
    }

    /// Frees a lane. The customer of the last lane moves into it: returns who that is, if anybody.
    pub fn remove(&mut self, spot: Spot) -> Option<u32> {
        let per_block = slots_of(spot.class);
        let lanes = &mut self.classes[spot.class as usize];
        let owner = lanes.owners.pop()?;
        self.count -= 1;
        let (from, to) = (lanes.owners.len(), spot.lane as usize);
        let (from_first, to_first) = (first_slot(from, per_block), first_slot(to, per_block));
        for at in (0..per_block * LANES).step_by(LANES) {
            let moved = lanes.get(from_first + at);
            lanes.set(to_first + at, moved);
            // What is left of the last lane must pass every check.
            lanes.set(from_first + at, EMPTY);
        }
        lanes.cash[to] = lanes.cash[from];
        lanes.cash[from] = 0.0;
        if from.is_multiple_of(LANES) {
            lanes.resize(from * per_block, from / LANES);
        }
        if from == to {
            return None;
        }
        lanes.owners[to] = owner;
        Some(owner)
    }

    /// Reads what writing a slot in the middle of these spots will touch.
    pub fn warm(&self, spots: impl Iterator<Item = Spot>) -> u16 {
        let lines = |spot: Spot| {
            let per_block = slots_of(spot.class);
            let at = first_slot(spot.lane as usize, per_block) + per_block / 2 * LANES;
            let class = &self.classes[spot.class as usize];
            class.lows.get(at).zip(class.highs.get(at)).map_or(0, |(low, high)| low ^ high)
        };
        spots.map(lines).fold(0, |all, line| all ^ line)
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        for class in &mut self.classes {
            class.resize(0, 0);
            class.owners.clear();
        }
        self.count = 0;
    }

    /// The customers of every `step`-th lane, beginning with `first`.
    pub fn every(&self, first: usize, step: usize) -> impl Iterator<Item = u32> + '_ {
        self.classes.iter().flat_map(move |class| class.owners.iter().skip(first).step_by(step).copied())
    }

    /// Adds the customers who are not proven unchanged.
    pub fn sweep(&mut self, prices: &LanePrices, unsure: &mut Vec<u32>) {
        let mut lanes = Vec::new();
        for (class, of_class) in self.classes.iter().enumerate() {
            let slots = slots_of(class as u32);
            lanes.clear();
            if slots > 0 {
                self.scratch.resize(slots, [0.0; LANES]);
                sweep_class(of_class, prices, &mut self.scratch, &mut lanes);
            } else {
                // Without a slot there is no weight, but a total all the same.
                let beyond = |cash: &f32| *cash > TOTAL_MAX as f32 || cash.is_nan();
                let cash = of_class.cash.iter().enumerate();
                lanes.extend(cash.filter(|(_, cash)| beyond(cash)).map(|(lane, _)| lane as u32));
            }
            unsure.extend(lanes.iter().filter_map(|lane| of_class.owners.get(*lane as usize)));
        }
    }
}

/// The place of a lane's first slot; the next ones follow at a distance of [`LANES`].
fn first_slot(lane: usize, per_block: usize) -> usize {
    lane / LANES * per_block * LANES + lane % LANES
}

/// One block's columns.
pub(crate) struct Block<'a> {
    pub assets: &'a [[u16; LANES]],
    pub lows: &'a [[u16; LANES]],
    pub highs: &'a [[u16; LANES]],
    pub quantities: &'a [[f32; LANES]],
    pub cash: &'a [f32; LANES],
}

/// Adds the lanes that fail the check. `values` has room for one block, which is at least one slot.
fn sweep_class(class: &Class, prices: &LanePrices, values: &mut [[f32; LANES]], unsure: &mut Vec<u32>) {
    let size = values.len();
    let columns = class.assets.as_chunks().0.chunks_exact(size);
    let columns = columns.zip(class.quantities.as_chunks().0.chunks_exact(size));
    let lows = class.lows.as_chunks().0.chunks_exact(size);
    let limits = lows.zip(class.highs.as_chunks().0.chunks_exact(size));
    let cash = class.cash.as_chunks::<LANES>().0;
    for (index, (((assets, quantities), (lows, highs)), cash)) in columns.zip(limits).zip(cash).enumerate() {
        let block = Block { assets, lows, highs, quantities, cash };
        let mut fails = failing(&block, prices, values);
        while fails != 0 {
            unsure.push((index * LANES) as u32 + fails.trailing_zeros());
            fails &= fails - 1;
        }
    }
}

/// The lanes of one block that fail, as bits.
fn failing(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    if let Some(fails) = crate::wide::failing(block, prices, values) {
        return fails;
    }
    failing_portable(block, prices, values)
}

/// The check as it is meant: every width of lanes computes just this, operation by operation.
fn failing_portable(block: &Block, prices: &LanePrices, values: &mut [[f32; LANES]]) -> u16 {
    let mut total = *block.cash;
    for ((value, assets), quantities) in values.iter_mut().zip(block.assets).zip(block.quantities) {
        for lane in 0..LANES {
            value[lane] = quantities[lane] * prices[usize::from(assets[lane])];
            total[lane] += value[lane];
        }
    }
    // What is not a number is not within.
    let mut passes = [true; LANES];
    for (pass, total) in passes.iter_mut().zip(&total) {
        *pass = *total <= TOTAL_MAX as f32;
    }
    for ((value, lows), highs) in values.iter().zip(block.lows).zip(block.highs) {
        for lane in 0..LANES {
            let scaled = value[lane] * UNITS;
            let low = f32::from(lows[lane]) * total[lane];
            let high = f32::from(highs[lane]) * total[lane];
            passes[lane] &= low <= scaled && scaled <= high;
        }
    }
    passes.iter().enumerate().fold(0, |fails, (lane, pass)| fails | u16::from(!pass) << lane)
}

#[cfg(test)]
mod tests {
    use super::{Block, LANES, failing, failing_portable};
    use crate::market::LANE_ASSETS;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_width_says_the_same(
            seed in prop::collection::vec((any::<[u16; LANES]>(), any::<[u16; LANES]>(), 0.0_f32..1e12), 1..20),
            cash in 0.0_f32..1e19,
        ) {
            let mut prices = vec![0.0_f32; LANE_ASSETS];
            for (asset, price) in prices.iter_mut().enumerate() {
                *price = (asset % 977) as f32 * 1.37e-3;
            }
            let prices = <&[f32; LANE_ASSETS]>::try_from(&prices[..]).unwrap();
            let assets: Vec<[u16; LANES]> = seed.iter().map(|row| row.0).collect();
            let lows: Vec<[u16; LANES]> = seed.iter().map(|row| row.1.map(|low| low / 4096)).collect();
            let highs: Vec<[u16; LANES]> = seed.iter().map(|row| row.0.map(|high| high | 0x8000)).collect();
            let quantities: Vec<[f32; LANES]> = seed.iter().map(|row| [row.2; LANES]).collect();
            let cash = [cash; LANES];
            let block = Block {
                assets: &assets, lows: &lows, highs: &highs, quantities: &quantities, cash: &cash,
            };
            let mut values = vec![[0.0; LANES]; assets.len()];
            let portable = failing_portable(&block, prices, &mut values);
            prop_assert_eq!(failing(&block, prices, &mut values), portable);
            #[cfg(target_arch = "x86_64")]
            prop_assert_eq!(crate::wide::failing_in_256(&block, prices, &mut values).unwrap_or(portable), portable);
        }
    }
}
