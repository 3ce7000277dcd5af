//! Which path is which operation, before anything else is asked.

use sandkasse_domain::Environment::{self, Production, Test};
use sandkasse_testkit::{Ask, Format, KEY_MISSING, NOT_FOUND, Shop, World};

const KEY: &str = "Ocp-Apim-Subscription-Key";
const DETAILS: &str = "/ecomm/v2/payments/acme-1/details";

/// A shop with an order, and a right call about it.
async fn stage() -> (World, Shop, Ask) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    let ask = shop.ask("GET", DETAILS).await;
    (world, shop, ask)
}

#[tokio::test]
async fn plat_04_unknown_paths() {
    let (world, _, right) = stage().await;
    for path in [
        "/",
        "",
        "ecomm/v2/payments",
        "/ecom/v2/payments",
        "/ecomm/v3/payments",
        "/ecomm/v2/payment",
        "/ecomm/v2/payments/acme-1",
        "/ecomm/v2/payments/acme-1/captures",
        "/ecomm/v2/payments//acme-1/details",
        "//ecomm/v2/payments",
        "/ecomm/v2/payments//",
        "/oauth2/token",
    ] {
        // The route comes first: keys make no difference, wrong ones neither.
        for environment in Environment::ALL {
            for ask in [
                world.ask(environment, "POST", path),
                world.ask(environment, "POST", path).header(KEY, "nobody's"),
                right.clone().to("POST", path).in_environment(environment),
            ] {
                let got = ask.send().await;
                got.answered(404, NOT_FOUND, "route.unknown");
                assert_eq!(got.format(), Format::A);
            }
        }
    }
    // Force approve is an operation of the test environment alone.
    let path = "/ecomm/v2/integration-test/payments/acme-1/approve";
    let got = world.ask(Production, "POST", path).send().await;
    got.answered(404, NOT_FOUND, "route.unknown");
    let got = world.ask(Test, "POST", path).send().await;
    got.answered(401, KEY_MISSING, "subkey.missing");
}

/// Only what is documented can be missing: below an API that has such operations everything else is unknown.
#[tokio::test]
async fn plat_04_plat_05_beside_what_is_not_built() {
    const NOT_BUILT: &str = r#"{ "statusCode": 501, "message": "Not implemented" }"#;
    let (world, _, right) = stage().await;
    for (method, path) in [
        ("PATCH", "/checkout/v3/session/acme-order-1"),
        ("POST", "/Checkout/V3/session/acme-order-1/expire/"),
        ("POST", "/checkout/v2/session"),
        ("GET", "/checkout/v2/session/e9b6c99d"),
        ("POST", "/order-management/v3/categories"),
        ("GET", "/order-management/v3/categories?orderId=acme-1"),
        ("DELETE", "/order-management/v3/categories/e9b6c99d"),
        ("GET", "/qr/v1/merchant-callback"),
        ("PUT", "/qr/v1/merchant-callback/till-1"),
        ("PUT", "/qr/v1/merchant-callback/mobilepay/abc"),
        ("POST", "/qr/v1/exchange/customer"),
        ("POST", "/recurring/v3/agreements/"),
        ("PATCH", "/recurring/v3/agreements/agr-1/accept"),
        ("GET", "/recurring/v2/agreements?status=ACTIVE"),
        (
            "GET",
            "/access-management-1.0/access/.well-known/openid-configuration",
        ),
        ("POST", "/vipps-login-ciba/api/backchannel/authentication"),
        (
            "GET",
            "/management/v1/merchants/business:NO:ORG/987654321/sales-units",
        ),
        ("POST", "/psp/v3/psppayments/updateStatus"),
        ("PATCH", "/merchant-management/psp/v1/merchants/123456"),
        ("GET", "/partner-api/v0/merchants/987654321"),
    ] {
        for ask in [
            world.ask(Production, method, path),
            right.clone().to(method, path),
        ] {
            ask.send().await.answered(501, NOT_BUILT, "route.not_built");
        }
        let got = world.ask(Production, "OPTIONS", path).send().await;
        got.answered(404, NOT_FOUND, "route.method");
    }
    for path in [
        "/checkout",
        "/checkout/v1/session",
        "/checkout/v3/sessions",
        "/checkout/v3/session/acme-order-1/cancel",
        "/checkout/v3/session//expire",
        "/checkout/v2/session/e9b6c99d/expire",
        "/order-management/v3",
        "/order-management/v3/receipts",
        "/order-management/v3/categories/e9b6c99d/more",
        "/order-management/v1/orders/acme-1",
        "/qr/v1/merchant-callback/mobilepay/abc/more",
        "/qr/v1/exchange/msisdn",
        "/qr/v2/merchant-redirect",
        "/epayment/v1/payments/acme-1/authorize",
        "/epayment/v2/payments",
        "/webhooks/v1/webhooks/e9b6c99d/secret",
        "/webhooks/v2/webhooks",
        "/report",
        "/report/v1/ledgers",
        "/report/v2/ledgers/320001/funds",
        "/settlement/v1/payouts",
        "/vipps-userinfo-api/userinfo/abc/def",
        "/vipps-userinfo-api/users",
        "/recurring",
        "/recurring/v4/agreements",
        "/vipps-recurring-merchant-api/v3/agreements",
        "/management/v1/contracts",
        "/psp/v3/payments",
        "/merchant-agreement",
    ] {
        for ask in [
            world.ask(Production, "POST", path),
            right.clone().to("GET", path),
        ] {
            ask.send().await.answered(404, NOT_FOUND, "route.unknown");
        }
    }
}

