//! Checkout sessions (reference: checkout.md). A session takes its reference in the sales unit's one
//! namespace at once, and keeps it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Currency, receipt::Receipt};

/// A session in which nobody pays lives so long.
pub const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// A hosted checkout that waits for its customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names it in the callback.
    pub id: String,
    /// When it was made, on the sales unit's clock.
    pub created_at: Timestamp,
    /// Without shipping, in minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// Shown to the customer.
    pub description: String,
    /// Where its end is told.
    pub callback_url: String,
    /// The exact `Authorization` of that call. Sealed.
    pub callback_token: String,
    /// Where the customer goes afterwards.
    pub return_url: String,
    /// Whether the customer is asked for personal data.
    #[serde(default)]
    pub require_user_info: bool,
    /// What is bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The key and meaning of the call that made it, if it had one, and what was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// A call that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its `Idempotency-Key`.
    pub key: String,
    /// What its body meant.
    pub meaning: String,
    /// What was answered.
    pub answer: String,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionEvent {
    /// It was made.
    Created {
        /// It.
        session: Box<Session>,
    },
}

impl Session {
    /// The session after one more event.
    pub fn apply(before: Option<Session>, event: &SessionEvent) -> Session {
        let SessionEvent::Created { session } = event;
        before.unwrap_or_else(|| (**session).clone())
    }

    /// Whether its hour is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.created_at) >= LIFE
    }
}
