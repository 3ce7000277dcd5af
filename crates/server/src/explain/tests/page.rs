//! The page, who may open it, and the list of calls.

use super::*;

/// S-15 and S-16: pages of other sites in the administrator's browser.
#[tokio::test]
async fn a_local_page_of_another_site_is_not_the_administrator() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let old = shop.regenerate(KeyName::PrimarySubscriptionKey).await;
    let inspector = watching(&world);
    let near = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let owned = refused(&inspector, &near).await.unwrap();
    let near = near.header("Ocp-Apim-Subscription-Key", &old);
    let near = refused(&inspector, &near).await.unwrap();
    let (local, guarded) = (
        access(true, None),
        access(true, Some("administrators-token")),
    );
    let remote = access(false, None);
    let bearer = ("authorization", "Bearer administrators-token");
    let host = |host| ("host", host);
    type Row<'a> = (&'a Access, &'a [(&'a str, &'a str)], bool);
    let rows: [Row<'_>; 15] = [
        (&local, &[host("127.0.0.1:7480")], true),
        (
            &local,
            &[host("localhost:7480"), ("sec-fetch-site", "none")],
            true,
        ),
        (
            &local,
            &[host("localhost:7480"), ("origin", "http://localhost:7480")],
            true,
        ),
        (&local, &[], false),
        (&local, &[host("evil.example.com")], false),
        (&local, &[host("127.0.0.1.evil.example.com")], false),
        (
            &local,
            &[
                host("127.0.0.1:7480"),
                ("origin", "https://evil.example.com"),
            ],
            false,
        ),
        (&local, &[host("127.0.0.1:7480"), ("origin", "null")], false),
        (
            &local,
            &[host("127.0.0.1:7480"), ("sec-fetch-site", "cross-site")],
            false,
        ),
        (
            &local,
            &[host("127.0.0.1:7480"), ("sec-fetch-site", "same-site")],
            false,
        ),
        (&guarded, &[host("127.0.0.1:7480")], false),
        (&guarded, &[host("127.0.0.1:7480"), bearer], true),
        (&guarded, &[host("evil.example.com"), bearer], false),
        (&remote, &[host("127.0.0.1:7480")], false),
        (&remote, &[host("127.0.0.1:7480"), bearer], false),
    ];
    for (access, headers, administers) in rows {
        let request = headers
            .iter()
            .fold(Request::builder(), |it, (name, value)| {
                it.header(*name, *value)
            });
        let (parts, ()) = request.uri("/explain/x").body(()).unwrap().into_parts();
        let open = |address: String| {
            let (inspector, parts) = (&inspector, &parts);
            async move { answer(inspector, access, Environment::Test, parts, &address).await }
        };
        let status = if administers { 200 } else { 404 };
        assert_eq!(open(owned.clone()).await.status, status, "{headers:?}");
        let read = open(near.clone()).await;
        let body: Value = serde_json::from_slice(&read.body).unwrap();
        let cause = if administers {
            "subkey.regenerated"
        } else {
            "subkey.unknown"
        };
        assert_eq!(body["cause"], cause, "{headers:?}");
    }
}

