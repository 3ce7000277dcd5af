//! The documented shapes of answers (reference: platform.md §4.2, userinfo.md §5,
//! access-token.md §5), so that a test can assert that an answer has one of them, and which.

use serde_json::Value;

use crate::Got;

/// Format A of a call without a subscription key.
pub const KEY_MISSING: &str = r#"{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }"#;
/// Format A of a call with a subscription key that does not count here.
pub const KEY_INVALID: &str = r#"{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }"#;
/// Format A of a call that goes nowhere.
pub const NOT_FOUND: &str = r#"{ "statusCode": 404, "message": "Resource not found" }"#;
/// Keys of a kind that has no right to this.
const FORBIDDEN: &str = r#"{ "statusCode": 403, "message": "Forbidden" }"#;
/// Format A of an operation that is documented and not built yet.
const NOT_BUILT: &str = r#"{ "statusCode": 501, "message": "Not implemented" }"#;
/// Format B: the access token was refused.
pub const TOKEN_REJECTED: &str = r#"{"responseInfo":{"responseCode":401,"responseMessage":"Something went wrong, please try again later."},"result":{"message":"Something went wrong, please try again later."}}"#;
/// What Report says to accounting keys whose token is too old.
pub const ACCOUNTING_EXPIRED: &str =
    r#"{"code":"Unauthorized","message":"Please check your API keys"}"#;
/// The text of eCom's code 99.
pub const INTERNAL_ERROR: &str = "Internal error. In some cases, this is caused by an incorrect API request. Please check the request.";

/// The letters are those of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// No error.
    Success,
    /// The gateway's own.
    A,
    /// The token was refused.
    B,
    /// Key and token are of different owners.
    C,
    /// eCom's array.
    D,
    /// Problem details.
    E,
    /// The identity provider's own.
    F,
    /// The older problem details of QR and Order Management.
    Params,
    /// Report's own.
    Report,
    /// Checkout's own.
    Checkout,
}

