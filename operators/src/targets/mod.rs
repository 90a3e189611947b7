//! What a customer's portfolio is to be: targets, tilted for a while where a tactical view says so.
//!
//! Computes  of several statements of targets, and of several of tilts, the latest; the targets with the tilts added
//! Inputs    facts: Fact::Targets, Fact::Tilts; other facts are passed over
//! Outputs   Known::Targets, at most one per customer; none without targets, whatever tilts there are
//! Units     shares of NAV, scale 10⁻⁹
//! Errors    none: a tilted target stays between 0 and 1, and their sum at most 1
//! State     statements by customer
//! Time      tilts end by themselves with the first epoch after their last day; what they replaced stays replaced
//! Source    docs/rebalancing.md

mod calc;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use differential_dataflow::AsCollection;
use evenkeel_schemas::{CustomerId, Epoch};
use timely::dataflow::operators::vec::Map;

use crate::facts::{Fact, TargetSet, TiltSet, Version, epoch_of};
use crate::known::Known;
use crate::tally::{Statements, Tally, tally};
use crate::typedefs::Rows;

pub use calc::tilted;

/// Maintains what portfolios are to be.
pub(crate) fn targets(facts: Rows<'_, Fact>, epoch_ms: u64) -> Rows<'_, Known> {
    let stated = facts.inner.flat_map(move |change| until_over(change, epoch_ms)).as_collection();
    tally::<Aims, _, _, _, _>(stated, "targets", Some, |customer, set| Some(Known::Targets(*customer, set)))
}

/// A statement about a customer's targets.
#[derive(Clone)]
enum Stated {
    Targets(Version, Arc<TargetSet>),
    Tilts(Version, Arc<TiltSet>),
}

/// A customer's statement with its epoch and difference.
type Change = ((CustomerId, Stated), Epoch, isize);

/// What is stated, and that tilts are none any more once their last day is over.
fn until_over((fact, epoch, diff): (Fact, Epoch, isize), epoch_ms: u64) -> impl Iterator<Item = Change> {
    let mut changes = [None, None, None];
    match fact {
        Fact::Targets(customer, version, set) => {
            changes[0] = Some(((customer, Stated::Targets(version, set)), epoch, diff));
        }
        Fact::Tilts(customer, version, set) => {
            let over =
                set.until.and_then(|day| day.plus_days(1)).map(|day| epoch_of(day, epoch_ms).max(epoch));
            let stated = |set| (customer, Stated::Tilts(version, set));
            if let Some(over) = over {
                changes[0] = Some((stated(Arc::new(TiltSet::default())), over, diff));
                changes[1] = Some((stated(set.clone()), over, -diff));
            }
            changes[2] = Some((stated(set), epoch, diff));
        }
        _ => {}
    }
    changes.into_iter().flatten()
}

/// What is stated about one customer.
#[derive(Default)]
struct Aims {
    targets: Statements<Arc<TargetSet>>,
    /// Few have any.
    tilts: Option<Box<Statements<Arc<TiltSet>>>>,
}

impl Tally<Stated> for Aims {
    type Held = Arc<TargetSet>;

    fn add(&mut self, stated: Stated, times: isize) {
        match stated {
            Stated::Targets(version, set) => self.targets.add((version, set), times),
            Stated::Tilts(version, set) => {
                let tilts = self.tilts.get_or_insert_default();
                tilts.add((version, set), times);
                if tilts.is_empty() {
                    self.tilts = None;
                }
            }
        }
    }

    fn held(&self) -> Option<Arc<TargetSet>> {
        let set = self.targets.held()?;
        let tilts = self.tilts.as_ref().and_then(|tilts| tilts.held());
        Some(tilts.map_or(set.clone(), |tilts| tilted(&set, &tilts.tilts)))
    }

    fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.tilts.is_none()
    }
}
