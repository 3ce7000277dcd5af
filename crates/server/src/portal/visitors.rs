//! Who is signed in at the portal: sessions and their secrets.

use std::collections::HashMap;

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::Timestamp;
use sandkasse_engine::Chance;

pub(crate) use sandkasse_domain::user::Role;

/// Nobody who does nothing stays signed in for longer.
pub(crate) const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// Nobody stays signed in for longer.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(12);
/// So long after signing nobody is asked to sign again, before keys are shown and the like.
pub(crate) const SIGNED: SignedDuration = SignedDuration::from_mins(5);
/// So often at most the log tells of wrong tokens.
const TELL_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// So many sessions are remembered; with one more, the oldest is forgotten.
const MOST: usize = 10_000;

/// As whom somebody is signed in. Sessions of one account are ended together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// A user of the installation. What they may do is looked up with every request.
    User(String),
    /// The holder of a token that an admin made, as long as there is such a token.
    Token(String),
    /// Somebody whom the installation does not keep: the holder of the administrator's token.
    Outside(String),
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) account: Account,
    /// In words.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// What every form must send back, so that no other page can send it.
    pub(crate) csrf: String,
    begun_at: Timestamp,
    seen_at: Timestamp,
    /// When they last proved that it is them.
    signed_at: Timestamp,
}

impl Session {
    /// Whether they proved it a moment ago.
    pub(crate) fn signed_lately(&self, now: Timestamp) -> bool {
        now.duration_since(self.signed_at) < SIGNED
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) >= IDLE || now.duration_since(self.begun_at) >= LONGEST
    }
}

/// All sessions, by the secret in the cookie. In memory: a restart signs everybody out.
pub(crate) struct Visitors {
    sessions: Mutex<HashMap<String, Session>>,
    /// Not the platform's own: under one seed, everybody could guess.
    chance: Chance,
    /// Wrong tokens since it was last told, and when that was.
    wrong: Mutex<(u64, Timestamp)>,
}

impl Default for Visitors {
    fn default() -> Visitors {
        Visitors {
            sessions: Mutex::default(),
            chance: Chance::from_entropy(),
            wrong: Mutex::new((0, Timestamp::MIN)),
        }
    }
}

impl Visitors {
    /// Signs somebody in; answers the secret for the cookie. It is always a new one, so nobody can
    /// have planted it.
    pub(crate) fn sign_in(
        &self,
        account: Account,
        name: String,
        role: Role,
        now: Timestamp,
    ) -> String {
        let [secret, csrf] = [(); 2].map(|()| self.secret());
        let session = Session {
            account,
            name,
            role,
            csrf,
            begun_at: now,
            seen_at: now,
            signed_at: now,
        };
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MOST {
            sessions.retain(|_, known| !known.is_over(now));
        }
        if sessions.len() >= MOST {
            let oldest = sessions.iter().min_by_key(|(_, known)| known.seen_at);
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&id);
            }
        }
        sessions.insert(secret.clone(), session);
        secret
    }

    /// Whose secret this is. To be asked for counts as being there.
    pub(crate) fn of(&self, secret: &str, now: Timestamp) -> Option<Session> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(secret)?;
        if session.is_over(now) {
            sessions.remove(secret);
            return None;
        }
        session.seen_at = now;
        Some(session.clone())
    }

    /// Somebody came with a wrong token. Says how many did since it was last said, at most once in
    /// [`TELL_EVERY`]: whoever tries very many does not fill the log.
    pub(crate) fn wrong_token(&self, now: Timestamp) -> Option<u64> {
        let mut wrong = self.wrong.lock();
        wrong.0 += 1;
        if now.duration_since(wrong.1) < TELL_EVERY {
            return None;
        }
        Some(std::mem::replace(&mut *wrong, (0, now)).0)
    }

    /// They have proved again that it is them.
    pub(crate) fn signed_again(&self, secret: &str, now: Timestamp) {
        if let Some(session) = self.sessions.lock().get_mut(secret) {
            session.signed_at = now;
        }
    }

    /// Signs out.
    pub(crate) fn sign_out(&self, secret: &str) {
        self.sessions.lock().remove(secret);
    }

    /// Signs out everywhere.
    pub(crate) fn sign_out_everywhere(&self, account: &Account) {
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.account != *account);
    }

    /// A name for something new: 16 hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        let bytes = self.chance.bytes::<8>();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// 64 hexadecimal digits that nobody can guess.
    pub(crate) fn secret(&self) -> String {
        let bytes = self.chance.bytes::<32>();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_10_very_many_wrong_tokens_are_few_lines_of_the_log() {
        let visitors = Visitors::default();
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(visitors.wrong_token(start), Some(1));
        let told = (1..=100_000).filter_map(|n| {
            // A thousand a second.
            visitors.wrong_token(start + SignedDuration::from_millis(n))
        });
        let told: Vec<u64> = told.collect();
        assert_eq!(told, [10_000; 10]);
    }
}
