//! Changes of JSON bodies, by member names such as `transaction.amount`.

use serde_json::Value;

/// The body with one member set, be it there or not.
///
/// ```
/// use sandkasse_testkit::with_member;
/// use serde_json::json;
/// let body = with_member(json!({ "a": { "b": 1 } }), "a.b", "two");
/// assert_eq!(body, json!({ "a": { "b": "two" } }));
/// ```
#[must_use]
pub fn with_member(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    let place = member
        .split('.')
        .fold(&mut body, |object, name| &mut object[name]);
    *place = value.into();
    body
}

/// The body with one member taken out.
///
/// # Panics
///
/// When it is not there.
#[must_use]
pub fn without_member(mut body: Value, member: &str) -> Value {
    let pointer = format!("/{}", member.replace('.', "/"));
    let (parent, name) = pointer.rsplit_once('/').expect("begins with a slash");
    body.pointer_mut(parent)
        .and_then(Value::as_object_mut)
        .and_then(|object| object.remove(name))
        .unwrap_or_else(|| panic!("{member} is not in the body"));
    body
}

/// The body with one member renamed; both names are whole ones of the same object.
///
/// # Panics
///
/// When it is not there.
#[must_use]
pub fn renamed_member(body: Value, from: &str, to: &str) -> Value {
    let pointer = format!("/{}", from.replace('.', "/"));
    let value = body.pointer(&pointer).cloned();
    let value = value.unwrap_or_else(|| panic!("{from} is not in the body"));
    with_member(without_member(body, from), to, value)
}
