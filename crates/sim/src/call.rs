//! Calls of merchants as bytes, acts of persons, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use sandkasse_api::{Platform, Request};
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    payment::{CancelledBy, Cause, Event, Payment, State},
};
use sandkasse_engine::{Act, ActRefused, Operated, Refused, Unit};
use serde_json::{Value, json};

use crate::model::{Action, Asked, Credentials, Facts, Line, Reply, Sums};

/// The texts of captures and refunds.
const TEXTS: [&str; 2] = ["Shipped", "Sent by post"];

/// Everything a node needs to carry out an action.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// In which world.
    pub(crate) environment: Environment,
    /// At which sales unit.
    pub(crate) msn: Msn,
    /// Which order.
    pub(crate) order: String,
    /// What.
    pub(crate) action: Action,
    /// With which keys.
    pub(crate) with: Credentials,
    /// The numbers of all persons, and one of nobody.
    pub(crate) phones: Arc<Vec<PhoneNumber>>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// As far as the model predicts it.
    pub(crate) reply: Reply,
    /// The exact body.
    pub(crate) body: Bytes,
}

impl Call {
    /// Carries the action out.
    pub(crate) async fn make(self, platform: Arc<Platform>) -> Answered {
        if self.action.is_a_persons() {
            let reply = self.acted(&platform).await;
            let body = Bytes::new();
            return Answered { reply, body };
        }
        let answer = platform
            .answer(self.environment, &self.request())
            .await
            .answer;
        Answered {
            reply: read(&self.action, answer.status.as_u16(), &answer.body),
            body: answer.body,
        }
    }

    fn phone(&self, person: usize) -> &PhoneNumber {
        self.phones
            .get(person)
            .or(self.phones.last())
            .expect("there is a number of nobody")
    }

