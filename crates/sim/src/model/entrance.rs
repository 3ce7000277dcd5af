//! What stands before any payment: keys, tokens, limits per minute, closed sales units.

use std::collections::HashMap;

use super::{Action, Ms, Reply};

/// A sales unit's way in.
#[derive(Debug)]
pub struct Entrance {
    /// A day for tokens in production, an hour in the test environment.
    pub is_test: bool,
    /// Whether the documented limits per minute hold.
    pub limited: bool,
    /// Deactivated.
    pub closed: bool,
    /// The two subscription keys that live.
    pub keys: [String; 2],
    windows: HashMap<(&'static str, String, String), (Ms, u32)>,
}

/// An access token as its holder knows it.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// The token itself.
    pub text: String,
    /// On the sales unit's clock.
    pub issued: Ms,
}

/// How a call comes in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `Ocp-Apim-Subscription-Key`.
    pub key: String,
    /// `Authorization`.
    pub token: Token,
}

impl Entrance {
    /// One that is open.
    pub fn new(is_test: bool, limited: bool, keys: [String; 2]) -> Entrance {
        Entrance {
            is_test,
            limited,
            closed: false,
            keys,
            windows: HashMap::new(),
        }
    }

    /// What a call is told before anybody looks at the payment.
    pub fn judge(
        &mut self,
        with: &Credentials,
        action: &Action,
        order: &str,
        now: Ms,
    ) -> Option<Reply> {
        // There is no such address in production.
        if !self.is_test && matches!(action, Action::Force { .. }) {
            return Some(Reply::refused(404, ""));
        }
        if !self.keys.contains(&with.key) {
            return Some(Reply::refused(401, ""));
        }
        let life = if self.is_test { 3600 } else { 24 * 3600 };
        if now.div_euclid(1000) >= with.token.issued.div_euclid(1000) + life - 1 {
            return Some(Reply::refused(401, ""));
        }
        if self.limited && !self.counts(action, &with.key, order, now) {
            return Some(Reply::refused(429, ""));
        }
        if self.closed && matches!(action, Action::Initiate(_) | Action::Capture(_)) {
            return Some(Reply::refused(400, "Merchant/37"));
        }
        fields(action)
    }

    /// Windows live as long as whoever counts them.
    pub fn forget_windows(&mut self) {
        self.windows.clear();
    }

    /// `false` when it is one too many.
    fn counts(&mut self, action: &Action, key: &str, order: &str, now: Ms) -> bool {
        let (most, key) = match action {
            Action::Initiate(_) => (2, ""),
            Action::Capture(_) | Action::Refund(_) | Action::Cancel { .. } => (5, ""),
            Action::Details | Action::Status => (120, key),
            _ => return true,
        };
        let place = (action.name(), order.to_owned(), key.to_owned());
        let window = self.windows.entry(place).or_insert((now, 0));
        if now - window.0 >= 60_000 {
            *window = (now, 0);
        }
        if window.1 == most {
            return false;
        }
        window.1 += 1;
        true
    }
}

/// Values that are refused whatever they are about. An initiate of less than a krone, for example.
fn fields(action: &Action) -> Option<Reply> {
    let amount = Some(Reply::refused(400, "InvalidRequest/transaction.amount"));
    match action {
        Action::Initiate(order) if order.amount < 100 => amount,
        Action::Capture(asked) | Action::Refund(asked) => match (&asked.amount, &asked.key) {
            (Some(..=-1), _) => amount,
            (_, Some(key)) if key.len() > 40 => {
                Some(Reply::refused(400, "InvalidRequest/X-Request-Id"))
            }
            _ => None,
        },
        _ => None,
    }
}
