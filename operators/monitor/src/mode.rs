//! Whether to close an epoch by zones or by a sweep: a cost model, counted in nanoseconds of one core, on
//! counts that are the same on every machine. No clock: what a run does hangs on its input alone.

/// Which mode to take.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Whatever costs less, epoch by epoch.
    #[default]
    Auto,
    /// Always sweep.
    Sweep,
    /// Always zones.
    Zones,
}

/// One slot of one customer in the sweep, the customer itself counted as two slots.
const SWEEP_SLOT_NS: f64 = 0.45;
/// One look at one customer, and its way to and from a zone.
const LOOK_NS: f64 = 100.0;
/// What is near is swept from a cache nearby.
const NEAR_SLOT_NS: f64 = 0.4;
/// A customer of ten slots, the customer itself counted.
const NEAR_NS: f64 = 10.0 * NEAR_SLOT_NS;
/// Sweeping is taken up when zones cost this much of it in one epoch.
const OVERLOAD: f64 = 1.0;
/// Zones are taken up again when they are expected to cost this much of a sweep.
const CALM: f64 = 0.5;
/// Share of a sweep's cost that may be spent on laying out zones in the same epoch.
const REPAIR: f64 = 0.3;
/// Share of a sweep's cost that may be spent on waking customers ahead of a crowd.
const SPARE: f64 = 0.1;
/// Weights of the running means of leaps and of sampled costs.
const LEAP_WEIGHT: f64 = 0.05;
const SAMPLE_WEIGHT: f64 = 1.0 / 32.0;
/// Customers sampled per epoch of sweeping.
pub(crate) const SAMPLES: usize = 16;
/// Epochs to sweep before zones are tried again: at first, and at most, as trials fail.
const PATIENCE_FIRST: u64 = 16;
const PATIENCE_MOST: u64 = 4096;

/// What is known of the market's pace and of costs.
pub(crate) struct Pilot {
    pub choice: Choice,
    /// The largest move of an epoch, in scales, on average.
    leap: f64,
    /// Expected cost of zones per customer and epoch.
    expected_ns: f64,
    patience: u64,
    /// Epochs left: to sweep before a trial, or of the trial.
    left: u64,
}

impl Pilot {
    pub fn new(choice: Choice) -> Pilot {
        Pilot {
            choice,
            leap: 3.0,
            expected_ns: f64::INFINITY,
            patience: PATIENCE_FIRST,
            left: PATIENCE_FIRST,
        }
    }

    /// Learns the largest move of an epoch. One crash counts for little.
    pub fn leapt(&mut self, leap: f64) {
        self.leap = (self.leap + LEAP_WEIGHT * (leap.min(3.0 * self.leap) - self.leap)).max(1e-3);
    }

    /// Below this room a customer is near: sweeping it each epoch costs less than waking it. With ρ customers
    /// per unit of room, ρ·K are swept and ρ·leap²/K wake, which is least at K = leap·√(look/sweep).
    pub fn near_room(&self) -> f64 {
        self.leap * (LOOK_NS / NEAR_NS).sqrt()
    }

    /// Whether zones would cost more than a sweep in this epoch.
    pub fn overloaded(&self, looks: usize, near_slots: usize, slots: usize) -> bool {
        let zones = LOOK_NS * looks as f64 + NEAR_SLOT_NS * near_slots as f64;
        self.choice == Choice::Auto && zones > OVERLOAD * SWEEP_SLOT_NS * slots as f64
    }

    /// How many zones may be laid out while sweeping.
    pub fn repairs(&self, slots: usize) -> usize {
        ((REPAIR * SWEEP_SLOT_NS * slots as f64 / LOOK_NS) as usize).max(16)
    }

    /// How many may be woken in an epoch to spread a crowd.
    pub fn spare(&self, slots: usize) -> usize {
        (SPARE * SWEEP_SLOT_NS * slots as f64 / LOOK_NS) as usize
    }

    /// A trial of so many repairs begins; it has twice the time that it should need.
    pub fn begin(&mut self, backlog: usize, slots: usize) {
        self.left = 2 * (backlog / self.repairs(slots)) as u64 + 16;
    }

    /// An epoch of the trial went by; false when it has taken too long.
    pub fn go_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    /// Zones do not pay at present.
    pub fn give_up(&mut self) {
        self.left = self.patience;
        self.patience = (2 * self.patience).min(PATIENCE_MOST);
        self.expected_ns = f64::INFINITY;
    }

    /// Zones have been laid out again.
    pub fn succeeded(&mut self) {
        self.patience = PATIENCE_FIRST;
    }

    /// Learns the room that sampled customers have, while sweeping.
    pub fn sampled(&mut self, rooms: impl Iterator<Item = f64>) {
        let near = self.near_room();
        let (mut sum, mut count) = (0.0, 0.0);
        for room in rooms {
            let asleep = LOOK_NS * (self.leap / room).powi(2);
            sum += if room < near { NEAR_NS } else { asleep };
            count += 1.0;
        }
        if count > 0.0 {
            let mean: f64 = sum / count;
            let before = if self.expected_ns.is_finite() { self.expected_ns } else { 2.0 * mean };
            self.expected_ns = before + SAMPLE_WEIGHT * (mean - before);
        }
    }

    /// Whether to lay out zones again.
    pub fn calm(&mut self, customers: usize, slots: usize) -> bool {
        self.left = self.left.saturating_sub(1);
        let sweep = SWEEP_SLOT_NS * slots as f64;
        self.choice == Choice::Auto && self.left == 0 && self.expected_ns * (customers as f64) < CALM * sweep
    }
}
