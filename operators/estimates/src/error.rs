//! Why there is no estimate.

/// Why there is no estimate. What is missing or wrong is named; nothing is guessed in its place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EstimateError {
    /// Too few observations, instruments or factors.
    #[error("{what}: at least {needed} are needed, got {got}")]
    TooFew {
        /// What there is too little of.
        what: &'static str,
        /// The least that is needed.
        needed: usize,
        /// What there is.
        got: usize,
    },
    /// Vectors or matrices that do not fit each other.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// Which input.
        what: &'static str,
        /// Its shape, in words.
        expected: String,
        /// What was given.
        got: String,
    },
    /// A number that is infinite or none.
    #[error("{0}: expected finite numbers")]
    NotFinite(&'static str),
    /// A setting outside its range.
    #[error("{what}: expected {expected}, got {got}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// A matrix that has to be inverted and cannot be.
    #[error("{0} has no inverse: rows repeat or cancel each other")]
    Singular(&'static str),
    /// A matrix that has a negative eigenvalue.
    #[error("{0} is not positive semi-definite")]
    Indefinite(&'static str),
    /// Figures beyond the range of the numbers that hold them.
    #[error("{0} is out of range")]
    Range(&'static str),
}

impl EstimateError {
    pub(crate) fn setting(what: &'static str, expected: &'static str, got: impl ToString) -> EstimateError {
        EstimateError::Setting { what, expected, got: got.to_string() }
    }
}
