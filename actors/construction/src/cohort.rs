//! Pod problems that are the same are solved once.
//!
//! A pod's solution depends on its terms, on the market state and, where income after tax is wanted, on the
//! investor's rate and residence; on nothing else of a customer. A million customers come to a few dozen problems
//! a market state.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use evenkeel_advice::{Pod, PodId};
use evenkeel_optimizer::portfolio::SearchLimits;
use serde::{Deserialize, Serialize};

use crate::investor::Investor;
use crate::market::MarketState;
use crate::pod::{PodError, PodProblem, PodSolution, solve_pod};

type Key = (PodId, Option<Investor>);

/// What sharing came to since the start.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CohortCounts {
    /// Problems that had been solved before.
    pub hits: u64,
    /// Problems that were solved.
    pub misses: u64,
    /// Solutions dropped to make room, or because the market moved on.
    pub dropped: u64,
    /// Solutions kept now.
    pub kept: u64,
}

/// Solutions of one market state. Whether a problem hits or misses never changes its answer.
#[derive(Debug)]
pub struct Cohort {
    capacity: usize,
    market: Option<MarketState>,
    /// Terms may differ under one key while tables change.
    solutions: BTreeMap<Key, Vec<(Pod, Arc<PodSolution>)>>,
    /// Oldest first.
    order: VecDeque<Key>,
    counts: CohortCounts,
}

impl Cohort {
    /// Keeps at most this many solutions, at least one; the oldest make room.
    pub fn new(capacity: usize) -> Cohort {
        Cohort {
            capacity: capacity.max(1),
            market: None,
            solutions: BTreeMap::new(),
            order: VecDeque::new(),
            counts: CohortCounts::default(),
        }
    }

    /// The solution of a pod problem, as [`solve_pod`] gives it. Another market state than before drops what is
    /// kept; whether it is another is decided on all of it, not by its epoch. Failures are not kept, since some
    /// depend on the limits of the search.
    ///
    /// # Errors
    /// As [`solve_pod`].
    pub fn solve(
        &mut self,
        problem: &PodProblem<'_>,
        limits: &SearchLimits,
    ) -> Result<Arc<PodSolution>, PodError> {
        if self.market.as_ref() != Some(problem.market) {
            self.counts.dropped += self.order.len() as u64;
            self.solutions.clear();
            self.order.clear();
            self.market = Some(problem.market.clone());
        }
        let terms = problem.terms;
        let key = (terms.pod, crate::pod::taxed(terms).then_some(problem.investor));
        let found = self.solutions.get(&key).into_iter().flatten().find(|(known, _)| known == terms);
        if let Some((_, solution)) = found {
            self.counts.hits += 1;
            return Ok(Arc::clone(solution));
        }
        self.counts.misses += 1;
        let solution = Arc::new(solve_pod(problem, limits)?);
        self.make_room();
        self.solutions.entry(key).or_default().push((terms.clone(), Arc::clone(&solution)));
        self.order.push_back(key);
        Ok(solution)
    }

    fn make_room(&mut self) {
        while self.order.len() >= self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(kept) = self.solutions.get_mut(&oldest) {
                // Under one key they are in the order of their coming, as they are in `order`.
                kept.remove(0);
                if kept.is_empty() {
                    self.solutions.remove(&oldest);
                }
            }
            self.counts.dropped += 1;
        }
    }

    /// What sharing came to.
    pub fn counts(&self) -> CohortCounts {
        CohortCounts { kept: self.order.len() as u64, ..self.counts }
    }
}
