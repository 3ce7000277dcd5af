//! The number of a sales unit.

use serde::{Deserialize, Serialize};

/// A merchant serial number: four to seven digits, the identity of a sales unit in one environment.
///
/// Documents say 4–6, 5–6 and "at least 5"; accepted is what any of them accepts
/// (reference: platform.md §2, access-token.md C-7).
///
/// ```
/// use sandkasse_domain::Msn;
/// assert!(Msn::try_new("123456").is_some());
/// assert!(Msn::try_new("12a456").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Msn(Box<str>);

impl Msn {
    /// `None` unless `^\d{4,7}$`.
    pub fn try_new(text: &str) -> Option<Msn> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        (digits && (4..=7).contains(&text.len())).then(|| Msn(text.into()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Msn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Msn> for String {
    fn from(msn: Msn) -> String {
        msn.0.into()
    }
}

impl TryFrom<String> for Msn {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Msn, Self::Error> {
        Msn::try_new(&text).ok_or("an MSN has four to seven digits")
    }
}
