//! The pages, embedded in the program.

use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../dashboards/dist/"]
struct Pages;

/// Everything comes from here: no other host is ever asked.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

pub(super) async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path = match request.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let file = Pages::get(path)
        .ok_or_else(|| Problem::not_found(format!("no page {path:?}; the status page is at /")))?;
    // Assets carry a hash in their name; the page that names them does not.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(HttpResponse::Ok()
        .content_type(content_type(path))
        .insert_header(("Cache-Control", cache))
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(file.data.into_owned()))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}
