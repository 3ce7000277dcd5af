//! Norwegian telephone numbers, and the corrections the platform makes silently.

use serde::{Deserialize, Serialize};

/// A Norwegian number: eight digits, without the country code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Box<str>);

/// Why a text is no Norwegian number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadNumber {
    /// Letters, or too few or too many digits.
    Format,
    /// It starts with the code of another country.
    Foreign,
}

impl PhoneNumber {
    /// `None` unless exactly eight digits.
    pub fn try_new(text: &str) -> Option<PhoneNumber> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        (digits && text.len() == 8).then(|| PhoneNumber(text.into()))
    }

    /// Reads a number as the platform does: separators and the Norwegian country code are dropped
    /// (reference: platform.md §8, "Phone number correction").
    ///
    /// ```
    /// use sandkasse_domain::phone::{BadNumber, PhoneNumber};
    /// let kari = PhoneNumber::correct("+47 912-34-567").expect("a Norwegian number");
    /// assert_eq!(kari.as_str(), "91234567");
    /// assert_eq!(PhoneNumber::correct("+4512345678"), Err(BadNumber::Foreign));
    /// ```
    pub fn correct(text: &str) -> Result<PhoneNumber, BadNumber> {
        const SEPARATORS: [char; 7] = [' ', '\u{a0}', '-', '.', '(', ')', '/'];
        let bare: String = text.chars().filter(|c| !SEPARATORS.contains(c)).collect();
        let (rest, abroad) = match (bare.strip_prefix('+'), bare.strip_prefix("00")) {
            (Some(rest), _) | (None, Some(rest)) => (rest, true),
            (None, None) => (bare.as_str(), false),
        };
        let national = match rest.strip_prefix("47") {
            Some(national) if abroad || rest.len() == 10 => national,
            _ if abroad && rest.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty() => {
                return Err(BadNumber::Foreign);
            }
            _ => rest,
        };
        PhoneNumber::try_new(national).ok_or(BadNumber::Format)
    }

    /// The eight digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its country code and without `+`: `4791234567`.
    pub fn msisdn(&self) -> String {
        format!("47{}", self.0)
    }
}

impl std::fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> String {
        number.0.into()
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = &'static str;

    fn try_from(text: String) -> Result<PhoneNumber, Self::Error> {
        PhoneNumber::try_new(&text).ok_or("a Norwegian telephone number has eight digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_corrected_as_documented() {
        let rows: [(&str, Result<&str, BadNumber>); 16] = [
            ("91234567", Ok("91234567")),
            ("+47 912 34 567", Ok("91234567")),
            ("004791234567", Ok("91234567")),
            ("4791234567", Ok("91234567")),
            ("912-34-567", Ok("91234567")),
            ("(912) 34.567", Ok("91234567")),
            ("912\u{a0}34/567", Ok("91234567")),
            // Eight digits that start with 47 are a number, not a country code.
            ("47123456", Ok("47123456")),
            ("+45 12345678", Err(BadNumber::Foreign)),
            ("004512345678", Err(BadNumber::Foreign)),
            ("1234567", Err(BadNumber::Format)),
            ("912345678", Err(BadNumber::Format)),
            ("+47912345678", Err(BadNumber::Format)),
            ("abc", Err(BadNumber::Format)),
            ("+", Err(BadNumber::Format)),
            ("９１２３４５６７", Err(BadNumber::Format)),
        ];
        for (text, expected) in rows {
            let got = PhoneNumber::correct(text);
            assert_eq!(
                got.as_ref().map(PhoneNumber::as_str),
                expected.as_ref().copied(),
                "{text}"
            );
        }
    }
}
