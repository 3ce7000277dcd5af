//! Who opened which phone: one session for each number, so that several phones work side by side
//! in one browser.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, header};
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, PhoneNumber, Timestamp, person::PersonId};
use sandkasse_engine::Chance;

/// A phone that nobody touches locks itself.
const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// So many are remembered; with one more, the one untouched for longest locks.
const MOST: usize = 10_000;
/// So many choices about requests are remembered for each phone.
const MOST_CHOICES: usize = 100;

/// A payment request, by sales unit and order id.
pub(super) type Asked = (Msn, String);

/// A phone that was opened with its PIN.
#[derive(Clone, Debug)]
pub(crate) struct Unlocked {
    pub(super) environment: Environment,
    pub(super) person: PersonId,
    /// What every form must send back.
    pub(super) csrf: String,
    /// What the person said about requests before approving them.
    pub(super) choices: HashMap<Asked, Choice>,
    /// What was decided last: the receipt shows.
    pub(super) last: Option<Asked>,
    seen_at: Timestamp,
}

/// What a person said about a request before approving it.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    /// The shop may know what it asks for.
    pub(super) shares: bool,
    pub(super) card: usize,
    pub(super) method: Option<String>,
    /// What the app shows because the shop failed.
    pub(super) trouble: Option<Trouble>,
}

/// What the app shows when a shop fails, and why, for developers.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// "No shipping methods found".
    NoShippingMethods(String),
    /// "Payment failed".
    PaymentFailed(String),
}

/// All open phones, by the secret in the cookie. In memory: a restart locks them.
pub(crate) struct Phones {
    open: Mutex<HashMap<String, Unlocked>>,
    /// Not the platform's own: under one seed, everybody could guess.
    chance: Chance,
}

impl Default for Phones {
    fn default() -> Phones {
        Phones {
            open: Mutex::default(),
            chance: Chance::from_entropy(),
        }
    }
}

impl Phones {
    /// Answers the secret for the cookie; always a new one, so nobody can have planted it.
    pub(super) fn unlock(
        &self,
        environment: Environment,
        person: PersonId,
        now: Timestamp,
    ) -> String {
        let [secret, csrf] = [(); 2].map(|()| {
            let bytes = self.chance.bytes::<32>();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        });
        let unlocked = Unlocked {
            environment,
            person,
            csrf,
            choices: HashMap::new(),
            last: None,
            seen_at: now,
        };
        let mut open = self.open.lock();
        if open.len() >= MOST {
            open.retain(|_, known| now.duration_since(known.seen_at) < IDLE);
        }
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, known)| known.seen_at);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                open.remove(&id);
            }
        }
        open.insert(secret.clone(), unlocked);
        secret
    }

    /// The phone behind a secret, if it is this person's. To be asked for counts as being used.
    pub(super) fn of(
        &self,
        secret: &str,
        environment: Environment,
        person: &PersonId,
        now: Timestamp,
    ) -> Option<Unlocked> {
        let mut open = self.open.lock();
        let known = open.get_mut(secret)?;
        if now.duration_since(known.seen_at) >= IDLE {
            open.remove(secret);
            return None;
        }
        if known.environment != environment || known.person != *person {
            return None;
        }
        known.seen_at = now;
        Some(known.clone())
    }

    pub(super) fn lock(&self, secret: &str) {
        self.open.lock().remove(secret);
    }

    /// Notes what the person said about a request.
    pub(super) fn choose(&self, secret: &str, asked: &Asked, change: impl FnOnce(&mut Choice)) {
        let mut open = self.open.lock();
        let Some(known) = open.get_mut(secret) else {
            return;
        };
        if known.choices.len() >= MOST_CHOICES && !known.choices.contains_key(asked) {
            known.choices.clear();
        }
        change(known.choices.entry(asked.clone()).or_default());
    }

    /// Shows a receipt, or none.
    pub(super) fn show(&self, secret: &str, last: Option<Asked>) {
        if let Some(known) = self.open.lock().get_mut(secret) {
            if let Some(asked) = &last {
                known.choices.remove(asked);
            }
            known.last = last;
        }
    }
}

/// The name of a phone's cookie.
fn cookie_name(environment: Environment, phone: &PhoneNumber) -> String {
    format!("sandkasse-phone-{environment}-{phone}")
}

/// The cookie for a phone; with an empty secret it is taken away.
pub(super) fn cookie(
    https: bool,
    environment: Environment,
    phone: &PhoneNumber,
    secret: &str,
) -> HeaderValue {
    let name = cookie_name(environment, phone);
    let end = if secret.is_empty() { "; Max-Age=0" } else { "" };
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={secret}; Path=/phone; HttpOnly; SameSite=Lax{secure}{end}");
    HeaderValue::from_str(&text).expect("a number is digits, a secret hexadecimal")
}

/// The secret that a browser holds for a phone.
pub(super) fn secret(
    headers: &HeaderMap,
    environment: Environment,
    phone: &PhoneNumber,
) -> Option<String> {
    let wanted = cookie_name(environment, phone);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned())
}
