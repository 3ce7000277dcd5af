//! What an answer says, read in the format of its page.

use sandkasse_catalogue::Format;
use serde_json::Value;

use crate::Got;

/// The detail of ePayment where members are bad.
const SHAPE: &str = "See extraDetails for further details";

/// Status, media type, group, code and text of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media: String,
    /// `errorGroup`, or the identity provider's `error`.
    pub group: Option<String>,
    /// `errorCode`, or the identity provider's first.
    pub code: Option<String>,
    /// The text; empty when the answer has another format.
    pub text: String,
}

impl Got {
    /// Reads the answer as one of this format. Of several errors the first counts.
    ///
    /// # Panics
    ///
    /// When the body is no JSON, or says its status twice and differently.
    #[track_caller]
    pub fn spoken(&self, format: Format) -> Spoken {
        let body = self.json();
        let text = |pointer: &str| {
            let found = body.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        let (group, code, says) = match format {
            Format::Gateway => {
                assert_eq!(body["statusCode"], self.status, "{}", self.body);
                (None, None, text("/message"))
            }
            Format::TokenRejected => {
                assert_eq!(body["responseInfo"]["responseCode"], self.status);
                let says = text("/responseInfo/responseMessage");
                assert_eq!(text("/result/message"), says);
                (None, None, says)
            }
            Format::KeysDiffer => (None, text("/errorCode"), text("/errorMessage")),
            Format::Oauth => {
                let code = body.pointer("/error_codes/0").map(Value::to_string);
                let says = text("/error_description").unwrap_or_default();
                let first = says.split("\r\n").next().map(str::to_owned);
                (text("/error"), code, first)
            }
            Format::Ecom => (
                text("/0/errorGroup"),
                text("/0/errorCode"),
                text("/0/errorMessage"),
            ),
            Format::Problem => {
                let status = body["status"].to_string();
                assert_eq!(
                    status.trim_matches('"'),
                    self.status.to_string(),
                    "{}",
                    self.body
                );
                // ePayment: a code, or else the first bad member, of which `detail` tells nothing.
                let detail = text("/detail");
                match text("/extraDetails/0/name").as_deref() {
                    Some("ErrorCode") => (None, text("/extraDetails/0/reason"), detail),
                    Some(name) if detail.as_deref() == Some(SHAPE) => {
                        (None, Some(name.to_owned()), text("/extraDetails/0/reason"))
                    }
                    Some(_) | None => (None, None, detail),
                }
            }
            Format::Params => {
                let reason = text("/invalidParams/0/reason");
                // A code that exists is named, and nothing else is said.
                let says = reason.or_else(|| text("/detail")).or_else(|| text("/id"));
                (None, text("/invalidParams/0/name"), says)
            }
            Format::Report => (
                None,
                None,
                text("/errorMessage").or_else(|| text("/message")),
            ),
            Format::Checkout => {
                let first = body["errors"].as_object().and_then(|it| it.values().next());
                let first = first.and_then(|it| it[0].as_str()).map(str::to_owned);
                let says = first.or_else(|| text("/detail")).or_else(|| text("/title"));
                (None, text("/errorCode"), says)
            }
            Format::Responseinfo => (
                None,
                text("/responseInfo/responseCode"),
                text("/responseInfo/responseMessage"),
            ),
            Format::Page | Format::Callback => (None, None, None),
        };
        Spoken {
            status: self.status,
            media: self.header("content-type").unwrap_or_default().to_owned(),
            group,
            code,
            text: says.unwrap_or_default(),
        }
    }
}
