//! A stand-in for BankID: somebody signs by pressing a button, and nobody's identity is checked.
//!
//! A session is for one errand: one purpose on one sales unit, or signing in at the portal. It lives
//! ten minutes of real time, and is good once. Sessions are in memory: a restart forgets them, and
//! whoever was about to sign begins again. Whoever holds the address of a session's page can confirm
//! it, unless it is bound to a browser, as all sessions are that were begun to sign in; ids cannot be
//! guessed.

mod page;

use std::collections::HashMap;

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use page::router;

/// So long a session can be confirmed and used.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// So many sessions are remembered; with one more, the oldest is forgotten.
const MOST: usize = 1000;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// Closing a sales unit.
    Deactivate,
    /// Opening it again.
    Reactivate,
}

impl Purpose {
    /// The verb.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Purpose::Deactivate => "deactivate",
            Purpose::Reactivate => "reactivate",
        }
    }
}

/// What a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) purpose: Purpose,
    pub(crate) environment: Environment,
    pub(crate) msn: Msn,
}

/// What somebody signs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// An act on a sales unit.
    Act(Subject),
    /// Signing in at the portal as the user of this id.
    SignIn(String),
    /// Proving to the portal once more that it is them.
    SignAgain,
}

/// Somebody is about to sign, or has.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) person_name: String,
    pub(crate) errand: Errand,
    /// The secret in the cookie of the only browser that may confirm it.
    pub(crate) bound_to: Option<String>,
    /// The path on the portal to which signing leads; for an act, with this session's id.
    pub(crate) back: Option<String>,
    pub(crate) confirmed: bool,
    /// Real time.
    pub(crate) expires_at: Timestamp,
}

impl Session {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The act that is signed; none where somebody signs in.
    pub(crate) fn subject(&self) -> Option<&Subject> {
        match &self.errand {
            Errand::Act(subject) => Some(subject),
            Errand::SignIn(_) | Errand::SignAgain => None,
        }
    }
}

/// Why a session does not let somebody act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// There is none of this id, or it was used already.
    Unknown,
    /// Its ten minutes are over.
    Expired,
    /// Nobody confirmed it yet.
    Unconfirmed,
    /// It is for another sales unit.
    OtherUnit,
    /// It is for the opposite.
    OtherPurpose,
    /// It was begun in another browser.
    OtherBrowser,
}

impl Lack {
    /// What is wrong, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Lack::Unknown => "there is no such BankID session, or it was used already",
            Lack::Expired => "the BankID session is older than ten minutes",
            Lack::Unconfirmed => "nobody has confirmed the BankID session",
            Lack::OtherUnit => "the BankID session is for another sales unit",
            Lack::OtherPurpose => "the BankID session is for the opposite purpose",
            Lack::OtherBrowser => "the BankID session was begun in another browser",
        }
    }
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Remembers a new one.
    pub(crate) fn begin(&self, session: Session, now: Timestamp) {
        let mut sessions = self.0.lock();
        if sessions.len() >= MOST {
            sessions.retain(|_, known| !known.is_over(now));
        }
        if sessions.len() >= MOST {
            let oldest = sessions.values().min_by_key(|known| known.expires_at);
            if let Some(id) = oldest.map(|known| known.id.clone()) {
                sessions.remove(&id);
            }
        }
        sessions.insert(session.id.clone(), session);
    }

    /// One of them.
    pub(crate) fn get(&self, id: &str) -> Option<Session> {
        self.0.lock().get(id).cloned()
    }

    /// Somebody signs. To do so again changes nothing.
    pub(crate) fn confirm(&self, id: &str, now: Timestamp) -> Result<Session, Lack> {
        let mut sessions = self.0.lock();
        let session = sessions.get_mut(id).ok_or(Lack::Unknown)?;
        if session.is_over(now) {
            return Err(Lack::Expired);
        }
        session.confirmed = true;
        Ok(session.clone())
    }

    /// Who signed exactly this. The signature is still there afterwards: see [`Sessions::used`].
    pub(crate) fn signed(
        &self,
        id: &str,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<String, Lack> {
        let session = self.get(id).ok_or(Lack::Unknown)?;
        if session.is_over(now) {
            return Err(Lack::Expired);
        }
        let signed = session.subject().ok_or(Lack::OtherPurpose)?;
        if (signed.environment, &signed.msn) != (subject.environment, &subject.msn) {
            return Err(Lack::OtherUnit);
        }
        if signed.purpose != subject.purpose {
            return Err(Lack::OtherPurpose);
        }
        if !session.confirmed {
            return Err(Lack::Unconfirmed);
        }
        Ok(session.person_name)
    }

    /// What was signed is done: the signature is good for nothing more.
    pub(crate) fn used(&self, id: &str) {
        self.0.lock().remove(id);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(purpose: Purpose, environment: Environment, msn: &str) -> Subject {
        Subject {
            purpose,
            environment,
            msn: Msn::try_new(msn).unwrap(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begin(sessions: &Sessions, id: &str, second: i64) {
        let session = Session {
            id: id.to_owned(),
            person_name: "Ola Nordmann".to_owned(),
            errand: Errand::Act(subject(Purpose::Deactivate, Environment::Test, "220001")),
            bound_to: None,
            back: None,
            confirmed: false,
            expires_at: at(second) + LIFE,
        };
        sessions.begin(session, at(second));
    }

    #[test]
    fn a_signature_is_for_one_act_on_one_unit_within_ten_minutes() {
        use Environment::{Production, Test};
        use Purpose::{Deactivate, Reactivate};
        let sessions = Sessions::default();
        begin(&sessions, "a", 0);
        let this = subject(Deactivate, Test, "220001");
        assert_eq!(sessions.signed("a", &this, at(1)), Err(Lack::Unconfirmed));
        sessions.confirm("a", at(1)).unwrap();
        sessions.confirm("a", at(2)).unwrap();
        for (id, subject, second, lack) in [
            ("b", this.clone(), 2, Some(Lack::Unknown)),
            ("a", this.clone(), 600, Some(Lack::Expired)),
            (
                "a",
                subject(Deactivate, Test, "220002"),
                2,
                Some(Lack::OtherUnit),
            ),
            (
                "a",
                subject(Deactivate, Production, "220001"),
                2,
                Some(Lack::OtherUnit),
            ),
            (
                "a",
                subject(Reactivate, Test, "220001"),
                2,
                Some(Lack::OtherPurpose),
            ),
            ("a", this.clone(), 599, None),
        ] {
            assert_eq!(
                sessions.signed(id, &subject, at(second)).err(),
                lack,
                "{subject:?} {second}"
            );
        }
        sessions.used("a");
        assert_eq!(sessions.signed("a", &this, at(2)), Err(Lack::Unknown));
        assert_eq!(sessions.confirm("a", at(2)).err(), Some(Lack::Unknown));
        begin(&sessions, "c", 0);
        assert_eq!(sessions.confirm("c", at(600)).err(), Some(Lack::Expired));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let sessions = Sessions::default();
        for number in 0..MOST as i64 {
            begin(&sessions, &number.to_string(), number.min(300));
        }
        begin(&sessions, "one more", 301);
        assert!(sessions.get("0").is_none(), "the oldest made room");
        assert!(sessions.get("1").is_some() && sessions.get("one more").is_some());
        begin(&sessions, "much later", 10_000);
        assert_eq!(sessions.0.lock().len(), 1, "those that are over went first");
    }
}
