//! The merchant's own name for a payment.

use serde::{Deserialize, Serialize};

/// An order id of eCom, a reference of ePayment: `^[a-zA-Z0-9-]{1,64}$`, case-sensitive, unique per
/// MSN for ever, whichever API made the payment (reference: platform.md §6, epayment.md §2.9). How
/// long a new one may be, each API says itself.
///
/// ```
/// use sandkasse_domain::OrderId;
/// assert!(OrderId::try_new("acme-shop-123-order123abc").is_some());
/// assert!(OrderId::try_new("acme_shop").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(Box<str>);

impl OrderId {
    /// The longest that any API takes.
    pub const LONGEST: usize = 64;

    /// `None` unless of 1 to 64 letters, digits and hyphens.
    pub fn try_new(text: &str) -> Option<OrderId> {
        let allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (allowed && (1..=OrderId::LONGEST).contains(&text.len())).then(|| OrderId(text.into()))
    }

    /// The id as the merchant wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for OrderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> String {
        id.0.into()
    }
}

impl TryFrom<String> for OrderId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<OrderId, Self::Error> {
        OrderId::try_new(&text).ok_or("an order id has 1 to 64 letters, digits and hyphens")
    }
}
