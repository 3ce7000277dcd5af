//! Reading bodies as ePayment does: numbers pass for texts, what is unknown is ignored, and a few
//! bad values have codes of their own (reference: epayment.md §2.0).

use sandkasse_domain::{Currency, Minor, Timestamp};

use super::EpaymentCause;
use crate::{
    Why,
    json::Json,
    params::{Params, Place, pascal},
};

/// The most that an amount may be: 650,000.00.
const GREATEST: i64 = 65_000_000;

/// What has been read so far, and what is wrong with it. Bad shapes are all listed; of the values
/// with codes of their own the first is told, if no shape is bad.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) shape: Params,
    coded: Option<EpaymentCause>,
}

impl Reading {
    pub(super) fn coded(&mut self, cause: EpaymentCause) {
        self.coded.get_or_insert(cause);
    }

    /// Hands on what was read, or what is wrong.
    pub(super) fn into_result<T>(self, read: Option<T>) -> Result<T, Why> {
        let read = match self.coded {
            None => read.map(Ok),
            Some(cause) => Some(Err(Why::Epayment(cause))),
        };
        self.shape.into_result(read)?
    }

    /// A text, or a number in its place, with the digits that were sent: the official collection sends those unquoted.
    pub(super) fn text(&mut self, of: &Place<'_>, name: &str, required: bool) -> Option<String> {
        match self.shape.member(of, name, required)? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            other @ (Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) => {
                self.shape.wrong_type(of.name(name), "string", other);
                None
            }
        }
    }

    /// A text of `least` to `most` characters.
    pub(super) fn sized(
        &mut self,
        of: &Place<'_>,
        name: &str,
        required: bool,
        (least, most): (usize, usize),
    ) -> Option<String> {
        let text = self.text(of, name, required)?;
        let length = text.chars().count();
        if (least..=most).contains(&length) {
            return Some(text);
        }
        let reason = format!(
            "The field {} must be a string with a minimum length of {least} and a maximum length of {most}.",
            pascal(name)
        );
        let detail = format!("{length} characters");
        self.shape
            .fault(of.name(name), reason, "request.length", detail);
        None
    }

    /// A text of a pattern, by which the refusal names it.
    pub(super) fn pattern(
        &mut self,
        of: &Place<'_>,
        name: &str,
        text: &str,
        pattern: &str,
        cause: &'static str,
    ) {
        let reason = format!(
            "The field {} must match the regular expression '{pattern}'.",
            pascal(name)
        );
        let start: String = text.chars().take(100).collect();
        let detail = format!("received {start:?}");
        self.shape.fault(of.name(name), reason, cause, detail);
    }

    /// One of some words, in upper case.
    pub(super) fn word<T: Copy>(
        &mut self,
        of: &Place<'_>,
        name: &str,
        required: bool,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = self.shape.member(of, name, required)?;
        let found = value
            .as_str()
            .and_then(|text| words.iter().find(|(word, _)| *word == text));
        if let Some((_, it)) = found {
            return Some(*it);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let reason = format!(
            "The value is not valid for {}. Allowed: {}.",
            pascal(name),
            known.join(", ")
        );
        let received = value.to_string().chars().take(100).collect::<String>();
        let detail = format!("received {received}");
        self.shape
            .fault(of.name(name), reason, "request.unknown_value", detail);
        None
    }

    /// A list, whatever is in it.
    pub(super) fn list<'a>(&mut self, of: &Place<'a>, name: &str) -> &'a [Json] {
        match self.shape.member(of, name, false) {
            None => &[],
            Some(Json::Array(list)) => list,
            Some(other) => {
                self.shape.wrong_type(of.name(name), "array", other);
                &[]
            }
        }
    }

    /// `amount` or one of its kind. The currency is one that ePayment ever took.
    pub(super) fn amount(
        &mut self,
        of: &Place<'_>,
        name: &str,
        currencies: &[Currency],
    ) -> Option<(Minor, Currency)> {
        let amount = self.shape.object(of, name, true)?;
        let words: Vec<_> = currencies.iter().map(|it| (it.code(), *it)).collect();
        let currency = self.word(&amount, "currency", true, &words);
        let value = self.minor(&amount, "value");
        Some((value?, currency?))
    }

    fn minor(&mut self, of: &Place<'_>, name: &str) -> Option<Minor> {
        let value = self.shape.member(of, name, true)?;
        let received = || value.to_string().chars().take(100).collect::<String>();
        let Some(units) = value.whole().filter(|it| *it >= 0) else {
            self.coded(EpaymentCause::Amount {
                member: of.name(name),
                received: received(),
            });
            return None;
        };
        let Some(units) = i64::try_from(units).ok().filter(|it| *it <= GREATEST) else {
            let reason = format!(
                "The field {} must be between 0 and {GREATEST}.",
                pascal(name)
            );
            let detail = format!("received {}", received());
            self.shape
                .fault(of.name(name), reason, "request.range", detail);
            return None;
        };
        Minor::try_new(units)
    }

    /// A moment with its offset, as RFC 3339 writes it.
    pub(super) fn moment(&mut self, of: &Place<'_>, name: &str) -> Option<Timestamp> {
        const PATTERN: &str = r"^((?:(\d{4}-\d{2}-\d{2})(T|t)(\d{2}:\d{2}:\d{2}(?:\.\d+)?))(Z|z|([+-](?:2[0-3]|[01][0-9]):[0-5][0-9])))$";
        let text = self.text(of, name, false)?;
        let moment = fits_moment(&text).then(|| text.parse().ok()).flatten();
        if moment.is_none() {
            self.pattern(of, name, &text, PATTERN, "request.pattern");
        }
        moment
    }
}

/// Whether it is written as RFC 3339 does: other spellings of moments are none here.
fn fits_moment(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|it| if it.is_ascii_digit() { '0' } else { it })
        .collect();
    let shape = shape.to_ascii_uppercase();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches('0');
            if offset.len() == fraction.len() {
                return false;
            }
            offset
        }
    };
    matches!(offset, "Z" | "+00:00" | "-00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_does() {
        for (text, fits) in [
            ("2023-06-13T12:00:00Z", true),
            ("2023-06-13t12:00:00z", true),
            ("2023-06-13T12:00:00.123+02:00", true),
            ("2023-06-13T12:00:00.Z", false),
            ("2023-06-13T12:00:00", false),
            ("2023-06-13 12:00:00Z", false),
            ("2023-06-13T12:00Z", false),
        ] {
            assert_eq!(fits_moment(text), fits, "{text}");
        }
    }
}
