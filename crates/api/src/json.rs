//! JSON as it was sent: numbers keep their digits, members their order.
//!
//! `serde_json`'s own tree rounds what 64 bits cannot hold, and takes `1e400` for a fault of syntax. Its feature
//! `arbitrary_precision` is no way out: it would hold for the whole workspace, where a tagged enum with a number in it, which
//! every event of a payment is, could not be read any more (serde-rs/json#559 and others). So `serde_json` parses here too, and
//! the digits are taken from beside it: numbers come in the same order from the parser as they stand in the text.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A body, or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Members),
}

/// A number, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Most are like this, and need no memory of their own.
    Short(i64),
    /// The literal.
    Long(Box<str>),
}

/// The members of an object as they came; where a name stands twice, the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Members(Vec<(String, Json)>);

/// Parses a whole text.
pub(crate) fn parse(text: &[u8]) -> Result<Json, serde_json::Error> {
    let parsed = in_range(text);
    let mut reader = serde_json::Deserializer::from_slice(&parsed);
    let mut literals = Literals::of(text);
    let read = Tree(&mut literals).deserialize(&mut reader)?;
    reader.end()?;
    Ok(read)
}

impl Json {
    /// A member of an object.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.as_object().and_then(|members| members.get(name))
    }

    pub(crate) fn as_object(&self) -> Option<&Members> {
        match self {
            Json::Object(members) => Some(members),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// Its value if it is a whole number, to the digit: `20000.0` and `2e4` are. What 128 bits cannot hold stays beyond any
    /// limit.
    pub(crate) fn whole(&self) -> Option<i128> {
        match self {
            Json::Number(Number::Short(number)) => Some(i128::from(*number)),
            Json::Number(Number::Long(literal)) => whole(literal),
            Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// The same as `serde_json` has it, with numbers rounded to what it can hold.
    pub(crate) fn rounded(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => number.rounded(),
            Json::String(text) => Value::String(text.clone()),
            Json::Array(list) => list.iter().map(Json::rounded).collect(),
            Json::Object(members) => members
                .iter()
                .map(|(name, value)| (name.to_owned(), value.rounded()))
                .collect(),
        }
    }
}

/// With the members of objects by name, and each once: bodies that mean the same are the same text.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| Value::from(text).to_string();
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(truth) => write!(f, "{truth}"),
            Json::Number(number) => write!(f, "{number}"),
            Json::String(text) => f.write_str(&quoted(text)),
            Json::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    let before = if index == 0 { "[" } else { "," };
                    write!(f, "{before}{item}")?;
                }
                f.write_str(if list.is_empty() { "[]" } else { "]" })
            }
            Json::Object(members) => {
                let sorted: std::collections::BTreeMap<&str, &Json> = members.iter().collect();
                for (index, (name, value)) in sorted.iter().enumerate() {
                    let before = if index == 0 { "{" } else { "," };
                    write!(f, "{before}{}:{value}", quoted(name))?;
                }
                f.write_str(if sorted.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

impl Members {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        let mut from_behind = self.0.iter().rev();
        let found = from_behind.find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// As they came, also those that another one of the same name replaces.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Short(number) => write!(f, "{number}"),
            Number::Long(literal) => f.write_str(literal),
        }
    }
}

impl Number {
    fn of(literal: &str) -> Number {
        match literal.parse() {
            Ok(number) if literal != "-0" => Number::Short(number),
            Ok(_) | Err(_) => Number::Long(literal.into()),
        }
    }

    /// Whether it is written with digits alone, and perhaps a sign.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Number::Short(_) => true,
            Number::Long(literal) => !literal.contains(['.', 'e', 'E']),
        }
    }

    fn rounded(&self) -> Value {
        let literal = match self {
            Number::Short(number) => return (*number).into(),
            Number::Long(literal) => literal,
        };
        if let Ok(number) = literal.parse::<u64>() {
            return number.into();
        }
        let number: f64 = literal.parse().unwrap_or_default();
        number.clamp(f64::MIN, f64::MAX).into()
    }
}

/// Every digit counts, so a fraction far behind the point makes a number one with decimals.
fn whole(literal: &str) -> Option<i128> {
    let (sign, rest) = match literal.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, literal),
    };
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{behind}");
    let significant = digits.trim_end_matches('0');
    let shift = digits.len() - significant.len();
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // An exponent that is no number of 64 bits is longer than any body.
    let far = if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    let exponent: i64 = exponent.parse().unwrap_or(far);
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let zeros = exponent
        .saturating_sub(length(behind))
        .saturating_add(i64::try_from(shift).unwrap_or(i64::MAX));
    if zeros < 0 {
        return None;
    }
    let beyond = if sign < 0 { i128::MIN } else { i128::MAX };
    let power = u32::try_from(zeros)
        .ok()
        .and_then(|zeros| 10_i128.checked_pow(zeros));
    let value = significant.parse::<i128>().ok().zip(power);
    let value = value.and_then(|(value, power)| value.checked_mul(power));
    Some(value.map_or(beyond, |value| sign * value))
}

