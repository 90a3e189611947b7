//! Measurements of the program itself, run by `evenkeel bench`: one form of a part beside another, on the same
//! workload, with their outputs compared.

pub mod books;
pub mod drift;
pub mod kernel;
mod peers;
pub mod storm;
mod workload;
