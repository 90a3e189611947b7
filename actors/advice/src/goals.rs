//! Goals: validated, counted in days and years, and mapped to the pod that invests for them.
//!
//! Source: the flow's step 2. Years are days / 365, decided on whole days: under 2, 5 and 10 years go to pods
//! 1, 2 and 3; from 10 years on, a goal of high priority goes to pod 3, any other to pod 4. Days run from the
//! UTC day on which the goals are looked at.

use std::collections::BTreeSet;

use evenkeel_schemas::events::Goal;
use evenkeel_schemas::events::PodId;
use evenkeel_schemas::{Money, Name, Ratio, TradeDate, div_half_even};
use serde::{Deserialize, Serialize};

use crate::dates::whole_months;
use crate::words::words;

words! {
    /// How much a goal matters.
    Priority {
        /// It comes first.
        High = "high",
        /// It comes after those of high priority.
        Medium = "medium",
        /// It comes last.
        Low = "low",
    }
}

words! {
    /// Whether a goal can wait.
    Flexibility {
        /// On its date or not at all.
        Rigid = "rigid",
        /// It may come later.
        Flexible = "flexible",
    }
}

/// A year of the goal map.
const DAYS_A_YEAR: i32 = 365;

/// A goal is near when it is fewer days away than this (six months, the flow's step 8).
pub const DAYS_NEAR: i32 = 180;

/// Why a goal cannot be planned for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("goals.{goal}.{field}: expected {expected}, got {got}")]
pub struct GoalError {
    /// The goal's id.
    pub goal: Name,
    /// The field of the event.
    pub field: &'static str,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

/// A valid goal and where it is invested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoalMapping {
    /// Its id.
    pub goal: Name,
    /// Name for people.
    pub name: String,
    /// Money wanted.
    pub target_amount: Money,
    /// By when.
    pub target_date: TradeDate,
    /// How much it matters.
    pub priority: Priority,
    /// Whether it can wait.
    pub flexibility: Flexibility,
    /// Days from the day it is looked at to its date, at least 1.
    pub days_to_goal: i32,
    /// Whole calendar months, the horizon of a simulation.
    pub months_to_goal: u32,
    /// Days / 365, rounded half-even to nine decimals.
    pub years_to_goal: Ratio,
    /// Whether its date is less than 180 days away.
    pub near: bool,
    /// Where it is invested.
    pub pod: PodId,
    /// The pod's name.
    pub pod_name: String,
    /// Why there, in words.
    pub explanation: String,
}

