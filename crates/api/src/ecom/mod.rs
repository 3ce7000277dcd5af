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

use sandkasse_domain::payment::{Cause, Operation};
use sandkasse_engine::{Act, Done, Idempotency, Intent, Operated, Rendered, Through, View, Wanted};
use sandkasse_gate::{Caller, Limit, Step, link, standing::Needs};

use crate::{
    Answer, Call, Why, body,
    entry::{self, Counted, open, struck},
    json::Json,
};

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
    let request = call.request;
    let proved = entry::prove(call).await?;
    let reads_body = !matches!(operation, Operation::Details | Operation::Status);
    let body = reads_body.then(|| body::parse(&request.body));
    let sent = body.as_ref().and_then(|body| body.as_ref().ok());
    let in_body = |of: &str, member: &str| sent?.get(of)?.get(member)?.as_str();
    let msn = in_body("merchantInfo", "merchantSerialNumber");
    let order_sent = order.or_else(|| in_body("transaction", "orderId"));
    let counted = counted(operation, order_sent);
    let caller = entry::enter(call, proved, msn, counted).await?;

    let body = body.transpose()?;
    match (operation, &body) {
        (Operation::Details | Operation::Status, _) | (_, None) => {
            struck(call, &caller, operation).await?;
            open(call, &caller, Needs::TheBooks).await?;
            let order = order.unwrap_or_default();
            let view = view(call, &caller, order).await?;
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

/// A payment as eCom sees it: those made by ePayment it does not (reference: epayment.md §2.9).
async fn view(call: &Call<'_>, caller: &Caller, order: &str) -> Result<View, Why> {
    let view = call.platform.engine.view(&caller.unit, order).await?;
    if view.payment.order.epayment().is_some() {
        return Err(Why::Payment(Cause::OrderOfEpayment {
            order: order.to_owned(),
            asked_by: caller.unit.facts.msn.clone(),
        }));
    }
    Ok(view)
}

/// Step 6. The order id counted for is the literal one of path or body; a body in which none can
/// be found is not counted.
fn counted(operation: Operation, order: Option<&str>) -> Option<Counted<'_>> {
    let (per_minute, id) = match operation {
        Operation::Initiate => (2, "rate.initiate"),
        Operation::Capture => (5, "rate.capture"),
        Operation::Cancel => (5, "rate.cancel"),
        Operation::Refund => (5, "rate.refund"),
        Operation::Details | Operation::Status => (120, "rate.details"),
        // No limit is documented for the test call.
        Operation::Approve => return None,
    };
    Some(Counted {
        limit: Limit {
            id,
            operation: operation.name(),
            per_minute,
        },
        order: order?,
        // Polling counts per order and subscription key, everything else per order.
        per_key: matches!(operation, Operation::Details | Operation::Status),
    })
}

async fn initiate(call: &mut Call<'_>, caller: &Caller, body: &Json) -> Result<Answer, Why> {
    let sent = initiate::Sent::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let platform = call.platform;
    caller.msn_body(&platform.engine, sent.msn(), call.trace)?;
    struck(call, caller, Operation::Initiate).await?;
    open(call, caller, Needs::OpenForPayments).await?;
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
    body: &Json,
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
    open(call, caller, needs).await?;
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
        refusals: None,
    });
    let order = order.unwrap_or_default();
    let through = Through::Ecom;
    let wanted = Wanted {
        intent,
        through,
        fault,
    };
    let done = platform
        .engine
        .carry_out(&caller.unit, order, wanted, idempotency)
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
        Done::Refused { cause, .. } => return Err(Why::Payment(*cause)),
    };
    Ok(Answer::new(rendered.status, JSON, rendered.body))
}

async fn approve(
    call: &mut Call<'_>,
    caller: &Caller,
    order: Option<&str>,
    body: &Json,
) -> Result<Answer, Why> {
    let sent = modify::SentApproval::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let fault = struck(call, caller, Operation::Approve).await?;
    open(call, caller, Needs::TheBooks).await?;
    let (engine, order) = (&call.platform.engine, order.unwrap_or_default());
    let view = view(call, caller, order).await?;
    if let Some(token) = &sent.token {
        let of = link::read(engine, call.environment, token);
        if of.is_none_or(|(msn, id)| msn != caller.unit.facts.msn || id != view.payment.order.id) {
            return Err(Why::Payment(Cause::TokenOfAnotherOrder));
        }
    }
    let phone = sent.phone(view.payment.order.mobile.as_ref())?;
    let intent = Intent::Person(Act::ForceApprove { phone });
    let through = Through::Ecom;
    let wanted = Wanted {
        intent,
        through,
        fault,
    };
    engine.carry_out(&caller.unit, order, wanted, None).await?;
    call.trace.passed(Step::Rules, "approved");
    Ok(Answer::empty(200))
}
