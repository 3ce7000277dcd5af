//! Which addresses of the merchant are refused when they are named, and which only when they are called:
//! newer APIs judge the text of a URL, and eCom alone asks DNS at once (reference: webhooks.md §2.1,
//! checkout.md §2.1, epayment.md §2.8).

use sandkasse_courier::TableResolver;
use sandkasse_domain::sales_unit::{
    Product, SalesUnit,
    UrlPolicy::{self, Local, Strict},
};
use sandkasse_testkit::{Got, Shop, World};
use serde_json::json;

/// A shop of a world in which DNS knows nobody.
async fn shop(policy: UrlPolicy) -> (World, Shop) {
    let world = World::with_dns(TableResolver::new()).await;
    let traits = |unit: &mut SalesUnit| {
        unit.url_policy = policy;
        unit.express = true;
        unit.products.insert(Product::Checkout);
    };
    let shop = world.shop(traits).await;
    (world, shop)
}

/// Creates an express payment whose shop is asked here for its ways to ship.
async fn ships_at(shop: &Shop, reference: &str, url: &str) -> Got {
    let change = |body: &mut serde_json::Value| {
        body["profile"] = json!({ "scope": "name address email phoneNumber" });
        body["shipping"] = json!({ "dynamicOptions": { "callbackUrl": url } });
    };
    shop.epay_but(reference, 1000, change).await
}

#[tokio::test]
async fn what_ships_is_asked_at_addresses_that_the_unit_may_have() {
    let rows = [
        (Strict, "https://no-such-host-xyz.com/ship", true),
        (Strict, "http://example.com/ship", false),
        (Strict, "https://localhost/ship", false),
        (Strict, "https://intranet/ship", false),
        (Strict, "https://127.0.0.1/ship", false),
        (Strict, "https://10.0.0.1/ship", false),
        (Strict, "https://[::1]/ship", false),
        (Strict, "https://169.254.169.254/latest", false),
        (Strict, "https://2130706433/ship", false),
        (Strict, "ship", false),
        (Local, "http://127.0.0.1:3000/ship", true),
        (Local, "http://shop.test/ship", true),
        (Local, "http://example.com/ship", false),
    ];
    for (row, (policy, url, fine)) in rows.into_iter().enumerate() {
        let (_world, shop) = shop(policy).await;
        let reference = format!("acme-shop-{row}");
        let got = ships_at(&shop, &reference, url).await;
        if fine {
            got.created();
        } else {
            let text = format!("The parameter `{url}` is invalid.");
            got.problem(400, "4090", "Invalid URL", &text, "url.epayment");
        }
    }
}

#[tokio::test]
async fn checkout_judges_https_and_syntax_alone() {
    let (_, shop) = shop(Strict).await;
    let keys = shop.keys();
    for (row, (url, fine)) in [
        ("https://no-such-host-xyz.com:3000/cb", true),
        ("https://localhost/cb", true),
        ("http://example.com/cb", false),
        ("shop.example/cb", false),
    ]
    .into_iter()
    .enumerate()
    {
        let ask = shop
            .ask("POST", "/checkout/v3/session")
            .await
            .header("client_id", &keys.client_id)
            .header("client_secret", &keys.client_secret);
        let session = json!({
            "merchantInfo": {
                "callbackUrl": url,
                "returnUrl": "https://example.com/ret",
                "callbackAuthorizationToken": "t",
            },
            "transaction": {
                "amount": { "value": 1000, "currency": "NOK" },
                "reference": format!("acme-order-{row}"),
                "paymentDescription": "Socks",
            },
        });
        let got = ask.json(&session).send().await;
        if fine {
            got.ok();
        } else {
            assert_eq!((got.status, got.cause()), (400, "request.pattern"), "{url}");
        }
    }
}
