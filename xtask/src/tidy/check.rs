//! The number of a check.

use std::fmt;

/// The number of a check, such as ECOM-07. `ECOM-7` is the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Check {
    /// In capitals.
    pub(crate) prefix: String,
    pub(crate) number: u32,
}

impl Check {
    /// Reads `ECOM-07`: a prefix of two letters or more and a number of two digits or more. (One letter marks other
    /// numbered lists of the reference.)
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_once('-')?;
        let letters = prefix.len() >= 2 && prefix.bytes().all(|byte| byte.is_ascii_uppercase());
        let number = digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = (letters && number).then(|| digits.parse().ok()).flatten()?;
        let prefix = prefix.to_owned();
        Some(Self { prefix, number })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:02}", self.prefix, self.number)
    }
}
