//! Evenkeel.
