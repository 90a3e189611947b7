//! Covariances for plans: of the instruments of one portfolio, from the market's closing marks.
//!
//! The estimate is that of the market (Ledoit and Wolf, annual), of these instruments alone: what else is listed, and
//! how long, does not matter. It is kept by what it is of until the market changes, so that customers with the same
//! instruments share it.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_optimizer::portfolio::Covariance;
use evenkeel_schemas::{Currency, Name};

use crate::snapshot::Snapshot;

/// Sets of instruments that are kept at a time.
const SETS: usize = 4_096;

/// Covariances by currency and instruments; none where one of them cannot be estimated.
#[derive(Debug, Default)]
pub(crate) struct Risks(BTreeMap<(Currency, Vec<Name>), Option<Arc<Covariance>>>);

impl Risks {
    /// Forgets everything: the market has changed.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The covariance of some instruments, worked out where it is not kept.
    pub fn of(
        &mut self,
        key: (Currency, Vec<Name>),
        work_out: impl FnOnce(&[Name]) -> Option<Covariance>,
    ) -> Option<Arc<Covariance>> {
        if let Some(known) = self.0.get(&key) {
            return known.clone();
        }
        let found = work_out(&key.1).map(Arc::new);
        if self.0.len() >= SETS {
            self.0.clear();
        }
        self.0.insert(key, found.clone());
        found
    }
}

/// What the covariance of a portfolio is of, in the order of its holdings; `None` where something is of another currency.
pub(crate) fn instruments(snapshot: &Snapshot) -> Option<(Currency, Vec<Name>)> {
    let at_home = snapshot.holdings.iter().all(|holding| holding.currency == snapshot.base);
    let names = || snapshot.holdings.iter().map(|holding| holding.name.clone()).collect();
    (at_home && !snapshot.holdings.is_empty()).then(|| (snapshot.base, names()))
}
