//! A shop's own program that speaks ePayment, and what comes back to the byte.

use sandkasse_domain::person::Person;
use serde_json::{Value, json};

use crate::{Ask, Got, Shop};

/// Where payments are.
pub const EPAYMENTS: &str = "/epayment/v1/payments";

impl Shop {
    /// A call to ePayment under a key that nobody used.
    pub async fn ask_epay(&self, method: &str, below: &str) -> Ask {
        let key = format!("key-{}", self.world().number());
        self.ask(method, &format!("{EPAYMENTS}{below}"))
            .await
            .header("Idempotency-Key", &key)
    }

    /// The body of a create call, as in the guide.
    pub fn epay_body(&self, reference: &str, value: i64) -> Value {
        json!({
            "amount": { "currency": "NOK", "value": value },
            "paymentMethod": { "type": "WALLET" },
            "reference": reference,
            "returnUrl": "https://example.com/vipps/result",
            "userFlow": "WEB_REDIRECT",
            "paymentDescription": "One pair of socks",
        })
    }

    /// Creates with a body of your choice.
    pub async fn epay_with(&self, body: &Value) -> Got {
        self.ask_epay("POST", "").await.json(body).send().await
    }

    /// Creates with a changed body.
    pub async fn epay_but(
        &self,
        reference: &str,
        value: i64,
        change: impl FnOnce(&mut Value),
    ) -> Got {
        let mut body = self.epay_body(reference, value);
        change(&mut body);
        self.epay_with(&body).await
    }

    /// Creates a payment in the browser.
    pub async fn epay(&self, reference: &str, value: i64) -> Got {
        self.epay_with(&self.epay_body(reference, value)).await
    }

    /// Creates, and has a person approve in the app.
    ///
    /// # Panics
    ///
    /// When either fails.
    pub async fn authorized(&self, reference: &str, value: i64, person: &Person) {
        self.epay(reference, value).await.created();
        self.approve(reference, person).await.expect("they can pay");
    }

    /// The payment as it stands.
    pub async fn epay_get(&self, reference: &str) -> Got {
        let below = format!("/{reference}");
        self.ask_epay("GET", &below).await.send().await
    }

    /// The event log.
    pub async fn epay_events(&self, reference: &str) -> Vec<Value> {
        let below = format!("/{reference}/events");
        let got = self.ask_epay("GET", &below).await.send().await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json().as_array().expect("a list").clone()
    }

    /// Names of the event log, oldest first; a failed one has a `!` behind it.
    pub async fn epay_log(&self, reference: &str) -> Vec<String> {
        let name = |event: &Value| {
            let name = event["name"].as_str().expect("a text");
            let failed = event["success"] == Value::Bool(false);
            format!("{name}{}", if failed { "!" } else { "" })
        };
        self.epay_events(reference).await.iter().map(name).collect()
    }

    /// A capture or refund in the making.
    pub async fn ask_epay_move(&self, operation: &str, reference: &str, value: i64) -> Ask {
        let below = format!("/{reference}/{operation}");
        let body = json!({ "modificationAmount": { "currency": "NOK", "value": value } });
        self.ask_epay("POST", &below).await.json(&body)
    }

    /// Captures.
    pub async fn epay_capture(&self, reference: &str, value: i64) -> Got {
        let ask = self.ask_epay_move("capture", reference, value).await;
        ask.send().await
    }

    /// Refunds.
    pub async fn epay_refund(&self, reference: &str, value: i64) -> Got {
        let ask = self.ask_epay_move("refund", reference, value).await;
        ask.send().await
    }

    /// Cancels, without a body.
    pub async fn epay_cancel(&self, reference: &str) -> Got {
        let below = format!("/{reference}/cancel");
        self.ask_epay("POST", &below).await.send().await
    }

    /// Approves by force.
    pub async fn epay_approve(&self, reference: &str, body: &Value) -> Got {
        let path = format!("/epayment/v1/test/payments/{reference}/approve");
        self.ask("POST", &path).await.json(body).send().await
    }
}

impl Got {
    /// The body of a 201.
    #[track_caller]
    pub fn created(&self) -> Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (201, Some("application/json")),
            "{} {:?}",
            self.body,
            self.why
        );
        self.json()
    }

    /// The sums of an answer: authorized, cancelled, captured, refunded, in øre.
    #[track_caller]
    pub fn sums(&self) -> [i64; 4] {
        assert_eq!(
            (self.status, self.header("content-type")),
            (200, Some("application/json")),
            "{} {:?}",
            self.body,
            self.why
        );
        let body = self.json();
        ["authorized", "cancelled", "captured", "refunded"].map(|name| {
            let amount = &body["aggregate"][format!("{name}Amount")];
            assert_eq!(amount["currency"], "NOK");
            amount["value"].as_i64().expect("a number")
        })
    }

    /// Asserts a problem of ePayment, to the byte but for the trace id: status, code (empty for
    /// none), title and detail, and the cause behind it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str, title: &str, detail: &str, cause: &str) {
        let extra = match code {
            "" => String::new(),
            code => format!(r#","extraDetails":[{{"name":"ErrorCode","reason":"{code}"}}]"#),
        };
        self.is_problem_of(status, title, detail, &extra, cause);
    }

    /// Asserts a 400 that lists exactly these members, in this order, each with its reason.
    #[track_caller]
    pub fn shapes(&self, cause: &str, members: &[(&str, &str)]) {
        let extra: Vec<String> = members
            .iter()
            .map(|(name, reason)| json!({ "name": name, "reason": reason }).to_string())
            .collect();
        let extra = format!(r#","extraDetails":[{}]"#, extra.join(","));
        let detail = "See extraDetails for further details";
        self.is_problem_of(400, "Bad Request", detail, &extra, cause);
    }

    /// Asserts a problem by its code alone, with all the members that a problem has.
    #[track_caller]
    pub fn coded(&self, status: u16, code: &str, cause: &str) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (title, detail) = (text("title"), text("detail"));
        self.problem(status, code, &title, &detail, cause);
    }

    #[track_caller]
    pub(crate) fn is_problem_of(
        &self,
        status: u16,
        title: &str,
        detail: &str,
        extra: &str,
        cause: &str,
    ) {
        assert_eq!(
            (self.status, self.cause(), self.header("content-type")),
            (status, cause, Some("application/problem+json")),
            "{} {:?}",
            self.body,
            self.why
        );
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (instance, trace) = (text("instance"), text("traceId"));
        // As the path was sent, whose case does not matter.
        assert!(instance.to_lowercase().starts_with("/v1/"), "{instance}");
        let parts: Vec<usize> = trace.split('-').map(str::len).collect();
        assert_eq!(parts, [2, 32, 16, 2], "{trace}");
        let quoted = |text: &str| Value::from(text).to_string();
        let expected = format!(
            r#"{{"type":"https://httpstatuses.io/{status}","title":{},"status":{status},"detail":{},"instance":{},"traceId":"{trace}"{extra}}}"#,
            quoted(title),
            quoted(detail),
            quoted(&instance),
        );
        assert_eq!(self.body, expected);
    }
}
