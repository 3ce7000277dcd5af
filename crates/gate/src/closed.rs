//! Why merchant, sales unit or partner are not open for this.

use sandkasse_domain::{Timestamp, merchant::RegisterEntry};
use serde::{Deserialize, Serialize};

use crate::Step;

/// Why a merchant, sales unit or partner may not do this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum Standing {
    /// The partner was deactivated, although the sales unit is open (37, FAQ-84).
    PartnerDeactivated { partner: String },
    /// Blocked by the platform (31).
    Blocked,
    /// The agreement was not signed (36).
    Unsigned,
    /// The merchant was deactivated (37).
    MerchantDeactivated { orgno: String },
    /// The Business register has deleted the merchant (37).
    DeletedFromRegister {
        orgno: String,
        register: Option<RegisterEntry>,
    },
    /// The merchant's form of organisation changed (37).
    FormChanged {
        orgno: String,
        register: Option<RegisterEntry>,
    },
    /// The merchant did not confirm its information (37).
    Unconfirmed { orgno: String },
    /// The sales unit was deactivated by its merchant (37).
    UnitDeactivated { person: String, at: Timestamp },
    /// The test unit was not used for very long (37).
    UnitIdle { at: Timestamp },
    /// The sales unit was approved for Login only (97).
    LoginOnly,
}

impl Standing {
    /// The id under which the reference lists it.
    pub fn id(&self) -> &'static str {
        match self {
            Standing::PartnerDeactivated { .. } => "partner.deactivated",
            Standing::Blocked => "merchant.blocked",
            Standing::Unsigned => "merchant.unsigned",
            Standing::MerchantDeactivated { .. } => "merchant.deactivated",
            Standing::DeletedFromRegister { .. } => "merchant.register_deleted",
            Standing::FormChanged { .. } => "merchant.register_form_changed",
            Standing::Unconfirmed { .. } => "merchant.unconfirmed",
            Standing::UnitDeactivated { .. } => "unit.deactivated",
            Standing::UnitIdle { .. } => "unit.test_idle",
            Standing::LoginOnly => "unit.login_only",
        }
    }

    /// The check that finds it.
    pub fn step(&self) -> Step {
        match self {
            Standing::LoginOnly => Step::Product,
            Standing::PartnerDeactivated { .. }
            | Standing::Blocked
            | Standing::Unsigned
            | Standing::MerchantDeactivated { .. }
            | Standing::DeletedFromRegister { .. }
            | Standing::FormChanged { .. }
            | Standing::Unconfirmed { .. }
            | Standing::UnitDeactivated { .. }
            | Standing::UnitIdle { .. } => Step::Standing,
        }
    }
}
