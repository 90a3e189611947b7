//! The judgement of one row by integers: what is told of it, and which fast ways apply from here on.

use evenkeel_schemas::{AnomalyKind, BandSide, Value};

use crate::book::{Hold, LINE, Limit, OVER, RATIO_SANE, SIDES, Watch};
use crate::buckets::buckets;
use crate::change::{Change, Event};
use crate::exact::{Judgement, distance, judge, side};
use crate::market::{Kind, LANE_ASSETS, Subject};
use crate::monitor::Monitor;

/// More slots than this are looked at one by one.
const LANE_SLOTS_MOST: usize = 4096;

impl Monitor {
    /// Judges a row exactly, tells what is new and decides how to watch it from here on.
    pub(crate) fn settle(&mut self, row: u32, changes: &mut Vec<Change>) {
        self.retarget(row);
        let head = self.book.head(row);
        let judged = head.band_default.is_some();
        let judgement = judge(head.base, self.book.holds(row), self.market.assets());
        let (mut total, mut ailments) = (Value::ZERO, Vec::new());
        match &judgement {
            Judgement::Nothing => {}
            Judgement::Gaps(gaps) => ailments.clone_from(gaps),
            Judgement::OutOfRange => ailments.push(AnomalyKind::OutOfRange),
            Judgement::Worth(worth) => {
                total = worth.nav;
                if total <= Value::ZERO {
                    // Worth guarantees that NAV is a Money.
                    ailments.push(AnomalyKind::NoNav(total.to_money().unwrap_or_default()));
                }
            }
        }
        let valued = total > Value::ZERO;
        self.scratch.sides.clear();
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let side = |at| if valued && judged { side(total, at, holds, limits, &self.market) } else { 0 };
        self.scratch.sides.extend((0..holds.len()).map(side));
        self.tell_sides(row, total, changes);
        self.settle_floor(row, &judgement, changes);
        self.tell_ailments(row, ailments, changes);
        if self.book.head(row).dirty {
            self.book.head_mut(row).dirty = false;
            self.drop_empty(row);
        }
        self.classify(row, &judgement);
        self.recentre(row);
        self.write_lanes(row);
        if self.book.state(row).regular {
            let room = self.look(row).room;
            self.place(row, room);
        } else {
            let restless = matches!(judgement, Judgement::OutOfRange | Judgement::Worth(_));
            let gap = matches!(judgement, Judgement::Gaps(_));
            let watch = if gap { Watch::Gap } else { Watch::None };
            self.watch(row, if restless { Watch::Restless } else { watch });
        }
    }

    /// Tells where the sides in the scratch differ from those of the slots, and keeps them.
    pub(crate) fn tell_sides(&mut self, row: u32, nav: Value, changes: &mut Vec<Change>) {
        let customer = self.book.head(row).customer;
        self.scratch.turned.clear();
        for (at, now) in self.scratch.sides.iter().enumerate() {
            let (holds, limits) = (self.book.holds(row), self.book.limits(row));
            let (before, subject) = (holds[at].flags & SIDES, self.market.asset(holds[at].asset).subject);
            let (Subject::Instrument(instrument) | Subject::Bucket(instrument)) = subject else { continue };
            if before == *now {
                continue;
            }
            let side_of = |flags: u8| if flags & OVER != 0 { BandSide::Over } else { BandSide::Under };
            if before != 0 {
                let event = Event::BreachLeft { instrument, side: side_of(before) };
                changes.push(Change { customer, event });
            }
            let found = if *now == 0 { None } else { distance(nav, at, holds, limits, &self.market) };
            if let Some((distance, band)) = found {
                let event = Event::BreachEntered { instrument, side: side_of(*now), distance, band };
                changes.push(Change { customer, event });
            }
            let hold = &mut self.book.slots_mut(row).0[at];
            hold.flags = hold.flags & !SIDES | now;
            self.scratch.turned.push(at);
        }
    }

    pub(crate) fn tell_ailments(&mut self, row: u32, now: Vec<AnomalyKind>, changes: &mut Vec<Change>) {
        let head = self.book.head_mut(row);
        let customer = head.customer;
        let before = if head.ailing { self.ailments.remove(&row).unwrap_or_default() } else { Vec::new() };
        head.ailing = !now.is_empty();
        let (old, new) = apart(&before, &now);
        let ended = old.iter().filter(|kind| !new.contains(kind)).cloned().map(Event::AnomalyLeft);
        let begun = new.iter().filter(|kind| !old.contains(kind)).cloned().map(Event::AnomalyEntered);
        changes.extend(ended.chain(begun).map(|event| Change { customer, event }));
        if !now.is_empty() {
            self.ailments.insert(row, now);
        }
    }

    /// Drops slots that say nothing any more.
    pub(crate) fn drop_empty(&mut self, row: u32) {
        let keep = |hold: &Hold| hold.quantity != 0 || hold.flags & LINE != 0;
        let market = &mut self.market;
        for hold in self.book.holds(row).iter().filter(|hold| !keep(hold)) {
            market.count_holder(hold.asset, false);
        }
        self.book.retain(row, keep);
    }

    /// Which of the fast ways apply to a row.
    pub(crate) fn classify(&mut self, row: u32, judgement: &Judgement) {
        let (holds, limits) = (self.book.holds(row), self.book.limits(row));
        let valued = matches!(judgement, Judgement::Worth(worth) if worth.nav > Value::ZERO);
        let good = |h: &Hold| h.quantity == 0 || self.market.asset(h.asset).kind == Kind::Good;
        let sane =
            |l: &Limit| (0..=RATIO_SANE).contains(&l.band) && (-RATIO_SANE..=RATIO_SANE).contains(&l.target);
        let regular = valued && holds.iter().all(good) && limits.iter().all(sane);
        let fits = |h: &Hold| h.quantity >= 0 && (h.asset as usize) < LANE_ASSETS;
        let plain = regular
            && holds.len() <= LANE_SLOTS_MOST
            && holds.iter().all(fits)
            && limits.iter().all(|l| l.target >= 0)
            && self.floor_fits(row);
        let bucketed = buckets(holds).next().is_some();
        let state = self.book.state_mut(row);
        (state.regular, state.plain, state.bucketed) = (regular, plain, bucketed);
    }
}

/// What is left of two lists, each in order and without repetition, without what they begin and end with alike: a portfolio
/// may lack many prices, and mostly one more or one fewer.
fn apart<'a>(one: &'a [AnomalyKind], other: &'a [AnomalyKind]) -> (&'a [AnomalyKind], &'a [AnomalyKind]) {
    let alike = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[alike..], &other[alike..]);
    let alike = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    (&one[..one.len() - alike], &other[..other.len() - alike])
}
