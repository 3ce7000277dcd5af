//! The way in of the APIs that have no limit per minute: everything up to the body, then what the
//! sales unit may do.

use sandkasse_engine::{directory::Client, faults::Target};
use sandkasse_gate::{
    Caller, GateCause, Step, Trace,
    standing::{Needs, payments_approved, standing},
};

use crate::{Call, Why};

/// Steps 2 to 7: subscription key, token, one owner, the sales unit acted for.
///
/// The key of any sales unit will do: these APIs have no product of their own, and step 10 asks
/// whether the unit takes payments at all.
pub(crate) async fn keys(call: &mut Call<'_>) -> Result<Caller, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let key_of = match gate.subscription_key(environment, headers, None, call.trace) {
        // A token of `/miami/v1/token` comes without one, and has no right to this
        // (reference: partner-keys.md).
        Err(missing @ GateCause::SubscriptionKeyMissing { .. }) => {
            let mut unseen = Trace::default();
            let bearer = gate.token(environment, headers, &mut unseen).await;
            return Err(match bearer.map(|bearer| bearer.client) {
                Ok(Client::Office(keys)) => GateCause::KeysWithoutRight {
                    kind: keys.kind.name().into(),
                },
                Ok(Client::Unit(_) | Client::Partner(_) | Client::Psp(_)) | Err(_) => missing,
            }
            .into());
        }
        other => other?,
    };
    let bearer = gate.token(environment, headers, call.trace).await?;
    let named = headers
        .get("merchant-serial-number")
        .and_then(|value| value.to_str().ok());
    let keyring = gate.same_owner(bearer, &key_of, headers, named, call.trace)?;
    call.who.client = Some(keyring.client.clone());
    let caller = gate.acting(environment, &keyring, headers, None)?;
    call.who.unit = Some(caller.unit.facts.msn.clone());
    call.trace.passed(Step::MsnHeader, "the one acted for");
    Ok(caller)
}

/// A fault on demand, and step 10. What is closed for payments keeps its books: these APIs add to
/// what exists, and move no money.
pub(crate) async fn open(call: &mut Call<'_>, caller: &Caller, target: Target) -> Result<(), Why> {
    call.struck(Some(&caller.unit.facts.msn), target).await?;
    let engine = &call.platform.engine;
    standing(engine, caller, Needs::TheBooks, call.trace).await?;
    payments_approved(caller, call.trace)?;
    Ok(())
}
