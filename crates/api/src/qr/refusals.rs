//! What QR answers to each cause (reference: qr.md §5).

use serde::Serialize;

use super::QrCause;
use crate::{Answer, Call, Why, formats, params};

#[derive(Serialize)]
struct Exists<'a> {
    id: &'a str,
}

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    if let Some(answer) = params::common(call, why, "qr") {
        return answer;
    }
    let Why::Qr(cause) = why else {
        return params::refused(call, 500, "Internal Server Error", "Something went wrong.");
    };
    let (status, title, detail) = match cause {
        QrCause::MediaType { .. } => (
            415,
            "Unsupported Media Type",
            "Accept must be image/*, image/svg+xml, image/png or text/targetUrl.",
        ),
        // Both literal.
        QrCause::LinkInvalid => (
            400,
            "Validation error",
            "Supplied landing page token is not valid",
        ),
        QrCause::LinkOver => (400, "Order timeout", "Payment has already timed out"),
        QrCause::IdUnknown => (404, "Not Found", "There is no QR code with this id."),
        // The id alone, as the document has it.
        QrCause::IdExists { id } => {
            let body = serde_json::to_string(&Exists { id }).expect("plain structs serialise");
            return Answer::new(409, params::JSON, body);
        }
        // Nobody's program asks for these, but a browser.
        QrCause::PictureGone | QrCause::PrintDead => return formats::not_found(),
    };
    params::refused(call, status, title, detail)
}
