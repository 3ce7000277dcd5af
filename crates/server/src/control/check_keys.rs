//! Are my keys right? Two calls are tried with them, and each key is judged by what the platform's
//! own checks said. Neither the keys nor the calls are written down.

use axum::{Json, extract::State};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sandkasse_api::Request;
use sandkasse_domain::Environment;
use sandkasse_gate::Step;
use sandkasse_inspect::Tried;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Control, Shared, extract::Said, schemas};

/// An order that nobody has.
const NO_ORDER: &str = "sandkasse-are-my-keys-right";

/// Keys to check.
#[derive(Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pasted {
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Environment,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) subscription_key: String,
    /// The sales unit's number.
    #[schema(example = "220001")]
    pub(crate) msn: String,
}

impl Default for Pasted {
    fn default() -> Pasted {
        Pasted {
            environment: Environment::Test,
            client_id: String::new(),
            client_secret: String::new(),
            subscription_key: String::new(),
            msn: String::new(),
        }
    }
}

/// Whether a key is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The platform takes it.
    Right,
    /// The platform refuses it.
    Wrong,
    /// Another key must be right first.
    Open,
}

impl Verdict {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::Wrong => "wrong",
            Verdict::Open => "not known yet",
        }
    }
}

/// One of the keys, judged.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Judged {
    /// Which one.
    #[schema(example = "client_secret")]
    pub(crate) what: &'static str,
    pub(crate) verdict: Verdict,
    /// Why, and what to do.
    pub(crate) says: String,
    /// Why it was refused.
    pub(crate) cause: Option<&'static str>,
    /// The page of the catalogue about that.
    pub(crate) page: Option<String>,
}

/// What came of a check.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    /// Whether all of them are right and fit together.
    pub(crate) all_right: bool,
    /// Key by key.
    pub(crate) keys: Vec<Judged>,
}

/// A verdict with what belongs to it.
fn judged(what: &'static str, verdict: Verdict, says: impl Into<String>) -> Judged {
    Judged {
        what,
        verdict,
        says: says.into(),
        cause: None,
        page: None,
    }
}

/// What a tried call was refused for.
fn wrong(what: &'static str, tried: &Tried) -> Judged {
    let Some(it) = &tried.explanation else {
        return judged(
            what,
            Verdict::Open,
            format!("answered with {}", tried.status),
        );
    };
    let near = it.near_misses.iter().map(|near| format!(" {near}."));
    let says = format!(
        "{}{} {}",
        it.means,
        near.collect::<String>(),
        it.remedy.says
    );
    Judged {
        cause: Some(it.cause),
        page: Some(it.page.url.clone()),
        ..judged(what, Verdict::Wrong, says)
    }
}

impl Control {
    /// Checks keys.
    pub(crate) async fn check_keys(&self, pasted: &Pasted) -> Checked {
        let environment = pasted.environment;
        let token = self.try_token(pasted).await;
        let bearer: Option<String> = serde_json::from_slice::<serde_json::Value>(&token.body)
            .ok()
            .and_then(|body| body.get("access_token")?.as_str().map(str::to_owned));
        let mut headers = vec![
            ("ocp-apim-subscription-key", pasted.subscription_key.clone()),
            ("merchant-serial-number", pasted.msn.clone()),
        ];
        headers.extend(
            bearer
                .as_ref()
                .map(|it| ("authorization", format!("Bearer {it}"))),
        );
        let path = format!("/ecomm/v2/payments/{NO_ORDER}/details");
        let call = self
            .try_call(environment, Method::GET, &path, &headers)
            .await;

        let passed = |step| call.passed.contains(&step);
        let [client_id, client_secret] = self.judge_client(pasted, &token);
        let subscription_key = if passed(Step::SubscriptionKeyValid) {
            judged(
                "subscription_key",
                Verdict::Right,
                "It is alive here and covers eCom.",
            )
        } else {
            wrong("subscription_key", &call)
        };
        let after = |what, step, right: &str, open: &str| {
            if passed(step) {
                judged(what, Verdict::Right, right)
            } else if is_at(&call, step) {
                wrong(what, &call)
            } else {
                judged(what, Verdict::Open, open)
            }
        };
        let same_owner = after(
            "same_owner",
            Step::SameOwner,
            "Access token and subscription key belong together.",
            "Token and subscription key must be right first.",
        );
        let msn = after(
            "msn",
            Step::MsnHeader,
            "These keys may act for this sales unit.",
            "The keys must be right and fit together first.",
        );
        let mut keys = vec![client_id, client_secret, subscription_key, same_owner, msn];
        keys.push(self.judge_environment(pasted, &keys));
        let all_right = keys.iter().all(|key| key.verdict == Verdict::Right);
        Checked { all_right, keys }
    }

