//! ePayment v1 (reference: epayment.md). The same engine and the same payments as eCom's.
//!
//! [`handle`] is the whole way of a call, top to bottom: the gate's checks in their order, the
//! standing of merchant and unit, the shape of the body, and then the engine, which looks for a saved
//! answer first.

mod cause;
mod create;
mod customer;
mod metadata;
mod modify;
mod qr;
mod read;
mod refusals;
mod shipping;
mod wire;
mod words;

use std::sync::OnceLock;

use http::{HeaderMap, Method as HttpMethod};
use sandkasse_domain::{
    Environment, OrderId,
    payment::{Cause, MadeBy, Operation, Payment, QrFormat, UserFlow},
};
use sandkasse_engine::{
    Act, Done, Idempotency, Initiated, Intent, Operated, Rendered, Through, Unit, Wanted,
};
use sandkasse_gate::{Caller, Limit, Step, link, standing::Needs};

pub use cause::EpaymentCause;
pub use qr::{QR_IMAGE, image};

use crate::{
    Answer, Call, Platform, Why, body,
    entry::{self, Counted, open, struck},
    json::Json,
};
use read::Reading;
use refusals::Words;

/// The platform answers modifications with `application/json`, whatever `Accept` says (reference:
/// epayment.md 8.11).
const JSON: &str = "application/json";
/// The longest `Idempotency-Key`.
const LONGEST_KEY: usize = 50;
/// Where the payer's link leads, below the environment's base.
pub const LANDING: &str = "/landing";

/// An operation of this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Asked {
    Create,
    Get,
    Events,
    Cancel,
    Capture,
    Refund,
    Approve,
}

impl Asked {
    /// For traces and logs.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Create => "POST /epayment/v1/payments",
            Asked::Get => "GET /epayment/v1/payments/{reference}",
            Asked::Events => "GET /epayment/v1/payments/{reference}/events",
            Asked::Cancel => "POST /epayment/v1/payments/{reference}/cancel",
            Asked::Capture => "POST /epayment/v1/payments/{reference}/capture",
            Asked::Refund => "POST /epayment/v1/payments/{reference}/refund",
            Asked::Approve => "POST /epayment/v1/test/payments/{reference}/approve",
        }
    }

    /// What it does to a payment: faults on demand strike both APIs alike.
    pub fn operation(self) -> Operation {
        match self {
            Asked::Create => Operation::Initiate,
            Asked::Get | Asked::Events => Operation::Details,
            Asked::Cancel => Operation::Cancel,
            Asked::Capture => Operation::Capture,
            Asked::Refund => Operation::Refund,
            Asked::Approve => Operation::Approve,
        }
    }

    /// Published in December 2023. Counted at the gateway, before anything is judged.
    fn limit(self) -> Option<Limit> {
        let (operation, per_minute, id) = match self {
            Asked::Create => ("epayment/create", 5, "rate.initiate"),
            Asked::Get => ("epayment/get", 120, "rate.details"),
            Asked::Events => ("epayment/events", 120, "rate.details"),
            Asked::Cancel => ("epayment/cancel", 5, "rate.cancel"),
            Asked::Capture => ("epayment/capture", 5, "rate.capture"),
            Asked::Refund => ("epayment/refund", 5, "rate.refund"),
            // No limit is documented for the test call.
            Asked::Approve => return None,
        };
        Some(Limit {
            id,
            operation,
            per_minute,
        })
    }
}

/// The operation of a path below `/epayment/v1`, its method, and where the reference stands.
pub(crate) fn find(below: &[&str]) -> Option<(Asked, HttpMethod, Option<usize>)> {
    let (post, get) = (HttpMethod::POST, HttpMethod::GET);
    // Counted from the first part of the path.
    Some(match below {
        ["payments"] => (Asked::Create, post, None),
        ["payments", _] => (Asked::Get, get, Some(3)),
        ["payments", _, "events"] => (Asked::Events, get, Some(3)),
        ["payments", _, "cancel"] => (Asked::Cancel, post, Some(3)),
        ["payments", _, "capture"] => (Asked::Capture, post, Some(3)),
        ["payments", _, "refund"] => (Asked::Refund, post, Some(3)),
        ["test", "payments", _, "approve"] => (Asked::Approve, post, Some(4)),
        _ => return None,
    })
}

