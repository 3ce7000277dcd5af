//! Using a platform, and misusing it.

use serde_json::{Value, json};

use super::support::Server;
use super::{Keys, UNITS, client::Client};

/// The keys of the demo data, and its people.
pub(super) fn learn_all(client: &mut Client, server: &Server) -> Vec<Keys> {
    let mut all = Vec::new();
    let list = client.control(server, "GET", "/sales-units", &Value::Null);
    for unit in list["sales_units"].as_array().unwrap() {
        let (environment, msn) = (&unit["environment"], &unit["msn"]);
        let path = format!(
            "/sales-units/{}/{}/keys",
            environment.as_str().unwrap(),
            msn.as_str().unwrap()
        );
        let keys = client.control(server, "GET", &path, &Value::Null);
        all.push(client.keys("the demo unit", &keys));
    }
    assert!(all.len() > 10);
    let persons = client.control(server, "GET", "/persons", &Value::Null);
    for person in persons["persons"].as_array().unwrap() {
        for name in ["phone", "nin"] {
            let Some(value) = person[name].as_str() else {
                continue;
            };
            // A number without its country code says as much.
            let length = if name == "phone" { 8 } else { 11 };
            let value = &value[value.len() - length..];
            client.people.secrets.insert(value.to_owned());
            client
                .people
                .needle(format!("a {name}"), value.as_bytes().to_vec());
        }
    }
    assert!(client.people.secrets.len() > 10, "{persons}");
    all
}

/// Makes many sales units; answers the first.
pub(super) fn new_units(client: &mut Client, server: &Server) -> Keys {
    let body = json!({
        "environment": "test", "name": "shop", "rate_limits": "off", "url_policy": "local",
    });
    let mut units = Vec::new();
    for _ in 0..UNITS {
        let unit = client.control(server, "POST", "/sales-units", &body);
        units.push(client.keys("a new unit", &unit));
    }
    // Keys that are dead are secrets still: they tell how they were made.
    for unit in &units[1..20] {
        client.regenerated(server, unit);
    }
    units.swap_remove(0)
}

pub(super) fn auth_token(order: &str) -> String {
    format!("auth-token-that-the-shop-chose-for-{order}")
}

/// Initiates with an `authToken`, follows the link, and has it approved.
fn pay(client: &mut Client, server: &Server, keys: &Keys, prefix: &str, order: &str) -> String {
    let token = begin(client, server, keys, prefix, order);
    approve(client, server, keys, order);
    token
}

/// A payment that waits for its approval.
pub(super) fn begin(
    client: &mut Client,
    server: &Server,
    keys: &Keys,
    prefix: &str,
    order: &str,
) -> String {
    client.search.add("an authToken", &auth_token(order));
    let token = client.token(server, keys);
    let bearer = format!("Bearer {token}");
    let body = json!({
        "customerInfo": { "mobileNumber": "41000001" },
        "merchantInfo": {
            "merchantSerialNumber": keys.msn, "callbackPrefix": prefix,
            "fallBack": "https://example.com/back", "authToken": auth_token(order),
        },
        "transaction": { "orderId": order, "amount": 5000, "transactionText": "Socks" },
    });
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", &keys.primary),
        ("Content-Type", "application/json"),
    ];
    let url = format!("{}/ecomm/v2/payments", keys.base(server));
    let answer = client.send("POST", &url, &headers, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let link = answer.json()["url"].as_str().unwrap().to_owned();
    let (_, link_token) = link.split_once("token=").unwrap();
    client.learn_jwt("a link token", link_token);
    assert_eq!(client.send("GET", &link, &[], "").status, 200);
    client.send("POST", &link, &[], "number=41000001");
    client.send("GET", &format!("{link}x"), &[], "");
    token
}

pub(super) fn approve(client: &mut Client, server: &Server, keys: &Keys, order: &str) {
    let path = format!(
        "/payments/{}/{}/{order}/approve",
        keys.environment, keys.msn
    );
    client.control(server, "POST", &path, &Value::Null);
}

/// Registers a webhook, has it deliver, and verifies what nobody received.
fn listen(client: &mut Client, server: &Server, keys: &Keys) {
    let bearer = format!("Bearer {}", client.token(server, keys));
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", &keys.primary),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "key-of-a-webhook"),
    ];
    let wish = json!({
        "url": "http://127.0.0.1:1/hook", "events": ["epayments.payment.created.v1"],
    });
    let url = format!("{}/webhooks/v1/webhooks", keys.base(server));
    let answer = client.send("POST", &url, &headers, &wish.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let secret = answer.json()["secret"].as_str().unwrap().to_owned();
    client.search.add("a webhook's secret", &secret);
    let payment = json!({
        "amount": { "currency": "NOK", "value": 5000 }, "paymentMethod": { "type": "WALLET" },
        "reference": format!("listened-{}", keys.msn), "returnUrl": "https://example.com/back",
        "userFlow": "WEB_REDIRECT", "paymentDescription": "Socks",
    });
    let url = format!("{}/epayment/v1/payments", keys.base(server));
    let answer = client.send("POST", &url, &headers, &payment.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    let pasted = json!({ "secret": secret, "head": "POST /hook HTTP/1.1", "body": "{}" });
    let verdict = client.control(server, "POST", "/verify-webhook", &pasted);
    assert_eq!(verdict["valid"], false, "{verdict}");
}

/// What a shop does when all is well.
pub(super) fn use_it(client: &mut Client, server: &Server, keys: &Keys, prefix: &str) {
    listen(client, server, keys);
    for order in ["good-1", "good-2"] {
        let token = pay(client, server, keys, prefix, order);
        let bearer = format!("Bearer {token}");
        let modify = json!({
            "merchantInfo": { "merchantSerialNumber": keys.msn },
            "transaction": { "amount": 1000, "transactionText": "Part" },
        });
        for (method, step) in [
            ("POST", "capture"),
            ("POST", "refund"),
            ("GET", "details"),
            ("GET", "status"),
        ] {
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Ocp-Apim-Subscription-Key", &keys.secondary),
                ("Content-Type", "application/json"),
                ("X-Request-Id", step),
            ];
            let url = format!("{}/ecomm/v2/payments/{order}/{step}", server.test);
            let answer = client.send(method, &url, &headers, &modify.to_string());
            assert_eq!(answer.status, 200, "{step}: {}", answer.body);
        }
    }
}
