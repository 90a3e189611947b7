//! From points to a score, a category and the words for it.
//!
//! The flow adds up to 195 points and clamps at 100, which makes almost everybody aggressive. Here the sum is
//! scaled: `score = round((sum - 40) / 155 * 100)`, 40 and 195 being the least and most possible. Points come
//! in fives, so the quotient is a multiple of 100/31 and never lies half-way between two scores.

use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::questions::{POINTS_LEAST, POINTS_MOST};
use crate::words::{listed, words};

words! {
    /// How much risk a customer may be put to.
    Category {
        /// Scores 0 to 30.
        Conservative = "conservative",
        /// Scores 31 to 60.
        Moderate = "moderate",
        /// Scores 61 to 80.
        Growth = "growth",
        /// Scores 81 to 100.
        Aggressive = "aggressive",
    }
}

impl Category {
    /// The category of a score; scores above 100 count as 100.
    pub fn of_score(score: u32) -> Category {
        match score {
            0..=30 => Category::Conservative,
            31..=60 => Category::Moderate,
            61..=80 => Category::Growth,
            _ => Category::Aggressive,
        }
    }

    /// Its lowest and highest score.
    pub fn scores(self) -> (u32, u32) {
        match self {
            Category::Conservative => (0, 30),
            Category::Moderate => (31, 60),
            Category::Growth => (61, 80),
            Category::Aggressive => (81, 100),
        }
    }

    /// What it means, for the customer.
    pub fn description(self) -> &'static str {
        match self {
            Category::Conservative => {
                "You have a conservative risk profile. Keeping what you have comes before growth, and \
                 fluctuations should stay small."
            }
            Category::Moderate => {
                "You have a moderate risk profile. You accept some fluctuation for income and growth, and \
                 want losses to stay limited."
            }
            Category::Growth => {
                "You have a growth-oriented risk profile with moderate tolerance for volatility. You're \
                 comfortable with market fluctuations and have a long-term investment horizon."
            }
            Category::Aggressive => {
                "You have an aggressive risk profile. You want the most growth, accept large fluctuations \
                 and can sit out years of loss."
            }
        }
    }
}

/// What one answer did to the score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerEffect {
    /// The question's id.
    pub question: String,
    /// What it is about.
    pub about: String,
    /// The option's key.
    pub answer: String,
    /// The option as the customer reads it.
    pub text: String,
    /// Points it gave.
    pub points: u32,
    /// Points of the question's most cautious option.
    pub least: u32,
    /// Points of its boldest.
    pub most: u32,
}

/// What the questionnaire says of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskProfile {
    /// 0 to 100.
    pub risk_score: u32,
    /// Its category.
    pub risk_category: Category,
    /// What the category means.
    pub risk_description: String,
    /// The sum of points, 40 to 195.
    pub points: u32,
    /// By question, in order.
    pub answers: Vec<AnswerEffect>,
    /// Which answers moved the score, in words.
    pub explanation: String,
}

/// Scores ten answers.
pub fn risk_profile(answers: &Answers) -> RiskProfile {
    let effects: Vec<AnswerEffect> = answers
        .chosen()
        .map(|(question, choice)| AnswerEffect {
            question: question.id.to_owned(),
            about: question.about.to_owned(),
            answer: choice.key.to_owned(),
            text: choice.text.to_owned(),
            points: choice.points,
            least: question.least(),
            most: question.most(),
        })
        .collect();
    let points = effects.iter().map(|effect| effect.points).sum();
    let score = score(points);
    let category = Category::of_score(score);
    RiskProfile {
        risk_score: score,
        risk_category: category,
        risk_description: category.description().to_owned(),
        points,
        explanation: explain(points, score, category, &effects),
        answers: effects,
    }
}

/// `round((points - 40) / 155 * 100)` on integers.
fn score(points: u32) -> u32 {
    let range = POINTS_MOST - POINTS_LEAST;
    (points.saturating_sub(POINTS_LEAST) * 200 + range) / (2 * range)
}

fn explain(points: u32, score: u32, category: Category, effects: &[AnswerEffect]) -> String {
    let (low, high) = category.scores();
    let sum = format!(
        "{points} points, where {POINTS_LEAST} is the least and {POINTS_MOST} the most possible, are a score \
         of {score} of 100: {category} ({low} to {high})."
    );
    let raised = foremost(effects, |effect| effect.points - effect.least);
    let held_back = foremost(effects, |effect| effect.most - effect.points);
    let raised = match raised.as_str() {
        "" => "Every answer is the most cautious one.".to_owned(),
        answers => format!("What raised it most: {answers}."),
    };
    let held_back = match held_back.as_str() {
        "" => "Every answer is the boldest one.".to_owned(),
        answers => format!("What held it back most: {answers}."),
    };
    format!("{sum} {raised} {held_back}")
}

/// The answers with the greatest measure, in words; nothing when it is 0 for all.
fn foremost(effects: &[AnswerEffect], measure: impl Fn(&AnswerEffect) -> u32) -> String {
    let greatest = effects.iter().map(&measure).max().unwrap_or(0);
    let named: Vec<String> = effects
        .iter()
        .filter(|effect| greatest > 0 && measure(effect) == greatest)
        .map(|effect| {
            let AnswerEffect { question, about, text, points, most, .. } = effect;
            format!("{question} {about}, \"{text}\" ({points} of {most})")
        })
        .collect();
    listed(&named)
}
