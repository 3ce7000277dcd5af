//! Writing JSON wrongly: a value goes in, bytes come out that are nearly it.

use std::io::Write as _;

use serde_json::Value;

use crate::dice::Dice;

/// Values of every kind, as texts; some are no JSON.
const VALUES: [&str; 44] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "99",
    "100.0000001",
    "20000.0",
    "-0.0",
    "2147483647",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1e308",
    "1e309",
    "1e-400",
    "0.1e-5",
    "+1",
    "0x1F",
    "049",
    "1.",
    ".5",
    "NaN",
    "Infinity",
    "undefined",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"true\"",
    "\"null\"",
    "\"123456\"",
    "\"../../etc/passwd\"",
    "\"javascript:alert(1)\"",
    "\"https://user@localhost:99999//a\"",
    "\"https://[::ffff:127.0.0.1]/\"",
    "\"<svg onload=alert(1)>\"",
    "[]",
    "[null]",
    "{}",
    "{\"\":{}}",
];

/// What a text may hold that a text should not.
const CHARACTERS: [&[u8]; 18] = [
    b"\\ud800",
    b"\\udfff\\ud800",
    b"\\u0000",
    b"\\ud83e\\udde6",
    b"\\x41",
    b"\\",
    b"\\u12",
    b"\0",
    b"\n",
    b"\r\nX-Injected: y",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc0\xaf",
    "\u{202e}\u{feff}".as_bytes(),
    "\u{fffd}".as_bytes(),
    "🧦".as_bytes(),
];

/// Names that mean something to somebody.
const NAMES: [&str; 8] = [
    "__proto__",
    "constructor",
    "",
    "$ref",
    "merchantSerialNumber",
    "amount",
    "status",
    "errorCode",
];

/// A body of a megabyte and of a million levels takes long to make and tells little: one body in so many.
const SELDOM: usize = 2000;

/// Writes a value with about `faults` things wrong.
pub(crate) fn write(value: &Value, faults: usize, dice: &mut Dice) -> Vec<u8> {
    let mut writer = Writer {
        bytes: Vec::with_capacity(1024),
        once_in: (nodes(value) / faults.max(1)).max(1),
        faults,
        dice,
    };
    writer.node(value);
    writer.bytes
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

struct Writer<'a> {
    bytes: Vec<u8>,
    once_in: usize,
    /// How many more may be made.
    faults: usize,
    dice: &'a mut Dice,
}

