//! Reading bodies and queries: what cannot be taken is refused by field, with what was expected.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::http::StatusCode;
use actix_web::web;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;

/// A request's body, whole.
pub(super) type Body = Result<web::Bytes, actix_web::Error>;

/// A request's query.
pub(super) type Query<T> = Result<web::Query<T>, actix_web::Error>;

/// Reads a body as one JSON object.
pub(super) fn body<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let bytes = body.map_err(|error| {
        let whole = "expected one JSON object of at most 256 KiB";
        match error.as_response_error().status_code() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(whole),
            _ => Problem::bad_request(format!("{whole}; the body ended early: {error}")),
        }
    })?;
    // serde takes a list for an object too, field by field.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Problem::bad_request("").at("body", "expected one JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let read: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        let message = inner.to_string();
        // Where in the text it is helps nobody who did not write it by hand.
        let reason = message.split(" at line ").next().unwrap_or_default();
        if !inner.is_data() {
            return Problem::bad_request("").at("body", format!("expected one JSON object: {message}"));
        }
        refused(&path, reason)
    })?;
    reader.end().map_err(|_| Problem::bad_request("").at("body", "expected nothing after the object"))?;
    Ok(read)
}

/// serde reports a missing or repeated field at the object that holds it, its name is in the text; an unknown
/// one at itself.
fn refused(path: &str, reason: &str) -> Problem {
    let named = reason.split('`').nth(1).filter(|_| reason.contains("field `"));
    let field = match (path, named) {
        (".", named) => named.unwrap_or("body").to_owned(),
        (path, Some(named)) if path.rsplit('.').next() != Some(named) => format!("{path}.{named}"),
        (path, _) => path.to_owned(),
    };
    Problem::unprocessable(field, reason)
}

/// Reads a query.
pub(super) fn query<T>(query: Query<T>) -> Result<T, Problem> {
    query.map(web::Query::into_inner).map_err(|error| {
        let message = error.to_string();
        let reason = message.trim_start_matches("Query deserialize error: ");
        match reason.split('`').nth(1) {
            Some(field) => Problem::bad_request("").at(field, reason),
            None => Problem::bad_request(reason),
        }
    })
}

/// Reads one value of a query.
pub(super) fn value<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::bad_request("").at(field, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_schemas::Quantity;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[allow(dead_code, reason = "read to be refused")]
        quantity: Quantity,
        #[allow(dead_code, reason = "read to be refused")]
        #[serde(default)]
        more: Vec<Part>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Part {
        #[allow(dead_code, reason = "read to be refused")]
        lot: String,
    }

    #[test]
    fn what_cannot_be_taken_names_its_field() {
        for (given, words) in [
            ("", "body: expected one JSON object"),
            ("[\"1\"]", "body: expected one JSON object"),
            ("{", "body: expected one JSON object"),
            ("{}", "quantity: missing field"),
            ("{\"quantity\":1}", "quantity: invalid type"),
            ("{\"quantity\":\"x\"}", "quantity: expected a decimal number"),
            ("{\"quantity\":\"1\",\"colour\":1}", "colour: unknown field `colour`, expected"),
            ("{\"quantity\":\"1\",\"more\":[{}]}", "more[0].lot: missing field"),
            ("{\"quantity\":\"1\"} x", "body: expected nothing after the object"),
        ] {
            let refused = body::<Wanted>(Ok(web::Bytes::copy_from_slice(given.as_bytes()))).unwrap_err();
            assert!(refused.to_string().contains(words), "{given}: {refused}");
        }
    }
}
