//! Whether partner, merchant and sales unit are open for payments: step 10 of the checks, the same
//! for every API (reference: platform.md §2.1, §4.2).
//!
//! Deactivation closes payments, not the books: details, cancel and refund of what exists stay
//! possible, except with the keys of a deactivated partner, with which nothing works.

use sandkasse_domain::{
    merchant::{Merchant, Standing as MerchantStanding},
    partner::PartnerStatus,
    sales_unit::{ClosedBy, UnitState},
};
use sandkasse_engine::Engine;

use crate::{Caller, GateCause, Standing, Step, Trace, acting::ActingBy};

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
