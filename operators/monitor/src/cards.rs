//! One customer on two lines of memory: what a look at somebody who wakes reads, and mostly all it reads.
//!
//! A card holds the slots of a lane (see `lanes`), side by side, for customers of up to twelve. A look at it
//! checks as the sweep does, and computes the room (see `filter`) in f32, rounded down:
//!
//! **The bound.** With x̃ the threshold of the card, x that of the customer: x̃ lies inwards of x by at least
//! the factor 1 ± m, m = [`margin`](crate::lanes::margin) = 2(n + 12)u. Take x' in between, inwards of x by
//! m/2. In the zone of room k = d/w, with d at most |v − x'·T| and w at least x'·(S − v·s) + |1 − x'|·v·s, the
//! weight stays inwards of x', so of x. The computed d̂ = |v̂ − x̃·T̂|, less 4u of itself, is such a d, as x̃·T̂
//! exceeds x'·T by (m/2 − (n + 9)u)·T and more, which covers what v and the product lost. S is a sum of
//! products of three, off by less than (n + 8)u of itself; (S − v·s) may cancel, and x̃ is off from x' by less
//! than m: adding 10⁻⁵·S for n ≤ 13 covers all three. The result less 10⁻⁵ covers what rounds after that.

use crate::lanes::{EMPTY, LANES, NEVER, Slot, TOTAL_MAX, UNITS};
use crate::market::LanePrices;

/// Slots on a card.
pub(crate) const SLOTS: usize = 12;
/// Relative rounding of the room, and of the movement it divides by.
pub(crate) const ROUNDING: f32 = 1e-5;

/// The order is so that sixteen numbers can be read from each column without leaving the card.
#[derive(Copy, Clone)]
#[repr(C, align(128))]
pub(crate) struct Card {
    pub quantities: [f32; SLOTS],
    pub assets: [u16; SLOTS],
    pub lows: [u16; SLOTS],
    pub highs: [u16; SLOTS],
    pub cash: f32,
    /// Slots in use; `NO_CARD` when the customer does not fit.
    pub count: u32,
}

/// The room of a card of which something may have changed.
pub(crate) const UNSURE: f32 = -1.0;
const NO_CARD: u32 = u32::MAX;
const BLANK: Card = Card {
    quantities: [EMPTY.quantity; SLOTS],
    assets: [EMPTY.asset; SLOTS],
    lows: [EMPTY.low; SLOTS],
    highs: [EMPTY.high; SLOTS],
    cash: 0.0,
    count: NO_CARD,
};

/// The cards of all customers, by row.
#[derive(Default)]
pub(crate) struct Cards {
    cards: Vec<Card>,
}

impl Cards {
    /// Takes a row's card away.
    pub fn clear(&mut self, row: u32) {
        if let Some(card) = self.cards.get_mut(row as usize) {
            *card = BLANK;
        }
    }

    /// Writes a row's card, if its slots fit on one.
    pub fn write(&mut self, row: u32, cash: f32, slots: &[Slot]) {
        if self.cards.len() <= row as usize {
            self.cards.resize(row as usize + 1, BLANK);
        }
        self.clear(row);
        if slots.len() > SLOTS {
            return;
        }
        let card = &mut self.cards[row as usize];
        (card.cash, card.count) = (cash, slots.len() as u32);
        for (at, slot) in slots.iter().enumerate() {
            self.write_slot(row, at, *slot);
        }
    }

    /// Writes one slot of a row's card.
    pub fn write_slot(&mut self, row: u32, at: usize, slot: Slot) {
        let Some(card) = self.cards.get_mut(row as usize) else { return };
        if at < card.count.min(SLOTS as u32) as usize {
            card.quantities[at] = slot.quantity;
            card.assets[at] = slot.asset;
            card.lows[at] = slot.low;
            card.highs[at] = slot.high;
        }
    }

    /// The cash and slots of a row's card.
    pub fn slots(&self, row: u32) -> Option<(f32, impl ExactSizeIterator<Item = Slot>)> {
        let card = self.card(row)?;
        let slot = |at: usize| Slot {
            asset: card.assets[at],
            low: card.lows[at],
            high: card.highs[at],
            quantity: card.quantities[at],
        };
        Some((card.cash, (0..card.count as usize).map(slot)))
    }

