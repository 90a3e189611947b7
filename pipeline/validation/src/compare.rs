//! What is expected beside what the product gives, figure by figure.
//!
//! A number passes if |got − expected| <= abs + rel · |expected|; everything else has to be the same. What is
//! expected has to be given. Objects may give more than is expected; lists are compared whole.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::inputs::number_text;

/// One figure of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Where it stands under `expected`, such as `fifo.sales[s1].gain`.
    pub name: String,
    /// What is expected; numbers as text, null for nothing.
    pub expected: Value,
    /// What the product gives; numbers as text, null for nothing.
    pub got: Value,
    /// Got less expected, of numbers.
    pub deviation: Option<Decimal>,
    /// The largest deviation that passes, of numbers.
    pub tolerance: Option<Decimal>,
    /// Whether it is near enough.
    pub passes: bool,
    /// Why it could not be compared.
    pub problem: Option<String>,
}

/// How near is near enough: `abs + rel · |expected|`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) abs: Decimal,
    pub(crate) rel: Decimal,
}

/// Limits by the field that they are for; without a name, those of every number. Without any: exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerance(BTreeMap<String, Limit>);

impl Tolerance {
    pub(crate) fn of_mut(&mut self, field: &str) -> &mut Limit {
        self.0.entry(field.to_owned()).or_default()
    }

    /// A field without a limit of its own takes that of another, if there is one.
    pub(crate) fn like(&mut self, field: &str, other: &str) {
        if let Some(limit) = self.0.get(other).copied() {
            self.0.entry(field.to_owned()).or_insert(limit);
        }
    }

    /// Whether there are limits for published figures.
    pub(crate) fn knows_published(&self) -> bool {
        self.0.keys().any(|name| published(name).is_some())
    }

    /// A field that was printed with so many decimals, without a limit of its own, may be half a unit of the
    /// last one away.
    pub(crate) fn printed(&mut self, field: &str, decimals: u32) {
        let half = Decimal::new(5, decimals.min(20) + 1);
        self.0.entry(field.to_owned()).or_insert(Limit { abs: half, rel: Decimal::ZERO });
    }

    /// The limit for a figure under these fields, outermost first: that of the innermost field that has one
    /// of its own. Under `published` those of published figures come first: `published_returns` is for
    /// `returns` and for what ends in `_returns`, and where none fits it is the narrowest of them.
    fn at(&self, fields: &[String]) -> Limit {
        let inside = fields.iter().position(|field| field == PUBLISHED).map(|at| &fields[at + 1..]);
        let printed = inside.into_iter().flat_map(|inside| {
            let own =
                inside.iter().rev().map(|field| self.of_published(field).unwrap_or_default().to_owned());
            own.filter(|name| !name.is_empty()).chain([PUBLISHED.to_owned()])
        });
        let named = printed.chain(fields.iter().rev().cloned());
        let narrowest = || {
            let printed = self.0.iter().filter(|(name, _)| published(name).is_some());
            inside.and(printed.map(|(_, limit)| limit).min_by_key(|limit| (limit.abs, limit.rel)))
        };
        let named = named.filter_map(|field| self.0.get(&field)).next();
        named.or_else(narrowest).or_else(|| self.0.get("")).copied().unwrap_or_default()
    }

    /// The name of the limit for a published field: of those that fit the longest.
    fn of_published(&self, field: &str) -> Option<&str> {
        let fits = |name: &&String| {
            let ending = published(name);
            ending
                .and_then(|ending| field.strip_suffix(ending))
                .is_some_and(|start| start.is_empty() || start.ends_with('_'))
        };
        self.0.keys().filter(fits).max_by_key(|name| name.len()).map(String::as_str)
    }
}

/// The field under which figures stand as they were printed, rounded.
const PUBLISHED: &str = "published";

/// Which published fields a limit of that name is for.
fn published(limit: &str) -> Option<&str> {
    limit.strip_prefix(PUBLISHED)?.strip_prefix('_')
}

/// Compares an answer with what is expected.
pub(crate) fn compare(expected: &Value, got: &Answer, tolerance: &Tolerance) -> Vec<Figure> {
    let mut comparison = Comparison { tolerance, figures: Vec::new() };
    comparison.walk(&Place::default(), expected, got);
    comparison.figures
}

/// Where a figure stands.
#[derive(Clone, Default)]
struct Place {
    name: String,
    /// The names of fields on the way.
    fields: Vec<String>,
}

