//! Bodies and errors of the APIs that answer with `invalidParams`: QR and Order Management.
//!
//! Their services are of one make: a bad member is named in PascalCase with its path, and told in
//! the words of that make's own validation (reference: qr.md §5). Every fault is listed, whether
//! the type or the value is wrong.

use sandkasse_domain::Known;
use sandkasse_engine::faults::Fault;
use sandkasse_gate::GateCause;
use serde::Serialize;

use crate::{
    Answer, Call, FieldFault, Why,
    body::MOST_FAULTS,
    fault, formats,
    json::{Json, Members},
};

pub(crate) const JSON: &str = "application/json";

/// An object of a body, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    members: &'a Members,
    /// `orderLines[0]`; empty for the whole body.
    path: String,
}

/// What a text must be.
#[derive(Clone, Copy)]
pub(crate) enum Rule<'a> {
    /// At most so many characters.
    Most(usize),
    /// What the pattern says, by which the refusal names it.
    Pattern(&'a str, fn(&str) -> bool),
    /// One of these.
    OneOf(&'a [&'a str]),
    /// The address of a page, with scheme and host.
    Url,
}

/// Reads members; what is wrong is noted, and reading goes on.
#[derive(Default)]
pub(crate) struct Params {
    faults: Vec<FieldFault>,
}

impl Params {
    /// The whole body, if it is an object.
    pub(crate) fn root<'a>(&mut self, body: &'a Json) -> Option<Place<'a>> {
        let Some(members) = body.as_object() else {
            self.wrong_type("$".to_owned(), "object", body);
            return None;
        };
        let path = String::new();
        Some(Place { members, path })
    }

    pub(crate) fn text(
        &mut self,
        of: &Place<'_>,
        name: &str,
        required: bool,
        rules: &[Rule<'_>],
    ) -> Option<String> {
        let value = self.member(of, name, required)?;
        let Some(text) = value.as_str() else {
            self.wrong_type(of.name(name), "string", value);
            return None;
        };
        // What is required may not be empty either.
        if text.is_empty() && required {
            self.missing(of, name);
            return None;
        }
        match rules.iter().find_map(|rule| rule.fault(name, text)) {
            None => Some(text.to_owned()),
            Some((cause, reason)) => {
                self.fault(of.name(name), reason, cause, received(text));
                None
            }
        }
    }

    /// A whole number; `20000.0` is one.
    pub(crate) fn integer(
        &mut self,
        of: &Place<'_>,
        name: &str,
        required: bool,
        range: (i64, i64),
    ) -> Option<i64> {
        let value = self.member(of, name, required)?;
        let Some(number) = value.whole() else {
            self.wrong_type(of.name(name), "integer", value);
            return None;
        };
        let (least, most) = range;
        let number = i64::try_from(number).ok();
        let number = number.filter(|it| (least..=most).contains(it));
        if number.is_none() {
            let reason = format!(
                "The field {} must be between {least} and {most}.",
                pascal(name)
            );
            let sent: String = value.to_string().chars().take(100).collect();
            self.fault(of.name(name), reason, "request.range", sent);
        }
        number
    }

    pub(crate) fn boolean(&mut self, of: &Place<'_>, name: &str) -> Option<bool> {
        let value = self.member(of, name, false)?;
        if let Json::Bool(truth) = value {
            return Some(*truth);
        }
        self.wrong_type(of.name(name), "boolean", value);
        None
    }

    pub(crate) fn object<'a>(
        &mut self,
        of: &Place<'a>,
        name: &str,
        required: bool,
    ) -> Option<Place<'a>> {
        let value = self.member(of, name, required)?;
        let path = of.name(name);
        let Some(members) = value.as_object() else {
            self.wrong_type(path, "object", value);
            return None;
        };
        Some(Place { members, path })
    }

    /// The objects of a list, of which there must be one at least.
    pub(crate) fn objects<'a>(&mut self, of: &Place<'a>, name: &str) -> Vec<Place<'a>> {
        let items = self.items(of, name, true);
        if items.as_ref().is_some_and(Vec::is_empty) {
            let reason = format!(
                "The field {} must be a string or array type with a minimum length of '1'.",
                pascal(name)
            );
            self.fault(of.name(name), reason, "request.missing", "an empty list");
        }
        self.places(items)
    }

    /// The objects of a list that may be empty, or not there.
    pub(crate) fn objects_if_any<'a>(&mut self, of: &Place<'a>, name: &str) -> Vec<Place<'a>> {
        let items = self.items(of, name, false);
        self.places(items)
    }

    /// Looks at the texts of a list, which may be empty.
    pub(crate) fn texts(&mut self, of: &Place<'_>, name: &str, required: bool, rules: &[Rule<'_>]) {
        for (path, value) in self.items(of, name, required).unwrap_or_default() {
            match value.as_str() {
                None => self.wrong_type(path, "string", value),
                Some(text) => {
                    let fault = rules.iter().find_map(|rule| rule.fault(name, text));
                    if let Some((cause, reason)) = fault {
                        self.fault(path, reason, cause, received(text));
                    }
                }
            }
        }
    }

    /// What is in a list, and where.
    fn items<'a>(
        &mut self,
        of: &Place<'a>,
        name: &str,
        required: bool,
    ) -> Option<Vec<(String, &'a Json)>> {
        let path = of.name(name);
        let value = self.member(of, name, required)?;
        let Json::Array(list) = value else {
            self.wrong_type(path, "array", value);
            return None;
        };
        let items = list.iter().enumerate();
        let items = items.map(|(index, value)| (format!("{path}[{index}]"), value));
        Some(items.collect())
    }

    fn places<'a>(&mut self, items: Option<Vec<(String, &'a Json)>>) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        for (path, value) in items.unwrap_or_default() {
            match value.as_object() {
                Some(members) => places.push(Place { members, path }),
                None => self.wrong_type(path, "object", value),
            }
        }
        places
    }

    pub(crate) fn missing(&mut self, of: &Place<'_>, name: &str) {
        let reason = format!("The {} field is required.", pascal(name));
        self.fault(of.name(name), reason, "request.missing", "absent");
    }

    pub(crate) fn fault(
        &mut self,
        path: impl Into<String>,
        reason: impl Into<String>,
        cause: &'static str,
        detail: impl Into<String>,
    ) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(FieldFault {
                code: path.into().into(),
                text: reason.into().into(),
                cause: Known(cause),
                detail: detail.into(),
            });
        }
    }

    /// Hands on what was read, or all the faults.
    pub(crate) fn into_result<T>(self, read: Option<T>) -> Result<T, Why> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(Why::Fields(self.faults)),
        }
    }

    pub(crate) fn member<'a>(
        &mut self,
        of: &Place<'a>,
        name: &str,
        required: bool,
    ) -> Option<&'a Json> {
        match of.members.get(name) {
            Some(value) if *value != Json::Null => Some(value),
            Some(_) | None => {
                if required {
                    self.missing(of, name);
                }
                None
            }
        }
    }

    pub(crate) fn wrong_type(&mut self, path: String, expected: &str, received: &Json) {
        let reason = format!("The JSON value could not be converted to {expected}.");
        self.fault(path, reason, "json.type", received.kind());
    }
}