/// Answers a call.
pub(crate) async fn handle(
    call: &mut Call<'_>,
    asked: Asked,
    reference: &str,
) -> Result<Answer, (Answer, Why)> {
    match admitted(call, asked, reference).await {
        Ok(answer) => Ok(answer),
        Err(Stop::Before(refused)) => Err(*refused),
        Err(Stop::Now(why)) => Err((Words::of(call, reference).answer(call, &why), why)),
    }
}

/// Why a call is not answered with a success.
enum Stop {
    /// It is refused.
    Now(Why),
    /// The answer is saved, with the refusal that it tells.
    Before(Box<(Answer, Why)>),
}

impl<T: Into<Why>> From<T> for Stop {
    fn from(why: T) -> Stop {
        Stop::Now(why.into())
    }
}

async fn admitted(call: &mut Call<'_>, asked: Asked, reference: &str) -> Result<Answer, Stop> {
    let request = call.request;
    let proved = entry::prove(call).await?;
    let body = match asked {
        Asked::Get | Asked::Events => None,
        // These need no body at all.
        Asked::Cancel | Asked::Approve if request.body.is_empty() => None,
        Asked::Create | Asked::Capture | Asked::Refund | Asked::Cancel | Asked::Approve => {
            Some(body::parse(&request.body))
        }
    };
    let sent = body.as_ref().and_then(|body| body.as_ref().ok());
    // Creates without a reference share one count.
    let counted_for = match (asked, sent.and_then(|body| body.get("reference"))) {
        (Asked::Create, Some(Json::String(text))) => text.clone(),
        (Asked::Create, Some(Json::Number(number))) => number.to_string(),
        (Asked::Create, _) => String::new(),
        _ => reference.to_owned(),
    };
    let counted = asked.limit().map(|limit| Counted {
        limit,
        order: &counted_for,
        per_key: matches!(asked, Asked::Get | Asked::Events),
    });
    let caller = entry::enter(call, proved, None, counted).await?;

    let body: Option<Json> = body.transpose()?;
    if body.is_some() {
        call.trace.passed(Step::Body, "JSON");
    }
    let fault = struck(call, &caller, asked.operation()).await?;
    let needs = match asked {
        Asked::Create | Asked::Capture => Needs::OpenForPayments,
        Asked::Get | Asked::Events | Asked::Cancel | Asked::Refund | Asked::Approve => {
            Needs::TheBooks
        }
    };
    open(call, &caller, needs).await?;
    // No payment can have it, so no answer is kept for it either (reference: epayment.md §2.9).
    if asked != Asked::Create && OrderId::try_new(reference).is_none() {
        return Err(Cause::OrderUnknown {
            order: reference.to_owned(),
            asked_by: caller.unit.facts.msn.clone(),
        }
        .into());
    }
    let wanted = |intent, through| Wanted {
        intent,
        through,
        fault,
    };
    match asked {
        Asked::Create => create(call, &caller, &body.unwrap_or_default()).await,
        Asked::Get => {
            let view = call.platform.engine.view(&caller.unit, reference).await?;
            let open = view.payment.open().is_some();
            let url =
                open.then(|| redirect_url(call.platform, &caller.unit, &view.payment, view.now));
            let (engine, msn) = (&call.platform.engine, &caller.unit.facts.msn);
            let body = wire::snapshot(engine, msn, &view, url.flatten().as_deref());
            Ok(Answer::new(200, JSON, body))
        }
        Asked::Events => {
            let view = call.platform.engine.view(&caller.unit, reference).await?;
            let (engine, msn) = (&call.platform.engine, &caller.unit.facts.msn);
            Ok(Answer::new(200, JSON, wire::events(engine, msn, &view)))
        }
        Asked::Cancel => {
            let as_of = call.platform.engine.as_of();
            let sent = modify::cancels(body.as_ref(), &call.request.headers, as_of)?;
            let only_open = sent.only_open;
            let intent = Intent::Cancel {
                text: String::new(),
                release_remainder: true,
                only_open,
            };
            let wanted = wanted(intent, Through::Epayment { currency: None });
            let meaning = format!("cancelTransactionOnly {only_open}");
            modify(
                call,
                &caller,
                reference,
                wanted,
                sent.key.as_deref(),
                meaning,
            )
            .await
        }
        Asked::Capture | Asked::Refund => {
            let sent = modify::moves(&body.unwrap_or_default(), &call.request.headers)?;
            let (amount, text) = (Some(sent.amount), String::new());
            let request_id = Some(sent.key.clone());
            let intent = if asked == Asked::Capture {
                Intent::Capture {
                    amount,
                    text,
                    request_id,
                }
            } else {
                Intent::Refund {
                    amount,
                    text,
                    request_id,
                }
            };
            let currency = Some(sent.currency);
            let wanted = wanted(intent, Through::Epayment { currency });
            let meaning = format!("{} {}", sent.currency.code(), sent.amount.units());
            modify(call, &caller, reference, wanted, Some(&sent.key), meaning).await
        }
        Asked::Approve => {
            if call.environment == Environment::Production {
                return Err(Cause::ApproveInProduction.into());
            }
            let sent = modify::approves(body.as_ref(), call.platform.engine.as_of())?;
            approve(call, &caller, reference, sent, &wanted).await
        }
    }
}