    /// The call of a merchant.
    pub(crate) fn request(&self) -> Request {
        let order = &self.order;
        let path = |what: &str| format!("/ecomm/v2/payments/{order}/{what}");
        let post = Method::POST;
        let (method, path, body) = match &self.action {
            Action::Initiate(_) => (post, "/ecomm/v2/payments".to_owned(), self.initiate()),
            Action::Capture(asked) => (post, path("capture"), self.modify(asked)),
            Action::Refund(asked) => (post, path("refund"), self.modify(asked)),
            Action::Cancel { release, .. } => (Method::PUT, path("cancel"), self.cancel(*release)),
            Action::Status => (Method::GET, path("status"), Value::Null),
            Action::Force { person, .. } => {
                let body = json!({ "customerPhoneNumber": self.phone(*person).as_str() });
                (
                    post,
                    format!("/ecomm/v2/integration-test/payments/{order}/approve"),
                    body,
                )
            }
            _ => (Method::GET, path("details"), Value::Null),
        };
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        let headers = self.headers();
        Request {
            method,
            path,
            headers,
            body,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("plain text"));
        };
        set("authorization", &format!("Bearer {}", self.with.token.text));
        set("ocp-apim-subscription-key", &self.with.key);
        set("content-type", "application/json");
        let (key, fault) = match &self.action {
            Action::Capture(it) => (
                it.key.as_deref(),
                it.bank_refuses.then_some("capture-refused"),
            ),
            Action::Refund(it) => (
                it.key.as_deref(),
                it.bank_refuses.then_some("refund-refused"),
            ),
            Action::Cancel { bank_refuses, .. } => (None, bank_refuses.then_some("cancel-refused")),
            Action::Force { bank_refuses, .. } => {
                (None, bank_refuses.then_some("issuer-refuses; code=42"))
            }
            _ => (None, None),
        };
        key.into_iter().for_each(|key| set("x-request-id", key));
        fault
            .into_iter()
            .for_each(|fault| set("sandkasse-fault", fault));
        headers
    }

    fn initiate(&self) -> Value {
        let Action::Initiate(order) = &self.action else {
            return Value::Null;
        };
        let mut body = json!({
            "customerInfo": {},
            "merchantInfo": {
                "merchantSerialNumber": self.msn,
                "callbackPrefix": format!("https://{}.example.com/vipps", self.order),
                "fallBack": "https://example.com/vipps/result",
                "authToken": "Basic c29ja3M=",
            },
            "transaction": {
                "orderId": self.order,
                "amount": order.amount,
                "transactionText": "One pair of socks",
                "skipLandingPage": order.skip_landing_page,
            },
        });
        let mut set = |pointer: &str, name: &str, value: Value| {
            let object = body.pointer_mut(pointer).and_then(Value::as_object_mut);
            object.expect("it is above").insert(name.to_owned(), value);
        };
        if let Some(person) = order.mobile {
            set(
                "/customerInfo",
                "mobileNumber",
                self.phone(person).as_str().into(),
            );
        }
        if order.express {
            set(
                "/merchantInfo",
                "paymentType",
                "eComm Express Payment".into(),
            );
            set(
                "/merchantInfo",
                "consentRemovalPrefix",
                "https://example.com/vipps/consent".into(),
            );
            if order.asks_shipping {
                let prefix = format!("https://{}.example.com/vipps", self.order);
                set("/merchantInfo", "shippingDetailsPrefix", prefix.into());
            } else {
                set("/merchantInfo", "staticShippingDetails", methods());
            }
        }
        body
    }

    fn modify(&self, asked: &Asked) -> Value {
        let text = TEXTS.get(asked.text).copied().unwrap_or_default();
        let mut body = json!({
            "merchantInfo": { "merchantSerialNumber": self.msn },
            "transaction": { "transactionText": text },
        });
        if let (Some(amount), Some(transaction)) = (asked.amount, body.get_mut("transaction")) {
            *transaction = json!({ "amount": amount, "transactionText": text });
        }
        body
    }

    fn cancel(&self, release: bool) -> Value {
        json!({
            "merchantInfo": { "merchantSerialNumber": self.msn },
            "transaction": { "transactionText": "Sold out" },
            "shouldReleaseRemainingFunds": release,
        })
    }

    async fn acted(&self, platform: &Platform) -> Reply {
        let engine = &platform.engine;
        let directory = engine.directory.of(self.environment);
        let unit: Arc<Unit> = directory
            .unit(&self.msn)
            .expect("units are never deleted")
            .clone();
        let act = match &self.action {
            Action::Approve { person, card } => {
                let phone = self.phone(*person);
                let approved = engine.approve(&unit, &self.order, phone, *card, None).await;
                return became(true, approved);
            }
            Action::Show { person } => Act::Show {
                phone: self.phone(*person).clone(),
            },
            Action::Secure => Act::EnterThreeDSecure,
            Action::Reject => Act::Reject,
            Action::Leave => Act::LeaveLandingPage,
            _ => Act::Open,
        };
        became(false, engine.person_acts(&unit, &self.order, act).await)
    }
}

/// How a shop ships: by post, for what the model knows.
pub(crate) fn methods() -> Value {
    json!([
        { "isDefault": "Y", "priority": 1, "shippingCost": 99, "shippingMethod": "Post", "shippingMethodId": "post" },
        { "isDefault": "N", "priority": 2, "shippingCost": 0, "shippingMethod": "Collect", "shippingMethodId": "collect" },
    ])
}

/// What a person sees.
fn became(approves: bool, acted: Result<Operated, ActRefused>) -> Reply {
    let operated = match acted {
        Ok(operated) => operated,
        Err(ActRefused::Refused(Refused::Because(cause))) => {
            return Reply::refused(0, &code_of(&cause));
        }
        Err(ActRefused::Refused(Refused::Fault(_))) => return Reply::refused(0, "fault"),
        Err(ActRefused::NoShippingMethods { .. } | ActRefused::BadShippingAnswer { .. }) => {
            return Reply::refused(0, "no shipping");
        }
    };
    Reply::became(match operated.happened.last().map(|it| &it.event) {
        Some(Event::Reserved { .. }) => "reserved",
        Some(Event::ReservationRefused { .. }) => "refused by the bank",
        Some(Event::OutcomeUnknown { .. }) => "silent",
        Some(Event::Cancelled { .. }) => "cancelled",
        Some(Event::Failed { .. }) => "failed",
        Some(Event::ThreeDSecureBegan) if approves => "3-D Secure",
        _ => "open",
    })
}

