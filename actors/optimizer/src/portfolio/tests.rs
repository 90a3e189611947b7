//! Promises of the construction, checked on numbers that are known.
