//! Checkout v3 (reference: checkout.md): sessions are made and read. That a customer goes through
//! one, and so PATCH, expire, callbacks and v2, is not built.
//!
//! There is no access token: `client_id` and `client_secret` stand in its place, and whatever
//! `Authorization` says is ignored.

mod configuration;
mod read;
mod refusals;
mod wire;

use http::Method;
use sandkasse_domain::{
    checkout::{Asked as Before, Session},
    sales_unit::{CaptureType, Product},
};
use sandkasse_engine::{directory::Client, faults::Target};
use sandkasse_gate::{
    Caller, GateCause, Keyring, Step, link,
    standing::{Needs, payments_approved, standing},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Call, Why, body, json::Json, routes::Names, token};

/// An operation of Checkout, with the name in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `POST /checkout/v3/session`
    Create,
    /// `GET /checkout/v3/session/{reference}`
    Get {
        /// Which, as sent.
        reference: String,
    },
}

impl Asked {
    /// For traces and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Asked::Create => "POST /checkout/v3/session",
            Asked::Get { .. } => "GET /checkout/v3/session/{reference}",
        }
    }
}

/// The operations at a path below `checkout/v3`, each with its method.
pub(crate) fn find(words: &[&str], name: Names<'_>) -> Option<Vec<(Method, Asked)>> {
    Some(match words {
        ["session"] => vec![(Method::POST, Asked::Create)],
        ["session", _] => vec![(Method::GET, Asked::Get { reference: name(3) })],
        _ => return None,
    })
}

/// Why Checkout says no; in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutCause {
    /// `client_id`, `client_secret` and subscription key are not one set.
    Credentials,
    /// The sales unit captures directly, which Checkout cannot.
    DirectCapture,
    /// There would be nothing to pay.
    NothingToPay,
    /// The reference is taken, by a session or a payment.
    ReferenceTaken,
    /// No session has this reference here, or its hour is over.
    SessionUnknown,
}

impl CheckoutCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            CheckoutCause::Credentials => "checkout.credentials",
            CheckoutCause::DirectCapture => "unit.direct_in_checkout",
            CheckoutCause::NothingToPay => "checkout.nothing_to_pay",
            CheckoutCause::ReferenceTaken => "checkout.reference_taken",
            CheckoutCause::SessionUnknown => "checkout.session_unknown",
        }
    }
}

impl From<CheckoutCause> for Why {
    fn from(cause: CheckoutCause) -> Why {
        Why::Checkout(cause)
    }
}

