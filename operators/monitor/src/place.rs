//! Where a row is watched: asleep in a zone, near a threshold, by the sweep, one by one; and its lanes.

use crate::book::{CASH, Hold, Watch};
use crate::change::Mode;
use crate::floors::MARGINS;
use crate::lanes::{Lanes, Slot, margin, slot};
use crate::market::Market;
use crate::monitor::Monitor;
use crate::zones::Entry;

/// A near customer sleeps only with this much more room, so that few go to and fro.
const NEAR_HYSTERESIS: f64 = 1.25;

impl Monitor {
    /// Gives a regular row a zone if it has room, else a place among those near a threshold.
    pub(crate) fn place(&mut self, row: u32, room: f64) {
        let state = self.book.state_mut(row);
        let plain = state.plain;
        if self.mode == Mode::Sweep {
            return self.watch(row, if plain { Watch::Swept } else { Watch::Restless });
        }
        let was_near = state.watch == Watch::Near;
        let enough = self.pilot.near_room() * if was_near { NEAR_HYSTERESIS } else { 1.0 };
        if room < enough && was_near && plain {
            return;
        }
        state.stamp = state.stamp.wrapping_add(1);
        let entry = Entry { row, stamp: state.stamp };
        if room >= enough && self.zones.put(entry, room) {
            return self.watch(row, Watch::Asleep);
        }
        self.watch(row, if plain { Watch::Near } else { Watch::Restless });
    }

    /// Changes how a row is watched, and the lists and lanes that go with it.
    pub(crate) fn watch(&mut self, row: u32, watch: Watch) {
        let state = self.book.state_mut(row);
        let before = std::mem::replace(&mut state.watch, watch);
        if before == Watch::Asleep || watch == Watch::Asleep {
            self.asleep =
                self.asleep + usize::from(watch == Watch::Asleep) - usize::from(before == Watch::Asleep);
        }
        if watch != Watch::Asleep {
            // Whatever entry there is, it is stale.
            state.stamp = state.stamp.wrapping_add(1);
        }
        if watch == Watch::Restless && !state.on_restless {
            state.on_restless = true;
            self.restless.push(row);
        }
        if watch == Watch::Gap && !state.on_gaps {
            state.on_gaps = true;
            self.gaps.push(row);
        }
        if before != Watch::Near && watch != Watch::Near {
            return;
        }
        let near = self.book.head(row).near;
        match near {
            Some(spot) if watch != Watch::Near => {
                let moved = self.near.remove(spot);
                self.book.head_mut(row).near = None;
                if let Some(moved) = moved {
                    self.book.head_mut(moved).near = Some(spot);
                }
            }
            None if watch == Watch::Near => {
                let carded = self.cards.slots(row).map(|(cash, slots)| self.near.insert(row, cash, slots));
                let spot = carded.unwrap_or_else(|| {
                    let cash = self.encode(row);
                    self.near.insert(row, cash, self.scratch.slots.iter().copied())
                });
                self.book.head_mut(row).near = Some(spot);
            }
            _ => {}
        }
    }

    /// Brings a row's lanes in line with the slots whose sides have just turned.
    pub(crate) fn write_turned(&mut self, row: u32) {
        let head = self.book.head(row);
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let margin = margin(holds.len());
        for at in &self.scratch.turned {
            // Cash comes after all instruments, so their places are those of the lane.
            let slot = slot(&holds[*at], &limits[*at], margin);
            self.cards.write_slot(row, *at, slot);
            if let Some(spot) = head.full {
                self.full.write_limits(spot, *at, slot);
            }
            if let Some(spot) = head.near {
                self.near.write_limits(spot, *at, slot);
            }
        }
    }

    /// Brings a row's lanes in line with its slots.
    pub(crate) fn write_lanes(&mut self, row: u32) {
        let (full, near) = (self.book.head(row).full, self.book.head(row).near);
        let plain = self.book.state(row).plain;
        if full.is_none() && near.is_none() && !plain {
            return;
        }
        let cash = self.encode(row);
        if plain && !self.book.state(row).bucketed && self.floor(row).is_none() {
            self.cards.write(row, cash, &self.scratch.slots);
        } else {
            self.cards.clear(row);
        }
        let slots = self.scratch.slots.iter().copied();
        let stays = |spot| plain && Lanes::fits(spot, slots.len());
        if let Some(spot) = near.filter(|spot| stays(*spot)) {
            self.near.write(spot, cash, slots.clone());
        } else if let Some(spot) = near {
            let moved = self.near.remove(spot);
            self.book.head_mut(row).near = None;
            self.book.state_mut(row).watch = Watch::None;
            if let Some(moved) = moved {
                self.book.head_mut(moved).near = Some(spot);
            }
        }
        if let Some(spot) = full.filter(|spot| stays(*spot)) {
            return self.full.write(spot, cash, slots);
        }
        if let Some(spot) = full {
            let moved = self.full.remove(spot);
            self.book.head_mut(row).full = None;
            if let Some(moved) = moved {
                self.book.head_mut(moved).full = Some(spot);
            }
        }
        if plain {
            let spot = self.full.insert(row, cash, slots);
            self.book.head_mut(row).full = Some(spot);
        }
    }

    /// A row's slots as lanes hold them, into the scratch; returns the cash of the base currency.
    pub(crate) fn encode(&mut self, row: u32) -> f32 {
        let mut slots: Vec<Slot> = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let market: &Market = &self.market;
        let at_home = |hold: &Hold| hold.flags & CASH != 0 && market.asset(hold.asset).at_home();
        let margin = match self.floor(row) {
            None => margin(holds.len()),
            Some(_) => MARGINS * margin(holds.len() + 1),
        };
        let mut home = 0;
        for (hold, limit) in holds.iter().zip(limits) {
            if at_home(hold) {
                home = hold.quantity;
            } else {
                slots.push(slot(hold, limit, margin));
            }
        }
        let floor = self.floor_slot(row, margin);
        let cash = floor.map_or(home as f32, |(_, floor)| (home as f64 - f64::from(floor)) as f32);
        slots.extend(floor.map(|(slot, _)| slot));
        self.scratch.slots = slots;
        if self.book.state(row).bucketed {
            self.tighten(row, margin);
        }
        cash
    }
}
