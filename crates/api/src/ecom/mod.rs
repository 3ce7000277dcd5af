//! eCom v2 (reference: ecom.md).
//!
//! [`handle`] is the whole way of a call, top to bottom: the gate's checks in their order, the
//! body, the standing of merchant and unit, the fields, and then the engine.

mod by_hand;
mod details;
mod initiate;
mod modify;
mod refusals;
mod wire;

use http::HeaderMap;
use sandkasse_domain::{payment::Operation, sales_unit::Product};
use sandkasse_engine::{
    Act, Done, Idempotency, Intent, Operated, Rendered,
    directory::Client,
    faults::{BankFault, Target},
};
use sandkasse_gate::{
    About, Caller, GateCause, Keyring, Limit, Step, Trace, link,
    standing::{self, Needs, payments_approved},
};
use serde_json::Value;

use crate::{Answer, Call, Why, body};

pub use by_hand::{ByHand, Moved, NotDone, Says, by_hand};
pub use refusals::cause_id;

const JSON: &str = "application/json;charset=UTF-8";

/// Answers an eCom call.
pub(crate) async fn handle(
    call: &mut Call<'_>,
    operation: Operation,
    order: Option<&str>,
) -> Result<Answer, (Answer, Why)> {
    match admitted(call, operation, order).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

async fn admitted(
    call: &mut Call<'_>,
    operation: Operation,
    order: Option<&str>,
) -> Result<Answer, Why> {
    let (platform, environment, request) = (call.platform, call.environment, call.request);
    let (gate, headers) = (&platform.gate, &request.headers);
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
    let reads_body = !matches!(operation, Operation::Details | Operation::Status);
    let body = reads_body.then(|| body::parse(&request.body));
    let sight = Sight::of(
        headers,
        body.as_ref().and_then(|body| body.as_ref().ok()),
        order,
    );
    let claimed = sight.header.or(sight.msn);
    let keyring = gate.same_owner(bearer, &key_of, headers, claimed, call.trace)?;
    call.who.client = Some(keyring.client.clone());

    let acting = gate.acting(environment, &keyring, headers, sight.msn);
    if let Err(cause @ GateCause::KeysWithoutRight { .. }) = acting {
        return Err(cause.into());
    }
    rate(call, &keyring, acting.as_ref().ok(), operation, &sight).await?;
    let caller = acting?;
    call.who.unit = Some(caller.unit.facts.msn.clone());
    let saw = sight.header.map_or("not sent", |_| "the one acted for");
    call.trace.passed(Step::MsnHeader, saw);

    let body = body.transpose()?;
    match (operation, &body) {
        (Operation::Details | Operation::Status, _) | (_, None) => {
            struck(call, &caller, operation).await?;
            standing(call, &caller, Needs::TheBooks).await?;
            payments_approved(&caller, call.trace)?;
            let order = order.unwrap_or_default();
            let view = platform.engine.view(&caller.unit, order).await?;
            let body = if operation == Operation::Status {
                details::status(&view)
            } else {
                details::details(&caller.unit, &view)
            };
            Ok(Answer::new(200, JSON, body))
        }
        (Operation::Initiate, Some(body)) => initiate(call, &caller, body).await,
        (Operation::Approve, Some(body)) => approve(call, &caller, order, body).await,
        (Operation::Capture | Operation::Cancel | Operation::Refund, Some(body)) => {
            modify(call, &caller, operation, order, body).await
        }
    }
}

/// What can be seen of a call before any check has judged it: literally what was sent.
struct Sight<'a> {
    header: Option<&'a str>,
    msn: Option<&'a str>,
    order: Option<&'a str>,
}

