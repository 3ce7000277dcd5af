//! Calls that the scratch program makes before the request of the page.

use http::{HeaderMap, HeaderName, Method};
use sandkasse_api::Request;
use sandkasse_domain::{Environment, person::Person};
use serde_json::{Value, json};

use super::cast::Cast;

/// Nobody listens there: callbacks of scratch payments end at once, on this machine.
const NOWHERE: &str = "http://127.0.0.1:9/catalogue";

impl Cast<'_> {
    /// A call of the merchant's program, with its present keys and a fresh token.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Value, String> {
        let unit = self.control.unit(self.environment, &self.msn);
        let keys = unit.map_err(|it| it.detail)?.facts.keys.clone();
        let token = self
            .token_of(
                self.environment,
                &keys.client_id,
                &keys.client_secret,
                &keys.primary,
            )
            .await?;
        let bearer = format!("Bearer {token}");
        let mut headers = vec![
            ("authorization", bearer.as_str()),
            ("ocp-apim-subscription-key", &keys.primary),
            ("content-type", "application/json"),
        ];
        let key_name = if path.starts_with("/epayment") {
            "idempotency-key"
        } else {
            "x-request-id"
        };
        headers.extend(key.map(|key| (key_name, key)));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(self.environment, method, path, &headers, body)
            .await
    }

    pub(super) async fn own_token(&self) -> Result<String, String> {
        let unit = self.control.unit(self.environment, &self.msn);
        let keys = unit.map_err(|it| it.detail)?.facts.keys.clone();
        let (id, secret) = (&keys.client_id, &keys.client_secret);
        self.token_of(self.environment, id, secret, &keys.primary)
            .await
    }

    pub(super) async fn token_of(
        &self,
        place: Environment,
        client_id: &str,
        client_secret: &str,
        subscription_key: &str,
    ) -> Result<String, String> {
        let headers = [
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("ocp-apim-subscription-key", subscription_key),
        ];
        let path = "/accesstoken/get";
        let answer = self
            .send(place, Method::POST, path, &headers, String::new())
            .await?;
        access_token(&answer)
    }

    pub(super) async fn office_token(&self) -> Result<String, String> {
        let office = self.office.as_ref().ok_or("there are no such keys")?;
        let headers = [
            ("client_id", office.client_id.as_str()),
            ("client_secret", &office.client_secret),
        ];
        let (path, body) = ("/miami/v1/token", "grant_type=client_credentials");
        let answer = self
            .send(
                self.environment,
                Method::POST,
                path,
                &headers,
                body.to_owned(),
            )
            .await?;
        access_token(&answer)
    }

    /// Sends it beside the journal, since nobody asked for this one; answers the body of a 200.
    async fn send(
        &self,
        place: Environment,
        method: Method,
        path: &str,
        lines: &[(&str, &str)],
        body: String,
    ) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let bad = || format!("{name} cannot be sent");
            let name: HeaderName = name.parse().map_err(|_| bad())?;
            headers.insert(name, value.parse().map_err(|_| bad())?);
        }
        let request = Request {
            method,
            path: path.to_owned(),
            headers,
            body: body.into(),
        };
        let answer = self.control.platform.answer(place, &request).await.answer;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if !answer.status.is_success() {
            return Err(format!("{path} was answered {}: {body}", answer.status));
        }
        Ok(serde_json::from_str(&body).unwrap_or_default())
    }

    /// The body of an initiate.
    pub(super) fn initiate(&self, order: &str, amount: i64) -> Value {
        json!({
            "customerInfo": {},
            "merchantInfo": {
                "merchantSerialNumber": self.msn,
                "callbackPrefix": NOWHERE,
                "fallBack": "http://127.0.0.1:9/result",
            },
            "transaction": {
                "orderId": order, "amount": amount, "transactionText": "From the catalogue",
            },
        })
    }

    pub(super) async fn initiated(&self, body: &Value) -> Result<(), String> {
        let path = "/ecomm/v2/payments";
        self.call(Method::POST, path, body, None).await.map(drop)
    }

    /// The same as a payment of ePayment.
    pub(super) fn create(&self, order: &str, amount: i64) -> Value {
        json!({
            "amount": { "currency": "NOK", "value": amount },
            "paymentMethod": { "type": "WALLET" },
            "reference": order,
            "returnUrl": "http://127.0.0.1:9/result",
            "userFlow": "WEB_REDIRECT",
            "paymentDescription": "From the catalogue",
        })
    }

    /// The same as express checkout, with a method that costs nothing more.
    pub(super) fn express(&self, order: &str, amount: i64) -> Value {
        let mut body = self.initiate(order, amount);
        if let Some(merchant) = body.get_mut("merchantInfo").and_then(Value::as_object_mut) {
            merchant.insert("paymentType".to_owned(), "eComm Express Payment".into());
            merchant.insert("consentRemovalPrefix".to_owned(), NOWHERE.into());
            merchant.insert(
                "staticShippingDetails".to_owned(),
                json!([{
                    "isDefault": "Y", "priority": 1, "shippingCost": 0,
                    "shippingMethod": "Collect", "shippingMethodId": "collect",
                }]),
            );
        }
        body
    }

    /// Captures, refunds or lets go.
    pub(super) async fn modify(
        &self,
        operation: &str,
        order: &str,
        amount: Option<i64>,
        key: Option<&str>,
    ) -> Result<(), String> {
        let mut body = json!({
            "merchantInfo": { "merchantSerialNumber": self.msn },
            "transaction": { "transactionText": "From the catalogue" },
        });
        let releases = operation == "release";
        if let Some(body) = body.as_object_mut()
            && releases
        {
            body.insert("shouldReleaseRemainingFunds".to_owned(), true.into());
        }
        if let Some(transaction) = body.get_mut("transaction").and_then(Value::as_object_mut)
            && let Some(amount) = amount
        {
            transaction.insert("amount".to_owned(), amount.into());
        }
        let (method, operation) = match operation {
            "cancel" | "release" => (Method::PUT, "cancel"),
            other => (Method::POST, other),
        };
        let path = format!("/ecomm/v2/payments/{order}/{operation}");
        self.call(method, &path, &body, key).await.map(drop)
    }

    /// A person approves in the app.
    pub(super) async fn approve(&self, order: &str, payer: &Person) -> Result<(), String> {
        let unit = self.control.unit(self.environment, &self.msn);
        let unit = unit.map_err(|it| it.detail)?;
        let engine = self.control.engine();
        let approved = engine.approve(&unit, order, &payer.phone, 0, None).await;
        approved.map(drop).map_err(|refused| format!("{refused:?}"))
    }
}

fn access_token(answer: &Value) -> Result<String, String> {
    let token = answer.get("access_token").and_then(Value::as_str);
    token
        .map(str::to_owned)
        .ok_or_else(|| "there is no token in the answer".to_owned())
}
