//! What a customer says of risk and goals, at the door.

use std::fmt::Display;

use evenkeel_advice::{Answers, map_goals};
use evenkeel_operators::facts::{Fact, Input, Reason};
use evenkeel_schemas::events::{
    Event, GoalsDefined, MasterPortfolioOptimized, QuestionnaireCompleted, Refusal, TriggerKind,
};
use evenkeel_schemas::{Epoch, Measure, Money, Name};

use super::{Admission, Inputs};

/// The first of several faults, each told as `field: reason`.
fn refusal<E: Display>(errors: &[E]) -> Refusal {
    let text = errors.first().map(ToString::to_string).unwrap_or_default();
    let (field, reason) = text.split_once(": ").unwrap_or(("line", &text));
    Refusal::new(field, reason)
}

impl Admission {
    /// An event on a customer's way from a questionnaire to a portfolio that is watched.
    pub(super) fn advised(&self, event: &Event, epoch: Epoch) -> Result<Inputs, Refusal> {
        match event {
            Event::QuestionnaireCompleted(e) => self.questionnaire(e),
            Event::GoalsDefined(e) => self.goals(e),
            Event::PodAllocationCalculated(e) => self.of_customer(&e.customer),
            Event::PodOptimized(e) => self.of_customer(&e.customer),
            Event::MasterPortfolioOptimized(e) => self.portfolio(e, epoch),
            Event::TaxOptimizationCompleted(e) => self.of_customer(&e.customer),
            Event::TradesExecuted(e) => self.of_customer(&e.customer),
            Event::PortfolioMonitoringStarted(e) => self.of_customer(&e.customer),
            Event::ReviewDue(e) => self.asked(&e.customer, TriggerKind::Calendar, e.id.as_ref(), epoch),
            _ => Ok(Inputs::new()),
        }
    }

    /// All ten questions, each with one of its options.
    fn questionnaire(&self, e: &QuestionnaireCompleted) -> Result<Inputs, Refusal> {
        self.customer(&e.customer)?;
        Answers::read(&e.answers).map_err(|errors| refusal(&errors))?;
        Ok(Inputs::new())
    }

    /// Goals that can be planned for, seen from the day of `at`.
    fn goals(&self, e: &GoalsDefined) -> Result<Inputs, Refusal> {
        self.customer(&e.customer)?;
        map_goals(e.at.date(), &e.goals).map_err(|errors| refusal(&errors))?;
        Ok(Inputs::new())
    }

    /// What is concluded of a customer changes nothing by itself; the targets that follow do.
    fn of_customer(&self, customer: &Name) -> Result<Inputs, Refusal> {
        self.customer(customer).map(|_| Inputs::new())
    }

    /// A portfolio that takes the place of an earlier one is a reason to act.
    fn portfolio(&self, e: &MasterPortfolioOptimized, epoch: Epoch) -> Result<Inputs, Refusal> {
        match e.trigger.filter(|kind| !kind.is_of_prices()) {
            Some(kind) => self.asked(&e.customer, kind, e.id.as_ref(), epoch),
            None => self.of_customer(&e.customer),
        }
    }

    /// An event is a reason to act.
    fn asked(
        &self,
        customer: &Name,
        kind: TriggerKind,
        id: Option<&Name>,
        epoch: Epoch,
    ) -> Result<Inputs, Refusal> {
        let key = self.request(self.customer(customer)?, kind, id, epoch);
        let nothing = Measure::Amount(Money::ZERO);
        let reason = Reason { key, measure: nothing, limit: nothing };
        Ok(Inputs::from([(Input::Fact(Fact::Request(Box::new(reason))), 1)]))
    }
}
