//! What the operators of the books say: one vocabulary, so that their streams are told apart once, at the end.

use evenkeel_schemas::{AnomalyKind, CustomerId, LotRow, Row};

use crate::facts::Fact;
use crate::known::Known;

/// Something that an operator of the books maintains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// What holds, for those who value and watch.
    Known(Known),
    /// A row of an output collection.
    Row(Row),
    /// An open lot of a customer whose lots are followed.
    Lot(Box<LotRow>),
    /// What is not as it should be of a customer.
    Fault(CustomerId, AnomalyKind),
    /// What follows for other operators of the books.
    Follows(Fact),
}

impl Told {
    pub(crate) fn known(self) -> Option<Known> {
        match self {
            Told::Known(known) => Some(known),
            _ => None,
        }
    }

    pub(crate) fn row(self) -> Option<Row> {
        match self {
            Told::Row(row) => Some(row),
            _ => None,
        }
    }

    pub(crate) fn lot(self) -> Option<Box<LotRow>> {
        match self {
            Told::Lot(row) => Some(row),
            _ => None,
        }
    }

    pub(crate) fn fault(self) -> Option<(CustomerId, AnomalyKind)> {
        match self {
            Told::Fault(customer, kind) => Some((customer, kind)),
            _ => None,
        }
    }

    pub(crate) fn follows(self) -> Option<Fact> {
        match self {
            Told::Follows(fact) => Some(fact),
            _ => None,
        }
    }
}