impl Place<'_> {
    /// Whether the member is there, whatever it is.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|it| *it != Json::Null)
    }

    pub(crate) fn members(&self) -> &Members {
        self.members
    }

    pub(crate) fn name(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

impl Rule<'_> {
    /// The cause and what is said, when a text is not as it must be.
    fn fault(&self, name: &str, text: &str) -> Option<(&'static str, String)> {
        let name = pascal(name);
        let (fits, cause, reason) = match self {
            Rule::Most(most) => (
                text.chars().count() <= *most,
                "request.too_long",
                format!(
                    "The field {name} must be a string or array type with a maximum length of '{most}'."
                ),
            ),
            Rule::Pattern(pattern, fits) => (
                fits(text),
                "request.pattern",
                format!("The field {name} must match the regular expression '{pattern}'."),
            ),
            Rule::OneOf(values) => (
                values.contains(&text),
                "request.unknown_value",
                format!("The value is not valid for {name}."),
            ),
            Rule::Url => (
                is_url(text),
                "url.syntax",
                format!("The {name} field is not a valid fully-qualified http, https, or ftp URL."),
            ),
        };
        (!fits).then_some((cause, reason))
    }
}

fn is_url(text: &str) -> bool {
    let uri = text.parse::<http::Uri>();
    uri.is_ok_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        ["http", "https", "ftp"].contains(&scheme)
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// `orderLines[0].totalAmount` becomes `OrderLines[0].TotalAmount`.
pub(crate) fn pascal(path: &str) -> String {
    let mut capital = true;
    path.chars()
        .map(|it| {
            let was = std::mem::replace(&mut capital, it == '.');
            if was { it.to_ascii_uppercase() } else { it }
        })
        .collect()
}

/// Enough of a text to recognise it.
fn received(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    format!("received {start:?}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    title: &'a str,
    detail: &'a str,
    instance: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invalid_params: Vec<InvalidParam<'a>>,
}

#[derive(Serialize)]
struct InvalidParam<'a> {
    name: String,
    reason: &'a str,
}

/// A refusal with a title and a detail. `instance` is fresh each time.
pub(crate) fn refused(call: &Call<'_>, status: u16, title: &str, detail: &str) -> Answer {
    problem(call, status, None, title, detail, Vec::new())
}

/// All bad members.
pub(crate) fn invalid(call: &Call<'_>, faults: &[FieldFault]) -> Answer {
    let params = faults.iter().map(|fault| InvalidParam {
        name: pascal(&fault.code),
        reason: &fault.text,
    });
    problem(
        call,
        400,
        Some("https://datatracker.ietf.org/doc/html/rfc7231#section-6.5.1"),
        "One or more validation errors occurred.",
        "BadRequest",
        params.collect(),
    )
}

fn problem(
    call: &Call<'_>,
    status: u16,
    r#type: Option<&'static str>,
    title: &str,
    detail: &str,
    invalid_params: Vec<InvalidParam<'_>>,
) -> Answer {
    let chance = &call.platform.engine.chance;
    let span: String = chance
        .uuid()
        .simple()
        .to_string()
        .chars()
        .take(16)
        .collect();
    let problem = Problem {
        r#type,
        title,
        detail,
        // A trace context, as the documented example has one.
        instance: format!("00-{}-{span}-00", chance.uuid().simple()),
        invalid_params,
    };
    let body = serde_json::to_string(&problem).expect("plain structs always serialise");
    Answer::new(status, JSON, body)
}

/// What the gate, the body's syntax, its members and faults of the platform are answered; `None`
/// is the API's own to say. `api` is the first part of its path.
pub(crate) fn common(call: &Call<'_>, why: &Why, api: &str) -> Option<Answer> {
    let refused = |status, detail: &str| refused(call, status, title(status), detail);
    Some(match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, api) {
            Some(answer) => answer,
            None => {
                let (status, text) = msn_or_standing(cause);
                refused(status, &text)
            }
        },
        Why::Body(fault) => {
            let reason = match fault {
                crate::BodyFault::Depth => "The JSON is nested too deep.",
                crate::BodyFault::Syntax { .. }
                | crate::BodyFault::Type { .. }
                | crate::BodyFault::MemberCase { .. } => "The body is no valid JSON.",
            };
            let fault = FieldFault {
                code: "$".into(),
                text: reason.into(),
                cause: Known(fault.id()),
                detail: String::new(),
            };
            invalid(call, &[fault])
        }
        Why::Fields(faults) => invalid(call, faults),
        Why::Struck(struck) => match fault::answer(*struck) {
            Some(answer) => answer,
            None if *struck == Fault::TooManyConcurrent => {
                refused(429, "Too many concurrent requests. See the FAQ.")
            }
            None => refused(500, INTERNAL),
        },
        Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Fault(_) => refused(500, INTERNAL),
        Why::OrderManagement(_) | Why::Qr(_) | Why::Report(_) | Why::Checkout(_) => return None,
    })
}