    /// Reads the cards of these rows, all at once, so that the memory's answers overlap.
    pub fn warm(&self, rows: &[u32]) -> u32 {
        let lines = |row: &u32| {
            self.cards.get(*row as usize).map_or(0, |card| card.count ^ card.quantities[0].to_bits())
        };
        rows.iter().map(lines).fold(0, |all, line| all ^ line)
    }

    /// The room of a row, if it is certain that no side of its has changed.
    pub fn unchanged(&self, row: u32, prices: &LanePrices, scales: &LanePrices) -> Option<f64> {
        let card = self.card(row)?;
        #[cfg(target_arch = "x86_64")]
        let room =
            crate::wide::room(card, prices, scales).unwrap_or_else(|| room_portable(card, prices, scales));
        #[cfg(not(target_arch = "x86_64"))]
        let room = room_portable(card, prices, scales);
        (room >= 0.0).then(|| f64::from(room))
    }

    fn card(&self, row: u32) -> Option<&Card> {
        self.cards.get(row as usize).filter(|card| card.count != NO_CARD)
    }
}

/// A sum in the order in which halves of wide registers are added.
fn sum(mut lanes: [f32; LANES]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

/// The room of a card. Every width of lanes computes just this, operation by operation.
fn room_portable(card: &Card, prices: &LanePrices, scales: &LanePrices) -> f32 {
    let (mut values, mut moving) = ([0.0; LANES], [0.0; LANES]);
    for at in 0..SLOTS {
        let asset = usize::from(card.assets[at]);
        values[at] = card.quantities[at] * prices[asset];
        moving[at] = values[at] * scales[asset];
    }
    let total = card.cash + sum(values);
    let movement = sum(moving);
    let mut sure = total <= TOTAL_MAX as f32;
    let mut least = (TOTAL_MAX as f32 - total) / movement;
    for at in 0..SLOTS {
        let others = (movement - moving[at]) + movement * ROUNDING;
        let (low, high) = (f32::from(card.lows[at]), f32::from(card.highs[at]));
        for (unit, never, sign) in [(low, 0.0, 1.0), (high, f32::from(NEVER), -1.0)] {
            let share = unit * (1.0 / UNITS);
            let distance = (values[at] - share * total) * sign;
            let moved = share * others + (1.0 - share).abs() * moving[at];
            if unit != never {
                sure &= distance > 0.0;
                least = least.min(distance / moved);
            }
        }
    }
    if sure { least * (1.0 - ROUNDING) } else { UNSURE }
}

#[cfg(test)]
mod tests {
    use super::{BLANK, SLOTS, room_portable};
    use crate::market::LANE_ASSETS;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_width_says_the_same(
            assets in any::<[u16; SLOTS]>(),
            quantities in any::<[u32; SLOTS]>(),
            used in 1..=SLOTS,
            width in 1..12_000_u16,
            cash in 0_u32..2_000_000_000,
        ) {
            let mut prices = vec![0.0_f32; LANE_ASSETS];
            let mut scales = prices.clone();
            for asset in 0..LANE_ASSETS {
                prices[asset] = (asset % 977) as f32 * 1.37e-3;
                scales[asset] = (asset % 31) as f32 * 1e-4;
            }
            let prices = <&[f32; LANE_ASSETS]>::try_from(&prices[..]).unwrap();
            let scales = <&[f32; LANE_ASSETS]>::try_from(&scales[..]).unwrap();
            let mut card = BLANK;
            (card.assets, card.cash, card.count) = (assets, cash as f32, used as u32);
            for at in 0..used {
                card.quantities[at] = quantities[at] as f32;
                // Some out of reach, most around an equal share.
                let middle = 32_768 / used as u16;
                card.lows[at] = if assets[at] % 3 == 0 { 0 } else { middle.saturating_sub(width) };
                card.highs[at] = if assets[at] % 5 == 0 { u16::MAX } else { middle.saturating_add(width) };
            }
            let portable = room_portable(&card, prices, scales);
            #[cfg(target_arch = "x86_64")]
            if let Some(wide) = crate::wide::room(&card, prices, scales) {
                prop_assert_eq!(wide.to_bits(), portable.to_bits());
            }
        }
    }
}
