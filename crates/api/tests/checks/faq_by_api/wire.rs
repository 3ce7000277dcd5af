//! Answers to the byte, in the envelope of each API (reference: platform.md §4.2 and each API's §5).

use sandkasse_testkit::{Got, KEY_INVALID, KEY_MISSING, NOT_FOUND, TOKEN_REJECTED};
use serde_json::Value;

use super::{Api, Cell};

/// An answer. What is fresh each time is left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wire {
    KeyMissing,
    KeyInvalid,
    TokenRejected,
    /// Key and token of different owners.
    KeysDiffer,
    NotFound,
    TooMany,
    /// A fault before any API.
    Broken,
    Glitch,
    /// The identity provider's: status, error, number, text.
    Identity(u16, &'static str, &'static str, String),
    /// In the API's own envelope. eCom's code is group and code with a `/` between them.
    Own {
        status: u16,
        code: &'static str,
        title: &'static str,
        text: String,
    },
    /// A 400 in the API's own envelope that names members, each with a reason.
    Members(Vec<(&'static str, String)>),
}

const BROKEN: &str = "Internal server error";
/// The text where ePayment and its like name members.
const SHAPE: &str = "See extraDetails for further details";

impl Wire {
    pub(super) fn status(&self) -> u16 {
        match self {
            Wire::KeyMissing | Wire::KeyInvalid | Wire::TokenRejected | Wire::KeysDiffer => 401,
            Wire::NotFound => 404,
            Wire::TooMany => 429,
            Wire::Broken | Wire::Glitch => 500,
            Wire::Identity(status, ..) | Wire::Own { status, .. } => *status,
            Wire::Members(_) => 400,
        }
    }

    pub(super) fn media(&self, api: Api) -> &'static str {
        let of_its_own = matches!(self, Wire::Own { .. } | Wire::Members(_));
        match api {
            Api::Token if matches!(self, Wire::Identity(..)) => "application/json; charset=utf-8",
            Api::Ecom if of_its_own => "application/json;charset=UTF-8",
            Api::Epayment | Api::Webhooks | Api::Userinfo if of_its_own => {
                "application/problem+json"
            }
            // Only what its keys may not see is a problem there.
            Api::Report if of_its_own && self.code(api).is_empty() => "application/problem+json",
            _ => "application/json",
        }
    }

    /// What a program tells it by, besides the status; empty for none.
    pub(super) fn code(&self, api: Api) -> String {
        match self {
            Wire::Identity(_, _, number, _) => format!("AADSTS{number}"),
            Wire::Own { code, .. } => (*code).to_owned(),
            Wire::Members(_) if api == Api::Checkout => "Validation-00001".to_owned(),
            Wire::Members(members) => members[0].0.to_owned(),
            Wire::Glitch => "1000".to_owned(),
            Wire::KeysDiffer => "Unauthorized".to_owned(),
            _ => String::new(),
        }
    }

    /// What it says to people; `None` where an explanation does not look at it.
    pub(super) fn text(&self) -> Option<String> {
        let of_gateway = |body: &str| {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            body["message"].as_str().map(str::to_owned)
        };
        match self {
            Wire::KeyMissing => of_gateway(KEY_MISSING),
            Wire::KeyInvalid => of_gateway(KEY_INVALID),
            Wire::NotFound => of_gateway(NOT_FOUND),
            Wire::TooMany => Some("Rate limit is exceeded. Try again in 60 seconds.".to_owned()),
            Wire::Broken => Some(BROKEN.to_owned()),
            Wire::KeysDiffer => Some("Subscription not found".to_owned()),
            Wire::Own { title, text, .. } if text.is_empty() => Some((*title).to_owned()),
            Wire::Own { text, .. } => Some(text.clone()),
            Wire::Members(members) => Some(members[0].1.clone()),
            // Neither stands where the others have their text.
            Wire::TokenRejected | Wire::Glitch | Wire::Identity(..) => None,
        }
    }

    fn bytes(&self, api: Api, got: &Got) -> String {
        let gateways = |text: &str| {
            let status = self.status();
            format!(r#"{{ "statusCode": {status}, "message": "{text}" }}"#)
        };
        match self {
            Wire::KeyMissing => KEY_MISSING.to_owned(),
            Wire::KeyInvalid => KEY_INVALID.to_owned(),
            Wire::NotFound => NOT_FOUND.to_owned(),
            Wire::TokenRejected => TOKEN_REJECTED.to_owned(),
            Wire::KeysDiffer => format!(
                r#"{{"errorCode":"Unauthorized","errorMessage":"Subscription not found","contextId":"{}"}}"#,
                fresh(got, "/contextId")
            ),
            Wire::TooMany => {
                let seconds = got.header("retry-after").unwrap_or("no header");
                gateways(&format!("Rate limit is exceeded. Try again in {seconds} seconds."))
            }
            Wire::Broken => gateways(BROKEN),
            Wire::Glitch => r#"{"responseInfo":{"responseCode":"1000","responseMessage":"Something went wrong. Please try again later."}}"#.to_owned(),
            Wire::Identity(_, error, number, text) => {
                let [at, trace, correlation] =
                    ["/timestamp", "/trace_id", "/correlation_id"].map(|it| fresh(got, it));
                let says = quoted(&format!(
                    "AADSTS{number}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}"
                ));
                format!(
                    r#"{{"error":"{error}","error_description":{says},"error_codes":[{number}],"timestamp":"{at}","trace_id":"{trace}","correlation_id":"{correlation}","error_uri":"https://login.windows.net/error?code={number}"}}"#
                )
            }
            Wire::Own { status, code, title, text } => {
                own(api, got, &Said { status: *status, code, title, text, members: &[] })
            }
            Wire::Members(members) => {
                let said = Said { status: 400, code: "", title: "Bad Request", text: SHAPE, members };
                own(api, got, &said)
            }
        }
    }
}

struct Said<'a> {
    status: u16,
    code: &'a str,
    title: &'a str,
    text: &'a str,
    members: &'a [(&'static str, String)],
}

