//! Who may sleep until prices have moved how far.
//!
//! Customers put to sleep in the same epoch are a group: they share reference prices and scales. A group's
//! reach is the largest |p/ref − 1| / s of all assets since then, and a customer whose room is k cannot
//! have changed while the reach is below k (see `filter`). Within a group customers lie in levels of k, so
//! an epoch costs one maximum per group over the assets that moved, and the levels that were passed.
//!
//! The reach is computed in f64 with fewer than eight roundings of 2⁻⁵³ of numbers up to (1 + d)/s, and
//! s ≥ 10⁻⁶, so adding 10⁻⁹ + 10⁻⁹·d rounds it up for certain. The number of groups is bounded: a
//! group too many is poured into the newest one, by the triangle inequality, without a look at anybody:
//! |p − ref₁| ≤ |p − ref₂| + |ref₂ − ref₁|, hence k₂ = (k₁ − reach₁)·min s₁·ref₁/(s₂·ref₂).

use crate::market::{Asset, Kind, Point};

/// Groups at most: columns of the tables below, and lanes of the maximum.
pub(crate) const GROUPS: usize = 128;
const LEVELS: usize = 192;
/// The first level ends here, and each further one is this much higher.
const LEVEL_FIRST: f64 = 0.25;
const LEVEL_GROWTH: f64 = 1.06;
/// Levels up to so many times the reach will be passed before long.
const AHEAD: f64 = 1.25;
/// Rounds a reach up, relative and absolute.
const REACH_MARGIN: f64 = 1e-9;

/// A customer in a level; stale when the customer's stamp is another.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Entry {
    pub row: u32,
    pub stamp: u32,
}

struct Group {
    levels: Vec<Vec<Entry>>,
    /// Levels below this one are passed and empty.
    next: usize,
    entries: usize,
    open: bool,
}

/// All groups of a worker.
pub(crate) struct Zones {
    groups: Vec<Group>,
    /// Per asset and group 1/(ref·s) and 1/s; both 0 for what did not move then or had no price.
    inverses: Vec<[f64; GROUPS]>,
    constants: Vec<[f64; GROUPS]>,
    reach: [f64; GROUPS],
    newest: Option<usize>,
    /// The largest scale in the newest group.
    scale_max: f64,
    edges: Vec<f64>,
    levels_per_bit: f64,
}

impl Zones {
    pub fn new() -> Zones {
        let edge = |level: usize| match level {
            0 => 0.0,
            _ => LEVEL_FIRST * LEVEL_GROWTH.powi(level as i32 - 1),
        };
        Zones {
            groups: Vec::new(),
            inverses: Vec::new(),
            constants: Vec::new(),
            reach: [0.0; GROUPS],
            newest: None,
            scale_max: 0.0,
            edges: (0..LEVELS).map(edge).collect(),
            levels_per_bit: f64::powi(2.0, -52) / LEVEL_GROWTH.log2(),
        }
    }

    /// Assets that the newest group knows.
    pub fn assets(&self) -> usize {
        self.inverses.len()
    }

    /// Groups with somebody in them.
    pub fn live(&self) -> usize {
        self.groups.iter().filter(|group| group.entries > 0).count()
    }

    /// Entries, stale ones included.
    pub fn entries(&self) -> usize {
        self.groups.iter().map(|group| group.entries).sum()
    }

    /// How far prices have moved from the newest group's references; `None` without a group.
    pub fn newest_reach(&self) -> Option<f64> {
        self.newest.map(|newest| self.reach[newest])
    }

    /// Forgets all zones.
    pub fn clear(&mut self) {
        for group in &mut self.groups {
            group.levels.iter_mut().for_each(Vec::clear);
            (group.next, group.entries, group.open) = (0, 0, false);
        }
        self.newest = None;
    }

    /// Opens a group whose references are the present prices and scales.
    pub fn open(&mut self, assets: &[Asset], points: &[Point]) {
        self.inverses.resize(points.len(), [0.0; GROUPS]);
        self.constants.resize(points.len(), [0.0; GROUPS]);
        let before = self.newest;
        for (index, group) in self.groups.iter_mut().enumerate() {
            group.open &= group.entries > 0 || before == Some(index);
        }
        let free = self.groups.iter().position(|group| !group.open).unwrap_or(self.groups.len());
        if free == self.groups.len() {
            let levels = vec![Vec::new(); LEVELS];
            self.groups.push(Group { levels, next: 0, entries: 0, open: false });
        }
        let group = &mut self.groups[free];
        (group.next, group.entries, group.open) = (0, 0, true);
        self.reach[free] = 0.0;
        self.newest = Some(free);
        self.scale_max = 0.0;
        for (index, (asset, point)) in assets.iter().zip(points).enumerate() {
            let moves = asset.kind == Kind::Good && point.scale > 0.0;
            let (inverse, constant) =
                if moves { (1.0 / (point.price * point.scale), 1.0 / point.scale) } else { (0.0, 0.0) };
            self.inverses[index][free] = inverse;
            self.constants[index][free] = constant;
            self.scale_max = self.scale_max.max(point.scale);
        }
        // One column stays free for the next group.
        if self.groups.iter().filter(|group| group.open).count() == GROUPS {
            self.pour();
        }
    }

    /// Follows the assets that moved.
    pub fn follow(&mut self, moved: &[u32], points: &[Point]) {
        for asset in moved {
            let price = points[*asset as usize].price;
            let (Some(inverses), Some(constants)) =
                (self.inverses.get(*asset as usize), self.constants.get(*asset as usize))
            else {
                continue;
            };
            let open = self.groups.len();
            let reach = &mut self.reach[..open];
            #[cfg(target_arch = "x86_64")]
            crate::wide::reach_out(reach, price, &inverses[..open], &constants[..open]);
            #[cfg(not(target_arch = "x86_64"))]
            reach_out(reach, price, &inverses[..open], &constants[..open]);
        }
    }

