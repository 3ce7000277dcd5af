//! Order Management: receipts, buttons and pictures (reference: order-management.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_api::order_management::kept_as;
use sandkasse_domain::{
    order_info::{Image, OrderInfo, PaymentType},
    receipt::Sums,
    sales_unit::{Product, RateLimits},
};
use sandkasse_testkit::{Format, Got, NOT_FOUND, Shop, World, with_member, without_member};
use serde_json::{Value, json};

const MSN: &str = "Merchant-Serial-Number";
const IMAGES: &str = "/order-management/v1/images";

async fn stage() -> (World, Shop) {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
    (world, shop)
}

fn receipts(kind: &str, order: &str) -> String {
    format!("/order-management/v2/{kind}/receipts/{order}")
}

fn categories(order: &str) -> String {
    format!("/order-management/v2/ecom/categories/{order}")
}

fn whole(kind: &str, order: &str) -> String {
    format!("/order-management/v2/{kind}/{order}")
}

async fn send(shop: &Shop, method: &str, path: &str, body: &Value) -> Got {
    shop.ask(method, path).await.json(body).send().await
}

async fn get(shop: &Shop, order: &str) -> Got {
    shop.ask("GET", &whole("ecom", order)).await.send().await
}

/// Asserts a success whose body is a fresh UUID as a JSON text.
#[track_caller]
fn fresh_id(got: &Got, status: u16) -> String {
    assert_eq!(got.status, status, "{} {:?}", got.body, got.why);
    assert_eq!(got.header("content-type"), Some("application/json"));
    let id = got.json().as_str().expect("a text").to_owned();
    assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
    assert_eq!(got.body, format!("\"{id}\""));
    id
}

/// A white PNG of this height, one pixel wide; nobody looks at more than its head.
fn png(height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec();
    file.extend(height.to_be_bytes());
    file.extend(b"\x01\0\0\0\0");
    file
}

fn jpeg(height: u16) -> Vec<u8> {
    let mut file =
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x0b\x08".to_vec();
    file.extend(height.to_be_bytes());
    file.extend(b"\0\xc8\x01\x01\x11\0");
    file
}

fn image(id: &str, file: &[u8]) -> Value {
    json!({ "imageId": id, "src": STANDARD.encode(file), "type": "base64" })
}

fn line() -> Value {
    json!({
        "name": "Socks",
        "id": "line_item_1",
        "totalAmount": 1000,
        "totalAmountExcludingTax": 800,
        "totalTaxAmount": 200,
        "taxPercentage": 25,
    })
}

fn receipt() -> Value {
    json!({ "orderLines": [line()], "bottomLine": { "currency": "NOK" } })
}

/// What a receipt looks like when it is read.
const SOCKS: &str = r#"{"orderLines":[{"name":"Socks","id":"line_item_1","totalAmount":1000,"totalAmountExcludingTax":800,"totalTaxAmount":200,"taxPercentage":25}],"bottomLine":{"currency":"NOK"}}"#;