#[tokio::test]
async fn plat_05_wrong_methods() {
    let (world, _, right) = stage().await;
    for (path, allowed) in [
        ("/accesstoken/get", "POST"),
        ("/miami/v1/token", "POST"),
        ("/discovery/keys", "GET"),
        ("/ecomm/v2/payments", "POST"),
        ("/ecomm/v2/payments/acme-1/capture", "POST"),
        ("/ecomm/v2/payments/acme-1/cancel", "PUT"),
        ("/ecomm/v2/payments/acme-1/refund", "POST"),
        (DETAILS, "GET"),
        ("/ecomm/v2/payments/acme-1/status", "GET"),
        ("/ecomm/v2/integration-test/payments/acme-1/approve", "POST"),
        ("/vipps-userinfo-api/userinfo/abc", "GET"),
        ("/vipps-userinfo-api/userinfo/", "GET"),
        ("/order-management/v1/images", "POST"),
        ("/order-management/v2/ecom/receipts/acme-1", "POST"),
        ("/order-management/v2/ecom/categories/acme-1", "PUT"),
        ("/order-management/v2/ecom/acme-1", "GET"),
        ("/qr/v1/", "POST"),
        ("/q/image", "GET"),
        ("/q/r/123456/abc", "GET"),
    ] {
        for method in [
            "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get",
        ] {
            for ask in [
                world.ask(Test, method, path),
                right.clone().to(method, path),
            ] {
                let got = ask.send().await;
                if method == allowed {
                    assert_ne!(got.cause(), "route.method", "{method} {path}");
                } else {
                    got.answered(404, NOT_FOUND, "route.method");
                }
            }
        }
    }
}

#[tokio::test]
async fn plat_18_paths_in_any_case_and_with_a_slash_behind() {
    let (_, shop, right) = stage().await;
    for path in [
        "/ECOMM/V2/PAYMENTS/acme-1/DETAILS",
        "/Ecomm/v2/payments/acme-1/details/",
        "/ecomm/v2/Payments/acme-1/Details/",
        "/ecomm/v2/payments/acme%2D1/details",
    ] {
        let got = right.clone().to("GET", path).send().await;
        assert_eq!(got.body, shop.details("acme-1").await.body, "{path}");
    }
    for (path, order) in [
        ("/Ecomm/v2/payments", "acme-2"),
        ("/ecomm/v2/payments/", "acme-3"),
        ("/ECOMM/V2/PAYMENTS/", "acme-4"),
    ] {
        let ask = right
            .clone()
            .to("POST", path)
            .json(&shop.initiate_body(order, 100));
        assert_eq!(ask.send().await.ok()["orderId"], order, "{path}");
    }
    // The id in a path is the merchant's own word, and stays as it is.
    let got = right
        .to("GET", "/ecomm/v2/payments/ACME-1/details")
        .send()
        .await;
    let text = got.refused(404, "Merchant", "35", "order.unknown");
    assert_eq!(text, "Requested Order not found");
}
