//! What a master portfolio may hold, and what is held now.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_optimizer::portfolio::{Covariance, PortfolioError};
use evenkeel_schemas::{Money, Name, Price};
use ndarray::Array2;

use super::answer::MasterError;
use super::problem::{MasterProblem, PodPart};
use crate::market::Member;
use crate::pod::Universe;

/// Instruments of a master problem: first what pods may hold, then what is held and has to be sold.
pub(super) struct Candidates<'m> {
    /// By name.
    pub members: Vec<Member<'m>>,
    /// By name.
    pub leaving: Vec<Name>,
    /// By pod, its members' places.
    pub reach: Vec<Vec<usize>>,
    /// Value of each lot as a share of the capital, and its instrument's place.
    pub lots: Vec<(usize, f64)>,
    /// Share of the capital that is held, by place.
    pub current: Vec<f64>,
}

impl<'m> Candidates<'m> {
    /// # Errors
    /// [`MasterError::Held`], [`MasterError::Field`] for lots that make no sense or are worth more than the
    /// capital.
    pub fn new(
        problem: &MasterProblem<'m>,
        pods: &[PodPart<'m>],
        capital: Money,
    ) -> Result<Candidates<'m>, MasterError> {
        let universes: Vec<Universe<'m>> =
            pods.iter().map(|pod| Universe::of(pod.terms, problem.market)).collect();
        let by_name: BTreeMap<&Name, Member<'m>> =
            universes.iter().flat_map(|u| &u.members).map(|member| (&member.listing.name, *member)).collect();
        let places: BTreeMap<&Name, usize> =
            by_name.keys().enumerate().map(|(at, name)| (*name, at)).collect();
        let place = |member: &Member<'m>| places.get(&member.listing.name).copied();
        let reach = universes.iter().map(|u| u.members.iter().filter_map(place).collect()).collect();
        let wanted: BTreeSet<&Name> = pods.iter().flat_map(|pod| &pod.terms.universe).collect();
        let mut leaving: Vec<Name> = Vec::new();
        for lot in problem.held {
            if places.contains_key(&lot.instrument) {
                continue;
            }
            // A gap in the estimates is no reason to sell.
            if let (true, Err(reason)) =
                (wanted.contains(&lot.instrument), problem.market.member(&lot.instrument))
            {
                return Err(MasterError::Held { instrument: lot.instrument.clone(), reason });
            }
            leaving.push(lot.instrument.clone());
        }
        leaving.sort();
        leaving.dedup();
        let mut found = Candidates {
            members: by_name.values().copied().collect(),
            current: vec![0.0; places.len() + leaving.len()],
            leaving,
            reach,
            lots: Vec::new(),
        };
        found.value_lots(problem, capital)?;
        Ok(found)
    }

    fn value_lots(&mut self, problem: &MasterProblem<'_>, capital: Money) -> Result<(), MasterError> {
        let mut total = Money::ZERO;
        for lot in problem.held {
            let field = |field: &str| format!("held.{}.{field}", lot.lot);
            if lot.quantity.raw() <= 0 {
                let (field, got) = (field("quantity"), lot.quantity.to_string());
                return Err(MasterError::Field { field, expected: "above 0", got });
            }
            if lot.cost_base < Money::ZERO {
                let (field, got) = (field("cost_base"), lot.cost_base.to_string());
                return Err(MasterError::Field { field, expected: "0 or more", got });
            }
            let held = |reason| MasterError::Held { instrument: lot.instrument.clone(), reason };
            let listing = problem.market.listing(&lot.instrument).ok_or_else(|| held("it is not listed"))?;
            let price: Price = listing.price.ok_or_else(|| held("it has no price"))?;
            let value = lot.value(price).ok_or_else(|| held("its value is beyond the range of money"))?;
            total = total.checked_add(value).unwrap_or(Money::MAX);
            let at = self.place(&lot.instrument);
            let Some(at) = at else { continue };
            let share = value.to_f64() / capital.to_f64();
            self.current[at] += share;
            self.lots.push((at, share));
        }
        if total > capital {
            let (field, got) = ("held".to_owned(), format!("{total} of {capital}"));
            return Err(MasterError::Field { field, expected: "lots worth no more than the capital", got });
        }
        Ok(())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len() + self.leaving.len()
    }

    /// The place of a name.
    pub fn place(&self, name: &Name) -> Option<usize> {
        let member = self.members.binary_search_by(|member| member.name().cmp(name)).ok();
        member.or_else(|| self.leaving.binary_search(name).ok().map(|at| self.members.len() + at))
    }

    /// Names in order.
    pub fn names(&self) -> Vec<Name> {
        self.members.iter().map(|member| member.name().clone()).chain(self.leaving.iter().cloned()).collect()
    }

    /// The covariance, nothing for what leaves.
    pub fn covariance(&self, problem: &MasterProblem<'_>) -> Result<Covariance, MasterError> {
        let invalid = |error: String| MasterError::Optimizer(PortfolioError::Invalid(error));
        let own = problem.market.covariance_of(&self.members).map_err(|error| invalid(error.to_string()))?;
        if self.leaving.is_empty() {
            return Ok(own);
        }
        let all = Array2::from_shape_fn((self.len(), self.len()), |(a, b)| own.at(a, b));
        Covariance::dense(all).map_err(|error| invalid(error.to_string()))
    }
}
