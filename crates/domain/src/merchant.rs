//! Merchants: the legal entities that sell, and what the Business register says of them.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An organisation number: nine digits in Norway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgNo(pub String);

/// A form of organisation by the register's code: `AS`, `ENK`, `ANS` …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgForm(pub String);

impl Default for OrgForm {
    fn default() -> OrgForm {
        OrgForm("AS".to_owned())
    }
}

/// A legal entity that sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Its identity.
    pub orgno: OrgNo,
    /// As registered.
    pub name: String,
    /// The form it had when it signed its agreement. An entity of another form is another entity.
    #[serde(default)]
    pub form: OrgForm,
    /// Whether it may be paid.
    pub standing: Standing,
    /// What the register said when the platform asked it last.
    #[serde(default)]
    pub register: Option<RegisterEntry>,
}

/// How a merchant stands with the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In order.
    Active,
    /// Closed by the platform (error 37).
    Deactivated,
    /// Closed because the Business register has deleted it (error 37).
    DeletedFromRegister,
    /// Closed because its form of organisation changed: a new legal entity (error 37).
    FormChanged,
    /// Closed because it did not confirm its information within 30 days (error 37).
    Unconfirmed,
    /// Blocked by the platform, for a reason it never tells (error 31).
    Blocked,
    /// The agreement was not signed yet (error 36).
    Unsigned,
}

/// An organisation in the Business register, which is the same for both environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its identity.
    pub orgno: OrgNo,
    /// As registered now.
    pub name: String,
    /// The form it has now.
    pub form: OrgForm,
    /// The day it was deleted, if it was.
    #[serde(default)]
    pub deleted_on: Option<Date>,
}

impl Registered {
    /// What a merchant learns when the register answers this.
    pub fn learned_at(self, asked_at: Timestamp) -> RegisterEntry {
        RegisterEntry {
            name: self.name,
            form: self.form,
            deleted_on: self.deleted_on,
            asked_at,
        }
    }
}

/// What the Business register says of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterEntry {
    /// As registered now.
    pub name: String,
    /// The form it has now.
    pub form: OrgForm,
    /// The day it was deleted, if it was.
    pub deleted_on: Option<Date>,
    /// Real time at which the register was asked and first said so.
    pub asked_at: Timestamp,
}

impl Merchant {
    /// A merchant in order, in the most usual form.
    pub fn new(orgno: OrgNo, name: &str) -> Merchant {
        Merchant {
            orgno,
            name: name.to_owned(),
            form: OrgForm::default(),
            standing: Standing::Active,
            register: None,
        }
    }

    /// Takes note of what the register says. A merchant in order that was deleted, or became
    /// another entity, is closed; nothing here opens one again.
    pub fn learn(&mut self, entry: RegisterEntry) {
        if self.standing == Standing::Active {
            if entry.deleted_on.is_some() {
                self.standing = Standing::DeletedFromRegister;
            } else if entry.form != self.form {
                self.standing = Standing::FormChanged;
            }
        }
        self.register = Some(entry);
    }

    /// Whether this would change anything but the moment of asking.
    pub fn would_learn(&self, entry: &RegisterEntry) -> bool {
        let mut after = self.clone();
        after.learn(entry.clone());
        if let (Some(before), Some(now)) = (&self.register, &mut after.register) {
            now.asked_at = before.asked_at;
        }
        after != *self
    }

    /// How it stands in the register as long as nobody said otherwise.
    pub fn registered(&self) -> Registered {
        Registered {
            orgno: self.orgno.clone(),
            name: self.name.clone(),
            form: self.form.clone(),
            deleted_on: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_register_says_closes_and_never_opens() {
        let entry = |form: &str, deleted: bool| RegisterEntry {
            name: "Acme AS".to_owned(),
            form: OrgForm(form.to_owned()),
            deleted_on: deleted.then(|| jiff::civil::date(2023, 6, 1)),
            asked_at: Timestamp::UNIX_EPOCH,
        };
        for (before, form, deleted, after) in [
            (Standing::Active, "AS", false, Standing::Active),
            (Standing::Active, "AS", true, Standing::DeletedFromRegister),
            (Standing::Active, "ENK", false, Standing::FormChanged),
            (Standing::Active, "ENK", true, Standing::DeletedFromRegister),
            (Standing::FormChanged, "AS", false, Standing::FormChanged),
            (Standing::Blocked, "AS", true, Standing::Blocked),
            (Standing::Unsigned, "ENK", false, Standing::Unsigned),
        ] {
            let mut merchant = Merchant::new(OrgNo("310000000".to_owned()), "Acme");
            merchant.standing = before;
            merchant.learn(entry(form, deleted));
            assert_eq!(merchant.standing, after, "{before:?} {form} {deleted}");
            assert!(merchant.register.is_some());
        }
    }
    #[test]
    fn the_same_answer_again_is_nothing_new() {
        let mut merchant = Merchant::new(OrgNo("310000000".to_owned()), "Acme");
        let at = |second| Timestamp::from_second(second).unwrap();
        let same = |second| merchant.registered().learned_at(at(second));
        let (first, again) = (same(1), same(2));
        assert!(merchant.would_learn(&first));
        merchant.learn(first);
        assert!(!merchant.would_learn(&again));
        let mut deleted = again;
        deleted.deleted_on = Some(jiff::civil::date(2023, 6, 1));
        assert!(merchant.would_learn(&deleted));
        merchant.learn(deleted.clone());
        assert!(!merchant.would_learn(&deleted));
        // Opened by hand against the register: the next answer closes it again.
        merchant.standing = Standing::Active;
        assert!(merchant.would_learn(&deleted));
    }
}
