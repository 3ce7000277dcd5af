//! Many defects at once: which of them an initiate hears of. Each row repairs the one before.

use sandkasse_domain::sales_unit::UnitState;
use sandkasse_domain::{
    Minor,
    merchant::Standing,
    sales_unit::{Limits, Product, RateLimits},
};
use sandkasse_testkit::{World, closed, with_member, without_member};

#[tokio::test]
async fn one_defect_is_repaired_at_a_time() {
    let world = World::new().await;
    let outdated = world.person(|person| person.app.outdated = true).await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|facts| facts.rate_limits = RateLimits::Off)
        .await;
    let orgno = shop.unit().facts.merchant.clone();
    shop.initiate("used", 49900).await.ok();
    shop.change(|facts| {
        facts.state = closed();
        facts.products = [Product::Login].into();
        facts.limits = Limits {
            receive: Some(Minor::ZERO),
            request: Some(Minor::ZERO),
            ..Limits::default()
        };
    })
    .await;
    world.set_standing(&orgno, Standing::Blocked).await;

    let body = shop.initiate_body("used", 49900);
    let body = with_member(body, "customerInfo.mobileNumber", "99999999");
    let body = with_member(body, "transaction.skipLandingPage", true);
    let body = with_member(body, "transaction.scope", "nin");
    let body = with_member(body, "transaction.transactionText", "");
    let body = with_member(body, "merchantInfo.merchantSerialNumber", "999999");
    let body = without_member(body, "merchantInfo.fallBack");
    let mut body = with_member(body, "merchantInfo.fallback", "https://example.com/x");
    let expect = async |body: &serde_json::Value, status, group, code, cause| {
        shop.initiate_with(body)
            .await
            .refused(status, group, code, cause);
    };

    expect(&body, 500, "VippsError", "99", "json.member_case").await;
    body = with_member(body, "merchantInfo.fallBack", "https://example.com/x");
    expect(&body, 401, "Merchant", "Unauthorized", "msn.not_yours").await;
    body = with_member(body, "merchantInfo.merchantSerialNumber", shop.msn.as_str());
    expect(&body, 400, "Merchant", "31", "merchant.blocked").await;
    world.set_standing(&orgno, Standing::Active).await;
    expect(&body, 400, "Merchant", "37", "unit.deactivated").await;
    shop.change(|facts| facts.state = UnitState::Active).await;
    expect(&body, 403, "Merchant", "97", "unit.login_only").await;
    shop.change(|facts| facts.products = [Product::Ecom].into())
        .await;
    let text = "transaction.transactionText";
    expect(&body, 400, "InvalidRequest", text, "request.missing").await;
    body = with_member(body, text, "Socks");
    // From here on as README.md, ruling 13, has it.
    expect(&body, 403, "Merchant", "38", "unit.skip_landing_page").await;
    shop.change(|facts| facts.skip_landing_page = true).await;
    expect(&body, 403, "Merchant", "51", "unit.nin").await;
    shop.change(|facts| facts.nin_scope = true).await;
    expect(&body, 400, "Merchant", "32", "limit.receiving").await;
    shop.change(|facts| facts.limits.receive = None).await;
    expect(&body, 400, "Merchant", "33", "limit.request").await;
    shop.change(|facts| facts.limits.request = None).await;
    expect(&body, 400, "Merchant", "34", "order.duplicate").await;
    body = with_member(body, "transaction.orderId", "new");
    expect(&body, 400, "User", "81", "test.real_user").await;
    let number = "customerInfo.mobileNumber";
    body = with_member(body, number, outdated.phone.as_str());
    expect(&body, 400, "User", "82", "user.app_outdated").await;
    body = with_member(body, number, kari.phone.as_str());
    shop.initiate_with(&body).await.ok();
}
