//! The risk questionnaire: ten questions, a score, and what does not fit together.

mod answers;
mod consistency;
mod questions;
mod score;
#[cfg(test)]
mod tests;

pub use answers::{AnswerError, Answers};
pub use consistency::{Known, Note, NoteKind, consistency};
pub use questions::{Choice, POINTS_LEAST, POINTS_MOST, QUESTIONS, Question};
pub use score::{AnswerEffect, Category, RiskProfile, risk_profile};