impl Place {
    fn field(&self, field: &str) -> Place {
        let mut place = self.clone();
        if !place.name.is_empty() {
            place.name.push('.');
        }
        place.name.push_str(field);
        place.fields.push(field.to_owned());
        place
    }

    fn item(&self, item: impl std::fmt::Display) -> Place {
        Place { name: format!("{}[{item}]", self.name), fields: self.fields.clone() }
    }
}

struct Comparison<'a> {
    tolerance: &'a Tolerance,
    figures: Vec<Figure>,
}

impl Comparison<'_> {
    fn walk(&mut self, place: &Place, expected: &Value, got: &Answer) {
        match (expected, got) {
            (Value::Object(expected), Answer::Fields(got)) => {
                for (name, expected) in expected {
                    let place = place.field(name);
                    match got.get(name) {
                        Some(got) => self.walk(&place, expected, got),
                        None => self.missing(&place, expected, got.keys()),
                    }
                }
            }
            (Value::Array(expected), Answer::List(got)) => {
                for n in 0..expected.len().max(got.len()) {
                    self.either(&place.item(n), expected.get(n), got.get(n));
                }
            }
            (Value::Array(expected), Answer::Keyed { key, rows }) => {
                self.keyed(place, expected, key, rows);
            }
            (Value::Array(expected), Answer::Pairs(got)) => self.pairs(place, expected, got),
            _ => self.single(place, expected, got),
        }
    }

    /// An item of a list, which both must have.
    fn either(&mut self, place: &Place, expected: Option<&Value>, got: Option<&Answer>) {
        match (expected, got) {
            (Some(expected), Some(got)) => self.walk(place, expected, got),
            (Some(expected), None) => {
                self.fails(place, expected.clone(), Value::Null, "the product gives no such item")
            }
            (None, Some(got)) => {
                self.fails(place, Value::Null, value(got), "the product gives more than is expected")
            }
            (None, None) => {}
        }
    }

    fn keyed(&mut self, place: &Place, expected: &[Value], key: &str, rows: &BTreeMap<String, Answer>) {
        let mut seen = BTreeSet::new();
        for (n, expected) in expected.iter().enumerate() {
            let Some(name) = expected.get(key).and_then(Value::as_str) else {
                let problem = format!("expected an object with text in {key:?}");
                self.fails(&place.item(n), expected.clone(), Value::Null, &problem);
                continue;
            };
            self.either(&place.item(name), Some(expected), rows.get(name));
            seen.insert(name);
        }
        for (name, got) in rows.iter().filter(|(name, _)| !seen.contains(name.as_str())) {
            self.either(&place.item(name), None, Some(got));
        }
    }

    /// Amounts of one name are added up: a lot may be named once for each sale that took from it.
    fn pairs(&mut self, place: &Place, expected: &[Value], got: &BTreeMap<String, Decimal>) {
        let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
        for (n, pair) in expected.iter().enumerate() {
            let parts = match pair.as_array().map(Vec::as_slice) {
                Some([Value::String(name), amount]) => Some(name.as_str()).zip(decimal(amount)),
                _ => None,
            };
            let added = parts.and_then(|(name, amount)| {
                let sum = sums.get(name).copied().unwrap_or_default().checked_add(amount)?;
                Some((name, sum))
            });
            match added {
                Some((name, sum)) => drop(sums.insert(name, sum)),
                None => self.fails(
                    &place.item(n),
                    pair.clone(),
                    Value::Null,
                    "expected a pair [\"name\", amount]",
                ),
            }
        }
        let names: BTreeSet<&str> = sums.keys().copied().chain(got.keys().map(String::as_str)).collect();
        for name in names {
            let expected = sums.get(name).map(|sum| Value::String(sum.to_string()));
            let got = got.get(name).map(|amount| Answer::Number(*amount));
            self.either(&place.item(name), expected.as_ref(), got.as_ref());
        }
    }

    fn single(&mut self, place: &Place, expected: &Value, got: &Answer) {
        if let Answer::Number(got) = got {
            match decimal(expected) {
                Some(expected) => self.number(place, expected, *got),
                None => self.fails(place, expected.clone(), text(*got), "the product gives a number"),
            }
            return;
        }
        let same = match (expected, got) {
            (Value::Null, Answer::Nothing) => true,
            (Value::Bool(expected), Answer::Flag(got)) => expected == got,
            (Value::String(expected), Answer::Text(got)) => expected == got,
            _ => false,
        };
        self.figures.push(Figure {
            name: place.name.clone(),
            expected: expected.clone(),
            got: value(got),
            deviation: None,
            tolerance: None,
            passes: same,
            problem: None,
        });
    }

    fn number(&mut self, place: &Place, expected: Decimal, got: Decimal) {
        let limit = self.tolerance.at(&place.fields);
        let tolerance =
            limit.rel.checked_mul(expected.abs()).and_then(|relative| relative.checked_add(limit.abs));
        let deviation = got.checked_sub(expected);
        let passes = deviation.zip(tolerance).is_some_and(|(deviation, limit)| deviation.abs() <= limit);
        self.figures.push(Figure {
            name: place.name.clone(),
            expected: text(expected),
            got: text(got),
            deviation: deviation.map(|deviation| deviation.normalize()),
            tolerance: tolerance.map(|tolerance| tolerance.normalize()),
            passes,
            problem: None,
        });
    }

    fn missing<'n>(&mut self, place: &Place, expected: &Value, known: impl Iterator<Item = &'n String>) {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let problem = format!("the product gives no such figure; it gives {}", known.join(", "));
        self.fails(place, expected.clone(), Value::Null, &problem);
    }

    fn fails(&mut self, place: &Place, expected: Value, got: Value, problem: &str) {
        self.figures.push(Figure {
            name: place.name.clone(),
            expected,
            got,
            deviation: None,
            tolerance: None,
            passes: false,
            problem: Some(problem.to_owned()),
        });
    }
}

