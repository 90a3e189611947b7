//! Answers as an event carries them, checked.

use std::collections::BTreeMap;

use evenkeel_schemas::Name;

use super::questions::{Choice, QUESTIONS, Question};

/// Why answers cannot be scored. Each names its question and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A question without an answer.
    #[error("answers.{question}: missing ({text}); expected one of {allowed}")]
    Missing {
        /// The question's id.
        question: &'static str,
        /// What it asks.
        text: &'static str,
        /// The keys of its options.
        allowed: String,
    },
    /// An answer that is none of the question's options.
    #[error("answers.{question}: expected one of {allowed}, got {got:?}")]
    UnknownOption {
        /// The question's id.
        question: &'static str,
        /// The text given, shortened.
        got: String,
        /// The keys of its options.
        allowed: String,
    },
    /// An answer to no question.
    #[error("answers.{got}: no such question; expected q1 to q10")]
    UnknownQuestion {
        /// The key given.
        got: String,
    },
}

/// All ten answers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Answers([usize; 10]);

impl Answers {
    /// Reads what `questionnaire_completed` carries: by question, the option's key.
    ///
    /// # Errors
    /// Every question that is missing, unknown or answered with no option of it, in the questions' order.
    pub fn read(answers: &BTreeMap<Name, String>) -> Result<Answers, Vec<AnswerError>> {
        let (mut chosen, mut errors) = ([0; 10], Vec::new());
        for (place, question) in chosen.iter_mut().zip(&QUESTIONS) {
            match option(question, answers.get(question.id)) {
                Ok(option) => *place = option,
                Err(error) => errors.push(error),
            }
        }
        let known = |key: &Name| QUESTIONS.iter().any(|question| question.id == key.as_str());
        let unknown = answers.keys().filter(|key| !known(key));
        errors.extend(unknown.map(|key| AnswerError::UnknownQuestion { got: key.to_string() }));
        if errors.is_empty() { Ok(Answers(chosen)) } else { Err(errors) }
    }

    /// Each question with the option chosen.
    pub fn chosen(&self) -> impl Iterator<Item = (&'static Question, &'static Choice)> + '_ {
        QUESTIONS.iter().zip(self.0).map(|(question, option)| (question, &question.options[option]))
    }

    /// The key chosen for a question, such as `q3`; nothing for a question that is none.
    pub(super) fn key(&self, question: &str) -> &'static str {
        self.chosen().find(|(asked, _)| asked.id == question).map_or("", |(_, choice)| choice.key)
    }
}

/// Which option of the question was given.
fn option(question: &Question, given: Option<&String>) -> Result<usize, AnswerError> {
    let keys: Vec<&str> = question.options.iter().map(|choice| choice.key).collect();
    let allowed = || keys.join(", ");
    let Some(given) = given else {
        return Err(AnswerError::Missing { question: question.id, text: question.text, allowed: allowed() });
    };
    keys.iter().position(|key| key == given).ok_or_else(|| AnswerError::UnknownOption {
        question: question.id,
        got: given.chars().take(40).collect(),
        allowed: allowed(),
    })
}
