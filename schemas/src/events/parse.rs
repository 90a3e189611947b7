//! From a line of bytes to a checked event, or a refusal that names the field and what was expected.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::check::check;
use super::types::{Event, EventType};

/// Why a line is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Refusal {
    /// The field at fault, `line` when the line as a whole is.
    pub field: String,
    /// What was expected and what was there.
    pub reason: String,
}

impl Refusal {
    /// A refusal for a field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Refusal {
        Refusal { field: field.into(), reason: reason.into() }
    }
}

/// Reads one line.
///
/// # Errors
/// A [`Refusal`] for anything but one complete, known and sensible event.
pub fn parse_event(line: &[u8]) -> Result<Event, Refusal> {
    let text = std::str::from_utf8(line).map_err(|error| {
        Refusal::new("line", format!("expected UTF-8; byte {} is not", error.valid_up_to() + 1))
    })?;
    let event = match type_ahead(text).and_then(|kind| Event::decode(kind, text).ok()) {
        Some(event) => event,
        // What is refused is refused for what is looked at first.
        None => Event::decode(type_of(text)?, text)?,
    };
    check(&event)?;
    Ok(event)
}

/// The type where it stands first, as writers of events put it: then the line is read once.
fn type_ahead(text: &str) -> Option<EventType> {
    let (name, _) = text.strip_prefix("{\"type\":\"")?.split_once('"')?;
    EventType::from_text(name)
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Option<Cow<'a, str>>,
}

fn type_of(text: &str) -> Result<EventType, Refusal> {
    let head: Head = serde_json::from_str(text).map_err(|error| Refusal::new("line", malformed(&error)))?;
    let name = head.event_type.ok_or_else(|| Refusal::new("type", "expected a field \"type\""))?;
    known_type(&name)
}

fn known_type(name: &str) -> Result<EventType, Refusal> {
    EventType::from_text(name).ok_or_else(|| {
        let known: Vec<&str> = EventType::ALL.iter().map(|t| t.as_str()).collect();
        let shown: String = name.chars().take(40).collect();
        Refusal::new("type", format!("unknown type {shown:?}; expected one of {}", known.join(", ")))
    })
}

fn malformed(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the line ends in the middle of the event",
        _ => "expected one JSON object",
    };
    format!("{what} ({error})")
}

/// Reads the body of an event from its whole line.
pub(super) fn body<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|_| {
        // The path is worked out only for lines that are refused: it slows reading down.
        let mut reader = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(error) => refusal_at(&error.path().to_string(), &error.inner().to_string()),
            Ok(_) => Refusal::new("line", "expected nothing after the event"),
        }
    })
}

/// A refusal within a correction's replacement names the field of the replacement.
fn refusal_at(path: &str, message: &str) -> Refusal {
    match (path, message.split_once(": ")) {
        (".", _) => Refusal::new(field_named_in(message), message),
        ("with", Some((field, reason))) => Refusal::new(format!("with.{field}"), reason),
        _ => Refusal::new(path, message),
    }
}

/// serde reports a missing, unknown or repeated field at the object that holds it; its name is in the text.
fn field_named_in(message: &str) -> String {
    message.split('`').nth(1).unwrap_or("line").to_owned()
}

impl<'de> Deserialize<'de> for Event {
    /// From JSON only: the text is read as a line is, with the same checks.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        parse_event(text.get().as_bytes()).map_err(de::Error::custom)
    }
}

/// `with` of a correction: it must be there, as an event or as null.
pub(super) fn replacement<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Event>, D::Error> {
    Option::<Box<RawValue>>::deserialize(deserializer)?
        .map(|text| parse_event(text.get().as_bytes()).map_err(de::Error::custom))
        .transpose()
}

/// A map in which no key stands twice.
pub(super) fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);
    impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for Unique<K, V> {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with each key once")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<BTreeMap<K, V>, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<K, V>()? {
                if map.contains_key(&key) {
                    return Err(de::Error::custom(format!("expected each key once, {key} stands twice")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Unique(PhantomData))
}

/// The JSON Schema of an event, made from the types.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Event)
}
