//! Reading JSON bodies as the platform does.
//!
//! Three things are told apart, because the platform answers them differently (reference: ecom.md
//! §5, "Type versus absence rule"): a member that is absent or `null`, a member of the wrong JSON
//! type, and a required member that is absent while one with the same letters in other case is
//! there.

use std::borrow::Cow;

use sandkasse_domain::{Known, Minor};
use serde::{Deserialize, Serialize};

use crate::json::{self, Json, Members};

/// Bodies nested deeper are refused.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a body is no JSON of the right types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum BodyFault {
    /// It cannot be parsed.
    Syntax { detail: String },
    /// It is nested too deep.
    Depth,
    /// A member has the wrong JSON type.
    Type {
        member: String,
        expected: Known,
        received: Known,
    },
    /// A required member is absent, but its name in other case is there.
    MemberCase { expected: String, received: String },
}

/// A field whose value is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFault {
    /// The error code: the member's path.
    pub code: Cow<'static, str>,
    /// What the platform says.
    pub text: Cow<'static, str>,
    /// The cause, as the reference lists it.
    pub cause: Known,
    /// What exactly is wrong, for the explanation.
    pub detail: String,
}

impl BodyFault {
    /// The id under which the reference lists the cause.
    pub fn id(&self) -> &'static str {
        match self {
            BodyFault::Syntax { .. } => "json.syntax",
            BodyFault::Depth => "json.depth",
            BodyFault::Type { member, .. } if member.ends_with("merchantSerialNumber") => {
                "json.type.msn"
            }
            BodyFault::Type { member, .. } if member.ends_with("amount") => "json.type.amount",
            BodyFault::Type { .. } => "json.type",
            BodyFault::MemberCase { .. } => "json.member_case",
        }
    }
}

/// Parses a body.
pub(crate) fn parse(body: &[u8]) -> Result<Json, BodyFault> {
    if depth(body) > MAX_DEPTH {
        return Err(BodyFault::Depth);
    }
    json::parse(body).map_err(|error| BodyFault::Syntax {
        detail: error.to_string(),
    })
}

/// How deep brackets nest, outside of strings. Counted before parsing, so that the limit is ours
/// and not the parser's.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// An object being read, with its path for messages.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    members: &'a Members,
    path: &'a str,
}

/// Whether a member must be there; a required one is also looked for in other case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

