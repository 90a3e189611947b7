//! What the product gives for a case, in the form of `expected`.

use std::collections::BTreeMap;

use evenkeel_schemas::{Money, Quantity, TradeDate};
use rust_decimal::Decimal;

/// A figure or a structure of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Nothing,
    Flag(bool),
    Text(String),
    Number(Decimal),
    Fields(BTreeMap<String, Answer>),
    /// In this order.
    List(Vec<Answer>),
    /// Objects told apart by the text in one of their fields, in any order.
    Keyed {
        key: &'static str,
        rows: BTreeMap<String, Answer>,
    },
    /// Amounts by name, written as pairs `["name", amount]` in any order.
    Pairs(BTreeMap<String, Decimal>),
}

impl Answer {
    /// Named parts.
    pub(crate) fn fields<const N: usize>(fields: [(&str, Answer); N]) -> Answer {
        Answer::Fields(named(fields))
    }
}

pub(crate) fn named<const N: usize>(fields: [(&str, Answer); N]) -> BTreeMap<String, Answer> {
    fields.map(|(name, answer)| (name.to_owned(), answer)).into()
}

impl From<bool> for Answer {
    fn from(flag: bool) -> Answer {
        Answer::Flag(flag)
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Answer {
        Answer::Text(text)
    }
}

impl From<Decimal> for Answer {
    fn from(number: Decimal) -> Answer {
        Answer::Number(number)
    }
}

impl From<i64> for Answer {
    fn from(number: i64) -> Answer {
        Answer::Number(number.into())
    }
}

impl From<usize> for Answer {
    fn from(number: usize) -> Answer {
        Answer::Number(number.into())
    }
}

impl From<Money> for Answer {
    fn from(money: Money) -> Answer {
        Answer::Number(money.to_decimal())
    }
}

impl From<Quantity> for Answer {
    fn from(quantity: Quantity) -> Answer {
        Answer::Number(quantity.to_decimal())
    }
}

impl From<TradeDate> for Answer {
    fn from(date: TradeDate) -> Answer {
        Answer::Text(date.to_string())
    }
}

impl<T: Into<Answer>> From<Option<T>> for Answer {
    fn from(maybe: Option<T>) -> Answer {
        maybe.map_or(Answer::Nothing, Into::into)
    }
}
