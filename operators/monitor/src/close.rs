//! Closing an epoch: who has to be looked at, and what is found.

use crate::book::{SIDES, Watch};
use crate::buckets::look_at_buckets;
use crate::change::{Change, Mode, Report};
use crate::exact::nav;
use crate::filter::{certain_sides, look, unchanged};
use crate::market::Moves;
use crate::mode::{Choice, SAMPLES};
use crate::monitor::{Monitor, Scratch};
use crate::zones::Entry;

/// A customer near a threshold is looked at once in so many epochs, to see whether it may sleep.
const NEAR_TURNS: usize = 128;
/// Stale entries of zones are dropped when there are more of them than sleepers, and than this.
const STALE_MOST: usize = 4096;
/// Scales are brought up to date this often while nobody uses them.
const RESCALE_EVERY: u64 = 16;
/// Rows whose memory is asked for at once.
const WARM: usize = 32;

impl Monitor {
    /// Closes the epoch: appends what began and what ended since the last one, by customer, then breaches
    /// by instrument and anomalies, an end before a beginning. The same for every choice of mode.
    pub fn close(&mut self, changes: &mut Vec<Change>) -> Report {
        let first = changes.len();
        self.epoch += 1;
        self.absorb();
        let moves = std::mem::take(&mut self.pending);
        self.pilot.leapt(moves.leap);
        let mut report = Report { moved: moves.moved.len(), ..Report::default() };

        let mut picked = std::mem::take(&mut self.scratch.picked);
        picked.clear();
        self.pick(&moves, &mut picked);
        for row in std::mem::take(&mut self.dirty) {
            self.book.state_mut(row).seen = self.epoch as u32;
            report.woken += 1;
            report.exact += 1;
            self.settle(row, changes);
        }
        report.woken += self.wake(&picked);
        let mut unsure = std::mem::take(&mut self.scratch.unsure);
        // In the order of what is told: the sort at the end then only merges.
        unsure.sort_unstable();
        for (at, row) in unsure.iter().copied().enumerate() {
            if at % WARM == 0 {
                self.warm(&unsure[at..unsure.len().min(at + WARM)]);
            }
            report.exact += usize::from(self.visit(row, changes));
        }
        self.scratch.unsure = unsure;
        self.scratch.picked = picked;

        changes[first..].sort_by_key(|change| change.customer);
        report.mode = self.mode;
        report.customers = self.book.heads.len();
        (report.near, report.asleep) = (self.near.len(), self.asleep);
        (report.restless, report.groups) = (self.restless.len(), self.zones.live());
        report
    }

    /// Looks at the cards of rows, each row once, and collects those that are not surely unchanged, with those
    /// that a sweep has flagged.
    fn wake(&mut self, picked: &[u32]) -> usize {
        let scratch = &mut self.scratch;
        scratch.unsure.clear();
        // A card says no more than the lane did.
        for row in scratch.flagged.drain(..) {
            let state = self.book.state_mut(row);
            if state.seen != self.epoch as u32 {
                state.seen = self.epoch as u32;
                scratch.unsure.push(row);
            }
        }
        let mut woken = scratch.unsure.len();
        for (at, row) in picked.iter().copied().enumerate() {
            if at % WARM == 0 {
                std::hint::black_box(self.cards.warm(&picked[at..picked.len().min(at + WARM)]));
            }
            let state = self.book.state_mut(row);
            if state.seen == self.epoch as u32 {
                continue;
            }
            state.seen = self.epoch as u32;
            woken += 1;
            match self.cards.unchanged(row, self.market.lanes(), self.market.lane_scales()) {
                Some(room) => self.place(row, room),
                None => self.scratch.unsure.push(row),
            }
        }
        woken
    }

    fn warm(&self, rows: &[u32]) {
        std::hint::black_box(self.book.warm(rows));
        let full = rows.iter().filter_map(|row| self.book.head(*row).full);
        std::hint::black_box(self.full.warm(full));
    }

    /// Takes prices, rates and terms told so far into the effective prices.
    pub(crate) fn absorb(&mut self) {
        self.market.refresh(self.epoch, &mut self.pending);
    }

