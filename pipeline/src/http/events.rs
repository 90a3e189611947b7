//! Handing events in over HTTP: NDJSON in, a receipt out once everything accepted is on disk.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use futures_util::StreamExt;

use super::Context;
use super::problem::Problem;
use crate::lines::LINE_MAX;
use crate::source::{LineSource, Source};

/// The largest body, in bytes: send more in several requests.
const BODY_MAX: usize = 32 << 20;

/// Accepts a body of events. The answer is 200 when at least one line was accepted or known, 422 when all
/// were refused; either way the receipt lists what was refused and why.
pub(super) async fn accept(
    context: web::Data<Context>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::bad_request(format!("the body ended early: {error}")))?;
        if body.len() + chunk.len() > BODY_MAX {
            let detail =
                format!("a body of at most {BODY_MAX} bytes and lines of at most {LINE_MAX}: send several");
            return Err(Problem::too_large(detail));
        }
        body.extend_from_slice(&chunk);
    }
    // Waiting for the disk, or for room in the queue, must not hold up other requests.
    let receipt = web::block(move || {
        let mut source = LineSource::new("http", body.as_ref());
        let mut lines = Vec::new();
        // Reading from memory does not fail.
        while let Ok(Some(portion)) = source.next_portion() {
            lines.extend(portion);
        }
        context.submitter.submit(lines)
    })
    .await;
    let receipt = receipt
        .map_err(|error| Problem::unavailable(error.to_string()))?
        .map_err(|stopped| Problem::unavailable(stopped.to_string()))?;
    let all_refused = receipt.accepted + receipt.duplicates == 0 && !receipt.rejected.is_empty();
    let status = if all_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(HttpResponse::build(status).json(receipt))
}
