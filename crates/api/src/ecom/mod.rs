//! eCom v2 (reference: ecom.md).
//!
//! [`handle`] is the whole way of a call, top to bottom: the gate's checks in their order, the
//! body, the standing of merchant and unit, the fields, and then the engine.

mod details;
mod initiate;
mod modify;
mod refusals;
mod wire;

use sandkasse_domain::{
    payment::Operation,
    sales_unit::{Product, Standing as MerchantStanding},
};
use sandkasse_engine::{Act, Done, Idempotency, Intent, Operated, Rendered, directory::Client};
use sandkasse_gate::{Caller, GateCause, Limit, Step, Trace, link};
use serde_json::Value;

use crate::{Answer, Call, Why, body};

pub use refusals::cause_id;

const JSON: &str = "application/json;charset=UTF-8";

/// Why a merchant or sales unit may not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Blocked by the platform (31).
    Blocked,
    /// The agreement was not signed (36).
    Unsigned,
    /// The merchant was deactivated (37).
    MerchantDeactivated,
    /// The sales unit was deactivated by its merchant (37).
    UnitDeactivated,
    /// The sales unit was approved for Login only (97).
    LoginOnly,
}

impl Standing {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Standing::Blocked => "merchant.blocked",
            Standing::Unsigned => "merchant.unsigned",
            Standing::MerchantDeactivated => "merchant.deactivated",
            Standing::UnitDeactivated => "unit.deactivated",
            Standing::LoginOnly => "unit.login_only",
        }
    }

    pub(crate) fn step(self) -> Step {
        match self {
            Standing::Blocked
            | Standing::Unsigned
            | Standing::MerchantDeactivated
            | Standing::UnitDeactivated => Step::Standing,
            Standing::LoginOnly => Step::Product,
        }
    }
}

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
            let client = gate
                .token(environment, headers, &mut Trace::default())
                .await;
            return Err(Why::Gate(match client {
                Ok(Client::Office(_)) => GateCause::KeysWithoutRight,
                Ok(Client::Unit(_)) | Err(_) => missing,
            }));
        }
        other => other?,
    };
    let client = gate.token(environment, headers, call.trace).await?;
    let caller = gate.same_owner(&client, &key_of, headers, call.trace)?;

    let reads_body = !matches!(operation, Operation::Details | Operation::Status);
    let body = reads_body.then(|| body::parse(&request.body));
    let parsed = body.as_ref().and_then(|body| body.as_ref().ok());
    rate(call, &caller, operation, order, parsed)?;
    gate.msn_header(&caller, headers, call.trace)?;

    let body = body.transpose()?;
    match (operation, &body) {
        (Operation::Details | Operation::Status, _) | (_, None) => {
            product(call, &caller)?;
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

/// Step 6. The order id counted for is the literal one of path or body; a body in which none can
/// be found is not counted.
fn rate(
    call: &mut Call<'_>,
    caller: &Caller,
    operation: Operation,
    order: Option<&str>,
    body: Option<&Value>,
) -> Result<(), Why> {
    let per_minute = match operation {
        Operation::Initiate => 2,
        Operation::Capture | Operation::Cancel | Operation::Refund => 5,
        Operation::Details | Operation::Status => 120,
        // No limit is documented for the test call.
        Operation::Approve => return Ok(()),
    };
    let in_body = |pointer: &str| {
        body.and_then(|body| body.pointer(pointer))
            .and_then(Value::as_str)
    };
    let Some(order) = order.or_else(|| in_body("/transaction/orderId")) else {
        return Ok(());
    };
    let about = match (operation, &caller.subscription_key) {
        // Polling counts per order and subscription key, everything else per order.
        (Operation::Details | Operation::Status, Some(key)) => format!("{key}/{order}"),
        _ => order.to_owned(),
    };
    let own = caller.unit.facts.msn.as_str();
    let header = call.request.headers.get("merchant-serial-number");
    let header = header
        .and_then(|value| value.to_str().ok())
        .filter(|msn| !msn.is_empty());
    let claimed = header
        .filter(|msn| *msn != own)
        .or_else(|| in_body("/merchantInfo/merchantSerialNumber"));
    let limit = Limit {
        operation: operation.name(),
        per_minute,
    };
    Ok(call
        .platform
        .gate
        .rate(caller, limit, &about, claimed, call.trace)?)
}

/// Step 10, first half: deactivation closes payments, not the books.
fn standing(call: &mut Call<'_>, caller: &Caller) -> Result<(), Why> {
    let refused = match caller.unit.merchant.standing {
        MerchantStanding::Blocked => Some(Standing::Blocked),
        MerchantStanding::Unsigned => Some(Standing::Unsigned),
        MerchantStanding::Deactivated => Some(Standing::MerchantDeactivated),
        MerchantStanding::Active => {
            (!caller.unit.facts.active).then_some(Standing::UnitDeactivated)
        }
    };
    match refused {
        Some(standing) => Err(Why::Standing(standing)),
        None => {
            call.trace
                .passed(Step::Standing, "merchant and sales unit are active");
            Ok(())
        }
    }
}

/// Step 10, second half: a Login-only unit takes no payments.
fn product(call: &mut Call<'_>, caller: &Caller) -> Result<(), Why> {
    if !caller.unit.facts.takes_payments() {
        return Err(Why::Standing(Standing::LoginOnly));
    }
    call.trace.passed(Step::Product, "approved for payments");
    Ok(())
}

async fn initiate(call: &mut Call<'_>, caller: &Caller, body: &Value) -> Result<Answer, Why> {
    let sent = initiate::Sent::read(body)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    let platform = call.platform;
    platform.gate.msn_body(caller, sent.msn(), call.trace)?;
    standing(call, caller)?;
    product(call, caller)?;
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
    let token = link::sign(
        &platform.engine,
        &caller.unit,
        &initiated.payment,
        initiated.now,
    );
    let order = &initiated.payment.order;
    let url = if order.is_app {
        format!("{}://?token={token}", call.environment.app_scheme())
    } else {
        let base = platform.base(call.environment);
        format!("{base}/dwo-api-application/v1/deeplink/vippsgateway?v=2&token={token}")
    };
    Ok(Answer::new(
        200,
        JSON,
        wire::initiated(order.id.as_str(), &url),
    ))
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
    platform.gate.msn_body(caller, sent.msn(), call.trace)?;
    if operation == Operation::Capture {
        standing(call, caller)?;
    }
    product(call, caller)?;
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
    let fingerprint = format!("{:?}\n{text}", amount.map(sandkasse_domain::Minor::units));
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
        .carry_out(&caller.unit, order, intent, idempotency)
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
    product(call, caller)?;
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
    engine.carry_out(&caller.unit, order, intent, None).await?;
    call.trace.passed(Step::Rules, "approved");
    Ok(Answer::empty(200))
}
