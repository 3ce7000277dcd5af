//! The day whose platform an installation is.

use serde::Deserialize;

/// What the platform can do changed over the years. The documents tell two days apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum AsOf {
    /// 2023-06-13: ePayment's specification 1.2.0.
    #[serde(rename = "2023-06-13")]
    June2023,
    /// The present: ePayment's specification 1.8.1.
    #[default]
    #[serde(rename = "today")]
    Today,
}

impl std::str::FromStr for AsOf {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<AsOf, Self::Err> {
        match text {
            "2023-06-13" => Ok(AsOf::June2023),
            "today" => Ok(AsOf::Today),
            _ => Err("the day is `2023-06-13` or `today`"),
        }
    }
}