impl<'a> Object<'a> {
    /// The whole body.
    pub(crate) fn root(value: &'a Json) -> Result<Object<'a>, BodyFault> {
        value
            .as_object()
            .map(|members| Object { members, path: "" })
            .ok_or_else(|| wrong("body".to_owned(), "object", value))
    }

    /// A member that is an object; `path` is its full name.
    pub(crate) fn object(
        &self,
        name: &'a str,
        need: Need,
    ) -> Result<Option<Object<'a>>, BodyFault> {
        match self.member(name, need)? {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(Object {
                members,
                path: name,
            })),
            Some(other) => Err(self.wrong(name, "object", other)),
        }
    }

    pub(crate) fn text(&self, name: &str, need: Need) -> Result<Option<String>, BodyFault> {
        match self.member(name, need)? {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, "string", other)),
        }
    }

    /// A whole number; `20000.0` is one. Numbers beyond 64 bits stay beyond any limit.
    pub(crate) fn integer(&self, name: &str, need: Need) -> Result<Option<i64>, BodyFault> {
        let Some(value) = self.member(name, need)? else {
            return Ok(None);
        };
        let Some(whole) = value.whole() else {
            if value.kind() != "number" {
                return Err(self.wrong(name, "integer", value));
            }
            return Err(BodyFault::Type {
                member: self.name(name),
                expected: "integer".into(),
                received: "number with decimals".into(),
            });
        };
        let nearest = if whole < 0 { i64::MIN } else { i64::MAX };
        Ok(Some(i64::try_from(whole).unwrap_or(nearest)))
    }

    /// A boolean; `"true"` and `"false"` are accepted.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, BodyFault> {
        match self.member(name, Need::Optional)? {
            None => Ok(false),
            Some(Json::Bool(boolean)) => Ok(*boolean),
            Some(Json::String(text)) if text == "true" => Ok(true),
            Some(Json::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(self.wrong(name, "boolean", other)),
        }
    }

    /// A telephone number: a string or an integer. Empty and 0 are absent.
    pub(crate) fn phone(&self, name: &str) -> Result<Option<String>, BodyFault> {
        match self.member(name, Need::Optional)? {
            None => Ok(None),
            Some(Json::String(text)) => Ok((!text.is_empty()).then(|| text.clone())),
            Some(Json::Number(number)) if number.is_plain() => {
                let text = number.to_string();
                Ok((text != "0").then_some(text))
            }
            Some(other) => Err(self.wrong(name, "string", other)),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Result<Option<&'a [Json]>, BodyFault> {
        match self.member(name, Need::Optional)? {
            None => Ok(None),
            Some(Json::Array(list)) => Ok(Some(list)),
            Some(other) => Err(self.wrong(name, "array", other)),
        }
    }

    /// A number, or a text that stands for one.
    pub(crate) fn number_or_text(&self, name: &str, need: Need) -> Result<(), BodyFault> {
        match self.member(name, need)? {
            None | Some(Json::Number(_) | Json::String(_)) => Ok(()),
            Some(other) => Err(self.wrong(name, "number", other)),
        }
    }

    fn member(&self, name: &str, need: Need) -> Result<Option<&'a Json>, BodyFault> {
        match self.members.get(name) {
            Some(Json::Null) => Ok(None),
            Some(value) => Ok(Some(value)),
            None if need == Need::Required => {
                let mut names = self.members.names();
                match names.find(|key| key.eq_ignore_ascii_case(name)) {
                    Some(twin) => Err(BodyFault::MemberCase {
                        expected: self.name(name),
                        received: self.name(twin),
                    }),
                    None => Ok(None),
                }
            }
            None => Ok(None),
        }
    }

    /// A member whose name has the same letters, with hyphens or underscores in between: the name
    /// of a header, say.
    pub(crate) fn lookalike(&self, name: &str) -> Option<String> {
        let letters = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
        let mut sent = self.members.names();
        sent.find(|sent| *sent != name && letters(sent) == letters(name))
            .map(|sent| self.name(sent))
    }

    fn name(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn wrong(&self, name: &str, expected: &'static str, received: &Json) -> BodyFault {
        wrong(self.name(name), expected, received)
    }
}

fn wrong(member: String, expected: &'static str, received: &Json) -> BodyFault {
    BodyFault::Type {
        member,
        expected: expected.into(),
        received: received.kind().into(),
    }
}

/// An answer lists so many faults of fields. A body of a megabyte could have half a million, in a
/// list of shipping methods.
pub(crate) const MOST_FAULTS: usize = 100;

/// Collects faults of fields in the order of the API's document.
#[derive(Default)]
pub(crate) struct Fields {
    faults: Vec<FieldFault>,
}

impl Fields {
    pub(crate) fn fault(
        &mut self,
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
        cause: &'static str,
        detail: impl Into<String>,
    ) {
        let (code, text, detail) = (code.into(), text.into(), detail.into());
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(FieldFault {
                code,
                text,
                cause: cause.into(),
                detail,
            });
        }
    }

    /// An object that is required is not there.
    pub(crate) fn missing(&mut self, name: &'static str) {
        let text = format!("{name} is required");
        self.fault(name, text, "request.missing", "absent");
    }

    /// Hands on what was read, or all the faults.
    pub(crate) fn into_result<T>(self, read: Option<T>) -> Result<T, Vec<FieldFault>> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }

    /// A text that is required and has at most `most` characters.
    pub(crate) fn required_text(
        &mut self,
        text: Option<String>,
        most: usize,
        code: &'static str,
        says: &'static str,
    ) -> Option<String> {
        match text.filter(|text| !text.is_empty()) {
            None => self.fault(code, says, "request.missing", "absent or empty"),
            Some(text) if text.chars().count() > most => {
                let detail = format!("{} characters", text.chars().count());
                self.fault(code, says, "request.too_long", detail);
            }
            Some(text) => return Some(text),
        }
        None
    }
}

/// An amount within the platform's bounds, and not negative.
pub(crate) fn payable(amount: i64) -> Option<Minor> {
    Minor::try_new(amount).filter(|amount| *amount <= Minor::GREATEST_PAYMENT)
}
