//! Which of the platform's recorded wordings an installation speaks.

use serde::{Deserialize, Serialize};

/// Texts and some statuses changed over the years; clients should match group and code only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wording {
    /// The "common errors" FAQ of 2023-06-13 where it quotes a text, else the guide of that month.
    #[default]
    #[serde(rename = "faq")]
    Faq,
    /// The eCom guide as changed on 2023-06-08.
    #[serde(rename = "2023-06")]
    Guide,
    /// What was recorded from the real platform, mostly in 2021: other statuses, groups and texts.
    #[serde(rename = "recorded")]
    Recorded,
}

impl std::str::FromStr for Wording {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Wording, Self::Err> {
        match text {
            "faq" => Ok(Wording::Faq),
            "2023-06" => Ok(Wording::Guide),
            "recorded" => Ok(Wording::Recorded),
            _ => Err("the wording is `faq`, `2023-06` or `recorded`"),
        }
    }
}