impl Said<'_> {
    /// `[{"name":…,"reason":…}]`
    fn listed(&self) -> String {
        let each: Vec<String> = self
            .members
            .iter()
            .map(|(name, reason)| {
                format!(r#"{{"name":{},"reason":{}}}"#, quoted(name), quoted(reason))
            })
            .collect();
        format!("[{}]", each.join(","))
    }
}

fn own(api: Api, got: &Got, said: &Said<'_>) -> String {
    let Said {
        status,
        code,
        title,
        text,
        members,
    } = said;
    let (named, instance) = (!members.is_empty(), fresh(got, "/instance"));
    let (title_, text_) = (quoted(title), quoted(text));
    match api {
        // The identity provider speaks there.
        Api::Token => String::new(),
        Api::Ecom if named => {
            let lines = members.iter().map(|(name, reason)| {
                let group = "InvalidRequest".to_owned();
                (group, (*name).to_owned(), reason.clone())
            });
            array(got, &lines.collect::<Vec<_>>())
        }
        Api::Ecom => {
            let (group, code) = code.split_once('/').expect("group and code");
            array(
                got,
                &[(group.to_owned(), code.to_owned(), (*text).to_owned())],
            )
        }
        Api::Epayment => {
            let extra = match (named, code.is_empty()) {
                (true, _) => format!(r#","extraDetails":{}"#, said.listed()),
                (false, true) => String::new(),
                (false, false) => {
                    format!(r#","extraDetails":[{{"name":"ErrorCode","reason":"{code}"}}]"#)
                }
            };
            let trace = fresh(got, "/traceId");
            format!(
                r#"{{"type":"https://httpstatuses.io/{status}","title":{title_},"status":{status},"detail":{text_},"instance":"{instance}","traceId":"{trace}"{extra}}}"#
            )
        }
        Api::Webhooks => {
            let trace = fresh(got, "/traceId");
            let detail = if *status == 400 {
                "\"One or more validation errors occurred.\"".to_owned()
            } else {
                text_
            };
            format!(
                r#"{{"type":"{trace}","title":{title_},"status":{status},"detail":{detail},"instance":"{instance}","traceId":"{trace}","extraDetails":{}}}"#,
                said.listed()
            )
        }
        Api::Userinfo => format!(
            r#"{{"type":"https://httpstatuses.io/{status}","title":{title_},"status":"{status}","detail":{text_},"instance":"{instance}"}}"#
        ),
        Api::Report if code.is_empty() => format!(
            r#"{{"type":"https://httpstatuses.io/{status}","title":{title_},"status":{status},"detail":{text_},"instance":"{instance}"}}"#
        ),
        Api::Report => format!(
            r#"{{"errorCode":{code},"errorMessage":{text_},"contextId":"{}"}}"#,
            fresh(got, "/contextId")
        ),
        Api::OrderManagement | Api::Qr if named => format!(
            r#"{{"type":"https://datatracker.ietf.org/doc/html/rfc7231#section-6.5.1","title":"One or more validation errors occurred.","detail":"BadRequest","instance":"{instance}","invalidParams":{}}}"#,
            said.listed()
        ),
        Api::OrderManagement | Api::Qr => {
            format!(r#"{{"title":{title_},"detail":{text_},"instance":"{instance}"}}"#)
        }
        Api::Checkout if named => {
            let errors: Vec<String> = members
                .iter()
                .map(|(name, reason)| format!("{}:[{}]", quoted(name), quoted(reason)))
                .collect();
            format!(
                r#"{{"errorCode":"Validation-00001","title":"One or more validation errors occurred.","status":400,"instance":"{instance}","errors":{{{}}}}}"#,
                errors.join(",")
            )
        }
        Api::Checkout => {
            let detail = if text.is_empty() {
                String::new()
            } else {
                format!(r#""detail":{text_},"#)
            };
            format!(
                r#"{{"errorCode":"{code}","title":{title_},{detail}"status":{status},"instance":"{instance}"}}"#
            )
        }
    }
}

/// eCom's: group, code and text of each.
fn array(got: &Got, lines: &[(String, String, String)]) -> String {
    let lines: Vec<String> = (0..)
        .zip(lines)
        .map(|(at, (group, code, text))| {
            format!(
                r#"{{"errorGroup":"{group}","errorCode":{},"errorMessage":{},"contextId":"{}"}}"#,
                quoted(code),
                quoted(text),
                fresh(got, &format!("/{at}/contextId"))
            )
        })
        .collect();
    format!("[{}]", lines.join(","))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// What is fresh each time is taken from the answer itself; that it is an id `Got::format` looks at.
fn fresh(got: &Got, pointer: &str) -> String {
    let body: Value = serde_json::from_str(&got.body).unwrap_or_default();
    let found = body.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or("absent").to_owned()
}

/// Whether an answer is the one that must come: status, media type, every byte, and the cause.
pub(super) fn compare(api: Api, cell: &Cell, got: &Got) -> Result<(), String> {
    let came = format!("{} {} {}", got.status, got.cause(), got.body);
    let (wire, cause) = match cell {
        Cell::Says(wire, cause) => (wire, cause),
        Cell::Passes(_) => {
            let fine = [200, 201, 204].contains(&got.status) && got.cause().is_empty();
            return if fine {
                Ok(())
            } else {
                Err(format!("passes, but {came}"))
            };
        }
        Cell::Never(_) => return Ok(()),
    };
    let is = (got.status, got.cause(), got.header("content-type"));
    let must = (wire.status(), *cause, Some(wire.media(api)));
    if is != must {
        return Err(format!("expected {must:?}, but {:?} {came}", is.2));
    }
    let bytes = wire.bytes(api, got);
    if got.body != bytes {
        return Err(format!("expected\n{bytes}, but\n{}", got.body));
    }
    // The missing and the invalid key are also challenged in a header (FAQ-40).
    let challenged = matches!(wire, Wire::KeyMissing | Wire::KeyInvalid);
    if got.header("www-authenticate").is_some() != challenged {
        return Err("the challenge".to_owned());
    }
    // Ids have their form. What comes before any API has no id.
    if !matches!(wire, Wire::Glitch | Wire::Broken) {
        got.format();
    }
    Ok(())
}
