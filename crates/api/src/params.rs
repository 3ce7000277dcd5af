//! Bodies and errors of the APIs that answer with `invalidParams`: QR and Order Management.
//!
//! Their services are of one make: a bad member is named in PascalCase with its path, and told in
//! the words of that make's own validation (reference: qr.md §5). Every fault is listed, whether
//! the type or the value is wrong.

use sandkasse_domain::Known;
use serde_json::{Map, Value};

use crate::{FieldFault, Why, body::MOST_FAULTS};

/// An object of a body, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    members: &'a Map<String, Value>,
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
    pub(crate) fn root<'a>(&mut self, body: &'a Value) -> Option<Place<'a>> {
        match body {
            Value::Object(members) => Some(Place {
                members,
                path: String::new(),
            }),
            other => {
                self.wrong_type(String::new(), "object", other);
                None
            }
        }
    }

    pub(crate) fn text(
        &mut self,
        of: &Place<'_>,
        name: &str,
        required: bool,
        rules: &[Rule<'_>],
    ) -> Option<String> {
        let text = match self.member(of, name, required)? {
            Value::String(text) => text,
            other => {
                self.wrong_type(of.name(name), "string", other);
                return None;
            }
        };
        // What is required may not be empty either.
        if text.is_empty() && required {
            self.missing(of, name);
            return None;
        }
        match rules.iter().find_map(|rule| rule.fault(name, text)) {
            None => Some(text.clone()),
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
        let Some(number) = whole(value) else {
            self.wrong_type(of.name(name), "integer", value);
            return None;
        };
        let (least, most) = range;
        if (least..=most).contains(&number) {
            return Some(number);
        }
        let reason = format!(
            "The field {} must be between {least} and {most}.",
            pascal(name)
        );
        self.fault(of.name(name), reason, "request.range", number.to_string());
        None
    }

    pub(crate) fn boolean(&mut self, of: &Place<'_>, name: &str) -> Option<bool> {
        match self.member(of, name, false)? {
            Value::Bool(boolean) => Some(*boolean),
            other => {
                self.wrong_type(of.name(name), "boolean", other);
                None
            }
        }
    }

    pub(crate) fn object<'a>(
        &mut self,
        of: &Place<'a>,
        name: &str,
        required: bool,
    ) -> Option<Place<'a>> {
        match self.member(of, name, required)? {
            Value::Object(members) => Some(Place {
                members,
                path: of.name(name),
            }),
            other => {
                self.wrong_type(of.name(name), "object", other);
                None
            }
        }
    }

    /// The objects of a list, of which there must be one at least.
    pub(crate) fn objects<'a>(&mut self, of: &Place<'a>, name: &str) -> Vec<Place<'a>> {
        let list = match self.member(of, name, true) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.wrong_type(of.name(name), "array", other);
                return Vec::new();
            }
        };
        if list.is_empty() {
            let reason = format!(
                "The field {} must be a string or array type with a minimum length of '1'.",
                pascal(name)
            );
            self.fault(of.name(name), reason, "request.missing", "an empty list");
        }
        let mut places = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("{}[{index}]", of.name(name));
            match value {
                Value::Object(members) => places.push(Place { members, path }),
                other => self.wrong_type(path, "object", other),
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

    /// Whether nothing is wrong so far.
    pub(crate) fn is_fine(&self) -> bool {
        self.faults.is_empty()
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
    ) -> Option<&'a Value> {
        match of.members.get(name) {
            Some(value) if !value.is_null() => Some(value),
            Some(_) | None => {
                if required {
                    self.missing(of, name);
                }
                None
            }
        }
    }

    pub(crate) fn wrong_type(&mut self, path: String, expected: &str, received: &Value) {
        let reason = format!("The JSON value could not be converted to {expected}.");
        self.fault(path, reason, "json.type", kind(received));
    }
}

impl Place<'_> {
    /// Whether the member is there, whatever it is.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|it| !it.is_null())
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

fn whole(value: &Value) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    match value.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, as wanted")]
        Some(number) if number.fract() == 0.0 && !value.is_string() => Some(number as i64),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Enough of a text to recognise it.
fn received(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    format!("received {start:?}")
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
