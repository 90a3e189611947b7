//! Reading a case field by field. A fault names the field and what was expected there.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::case::Fault;

/// A place in a case.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    /// Such as `inputs.trades[3].qty`.
    at: String,
}

impl<'a> Node<'a> {
    pub(crate) fn new(value: &'a Value, at: &str) -> Node<'a> {
        Node { value, at: at.to_owned() }
    }

    /// A fault here.
    pub(crate) fn fault(&self, problem: impl Display) -> Fault {
        Fault { field: self.at.clone(), problem: problem.to_string() }
    }

    fn expected(&self, what: &str) -> Fault {
        self.fault(format_args!("expected {what}, got {}", shown(self.value)))
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    pub(crate) fn fields(&self) -> Result<&'a Map<String, Value>, Fault> {
        self.value.as_object().ok_or_else(|| self.expected("an object"))
    }

    /// A field that may be left out, or be null.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Node<'a>>, Fault> {
        let value = self.fields()?.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Node { value, at: self.below(name) }))
    }

    pub(crate) fn get(&self, name: &str) -> Result<Node<'a>, Fault> {
        let missing = || Fault { field: self.below(name), problem: "missing".to_owned() };
        let value = self.fields()?.get(name).ok_or_else(missing)?;
        Ok(Node { value, at: self.below(name) })
    }

    fn below(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// That there are no other fields: an input that is not read would not be validated.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.fields()?.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let problem = format!("not read here; known are {}", known.join(", "));
                Err(Fault { field: self.below(name), problem })
            }
        }
    }

    pub(crate) fn list(&self) -> Result<Vec<Node<'a>>, Fault> {
        let list = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let node = |(n, value)| Node { value, at: format!("{}[{n}]", self.at) };
        Ok(list.iter().enumerate().map(node).collect())
    }

    pub(crate) fn text(&self) -> Result<&'a str, Fault> {
        self.value.as_str().ok_or_else(|| self.expected("text"))
    }

    pub(crate) fn flag(&self) -> Result<bool, Fault> {
        self.value.as_bool().ok_or_else(|| self.expected("true or false"))
    }

    /// A number, from its text.
    pub(crate) fn number<T: FromStr<Err: Display>>(&self) -> Result<T, Fault> {
        let text = number_text(self.value).ok_or_else(|| self.expected("a number"))?;
        text.parse().map_err(|error| self.fault(error))
    }

    /// A number that is not negative.
    pub(crate) fn amount<T: FromStr<Err: Display> + Default + PartialOrd>(&self) -> Result<T, Fault> {
        let amount = self.number()?;
        if amount < T::default() { Err(self.expected("zero or more")) } else { Ok(amount) }
    }

    /// A number above zero.
    pub(crate) fn positive<T: FromStr<Err: Display> + Default + PartialOrd>(&self) -> Result<T, Fault> {
        let amount = self.number()?;
        if amount <= T::default() { Err(self.expected("more than zero")) } else { Ok(amount) }
    }

    /// What is written as text, such as a date.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self) -> Result<T, Fault> {
        self.text()?.parse().map_err(|error| self.fault(error))
    }

    /// One of a few words.
    pub(crate) fn word<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_value(Value::String(self.text()?.to_owned())).map_err(|error| self.fault(error))
    }
}

/// A number's digits, without exponent; numbers may also be written as text.
pub(crate) fn number_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map(|number| number.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A value as people are shown it: short.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Number(_) => number_text(value).unwrap_or_default(),
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}
