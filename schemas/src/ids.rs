//! Identifiers: names as the world writes them, and the dense numbers the dataflow uses for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use indexmap::IndexSet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::buckets::{Label, Labels, label_text, labels_wanted};

/// A customer, by order of onboarding. Dense, so that tables can be plain vectors; never shown to people.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerId(pub u32);

/// An instrument, or a bucket that is watched like one, by order of first use. Dense; never shown to people.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstrumentId(pub u32);

/// Why a piece of text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, too long, or with characters that names do not have.
    #[error("expected 1 to 64 letters, digits or any of . _ : / - + ^ =, got {0:?}")]
    Malformed(String),
    /// Not three capital letters.
    #[error("expected a currency of three capital letters such as AUD (ISO 4217), got {0:?}")]
    Currency(String),
    /// Not two currencies with a stroke between.
    #[error("expected a currency pair such as USD/AUD of two different currencies, got {0:?}")]
    Pair(String),
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The name of a customer, instrument, event, order, benchmark or goal: 1 to 64 of `A-Z a-z 0-9 . _ : / - + ^ =`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// A checked name.
    ///
    /// # Errors
    /// [`NameError::Malformed`] when empty, longer than 64 bytes or with other characters.
    pub fn new(text: &str) -> Result<Name, NameError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:/-+^=".contains(&b);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
            return Err(NameError::Malformed(shorten(text)));
        }
        Ok(Name(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::new(text)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An ISO 4217 currency code.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The Australian dollar, the default home currency.
    pub const AUD: Currency = Currency(*b"AUD");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Currency, NameError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Currency(code)),
            _ => Err(NameError::Currency(shorten(text))),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A currency pair: one unit of `base` costs a rate in `quote`. Written `USD/AUD`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// The currency that is priced.
    pub base: Currency,
    /// The currency it is priced in.
    pub quote: Currency,
}

impl Pair {
    /// The pair seen from the other side.
    pub fn reversed(self) -> Pair {
        Pair { base: self.quote, quote: self.base }
    }
}

impl FromStr for Pair {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Pair, NameError> {
        let bad = || NameError::Pair(shorten(text));
        let (base, quote) = text.split_once('/').ok_or_else(bad)?;
        let pair = Pair { base: base.parse().map_err(|_| bad())?, quote: quote.parse().map_err(|_| bad())? };
        if pair.base == pair.quote { Err(bad()) } else { Ok(pair) }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)
    }
}

macro_rules! as_text {
    ($name:ident, $pattern:literal, $description:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }
    };
}
as_text!(Name, "^[A-Za-z0-9._:/+^=-]{1,64}$", "a name: letters, digits and . _ : / - + ^ =");
as_text!(Currency, "^[A-Z]{3}$", "an ISO 4217 currency code");
as_text!(Pair, "^[A-Z]{3}/[A-Z]{3}$", "a currency pair: one unit of the first costs the rate in the second");

/// Names by dense number and numbers by name. Grows only.
#[derive(Clone, Debug, Default)]
pub struct Names {
    customers: IndexSet<Name>,
    instruments: IndexSet<Name>,
    labels: BTreeMap<String, Label>,
}

/// The place of a name, at the end if it is new.
fn intern(names: &mut IndexSet<Name>, name: &Name) -> u32 {
    let known = names.get_index_of(name);
    known.unwrap_or_else(|| names.insert_full(name.clone()).0) as u32
}

impl Names {
    /// The customer's number, given one if the name is new.
    pub fn intern_customer(&mut self, name: &Name) -> CustomerId {
        CustomerId(intern(&mut self.customers, name))
    }

    /// The instrument's number, given one if the name is new.
    pub fn intern_instrument(&mut self, name: &Name) -> InstrumentId {
        InstrumentId(intern(&mut self.instruments, name))
    }

    /// The labels of an instrument, by dimension; empty text is no label.
    pub fn labels(&mut self, asset_class: &str, region: &str, sector: &str) -> Labels {
        Labels([asset_class, region, sector].map(|text| self.label(label_text(text).as_deref())))
    }

    /// A bucket's number among the instruments, given one if the name is new, and the labels it asks for; `None`
    /// when the name is not one of a bucket.
    pub fn intern_bucket(&mut self, name: &Name) -> Option<(InstrumentId, Labels)> {
        let labels = Labels(labels_wanted(name.as_str())?.map(|label| self.label(label)));
        Some((self.intern_instrument(name), labels))
    }

    fn label(&mut self, text: Option<&str>) -> Label {
        let Some(text) = text else { return Label::NONE };
        if let Some(label) = self.labels.get(text) {
            return *label;
        }
        let label = Label(self.labels.len() as u32 + 1);
        self.labels.insert(text.to_owned(), label);
        label
    }

    /// The customer of this name, if known.
    pub fn customer_id(&self, name: &str) -> Option<CustomerId> {
        self.customers.get_index_of(name).map(|at| CustomerId(at as u32))
    }

    /// The instrument of this name, if known.
    pub fn instrument_id(&self, name: &str) -> Option<InstrumentId> {
        self.instruments.get_index_of(name).map(|at| InstrumentId(at as u32))
    }

    /// The customer's name; `?` for a number never given out.
    pub fn customer(&self, id: CustomerId) -> &str {
        self.customers.get_index(id.0 as usize).map_or("?", Name::as_str)
    }

    /// The instrument's name; `?` for a number never given out.
    pub fn instrument(&self, id: InstrumentId) -> &str {
        self.instruments.get_index(id.0 as usize).map_or("?", Name::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_interned_once() {
        assert!(Name::new("").is_err());
        assert!(Name::new("a b").is_err());
        assert!(Name::new(&"x".repeat(65)).is_err());
        let mut names = Names::default();
        let vas = Name::new("VAS").unwrap();
        assert_eq!(names.intern_instrument(&vas), names.intern_instrument(&vas));
        assert_eq!(names.instrument(InstrumentId(0)), "VAS");
        assert_eq!(names.instrument(InstrumentId(9)), "?");
    }

    #[test]
    fn a_pair_is_two_different_currencies() {
        assert_eq!("USD/AUD".parse::<Pair>().unwrap().to_string(), "USD/AUD");
        for bad in ["USDAUD", "USD/USD", "usd/AUD", "USD/", "/AUD", "USD/AUD/NZD"] {
            assert!(bad.parse::<Pair>().is_err(), "{bad}");
        }
    }
}
