//! Keys that change and tokens that age: what goes on working, and until when.

use jiff::SignedDuration;
use sandkasse_domain::{Environment, keys::KeyName, merchant::Standing};
use sandkasse_testkit::{
    Ask, Format, KEY_INVALID, Shop, TOKEN_REJECTED, World, closed, hours, minutes, seconds,
};

async fn stage() -> (World, Shop) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    (world, shop)
}

/// Details of an order with this token and the unit's own key.
fn details(world: &World, shop: &Shop, token: &str) -> Ask {
    let path = "/ecomm/v2/payments/acme-1/details";
    world
        .ask(shop.environment, "GET", path)
        .header("Authorization", &format!("Bearer {token}"))
        .header("Ocp-Apim-Subscription-Key", &shop.keys().primary)
}

#[tokio::test]
async fn tok_24_an_old_secret_is_dead_at_once() {
    let (_, shop) = stage().await;
    let old = shop.regenerate(KeyName::ClientSecret).await;
    assert_ne!(old, shop.keys().client_secret);
    let got = shop.ask_token().header("client_secret", &old).send().await;
    let text = "Invalid client secret provided.";
    got.refused_identity(
        401,
        "invalid_client",
        7_000_215,
        text,
        "token.secret_regenerated",
    );
    shop.ask_token().send().await.ok();
}

#[tokio::test]
async fn tok_25_one_subscription_key_is_replaced_alone() {
    for name in [
        KeyName::PrimarySubscriptionKey,
        KeyName::SecondarySubscriptionKey,
    ] {
        let (_, shop) = stage().await;
        let before = shop.keys();
        let old = shop.regenerate(name).await;
        let now = shop.keys();
        let with = |key: &str| shop.ask_token().header("Ocp-Apim-Subscription-Key", key);
        with(&old)
            .send()
            .await
            .answered(401, KEY_INVALID, "subkey.regenerated");
        with(&now.primary).send().await.ok();
        with(&now.secondary).send().await.ok();
        let kept = [
            now.primary == before.primary,
            now.secondary == before.secondary,
        ];
        assert_eq!(
            kept,
            [
                name != KeyName::PrimarySubscriptionKey,
                name != KeyName::SecondarySubscriptionKey
            ]
        );
        assert_eq!(
            (now.client_id, now.client_secret),
            (before.client_id, before.client_secret)
        );
    }
}

#[tokio::test]
async fn tok_26_a_token_outlives_the_secret_that_fetched_it() {
    let (world, shop) = stage().await;
    let token = shop.token().await;
    shop.regenerate(KeyName::ClientSecret).await;
    details(&world, &shop, &token).send().await.ok();
    // The last second of its life, and the first after it.
    shop.advance(seconds(3598)).await;
    details(&world, &shop, &token).send().await.ok();
    shop.advance(seconds(1)).await;
    let got = details(&world, &shop, &token).send().await;
    got.answered(401, TOKEN_REJECTED, "token.expired");
}

#[tokio::test]
async fn tok_26_a_deactivated_unit_still_gets_tokens() {
    let (world, shop) = stage().await;
    let token = shop.token().await;
    let merchant = shop.unit().facts.merchant.clone();
    for standing in [
        Standing::Deactivated,
        Standing::Blocked,
        Standing::Unsigned,
        Standing::Active,
    ] {
        world.set_standing(&merchant, standing).await;
        shop.ask_token().send().await.ok();
        details(&world, &shop, &token).send().await.ok();
    }
    shop.change(|unit| unit.state = closed()).await;
    shop.ask_token().send().await.ok();
    details(&world, &shop, &token).send().await.ok();
}

#[tokio::test]
async fn tok_27_an_expired_token_opens_no_api() {
    let (_, shop) = stage().await;
    let get = "GET";
    let mut asks = Vec::new();
    for (method, path) in [
        ("POST", "/ecomm/v2/payments"),
        ("POST", "/ecomm/v2/payments/acme-1/capture"),
        ("PUT", "/ecomm/v2/payments/acme-1/cancel"),
        ("POST", "/ecomm/v2/payments/acme-1/refund"),
        (get, "/ecomm/v2/payments/acme-1/details"),
        (get, "/ecomm/v2/payments/acme-1/status"),
        ("POST", "/ecomm/v2/integration-test/payments/acme-1/approve"),
        (get, "/vipps-userinfo-api/userinfo/abc"),
    ] {
        asks.push(shop.ask(method, path).await);
    }
    shop.advance(hours(1)).await;
    for ask in asks {
        let got = ask.send().await;
        got.answered(401, TOKEN_REJECTED, "token.expired");
        assert_eq!(got.format(), Format::B);
        assert_eq!(got.header("www-authenticate"), None, "the key was fine");
    }
}

#[tokio::test]
async fn tok_27_a_token_ages_by_real_time_and_by_its_units_clock() {
    // How a token ages: its unit's clock, real time, or both; not the clock of another unit.
    const SECONDS: [(i64, i64, i64, u16); 6] = [
        (3598, 0, 0, 200),
        (3599, 0, 0, 401),
        (0, 3598, 0, 200),
        (0, 3599, 0, 401),
        (1800, 1799, 0, 401),
        (0, 0, 7200, 200),
    ];
    for (own, real, others, status) in SECONDS {
        let (world, shop) = stage().await;
        let other = world.shop(|_| {}).await;
        let token = shop.token().await;
        shop.advance(seconds(own)).await;
        world.pass(seconds(real)).await;
        other.advance(seconds(others)).await;
        let got = details(&world, &shop, &token).send().await;
        assert_eq!(got.status, status, "{own} {real} {others}");
        assert_eq!(
            got.cause(),
            if status == 401 { "token.expired" } else { "" }
        );
    }
}

#[tokio::test]
async fn tok_27_tokens_may_survive_an_advance_where_a_unit_says_so() {
    let (world, shop) = stage().await;
    shop.change(|unit| unit.tokens_survive_advance = true).await;
    let token = shop.token().await;
    shop.advance(hours(24 * 181)).await;
    details(&world, &shop, &token).send().await.ok();
    // A token that was fetched after the advance lives as long.
    let later = shop.token().await;
    let life = minutes(60) - seconds(1);
    for (by, status) in [(life - seconds(1), 200), (seconds(1), 401)] {
        world.pass(by).await;
        for token in [&token, &later] {
            let got = details(&world, &shop, token).send().await;
            assert_eq!(got.status, status, "{}", got.body);
        }
    }
}

#[tokio::test]
async fn tok_28_a_token_of_the_other_environment() {
    let (world, shop) = stage().await;
    let live = world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    for (token_of, called) in [(&shop, &live), (&live, &shop)] {
        let token = token_of.token().await;
        let got = details(&world, called, &token).send().await;
        got.answered(401, TOKEN_REJECTED, "env.keys");
        assert_eq!(got.format(), Format::B);
    }
    let a_day: SignedDuration = hours(24) - seconds(2);
    live.initiate("acme-1", 49_900).await.ok();
    let token = live.token().await;
    for (by, status) in [(a_day, 200), (seconds(1), 401)] {
        live.advance(by).await;
        let got = details(&world, &live, &token).send().await;
        assert_eq!(got.status, status, "production tokens live for 24 hours");
    }
}