#[tokio::test]
async fn om_01_om_02_om_03_om_06_pictures_are_uploaded_once() {
    let (world, shop) = stage().await;
    let most = "a".repeat(128);
    for (id, file, path) in [
        ("socks-orange-123", png(167), IMAGES),
        (most.as_str(), jpeg(200), IMAGES),
        // WooCommerce posts with a slash behind.
        ("with.a_slash", png(1000), "/order-management/v1/images/"),
    ] {
        let got = send(&shop, "POST", path, &image(id, &file)).await;
        got.answered(200, &format!(r#"{{"imageId":"{id}"}}"#), "");
        assert_eq!(got.header("content-type"), Some("application/json"));
        let again = send(&shop, "POST", path, &image(id, &png(300))).await;
        let text = "An image with this imageId already exists.";
        again.detail(409, "Conflict", text, "order_info.image_exists");
        let engine = &world.platform.engine;
        let kept = engine.kept::<Image>(&shop.unit(), id).await;
        let first = engine.kept_history::<Image>(&shop.unit(), id).await;
        assert_ne!(kept.expect("memory").expect("it is there").height, 300);
        assert_eq!(first.expect("memory")[0].1.file, STANDARD.encode(&file));
    }
    // Each sales unit has its own.
    let other = world.shop(|_| {}).await;
    send(
        &other,
        "POST",
        IMAGES,
        &image("socks-orange-123", &png(200)),
    )
    .await
    .ok();

    let long = format!("{most}a");
    let limit = "The field ImageId must be a string or array type with a maximum length of '128'.";
    let pattern = r"The field ImageId must match the regular expression '^[0-9A-Za-z-_\.]+$'.";
    for (id, cause, reason) in [
        ("a b", "request.pattern", pattern),
        ("bilde-å", "request.pattern", pattern),
        (long.as_str(), "request.too_long", limit),
        ("", "request.missing", "The ImageId field is required."),
    ] {
        let got = send(&shop, "POST", IMAGES, &image(id, &png(200))).await;
        got.invalid_params(cause, &[("ImageId", reason)]);
    }
}

#[tokio::test]
async fn om_04_om_05_what_is_no_picture_for_us() {
    let (_, shop) = stage().await;
    let format = "The image must be in PNG or JPEG format.";
    let encoding = "The field Src is not a valid Base64 encoding.";
    let height = "The height of the image must be at least 167 pixels.";
    let mut large = png(200);
    large.resize(3 * 1024 * 1024, 0);
    let mut cut_off = jpeg(200);
    cut_off.truncate(22);
    let file = |bytes: &[u8]| STANDARD.encode(bytes);
    for (src, reason) in [
        (file(&png(100)), height),
        (file(&png(166)), height),
        (file(&jpeg(100)), height),
        (file(&large), "The size of the image must be at most 2 MB."),
        (file(b"GIF89a\x01\0\xc8\0"), format),
        (file(b"socks"), format),
        (file(&cut_off), format),
        ("https://example.com/socks.png".to_owned(), encoding),
        ("data:image/png;base64,iVBO".to_owned(), encoding),
    ] {
        let body = json!({ "imageId": "socks", "src": src, "type": "base64" });
        let got = send(&shop, "POST", IMAGES, &body).await;
        got.invalid_params("order_info.image", &[("Src", reason)]);
    }
    let body = with_member(image("socks", &png(200)), "type", "url");
    let got = send(&shop, "POST", IMAGES, &body).await;
    let reason = "The value is not valid for Type.";
    got.invalid_params("request.unknown_value", &[("Type", reason)]);

    // As before November 2023: the picture of the official collection is 32 pixels high.
    shop.change(|unit| unit.low_images = true).await;
    send(&shop, "POST", IMAGES, &image("low", &png(32)))
        .await
        .ok();
}

#[tokio::test]
async fn om_10_om_11_om_23_a_receipt_comes_once_also_before_its_payment() {
    let (_, shop) = stage().await;
    let path = receipts("ecom", "acme-1");
    let none = "There is no category and no receipt for this order.";
    let nothing = get(&shop, "acme-1").await;
    nothing.detail(404, "Not Found", none, "order_info.nothing_told");
    fresh_id(&send(&shop, "POST", &path, &receipt()).await, 201);
    shop.initiate("acme-1", 1_000).await.ok();
    let told = format!(r#"{{"receipt":{SOCKS}}}"#);
    get(&shop, "acme-1").await.answered(200, &told, "");

    let other = with_member(receipt(), "bottomLine.currency", "EUR");
    let second = send(&shop, "POST", &path, &other).await;
    let text = "A receipt has already been added to this order.";
    second.detail(409, "Conflict", text, "order_info.receipt_exists");
    get(&shop, "acme-1").await.answered(200, &told, "");
    // Two at once: one of them is kept.
    let path = receipts("ecom", "acme-2");
    let receipt = receipt();
    let (one, two) = tokio::join!(
        send(&shop, "POST", &path, &receipt),
        send(&shop, "POST", &path, &receipt)
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn om_12_om_13_om_14_om_15_what_a_receipt_must_have() {
    let (_, shop) = stage().await;
    let required = |name: &str| format!("The {name} field is required.");
    let line = |change: &dyn Fn(Value) -> Value| json!({ "orderLines": [change(line())], "bottomLine": { "currency": "NOK" } });
    let unit = |quantity: &str| {
        let info = json!({ "unitPrice": 400, "quantity": quantity });
        line(&|it| with_member(it, "unitInfo", info.clone()))
    };
    let bottom = |name: &str, value: Value| with_member(receipt(), name, value);
    let quantity = r"The field Quantity must match the regular expression '^\d+([\.]\d{1,8})?$'.";
    let rows: Vec<(Value, &str, &str, String)> = vec![
        (
            without_member(receipt(), "orderLines"),
            "request.missing",
            "OrderLines",
            required("OrderLines"),
        ),
        (
            bottom("orderLines", json!([])),
            "request.missing",
            "OrderLines",
            "The field OrderLines must be a string or array type with a minimum length of '1'."
                .to_owned(),
        ),
        (
            without_member(receipt(), "bottomLine"),
            "request.missing",
            "BottomLine",
            required("BottomLine"),
        ),
        (
            without_member(receipt(), "bottomLine.currency"),
            "request.missing",
            "BottomLine.Currency",
            required("Currency"),
        ),
        (
            bottom("bottomLine.currency", json!("SEK")),
            "request.unknown_value",
            "BottomLine.Currency",
            "The value is not valid for Currency.".to_owned(),
        ),
        (
            bottom("bottomLine.barcode", json!({ "format": "QR", "data": "1" })),
            "request.unknown_value",
            "BottomLine.Barcode.Format",
            "The value is not valid for Format.".to_owned(),
        ),
        (
            line(&|it| without_member(it, "taxPercentage")),
            "request.missing",
            "OrderLines[0].TaxRate",
            required("TaxRate"),
        ),
        (
            line(&|it| without_member(it, "totalTaxAmount")),
            "request.missing",
            "OrderLines[0].TotalTaxAmount",
            required("TotalTaxAmount"),
        ),
        (
            line(&|it| with_member(it, "taxPercentage", 101)),
            "request.range",
            "OrderLines[0].TaxPercentage",
            "The field TaxPercentage must be between 0 and 100.".to_owned(),
        ),
        (
            line(&|it| with_member(it, "totalAmount", -1)),
            "request.range",
            "OrderLines[0].TotalAmount",
            format!("The field TotalAmount must be between 0 and {}.", i64::MAX),
        ),
        (
            line(&|it| with_member(it, "totalAmount", "1000")),
            "json.type",
            "OrderLines[0].TotalAmount",
            "The JSON value could not be converted to integer.".to_owned(),
        ),
        (unit("1.1234567"), "", "", String::new()),
        (
            unit("1.123456789"),
            "request.too_long",
            "OrderLines[0].UnitInfo.Quantity",
            "The field Quantity must be a string or array type with a maximum length of '10'."
                .to_owned(),
        ),
        (
            unit("abc"),
            "request.pattern",
            "OrderLines[0].UnitInfo.Quantity",
            quantity.to_owned(),
        ),
    ];
    for (row, (body, cause, name, reason)) in rows.into_iter().enumerate() {
        let path = receipts("ecom", &format!("row-{row}"));
        let got = send(&shop, "POST", &path, &body).await;
        if cause.is_empty() {
            fresh_id(&got, 201);
        } else {
            got.invalid_params(cause, &[(name, reason.as_str())]);
        }
    }
    // Every fault is listed.
    let got = send(&shop, "POST", &receipts("ecom", "none"), &json!({})).await;
    let (lines, bottom) = (required("OrderLines"), required("BottomLine"));
    got.invalid_params(
        "request.missing",
        &[("OrderLines", &lines), ("BottomLine", &bottom)],
    );
    // One way to tell the tax is enough, and either will do.
    let rate = json!({ "orderLines": [with_member(without_member(self::line(), "taxPercentage"), "taxRate", 2500)], "bottomLine": { "currency": "DKK" } });
    fresh_id(
        &send(&shop, "POST", &receipts("ecom", "rate"), &rate).await,
        201,
    );
    for (body, cause) in [
        ("", "json.syntax"),
        ("{", "json.syntax"),
        ("[]", "json.type"),
    ] {
        let ask = shop.ask("POST", &receipts("ecom", "none")).await;
        let got = ask.body(body).send().await;
        assert_eq!(
            (got.status, got.cause(), got.format()),
            (400, cause, Format::Params)
        );
    }
}

/// Amounts have 64 bits, and every digit of them counts.
#[tokio::test]
async fn om_13_amounts_keep_their_digits() {
    let (_, shop) = stage().await;
    let whole = receipt().to_string();
    let total = r#""totalAmount":1000,"#;
    assert!(whole.contains(total), "{whole}");
    let with = |amount: &str| whole.replacen(total, &format!(r#""totalAmount":{amount},"#), 1);
    for amount in ["9223372036854775808", "1e400", "-1"] {
        let ask = shop.ask("POST", &receipts("ecom", "acme-1")).await;
        let got = ask.body(with(amount)).send().await;
        assert_eq!(
            (got.status, got.cause()),
            (400, "request.range"),
            "{amount}"
        );
    }
    for (order, amount, kept) in [
        ("acme-1", "9223372036854775807", "9223372036854775807"),
        ("acme-2", "9007199254740993.0", "9007199254740993"),
    ] {
        let ask = shop.ask("POST", &receipts("ecom", order)).await;
        fresh_id(&ask.body(with(amount)).send().await, 201);
        let told = get(&shop, order).await.body;
        assert!(
            told.contains(&format!(r#""totalAmount":{kept},"#)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn om_16_om_17_returns_count_negative_and_old_members_nothing() {
    let (world, shop) = stage().await;
    let returned = json!({
        "name": "Flip-flops", "id": "2", "totalAmount": 300, "totalAmountExcludingTax": 240,
        "totalTaxAmount": 60, "taxRate": 2500, "discount": 20, "isReturn": true, "isShipping": false,
        "productUrl": "https://example.com/store/flipflops",
        "unitInfo": { "unitPrice": 150, "quantity": "2" },
    });
    let body = json!({
        "orderLines": [line(), returned],
        "bottomLine": {
            "currency": "NOK", "giftCardAmount": 1, "totalAmount": 700, "totalTax": 140,
            "totalDiscount": 0, "shippingAmount": 0, "terminalId": "till 1", "posId": "till 2",
            "shippingInfo": { "amount": 0, "amountExcludingTax": 0, "taxAmount": 0, "taxPercentage": 0 },
            "paymentSources": { "giftCard": 100, "cash": 200 }, "tipAmount": 5,
            "barcode": { "format": "CODE 39", "data": "SC0527013501 " }, "receiptNumber": "0527013501",
        },
    });
    fresh_id(
        &send(&shop, "POST", &receipts("ecom", "acme-1"), &body).await,
        201,
    );
    let first = SOCKS
        .split_once(r#"],"bottomLine""#)
        .expect("it is there")
        .0;
    let told = format!(
        r#"{{"receipt":{first},{{"name":"Flip-flops","id":"2","totalAmount":300,"totalAmountExcludingTax":240,"totalTaxAmount":60,"taxRate":2500,"unitInfo":{{"unitPrice":150,"quantity":"2","quantityUnit":"PCS"}},"discount":20,"productUrl":"https://example.com/store/flipflops","isReturn":true,"isShipping":false}}],"bottomLine":{{"currency":"NOK","tipAmount":5,"posId":"till 2","terminalId":"till 1","paymentSources":{{"giftCard":100,"cash":200}},"barcode":{{"format":"CODE 39","data":"SC0527013501 "}},"receiptNumber":"0527013501"}}}}}}"#
    );
    get(&shop, "acme-1").await.answered(200, &told, "");
    let name = kept_as(PaymentType::Ecom, "acme-1");
    let engine = &world.platform.engine;
    let info = engine.kept::<OrderInfo>(&shop.unit(), &name).await;
    let info = info.expect("memory does not fail").expect("it is there");
    let shown = Sums {
        total: 700,
        tax: 140,
        discount: -20,
    };
    assert_eq!(info.receipt.expect("it is there").sums(), shown);
}

#[tokio::test]
async fn om_18_payment_types_in_any_case() {
    let (_, shop) = stage().await;
    fresh_id(
        &send(&shop, "POST", &receipts("eCom", "acme-1"), &receipt()).await,
        201,
    );
    for kind in ["ecom", "eCom", "ECOM", "Ecom"] {
        let path = whole(kind, "acme-1");
        shop.ask("GET", &path).await.send().await.ok();
        let got = send(&shop, "POST", &receipts(kind, "acme-1"), &receipt()).await;
        assert_eq!(got.cause(), "order_info.receipt_exists", "{kind}");
    }
    // A charge may have the same id; it is another thing.
    let recurring = shop.ask("GET", &whole("recurring", "acme-1")).await;
    assert_eq!(recurring.send().await.cause(), "order_info.nothing_told");
    fresh_id(
        &send(&shop, "POST", &receipts("RECURRING", "acme-1"), &receipt()).await,
        201,
    );
    let bad = ("PaymentType", "The value is not valid for PaymentType.");
    for (method, path) in [
        ("POST", receipts("psp", "acme-1")),
        ("GET", whole("psp", "acme-1")),
    ] {
        let got = send(&shop, method, &path, &receipt()).await;
        got.invalid_params("request.unknown_value", &[bad]);
    }
    let got = shop.ask("GET", &whole("ecom", "a%20b")).await.send().await;
    let reason = r"The field OrderId must match the regular expression '^[0-9A-Za-z-_\.]+$'.";
    got.invalid_params("request.pattern", &[("OrderId", reason)]);
    // What eCom does not allow, this API does: other systems have longer ids.
    fresh_id(
        &send(&shop, "POST", &receipts("ecom", "a_b.c"), &receipt()).await,
        201,
    );
}

#[tokio::test]
async fn om_20_om_21_om_22_om_23_categories_take_the_place_of_earlier_ones() {
    let (world, shop) = stage().await;
    let path = categories("acme-1");
    let category =
        |category: &str, url: &str| json!({ "category": category, "orderDetailsUrl": url });
    let url = "https://example.com/acme-1";
    let first = send(&shop, "PUT", &path, &category("GENERAL", url)).await;
    let first = fresh_id(&first, 200);
    let told = |category: &str, more: &str| {
        format!(r#"{{"category":{{"category":"{category}","orderDetailsUrl":"{url}"{more}}}}}"#)
    };
    get(&shop, "acme-1")
        .await
        .answered(200, &told("GENERAL", ""), "");

    send(&shop, "POST", IMAGES, &image("socks", &png(200)))
        .await
        .ok();
    let with_image = with_member(category("TICKET", url), "imageId", "socks");
    let second = fresh_id(&send(&shop, "PUT", &path, &with_image).await, 200);
    assert_ne!(first, second);
    let now = told("TICKET", r#","imageId":"socks""#);
    get(&shop, "acme-1").await.answered(200, &now, "");

    let valid = "The value is not valid for Category.";
    let uri = "The OrderDetailsUrl field is not a valid fully-qualified http, https, or ftp URL.";
    let missing = "The OrderDetailsUrl field is required.";
    for (body, cause, param) in [
        (
            category("SOCKS", url),
            "request.unknown_value",
            ("Category", valid),
        ),
        (
            category("general", url),
            "request.unknown_value",
            ("Category", valid),
        ),
        (
            category("GENERAL", "/acme-1"),
            "url.syntax",
            ("OrderDetailsUrl", uri),
        ),
        (
            category("GENERAL", ""),
            "request.missing",
            ("OrderDetailsUrl", missing),
        ),
    ] {
        let got = send(&shop, "PUT", &path, &body).await;
        got.invalid_params(cause, &[param]);
    }
    // Of another unit it is as unknown as one of nobody.
    let stranger = world.shop(|_| {}).await;
    send(&stranger, "POST", IMAGES, &image("theirs", &png(200)))
        .await
        .ok();
    for id in ["nobodys", "theirs"] {
        let body = with_member(category("GENERAL", url), "imageId", id);
        let got = send(&shop, "PUT", &path, &body).await;
        let text = "There is no image with this imageId.";
        got.detail(404, "Not Found", text, "order_info.image_unknown");
    }
    get(&shop, "acme-1").await.answered(200, &now, "");
    send(&shop, "POST", &receipts("ecom", "acme-1"), &receipt()).await;
    let both = format!(
        r#"{},"receipt":{SOCKS}}}"#,
        now.trim_end_matches('}').to_owned() + "}"
    );
    get(&shop, "acme-1").await.answered(200, &both, "");
}

#[tokio::test]
async fn om_24_om_43_others_see_nothing() {
    let (world, shop) = stage().await;
    send(&shop, "POST", &receipts("ecom", "acme-1"), &receipt()).await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    for other in [&sister, &world.shop(|_| {}).await] {
        let none = "There is no category and no receipt for this order.";
        let got = get(other, "acme-1").await;
        got.detail(404, "Not Found", none, "order_info.nothing_told");
        // With own keys and a foreign number nothing is kept, for neither.
        let ask = other.ask("POST", &receipts("ecom", "acme-2")).await;
        let got = ask
            .header(MSN, shop.msn.as_str())
            .json(&receipt())
            .send()
            .await;
        let text = format!(
            "Invalid MSN: {}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips.",
            shop.msn
        );
        got.detail(401, "Unauthorized", &text, "msn.not_yours");
        for unit in [other, &shop] {
            assert_eq!(get(unit, "acme-2").await.status, 404);
        }
    }
}

#[tokio::test]
async fn om_41_the_number_of_the_sales_unit() {
    let (world, shop) = stage().await;
    let ask = shop.ask("POST", &receipts("ecom", "acme-1")).await;
    let named = ask.header(MSN, shop.msn.as_str()).json(&receipt());
    fresh_id(&named.send().await, 201);
    // Without the header the keys say it.
    get(&shop, "acme-1").await.ok();

    let partner = world.partner(shop.environment, |_| {}).await;
    world.link(&shop, &partner).await;
    let path = whole("ecom", "acme-1");
    let linked = partner.ask_for(shop.msn.as_str(), "GET", &path).await;
    linked.send().await.ok();
    let bare = partner.ask("GET", &whole("ecom", "acme-1")).await;
    let text = "Invalid MSN: This MSN is not valid for the provided supermerchant ID. Check that you are using the correct credentials for the right environment.";
    bare.send()
        .await
        .detail(403, "Forbidden", text, "partner.msn_missing");

    shop.change(|unit| unit.products = [Product::Login].into())
        .await;
    let text = "Merchant Not Allowed for Ecommerce Payment";
    get(&shop, "acme-1")
        .await
        .detail(403, "Forbidden", text, "unit.login_only");
}

#[tokio::test]
async fn om_42_what_is_gone() {
    let (_, shop) = stage().await;
    for (method, path) in [
        ("PUT", "/order-management/v1/orders/5600000001"),
        ("GET", "/order-management/v1/orders/5600000001"),
        ("POST", "/order-management/v1/receipts/5600000001"),
        ("GET", "/order-management/v1/receipts/5600000001"),
    ] {
        let got = send(&shop, method, path, &receipt()).await;
        got.answered(404, NOT_FOUND, "route.unknown");
    }
}