    /// Collects the rows to look at, after choosing how to find them.
    fn pick(&mut self, moves: &Moves, picked: &mut Vec<u32>) {
        if !moves.turned.is_empty() {
            // Seldom: a price went away or to zero, or terms changed.
            for row in 0..self.book.heads.len() as u32 {
                if self.book.holds(row).iter().any(|hold| moves.turned.contains(&hold.asset)) {
                    self.touch(row);
                }
            }
        }
        if moves.filled {
            for row in std::mem::take(&mut self.gaps) {
                self.book.state_mut(row).on_gaps = false;
                if self.book.state(row).watch == Watch::Gap {
                    self.touch(row);
                }
            }
        }
        let restless = std::mem::take(&mut self.restless);
        for row in restless {
            if self.book.state(row).watch == Watch::Restless {
                self.restless.push(row);
            } else {
                self.book.state_mut(row).on_restless = false;
            }
        }
        if moves.stirred {
            picked.extend(&self.restless);
        }
        if self.epoch == 1 && self.pilot.choice == Choice::Auto && self.market.paced() {
            self.mode = Mode::Zones;
        }
        self.zones.follow(&moves.moved, self.market.points());
        // Zones of the newest group say nothing of assets that it does not know.
        let known = self.zones.assets() == self.market.assets().len();
        self.renew |= moves.filled || !moves.turned.is_empty() || !known;
        match self.mode {
            Mode::Zones => self.pick_by_zones(picked),
            Mode::Sweep => self.pick_by_sweep(),
            Mode::Return => self.pick_returning(picked),
        }
    }

    fn pick_by_zones(&mut self, picked: &mut Vec<u32>) {
        let due = self.zones.due();
        let slots = self.full.slots();
        if self.pilot.overloaded(due, self.near.slots(), slots) {
            self.mode = Mode::Return;
            self.retire_due(picked);
            self.pilot.begin(self.backlog.len(), slots);
            return self.pick_returning(picked);
        }
        let mut entries = std::mem::take(&mut self.scratch.entries);
        self.zones.pass(&mut entries);
        let spare = self.pilot.spare(slots).saturating_sub(entries.len());
        self.zones.pass_ahead(spare, &mut entries);
        picked.extend(entries.drain(..).filter(|entry| self.live(*entry)).map(|entry| entry.row));
        self.scratch.entries = entries;
        self.near.sweep(self.market.lanes(), &mut self.scratch.flagged);
        picked.extend(self.near.every(self.epoch as usize % NEAR_TURNS, NEAR_TURNS));
        self.open_group(picked.len() + self.dirty.len());
    }

    fn pick_by_sweep(&mut self) {
        self.full.sweep(self.market.lanes(), &mut self.scratch.flagged);
        if self.pilot.choice != Choice::Auto || self.book.heads.is_empty() {
            return;
        }
        if self.epoch.is_multiple_of(RESCALE_EVERY) {
            self.market.rescale(self.book.heads.len());
        }
        self.sample();
        if self.pilot.calm(self.full.len(), self.full.slots()) {
            self.mode = Mode::Return;
            let plain = |row: &u32| matches!(self.book.state(*row).watch, Watch::Swept | Watch::Restless);
            self.backlog = (0..self.book.heads.len() as u32).filter(plain).collect();
            self.pilot.begin(self.backlog.len(), self.full.slots());
            self.open_group(usize::MAX);
        }
    }

    /// Sweeps, and lays out a part of the zones that are missing. What wakes joins the backlog: the sweep
    /// has an eye on everybody.
    fn pick_returning(&mut self, picked: &mut Vec<u32>) {
        let slots = self.full.slots();
        self.full.sweep(self.market.lanes(), &mut self.scratch.flagged);
        self.retire_due(picked);
        let repairs = self.pilot.repairs(slots);
        if self.backlog.len() <= repairs {
            self.mode = Mode::Zones;
            self.pilot.succeeded();
        } else if !self.pilot.go_on() {
            self.mode = Mode::Sweep;
            self.pilot.give_up();
            self.forget_zones();
            return;
        }
        let rest = self.backlog.len().saturating_sub(repairs);
        picked.extend(self.backlog.drain(rest..));
        self.open_group(picked.len() + self.dirty.len());
    }

    /// Moves the customers whose zones are left to the backlog, or picks those whom the sweep does not see.
    fn retire_due(&mut self, picked: &mut Vec<u32>) {
        let mut entries = std::mem::take(&mut self.scratch.entries);
        self.zones.pass(&mut entries);
        for entry in entries.drain(..) {
            if !self.live(entry) {
                continue;
            }
            if self.book.state(entry.row).plain {
                self.watch(entry.row, Watch::Swept);
                self.backlog.push(entry.row);
            } else {
                picked.push(entry.row);
            }
        }
        self.scratch.entries = entries;
    }