fn code_of(cause: &Cause) -> String {
    let code = match cause {
        Cause::OrderUnknown { .. } | Cause::OrderOfAnotherUnit { .. } => "Merchant/35",
        Cause::NotOpen { .. } => "VippsError/92",
        Cause::NotThePayer => "VippsError/91",
        Cause::CannotPay { .. } => "User/81",
        Cause::OrderLocked { .. } => "VippsError/94",
        other => return format!("{other:?}"),
    };
    code.to_owned()
}

fn read(action: &Action, status: u16, body: &Bytes) -> Reply {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if status != 200 {
        let first = said.get(0).cloned().unwrap_or_default();
        let part = |name| first.get(name).map(text).unwrap_or_default();
        let code = match (part("errorGroup"), part("errorCode")) {
            (group, code) if group.is_empty() => code,
            (group, code) => format!("{group}/{code}"),
        };
        return Reply::refused(status, &code);
    }
    let at = |pointer: &str| said.pointer(pointer).cloned().unwrap_or_default();
    let amount = |pointer: &str| at(pointer).as_i64().unwrap_or(i64::MIN);
    let sums = || Sums {
        captured: amount("/transactionSummary/capturedAmount"),
        to_capture: amount("/transactionSummary/remainingAmountToCapture"),
        refunded: amount("/transactionSummary/refundedAmount"),
        to_refund: amount("/transactionSummary/remainingAmountToRefund"),
    };
    Reply::ok(match action {
        Action::Capture(_) | Action::Cancel { .. } => Facts::Moved {
            amount: amount("/transactionInfo/amount"),
            sums: sums(),
        },
        Action::Refund(_) => Facts::Moved {
            amount: amount("/transaction/amount"),
            sums: sums(),
        },
        Action::Details => {
            let line = |entry: &Value| Line {
                operation: entry.get("operation").map(text).unwrap_or_default(),
                amount: entry
                    .get("amount")
                    .and_then(Value::as_i64)
                    .unwrap_or(i64::MIN),
                success: entry.get("operationSuccess") == Some(&Value::Bool(true)),
            };
            let log = at("/transactionLogHistory");
            Facts::Story {
                sums: said.get("transactionSummary").map(|_| sums()),
                log: log
                    .as_array()
                    .map(|log| log.iter().map(line).collect())
                    .unwrap_or_default(),
            }
        }
        Action::Status => Facts::Standing {
            status: text(&at("/transactionInfo/status")),
            amount: amount("/transactionInfo/amount"),
        },
        _ => Facts::Nothing,
    })
}

/// The state of a stored payment, for the count of states that were reached.
pub(crate) fn state_name(payment: &Payment) -> &'static str {
    match &payment.state {
        State::Initiated(open) if open.refused.is_some() => "initiated, refused once",
        State::Initiated(open) if open.in_three_d_secure => "initiated, in 3-D Secure",
        State::Initiated(open) if open.opened_at.is_some() => "initiated, opened",
        State::Initiated(open) if open.payer.is_some() => "initiated, shown",
        State::Initiated(_) => "initiated",
        State::OutcomeUnknown { .. } => "outcome unknown",
        State::Cancelled { by, .. } => match by {
            CancelledBy::Payer => "cancelled by the payer",
            CancelledBy::LandingPage => "cancelled on the landing page",
            CancelledBy::Merchant => "cancelled by the merchant",
            CancelledBy::Timeout => "timed out",
        },
        State::Failed { .. } => "failed",
        State::Voided { .. } => "voided",
        State::Reserved(it) => {
            let (captured, refunded) = (it.captured.units(), it.refunded.units());
            match (it.remaining_to_capture().is_zero(), captured, refunded) {
                (_, captured, refunded) if captured > 0 && captured == refunded => "refunded",
                (_, _, refunded) if refunded > 0 => "partly refunded",
                _ if it.released => "rest released",
                (_, 0, _) => "reserved",
                (true, ..) if it.direct => "sold",
                (true, ..) => "captured",
                (false, ..) => "partly captured",
            }
        }
    }
}