/// The page shows what a stranger sent.
#[tokio::test]
async fn the_page_escapes_what_was_sent() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let inspector = Arc::new(watching(&world));
    let access = access(true, None);
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% x %}</pre></textarea>";
    let right = shop.ask("POST", "/ecomm/v2/payments").await;
    let plain = right.clone().to("POST", "/nowhere").body("");
    let plain = refused(&inspector, &plain).await.unwrap();
    let html = [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("host", "127.0.0.1"),
    ];
    let places = (inspector.as_ref(), &access);
    let test = Environment::Test;
    let tags = |text: &str| {
        let mut tags: Vec<String> = text
            .split('<')
            .skip(1)
            .map(|it| it.chars().take_while(char::is_ascii_alphanumeric).collect())
            .collect();
        tags.sort();
        tags.dedup();
        tags
    };
    // The page loads one script of ours, the same on every page; whatever else is one was planted.
    let ours = r#"<script type="module" src="/explain/copy.js"></script>"#;
    let usual = tags(
        &read_as(places, test, &plain, &html)
            .await
            .body
            .replace(ours, ""),
    );
    let mut body = shop.initiate_body("acme-1", 49_900);
    body["transaction"]["transactionText"] = hostile.into();
    body["merchantInfo"]["merchantSerialNumber"] = hostile.into();
    let fields = |name: &str| {
        let mut body = shop.initiate_body("acme-1", 49_900);
        *body.pointer_mut(name).unwrap() = hostile.into();
        body.to_string()
    };
    for ask in [
        right.clone().to("POST", &format!("/{hostile}")),
        right
            .clone()
            .to("GET", &format!("/ecomm/v2/payments/{hostile}/details")),
        right
            .clone()
            .to("GET", &format!("/ecomm/v2/payments/{hostile}/detials")),
        right.clone().header("User-Agent", hostile).body(hostile),
        right.clone().header("X-Request-Id", hostile).json(&body),
        right.clone().header("Merchant-Serial-Number", hostile),
        right
            .clone()
            .header("Content-Type", hostile)
            .body(format!("{{\"{hostile}\":1}}")),
        right.clone().body(fields("/transaction/orderId")),
        right.clone().body(fields("/transaction/amount")),
        right.clone().body(fields("/merchantInfo/fallBack")),
        right
            .clone()
            .without("Ocp-Apim-Subscription-Key")
            .header("client_id", hostile),
        shop.ask_token().header("client_id", hostile),
        right.clone().to("TRACE", "/ecomm/v2/payments"),
    ] {
        let address = refused(&inspector, &ask).await.expect("refused");
        let mut page = read_as(places, test, &address, &html).await;
        assert_eq!(page.body.matches(ours).count(), 1);
        page.body = page.body.replace(ours, "");
        assert_eq!(
            (page.status, page.media.as_str()),
            (200, "text/html; charset=utf-8")
        );
        assert!(page.policy, "a content security policy");
        let strange: Vec<String> = tags(&page.body)
            .into_iter()
            .filter(|tag| {
                !usual.contains(tag)
                    && ![
                        "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "ol",
                        "pre",
                    ]
                    .contains(&tag.as_str())
            })
            .collect();
        assert!(strange.is_empty(), "{strange:?}: {}", page.body);
        for part in ["<script", "<img", "onerror=alert(1)>", "\"'>", "</textarea"] {
            assert!(!page.body.contains(part), "{part}: {}", page.body);
        }
    }
    // Programs get JSON unless they ask for a page; whoever may not read gets the same kind.
    for (accept, media) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (Some("application/json"), "application/json"),
        (Some("text/html"), "text/html; charset=utf-8"),
    ] {
        let mut headers = vec![("host", "127.0.0.1")];
        headers.extend(accept.map(|accept| ("accept", accept)));
        assert_eq!(read_as(places, test, &plain, &headers).await.media, media);
        let nothing = read_as(places, test, "0-0", &headers).await;
        let media = media.replace("application/json", "application/problem+json");
        assert_eq!((nothing.status, nothing.media), (404, media));
    }
}

/// The control API lists and explains the same calls, for the administrator.
#[tokio::test]
async fn the_control_api_lists_what_was_refused() {
    let house = crate::testing::House::new().await;
    let ask = house.world.ask(Environment::Test, "GET", "/nowhere");
    let address = refused(&house.inspector, &ask).await.expect("refused");
    let (status, list) = house.get("/requests?refused=true").await;
    assert_eq!((status, list["journal"]["calls"].as_u64()), (200, Some(1)));
    assert_eq!(list["requests"][0]["id"], Value::from(address.as_str()));
    assert_eq!(list["requests"][0]["cause"], "route.unknown");
    let (status, call) = house.get(&format!("/requests/{address}")).await;
    assert_eq!(
        (status, &call["explanation"]["cause"]),
        (200, &"route.unknown".into())
    );
    let (status, _) = house.get(&format!("/requests/{address}0")).await;
    assert_eq!(status, 404, "the address of no call");
}

/// FAQ-51, and the way from a 401 to the keys: the page leads to where it is mended on the portal.
#[tokio::test]
async fn faq_51_the_page_leads_to_the_sales_unit_on_the_portal() {
    let world = World::new().await;
    let inspector = watching(&world);
    let access = access(true, None);
    let html = [("accept", "text/html"), ("host", "127.0.0.1")];
    let shop = world.shop(|it| it.products = [Product::Login].into()).await;
    let ask = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let address = refused(&inspector, &ask).await.expect("refused");
    let places = (&inspector, &access);
    let page = read_as(places, Environment::Test, &address, &html)
        .await
        .body;
    let unit = format!("href=\"{PORTAL}/units/test/{}", shop.msn);
    for link in [
        format!("{unit}\""),
        format!("{unit}/keys\""),
        format!("{unit}/payments/acme-1\""),
        format!("href=\"{PORTAL}/requests/{address}\""),
        format!("href=\"{PORTAL}/catalogue/ecom/login-only\""),
    ] {
        assert!(page.contains(&link), "{link}: {page}");
    }
    // Who proved nothing is led to no sales unit.
    let ask = ask.header("Ocp-Apim-Subscription-Key", "wrong");
    let address = refused(&inspector, &ask).await.expect("refused");
    let page = read_as(places, Environment::Test, &address, &html)
        .await
        .body;
    assert!(
        page.contains(&format!("href=\"{PORTAL}/units\"")) && !page.contains(shop.msn.as_str())
    );
    for (file, media) in [("portal.css", "text/css"), ("copy.js", "text/javascript")] {
        let got = read_as(places, Environment::Test, file, &html).await;
        assert_eq!(
            (got.status, got.media),
            (200, format!("{media}; charset=utf-8"))
        );
    }
    assert_eq!(
        read_as(places, Environment::Test, "none.js", &html)
            .await
            .status,
        404
    );
}
