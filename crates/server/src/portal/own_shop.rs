//! The portal as a shop: calls of a merchant API with the keys of a sales unit, as its own program
//! would make them. They pass the inspector, and are seen there.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sandkasse_api::{Answer, Request};
use sandkasse_engine::Unit;
use serde_json::Value;

use crate::control::Control;

/// A sales unit that calls by itself.
pub(crate) struct OwnShop<'a> {
    control: &'a Control,
    unit: &'a Arc<Unit>,
    headers: HeaderMap,
}

impl<'a> OwnShop<'a> {
    /// Fetches an access token. The error is the refusal, which is explained as any other.
    pub(crate) async fn open(
        control: &'a Control,
        unit: &'a Arc<Unit>,
    ) -> Result<OwnShop<'a>, Answer> {
        let keys = &unit.facts.keys;
        let mut headers = HeaderMap::new();
        set(&mut headers, "client_id", &keys.client_id);
        set(&mut headers, "client_secret", &keys.client_secret);
        set(&mut headers, "ocp-apim-subscription-key", &keys.primary);
        let mut shop = OwnShop {
            control,
            unit,
            headers,
        };
        let answer = shop.send(Method::POST, "/accesstoken/get", None).await;
        let token: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let token = token
            .as_ref()
            .and_then(|it| it.get("access_token")?.as_str());
        let Some(token) = token else {
            return Err(answer);
        };
        shop.headers.clear();
        let headers = &mut shop.headers;
        set(
            headers,
            header::AUTHORIZATION.as_str(),
            &format!("Bearer {token}"),
        );
        set(headers, "ocp-apim-subscription-key", &keys.primary);
        set(headers, "merchant-serial-number", unit.facts.msn.as_str());
        set(headers, header::CONTENT_TYPE.as_str(), "application/json");
        Ok(shop)
    }

    /// Calls.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = Request {
            method,
            path: path.to_owned(),
            headers: self.headers.clone(),
            body: body.map_or_else(Bytes::new, |body| body.to_string().into()),
        };
        let environment = self.unit.facts.environment;
        // A fault on demand that drops the connection drops nobody's here; its answer is seen.
        let (answer, _) = self.control.inspector.answer(environment, &request).await;
        answer
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
