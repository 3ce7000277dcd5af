//! S-14: markup in every stored field that the inspector shows comes out as text.

use http_body_util::BodyExt;
use sandkasse_domain::Environment;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Purpose};
use serde_json::json;

use super::*;

/// One string a line; the browser's tests use the same.
const CORPUS: &str = include_str!("../../../../../../clients/browser/xss.txt");

/// Elements of our own templates.
const OURS: [&str; 51] = [
    "!doctype",
    "html",
    "head",
    "meta",
    "title",
    "link",
    "script",
    "body",
    "a",
    "header",
    "nav",
    "ul",
    "li",
    "div",
    "span",
    "form",
    "input",
    "button",
    "main",
    "footer",
    "h1",
    "h2",
    "h3",
    "p",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "time",
    "code",
    "pre",
    "dl",
    "dt",
    "dd",
    "ol",
    "strong",
    "section",
    "select",
    "option",
    "label",
    "del",
    "ins",
    "svg",
    "g",
    "rect",
    "figure",
    "figcaption",
    "details",
    "summary",
];

/// No element, attribute or address is there that our templates do not have.
#[track_caller]
fn is_clean(html: &str, planted: &str) {
    let place = |at: &str| at.chars().take(120).collect::<String>();
    for tag in html.split('<').skip(1) {
        // In a time chart's title stands text only.
        let (tag, _) = tag
            .split_once('>')
            .unwrap_or_else(|| panic!("{planted}: {}", place(tag)));
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n'])
            .next()
            .unwrap();
        assert!(OURS.contains(&name), "{planted}: <{}", place(tag));
        // What stands between quotes is text; around it are names of attributes.
        for (number, piece) in tag.split('"').enumerate() {
            if number % 2 == 0 {
                assert!(!piece.contains(" on"), "{planted}: <{}", place(tag));
                assert!(!piece.contains(" style"), "{planted}: <{}", place(tag));
            }
        }
        for address in ["href=\"", "src=\"", "action=\""] {
            if let Some(leads) = tag.split(address).nth(1) {
                let own =
                    leads.starts_with('/') && !leads.starts_with("//") || leads.starts_with('#');
                let catalogue = leads.starts_with("http://127.0.0.1:7482/catalogue/");
                assert!(own || catalogue, "{planted}: <{}", place(tag));
            }
        }
        if name == "script" && !tag.starts_with('/') {
            assert!(tag.contains("src=\"/assets/"), "{planted}: <{}", place(tag));
        }
    }
    if planted.contains(['<', '"']) {
        assert!(!html.contains(planted), "{planted} stands there as it is");
    }
}

fn corpus() -> Vec<&'static str> {
    let strings: Vec<&str> = CORPUS.lines().collect();
    assert_eq!(strings.len(), 100);
    strings
}

#[tokio::test]
async fn markup_in_calls_of_merchants_is_text_everywhere() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let guest = house.guest(Some(Role::Developer));
    let mut stream = guest.open("/requests/events").await.into_body();
    for planted in corpus() {
        let mut body = shop.initiate_body("acme-1", 49_900);
        body["transaction"]["orderId"] = json!(planted);
        body["transaction"]["transactionText"] = json!(planted);
        body["merchantInfo"]["merchantSerialNumber"] = json!(planted);
        body[planted] = json!({ planted: [planted] });
        let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
        let in_body = [
            "user-agent",
            "vipps-system-name",
            "x-request-id",
            "merchant-serial-number",
        ]
        .into_iter()
        .fold(ask, |ask, name| ask.header_bytes(name, planted.as_bytes()));
        let in_key = shop
            .ask("GET", &format!("/ecomm/v2/payments/{planted}/details"))
            .await;
        let in_key = ["authorization", SUBSCRIPTION_KEY, "x-unknown"]
            .into_iter()
            .fold(in_key, |ask, name| {
                ask.header_bytes(name, planted.as_bytes())
            });
        let in_path = house
            .world
            .ask(Environment::Test, "GET", &format!("/{planted}"));
        let broken = shop.ask("POST", "/ecomm/v2/payments").await.body(planted);
        let known = format!("/ecomm/v2/payments/{planted}/details");
        let unknown_order = shop.ask("GET", &known).await;
        for ask in [in_body, in_key, in_path, broken, unknown_order] {
            let record = made(&house, ask).await;
            let page = guest
                .get(&format!("/requests/{}", address(&house, &record)))
                .await;
            assert_eq!(page.status, 200, "{planted}");
            is_clean(&page.html, planted);
        }
        let filter = form_urlencoded::Serializer::new(String::new())
            .append_pair("text", planted)
            .append_pair("cause", planted)
            .append_pair("msn", planted)
            .append_pair("status", planted)
            .append_pair("operation", planted)
            .finish();
        for path in [
            "/requests".to_owned(),
            format!("/requests?{filter}"),
            "/dashboard".to_owned(),
        ] {
            let page = guest.get(&path).await;
            assert_eq!(page.status, 200);
            is_clean(&page.html, planted);
        }
        let fields = [
            ("environment", "test"),
            ("client_id", planted),
            ("client_secret", planted),
            ("subscription_key", planted),
            ("msn", planted),
        ];
        let page = guest.post("/requests/check", &fields).await;
        assert_eq!(page.status, 200, "{planted}");
        is_clean(&page.html, planted);
    }
    // Live: what came meanwhile.
    let mut events = 0;
    while let Ok(Some(frame)) =
        tokio::time::timeout(std::time::Duration::from_millis(500), stream.frame()).await
    {
        let data = frame.unwrap().into_data().unwrap();
        for row in String::from_utf8_lossy(&data)
            .lines()
            .filter_map(|line| line.strip_prefix("data: <"))
        {
            events += 1;
            for planted in corpus() {
                is_clean(&format!("<{row}"), planted);
            }
        }
    }
    assert!(events > 0, "some rows came live");
}

#[tokio::test]
async fn markup_in_calls_to_merchants_is_text_everywhere() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let guest = house.guest(Some(Role::Reader));
    let (store, now) = (house.engine().store(), house.world.now());
    for (number, planted) in corpus().into_iter().enumerate() {
        let id = format!("c{number}");
        let call = OutgoingCall {
            id: id.clone(),
            purpose: if number % 2 == 0 {
                Purpose::PaymentCallback
            } else {
                Purpose::ShippingDetails
            },
            about: planted.to_owned(),
            method: "POST".to_owned(),
            url: format!("https://shop.example.com/{planted}"),
            authorization: None,
            body: Some(json!({ planted: planted }).to_string()),
            timeout_ms: 3000,
            owed_at: now,
        };
        let text = planted.to_owned();
        let failure = match number % 5 {
            0 => Some(CallFailure::Dns {
                host: text.clone(),
                detail: text,
            }),
            1 => Some(CallFailure::Redirect {
                location: Some(text),
            }),
            2 => Some(CallFailure::Refused {
                target: text.clone(),
                detail: text,
            }),
            3 => Some(CallFailure::Broken { detail: text }),
            _ => None,
        };
        let outcome = CallOutcome {
            status: Some(200),
            failure,
            duration_ms: 1,
            answer: Some(planted.to_owned()),
        };
        store
            .add_begun_call(&shop.unit().partition(), call, now)
            .await
            .unwrap();
        store.finish_call(&id, outcome).await.unwrap();
        for path in [
            format!("/requests/out/{id}"),
            "/requests".to_owned(),
            "/dashboard".to_owned(),
        ] {
            let page = guest.get(&path).await;
            assert_eq!(page.status, 200, "{planted}");
            is_clean(&page.html, planted);
        }
    }
}