impl<'a> Sight<'a> {
    fn of(headers: &'a HeaderMap, body: Option<&'a Value>, order: Option<&'a str>) -> Sight<'a> {
        let in_body = |pointer: &str| {
            body.and_then(|body| body.pointer(pointer))
                .and_then(Value::as_str)
        };
        let header = headers.get("merchant-serial-number");
        Sight {
            header: header
                .and_then(|value| value.to_str().ok())
                .filter(|msn| !msn.is_empty()),
            msn: in_body("/merchantInfo/merchantSerialNumber"),
            order: order.or_else(|| in_body("/transaction/orderId")),
        }
    }
}

/// Step 6. The order id counted for is the literal one of path or body; a body in which none can
/// be found is not counted.
async fn rate(
    call: &mut Call<'_>,
    keyring: &Keyring,
    acting: Option<&Caller>,
    operation: Operation,
    sight: &Sight<'_>,
) -> Result<(), Why> {
    let (per_minute, id) = match operation {
        Operation::Initiate => (2, "rate.initiate"),
        Operation::Capture => (5, "rate.capture"),
        Operation::Cancel => (5, "rate.cancel"),
        Operation::Refund => (5, "rate.refund"),
        Operation::Details | Operation::Status => (120, "rate.details"),
        // No limit is documented for the test call.
        Operation::Approve => return Ok(()),
    };
    let Some(order) = sight.order else {
        return Ok(());
    };
    let key = match operation {
        // Polling counts per order and subscription key, everything else per order.
        Operation::Details | Operation::Status => keyring.subscription_key.as_deref(),
        Operation::Initiate
        | Operation::Capture
        | Operation::Cancel
        | Operation::Refund
        | Operation::Approve => None,
    };
    // A body's MSN that is not the one acted for will be refused.
    let claimed = sight.header.or(sight.msn).unwrap_or_default();
    let acting = match (acting, sight.msn) {
        (Some(caller), Some(msn)) if msn != caller.unit.facts.msn.as_str() => Err(msn),
        (Some(caller), _) => Ok(caller),
        (None, _) => Err(claimed),
    };
    let limit = Limit {
        id,
        operation: operation.name(),
        per_minute,
    };
    let (gate, environment) = (&call.platform.gate, call.environment);
    let about = About { order, key };
    Ok(gate
        .rate(environment, keyring, acting, limit, &about, call.trace)
        .await?)
}

/// A fault on demand, after step 9: the caller is proved, and nothing is decided yet.
async fn struck(
    call: &mut Call<'_>,
    caller: &Caller,
    operation: Operation,
) -> Result<Option<BankFault>, Why> {
    let target = Target::Payment(operation);
    call.struck(Some(&caller.unit.facts.msn), target).await
}

/// Step 10, first half.
async fn standing(call: &mut Call<'_>, caller: &Caller, needs: Needs) -> Result<(), Why> {
    let engine = &call.platform.engine;
    Ok(standing::standing(engine, caller, needs, call.trace).await?)
}

async fn initiate(call: &mut Call<'_>, caller: &Caller, body: &Value) -> Result<Answer, Why> {
    let sent = initiate::Sent::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let platform = call.platform;
    caller.msn_body(&platform.engine, sent.msn(), call.trace)?;
    struck(call, caller, Operation::Initiate).await?;
    standing(call, caller, Needs::OpenForPayments).await?;
    payments_approved(caller, call.trace)?;
    let (order, mobile) = sent.check(&caller.unit).map_err(Why::Fields)?;
    let (policy, resolver) = (caller.unit.facts.url_policy, platform.resolver.as_ref());
    initiate::check_hosts(&order, policy, resolver)
        .await
        .map_err(Why::Fields)?;
    call.trace.passed(Step::Fields, "all allowed");

    let initiated = platform
        .engine
        .initiate(&caller.unit, order, mobile)
        .await?;
    call.trace.passed(Step::Rules, "initiated");
    let payment = &initiated.payment;
    let token = link::sign(&platform.engine, &caller.unit, payment, initiated.now);
    let url = if payment.order.is_app {
        format!("{}://?token={token}", call.environment.app_scheme())
    } else {
        landing_page(platform.base(call.environment), &token)
    };
    Ok(Answer::new(
        200,
        JSON,
        wire::initiated(payment.order.id.as_str(), &url),
    ))
}

/// The address of the landing page for a link's token.
pub fn landing_page(base: &str, token: &str) -> String {
    format!("{base}/dwo-api-application/v1/deeplink/vippsgateway?v=2&token={token}")
}

async fn modify(
    call: &mut Call<'_>,
    caller: &Caller,
    operation: Operation,
    order: Option<&str>,
    body: &Value,
) -> Result<Answer, Why> {
    let sent = modify::Sent::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let platform = call.platform;
    caller.msn_body(&platform.engine, sent.msn(), call.trace)?;
    let fault = struck(call, caller, operation).await?;
    let needs = if operation == Operation::Capture {
        Needs::OpenForPayments
    } else {
        Needs::TheBooks
    };
    standing(call, caller, needs).await?;
    payments_approved(caller, call.trace)?;
    let checked = sent
        .check(operation, &call.request.headers)
        .map_err(Why::Fields)?;
    call.trace.passed(Step::Fields, "all allowed");

    let modify::Checked {
        amount,
        text,
        release_remainder,
        key,
    } = checked;
    let fingerprint = by_hand::fingerprint(amount, &text);
    let intent = match operation {
        Operation::Capture => Intent::Capture {
            amount,
            text,
            request_id: key.clone(),
        },
        Operation::Refund => Intent::Refund {
            amount,
            text,
            request_id: key.clone(),
        },
        Operation::Cancel
        | Operation::Initiate
        | Operation::Details
        | Operation::Status
        | Operation::Approve => Intent::Cancel {
            text,
            release_remainder,
            only_open: false,
        },
    };
    let render = move |operated: &Operated| Rendered {
        status: 200,
        body: wire::modified(operation, operated),
    };
    let idempotency = key.as_deref().map(|key| Idempotency {
        operation,
        key,
        fingerprint,
        render: &render,
    });
    let order = order.unwrap_or_default();
    let done = platform
        .engine
        .carry_out(&caller.unit, order, intent, idempotency, fault)
        .await?;
    let rendered = match done {
        Done::Now(operated) => {
            call.trace.passed(Step::Rules, "carried out");
            render(&operated)
        }
        Done::Before(rendered) => {
            call.trace
                .passed(Step::Rules, "answered as before: same key, same request");
            rendered
        }
    };
    Ok(Answer::new(rendered.status, JSON, rendered.body))
}

async fn approve(
    call: &mut Call<'_>,
    caller: &Caller,
    order: Option<&str>,
    body: &Value,
) -> Result<Answer, Why> {
    let sent = modify::SentApproval::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let fault = struck(call, caller, Operation::Approve).await?;
    standing(call, caller, Needs::TheBooks).await?;
    payments_approved(caller, call.trace)?;
    let (engine, order) = (&call.platform.engine, order.unwrap_or_default());
    let view = engine.view(&caller.unit, order).await?;
    if let Some(token) = &sent.token {
        let of = link::read(engine, call.environment, token);
        if of.is_none_or(|(msn, id)| msn != caller.unit.facts.msn || id != view.payment.order.id) {
            return Err(Why::Payment(
                sandkasse_domain::payment::Cause::TokenOfAnotherOrder,
            ));
        }
    }
    let phone = sent.phone(view.payment.order.mobile.as_ref())?;
    let intent = Intent::Person(Act::ForceApprove { phone });
    engine
        .carry_out(&caller.unit, order, intent, None, fault)
        .await?;
    call.trace.passed(Step::Rules, "approved");
    Ok(Answer::empty(200))
}
