//! A client that learns every secret it sees.

use serde_json::Value;

use super::search::Search;
use super::support::Server;
use super::{ADMIN_TOKEN, Keys};

/// A client of everything, which learns every secret that it sees.
pub(super) struct Client {
    pub(super) agent: ureq::Agent,
    pub(super) search: Search,
    /// Phone numbers and national ids: not for the log.
    pub(super) people: Search,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) explain: Option<String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }
}

pub(super) type Headers<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub(super) fn send(&self, method: &str, url: &str, headers: Headers<'_>, body: &str) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match method {
            "POST" | "PUT" | "PATCH" => self.agent.run(request.body(body.to_owned()).unwrap()),
            _ => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = sent.unwrap();
        let explain = answer.headers().get("explain");
        Answer {
            status: answer.status().as_u16(),
            explain: explain.map(|it| it.to_str().unwrap().to_owned()),
            body: answer.body_mut().read_to_string().unwrap(),
        }
    }

    pub(super) fn control(&self, server: &Server, method: &str, path: &str, body: &Value) -> Value {
        let bearer = format!("Bearer {ADMIN_TOKEN}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let url = format!("{}/control/v1{path}", server.portal);
        let answer = self.send(method, &url, &headers, &body);
        assert!(answer.status < 300, "{path}: {}", answer.body);
        answer.json()
    }

    /// A sales unit's keys, by the control API.
    pub(super) fn keys(&mut self, whose: &str, keys: &Value) -> Keys {
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        let keys = Keys {
            environment: text("environment"),
            msn: text("msn"),
            id: text("client_id"),
            secret: text("client_secret"),
            primary: text("primary_subscription_key"),
            secondary: text("secondary_subscription_key"),
        };
        for secret in [&keys.secret, &keys.primary, &keys.secondary] {
            self.search.add(&format!("a key of {whose}"), secret);
        }
        keys
    }

    pub(super) fn regenerated(&mut self, server: &Server, keys: &Keys) -> Keys {
        let path = format!("/sales-units/{}/{}/keys", keys.environment, keys.msn);
        let mut fresh = Value::Null;
        for name in ["client_secret", "primary_subscription_key"] {
            fresh = self.control(
                server,
                "POST",
                &format!("{path}/{name}/regenerate"),
                &Value::Null,
            );
        }
        self.keys(&format!("{}, regenerated", keys.msn), &fresh)
    }

    pub(super) fn token(&mut self, server: &Server, keys: &Keys) -> String {
        let url = format!("{}/accesstoken/get", keys.base(server));
        let headers = [
            ("client_id", keys.id.as_str()),
            ("client_secret", &keys.secret),
            ("Ocp-Apim-Subscription-Key", &keys.primary),
        ];
        let answer = self.send("POST", &url, &headers, "");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.learn_jwt("an access token", &token);
        token
    }

    /// A JWT without its signature is no secret, and its header is the same in all.
    pub(super) fn learn_jwt(&mut self, what: &str, jwt: &str) {
        let parts: Vec<&str> = jwt.split('.').collect();
        self.search.add(what, parts[2]);
        self.search.add(what, parts[1]);
    }
}