impl Writer<'_> {
    fn strikes(&mut self) -> bool {
        let strikes = self.faults > 0 && self.dice.once_in(self.once_in);
        self.faults -= usize::from(strikes);
        strikes
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn node(&mut self, value: &Value) {
        if self.strikes() {
            return self.wrong(value);
        }
        match value {
            Value::Array(items) => {
                self.put(b"[");
                for (at, item) in items.iter().enumerate() {
                    self.put(if at > 0 { b"," } else { b"" });
                    self.node(item);
                }
                self.put(b"]");
            }
            Value::Object(members) => {
                self.put(b"{");
                let mut first = true;
                for (name, member) in members {
                    self.member(name, member, &mut first);
                }
                self.put(b"}");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => self.plain(value),
        }
    }

    fn plain(&mut self, value: &Value) {
        write!(self.bytes, "{value}").expect("memory can be written to");
    }

    fn name(&mut self, name: &str, first: &mut bool) {
        self.put(if std::mem::take(first) { b"" } else { b"," });
        self.plain(&Value::from(name));
        self.put(b":");
    }

    fn member(&mut self, name: &str, member: &Value, first: &mut bool) {
        if !self.strikes() {
            self.name(name, first);
            return self.node(member);
        }
        match self.dice.below(8) {
            // It is not there.
            0 => {}
            // It is there twice, the right one first or last.
            1 => {
                self.name(name, first);
                self.node(member);
                self.name(name, first);
                self.wrong(member);
            }
            2 => {
                self.name(name, first);
                self.wrong(member);
                self.name(name, first);
                self.node(member);
            }
            // `fallback` for `fallBack`.
            3 => {
                let lower = name.to_ascii_lowercase();
                self.name(&lower, first);
                self.node(member);
            }
            4 => {
                let at = self.dice.below(name.len());
                let other = |(index, c): (usize, char)| {
                    if index != at {
                        c
                    } else if c.is_ascii_uppercase() {
                        c.to_ascii_lowercase()
                    } else {
                        c.to_ascii_uppercase()
                    }
                };
                let other: String = name.chars().enumerate().map(other).collect();
                self.name(&other, first);
                self.node(member);
            }
            // The same name, spelt with an escape.
            5 => {
                self.put(if std::mem::take(first) { b"\"" } else { b",\"" });
                for (at, c) in name.chars().enumerate() {
                    match at {
                        0 => write!(self.bytes, "\\u{:04x}", u32::from(c)),
                        _ => write!(self.bytes, "{c}"),
                    }
                    .expect("memory can be written to");
                }
                self.put(b"\":");
                self.node(member);
            }
            // Another beside it.
            6 => {
                let other = *self.dice.pick(&NAMES);
                self.name(other, first);
                self.wrong(member);
                self.name(name, first);
                self.node(member);
            }
            // Inside out.
            _ => {
                self.name(name, first);
                self.put(b"{");
                self.name(name, &mut true);
                self.node(member);
                self.put(b"}");
            }
        }
    }

    /// Something in place of a value.
    fn wrong(&mut self, value: &Value) {
        match self.dice.below(10) {
            0..=2 => {
                let text = *self.dice.pick(&VALUES);
                self.put(text.as_bytes());
            }
            3 => self.other_type(value),
            4 => {
                let levels = match self.dice.once_in(SELDOM) {
                    true => 1_000_000,
                    false => *self.dice.pick(&[1, 2, 62, 63, 64, 65, 128, 1000]),
                };
                let closes = !self.dice.once_in(4);
                self.put(&b"[".repeat(levels));
                self.put(if closes { b"0" } else { b"" });
                self.put(&b"]".repeat(if closes { levels } else { 0 }));
            }
            5 => {
                let digits = *self.dice.pick(&[20, 40, 310, 5000]);
                let fraction = self.dice.once_in(2);
                self.put(&b"9".repeat(digits));
                self.put(if fraction { b".5" } else { b"" });
            }
            6 => {
                let length = match self.dice.once_in(SELDOM) {
                    true => 900_000,
                    false => *self.dice.pick(&[1, 30, 50, 51, 100, 101, 255, 256, 4000]),
                };
                let unit = *self.dice.pick(&["x", "9", " ", "é", "-", "https://a.no/"]);
                self.put(b"\"");
                self.put(unit.repeat(length / unit.len() + 1).as_bytes());
                self.put(b"\"");
            }
            _ => self.spoilt(value),
        }
    }

    fn other_type(&mut self, value: &Value) {
        match value {
            // A number for `merchantSerialNumber`, and for all other texts of digits.
            Value::String(text) if text.bytes().all(|it| it.is_ascii_digit()) => {
                self.put(if text.is_empty() {
                    b"0"
                } else {
                    text.as_bytes()
                });
            }
            Value::String(text) => {
                let list = Value::from(vec![text.as_str()]);
                self.plain(&list);
            }
            Value::Number(_) | Value::Bool(_) => {
                let text = Value::from(value.to_string());
                self.plain(&text);
            }
            Value::Null | Value::Array(_) | Value::Object(_) => self.put(b"\"\""),
        }
    }

    /// The value as text, with something in the middle.
    fn spoilt(&mut self, value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => value.to_string().replace(['"', '\\'], ""),
        };
        let at = self.dice.below(text.len() + 1);
        let (before, after) = text.as_bytes().split_at(at);
        let piece = *self.dice.pick(&CHARACTERS);
        self.put(b"\"");
        self.put(before);
        self.put(piece);
        self.put(after);
        self.put(b"\"");
    }
}

/// What happens to bytes on a bad way.
pub(crate) fn damage(mut bytes: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    const PIECES: &[u8] = b"{}[]\",:\\0-9eEtfnu. \x00\xff\xef\xbb\xbf&=%+";
    if bytes.is_empty() {
        return b" ".to_vec();
    }
    let at = dice.below(bytes.len());
    match dice.below(12) {
        0 => bytes.truncate(at),
        1 => drop(bytes.splice(at..=at, [])),
        2 | 3 => drop(bytes.splice(at..at, [*dice.pick(PIECES)])),
        4 => drop(bytes.splice(at..=at, [dice.byte()])),
        5 => bytes = [b"\xef\xbb\xbf", bytes.as_slice()].concat(),
        6 => {
            let text = String::from_utf8_lossy(&bytes);
            bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        7 => bytes = bytes.repeat(2),
        8 => bytes
            .iter_mut()
            .filter(|it| **it == b'"')
            .for_each(|it| *it = b'\''),
        9 => drop(bytes.splice(at..at, b" \t\r\n".repeat(dice.below(500)))),
        10 => bytes.clear(),
        _ => bytes = (0..dice.below(300)).map(|_| dice.byte()).collect(),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours;

    #[test]
    fn without_faults_it_is_the_value() {
        for seed in ours() {
            let Some(body) = seed.body else { continue };
            let written = write(&body, 0, &mut Dice::new(1, 1));
            assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), body);
        }
    }

    #[test]
    fn with_faults_it_nearly_always_is_another() {
        let body = ours().into_iter().find_map(|seed| seed.body).unwrap();
        let dice = &mut Dice::new(1, 1);
        let (mut same, mut json) = (0, 0);
        for _ in 0..1000 {
            let read = serde_json::from_slice::<Value>(&write(&body, 3, dice));
            json += u32::from(read.is_ok());
            same += u32::from(read.is_ok_and(|read| read == body));
        }
        assert!((200..900).contains(&json) && same < 300, "{json} {same}");
    }
}
