//! What tests of the whole program share: the plain computation to compare with, real scenarios, and ways
//! to run the program and to compare what it wrote.
#![warn(missing_docs)]

pub mod batch;
mod chance;
mod history;
pub mod live;
mod outputs;
mod program;
pub mod real;

pub use chance::Dice;
pub use history::{History, basic};
pub use outputs::{left, refused};
pub use program::{Outcome, Replay, WAYS, Way, binary, compare, evenkeel, replay};