pub(crate) async fn handle(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, (Answer, Why)> {
    match admitted(call, asked).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

async fn admitted(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, Why> {
    let caller = keys(call)?;
    let sent = match asked {
        Asked::Create => {
            let sent = body::parse(&call.request.body)?;
            call.trace.passed(Step::Body, "JSON");
            Some(sent)
        }
        Asked::Get { .. } => None,
    };
    let msn = caller.unit.facts.msn.clone();
    call.struck(Some(&msn), Target::Checkout).await?;
    let needs = match asked {
        Asked::Create => Needs::OpenForPayments,
        Asked::Get { .. } => Needs::TheBooks,
    };
    standing(&call.platform.engine, &caller, needs, call.trace).await?;
    payments_approved(&caller, call.trace)?;
    match (asked, sent) {
        (Asked::Get { reference }, _) => get(call, &caller, reference).await,
        (Asked::Create, sent) => create(call, &caller, &sent.unwrap_or_default()).await,
    }
}

/// Steps 2 to 7, with the client's secret in the place of the token.
fn keys(call: &mut Call<'_>) -> Result<Caller, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let product = Some(Product::Checkout);
    let key_of: Client = gate.subscription_key(environment, headers, product, call.trace)?;
    let proved = token::proved(call).map_err(|_| CheckoutCause::Credentials)?;
    if proved.id() != key_of.id() {
        return Err(CheckoutCause::Credentials.into());
    }
    call.trace
        .passed(Step::SameOwner, "client and key fit together");
    let keyring = Keyring {
        client: proved,
        subscription_key: None,
    };
    call.who.client = Some(keyring.client.clone());
    let caller = gate.acting(environment, &keyring, headers, None)?;
    call.who.unit = Some(caller.unit.facts.msn.clone());
    call.trace.passed(Step::MsnHeader, "the one acted for");
    // A partner's key covers every product; what counts is whether the unit has it.
    let facts = &caller.unit.facts;
    if facts.takes_payments() && !facts.products.contains(&Product::Checkout) {
        let (msn, product) = (facts.msn.to_string(), Product::Checkout);
        return Err(GateCause::SubscriptionKeyProduct { msn, product }.into());
    }
    Ok(caller)
}

async fn create(call: &mut Call<'_>, caller: &Caller, sent: &Json) -> Result<Answer, Why> {
    if caller.unit.facts.capture == CaptureType::Direct {
        return Err(CheckoutCause::DirectCapture.into());
    }
    let engine = &call.platform.engine;
    let wanted = read::session(sent)?;
    call.trace.passed(Step::Fields, "all allowed");
    if wanted.is_free {
        return Err(CheckoutCause::NothingToPay.into());
    }
    let reference = wanted.reference;
    let id = engine.chance.uuid().to_string();
    let answer = {
        let claims = wire::Claims {
            session_id: &id,
            reference: reference.as_str(),
            merchant_serial_number: &caller.unit.facts.msn,
        };
        let token = link::sign_claims(engine, call.environment, &claims);
        let base = call.platform.base(call.environment);
        wire::created(base, reference.as_str(), &token)
    };
    let key = call.request.headers.get("idempotency-key");
    let key = key
        .and_then(|key| key.to_str().ok())
        .filter(|key| !key.is_empty());
    let asked = key.map(|key| Before {
        key: key.to_owned(),
        // The body has secrets of the merchant.
        meaning: engine.vault.digest(&sent.to_string()).to_hex(),
        answer: answer.clone(),
    });
    let sealed = engine
        .vault
        .seal(&callback_place(reference.as_str()), &wanted.callback_token);
    let session = Session {
        id,
        created_at: engine.now(&caller.unit),
        amount: wanted.amount,
        currency: wanted.currency,
        description: wanted.description,
        callback_url: wanted.callback_url,
        callback_token: sealed,
        return_url: wanted.return_url,
        require_user_info: wanted.require_user_info,
        receipt: wanted.receipt,
        asked,
    };
    let made = engine
        .take_reference(&caller.unit, &reference, &session)
        .await?
        .ok_or(CheckoutCause::ReferenceTaken)?;
    // The same call again gets the same answer; another one learns that the reference is taken.
    let before = made.asked.as_ref().zip(session.asked.as_ref());
    let is_same =
        before.is_some_and(|(one, two)| (&one.key, &one.meaning) == (&two.key, &two.meaning));
    match &made.asked {
        _ if made.id == session.id => {
            call.trace.passed(Step::Rules, "created");
            Ok(Answer::new(200, wire::JSON, answer))
        }
        Some(asked) if is_same => {
            call.trace.passed(Step::Rules, "answered as before");
            Ok(Answer::new(200, wire::JSON, asked.answer.clone()))
        }
        Some(_) | None => Err(CheckoutCause::ReferenceTaken.into()),
    }
}

/// For what the token of a session's callback is sealed.
fn callback_place(reference: &str) -> String {
    format!("checkout/{reference}")
}

async fn get(call: &mut Call<'_>, caller: &Caller, reference: &str) -> Result<Answer, Why> {
    let engine = &call.platform.engine;
    let session = engine
        .kept::<Session>(&caller.unit, reference)
        .await
        .map_err(|error| Why::Fault(error.to_string()))?;
    let session = session
        .filter(|session| !session.is_over(engine.now(&caller.unit)))
        .ok_or(CheckoutCause::SessionUnknown)?;
    call.trace.passed(Step::Rules, "the session lives");
    let body = wire::session(&caller.unit.facts.msn, reference, &session);
    Ok(Answer::new(200, wire::JSON, body))
}
