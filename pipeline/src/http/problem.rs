//! Errors as RFC 9457 problem details.

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
}

impl Problem {
    pub(super) fn not_found(detail: impl Into<String>) -> Problem {
        Problem { kind: "about:blank", title: "Not Found", status: 404, detail: detail.into() }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem { kind: "about:blank", title: "Bad Request", status: 400, detail: detail.into() }
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Problem {
        Problem { kind: "about:blank", title: "Content Too Large", status: 413, detail: detail.into() }
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem { kind: "about:blank", title: "Service Unavailable", status: 503, detail: detail.into() }
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