    fn forget_zones(&mut self) {
        self.zones.clear();
        self.near.clear();
        self.backlog.clear();
        for row in 0..self.book.heads.len() as u32 {
            let state = *self.book.state(row);
            if state.watch == Watch::Near {
                self.book.head_mut(row).near = None;
            }
            if matches!(state.watch, Watch::Near | Watch::Asleep) {
                let watch = if state.plain { Watch::Swept } else { Watch::Restless };
                self.watch(row, watch);
            }
        }
    }

    /// What zones would cost, learned from a few customers.
    fn sample(&mut self) {
        let rows = self.book.heads.len();
        let mut rooms = [0.0; SAMPLES];
        let mut count = 0;
        for turn in 0..SAMPLES {
            // A large odd step visits rows in no order of theirs.
            let step = (self.epoch as usize * SAMPLES + turn).wrapping_mul(2_654_435_761);
            let row = (step % rows) as u32;
            if self.book.state(row).watch == Watch::Swept {
                rooms[count] = self.look(row).room;
                count += 1;
            }
        }
        self.pilot.sampled(rooms[..count].iter().copied());
    }

    /// Opens a group of zones if that pays, or if there are assets that the newest group does not know.
    fn open_group(&mut self, expected: usize) {
        let assets = self.market.assets().len();
        let Some(reach) = self.zones.newest_reach() else {
            return self.renew_group();
        };
        // Joining the newest group costs its members a share of their room, a new one a pass over assets.
        let lost = expected as f64 * (reach / self.pilot.near_room()).min(1.0) * 1.5;
        if lost > assets as f64 || self.renew {
            self.renew_group();
        }
        if self.zones.entries() > 2 * self.asleep + STALE_MOST {
            let book = &self.book;
            self.zones.clean(|entry| book.state(entry.row).stamp == entry.stamp);
        }
    }

    fn renew_group(&mut self) {
        self.market.rescale(self.book.heads.len());
        self.zones.open(self.market.assets(), self.market.points());
        self.renew = false;
    }

    fn live(&self, entry: Entry) -> bool {
        self.book.state(entry.row).stamp == entry.stamp
    }

    /// Looks at a row whose own data is unchanged. Returns whether integers had to decide or tell.
    fn visit(&mut self, row: u32, changes: &mut Vec<Change>) -> bool {
        if !self.book.state(row).regular {
            self.settle(row, changes);
            return true;
        }
        let (holds, limits, points) = (self.book.holds(row), self.book.limits(row), self.market.points());
        let scratch = &mut self.scratch;
        let (plain, bucketed) = (self.book.state(row).plain, self.book.state(row).bucketed);
        let single = plain && !bucketed && self.floors.get(row as usize).copied().flatten().is_none();
        if single && self.cards.slots(row).is_none() {
            let room = unchanged(holds, limits, points, &mut scratch.values);
            if let Some(room) = room {
                self.place(row, room);
                return false;
            }
        }
        if single {
            // Something changed or is about to: it is near, whatever the room.
            if !certain_sides(holds, limits, points, &mut scratch.sides, &mut scratch.values) {
                self.settle(row, changes);
                return true;
            }
            let told = self.tell_turned(row, changes);
            self.place(row, 0.0);
            return told;
        }
        self.recentre(row);
        let look = self.look(row);
        if !look.certain {
            self.settle(row, changes);
            return true;
        }
        let told = look.changed && self.tell_turned(row, changes);
        if plain && !told {
            // It left its part of a bucket's slack or fell below its ceiling, or may have: hand out new parts.
            self.write_lanes(row);
        }
        self.place(row, look.room);
        told
    }

    /// Tells which sides in the scratch are new, and brings the lanes in line. Returns whether any is.
    fn tell_turned(&mut self, row: u32, changes: &mut Vec<Change>) -> bool {
        let now = self.book.holds(row).iter().zip(&self.scratch.sides);
        if now.clone().all(|(hold, side)| hold.flags & SIDES == *side) {
            return false;
        }
        // The filter has seen that no sum comes near a limit.
        let nav = nav(self.book.holds(row), self.market.assets());
        self.tell_sides(row, nav, changes);
        if self.book.state(row).bucketed || self.floor(row).is_some() {
            self.write_lanes(row);
        } else {
            self.write_turned(row);
        }
        true
    }

    pub(crate) fn look(&mut self, row: u32) -> crate::filter::Look {
        let plain = self.book.state(row).plain;
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let Scratch { sides, values, .. } = &mut self.scratch;
        let mut look = look(holds, limits, self.market.points(), plain, sides, values);
        if self.book.state(row).bucketed {
            look_at_buckets(&mut look, (holds, limits, self.market.labels()), plain, values, sides);
        }
        self.look_at_floor(row, &mut look);
        look
    }
}