const INTERNAL: &str = "Something went wrong. Please try again later.";

/// The texts of platform.md §5, and 403 for keys without a right to the API, a partner that was
/// deactivated, or a unit that takes no payments.
fn msn_or_standing(cause: &GateCause) -> (u16, String) {
    if let Some(refusal) = formats::msn_refusal(cause) {
        return refusal;
    }
    let is_login_only = matches!(
        cause,
        GateCause::Standing {
            standing: sandkasse_gate::Standing::LoginOnly,
        }
    );
    let text = if is_login_only {
        "Merchant Not Allowed for Ecommerce Payment"
    } else {
        "These keys have no access to this API."
    };
    (403, text.to_owned())
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_capitals() {
        assert_eq!(pascal("redirectUrl"), "RedirectUrl");
        assert_eq!(
            pascal("orderLines[0].unitInfo.quantity"),
            "OrderLines[0].UnitInfo.Quantity"
        );
        assert_eq!(pascal("$"), "$");
    }

    #[test]
    fn addresses_have_a_scheme_and_a_host() {
        for (text, fine) in [
            ("https://example.com", true),
            ("https://example.com/a?b=c", true),
            ("http://example.com:8080/", true),
            ("/orders/1", false),
            ("example.com/orders", false),
            ("app://orders", false),
            ("https://", false),
            ("https://a b", false),
            ("", false),
        ] {
            assert_eq!(is_url(text), fine, "{text}");
        }
    }
}