/// A number, from its text.
fn decimal(value: &Value) -> Option<Decimal> {
    number_text(value)?.parse().ok()
}

fn text(number: Decimal) -> Value {
    Value::String(number.normalize().to_string())
}

/// An answer as JSON, in the form of `expected`.
fn value(answer: &Answer) -> Value {
    match answer {
        Answer::Nothing => Value::Null,
        Answer::Flag(flag) => json!(flag),
        Answer::Text(text) => json!(text),
        Answer::Number(number) => text(*number),
        Answer::Fields(fields) => fields.iter().map(|(name, answer)| (name.clone(), value(answer))).collect(),
        Answer::List(list) => list.iter().map(value).collect(),
        Answer::Keyed { rows, .. } => rows.values().map(value).collect(),
        Answer::Pairs(pairs) => pairs.iter().map(|(name, amount)| json!([name, text(*amount)])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tolerance(limits: &[(&str, &str)]) -> Tolerance {
        let mut tolerance = Tolerance::default();
        for (field, abs) in limits {
            tolerance.of_mut(field).abs = abs.parse().unwrap();
        }
        tolerance
    }

    /// The limits of figures with such names, by which of them has one.
    #[test]
    fn the_innermost_name_decides() {
        let limits = [("", "1"), ("weights", "2"), ("published", "3"), ("published_returns_percent", "4")];
        let tolerance = tolerance(&limits);
        for (fields, abs) in [
            ("sigma", 1),
            ("weights", 2),
            ("weights.VAS", 2),
            ("gmv.weights", 2),
            ("published", 3),
            ("published.totals", 3),
            ("published.weights", 3),
            ("published.returns_percent", 4),
            ("published.posterior_returns_percent", 4),
            ("published.posteriorreturns_percent", 3),
            ("returns_percent", 1),
        ] {
            let fields: Vec<String> = fields.split('.').map(str::to_owned).collect();
            assert_eq!(tolerance.at(&fields).abs, Decimal::from(abs), "{fields:?}");
        }
    }

    /// Decimals of seventeen digits and exponents, as programs write them.
    #[test]
    fn numbers_are_compared_as_they_are_written() {
        let got = Answer::Number("0.000001".parse().unwrap());
        let figure = |expected: &str| {
            let expected = serde_json::from_str(expected).unwrap();
            compare(&expected, &got, &Tolerance::default()).remove(0)
        };
        assert!(figure("1e-6").passes && figure("0.000001").passes && figure("\"0.0000010\"").passes);
        let figure = figure("1.0000000000000002e-6");
        assert_eq!(figure.deviation.unwrap().to_string(), "-0.0000000000000000000002");
        assert!(!figure.passes);
    }
}
