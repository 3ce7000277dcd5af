//! What a token request with the right keys answers, to the byte, and what the token is.

use sandkasse_domain::Environment;
use sandkasse_testkit::{Format, Jwt, Shop, World, days, hours};

const BOTH: [(Environment, i64); 2] =
    [(Environment::Test, 3600), (Environment::Production, 86_400)];

async fn shop_in(world: &World, environment: Environment) -> Shop {
    world.shop(|unit| unit.environment = environment).await
}

#[tokio::test]
async fn tok_01_tok_03_seven_members_that_are_all_strings() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let got = shop.ask_token().send().await;
    let body = got.ok();
    let jwt = body["access_token"].as_str().expect("a string");
    // Noon of 2023-06-13 is 1686657600: plus 3599, and minus 301.
    let expected = format!(
        r#"{{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"0","expires_on":"1686661199","not_before":"1686657299","resource":"00000002-0000-0000-c000-000000000000","access_token":"{jwt}"}}"#
    );
    got.answered(200, &expected, "");
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-store, no-cache"),
        ("pragma", "no-cache"),
        ("expires", "-1"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    // A browser would force HTTPS on every other local server.
    assert_eq!(got.header("strict-transport-security"), None);
    shop.initiate("acme-1", 49_900).await.ok();
}

#[tokio::test]
async fn tok_02_paths_match_in_any_case() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for path in [
        "/accesstoken/get",
        "/accessToken/get",
        "/AccessToken/Get",
        "/ACCESSTOKEN/GET",
        "/accesstoken/get/",
    ] {
        let got = shop.ask_token().to("POST", path).send().await;
        assert_eq!(got.ok()["expires_in"], "3599", "{path}");
        assert_eq!(got.format(), Format::Success);
    }
}

#[tokio::test]
async fn tok_04_tok_05_tok_06_tok_07_times_in_both_environments() {
    let world = World::new().await;
    for (environment, life) in BOTH {
        let shop = shop_in(&world, environment).await;
        // The second round is on a clock that was moved: a token lives on the unit's clock.
        for ahead in [hours(0), days(3)] {
            shop.advance(ahead).await;
            let now = shop.now().as_second();
            let token = shop.ask_token().send().await.ok();
            let seconds = |name: &str| -> i64 {
                let text = token[name].as_str().expect("a string");
                text.parse().expect("digits")
            };
            assert_eq!(seconds("expires_in"), life - 1, "{environment}");
            assert_eq!(seconds("expires_on") - now, seconds("expires_in"));
            assert_eq!(now - seconds("not_before"), 301);
            assert_eq!(seconds("expires_on") - seconds("not_before"), life + 300);
        }
    }
}

#[tokio::test]
async fn tok_08_the_token_is_a_jwt_that_says_who_asked() {
    let world = World::new().await;
    for (environment, _) in BOTH {
        let shop = shop_in(&world, environment).await;
        let body = shop.ask_token().send().await.ok();
        let text = body["access_token"].as_str().expect("a string");
        assert!(text.len() > 1000, "typically more than 1000 characters");
        let jwt = Jwt::read(text);
        assert!(
            jwt.header.starts_with(r#"{"typ":"JWT","alg":"RS256","#),
            "as recorded: {}",
            jwt.header
        );
        for name in ["kid", "x5t"] {
            assert!(jwt.header(name).is_string(), "{name}");
        }
        assert_eq!(jwt.claim("appid"), shop.keys().client_id.as_str());
        assert_eq!(jwt.claim("aud"), body["resource"]);
        assert_eq!(jwt.claim("exp").to_string(), body["expires_on"]);
        assert_eq!(jwt.claim("nbf").to_string(), body["not_before"]);
        assert_eq!(jwt.claim("iat"), jwt.claim("nbf"));
        assert_eq!(jwt.claim("appidacr"), "1");
        assert_eq!(jwt.claim("ver"), "1.0");
        assert_eq!(jwt.claim("env"), environment.name());
        for name in ["iss", "aio", "idp", "tid", "uti"] {
            assert!(jwt.claim(name).is_string(), "{name}");
        }
    }
}

#[tokio::test]
async fn tok_09_the_published_keys_of_its_environment_verify_it() {
    let world = World::new().await;
    let key_set = |environment| world.ask(environment, "GET", "/discovery/keys").send();
    for (environment, _) in BOTH {
        let jwt = Jwt::read(&shop_in(&world, environment).await.token().await);
        let got = key_set(environment).await;
        assert!(jwt.verified_by(&got.ok()), "{environment}");
        assert!(!jwt.verified_by(&key_set(environment.other()).await.ok()));
        let changed = jwt.clone().with_claim("appid", "somebody-else");
        assert!(!changed.verified_by(&got.ok()), "{environment}");
        for secret in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\""] {
            assert!(!got.body.contains(secret), "{secret} is private");
        }
    }
}