/// The text with numbers that are too large for the parser replaced, in as many bytes, so that faults behind them keep their
/// place.
fn in_range(text: &[u8]) -> Cow<'_, [u8]> {
    /// Whoever is shorter and has no exponent is small enough.
    const LONG: usize = 300;
    let mut changed: Option<Vec<u8>> = None;
    let mut literals = Literals::of(text);
    while let Some(literal) = literals.next() {
        let may_be_large = literal.len() > LONG || literal.contains(['e', 'E']);
        let is_large = || literal.parse::<f64>().is_ok_and(f64::is_infinite);
        if may_be_large && is_number(literal) && is_large() {
            let start = literals.at - literal.len();
            let copy = changed.get_or_insert_with(|| text.to_vec());
            if let Some(place) = copy.get_mut(start..literals.at) {
                place.fill(b' ');
                place.iter_mut().take(1).for_each(|byte| *byte = b'0');
            }
        }
    }
    changed.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// As JSON writes numbers. What is written otherwise stays, for the parser to complain of.
fn is_number(literal: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let rest = literal.strip_prefix('-').unwrap_or(literal);
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_plain = before == "0" || !before.starts_with('0');
    digits(before) && is_plain && digits(behind) && digits(exponent)
}

/// What stands where numbers do: outside of texts.
struct Literals<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Literals<'a> {
    fn of(text: &'a [u8]) -> Literals<'a> {
        Literals { text, at: 0 }
    }

    fn skip_text(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }
}

impl<'a> Iterator for Literals<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let byte = self.text.get(self.at)?;
            match byte {
                b'"' => {
                    self.at += 1;
                    self.skip_text();
                }
                b'-' | b'0'..=b'9' => {
                    let start = self.at;
                    let of_number =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    while self.text.get(self.at).is_some_and(of_number) {
                        self.at += 1;
                    }
                    let literal = self.text.get(start..self.at)?;
                    return std::str::from_utf8(literal).ok();
                }
                _ => self.at += 1,
            }
        }
    }
}

/// Builds the tree.
struct Tree<'a, 'b>(&'a mut Literals<'b>);

impl Tree<'_, '_> {
    fn number<E: Error>(self) -> Result<Json, E> {
        let literal = self.0.next();
        let literal = literal.ok_or_else(|| E::custom("a number that is not there"))?;
        Ok(Json::Number(Number::of(literal)))
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Bool(truth))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json, E> {
        self.number()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json, E> {
        self.number()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        self.number()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Tree(&mut *self.0))? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            members.push((name, map.next_value_seed(Tree(&mut *self.0))?));
        }
        Ok(Json::Object(Members(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Json {
        parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn numbers_keep_their_digits() {
        for literal in [
            "0",
            "-0",
            "1.10",
            "12345678901234567890.10",
            "1e400",
            "-1E+400",
            "1e-400",
            "9007199254740993",
            "18446744073709551616",
            "123456789012345678901234567890",
        ] {
            let list = read(&format!(r#"{{"a":"12 \" 3","b":[{literal}, 7]}}"#));
            assert_eq!(
                list.to_string(),
                format!(r#"{{"a":"12 \" 3","b":[{literal},7]}}"#)
            );
        }
        let long = "9".repeat(400);
        assert_eq!(read(&long).to_string(), long);
    }

    #[test]
    fn what_is_no_json_stays_none_and_faults_keep_their_place() {
        for text in [
            "",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "01e400",
            "1.e400",
            "-.5e400",
            "+1",
            "1e400 x",
            "[1e400,]",
            r#"{"a":1e400"#,
            "\"\u{1}\"",
            "nul",
            "NaN",
            "Infinity",
            r#""\ud800""#,
            "1 2",
        ] {
            let own = parse(text.as_bytes()).expect_err(text).to_string();
            let plain = text.replace("1e400", "1e4  ");
            let theirs = serde_json::from_str::<Value>(&plain).expect_err(text);
            assert_eq!(own, theirs.to_string(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_whole_to_the_digit() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0.000", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("20000.0", Some(20_000)),
            ("2e4", Some(20_000)),
            ("2.5E1", Some(25)),
            ("2500e-2", Some(25)),
            ("-49900.00", Some(-49_900)),
            ("9223372036854775808", Some(9_223_372_036_854_775_808)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("1e400", Some(i128::MAX)),
            ("-1e400", Some(i128::MIN)),
            ("1e99999999999999999999", Some(i128::MAX)),
            ("499.5", None),
            ("2501e-2", None),
            ("100.00000000000000000000000001", None),
            ("1e-400", None),
            ("1e-99999999999999999999", None),
        ] {
            assert_eq!(read(text).whole(), value, "{text}");
        }
    }

    #[test]
    fn members_keep_their_order_and_the_last_of_a_name_counts() {
        let body = read(r#"{"b":1,"a":2,"b":{"z":1,"c":[]},"e":{}}"#);
        let members = body.as_object().expect("an object");
        assert_eq!(members.names().collect::<Vec<_>>(), ["b", "a", "b", "e"]);
        assert_eq!(body.to_string(), r#"{"a":2,"b":{"c":[],"z":1},"e":{}}"#);
        assert_eq!(
            members.get("b").and_then(|it| it.get("z")),
            Some(&read("1"))
        );
        let plain: Value = serde_json::from_str(&body.to_string()).expect("JSON");
        assert_eq!(body.rounded(), plain);
        assert_eq!(read("1e400").rounded(), f64::MAX);
    }
}
