//! What to change, as data: the corrected request, and what must happen before it.
//!
//! A remedy repairs the defect that was found and no other; after it the request succeeds or meets
//! its next defect. A property test applies the remedy of every refusal that the catalogue
//! provokes. Where nothing mends a refusal, the remedy says so and what to do instead.
//!
//! One file per kind of cause; each is a match over all causes of that kind.

mod body;
mod epayment;
mod gate;
mod orders;
mod payment;
mod routes;
mod token;

use sandkasse_api::{Route, Why, epayment::Asked, find};
use sandkasse_domain::{Environment, payment::Operation};
use sandkasse_engine::{Engine, directory::Client};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{HttpCall, Record, call::To, record::Owner};

pub(crate) use routes::nearest;

/// The header that asks for a fault.
const FAULT: &str = "sandkasse-fault";

/// What to do about a refusal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remedy {
    /// Whether the request can be mended.
    pub mendable: bool,
    /// What to change, or what to do instead; with the facts of this very call.
    pub says: String,
    /// Whose keys the placeholders stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_of: Option<String>,
    /// What to do, in this order. The last one is the corrected request.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// Change something of the platform: what a merchant, a person or customer service would do.
    Control {
        /// What this does.
        what: String,
        /// The call of the control API.
        call: HttpCall,
        /// A member of the answer that a placeholder of the next steps stands for.
        #[serde(skip_serializing_if = "Option::is_none")]
        saves: Option<Saves>,
    },
    /// Make another call of the API first.
    Call {
        /// What this does.
        what: String,
        /// The call.
        call: HttpCall,
        /// A member of the answer that a placeholder of the next steps stands for.
        #[serde(skip_serializing_if = "Option::is_none")]
        saves: Option<Saves>,
    },
    /// Wait.
    Wait {
        /// So long.
        seconds: u64,
    },
    /// Send this in place of the request that was refused.
    Send {
        /// The corrected request.
        call: HttpCall,
    },
}

/// What of an answer is used later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Saves {
    /// The member.
    pub member: &'static str,
    /// The placeholder.
    pub placeholder: &'static str,
}

impl Remedy {
    /// The same with every text changed, to take secrets away.
    pub(crate) fn shown(mut self, shown: &impl Fn(&str) -> String) -> Remedy {
        self.says = shown(&self.says);
        for step in &mut self.steps {
            match step {
                Step::Control { call, .. } | Step::Call { call, .. } | Step::Send { call } => {
                    call.change(shown);
                }
                Step::Wait { .. } => {}
            }
        }
        self
    }
}

/// All that a remedy is made from.
pub(crate) struct Case<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) record: &'a Record,
    pub(crate) why: &'a Why,
    /// The API's and the portal's base URLs.
    pub(crate) base: &'a str,
    pub(crate) portal: &'a str,
    /// What the catalogue says to do.
    pub(crate) fix: &'a str,
    /// What it says when nothing mends it.
    pub(crate) instead: Option<&'a str>,
    /// An own order whose id is nearly the one asked for.
    pub(crate) near_order: Option<String>,
    /// Whether the reader may hear of stored keys.
    pub(crate) knows_keys: bool,
}

/// The remedy of a refusal.
pub(crate) fn remedy(case: &Case<'_>) -> Remedy {
    match case.why {
        Why::Gate(cause) => gate::remedy(case, cause),
        Why::Body(fault) => match case.epayment() {
            Some(asked) => epayment::of_body(case, asked, fault),
            None => body::of_fault(case, fault),
        },
        Why::Fields(faults) => match case.epayment() {
            Some(_) => epayment::of_fields(case, faults),
            None => body::of_fields(case, faults),
        },
        Why::Payment(cause) => match case.epayment() {
            Some(_) => epayment::of_payment(case, cause),
            None => payment::remedy(case, cause),
        },
        Why::Token(cause) => token::remedy(case, cause),
        Why::Userinfo(cause) => token::of_userinfo(case, cause),
        Why::Epayment(cause) => epayment::of_value(case, cause),
        Why::OrderManagement(cause) => orders::remedy(case, cause),
        Why::Qr(cause) => orders::of_qr(case, cause),
        Why::Report(cause) => orders::of_report(case, cause),
        Why::Checkout(cause) => orders::of_checkout(case, cause),
        Why::NotBuilt | Why::Unread(_) => case.nothing(),
        Why::Struck(_) => case.send(case.sent().without(FAULT), case.fix),
        Why::Fault(_) => case.send(case.sent(), "Send the same request again."),
    }
}