/// Checks goals as `goals_defined` carries them and maps each to its pod, in the order given. No goals are no
/// error.
///
/// # Errors
/// Everything that is wrong with any of them: an id used twice, a name that is empty, an amount of 0 or less,
/// a date that is not after `on`, a priority or flexibility that is none.
pub fn map_goals(on: TradeDate, goals: &[Goal]) -> Result<Vec<GoalMapping>, Vec<GoalError>> {
    let (mut mapped, mut errors, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    for goal in goals {
        if !ids.insert(&goal.goal) {
            errors.push(error(goal, "goal", "an id that no other goal has", goal.goal.as_str()));
        }
        match map_goal(on, goal) {
            Ok(mapping) => mapped.push(mapping),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(mapped) } else { Err(errors) }
}

fn map_goal(on: TradeDate, goal: &Goal) -> Result<GoalMapping, Vec<GoalError>> {
    let mut errors = Vec::new();
    if goal.name.trim().is_empty() {
        errors.push(error(goal, "name", "a name for people", &goal.name));
    }
    if goal.target_amount <= Money::ZERO {
        let got = goal.target_amount.to_string();
        errors.push(error(goal, "target_amount", "an amount above 0", &got));
    }
    if goal.target_date <= on {
        let expected = format!("a date after {on}");
        errors.push(error(goal, "target_date", &expected, &goal.target_date.to_string()));
    }
    let (priority, flexibility) =
        (Priority::from_text(&goal.priority), Flexibility::from_text(&goal.flexibility));
    if priority.is_none() {
        errors.push(error(goal, "priority", "one of high, medium, low", &goal.priority));
    }
    if flexibility.is_none() {
        errors.push(error(goal, "flexibility", "one of rigid, flexible", &goal.flexibility));
    }
    match (priority, flexibility) {
        (Some(priority), Some(flexibility)) if errors.is_empty() => {
            Ok(mapping(on, goal, priority, flexibility))
        }
        _ => Err(errors),
    }
}

fn mapping(on: TradeDate, goal: &Goal, priority: Priority, flexibility: Flexibility) -> GoalMapping {
    let days = goal.target_date.days() - on.days();
    let pod = pod_of(days, priority);
    let years = div_half_even(i128::from(days) * i128::from(Ratio::ONE), i128::from(DAYS_A_YEAR));
    GoalMapping {
        goal: goal.goal.clone(),
        name: goal.name.clone(),
        target_amount: goal.target_amount,
        target_date: goal.target_date,
        priority,
        flexibility,
        days_to_goal: days,
        months_to_goal: whole_months(on, goal.target_date),
        // Dates lie between 1900 and 2200: at most 300 years.
        years_to_goal: Ratio::from_wide(years).unwrap_or(Ratio::MAX),
        near: days < DAYS_NEAR,
        pod,
        pod_name: pod.name().to_owned(),
        explanation: explain(goal, days, priority, pod),
    }
}

/// The pod for a goal so many days away.
pub fn pod_of(days: i32, priority: Priority) -> PodId {
    match (days, priority) {
        (..730, _) => PodId::Preservation,
        (..1825, _) => PodId::Income,
        (..3650, _) | (_, Priority::High) => PodId::Growth,
        _ => PodId::Opportunistic,
    }
}

fn explain(goal: &Goal, days: i32, priority: Priority, pod: PodId) -> String {
    let span = match (days, priority) {
        (..730, _) => "under 2 years".to_owned(),
        (..1825, _) => "2 to under 5 years".to_owned(),
        (..3650, _) => "5 to under 10 years".to_owned(),
        _ => format!("10 years or more, {priority} priority"),
    };
    // Tenths of a year are enough for a sentence.
    let tenths = div_half_even(i128::from(days) * 10, i128::from(DAYS_A_YEAR));
    format!(
        "{} on {} is {days} days or {}.{} years away: {span}, so {pod} ({}).",
        goal.name,
        goal.target_date,
        tenths / 10,
        tenths % 10,
        pod.name()
    )
}

fn error(goal: &Goal, field: &'static str, expected: &str, got: &str) -> GoalError {
    let got = if got.is_empty() { "nothing".to_owned() } else { got.chars().take(60).collect() };
    GoalError { goal: goal.goal.clone(), field, expected: expected.to_owned(), got }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(id: &str, date: &str, priority: &str) -> Goal {
        Goal {
            goal: id.parse().unwrap(),
            name: id.to_owned(),
            target_amount: Money::from_whole(1000).unwrap(),
            target_date: date.parse().unwrap(),
            priority: priority.to_owned(),
            flexibility: "rigid".to_owned(),
        }
    }

    #[test]
    fn the_pod_changes_at_2_5_and_10_years_of_365_days() {
        let cases = [
            (1, PodId::Preservation, PodId::Preservation),
            (729, PodId::Preservation, PodId::Preservation),
            (730, PodId::Income, PodId::Income),
            (1824, PodId::Income, PodId::Income),
            (1825, PodId::Growth, PodId::Growth),
            (3649, PodId::Growth, PodId::Growth),
            (3650, PodId::Growth, PodId::Opportunistic),
            (10_585, PodId::Growth, PodId::Opportunistic),
        ];
        for (days, high, other) in cases {
            assert_eq!(pod_of(days, Priority::High), high, "{days} days, high");
            assert_eq!(pod_of(days, Priority::Medium), other, "{days} days, medium");
            assert_eq!(pod_of(days, Priority::Low), other, "{days} days, low");
        }
    }

    #[test]
    fn days_and_years_are_counted_from_the_day() {
        let on = "2025-11-15".parse().unwrap();
        let mapped =
            map_goals(on, &[goal("a", "2026-11-15", "high"), goal("b", "2026-05-13", "low")]).unwrap();
        assert_eq!((mapped[0].days_to_goal, mapped[0].years_to_goal.to_string()), (365, "1".to_owned()));
        // 179 days: near.
        assert_eq!((mapped[1].days_to_goal, mapped[1].near), (179, true));
        let at_180 = map_goals(on, &[goal("c", "2026-05-14", "low")]).unwrap();
        assert!(!at_180[0].near, "{}", at_180[0].days_to_goal);
        assert!(mapped[0].explanation.contains("1.0 years away: under 2 years, so POD1 (Preservation)"));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let on = "2025-11-15".parse().unwrap();
        let mut bad = goal("a", "2025-11-15", "urgent");
        bad.target_amount = Money::ZERO;
        bad.flexibility = String::new();
        bad.name = " ".to_owned();
        let errors = map_goals(on, &[goal("a", "2026-01-01", "high"), bad]).unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "goals.a.goal: expected an id that no other goal has, got a",
                "goals.a.name: expected a name for people, got  ",
                "goals.a.target_amount: expected an amount above 0, got 0",
                "goals.a.target_date: expected a date after 2025-11-15, got 2025-11-15",
                "goals.a.priority: expected one of high, medium, low, got urgent",
                "goals.a.flexibility: expected one of rigid, flexible, got nothing",
            ]
        );
        assert_eq!(map_goals(on, &[]), Ok(Vec::new()));
    }
}
