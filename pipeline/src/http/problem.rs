//! Errors as RFC 9457 problem details.

use std::fmt::Display;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;

/// A problem as the caller gets it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The field of the request at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: String) -> Problem {
        Problem { kind: "about:blank", title, status, detail, field: None }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(404, "Not Found", detail.into())
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(400, "Bad Request", detail.into())
    }

    /// What was asked for is not kept here.
    pub(super) fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(409, "Conflict", detail.into())
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(413, "Content Too Large", detail.into())
    }

    /// A request that can be read, with a field that cannot be taken.
    pub(super) fn unprocessable(field: impl Into<String>, reason: impl Display) -> Problem {
        Problem::new(422, "Unprocessable Content", String::new()).at(field, reason)
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(503, "Service Unavailable", detail.into())
    }

    /// Names the field at fault, and what was expected of it.
    pub(super) fn at(self, field: impl Into<String>, reason: impl Display) -> Problem {
        let field = field.into();
        Problem { detail: format!("{field}: {reason}"), field: Some(field), ..self }
    }

    fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(self).unwrap_or_default();
        HttpResponse::build(status).content_type("application/problem+json").body(body)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.response()
    }
}

impl Responder for Problem {
    type Body = BoxBody;
    fn respond_to(self, _: &HttpRequest) -> HttpResponse<BoxBody> {
        self.response()
    }
}
