//! Answers that do not fit each other or what else is known of the customer.
//!
//! A note stops nothing and moves no score: an adviser asks the customer again.

use evenkeel_schemas::TradeDate;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use crate::dates::age_on;
use crate::goals::GoalMapping;
use crate::words::{listed, words};

words! {
    /// What does not fit what.
    NoteKind {
        /// The age answered and the date of birth.
        Age = "age",
        /// The experience answered and the profile's.
        Experience = "experience",
        /// The horizon answered and the goals' dates.
        HorizonAndGoals = "horizon_and_goals",
        /// Access ruled out, and a goal to be paid within it.
        AccessAndGoals = "access_and_goals",
        /// A horizon of at most two years, and no access wanted in them.
        HorizonAndAccess = "horizon_and_access",
        /// A small loss tolerated, and a large one sat out.
        LossAndReaction = "loss_and_reaction",
        /// A high return expected, and only a small loss tolerated.
        LossAndReturn = "loss_and_return",
        /// Capital to be preserved, and a high return expected.
        GoalAndReturn = "goal_and_return",
        /// Uncomfortable with volatility, and buying more in a fall.
        FeelingAndReaction = "feeling_and_reaction",
    }
}

/// Something to ask the customer about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// What does not fit.
    pub kind: NoteKind,
    /// The questions it is about.
    pub questions: Vec<String>,
    /// In words.
    pub text: String,
}

/// What else is known of the customer.
#[derive(Copy, Clone, Debug)]
pub struct Known<'a> {
    /// The day on which it is known.
    pub on: TradeDate,
    /// Date of birth.
    pub birth_date: Option<TradeDate>,
    /// Experience as the profile words it; compared where it is an option's key of q5.
    pub experience: Option<&'a str>,
    /// The goals, none where they are not known.
    pub goals: &'a [GoalMapping],
}

/// What does not fit, in the order of [`NoteKind`].
pub fn consistency(answers: &Answers, known: &Known<'_>) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |kind, questions: &[&str], text: Option<String>| {
        let questions = questions.iter().map(|question| (*question).to_owned()).collect();
        notes.extend(text.map(|text| Note { kind, questions, text }));
    };
    note(NoteKind::Age, &["q1"], age(answers, known));
    note(NoteKind::Experience, &["q5"], experience(answers, known));
    note(NoteKind::HorizonAndGoals, &["q2"], horizon_and_goals(answers, known));
    note(NoteKind::AccessAndGoals, &["q8"], access_and_goals(answers, known));
    for (kind, (first, firsts), (second, seconds), text) in CLASHES {
        let clash = firsts.contains(&answers.key(first)) && seconds.contains(&answers.key(second));
        note(kind, &[first, second], clash.then(|| text.to_owned()));
    }
    notes
}

/// A question and the answers to it.
type Given = (&'static str, &'static [&'static str]);

/// Pairs of answers that do not fit each other.
const CLASHES: [(NoteKind, Given, Given, &str); 5] = [
    (
        NoteKind::HorizonAndAccess,
        ("q2", &["0_to_2_years"]),
        ("q8", &["no"]),
        "a time horizon of at most 2 years, but no access needed in the next 2 years",
    ),
    (
        NoteKind::LossAndReaction,
        ("q6", &["5_percent", "10_percent"]),
        ("q3", &["hold", "buy_more"]),
        "at most a tenth may be lost in a year, but a fall of 30% would be sat out or bought into",
    ),
    (
        NoteKind::LossAndReturn,
        ("q6", &["5_percent", "10_percent"]),
        ("q10", &["7_to_10_percent", "10_percent_or_more"]),
        "at most a tenth may be lost in a year, but a return of 7% or more is expected, which no portfolio \
         with so little risk can promise",
    ),
    (
        NoteKind::GoalAndReturn,
        ("q4", &["capital_preservation"]),
        ("q10", &["7_to_10_percent", "10_percent_or_more"]),
        "capital is to be preserved, but a return of 7% or more is expected",
    ),
    (
        NoteKind::FeelingAndReaction,
        ("q9", &["very_uncomfortable", "uncomfortable"]),
        ("q3", &["buy_more"]),
        "volatility is uncomfortable, but more would be bought in a fall of 30%",
    ),
];

/// The options of q1 meet at 30, 45 and 60. "Under 30" leaves 30 to the next; 45 fits both of its neighbours;
/// "over 60" leaves 60 to the one before.
fn age(answers: &Answers, known: &Known<'_>) -> Option<String> {
    let birth = known.birth_date?;
    let age = age_on(birth, known.on)?;
    let answer = answers.key("q1");
    let fits = match answer {
        "under_30" => age < 30,
        "30_to_45" => (30..=45).contains(&age),
        "45_to_60" => (45..=60).contains(&age),
        _ => age > 60,
    };
    (!fits).then(|| format!("the answer is {answer}, but who was born on {birth} is {age} on {}", known.on))
}

fn experience(answers: &Answers, known: &Known<'_>) -> Option<String> {
    let profile = known.experience?.trim().to_lowercase();
    let answer = answers.key("q5");
    let comparable = ["none", "beginner", "intermediate", "advanced"].contains(&profile.as_str());
    (comparable && profile != answer)
        .then(|| format!("the answer is {answer}, but the profile says {profile}"))
}

/// The goal furthest away should lie within the horizon answered, and not far beyond it.
fn horizon_and_goals(answers: &Answers, known: &Known<'_>) -> Option<String> {
    let furthest = known.goals.iter().max_by_key(|goal| goal.days_to_goal)?;
    let answer = answers.key("q2");
    // Years as the goal map counts them: days / 365.
    let (from, to) = match answer {
        "0_to_2_years" => (0, 2),
        "2_to_5_years" => (2, 5),
        "5_to_10_years" => (5, 10),
        _ => (10, i64::MAX / 365),
    };
    let fits = (from * 365..=to * 365).contains(&i64::from(furthest.days_to_goal));
    (!fits).then(|| {
        format!(
            "the answer is {answer}, but the goal furthest away, {}, is due on {}, {} days from now",
            furthest.goal, furthest.target_date, furthest.days_to_goal
        )
    })
}

fn access_and_goals(answers: &Answers, known: &Known<'_>) -> Option<String> {
    let answer = answers.key("q8");
    if !["no", "unlikely"].contains(&answer) {
        return None;
    }
    let soon = known.goals.iter().filter(|goal| goal.days_to_goal < 2 * 365);
    let soon: Vec<String> = soon.map(|goal| format!("{} on {}", goal.goal, goal.target_date)).collect();
    (!soon.is_empty())
        .then(|| format!("the answer is {answer}, but money is due in the next 2 years: {}", listed(&soon)))
}