    /// Entries in levels that are passed by now.
    pub fn due(&self) -> usize {
        let passed = |(group, reach): (&Group, &f64)| {
            let end = self.edges.partition_point(|edge| edge <= reach);
            group.levels[group.next.min(end)..end].iter().map(Vec::len).sum::<usize>()
        };
        self.groups.iter().zip(&self.reach).filter(|(group, _)| group.entries > 0).map(passed).sum()
    }

    /// Takes the entries of levels that are passed.
    pub fn pass(&mut self, out: &mut Vec<Entry>) {
        for (group, reach) in self.groups.iter_mut().zip(&self.reach) {
            while group.open && group.next < LEVELS && self.edges[group.next] <= *reach {
                let level = &mut group.levels[group.next];
                group.entries -= level.len();
                out.append(level);
                group.next += 1;
            }
        }
    }

    /// Takes up to `budget` entries of crowded levels that will be passed before long, the most crowded first:
    /// whole levels wake at once, and those who wake together would sleep together again.
    pub fn pass_ahead(&mut self, budget: usize, out: &mut Vec<Entry>) {
        let mut crowds = Vec::new();
        for (index, (group, reach)) in self.groups.iter().zip(&self.reach).enumerate() {
            if !group.open || group.entries == 0 {
                continue;
            }
            let end = self.edges.partition_point(|edge| *edge <= reach * AHEAD);
            for level in group.next..end.max(group.next) {
                if group.levels[level].len() > budget / 2 {
                    crowds.push((group.levels[level].len(), index, level));
                }
            }
        }
        crowds.sort_unstable();
        let mut left = budget;
        for (_, group, level) in crowds.into_iter().rev() {
            let group = &mut self.groups[group];
            let entries = &mut group.levels[level];
            let taken = entries.len().min(left);
            out.extend(entries.drain(entries.len() - taken..));
            group.entries -= taken;
            left -= taken;
        }
    }

    /// Lets a customer sleep in the newest group: `room` is in present prices and scales. Returns false if
    /// it would wake at once.
    pub fn put(&mut self, entry: Entry, room: f64) -> bool {
        let Some(newest) = self.newest else { return false };
        // Prices have moved by at most reach·s since the group was opened; scales are still its own.
        let reach = self.reach[newest];
        let room = room * (1.0 - reach * self.scale_max) - reach - REACH_MARGIN;
        self.lay(newest, entry, room)
    }

    /// Drops stale entries.
    pub fn clean(&mut self, live: impl Fn(Entry) -> bool) {
        for group in &mut self.groups {
            group.levels.iter_mut().for_each(|level| level.retain(|entry| live(*entry)));
            group.entries = group.levels.iter().map(Vec::len).sum();
        }
    }

    fn lay(&mut self, group: usize, entry: Entry, room: f64) -> bool {
        // Also refuses what is not a number.
        if !(room > self.reach[group] && room >= LEVEL_FIRST) {
            return false;
        }
        let level = self.level(room);
        let group = &mut self.groups[group];
        if level < group.next {
            return false;
        }
        group.levels[level].push(entry);
        group.entries += 1;
        true
    }

    /// The highest level whose edge is not above `room`.
    fn level(&self, room: f64) -> usize {
        // The bits of a float, read as a number, are its logarithm, a little low between powers of two.
        let bits = (room / LEVEL_FIRST).to_bits().saturating_sub(1.0_f64.to_bits());
        let guess = (bits as f64 * self.levels_per_bit) as usize;
        let mut level = guess.min(LEVELS - 1);
        while level > 0 && self.edges[level] > room {
            level -= 1;
        }
        while level + 1 < LEVELS && self.edges[level + 1] <= room {
            level += 1;
        }
        level
    }

    /// Moves the group with the fewest entries into the newest one.
    fn pour(&mut self) {
        let Some(newest) = self.newest else { return };
        let candidates = (0..self.groups.len()).filter(|index| *index != newest && self.groups[*index].open);
        let Some(poured) = candidates.min_by_key(|index| self.groups[*index].entries) else { return };
        let mut factor = f64::INFINITY;
        for (inverses, constants) in self.inverses.iter().zip(&self.constants) {
            // Assets that do not move in either group have no say; one that only moves in the newest has
            // no holders in the older group.
            if constants[poured] > 0.0 {
                factor = factor.min(inverses[newest] / inverses[poured]);
            }
        }
        let reach = self.reach[poured];
        let group = &mut self.groups[poured];
        let mut levels = std::mem::take(&mut group.levels);
        (group.entries, group.open) = (0, false);
        for (level, entries) in levels.iter_mut().enumerate() {
            let room = (self.edges[level] - reach) * factor * (1.0 - REACH_MARGIN);
            // What has no room left goes to the first level, which the next epoch passes.
            let to = if room > LEVEL_FIRST { self.level(room) } else { 0 };
            self.groups[newest].entries += entries.len();
            self.groups[newest].levels[to].append(entries);
        }
        self.groups[poured].levels = levels;
    }
}

/// Raises each group's reach to the displacement of one price, rounded up.
#[inline(always)]
pub(crate) fn reach_out(reach: &mut [f64], price: f64, inverses: &[f64], constants: &[f64]) {
    for ((reach, inverse), constant) in reach.iter_mut().zip(inverses).zip(constants) {
        let displacement = (price * inverse - constant).abs();
        let up = displacement + displacement * REACH_MARGIN + REACH_MARGIN;
        *reach = if up > *reach { up } else { *reach };
    }
}
