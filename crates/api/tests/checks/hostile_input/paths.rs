//! Odd paths, methods and headers.

use sandkasse_engine::Chance;
use sandkasse_testkit::NOT_FOUND;

use super::stage::{OTHERS, READ_JSON, Stage};

fn pick<'a>(chance: &Chance, from: &[&'a str]) -> &'a str {
    let bound = u64::try_from(from.len()).expect("small");
    let at = usize::try_from(chance.below(bound)).expect("small");
    from.get(at).copied().expect("below its length")
}

#[tokio::test]
async fn odd_paths() {
    const PIECES: [&str; 32] = [
        "/",
        "//",
        "ecomm",
        "ECOMM",
        "v2",
        "v3",
        "payments",
        "integration-test",
        "acme",
        "ACME",
        "capture",
        "cancel",
        "refund",
        "details",
        "status",
        "approve",
        "accesstoken",
        "get",
        "miami",
        "discovery",
        "keys",
        "vipps-userinfo-api",
        "userinfo",
        "epayment",
        "..",
        ".",
        "%2F",
        "%00",
        "%ff",
        "%",
        "é",
        "a b?c#d;e=f",
    ];
    const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "X"];
    let stage = Stage::new().await;
    let chance = Chance::seeded(18);
    for _ in 0..1500 {
        let mut path = String::new();
        for _ in 0..=chance.below(7) {
            path.push_str(pick(&chance, &["/", "/", "/", ""]));
            path.push_str(pick(&chance, &PIECES));
        }
        let method = pick(&chance, &METHODS);
        let ask = stage.ask(OTHERS[0]).to(method, &path).body("{}");
        stage.survives(ask, &format!("{method} {path}")).await;
    }
    assert_eq!(stage.sent(), 1500);
}

#[tokio::test]
async fn odd_names_of_orders_and_users() {
    let stage = Stage::new().await;
    let long = "x".repeat(100_000);
    for name in [
        "",
        "%20",
        "%00",
        "%2F",
        "..",
        "%2e%2e%2f",
        "acme%00",
        "acme%0d%0aX:y",
        "%c3%28",
        "%",
        "%zz",
        "é",
        "acme%3Fx=1",
        "acme'--",
        "{orderId}",
        &long,
    ] {
        for (method, path) in READ_JSON.into_iter().chain(OTHERS) {
            let (endpoint, body) = ((method, path), path.contains("acme"));
            let path = path.replace("/acme/", &format!("/{name}/"));
            let path = match path.rsplit_once("userinfo/") {
                Some((before, _)) => format!("{before}userinfo/{name}"),
                None => path,
            };
            let mut ask = stage.ask(endpoint).to(method, &path);
            if body && method != "GET" {
                ask = ask.body(stage.body(endpoint).to_string());
            }
            let got = stage.survives(ask, &path).await;
            if body {
                assert_eq!((got.status, got.cause()), (404, "order.unknown"), "{path}");
            }
        }
    }
    // Two slashes are a path without an order only where one is missing altogether.
    let got = stage
        .survives(stage.ask(("GET", "/ecomm/v2/payments/details")), "")
        .await;
    got.answered(404, NOT_FOUND, "route.unknown");
}

#[tokio::test]
async fn odd_headers() {
    const NAMES: [&str; 12] = [
        "Authorization",
        "Ocp-Apim-Subscription-Key",
        "Merchant-Serial-Number",
        "X-Request-Id",
        "Content-Type",
        "Content-Length",
        "Transfer-Encoding",
        "client_id",
        "client_secret",
        "Vipps-System-Name",
        "X-TimeStamp",
        "Host",
    ];
    let stage = Stage::new().await;
    let chance = Chance::seeded(19);
    // Listeners take no longer headers.
    let long = "x".repeat(32 * 1024);
    for endpoint in READ_JSON.into_iter().chain(OTHERS) {
        for name in NAMES {
            let mut values: Vec<Vec<u8>> = [
                "",
                " ",
                "Bearer",
                "Bearer ",
                "Bearer ..",
                "Basic",
                "Basic !!!",
                "0",
                "-1",
                "123456, 123456",
                "\"",
                "null",
                "é",
                "text/plain; charset=\"",
                "chunked",
                &long,
            ]
            .map(|value| value.as_bytes().to_vec())
            .into();
            for _ in 0..8 {
                let bytes = chance.bytes::<24>().into_iter();
                // Whatever a header may hold: no control characters but the tabulator.
                values.push(
                    bytes
                        .filter(|it| *it == 9 || (*it >= 32 && *it != 127))
                        .collect(),
                );
            }
            for value in values {
                let body = match endpoint.0 {
                    "GET" => String::new(),
                    _ => stage.body(endpoint).to_string(),
                };
                let ask = stage.ask(endpoint).body(body);
                let what = format!("{} {name}: {}", endpoint.1, value.escape_ascii());
                stage.survives(ask.header_bytes(name, &value), &what).await;
            }
        }
    }
    assert_eq!(stage.sent(), 11 * 12 * 24);
}
