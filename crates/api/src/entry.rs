//! The way in of the APIs that take payments and count calls: everything up to the body, then what
//! may be done at all.

use sandkasse_domain::{payment::Operation, sales_unit::Product};
use sandkasse_engine::{
    directory::Client,
    faults::{BankFault, Target},
};
use sandkasse_gate::{
    About, Bearer, Caller, GateCause, Keyring, Limit, Step, Trace,
    standing::{self, Needs, payments_approved},
};

use crate::{Call, Why};

/// Who calls, before it is known for which sales unit.
pub(crate) struct Proved {
    key_of: Client,
    bearer: Bearer,
}

/// What a limit counts for: an order id or reference, literally as sent.
pub(crate) struct Counted<'a> {
    pub(crate) limit: Limit,
    pub(crate) order: &'a str,
    /// Whether each subscription key has a count of its own.
    pub(crate) per_key: bool,
}

/// Steps 2 to 4. Only who passes them makes us read a body.
pub(crate) async fn prove(call: &mut Call<'_>) -> Result<Proved, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let key_of = gate.subscription_key(environment, headers, Some(Product::Ecom), call.trace);
    let key_of = match key_of {
        // A token of `/miami/v1/token` comes without one, and has no right to payments
        // (reference: partner-keys.md).
        Err(missing @ GateCause::SubscriptionKeyMissing { .. }) => {
            let bearer = gate
                .token(environment, headers, &mut Trace::default())
                .await;
            return Err(Why::Gate(match bearer.map(|bearer| bearer.client) {
                Ok(Client::Office(keys)) => GateCause::KeysWithoutRight {
                    kind: keys.kind.name().into(),
                },
                Ok(Client::Unit(_) | Client::Partner(_) | Client::Psp(_)) | Err(_) => missing,
            }));
        }
        other => other?,
    };
    let bearer = gate.token(environment, headers, call.trace).await?;
    Ok(Proved { key_of, bearer })
}

/// The MSN of the header, if one is sent.
pub(crate) fn msn_header<'a>(call: &Call<'a>) -> Option<&'a str> {
    let header = call.request.headers.get("merchant-serial-number");
    header
        .and_then(|value| value.to_str().ok())
        .filter(|msn| !msn.is_empty())
}

/// Steps 5 to 7. `in_body` is the MSN that the body names.
pub(crate) async fn enter(
    call: &mut Call<'_>,
    proved: Proved,
    in_body: Option<&str>,
    counted: Option<Counted<'_>>,
) -> Result<Caller, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let header = msn_header(call);
    let claimed = header.or(in_body);
    let keyring = gate.same_owner(proved.bearer, &proved.key_of, headers, claimed, call.trace)?;
    call.who.client = Some(keyring.client.clone());

    let acting = gate.acting(environment, &keyring, headers, in_body);
    if let Err(cause @ GateCause::KeysWithoutRight { .. }) = acting {
        return Err(cause.into());
    }
    if let Some(counted) = counted {
        rate(call, &keyring, acting.as_ref().ok(), in_body, &counted).await?;
    }
    let caller = acting?;
    call.who.unit = Some(caller.unit.facts.msn.clone());
    let saw = header.map_or("not sent", |_| "the one acted for");
    call.trace.passed(Step::MsnHeader, saw);
    Ok(caller)
}

async fn rate(
    call: &mut Call<'_>,
    keyring: &Keyring,
    acting: Option<&Caller>,
    in_body: Option<&str>,
    counted: &Counted<'_>,
) -> Result<(), Why> {
    // A body's MSN that is not the one acted for will be refused.
    let claimed = msn_header(call).or(in_body).unwrap_or_default();
    let acting = match (acting, in_body) {
        (Some(caller), Some(msn)) if msn != caller.unit.facts.msn.as_str() => Err(msn),
        (Some(caller), _) => Ok(caller),
        (None, _) => Err(claimed),
    };
    let key = keyring
        .subscription_key
        .as_deref()
        .filter(|_| counted.per_key);
    let about = About {
        order: counted.order,
        key,
    };
    let (gate, environment) = (&call.platform.gate, call.environment);
    let limit = counted.limit;
    Ok(gate
        .rate(environment, keyring, acting, limit, &about, call.trace)
        .await?)
}

/// A fault on demand, after step 9: the caller is proved, and nothing is decided yet.
pub(crate) async fn struck(
    call: &mut Call<'_>,
    caller: &Caller,
    operation: Operation,
) -> Result<Option<BankFault>, Why> {
    let target = Target::Payment(operation);
    call.struck(Some(&caller.unit.facts.msn), target).await
}

/// Step 10.
pub(crate) async fn open(call: &mut Call<'_>, caller: &Caller, needs: Needs) -> Result<(), Why> {
    let engine = &call.platform.engine;
    standing::standing(engine, caller, needs, call.trace).await?;
    Ok(payments_approved(caller, call.trace)?)
}