/// The key of a call; an empty one is none.
fn idempotency_key(headers: &HeaderMap, reading: &mut Reading, required: bool) -> Option<String> {
    let sent = headers.get("idempotency-key");
    let key = sent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        if required {
            reading.shape.fault(
                "Idempotency-Key",
                "The Idempotency-Key field is required.",
                "idempotency.missing",
                "no header Idempotency-Key",
            );
        }
        return None;
    };
    let length = key.chars().count();
    if length > LONGEST_KEY {
        let reason = format!(
            "The field Idempotency-Key must be a string with a maximum length of {LONGEST_KEY}."
        );
        let detail = format!("{length} characters");
        reading
            .shape
            .fault("Idempotency-Key", reason, "idempotency.too_long", detail);
    }
    Some(key)
}

async fn create(call: &mut Call<'_>, caller: &Caller, body: &Json) -> Result<Answer, Stop> {
    let (platform, request, unit) = (call.platform, call.request, &caller.unit);
    let engine = &platform.engine;
    let create::Create {
        mut order,
        mobile,
        key,
    } = create::read(body, &request.headers, unit, engine.as_of(), call.trace)?;
    call.trace.passed(Step::Fields, "all allowed");
    let meaning = create::meaning(&order, mobile.as_ref());
    if let MadeBy::Epayment(epayment) = &mut order.made_by {
        epayment.psp_reference = engine.chance.uuid().to_string();
    }
    let reference = order.id.to_string();
    let words = Words::of(call, &reference);
    // Once: each link is signed anew.
    let first = OnceLock::new();
    let render = |initiated: &Initiated| {
        let made = first.get_or_init(|| {
            let Initiated { payment, now } = initiated;
            let url = redirect_url(platform, unit, payment, *now);
            wire::created(payment.order.id.as_str(), url.as_deref())
        });
        Rendered {
            status: 201,
            body: made.clone(),
        }
    };
    let refused = |cause: &Cause| words.rendered(cause);
    let idempotency = Idempotency {
        operation: Operation::Initiate,
        key: &key,
        fingerprint: engine.vault.digest(&meaning).to_hex(),
        render: &render,
        refusals: Some(&refused),
    };
    let done = engine.create(unit, order, mobile, Some(idempotency)).await;
    let done = done.map(|done| done.map(|initiated| render(&initiated)));
    answered(call, &words, done)
}

async fn modify(
    call: &mut Call<'_>,
    caller: &Caller,
    reference: &str,
    wanted: Wanted,
    key: Option<&str>,
    meaning: String,
) -> Result<Answer, Stop> {
    call.trace.passed(Step::Fields, "all allowed");
    let (platform, unit) = (call.platform, &caller.unit);
    let words = Words::of(call, reference);
    let render = |operated: &Operated| Rendered {
        status: 200,
        body: wire::modified(&platform.engine, &unit.facts.msn, &operated.payment),
    };
    let refused = |cause: &Cause| words.rendered(cause);
    let operation = match &wanted.intent {
        Intent::Capture { .. } => Operation::Capture,
        Intent::Refund { .. } => Operation::Refund,
        Intent::Cancel { .. } | Intent::Person(_) | Intent::PutDown | Intent::TimePasses => {
            Operation::Cancel
        }
    };
    let idempotency = key.map(|key| Idempotency {
        operation,
        key,
        fingerprint: meaning,
        render: &render,
        refusals: Some(&refused),
    });
    let done = platform
        .engine
        .carry_out(unit, reference, wanted, idempotency)
        .await;
    // Without a key nothing was rendered; the same payment gives the same bytes.
    let done = done.map(|done| done.map(|operated| render(&operated)));
    answered(call, &words, done)
}