    async fn try_token(&self, pasted: &Pasted) -> Tried {
        let headers = [
            ("client_id", pasted.client_id.clone()),
            ("client_secret", pasted.client_secret.clone()),
            ("ocp-apim-subscription-key", pasted.subscription_key.clone()),
        ];
        let path = "/accesstoken/get";
        self.try_call(pasted.environment, Method::POST, path, &headers)
            .await
    }

    async fn try_call(
        &self,
        environment: Environment,
        method: Method,
        path: &str,
        lines: &[(&'static str, String)],
    ) -> Tried {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            // What cannot stand in a header is as good as missing.
            if !value.is_empty()
                && let Ok(value) = HeaderValue::from_str(value)
            {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let request = Request {
            method,
            path: path.to_owned(),
            headers,
            body: Bytes::new(),
        };
        self.inspector.try_out(environment, &request).await
    }

    /// `client_id` and `client_secret`, judged by the token call; and if the subscription key held
    /// that up, by who is known here.
    fn judge_client(&self, pasted: &Pasted, token: &Tried) -> [Judged; 2] {
        let (id, secret) = ("client_id", "client_secret");
        if token.status.is_success() {
            return [
                judged(id, Verdict::Right, "It is known here."),
                judged(
                    secret,
                    Verdict::Right,
                    "It fits the client_id: they fetch access tokens.",
                ),
            ];
        }
        let open = || judged(secret, Verdict::Open, "The client_id must be right first.");
        let cause = token.explanation.as_ref().map_or("", |it| it.cause);
        let is_known = || judged(id, Verdict::Right, "It is known here.");
        if token.passed.contains(&Step::SubscriptionKeyValid) {
            return match cause {
                "token.secret_wrong" | "token.secret_regenerated" | "token.secret_missing" => {
                    [is_known(), wrong(secret, token)]
                }
                _ => [wrong(id, token), open()],
            };
        }
        let directory = self.engine().directory.of(pasted.environment);
        match directory.client(&pasted.client_id) {
            Some(client) => {
                let fits =
                    sandkasse_gate::token::same_secret(&pasted.client_secret, client.secret());
                let verdict = if fits {
                    judged(secret, Verdict::Right, "It fits the client_id.")
                } else {
                    judged(
                        secret,
                        Verdict::Wrong,
                        "It is not the present secret of this client_id. Show the keys of the sales unit and copy it again.",
                    )
                };
                [is_known(), verdict]
            }
            None => [
                judged(
                    id,
                    Verdict::Wrong,
                    format!(
                        "The {} environment does not know it. Show the keys of the sales unit and copy it again.",
                        pasted.environment
                    ),
                ),
                open(),
            ],
        }
    }

    fn judge_environment(&self, pasted: &Pasted, keys: &[Judged]) -> Judged {
        let what = "environment";
        let (here, there) = (pasted.environment, pasted.environment.other());
        let elsewhere = self.engine().directory.of(there);
        let key = pasted.subscription_key.to_ascii_lowercase();
        let is_theirs = elsewhere.client(&pasted.client_id).is_some()
            || elsewhere.client_of_subscription_key(&key).is_some();
        let is_right = |it: &&Judged| it.verdict == Verdict::Right;
        if is_theirs {
            let base = self.platform.base(there);
            let says = format!(
                "Some of these keys are of the {there} environment. Send them to {base}, or use keys of {here}."
            );
            judged(what, Verdict::Wrong, says)
        } else if keys.iter().any(|it| is_right(&it)) {
            let base = self.platform.base(here);
            judged(
                what,
                Verdict::Right,
                format!("Send calls with these keys to {base}."),
            )
        } else {
            judged(
                what,
                Verdict::Open,
                "No key is known in either environment.",
            )
        }
    }
}

/// Whether a call was refused at this check.
fn is_at(tried: &Tried, step: Step) -> bool {
    let checks = tried.explanation.as_ref().map(|it| it.checks.as_slice());
    let last = checks.and_then(|checks| checks.last());
    last.is_some_and(|check| !check.passed && check.check == step)
}

/// Says of each of a sales unit's keys whether it is right, by trying them. Nothing of it is
/// written down.
#[utoipa::path(
    post, path = "/check-keys", tag = "Explanations", request_body = Pasted,
    responses((status = 200, body = Checked))
)]
pub(super) async fn check(State(control): Shared, Said(pasted): Said<Pasted>) -> Json<Checked> {
    Json(control.check_keys(&pasted).await)
}
