//! Printed QR codes that lead to a merchant's page (reference: qr.md).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A code that leads the payer's browser to where the merchant says, which may change later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectCode {
    /// Where it leads.
    pub target: String,
    /// What tells it from an earlier code of the same id, whose prints stay dead.
    pub serial: String,
    /// From when on it is as if it were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// It leads nowhere any more.
    #[serde(default)]
    pub deleted: bool,
}

/// What happens to a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RedirectEvent {
    /// It was made, or made anew.
    Made {
        /// It.
        code: RedirectCode,
    },
    /// It leads elsewhere from now on.
    Pointed {
        /// Where.
        target: String,
    },
    /// It leads nowhere from now on.
    Deleted,
}

impl RedirectCode {
    /// The code after one more event; `None` for a history that does not begin with its making.
    pub fn apply(before: Option<RedirectCode>, event: &RedirectEvent) -> Option<RedirectCode> {
        match event {
            RedirectEvent::Made { code } => Some(code.clone()),
            RedirectEvent::Pointed { target } => before.map(|code| RedirectCode {
                target: target.clone(),
                ..code
            }),
            RedirectEvent::Deleted => before.map(|code| RedirectCode {
                deleted: true,
                ..code
            }),
        }
    }

    /// Whether it leads somewhere.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        !self.deleted && self.expires_at.is_none_or(|end| now < end)
    }

    /// For how many more whole seconds; `None` when for ever.
    pub fn expires_in(&self, now: Timestamp) -> Option<i64> {
        let end = self.expires_at?;
        Some(end.duration_since(now).max(SignedDuration::ZERO).as_secs())
    }
}