async fn approve(
    call: &mut Call<'_>,
    caller: &Caller,
    reference: &str,
    sent: modify::Approves,
    wanted: &(dyn Fn(Intent, Through) -> Wanted + Sync),
) -> Result<Answer, Stop> {
    let engine = &call.platform.engine;
    let view = engine.view(&caller.unit, reference).await?;
    // Text that is no token of ours is not looked at: the official collection sends a placeholder.
    let of = sent
        .token
        .as_deref()
        .and_then(|token| link::read(engine, call.environment, token));
    if of.is_some_and(|(msn, id)| msn != caller.unit.facts.msn || id != view.payment.order.id) {
        return Err(Cause::TokenOfAnotherOrder.into());
    }
    let named = view.payment.order.mobile.clone().map(Ok);
    let Some(mobile) = sent.mobile.or(named) else {
        return Err(Why::Epayment(EpaymentCause::Missing {
            member: "customer".into(),
            because: "the payment names nobody".into(),
        })
        .into());
    };
    let phone = mobile.map_err(|fault| Cause::NotATestNumber {
        reason: sandkasse_domain::person::CannotPay::Number(fault),
    })?;
    let intent = Intent::Person(Act::ForceApprove { phone });
    let through = Through::Epayment { currency: None };
    engine
        .carry_out(&caller.unit, reference, wanted(intent, through), None)
        .await?;
    call.trace.passed(Step::Rules, "approved");
    Ok(Answer::empty(200))
}

/// What the engine said, as an answer.
fn answered(
    call: &mut Call<'_>,
    words: &Words<'_>,
    done: Result<Done<Rendered>, sandkasse_engine::Refused>,
) -> Result<Answer, Stop> {
    let before = "answered as before: same key, same request";
    match done {
        Ok(Done::Now(rendered)) => {
            call.trace.passed(Step::Rules, "carried out");
            Ok(Answer::new(rendered.status, JSON, rendered.body))
        }
        Ok(Done::Before(rendered)) => {
            call.trace.passed(Step::Rules, before);
            Ok(Answer::new(rendered.status, JSON, rendered.body))
        }
        Ok(Done::Refused {
            cause,
            rendered,
            before: is_old,
        }) => {
            if is_old {
                call.trace.passed(Step::Fields, before);
            }
            let refused = (refusals::answer(rendered), Why::Payment(*cause));
            Err(Stop::Before(Box::new(refused)))
        }
        Err(refused) => {
            let why = Why::from(refused);
            let answer = words.answer(call, &why);
            Err(Stop::Before(Box::new((answer, why))))
        }
    }
}

/// Where the payer goes, or where the QR code is; nowhere when the request is pushed.
fn redirect_url(
    platform: &Platform,
    unit: &Unit,
    payment: &Payment,
    now: sandkasse_domain::Timestamp,
) -> Option<String> {
    let environment = unit.facts.environment;
    let base = platform.base(environment);
    let token = || link::sign(&platform.engine, unit, payment, now);
    let landing = || format!("{base}{LANDING}?token={}", token());
    let Some(epayment) = payment.order.epayment() else {
        return (!payment.order.skip_landing_page).then(landing);
    };
    Some(match epayment.user_flow {
        UserFlow::WebRedirect => landing(),
        UserFlow::NativeRedirect => format!("{}://token={}", environment.app_scheme(), token()),
        UserFlow::PushMessage => return None,
        UserFlow::Qr => match epayment.qr {
            Some(QrFormat::TargetUrl) => landing(),
            Some(QrFormat::Svg | QrFormat::Png { .. }) | None => {
                format!("{base}{QR_IMAGE}?token={}", token())
            }
        },
    })
}
