//! Every kind of mistake, with secrets in wrong places.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::support::Server;
use super::{Keys, client::Client};

/// Every kind of refusal, and secrets at every place where none belongs. Answers how many calls
/// said where they are explained.
pub(super) fn misuse(
    client: &mut Client,
    server: &Server,
    keys: &Keys,
    other: Option<&Keys>,
) -> usize {
    let token = client.token(server, keys);
    let base = keys.base(server).to_owned();
    let initiate = format!("{base}/ecomm/v2/payments");
    let details = format!("{initiate}/good-1/details");
    let bearer = format!("Bearer {token}");
    let (id, secret, key) = (&keys.id, &keys.secret, &keys.primary);
    let right = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", key.as_str()),
        ("Content-Type", "application/json"),
    ];
    let mut secrets = vec![
        secret.clone(),
        key.clone(),
        keys.secondary.clone(),
        token.clone(),
    ];
    if let Some(other) = other {
        secrets.extend([other.secret.clone(), other.primary.clone()]);
    }
    secrets.push(key.to_uppercase());
    let mut sent = Vec::new();
    // The usual mistakes.
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    client
        .search
        .add("Basic credentials", basic.split_once(' ').unwrap().1);
    let token_headers = |id: &str, secret: &str, key: &str| {
        [
            ("client_id", id.to_owned()),
            ("client_secret", secret.to_owned()),
            ("Ocp-Apim-Subscription-Key", key.to_owned()),
        ]
    };
    let get = format!("{base}/accesstoken/get");
    for headers in [
        token_headers(id, key, key),
        token_headers(secret, secret, key),
        token_headers(id, secret, secret),
        token_headers(key, &token, key),
        token_headers(id, &format!("\"{secret}\""), key),
    ] {
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        sent.push(client.send("POST", &get, &headers, ""));
    }
    for headers in [
        &[
            ("client-id", id.as_str()),
            ("client-secret", secret),
            ("Ocp-Apim-Subscription-Key", key),
        ][..],
        &[
            ("client_id", id),
            ("clientsecret", secret),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[
            ("client_id", id),
            ("client_secret", secret),
            ("Ocp-Apim-SubscriptionKey", key),
        ],
        &[("Authorization", &basic)],
        &[
            ("Authorisation", &bearer),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[
            ("Authorization", &token),
            ("Ocp-Apim-Subscription-Key", key),
        ],
        &[("Authorization", &bearer), ("Subscription-Key", key)],
        &[
            ("Authorization", &basic),
            ("Ocp-Apim-Subscription-Key", key),
        ],
    ] {
        sent.push(client.send("POST", &get, headers, ""));
        sent.push(client.send("POST", &initiate, headers, "{}"));
        sent.push(client.send("POST", &format!("{base}/miami/v1/token"), headers, ""));
        sent.push(client.send(
            "GET",
            &format!("{base}/vipps-userinfo-api/userinfo/x"),
            headers,
            "",
        ));
    }
    for body in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"merchantInfo\":{}}",
        "{'a':'b'}",
    ] {
        sent.push(client.send("POST", &initiate, &right, body));
    }
    for (method, url) in [
        ("DELETE", &details),
        ("GET", &initiate),
        ("GET", &details),
        ("POST", &format!("{initiate}/no-such/capture")),
    ] {
        sent.push(client.send(method, url, &right, "{}"));
    }
    for secret in &secrets {
        let escaped = secret
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        // In paths.
        for path in [
            format!("/{secret}"),
            format!("/accesstoken/get/{secret}"),
            format!("/accesstoken/{secret}/get"),
            format!("/ecomm/v2/payments/{secret}/details"),
            format!("/ecomm/v2/payments/{escaped}/details"),
            format!("/ecomm/v2/payments/{escaped}/detials"),
            format!("/ecomm/v2/payments/x-{secret}/details"),
            format!("/ecomm/v2/payments/good-1/details?key={secret}"),
            format!("/vipps-userinfo-api/userinfo/{secret}"),
        ] {
            for method in ["GET", "POST"] {
                sent.push(client.send(method, &format!("{base}{path}"), &right, "{}"));
            }
        }
        // In headers.
        for name in [
            "Merchant-Serial-Number",
            "X-Request-Id",
            "User-Agent",
            "Content-Type",
            "Vipps-System-Name",
            "X-Anything",
            "Cookie",
            "client_id",
            "Accept",
            "Sandkasse-Fault",
        ] {
            let mut headers = right.to_vec();
            headers.retain(|(it, _)| *it != name);
            headers.push((name, secret));
            sent.push(client.send("GET", &details, &headers, ""));
            sent.push(client.send("POST", &initiate, &headers, "{}"));
        }
        // In bodies. The amount is refused: what a shop names an accepted order is its own affair.
        let fields = |name: &str| {
            let mut body = json!({
                "customerInfo": { "mobileNumber": "41000001" },
                "merchantInfo": {
                    "merchantSerialNumber": keys.msn, "callbackPrefix": "https://example.com/c",
                    "fallBack": "https://example.com/back",
                },
                "transaction": { "orderId": "wrong-1", "amount": 1, "transactionText": "Socks" },
            });
            *body.pointer_mut(name).unwrap() = json!(secret);
            body.to_string()
        };
        for body in [
            fields("/customerInfo/mobileNumber"),
            fields("/merchantInfo/merchantSerialNumber"),
            fields("/merchantInfo/callbackPrefix"),
            fields("/transaction/orderId"),
            fields("/transaction/amount"),
            fields("/transaction/transactionText"),
            fields("/customerInfo"),
            json!({ "a": secret, "b": [secret, { "c": secret }] }).to_string(),
            json!({ secret.as_str(): 1 }).to_string(),
            format!("{{'key': '{secret}', 'x': '{secret}"),
            format!("{{key: {secret}}}"),
            format!("{{\"auth\\u0054oken\": \"{secret}\", \"n\": \"\\u0022{secret}\\u0022\"}}"),
            format!("<key>{secret}</key>"),
            format!("a={secret}&b={escaped}"),
            format!("client_secret={escaped}&grant_type={secret}"),
            secret.clone(),
            format!("\"{secret}\""),
            format!("Bearer {secret}"),
        ] {
            sent.push(client.send("POST", &initiate, &right, &body));
            sent.push(client.send("POST", &get, &right, &body));
            let form = [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Authorization", &basic),
            ];
            sent.push(client.send("POST", &format!("{base}/miami/v1/token"), &form, &body));
        }
    }
    sent.iter()
        .filter(|answer| answer.explain.is_some())
        .count()
}