impl Got {
    /// Which of the documented shapes the answer has, to the byte.
    ///
    /// # Panics
    ///
    /// When it has none.
    #[track_caller]
    pub fn format(&self) -> Format {
        let media = self.header("content-type").unwrap_or_default();
        match (self.status, media) {
            // A force approve has nothing to say.
            (200 | 201, "application/json") if self.body.starts_with(['{', '[', '"']) => {
                Format::Success
            }
            (200 | 204 | 302, "") if self.body.is_empty() => Format::Success,
            (
                200,
                "application/json"
                | "application/json;charset=UTF-8"
                | "application/json; charset=utf-8",
            ) => {
                assert!(
                    self.body.is_empty() || self.json().is_object(),
                    "{}",
                    self.body
                );
                Format::Success
            }
            (401 | 403 | 404 | 429 | 501, "application/json") if self.body.starts_with("{ ") => {
                self.is_gateways();
                Format::A
            }
            (401, "application/json") if self.body == TOKEN_REJECTED => Format::B,
            (_, "application/json") if self.body.contains(r#""instance":"00-"#) => {
                self.is_params();
                Format::Params
            }
            (400 | 500, "application/json") if self.body.starts_with(r#"{"errorCode":1000"#) => {
                let failure = self.json();
                let (code, context) = (failure["errorCode"].clone(), member(&failure, "contextId"));
                assert_eq!(code, if self.status == 400 { 10_002 } else { 10_001 });
                uuid::Uuid::parse_str(context).expect("contextId is a UUID");
                let says = Value::from(member(&failure, "errorMessage"));
                let body = format!(
                    r#"{{"errorCode":{code},"errorMessage":{says},"contextId":"{context}"}}"#
                );
                assert_eq!(self.body, body);
                Format::Report
            }
            (401, "application/json") if self.body == ACCOUNTING_EXPIRED => Format::Report,
            (_, "application/json")
                if self.body.starts_with(r#"{"errorCode":""#)
                    && self.body.contains(r#""instance":"urn:uuid:"#) =>
            {
                let problem = self.json();
                assert_eq!(problem["status"], self.status);
                assert!(!member(&problem, "title").is_empty(), "{}", self.body);
                let is_invalid = member(&problem, "errorCode") == "Validation-00001";
                assert_eq!(problem.get("errors").is_some(), is_invalid, "{}", self.body);
                Format::Checkout
            }
            // A QR code that exists.
            (409, "application/json") => {
                let id = self.json()["id"].take();
                assert_eq!(self.body, format!(r#"{{"id":{id}}}"#));
                Format::Params
            }
            (401, "application/json") => {
                self.other_owner();
                Format::C
            }
            (_, "application/json;charset=UTF-8") => {
                let lines = self.refused_with(self.status, self.cause());
                let internal = ["VippsError", "99", INTERNAL_ERROR];
                assert!(self.status != 500 || lines == [internal], "{}", self.body);
                Format::D
            }
            (_, "application/problem+json") => {
                self.is_problem();
                Format::E
            }
            (400 | 401, "application/json; charset=utf-8") => {
                let error = self.json();
                let code = error.pointer("/error_codes/0").and_then(Value::as_u64);
                let text = member(&error, "error_description");
                let text = text.split("\r\n").next().unwrap_or_default();
                let text = text.split_once(": ").expect("the code stands before it").1;
                let (name, code) = (member(&error, "error"), code.expect("a number"));
                self.refused_identity(self.status, name, code, text, self.cause());
                Format::F
            }
            _ => panic!(
                "no documented format: {} {media}: {}",
                self.status, self.body
            ),
        }
    }

    /// Asserts format C and that the cause is the one that has it.
    #[track_caller]
    pub fn other_owner(&self) {
        let body = self.json();
        let context = member(&body, "contextId");
        uuid::Uuid::parse_str(context).expect("contextId is a UUID");
        let body = format!(
            r#"{{"errorCode":"Unauthorized","errorMessage":"Subscription not found","contextId":"{context}"}}"#
        );
        let mixed = [
            "subkey.other_client",
            "token.client_other_unit",
            "subkey.changed",
        ];
        assert!(mixed.contains(&self.cause()), "{}", self.cause());
        self.answered(401, &body, self.cause());
        assert_eq!(self.header("content-type"), Some("application/json"));
    }

    /// Asserts format F: exactly these bytes but for the moment and two fresh ids.
    #[track_caller]
    pub fn refused_identity(&self, status: u16, error: &str, code: u64, text: &str, cause: &str) {
        let body = self.json();
        let (timestamp, trace, correlation) = (
            member(&body, "timestamp"),
            member(&body, "trace_id"),
            member(&body, "correlation_id"),
        );
        for id in [trace, correlation] {
            uuid::Uuid::parse_str(id).unwrap_or_else(|error| panic!("{error}: {}", self.body));
        }
        jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%SZ", timestamp)
            .unwrap_or_else(|error| panic!("{error}: {timestamp:?}"));
        let description = Value::from(format!(
            "AADSTS{code}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
        ));
        let expected = format!(
            r#"{{"error":"{error}","error_description":{description},"error_codes":[{code}],"timestamp":"{timestamp}","trace_id":"{trace}","correlation_id":"{correlation}","error_uri":"https://login.windows.net/error?code={code}"}}"#
        );
        self.answered(status, &expected, cause);
        assert_eq!(
            self.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }

    #[track_caller]
    fn is_gateways(&self) {
        let challenge = self.header("www-authenticate").unwrap_or_default();
        match self.status {
            401 => {
                assert!(
                    [KEY_MISSING, KEY_INVALID].contains(&self.body.as_str()),
                    "{}",
                    self.body
                );
                assert!(
                    challenge.starts_with("AzureApiManagementKey realm=\""),
                    "{challenge}"
                );
            }
            404 => assert_eq!(self.body, NOT_FOUND),
            429 => {
                let seconds = self.header("retry-after").unwrap_or_default();
                let body = format!(
                    r#"{{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in {seconds} seconds." }}"#
                );
                assert_eq!(self.body, body);
                let seconds: u32 = seconds.parse().expect("a number of seconds");
                assert!((1..=60).contains(&seconds), "{seconds}");
            }
            403 => assert_eq!(self.body, FORBIDDEN),
            _ => assert_eq!(self.body, NOT_BUILT),
        }
    }

    /// Problem details without a status, to the byte but for the trace context.
    #[track_caller]
    fn is_params(&self) {
        let problem = self.json();
        let quoted = |name: &str| Value::from(member(&problem, name)).to_string();
        let instance = member(&problem, "instance");
        let hexadecimal = |text: &str| text.bytes().all(|it| it.is_ascii_hexdigit());
        let parts: Vec<&str> = instance.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|it| it.len()).collect();
        assert!(
            lengths == [2, 32, 16, 2] && parts.iter().all(|it| hexadecimal(it)),
            "{instance}"
        );
        let mut expected = format!(
            r#""title":{},"detail":{},"instance":"{instance}""#,
            quoted("title"),
            quoted("detail")
        );
        if let Some(params) = problem["invalidParams"].as_array() {
            assert_eq!((self.status, params.is_empty()), (400, false));
            let params: Vec<String> = params
                .iter()
                .map(|it| {
                    let quoted = |name: &str| Value::from(member(it, name)).to_string();
                    format!(
                        r#"{{"name":{},"reason":{}}}"#,
                        quoted("name"),
                        quoted("reason")
                    )
                })
                .collect();
            expected = format!(
                r#""type":"https://datatracker.ietf.org/doc/html/rfc7231#section-6.5.1",{expected},"invalidParams":[{}]"#,
                params.join(",")
            );
        }
        assert_eq!(self.body, format!("{{{expected}}}"));
    }

    /// Asserts a refusal of QR or Order Management: exactly these bytes but for `instance`.
    #[track_caller]
    pub fn detail(&self, status: u16, title: &str, detail: &str, cause: &str) {
        assert_eq!(
            (self.status, self.cause(), self.format()),
            (status, cause, Format::Params),
            "{} {:?}",
            self.body,
            self.why
        );
        let problem = self.json();
        let said = (member(&problem, "title"), member(&problem, "detail"));
        assert_eq!(said, (title, detail));
        assert_eq!(problem.get("invalidParams"), None);
    }

    /// Asserts a 400 that lists exactly these members, in this order, each with its reason.
    #[track_caller]
    pub fn invalid_params(&self, cause: &str, params: &[(&str, &str)]) {
        assert_eq!(
            (self.status, self.cause(), self.format()),
            (400, cause, Format::Params),
            "{} {:?}",
            self.body,
            self.why
        );
        let problem = self.json();
        let said = (member(&problem, "title"), member(&problem, "detail"));
        assert_eq!(
            said,
            ("One or more validation errors occurred.", "BadRequest")
        );
        let listed = problem["invalidParams"].as_array().expect("a list");
        let listed: Vec<(&str, &str)> = listed
            .iter()
            .map(|it| (member(it, "name"), member(it, "reason")))
            .collect();
        assert_eq!(listed, params);
    }

    #[track_caller]
    fn is_problem(&self) {
        let problem = self.json();
        if problem.get("traceId").is_some() && member(&problem, "type").starts_with("https://") {
            return self.is_epayments();
        }
        let names: Vec<&String> = problem.as_object().expect("an object").keys().collect();
        if problem.get("traceId").is_some() {
            // Webhooks: the published example has a number for a status, and the trace id twice.
            assert_eq!(names.len(), 7, "{names:?}");
            assert_eq!(problem.get("status"), Some(&self.status.into()));
            assert!(problem.get("extraDetails").is_some_and(Value::is_array));
        } else {
            assert_eq!(names.len(), 5, "{names:?}");
            // Userinfo writes the status as a text, Report as a number.
            let written = self.status.to_string();
            let status = &problem["status"];
            assert!(*status == self.status || *status == *written, "{status}");
        }
        for name in ["type", "title", "detail", "instance"] {
            assert!(!member(&problem, name).is_empty(), "{name}: {}", self.body);
        }
        assert_eq!(self.header("content-language"), Some("en"));
    }
}

impl Got {
    /// Asserts a problem of ePayment, whatever it says.
    #[track_caller]
    fn is_epayments(&self) {
        let body = self.json();
        let extra = body
            .get("extraDetails")
            .map_or(String::new(), |extra| format!(r#","extraDetails":{extra}"#));
        let (title, detail) = (member(&body, "title"), member(&body, "detail"));
        self.is_problem_of(self.status, title, detail, &extra, self.cause());
    }
}

/// A member that is a text; empty when it is none.
fn member<'a>(object: &'a Value, name: &str) -> &'a str {
    let value = object.get(name).and_then(Value::as_str);
    value.unwrap_or_default()
}