#[tokio::test]
async fn tok_10_a_new_token_ends_no_older_one() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    let tokens = [shop.token().await, shop.token().await];
    assert_ne!(tokens[0], tokens[1]);
    for token in &tokens {
        let path = "/ecomm/v2/payments/acme-1/details";
        let ask = shop.ask("GET", path).await;
        let ask = ask.header("Authorization", &format!("Bearer {token}"));
        assert_eq!(ask.send().await.ok()["orderId"], "acme-1");
    }
}

#[tokio::test]
async fn tok_11_any_living_key_of_the_environment_will_do() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let stranger = world.shop(|_| {}).await;
    // A stranger's key fetches a token too; the API that is called tells them apart.
    for key in [shop.keys().secondary, stranger.keys().primary] {
        let ask = shop.ask_token().header("Ocp-Apim-Subscription-Key", &key);
        let token = ask.send().await.ok()["access_token"].clone();
        let jwt = Jwt::read(token.as_str().expect("a string"));
        assert_eq!(jwt.claim("appid"), shop.keys().client_id.as_str());
    }
}

#[tokio::test]
async fn tok_21_what_clients_add_is_ignored() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let form = "application/x-www-form-urlencoded";
    // What the OAuth library of Go sends, then others.
    for (media, body, authorization) in [
        (form, "grant_type=client_credentials", "Basic YTpi"),
        (form, "", "Basic"),
        ("application/json", "{}", "Bearer expired"),
        ("text/plain", "\u{0}nonsense", ""),
    ] {
        let ask = shop.ask_token().header("Content-Type", media).body(body);
        let ask = ask
            .header("Authorization", authorization)
            .header("Content-Length", &body.len().to_string())
            .header("Connection", "close");
        assert_eq!(ask.send().await.ok()["token_type"], "Bearer", "{media}");
    }
}

#[tokio::test]
async fn tok_22_the_msn_is_neither_needed_nor_looked_at() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let stranger = world.shop(|_| {}).await;
    shop.ask_token().send().await.ok();
    for msn in [
        shop.msn.as_str(),
        stranger.msn.as_str(),
        "999999",
        "abc",
        "",
    ] {
        let ask = shop.ask_token().header("Merchant-Serial-Number", msn);
        assert_eq!(ask.send().await.ok()["expires_in"], "3599", "{msn}");
    }
    // Nor are the names of systems, however long.
    let long = "x".repeat(31);
    for name in ["Vipps-System-Name", "Vipps-System-Plugin-Version"] {
        shop.ask_token().header(name, &long).send().await.ok();
    }
}

#[tokio::test]
async fn tok_23_header_names_in_any_case() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let keys = shop.keys();
    for (id, secret, key) in [
        ("client_id", "client_secret", "ocp-apim-subscription-key"),
        ("Client_id", "Client_secret", "Ocp-Apim-Subscription-Key"),
        ("CLIENT_ID", "CLIENT_SECRET", "OCP-APIM-SUBSCRIPTION-KEY"),
    ] {
        let ask = world
            .ask(Environment::Test, "POST", "/accesstoken/get")
            .header(id, &keys.client_id)
            .header(secret, &keys.client_secret)
            .header(key, &keys.primary);
        assert_eq!(ask.send().await.ok()["token_type"], "Bearer", "{id}");
    }
}
