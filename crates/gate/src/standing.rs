//! Whether partner, merchant and sales unit are open for payments: step 10 of the checks, the same
//! for every API (reference: platform.md §2.1, §4.2).
//!
//! Deactivation closes payments, not the books: details, cancel and refund of what exists stay
//! possible, except with the keys of a deactivated partner, with which nothing works.

use sandkasse_domain::{
    Timestamp,
    merchant::{Merchant, RegisterEntry, Standing as MerchantStanding},
    partner::PartnerStatus,
    sales_unit::{ClosedBy, UnitState},
};
use sandkasse_engine::Engine;
use serde::Serialize;

use crate::{Caller, GateCause, Step, Trace, acting::ActingBy};

/// Why a merchant, sales unit or partner may not do this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

impl From<Standing> for GateCause {
    fn from(standing: Standing) -> GateCause {
        GateCause::Standing { standing }
    }
}

/// What an operation asks of the standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It moves the merchant on: initiate, capture, charge.
    OpenForPayments,
    /// It looks at or gives back what exists: details, cancel, refund.
    TheBooks,
}

/// Step 10, first half: partner, then merchant, then sales unit.
pub async fn standing(
    engine: &Engine,
    caller: &Caller,
    needs: Needs,
    trace: &mut Trace,
) -> Result<(), GateCause> {
    if let ActingBy::Partner(partner) = &caller.by {
        if partner.status != PartnerStatus::Active {
            let partner = partner.id.0.clone();
            return Err(Standing::PartnerDeactivated { partner }.into());
        }
        if needs == Needs::TheBooks {
            trace.passed(Step::Standing, "the partner is active");
        }
    }
    if needs == Needs::TheBooks {
        return Ok(());
    }
    if let Some(refused) = merchant(&caller.unit.merchant) {
        return Err(refused.into());
    }
    let closed = engine
        .close_if_idle(&caller.unit)
        .await
        .or(match &caller.unit.facts.state {
            UnitState::Active => None,
            UnitState::Deactivated { by, at } => Some((by.clone(), *at)),
        });
    match closed {
        None => {
            trace.passed(Step::Standing, "merchant and sales unit are active");
            Ok(())
        }
        Some((ClosedBy::Merchant { person }, at)) => {
            Err(Standing::UnitDeactivated { person, at }.into())
        }
        Some((ClosedBy::Idle, at)) => Err(Standing::UnitIdle { at }.into()),
    }
}

fn merchant(merchant: &Merchant) -> Option<Standing> {
    let orgno = merchant.orgno.0.clone();
    Some(match merchant.standing {
        MerchantStanding::Active => return None,
        MerchantStanding::Blocked => Standing::Blocked,
        MerchantStanding::Unsigned => Standing::Unsigned,
        MerchantStanding::Deactivated => Standing::MerchantDeactivated { orgno },
        MerchantStanding::DeletedFromRegister => Standing::DeletedFromRegister {
            orgno,
            register: merchant.register.clone(),
        },
        MerchantStanding::FormChanged => Standing::FormChanged {
            orgno,
            register: merchant.register.clone(),
        },
        MerchantStanding::Unconfirmed => Standing::Unconfirmed { orgno },
    })
}

/// Step 10, second half: a Login-only unit takes no payments.
pub fn payments_approved(caller: &Caller, trace: &mut Trace) -> Result<(), GateCause> {
    if !caller.unit.facts.takes_payments() {
        return Err(Standing::LoginOnly.into());
    }
    trace.passed(Step::Product, "approved for payments");
    Ok(())
}
