//! What is agreed with customers, as far as the view has to know: few have anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_operators::facts::{PlannedFlow, Version};
use evenkeel_schemas::{AccrualRow, Money};

use super::state;
use crate::few::Few;

/// What is agreed with a customer, and what comes of it.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    accruals: Vec<AccrualRow>,
    planned: BTreeMap<Arc<str>, Few<Version, Arc<PlannedFlow>>>,
}

impl Agreed {
    /// Fees and interest that are not paid yet.
    pub fn accruals(&self) -> &[AccrualRow] {
        &self.accruals
    }

    /// What the customer plans to pay in or take out.
    pub fn planned(&self) -> impl Iterator<Item = &Arc<PlannedFlow>> {
        self.planned.values().filter_map(Few::last).filter(|flow| flow.amount != Money::ZERO)
    }

    pub(super) fn plan(&mut self, version: Version, flow: &Arc<PlannedFlow>, diff: isize) {
        let flows = self.planned.entry(flow.flow.clone()).or_default();
        state(flows, version, flow.clone(), diff);
        if flows.is_empty() {
            self.planned.remove(&flow.flow);
        }
    }

    pub(super) fn accrues(&mut self, row: &AccrualRow) {
        self.accruals.push(*row);
    }

    pub(super) fn accrues_no_more(&mut self, row: &AccrualRow) {
        self.accruals.retain(|known| known != row);
    }

    /// Whether nothing is agreed.
    pub(super) fn is_empty(&self) -> bool {
        self.accruals.is_empty() && self.planned.is_empty()
    }
}
