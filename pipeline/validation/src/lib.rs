//! Model validation: reference cases through the functions of production.
//!
//! A case is a JSON file: inputs, what is expected of them and how near; whoever validates the product brings
//! cases of their own. What answers a case is told by its `family` and by which inputs it has, never by its
//! name. A case that cannot be read, or that the product has nothing to answer with, is no pass.
//!
//! | module | what is in it |
//! |---|---|
//! | `case` | a case's head, inputs, expectations and tolerance, checked |
//! | `inputs` | reading inputs field by field; a fault names the field and what was expected there |
//! | `kind` | which kind of its family a case is, told by its inputs |
//! | `answer` | what the product gives, in the form of `expected` |
//! | `compare` | expected beside given, figure by figure, with deviation and tolerance |
//! | `lots`, `opt`, `risk`, `tax_au` | from inputs to calls of production, by family |
//! | `matrices` | vectors and matrices of statistics |
//! | `run`, `report` | a folder of cases; the table for people and the lines for programs |
//!
//! Numbers are decimals taken from their text: money is compared exactly, without binary fractions.
//! Statistics are binary fractions, written as the shortest decimals that are them.
#![warn(missing_docs)]

mod answer;
mod case;
mod compare;
mod inputs;
mod kind;
mod ledger;
mod lots;
mod matrices;
mod opt;
mod report;
mod risk;
mod run;
mod tax_au;

pub use case::{Family, Fault};
pub use compare::Figure;
pub use run::{CaseReport, Outcome, Report, RunError, run};