impl Case<'_> {
    /// The request as it was sent, with placeholders for secrets.
    fn sent(&self) -> HttpCall {
        HttpCall::of(self.record, self.base)
    }

    fn route(&self) -> Option<Route> {
        let record = self.record;
        find(record.environment, &record.method, record.path()).ok()
    }

    fn operation(&self) -> Option<Operation> {
        match self.route()? {
            Route::Ecom { operation, .. } => Some(operation),
            Route::Epayment { asked, .. } => Some(asked.operation()),
            Route::Token
            | Route::Miami
            | Route::KeySet
            | Route::Userinfo { .. }
            | Route::WebhookRegister
            | Route::WebhookList
            | Route::WebhookDelete { .. }
            | Route::UserinfoOfLogin
            | Route::OrderManagement(_)
            | Route::Qr(_)
            | Route::Report(_)
            | Route::Checkout(_) => None,
        }
    }

    /// Which operation of ePayment, if it is one.
    fn epayment(&self) -> Option<Asked> {
        match self.route()? {
            Route::Epayment { asked, .. } => Some(asked),
            Route::Ecom { .. }
            | Route::Token
            | Route::Miami
            | Route::KeySet
            | Route::WebhookRegister
            | Route::WebhookList
            | Route::WebhookDelete { .. }
            | Route::UserinfoOfLogin
            | Route::OrderManagement(_)
            | Route::Qr(_)
            | Route::Report(_)
            | Route::Checkout(_)
            | Route::Userinfo { .. } => None,
        }
    }

    /// The order the call is about.
    fn order(&self) -> Option<String> {
        match self.route()? {
            Route::Ecom {
                order: Some(order), ..
            } => Some(order),
            Route::Ecom { order: None, .. } => self
                .sent()
                .member("transaction.orderId")
                .and_then(Value::as_str)
                .map(str::to_owned),
            Route::Epayment { reference, .. } if !reference.is_empty() => Some(reference),
            Route::Epayment { .. } => {
                let reference = self.sent().member("reference").cloned();
                reference
                    .as_ref()
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            }
            Route::Token
            | Route::Miami
            | Route::KeySet
            | Route::Userinfo { .. }
            | Route::WebhookRegister
            | Route::WebhookList
            | Route::WebhookDelete { .. }
            | Route::UserinfoOfLogin
            | Route::OrderManagement(_)
            | Route::Qr(_)
            | Route::Report(_)
            | Route::Checkout(_) => None,
        }
    }

    /// The number of the sales unit acted for, if that is known; else its placeholder.
    fn msn(&self) -> String {
        if let Some(msn) = &self.record.unit {
            return msn.to_string();
        }
        match &self.record.client {
            Some(Owner::Known(Client::Unit(unit))) => unit.facts.msn.to_string(),
            Some(Owner::Known(_) | Owner::Gone { .. }) | None => "$MSN".to_owned(),
        }
    }

    fn environment(&self) -> Environment {
        self.record.environment
    }

    /// The path of the sales unit acted for in the control API.
    fn unit_path(&self, below: &str) -> String {
        format!("/sales-units/{}/{}{below}", self.environment(), self.msn())
    }

    fn control(&self, what: &str, method: &str, path: String, body: Value) -> Step {
        Step::Control {
            what: what.to_owned(),
            call: HttpCall::control(self.portal, method, path, body),
            saves: None,
        }
    }

    /// Fetches an access token with the caller's own keys.
    fn fetch_token(&self) -> Step {
        let headers = [
            ("client_id", "$CLIENT_ID"),
            ("client_secret", "$CLIENT_SECRET"),
            ("Ocp-Apim-Subscription-Key", "$SUBSCRIPTION_KEY"),
        ];
        Step::Call {
            what: "Fetch an access token with the same keys.".to_owned(),
            call: HttpCall {
                to: To::Api,
                base: self.base.to_owned(),
                method: "POST".to_owned(),
                path: "/accesstoken/get".to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                body: None,
            },
            saves: Some(Saves {
                member: "access_token",
                placeholder: "$ACCESS_TOKEN",
            }),
        }
    }

    /// The corrected request alone.
    fn send(&self, call: HttpCall, says: impl Into<String>) -> Remedy {
        self.after(Vec::new(), call, says)
    }

    /// The corrected request after something else.
    fn after(&self, mut steps: Vec<Step>, call: HttpCall, says: impl Into<String>) -> Remedy {
        steps.push(Step::Send { call });
        Remedy {
            mendable: true,
            says: says.into(),
            keys_of: self.record.client_described(),
            steps,
        }
    }

    /// Nothing mends it; the catalogue says what to do instead.
    fn nothing(&self) -> Remedy {
        Remedy {
            mendable: false,
            says: self.instead.unwrap_or(self.fix).to_owned(),
            keys_of: None,
            steps: Vec::new(),
        }
    }
}

/// A request of an operation that is right in itself.
pub(crate) fn sample(operation: Operation, msn: &str) -> Value {
    match operation {
        Operation::Initiate => json!({
            "customerInfo": {},
            "merchantInfo": {
                "merchantSerialNumber": msn,
                "callbackPrefix": "https://example.com/vipps/callbacks",
                "fallBack": "https://example.com/vipps/fallback",
            },
            "transaction": {
                "orderId": "acme-shop-123-order123abc",
                "amount": 49_900,
                "transactionText": "One pair of socks",
            },
        }),
        Operation::Capture | Operation::Refund | Operation::Cancel => json!({
            "merchantInfo": { "merchantSerialNumber": msn },
            "transaction": { "transactionText": "One pair of socks" },
        }),
        Operation::Approve => json!({ "customerPhoneNumber": "$PHONE" }),
        Operation::Details | Operation::Status => Value::Null,
    }
}
