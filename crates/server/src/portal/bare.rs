//! Refusals that no page's handler wrote, as pages: what the router and axum's extractors answer in
//! a line of plain text, for an address or a form that nobody can read.

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use http::{HeaderMap, StatusCode, header};

use super::{shell, visitor};
use crate::control::Control;

/// No refusal of those has more bytes.
const LONGEST: usize = 4096;

/// The same answer, or the page for a bare refusal. `headers` are the request's.
pub(super) async fn framed(
    control: &Control,
    headers: &HeaderMap,
    response: Response<Body>,
) -> Response {
    let media = response.headers().get(header::CONTENT_TYPE);
    let is_text = media.is_some_and(|it| it.as_bytes().starts_with(b"text/plain"));
    if !is_text || !response.status().is_client_error() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = to_bytes(body, LONGEST).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let visitor = visitor::who(control, headers);
    let text = format!("{}.", said.trim_end_matches('.'));
    let mut page = shell::message(parts.status, visitor.as_ref(), title(parts.status), &text);
    if let Some(allowed) = parts.headers.get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    page
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "Not at this address",
        StatusCode::PAYLOAD_TOO_LARGE => "The form is too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            "The form could not be read"
        }
        _ => "The address could not be read",
    }
}
